/* SPDX-License-Identifier: MIT
 *
 * Tools: the file that a search path gives for a name. "cc" -> /usr/bin/cc -> /usr/bin/x86_64-linux-gnu-gcc-12.
 */
#ifndef TGRAPH_TREE_TOOL_H
#define TGRAPH_TREE_TOOL_H

#include "tree/tree.h"

/* `t` is the tree whose word counts for what lies in its repository; NULL = all is asked of the disk. */

/* Finds an executable regular file for `name` (no slash in it) in the colon-separated `search_path` (an empty part is
 * skipped: the working folder is never searched) and appends its absolute path, links not resolved. */
bool tool_find(struct tree *t, const char *search_path, const char *name, struct buf *out);
/* The interpreter that a script's first line names (execve(2), "#!"): appends an absolute path; for
 * "#!/usr/bin/env [-S] [NAME=VALUE...] NAME" both parts are wanted: appends env's path and sets *env_name (owned by the
 * caller) to NAME. false if the file is no script. `path` is absolute. */
bool tool_interpreter(struct tree *t, const char *path, struct buf *out, char **env_name);

/* Is there a file at an absolute path? */
bool tool_exists(struct tree *t, const char *path);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Repository-relative paths: '/'-separated, no leading or trailing slash, no empty, "." or ".." part; "" is the root.
 * Pure text: nothing here asks the file system.
 */
#ifndef TGRAPH_TREE_PATH_H
#define TGRAPH_TREE_PATH_H

#include "base/buf.h"

enum path_status {
    PATH_OK,
    PATH_OUTSIDE,  /* climbs above the root */
    PATH_ABSOLUTE, /* starts with a single '/' */
    PATH_BAD,      /* holds a NUL or is longer than 4,096 bytes */
};
/* Normalises `path` as written in folder `dir` ("" = root) and appends the result. "//x" is taken from the root.
 * A trailing slash is dropped. */
enum path_status path_resolve(const char *dir, const char *path, struct buf *out);
const char *path_base(const char *path);               /* after the last slash */
void path_dir(const char *path, struct buf *out);      /* before the last slash, "" if there is none; appends */
bool path_is_below(const char *path, const char *dir); /* path == dir, or inside; everything is below "" */
bool path_has_wildcard(const char *s);                 /* any of * ? [ { */

#endif

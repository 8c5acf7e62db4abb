/* SPDX-License-Identifier: MIT
 *
 * Which paths git ignores, by the rules of gitignore(5): the .gitignore files of the tree, and .git/info/exclude.
 * The user's global excludes (core.excludesFile) do not count: they differ between machines. Files that git tracks
 * although a rule ignores them count as ignored here; docs/testfile.md says so.
 *
 * The engine has its own matcher because asking libgit2 costs 9 ms to load and works on a checkout only.
 */
#ifndef TGRAPH_TREE_IGNORE_H
#define TGRAPH_TREE_IGNORE_H

#include "tree/tree.h"

/* The parsed patterns of one file. Matching uses scratch space inside: one thread at a time. */
struct ignore_rules;
struct ignore_rules *ignore_parse(const char *text, size_t len);
void ignore_rules_free(struct ignore_rules *r);
/* `rel` is relative to the folder of the rules' file. 1 = ignored, 0 = re-included by a ! rule, -1 = no match. */
int ignore_match(const struct ignore_rules *r, const char *rel, bool is_dir);
/* The same for a text of known length whose last part starts at `base`. */
int ignore_match_at(const struct ignore_rules *r, const char *rel, size_t len, size_t base, bool is_dir);
bool ignore_is_empty(const struct ignore_rules *r); /* no rule in it can match anything */

#endif

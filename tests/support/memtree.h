/* SPDX-License-Identifier: MIT
 *
 * A tree in memory, for tests of everything that reads files through tree/tree.h.
 *
 *     struct tree *t = memtree_new();
 *     memtree_file(t, "src/a.c", "int a;");        // makes src
 *     memtree_add(t, "src/link", ENTRY_LINK);      // no text: cannot be read
 *     memtree_fail(t, "src", "T403");              // listing or reading it fails with that code
 *     memtree_lists(t, "src")                      // how often it was listed
 *     tree_free(t);
 *
 * A linear table: meant for up to a few thousand entries.
 */
#ifndef TGRAPH_TESTS_MEMTREE_H
#define TGRAPH_TESTS_MEMTREE_H

#include "tree/tree.h"

struct tree *memtree_new(void);
/* Adds or replaces; missing parents become folders. */
void memtree_file(struct tree *t, const char *path, const char *text);
void memtree_add(struct tree *t, const char *path, enum entry_type type);
void memtree_remove(struct tree *t, const char *path);                 /* and what is below it */
void memtree_fail(struct tree *t, const char *path, const char *code); /* code NULL: no more */
/* How often an operation was asked; of all paths when path is NULL. */
size_t memtree_lists(const struct tree *t, const char *path);
size_t memtree_reads(const struct tree *t, const char *path);
size_t memtree_types(const struct tree *t, const char *path);

#endif

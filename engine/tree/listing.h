/* SPDX-License-Identifier: MIT
 *
 * Filling folder listings, for the tree views and for stamps. Private to tree/ and to the tests' tree in memory.
 *
 *     struct tree_listing l;
 *     listing_init(&l);
 *     listing_add(&l, "a.c", ENTRY_FILE);
 *     listing_sort(&l);
 *     struct digest d = listing_digest(&l, &hasher);
 *     tree_listing_clear(&l);
 */
#ifndef TGRAPH_TREE_LISTING_H
#define TGRAPH_TREE_LISTING_H

#include "base/hash.h"
#include "tree/tree.h"

#include <sys/stat.h>

void listing_init(struct tree_listing *l);
void listing_add(struct tree_listing *l, const char *name, enum entry_type type);
void listing_sort(struct tree_listing *l);
/* Names and types of a sorted listing, FILE and EXEC alike: whether the owner may execute a file is not the folder's
 * affair, and a listing cannot always tell. `.tgraph` is left out: the first run must not look like a change. */
struct digest listing_digest(const struct tree_listing *l, struct hasher *scratch);
/* Reads the folder open at `fd` (which it closes in any case) and sorts. Returns 0 or an errno. */
int listing_read(int fd, struct tree_listing *l);

enum entry_type entry_type_of(const struct stat *sb);

#endif

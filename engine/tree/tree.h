/* SPDX-License-Identifier: MIT
 *
 * A tree is what the loader sees of the files. One interface, several views: the work tree (tree_worktree_new), a
 * table in memory for tests (tests/support), any git revision or the index (tree/snapshot.h). Paths are repository-relative (tree/path.h).
 *
 * Errors: T401 cannot read, T402 too large, T403 a folder cannot be listed, T404 there is no folder of that name (a
 * file or a link that leads nowhere is none either).
 *
 * Threads: a tree belongs to one thread.
 */
#ifndef TGRAPH_TREE_TREE_H
#define TGRAPH_TREE_TREE_H

#include "base/err.h"

enum entry_type {
    ENTRY_NONE = 0, /* nothing there */
    ENTRY_FILE,     /* a regular file */
    ENTRY_EXEC,     /* a regular file that its owner may execute */
    ENTRY_LINK,     /* a symbolic link */
    ENTRY_DIR,
    ENTRY_OTHER, /* socket, device, ... */
};

struct tree_entry {
    const char *name;
    enum entry_type type; /* ENTRY_FILE stands for ENTRY_EXEC too where the listing cannot tell */
};
struct tree_listing {
    struct tree_entry *v; /* sorted by name, bytewise; "." and ".." are left out */
    size_t n, cap;
    struct arena names;
};
void tree_listing_clear(struct tree_listing *l);

struct tree;
struct tree_ops {
    enum entry_type (*type)(struct tree *t, const char *path);
    /* Follows a link to a folder. `out` starts empty (all zero). */
    bool (*list)(struct tree *t, const char *dir, struct tree_listing *out, struct err *e);
    bool (*read)(struct tree *t, const char *path, size_t max_bytes, struct buf *out, struct err *e); /* appends */
    void (*free)(struct tree *t);
    /* What `list` leaves out although it is there to be seen by name: ignored files, in the view of a revision
     * (tree/snapshot.h). NULL: it leaves out nothing. `out` as for list. */
    bool (*list_ignored)(struct tree *t, const char *dir, struct tree_listing *out, struct err *e);
    /* Where an absolute path leads into the tree's repository: its type there, links followed, and the first bytes of a
     * file (appended to head, which may be NULL). false: it does not, and the disk says. NULL: the disk always says. */
    bool (*absolute)(struct tree *t, const char *path, enum entry_type *type, struct buf *head);
};
struct tree {
    const struct tree_ops *ops; /* first member of every view's struct */
};
static inline enum entry_type tree_type(struct tree *t, const char *path) { return t->ops->type(t, path); }
static inline bool tree_list(struct tree *t, const char *dir, struct tree_listing *out, struct err *e)
{
    return t->ops->list(t, dir, out, e);
}
static inline bool tree_read(struct tree *t, const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
    return t->ops->read(t, path, max_bytes, out, e);
}
static inline void tree_free(struct tree *t) { t->ops->free(t); }

struct tree *tree_worktree_new(const char *root); /* absolute path of the repository */

#endif

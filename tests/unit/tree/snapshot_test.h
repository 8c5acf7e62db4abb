/* SPDX-License-Identifier: MIT
 *
 * What the tests of snapshots share: one open snapshot, and the stamps of a work tree as a reference. */
#ifndef TESTS_UNIT_TREE_SNAPSHOT_TEST_H
#define TESTS_UNIT_TREE_SNAPSHOT_TEST_H

#include "git_test.h"

#include "tree/snapshot.h"

static struct repo *r;
static struct tree *t;
static const struct snapshot_reference no_reference;

static inline void look_at(const char *name)
{
    struct err e = ERR_INIT;
    r = opened();
    t = name ? snapshot_commit(r, id_of_commit(name), &e) : snapshot_index(r, &e);
    if (!t)
        fail_msg("%s: %s", e.code, e.msg);
}
static inline void look_away(void)
{
    tree_free(t);
    repo_close(r);
}

static inline void expect_type(const char *path, enum entry_type type)
{
    if (tree_type(t, path) != type)
        fail_msg("%s has type %d, not %d", path, tree_type(t, path), type);
}

/* What the work tree's own stamps say, as the workspace would. */
struct known {
    const struct strvec *paths;
    struct file_state *states;
};
static inline const struct file_state *state_of(void *ctx, const char *path)
{
    struct known *k = ctx;
    for (size_t i = 0; i < k->paths->n; i++)
        if (strcmp(k->paths->v[i], path) == 0)
            return &k->states[i];
    return NULL;
}
static inline void stamp_work_tree(struct known *k, const struct strvec *paths)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    k->paths = paths;
    k->states = mem_calloc(paths->n + 1, sizeof *k->states);
    for (size_t i = 0; i < paths->n; i++)
        stamp_update(fd, *paths->v[i] ? paths->v[i] : ".", &k->states[i], NULL);
    close(fd);
}

#endif

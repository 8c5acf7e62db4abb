/* SPDX-License-Identifier: MIT
 *
 * The graph of a revision: the Testfiles loaded over a snapshot (tree/snapshot.h), with the static keys that a checkout of
 * it would have. Loads are kept in .tgraph/base-<tree id>: the same tree is not loaded twice.
 *
 *     struct revision r;
 *     if (revision_load(&r, ws, repo, tree, &reference, &errs)) {
 *         revision_keys(&r, ws, &reference);
 *         ... r.keys.static_key[n] ...
 *     }
 *     revision_clear(&r);
 */
#ifndef TGRAPH_RUN_REVISION_H
#define TGRAPH_RUN_REVISION_H

#include "run/workspace.h"
#include "tree/snapshot.h"

struct revision {
    struct tree *tree; /* borrowed */
    struct graph g;
    struct key_context keys; /* after revision_keys */
    bool have_keys;
    bool from_cache;
    struct record rec;
    struct frozen frozen; /* backs g and rec if from_cache */
    char *copy;           /* backs g and rec if they are the workspace's */
    char *to_keep;        /* the file that it is to be kept in; NULL */
    int64_t started_ns;   /* when loading began */
};

/* false: errs says what is wrong in which Testfile of the revision, or which object is missing. A revision without a
 * Testfile at the root has no targets. ref: with a state, the workspace's graph may serve, if it comes to the same. */
bool revision_load(struct revision *r, struct workspace *ws, struct repo *repo, struct tree *tree,
                   const struct snapshot_reference *ref, struct errlist *errs);
/* Is there a file for it? */
bool revision_is_kept(const struct workspace *ws, const struct tree *tree);
/* Digests of all files, then static keys; writes the file if it was not loaded from there. The workspace gives PATH, HOME
 * and the platform. */
void revision_keys(struct revision *r, struct workspace *ws, const struct snapshot_reference *ref);
void revision_clear(struct revision *r);

#endif

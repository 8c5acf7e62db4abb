/* SPDX-License-Identifier: MIT
 *
 * Manifests: what a key was made of, as text, kept with each result so that `why` can name what changed.
 *
 * Format: the line "tgraph-manifest 1", then one fact a line: a word for the kind, a digest of 32 digits (or "unset"), and
 * the name:
 *     cmd 0123...                       tool 0123... cc
 *     cwd 0123...                       file 0123... x src/run.sh      (type letter: f x l d - ?)
 *     env 0123... NAME                  read 0123... f src/a.h         (by the depfile)
 *     path, home, platform, rest        names 0123...                  (of may_read)
 *     set 0123...                       (a blob of file lines: an input set of more than 16 files)
 *     dep 0123... label                 out 0123... label path
 */
#ifndef TGRAPH_RUN_MANIFEST_H
#define TGRAPH_RUN_MANIFEST_H

#include "run/workspace.h"

/* The manifest of a node whose key was just computed. Sets of many files go to the store as blobs of their own if
 * `store` is not NULL (within a transaction), each once a process; without a store they are written out. */
void manifest_build(struct workspace *ws, node_id n, struct store *store, struct buf *out);

struct manifest_change {
    char kind[12];                                       /* "file", "env", "tool", "dep", ... as above */
    char *name;                                          /* "" for the kinds that have none */
    char old_digest[DIGEST_HEX], new_digest[DIGEST_HEX]; /* "" = was not there, is no longer there; or "unset" */
};
struct manifest_diff {
    struct manifest_change *v;
    size_t n, cap;
};
/* What differs; sets are read from the store and compared file by file. */
void manifest_compare(struct store *store, const struct buf *old_text, const struct buf *new_text,
                      struct manifest_diff *out);
void manifest_diff_clear(struct manifest_diff *d);
/* "src/a.c changed", "3 files changed: a, b, c", "environment variable X changed"; "" if nothing differs. */
void manifest_summary(const struct manifest_diff *d, struct buf *out);
/* "file src/a.c", "environment variable X", "output of gen (build/x)" */
void manifest_change_name(const struct manifest_change *c, struct buf *out);

#endif

/* SPDX-License-Identifier: MIT
 *
 * list --format github-matrix: one line of JSON for `strategy.matrix: ${{ fromJSON(...) }}` of a GitHub workflow
 * (GitHub Docs, "Running variations of jobs in a workflow"). Each object of `include` becomes a job.
 *
 *     {"include":[{"target":"services/api:unit","kind":"test"},...]}
 *     {"include":[{"shard":"1/4@1a2b3c4d","targets":12,"duration_ms":34000},...]}      with --shards 4
 *
 * Nothing selected gives {"include":[]}, to the byte. GitHub fails a job whose matrix is empty, so a workflow asks
 * first, as `if` is looked at before the matrix is made:
 *
 *     if: needs.plan.outputs.matrix != '{"include":[]}'
 *
 * A label may hold what a folder's name holds. A workflow hands it over as an environment variable (`env: TARGET:
 * ${{ matrix.target }}`) and not within the text of a script.
 */
#ifndef TGRAPH_CLI_MATRIX_H
#define TGRAPH_CLI_MATRIX_H

#include "base/err.h"
#include "query/shard.h"

#define MATRIX_MAX_JOBS 256 /* GitHub Docs, "Workflow syntax": so many jobs of a matrix per workflow run */

struct matrix_target {
    const char *label;
    const char *kind; /* "test" */
};

/* Append one line with its newline. More than MATRIX_MAX_JOBS jobs: nothing is appended, false, and a T020 error whose
 * hint has the way out. */
bool matrix_targets(struct buf *out, const struct matrix_target *v, size_t n, struct err *e);

/* One job for each shard that is not empty. `duration_ms` is what its targets are expected to take one after the other,
 * those of unknown duration counted as the median; 0 if no duration is known. n_shards as for shard_split. */
bool matrix_shards(struct buf *out, const struct shard_item *v, size_t n, uint32_t n_shards, struct err *e);

#endif

/* SPDX-License-Identifier: MIT
 *
 * --shard I/N: splits targets over machines so that all of them end at about the same time. Pure; every target is in
 * exactly one shard; the same targets and durations give the same split, in whatever order they come.
 *
 *     struct digest plan;
 *     shard_split(items, n, 4, shard_of, &plan);
 *     if (!shard_plan_is(plan, wanted_hex))    // of I/N@PLAN: this machine knows other targets or durations
 *         refuse();                            // running "its" part could leave a target to nobody
 *     run(the items with shard_of[i] == index);
 *
 * Longest processing time first (R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969): the longest target
 * goes to the shard that has least to do; no shard takes more than 4/3 of what the best split takes, in the durations as
 * they are used. These are rounded to 4, 6, 8, 12, 16, 24, ... ms, so that small noise gives the same split; a target of
 * unknown duration counts as the median of the known ones, and where none is known all count the same: then the sizes
 * of the shards differ by at most one.
 */
#ifndef TGRAPH_QUERY_SHARD_H
#define TGRAPH_QUERY_SHARD_H

#include "base/err.h"
#include "base/hash.h"

#define SHARD_MAX 10000  /* shards */
#define SHARD_PLAN_HEX 9 /* characters of a plan as people see it, with the NUL */

struct shard_item {
    const char *label;    /* unique */
    uint64_t duration_ms; /* 0 = unknown */
};

/* Writes for each item its shard, 1 to n_shards. `plan` (may be NULL) is a digest of the split, that is of each label
 * with its shard, and of n_shards: two machines that have the same plan have the same split. */
void shard_split(const struct shard_item *v, size_t n, uint32_t n_shards, uint32_t *shard_of, struct digest *plan);

/* What an unknown duration counts as; 0 if none is known. */
uint64_t shard_unknown_ms(const struct shard_item *v, size_t n);

/* The first 8 digits, for I/N@PLAN. */
void shard_plan_hex(struct digest plan, char out[SHARD_PLAN_HEX]);
/* wanted: what shard_parse gave; "" is any. */
bool shard_plan_is(struct digest plan, const char *wanted);

/* "2/4" or "2/4@1a2b3c4d": 1 <= index <= count <= SHARD_MAX; plan_hex is "" or 8 lower-case digits. Else false and a T002
 * error with a hint. */
bool shard_parse(const char *text, uint32_t *index, uint32_t *count, char plan_hex[SHARD_PLAN_HEX], struct err *e);

#endif

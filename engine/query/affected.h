/* SPDX-License-Identifier: MIT
 *
 * Why targets are affected: what differs between the two sides of --since, and the shortest path from an edit to a
 * target.
 *
 *     struct affected a;
 *     affected_open(&a, &since);
 *     affected_reason(&a, n, &reason);     // "src/a.c changed"
 *     affected_path(&a, n, &path);         // "src/a.c", "lib", "app", "unit"
 *     affected_close(&a);
 */
#ifndef TGRAPH_QUERY_AFFECTED_H
#define TGRAPH_QUERY_AFFECTED_H

#include "run/since.h"

struct affected {
    struct since *s;
    node_id *via; /* per node of s->now: the dependency on the shortest path to an edit; ID_NONE: differs by itself */
    uint32_t *length; /* edges of that path; UINT32_MAX: not affected */
    struct map pairs; /* two sets -> index into diffs */
    struct set_diff {
        str_id path;      /* the first file that differs */
        bool from_before; /* path is in s->before.g.strs, else in s->now->strs */
        uint8_t how;      /* enum how of affected.c */
        uint32_t count;
    } * diffs;
    uint32_t n_diffs, cap_diffs;
};

/* After since_compare; `s` stays open as long. */
void affected_open(struct affected *a, struct since *s);
void affected_close(struct affected *a);
/* One line. Appends nothing for a target that is not affected. */
void affected_reason(struct affected *a, node_id n, struct buf *out);
/* Appends the edit - a file, or what else there is to name - and the labels from there to n. */
void affected_path(struct affected *a, node_id n, struct strvec *out);

#endif

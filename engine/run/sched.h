/* SPDX-License-Identifier: MIT
 *
 * The ready queue: nodes that have to run, by priority, and the things that they share: slots of -j, pools, exclusive
 * resources. Pure data: no threads, no clock.
 *
 *     sched_push(s, n, priority);
 *     while ((n = sched_pop(s)) != ID_NONE) start(n);      // n holds its slots and resources now
 *     ... n ends ...
 *     sched_release(s, n);                                  // then pop again
 *
 * Order: highest priority first, lower id first among equals. A node whose pool or resource is taken steps aside for
 * those behind it. A node that wants more slots than are free, or to be alone, holds the others back until it can start:
 * it would never get its turn otherwise.
 */
#ifndef TGRAPH_RUN_SCHED_H
#define TGRAPH_RUN_SCHED_H

#include "graph/graph.h"

struct sched;
struct sched *sched_new(const struct graph *g, uint32_t slots);
/* More or fewer slots from now on. What one node gets at most stays what sched_new was told. */
void sched_set_slots(struct sched *s, uint32_t slots);
void sched_free(struct sched *s);
void sched_push(struct sched *s, node_id n, int64_t priority);
node_id sched_pop(struct sched *s); /* ID_NONE: nothing can start now */
/* Gives back what a popped node holds. */
void sched_release(struct sched *s, node_id n);
uint32_t sched_running(const struct sched *s); /* popped and not released */
size_t sched_waiting(const struct sched *s);   /* pushed and not popped */
/* Takes out any waiting node; ID_NONE when none is left. For --fail-fast and interrupts. */
node_id sched_drop(struct sched *s);

#endif

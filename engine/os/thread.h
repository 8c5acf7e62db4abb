/* SPDX-License-Identifier: MIT
 * Threads: how many processors this process may use, and a loop over an index range in parallel. */
#ifndef TGRAPH_OS_THREAD_H
#define TGRAPH_OS_THREAD_H

#include <stdbool.h>
#include <stddef.h>

/* The processors this process may use: the scheduling affinity, cut by the cgroup v2 (cpu.max, every level up to the
 * root) or v1 (cpu.cfs_quota_us) quota, rounded up; at least 1. */
int cpu_count(void);
/* The cgroup part of it: the least quota, 0 = none. `root` is put in front of every path that is read; "" outside tests. */
int cpu_quota_below(const char *root);

/* Calls fn(arg, begin, end) on disjoint chunks of [0, n) from up to n_threads threads (the caller is one of them) and
 * returns when all are done. Runs in the caller alone when n < min_chunk or n_threads is 1. Chunks are handed out
 * dynamically, at least min_chunk long. */
void parallel_for(size_t n, size_t min_chunk, int n_threads, void (*fn)(void *arg, size_t begin, size_t end),
                  void *arg);

#endif

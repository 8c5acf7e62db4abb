/* SPDX-License-Identifier: MIT
 * Clocks. Nanoseconds fit 292 years in an int64. */
#ifndef TGRAPH_OS_CLOCK_H
#define TGRAPH_OS_CLOCK_H
#include <stdint.h>

int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC: durations and deadlines */
int64_t clock_real_ns(void); /* CLOCK_REALTIME since 1970: comparable with file times */

#endif

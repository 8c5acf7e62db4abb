/* SPDX-License-Identifier: MIT
 * Clocks. Nanoseconds fit 292 years in an int64. */
#ifndef TGRAPH_OS_CLOCK_H
#define TGRAPH_OS_CLOCK_H
#include <stdint.h>

int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC: durations and deadlines */
int64_t clock_real_ns(void); /* CLOCK_REALTIME since 1970: comparable with file times */

/* Deadlines on CLOCK_MONOTONIC; INT64_MAX = never. */
int64_t clock_deadline_ns(int64_t ms_from_now);      /* less than 0 is 0 */
int clock_poll_ms(int64_t deadline_ns, int most_ms); /* for poll: rounded up, so that it has passed when poll returns;
                                                              most_ms < 0 = no other limit */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Both clocks of POSIX in nanoseconds. */
#include "os/clock.h"

#include <time.h>

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_mono_ns(void) { return now_ns(CLOCK_MONOTONIC); }
int64_t clock_real_ns(void) { return now_ns(CLOCK_REALTIME); }

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

int64_t clock_deadline_ns(int64_t ms)
{
    int64_t now = clock_mono_ns();
    return ms > (INT64_MAX - now) / 1000000 ? INT64_MAX : now + (ms < 0 ? 0 : ms) * 1000000;
}

int clock_poll_ms(int64_t deadline_ns, int most_ms)
{
    if (deadline_ns == INT64_MAX)
        return most_ms;
    int64_t left = deadline_ns - clock_mono_ns();
    int64_t ms = left <= 0 ? 0 : (left - 1) / 1000000 + 1;
    if (ms > INT32_MAX)
        ms = INT32_MAX;
    return most_ms >= 0 && ms > most_ms ? most_ms : (int)ms;
}

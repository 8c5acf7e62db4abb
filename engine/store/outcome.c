/* SPDX-License-Identifier: MIT
 * The names of outcomes, as events and `list --json` print them. */
#include "store/store.h"

const char *outcome_name(enum outcome o)
{
    switch (o) {
    case OUTCOME_NONE:
        return "none";
    case OUTCOME_PASSED:
        return "passed";
    case OUTCOME_FAILED:
        return "failed";
    case OUTCOME_FLAKY:
        return "flaky";
    case OUTCOME_SKIPPED:
        return "skipped";
    case OUTCOME_TIMED_OUT:
        return "timed_out";
    case OUTCOME_CRASHED:
        return "crashed";
    case OUTCOME_ERROR:
        return "error";
    }
    return "none";
}

const char *case_mark_name(enum case_mark m)
{
    switch (m) {
    case MARK_NONE:
        return "";
    case MARK_SKIPPED:
        return "skipped";
    case MARK_XFAILED:
        return "xfailed";
    case MARK_XPASSED:
        return "xpassed";
    }
    return "";
}

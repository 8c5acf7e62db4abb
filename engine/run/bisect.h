/* SPDX-License-Identifier: MIT
 *
 * Which of the cases before it make a case fail? Asks `try` about some of them after the other. Knows nothing of workers.
 *
 *     struct bisect b = {.n = 500, .try = serve_them_and_the_case, .ctx = ..., .max_trials = 200};
 *     bisect_find(&b);
 *     if (b.result == BISECT_FOUND) ... b.found[0 .. b.n_found) ...
 *     bisect_clear(&b);
 *
 * Course: none of them has to pass and all of them to fail. Then halves, as if one alone were to blame: log2(n) trials.
 * Where that one alone is not enough, the k that are needed are peeled off the smallest list seen to fail: k log2(n) trials. If
 * each case only ever adds to the trouble that is all; in any case ddmin (Zeller and Hildebrandt, Simplifying and Isolating
 * Failure-Inducing Input, IEEE TSE 28(2), 2002) makes sure that none is left that could go. What was found has to fail once more, and none of them to pass once
 * more: a case that fails at random is not blamed on another.
 */
#ifndef TGRAPH_RUN_BISECT_H
#define TGRAPH_RUN_BISECT_H

#include "base/mem.h"

enum bisect_verdict {
    TRIAL_PASSES,
    TRIAL_FAILS,
    TRIAL_UNSURE, /* it did not come to the case */
    TRIAL_STOP,   /* interrupted, or there can be no further trial */
};

enum bisect_result {
    BISECT_FOUND,
    BISECT_ALONE,     /* fails alone too */
    BISECT_NOT_AFTER, /* not after all of them either: tried BISECT_TRIES times */
    BISECT_FLAKY,     /* `found` failed once, and passed another time; or none of them passed once and failed later */
    BISECT_STOPPED,
};
#define BISECT_TRIES 3

struct bisect {
    uint32_t n; /* cases before it */
    /* `which`: ascending numbers below n. */
    enum bisect_verdict (*try)(void *ctx, const uint32_t *which, uint32_t n_which);
    void *ctx;
    uint32_t max_trials; /* of the search; the few before and after it come on top */
    /* -------- filled by bisect_find -------- */
    enum bisect_result result;
    uint32_t *found, n_found; /* owned */
    bool minimal;             /* with any one of `found` left out it passes; false: max_trials were not enough to say */
    uint32_t trials;
};
void bisect_find(struct bisect *b);
void bisect_clear(struct bisect *b);

#endif

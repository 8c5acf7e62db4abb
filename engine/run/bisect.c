/* SPDX-License-Identifier: MIT
 *
 * Invariant of the search: `found` is a list that a trial has seen fail. */
#include "run/bisect.h"

#include <string.h>

static enum bisect_verdict try_list(struct bisect *b, const uint32_t *v, uint32_t n)
{
    b->trials++;
    return b->try(b->ctx, v, n);
}

/* Of the search: counts against its limit. */
static enum bisect_verdict try_some(struct bisect *b, uint32_t *left, const uint32_t *v, uint32_t n)
{
    (*left)--;
    return try_list(b, v, n);
}

static void keep(struct bisect *b, const uint32_t *v, uint32_t n)
{
    memmove(b->found, v, n * sizeof *v);
    b->n_found = n;
}

/* As if there were one culprit: where one half does not have it the other must, and need not be tried. The later half
 * first: the nearer a case, the likelier. false: TRIAL_STOP. */
static bool halve(struct bisect *b, uint32_t *left)
{
    uint32_t *v = mem_resize(NULL, b->n_found + 1, sizeof *v), n = b->n_found;
    enum bisect_verdict last = TRIAL_FAILS; /* of v itself */
    memcpy(v, b->found, n * sizeof *v);
    while (n > 1 && *left && last != TRIAL_STOP) {
        uint32_t half = n / 2;
        last = try_some(b, left, v + half, n - half);
        if (last == TRIAL_FAILS) {
            memmove(v, v + half, (n - half) * sizeof *v);
            n -= half;
            keep(b, v, n);
        } else {
            n = half; /* supposed */
        }
    }
    if (n == 1 && b->n_found > 1 && *left && last != TRIAL_STOP) {
        last = try_some(b, left, v, n);
        if (last == TRIAL_FAILS)
            keep(b, v, n);
    }
    mem_free(v);
    return last != TRIAL_STOP;
}

/* Several are needed. From the front: the shortest end of the list that still fails begins with one of them; with that one held,
 * the same is asked of what follows it: log2(n) trials for each. */
static bool peel(struct bisect *b, uint32_t *left)
{
    uint32_t *v = mem_resize(NULL, b->n_found + 1, sizeof *v);
    uint32_t n_held = 0; /* of `found`, at its beginning */
    enum bisect_verdict is = TRIAL_PASSES;
    while (*left && n_held < b->n_found) {
        if (n_held && (is = try_some(b, left, b->found, n_held)) == TRIAL_FAILS)
            b->n_found = n_held;
        if (is == TRIAL_FAILS || is == TRIAL_STOP)
            break;
        /* With the end that begins at n_held it fails, without any it passes. */
        for (uint32_t hi = b->n_found; *left && is != TRIAL_STOP && hi - n_held > 1;) {
            uint32_t mid = n_held + (hi - n_held) / 2;
            memcpy(v, b->found, n_held * sizeof *v);
            memcpy(v + n_held, b->found + mid, (b->n_found - mid) * sizeof *v);
            is = try_some(b, left, v, n_held + b->n_found - mid);
            if (is == TRIAL_FAILS) {
                hi -= mid - n_held;
                keep(b, v, n_held + b->n_found - mid);
            } else {
                hi = mid;
            }
        }
        if (is == TRIAL_STOP)
            break;
        n_held++;
    }
    mem_free(v);
    return is != TRIAL_STOP;
}

/* Part i of n cut into `parts`: where it begins. */
static uint32_t part_at(uint32_t n, uint32_t parts, uint32_t i) { return (uint32_t)((uint64_t)n * i / parts); }

/* One round of ddmin: does a part of `found` fail, or `found` without one? The last part first. */
static enum bisect_verdict try_parts(struct bisect *b, uint32_t *left, uint32_t parts, bool without, uint32_t *v)
{
    for (uint32_t i = parts; i-- > 0 && *left;) {
        uint32_t from = part_at(b->n_found, parts, i), to = part_at(b->n_found, parts, i + 1), n = 0;
        for (uint32_t k = 0; k < b->n_found; k++)
            if ((k >= from && k < to) != without)
                v[n++] = b->found[k];
        enum bisect_verdict is = try_some(b, left, v, n);
        if (is == TRIAL_FAILS)
            keep(b, v, n);
        if (is == TRIAL_FAILS || is == TRIAL_STOP)
            return is;
    }
    return TRIAL_PASSES;
}

static bool ddmin(struct bisect *b, uint32_t *left)
{
    uint32_t *v = mem_resize(NULL, b->n_found + 1, sizeof *v), parts = 2;
    enum bisect_verdict is = TRIAL_PASSES;
    while (b->n_found > 1 && *left && is != TRIAL_STOP) {
        is = try_parts(b, left, parts, false, v);
        if (is == TRIAL_FAILS) {
            parts = 2;
            continue;
        }
        if (is == TRIAL_PASSES && parts > 2) /* of two parts, the others are the parts themselves */
            is = try_parts(b, left, parts, true, v);
        if (is == TRIAL_FAILS) {
            parts = parts > 3 ? parts - 1 : 2;
        } else if (is == TRIAL_PASSES) {
            if (parts >= b->n_found) {
                b->minimal = *left > 0; /* else the round may not have been whole */
                break;
            }
            parts = parts * 2 < b->n_found ? parts * 2 : b->n_found;
        }
    }
    mem_free(v);
    return is != TRIAL_STOP;
}

static enum bisect_result find(struct bisect *b)
{
    enum bisect_verdict is = try_list(b, b->found, 0);
    if (is != TRIAL_PASSES)
        return is == TRIAL_FAILS ? BISECT_ALONE : BISECT_STOPPED;
    for (int i = 0; i < BISECT_TRIES && is != TRIAL_FAILS; i++) {
        is = try_list(b, b->found, b->n);
        if (is == TRIAL_STOP)
            return BISECT_STOPPED;
    }
    if (is != TRIAL_FAILS)
        return BISECT_NOT_AFTER;
    b->n_found = b->n;
    uint32_t left = b->max_trials;
    if (!halve(b, &left) || !peel(b, &left) || !ddmin(b, &left))
        return BISECT_STOPPED;
    b->minimal = b->minimal || b->n_found == 1;
    enum bisect_verdict again = try_list(b, b->found, b->n_found);
    enum bisect_verdict alone = again == TRIAL_STOP ? again : try_list(b, b->found, 0);
    if (again == TRIAL_STOP || alone == TRIAL_STOP)
        return BISECT_STOPPED;
    return again == TRIAL_FAILS && alone == TRIAL_PASSES ? BISECT_FOUND : BISECT_FLAKY;
}

void bisect_find(struct bisect *b)
{
    b->found = mem_resize(NULL, b->n + 1, sizeof *b->found);
    for (uint32_t i = 0; i < b->n; i++)
        b->found[i] = i;
    b->n_found = b->trials = 0;
    b->minimal = false;
    b->result = find(b);
}

void bisect_clear(struct bisect *b)
{
    mem_free(b->found);
    b->found = NULL;
    b->n_found = 0;
}

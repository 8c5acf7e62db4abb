/* SPDX-License-Identifier: MIT
 *
 * Any bytes as results: in whatever pieces they come, the outcome is the same, its sizes hold, and what is no pass stays none
 * when the process exits with another status. */
#ifndef TESTS_FUZZ_RESULTS_FUZZ_H
#define TESTS_FUZZ_RESULTS_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "worker/results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_results(enum results_format f, const uint8_t *data, size_t size, size_t step, struct results *out)
{
    struct results_reader *r = results_reader_new(f);
    struct buf shown = BUF_INIT;
    for (size_t i = 0; i < size; i += step) {
        size_t n = step < size - i ? step : size - i;
        char *copy = mem_alloc(n); /* so that reading beyond the end shows */
        memcpy(copy, data + i, n);
        results_reader_feed(r, 1, copy, n, &shown);
        mem_free(copy);
    }
    results_reader_end(r, out, &shown);
    buf_clear(&shown);
}

static bool same_text(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static void fuzz_results(enum results_format f, const uint8_t *data, size_t size)
{
    struct results whole, parts;
    struct results_verdict v, w, bad;
    read_results(f, data, size, size ? size : 1, &whole);
    read_results(f, data, size, size % 7 + 1, &parts);
    results_judge(&whole, 0, true, &v);
    results_judge(&parts, 0, true, &w);
    results_judge(&whole, 1, false, &bad);
    if (v.outcome != w.outcome || v.mark != w.mark || whole.n != parts.n || whole.n_all != parts.n_all)
        abort();
    /* Expat may see a fault sooner or later, but not another one first. */
    if (f != RESULTS_JUNIT && !same_text(v.message, w.message))
        abort();
    if (bad.outcome == OUTCOME_PASSED ||
        (v.outcome == OUTCOME_PASSED && (whole.problem || whole.n_failed || whole.n_errors)))
        abort();
    for (size_t i = 0; i < whole.n; i++) {
        const struct result *r = &whole.v[i];
        if (!*r->name || strpbrk(r->name, "\n\r") || strlen(r->name) > 2 * RESULTS_NAME_BYTES + 16 ||
            (r->message && strlen(r->message) > RESULTS_MESSAGE_BYTES + 16))
            abort();
    }
    results_verdict_clear(&v);
    results_verdict_clear(&w);
    results_verdict_clear(&bad);
    results_clear(&whole);
    results_clear(&parts);
}

#endif

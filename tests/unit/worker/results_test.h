/* SPDX-License-Identifier: MIT
 *
 * Reads a text in one format, in pieces of every size, and says what came of it. */
#ifndef TESTS_UNIT_RUN_RESULTS_TEST_H
#define TESTS_UNIT_RUN_RESULTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/results.h"

static inline const char *word_of(enum outcome o, enum case_mark m)
{
    return o == OUTCOME_PASSED && m != MARK_NONE ? case_mark_name(m) : outcome_name(o);
}

/* "passed", or "failed: why", then a line for each result: "  name: outcome (message)". Of the caller until the next call. */
static inline const char *judged(enum results_format f, const char *text, size_t len, const char *err, int exit_code,
                                 size_t step)
{
    static struct buf out;
    struct results_reader *r = results_reader_new(f);
    struct results res;
    struct results_verdict v;
    if (err)
        results_reader_feed(r, 2, err, strlen(err), NULL);
    for (size_t i = 0; i < len; i += step)
        results_reader_feed(r, 1, text + i, step < len - i ? step : len - i, NULL);
    results_reader_end(r, &res, NULL);
    results_judge(&res, exit_code, exit_code == 0, &v);
    buf_reset(&out);
    buf_printf(&out, "%s%s%s\n", word_of(v.outcome, v.mark), v.message ? ": " : "", v.message ? v.message : "");
    for (size_t i = 0; i < res.n; i++)
        buf_printf(&out, "  %s: %s%s%s%s\n", res.v[i].name, word_of(res.v[i].outcome, res.v[i].mark),
                   res.v[i].message ? " (" : "", res.v[i].message ? res.v[i].message : "", res.v[i].message ? ")" : "");
    results_verdict_clear(&v);
    results_clear(&res);
    return buf_cstr(&out);
}

static inline void expect_results(enum results_format f, int exit_code, const char *text, const char *err,
                                  const char *expected, const char *file, int line)
{
    static const size_t steps[] = {1 << 20, 1, 7};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const char *seen = judged(f, text, strlen(text), err, exit_code, steps[i]);
        if (strcmp(seen, expected) != 0) {
            print_error("%s:%d: in pieces of %zu\nexpected:\n%sseen:\n%s", file, line, steps[i], expected, seen);
            fail();
        }
    }
}
#define EXPECT(format, exit_code, text, expected)                                                                      \
    expect_results(format, exit_code, text, NULL, expected, __FILE__, __LINE__)
#define EXPECT_ERR(format, exit_code, text, err, expected)                                                             \
    expect_results(format, exit_code, text, err, expected, __FILE__, __LINE__)

#endif

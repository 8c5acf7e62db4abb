/* SPDX-License-Identifier: MIT
 * Durations, counts, colours and the summary line: pure functions from numbers to text. */
#include <inttypes.h>
#include <string.h>

#include "report/text.h"

void report_duration(int64_t ns, struct buf *out)
{
    if (ns < 1000000) {
        buf_adds(out, "<1 ms");
        return;
    }
    /* Each unit is rounded before it is compared: 999.6 ms is "1.00 s", never "1000 ms". */
    int64_t ms = (ns + 500000) / 1000000;
    int64_t hundredths = (ns + 5000000) / 10000000;
    int64_t tenths = (ns + 50000000) / 100000000;
    int64_t s = (ns + 500000000) / 1000000000;
    int64_t min = (s + 30) / 60;
    if (ms < 1000)
        buf_printf(out, "%" PRId64 " ms", ms);
    else if (hundredths < 1000)
        buf_printf(out, "%" PRId64 ".%02" PRId64 " s", hundredths / 100, hundredths % 100);
    else if (tenths < 600)
        buf_printf(out, "%" PRId64 ".%" PRId64 " s", tenths / 10, tenths % 10);
    else if (s < 3600)
        buf_printf(out, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else
        buf_printf(out, "%" PRId64 " h %02" PRId64 " min", min / 60, min % 60);
}

void report_count(uint64_t n, struct buf *out)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_addc(out, ',');
        buf_addc(out, digits[i]);
    }
}

void text_paint(struct buf *out, bool color, const char *sgr, const char *text)
{
    if (color && sgr)
        buf_printf(out, "\033[%sm%s" SGR_RESET, sgr, text);
    else
        buf_adds(out, text);
}

void text_clock(int64_t ns, struct buf *out)
{
    int64_t s = ns > 0 ? ns / 1000000000 : 0;
    if (s < 3600)
        buf_printf(out, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
    else
        buf_printf(out, "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60, s % 60);
}

void text_shell_word(struct buf *out, const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+=@,/:~-%";
    if (*word && *word != '~' && *word != '=' && word[strspn(word, safe)] == 0) {
        buf_adds(out, word);
        return;
    }
    buf_addc(out, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, *word);
    }
    buf_addc(out, '\'');
}

bool text_is_failure(enum outcome o)
{
    return o == OUTCOME_FAILED || o == OUTCOME_TIMED_OUT || o == OUTCOME_CRASHED || o == OUTCOME_ERROR;
}

/* ", 5 failed" with the comma only where something stands before it. */
static void add_part(struct buf *out, bool *any, bool color, const char *sgr, uint32_t n, const char *what)
{
    struct buf b = BUF_INIT;
    if (*any)
        buf_adds(out, ", ");
    *any = true;
    report_count(n, &b);
    buf_printf(&b, " %s", what);
    text_paint(out, color, sgr, buf_cstr(&b));
    buf_clear(&b);
}

static void nothing_to_do(const struct run_counts *c, int64_t duration_ns, bool tests_only, bool affected, bool color,
                          struct buf *out)
{
    struct buf b = BUF_INIT;
    const char *one = tests_only ? "test" : "target";
    buf_adds(&b, "nothing to do: ");
    if (c->selected == 0) {
        buf_printf(&b, affected ? "no %s is affected" : "no %ss are selected", one);
    } else {
        report_count(c->selected, &b);
        buf_printf(&b, c->selected == 1 ? " %s is %sclean" : " %ss are %sclean", one, affected ? "affected, and " : "");
    }
    text_paint(out, color, c->selected ? SGR_GREEN : NULL, buf_cstr(&b));
    buf_clear(&b);
    buf_adds(out, " (checked in ");
    report_duration(duration_ns, out);
    buf_addc(out, ')');
}

void report_summary_line(const struct run_counts *c, int64_t duration_ns, bool tests_only, bool affected, bool color,
                         struct buf *out)
{
    uint32_t done = c->passed + c->failed + c->flaky + c->skipped;
    uint32_t not_run = c->selected > done ? c->selected - done : 0;
    if (!c->interrupted &&
        c->ran + c->builds_ran + c->builds_failed + c->services_failed + c->failed + c->flaky + c->skipped == 0 &&
        not_run == 0) {
        nothing_to_do(c, duration_ns, tests_only, affected, color, out);
        return;
    }
    if (c->interrupted) {
        text_paint(out, color, SGR_YELLOW, "interrupted");
        buf_adds(out, ": ");
    }
    if (affected) {
        report_count(c->selected, out);
        buf_adds(out, " affected, of these ");
        report_count(c->cached, out);
        buf_adds(out, " cached and ");
        report_count(c->ran, out);
        buf_adds(out, " run: ");
    }
    bool any = false;
    if (c->failed)
        add_part(out, &any, color, SGR_RED_BOLD, c->failed, "failed");
    if (c->builds_failed)
        add_part(out, &any, color, SGR_RED_BOLD, c->builds_failed,
                 c->builds_failed == 1 ? "build failed" : "builds failed");
    if (c->services_failed)
        add_part(out, &any, color, SGR_RED_BOLD, c->services_failed,
                 c->services_failed == 1 ? "service did not come up" : "services did not come up");
    if (c->flaky)
        add_part(out, &any, color, SGR_YELLOW, c->flaky, "flaky");
    if (c->passed || done + c->builds_failed + c->services_failed + not_run == 0) {
        add_part(out, &any, color, c->passed ? SGR_GREEN : NULL, c->passed, "passed");
        const char *sep = " (";
        if (c->cached && !affected) {
            buf_adds(out, sep);
            report_count(c->cached, out);
            buf_adds(out, " cached");
            sep = ", ";
        }
        for (int m = MARK_SKIPPED; m <= MARK_XPASSED; m++) {
            if (!c->marked[m])
                continue;
            buf_adds(out, sep);
            report_count(c->marked[m], out);
            buf_printf(out, " %s", case_mark_name((enum case_mark)m));
            sep = ", ";
        }
        if (*sep == ',')
            buf_addc(out, ')');
    }
    if (c->skipped)
        add_part(out, &any, color, SGR_YELLOW, c->skipped, "skipped");
    if (not_run)
        add_part(out, &any, color, SGR_YELLOW, not_run, "not run");
    buf_adds(out, c->interrupted ? " after " : " in ");
    report_duration(duration_ns, out);
}

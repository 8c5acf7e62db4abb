/* SPDX-License-Identifier: MIT
 *
 * What `why` says, by verdict. */
#include "../run/resolve_world.h"

#include "os/clock.h"
#include "query/why.h"

static void expect_age(int64_t seconds, const char *expected)
{
    struct buf b = BUF_INIT;
    const int64_t now = INT64_C(1764000000000000000); /* 2025-11-24 16:00 UTC */
    why_age(now - seconds * INT64_C(1000000000), now, &b);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

static void ages(void **state)
{
    (void)state;
    expect_age(-5, "just now"); /* a clock that was set back */
    expect_age(0, "just now");
    expect_age(1, "just now");
    expect_age(2, "2 s ago");
    expect_age(119, "119 s ago");
    expect_age(120, "2 min ago");
    expect_age(7199, "119 min ago");
    expect_age(7200, "2 h ago");
    expect_age(86399, "23 h ago");
    expect_age(86400, "on 2025-11-23 16:00 UTC");
}

static char *why_of(const char *label)
{
    uint8_t needed[8], verdict[8];
    char *reasons[8] = {0};
    struct buf b = BUF_INIT;
    memset(needed, 1, sizeof needed);
    resolve_needed(&ws, needed, NULL, verdict, reasons, NULL);
    why_explain(&ws, id_of(label), verdict, reasons, &b);
    for (int i = 0; i < 8; i++)
        mem_free(reasons[i]);
    return buf_take(&b);
}

/* Each part must be in what is said. */
static void expect_why(const char *label, const char *const *parts, size_t n)
{
    char *text = why_of(label);
    for (size_t i = 0; i < n; i++)
        if (!strstr(text, parts[i]))
            fail_msg("'%s' is not in: %s", parts[i], text);
    mem_free(text);
}
#define WHY(label, ...)                                                                                                \
    expect_why(label, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void run_was(const char *label, enum outcome outcome)
{
    struct err e = ERR_INIT;
    struct buf text = BUF_INIT;
    struct digest manifest;
    struct resolution r;
    resolve_node(&ws, id_of(label), true, &r);
    assert_true(store_begin(ws.store, &e));
    manifest_build(&ws, id_of(label), ws.store, &text);
    assert_true(store_put_blob(ws.store, text.p, text.len, &manifest, &e));
    struct store_result res = {
        .key = r.key, .outcome = outcome, .target = (char *)(uintptr_t)label, .manifest = manifest};
    struct store_run run = {.outcome = outcome, .key = r.key, .manifest = manifest, .finished_ns = clock_real_ns()};
    assert_true(store_put_result(ws.store, &res, &e));
    assert_true(store_put_run(ws.store, ws.root, label, &run, &e));
    assert_true(store_commit(ws.store, &e));
    resolution_clear(&r);
    buf_clear(&text);
}

static void each_verdict_has_its_words(void **state)
{
    (void)state;
    world_begin();
    put("in", "1");
    put("conf", "1");
    target(KIND_BUILD, "b", .cmd = STRS("b"), .inputs = STRS("in"), .outputs = STRS("f"));
    target(KIND_TEST, "t", .cmd = STRS("t"), .deps = STRS("b"), .inputs = STRS("conf"));
    target(KIND_TEST, "u", .cmd = STRS("u"), .inputs = STRS("conf", "in"));
    target(KIND_SERVICE, "s", .cmd = STRS("s"));
    target(KIND_GROUP, "g", .deps = STRS("u"));
    ws_begin();
    look_again();
    WHY("b", "b would run: never ran here.\n");
    WHY("t", "t would run if what it depends on comes out different.\n",
        "  b would run first: never ran here (tgraph why b)");
    WHY("s", "s is a service: it starts when a target that needs it runs.\n");
    WHY("g", "g would run: u would run.\n");
    run_was("u", OUTCOME_FAILED);
    WHY("u", "u would run: failed last time.\n",
        "Its last run here was just now: failed. Only a pass makes a target clean. "
        "`tgraph log u` shows its output.\n");
    run_was("u", OUTCOME_PASSED);
    WHY("u", "u is clean and would be skipped: passed before with the same key (key ",
        "Its key covers 2 input files, 0 tools and 0 dependencies; all are as they were.\n",
        "Its last run here was just now: passed, key ", "Nothing had changed since the one before it (failed)");
    WHY("g", "g is clean and would be skipped: none of its members has to run (key ");
    put("conf", "2");
    look_again();
    WHY("u", "u would run: conf changed.\n", "Changed since it last passed (just now):\n  conf  ", " -> ");
    run_was("u", OUTCOME_PASSED);
    WHY("u", "That run differed from the one before it (passed) in:\n  conf  ");
    assert_int_equal(unlink(in_root("conf")), 0);
    look_again();
    WHY("u", "u would run: conf is gone.\n", "-> missing\n");
    ws_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages),
        IN_FOLDER(each_verdict_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "worker/worker_msg.h"

/* A copy of exactly its length, so that reading beyond the end shows under AddressSanitizer. */
static bool parse_n(const char *text, size_t len, struct worker_msg *m, char **why)
{
    char *copy = mem_alloc(len);
    memcpy(copy, text, len);
    bool ok = worker_msg_parse(copy, len, m, why);
    mem_free(copy);
    return ok;
}

static void good(const char *text, struct worker_msg *m)
{
    char *why;
    if (!parse_n(text, strlen(text), m, &why)) {
        print_error("%s: %s\n", text, why);
        fail();
    }
    assert_null(why);
}

static void bad(const char *text, const char *want)
{
    struct worker_msg m;
    char *why;
    if (parse_n(text, strlen(text), &m, &why)) {
        print_error("%s was taken\n", text);
        fail();
    }
    if (!strstr(why, want) || strpbrk(why, "\n\r\t")) {
        print_error("%s gave: %s, not: %s\n", text, why, want);
        fail();
    }
    assert_int_equal(m.type, 0);
    assert_null(m.message);
    assert_int_equal(m.reads.n, 0);
    mem_free(why);
}

static void each_type_is_read(void **state)
{
    (void)state;
    struct worker_msg m;
    good("{\"type\":\"ready\",\"protocol\":1,\"name\":\"pytest 7.2.1\"}", &m);
    assert_int_equal(m.type, WORKER_READY);
    assert_int_equal(m.protocol, 1);
    assert_string_equal(m.name, "pytest 7.2.1");
    worker_msg_clear(&m);
    good("{\"type\":\"started\",\"id\":18446744073709551615}", &m);
    assert_int_equal(m.type, WORKER_STARTED);
    assert_true(m.id == UINT64_MAX);
    worker_msg_clear(&m);
    good("{\"type\":\"error\",\"message\":\"no database\",\"details\":\"a\\nb\"}", &m);
    assert_int_equal(m.type, WORKER_ERROR);
    assert_string_equal(m.message, "no database");
    assert_string_equal(m.details, "a\nb");
    worker_msg_clear(&m);
    good("{\"type\":\"error\"}", &m);
    assert_null(m.message);
    worker_msg_clear(&m);
}

static void done_with_all_its_members(void **state)
{
    (void)state;
    struct worker_msg m;
    good(" { \"subtests\" : [{\"name\":\"a\",\"outcome\":\"xpassed\"},"
         "{\"outcome\":\"failed\",\"message\":\"m\",\"duration_ms\":0.5,\"name\":\"b\",\"more\":[{}]}],"
         "\"reads\":[\"src/a.py\",\"/etc/x\"], \"duration_ms\":12.5, \"details\":\"Traceback\", \"message\":\"why\","
         "\"recycle\":true,\"outcome\":\"failed\",\"id\":7,\"type\":\"done\"}\r",
         &m);
    assert_int_equal(m.type, WORKER_DONE);
    assert_int_equal(m.id, 7);
    assert_int_equal(m.outcome, OUTCOME_FAILED);
    assert_int_equal(m.mark, MARK_NONE);
    assert_true(m.duration_ns == 12500000);
    assert_true(m.recycle);
    assert_true(m.has_reads);
    assert_int_equal(m.reads.n, 2);
    assert_string_equal(m.reads.v[0], "src/a.py");
    assert_string_equal(m.reads.v[1], "/etc/x");
    assert_int_equal(m.n_subtests, 2);
    assert_string_equal(m.subtests[0].name, "a");
    assert_int_equal(m.subtests[0].outcome, OUTCOME_PASSED);
    assert_int_equal(m.subtests[0].mark, MARK_XPASSED);
    assert_true(m.subtests[0].duration_ns == -1);
    assert_null(m.subtests[0].message);
    assert_string_equal(m.subtests[1].name, "b");
    assert_int_equal(m.subtests[1].outcome, OUTCOME_FAILED);
    assert_string_equal(m.subtests[1].message, "m");
    assert_true(m.subtests[1].duration_ns == 500000);
    assert_string_equal(m.message, "why");
    assert_string_equal(m.details, "Traceback");
    worker_msg_clear(&m);
}

static void what_may_be_left_out_may_be_null(void **state)
{
    (void)state;
    struct worker_msg m;
    good("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\",\"message\":null,\"details\":null,\"duration_ms\":null,"
         "\"reads\":null,\"subtests\":null,\"recycle\":null}",
         &m);
    assert_null(m.message);
    assert_null(m.details);
    assert_true(m.duration_ns == -1);
    assert_false(m.has_reads);
    assert_false(m.recycle);
    worker_msg_clear(&m);
    good("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\",\"reads\":[],\"recycle\":false}", &m);
    assert_true(m.has_reads);
    assert_false(m.recycle);
    worker_msg_clear(&m);
    bad("{\"type\":\"done\",\"id\":null,\"outcome\":\"passed\"}", "'id' is not a number");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":null}", "'outcome' is not a string");
}

static void the_outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum outcome o;
        enum case_mark m;
    } want[] = {{"passed", OUTCOME_PASSED, MARK_NONE},     {"failed", OUTCOME_FAILED, MARK_NONE},
                {"error", OUTCOME_ERROR, MARK_NONE},       {"skipped", OUTCOME_PASSED, MARK_SKIPPED},
                {"xfailed", OUTCOME_PASSED, MARK_XFAILED}, {"xpassed", OUTCOME_PASSED, MARK_XPASSED}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct worker_msg m;
        char *line = mem_printf("{\"type\":\"done\",\"id\":1,\"outcome\":\"%s\"}", want[i].name);
        good(line, &m);
        assert_int_equal(m.outcome, want[i].o);
        assert_int_equal(m.mark, want[i].m);
        worker_msg_clear(&m);
        mem_free(line);
    }
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"Passed\"}", "outcome \"Passed\" is none of");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed \"}", "outcome \"passed\" is none of");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"pass\\u0000ed\"}", "is none of");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"flaky\"}", "is none of");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"\"}", "'outcome' is none of");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":true}", "'outcome' is not a string");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
        "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"}",
        "\xc3\xa4\" is none of");
}

static void what_is_no_message(void **state)
{
    (void)state;
    bad("", "it is empty");
    bad(" \t\r", "it is empty");
    bad("Collecting tests...", "it is not JSON");
    bad("[]", "it is not an object");
    bad("7", "it is not");
    bad("\"type\"", "it is not an object");
    bad("null", "it is not an object");
    bad("{}", "it has no 'type'");
    bad("{\"id\":1}", "it has no 'type'");
    bad("{\"type\":7}", "'type' is not a string");
    bad("{\"type\":null}", "'type' is not a string");
    bad("{\"type\":\"run\"}", "type \"run\" is not one that a worker sends");
    bad("{\"type\":\"Done\"}", "type \"Done\"");
    bad("{\"type\":\"\"}", "'type' is not one that a worker sends");
    bad("{\"type\":\"do\\u0000ne\"}", "is not one");
    bad("{\"type\":\"ready\",\"type\":\"ready\",\"protocol\":1}", "'type' is there twice");
    bad("{\"type\":\"started\",\"id\":1", "it is not JSON");
    bad("{\"type\":\"started\",\"id\":1}}", "it is not JSON");
    bad("{\"type\":\"started\",\"id\":1} {\"type\":\"started\",\"id\":1}", "it is not JSON");
    bad("{\"type\":\"started\",\"id\":1} /* */", "it is not JSON");
    bad("{\"type\":\"started\",\"id\":1,}", "it is not JSON");
    bad("{'type':'started','id':1}", "it is not JSON");
    bad("{\"type\":\"started\",\"id\":0x1}", "it is not JSON");
    bad("{\"type\":\"started\",\"id\":+1}", "it is not JSON");
    bad("{\"type\":\"started\",\"id\":NaN}", "it is not JSON");
    bad("\xef\xbb\xbf{\"type\":\"started\",\"id\":1}", "it is not JSON");
    bad("{\"type\":\"error\",\"message\":\"tab\there\"}", "it is not JSON");
    bad("{\"type\":\"error\",\"message\":\"\\x\"}", "it is not JSON");
    bad("{\"type\":\"error\",\"message\":\"\\u12g4\"}", "it is not JSON");
}

static void bytes_that_are_not_utf8(void **state)
{
    (void)state;
    bad("{\"type\":\"error\",\"message\":\"\xff\"}", "it is not UTF-8");
    bad("{\"type\":\"error\",\"message\":\"\xc0\x80\"}", "it is not UTF-8");         /* overlong */
    bad("{\"type\":\"error\",\"message\":\"\xed\xa0\x80\"}", "it is not UTF-8");     /* a surrogate */
    bad("{\"type\":\"error\",\"message\":\"\xf4\x90\x80\x80\"}", "it is not UTF-8"); /* above U+10FFFF */
    bad("{\"type\":\"error\",\"x\":\"\xc3\"}", "it is not UTF-8");
    bad("{\"type\":\"error\"}\xe2\x82", "it is not UTF-8");
    struct worker_msg m;
    char *why;
    assert_false(parse_n("{\"type\":\"error\"\0}", 17, &m, &why));
    assert_non_null(strstr(why, "it is not JSON"));
    mem_free(why);
}

static void numbers(void **state)
{
    (void)state;
    static const char *const ids[] = {"-1", "1.0", "1e3", "18446744073709551616", "123456789012345678901234567890",
                                      "0.5"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char *line = mem_printf("{\"type\":\"started\",\"id\":%s}", ids[i]);
        bad(line, "'id' is not a whole number");
        mem_free(line);
    }
    bad("{\"type\":\"started\",\"id\":\"1\"}", "'id' is not a number");
    bad("{\"type\":\"started\",\"id\":true}", "'id' is not a number");
    bad("{\"type\":\"started\",\"id\":[1]}", "'id' is not a number");
    bad("{\"type\":\"started\",\"id\":{}}", "'id' is not a number");
    bad("{\"type\":\"started\"}", "started: it has no 'id'");
    bad("{\"type\":\"ready\"}", "ready: it has no 'protocol'");
    bad("{\"type\":\"ready\",\"protocol\":1.5}", "'protocol' is not a whole number");
    bad("{\"type\":\"done\",\"outcome\":\"passed\"}", "it has no 'id'");
    bad("{\"type\":\"done\",\"id\":1}", "it has no 'outcome'");
    static const char *const durations[] = {"-0.1", "1e999", "-1", "1000000000001", "\"5\"", "[]"};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        char *line = mem_printf("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\",\"duration_ms\":%s}", durations[i]);
        bad(line, "'duration_ms' is not a number");
        mem_free(line);
    }
    struct worker_msg m;
    good("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\",\"duration_ms\":1e12}", &m);
    assert_true(m.duration_ns == INT64_C(1000000000000000000));
    worker_msg_clear(&m);
    good("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\",\"duration_ms\":-0}", &m);
    assert_true(m.duration_ns == 0);
    worker_msg_clear(&m);
    struct buf b = BUF_INIT; /* a number longer than any buffer */
    buf_adds(&b, "{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\",\"duration_ms\":1.");
    for (int i = 0; i < 100000; i++)
        buf_addc(&b, '1');
    buf_addc(&b, '}');
    bad(b.p, "'duration_ms' is not a number");
    buf_clear(&b);
}

static void members_that_count_are_there_once(void **state)
{
    (void)state;
    bad("{\"type\":\"done\",\"id\":1,\"id\":1,\"outcome\":\"passed\"}", "'id' is there twice");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"failed\",\"outcome\":\"passed\"}", "'outcome' is there twice");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"failed\",\"message\":null,\"message\":\"m\"}", "'message' is there");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"failed\",\"reads\":[\"a\"],\"reads\":[]}", "'reads' is there twice");
    bad("{\"type\":\"done\",\"id\":1,\"\\u0069d\":2,\"outcome\":\"failed\"}", "'id' is there twice");
    bad("{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\",\"subtests\":[{\"name\":\"a\",\"outcome\":\"passed\","
        "\"outcome\":\"failed\"}]}",
        "same member twice");
}

/* Also when they look like members of another type of message. */
static void members_that_are_not_named_are_ignored(void **state)
{
    (void)state;
    struct worker_msg m;
    good("{\"x\":1,\"x\":{\"type\":[\"done\",{\"id\":[]}]},\"type\":\"started\",\"id\":3,\"outcome\":[],\"reads\":7,"
         "\"message\":1,\"message\":2,\"subtests\":[1],\"protocol\":{}}",
         &m);
    assert_int_equal(m.type, WORKER_STARTED);
    assert_int_equal(m.id, 3);
    worker_msg_clear(&m);
    good("{\"\":[[[\"id\"]]],\"type\":\"ready\",\"protocol\":1,\"id\":\"no\",\"id\":\"no\"}", &m);
    assert_int_equal(m.type, WORKER_READY);
    assert_null(m.name);
    worker_msg_clear(&m);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    for (int depth = 60; depth <= 100000; depth = depth == 60 ? 100 : depth * 10) {
        struct buf b = BUF_INIT;
        buf_adds(&b, "{\"type\":\"error\",\"x\":");
        for (int i = 0; i < depth; i++)
            buf_addc(&b, '[');
        for (int i = 0; i < depth; i++)
            buf_addc(&b, ']');
        buf_addc(&b, '}');
        if (depth == 60) {
            struct worker_msg m;
            good(b.p, &m);
            worker_msg_clear(&m);
        } else {
            bad(b.p, "nested more than 64 deep");
        }
        buf_clear(&b);
    }
}

#define DONE "{\"type\":\"done\",\"id\":1,\"outcome\":\"passed\","

static void reads_are_names_of_files(void **state)
{
    (void)state;
    bad(DONE "\"reads\":\"a\"}", "'reads' is not a list");
    bad(DONE "\"reads\":{}}", "'reads' is not a list");
    bad(DONE "\"reads\":[1]}", "entry that is not a string");
    bad(DONE "\"reads\":[null]}", "entry that is not a string");
    bad(DONE "\"reads\":[[\"a\"]]}", "entry that is not a string");
    bad(DONE "\"reads\":[\"a\",\"\"]}", "empty entry");
    bad(DONE "\"reads\":[\"a\\u0000b\"]}", "NUL");
    bad(DONE "\"reads\":[\"a\\udcffb\"]}", "was not UTF-8");
    bad(DONE "\"reads\":[\"a\\ud800b\"]}", "was not UTF-8");
    bad(DONE "\"reads\":[\"a\xef\xbf\xbd\"]}", "was not UTF-8");
    struct worker_msg m;
    good(DONE "\"reads\":[\"\\ud83d\\ude00\\\\ud800\",\"a b\\nc\"]}", &m); /* a pair, and no escape at all */
    assert_string_equal(m.reads.v[0], "\xf0\x9f\x98\x80\\ud800");
    assert_string_equal(m.reads.v[1], "a b\nc");
    worker_msg_clear(&m);
    struct buf b = BUF_INIT;
    buf_adds(&b, DONE "\"reads\":[\"");
    for (int i = 0; i <= WORKER_MSG_PATH_BYTES; i++)
        buf_addc(&b, 'a');
    buf_adds(&b, "\"]}");
    bad(b.p, "more than 4096 bytes");
    buf_reset(&b);
    buf_adds(&b, DONE "\"reads\":[\"a\"");
    for (int i = 0; i < WORKER_MSG_LISTED; i++)
        buf_adds(&b, ",\"a\"");
    buf_adds(&b, "]}");
    bad(b.p, "more than 100000 entries");
    buf_clear(&b);
}

static void subtests_are_whole(void **state)
{
    (void)state;
    bad(DONE "\"subtests\":{}}", "'subtests' is not a list");
    bad(DONE "\"subtests\":[1]}", "entry that is not an object");
    bad(DONE "\"subtests\":[[]]}", "entry that is not an object");
    bad(DONE "\"subtests\":[{}]}", "entry without a name");
    bad(DONE "\"subtests\":[{\"name\":\"a\"}]}", "entry without an outcome");
    bad(DONE "\"subtests\":[{\"name\":1,\"outcome\":\"passed\"}]}", "name is not a string");
    bad(DONE "\"subtests\":[{\"name\":\"a\",\"outcome\":\"ok\"}]}", "unknown outcome");
    bad(DONE "\"subtests\":[{\"name\":\"a\",\"outcome\":[\"passed\"]}]}", "unknown outcome");
    bad(DONE "\"subtests\":[{\"name\":\"a\",\"outcome\":\"passed\",\"message\":1}]}", "message is not a string");
    bad(DONE "\"subtests\":[{\"name\":\"a\",\"outcome\":\"passed\",\"duration_ms\":-1}]}", "duration_ms is not");
    struct buf b = BUF_INIT;
    buf_adds(&b, DONE "\"subtests\":[{\"name\":\"\",\"outcome\":\"passed\"}");
    for (int i = 0; i < WORKER_MSG_LISTED; i++)
        buf_adds(&b, ",{\"name\":\"\",\"outcome\":\"passed\"}");
    buf_adds(&b, "]}");
    bad(b.p, "more than 100000 entries");
    buf_clear(&b);
}

static void texts_are_made_fit_for_a_line(void **state)
{
    (void)state;
    struct worker_msg m;
    good("{\"type\":\"error\",\"message\":\"a\\nb\\u001b[31m\\u0000c\\ud800d \\n\",\"details\":\"x\\u0000y\\udcffz\"}",
         &m);
    assert_string_equal(m.message, "a b [31m c\xef\xbf\xbd"
                                   "d");
    assert_string_equal(m.details, "x\xef\xbf\xbdy\xef\xbf\xbdz");
    worker_msg_clear(&m);
    good("{\"type\":\"error\",\"message\":\"\",\"details\":\"\"}", &m);
    assert_null(m.message);
    assert_null(m.details);
    worker_msg_clear(&m);
    struct buf b = BUF_INIT;
    buf_adds(&b, "{\"type\":\"error\",\"message\":\"x");
    for (int i = 0; i < 5000; i++)
        buf_adds(&b, "\xc3\xa4");
    buf_adds(&b, "\"}");
    good(b.p, &m);
    assert_int_equal(strlen(m.message), WORKER_MSG_ONE_LINE - 1 + 3);
    assert_memory_equal(m.message + WORKER_MSG_ONE_LINE - 3, "\xc3\xa4...", 5);
    worker_msg_clear(&m);
    buf_clear(&b);
}

static void what_the_engine_writes(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    worker_msg_hello(&b, "services/api:unit", "/home/me/a \"shop\"");
    assert_string_equal(b.p, "{\"type\":\"hello\",\"protocol\":1,\"suite\":\"services/api:unit\",\"root\":\"/home/me/a "
                             "\\\"shop\\\"\"}\n");
    buf_reset(&b);
    worker_msg_run(&b, 1,
                   &(struct worker_run){.id = "t::x[1\n]", .data = "{\"line\":7}", .attempt = 2, .next = "t::y"});
    assert_string_equal(b.p, "{\"type\":\"run\",\"id\":1,\"case\":\"t::x[1\\n]\",\"data\":{\"line\":7},\"attempt\":2,"
                             "\"next\":\"t::y\"}\n");
    buf_reset(&b);
    worker_msg_run(&b, 4294967296, &(struct worker_run){.id = "a", .extra = ",\"x\":1"});
    assert_string_equal(b.p,
                        "{\"type\":\"run\",\"id\":4294967296,\"case\":\"a\",\"attempt\":1,\"next\":null,\"x\":1}\n");
    buf_reset(&b);
    worker_msg_exit(&b);
    assert_string_equal(b.p, "{\"type\":\"exit\"}\n");
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_read),
        cmocka_unit_test(done_with_all_its_members),
        cmocka_unit_test(what_may_be_left_out_may_be_null),
        cmocka_unit_test(the_outcomes),
        cmocka_unit_test(what_is_no_message),
        cmocka_unit_test(bytes_that_are_not_utf8),
        cmocka_unit_test(numbers),
        cmocka_unit_test(members_that_count_are_there_once),
        cmocka_unit_test(members_that_are_not_named_are_ignored),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(reads_are_names_of_files),
        cmocka_unit_test(subtests_are_whole),
        cmocka_unit_test(texts_are_made_fit_for_a_line),
        cmocka_unit_test(what_the_engine_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

static void set_returns_false_and_replaces_all_but_the_level(void **state)
{
    (void)state;
    struct errlist l = ERRLIST_INIT;
    struct err *e = errlist_add(&l, ERR_WARNING);
    assert_false(err_set(e, "T201", "first %d", 1));
    assert_false(err_hint(e, "do this"));
    assert_false(err_at(e, "Testfile.lua", 3, 5));
    /* The arguments may belong to the error that is replaced. */
    assert_false(err_set(e, "T202", "second after %s", e->msg));
    assert_string_equal(e->code, "T202");
    assert_string_equal(e->msg, "second after first 1");
    assert_null(e->hint);
    assert_null(e->file);
    assert_int_equal(e->line, 0);
    assert_int_equal(e->level, ERR_WARNING);
    errlist_clear(&l);
}

static void a_null_error_drops_everything(void **state)
{
    (void)state;
    assert_false(err_set(NULL, "T201", "x"));
    assert_false(err_sys(NULL, "T401", ENOENT, "x"));
    assert_false(err_wrap(NULL, "x"));
    assert_false(err_at(NULL, "f", 1, 1));
    assert_false(err_hint(NULL, "x"));
}

static void wrap_puts_the_context_in_front(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    err_sys(&e, "T401", ENOENT, "cannot open %s", "m.json");
    assert_false(err_wrap(&e, "reading %s", "the manifest"));
    assert_string_equal(e.msg, "reading the manifest: cannot open m.json: No such file or directory");
    assert_string_equal(e.code, "T401");
    err_clear(&e);
    assert_null(e.msg);
    assert_string_equal(e.code, "");
}

static void format_shows_the_parts_that_are_there(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    err_set(&e, "T201", "message");
    err_format(&e, &b);
    assert_string_equal(b.p, "error T201: message\n");
    err_at(&e, "Testfile.lua", 3, 5);
    err_hint(&e, "next step");
    buf_reset(&b);
    err_format(&e, &b);
    assert_string_equal(b.p, "Testfile.lua:3:5: error T201: message\n  hint: next step\n");
    err_at(&e, "Testfile.lua", 3, 0);
    e.level = ERR_WARNING;
    buf_reset(&b);
    err_format(&e, &b);
    assert_string_equal(b.p, "Testfile.lua:3: warning T201: message\n  hint: next step\n");
    err_at(&e, "Testfile.lua", 0, 0);
    buf_reset(&b);
    err_format(&e, &b);
    assert_string_equal(b.p, "Testfile.lua: warning T201: message\n  hint: next step\n");
    err_clear(&e);
    buf_clear(&b);
}

static void a_message_stays_on_one_line_and_sends_no_escapes(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    err_set(&e, "T401", "cannot open %s", "a\nb\x1b[31m\x7f\xc3\xa9");
    assert_string_equal(e.msg, "cannot open a b?[31m?\xc3\xa9");
    err_clear(&e);
}

static void a_code_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    err_set(&e, "T123456789", "x");
    assert_string_equal(e.code, "T123456");
    err_clear(&e);
}

static void the_list_counts_errors_apart_from_warnings(void **state)
{
    (void)state;
    struct errlist l = ERRLIST_INIT;
    for (int i = 0; i < 100; i++)
        err_set(errlist_add(&l, i % 4 ? ERR_WARNING : ERR_ERROR), "T201", "number %d", i);
    assert_int_equal(l.n, 100);
    assert_int_equal(l.n_errors, 25);
    assert_string_equal(l.v[99].msg, "number 99");
    errlist_clear(&l);
    assert_int_equal(l.n_errors, 0);
}

static void nearest_name_finds_slips_of_the_fingers(void **state)
{
    (void)state;
    const char *const names[] = {"inputs", "outputs", "timeout", "env", "deps", "cmd", "success_codes"};
    size_t n = sizeof names / sizeof *names;
    assert_string_equal(nearest_name("input", names, n), "inputs");    /* missing */
    assert_string_equal(nearest_name("inputss", names, n), "inputs");  /* doubled */
    assert_string_equal(nearest_name("ouptuts", names, n), "outputs"); /* swapped */
    assert_string_equal(nearest_name("timeuot", names, n), "timeout"); /* swapped */
    assert_string_equal(nearest_name("dep", names, n), "deps");        /* short */
    assert_string_equal(nearest_name("cdm", names, n), "cmd");         /* a swap costs one */
    assert_string_equal(nearest_name("succes_code", names, n), "success_codes");
    assert_string_equal(nearest_name("env", names, n), "env");
    assert_null(nearest_name("banana", names, n));
    assert_null(nearest_name("xyz", names, n));
    assert_null(nearest_name("", names, n));
    assert_null(nearest_name("x", NULL, 0));
    assert_null(nearest_name("a", names, n));
}

static void nearest_name_prefers_the_nearest_then_the_first(void **state)
{
    (void)state;
    const char *const names[] = {"abcdefgh__", "abcdefgx", "abcdefgy", "abcdefg"};
    assert_string_equal(nearest_name("abcdefgh", names, 4), "abcdefgx");
    assert_string_equal(nearest_name("abcdefgh", names, 1), "abcdefgh__");
    /* A candidate longer than the word by all that may be wrong. */
    const char *const longer[] = {"abcdefghijk"};
    assert_string_equal(nearest_name("abcdefgh", longer, 1), "abcdefghijk");
}

static void a_bug_is_one_line_with_the_place_and_aborts(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(p[1], 2);
        err_bug("some.c", 42, "count is %d", 7);
    }
    close(p[1]);
    char text[256] = "";
    ssize_t n = 0, got;
    while ((got = read(p[0], text + n, sizeof text - 1 - (size_t)n)) > 0)
        n += got;
    close(p[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_string_equal(text, "tgraph: internal error at some.c:42: count is 7\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_false_and_replaces_all_but_the_level),
        cmocka_unit_test(a_null_error_drops_everything),
        cmocka_unit_test(wrap_puts_the_context_in_front),
        cmocka_unit_test(format_shows_the_parts_that_are_there),
        cmocka_unit_test(a_message_stays_on_one_line_and_sends_no_escapes),
        cmocka_unit_test(a_code_that_is_too_long_is_cut),
        cmocka_unit_test(the_list_counts_errors_apart_from_warnings),
        cmocka_unit_test(nearest_name_finds_slips_of_the_fingers),
        cmocka_unit_test(nearest_name_prefers_the_nearest_then_the_first),
        cmocka_unit_test(a_bug_is_one_line_with_the_place_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

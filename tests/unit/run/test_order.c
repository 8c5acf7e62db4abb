/* SPDX-License-Identifier: MIT
 *
 * Kept orders: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "run/order.h"

static char dir[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/tgraph-order.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}
static int tear_down(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL) ? 0 : -1;
}

static struct strvec list(const char *const *v, size_t n)
{
    struct strvec l = STRVEC_INIT;
    for (size_t i = 0; i < n; i++)
        strvec_add(&l, v[i]);
    return l;
}

static void expect_kept(const char *suite, const char *id, const struct strvec *wanted)
{
    struct strvec got = STRVEC_INIT;
    struct err e = ERR_INIT;
    bool found = !wanted;
    assert_true(order_read(dir, suite, id, &got, &found, &e));
    assert_int_equal(found, wanted != NULL);
    assert_int_equal(got.n, wanted ? wanted->n : 0);
    for (size_t i = 0; i < got.n; i++)
        assert_string_equal(got.v[i], wanted->v[i]);
    strvec_clear(&got);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "t.py::test[1-'x y']", " ", "ünï/\"\\", "a", "-n", "before 3"};
    struct strvec l = list(ids, 7), none = STRVEC_INIT;
    struct err e = ERR_INIT;
    expect_kept("s/x:unit", "b", NULL);
    assert_true(order_write(dir, "s/x:unit", "b", &l, &e));
    assert_true(order_write(dir, "unit", ids[3], &none, &e));
    expect_kept("s/x:unit", "b", &l);
    expect_kept("unit", ids[3], &none);
    expect_kept("unit", "b", NULL);
    l.v[0][0] = 'z';
    assert_true(order_write(dir, "s/x:unit", "b", &l, &e)); /* in its place */
    expect_kept("s/x:unit", "b", &l);
    order_remove(dir, "s/x:unit", "b");
    order_remove(dir, "s/x:unit", "b");
    expect_kept("s/x:unit", "b", NULL);
    expect_kept("unit", ids[3], &none);
    strvec_clear(&l);
}

static void a_long_id_of_each_kind(void **state)
{
    (void)state;
    char id[4097];
    struct err e = ERR_INIT;
    memset(id, '/', 4096);
    id[4096] = 0;
    struct strvec l = STRVEC_INIT;
    strvec_add(&l, id);
    assert_true(order_write(dir, "unit", id, &l, &e));
    expect_kept("unit", id, &l);
    strvec_clear(&l);
}

static void refuse_n(const char *text, size_t len, const char *message, int line)
{
    struct strvec v = STRVEC_INIT;
    struct err e = ERR_INIT;
    if (order_parse(text, len, "unit", "b", &v, &e))
        fail_msg("line %d: taken", line);
    if (strcmp(e.code, "T615") != 0 || strcmp(e.msg, message) != 0)
        fail_msg("line %d: %s %s", line, e.code, e.msg);
    err_clear(&e);
    strvec_clear(&v);
}
#define REFUSE(text, message) refuse_n(text, sizeof(text) - 1, "line " message, __LINE__)
#define HEAD "tgraph order 1\nsuite unit\ncase b\n"

static void anything_else_is_refused(void **state)
{
    (void)state;
    struct strvec v = STRVEC_INIT;
    struct err e = ERR_INIT;
    static const char good[] = HEAD "before 2\na\nc\n";
    assert_true(order_parse(good, sizeof good - 1, "unit", "b", &v, &e));
    assert_int_equal(v.n, 2);
    strvec_clear(&v);
    for (size_t len = 0; len < sizeof good - 1; len++) { /* cut off anywhere */
        assert_false(order_parse(good, len, "unit", "b", &v, &e));
        assert_string_equal(e.code, "T615");
        err_clear(&e);
        strvec_clear(&v);
    }
#define FIRST "1 of the kept order is not 'tgraph order 1': another version wrote it, or it is no such file"
    REFUSE("", FIRST);
    REFUSE("tgraph order 2\nsuite unit\ncase b\nbefore 0\n", FIRST);
    REFUSE("tgraph order 1 \nsuite unit\ncase b\nbefore 0\n", FIRST);
    REFUSE("tgraph order 1\r\nsuite unit\ncase b\nbefore 0\n", FIRST);
    REFUSE("tgraph order 1\nsuite units\ncase b\nbefore 0\n", "2 of the kept order names another suite");
    REFUSE("tgraph order 1\nsuite uni\ncase b\nbefore 0\n", "2 of the kept order names another suite");
    REFUSE("tgraph order 1\nsuite unit\ncase c\nbefore 0\n", "3 of the kept order names another case");
    REFUSE("tgraph order 1\nsuite unit\ncase b\0\nbefore 0\n", "3 of the kept order names another case");
#define COUNT "4 of the kept order does not say how many cases follow"
    REFUSE(HEAD "before\n", COUNT);
    REFUSE(HEAD "before \n", COUNT);
    REFUSE(HEAD "before -1\n", COUNT);
    REFUSE(HEAD "before 01\na\n", COUNT);
    REFUSE(HEAD "before 1 \na\n", COUNT);
    REFUSE(HEAD "before 4294967297\na\n", COUNT);
    REFUSE(HEAD "before 99999999999999999999\na\n", COUNT);
    REFUSE(HEAD "before 2\na\n", "6 of the kept order is missing");
    REFUSE(HEAD "before 2\na\nc", "6 of the kept order is missing");
    REFUSE(HEAD "before 1\na\nc\n", "6 of the kept order is one too many");
    REFUSE(HEAD "before 0\n\n", "5 of the kept order is one too many");
    REFUSE(HEAD "before 1\n\n", "5 of the kept order is no case's id");
    REFUSE(HEAD "before 1\na\tb\n", "5 of the kept order is no case's id");
    REFUSE(HEAD "before 1\na\0b\n", "5 of the kept order is no case's id");
    REFUSE(HEAD "before 1\na\x7f\n", "5 of the kept order is no case's id");
    REFUSE(HEAD "before 1\na\xc2\x85\n", "5 of the kept order is no case's id");
    REFUSE(HEAD "before 1\na\xff\n", "5 of the kept order is no case's id");
    REFUSE(HEAD "before 1\na\xc2\n", "5 of the kept order is no case's id");
}

static void a_damaged_file_says_where_it_lies(void **state)
{
    (void)state;
    struct strvec v = STRVEC_INIT;
    struct err e = ERR_INIT;
    bool found;
    strvec_add(&v, "a");
    assert_true(order_write(dir, "unit", "b", &v, &e));
    strvec_clear(&v);
    char command[128];
    snprintf(command, sizeof command, "for f in %s/order/*; do echo more >>$f; done", dir);
    assert_int_equal(system(command), 0);
    assert_false(order_read(dir, "unit", "b", &v, &found, &e));
    assert_true(found);
    assert_int_equal(v.n, 0);
    assert_string_equal(e.code, "T615");
    assert_non_null(strstr(e.hint, dir));
    err_clear(&e);
}

static void what_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct strvec v = STRVEC_INIT;
    struct err e = ERR_INIT;
    char *in_the_way = order_dir(dir);
    file_remove_tree(in_the_way, NULL);
    assert_true(file_replace(in_the_way, "", 0, 0644, false, &e));
    assert_false(order_write(dir, "unit", "b", &v, &e));
    assert_non_null(e.msg);
    err_clear(&e);
    unlink(in_the_way);
    mem_free(in_the_way);
}

static void the_note_names_a_command_that_a_shell_takes(void **state)
{
    (void)state;
    static const char *const ids[] = {"it's", "c"};
    struct strvec two = list(ids, 2), one = list(ids, 1);
    struct buf b = BUF_INIT;
    order_note("unit", "b$x", &two, &b);
    assert_string_equal(buf_cstr(&b),
                        "passes in a worker of its own: `tgraph bisect 'unit#b$x'` finds the case that it depends on");
    buf_reset(&b);
    order_note("unit", "b", &one, &b);
    assert_string_equal(buf_cstr(&b),
                        "fails after unit#it's, and passes in a worker of its own: `tgraph bisect --after "
                        "'unit#it'\\''s' 'unit#b'` shows it");
    buf_clear(&b);
    strvec_clear(&one);
    strvec_clear(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_long_id_of_each_kind),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(a_damaged_file_says_where_it_lies),
        cmocka_unit_test(what_cannot_be_written_is_an_error),
        cmocka_unit_test(the_note_names_a_command_that_a_shell_takes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

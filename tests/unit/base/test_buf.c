/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"

static void an_empty_buffer_reads_as_an_empty_string(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_string_equal(buf_cstr(&b), "");
    buf_add(&b, NULL, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_clear(&b);
    char *taken = buf_take(&b);
    assert_string_equal(taken, "");
    mem_free(taken);
}

static void additions_follow_each_other_and_end_with_nul(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_adds(&b, "ab");
    buf_addc(&b, 'c');
    buf_add(&b, "d\0e", 3);
    buf_printf(&b, "%d", 12);
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.p, "abcd\0e12", 9);
    buf_clear(&b);
    assert_null(b.p);
}

static void printf_grows_at_every_length(void **state)
{
    (void)state;
    for (int n = 0; n < 300; n++) {
        struct buf b = BUF_INIT;
        buf_printf(&b, "%*s|", n, "");
        buf_printf(&b, "%*s|", n, "");
        assert_int_equal(b.len, 2 * (size_t)n + 2);
        assert_int_equal(strlen(b.p), b.len);
        buf_clear(&b);
    }
}

static void addc_grows(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        buf_addc(&b, (char)('a' + i % 26));
        assert_true(b.cap > b.len);
        assert_int_equal(b.p[b.len], '\0');
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_clear(&b);
}

static void reset_keeps_the_memory(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_adds(&b, "something long enough to be kept around for a while");
    char *p = b.p;
    buf_reset(&b);
    assert_string_equal(buf_cstr(&b), "");
    buf_adds(&b, "x");
    assert_ptr_equal(b.p, p);
    assert_string_equal(buf_cstr(&b), "x");
    buf_clear(&b);
}

static void take_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_adds(&b, "mine");
    char *s = buf_take(&b);
    assert_string_equal(s, "mine");
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(b.len, 0);
    mem_free(s);
}

static void sorting_is_by_bytes_and_unique_drops_doubles(void **state)
{
    (void)state;
    struct strvec v = STRVEC_INIT;
    strvec_sort_unique(&v);
    assert_int_equal(v.n, 0);
    const char *in[] = {"b", "\xc3\xa9", "a", "B", "b", "a/b", "a", "a-b"};
    for (size_t i = 0; i < 8; i++)
        strvec_add(&v, in[i]);
    strvec_addn(&v, "zzz", 1);
    assert_true(strvec_has(&v, "z"));
    assert_false(strvec_has(&v, "zz"));
    strvec_sort_unique(&v);
    const char *want[] = {"B", "a", "a-b", "a/b", "b", "z", "\xc3\xa9"};
    assert_int_equal(v.n, 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(v.v[i], want[i]);
    strvec_clear(&v);
    assert_int_equal(v.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_reads_as_an_empty_string),
        cmocka_unit_test(additions_follow_each_other_and_end_with_nul),
        cmocka_unit_test(printf_grows_at_every_length),
        cmocka_unit_test(addc_grows),
        cmocka_unit_test(reset_keeps_the_memory),
        cmocka_unit_test(take_leaves_an_empty_buffer),
        cmocka_unit_test(sorting_is_by_bytes_and_unique_drops_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

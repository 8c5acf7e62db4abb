/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/json.h"

static void containers_get_their_commas(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct json j = JSON_INIT(&b);
    json_object(&j);
    json_key(&j, "a");
    json_array(&j);
    json_int(&j, 1);
    json_object(&j);
    json_end(&j);
    json_array(&j);
    json_end(&j);
    json_str(&j, "x");
    json_null(&j);
    json_end(&j);
    json_key(&j, "b");
    json_bool(&j, false);
    json_key(&j, "c");
    json_object(&j);
    json_key(&j, "d");
    json_bool(&j, true);
    json_key(&j, "e");
    json_str(&j, NULL);
    json_end(&j);
    json_end(&j);
    assert_string_equal(b.p, "{\"a\":[1,{},[],\"x\",null],\"b\":false,\"c\":{\"d\":true,\"e\":null}}");
    assert_int_equal(j.depth, 0);
    buf_clear(&b);
}

static void values_at_the_top_are_not_separated(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct json j = JSON_INIT(&b);
    for (int i = 0; i < 2; i++) {
        json_array(&j);
        json_int(&j, i);
        json_end(&j);
        buf_addc(&b, '\n');
    }
    assert_string_equal(b.p, "[0]\n[1]\n");
    buf_clear(&b);
}

static void numbers_are_exact_and_never_nan(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct json j = JSON_INIT(&b);
    json_array(&j);
    json_int(&j, INT64_MIN);
    json_int(&j, INT64_MAX);
    json_double(&j, 1.5, 3);
    json_double(&j, 1e6, 0);
    json_double(&j, (double)NAN, 3);
    json_double(&j, (double)INFINITY, 3);
    json_end(&j);
    assert_string_equal(b.p, "[-9223372036854775808,9223372036854775807,1.500,1000000,null,null]");
    buf_clear(&b);
}

static void assert_quoted(const char *in, size_t len, const char *want)
{
    struct buf b = BUF_INIT;
    struct json j = JSON_INIT(&b);
    json_strn(&j, in, len);
    assert_string_equal(b.p, want);
    buf_clear(&b);
}

static void special_characters_are_escaped(void **state)
{
    (void)state;
    assert_quoted("", 0, "\"\"");
    assert_quoted("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
    assert_quoted("\b\t\n\f\r\x01\x1f\x7f", 8, "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\"");
    assert_quoted("a\0b", 3, "\"a\\u0000b\"");
}

static void valid_utf8_passes_unchanged(void **state)
{
    (void)state;
    const char *ok = "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf \xf0\x90\x80\x80 "
                     "\xf4\x8f\xbf\xbf";
    char want[64];
    size_t len = strlen(ok);
    want[0] = '"';
    memcpy(want + 1, ok, len);
    memcpy(want + 1 + len, "\"", 2);
    assert_quoted(ok, len, want);
}

#define R "\xef\xbf\xbd"
static void invalid_utf8_becomes_replacement_characters(void **state)
{
    (void)state;
    assert_quoted("\x80", 1, "\"" R "\""); /* a continuation alone */
    assert_quoted("a\xff"
                  "b",
                  3, "\"a" R "b\"");
    assert_quoted("\xc0\xaf", 2, "\"" R R "\"");                       /* overlong */
    assert_quoted("\xe0\x80\x80", 3, "\"" R R R "\"");                 /* overlong */
    assert_quoted("\xed\xa0\x80", 3, "\"" R R R "\"");                 /* a surrogate */
    assert_quoted("\xf4\x90\x80\x80", 4, "\"" R R R R "\"");           /* beyond U+10FFFF */
    assert_quoted("\xf0\x9f\x98", 3, "\"" R "\"");                     /* cut off: one for the whole part */
    assert_quoted("\xf0\x9f\x98\"", 4, "\"" R "\\\"\"");               /* cut off by a quote */
    assert_quoted("\xe2\x82\xe2\x82\xac", 5, "\"" R "\xe2\x82\xac\""); /* then a good one */
    assert_quoted("\xf5\x80", 2, "\"" R R "\"");
    assert_quoted("x\xc3", 2, "\"x" R "\"");
}

/* Every pair and many triples of bytes give text that is valid UTF-8 without raw control characters. */
static void any_bytes_give_valid_text(void **state)
{
    (void)state;
    struct buf b = BUF_INIT, again = BUF_INIT;
    for (unsigned v = 0; v < 1u << 16; v++) {
        char in[4] = {(char)(v >> 8), (char)v, (char)(v * 7), (char)(v * 31 + 5)};
        buf_reset(&b);
        buf_reset(&again);
        struct json j = JSON_INIT(&b), k = JSON_INIT(&again);
        json_strn(&j, in, 4);
        for (size_t i = 0; i < b.len; i++)
            assert_true((unsigned char)b.p[i] >= 0x20);
        /* Valid text passes unchanged: quoting the inside again changes only quotes and backslashes. */
        struct buf inside = BUF_INIT;
        for (size_t i = 1; i + 1 < b.len; i++)
            buf_addc(&inside, b.p[i] == '\\' || b.p[i] == '"' ? '_' : b.p[i]);
        json_strn(&k, buf_cstr(&inside), inside.len);
        assert_int_equal(again.len, inside.len + 2);
        assert_memory_equal(again.p + 1, buf_cstr(&inside), inside.len);
        buf_clear(&inside);
    }
    buf_clear(&b);
    buf_clear(&again);
}

static void keys_are_escaped_too_and_depth_60_works(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct json j = JSON_INIT(&b);
    for (int i = 0; i < 60; i++) {
        if (i % 2) {
            json_array(&j);
        } else {
            json_object(&j);
            json_key(&j, "\"");
        }
    }
    json_int(&j, 1);
    for (int i = 0; i < 60; i++)
        json_end(&j);
    assert_memory_equal(b.p, "{\"\\\"\":[{\"\\\"\":[", 14);
    assert_int_equal(b.p[b.len - 1], '}');
    buf_clear(&b);
}

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "abc", "\x7f", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc3", "a\xe2\x82",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(json_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(json_is_utf8(bad[i], strlen(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_get_their_commas),
        cmocka_unit_test(values_at_the_top_are_not_separated),
        cmocka_unit_test(numbers_are_exact_and_never_nan),
        cmocka_unit_test(special_characters_are_escaped),
        cmocka_unit_test(valid_utf8_passes_unchanged),
        cmocka_unit_test(invalid_utf8_becomes_replacement_characters),
        cmocka_unit_test(any_bytes_give_valid_text),
        cmocka_unit_test(keys_are_escaped_too_and_depth_60_works),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "report/text.h"
#include "unit/report/script.h"

static void expect_clean(const char *in, bool sgr, const char *out)
{
    struct buf b = BUF_INIT;
    text_clean(&b, in, strlen(in), sgr);
    assert_string_equal(buf_cstr(&b), out);
    buf_clear(&b);
}

static void plain_text_stays_as_it_is(void **state)
{
    (void)state;
    expect_clean("one\n\ttwo\nthree", true, "one\n\ttwo\nthree");
    expect_clean("gr\xC3\xBC\xC3\x9F"
                 "e \xE6\xBC\xA2\xE5\xAD\x97 \xF0\x9F\x98\x80",
                 false,
                 "gr\xC3\xBC\xC3\x9F"
                 "e \xE6\xBC\xA2\xE5\xAD\x97 \xF0\x9F\x98\x80");
    expect_clean("", true, "");
}

static void colours_stay_only_where_colour_is_on(void **state)
{
    (void)state;
    expect_clean("\033[1;31mred\033[m and \033[38;5;9mnine", true, "\033[1;31mred\033[m and \033[38;5;9mnine\033[0m");
    expect_clean("\033[1;31mred\033[m and \033[38:2::1:2:3mnine", false, "red and nine");
}

static void nothing_can_move_the_cursor(void **state)
{
    static const char *const moves[] = {
        "\033[2J",
        "\033[5A",
        "\033[H",
        "\033[1;1H",
        "\033[?1049h",
        "\033[?25l",
        "\033[2K",
        "\033[10T",
        "\033[!p",
        "\033[1 q",
        "\033[1 m",
        "\033]0;title\a",
        "\033]8;;http://x/\033\\",
        "\033P1$r0m\033\\",
        "\033^x\033\\",
        "\033_x\033\\",
        "\033X1\033\\",
        "\033c",
        "\0337",
        "\0338",
        "\033M",
        "\033(0",
        "\033#8",
        "\033%G",
        "\b",
        "\a",
        "\v",
        "\f",
        "\016",
        "\177",
        "\001",
        "\xC2\x9B",
        "\xC2\x85",
        "\033[>4;1m",
        "\033",
        "\033[",
        "\033[12",
    };
    (void)state;
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        char text[64];
        /* A sequence that is broken off ends with its line; the text after it is not lost. */
        snprintf(text, sizeof text, "a%s\nb", moves[i]);
        expect_clean(text, true, "a\nb");
        expect_clean(text, false, "a\nb");
    }
}

static void a_string_sequence_without_end_stops_at_its_line(void **state)
{
    (void)state;
    expect_clean("a\033]0;for ever\nb\n", true, "a\nb\n");
    expect_clean("a\033Pfor ever\033[31m\nb", false, "a\nb");
}

static void a_carriage_return_overwrites_its_line(void **state)
{
    (void)state;
    expect_clean("one\r\ntwo\r\r\n", true, "one\ntwo\n");
    expect_clean("first\n 10 %\r 50 %\r100 %\nlast\n", true, "first\n100 %\nlast\n");
    expect_clean("shown\r", true, "shown");
    expect_clean("\033[31ma\033[0mb\rc", true, "\033[31m\033[0mc");
    expect_clean("\033[31ma\rc", true, "\033[31mc\033[0m");
}

static void a_coloured_progress_bar_ends_plain(void **state)
{
    struct buf in = BUF_INIT, out = BUF_INIT;
    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_printf(&in, "\033[32m%d\033[0m\r", i);
    buf_adds(&in, "done\n");
    text_clean(&out, in.p, in.len, true);
    assert_true(out.len < 400);
    assert_non_null(strstr(out.p, "done\n"));
    assert_null(strstr(out.p, "999"));
    buf_clear(&in);
    buf_clear(&out);
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
    (void)state;
    expect_clean("a\xFF"
                 "b\xC3",
                 true,
                 "a\xEF\xBF\xBD"
                 "b\xEF\xBF\xBD");
    expect_clean("\xC0\xAF|\xED\xA0\x80|\x9B"
                 "31m",
                 true,
                 "\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD"
                 "31m");
}

static void a_reason_stays_on_one_line_and_has_no_colour(void **state)
{
    struct buf b = BUF_INIT;
    (void)state;
    text_clean_line(&b, "new\nline\r\n\ttab\033[31mred\033[2J.c changed");
    assert_string_equal(buf_cstr(&b), "new line  tabred.c changed");
    buf_clear(&b);
}

static void the_tail_counts_lines(void **state)
{
    struct proc_log log = {0};
    (void)state;
    assert_int_equal(text_tail_of(&log, 3, 100).from, 0);
    log_add(&log, 1, "1\n2\n3\n");
    struct text_tail t = text_tail_of(&log, 3, 100);
    assert_int_equal(t.from, 0);
    assert_int_equal(t.lines, 3);
    assert_int_equal(t.total_lines, 3);
    log_add(&log, 2, "4");
    t = text_tail_of(&log, 3, 100);
    assert_string_equal(log.bytes.p + t.from, "2\n3\n4");
    assert_int_equal(t.lines, 3);
    assert_int_equal(t.total_lines, 4);
    log_add(&log, 1, "\n\n");
    t = text_tail_of(&log, 3, 100);
    assert_string_equal(log.bytes.p + t.from, "3\n4\n\n");
    assert_int_equal(t.total_lines, 5);
    log_clear(&log);
}

static void the_tail_of_one_long_line_starts_at_a_character(void **state)
{
    struct proc_log log = {0};
    (void)state;
    log_add(&log, 1, "aaaa\xE6\xBC\xA2zz");
    assert_string_equal(log.bytes.p + text_tail_of(&log, 60, 4).from, "zz");
    assert_string_equal(log.bytes.p + text_tail_of(&log, 60, 5).from, "\xE6\xBC\xA2zz");
    log_clear(&log);
}

static void expect_cut(const char *in, int columns, const char *head, const char *tail)
{
    struct buf b = BUF_INIT;
    text_cut(&b, in, columns);
    assert_string_equal(buf_cstr(&b), head);
    buf_reset(&b);
    text_cut_left(&b, in, columns);
    assert_string_equal(buf_cstr(&b), tail);
    buf_clear(&b);
}

static void width_is_in_columns(void **state)
{
    (void)state;
    assert_int_equal(text_width("abc", 3), 3);
    assert_int_equal(text_width("\xE6\xBC\xA2\xE5\xAD\x97", 6), 4); /* two CJK characters */
    assert_int_equal(text_width("\xF0\x9F\x98\x80", 4), 2);         /* an emoji */
    assert_int_equal(text_width("e\xCC\x81", 3), 1);                /* a combining accent */
    assert_int_equal(text_width(" \xC2\xB7 ", 4), 3);
    assert_int_equal(text_width("\xFF\xFF", 2), 2);
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    expect_cut("services/api:unit", 17, "services/api:unit", "services/api:unit");
    expect_cut("services/api:unit", 9, "services/",
               "\xE2\x80\xA6"
               "api:unit");
    expect_cut("\xE6\xBC\xA2\xE5\xAD\x97", 3, "\xE6\xBC\xA2", "\xE2\x80\xA6\xE5\xAD\x97");
    expect_cut("ab", 1, "a", "\xE2\x80\xA6");
    expect_cut("ab", 0, "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays_as_it_is),
        cmocka_unit_test(colours_stay_only_where_colour_is_on),
        cmocka_unit_test(nothing_can_move_the_cursor),
        cmocka_unit_test(a_string_sequence_without_end_stops_at_its_line),
        cmocka_unit_test(a_carriage_return_overwrites_its_line),
        cmocka_unit_test(a_coloured_progress_bar_ends_plain),
        cmocka_unit_test(bytes_that_are_not_utf8_become_replacement_characters),
        cmocka_unit_test(a_reason_stays_on_one_line_and_has_no_colour),
        cmocka_unit_test(the_tail_counts_lines),
        cmocka_unit_test(the_tail_of_one_long_line_starts_at_a_character),
        cmocka_unit_test(width_is_in_columns),
        cmocka_unit_test(text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

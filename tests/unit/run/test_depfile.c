/* SPDX-License-Identifier: MIT
 *
 * Make's syntax as compilers write it, and as GNU make itself reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"
#include "run/depfile.h"

/* The paths joined by '|', or the error's message. */
static char *parsed_n(const char *text, size_t len)
{
    struct strvec v = STRVEC_INIT;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    if (depfile_parse(text, len, &v, &e)) {
        for (size_t i = 0; i < v.n; i++)
            buf_printf(&b, "%s%s", i ? "|" : "", v.v[i]);
    } else {
        buf_printf(&b, "%s %s", e.code, e.msg);
    }
    buf_addc(&b, ' ');
    b.p[b.len - 1] = 0;
    err_clear(&e);
    strvec_clear(&v);
    return buf_take(&b);
}

static void expect_n(const char *text, size_t len, const char *expected, int line)
{
    char *got = parsed_n(text, len);
    if (strcmp(got, expected) != 0)
        fail_msg("line %d: got '%s' in place of '%s'", line, got, expected);
    mem_free(got);
}
#define EXPECT(text, expected) expect_n(text, sizeof(text) - 1, expected, __LINE__)

static void rules_of_compilers(void **state)
{
    (void)state;
    EXPECT("", "");
    EXPECT("\n\n", "");
    EXPECT("a.o: a.c a.h\n", "a.c|a.h");
    EXPECT("a.o: a.c a.h", "a.c|a.h");
    EXPECT("a.o:\n", "");
    EXPECT("a.o :a.c\n", "a.c");
    EXPECT("a.o: a.c \\\n  a.h \\\n  /usr/include/b.h\n", "a.c|a.h|/usr/include/b.h");
    EXPECT("a.o: \\\n a.c\\\n\ta.h\n", "a.c|a.h");
    EXPECT("a.o b.o: a.c\n", "a.c");
    EXPECT("a.o: a.c a.h\n\na.h:\n", "a.c|a.h"); /* gcc -MP */
    EXPECT("a.o: a.c\nb.o: b.c a.c\n", "a.c|b.c|a.c");
    EXPECT("a.o: a.c\r\n b.c \\\r\n", "T603 line 2 of the depfile has no ':' after its target");
    EXPECT("a.o: a.c \\\r\n b.c\r\n", "a.c|b.c");
    EXPECT("a.o:\ta.c\tb.c\n", "a.c|b.c");
    EXPECT("a.o: dir/ ./x ../y\n", "dir/|./x|../y");
}

static void escapes(void **state)
{
    (void)state;
    EXPECT("a: b\\ c d\n", "b c|d");
    EXPECT("a: b\\\tc\n", "b\tc");
    EXPECT("a: b\\#c\n", "b#c");
    EXPECT("a: b$$c $$ $$$$\n", "b$c|$|$$");
    EXPECT("a: b$c $\n", "b$c|$");
    EXPECT("a: b\\\\ c\n", "b\\|c");   /* a name that ends in a backslash */
    EXPECT("a: b\\\\\\ c\n", "b\\ c"); /* a backslash and a blank in a name */
    EXPECT("a: b\\\\\\\\ c\n", "b\\\\|c");
    EXPECT("a: b\\c \\d\\\\e\n", "b\\c|\\d\\\\e"); /* before anything else it is itself */
    EXPECT("a: b\\:c d:e\n", "b:c|d:e");
    EXPECT("a\\ b c\\:d: e\n", "e");
    EXPECT("c:/x/a.o: c:/x/a.c C:\\y\\b.h\n", "c:/x/a.c|C:\\y\\b.h");
    EXPECT("a: b\\", "b\\");
    EXPECT("a: \xc3\xa4 \xff\n", "\xc3\xa4|\xff");
    EXPECT("a: *? [x] {y} (z) 'q' \"r\" %\n", "*?|[x]|{y}|(z)|'q'|\"r\"|%");
}

/* rustc writes comments with what it was told by the environment; gcc and clang escape every '#' of a name. */
static void comments_are_skipped(void **state)
{
    (void)state;
    EXPECT("# made by hand\na: b\n  # env-dep:CARGO=1: x\n#", "b");
    EXPECT("# c \\\n d: e\na: b\n", "b"); /* goes on with its line, as in make */
    EXPECT("a: b#c #d\n", "b#c|#d");      /* rustc does not escape it: better a name too many than one lost */
}

static void what_is_no_depfile(void **state)
{
    (void)state;
    EXPECT("just text\n", "T603 line 1 of the depfile has no ':' after its target");
    EXPECT("a: b\n\nc\nd: e\n", "T603 line 3 of the depfile has no ':' after its target");
    EXPECT("a: b \\\n c\nd", "T603 line 3 of the depfile has no ':' after its target");
    EXPECT("a: b\0c\n", "T603 line 1 of the depfile holds a NUL byte");
    EXPECT("\0", "T603 line 1 of the depfile holds a NUL byte");
    EXPECT("a:b\n", "T603 line 1 of the depfile has no ':' after its target");
}

static void long_ones_take_no_time(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    char *text = mem_alloc(N + 8);
    memset(text, '\\', N);
    memcpy(text, "a: ", 3);
    mem_free(parsed_n(text, N));
    text[N - 1] = ' ';
    mem_free(parsed_n(text, N));
    for (int i = 3; i + 1 < N; i += 2)
        memcpy(text + i, "\\\n", 2);
    mem_free(parsed_n(text, N));
    for (int i = 3; i + 1 < N; i += 2)
        memcpy(text + i, "b ", 2);
    struct strvec v = STRVEC_INIT;
    assert_true(depfile_parse(text, N, &v, NULL));
    assert_true(v.n > N / 2 - 8);
    strvec_clear(&v);
    mem_free(text);
}

/* ---- against GNU make ---- */

static uint32_t seed = 1;
static uint32_t dice(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % n;
}

/* What make takes for the prerequisites of x, sorted, each once. .DEFAULT is run for each of them. */
static void ask_make(const char *dir, const char *rule, struct strvec *out)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    char *file = mem_printf("%s/Makefile", dir);
    buf_printf(&b, "%s\n\t@:\n.DEFAULT:\n\t$(info <$@>)@:\n", rule);
    assert_true(file_replace(file, b.p, b.len, 0644, false, &e));
    char *command = mem_printf("cd '%s' && env -i PATH=\"$PATH\" make -rR x 2>&1", dir);
    FILE *f = popen(command, "re"); // NOLINT(cert-env33-c)
    char line[4096];
    while (fgets(line, sizeof line, f)) {
        size_t len = strlen(line);
        if (line[0] != '<' || len < 3 || line[len - 2] != '>')
            fail_msg("make says %s about %s", line, rule);
        strvec_addn(out, line + 1, len - 3);
    }
    assert_int_equal(pclose(f), 0);
    strvec_sort_unique(out);
    mem_free(command);
    mem_free(file);
    buf_clear(&b);
}

static void compare_with_make(const char *dir, const char *rule)
{
    struct strvec ours = STRVEC_INIT, theirs = STRVEC_INIT;
    assert_true(depfile_parse(rule, strlen(rule), &ours, NULL));
    strvec_sort_unique(&ours);
    ask_make(dir, rule, &theirs);
    bool same = ours.n == theirs.n;
    for (size_t i = 0; i < ours.n && same; i++)
        same = strcmp(ours.v[i], theirs.v[i]) == 0;
    if (!same)
        fail_msg("'%s': %zu here (%s ...), %zu of make (%s ...)", rule, ours.n, ours.n ? ours.v[0] : "", theirs.n,
                 theirs.n ? theirs.v[0] : "");
    strvec_clear(&ours);
    strvec_clear(&theirs);
}

static void make_reads_the_same(void **state)
{
    (void)state;
    char dir[] = "/tmp/tgraph-depfile-XXXXXX";
    assert_non_null(mkdtemp(dir));
    for (int round = 0; round < 200; round++) {
        struct buf b = BUF_INIT;
        buf_adds(&b, "x:");
        bool raw = round % 2;
        uint32_t n = 1 + dice(4);
        for (uint32_t i = 0; i < n; i++) {
            static const char *const pieces[] = {"a", "b", "\\ ", "\\#", "$$", "\\\\\\ ", "c/d", "\\e"};
            static const char *const raws[] = {"a", "\\", " ", "b"};
            buf_adds(&b, dice(4) ? " " : " \\\n ");
            buf_addc(&b, 'p'); /* no "-x" and no empty name */
            uint32_t len = 1 + dice(8);
            for (uint32_t k = 0; k < len; k++)
                buf_adds(&b, raw ? raws[dice(4)] : pieces[dice(8)]);
            buf_addc(&b, 'q'); /* no backslash before a line end */
        }
        compare_with_make(dir, buf_cstr(&b));
        buf_clear(&b);
    }
    assert_true(file_remove_tree(dir, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_compilers),     cmocka_unit_test(escapes),
        cmocka_unit_test(comments_are_skipped),   cmocka_unit_test(what_is_no_depfile),
        cmocka_unit_test(long_ones_take_no_time), cmocka_unit_test(make_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

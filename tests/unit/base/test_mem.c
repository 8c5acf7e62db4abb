/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"

static void size_zero_gives_distinct_pointers(void **state)
{
    (void)state;
    void *a = mem_alloc(0), *b = mem_alloc(0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    a = mem_realloc(a, 0);
    assert_non_null(a);
    mem_free(a);
    mem_free(b);
}

static void calloc_gives_zeroes(void **state)
{
    (void)state;
    unsigned char *p = mem_calloc(100, 3);
    for (int i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    mem_free(p);
}

static void strings_are_copied_and_terminated(void **state)
{
    (void)state;
    char *a = mem_strdup("abc"), *b = mem_strndup("abcdef", 2), *c = mem_printf("%d-%s", 7, "x"),
         *d = mem_strndup(NULL, 0);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "ab");
    assert_string_equal(c, "7-x");
    assert_string_equal(d, "");
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
}

static void grow_keeps_the_elements(void **state)
{
    (void)state;
    int *v = NULL;
    size_t n = 0, cap = 0;
    for (int i = 0; i < 1000; i++) {
        MEM_GROW(v, n, cap);
        assert_true(cap > n);
        v[n++] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v[i], i);
    mem_free(v);
}

static void arena_memory_is_zeroed_and_aligned_at_any_size(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    size_t sizes[] = {1, 15, 16, 17, 4000, 5000, 0, 300000, 3, 5000000, 24};
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            unsigned char *p = arena_alloc(&a, sizes[i]);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t k = 0; k < sizes[i]; k += 97)
                assert_int_equal(p[k], 0);
            memset(p, 0xee, sizes[i]);
        }
    }
    arena_clear(&a);
}

static void arena_pieces_do_not_overlap(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    enum { N = 20000 };
    char **s = mem_resize(NULL, N, sizeof *s);
    for (int i = 0; i < N; i++)
        s[i] = i % 3 ? arena_printf(&a, "string %d", i) : arena_strdup(&a, "fixed");
    for (int i = 0; i < N; i++) {
        char want[32] = "fixed";
        if (i % 3) {
            memcpy(want, "string ", 8);
            int at = 7, v = i, d = 1;
            while (v / d >= 10)
                d *= 10;
            for (; d; d /= 10)
                want[at++] = (char)('0' + v / d % 10);
            want[at] = '\0';
        }
        assert_string_equal(s[i], want);
    }
    mem_free(s);
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    arena_clear(&a);
}

static void a_cleared_arena_is_usable_again(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    arena_clear(&a);
    arena_strdup(&a, "x");
    arena_clear(&a);
    assert_string_equal(arena_strdup(&a, "y"), "y");
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_zero_gives_distinct_pointers),
        cmocka_unit_test(calloc_gives_zeroes),
        cmocka_unit_test(strings_are_copied_and_terminated),
        cmocka_unit_test(grow_keeps_the_elements),
        cmocka_unit_test(arena_memory_is_zeroed_and_aligned_at_any_size),
        cmocka_unit_test(arena_pieces_do_not_overlap),
        cmocka_unit_test(a_cleared_arena_is_usable_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

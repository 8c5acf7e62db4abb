/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strtab.h"

static void the_empty_string_is_id_0(void **state)
{
    (void)state;
    struct strtab t;
    strtab_init(&t);
    assert_string_equal(strtab_get(&t, 0), "");
    assert_int_equal(strtab_find(&t, ""), 0);
    assert_int_equal(strtab_add(&t, ""), 0);
    assert_int_equal(strtab_find(&t, "a"), STR_NONE);
    strtab_clear(&t);
}

static void the_same_string_gives_the_same_id(void **state)
{
    (void)state;
    struct strtab t;
    strtab_init(&t);
    str_id a = strtab_add(&t, "a/b.c"), b = strtab_add(&t, "a/b");
    assert_int_not_equal(a, b);
    assert_int_equal(strtab_add(&t, "a/b.c"), a);
    assert_int_equal(strtab_addn(&t, "a/b.cpp", 5), a);
    assert_int_equal(strtab_find(&t, "a/b"), b);
    assert_int_equal(strtab_find(&t, "b.c"), STR_NONE); /* the end of another one is not interned */
    assert_int_equal(strtab_find(&t, "a"), STR_NONE);
    assert_string_equal(strtab_get(&t, a), "a/b.c");
    strtab_clear(&t);
    assert_string_equal(strtab_get(&t, 0), "");
}

static void a_part_of_its_own_string_can_be_added(void **state)
{
    (void)state;
    struct strtab t;
    strtab_init(&t);
    char name[64];
    for (int i = 0; i < 2000; i++) { /* crosses several moves of the block */
        snprintf(name, sizeof name, "dir/file%d", i);
        str_id whole = strtab_add(&t, name);
        str_id base = strtab_add(&t, strtab_get(&t, whole) + 4);
        assert_string_equal(strtab_get(&t, base), name + 4);
        str_id dir = strtab_addn(&t, strtab_get(&t, whole), 3);
        assert_string_equal(strtab_get(&t, dir), "dir");
    }
    strtab_clear(&t);
}

static void a_million_strings_are_found_again(void **state)
{
    (void)state;
    enum { N = 1000000 };
    struct strtab t;
    strtab_init(&t);
    str_id *ids = mem_resize(NULL, N, sizeof *ids);
    char name[64];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "services/api%d/test_%d.py", i % 97, i);
        ids[i] = strtab_add(&t, name);
    }
    assert_int_equal(t.n, N);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "services/api%d/test_%d.py", i % 97, i);
        assert_int_equal(strtab_find(&t, name), ids[i]);
    }
    assert_int_equal(strtab_find(&t, "services/api0/test_1000000.py"), STR_NONE);

    struct strtab view;
    strtab_view(&view, t.data, t.len);
    assert_null(view.slots); /* reading by id costs no index */
    assert_string_equal(strtab_get(&view, ids[N - 1]), name);
    assert_int_equal(strtab_find(&view, name), ids[N - 1]);
    assert_int_equal(view.n, N);
    assert_ptr_equal(view.data, t.data);
    str_id added = strtab_add(&view, "new");
    assert_ptr_not_equal(view.data, t.data);
    assert_int_equal(added, t.len);
    assert_int_equal(strtab_find(&view, name), ids[N - 1]);
    assert_int_equal(strtab_find(&t, "new"), STR_NONE);
    strtab_clear(&view);
    strtab_clear(&t);
    mem_free(ids);
}

static void a_view_works_on_read_only_memory(void **state)
{
    (void)state;
    static const char block[] = "\0one\0two\0three"; /* the literal's own NUL ends it */
    struct strtab t;
    strtab_view(&t, block, sizeof block);
    assert_int_equal(strtab_find(&t, "two"), 5);
    assert_int_equal(strtab_find(&t, "three"), 9);
    assert_int_equal(strtab_find(&t, "thre"), STR_NONE);
    assert_int_equal(strtab_find(&t, "threee"), STR_NONE);
    assert_int_equal(strtab_add(&t, "one"), 1);
    assert_ptr_equal(t.data, block);
    strtab_clear(&t);
    strtab_view(&t, "", 1);
    assert_int_equal(strtab_find(&t, "x"), STR_NONE);
    assert_int_equal(strtab_add(&t, "x"), 1);
    strtab_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_empty_string_is_id_0),
        cmocka_unit_test(the_same_string_gives_the_same_id),
        cmocka_unit_test(a_part_of_its_own_string_can_be_added),
        cmocka_unit_test(a_million_strings_are_found_again),
        cmocka_unit_test(a_view_works_on_read_only_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

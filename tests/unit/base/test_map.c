/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/map.h"

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    assert_int_equal(map_get(&m, 0), MAP_NONE);
    map_remove(&m, 0);
    map_clear(&m);
    assert_int_equal(m.n, 0);
}

static void put_replaces(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    map_put(&m, 0, 1);
    map_put(&m, 0, 2);
    map_put(&m, UINT64_MAX - 1, 3);
    assert_int_equal(m.n, 2);
    assert_int_equal(map_get(&m, 0), 2);
    assert_int_equal(map_get(&m, UINT64_MAX - 1), 3);
    assert_int_equal(map_get(&m, 1), MAP_NONE);
    map_clear(&m);
    assert_int_equal(map_get(&m, 0), MAP_NONE);
    map_put(&m, 7, 7);
    assert_int_equal(map_get(&m, 7), 7);
    map_clear(&m);
}

static void reserved_room_is_enough(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    map_reserve(&m, 1000);
    size_t slots = m.n_slots;
    for (uint64_t i = 0; i < 1000; i++)
        map_put(&m, i << 32, (uint32_t)i);
    assert_int_equal(m.n_slots, slots);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(map_get(&m, i << 32), i);
    map_clear(&m);
}

static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* Random puts and removals on a small key space, compared with an array. */
static void it_agrees_with_an_array_under_random_use(void **state)
{
    (void)state;
    enum { KEYS = 700 };
    uint32_t model[KEYS];
    memset(model, 0xff, sizeof model);
    struct map m = MAP_INIT;
    uint64_t seed = 88172645463325252u;
    size_t n = 0;
    for (int step = 0; step < 300000; step++) {
        uint64_t r = next(&seed);
        size_t k = (size_t)(r % KEYS);
        uint64_t key = k * UINT64_C(0x1000000001);
        if (r >> 40 & 1) {
            n += model[k] == MAP_NONE;
            model[k] = (uint32_t)step;
            map_put(&m, key, (uint32_t)step);
        } else {
            n -= model[k] != MAP_NONE;
            model[k] = MAP_NONE;
            map_remove(&m, key);
        }
        assert_int_equal(m.n, n);
        if (step % 997 == 0)
            for (size_t i = 0; i < KEYS; i++)
                assert_int_equal(map_get(&m, i * UINT64_C(0x1000000001)), model[i]);
    }
    map_clear(&m);
}

static void two_million_keys(void **state)
{
    (void)state;
    enum { N = 2000000 };
    struct map m = MAP_INIT;
    for (uint32_t i = 0; i < N; i++)
        map_put(&m, (uint64_t)i * 8, i);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(map_get(&m, (uint64_t)i * 8), i);
        assert_int_equal(map_get(&m, (uint64_t)i * 8 + 1), MAP_NONE);
    }
    map_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing), cmocka_unit_test(put_replaces),
        cmocka_unit_test(reserved_room_is_enough),  cmocka_unit_test(it_agrees_with_an_array_under_random_use),
        cmocka_unit_test(two_million_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

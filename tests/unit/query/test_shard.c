/* SPDX-License-Identifier: MIT
 *
 * The split is complete, disjoint, the same in any order, and balanced; checked against naive ways on random targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "query/shard.h"

enum { MAX_ITEMS = 300 };

static char labels[MAX_ITEMS][24];
static struct shard_item items[MAX_ITEMS];
static uint32_t shards[MAX_ITEMS];
static uint64_t seed;

static uint64_t pick(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

/* how 0: all unknown, 1: all known, 2: some of each; durations from 1 ms to an hour, evenly by their magnitude */
static void random_items(size_t n, int how)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(labels[i], sizeof labels[i], "dir%d:t%zu", (int)pick(5), i * 7919 % MAX_ITEMS);
        uint64_t ms = 1 + pick((uint64_t)1 << pick(22));
        items[i] = (struct shard_item){labels[i], how == 0 || (how == 2 && pick(3) == 0) ? 0 : ms};
    }
}

/* To the nearest of 4, 6, 8, 12, ...; half way goes up. */
static uint64_t naive_rounded(uint64_t ms)
{
    uint64_t low = 4;
    if (ms <= 4)
        return 4;
    for (uint64_t high; (high = low & (low - 1) ? low / 3 * 4 : low / 2 * 3) <= ms;)
        low = high;
    uint64_t high = low & (low - 1) ? low / 3 * 4 : low / 2 * 3;
    return ms - low < high - ms ? low : high;
}

static uint64_t used_ms(size_t n, size_t i)
{
    uint64_t unknown = shard_unknown_ms(items, n);
    return items[i].duration_ms ? naive_rounded(items[i].duration_ms) : unknown ? unknown : 1;
}

static void each_target_is_in_exactly_one_shard(void **state)
{
    (void)state;
    for (seed = 1; seed < 3000; seed += 7) {
        size_t n = pick(MAX_ITEMS);
        uint32_t n_shards = 1 + (uint32_t)pick(2 * MAX_ITEMS), used = 0;
        uint64_t keep = seed;
        random_items(n, (int)pick(3));
        memset(shards, 0xff, sizeof shards);
        shard_split(items, n, n_shards, shards, NULL);
        for (size_t i = 0; i < n; i++)
            assert_in_range(shards[i], 1, n_shards);
        if (n < MAX_ITEMS)
            assert_int_equal(shards[n], UINT32_MAX);
        /* No shard is empty while another one has two. */
        for (uint32_t s = 1; s <= n_shards; s++) {
            bool any = false;
            for (size_t i = 0; i < n; i++)
                any = any || shards[i] == s;
            used += any;
        }
        assert_int_equal(used, n < n_shards ? n : n_shards);
        seed = keep;
    }
}

static void the_order_of_the_targets_does_not_count(void **state)
{
    (void)state;
    for (seed = 1; seed < 1000; seed += 7) {
        uint64_t keep = seed;
        size_t n = 1 + pick(MAX_ITEMS - 1);
        uint32_t n_shards = 1 + (uint32_t)pick(20), other[MAX_ITEMS];
        struct digest plan, other_plan;
        random_items(n, (int)pick(3));
        shard_split(items, n, n_shards, shards, &plan);
        for (size_t i = n - 1; i; i--) {
            size_t j = pick(i + 1);
            struct shard_item item = items[i];
            uint32_t shard = shards[i];
            items[i] = items[j], items[j] = item;
            shards[i] = shards[j], shards[j] = shard;
        }
        shard_split(items, n, n_shards, other, &other_plan);
        assert_memory_equal(other, shards, n * sizeof *other);
        assert_true(digest_eq(plan, other_plan));
        seed = keep;
    }
}

/* The best that any split can do, by trying all. */
static uint64_t optimum(const uint64_t *ms, size_t n, uint32_t n_shards)
{
    uint64_t best = UINT64_MAX, n_ways = 1;
    for (size_t i = 0; i < n; i++)
        n_ways *= n_shards;
    for (uint64_t way = 0; way < n_ways; way++) {
        uint64_t load[4] = {0}, worst = 0, w = way;
        for (size_t i = 0; i < n; i++, w /= n_shards)
            load[w % n_shards] += ms[i];
        for (uint32_t s = 0; s < n_shards; s++)
            worst = load[s] > worst ? load[s] : worst;
        best = worst < best ? worst : best;
    }
    return best;
}

static uint64_t longest_shard(const uint64_t *ms, size_t n, uint32_t n_shards)
{
    uint64_t worst = 0;
    for (uint32_t s = 1; s <= n_shards; s++) {
        uint64_t load = 0;
        for (size_t i = 0; i < n; i++)
            load += shards[i] == s ? ms[i] : 0;
        worst = load > worst ? load : worst;
    }
    return worst;
}

static void no_shard_takes_a_third_more_than_the_best_split(void **state)
{
    (void)state;
    uint64_t ms[MAX_ITEMS];
    for (seed = 1; seed < 2000; seed += 7) {
        uint64_t keep = seed;
        size_t n = 1 + pick(7);
        uint32_t n_shards = 2 + (uint32_t)pick(3);
        random_items(n, (int)pick(3));
        if (pick(2)) /* of one magnitude, where it is hardest */
            for (size_t i = 0; i < n; i++)
                items[i].duration_ms = 100 + pick(300);
        for (size_t i = 0; i < n; i++)
            ms[i] = used_ms(n, i);
        shard_split(items, n, n_shards, shards, NULL);
        uint64_t took = longest_shard(ms, n, n_shards), best = optimum(ms, n, n_shards);
        if (3 * n_shards * took > (4 * n_shards - 1) * best)
            fail_msg("%zu targets on %u: %ju ms, best %ju ms", n, n_shards, (uintmax_t)took, (uintmax_t)best);
        seed = keep;
    }
}

static void many_targets_are_balanced_to_within_the_longest(void **state)
{
    (void)state;
    uint64_t ms[MAX_ITEMS];
    for (seed = 1; seed < 2000; seed += 7) {
        uint64_t keep = seed, sum = 0, longest = 0;
        size_t n = 1 + pick(MAX_ITEMS);
        uint32_t n_shards = 1 + (uint32_t)pick(30);
        random_items(n, (int)pick(3));
        for (size_t i = 0; i < n; i++) {
            ms[i] = used_ms(n, i);
            sum += ms[i];
            longest = ms[i] > longest ? ms[i] : longest;
        }
        shard_split(items, n, n_shards, shards, NULL);
        uint64_t took = longest_shard(ms, n, n_shards);
        assert_true(took * n_shards <= sum + longest * (n_shards - 1)); /* any list schedule */
        if (longest * 3 <= sum / n_shards)                              /* so 4/3 of sum / n_shards */
            assert_true(took * n_shards * 3 <= sum * 4);
        seed = keep;
    }
}

static void without_durations_the_sizes_differ_by_at_most_one(void **state)
{
    (void)state;
    for (size_t n = 0; n < 60; n++) {
        for (uint32_t n_shards = 1; n_shards < 20; n_shards++) {
            size_t size[21] = {0};
            random_items(n, 0);
            shard_split(items, n, n_shards, shards, NULL);
            for (size_t i = 0; i < n; i++)
                size[shards[i]]++;
            for (uint32_t s = 1; s <= n_shards; s++)
                assert_in_range(size[s], n / n_shards, (n + n_shards - 1) / n_shards);
        }
    }
    assert_int_equal(shard_unknown_ms(items, 10), 0);
}

static void set_items(size_t n, const uint64_t *ms)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(labels[i], sizeof labels[i], "%c", 'a' + (char)i);
        items[i] = (struct shard_item){labels[i], ms[i]};
    }
}
#define ITEMS(...)                                                                                                     \
    set_items(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (const uint64_t[]){__VA_ARGS__})

static void the_longest_come_first_and_ties_go_by_label_and_number(void **state)
{
    (void)state;
    ITEMS(100, 800, 100, 400, 100);
    shard_split(items, 5, 2, shards, NULL);
    const uint32_t expected[] = {2, 1, 2, 2, 2};
    assert_memory_equal(shards, expected, sizeof expected);
    ITEMS(8, 8, 8, 8);
    shard_split(items, 4, 3, shards, NULL);
    const uint32_t equal[] = {1, 2, 3, 1};
    assert_memory_equal(shards, equal, sizeof equal);
    ITEMS(UINT64_MAX, UINT64_MAX, UINT64_MAX, 1);
    shard_split(items, 4, 2, shards, NULL);
    const uint32_t huge[] = {1, 2, 1, 2};
    assert_memory_equal(shards, huge, sizeof huge);
}

static void an_unknown_duration_is_the_median_of_the_known(void **state)
{
    (void)state;
    ITEMS(0, 1000, 10, 0, 100000);
    assert_int_equal(shard_unknown_ms(items, 5), 1024);
    ITEMS(20, 0, 300);
    assert_int_equal(shard_unknown_ms(items, 3), 24); /* 20 is half way between 16 and 24 */
    ITEMS(1, 2, 3);
    assert_int_equal(shard_unknown_ms(items, 3), 4);
    ITEMS(1000, 0, 1000, 0);
    shard_split(items, 4, 2, shards, NULL);
    const uint32_t expected[] = {1, 2, 1, 2};
    assert_memory_equal(shards, expected, sizeof expected);
}

static void plan(size_t n, uint32_t n_shards, char hex[SHARD_PLAN_HEX])
{
    struct digest d;
    shard_split(items, n, n_shards, shards, &d);
    shard_plan_hex(d, hex);
}

static void small_noise_keeps_the_plan(void **state)
{
    (void)state;
    char a[SHARD_PLAN_HEX], b[SHARD_PLAN_HEX];
    ITEMS(1000, 510, 65, 3000, 0, 2);
    plan(6, 3, a);
    ITEMS(1100, 530, 60, 3200, 0, 1);
    plan(6, 3, b);
    assert_string_equal(a, b);
}

static void the_plan_is_of_the_split(void **state)
{
    (void)state;
    char a[SHARD_PLAN_HEX], b[SHARD_PLAN_HEX];
    ITEMS(1000, 510, 65, 3000);
    plan(4, 2, a);
    plan(4, 3, b);
    assert_string_not_equal(a, b);
    plan(3, 2, b);
    assert_string_not_equal(a, b);
    ITEMS(3000, 510, 65, 1000);
    plan(4, 2, b);
    assert_string_not_equal(a, b);
    ITEMS(1000, 510, 65, 3000);
    labels[2][0] = 'x';
    plan(4, 2, b);
    assert_string_not_equal(a, b);
    /* Other durations that come to the same split are the same plan. */
    ITEMS(1000, 510, 65, 6000);
    plan(4, 2, b);
    assert_string_equal(a, b);
    plan(0, 2, b);
    assert_string_not_equal(a, b);
    plan(2, 3, a); /* more shards than targets, and the same in each */
    plan(2, 4, b);
    assert_string_not_equal(a, b);
}

/* The same plan, the same split: over many random durations of the same targets. */
static void equal_plans_are_equal_splits(void **state)
{
    (void)state;
    static uint32_t seen[400][6];
    static char hex[400][SHARD_PLAN_HEX];
    int n_equal = 0;
    seed = 1;
    for (int k = 0; k < 400; k++) {
        ITEMS(1 + pick(40), 1 + pick(40), 1 + pick(40), 1 + pick(40), pick(2) * 10, 0);
        plan(6, 2, hex[k]);
        memcpy(seen[k], shards, sizeof seen[k]);
        for (int j = 0; j < k; j++) {
            bool same = memcmp(seen[j], seen[k], sizeof seen[k]) == 0;
            assert_int_equal(strcmp(hex[j], hex[k]) == 0, same);
            n_equal += same;
        }
    }
    assert_true(n_equal > 100);
}

static void a_run_without_a_plan_takes_any(void **state)
{
    (void)state;
    struct digest d;
    assert_true(digest_parse("1a2b3c4d5e6f708192a3b4c5d6e7f809", &d));
    assert_true(shard_plan_is(d, ""));
    assert_true(shard_plan_is(d, "1a2b3c4d"));
    assert_false(shard_plan_is(d, "1a2b3c4e"));
}

static void shards_are_parsed(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    uint32_t index, count;
    char hex[SHARD_PLAN_HEX];
    assert_true(shard_parse("2/4", &index, &count, hex, &e));
    assert_int_equal(index, 2);
    assert_int_equal(count, 4);
    assert_string_equal(hex, "");
    assert_true(shard_parse("10000/10000@1a2B3c4D", &index, &count, hex, &e));
    assert_int_equal(index, 10000);
    assert_int_equal(count, 10000);
    assert_string_equal(hex, "1a2b3c4d");
    assert_true(shard_parse("01/1", &index, &count, hex, &e));
    static const char *const bad[] = {"",
                                      "1",
                                      "/",
                                      "1/",
                                      "/2",
                                      "0/4",
                                      "1/0",
                                      "5/4",
                                      "1/10001",
                                      "10001/2",
                                      "-1/4",
                                      "+1/4",
                                      " 1/4",
                                      "1/4 ",
                                      "1 /4",
                                      "1/4@",
                                      "1/4@1a2b",
                                      "1/4/1",
                                      "1/4@1a2b3c4",
                                      "1/4@1a2b3c4g",
                                      "1/4@1a2b3c4dx",
                                      "1.0/4",
                                      "a/b",
                                      "1/4x",
                                      "0x1/4",
                                      "1/4294967297",
                                      "4294967297/4294967298",
                                      "1/4@ a2b3c4d",
                                      "1\\4",
                                      "1/4@1a2b3c4d@"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err_clear(&e);
        if (shard_parse(bad[i], &index, &count, hex, &e))
            fail_msg("'%s' was taken", bad[i]);
        assert_string_equal(e.code, "T002");
        assert_non_null(e.hint);
    }
    err_clear(&e);
    assert_false(shard_parse("5/4", &index, &count, hex, &e));
    assert_string_equal(e.msg, "there is no shard 5 of 4");
    assert_false(shard_parse("four", &index, &count, hex, NULL));
    err_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_target_is_in_exactly_one_shard),
        cmocka_unit_test(the_order_of_the_targets_does_not_count),
        cmocka_unit_test(no_shard_takes_a_third_more_than_the_best_split),
        cmocka_unit_test(many_targets_are_balanced_to_within_the_longest),
        cmocka_unit_test(without_durations_the_sizes_differ_by_at_most_one),
        cmocka_unit_test(the_longest_come_first_and_ties_go_by_label_and_number),
        cmocka_unit_test(an_unknown_duration_is_the_median_of_the_known),
        cmocka_unit_test(small_noise_keeps_the_plan),
        cmocka_unit_test(the_plan_is_of_the_split),
        cmocka_unit_test(equal_plans_are_equal_splits),
        cmocka_unit_test(a_run_without_a_plan_takes_any),
        cmocka_unit_test(shards_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

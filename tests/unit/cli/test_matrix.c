/* SPDX-License-Identifier: MIT
 *
 * The line of JSON that a GitHub workflow takes as its matrix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cli/matrix.h"

static char names[400][24];

static const struct shard_item *shard_items(size_t n, uint64_t ms)
{
    static struct shard_item v[400];
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "t%03zu", i);
        v[i] = (struct shard_item){names[i], ms};
    }
    return v;
}

static void each_target_is_a_job(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    const struct matrix_target v[] = {{"unit", "test"}, {"a \"b\":gen", "build"}, {"services/api:big#2", "test"}};
    assert_true(matrix_targets(&b, v, 3, NULL));
    assert_string_equal(b.p, "{\"include\":[{\"target\":\"unit\",\"kind\":\"test\"},"
                             "{\"target\":\"a \\\"b\\\":gen\",\"kind\":\"build\"},"
                             "{\"target\":\"services/api:big#2\",\"kind\":\"test\"}]}\n");
    buf_clear(&b);
}

static void nothing_is_an_empty_include_that_a_workflow_can_compare(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_true(matrix_targets(&b, NULL, 0, NULL));
    assert_string_equal(b.p, "{\"include\":[]}\n");
    buf_reset(&b);
    assert_true(matrix_shards(&b, NULL, 0, 4, NULL));
    assert_string_equal(b.p, "{\"include\":[]}\n");
    buf_clear(&b);
}

static void each_shard_is_a_job_that_names_the_plan(void **state)
{
    (void)state;
    struct buf b = BUF_INIT, expected = BUF_INIT;
    const struct shard_item v[] = {{"a", 1000}, {"b", 3000}, {"c", 900}, {"d", 0}};
    uint32_t shard_of[4], index, count;
    struct digest plan;
    char hex[SHARD_PLAN_HEX], parsed[SHARD_PLAN_HEX];
    assert_true(matrix_shards(&b, v, 4, 2, NULL));
    shard_split(v, 4, 2, shard_of, &plan);
    shard_plan_hex(plan, hex);
    /* b; and a, c and d, which counts as the median, 1024 */
    buf_printf(&expected,
               "{\"include\":[{\"shard\":\"1/2@%s\",\"targets\":1,\"duration_ms\":3000},"
               "{\"shard\":\"2/2@%s\",\"targets\":3,\"duration_ms\":2924}]}\n",
               hex, hex);
    assert_string_equal(b.p, expected.p);
    /* What a job gets as its --shard is one. */
    char *shard = mem_printf("2/2@%s", hex);
    assert_true(shard_parse(shard, &index, &count, parsed, NULL));
    assert_true(shard_plan_is(plan, parsed));
    mem_free(shard);
    buf_clear(&b);
    buf_clear(&expected);
}

static void empty_shards_are_left_out_and_the_others_keep_their_number(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_true(matrix_shards(&b, shard_items(3, 0), 3, 1000, NULL));
    assert_non_null(strstr(b.p, "{\"shard\":\"1/1000@"));
    assert_non_null(strstr(b.p, "{\"shard\":\"3/1000@"));
    assert_null(strstr(b.p, "\"4/1000@"));
    assert_non_null(strstr(b.p, "\"targets\":1,\"duration_ms\":0}]}\n")); /* no duration is known */
    buf_clear(&b);
}

static void more_jobs_than_github_takes_are_an_error(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    struct matrix_target v[257];
    const struct shard_item *items = shard_items(400, 1000);
    for (size_t i = 0; i < 257; i++)
        v[i] = (struct matrix_target){items[i].label, "test"};
    assert_true(matrix_targets(&b, v, 256, &e));
    buf_reset(&b);
    assert_false(matrix_targets(&b, v, 257, &e));
    assert_int_equal(b.len, 0);
    assert_string_equal(e.code, "T020");
    assert_non_null(strstr(e.msg, "257 targets"));
    assert_non_null(strstr(e.hint, "--shards N"));
    err_clear(&e);
    assert_true(matrix_shards(&b, items, 400, 256, &e));
    buf_reset(&b);
    assert_true(matrix_shards(&b, items, 256, 300, &e)); /* 44 of them are empty */
    buf_reset(&b);
    assert_false(matrix_shards(&b, items, 400, 300, &e));
    assert_int_equal(b.len, 0);
    assert_string_equal(e.code, "T020");
    err_clear(&e);
    buf_clear(&b);
}

static void durations_do_not_overflow(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_true(matrix_shards(&b, shard_items(3, UINT64_MAX), 3, 1, NULL));
    assert_non_null(strstr(b.p, "\"targets\":3,\"duration_ms\":9223372036854775807}"));
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_target_is_a_job),
        cmocka_unit_test(nothing_is_an_empty_include_that_a_workflow_can_compare),
        cmocka_unit_test(each_shard_is_a_job_that_names_the_plan),
        cmocka_unit_test(empty_shards_are_left_out_and_the_others_keep_their_number),
        cmocka_unit_test(more_jobs_than_github_takes_are_an_error),
        cmocka_unit_test(durations_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

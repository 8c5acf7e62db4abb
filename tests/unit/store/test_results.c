/* SPDX-License-Identifier: MIT */
#include "unit/store/store_test.h"

static void results_come_back_as_they_were_put(void **state)
{
    (void)state;
    struct store *s = open_store();
    BEGIN(s);
    for (uint32_t i = 0; i < 500; i++)
        put_model_result(s, i);
    COMMIT(s);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 500; i++)
            assert_true(has_model_result(s, i));
        assert_false(has_model_result(s, 500));
        store_close(s);
        s = open_store();
    }
    store_close(s);
}

static void a_result_replaces_the_one_before(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct store_result other = model_result(2);
    other.key = test_digest("key", 1);
    BEGIN(s);
    MUST(store_put_result(s, &other, &e), &e);
    put_model_result(s, 1);
    COMMIT(s);
    assert_true(has_model_result(s, 1));
    store_close(s);
}

static void a_dropped_result_is_gone(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    BEGIN(s);
    put_model_result(s, 1);
    put_model_result(s, 2);
    COMMIT(s);
    BEGIN(s);
    MUST(store_drop_result(s, test_digest("key", 1), &e), &e);
    MUST(store_drop_result(s, test_digest("key", 77), &e), &e);
    COMMIT(s);
    assert_false(has_model_result(s, 1));
    assert_true(has_model_result(s, 2));
    store_close(s);
}

/* Each column in turn is changed behind the store's back: the row no longer counts, and that is no error. */
static void a_changed_column_makes_the_row_absent(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "outcome = outcome + 1",
        "exit_code = exit_code + 1",
        "signal = signal + 1",
        "finished_ns = finished_ns + 1",
        "duration_ns = duration_ns + 1",
        "attempts = attempts + 1",
        "log = NULL",
        "log = x'00112233445566778899aabbccddeeff'",
        "manifest = x'00112233445566778899aabbccddeeff'",
        "note = note || 'x'",
        "note = ''",
        "note = NULL",
        "target = target || 'x'",
        "outputs = substr(outputs, 2)",
        "outputs = NULL",
        "sum = sum + 1",
        "sum = NULL",
        "key = x'00112233445566778899aabbccddeeff'",
    };
    struct store *s = open_store();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[200];
        BEGIN(s);
        put_model_result(s, 7);
        COMMIT(s);
        assert_true(has_model_result(s, 7));
        snprintf(sql, sizeof sql, "UPDATE results SET %s", changes[i]);
        assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_changes(s->db), 1);
        assert_false(has_model_result(s, 7));
        assert_int_equal(sqlite3_exec(s->db, "DELETE FROM results", NULL, NULL, NULL), SQLITE_OK);
    }
    store_close(s);
}

static void a_row_under_another_key_does_not_count(void **state)
{
    (void)state;
    struct store *s = open_store();
    BEGIN(s);
    put_model_result(s, 7);
    COMMIT(s);
    struct digest other = test_digest("key", 8);
    char hex[DIGEST_HEX], sql[100];
    digest_hex(other, hex);
    snprintf(sql, sizeof sql, "UPDATE results SET key = x'%s'", hex);
    assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_false(has_model_result(s, 8));
    store_close(s);
}

static int64_t query(struct store *s, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return v;
}

static void touching_writes_once_a_day(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct digest key = test_digest("key", 1);
    BEGIN(s);
    put_model_result(s, 1);
    COMMIT(s);
    int64_t put = query(s, "SELECT used FROM results");
    s->test_shift_s = STORE_DAY_S - 100;
    MUST(store_touch_result(s, key, &e), &e);
    assert_int_equal(query(s, "SELECT used FROM results"), put);
    s->test_shift_s = STORE_DAY_S + 100;
    MUST(store_touch_result(s, key, &e), &e);
    assert_true(query(s, "SELECT used FROM results") > put);
    assert_true(has_model_result(s, 1));
    MUST(store_touch_result(s, test_digest("key", 2), &e), &e);
    store_close(s);
}

static struct strvec paths_of(uint32_t i)
{
    struct strvec v = STRVEC_INIT;
    char p[32];
    for (uint32_t k = 0; k < i % 5; k++) {
        snprintf(p, sizeof p, "include/%u/h%u.h", i, 9 - k); /* not sorted */
        strvec_add(&v, p);
    }
    return v;
}

static void put_paths(struct store *s, struct digest weak, uint32_t i)
{
    struct err e = ERR_INIT;
    struct strvec v = paths_of(i);
    MUST(store_put_read_list(s, weak, &v, &e), &e);
    strvec_clear(&v);
}

static bool are_paths_of(const struct strvec *got, uint32_t i)
{
    struct strvec v = paths_of(i);
    strvec_sort(&v);
    bool same = v.n == got->n;
    for (size_t k = 0; same && k < v.n; k++)
        same = strcmp(v.v[k], got->v[k]) == 0;
    strvec_clear(&v);
    return same;
}

static void read_lists_are_newest_first_sorted_and_few(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct digest weak = test_digest("weak", 1);
    struct store_read_lists l;
    MUST(store_get_read_lists(s, weak, &l, &e), &e);
    assert_int_equal(l.n, 0);
    for (uint32_t i = 1; i <= 40; i++) {
        BEGIN(s);
        put_paths(s, weak, i);
        put_paths(s, test_digest("weak", 2), 0);
        COMMIT(s);
    }
    MUST(store_get_read_lists(s, weak, &l, &e), &e);
    assert_int_equal(l.n, STORE_LISTS_KEPT);
    /* Every fifth list is the empty one: it is kept once, as the newest. */
    assert_true(are_paths_of(&l.v[0], 40));
    assert_true(are_paths_of(&l.v[1], 39));
    assert_true(are_paths_of(&l.v[4], 36));
    assert_true(are_paths_of(&l.v[5], 34));
    store_read_lists_clear(&l);
    MUST(store_get_read_lists(s, test_digest("weak", 2), &l, &e), &e);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.v[0].n, 0);
    store_read_lists_clear(&l);
    store_close(s);
}

static void a_list_that_is_put_again_becomes_the_newest(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct digest weak = test_digest("weak", 1);
    static const uint32_t order[] = {1, 2, 3, 1, 1, 3};
    BEGIN(s);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        put_paths(s, weak, order[i]);
    COMMIT(s);
    struct store_read_lists l;
    MUST(store_get_read_lists(s, weak, &l, &e), &e);
    assert_int_equal(l.n, 3);
    assert_true(are_paths_of(&l.v[0], 3));
    assert_true(are_paths_of(&l.v[1], 1));
    assert_true(are_paths_of(&l.v[2], 2));
    store_read_lists_clear(&l);
    store_close(s);
}

static void a_damaged_read_list_is_absent_and_can_be_put_again(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "paths = substr(paths, 3)", "seq = seq + 1", "list = list + 1", "sum = 0", "paths = NULL",
        "seq = 9223372036854775807"};
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct digest weak = test_digest("weak", 1);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[100];
        struct store_read_lists l;
        put_paths(s, weak, 4);
        snprintf(sql, sizeof sql, "UPDATE reads SET %s", changes[i]);
        assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
        MUST(store_get_read_lists(s, weak, &l, &e), &e);
        assert_int_equal(l.n, 0);
        put_paths(s, weak, 4);
        MUST(store_get_read_lists(s, weak, &l, &e), &e);
        assert_int_equal(l.n, 1);
        assert_true(are_paths_of(&l.v[0], 4));
        store_read_lists_clear(&l);
        assert_int_equal(sqlite3_exec(s->db, "DELETE FROM reads", NULL, NULL, NULL), SQLITE_OK);
    }
    store_close(s);
}

static void put_history(struct store *s, const char *repo, uint32_t from, uint32_t to)
{
    struct err e = ERR_INIT;
    BEGIN(s);
    for (uint32_t i = from; i < to; i++) {
        struct store_run r = model_run(i);
        MUST(store_put_run(s, repo, "unit", &r, &e), &e);
    }
    COMMIT(s);
}

static void history_is_newest_first_and_twenty_long(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct store_run got[64];
    size_t n;
    put_history(s, "/repo", 0, 70);
    put_history(s, "/other", 100, 103);
    MUST(store_get_runs(s, "/repo", "unit", false, got, 64, &n, &e), &e);
    assert_int_equal(n, STORE_RUNS_KEPT);
    for (uint32_t i = 0; i < n; i++)
        assert_true(is_model_run(&got[i], 69 - i));
    assert_int_equal(query(s, "SELECT count(*) FROM runs"), STORE_RUNS_KEPT + 3);
    MUST(store_get_runs(s, "/repo", "unit", false, got, 2, &n, &e), &e);
    assert_int_equal(n, 2);
    MUST(store_get_runs(s, "/other", "unit", false, got, 64, &n, &e), &e);
    assert_int_equal(n, 3);
    assert_true(is_model_run(&got[0], 102));
    MUST(store_get_runs(s, "/repo", "unknown", false, got, 64, &n, &e), &e);
    assert_int_equal(n, 0);
    /* Names are framed: "/repo" + "unit" is not "/repou" + "nit". */
    MUST(store_get_runs(s, "/repou", "nit", false, got, 64, &n, &e), &e);
    assert_int_equal(n, 0);
    store_close(s);
}

static void history_can_be_asked_for_passes_alone(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct store_run got[64];
    size_t n;
    put_history(s, "/repo", 0, 15); /* 0, 7 and 14 passed */
    MUST(store_get_runs(s, "/repo", "unit", true, got, 64, &n, &e), &e);
    assert_int_equal(n, 3);
    assert_true(is_model_run(&got[0], 14));
    assert_true(is_model_run(&got[2], 0));
    store_close(s);
}

static void a_damaged_run_is_absent_and_history_goes_on(void **state)
{
    (void)state;
    static const char *const changes[] = {"outcome = 1 + (outcome = 1)",
                                          "key = NULL",
                                          "finished_ns = finished_ns + 1",
                                          "duration_ns = 0",
                                          "log = x'00112233445566778899aabbccddeeff'",
                                          "manifest = x'00112233445566778899aabbccddeeff'",
                                          "exit_code = exit_code + 1",
                                          "signal = signal + 1",
                                          "attempts = 99",
                                          "sum = sum + 1",
                                          "seq = 9223372036854775807",
                                          "seq = -5"};
    struct store *s = open_store();
    struct err e = ERR_INIT;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[100];
        struct store_run got[8];
        size_t n;
        put_history(s, "/repo", 1, 4);
        snprintf(sql, sizeof sql, "UPDATE runs SET %s WHERE seq = 3", changes[i]);
        assert_int_equal(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
        MUST(store_get_runs(s, "/repo", "unit", false, got, 8, &n, &e), &e);
        assert_int_equal(n, 2);
        put_history(s, "/repo", 4, 5);
        MUST(store_get_runs(s, "/repo", "unit", false, got, 8, &n, &e), &e);
        assert_true(n >= 1);
        assert_true(is_model_run(&got[0], 4));
        assert_int_equal(sqlite3_exec(s->db, "DELETE FROM runs", NULL, NULL, NULL), SQLITE_OK);
    }
    store_close(s);
}

static void outputs_that_are_not_whole_are_not_decoded(void **state)
{
    (void)state;
    struct store_result m = model_result(3);
    struct buf b = BUF_INIT;
    row_encode_outputs(m.outputs, 3, &b);
    struct arena a;
    arena_init(&a);
    struct store_output *v;
    size_t n;
    assert_true(row_decode_outputs(b.p, b.len, &a, &v, &n));
    assert_int_equal(n, 3);
    assert_true(row_decode_outputs(NULL, 0, &a, &v, &n));
    assert_int_equal(n, 0);
    for (size_t len = 1; len < b.len; len++) {
        char *cut = mem_alloc(len);
        memcpy(cut, b.p, len);
        assert_int_equal(row_decode_outputs(cut, len, &a, &v, &n), len % (b.len / 3) == 0);
        mem_free(cut);
    }
    put_u32(b.p + 33, 0); /* an empty path */
    assert_false(row_decode_outputs(b.p, b.len, &a, &v, &n));
    put_u32(b.p + 33, UINT32_MAX);
    assert_false(row_decode_outputs(b.p, b.len, &a, &v, &n));
    arena_clear(&a);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(results_come_back_as_they_were_put),
        WITH_DIR(a_result_replaces_the_one_before),
        WITH_DIR(a_dropped_result_is_gone),
        WITH_DIR(a_changed_column_makes_the_row_absent),
        WITH_DIR(a_row_under_another_key_does_not_count),
        WITH_DIR(touching_writes_once_a_day),
        WITH_DIR(read_lists_are_newest_first_sorted_and_few),
        WITH_DIR(a_list_that_is_put_again_becomes_the_newest),
        WITH_DIR(a_damaged_read_list_is_absent_and_can_be_put_again),
        WITH_DIR(history_is_newest_first_and_twenty_long),
        WITH_DIR(history_can_be_asked_for_passes_alone),
        WITH_DIR(a_damaged_run_is_absent_and_history_goes_on),
        cmocka_unit_test(outputs_that_are_not_whole_are_not_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

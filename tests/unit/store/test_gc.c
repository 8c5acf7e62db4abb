/* SPDX-License-Identifier: MIT */
#include "unit/store/store_test.h"

#define HOURS_LATER (2 * STORE_HOUR_S)

static struct store_gc_stats collect(struct store *s, uint64_t max_bytes)
{
    struct err e = ERR_INIT;
    struct store_gc_stats st;
    MUST(store_gc(s, max_bytes, &st, &e), &e);
    return st;
}

/* A blob of len bytes that are all its own. */
static struct digest blob(struct store *s, const char *name, uint32_t i, size_t len)
{
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    struct digest d;
    buf_printf(&b, "%s %u\n", name, i);
    while (b.len < len)
        buf_addc(&b, (char)('a' + b.len % 23));
    MUST(store_put_blob(s, b.p, b.len, &d, &e), &e);
    buf_clear(&b);
    return d;
}

struct record {
    struct digest key, log, manifest, output, set;
};

/* A result with everything that can hang on it: a log, an output file, a manifest, and a blob that the manifest names. */
static struct record put_record(struct store *s, uint32_t i)
{
    struct err e = ERR_INIT;
    struct record rec = {.key = test_digest("key", i)};
    rec.log = blob(s, "log", i, 10000);
    rec.output = blob(s, "output", i, 20000);
    rec.set = blob(s, "set", i, i % 2 ? 9000 : 900);
    struct buf m = BUF_INIT;
    char hex[DIGEST_HEX];
    digest_hex(rec.set, hex);
    buf_printf(&m, "key of %u\nset %s\nset of something else\nset 12\n", i, hex);
    MUST(store_put_blob(s, m.p, m.len, &rec.manifest, &e), &e);
    buf_clear(&m);
    struct store_output out = {.path = "out", .type = 1, .digest = rec.output, .blob = rec.output};
    struct store_result r = {.key = rec.key,
                             .outcome = OUTCOME_PASSED,
                             .finished_ns = store_now_s(s) * INT64_C(1000000000),
                             .log = rec.log,
                             .manifest = rec.manifest,
                             .target = "unit",
                             .outputs = &out,
                             .n_outputs = 1};
    MUST(store_put_result(s, &r, &e), &e);
    struct store_run run = {.outcome = OUTCOME_PASSED,
                            .key = r.key,
                            .finished_ns = r.finished_ns,
                            .log = rec.log,
                            .manifest = rec.manifest};
    char target[32];
    snprintf(target, sizeof target, "unit%u", i);
    MUST(store_put_run(s, "/repo", target, &run, &e), &e);
    return rec;
}

static bool has_result(struct store *s, struct digest key)
{
    struct err e = ERR_INIT;
    struct store_result r;
    bool found;
    MUST(store_get_result(s, key, &r, &found, &e), &e);
    store_result_clear(&r);
    return found;
}

static bool is_whole(struct store *s, const struct record *r)
{
    return store_has_blob(s, r->log) && store_has_blob(s, r->manifest) && store_has_blob(s, r->output) &&
           store_has_blob(s, r->set);
}

static bool is_gone(struct store *s, const struct record *r)
{
    return !has_result(s, r->key) && !store_has_blob(s, r->log) && !store_has_blob(s, r->manifest) &&
           !store_has_blob(s, r->output) && !store_has_blob(s, r->set);
}

#define N 40

/* Files' times are of the real clock: pretending that time went by makes them old. */
static struct store *filled(struct record *rec)
{
    struct store *s = open_store();
    BEGIN(s);
    for (uint32_t i = 0; i < N; i++) {
        s->test_shift_s = (int64_t)i - N; /* number 0 is the oldest */
        rec[i] = put_record(s, i);
    }
    s->test_shift_s = 0;
    COMMIT(s);
    return s;
}

static void nothing_goes_while_the_limit_holds(void **state)
{
    (void)state;
    struct record rec[N];
    struct store *s = filled(rec);
    blob(s, "unreferenced", 1, 50000);
    s->test_shift_s = HOURS_LATER;
    struct store_gc_stats st = collect(s, 100 << 20);
    assert_int_equal(st.removed_results, 0);
    assert_int_equal(st.removed_blobs, 0);
    assert_int_equal(st.before_bytes, st.after_bytes);
    assert_true(st.before_bytes > N * 30000);
    for (uint32_t i = 0; i < N; i++)
        assert_true(has_result(s, rec[i].key) && is_whole(s, &rec[i]));
    store_close(s);
}

static void the_oldest_go_and_the_rest_stays_whole(void **state)
{
    (void)state;
    struct record rec[N];
    struct store *s = filled(rec);
    s->test_shift_s = HOURS_LATER;
    uint64_t limit = N * 20000;
    struct store_gc_stats st = collect(s, limit);
    assert_true(st.before_bytes > limit);
    assert_in_range(st.after_bytes, limit / 3, limit);
    uint32_t first = 0;
    while (first < N && !has_result(s, rec[first].key))
        first++;
    assert_in_range(first, 2, N - 1);
    for (uint32_t i = 0; i < first - 1; i++) /* of the last one the history may still be there */
        assert_true(is_gone(s, &rec[i]));
    assert_int_equal(st.removed_results, first);
    assert_in_range(st.removed_blobs, 4 * (first - 1), 4 * first);
    for (uint32_t i = first; i < N; i++)
        assert_true(has_result(s, rec[i].key) && is_whole(s, &rec[i]));
    struct store_gc_stats again = collect(s, limit);
    assert_int_equal(again.removed_results, 0);
    assert_int_equal(again.before_bytes, st.after_bytes);
    store_close(s);
}

static void unreferenced_blobs_go_first(void **state)
{
    (void)state;
    struct record rec[N];
    struct store *s = filled(rec);
    uint64_t kept = collect(s, UINT64_MAX).before_bytes;
    BEGIN(s);
    struct digest small = blob(s, "unreferenced", 1, 3000), large = blob(s, "unreferenced", 2, 300000);
    COMMIT(s);
    s->test_shift_s = HOURS_LATER;
    struct store_gc_stats st = collect(s, kept + 100000);
    assert_int_equal(st.removed_results, 0);
    assert_int_equal(st.removed_blobs, 2);
    assert_false(store_has_blob(s, small));
    assert_false(store_has_blob(s, large));
    for (uint32_t i = 0; i < N; i++)
        assert_true(has_result(s, rec[i].key) && is_whole(s, &rec[i]));
    store_close(s);
}

static void what_was_put_in_the_last_hour_stays(void **state)
{
    (void)state;
    struct record rec[N];
    struct store *s = filled(rec);
    struct digest loose = blob(s, "unreferenced", 1, 50000);
    struct store_gc_stats st = collect(s, 0);
    assert_int_equal(st.removed_results, 0);
    assert_int_equal(st.removed_blobs, 0);
    assert_true(store_has_blob(s, loose));
    for (uint32_t i = 0; i < N; i++)
        assert_true(has_result(s, rec[i].key) && is_whole(s, &rec[i]));
    store_close(s);
}

static void what_was_touched_goes_last(void **state)
{
    (void)state;
    struct record rec[N];
    struct err e = ERR_INIT;
    struct store *s = filled(rec);
    s->test_shift_s = 2 * STORE_DAY_S;
    BEGIN(s);
    MUST(store_touch_result(s, rec[0].key, &e), &e);
    COMMIT(s);
    s->test_shift_s += HOURS_LATER;
    collect(s, N * 5000);
    assert_true(has_result(s, rec[0].key) && is_whole(s, &rec[0]));
    assert_true(is_gone(s, &rec[1]));
    struct store_run run;
    size_t n;
    MUST(store_get_runs(s, "/repo", "unit0", false, &run, 1, &n, &e), &e);
    assert_int_equal(n, 1); /* its history with it */
    store_close(s);
}

static void with_no_room_everything_old_goes(void **state)
{
    (void)state;
    struct record rec[N];
    struct err e = ERR_INIT;
    struct store *s = filled(rec);
    struct strvec paths = STRVEC_INIT;
    strvec_add(&paths, "a.h");
    MUST(store_put_read_list(s, test_digest("weak", 1), &paths, &e), &e);
    strvec_clear(&paths);
    s->test_shift_s = 3 * STORE_DAY_S; /* a day further than numbers in the future are believed */
    struct store_gc_stats st = collect(s, 0);
    assert_int_equal(st.removed_results, N);
    assert_int_equal(st.removed_blobs, 4 * N);
    assert_true(st.after_bytes < 100000);
    struct store_read_lists l;
    MUST(store_get_read_lists(s, test_digest("weak", 1), &l, &e), &e);
    assert_int_equal(l.n, 0);
    struct store_run run;
    size_t n;
    MUST(store_get_runs(s, "/repo", "unit3", false, &run, 1, &n, &e), &e);
    assert_int_equal(n, 0);
    s->test_shift_s = 0;
    BEGIN(s);
    put_model_result(s, 1);
    COMMIT(s);
    assert_true(has_model_result(s, 1));
    store_close(s);
}

static void a_blob_that_two_results_share_stays_with_the_second(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct digest log = blob(s, "shared", 1, 50000);
    struct store_result r = {.outcome = OUTCOME_PASSED, .log = log, .target = "unit"};
    for (uint32_t i = 0; i < 2; i++) {
        s->test_shift_s = (int64_t)i * STORE_DAY_S;
        r.key = test_digest("key", i);
        MUST(store_put_result(s, &r, &e), &e);
    }
    blob(s, "unreferenced", 1, 2000000);
    s->test_shift_s = STORE_DAY_S + 100; /* the second is young */
    struct store_gc_stats st = collect(s, 0);
    assert_int_equal(st.removed_results, 1);
    assert_int_equal(st.removed_blobs, 1);
    assert_true(store_has_blob(s, log));
    assert_true(has_result(s, test_digest("key", 1)));
    store_close(s);
}

static void damaged_rows_and_left_overs_go(void **state)
{
    (void)state;
    struct record rec[N];
    struct store *s = filled(rec);
    assert_int_equal(sqlite3_exec(s->db, "UPDATE results SET sum = 1 WHERE rowid = 20", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(s->db, "UPDATE runs SET attempts = 77 WHERE tid = 20", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(s->db, "DELETE FROM targets WHERE tid = 21", NULL, NULL, NULL), SQLITE_OK);
    write_file(in_dir("cas-v1/tmp/left-over"), "x", 1);
    write_file(in_dir("store-v1.db.broken"), "x", 1);
    write_file(in_dir("cas-v1/notes.txt"), "not ours", 8);
    s->test_shift_s = HOURS_LATER;
    struct store_gc_stats st = collect(s, (uint64_t)N * 30000);
    assert_true(st.removed_results >= 1);
    assert_true(is_gone(s, &rec[19]));
    assert_true(has_result(s, rec[N - 1].key) && is_whole(s, &rec[N - 1]));
    assert_false(file_exists(in_dir("cas-v1/tmp/left-over")));
    assert_false(file_exists(in_dir("store-v1.db.broken")));
    assert_true(file_exists(in_dir("cas-v1/notes.txt")));
    store_close(s);
}

static void a_second_collector_leaves_it_to_the_first(void **state)
{
    (void)state;
    struct record rec[N];
    struct store *s = filled(rec);
    struct file_lock lock;
    bool got;
    assert_true(file_lock(in_dir("gc.lock"), FILE_LOCK_EXCLUSIVE, true, &lock, &got, NULL));
    s->test_shift_s = HOURS_LATER;
    struct store_gc_stats st = collect(s, 0);
    assert_int_equal(st.removed_results, 0);
    assert_true(st.before_bytes > 0);
    file_unlock(&lock);
    st = collect(s, 0);
    assert_int_equal(st.removed_results, N);
    store_close(s);
}

static void a_reader_in_the_middle_does_not_disturb(void **state)
{
    (void)state;
    struct record rec[N];
    struct store *s = filled(rec), *reader = open_store();
    assert_int_equal(sqlite3_exec(reader->db, "BEGIN; SELECT * FROM results", NULL, NULL, NULL), SQLITE_OK);
    s->test_shift_s = HOURS_LATER;
    struct store_gc_stats st = collect(s, 0);
    assert_int_equal(st.removed_results, N);
    assert_true(has_result(reader, rec[3].key)); /* its view is of before */
    assert_int_equal(sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_false(has_result(reader, rec[3].key));
    store_close(reader);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(nothing_goes_while_the_limit_holds),
        WITH_DIR(the_oldest_go_and_the_rest_stays_whole),
        WITH_DIR(unreferenced_blobs_go_first),
        WITH_DIR(what_was_put_in_the_last_hour_stays),
        WITH_DIR(what_was_touched_goes_last),
        WITH_DIR(with_no_room_everything_old_goes),
        WITH_DIR(a_blob_that_two_results_share_stays_with_the_second),
        WITH_DIR(damaged_rows_and_left_overs_go),
        WITH_DIR(a_second_collector_leaves_it_to_the_first),
        WITH_DIR(a_reader_in_the_middle_does_not_disturb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * A database and its log are cut, overwritten and mixed up in many seeded ways. Whatever is found afterwards must be what
 * was put; not to find it is fine. And the store must be usable again at once. STORE_DAMAGE_CASES=n tries more. */
#include "unit/store/store_test.h"

#define N 250 /* records in the store that is damaged */
#define DB "store-v1.db"

struct image {
    struct buf db, wal;
};

static void put_all(struct store *s, uint32_t from, uint32_t to)
{
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    for (uint32_t i = from; i < to; i++) {
        struct digest d;
        char target[32];
        struct store_run run = model_run(i);
        put_model_result(s, i);
        snprintf(target, sizeof target, "target%u", i % 40);
        MUST(store_put_run(s, "/repo", target, &run, &e), &e);
        model_blob(i, &b);
        if (b.len <= STORE_INLINE_BYTES)
            MUST(store_put_blob(s, b.p, b.len, &d, &e), &e);
        if (i % 5 == 0) {
            struct strvec v = STRVEC_INIT;
            for (uint32_t k = 0; k < 1 + i % 30; k++) {
                buf_reset(&b);
                buf_printf(&b, "/usr/include/%u/%02u.h", i, k);
                strvec_add(&v, buf_cstr(&b));
            }
            MUST(store_put_read_list(s, test_digest("weak", i % 60), &v, &e), &e);
            strvec_clear(&v);
        }
    }
    buf_clear(&b);
}

/* Half of it is in the database, half still in the log, as after a kill -9. */
static void make_image(struct image *im)
{
    struct err e = ERR_INIT;
    struct store *s = open_store();
    BEGIN(s);
    put_all(s, 0, N / 2);
    COMMIT(s);
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    for (uint32_t i = N / 2; i < N; i += 25) {
        BEGIN(s);
        put_all(s, i, i + 25);
        COMMIT(s);
    }
    MUST(file_read(in_dir(DB), SIZE_MAX, &im->db, &e), &e);
    MUST(file_read(in_dir(DB "-wal"), SIZE_MAX, &im->wal, &e), &e);
    store_close(s);
    assert_true(im->db.len > 100000 && im->wal.len > 100000);
}

/* Returns false if what is there differs from what was put. *found counts; an error (recovery) ends the look. */
static bool compare(struct store *s, uint32_t *found)
{
    struct err e = ERR_INIT;
    bool right = true, ok = true;
    struct buf want = BUF_INIT, got = BUF_INIT;
    for (uint32_t i = 0; i < N && ok && right; i++) {
        struct store_result r;
        bool there;
        ok = store_get_result(s, test_digest("key", i), &r, &there, &e);
        right = !ok || !there || is_model_result(&r, i);
        *found += ok && there;
        store_result_clear(&r);
        model_blob(i, &want);
        buf_reset(&got);
        if (ok && right) {
            ok = store_get_blob(s, digest_bytes(want.p, want.len), &got, &there, &e);
            right = !ok || !there || (got.len == want.len && memcmp(got.p, want.p, got.len) == 0);
            *found += ok && there;
        }
    }
    for (uint32_t t = 0; t < 40 && ok && right; t++) {
        struct store_run runs[STORE_RUNS_KEPT];
        size_t n;
        char target[32];
        snprintf(target, sizeof target, "target%u", t);
        ok = store_get_runs(s, "/repo", target, false, runs, STORE_RUNS_KEPT, &n, &e);
        for (size_t k = 0; ok && k < n && right; k++) {
            uint32_t i = (uint32_t)(runs[k].finished_ns - INT64_C(1700000000000000000));
            right = i < N + 100 && i % 40 == t && is_model_run(&runs[k], i);
            *found += right;
        }
    }
    for (uint32_t w = 0; w < 60 && ok && right; w += 5) {
        struct store_read_lists l;
        ok = store_get_read_lists(s, test_digest("weak", w), &l, &e);
        for (size_t k = 0; ok && k < l.n && right; k++) {
            unsigned i = 0;
            right = l.v[k].n > 0 && sscanf(l.v[k].v[0], "/usr/include/%u/00.h", &i) == 1 && i < N + 100 &&
                    i % 60 == w && l.v[k].n == 1 + i % 30;
            for (size_t p = 0; right && p < l.v[k].n; p++) {
                buf_reset(&want);
                buf_printf(&want, "/usr/include/%u/%02u.h", i, (unsigned)p);
                right = strcmp(l.v[k].v[p], buf_cstr(&want)) == 0;
            }
            *found += right;
        }
        store_read_lists_clear(&l);
    }
    if (!ok && strcmp(e.code, "T502") != 0)
        fail_msg("unexpected error %s: %s", e.code, e.msg);
    err_clear(&e);
    buf_clear(&want);
    buf_clear(&got);
    return right;
}

static void scribble(struct buf *b, uint64_t *rnd, size_t at, size_t len)
{
    for (size_t i = at; i < at + len && i < b->len; i++)
        b->p[i] = (char)next_random(rnd);
}

/* One kind of damage, or several of them. */
static void ruin(struct image *im, uint64_t *rnd)
{
    for (uint32_t n = 1 + next_random(rnd) % 3; n > 0; n--) {
        struct buf *b = next_random(rnd) % 3 ? &im->db : &im->wal;
        if (b->len < 2)
            continue;
        size_t at = next_random(rnd) % b->len, other = next_random(rnd) % b->len;
        size_t page = at / 4096 * 4096, page2 = other / 4096 * 4096;
        switch (next_random(rnd) % 9) {
        case 0: /* cut anywhere */
            b->len = at;
            break;
        case 1: /* cut at a page */
            b->len = page;
            break;
        case 2: /* a few bytes */
            scribble(b, rnd, at, 1 + next_random(rnd) % 16);
            break;
        case 3: /* many bytes */
            scribble(b, rnd, at, next_random(rnd) % 20000);
            break;
        case 4: /* the beginning of a page: what SQLite navigates by */
            scribble(b, rnd, page + (page ? 0 : 16) + next_random(rnd) % 100, 1 + next_random(rnd) % 4);
            break;
        case 5: /* one bit */
            b->p[at] ^= (char)(1 << next_random(rnd) % 8);
            break;
        case 6: /* a page in the place of another */
            if (page + 4096 <= b->len && page2 + 4096 <= b->len && page2 > 0)
                memmove(b->p + page2, b->p + page, 4096);
            break;
        case 7: /* a hole, as after a loss of power */
            memset(b->p + page, 0, b->len - page < 8192 ? b->len - page : 8192);
            break;
        case 8: /* the file header */
            scribble(b, rnd, next_random(rnd) % 100, 1 + next_random(rnd) % 4);
            break;
        }
    }
}

static void usable_again(uint32_t number)
{
    struct store *s;
    struct err e = ERR_INIT;
    MUST(store_open(dir, true, &s, NULL, &e), &e);
    /* The first transaction may meet more of the damage; then the store is new. */
    bool ok = false;
    for (int tries = 0; tries < 2 && !ok; tries++) {
        struct store_result r = model_result(N + number % 100);
        struct store_run run = model_run(N + number % 100);
        char target[32];
        snprintf(target, sizeof target, "target%u", (N + number % 100) % 40);
        ok = store_begin(s, &e) && store_put_result(s, &r, &e);
        if (ok && !store_put_run(s, "/repo", target, &run, &e))
            ok = false;
        if (s->tx != TX_NONE)
            ok = store_commit(s, &e) && ok;
        if (!ok)
            assert_string_equal(e.code, "T502");
        err_clear(&e);
    }
    assert_true(ok);
    store_close(s);
}

static void collects(void)
{
    struct store *s;
    struct err e = ERR_INIT;
    struct store_gc_stats st;
    MUST(store_open(dir, true, &s, NULL, &e), &e);
    s->test_shift_s = 2 * STORE_HOUR_S;
    if (!store_gc(s, 100000, &st, &e))
        assert_string_equal(e.code, "T502");
    err_clear(&e);
    store_close(s);
}

static void one_case(const struct image *good, uint64_t seed, uint32_t *found, uint32_t *discarded)
{
    uint64_t rnd = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    struct image im = {BUF_INIT, BUF_INIT};
    buf_add(&im.db, good->db.p, good->db.len);
    buf_add(&im.wal, good->wal.p, good->wal.len);
    ruin(&im, &rnd);
    unlink(in_dir(DB "-shm"));
    unlink(in_dir(DB ".broken"));
    write_file(in_dir(DB), im.db.p, im.db.len);
    write_file(in_dir(DB "-wal"), im.wal.p, im.wal.len);
    if (next_random(&rnd) % 8 == 0)
        write_file(in_dir(DB "-shm"), im.db.p, im.db.len < 32768 ? im.db.len : 32768);

    struct store *s;
    struct errlist w = ERRLIST_INIT;
    struct err e = ERR_INIT;
    bool create = next_random(&rnd) % 4 != 0;
    MUST(store_open(dir, create, &s, &w, &e), &e);
    assert_true(w.n <= 1);
    errlist_clear(&w);
    if (!compare(s, found))
        fail_msg("seed %llu: something that was never put was found", (unsigned long long)seed);
    store_close(s);
    if (seed % 3 == 0)
        collects();
    usable_again((uint32_t)seed);
    MUST(store_open(dir, true, &s, NULL, &e), &e);
    uint32_t ignored = 0;
    if (!compare(s, &ignored))
        fail_msg("seed %llu: something that was never put was found after more was put", (unsigned long long)seed);
    store_close(s);
    *discarded += file_exists(in_dir(DB ".broken"));
    buf_clear(&im.db);
    buf_clear(&im.wal);
}

static void damage_never_gives_a_wrong_answer(void **state)
{
    (void)state;
    struct image good = {BUF_INIT, BUF_INIT};
    const char *more = getenv("STORE_DAMAGE_CASES");
    uint64_t cases = more ? strtoull(more, NULL, 10) : 300;
    uint32_t found = 0, discarded = 0, all = 0;
    make_image(&good);
    struct store *s = open_store();
    assert_true(compare(s, &all));
    store_close(s);
    for (uint64_t seed = 1; seed <= cases; seed++)
        one_case(&good, seed, &found, &discarded);
    /* The test means something only if much survives and much does not. */
    assert_true(found > cases * all / 10);
    assert_true(discarded > cases / 20 && discarded < cases);
    print_message("%llu cases: %u of %llu records found, %u databases discarded\n", (unsigned long long)cases, found,
                  (unsigned long long)(cases * all), discarded);
    buf_clear(&good.db);
    buf_clear(&good.wal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_DIR(damage_never_gives_a_wrong_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

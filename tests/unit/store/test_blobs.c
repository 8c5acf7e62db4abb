/* SPDX-License-Identifier: MIT */
#include "unit/store/store_test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

static struct digest put_blob(struct store *s, const void *p, size_t len)
{
    struct err e = ERR_INIT;
    struct digest d;
    MUST(store_put_blob(s, p, len, &d, &e), &e);
    assert_true(digest_eq(d, digest_bytes(p, len)));
    return d;
}

static bool has_content(struct store *s, struct digest d, const void *p, size_t len)
{
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    bool found;
    MUST(store_get_blob(s, d, &b, &found, &e), &e);
    if (found) {
        assert_int_equal(b.len, len);
        assert_memory_equal(buf_cstr(&b), p, len);
    } else {
        assert_int_equal(b.len, 0);
    }
    buf_clear(&b);
    return found;
}

static const char *file_of(struct store *s, struct digest d)
{
    static char path[400];
    struct buf b = BUF_INIT;
    cas_path(s, d, &b);
    snprintf(path, sizeof path, "%s", buf_cstr(&b));
    buf_clear(&b);
    return path;
}

static char large[20000];

static void fill_large(void)
{
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 + i / 251);
}

static void blobs_of_every_size_come_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4095, STORE_INLINE_BYTES, STORE_INLINE_BYTES + 1, sizeof large};
    struct store *s = open_store();
    fill_large();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        BEGIN(s);
        struct digest d = put_blob(s, large, sizes[i]);
        put_blob(s, large, sizes[i]); /* again */
        COMMIT(s);
        assert_true(store_has_blob(s, d));
        assert_true(has_content(s, d, large, sizes[i]));
        assert_int_equal(file_exists(file_of(s, d)), sizes[i] > STORE_INLINE_BYTES);
    }
    assert_false(store_has_blob(s, test_digest("unknown", 1)));
    assert_false(has_content(s, test_digest("unknown", 1), "", 0));
    assert_false(store_has_blob(s, DIGEST_NONE));
    assert_false(has_content(s, DIGEST_NONE, "", 0));
    store_close(s);
}

static void a_file_is_written_once_and_read_only(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct stat a, b;
    fill_large();
    struct digest d = put_blob(s, large, sizeof large);
    assert_int_equal(stat(file_of(s, d), &a), 0);
    assert_int_equal(a.st_mode & 0777 & ~0444, 0);
    put_blob(s, large, sizeof large);
    assert_int_equal(stat(file_of(s, d), &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    struct err e = ERR_INIT;
    struct digest again;
    write_file(in_dir("source"), large, sizeof large);
    MUST(store_put_file(s, in_dir("source"), &again, &e), &e);
    assert_true(digest_eq(again, d));
    assert_int_equal(stat(file_of(s, d), &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    store_close(s);
}

static void damage(const char *path, off_t at, const char *bytes, size_t len)
{
    assert_int_equal(chmod(path, 0644), 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
}

static void a_damaged_file_is_removed_and_absent(void **state)
{
    (void)state;
    struct store *s = open_store();
    fill_large();
    struct digest d = put_blob(s, large, sizeof large);
    damage(file_of(s, d), 10000, "?", 1);
    assert_false(has_content(s, d, large, sizeof large));
    assert_false(file_exists(file_of(s, d)));
    assert_false(store_has_blob(s, d));
    put_blob(s, large, sizeof large);
    assert_true(has_content(s, d, large, sizeof large));
    /* Cut short: the next put replaces it. */
    assert_int_equal(chmod(file_of(s, d), 0644), 0);
    assert_int_equal(truncate(file_of(s, d), 100), 0);
    put_blob(s, large, sizeof large);
    assert_true(has_content(s, d, large, sizeof large));
    store_close(s);
}

static void a_damaged_small_blob_is_absent_until_it_is_put_again(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct digest d = put_blob(s, "content", 7);
    assert_int_equal(sqlite3_exec(s->db, "UPDATE blobs SET data = 'contend'", NULL, NULL, NULL), SQLITE_OK);
    assert_false(has_content(s, d, "content", 7));
    assert_int_equal(sqlite3_exec(s->db, "UPDATE blobs SET data = NULL", NULL, NULL, NULL), SQLITE_OK);
    assert_false(has_content(s, d, "content", 7));
    put_blob(s, "content", 7);
    assert_true(has_content(s, d, "content", 7));
    store_close(s);
}

static void files_are_restored_with_their_mode(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 5, sizeof large};
    struct store *s = open_store();
    struct err e = ERR_INIT;
    fill_large();
    for (size_t i = 0; i < 3; i++) {
        struct digest d;
        bool found;
        struct stat sb;
        struct buf b = BUF_INIT;
        write_file(in_dir("source"), large, sizes[i]);
        MUST(store_put_file(s, in_dir("source"), &d, &e), &e);
        assert_true(store_has_blob(s, d));
        assert_true(has_content(s, d, large, sizes[i]));
        MUST(store_restore_file(s, d, in_dir("new/folder/copy"), 0755, &found, &e), &e);
        assert_true(found);
        MUST(file_read(in_dir("new/folder/copy"), SIZE_MAX, &b, &e), &e);
        assert_int_equal(b.len, sizes[i]);
        assert_memory_equal(buf_cstr(&b), large, sizes[i]);
        assert_int_equal(stat(in_dir("new/folder/copy"), &sb), 0);
        assert_int_equal(sb.st_mode & 0777, 0755);
        buf_clear(&b);
    }
    store_close(s);
}

static void damaged_content_never_reaches_the_place_of_the_output(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    struct digest d;
    bool found;
    struct buf b = BUF_INIT;
    fill_large();
    write_file(in_dir("source"), large, sizeof large);
    write_file(in_dir("place"), "mine", 4);
    MUST(store_put_file(s, in_dir("source"), &d, &e), &e);
    damage(file_of(s, d), 3, "?", 1);
    MUST(store_restore_file(s, d, in_dir("place"), 0644, &found, &e), &e);
    assert_false(found);
    assert_false(file_exists(file_of(s, d)));
    MUST(file_read(in_dir("place"), SIZE_MAX, &b, &e), &e);
    assert_string_equal(buf_cstr(&b), "mine");
    MUST(store_restore_file(s, d, in_dir("place"), 0644, &found, &e), &e);
    assert_false(found);
    buf_clear(&b);
    /* A place that cannot be written is an error, and the blob stays. */
    MUST(store_put_file(s, in_dir("source"), &d, &e), &e);
    assert_int_equal(mkdir(in_dir("folder"), 0755), 0);
    assert_false(store_restore_file(s, d, in_dir("folder"), 0644, &found, &e));
    assert_non_null(strstr(e.msg, "folder"));
    err_clear(&e);
    assert_true(store_has_blob(s, d));
    assert_false(store_put_file(s, in_dir("no such file"), &d, &e));
    assert_string_equal(e.code, "T401");
    err_clear(&e);
    store_close(s);
}

static atomic_bool stop;

static void *rewrite(void *arg)
{
    int fd = open(arg, O_WRONLY | O_CLOEXEC);
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        char block[4096];
        memset(block, (int)(i % 251), sizeof block);
        if (pwrite(fd, block, sizeof block, (off_t)(i % 50) * 4096) != (ssize_t)sizeof block)
            break;
    }
    close(fd);
    return NULL;
}

/* Whatever was copied, it is stored under the digest of just that. */
static void a_source_that_changes_meanwhile_is_stored_under_its_own_digest(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    char path[400];
    snprintf(path, sizeof path, "%s", in_dir("source"));
    struct buf b = BUF_INIT;
    buf_reserve(&b, 50 * 4096);
    memset(b.p, 'x', 50 * 4096);
    write_file(path, b.p, 50 * 4096);
    atomic_store(&stop, false);
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, rewrite, path), 0);
    for (int i = 0; i < 60; i++) {
        struct digest d, content;
        MUST(store_put_file(s, path, &d, &e), &e);
        MUST(file_digest(file_of(s, d), &content, &e), &e);
        assert_true(digest_eq(d, content));
    }
    atomic_store(&stop, true);
    pthread_join(t, NULL);
    buf_clear(&b);
    store_close(s);
}

struct reader {
    struct store *s;
    bool ok;
};

static void *read_blobs(void *arg)
{
    struct reader *r = arg;
    struct buf b = BUF_INIT, want = BUF_INIT;
    for (int round = 0; round < 20 && r->ok; round++) {
        for (uint32_t i = 0; i < 100 && r->ok; i++) {
            bool found;
            model_blob(i, &want);
            buf_reset(&b);
            struct digest d = digest_bytes(want.p, want.len);
            r->ok = store_get_blob(r->s, d, &b, &found, NULL) && found && b.len == want.len &&
                    memcmp(b.p, want.p, b.len) == 0 && store_has_blob(r->s, d);
        }
    }
    buf_clear(&b);
    buf_clear(&want);
    return NULL;
}

static void blobs_are_read_in_threads_while_the_owner_writes(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct buf b = BUF_INIT;
    BEGIN(s);
    for (uint32_t i = 0; i < 100; i++) {
        model_blob(i, &b);
        put_blob(s, b.p, b.len);
    }
    COMMIT(s);
    pthread_t t[3];
    struct reader r[3];
    for (int i = 0; i < 3; i++) {
        r[i] = (struct reader){s, true};
        assert_int_equal(pthread_create(&t[i], NULL, read_blobs, &r[i]), 0);
    }
    for (uint32_t i = 0; i < 300; i++) {
        BEGIN(s);
        put_model_result(s, i);
        COMMIT(s);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
        assert_true(r[i].ok);
    }
    buf_clear(&b);
    store_close(s);
}

static void says_no_space(const struct err *e)
{
    assert_string_equal(e->code, "T504");
    assert_non_null(strstr(e->msg, dir));
    assert_non_null(strstr(e->hint, "TGRAPH_CACHE_DIR"));
}

static void a_full_database_gives_up_the_transaction_alone(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    BEGIN(s);
    for (uint32_t i = 0; i < 100; i++)
        put_model_result(s, i);
    COMMIT(s);
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA max_page_count = 40", NULL, NULL, NULL), SQLITE_OK);
    for (int round = 0; round < 2; round++) {
        BEGIN(s);
        uint32_t i = 1000;
        struct store_result r = model_result(i);
        while (i < 10000 && store_put_result(s, &r, &e))
            r = model_result(++i);
        assert_in_range(i, 1001, 9999);
        says_no_space(&e);
        assert_false(store_put_result(s, &r, &e)); /* it stays given up, for the same reason */
        says_no_space(&e);
        struct store_run run = model_run(1);
        assert_false(store_put_run(s, "/r", "t", &run, &e));
        assert_false(store_commit(s, &e));
        says_no_space(&e);
    }
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL), SQLITE_OK);
    BEGIN(s);
    put_model_result(s, 200);
    COMMIT(s);
    for (uint32_t i = 0; i < 100; i++)
        assert_true(has_model_result(s, i));
    assert_false(has_model_result(s, 1000));
    assert_true(has_model_result(s, 200));
    err_clear(&e);
    store_close(s);
}

/* In a child: the size of any file is limited, as a disk is. */
static void a_file_that_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    struct store *s = open_store();
    fill_large();
    write_file(in_dir("source"), large, sizeof large);
    struct digest d = digest_bytes(large, sizeof large);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit lim = {8192, 8192};
        struct err e = ERR_INIT;
        struct digest out;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &lim);
        bool a = store_put_blob(s, large, sizeof large, &out, &e);
        bool said = strcmp(e.code, "T504") == 0 && strstr(e.msg, dir) && e.hint;
        err_clear(&e);
        bool b = store_put_file(s, in_dir("source"), &out, &e);
        said = said && strcmp(e.code, "T504") == 0 && strstr(e.msg, dir) && e.hint && digest_is_none(out);
        _exit(!a && !b && said && !store_has_blob(s, d) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(rmdir(in_dir("cas-v1/tmp")), 0); /* empty */
    store_close(s);
}

/* 0 = fine, 1 = not, 77 = no tmpfs to be had. */
static int fill_a_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0)
        return 77;
    struct store *s;
    struct err e = ERR_INIT;
    struct digest d;
    if (!store_open(dir, true, &s, NULL, &e))
        return 1;
    bool ok = true;
    uint32_t stored = 0, i = 0;
    while (ok && i < 100000) { /* each in its own transaction, until the log no longer grows */
        struct store_result r = model_result(i);
        ok = store_begin(s, &e) && store_put_result(s, &r, &e) && store_commit(s, &e);
        if (ok)
            stored = ++i;
    }
    if (ok || strcmp(e.code, "T504") != 0 || !strstr(e.msg, dir))
        return 1;
    if (s->tx == TX_FAILED)
        store_commit(s, NULL);
    fill_large();
    if (store_put_blob(s, large, sizeof large, &d, &e) || strcmp(e.code, "T504") != 0)
        return 1;
    store_close(s);
    if (!store_open(dir, true, &s, NULL, &e))
        return 1;
    for (i = 0; i < stored; i++) {
        struct store_result r;
        bool found;
        if (!store_get_result(s, test_digest("key", i), &r, &found, &e) || !found || !is_model_result(&r, i))
            return 1;
        store_result_clear(&r);
    }
    store_close(s);
    err_clear(&e);
    return 0;
}

static void a_full_disk_is_told_and_loses_nothing(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fill_a_disk());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(blobs_of_every_size_come_back),
        WITH_DIR(a_file_is_written_once_and_read_only),
        WITH_DIR(a_damaged_file_is_removed_and_absent),
        WITH_DIR(a_damaged_small_blob_is_absent_until_it_is_put_again),
        WITH_DIR(files_are_restored_with_their_mode),
        WITH_DIR(damaged_content_never_reaches_the_place_of_the_output),
        WITH_DIR(a_source_that_changes_meanwhile_is_stored_under_its_own_digest),
        WITH_DIR(blobs_are_read_in_threads_while_the_owner_writes),
        WITH_DIR(a_full_database_gives_up_the_transaction_alone),
        WITH_DIR(a_file_that_does_not_fit_leaves_nothing_behind),
        WITH_DIR(a_full_disk_is_told_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "unit/store/store_test.h"

#define DB "store-v1.db"

static size_t count_names(void)
{
    size_t n = 0;
    char cmd[400];
    snprintf(cmd, sizeof cmd, "ls -A '%s' | wc -l", dir);
    FILE *f = popen(cmd, "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%zu", &n), 1);
    pclose(f);
    return n;
}

static void put_some(struct store *s, uint32_t from, uint32_t to)
{
    BEGIN(s);
    for (uint32_t i = from; i < to; i++)
        put_model_result(s, i);
    COMMIT(s);
}

static void writes_fail(struct store *s, const char *code)
{
    struct err e = ERR_INIT;
    struct digest d;
    struct store_result r = model_result(1);
    struct store_run run = model_run(1);
    struct strvec v = STRVEC_INIT;
    struct store_gc_stats st;
    assert_false(store_begin(s, &e));
    assert_string_equal(e.code, code);
    assert_non_null(strstr(e.msg, s->dir));
    assert_non_null(e.hint);
    assert_false(store_put_result(s, &r, NULL));
    assert_false(store_put_run(s, "/r", "t", &run, NULL));
    assert_false(store_put_read_list(s, r.key, &v, NULL));
    assert_false(store_drop_result(s, r.key, NULL));
    assert_false(store_touch_result(s, r.key, NULL));
    assert_false(store_put_blob(s, "x", 1, &d, NULL));
    char large[STORE_INLINE_BYTES + 1] = {0};
    assert_false(store_put_blob(s, large, sizeof large, &d, NULL));
    assert_false(store_put_file(s, "/proc/self/cmdline", &d, NULL));
    assert_false(store_gc(s, 0, &st, NULL));
    err_clear(&e);
}

static void knows_nothing(struct store *s)
{
    struct err e = ERR_INIT;
    struct store_run run;
    struct store_read_lists l;
    struct buf b = BUF_INIT;
    size_t n;
    bool found;
    assert_false(has_model_result(s, 1));
    MUST(store_get_runs(s, "/r", "t", false, &run, 1, &n, &e), &e);
    assert_int_equal(n, 0);
    MUST(store_get_read_lists(s, test_digest("weak", 1), &l, &e), &e);
    assert_int_equal(l.n, 0);
    assert_false(store_has_blob(s, test_digest("blob", 1)));
    MUST(store_get_blob(s, test_digest("blob", 1), &b, &found, &e), &e);
    assert_false(found);
    MUST(store_restore_file(s, test_digest("blob", 1), in_dir("place"), 0644, &found, &e), &e);
    assert_false(found);
}

static void looking_creates_nothing(void **state)
{
    (void)state;
    struct store *s;
    struct err e = ERR_INIT;
    MUST(store_open(dir, false, &s, NULL, &e), &e);
    knows_nothing(s);
    writes_fail(s, "T503");
    store_close(s);
    assert_int_equal(count_names(), 0);
    char below[400];
    snprintf(below, sizeof below, "%s", in_dir("not/there"));
    MUST(store_open(below, false, &s, NULL, &e), &e);
    knows_nothing(s);
    store_close(s);
    assert_int_equal(count_names(), 0);
}

static void a_store_without_leave_to_create_finds_what_is_there(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct err e = ERR_INIT;
    put_some(s, 0, 10);
    store_close(s);
    MUST(store_open(dir, false, &s, NULL, &e), &e);
    for (uint32_t i = 0; i < 10; i++)
        assert_true(has_model_result(s, i));
    store_close(s);
}

static void folders_are_made(void **state)
{
    (void)state;
    struct store *s;
    struct err e = ERR_INIT;
    char below[400];
    snprintf(below, sizeof below, "%s", in_dir("a/b/c"));
    MUST(store_open(below, true, &s, NULL, &e), &e);
    put_some(s, 0, 1);
    assert_true(has_model_result(s, 0));
    store_close(s);
}

static void a_folder_that_cannot_be_made_stores_nothing_and_says_why(void **state)
{
    (void)state;
    struct store *s;
    struct err e = ERR_INIT;
    char below[400];
    write_file(in_dir("file"), "x", 1);
    snprintf(below, sizeof below, "%s", in_dir("file/cache"));
    MUST(store_open(below, true, &s, NULL, &e), &e);
    knows_nothing(s);
    writes_fail(s, "T503");
    store_close(s);
}

/* As somebody who may read but not write: status 0 if all is as it should be. */
static void as_a_reader(void (*fn)(void))
{
    assert_int_equal(chmod(dir, 0555), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(1);
        fn(); /* a failing assertion ends the child with another status */
        _exit(42);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void read_only(void)
{
    for (int create = 0; create < 2; create++) {
        struct store *s;
        struct err e = ERR_INIT;
        struct errlist w = ERRLIST_INIT;
        MUST(store_open(dir, create, &s, &w, &e), &e);
        assert_int_equal(w.n, 0);
        for (uint32_t i = 0; i < 10; i++) {
            if (!has_model_result(s, i))
                _exit(2);
        }
        writes_fail(s, "T503");
        store_close(s);
    }
}

static void read_only_and_empty(void)
{
    struct store *s;
    struct err e = ERR_INIT;
    MUST(store_open(dir, true, &s, NULL, &e), &e);
    knows_nothing(s);
    writes_fail(s, "T503");
    store_close(s);
}

static void a_read_only_folder_is_read(void **state)
{
    (void)state;
    as_a_reader(read_only_and_empty);
    struct store *s = open_store();
    put_some(s, 0, 10);
    store_close(s);
    assert_true(file_exists(in_dir(DB "-wal")));
    as_a_reader(read_only); /* with a log that was left */
    s = open_store();
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    store_close(s);
    unlink(in_dir(DB "-wal"));
    unlink(in_dir(DB "-shm"));
    as_a_reader(read_only); /* and as a copy of the database alone */
}

static void one_warning(const struct errlist *w, const char *code)
{
    assert_int_equal(w->n, 1);
    assert_string_equal(w->v[0].code, code);
    assert_int_equal(w->v[0].level, ERR_WARNING);
    assert_non_null(strstr(w->v[0].msg, dir));
}

static void begins_anew(const char *code)
{
    struct store *s;
    struct err e = ERR_INIT;
    struct errlist w = ERRLIST_INIT;
    /* Who may not create, does not move things either. */
    MUST(store_open(dir, false, &s, &w, &e), &e);
    one_warning(&w, code);
    errlist_clear(&w);
    assert_false(has_model_result(s, 1));
    store_close(s);
    assert_false(file_exists(in_dir(DB ".broken")));

    MUST(store_open(dir, true, &s, &w, &e), &e);
    one_warning(&w, code);
    errlist_clear(&w);
    assert_false(has_model_result(s, 1));
    put_some(s, 0, 5);
    store_close(s);
    assert_true(file_exists(in_dir(DB ".broken")));
    s = open_store(); /* no second warning */
    assert_true(has_model_result(s, 1));
    store_close(s);
}

static void a_database_of_another_version_is_moved_aside(void **state)
{
    (void)state;
    struct store *s = open_store();
    put_some(s, 0, 5);
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    store_close(s);
    begins_anew("T507");
}

static void a_file_that_is_no_database_is_moved_aside(void **state)
{
    (void)state;
    char garbage[9000];
    memset(garbage, 'g', sizeof garbage);
    write_file(in_dir(DB), garbage, sizeof garbage);
    begins_anew("T502");
}

static void a_broken_one_that_lies_there_already_goes(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        unlink(in_dir(DB ".broken"));
        if (i == 1)
            assert_int_equal(mkdir(in_dir(DB ".broken"), 0755), 0);
        struct errlist w = ERRLIST_INIT;
        struct store *s;
        struct err e = ERR_INIT;
        write_file(in_dir(DB), "garbage", 7);
        write_file(in_dir(DB "-wal"), "garbage", 7);
        MUST(store_open(dir, true, &s, &w, &e), &e);
        one_warning(&w, "T502");
        errlist_clear(&w);
        put_some(s, 0, 5);
        store_close(s);
        rmdir(in_dir(DB ".broken"));
    }
}

static void an_empty_file_becomes_a_database(void **state)
{
    (void)state;
    write_file(in_dir(DB), "", 0);
    write_file(in_dir(DB "-wal"), "garbage", 7);
    struct store *s = open_store();
    put_some(s, 0, 5);
    store_close(s);
    s = open_store();
    assert_true(has_model_result(s, 4));
    store_close(s);
}

static void a_log_of_garbage_is_survived(void **state)
{
    (void)state;
    struct store *s = open_store();
    put_some(s, 0, 50);
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    store_close(s);
    char garbage[70000];
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)next_random(&seed);
    write_file(in_dir(DB "-wal"), garbage, sizeof garbage);
    write_file(in_dir(DB "-shm"), garbage, 32768);
    s = open_store();
    for (uint32_t i = 0; i < 50; i++)
        assert_true(has_model_result(s, i));
    put_some(s, 50, 60);
    store_close(s);
    s = open_store();
    assert_true(has_model_result(s, 55));
    store_close(s);
}

/* Overwrites all pages but the first few, which hold the schema. */
static void ruin_leaves(void)
{
    struct stat sb;
    char page[4096];
    memset(page, 0xa5, sizeof page);
    assert_int_equal(stat(in_dir(DB), &sb), 0);
    int fd = open(in_dir(DB), O_WRONLY | O_CLOEXEC);
    for (off_t at = 3 * 4096; at < sb.st_size; at += 4096)
        assert_int_equal(pwrite(fd, page, sizeof page, at), 4096);
    close(fd);
}

static struct store *open_ruined(void)
{
    struct store *s = open_store();
    put_some(s, 0, 500);
    assert_int_equal(sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    store_close(s);
    ruin_leaves();
    return open_store();
}

static void damage_that_is_met_when_reading_is_recovered_from(void **state)
{
    (void)state;
    struct store *s = open_ruined();
    struct err e = ERR_INIT;
    struct store_result r;
    bool found;
    assert_false(store_get_result(s, test_digest("key", 1), &r, &found, &e));
    assert_false(found);
    assert_string_equal(e.code, "T502");
    assert_int_equal(e.level, ERR_WARNING);
    err_clear(&e);
    for (uint32_t i = 0; i < 500; i++)
        assert_false(has_model_result(s, i)); /* and no second error */
    put_some(s, 0, 10);
    assert_true(has_model_result(s, 3));
    store_close(s);
    assert_true(file_exists(in_dir(DB ".broken")));
    s = open_store();
    assert_true(has_model_result(s, 3));
    store_close(s);
}

static void damage_that_is_met_when_writing_gives_up_that_transaction(void **state)
{
    (void)state;
    struct store *s = open_ruined();
    struct err e = ERR_INIT;
    struct store_result r = model_result(1000);
    BEGIN(s);
    assert_false(store_put_result(s, &r, &e));
    assert_string_equal(e.code, "T502");
    assert_int_equal(e.level, ERR_WARNING);
    err_clear(&e);
    assert_false(store_put_result(s, &r, NULL));
    assert_false(store_commit(s, &e));
    assert_string_equal(e.code, "T502");
    err_clear(&e);
    put_some(s, 1000, 1010);
    assert_true(has_model_result(s, 1001));
    store_close(s);
}

static void who_may_not_create_knows_nothing_after_damage(void **state)
{
    (void)state;
    struct store *s = open_ruined(), *reader;
    struct err e = ERR_INIT;
    struct store_result r;
    bool found;
    store_close(s);
    MUST(store_open(dir, false, &reader, NULL, &e), &e);
    assert_false(store_get_result(reader, test_digest("key", 1), &r, &found, &e));
    assert_string_equal(e.code, "T502");
    err_clear(&e);
    knows_nothing(reader);
    store_close(reader);
    assert_false(file_exists(in_dir(DB ".broken")));
}

/* Two stores in one process stand for two processes. */
static void who_still_has_the_moved_one_open_goes_on_with_the_new_one(void **state)
{
    (void)state;
    struct store *a = open_store(), *b;
    struct err e = ERR_INIT;
    put_some(a, 0, 10);
    BEGIN(a);
    put_model_result(a, 11);
    assert_int_equal(rename(in_dir(DB), in_dir(DB ".broken")), 0);
    assert_int_equal(rename(in_dir(DB "-wal"), in_dir(DB ".broken-wal")), 0);
    assert_int_equal(rename(in_dir(DB "-shm"), in_dir(DB ".broken-shm")), 0);
    b = open_store();
    put_some(b, 20, 30);
    assert_false(store_commit(a, &e)); /* it went to a database that nobody will look at */
    assert_string_equal(e.code, "T502");
    err_clear(&e);
    put_some(a, 11, 12);
    assert_true(has_model_result(a, 25));
    assert_true(has_model_result(b, 11));
    store_close(a);
    put_some(b, 30, 40);
    store_close(b);
    a = open_store();
    assert_true(has_model_result(a, 11));
    assert_true(has_model_result(a, 25));
    assert_true(has_model_result(a, 35));
    store_close(a);
}

static void who_meets_damage_second_does_not_discard_what_the_first_began(void **state)
{
    (void)state;
    struct store *a = open_ruined(), *b = open_store();
    struct err e = ERR_INIT;
    struct store_result r;
    bool found;
    assert_false(store_get_result(a, test_digest("key", 1), &r, &found, NULL));
    put_some(a, 600, 610);
    assert_false(store_get_result(b, test_digest("key", 1), &r, &found, &e));
    assert_string_equal(e.code, "T502");
    err_clear(&e);
    assert_true(has_model_result(b, 605));
    put_some(b, 610, 620);
    store_close(a);
    store_close(b);
    a = open_store();
    assert_true(has_model_result(a, 605));
    assert_true(has_model_result(a, 615));
    store_close(a);
}

static void a_cache_that_is_deleted_while_it_is_open_is_made_again(void **state)
{
    (void)state;
    struct store *s = open_store();
    put_some(s, 0, 10);
    assert_true(file_remove_tree(dir, NULL));
    put_some(s, 10, 20);
    assert_true(has_model_result(s, 15));
    store_close(s);
    s = open_store();
    assert_true(has_model_result(s, 15));
    assert_false(has_model_result(s, 5));
    store_close(s);
}

static void a_store_that_stays_locked_is_an_error(void **state)
{
    (void)state;
    struct store *a = open_store(), *b = open_store();
    struct err e = ERR_INIT;
    put_some(a, 0, 10);
    BEGIN(a);
    put_model_result(a, 50);
    sqlite3_busy_timeout(b->db, 1);
    assert_false(store_begin(b, &e));
    assert_string_equal(e.code, "T506");
    err_clear(&e);
    assert_true(has_model_result(b, 5)); /* readers are not held up, and do not see what is not committed */
    assert_false(has_model_result(b, 50));
    COMMIT(a);
    assert_true(has_model_result(b, 50));
    put_some(b, 60, 61);
    store_close(a);
    store_close(b);
}

static void a_folder_in_the_place_of_the_database_is_an_error(void **state)
{
    (void)state;
    struct store *s = NULL;
    struct err e = ERR_INIT;
    assert_int_equal(mkdir(in_dir(DB), 0755), 0);
    assert_false(store_open(dir, true, &s, NULL, &e));
    assert_null(s);
    assert_string_equal(e.code, "T501");
    assert_non_null(e.hint);
    err_clear(&e);
}

static void paths_with_odd_characters_work(void **state)
{
    (void)state;
    struct store *s;
    struct err e = ERR_INIT;
    char below[400];
    snprintf(below, sizeof below, "%s", in_dir("file:a?b#c%20 \xc3\xa4'"));
    MUST(store_open(below, true, &s, NULL, &e), &e);
    put_some(s, 0, 3);
    assert_true(has_model_result(s, 2));
    store_close(s);
    snprintf(below + strlen(below), 40, "/store-v1.db");
    assert_true(file_exists(below));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(looking_creates_nothing),
        WITH_DIR(a_store_without_leave_to_create_finds_what_is_there),
        WITH_DIR(folders_are_made),
        WITH_DIR(a_folder_that_cannot_be_made_stores_nothing_and_says_why),
        WITH_DIR(a_read_only_folder_is_read),
        WITH_DIR(a_database_of_another_version_is_moved_aside),
        WITH_DIR(a_file_that_is_no_database_is_moved_aside),
        WITH_DIR(a_broken_one_that_lies_there_already_goes),
        WITH_DIR(an_empty_file_becomes_a_database),
        WITH_DIR(a_log_of_garbage_is_survived),
        WITH_DIR(damage_that_is_met_when_reading_is_recovered_from),
        WITH_DIR(damage_that_is_met_when_writing_gives_up_that_transaction),
        WITH_DIR(who_may_not_create_knows_nothing_after_damage),
        WITH_DIR(who_still_has_the_moved_one_open_goes_on_with_the_new_one),
        WITH_DIR(who_meets_damage_second_does_not_discard_what_the_first_began),
        WITH_DIR(a_cache_that_is_deleted_while_it_is_open_is_made_again),
        WITH_DIR(a_store_that_stays_locked_is_an_error),
        WITH_DIR(a_folder_in_the_place_of_the_database_is_an_error),
        WITH_DIR(paths_with_odd_characters_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

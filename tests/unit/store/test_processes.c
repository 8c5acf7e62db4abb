/* SPDX-License-Identifier: MIT
 *
 * Several processes on one store. A child reports by its exit status (0 = all was right) and, where the parent has to
 * know how far it came, by bytes on a pipe. */
#include "unit/store/store_test.h"

#include <signal.h>

static pid_t start(int (*fn)(uint32_t), uint32_t arg)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fn(arg));
    return pid;
}

static void all_succeed(const pid_t *pids, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        if (status != 0) {
            print_message("process %zu: status %x\n", i, (unsigned)status);
            ok = false;
        }
    }
    assert_true(ok);
}

/* 0 = absent, 1 = there and right, -1 = wrong or an error. */
static int look(struct store *s, uint32_t i)
{
    struct store_result r;
    bool found;
    int answer = -1;
    if (store_get_result(s, test_digest("key", i), &r, &found, NULL))
        answer = !found ? 0 : is_model_result(&r, i) ? 1 : -1;
    store_result_clear(&r);
    return answer;
}

static bool put(struct store *s, uint32_t i)
{
    struct store_result r = model_result(i);
    struct store_run run = model_run(i);
    struct buf b = BUF_INIT;
    struct digest d;
    model_blob(i, &b);
    bool ok = store_put_result(s, &r, NULL) && store_put_run(s, "/repo", "shared", &run, NULL) &&
              store_put_blob(s, b.p, b.len, &d, NULL);
    buf_clear(&b);
    return ok;
}

static bool has_model_blob(struct store *s, uint32_t i)
{
    struct buf want = BUF_INIT, got = BUF_INIT;
    bool found;
    model_blob(i, &want);
    bool ok = store_get_blob(s, digest_bytes(want.p, want.len), &got, &found, NULL) && found && got.len == want.len &&
              memcmp(got.p, want.p, got.len) == 0;
    buf_clear(&want);
    buf_clear(&got);
    return ok;
}

#define PROCESSES 4
#define GROUPS 120
#define GROUP 10

static int hammer(uint32_t who)
{
    struct store *s;
    uint64_t rnd = who + 1;
    if (!store_open(dir, true, &s, NULL, NULL))
        return 1;
    for (uint32_t g = 0; g < GROUPS; g++) {
        uint32_t base = (who * GROUPS + g) * GROUP;
        if (!store_begin(s, NULL))
            return 2;
        for (uint32_t i = 0; i < GROUP; i++) {
            if (!put(s, base + i))
                return 3;
        }
        if (!store_commit(s, NULL))
            return 4;
        for (int k = 0; k < 20; k++) {
            if (look(s, next_random(&rnd) % (PROCESSES * GROUPS * GROUP)) < 0)
                return 5;
        }
        if (look(s, base) != 1 || !has_model_blob(s, base + GROUP - 1))
            return 6;
        if (g % 30 == 29) { /* closing and opening beside the others */
            store_close(s);
            if (!store_open(dir, true, &s, NULL, NULL))
                return 7;
        }
    }
    store_close(s);
    return 0;
}

static void four_processes_put_and_get(void **state)
{
    (void)state;
    pid_t pids[PROCESSES];
    for (uint32_t i = 0; i < PROCESSES; i++)
        pids[i] = start(hammer, i);
    all_succeed(pids, PROCESSES);
    struct store *s = open_store();
    for (uint32_t i = 0; i < PROCESSES * GROUPS * GROUP; i++) {
        assert_int_equal(look(s, i), 1);
        assert_true(has_model_blob(s, i));
    }
    struct store_run runs[64];
    size_t n;
    assert_true(store_get_runs(s, "/repo", "shared", false, runs, 64, &n, NULL));
    assert_int_equal(n, STORE_RUNS_KEPT);
    store_close(s);
}

static int report_fd;

/* Writes until it is killed. Each committed group is reported by one byte. */
static int write_for_ever(uint32_t first)
{
    struct store *s;
    if (!store_open(dir, true, &s, NULL, NULL))
        return 1;
    for (uint32_t g = 0;; g++) {
        if (!store_begin(s, NULL))
            return 2;
        for (uint32_t i = 0; i < 5; i++) {
            if (!put(s, first + g * 5 + i))
                return 3;
        }
        if (!store_commit(s, NULL) || write(report_fd, "c", 1) != 1)
            return 4;
    }
}

static void what_was_committed_survives_kill_9(void **state)
{
    (void)state;
    uint64_t rnd = 9;
    for (uint32_t round = 0; round < 100; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        report_fd = fds[1];
        uint32_t first = round * 100000;
        pid_t pid = start(write_for_ever, first);
        close(fds[1]);
        char c[64];
        size_t groups = 0, enough = next_random(&rnd) % 12;
        while (groups < enough) {
            ssize_t n = read(fds[0], c, sizeof c);
            assert_true(n > 0);
            groups += (size_t)n;
        }
        for (volatile uint32_t spin = next_random(&rnd) % 200000; spin > 0; spin--)
            ;
        assert_int_equal(kill(pid, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        for (ssize_t n; (n = read(fds[0], c, sizeof c)) > 0;)
            groups += (size_t)n;
        close(fds[0]);
        struct store *s = open_store();
        for (uint32_t i = 0; i < groups * 5; i++) {
            assert_int_equal(look(s, first + i), 1);
            assert_true(has_model_blob(s, first + i));
        }
        store_close(s);
    }
}

static int recover(uint32_t who)
{
    struct store *s;
    if (!store_open(dir, true, &s, NULL, NULL))
        return 1;
    /* Whoever wrote to the one that is being moved aside learns it and does it again. */
    for (int tries = 0; tries < 10; tries++) {
        struct err e = ERR_INIT;
        bool ok = store_begin(s, &e);
        if (ok) {
            ok = put(s, who);
            ok = store_commit(s, &e) && ok;
        }
        if (ok) {
            store_close(s);
            return 0;
        }
        if (strcmp(e.code, "T502") != 0)
            return 2;
        err_clear(&e);
    }
    return 3;
}

static void processes_that_recover_at_once_agree(void **state)
{
    (void)state;
    char garbage[20000];
    memset(garbage, 'g', sizeof garbage);
    for (int round = 0; round < 20; round++) {
        pid_t pids[PROCESSES];
        write_file(in_dir("store-v1.db"), garbage, sizeof garbage);
        if (round % 2)
            write_file(in_dir("store-v1.db-wal"), garbage, sizeof garbage);
        for (uint32_t i = 0; i < PROCESSES; i++)
            pids[i] = start(recover, i);
        all_succeed(pids, PROCESSES);
        struct store *s = open_store();
        for (uint32_t i = 0; i < PROCESSES; i++)
            assert_int_equal(look(s, i), 1);
        store_close(s);
    }
}

static void processes_that_create_at_once_agree(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        pid_t pids[PROCESSES];
        assert_true(file_remove_tree(dir, NULL));
        for (uint32_t i = 0; i < PROCESSES; i++)
            pids[i] = start(recover, i);
        all_succeed(pids, PROCESSES);
        struct store *s = open_store();
        for (uint32_t i = 0; i < PROCESSES; i++)
            assert_int_equal(look(s, i), 1);
        store_close(s);
    }
}

#define FILES 150

static void file_of(struct store *s, uint32_t i, struct buf *path, struct buf *content)
{
    buf_reset(content);
    buf_printf(content, "file %u", i);
    while (content->len < 5000)
        buf_addc(content, (char)i);
    cas_path(s, digest_bytes(content->p, content->len), path);
}

/* Old and unreferenced files are put again while another process collects them. */
static int put_again(uint32_t who)
{
    struct store *s;
    struct buf path = BUF_INIT, content = BUF_INIT;
    if (!store_open(dir, true, &s, NULL, NULL))
        return 1;
    for (uint32_t i = 0; i < FILES; i++) {
        struct digest d;
        file_of(s, who * FILES + i, &path, &content);
        if (!store_put_blob(s, content.p, content.len, &d, NULL))
            return 2;
    }
    buf_clear(&path);
    buf_clear(&content);
    store_close(s);
    return 0;
}

static int collect(uint32_t times)
{
    struct store *s;
    struct store_gc_stats st;
    if (!store_open(dir, true, &s, NULL, NULL))
        return 1;
    for (uint32_t i = 0; i < times; i++) {
        if (!store_gc(s, 0, &st, NULL))
            return 2;
    }
    store_close(s);
    return 0;
}

static void a_blob_that_is_put_while_it_is_collected_stays(void **state)
{
    (void)state;
    struct buf path = BUF_INIT, content = BUF_INIT;
    for (int round = 0; round < 10; round++) {
        struct store *s = open_store();
        for (uint32_t i = 0; i < 2 * FILES; i++) {
            struct digest d;
            struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
            file_of(s, i, &path, &content);
            assert_true(store_put_blob(s, content.p, content.len, &d, NULL));
            assert_int_equal(utimensat(AT_FDCWD, buf_cstr(&path), old, 0), 0);
        }
        store_close(s);
        pid_t pids[4] = {start(collect, 3), start(put_again, 0), start(put_again, 1), start(collect, 3)};
        all_succeed(pids, 4);
        s = open_store();
        for (uint32_t i = 0; i < 2 * FILES; i++) {
            file_of(s, i, &path, &content);
            assert_true(store_has_blob(s, digest_bytes(content.p, content.len)));
        }
        store_close(s);
    }
    buf_clear(&path);
    buf_clear(&content);
}

static int hammer_and_collect(uint32_t who) { return who < 3 ? hammer(who) : collect(40); }

static void collecting_beside_writers_takes_nothing_that_is_young(void **state)
{
    (void)state;
    pid_t pids[4];
    for (uint32_t i = 0; i < 4; i++)
        pids[i] = start(hammer_and_collect, i);
    all_succeed(pids, 4);
    struct store *s = open_store();
    for (uint32_t i = 0; i < 3 * GROUPS * GROUP; i++) {
        assert_int_equal(look(s, i), 1);
        assert_true(has_model_blob(s, i));
    }
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(four_processes_put_and_get),
        WITH_DIR(what_was_committed_survives_kill_9),
        WITH_DIR(processes_that_recover_at_once_agree),
        WITH_DIR(processes_that_create_at_once_agree),
        WITH_DIR(a_blob_that_is_put_while_it_is_collected_stays),
        WITH_DIR(collecting_beside_writers_takes_nothing_that_is_young),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "run_child.h"
#include "scratch.h"

enum { THREADS = 8, CALLS = 40 };

static atomic_int wrong;

static void check(bool ok, const char *what, int a, int b)
{
    if (!ok) {
        atomic_fetch_add(&wrong, 1);
        print_error("thread %d, call %d: %s\n", a, b, what);
    }
}

static void on_all(void *(*fn)(void *))
{
    pthread_t t[THREADS];
    int number[THREADS];
    for (int i = 0; i < THREADS; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&t[i], NULL, fn, &number[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(wrong, 0);
}

static void *mixed(void *arg)
{
    int me = *(int *)arg;
    for (int i = 0; i < CALLS; i++) {
        struct shell s;
        struct proc_result r;
        char script[128], want[64];
        snprintf(script, sizeof script, "echo %d.%d; echo e%d >&2; cat; exit %d", me, i, i, i % 5);
        snprintf(want, sizeof want, "%d.%d\ntext %d", me, i, i);
        shell_init(&s, script);
        char text[32];
        snprintf(text, sizeof text, "text %d", i);
        s.spec.stdin_text = text;
        s.spec.stdin_len = strlen(text);
        if (i % 10 == 3) {
            s.argv[2] = "exec sleep 60";
            s.spec.timeout_ms = 50;
        } else if (i % 10 == 7) {
            s.spec.file = "/no/such/program";
        } else if (i % 10 == 9) {
            s.argv[2] = "sleep 60 & exit 0";
            s.spec.left_ms = 20;
        }
        proc_run(&s.spec, &r);
        if (i % 10 == 3) {
            check(r.cause == PROC_TIMED_OUT && r.signal == SIGTERM, "no time-out", me, i);
        } else if (i % 10 == 7) {
            check(r.cause == PROC_NOT_STARTED && r.error.msg, "started", me, i);
        } else if (i % 10 == 9) {
            check(r.cause == PROC_EXITED && r.exit_code == 0 && r.left_over, "no left-over", me, i);
        } else {
            char *out = stream_text(&r.log, 1);
            check(r.cause == PROC_EXITED && r.exit_code == i % 5, "wrong end", me, i);
            check(strcmp(out, want) == 0, out, me, i);
            check(!r.left_over, "left-over", me, i);
            mem_free(out);
        }
        proc_result_clear(&r);
    }
    return NULL;
}

static void many_threads_run_many_children_and_leak_nothing(void **state)
{
    (void)state;
    size_t before = count_entries("/proc/self/fd");
    on_all(mixed);
    assert_int_equal(count_entries("/proc/self/fd"), before);
    assert_no_children();
}

static void *copy_and_run(void *arg)
{
    int me = *(int *)arg;
    for (int i = 0; i < CALLS / 2; i++) {
        char path[512];
        struct digest d;
        struct shell s;
        struct proc_result r;
        struct err e = ERR_INIT;
        snprintf(path, sizeof path, "%s/program-%d-%d", scratch, me, i);
        check(file_copy("/bin/true", path, 0755, &d, &e), "no copy", me, i);
        shell_init(&s, "");
        s.spec.file = path;
        proc_run(&s.spec, &r);
        check(r.cause == PROC_EXITED && r.exit_code == 0, r.error.msg ? r.error.msg : "wrong end", me, i);
        proc_result_clear(&r);
        err_clear(&e);
    }
    return NULL;
}

/* A program that was just written may be open for writing in a child that another thread is about to start. */
static void a_program_that_was_just_written_can_run(void **state)
{
    (void)state;
    on_all(copy_and_run);
}

int main(void)
{
    proc_adopt_orphans();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_run_many_children_and_leak_nothing),
        cmocka_unit_test(a_program_that_was_just_written_can_run),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

/* SPDX-License-Identifier: MIT
 *
 * How a child is ended: time limits, cancelling, left-over processes. What a child must have done before it is
 * signalled is known from its output, not from a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "run_child.h"

enum { GRACE_MS = 100 };

/* Writes into the pipes for cancel_fd and kill_fd when the child has said something. */
struct stopper {
    int cancel[2], kill[2];
    bool also_kill;
    pid_t pid;
};

static void stopper_open(struct stopper *t, struct shell *s);

static void stop_now(void *ctx, uint8_t stream, const char *p, size_t len)
{
    struct stopper *t = ctx;
    (void)stream;
    (void)p;
    (void)len;
    assert_int_equal(write(t->cancel[1], "!", 1), 1);
    if (t->also_kill)
        assert_int_equal(write(t->kill[1], "!", 1), 1);
}

static void note_pid(void *ctx, pid_t pid) { ((struct stopper *)ctx)->pid = pid; }

static void stopper_open(struct stopper *t, struct shell *s)
{
    *t = (struct stopper){.also_kill = false};
    assert_int_equal(pipe2(t->cancel, O_CLOEXEC), 0);
    assert_int_equal(pipe2(t->kill, O_CLOEXEC), 0);
    s->spec.cancel_fd = t->cancel[0];
    s->spec.kill_fd = t->kill[0];
    s->spec.on_output = stop_now;
    s->spec.on_start = note_pid;
    s->spec.ctx = t;
    s->spec.grace_ms = GRACE_MS;
}

static void stopper_close(struct stopper *t)
{
    for (int i = 0; i < 2; i++) {
        close(t->cancel[i]);
        close(t->kill[i]);
    }
    assert_group_gone(t->pid);
    assert_no_children();
}

static void a_time_limit_ends_the_child_by_term(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    shell_init(&s, "exec sleep 60");
    s.spec.timeout_ms = 100;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_TIMED_OUT);
    assert_int_equal(r.signal, SIGTERM);
    assert_int_equal(r.exit_code, -1);
    assert_null(r.left_over);
    assert_true(r.duration_ns >= 100 * 1000000);
    proc_result_clear(&r);
    assert_no_children();
}

static void a_stopped_child_is_ended_too(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    shell_init(&s, "kill -STOP $$; exit 3");
    s.spec.timeout_ms = 100;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_TIMED_OUT);
    assert_int_equal(r.signal, SIGTERM);
    proc_result_clear(&r);
}

static void a_child_that_ignores_term_is_killed_after_the_grace(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stopper t;
    shell_init(&s, "trap '' TERM; echo ready; while :; do sleep 60; done");
    stopper_open(&t, &s);
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_CANCELLED);
    assert_int_equal(r.signal, SIGKILL);
    assert_true(r.duration_ns >= GRACE_MS * 1000000);
    assert_stream(&r, 1, "ready\n");
    proc_result_clear(&r);
    stopper_close(&t);
}

static void a_time_limit_kills_a_child_that_ignores_term(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    shell_init(&s, "trap '' TERM; while :; do sleep 60; done");
    s.spec.timeout_ms = 300;
    s.spec.grace_ms = 50;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_TIMED_OUT);
    assert_true(r.signal == SIGKILL || r.signal == SIGTERM); /* a slow shell may not have set its trap yet */
    proc_result_clear(&r);
    assert_no_children();
}

static void the_grace_lets_a_child_clean_up(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stopper t;
    /* A busy loop, since a shell that waits may miss a signal that arrives just before. */
    shell_init(&s, "trap 'echo cleaned; exit 5' TERM; echo ready; while :; do :; done");
    stopper_open(&t, &s);
    s.spec.grace_ms = 60000;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_CANCELLED);
    assert_int_equal(r.exit_code, 5);
    assert_int_equal(r.signal, 0);
    assert_stream(&r, 1, "ready\ncleaned\n");
    proc_result_clear(&r);
    stopper_close(&t);
}

static void the_second_signal_kills_at_once(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stopper t;
    shell_init(&s, "trap '' TERM; echo ready; while :; do sleep 60; done");
    stopper_open(&t, &s);
    t.also_kill = true;
    s.spec.grace_ms = 60000;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_CANCELLED);
    assert_int_equal(r.signal, SIGKILL);
    assert_true(r.duration_ns < 50 * INT64_C(1000000000));
    proc_result_clear(&r);
    stopper_close(&t);
}

static void a_cancelled_run_ends_children_that_start_later(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stopper t;
    shell_init(&s, "exec sleep 60");
    stopper_open(&t, &s);
    assert_int_equal(write(t.cancel[1], "!", 1), 1);
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_CANCELLED);
    assert_int_equal(r.signal, SIGTERM);
    proc_result_clear(&r);
    stopper_close(&t);
}

static void members_that_survive_their_leaders_end_are_killed(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stopper t;
    /* The leader has no trap and dies by SIGTERM; the inner shell ignores it. */
    shell_init(&s, "(trap '' TERM; echo ready; exec sleep 60) & wait");
    stopper_open(&t, &s);
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_CANCELLED);
    assert_int_equal(r.signal, SIGTERM);
    assert_non_null(r.left_over);
    assert_non_null(strchr(r.left_over, '('));
    proc_result_clear(&r);
    stopper_close(&t);
}

static void left_over_processes_are_named_and_killed(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stopper t;
    shell_init(&s, "(exec sleep 60) & (exec sleep 61) & echo $!");
    stopper_open(&t, &s);
    s.spec.on_output = NULL;
    s.spec.left_ms = 100;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_EXITED);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(r.left_over);
    assert_non_null(strstr(r.left_over, "), "));
    char *text = stream_text(&r.log, 1), member[64];
    snprintf(member, sizeof member, "(%ld)", strtol(text, NULL, 10));
    assert_non_null(strstr(r.left_over, member));
    mem_free(text);
    proc_result_clear(&r);
    stopper_close(&t);
}

static void go_on(void *ctx, uint8_t stream, const char *p, size_t len)
{
    (void)stream;
    (void)p;
    (void)len;
    ssize_t ignored = write(*(int *)ctx, "\n", 1);
    (void)ignored;
}

static void left_over_processes_may_end_by_themselves(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    int go;
    numbered_pipe(9, &go);
    shell_init(&s, "(read x <&9; echo late) & echo early");
    s.spec.inherit_fds = (int[]){9};
    s.spec.n_inherit_fds = 1;
    s.spec.left_ms = 30000;
    s.spec.on_output = go_on;
    s.spec.ctx = &go;
    proc_run(&s.spec, &r);
    assert_int_equal(r.exit_code, 0);
    assert_null(r.left_over);
    assert_stream(&r, 1, "early\nlate\n");
    proc_result_clear(&r);
    close(9);
    close(go);
    assert_no_children();
}

static void cancelling_ends_the_patience_with_left_overs(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stopper t;
    int gate;
    numbered_pipe(9, &gate);
    close(gate); /* the member speaks when its leader is gone: it reads the end of file either way */
    shell_init(&s, "(trap '' TERM; while kill -0 $$; do :; done 2>/dev/null; echo alone; exec sleep 60) & exit 4");
    stopper_open(&t, &s);
    s.spec.left_ms = 600000;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_EXITED);
    assert_int_equal(r.exit_code, 4);
    assert_non_null(r.left_over);
    assert_stream(&r, 1, "alone\n");
    proc_result_clear(&r);
    close(9);
    stopper_close(&t);
}

static void a_left_over_that_writes_for_ever_does_not_hold_us(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    shell_init(&s, "yes & exit 0");
    s.spec.left_ms = 50;
    s.spec.max_log_bytes = 10000;
    proc_run(&s.spec, &r);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(r.left_over);
    assert_true(r.log.bytes.len <= 10000);
    proc_result_clear(&r);
    assert_no_children();
}

int main(void)
{
    /* So that members of a group come back to this process as zombies, and must be collected. */
    proc_adopt_orphans();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_limit_ends_the_child_by_term),
        cmocka_unit_test(a_stopped_child_is_ended_too),
        cmocka_unit_test(a_child_that_ignores_term_is_killed_after_the_grace),
        cmocka_unit_test(a_time_limit_kills_a_child_that_ignores_term),
        cmocka_unit_test(the_grace_lets_a_child_clean_up),
        cmocka_unit_test(the_second_signal_kills_at_once),
        cmocka_unit_test(a_cancelled_run_ends_children_that_start_later),
        cmocka_unit_test(members_that_survive_their_leaders_end_are_killed),
        cmocka_unit_test(left_over_processes_are_named_and_killed),
        cmocka_unit_test(left_over_processes_may_end_by_themselves),
        cmocka_unit_test(cancelling_ends_the_patience_with_left_overs),
        cmocka_unit_test(a_left_over_that_writes_for_ever_does_not_hold_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * proc_run where the system has no pidfd: a filter makes the call fail as an old kernel does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "run_child.h"

static bool no_pidfd;

static int hide_pidfd(void **state)
{
    (void)state;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    no_pidfd = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
               syscall(SYS_pidfd_open, getpid(), 0) == -1 && errno == ENOSYS;
    return 0;
}

static void ends_are_seen(void **state)
{
    (void)state;
    if (!no_pidfd)
        skip();
    for (int i = 0; i < 20; i++) {
        struct proc_result r;
        run_shell("echo hello; exit 9", &r);
        assert_int_equal(r.cause, PROC_EXITED);
        assert_int_equal(r.exit_code, 9);
        assert_stream(&r, 1, "hello\n");
        proc_result_clear(&r);
    }
    assert_no_children();
}

static void the_end_of_the_pipes_is_not_the_end_of_the_child(void **state)
{
    (void)state;
    if (!no_pidfd)
        skip();
    struct shell s;
    struct proc_result r;
    shell_init(&s, "exec >&- 2>&-; exec sleep 60");
    s.spec.timeout_ms = 100;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_TIMED_OUT);
    assert_int_equal(r.signal, SIGTERM);
    proc_result_clear(&r);
}

static void left_overs_are_found(void **state)
{
    (void)state;
    if (!no_pidfd)
        skip();
    struct shell s;
    struct proc_result r;
    shell_init(&s, "sleep 60 & exit 0");
    s.spec.left_ms = 20;
    proc_run(&s.spec, &r);
    assert_int_equal(r.exit_code, 0);
    assert_non_null(r.left_over);
    proc_result_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_seen),
        cmocka_unit_test(the_end_of_the_pipes_is_not_the_end_of_the_child),
        cmocka_unit_test(left_overs_are_found),
    };
    return cmocka_run_group_tests(tests, hide_pidfd, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run_child.h"
#include "scratch.h"

static void an_exit_code_is_reported(void **state)
{
    (void)state;
    struct proc_result r;
    run_shell("exit 7", &r);
    assert_int_equal(r.cause, PROC_EXITED);
    assert_int_equal(r.exit_code, 7);
    assert_int_equal(r.signal, 0);
    assert_null(r.left_over);
    assert_int_equal(r.log.n_frames, 0);
    assert_true(r.duration_ns > 0);
    assert_true(r.started_real_ns > 0);
    assert_true(r.max_rss_bytes > 100000);
    assert_true(r.user_ns + r.system_ns > 0);
    proc_result_clear(&r);
    assert_no_children();
}

static void a_crash_shows_its_signal(void **state)
{
    (void)state;
    struct proc_result r;
    struct buf b = BUF_INIT;
    run_shell("ulimit -c 0; kill -SEGV $$", &r);
    assert_int_equal(r.cause, PROC_SIGNALLED);
    assert_int_equal(r.signal, SIGSEGV);
    assert_false(r.core_dumped);
    assert_int_equal(r.exit_code, -1);
    proc_signal_name(r.signal, &b);
    assert_string_equal(b.p, "SIGSEGV (segmentation fault)");
    buf_reset(&b);
    proc_signal_name(SIGKILL, &b);
    buf_addc(&b, '|');
    proc_signal_name(60, &b);
    assert_string_equal(b.p, "SIGKILL (killed)|signal 60");
    buf_clear(&b);
    proc_result_clear(&r);
}

static void the_streams_are_kept_apart(void **state)
{
    (void)state;
    struct proc_result r;
    run_shell("printf out; printf err >&2; printf more", &r);
    assert_stream(&r, 1, "outmore");
    assert_stream(&r, 2, "err");
    proc_result_clear(&r);
}

/* Lets the child go on when its output has arrived, so that the order is known. */
static void go_on(void *ctx, uint8_t stream, const char *p, size_t len)
{
    (void)stream;
    (void)p;
    (void)len;
    assert_int_equal(write(*(int *)ctx, "\n", 1), 1);
}

static void frames_are_in_order_of_arrival_and_joined(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    int go;
    numbered_pipe(9, &go);
    shell_init(&s, "echo a; read x <&9; echo b; read x <&9; echo c >&2; read x <&9; echo d; read x <&9");
    s.spec.inherit_fds = (int[]){9};
    s.spec.n_inherit_fds = 1;
    s.spec.on_output = go_on;
    s.spec.ctx = &go;
    proc_run(&s.spec, &r);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(r.log.n_frames, 3);
    assert_frame(&r.log, 0, 1, "a\nb\n");
    assert_frame(&r.log, 1, 2, "c\n");
    assert_frame(&r.log, 2, 1, "d\n");
    proc_result_clear(&r);
    close(9);
    close(go);
}

static void much_output_on_both_streams_arrives_whole(void **state)
{
    (void)state;
    struct proc_result r;
    run_shell("(seq 1 100000 >&2) & seq 100001 200000; wait", &r);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(r.log.dropped_bytes, 0);
    struct buf want[2] = {BUF_INIT, BUF_INIT};
    for (int i = 1; i <= 100000; i++) {
        buf_printf(&want[0], "%d\n", i + 100000);
        buf_printf(&want[1], "%d\n", i);
    }
    for (int i = 0; i < 2; i++) {
        char *got = stream_text(&r.log, i + 1);
        assert_int_equal(strcmp(got, want[i].p), 0);
        mem_free(got);
        buf_clear(&want[i]);
    }
    proc_result_clear(&r);
}

static void a_long_log_keeps_its_first_and_last_half(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    shell_init(&s, "seq 1 200000");
    s.spec.max_log_bytes = 1000;
    proc_run(&s.spec, &r);
    struct buf all = BUF_INIT;
    for (int i = 1; i <= 200000; i++)
        buf_printf(&all, "%d\n", i);
    assert_int_equal(r.log.bytes.len, 1000);
    assert_int_equal(r.log.dropped_bytes, all.len - 1000);
    assert_int_equal(r.log.dropped_at, 500);
    assert_memory_equal(r.log.bytes.p, all.p, 500);
    assert_memory_equal(r.log.bytes.p + 500, all.p + all.len - 500, 500);
    assert_true(r.log.bytes.cap < 1 << 20);
    buf_clear(&all);
    proc_result_clear(&r);
}

static void standard_input_is_empty_by_default(void **state)
{
    (void)state;
    struct proc_result r;
    run_shell("cat; readlink /proc/self/fd/0", &r);
    assert_stream(&r, 1, "/dev/null\n");
    proc_result_clear(&r);
}

static void standard_input_can_be_a_text_of_any_size(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    size_t len = 5 * 1024 * 1024;
    char *text = mem_alloc(len);
    memset(text, 'x', len);
    shell_init(&s, "wc -c");
    s.spec.stdin_text = text;
    s.spec.stdin_len = len;
    proc_run(&s.spec, &r);
    assert_stream(&r, 1, "5242880\n");
    proc_result_clear(&r);
    s.spec.stdin_len = 0;
    proc_run(&s.spec, &r);
    assert_stream(&r, 1, "0\n");
    proc_result_clear(&r);
    mem_free(text);
}

static void standard_input_can_be_a_file(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    put_file(in_scratch("in"), "from a file", 0644);
    shell_init(&s, "cat");
    s.spec.stdin_path = in_scratch("in");
    proc_run(&s.spec, &r);
    assert_stream(&r, 1, "from a file");
    proc_result_clear(&r);
    s.spec.stdin_path = in_scratch("none");
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_NOT_STARTED);
    assert_non_null(strstr(r.error.msg, "none for its standard input"));
    proc_result_clear(&r);
}

static void the_environment_is_exactly_what_is_given(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    shell_init(&s, "");
    const char *argv[] = {"env", NULL};
    s.spec.file = "/usr/bin/env";
    s.spec.argv = argv;
    proc_run(&s.spec, &r);
    assert_stream(&r, 1, "PATH=/usr/bin:/bin\n");
    proc_result_clear(&r);
}

static void a_relative_program_is_found_from_the_parents_folder(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    char before[4096], want[600];
    assert_non_null(getcwd(before, sizeof before));
    assert_true(file_mkdirs(in_scratch("w/sub"), NULL));
    put_file(in_scratch("w/tool"), "#!/bin/sh\npwd\n", 0755);
    assert_int_equal(chdir(in_scratch("w")), 0);
    shell_init(&s, "");
    s.spec.file = "./tool";
    s.spec.cwd = "sub";
    proc_run(&s.spec, &r);
    snprintf(want, sizeof want, "%s/w/sub\n", scratch);
    assert_stream(&r, 1, want);
    proc_result_clear(&r);
    assert_int_equal(chdir(before), 0);
}

/* Which descriptors are open, without opening any: the shell's test asks by stat. */
static const char show_fds[] =
    "i=0; while [ $i -lt 80 ]; do if [ -e /proc/$$/fd/$i ]; then printf '%s ' $i; fi; i=$((i+1)); done";

static void a_child_has_no_descriptors_but_those_named(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    int leaky = open("/dev/null", O_RDONLY); /* as if inherited: not close-on-exec */
    int high = fcntl(leaky, F_DUPFD, 70), kept = fcntl(leaky, F_DUPFD_CLOEXEC, 60);
    shell_init(&s, show_fds);
    proc_run(&s.spec, &r);
    assert_stream(&r, 1, "0 1 2 ");
    proc_result_clear(&r);
    assert_int_equal(kept, 60);
    s.spec.inherit_fds = (int[]){60, 61};
    s.spec.n_inherit_fds = 1;
    proc_run(&s.spec, &r);
    assert_stream(&r, 1, "0 1 2 60 ");
    proc_result_clear(&r);
    close(leaky);
    close(high);
    close(kept);
}

static void dispositions_and_mask_are_the_default(void **state)
{
    (void)state;
    struct proc_result r;
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    run_shell("grep -E '^Sig(Ign|Blk):' /proc/self/status; kill -USR2 $$", &r);
    char *text = stream_text(&r.log, 1);
    unsigned long long blocked = 1, ignored = 1;
    assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    assert_true(blocked == 0);
    /* The C library keeps two signals of its own (32, 33) to itself. */
    assert_true((ignored & ~0x180000000ull) == 0);
    mem_free(text);
    assert_int_equal(r.signal, SIGUSR2);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    proc_result_clear(&r);
}

static void a_child_leads_its_own_group(void **state)
{
    (void)state;
    struct proc_result r;
    run_shell("read p n s ppid pgrp rest </proc/$$/stat; [ $pgrp = $$ ]", &r);
    assert_int_equal(r.exit_code, 0);
    proc_result_clear(&r);
}

static void assert_not_started(const char *file, const char *cwd, const char *part, const char *hint)
{
    struct shell s;
    struct proc_result r;
    shell_init(&s, "");
    s.spec.file = file;
    s.spec.cwd = cwd;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_NOT_STARTED);
    assert_string_equal(r.error.code, "T601");
    if (!strstr(r.error.msg, part) || !strstr(r.error.hint, hint))
        fail_msg("%s / %s", r.error.msg, r.error.hint);
    if (!cwd && !strstr(r.error.msg, file))
        fail_msg("%s does not name %s", r.error.msg, file);
    proc_result_clear(&r);
}

static void what_cannot_start_says_why_and_what_to_do(void **state)
{
    (void)state;
    put_file(in_scratch("plain"), "#!/bin/sh\n", 0644);
    put_file(in_scratch("text"), "echo hello\n", 0755);
    put_file(in_scratch("lost"), "#! /no/such/shell -e\n", 0755);
    assert_not_started(in_scratch("missing"), NULL, "there is no such file", "build or install it");
    assert_not_started(in_scratch("text/x"), NULL, "there is no such file", "build or install it");
    assert_not_started(in_scratch("plain"), NULL, "it is not executable", "chmod +x");
    assert_not_started(in_scratch("text"), NULL, "script with a #! line", "give it a #! line");
    assert_not_started(in_scratch("lost"), NULL, "its interpreter /no/such/shell does not exist", "install");
    assert_not_started(scratch, NULL, "it is a folder", "name a program");
    assert_not_started("/bin/sh", in_scratch("nowhere"), "its working folder", "make the folder");
    assert_not_started("/bin/sh", in_scratch("text"), "its working folder", "make the folder");
    assert_no_children();
}

static void too_long_a_command_line_says_so(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    size_t len = 4 << 20;
    char *arg = mem_alloc(len + 1);
    memset(arg, 'a', len);
    arg[len] = '\0';
    shell_init(&s, arg);
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_NOT_STARTED);
    assert_non_null(strstr(r.error.msg, "longer than the system allows"));
    proc_result_clear(&r);
    mem_free(arg);
}

static void no_descriptors_left_is_no_crash(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = fcntl(0, F_DUPFD_CLOEXEC, 3);
    assert_true(next >= 0);
    close(next);
    shell_init(&s, "exit 0");
    s.spec.stdin_text = "x";
    s.spec.stdin_len = 1;
    int failed = 0;
    for (int more = 0; more < 6; more++) {
        few = before;
        few.rlim_cur = (rlim_t)(next + more);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        proc_run(&s.spec, &r);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (r.cause == PROC_NOT_STARTED) {
            failed++;
            assert_string_equal(r.error.code, "T602");
        } else {
            assert_int_equal(r.exit_code, 0);
        }
        proc_result_clear(&r);
    }
    assert_in_range(failed, 4, 5);
    int again = fcntl(0, F_DUPFD_CLOEXEC, 3);
    assert_int_equal(again, next);
    close(again);
    assert_no_children();
}

static void note_pid(void *ctx, pid_t pid) { *(pid_t *)ctx = pid; }

static void on_start_tells_the_number(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    pid_t pid = 0;
    char want[32];
    shell_init(&s, "echo $$");
    s.spec.on_start = note_pid;
    s.spec.ctx = &pid;
    proc_run(&s.spec, &r);
    snprintf(want, sizeof want, "%ld\n", (long)pid);
    assert_stream(&r, 1, want);
    proc_result_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_code_is_reported),
        cmocka_unit_test(a_crash_shows_its_signal),
        cmocka_unit_test(the_streams_are_kept_apart),
        cmocka_unit_test(frames_are_in_order_of_arrival_and_joined),
        cmocka_unit_test(much_output_on_both_streams_arrives_whole),
        cmocka_unit_test(a_long_log_keeps_its_first_and_last_half),
        cmocka_unit_test(standard_input_is_empty_by_default),
        cmocka_unit_test(standard_input_can_be_a_text_of_any_size),
        cmocka_unit_test(standard_input_can_be_a_file),
        cmocka_unit_test(the_environment_is_exactly_what_is_given),
        cmocka_unit_test(a_relative_program_is_found_from_the_parents_folder),
        cmocka_unit_test(a_child_has_no_descriptors_but_those_named),
        cmocka_unit_test(dispositions_and_mask_are_the_default),
        cmocka_unit_test(a_child_leads_its_own_group),
        cmocka_unit_test(what_cannot_start_says_why_and_what_to_do),
        cmocka_unit_test(too_long_a_command_line_says_so),
        cmocka_unit_test(no_descriptors_left_is_no_crash),
        cmocka_unit_test(on_start_tells_the_number),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

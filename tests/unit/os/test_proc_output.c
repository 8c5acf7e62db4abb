/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "run_child.h"
#include "scratch.h"

static char *read_all(int fd)
{
    struct buf b = BUF_INIT;
    char block[4096];
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;)
        buf_add(&b, block, (size_t)n);
    return b.p ? buf_take(&b) : mem_strdup("");
}

static void count_output(void *ctx, uint8_t stream, const char *p, size_t len)
{
    (void)stream, (void)p, (void)len;
    ++*(int *)ctx;
}

static void output_can_go_to_the_callers_descriptors(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    int out[2], err[2], calls = 0;
    assert_true(proc_pipe(out));
    assert_true(proc_pipe(err));
    shell_init(&s, "echo one; echo two >&2; exit 3");
    s.spec.own_output = true;
    s.spec.out_fd[0] = out[1];
    s.spec.out_fd[1] = err[1];
    s.spec.on_output = count_output;
    s.spec.ctx = &calls;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_EXITED);
    assert_int_equal(r.exit_code, 3);
    assert_int_equal(r.log.bytes.len, 0);
    assert_int_equal(calls, 0);
    assert_int_equal(fcntl(out[1], F_GETFD), FD_CLOEXEC); /* still open, and still ours */
    close(out[1]);
    close(err[1]);
    char *a = read_all(out[0]), *b = read_all(err[0]);
    assert_string_equal(a, "one\n");
    assert_string_equal(b, "two\n");
    mem_free(a);
    mem_free(b);
    close(out[0]);
    close(err[0]);
    proc_result_clear(&r);
}

/* Descriptors below 3 that cross over: one must not be overwritten before it was used. */
static void the_callers_descriptors_may_be_our_own_streams_crosswise(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct shell s;
        struct proc_result r;
        int one = open(in_scratch("one"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        int two = open(in_scratch("two"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        dup2(one, 1);
        dup2(two, 2);
        shell_init(&s, "echo to-two; echo to-one >&2");
        s.spec.own_output = true;
        s.spec.out_fd[0] = 2;
        s.spec.out_fd[1] = 1;
        proc_run(&s.spec, &r);
        _exit(r.exit_code);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct buf b = BUF_INIT;
    assert_true(file_read(in_scratch("one"), 100, &b, NULL));
    assert_string_equal(buf_cstr(&b), "to-one\n");
    buf_reset(&b);
    assert_true(file_read(in_scratch("two"), 100, &b, NULL));
    assert_string_equal(buf_cstr(&b), "to-two\n");
    buf_clear(&b);
}

static void standard_output_can_be_a_file(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct buf b = BUF_INIT;
    const char *path = in_scratch("stdout");
    put_file(path, "what was there before is longer\n", 0644);
    shell_init(&s, "echo out; echo err >&2");
    s.spec.stdout_path = path;
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_EXITED);
    assert_int_equal(r.exit_code, 0);
    assert_stream(&r, 1, "");
    assert_stream(&r, 2, "err\n");
    assert_true(file_read(path, 100, &b, NULL));
    assert_string_equal(buf_cstr(&b), "out\n");
    buf_clear(&b);
    proc_result_clear(&r);
}

static void a_file_for_standard_output_is_made_with_the_usual_mode(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    struct stat st;
    mode_t old = umask(022);
    shell_init(&s, ":");
    s.spec.stdout_path = in_scratch("new");
    proc_run(&s.spec, &r);
    umask(old);
    assert_int_equal(stat(in_scratch("new"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(st.st_size, 0);
    proc_result_clear(&r);
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    size_t before = count_entries("/proc/self/fd");
    shell_init(&s, "echo out");
    s.spec.stdout_path = in_scratch("no/such/folder/file");
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_NOT_STARTED);
    assert_non_null(strstr(r.error.msg, "no/such/folder/file"));
    assert_non_null(r.error.hint);
    proc_result_clear(&r);
    s.spec.stdout_path = NULL;
    s.spec.own_output = true;
    s.spec.out_fd[0] = s.spec.out_fd[1] = 987; /* not open */
    proc_run(&s.spec, &r);
    assert_int_equal(r.cause, PROC_NOT_STARTED);
    assert_non_null(r.error.msg);
    proc_result_clear(&r);
    assert_int_equal(count_entries("/proc/self/fd"), before);
}

static void zero_initialised_specs_capture_as_ever(void **state)
{
    (void)state;
    struct proc_result r;
    run_shell("echo out; echo err >&2", &r);
    assert_stream(&r, 1, "out\n");
    assert_stream(&r, 2, "err\n");
    proc_result_clear(&r);
}

static void a_pipe_is_close_on_exec_and_above_the_streams(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        int p[2];
        close(0);
        close(1);
        close(2);
        bool ok = proc_pipe(p) && p[0] > 2 && p[1] > 2 && fcntl(p[0], F_GETFD) == FD_CLOEXEC &&
                  fcntl(p[1], F_GETFD) == FD_CLOEXEC && fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0;
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

enum { THREADS = 6, CALLS = 25, OWN = 5 };
static atomic_int wrong;

/* Each child sees the descriptors that its own call named, under their numbers, and none of anybody else's. */
static void *inherit(void *arg)
{
    int me = *(int *)arg;
    for (int i = 0; i < CALLS; i++) {
        struct shell s;
        struct proc_result r;
        int fds[OWN + 1], p[2];
        struct buf want = BUF_INIT, script = BUF_INIT;
        buf_adds(&script, "exec 2>&1; cd /proc/self/fd; ");
        for (int k = 0; k < OWN; k++) {
            if (!proc_pipe(p)) {
                atomic_fetch_add(&wrong, 1);
                return NULL;
            }
            /* Numbers far apart, in no order. */
            fds[k] = fcntl(p[0], F_DUPFD_CLOEXEC, (me * 37 + i * 11 + k * 101) % 400 + 3);
            close(p[0]);
            dprintf(p[1], "%d.%d.%d", me, i, k);
            close(p[1]);
            buf_printf(&script, "cat %d; echo; ", fds[k]);
            buf_printf(&want, "%d.%d.%d\n", me, i, k);
        }
        fds[OWN] = 1;                           /* means nothing */
        buf_adds(&script, "set -- *; echo $#"); /* 0, 1, 2, those named, and the one that lists */
        buf_printf(&want, "%d\n", 3 + OWN + 1);
        shell_init(&s, buf_cstr(&script));
        s.spec.inherit_fds = fds;
        s.spec.n_inherit_fds = OWN + 1;
        proc_run(&s.spec, &r);
        char *got = stream_text(&r.log, 1);
        if (strcmp(got, buf_cstr(&want)) != 0) {
            atomic_fetch_add(&wrong, 1);
            print_error("thread %d, call %d: got %s, not %s\n", me, i, got, buf_cstr(&want));
        }
        for (int k = 0; k < OWN; k++)
            close(fds[k]);
        mem_free(got);
        buf_clear(&want);
        buf_clear(&script);
        proc_result_clear(&r);
    }
    return NULL;
}

static void many_threads_hand_down_descriptors_of_any_number(void **state)
{
    (void)state;
    pthread_t t[THREADS];
    int number[THREADS];
    for (int i = 0; i < THREADS; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&t[i], NULL, inherit, &number[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(wrong, 0);
}

static void resident_memory_of_a_process(void **state)
{
    (void)state;
    assert_true(proc_resident_bytes(getpid()) > 100 * 1024);
    assert_true(proc_resident_bytes(getpid()) < (uint64_t)1 << 40);
    assert_int_equal(proc_resident_bytes((pid_t)INT32_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_can_go_to_the_callers_descriptors),
        cmocka_unit_test(the_callers_descriptors_may_be_our_own_streams_crosswise),
        cmocka_unit_test(standard_output_can_be_a_file),
        cmocka_unit_test(a_file_for_standard_output_is_made_with_the_usual_mode),
        cmocka_unit_test(a_file_that_cannot_be_written_is_named),
        cmocka_unit_test(zero_initialised_specs_capture_as_ever),
        cmocka_unit_test(a_pipe_is_close_on_exec_and_above_the_streams),
        cmocka_unit_test(many_threads_hand_down_descriptors_of_any_number),
        cmocka_unit_test(resident_memory_of_a_process),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

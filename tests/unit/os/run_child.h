/* SPDX-License-Identifier: MIT
 *
 * Short ways to run children and to look at what proc_run returned. */
#ifndef TESTS_UNIT_OS_RUN_CHILD_H
#define TESTS_UNIT_OS_RUN_CHILD_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/proc.h"

/* A shell command with sensible limits; tests change what they are about. */
struct shell {
    const char *argv[4];
    const char *envp[2];
    struct proc_spec spec;
};

static inline void shell_init(struct shell *s, const char *script)
{
    *s = (struct shell){.argv = {"sh", "-c", script, NULL}, .envp = {"PATH=/usr/bin:/bin", NULL}};
    s->spec = (struct proc_spec){.file = "/bin/sh",
                                 .argv = s->argv,
                                 .envp = s->envp,
                                 .timeout_ms = 60000,
                                 .grace_ms = 10000,
                                 .left_ms = 10000,
                                 .cancel_fd = -1,
                                 .kill_fd = -1};
}

static inline void run_shell(const char *script, struct proc_result *r)
{
    struct shell s;
    shell_init(&s, script);
    proc_run(&s.spec, r);
}

/* What one stream got, as a string; the caller frees it. */
static inline char *stream_text(const struct proc_log *l, int stream)
{
    struct buf b = BUF_INIT;
    size_t at = 0;
    for (size_t i = 0; i < l->n_frames; i++) {
        if (l->frames[i].stream == stream)
            buf_add(&b, l->bytes.p + at, l->frames[i].len);
        at += l->frames[i].len;
    }
    assert_int_equal(at, l->bytes.len);
    return buf_take(&b);
}

static inline void assert_stream(const struct proc_result *r, int stream, const char *want)
{
    char *got = stream_text(&r->log, stream);
    assert_string_equal(got, want);
    mem_free(got);
}

static inline void assert_frame(const struct proc_log *l, size_t i, int stream, const char *want)
{
    size_t at = 0;
    assert_true(i < l->n_frames);
    for (size_t k = 0; k < i; k++)
        at += l->frames[k].len;
    assert_int_equal(l->frames[i].stream, stream);
    assert_int_equal(l->frames[i].len, strlen(want));
    assert_memory_equal(l->bytes.p + at, want, strlen(want));
}

/* A pipe whose reading end has the number that a shell can name (one digit). */
static inline void numbered_pipe(int number, int *write_end)
{
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(dup3(p[0], number, O_CLOEXEC), number);
    close(p[0]);
    *write_end = p[1];
}

static inline void assert_no_children(void)
{
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static inline void assert_group_gone(pid_t pgid)
{
    assert_int_equal(kill(-pgid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

#endif

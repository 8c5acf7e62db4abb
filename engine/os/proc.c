/* SPDX-License-Identifier: MIT
 *
 * Supervision of one child.
 *
 *     RUNNING --timeout, cancel--> TERM_SENT --grace over--> KILL_SENT
 *        |                             |                        |
 *        +-------- the child ends -----+------------------------+--> reaped --> group ended --> result
 *
 * Until it is reaped, the child's number and its group's belong to it and may be signalled. After that the group's
 * number is safe only while kill(-pgid, 0) finds members. */
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/proc_log.h"
#include "os/proc_spawn.h"
#include "os/proc_table.h"

enum { READ_BYTES = 64 * 1024, DEFAULT_LOG_BYTES = 16 << 20, KILL_PATIENCE_MS = 2000 };
/* The most that a pipe holds (F_SETPIPE_SZ without privileges): all that a child that has ended can have left in it.
 * Somebody who holds the pipe and writes for ever is not listened to for longer. */
enum { DRAIN_BYTES = 1 << 20 };

enum phase { RUNNING, TERM_SENT, KILL_SENT };

struct watch {
    const struct proc_spec *spec;
    struct proc_result *out;
    pid_t pid;
    int fd[2]; /* its standard output and standard error; -1 = at the end */
    int pidfd; /* -1: the system has none */
    enum phase phase;
    int64_t deadline_ns; /* of the phase, CLOCK_MONOTONIC; INT64_MAX = none */
    size_t max_log_bytes;
    bool cancel_seen, kill_seen;
};

enum { AT_OUT, AT_ERR, AT_CANCEL, AT_KILL, AT_PID, N_POLL };

/* Reads once from a pipe that poll reported. */
static size_t read_output(struct watch *w, int i)
{
    char block[READ_BYTES];
    ssize_t n = read(w->fd[i], block, sizeof block);
    if (n > 0) {
        uint8_t stream = (uint8_t)(i + 1);
        if (w->spec->on_output)
            w->spec->on_output(w->spec->ctx, stream, block, (size_t)n);
        proc_log_add(&w->out->log, w->max_log_bytes, stream, block, (size_t)n);
        return (size_t)n;
    }
    if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(w->fd[i]);
        w->fd[i] = -1;
    }
    return 0;
}

/* Waits for anything of interest, reads the output, and notes whether cancel_fd and kill_fd were readable. Returns the
 * bytes read. *ended, if not NULL: the pidfd says so. */
static size_t wait_and_read(struct watch *w, int timeout_ms, bool *ended)
{
    /* poll skips negative descriptors. What was seen once is not asked for again, since nobody reads it. */
    struct pollfd p[N_POLL] = {
        [AT_OUT] = {.fd = w->fd[0], .events = POLLIN},
        [AT_ERR] = {.fd = w->fd[1], .events = POLLIN},
        [AT_CANCEL] = {.fd = w->cancel_seen ? -1 : w->spec->cancel_fd, .events = POLLIN},
        [AT_KILL] = {.fd = w->kill_seen ? -1 : w->spec->kill_fd, .events = POLLIN},
        [AT_PID] = {.fd = ended ? w->pidfd : -1, .events = POLLIN},
    };
    size_t bytes = 0;
    if (poll(p, N_POLL, timeout_ms) <= 0)
        return 0;
    for (int i = 0; i < 2; i++)
        if (p[i].revents)
            bytes += read_output(w, i);
    w->cancel_seen |= p[AT_CANCEL].revents != 0;
    w->kill_seen |= p[AT_KILL].revents != 0;
    if (ended)
        *ended = p[AT_PID].revents != 0;
    return bytes;
}

static void drain(struct watch *w)
{
    size_t left[2] = {DRAIN_BYTES, DRAIN_BYTES};
    for (;;) {
        struct pollfd p[2];
        int open = 0;
        for (int i = 0; i < 2; i++) {
            p[i] = (struct pollfd){.fd = left[i] ? w->fd[i] : -1, .events = POLLIN};
            open += p[i].fd >= 0;
        }
        if (!open || poll(p, 2, 0) <= 0)
            return;
        for (int i = 0; i < 2; i++) {
            if (p[i].revents) {
                size_t n = read_output(w, i);
                left[i] -= n < left[i] ? n : left[i];
            }
        }
    }
}

/* The child may have moved to another group; it is not reaped yet, so its own number is safe. */
static void signal_child(struct watch *w, int signal)
{
    if (kill(-w->pid, signal) != 0 || signal == SIGKILL)
        kill(w->pid, signal);
}

static void terminate(struct watch *w, enum proc_cause cause)
{
    w->out->cause = cause;
    w->phase = TERM_SENT;
    w->deadline_ns = clock_deadline_ns(w->spec->grace_ms);
    signal_child(w, SIGTERM);
    signal_child(w, SIGCONT); /* a stopped process gets SIGTERM only when it continues */
}

static void act_on_time_and_cancel(struct watch *w)
{
    if ((w->cancel_seen || w->kill_seen) && w->phase == RUNNING)
        terminate(w, PROC_CANCELLED);
    bool late = w->deadline_ns != INT64_MAX && clock_mono_ns() >= w->deadline_ns;
    if (late && w->phase == RUNNING) {
        terminate(w, PROC_TIMED_OUT);
    } else if ((late || w->kill_seen) && w->phase == TERM_SENT) {
        w->phase = KILL_SENT;
        w->deadline_ns = INT64_MAX;
        signal_child(w, SIGKILL);
    }
}

static bool reap(struct watch *w, int *status, struct rusage *ru)
{
    pid_t r;
    do
        r = wait4(w->pid, status, WNOHANG, ru);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        *status = -1; /* somebody else took it, against the rules: no exit code is a success then */
    return r != 0;
}

static void wait_for_child(struct watch *w, int *status, struct rusage *ru)
{
    int step_ms = 1; /* without a pidfd */
    for (;;) {
        bool ended = w->pidfd < 0;
        wait_and_read(w, clock_poll_ms(w->deadline_ns, w->pidfd < 0 ? step_ms : -1), w->pidfd < 0 ? NULL : &ended);
        if (ended && reap(w, status, ru))
            return;
        if (step_ms < 10)
            step_ms++;
        act_on_time_and_cancel(w);
    }
}

/* Collects members of the group that became our children by adoption. */
static void reap_adopted(pid_t pgid)
{
    while (waitpid(-pgid, NULL, WNOHANG) > 0)
        ;
}

/* Waits until the group is empty, or until the deadline; true if it is empty. Reads output meanwhile. */
static bool wait_for_group(struct watch *w, int64_t deadline_ns)
{
    for (int step_ms = 0;; step_ms = step_ms < 16 ? step_ms * 2 + 1 : 32) {
        reap_adopted(w->pid);
        if (kill(-w->pid, 0) != 0 && errno == ESRCH)
            return true;
        /* What is left may be zombies that their own parent has not collected: nothing runs any more. */
        if (step_ms > 0 && proc_table_group(w->pid, NULL) == 0) {
            reap_adopted(w->pid); /* a process hands its children over before it counts as a zombie */
            return true;
        }
        if (clock_mono_ns() >= deadline_ns)
            return false;
        bool cancelled = w->cancel_seen, killed = w->kill_seen;
        wait_and_read(w, clock_poll_ms(deadline_ns, step_ms), NULL);
        if (w->cancel_seen && !cancelled) {
            kill(-w->pid, SIGTERM);
            kill(-w->pid, SIGCONT);
            int64_t grace_ns = clock_deadline_ns(w->spec->grace_ms);
            deadline_ns = grace_ns < deadline_ns ? grace_ns : deadline_ns;
        }
        if (w->kill_seen && !killed)
            return false;
    }
}

static void end_group(struct watch *w)
{
    if (kill(-w->pid, 0) != 0 && errno == ESRCH)
        return; /* the usual case */
    /* Whoever got SIGTERM with the child has the rest of the grace that it had. */
    int64_t until = w->phase == RUNNING ? clock_deadline_ns(w->spec->left_ms) : w->deadline_ns;
    if (w->phase == KILL_SENT || w->kill_seen)
        until = 0;
    if (wait_for_group(w, until))
        return;
    struct buf names = BUF_INIT;
    if (proc_table_group(w->pid, &names) > 0 && w->phase != KILL_SENT)
        w->out->left_over = buf_take(&names);
    buf_clear(&names);
    kill(-w->pid, SIGKILL);
    wait_for_group(w, clock_deadline_ns(KILL_PATIENCE_MS));
}

static int64_t ns_of(struct timeval t) { return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000; }

static void fill_result(struct proc_result *out, int status, const struct rusage *ru)
{
    bool ours = out->cause == PROC_TIMED_OUT || out->cause == PROC_CANCELLED;
    if (status != -1 && WIFSIGNALED(status)) {
        out->signal = WTERMSIG(status);
        out->core_dumped = WCOREDUMP(status);
        if (!ours)
            out->cause = PROC_SIGNALLED;
    } else {
        out->exit_code = status != -1 ? WEXITSTATUS(status) : -1;
        if (!ours)
            out->cause = PROC_EXITED;
    }
    out->user_ns = ns_of(ru->ru_utime);
    out->system_ns = ns_of(ru->ru_stime);
#ifdef __APPLE__
    out->max_rss_bytes = (int64_t)ru->ru_maxrss;
#else
    out->max_rss_bytes = (int64_t)ru->ru_maxrss * 1024;
#endif
}

static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0); /* is close-on-exec */
#else
    (void)pid;
    return -1;
#endif
}

void proc_run(const struct proc_spec *spec, struct proc_result *out)
{
    *out = (struct proc_result){.cause = PROC_EXITED, .exit_code = -1};
    out->started_real_ns = clock_real_ns();
    int64_t start_ns = clock_mono_ns();
    struct spawned child;
    if (!proc_spawn(spec, &child, &out->error)) {
        out->cause = PROC_NOT_STARTED;
        return;
    }
    struct watch w = {.spec = spec,
                      .out = out,
                      .pid = child.pid,
                      .fd = {child.out[0], child.out[1]},
                      .pidfd = open_pidfd(child.pid),
                      .deadline_ns = spec->timeout_ms > 0 ? clock_deadline_ns(spec->timeout_ms) : INT64_MAX,
                      .max_log_bytes = spec->max_log_bytes ? spec->max_log_bytes : DEFAULT_LOG_BYTES};
    if (spec->on_start)
        spec->on_start(spec->ctx, child.pid);
    int status = -1;
    struct rusage ru = {0};
    wait_for_child(&w, &status, &ru);
    out->duration_ns = clock_mono_ns() - start_ns;
    drain(&w);
    end_group(&w);
    drain(&w);
    for (int i = 0; i < 2; i++)
        if (w.fd[i] >= 0)
            close(w.fd[i]);
    if (w.pidfd >= 0)
        close(w.pidfd);
    proc_log_cut(&out->log, w.max_log_bytes);
    fill_result(out, status, &ru);
}

void proc_result_clear(struct proc_result *r)
{
    proc_log_clear(&r->log);
    mem_free(r->left_over);
    err_clear(&r->error);
    *r = (struct proc_result){.cause = PROC_EXITED, .exit_code = -1};
}

uint64_t proc_resident_bytes(pid_t pid)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid); /* proc(5): size, resident, ... in pages */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *second = strchr(text, ' ');
    return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

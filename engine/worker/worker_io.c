/* SPDX-License-Identifier: MIT
 *
 * Inside worker*.c: the process, its messages and its output.
 *
 * Two threads: one is in proc_run and waits for the process, the other is the caller's, and does all the rest. They share
 * three pipes without content: the end of one says a thing, and poll reports it.
 *
 *     the caller's thread --cancel, kill--> proc_run        SIGTERM to the group, SIGKILL
 *     proc_run's thread   ----ended-------> the caller's    the process is reaped, its group gone, `result` is filled
 *
 * Everything that can happen while a caller waits is in one place, worker_step: the callers differ in what they wait for. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/proc_log.h"
#include "worker/worker_internal.h"
#include "worker/worker_msg.h"

enum {
    READ_BYTES = 64 * 1024,    /* at once */
    DRAIN_BYTES = 1 << 20,     /* the most that a pipe holds: who goes on writing is not listened to for longer */
    KEPT_BYTES = 1 << 20,      /* a buffer that grew larger for one message is given back */
    SHOWN_BYTES = 1000,        /* of a line that broke the protocol */
    CLOSED_PATIENCE_MS = 1000, /* between the end of its messages and its own end */
};

void worker_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- the process ---- */

void worker_close_child_ends(struct worker *w)
{
    for (int i = 0; i < 4; i++)
        worker_close_fd(&w->child_fd[i]);
}

/* From here on only the process, and whoever it hands them to, holds its ends. */
void worker_on_start(void *ctx, pid_t pid)
{
    struct worker *w = ctx;
    worker_close_child_ends(w);
    atomic_store(&w->pid, pid);
}

void *worker_supervise(void *arg)
{
    struct worker *w = arg;
    proc_run(&w->proc, &w->result);
    atomic_store(&w->pid, 0);
    worker_close_child_ends(w); /* if it could not be started */
    worker_close_fd(&w->ended_w);
    return NULL;
}

void worker_end_process(struct worker *w) { worker_close_fd(&w->cancel[1]); }
static void kill_process(struct worker *w)
{
    worker_close_fd(&w->cancel[1]);
    worker_close_fd(&w->kill[1]);
}

/* Nothing more is asked of it. What is done about the process depends on why. */
void worker_lose(struct worker *w, enum worker_lost how, char *why)
{
    if (w->state == LOST) {
        mem_free(why);
        return;
    }
    w->state = LOST;
    w->lost = how;
    w->why = why;
    worker_close_fd(&w->in_fd);
    if (how == LOST_BROKEN)
        kill_process(w);
    else if (how == LOST_LATE || how == LOST_CANCELLED)
        worker_end_process(w);
}

/* Not if it had ended by then, and only what it left behind was ended. */
bool worker_lived_on(const struct worker *w) { return w->closed_and_lived && w->result.cause == PROC_CANCELLED; }

/* "ended with exit status 3", "was ended by SIGSEGV (segmentation fault)" */
char *worker_how_it_ended(const struct worker *w)
{
    const struct proc_result *r = &w->result;
    if (worker_lived_on(w))
        return mem_strdup("closed its descriptor and lived on");
    if (r->signal) {
        struct buf name = BUF_INIT;
        proc_signal_name(r->signal, &name);
        char *s = mem_printf("was ended by %s%s", buf_cstr(&name), r->core_dumped ? ", core dumped" : "");
        buf_clear(&name);
        return s;
    }
    return mem_printf("ended with exit status %d", r->exit_code);
}

/* ---- messages ---- */

static void break_protocol(struct worker *w, const char *reason, const char *line, size_t len)
{
    if (line) {
        struct buf b = BUF_INIT;
        bool cut = len > SHOWN_BYTES;
        buf_printf(&b, "%stgraph: the worker broke the protocol: %s: ",
                   w->log->bytes.len && w->log->bytes.p[w->log->bytes.len - 1] != '\n' ? "\n" : "", reason);
        buf_add(&b, line, cut ? SHOWN_BYTES : len);
        buf_adds(&b, cut ? "...\n" : "\n");
        proc_log_add(w->log, WORKER_LOG_BYTES, 2, b.p, b.len);
        buf_clear(&b);
    }
    worker_lose(w, LOST_BROKEN, mem_printf("its worker broke the protocol: %s", reason));
}

static void on_ready(struct worker *w, struct worker_msg *m)
{
    if (m->protocol != WORKER_PROTOCOL) {
        worker_lose(w, LOST_ERROR,
                    mem_printf("its worker speaks version %llu of the worker protocol, and this tgraph version %d",
                               (unsigned long long)m->protocol, WORKER_PROTOCOL));
        return;
    }
    w->name = m->name;
    m->name = NULL;
    w->was_ready = true;
    w->state = IDLE;
}

static void on_started(struct worker *w)
{
    w->started = true;
    w->began_ns = clock_mono_ns();
    if (w->timeout_ms > 0)
        w->limit_ns = clock_deadline_ns(w->timeout_ms);
}

static void on_done(struct worker *w, struct worker_msg *m)
{
    struct worker_answer *a = w->answer;
    a->ended_real_ns = clock_real_ns();
    a->duration_ns = m->duration_ns >= 0 ? m->duration_ns : clock_mono_ns() - w->began_ns;
    a->answered = true;
    a->outcome = m->outcome;
    a->mark = m->mark;
    a->note = m->message;
    a->details = m->details;
    m->message = m->details = NULL;
    a->has_reads = m->has_reads;
    a->reads = m->reads;
    m->reads = (struct strvec)STRVEC_INIT;
    a->subtests = m->subtests;
    a->n_subtests = m->n_subtests;
    m->subtests = NULL;
    m->n_subtests = 0;
    w->recycle = m->recycle;
    w->state = IDLE;
}

static void on_error(struct worker *w, struct worker_msg *m)
{
    const char *message = m->message ? m->message : "its worker reported an error and no message";
    if (w->said_error)
        return; /* the first one counts */
    w->details = m->details;
    m->details = NULL;
    switch (w->state) {
    case STARTING:
        worker_lose(w, LOST_ERROR, mem_strdup(message));
        break;
    case SERVING:
        worker_lose(w, LOST_BROKEN, mem_printf("its worker reported an error in the middle of a case: %s", message));
        break;
    case IDLE: /* it has given up */
        w->said_error = true;
        worker_lose(w, LOST_ERROR, mem_strdup(message));
        break;
    case ENDING:
        w->said_error = true;
        w->why = mem_strdup(message);
        break;
    case LOST:
        break;
    }
}

/* Whatever the state does not allow breaks the protocol. */
static void on_line(struct worker *w, char *line, size_t len)
{
    struct worker_msg m;
    char *reason;
    if (!worker_msg_parse(line, len, &m, &reason)) {
        break_protocol(w, reason, line, len);
        mem_free(reason);
        return;
    }
    bool serving = w->state == SERVING, mine = serving && m.id == w->id;
    const char *wrong = NULL;
    switch (m.type) {
    case WORKER_READY:
        if (w->state == STARTING)
            on_ready(w, &m);
        else
            wrong = "ready, although it was before";
        break;
    case WORKER_STARTED:
        if (mine && !w->started)
            on_started(w);
        else
            wrong = !serving ? "started, and no case is in flight" : mine ? "started twice" : "started for another id";
        break;
    case WORKER_DONE:
        if (mine)
            on_done(w, &m);
        else
            wrong = serving ? "done for another id" : "done, and no case is in flight";
        break;
    case WORKER_ERROR:
        on_error(w, &m);
        break;
    }
    if (wrong)
        break_protocol(w, wrong, line, len);
    worker_msg_clear(&m);
}

static void on_lines(struct worker *w)
{
    size_t at = 0;
    while (w->state != LOST) {
        char *from = w->from.p + at + w->scanned, *end = w->from.p + w->from.len;
        char *lf = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
        if (!lf)
            break;
        char *line = w->from.p + at;
        size_t len = (size_t)(lf - line);
        at += len + 1;
        w->scanned = 0;
        if (len > WORKER_LINE_BYTES)
            break_protocol(w, "a line of more than 16 MiB", line, len);
        else
            on_line(w, line, len);
    }
    size_t left = w->from.len - at;
    if (w->state != LOST && left > WORKER_LINE_BYTES)
        break_protocol(w, "a line of more than 16 MiB", w->from.p + at, left);
    if (w->state == LOST)
        left = 0;
    if (left && at)
        memmove(w->from.p, w->from.p + at, left);
    w->from.len = w->scanned = left;
    if (!left && w->from.cap > KEPT_BYTES)
        buf_clear(&w->from);
}

/* Reads once; false: there is nothing now, or never again. */
static bool read_messages(struct worker *w)
{
    if (w->out_fd < 0)
        return false;
    buf_reserve(&w->from, READ_BYTES);
    ssize_t n = read(w->out_fd, w->from.p + w->from.len, READ_BYTES);
    if (n > 0) {
        w->from.len += (size_t)n;
        on_lines(w);
        return true;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return false;
    worker_close_fd(&w->out_fd);
    if (w->state != ENDING)
        worker_lose(w, LOST_ENDED, NULL);
    return false;
}

/* ---- output ---- */

static size_t read_log(struct worker *w, int i)
{
    char block[READ_BYTES];
    ssize_t n = read(w->log_fd[i], block, sizeof block);
    if (n > 0) {
        proc_log_add(w->log, WORKER_LOG_BYTES, (uint8_t)(i + 1), block, (size_t)n);
        return (size_t)n;
    }
    if (n == 0 || (errno != EINTR && errno != EAGAIN))
        worker_close_fd(&w->log_fd[i]);
    return 0;
}

/* Reads what is there now. */
void worker_drain(struct worker *w)
{
    size_t left[2] = {DRAIN_BYTES, DRAIN_BYTES};
    for (;;) {
        struct pollfd p[2];
        for (int i = 0; i < 2; i++)
            p[i] = (struct pollfd){.fd = left[i] ? w->log_fd[i] : -1, .events = POLLIN};
        if ((p[0].fd < 0 && p[1].fd < 0) || poll(p, 2, 0) <= 0)
            return;
        for (int i = 0; i < 2; i++)
            if (p[i].revents) {
                size_t n = read_log(w, i);
                left[i] -= n < left[i] ? n : left[i];
            }
    }
}

/* ---- waiting ---- */

static bool pending(const struct worker *w) { return w->in_fd >= 0 && w->to_at < w->to.len; }

/* Writes as much as the pipe takes. */
void worker_flush(struct worker *w)
{
    while (pending(w)) {
        ssize_t n = write(w->in_fd, w->to.p + w->to_at, w->to.len - w->to_at);
        if (n >= 0) {
            w->to_at += (size_t)n;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) { /* it does not listen any more; what it has said still counts */
            worker_close_fd(&w->in_fd);
            while ((w->state == STARTING || w->state == SERVING) && read_messages(w))
                ;
            if (w->state != ENDING)
                worker_lose(w, LOST_ENDED, NULL);
        }
    }
    buf_reset(&w->to);
    w->to_at = 0;
    if (w->to.cap > KEPT_BYTES)
        buf_clear(&w->to);
    if (w->close_after)
        worker_close_fd(&w->in_fd);
}

/* The process is gone: what it has left in the pipes is all that will come. Descendants that left its group may hold
 * them still, and are not waited for. */
static void on_ended(struct worker *w)
{
    size_t left = WORKER_LINE_BYTES;
    for (size_t before = w->from.len; left && read_messages(w); before = w->from.len) {
        size_t n = w->from.len > before ? w->from.len - before : 1;
        left -= n < left ? n : left;
    }
    worker_drain(w);
    pthread_join(w->thread, NULL);
    worker_close_fd(&w->ended_r);
    w->ended = true;
    if (w->state != ENDING)
        worker_lose(w, LOST_ENDED, NULL);
}

static void on_cancel(struct worker *w)
{
    if (w->state == STARTING || w->state == SERVING || w->state == IDLE)
        worker_lose(w, LOST_CANCELLED, mem_strdup("interrupted"));
    worker_end_process(w);
}

enum { AT_OUT, AT_ERR, AT_MESSAGES, AT_WRITE, AT_ENDED, AT_CANCEL, AT_KILL, N_POLL };

/* Waits until something happens, at most until the deadline, and does what there is to do about it. Output first, so that
 * it is before the line that tells of its loss; messages before the end and before a cancel, so that nothing that was done is
 * lost. */
void worker_step(struct worker *w, int64_t deadline_ns)
{
    struct pollfd p[N_POLL] = {
        [AT_OUT] = {.fd = w->log_fd[0], .events = POLLIN},
        [AT_ERR] = {.fd = w->log_fd[1], .events = POLLIN},
        [AT_MESSAGES] = {.fd = w->out_fd, .events = POLLIN},
        [AT_WRITE] = {.fd = pending(w) ? w->in_fd : -1, .events = POLLOUT},
        [AT_ENDED] = {.fd = w->ended_r, .events = POLLIN},
        [AT_CANCEL] = {.fd = w->cancel_seen ? -1 : w->spec.cancel_fd, .events = POLLIN},
        [AT_KILL] = {.fd = w->kill_seen ? -1 : w->spec.kill_fd, .events = POLLIN},
    };
    if (poll(p, N_POLL, clock_poll_ms(deadline_ns, -1)) <= 0)
        return;
    for (int i = 0; i < 2; i++)
        if (p[AT_OUT + i].revents)
            read_log(w, i);
    if (p[AT_MESSAGES].revents)
        read_messages(w);
    if (p[AT_WRITE].revents)
        worker_flush(w);
    if (p[AT_ENDED].revents)
        on_ended(w);
    if (p[AT_CANCEL].revents) {
        w->cancel_seen = true;
        on_cancel(w);
    }
    if (p[AT_KILL].revents) {
        w->kill_seen = true;
        kill_process(w);
    }
}

bool worker_over(int64_t deadline_ns) { return deadline_ns != INT64_MAX && clock_mono_ns() >= deadline_ns; }

/* Of a lost one. Whoever only closed its descriptor, or said that it cannot go on, may end by itself for a moment. */
void worker_wait_ended(struct worker *w)
{
    int64_t ms = w->spec.grace_ms < CLOSED_PATIENCE_MS ? w->spec.grace_ms : CLOSED_PATIENCE_MS;
    int64_t until = w->lost == LOST_ENDED || w->lost == LOST_ERROR ? clock_deadline_ns(ms) : INT64_MAX;
    while (!w->ended) {
        worker_step(w, until);
        if (!w->ended && worker_over(until)) {
            w->closed_and_lived = w->lost == LOST_ENDED && !w->cancel_seen;
            until = INT64_MAX;
            worker_end_process(w);
        }
    }
    worker_drain(w);
    proc_log_cut(w->log, WORKER_LOG_BYTES);
}

/* SPDX-License-Identifier: MIT
 *
 * Two threads: one is in proc_run and waits for the process, the other is the caller's, and does all the rest. They share
 * three pipes without content: the end of one says a thing, and poll reports it.
 *
 *     the caller's thread --cancel, kill--> proc_run        SIGTERM to the group, SIGKILL
 *     proc_run's thread   ----ended-------> the caller's    the process is reaped, its group gone, `result` is filled
 *
 * Everything that can happen while a caller waits is in one place, step(): the callers differ in what they wait for. */
#include "run/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/proc_log.h"
#include "run/worker_msg.h"

enum {
    LOG_BYTES = 16 << 20,      /* of one case, and outside of any */
    READ_BYTES = 64 * 1024,    /* at once */
    DRAIN_BYTES = 1 << 20,     /* the most that a pipe holds: who goes on writing is not listened to for longer */
    KEPT_BYTES = 1 << 20,      /* a buffer that grew larger for one message is given back */
    SHOWN_BYTES = 1000,        /* of a line that broke the protocol */
    CLOSED_PATIENCE_MS = 1000, /* between the end of its messages and its own end */
};

enum state { STARTING, IDLE, SERVING, ENDING, LOST };

enum lost {
    LOST_ENDED = 1, /* the process, or its end of the descriptor */
    LOST_BROKEN,    /* the protocol */
    LOST_ERROR,     /* it said so, or could not be started */
    LOST_LATE,
    LOST_CANCELLED,
};

struct worker {
    struct arena arena; /* what spec points to */
    struct worker_spec spec;

    /* The process. What the thread uses is not touched here between its start and `ended`. */
    pthread_t thread;
    struct proc_spec proc;
    struct proc_result result; /* once ended */
    int child_fd[4];           /* the worker's ends: in, out, standard output, standard error */
    int ended_w;               /* the thread closes it when the process has ended */
    _Atomic(pid_t) pid;
    bool ended; /* and the thread is joined */

    int in_fd, out_fd, log_fd[2]; /* our ends; -1 = closed */
    int ended_r;                  /* at its end when the process has ended */
    int cancel[2], kill[2];       /* closing [1] is the order */

    enum state state;
    enum lost lost; /* with LOST */
    bool was_ready;
    bool told;             /* an answer has told why it was lost */
    bool closed_and_lived; /* its descriptor, and had to be killed */
    bool cancel_seen, kill_seen;
    char *why, *details; /* with LOST; of `error` */
    bool said_error;     /* outside of any case, after `ready` */
    char *name;
    int64_t start_limit_ns;

    struct buf to; /* not written yet, from to_at on */
    size_t to_at;
    bool close_after; /* the descriptor, when all is written */
    struct buf from;  /* read, but no whole line yet */
    size_t scanned;   /* bytes of it without a line feed */

    uint64_t id; /* of the last `run` */
    uint32_t served;
    bool recycle;

    struct worker_answer *answer; /* SERVING */
    bool started;
    int64_t timeout_ms, began_ns, limit_ns;
    struct proc_log *log;    /* gets the output: the answer's, or: */
    struct proc_log outside; /* of any case */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- the process ---- */

static void close_child_ends(struct worker *w)
{
    for (int i = 0; i < 4; i++)
        close_fd(&w->child_fd[i]);
}

/* From here on only the process, and whoever it hands them to, holds its ends. */
static void on_start(void *ctx, pid_t pid)
{
    struct worker *w = ctx;
    close_child_ends(w);
    atomic_store(&w->pid, pid);
}

static void *supervise(void *arg)
{
    struct worker *w = arg;
    proc_run(&w->proc, &w->result);
    atomic_store(&w->pid, 0);
    close_child_ends(w); /* if it could not be started */
    close_fd(&w->ended_w);
    return NULL;
}

static void end_process(struct worker *w) { close_fd(&w->cancel[1]); }
static void kill_process(struct worker *w)
{
    close_fd(&w->cancel[1]);
    close_fd(&w->kill[1]);
}

/* Nothing more is asked of it. What is done about the process depends on why. */
static void lose(struct worker *w, enum lost how, char *why)
{
    if (w->state == LOST) {
        mem_free(why);
        return;
    }
    w->state = LOST;
    w->lost = how;
    w->why = why;
    close_fd(&w->in_fd);
    if (how == LOST_BROKEN)
        kill_process(w);
    else if (how == LOST_LATE || how == LOST_CANCELLED)
        end_process(w);
}

/* Not if it had ended by then, and only what it left behind was ended. */
static bool lived_on(const struct worker *w) { return w->closed_and_lived && w->result.cause == PROC_CANCELLED; }

/* "ended with exit status 3", "was ended by SIGSEGV (segmentation fault)" */
static char *how_it_ended(const struct worker *w)
{
    const struct proc_result *r = &w->result;
    if (lived_on(w))
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
        proc_log_add(w->log, LOG_BYTES, 2, b.p, b.len);
        buf_clear(&b);
    }
    lose(w, LOST_BROKEN, mem_printf("its worker broke the protocol: %s", reason));
}

static void on_ready(struct worker *w, struct worker_msg *m)
{
    if (m->protocol != WORKER_PROTOCOL) {
        lose(w, LOST_ERROR,
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
        lose(w, LOST_ERROR, mem_strdup(message));
        break;
    case SERVING:
        lose(w, LOST_BROKEN, mem_printf("its worker reported an error in the middle of a case: %s", message));
        break;
    case IDLE: /* it has given up */
        w->said_error = true;
        lose(w, LOST_ERROR, mem_strdup(message));
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
    close_fd(&w->out_fd);
    if (w->state != ENDING)
        lose(w, LOST_ENDED, NULL);
    return false;
}

/* ---- output ---- */

static size_t read_log(struct worker *w, int i)
{
    char block[READ_BYTES];
    ssize_t n = read(w->log_fd[i], block, sizeof block);
    if (n > 0) {
        proc_log_add(w->log, LOG_BYTES, (uint8_t)(i + 1), block, (size_t)n);
        return (size_t)n;
    }
    if (n == 0 || (errno != EINTR && errno != EAGAIN))
        close_fd(&w->log_fd[i]);
    return 0;
}

/* Reads what is there now. */
static void drain(struct worker *w)
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
static void flush(struct worker *w)
{
    while (pending(w)) {
        ssize_t n = write(w->in_fd, w->to.p + w->to_at, w->to.len - w->to_at);
        if (n >= 0) {
            w->to_at += (size_t)n;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) { /* it does not listen any more; what it has said still counts */
            close_fd(&w->in_fd);
            while ((w->state == STARTING || w->state == SERVING) && read_messages(w))
                ;
            if (w->state != ENDING)
                lose(w, LOST_ENDED, NULL);
        }
    }
    buf_reset(&w->to);
    w->to_at = 0;
    if (w->to.cap > KEPT_BYTES)
        buf_clear(&w->to);
    if (w->close_after)
        close_fd(&w->in_fd);
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
    drain(w);
    pthread_join(w->thread, NULL);
    close_fd(&w->ended_r);
    w->ended = true;
    if (w->state != ENDING)
        lose(w, LOST_ENDED, NULL);
}

static void on_cancel(struct worker *w)
{
    if (w->state == STARTING || w->state == SERVING || w->state == IDLE)
        lose(w, LOST_CANCELLED, mem_strdup("interrupted"));
    end_process(w);
}

enum { AT_OUT, AT_ERR, AT_MESSAGES, AT_WRITE, AT_ENDED, AT_CANCEL, AT_KILL, N_POLL };

/* Waits until something happens, at most until the deadline, and does what there is to do about it. Output first, so that
 * it is before the line that tells of its loss; messages before the end and before a cancel, so that nothing that was done is
 * lost. */
static void step(struct worker *w, int64_t deadline_ns)
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
        flush(w);
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

static bool over(int64_t deadline_ns) { return deadline_ns != INT64_MAX && clock_mono_ns() >= deadline_ns; }

/* Of a lost one. Whoever only closed its descriptor, or said that it cannot go on, may end by itself for a moment. */
static void wait_ended(struct worker *w)
{
    int64_t ms = w->spec.grace_ms < CLOSED_PATIENCE_MS ? w->spec.grace_ms : CLOSED_PATIENCE_MS;
    int64_t until = w->lost == LOST_ENDED || w->lost == LOST_ERROR ? clock_deadline_ns(ms) : INT64_MAX;
    while (!w->ended) {
        step(w, until);
        if (!w->ended && over(until)) {
            w->closed_and_lived = w->lost == LOST_ENDED && !w->cancel_seen;
            until = INT64_MAX;
            end_process(w);
        }
    }
    drain(w);
    proc_log_cut(w->log, LOG_BYTES);
}

/* ---- starting ---- */

static const char **copy_strings(struct arena *a, const char *const *v, size_t more, size_t *n)
{
    for (*n = 0; v[*n];)
        ++*n;
    const char **out = arena_alloc(a, (*n + more + 1) * sizeof *out);
    for (size_t i = 0; i < *n; i++)
        out[i] = arena_strdup(a, v[i]);
    return out;
}

static void copy_spec(struct worker *w, const struct worker_spec *s)
{
    struct arena *a = &w->arena;
    size_t n;
    w->spec = *s;
    w->spec.file = arena_strdup(a, s->file);
    w->spec.argv = copy_strings(a, s->argv, 0, &n);
    w->spec.cwd = s->cwd ? arena_strdup(a, s->cwd) : NULL;
    w->spec.suite = arena_strdup(a, s->suite);
    w->spec.root = arena_strdup(a, s->root);
    const char **envp = copy_strings(a, s->envp, 3, &n);
    envp[n++] = arena_printf(a, "TGRAPH_WORKER=%d", WORKER_PROTOCOL);
    envp[n++] = arena_printf(a, "TGRAPH_WORKER_IN=%d", w->child_fd[0]);
    envp[n] = arena_printf(a, "TGRAPH_WORKER_OUT=%d", w->child_fd[1]);
    w->spec.envp = envp;
}

static bool open_pipes(struct worker *w)
{
    int in[2], out[2], log[2][2], ended[2];
    w->child_fd[0] = w->child_fd[1] = w->child_fd[2] = w->child_fd[3] = w->ended_w = -1;
    w->in_fd = w->out_fd = w->log_fd[0] = w->log_fd[1] = w->ended_r = -1;
    w->cancel[0] = w->cancel[1] = w->kill[0] = w->kill[1] = -1;
    bool ok = proc_pipe(in);
    w->child_fd[0] = in[0];
    w->in_fd = in[1];
    ok = ok && proc_pipe(out);
    w->out_fd = ok ? out[0] : -1;
    w->child_fd[1] = ok ? out[1] : -1;
    for (int i = 0; i < 2; i++) {
        ok = ok && proc_pipe(log[i]);
        w->log_fd[i] = ok ? log[i][0] : -1;
        w->child_fd[2 + i] = ok ? log[i][1] : -1;
    }
    ok = ok && proc_pipe(ended);
    w->ended_r = ok ? ended[0] : -1;
    w->ended_w = ok ? ended[1] : -1;
    ok = ok && proc_pipe(w->cancel) && proc_pipe(w->kill);
    /* Only our own ends: the worker's are other open files, and block as usual. */
    return ok && fcntl(w->in_fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(w->out_fd, F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(w->log_fd[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(w->log_fd[1], F_SETFL, O_NONBLOCK) == 0;
}

struct worker *worker_start(const struct worker_spec *s)
{
    struct worker *w = mem_calloc(1, sizeof *w);
    w->log = &w->outside;
    arena_init(&w->arena);
    int errnum = open_pipes(w) ? 0 : errno;
    copy_spec(w, s);
    w->start_limit_ns = s->start_timeout_ms > 0 ? clock_deadline_ns(s->start_timeout_ms) : INT64_MAX;
    w->result = (struct proc_result){.cause = PROC_NOT_STARTED, .exit_code = -1};
    if (!errnum) {
        static const size_t n_inherit = 2;
        w->proc = (struct proc_spec){.file = w->spec.file,
                                     .argv = w->spec.argv,
                                     .envp = w->spec.envp,
                                     .cwd = w->spec.cwd,
                                     .inherit_fds = arena_alloc(&w->arena, n_inherit * sizeof(int)),
                                     .n_inherit_fds = n_inherit,
                                     .own_output = true,
                                     .out_fd = {w->child_fd[2], w->child_fd[3]},
                                     .grace_ms = s->grace_ms,
                                     .left_ms = s->left_ms,
                                     .cancel_fd = w->cancel[0],
                                     .kill_fd = w->kill[0],
                                     .on_start = on_start,
                                     .ctx = w};
        memcpy((int *)w->proc.inherit_fds, w->child_fd, n_inherit * sizeof(int));
        errnum = pthread_create(&w->thread, NULL, supervise, w);
    }
    if (errnum) {
        w->ended = true;
        close_child_ends(w);
        lose(w, LOST_ERROR,
             mem_printf("cannot run %s: no pipes or no thread for a worker: %s", s->file, strerror(errnum)));
        return w;
    }
    worker_msg_hello(&w->to, w->spec.suite, w->spec.root);
    flush(w);
    return w;
}

/* Why a worker that ended before it was ready did so. */
static void explain_start(struct worker *w)
{
    const struct err *e = &w->result.error;
    if (w->why || w->was_ready)
        return;
    if (w->result.cause == PROC_NOT_STARTED) {
        w->why = mem_printf("%s%s%s", e->msg ? e->msg : "its worker could not be started", e->hint ? ": " : "",
                            e->hint ? e->hint : "");
    } else {
        char *how = how_it_ended(w);
        w->why = mem_printf("its worker %s before it was ready", how);
        mem_free(how);
    }
}

/* Until it is no longer STARTING; if it is lost, until it has ended and `why` is known. */
static void await_ready(struct worker *w)
{
    while (w->state == STARTING) {
        step(w, w->start_limit_ns);
        if (w->state == STARTING && over(w->start_limit_ns))
            lose(w, LOST_LATE,
                 mem_printf("its worker was not ready within %.3g s", (double)w->spec.start_timeout_ms / 1000));
    }
    if (w->state == LOST) {
        wait_ended(w);
        explain_start(w);
    }
}
static void take_log(struct worker *w, struct proc_log *out)
{
    proc_log_cut(&w->outside, LOG_BYTES);
    *out = w->outside;
    w->outside = (struct proc_log){.bytes = BUF_INIT};
}

bool worker_wait_ready(struct worker *w, char **why, struct proc_log *log)
{
    *why = NULL;
    *log = (struct proc_log){.bytes = BUF_INIT};
    await_ready(w);
    if (w->state != LOST)
        return true;
    *why = mem_strdup(w->why ? w->why : "its worker has ended");
    take_log(w, log);
    w->told = true;
    return false;
}

/* ---- cases ---- */

/* It was lost before the case was handed out. */
static void not_handed_out(struct worker *w, struct worker_answer *a)
{
    if (w->lost == LOST_CANCELLED) {
        a->cancelled = true;
    } else {
        a->outcome = OUTCOME_ERROR;
        a->not_started = !w->was_ready;
    }
    a->note = mem_strdup(w->why ? w->why : "its worker had ended before");
    a->details = w->details;
    w->details = NULL;
    a->ended_real_ns = clock_real_ns();
    take_log(w, &a->log);
    w->told = true;
}

/* It was lost while the case was in flight. */
static void in_flight(struct worker *w, struct worker_answer *a)
{
    a->duration_ns = clock_mono_ns() - w->began_ns;
    wait_ended(w);
    a->ended_real_ns = clock_real_ns();
    w->told = true;
    /* Ended by us on its way out: nobody knows what would have come. */
    bool by_cancel = w->lost == LOST_ENDED && w->cancel_seen && w->result.cause == PROC_CANCELLED;
    if (w->lost == LOST_CANCELLED || by_cancel) {
        a->cancelled = true;
        a->note = mem_strdup("interrupted");
        return;
    }
    a->note = w->why;
    w->why = NULL;
    a->details = w->details;
    w->details = NULL;
    if (w->lost == LOST_LATE) {
        a->outcome = OUTCOME_TIMED_OUT;
    } else if (w->lost == LOST_BROKEN || w->lost == LOST_ERROR) {
        a->outcome = OUTCOME_ERROR;
    } else {
        char *how = how_it_ended(w);
        a->outcome = OUTCOME_CRASHED;
        a->note = mem_printf("its worker %s", how);
        if (!lived_on(w)) {
            a->exit_code = w->result.signal ? -1 : w->result.exit_code;
            a->signal = w->result.signal;
        }
        mem_free(how);
    }
}

void worker_run_case(struct worker *w, const struct worker_run *run, struct worker_answer *out)
{
    *out = (struct worker_answer){.outcome = OUTCOME_NONE, .exit_code = -1, .log = {.bytes = BUF_INIT}};
    out->started_real_ns = clock_real_ns();
    if (w->state == STARTING)
        await_ready(w);
    if (w->state == LOST) {
        not_handed_out(w, out);
        return;
    }
    ASSERT(w->state == IDLE);
    drain(w); /* what it wrote after the last `done` is not this case's */
    w->id++;
    w->served++;
    w->recycle = w->started = false;
    w->answer = out;
    w->log = &out->log;
    w->state = SERVING;
    w->timeout_ms = run->timeout_ms;
    out->started_real_ns = clock_real_ns();
    w->began_ns = clock_mono_ns();
    w->limit_ns = run->timeout_ms > 0 ? clock_deadline_ns(run->timeout_ms) : INT64_MAX;
    worker_msg_run(&w->to, w->id, run);
    flush(w);
    while (w->state == SERVING) {
        step(w, w->limit_ns);
        if (w->state == SERVING && over(w->limit_ns))
            lose(w, LOST_LATE,
                 mem_printf("still running after its time limit of %.3g s", (double)w->timeout_ms / 1000));
    }
    if (out->answered)
        drain(w); /* it wrote this before `done`, so it is there */
    else
        in_flight(w, out);
    proc_log_cut(&out->log, LOG_BYTES);
    w->log = &w->outside;
    w->answer = NULL;
}

bool worker_usable(const struct worker *w)
{
    if (w->state != IDLE)
        return w->state == STARTING;
    /* Nothing is to come from one that has nothing to do: the end of it, or what it must not say. */
    struct pollfd p[2] = {{.fd = w->out_fd, .events = POLLIN}, {.fd = w->ended_r, .events = POLLIN}};
    return poll(p, 2, 0) == 0;
}

bool worker_wants_recycling(const struct worker *w) { return w->recycle; }
uint32_t worker_served(const struct worker *w) { return w->served; }
const char *worker_name(const struct worker *w) { return w->name ? w->name : ""; }
pid_t worker_pid(const struct worker *w) { return atomic_load(&w->pid); }

uint64_t worker_resident_bytes(const struct worker *w)
{
    pid_t pid = atomic_load(&w->pid);
    return pid > 0 ? proc_resident_bytes(pid) : 0;
}

void worker_say(struct worker *w, const char *line)
{
    if (w->state == IDLE || w->state == STARTING) {
        buf_adds(&w->to, line);
        buf_addc(&w->to, '\n');
        flush(w);
    }
}

/* ---- ending ---- */

static void ask_to_exit(struct worker *w)
{
    w->state = ENDING;
    if (w->spec.farewell != FAREWELL_END)
        worker_msg_exit(&w->to);
    w->close_after = w->spec.farewell != FAREWELL_EXIT;
    flush(w);
}

/* What was wrong that nobody was told of. */
static char *ending_note(struct worker *w, bool asked, bool late)
{
    const struct proc_result *r = &w->result;
    char *note = NULL;
    if (w->said_error || (w->why && !w->told)) {
        note = w->why;
        w->why = NULL;
    } else if (late) {
        note = mem_printf("still running %d s after it was asked to exit", WORKER_EXIT_MS / 1000);
    } else if (w->told || w->cancel_seen) {
        return NULL;
    } else if (!asked) {
        char *how = how_it_ended(w);
        note = mem_printf("its worker %s while it had nothing to do", how);
        mem_free(how);
    } else if (r->signal) {
        struct buf name = BUF_INIT;
        proc_signal_name(r->signal, &name);
        if (r->core_dumped)
            buf_adds(&name, ", core dumped");
        note = buf_take(&name);
    } else if (r->exit_code != 0) {
        note = mem_printf("exit status %d", r->exit_code);
    }
    return note;
}

void worker_end(struct worker *w, struct worker_ending *out)
{
    *out = (struct worker_ending){.log = {.bytes = BUF_INIT}};
    bool asked = false, late = false, unwanted = false;
    if ((w->state == STARTING || w->state == IDLE) && !w->ended)
        step(w, 0);             /* something may have happened already */
    if (w->state == STARTING) { /* it was never of use, and need not take down what it is still putting up */
        unwanted = true;
        lose(w, LOST_CANCELLED, NULL);
    } else if (w->state == IDLE) {
        asked = true;
        ask_to_exit(w);
    }
    int64_t until = asked ? clock_deadline_ns(WORKER_EXIT_MS) : INT64_MAX;
    while (asked && !w->ended) {
        step(w, until);
        if (!w->ended && over(until)) {
            late = true;
            until = INT64_MAX;
            end_process(w);
        }
    }
    if (!asked)
        wait_ended(w);
    if (!unwanted)
        explain_start(w);
    out->failed = w->said_error;
    out->clean = unwanted || (asked && !late && !w->said_error && w->state == ENDING &&
                              w->result.cause == PROC_EXITED && w->result.exit_code == 0);
    out->held = w->out_fd >= 0 && w->result.cause != PROC_NOT_STARTED;
    if (!out->clean)
        out->note = ending_note(w, asked, late);
    out->details = w->details;
    out->left_over = w->result.left_over;
    w->result.left_over = NULL;
    take_log(w, &out->log);

    int *fds[] = {&w->in_fd,   &w->out_fd,    &w->log_fd[0], &w->log_fd[1], &w->ended_r,
                  &w->ended_w, &w->cancel[0], &w->cancel[1], &w->kill[0],   &w->kill[1]};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close_fd(fds[i]);
    proc_result_clear(&w->result);
    proc_log_clear(&w->outside);
    buf_clear(&w->to);
    buf_clear(&w->from);
    mem_free(w->why);
    mem_free(w->name);
    arena_clear(&w->arena);
    mem_free(w);
}

void worker_answer_clear(struct worker_answer *a)
{
    mem_free(a->note);
    mem_free(a->details);
    proc_log_clear(&a->log);
    strvec_clear(&a->reads);
    for (uint32_t i = 0; i < a->n_subtests; i++) {
        mem_free(a->subtests[i].name);
        mem_free(a->subtests[i].message);
    }
    mem_free(a->subtests);
    *a = (struct worker_answer){.outcome = OUTCOME_NONE, .exit_code = -1};
}

void worker_ending_clear(struct worker_ending *e)
{
    mem_free(e->note);
    mem_free(e->details);
    mem_free(e->left_over);
    proc_log_clear(&e->log);
    *e = (struct worker_ending){.clean = false};
}

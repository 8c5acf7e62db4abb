/* SPDX-License-Identifier: MIT
 *
 * What is asked of a worker: to be ready, to run a case, to exit; and what becomes of each. */
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/proc_log.h"
#include "worker/worker_internal.h"
#include "worker/worker_msg.h"

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
                                     .on_start = worker_on_start,
                                     .ctx = w};
        memcpy((int *)w->proc.inherit_fds, w->child_fd, n_inherit * sizeof(int));
        errnum = pthread_create(&w->thread, NULL, worker_supervise, w);
    }
    if (errnum) {
        w->ended = true;
        worker_close_child_ends(w);
        worker_lose(w, LOST_ERROR,
                    mem_printf("cannot run %s: no pipes or no thread for a worker: %s", s->file, strerror(errnum)));
        return w;
    }
    worker_msg_hello(&w->to, w->spec.suite, w->spec.root);
    worker_flush(w);
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
        char *how = worker_how_it_ended(w);
        w->why = mem_printf("its worker %s before it was ready", how);
        mem_free(how);
    }
}

/* Until it is no longer STARTING; if it is lost, until it has ended and `why` is known. */
static void await_ready(struct worker *w)
{
    while (w->state == STARTING) {
        worker_step(w, w->start_limit_ns);
        if (w->state == STARTING && worker_over(w->start_limit_ns))
            worker_lose(w, LOST_LATE,
                        mem_printf("its worker was not ready within %.3g s", (double)w->spec.start_timeout_ms / 1000));
    }
    if (w->state == LOST) {
        worker_wait_ended(w);
        explain_start(w);
    }
}
static void take_log(struct worker *w, struct proc_log *out)
{
    proc_log_cut(&w->outside, WORKER_LOG_BYTES);
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
        a->not_handed = true;
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
    worker_wait_ended(w);
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
        char *how = worker_how_it_ended(w);
        a->outcome = OUTCOME_CRASHED;
        a->note = mem_printf("its worker %s", how);
        if (!worker_lived_on(w)) {
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
    if (!w->was_ready) /* it may be lost already: it was gone before `hello` was written */
        await_ready(w);
    if (w->state == LOST) {
        not_handed_out(w, out);
        return;
    }
    ASSERT(w->state == IDLE);
    worker_drain(w); /* what it wrote after the last `done` is not this case's */
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
    worker_flush(w);
    while (w->state == SERVING) {
        worker_step(w, w->limit_ns);
        if (w->state == SERVING && worker_over(w->limit_ns))
            worker_lose(w, LOST_LATE,
                        mem_printf("still running after its time limit of %.3g s", (double)w->timeout_ms / 1000));
    }
    if (out->answered)
        worker_drain(w); /* it wrote this before `done`, so it is there */
    else
        in_flight(w, out);
    proc_log_cut(&out->log, WORKER_LOG_BYTES);
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
        worker_flush(w);
    }
}

/* ---- ending ---- */

static void ask_to_exit(struct worker *w)
{
    w->state = ENDING;
    if (w->spec.farewell != FAREWELL_END)
        worker_msg_exit(&w->to);
    w->close_after = w->spec.farewell != FAREWELL_EXIT;
    worker_flush(w);
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
        char *how = worker_how_it_ended(w);
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
        worker_step(w, 0);      /* something may have happened already */
    if (w->state == STARTING) { /* it was never of use, and need not take down what it is still putting up */
        unwanted = true;
        worker_lose(w, LOST_CANCELLED, NULL);
    } else if (w->state == IDLE) {
        asked = true;
        ask_to_exit(w);
    }
    int64_t until = asked ? clock_deadline_ns(WORKER_EXIT_MS) : INT64_MAX;
    while (asked && !w->ended) {
        worker_step(w, until);
        if (!w->ended && worker_over(until)) {
            late = true;
            until = INT64_MAX;
            worker_end_process(w);
        }
    }
    if (!asked)
        worker_wait_ended(w);
    if (!unwanted)
        explain_start(w);
    out->failed = w->said_error;
    out->asked = asked;
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
        worker_close_fd(fds[i]);
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

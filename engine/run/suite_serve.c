/* SPDX-License-Identifier: MIT
 *
 * What a pool thread does with a place of a suite: keeps a worker, hands it case after case, gives each back as a job. */
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "os/clock.h"
#include "os/file.h"
#include "run/suite_internal.h"

enum {
    STAY_MS = 100,    /* a server that came for short groups stays at least so long */
    ALONE_FAILED = 2, /* that failed alone as well: what is wrong is wrong for all */
    ALONE_CHECKS =
        5, /* failures of one run that are tried again in a worker of their own, to see what they depend on */
    START_FAILURES = 3,
    GONE_WORKERS = 3 /* one after the other, for one case */
};

/* One thread's visit. */
struct server {
    struct suite *s;
    struct pool_threads *pool;
    uint32_t place;
    struct worker *w;     /* NULL = none now */
    struct strvec served; /* ids, in order, by this worker */
    struct served_nodes nodes;
    char *tmpdir;
    int64_t started_real_ns; /* of the worker: what it read may have been read since then */
    uint32_t group;          /* that it is at; UINT32_MAX = none */
};

static void lock(struct suite *s) { pthread_mutex_lock(&s->mu); }
static void unlock(struct suite *s) { pthread_mutex_unlock(&s->mu); }

/* ---- workers ----------------------------------------------------------------------------------------------------- */

/* What no answer has told. */
static void tell_end(struct server *v, const struct worker_ending *e)
{
    struct buf text = BUF_INIT;
    if (v->s->o.trial) /* whoever tries has seen what matters, and nobody failed */
        return;
    if (e->note)
        buf_printf(&text, "a worker of %s did not end as it should: %s", v->s->o.label, e->note);
    if (e->left_over)
        buf_printf(&text, "%s%s%s", text.len ? "; " : "",
                   text.len ? "" : "a worker left processes, ended now: ", e->left_over);
    if (!text.len) {
        buf_clear(&text);
        return;
    }
    struct pool_msg m = {.type = POOL_WORKER_ENDED,
                         .suite = v->s->o.node,
                         .nodes = v->nodes.v,
                         .n_nodes = v->nodes.n,
                         .failed = e->failed || (e->asked && !e->clean),
                         .note = mem_strdup(buf_cstr(&text))};
    memset(&v->nodes, 0, sizeof v->nodes);
    pool_post(v->pool, &m);
    buf_clear(&text);
}

static void end_worker(struct server *v)
{
    struct worker_ending e = {0};
    struct err err = ERR_INIT;
    if (!v->w)
        return;
    worker_end(v->w, &e);
    v->w = NULL;
    tell_end(v, &e);
    worker_ending_clear(&e);
    if (v->tmpdir)
        file_remove_tree(v->tmpdir, &err);
    err_clear(&err);
    mem_free(v->tmpdir);
    v->tmpdir = NULL;
    strvec_clear(&v->served);
    mem_free(v->nodes.v);
    memset(&v->nodes, 0, sizeof v->nodes);
}

static void start_worker(struct server *v)
{
    const struct suite_opts *o = &v->s->o;
    uint32_t serial = atomic_fetch_add(o->serial, 1);
    uint32_t n = 0;
    while (o->envp[n] || n == o->env_free[0] || n == o->env_free[1] || n == o->env_free[2] || n == o->env_free[3])
        n++;
    const char **envp = mem_calloc(n + 1, sizeof *envp);
    char *tmp = mem_printf("%s/w%u", o->tmp_base, serial), *vars[3];
    mkdir(tmp, 0700); /* if it fails, whoever writes there says so */
    vars[0] = mem_printf("TGRAPH_TMPDIR=%s", tmp);
    vars[1] = mem_printf("TMPDIR=%s", tmp);
    vars[2] = mem_printf("TGRAPH_SLOT=%u", v->place);
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i == o->env_free[0])
            continue; /* of an attempt: a worker has none */
        envp[k++] = i == o->env_free[1]   ? vars[0]
                    : i == o->env_free[2] ? vars[1]
                    : i == o->env_free[3] ? vars[2]
                                          : o->envp[i];
    }
    struct worker_spec spec = {.file = o->file,
                               .argv = o->argv,
                               .envp = envp,
                               .cwd = o->cwd,
                               .suite = o->label,
                               .root = o->root,
                               .start_timeout_ms = o->start_timeout_ms,
                               .grace_ms = o->grace_ms,
                               .left_ms = o->left_ms,
                               .cancel_fd = o->cancel_fd,
                               .kill_fd = o->kill_fd};
    v->started_real_ns = clock_real_ns();
    v->w = worker_start(&spec);
    v->tmpdir = tmp;
    for (int i = 0; i < 3; i++)
        mem_free(vars[i]);
    mem_free(envp);
}

void suite_prestart(struct suite *s, uint32_t place)
{
    struct server v = {.s = s, .place = place};
    start_worker(&v);
    struct suite_warm warm = {v.w, place, v.tmpdir, v.started_real_ns};
    suite_give_warm(s, &warm);
}

void suite_give_warm(struct suite *s, const struct suite_warm *warm)
{
    lock(s);
    while (s->n_parked <= warm->place) {
        MEM_GROW(s->parked, s->n_parked, s->cap_parked);
        memset(&s->parked[s->n_parked++], 0, sizeof *s->parked);
    }
    s->parked[warm->place] =
        (struct parked){.w = warm->w, .tmpdir = warm->tmpdir, .started_real_ns = warm->started_real_ns};
    unlock(s);
}

bool suite_take_warm(struct suite *s, struct suite_warm *out)
{
    bool found = false;
    lock(s);
    for (uint32_t i = 0; i < s->n_parked && !found; i++) {
        struct parked *p = &s->parked[i];
        if (!p->w || p->served.n)
            continue;
        *out = (struct suite_warm){p->w, i, p->tmpdir, p->started_real_ns};
        memset(p, 0, sizeof *p);
        found = true;
    }
    unlock(s);
    return found;
}

void suite_end_warm(struct suite_warm *warm)
{
    struct worker_ending e = {0};
    worker_end(warm->w, &e);
    worker_ending_clear(&e);
    if (warm->tmpdir)
        file_remove_tree(warm->tmpdir, NULL);
    mem_free(warm->tmpdir);
    memset(warm, 0, sizeof *warm);
}

/* The worker that a thread with this place left behind. */
static void take_parked(struct server *v)
{
    struct suite *s = v->s;
    lock(s);
    if (v->place < s->n_parked && s->parked[v->place].w) {
        struct parked *p = &s->parked[v->place];
        v->w = p->w;
        v->served = p->served;
        v->tmpdir = p->tmpdir;
        v->nodes = p->nodes;
        v->started_real_ns = p->started_real_ns;
        memset(p, 0, sizeof *p);
    }
    unlock(s);
}

static bool park(struct server *v)
{
    struct suite *s = v->s;
    lock(s);
    bool worth_it = s->o.park && (s->waiting > 0 || s->expects_more) && !s->stopped && v->w;
    if (worth_it) {
        while (s->n_parked <= v->place) {
            MEM_GROW(s->parked, s->n_parked, s->cap_parked);
            memset(&s->parked[s->n_parked++], 0, sizeof *s->parked);
        }
        s->parked[v->place] = (struct parked){v->w, v->served, v->nodes, v->tmpdir, v->started_real_ns};
        memset(&v->nodes, 0, sizeof v->nodes);
        v->w = NULL;
        v->tmpdir = NULL;
        memset(&v->served, 0, sizeof v->served);
    }
    unlock(s);
    return worth_it;
}

/* The ones that nobody will come back for: unless `all`, only if nobody can be meant to. */
static void end_parked(struct suite *s, struct pool_threads *pool, bool all)
{
    for (uint32_t i = 0;; i++) {
        lock(s);
        bool done = (!all && (s->waiting > 0 || s->expects_more)) || i >= s->n_parked;
        struct parked p = {0};
        if (!done) {
            p = s->parked[i];
            memset(&s->parked[i], 0, sizeof p);
        }
        unlock(s);
        if (done)
            return;
        if (!p.w)
            continue;
        struct server other = {.s = s,
                               .pool = pool,
                               .place = i,
                               .w = p.w,
                               .served = p.served,
                               .nodes = p.nodes,
                               .tmpdir = p.tmpdir,
                               .group = UINT32_MAX};
        end_worker(&other);
    }
}

void suite_end_parked(struct suite *s, struct pool_threads *pool) { end_parked(s, pool, true); }

/* ---- serving ----------------------------------------------------------------------------------------------------- */

static void set_note(struct job *j, const char *text)
{
    char *old = j->note;
    j->note = old && text ? mem_printf("%s; %s", old, text) : text ? mem_strdup(text) : old;
    if (j->note != old)
        mem_free(old);
}

/* Text of a worker goes after what the process wrote, as a stream of its own. */
static void add_frame(struct proc_log *l, uint8_t stream, const char *p, size_t len)
{
    if (!len || len > UINT32_MAX)
        return;
    buf_add(&l->bytes, p, len);
    MEM_GROW(l->frames, l->n_frames, l->cap_frames);
    l->frames[l->n_frames++] = (struct proc_frame){stream, (uint32_t)len};
}

/* As they are kept and as the JSON events show them: an object a line. */
static void encode_subtests(const struct worker_answer *a, struct buf *out)
{
    for (uint32_t i = 0; i < a->n_subtests; i++) {
        const struct worker_subtest *t = &a->subtests[i];
        struct json json = JSON_INIT(out);
        json_object(&json);
        json_key(&json, "name");
        json_str(&json, t->name);
        json_key(&json, "outcome");
        json_str(&json, t->mark ? case_mark_name(t->mark) : outcome_name(t->outcome));
        if (t->message) {
            json_key(&json, "message");
            json_str(&json, t->message);
        }
        if (t->duration_ns >= 0) {
            json_key(&json, "duration_ms");
            json_double(&json, (double)t->duration_ns / 1e6, 3);
        }
        json_end(&json);
        buf_addc(out, '\n');
    }
}

/* For people, after all else that the case has to say. */
static void tell_failed_subtests(const struct worker_answer *a, struct buf *out)
{
    for (uint32_t i = 0; i < a->n_subtests; i++) {
        const struct worker_subtest *t = &a->subtests[i];
        if (t->outcome != OUTCOME_PASSED)
            buf_printf(out, "%s: %s%s%s\n", outcome_name(t->outcome), t->name, t->message ? ": " : "",
                       t->message ? t->message : "");
    }
}

static void take_answer(struct job *j, struct worker_answer *a)
{
    j->outcome = a->outcome;
    j->mark = a->mark;
    mem_free(j->note);
    j->note = NULL;
    set_note(j, a->note);
    proc_log_clear(&j->result.log);
    j->result.log = a->log;
    memset(&a->log, 0, sizeof a->log);
    if (a->details)
        add_frame(&j->result.log, 3, a->details, strlen(a->details));
    if (a->n_subtests) {
        struct buf text = BUF_INIT;
        encode_subtests(a, &text);
        add_frame(&j->result.log, 4, text.p, text.len);
        buf_reset(&text);
        tell_failed_subtests(a, &text);
        add_frame(&j->result.log, 3, text.p, text.len);
        buf_clear(&text);
    }
    j->result.cause = a->signal ? PROC_SIGNALLED : a->exit_code >= 0 ? PROC_EXITED : PROC_NOT_STARTED;
    j->result.exit_code = a->exit_code;
    j->result.signal = a->signal;
    j->result.duration_ns = a->duration_ns;
    j->ended_real_ns = a->ended_real_ns;
    strvec_clear(&j->reads);
    j->has_reads = a->has_reads;
    for (size_t i = 0; i < a->reads.n; i++)
        job_add_read(j, a->reads.v[i]);
    strvec_sort_unique(&j->reads);
}

/* Hands the case to a worker; starts one if there is none that can take it. */
static void hand_out(struct server *v, const struct suite_case *c, const char *next, uint32_t number,
                     struct worker_answer *a)
{
    struct suite *s = v->s;
    if (v->w && !worker_usable(v->w)) /* it ended after its last case, while nobody looked */
        end_worker(v);
    lock(s);
    int64_t fresh_after_ns = s->fresh_after_ns > c->fresh_after_ns ? s->fresh_after_ns : c->fresh_after_ns;
    bool stale = v->w && v->started_real_ns <= fresh_after_ns;
    unlock(s);
    if (stale)
        end_worker(v);
    if (!v->w)
        start_worker(v);
    int64_t timeout_ms = c->timeout_ms;
    lock(s);
    int64_t deadline_ns = s->deadline_ns;
    unlock(s);
    if (deadline_ns) {
        int64_t left_ms = (deadline_ns - clock_mono_ns()) / 1000000;
        left_ms = left_ms < 1 ? 1 : left_ms;
        timeout_ms = timeout_ms && timeout_ms < left_ms ? timeout_ms : left_ms;
    }
    struct worker_run run = {.id = c->id, .next = next, .data = c->data, .attempt = number, .timeout_ms = timeout_ms};
    worker_run_case(v->w, &run, a);
    MEM_GROW(v->nodes.v, v->nodes.n, v->nodes.cap);
    v->nodes.v[v->nodes.n++] = c->node;
    strvec_add(&v->served, c->id);
}

/* A worker may be gone before it has the case: then that is another one's. */
static void try_once(struct server *v, const struct suite_case *c, const char *next, uint32_t number,
                     struct worker_answer *a)
{
    hand_out(v, c, next, number, a);
    for (int i = 0; i < GONE_WORKERS && a->not_handed && !a->not_started && !a->cancelled; i++) {
        struct pool_msg m = {.type = POOL_WORKER_ENDED,
                             .suite = v->s->o.node,
                             .note = mem_printf("a worker of %s was gone before it had a case: %s", v->s->o.label,
                                                a->note ? a->note : "nobody knows why")};
        pool_post(v->pool, &m);
        worker_answer_clear(a);
        end_worker(v);
        hand_out(v, c, next, number, a);
    }
}

/* After a case: does the worker go on? */
static void after_case(struct server *v)
{
    const struct suite_opts *o = &v->s->o;
    if (!v->w)
        return;
    if (!worker_usable(v->w)) {
        end_worker(v);
        return;
    }
    if (o->isolate || worker_wants_recycling(v->w) || (o->recycle_cases && worker_served(v->w) >= o->recycle_cases) ||
        (o->recycle_bytes && worker_resident_bytes(v->w) > o->recycle_bytes))
        end_worker(v);
}

/* It failed after others in the same process: does it pass on its own? Then those others are to blame. */
static void check_alone(struct server *v, const struct suite_case *c, struct job *j)
{
    struct suite *s = v->s;
    if (j->outcome != OUTCOME_FAILED || s->o.isolate || v->served.n < 2)
        return;
    lock(s);
    bool check = s->alone_checks < ALONE_CHECKS && s->alone_failed < ALONE_FAILED && !s->stopped;
    s->alone_checks += check;
    unlock(s);
    if (!check)
        return;
    for (size_t i = 0; i + 1 < v->served.n; i++)
        strvec_add(&j->before, v->served.v[i]);
    end_worker(v);
    struct worker_answer a = {0};
    try_once(v, c, NULL, 1, &a);
    if (a.outcome != OUTCOME_PASSED) {
        strvec_clear(&j->before); /* else it depends on them: the coordinator says so */
        lock(s);
        s->alone_failed += a.outcome == OUTCOME_FAILED;
        unlock(s);
    }
    worker_answer_clear(&a);
}

static void give(struct server *v, struct job *j)
{
    struct pool_msg m = {.type = POOL_JOB_DONE, .job = j};
    j->trial = v->s->o.trial != NULL;
    pool_post(v->pool, &m);
}

static struct job *case_job(struct server *v, const struct suite_case *c)
{
    struct job *j = job_new();
    j->kind = JOB_CASE;
    j->node = c->node;
    j->slot = v->place;
    j->label = c->label;
    j->root = v->s->o.root;
    j->cwd = v->s->o.cwd;
    j->max_attempts = v->s->o.max_attempts;
    j->result.cause = PROC_NOT_STARTED;
    j->result.exit_code = -1;
    j->started_real_ns = clock_real_ns();
    j->ended_real_ns = j->started_real_ns;
    return j;
}

/* No worker can serve this case, or any: it did not run. */
static void give_up(struct server *v, const struct suite_case *c, enum outcome outcome, const char *why)
{
    struct job *j = case_job(v, c);
    j->outcome = outcome;
    j->attempts = 1;
    set_note(j, why);
    give(v, j);
}

static void not_ready(struct suite *s, const char *why)
{
    lock(s);
    if (++s->start_failures >= START_FAILURES && !s->broken)
        s->broken = mem_strdup(why ? why : "no worker of it gets ready");
    unlock(s);
}

static void ready(struct suite *s)
{
    lock(s);
    s->start_failures = 0;
    unlock(s);
}

static void serve_case(struct server *v, const struct suite_case *c, const char *next)
{
    struct suite *s = v->s;
    struct job *j = case_job(v, c);
    struct worker_answer a = {0};
    struct pool_msg begun = {.type = POOL_JOB_STARTED, .job = j};
    pool_post_later(v->pool, &begun);
    for (j->attempts = 1;; j->attempts++) {
        try_once(v, c, next, j->attempts, &a);
        take_answer(j, &a);
        j->started_real_ns = v->started_real_ns;
        j->cancelled = a.cancelled;
        if (a.cancelled)
            j->outcome = OUTCOME_SKIPPED;
        if (a.not_started)
            not_ready(s, a.note);
        else
            ready(s);
        bool over = j->outcome == OUTCOME_PASSED || j->cancelled || a.not_started || j->attempts >= j->max_attempts;
        worker_answer_clear(&a);
        if (!worker_usable(v->w))
            end_worker(v);
        if (over)
            break;
        pool_post_retry(v->pool, j, j->attempts, &j->result.log, j->result.duration_ns);
    }
    if (j->cancelled || (s->o.fail_fast && j->outcome != OUTCOME_PASSED))
        suite_stop(s);
    else
        check_alone(v, c, j);
    if (j->outcome == OUTCOME_PASSED && j->attempts > 1) {
        char *text = mem_printf("passed at attempt %u of %u", j->attempts, j->max_attempts);
        j->outcome = OUTCOME_FLAKY;
        set_note(j, text);
        mem_free(text);
    }
    give(v, j);
    after_case(v);
}

/* ---- trials ------------------------------------------------------------------------------------------------------ */

struct suite_trial {
    struct server *v;
};

bool suite_trial_serve(struct suite_trial *t, const struct suite_case *c, const char *next, struct worker_answer *a)
{
    struct server *v = t->v;
    if (v->w && (!worker_usable(v->w) || worker_wants_recycling(v->w)))
        return false;
    try_once(v, c, next, 1, a);
    return true;
}

void suite_trial_renew(struct suite_trial *t) { end_worker(t->v); }

static void try_case(struct server *v, const struct suite_case *c)
{
    struct suite_trial t = {v};
    struct job *j = case_job(v, c);
    struct pool_msg begun = {.type = POOL_JOB_STARTED, .job = j};
    pool_post_later(v->pool, &begun);
    j->cancelled = !v->s->o.trial(v->s->o.trial_ctx, &t);
    j->outcome = OUTCOME_SKIPPED;
    end_worker(v);
    if (j->cancelled)
        suite_stop(v->s);
    give(v, j);
}

/* ---- a place ----------------------------------------------------------------------------------------------------- */

/* The next case for this thread, of its group or of another one; false: none. */
static bool next_case(struct server *v, struct suite_case *c, const char **next)
{
    struct suite *s = v->s;
    lock(s);
    if (v->group != UINT32_MAX && s->groups[v->group].head == UINT32_MAX) {
        suite_leave_group(s, v->group);
        v->group = UINT32_MAX;
    }
    if (v->group == UINT32_MAX && !s->stopped)
        v->group = suite_next_group(s);
    bool found = v->group != UINT32_MAX && !s->stopped;
    if (found) {
        *c = s->items[suite_take_first(s, v->group)].c;
        uint32_t head = s->groups[v->group].head;
        *next = head == UINT32_MAX ? NULL : s->items[head].c.id;
    }
    unlock(s);
    return found;
}

/* Leaves the rest of its group to others. */
static void leave(struct server *v)
{
    struct suite *s = v->s;
    lock(s);
    if (v->group != UINT32_MAX)
        suite_leave_group(s, v->group);
    v->group = UINT32_MAX;
    s->serving--;
    unlock(s);
}

static bool should_leave(struct server *v, int64_t since_ns)
{
    struct suite *s = v->s;
    lock(s);
    bool between = v->group == UINT32_MAX || s->groups[v->group].head == UINT32_MAX;
    unlock(s);
    /* A worker that cannot stay would have to be started again: it goes on. */
    return between && s->o.park && s->o.others_wait && atomic_load(s->o.others_wait) &&
           clock_mono_ns() - since_ns > (int64_t)STAY_MS * 1000000;
}

void suite_serve(struct job *job)
{
    struct suite *s = job->suite;
    struct server v = {.s = s, .pool = job->ctx, .place = job->slot, .group = UINT32_MAX};
    int64_t since_ns = clock_mono_ns();
    struct suite_case c;
    const char *next;
    lock(s);
    s->serving++;
    if (s->o.timeout_ms && !s->deadline_ns)
        s->deadline_ns = since_ns + s->o.timeout_ms * 1000000;
    unlock(s);
    take_parked(&v);
    while (!should_leave(&v, since_ns) && next_case(&v, &c, &next)) {
        lock(s);
        char *broken = s->broken ? mem_strdup(s->broken) : NULL;
        bool late = s->deadline_ns && clock_mono_ns() >= s->deadline_ns;
        unlock(s);
        if (!s->o.file) {
            give_up(&v, &c, OUTCOME_ERROR, s->o.missing);
        } else if (broken) {
            give_up(&v, &c, OUTCOME_ERROR, broken);
        } else if (late) {
            char *why =
                mem_printf("not begun: the suite's time limit of %.3g s was over", (double)s->o.timeout_ms / 1000);
            give_up(&v, &c, OUTCOME_TIMED_OUT, why);
            mem_free(why);
        } else if (s->o.trial) {
            try_case(&v, &c);
        } else {
            serve_case(&v, &c, next);
        }
        mem_free(broken);
    }
    leave(&v);
    if (!park(&v)) {
        end_worker(&v);
        end_parked(s, v.pool, false);
    }
    strvec_clear(&v.served);
}

/* SPDX-License-Identifier: MIT
 *
 * tgraph bisect: which case before it makes a case fail? A run brings up to date what the suite needs and then, in place of the
 * case, serves lists of cases in new workers (run/suite.h). What is tried and when is run/bisect.h's.
 *
 * `pick` runs in the thread of the run, `serve` and all below it in one of the pool's, after the last `pick`. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/signals.h"
#include "report/report.h"
#include "run/bisect.h"
#include "run/order.h"
#include "run/suite.h"

#define MAX_TRIALS 200 /* ddmin's worst case is the square of the number of cases */

struct bisecting {
    const struct options *o;
    struct reporter *people;
    struct run_trial trial;
    struct arena arena; /* strings of the cases */
    const char *suite;  /* label */
    struct suite_case it, *before;
    uint32_t n_before;
    bool kept;       /* `before` is what a worker had served, not a guess */
    char *nothing;   /* there is nothing to try: why; owned */
    char *not_tried; /* how the run ended for the case without a trial; owned */
    char *lost;      /* a trial did not come to the case: why, of the last such; owned */
    char *no_worker; /* there can be no further trial: why; owned */
    bool warned, begun, shown_failing;
    struct suite_trial *place;
    struct bisect search;
};

/* ---- which cases ------------------------------------------------------------------------------------------------- */

static struct suite_case case_of(struct bisecting *b, const struct graph *g, node_id n)
{
    const struct graph_case *c = graph_case(g, n);
    return (struct suite_case){.node = n,
                               .label = arena_strdup(&b->arena, graph_label(g, n)),
                               .id = arena_strdup(&b->arena, graph_str(g, c->id)),
                               .data = c->data == STR_NONE ? NULL : arena_strdup(&b->arena, graph_str(g, c->data)),
                               .timeout_ms = (int64_t)c->timeout_ms};
}

/* A label as it is, or as a pattern that names one case. ID_NONE: an error in errs. */
static node_id find_case(struct graph *g, const char *name, const char *sub, struct errlist *errs)
{
    node_id n = graph_find(g, name);
    if (n == ID_NONE) {
        struct select_spec spec = {.patterns = &name, .n_patterns = 1, .sub = sub};
        uint8_t *selected = mem_calloc(g->n_nodes + 1, 1);
        uint32_t count = 0;
        bool ok = select_targets(g, &spec, selected, errs);
        for (uint32_t i = 0; i < g->n_nodes && ok; i++)
            if (selected[i]) {
                n = i;
                count++;
            }
        mem_free(selected);
        if (!ok)
            return ID_NONE;
        if (count > 1) {
            struct err *e = errlist_add(errs, ERR_ERROR);
            err_set(e, "T002", "'%s' names %u targets, and bisect takes one case", name, count);
            err_hint(e, "`tgraph list` shows the labels");
            return ID_NONE;
        }
    }
    if (graph_case(g, n))
        return n;
    struct err *e = errlist_add(errs, ERR_ERROR);
    err_set(e, "T002", "'%s' is no case of a suite, but a %s", graph_label(g, n), kind_name(g->nodes[n].kind));
    err_hint(e,
             g->nodes[n].kind == KIND_SUITE ? "`tgraph list '%s#*'` shows its cases"
                                            : "only what was served before in the same worker can be to blame, and "
                                              "'%s' has a process of its own",
             graph_label(g, n));
    return ID_NONE;
}

static void add_before(struct bisecting *b, const struct graph *g, node_id n)
{
    b->before[b->n_before++] = case_of(b, g, n);
}

/* The kept order, as far as the suite still has its cases. */
static void take_kept(struct bisecting *b, struct workspace *ws)
{
    struct strvec ids = STRVEC_INIT;
    struct err e = ERR_INIT;
    uint32_t gone = 0;
    if (!order_read(ws->state_dir, b->suite, b->it.id, &ids, &b->kept, &e)) {
        struct buf text = BUF_INIT;
        e.level = ERR_WARNING;
        err_format(&e, &text);
        if (!b->warned)
            fprintf(stderr, "tgraph: %s", buf_cstr(&text));
        b->warned = true;
        b->kept = false;
        buf_clear(&text);
    }
    b->before = arena_alloc(&b->arena, (ids.n + 1) * sizeof *b->before);
    for (size_t i = 0; i < ids.n; i++) {
        char *label = mem_printf("%s#%s", b->suite, ids.v[i]);
        node_id n = graph_find(&ws->g, label);
        if (n == ID_NONE || !graph_case(&ws->g, n))
            gone++;
        else
            add_before(b, &ws->g, n);
        mem_free(label);
    }
    if (gone)
        fprintf(stderr, "%u of the %zu cases that were served before it are no longer in suite '%s'\n", gone, ids.n,
                b->suite);
    b->kept = b->kept && b->n_before > 0;
    strvec_clear(&ids);
    err_clear(&e);
}

/* Without one: the cases that are declared before it, as many as a worker would serve before it. */
static void take_declared(struct bisecting *b, struct graph *g, node_id it)
{
    struct suite_action sa = {0};
    const struct graph_case *own = graph_case(g, it);
    uint32_t first = it, most = UINT32_MAX;
    graph_suite(g, it, &sa);
    if (sa.recycle_cases)
        most = sa.recycle_cases - 1;
    for (const struct graph_case *c;
         first > 0 && it - first < most && (c = graph_case(g, first - 1)) != NULL && c->suite == own->suite;)
        first--;
    b->before = arena_alloc(&b->arena, (it - first + 1) * sizeof *b->before);
    for (node_id n = first; n < it; n++)
        add_before(b, g, n);
}

static bool take_afters(struct bisecting *b, struct workspace *ws, node_id it, struct errlist *errs)
{
    struct graph *g = &ws->g;
    b->before = arena_alloc(&b->arena, (b->o->n_afters + 1) * sizeof *b->before);
    for (size_t i = 0; i < b->o->n_afters; i++) {
        node_id n = find_case(g, b->o->afters[i], ws->sub, errs);
        if (n == ID_NONE)
            return false;
        if (graph_case(g, n)->suite != graph_case(g, it)->suite) {
            struct err *e = errlist_add(errs, ERR_ERROR);
            err_set(e, "T002", "%s and %s are of two suites: no worker serves both", graph_label(g, n),
                    graph_label(g, it));
            return err_hint(e, "--after takes a case of suite '%s'", b->suite);
        }
        add_before(b, g, n);
    }
    return true;
}

/* The case, and what those that are served before it need. */
static void mark(const struct bisecting *b, const struct graph *g, node_id it, uint8_t *selected)
{
    selected[it] = 1;
    for (uint32_t i = 0; i < b->n_before; i++) {
        const struct node *nd = &g->nodes[b->before[i].node];
        for (uint32_t k = 0; k < nd->n_edges; k++)
            selected[g->edges[nd->edges_at + k].to] = 1;
    }
}

static bool pick(void *ctx, struct workspace *ws, uint8_t *selected, struct errlist *errs)
{
    struct bisecting *b = ctx;
    struct graph *g = &ws->g;
    struct suite_action sa = {0};
    arena_clear(&b->arena);
    b->n_before = 0;
    node_id it = find_case(g, b->o->args[0], ws->sub, errs);
    if (it == ID_NONE)
        return false;
    b->it = case_of(b, g, it);
    b->trial.label = b->it.label;
    b->suite = arena_strdup(&b->arena, graph_label(g, graph_case(g, it)->suite));
    graph_suite(g, it, &sa);
    if (b->o->n_afters) {
        if (!take_afters(b, ws, it, errs))
            return false;
    } else if (sa.isolate) {
        b->nothing = mem_printf("every case of suite '%s' has a worker of its own (isolate = true): no other case "
                                "comes before it",
                                b->suite);
        return false;
    } else {
        take_kept(b, ws);
        if (!b->kept)
            take_declared(b, g, it);
        if (!b->n_before) {
            b->nothing = mem_printf("no order is kept in which %s failed, and no case is declared before it: a run "
                                    "keeps one when the case fails after others and passes alone",
                                    b->it.label);
            return false;
        }
    }
    mark(b, g, it, selected);
    return true;
}

/* ---- trials ------------------------------------------------------------------------------------------------------ */

static void set_text(char **to, char *text)
{
    mem_free(*to);
    *to = text;
}

/* How a case ended, in the words of docs/events.md. */
static const char *ended(const struct worker_answer *a)
{
    return a->mark ? case_mark_name(a->mark) : outcome_name(a->outcome);
}

static void show(const struct suite_case *c, const struct worker_answer *a)
{
    struct buf line = BUF_INIT;
    buf_printf(&line, "%s: %s in ", c->label, ended(a));
    report_duration(a->duration_ns, &line);
    if (a->note)
        buf_printf(&line, ": %s", a->note);
    fprintf(stderr, "%s\n", buf_cstr(&line));
    fwrite(a->log.bytes.p ? a->log.bytes.p : "", 1, a->log.bytes.len, stdout);
    if (a->details)
        printf("%s%s", a->details, *a->details && a->details[strlen(a->details) - 1] == '\n' ? "" : "\n");
    fflush(stdout);
    buf_clear(&line);
}

/* Serves some of the cases before it and then it, in a new worker. `which` NULL: all of them. */
static enum bisect_verdict serve_list(struct bisecting *b, const uint32_t *which, uint32_t n, bool shown)
{
    enum bisect_verdict verdict = TRIAL_PASSES;
    suite_trial_renew(b->place);
    for (uint32_t i = 0; i <= n && verdict == TRIAL_PASSES; i++) {
        const struct suite_case *c = i == n ? &b->it : &b->before[which ? which[i] : i];
        const char *next = i == n ? NULL : i + 1 == n ? b->it.id : b->before[which ? which[i + 1] : i + 1].id;
        struct worker_answer a = {0};
        if (!suite_trial_serve(b->place, c, next, &a)) {
            set_text(&b->lost, mem_printf("the worker was of no more use after %s",
                                          b->before[which ? which[i - 1] : i - 1].label));
            return TRIAL_UNSURE;
        }
        if (a.cancelled) {
            verdict = TRIAL_STOP;
        } else if (a.not_started) {
            set_text(&b->no_worker, mem_strdup(a.note ? a.note : "no worker gets ready"));
            verdict = TRIAL_STOP;
        } else {
            if (shown)
                show(c, &a);
            if (i == n && a.outcome != OUTCOME_PASSED)
                verdict = TRIAL_FAILS;
        }
        worker_answer_clear(&a);
    }
    return verdict;
}

static enum bisect_verdict try(void *ctx, const uint32_t *which, uint32_t n)
{
    static const char *const words[] = {"passes", "fails"};
    struct bisecting *b = ctx;
    enum bisect_verdict is = serve_list(b, which, n, false);
    if (b->o->verbosity < 0 || is == TRIAL_STOP)
        return is;
    char number[24];
    snprintf(number, sizeof number, n ? "%u" : "no", n);
    fprintf(stderr, "trial %u: %s case%s before it: %s\n", b->search.trials, number, n == 1 ? "" : "s",
            is == TRIAL_UNSURE ? b->lost : words[is]);
    return is;
}

static bool serve(void *ctx, struct suite_trial *place)
{
    struct bisecting *b = ctx;
    b->place = place;
    b->begun = true;
    if (b->o->n_afters) {
        enum bisect_verdict is = serve_list(b, NULL, b->n_before, true);
        b->search.result = is == TRIAL_STOP ? BISECT_STOPPED : BISECT_FOUND;
        b->shown_failing = is == TRIAL_FAILS;
    } else {
        if (!b->kept && b->o->verbosity >= 0)
            fprintf(stderr,
                    "no order is kept in which %s failed: trying the %u case%s of its suite that %s declared "
                    "before it\n",
                    b->it.label, b->n_before, b->n_before == 1 ? "" : "s", b->n_before == 1 ? "is" : "are");
        b->search = (struct bisect){.n = b->n_before, .try = try, .ctx = b, .max_trials = MAX_TRIALS};
        bisect_find(&b->search);
    }
    return b->search.result != BISECT_STOPPED || b->no_worker != NULL;
}

/* ---- what is told ------------------------------------------------------------------------------------------------ */

/* The run's own story is of no interest, but for what keeps the trials from beginning. */
static void tell(void *ctx, const struct event *ev)
{
    struct bisecting *b = ctx;
    bool it = ev->target && b->trial.label && strcmp(ev->target, b->trial.label) == 0;
    if (ev->type == EVENT_TARGET_FINISHED && it)
        set_text(&b->not_tried, ev->note ? mem_strdup(ev->note) : ev->reason ? mem_strdup(ev->reason) : NULL);
    else if (ev->type == EVENT_TARGET_FINISHED || ev->type == EVENT_TARGET_RETRIED || ev->type == EVENT_MESSAGE)
        b->people->ops->event(b->people, ev);
}

static void print_found(const struct bisecting *b)
{
    const struct bisect *s = &b->search;
    struct buf again = BUF_INIT;
    if (s->n_found == 1) {
        printf("%s fails after %s\n", b->it.label, b->before[s->found[0]].label);
    } else {
        printf("%s fails after these %u together, in this order:\n", b->it.label, s->n_found);
        for (uint32_t i = 0; i < s->n_found; i++)
            printf("  %s\n", b->before[s->found[i]].label);
    }
    fflush(stdout);
    if (!s->minimal)
        fprintf(stderr, "fewer of them may be enough: the search ended after %u trials\n", s->trials);
    for (uint32_t i = 0; i < s->n_found; i++) {
        buf_adds(&again, " --after ");
        order_quote(b->suite, b->before[s->found[i]].id, &again);
    }
    buf_addc(&again, ' ');
    order_quote(b->suite, b->it.id, &again);
    fprintf(stderr, "see it again: tgraph%s%s bisect%s\n", b->o->dir ? " -C " : "", b->o->dir ? b->o->dir : "",
            buf_cstr(&again));
    buf_clear(&again);
}

static int conclude(const struct bisecting *b)
{
    const struct bisect *s = &b->search;
    const char *it = b->it.label;
    if (b->no_worker) {
        fprintf(stderr, "tgraph: %s cannot be tried: no worker of suite '%s' can serve it: %s\n", it, b->suite,
                b->no_worker);
        return 1;
    }
    if (b->o->n_afters) {
        if (b->lost)
            fprintf(stderr, "%s was not served: %s\n", it, b->lost);
        else
            fprintf(stderr, "%s %s after %s\n", it, b->shown_failing ? "fails" : "passes",
                    b->n_before == 1 ? b->before[0].label : "them");
        return b->shown_failing ? 0 : 1;
    }
    switch (s->result) {
    case BISECT_FOUND:
        print_found(b);
        return 0;
    case BISECT_ALONE:
        fprintf(stderr, "%s fails alone too: no case before it is to blame\n", it);
        return 1;
    case BISECT_NOT_AFTER:
        fprintf(stderr, "%s does not fail after them any more: tried %d times\n", it, BISECT_TRIES);
        if (b->lost)
            fprintf(stderr, "%s\n", b->lost);
        return 1;
    case BISECT_FLAKY:
        fprintf(stderr,
                "%s fails at random: what was the same passed one time and failed another, so no case is to blame\n",
                it);
        return 1;
    case BISECT_STOPPED:
        break;
    }
    return 1;
}

int cmd_bisect(const struct options *o)
{
    struct errlist errs = ERRLIST_INIT;
    struct bisecting b = {.o = o};
    if (o->n_args != 1) {
        fputs(
            "tgraph: error T002: `tgraph bisect` takes one case\n  hint: `tgraph list` shows their labels: SUITE#ID\n",
            stderr);
        return EXIT_USAGE;
    }
    arena_init(&b.arena);
    b.trial = (struct run_trial){.serve = serve, .ctx = &b};
    struct report_opts ro = {.out = stderr, .color = want_color(o, STDERR_FILENO), .verbosity = o->verbosity};
    b.people = report_plain_new(&ro);
    signals_init();
    struct run_opts run_options = {.ws = workspace_options(o),
                                   .jobs = o->jobs,
                                   .jobs_given = o->jobs_given,
                                   .makeflags = getenv("MAKEFLAGS"),
                                   .interrupt_fd = signals_interrupt_fd(),
                                   .kill_fd = signals_kill_fd(),
                                   .select = pick,
                                   .select_ctx = &b,
                                   .trial = &b.trial,
                                   .emit = tell,
                                   .emit_ctx = &b};
    struct run_counts counts = {0};
    bool ok = run(&run_options, &counts, &errs);
    int status;
    if (signals_count()) {
        fputs("interrupted: nothing was found\n", stderr);
        status = 130;
    } else if (b.nothing) {
        fprintf(stderr, "%s\n", b.nothing);
        status = 1;
    } else if (!ok) {
        print_errors(&errs, o);
        status = select_exit(&errs);
    } else if (!b.begun) {
        fprintf(stderr, "tgraph: %s was not tried: %s\n", b.it.label ? b.it.label : o->args[0],
                b.not_tried ? b.not_tried : "something that it needs failed");
        status = counts.exit_status ? counts.exit_status : 1;
    } else {
        status = conclude(&b);
    }
    b.people->ops->free(b.people);
    bisect_clear(&b.search);
    errlist_clear(&errs);
    arena_clear(&b.arena);
    mem_free(b.nothing);
    mem_free(b.not_tried);
    mem_free(b.lost);
    mem_free(b.no_worker);
    return status;
}

/* SPDX-License-Identifier: MIT
 *
 * What a run tells the world: events and the counts of its end. */
#include <stdarg.h>
#include <stdio.h>

#include "os/clock.h"
#include "run/run_internal.h"

void run_emit(struct runner *r, struct event *ev)
{
    ev->now_ns = clock_mono_ns();
    if (r->o->emit)
        r->o->emit(r->o->emit_ctx, ev);
}

void run_message(struct runner *r, const char *code, bool is_error, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct event ev = {.type = EVENT_MESSAGE, .node = UINT32_MAX, .message = text, .code = code, .is_error = is_error};
    run_emit(r, &ev);
}

void run_count(struct runner *r, node_id n, const struct run_end *end, bool ran, bool again)
{
    struct run_counts *c = &r->counts;
    enum node_kind kind = (enum node_kind)r->ws->g.nodes[n].kind;
    if (kind_is_group(kind) || kind == KIND_SERVICE)
        return;
    bool failed = run_is_bad(end->outcome) && end->outcome != OUTCOME_SKIPPED;
    if (r->nodes[n].selected) {
        c->ran += ran;
        c->cached += !ran && end->outcome != OUTCOME_SKIPPED;
        c->passed += end->outcome == OUTCOME_PASSED;
        c->marked[end->mark] += end->outcome == OUTCOME_PASSED;
        c->flaky += end->outcome == OUTCOME_FLAKY;
        c->skipped += end->outcome == OUTCOME_SKIPPED;
        c->failed += failed;
    }
    if (!r->nodes[n].selected && !again) {
        c->builds_ran += ran;
        c->builds_failed += failed;
    } else if (r->nodes[n].selected && again) {
        c->builds_ran -= ran;
        c->builds_failed -= failed;
    }
    if (failed && kind == KIND_BUILD)
        c->exit_status = 3;
    else if (failed && c->exit_status == 0)
        c->exit_status = 1;
}

void run_tell(struct runner *r, node_id n, const struct run_end *end)
{
    struct run_node *rn = &r->nodes[n];
    const struct graph *g = &r->ws->g;
    struct event ev = {.type = EVENT_TARGET_FINISHED,
                       .node = n,
                       .target = graph_label(g, n),
                       .kind = (enum node_kind)g->nodes[n].kind,
                       .outcome = end->outcome,
                       .mark = end->mark,
                       .cached = end->cached,
                       .selected = rn->selected,
                       .key = end->outcome == OUTCOME_SKIPPED ? DIGEST_NONE : rn->key,
                       .duration_ns = end->cached ? (int64_t)g->states[n].duration_ms * 1000000 : end->duration_ns,
                       .reason = end->reason,
                       .note = end->note,
                       .exit_code = end->attempt ? end->exit_code : -1,
                       .signal = end->signal,
                       .tmpdir = end->tmpdir,
                       .log = end->log,
                       .subtests = end->subtests,
                       .attempt = end->attempt,
                       .attempts = end->attempts};
    rn->to_tell = false;
    r->told = true;
    run_emit(r, &ev);
}

void run_announce(struct runner *r)
{
    const struct graph *g = &r->ws->g;
    struct event ev = {.type = EVENT_RUN_STARTED, .node = UINT32_MAX, .jobs = r->o->jobs};
    int64_t sum_ms = 0, longest_ms = 0;
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const struct run_node *rn = &r->nodes[n];
        if (rn->phase == PHASE_NONE || kind_is_group((enum node_kind)g->nodes[n].kind) ||
            g->nodes[n].kind == KIND_SERVICE)
            continue;
        ev.n_total += rn->phase != PHASE_DONE || rn->to_tell; /* else told before the Testfiles were loaded again */
        ev.n_selected += rn->selected;
        if (rn->phase == PHASE_DONE || g->states[n].status == STATUS_CLEAN)
            continue;
        ev.estimate_run++;
        sum_ms += g->states[n].duration_ms;
        int64_t path = rn->priority & (RUN_FAILED_FIRST - 1);
        if (g->states[n].duration_ms && path > longest_ms)
            longest_ms = path;
    }
    int64_t spread = sum_ms / (r->o->jobs > 0 ? r->o->jobs : 1);
    ev.estimate_ns = (spread > longest_ms ? spread : longest_ms) * 1000000;
    run_emit(r, &ev);
    r->announced = true;
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        const struct run_node *rn = &r->nodes[n];
        struct run_end end = {.outcome = (enum outcome)rn->outcome,
                              .mark = (enum case_mark)rn->mark,
                              .cached = rn->cached,
                              .reason = rn->reason};
        if (rn->phase == PHASE_DONE && rn->to_tell)
            run_tell(r, n, &end);
    }
}

void run_tell_all_clean(struct runner *r, const uint8_t *needed, const uint8_t *selected)
{
    const struct graph *g = &r->ws->g;
    struct event ev = {.type = EVENT_RUN_STARTED, .node = UINT32_MAX, .jobs = r->o->jobs};
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (needed[n] && !kind_is_group((enum node_kind)g->nodes[n].kind) && g->nodes[n].kind != KIND_SERVICE) {
            ev.n_total++;
            ev.n_selected += selected[n];
        }
    run_emit(r, &ev);
    int64_t now = clock_mono_ns();
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        if (!needed[n] || kind_is_group((enum node_kind)g->nodes[n].kind) || g->nodes[n].kind == KIND_SERVICE)
            continue;
        struct event done = {.type = EVENT_TARGET_FINISHED,
                             .now_ns = now,
                             .node = n,
                             .target = graph_label(g, n),
                             .kind = (enum node_kind)g->nodes[n].kind,
                             .outcome = OUTCOME_PASSED,
                             .mark = (enum case_mark)g->states[n].mark,
                             .cached = true,
                             .selected = selected[n],
                             .key = g->states[n].key,
                             .duration_ns = (int64_t)g->states[n].duration_ms * 1000000,
                             .reason = "unchanged since it passed"};
        if (r->o->emit)
            r->o->emit(r->o->emit_ctx, &done);
        if (selected[n]) {
            r->counts.cached++;
            r->counts.marked[g->states[n].mark]++;
            r->counts.passed++;
        }
    }
}

void run_tell_dry_run(struct runner *r, const uint8_t *needed, const uint8_t *selected)
{
    struct graph *g = &r->ws->g;
    uint8_t *verdict = mem_calloc(g->n_nodes + 1, 1), *forced = mem_calloc(g->n_nodes + 1, 1);
    char **reasons = mem_calloc(g->n_nodes + 1, sizeof *reasons);
    struct digest *keys = mem_calloc(g->n_nodes + 1, sizeof *keys);
    for (uint32_t n = 0; n < g->n_nodes; n++)
        forced[n] = r->o->force && selected[n];
    resolve_needed(r->ws, needed, forced, verdict, reasons, keys);
    struct event ev = {.type = EVENT_RUN_STARTED, .node = UINT32_MAX, .jobs = r->o->jobs, .dry_run = true};
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (needed[n] && !kind_is_group((enum node_kind)g->nodes[n].kind) && g->nodes[n].kind != KIND_SERVICE) {
            ev.n_total++;
            ev.n_selected += selected[n];
            ev.estimate_run += verdict[n] >= VERDICT_DIRTY;
        }
    run_emit(r, &ev);
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (needed[n] && g->nodes[n].kind == KIND_SUITE && verdict[n] == VERDICT_DEPENDS)
            run_message(r, "", false, "%s: %s", graph_label(g, n), reasons[n]);
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        node_id n = g->order[k];
        if (!needed[n] || kind_is_group((enum node_kind)g->nodes[n].kind) || g->nodes[n].kind == KIND_SERVICE)
            continue;
        bool would_run = verdict[n] >= VERDICT_DIRTY;
        struct event done = {.type = EVENT_TARGET_FINISHED,
                             .node = n,
                             .target = graph_label(g, n),
                             .kind = (enum node_kind)g->nodes[n].kind,
                             .outcome = would_run ? OUTCOME_NONE : OUTCOME_PASSED,
                             .cached = !would_run,
                             .selected = selected[n],
                             .dry_run = would_run,
                             .key = keys[n],
                             .reason = reasons[n]};
        run_emit(r, &done);
        if (selected[n] && !would_run) {
            r->counts.cached++;
            r->counts.passed++;
        }
    }
    for (uint32_t n = 0; n < g->n_nodes; n++)
        mem_free(reasons[n]);
    mem_free(reasons);
    mem_free(verdict);
    mem_free(forced);
    mem_free(keys);
}

void run_tell_end(struct runner *r)
{
    if (r->interrupted) {
        r->counts.interrupted = true;
        r->counts.exit_status = 130;
    }
    struct event ev = {.type = EVENT_RUN_FINISHED,
                       .node = UINT32_MAX,
                       .dry_run = r->o->dry_run,
                       .duration_ns = clock_mono_ns() - r->started_ns,
                       .counts = r->counts};
    run_emit(r, &ev);
}

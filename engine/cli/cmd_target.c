/* SPDX-License-Identifier: MIT
 *
 * tgraph why, tgraph log: questions about single targets. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/clock.h"
#include "query/why.h"
#include "report/report.h"

typedef int (*answer_fn)(struct workspace *ws, const struct options *o, const uint8_t *selected);

/* Opens the workspace, finds the targets that the arguments name (at least one), calls fn. */
static int about_targets(const struct options *o, const char *command, answer_fn fn)
{
    if (!o->n_args) {
        fprintf(stderr, "tgraph: error T002: `tgraph %s` needs a target\n  hint: `tgraph list` shows all targets\n",
                command);
        return EXIT_USAGE;
    }
    struct workspace ws;
    struct errlist errs = ERRLIST_INIT;
    if (!open_workspace(&ws, o))
        return EXIT_USAGE;
    uint8_t *selected = mem_calloc(ws.g.n_nodes + 1, 1);
    /* Every pattern as for list, but a label of a group means the group. */
    int status = 0;
    for (size_t i = 0; i < o->n_args; i++) {
        node_id exact = graph_find(&ws.g, o->args[i]);
        struct select_spec spec = {.patterns = o->args + i, .n_patterns = 1, .sub = ws.sub};
        if (exact != ID_NONE)
            selected[exact] = 1;
        else if (!select_targets(&ws.g, &spec, selected, &errs))
            status = select_exit(&errs);
    }
    if (status)
        print_errors(&errs, o);
    else
        status = fn(&ws, o, selected);
    mem_free(selected);
    errlist_clear(&errs);
    ws_close(&ws);
    return status;
}

static int answer_why(struct workspace *ws, const struct options *o, const uint8_t *selected)
{
    struct graph *g = &ws->g;
    uint8_t *needed = mem_calloc(g->n_nodes + 1, 1), *verdict = mem_calloc(g->n_nodes + 1, 1);
    char **reasons = mem_calloc(g->n_nodes + 1, sizeof *reasons);
    struct buf out = BUF_INIT;
    (void)o;
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (selected[n])
            graph_mark_needed(g, n, needed);
    ws_stamp(ws, needed);
    ws_keys(ws);
    resolve_needed(ws, needed, NULL, verdict, reasons, NULL);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        if (!selected[n])
            continue;
        if (out.len)
            buf_addc(&out, '\n');
        why_explain(ws, n, verdict, reasons, &out);
    }
    fwrite(out.p ? out.p : "", 1, out.len, stdout);
    buf_clear(&out);
    for (uint32_t n = 0; n < g->n_nodes; n++)
        mem_free(reasons[n]);
    mem_free(reasons);
    mem_free(needed);
    mem_free(verdict);
    return 0;
}

static int answer_log(struct workspace *ws, const struct options *o, const uint8_t *selected)
{
    struct graph *g = &ws->g;
    ws_store(ws, false);
    (void)o;
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        struct store_run run;
        size_t count = 0;
        if (!selected[n])
            continue;
        if (!ws->store || !store_get_runs(ws->store, ws->root, graph_label(g, n), false, &run, 1, &count, NULL) ||
            !count) {
            struct store_result r;
            bool found = false;
            /* Never run in this work tree; another one may have left a result under the same key. */
            if (ws->store && !digest_is_none(g->states[n].key) &&
                store_get_result(ws->store, g->states[n].key, &r, &found, NULL) && found) {
                run = (struct store_run){
                    .outcome = r.outcome, .finished_ns = r.finished_ns, .duration_ns = r.duration_ns, .log = r.log};
                store_result_clear(&r);
                count = 1;
            }
        }
        if (!count) {
            fprintf(stderr, "%s: never ran here\n", graph_label(g, n));
            continue;
        }
        struct buf head = BUF_INIT, blob = BUF_INIT;
        struct proc_log log;
        bool found = false;
        buf_printf(&head, "%s: %s in ", graph_label(g, n), outcome_name(run.outcome));
        report_duration(run.duration_ns, &head);
        buf_adds(&head, ", ");
        why_age(run.finished_ns, clock_real_ns(), &head);
        fflush(stdout);
        fprintf(stderr, "%s\n", buf_cstr(&head));
        memset(&log, 0, sizeof log);
        if (digest_is_none(run.log)) {
            fputs("(it wrote nothing)\n", stderr);
        } else if (store_get_blob(ws->store, run.log, &blob, &found, NULL) && found &&
                   store_log_decode(blob.p, blob.len, &log)) {
            fwrite(log.bytes.p ? log.bytes.p : "", 1, log.bytes.len, stdout);
            fflush(stdout);
            if (log.dropped_bytes)
                fprintf(stderr, "(%llu bytes in the middle were left out)\n", (unsigned long long)log.dropped_bytes);
        } else {
            fputs("(its output is no longer in the cache)\n", stderr);
        }
        proc_log_clear(&log);
        buf_clear(&head);
        buf_clear(&blob);
    }
    return 0;
}

int cmd_why(const struct options *o) { return about_targets(o, "why", answer_why); }
int cmd_log(const struct options *o) { return about_targets(o, "log", answer_log); }

/* SPDX-License-Identifier: MIT
 *
 * tgraph why, tgraph log: questions about single targets. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/clock.h"
#include "query/why.h"
#include "report/report.h"

/* As for list, but at least one argument, and a group's label means the group itself. */
static bool pick(struct graph *g, const struct options *o, const char *sub, uint8_t *selected, struct errlist *errs)
{
    bool ok = true;
    for (size_t i = 0; i < o->n_args; i++) {
        node_id exact = graph_find(g, o->args[i]);
        struct select_spec spec = {.patterns = o->args + i, .n_patterns = 1, .sub = sub};
        if (exact != ID_NONE)
            selected[exact] = 1;
        else if (!select_targets(g, &spec, selected, errs))
            ok = false;
    }
    return ok;
}

static bool has_target(const struct options *o, const char *command)
{
    if (!o->n_args)
        fprintf(stderr, "tgraph: error T002: `tgraph %s` needs a target\n  hint: `tgraph list` shows all targets\n",
                command);
    return o->n_args > 0;
}

/* Why targets are affected, with the way from an edit to each. */
static int why_since(const struct options *o)
{
    struct compared c;
    struct buf out = BUF_INIT;
    int status = open_compared(&c, o, pick, true);
    for (uint32_t n = 0; !status && n < c.g->n_nodes; n++) {
        struct strvec path = STRVEC_INIT;
        if (!c.selected[n])
            continue;
        buf_printf(&out, "%s%s is ", out.len ? "\n" : "", graph_label(c.g, n));
        if (!c.since.affected[n]) {
            buf_adds(&out, "not affected: its static key is that of the merge base.\n");
            continue;
        }
        buf_adds(&out, "affected: ");
        affected_reason(&c.affected, n, &out);
        buf_adds(&out, ".\n");
        affected_path(&c.affected, n, &path);
        for (size_t i = 0; i < path.n && path.n > 1; i++)
            buf_printf(&out, "  %s%s\n", i ? "-> " : "   ", path.v[i]);
        strvec_clear(&path);
    }
    fwrite(out.p ? out.p : "", 1, out.len, stdout);
    buf_clear(&out);
    close_compared(&c);
    return status;
}

int cmd_why(const struct options *o)
{
    struct selected s;
    if (!has_target(o, "why"))
        return EXIT_USAGE;
    if (wants_since(o))
        return why_since(o);
    int status = open_selected(&s, o, pick, false);
    if (!status) {
        struct buf out = BUF_INIT;
        resolve_selected(&s);
        for (uint32_t n = 0; n < s.ws.g.n_nodes; n++) {
            if (!s.selected[n])
                continue;
            if (out.len)
                buf_addc(&out, '\n');
            why_explain(&s.ws, n, s.verdict, s.reasons, &out);
        }
        fwrite(out.p ? out.p : "", 1, out.len, stdout);
        buf_clear(&out);
    }
    close_selected(&s);
    return status;
}

/* The last run of n here, or what another work tree left under its key. */
static bool last_run(struct workspace *ws, node_id n, struct store_run *run)
{
    struct graph *g = &ws->g;
    struct store_result r;
    size_t count = 0;
    bool found = false;
    ws_store(ws, false);
    if (!ws->store)
        return false;
    if (store_get_runs(ws->store, ws->root, graph_label(g, n), false, run, 1, &count, NULL) && count)
        return true;
    if (digest_is_none(g->states[n].key) || !store_get_result(ws->store, g->states[n].key, &r, &found, NULL) || !found)
        return false;
    *run = (struct store_run){
        .outcome = r.outcome, .finished_ns = r.finished_ns, .duration_ns = r.duration_ns, .log = r.log};
    store_result_clear(&r);
    return true;
}

static void print_log(struct workspace *ws, node_id n)
{
    struct store_run run;
    struct buf head = BUF_INIT, blob = BUF_INIT;
    struct proc_log log;
    bool found = false;
    memset(&log, 0, sizeof log);
    buf_printf(&head, "%s: ", graph_label(&ws->g, n));
    bool known = last_run(ws, n, &run);
    if (known) {
        buf_printf(&head, "%s in ", run.mark ? case_mark_name(run.mark) : outcome_name(run.outcome));
        report_duration(run.duration_ns, &head);
        buf_adds(&head, ", ");
        why_age(run.finished_ns, clock_real_ns(), &head);
    } else {
        buf_adds(&head, "never ran here");
    }
    fflush(stdout);
    fprintf(stderr, "%s\n", buf_cstr(&head));
    if (known && digest_is_none(run.log)) {
        fputs("(it wrote nothing)\n", stderr);
    } else if (known && store_get_blob(ws->store, run.log, &blob, &found, NULL) && found &&
               store_log_decode(blob.p, blob.len, &log)) {
        struct buf subtests = BUF_INIT;
        store_log_take(&log, 4, &subtests);
        buf_clear(&subtests);
        fwrite(log.bytes.p ? log.bytes.p : "", 1, log.bytes.len, stdout);
        fflush(stdout);
        if (log.dropped_bytes)
            fprintf(stderr, "(%llu bytes in the middle were left out)\n", (unsigned long long)log.dropped_bytes);
    } else if (known) {
        fputs("(its output is no longer in the cache)\n", stderr);
    }
    proc_log_clear(&log);
    buf_clear(&head);
    buf_clear(&blob);
}

int cmd_log(const struct options *o)
{
    struct selected s;
    if (!has_target(o, "log"))
        return EXIT_USAGE;
    int status = open_selected(&s, o, pick, false);
    for (uint32_t n = 0; !status && n < s.ws.g.n_nodes; n++)
        if (s.selected[n])
            print_log(&s.ws, n);
    close_selected(&s);
    return status;
}

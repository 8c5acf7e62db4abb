/* SPDX-License-Identifier: MIT
 *
 * Explains one target. */
#include "query/why.h"

#include <string.h>
#include <time.h>

#include "os/clock.h"

#define SHOWN_CHANGES 20

void why_age(int64_t then_real_ns, int64_t now_real_ns, struct buf *out)
{
    int64_t s = (now_real_ns - then_real_ns) / 1000000000;
    if (s < 0)
        s = 0;
    if (s < 2)
        buf_adds(out, "just now");
    else if (s < 120)
        buf_printf(out, "%d s ago", (int)s);
    else if (s < 7200)
        buf_printf(out, "%d min ago", (int)(s / 60));
    else if (s < 86400)
        buf_printf(out, "%d h ago", (int)(s / 3600));
    else {
        time_t t = (time_t)(then_real_ns / 1000000000);
        struct tm tm;
        char text[32];
        gmtime_r(&t, &tm);
        strftime(text, sizeof text, "on %Y-%m-%d %H:%M UTC", &tm);
        buf_adds(out, text);
    }
}

static const char *shown(const char *digest)
{
    static _Thread_local char text[2][16];
    static _Thread_local int k;
    if (strlen(digest) < 12)
        return *digest ? digest : "absent";
    k = !k;
    memcpy(text[k], digest, 12);
    text[k][12] = 0;
    return text[k];
}

static void print_changes(const struct manifest_diff *d, struct buf *out)
{
    for (size_t i = 0; i < d->n && i < SHOWN_CHANGES; i++) {
        buf_adds(out, "  ");
        manifest_change_name(&d->v[i], out);
        buf_printf(out, "  %s -> %s\n", shown(d->v[i].old_digest), shown(d->v[i].new_digest));
    }
    if (d->n > SHOWN_CHANGES)
        buf_printf(out, "  and %zu more\n", d->n - SHOWN_CHANGES);
}

/* What differs between two runs' manifests; false if one of them is not known. */
static bool compare_runs(struct store *s, const struct store_run *old, const struct store_run *now,
                         struct manifest_diff *d)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    bool fa = false, fb = false;
    bool ok =
        store_get_blob(s, old->manifest, &a, &fa, NULL) && store_get_blob(s, now->manifest, &b, &fb, NULL) && fa && fb;
    if (ok)
        manifest_compare(s, &a, &b, d);
    buf_clear(&a);
    buf_clear(&b);
    return ok;
}

static void print_last_run(struct workspace *ws, node_id n, const struct store_run *runs, size_t count, struct buf *out)
{
    char key[DIGEST_HEX];
    (void)n;
    if (!count)
        return;
    digest_hex(runs[0].key, key);
    buf_printf(out, "Its last run here was ");
    why_age(runs[0].finished_ns, clock_real_ns(), out);
    buf_printf(out, ": %s, key %.12s.\n", outcome_name(runs[0].outcome), key);
    if (count < 2) {
        buf_adds(out, "It was the first one.\n");
        return;
    }
    struct manifest_diff d = {0};
    if (compare_runs(ws->store, &runs[1], &runs[0], &d)) {
        if (d.n) {
            buf_printf(out, "That run differed from the one before it (%s) in:\n", outcome_name(runs[1].outcome));
            print_changes(&d, out);
        } else {
            buf_printf(
                out,
                "Nothing had changed since the one before it (%s): it was forced, or that one left no clean pass.\n",
                outcome_name(runs[1].outcome));
        }
    }
    manifest_diff_clear(&d);
}

/* The changes since the last pass, or else since the last run. */
static void print_changes_since(struct workspace *ws, node_id n, struct buf *out)
{
    struct graph *g = &ws->g;
    struct store_run base;
    size_t count = 0;
    if (!ws->store || !store_get_runs(ws->store, ws->root, graph_label(g, n), true, &base, 1, &count, NULL))
        return;
    bool passed = count > 0;
    if (!passed && (!store_get_runs(ws->store, ws->root, graph_label(g, n), false, &base, 1, &count, NULL) || !count))
        return;
    struct buf old = BUF_INIT, now = BUF_INIT;
    bool found = false;
    if (store_get_blob(ws->store, base.manifest, &old, &found, NULL) && found) {
        struct manifest_diff d = {0};
        manifest_build(ws, n, NULL, &now);
        manifest_compare(ws->store, &old, &now, &d);
        if (d.n) {
            buf_printf(out, "Changed since it last %s (", passed ? "passed" : "ran");
            why_age(base.finished_ns, clock_real_ns(), out);
            buf_adds(out, "):\n");
            print_changes(&d, out);
        }
        manifest_diff_clear(&d);
    }
    buf_clear(&old);
    buf_clear(&now);
}

static uint32_t count_inputs(const struct graph *g, node_id n)
{
    const struct node *nd = &g->nodes[n];
    uint32_t files = 0;
    for (uint32_t i = 0; i < nd->n_sets; i++)
        files += g->sets[g->node_sets[nd->sets_at + i]].n;
    if ((nd->flags & NODE_DEPFILE) && g->states[n].reads != ID_NONE)
        files += g->sets[g->states[n].reads].n;
    return files;
}

void why_explain(struct workspace *ws, node_id n, const uint8_t *verdict, char *const *reasons, struct buf *out)
{
    struct graph *g = &ws->g;
    const char *label = graph_label(g, n);
    const struct node *nd = &g->nodes[n];
    struct store_run runs[2];
    size_t count = 0;
    char key[DIGEST_HEX];
    ws_store(ws, false);
    if (ws->store)
        store_get_runs(ws->store, ws->root, label, false, runs, 2, &count, NULL);
    switch (verdict[n]) {
    case VERDICT_CLEAN:
    case VERDICT_RESTORE:
        digest_hex(g->states[n].key, key);
        if (nd->kind == KIND_SERVICE) {
            buf_printf(out, "%s is a service: it starts when a target that needs it runs.\n", label);
            return;
        }
        buf_printf(out, "%s is clean and would be skipped: %s (key %.12s).\n", label,
                   kind_is_group((enum node_kind)nd->kind) ? "none of its members has to run" : reasons[n], key);
        if (!kind_is_group((enum node_kind)nd->kind))
            buf_printf(out, "Its key covers %u input file%s, %u tool%s and %u dependenc%s; all are as they were.\n",
                       count_inputs(g, n), count_inputs(g, n) == 1 ? "" : "s", nd->n_tools, nd->n_tools == 1 ? "" : "s",
                       nd->n_edges, nd->n_edges == 1 ? "y" : "ies");
        print_last_run(ws, n, runs, count, out);
        break;
    case VERDICT_DIRTY:
        buf_printf(out, "%s would run: %s.\n", label, reasons[n]);
        if (kind_is_group((enum node_kind)nd->kind))
            break;
        if (count && runs[0].outcome != OUTCOME_PASSED) {
            buf_adds(out, "Its last run here was ");
            why_age(runs[0].finished_ns, clock_real_ns(), out);
            buf_printf(out, ": %s. Only a pass makes a target clean. `tgraph log %s` shows its output.\n",
                       outcome_name(runs[0].outcome), label);
        }
        print_changes_since(ws, n, out);
        break;
    case VERDICT_DEPENDS:
        buf_printf(out, "%s would run if what it depends on comes out different.\n", label);
        for (uint32_t i = 0; i < nd->n_edges; i++) {
            node_id to = g->edges[nd->edges_at + i].to;
            if (verdict[to] == VERDICT_DIRTY || verdict[to] == VERDICT_DEPENDS)
                buf_printf(out, "  %s would run first: %s (tgraph why %s)\n", graph_label(g, to), reasons[to],
                           graph_label(g, to));
        }
        break;
    default:
        buf_printf(out, "%s is not known.\n", label);
    }
}

/* SPDX-License-Identifier: MIT
 *
 * --since, --staged and --shard: from options to a selection. */
#include <string.h>

#include "cli/ci_base.h"
#include "cli/cli.h"
#include "os/thread.h"

bool open_since(struct since *s, struct workspace *ws, const struct options *o, bool exact, struct errlist *errs)
{
    struct ci_env env = ci_env_process();
    struct ci_base ci = {0};
    struct since_opts opts = {.ref = o->ref, .to = o->to, .staged = o->staged, .exact = exact};
    char *chosen_by = NULL;
    if (o->since && !o->ref && ci_base_find(&env, &ci)) {
        opts.ref = ci.ref;
        opts.is_branch = ci.is_branch;
        opts.chosen_by = chosen_by = mem_printf("%s, %s", ci.variable, ci.system);
    }
    opts.in_ci = ci.system != NULL;
    bool ok = since_open(s, ws, &opts, errs);
    s->o.ref = s->o.chosen_by = NULL; /* they go now; name and chosen_by stay */
    ci_base_clear(&ci);
    mem_free(chosen_by);
    return ok;
}

bool say_since(const struct since *s, const struct options *o, struct errlist *errs)
{
    char hex[OBJECT_ID_HEX];
    if (s->everything && o->strict_base) {
        struct err *e = errlist_add(errs, ERR_ERROR);
        err_set(e, "T710", "there is no base to compare with: %s", s->everything);
        if (s->mend)
            err_hint(e, "%s", s->mend);
        return false;
    }
    if (s->everything) {
        fprintf(stderr, "tgraph: everything is selected: %s%s%s\n", s->everything,
                !s->mend                           ? ""
                : strncmp(s->mend, "git ", 4) == 0 ? "; to mend it: "
                                                   : "; ",
                s->mend ? s->mend : "");
        return true;
    }
    if (s->n_unstaged)
        fprintf(stderr,
                "tgraph: %u of what is affected differ%s between the index and the work tree, and the work tree is "
                "what runs\n",
                s->n_unstaged, s->n_unstaged == 1 ? "s" : "");
    if (o->verbosity < 0)
        return true;
    object_id_hex(s->base, hex);
    fprintf(stderr, "tgraph: since %s%s%s%s, merge base %.8s%s\n", s->name, s->chosen_by ? " (" : "",
            s->chosen_by ? s->chosen_by : "", s->chosen_by ? ")" : "", hex, o->staged ? ", what is staged" : "");
    return true;
}

/* ---- a run ----------------------------------------------------------------------------------------------------- */

static void stamp_all(struct workspace *ws)
{
    const char *gone; /* the run finds that out for what it needs */
    uint8_t *all = mem_alloc(ws->g.n_nodes + 1);
    memset(all, 1, ws->g.n_nodes + 1);
    ws_stamp(ws, all, &gone);
    mem_free(all);
}

/* Git is asked while the files are stamped. */
struct both {
    struct workspace *ws;
    const struct options *o;
    struct since *since; /* NULL: it is open already */
    struct errlist *errs;
    bool ok;
};

static void one_of_both(void *arg, size_t begin, size_t end)
{
    struct both *b = arg;
    for (size_t i = begin; i < end; i++) {
        if (i == 1) {
            stamp_all(b->ws);
        } else if (b->since) {
            b->ok = open_since(b->since, b->ws, b->o, false, b->errs);
            if (b->ok)
                since_read_ahead(b->since, b->ws);
        }
    }
}

bool keep_affected(struct since *s, bool open, struct workspace *ws, const struct options *o, uint8_t *selected,
                   struct errlist *errs)
{
    struct both both = {ws, o, open ? NULL : s, errs, true};
    parallel_for(2, 1, 2, one_of_both, &both);
    ws_keys(ws);
    key_static_all(&ws->keys, &ws->g);
    if (!both.ok || !since_compare(s, ws, errs))
        return false;
    struct graph *g = &ws->g;
    s->n_unstaged = 0;
    for (uint32_t n = 0; n < g->n_nodes && s->now_tree; n++) {
        node_id staged = graph_find(s->now, graph_label(g, n));
        s->n_unstaged += selected[n] && !kind_is_group((enum node_kind)g->nodes[n].kind) && staged != ID_NONE &&
                         s->affected[staged] && !digest_eq(ws->keys.static_key[n], s->now_keys->static_key[staged]);
    }
    for (uint32_t n = 0; n < s->now->n_nodes && s->now_tree; n++)
        s->n_unstaged += s->affected[n] && kind_is_test((enum node_kind)s->now->nodes[n].kind) &&
                         graph_find(g, graph_label(s->now, n)) == ID_NONE;
    for (uint32_t n = 0; n < g->n_nodes; n++) /* a group would bring all its members back; they are selected already */
        selected[n] = selected[n] && graph_counts(g, n) && since_has(s, graph_label(g, n));
    return true;
}

/* ---- shards ---------------------------------------------------------------------------------------------------- */

size_t shard_items(struct workspace *ws, struct graph *g, const uint8_t *selected, bool tests, struct shard_item **out)
{
    struct shard_item *v = mem_calloc(g->n_nodes + 1, sizeof *v);
    size_t n_items = 0;
    ws_store(ws, false);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        struct store_run run;
        size_t count = 0;
        enum node_kind kind = (enum node_kind)g->nodes[n].kind;
        if (!selected[n] || kind_is_group(kind) || kind_is_test(kind) != tests)
            continue;
        struct shard_item *it = &v[n_items++];
        it->label = graph_label(g, n);
        if (tests && ws->store && store_get_runs(ws->store, ws->root, it->label, true, &run, 1, &count, NULL) && count)
            it->duration_ms = (uint64_t)(run.duration_ns + 999999) / 1000000;
    }
    *out = v;
    return n_items;
}

bool keep_shard(struct workspace *ws, struct graph *g, const struct options *o, uint8_t *selected, struct errlist *errs)
{
    if (!o->n_shards)
        return true;
    struct digest plan;
    size_t all = 0, mine = 0;
    for (int others = 0; others < 2; others++) {
        struct shard_item *v;
        size_t n = shard_items(ws, g, selected, !others, &v);
        uint32_t *shard_of = mem_calloc(n + 1, sizeof *shard_of);
        shard_split(v, n, o->n_shards, shard_of, others ? NULL : &plan);
        for (size_t i = 0; i < n; i++) {
            bool keep = shard_of[i] == o->shard;
            mine += keep;
            selected[graph_find(g, v[i].label)] = keep;
        }
        all += n;
        mem_free(shard_of);
        mem_free(v);
    }
    for (uint32_t k = 0; k < g->n_nodes; k++)
        selected[k] &= graph_counts(g, k); /* a suite without a list of cases is everybody's */
    char hex[SHARD_PLAN_HEX];
    shard_plan_hex(plan, hex);
    bool ok = shard_plan_is(plan, o->plan);
    if (!ok) {
        struct err *e = errlist_add(errs, ERR_ERROR);
        err_set(e, "T711", "this machine splits the targets otherwise: its plan is %s, not %s", hex, o->plan);
        err_hint(e, "all machines need the same commit and the same cache folder: docs/since.md, Shards");
    } else if (o->verbosity >= 0) {
        fprintf(stderr, "tgraph: shard %u/%u: %zu of %zu targets, plan %s\n", o->shard, o->n_shards, mine, all, hex);
    }
    return ok;
}

/* ---- list, affected, why --------------------------------------------------------------------------------------- */

struct sides {
    struct compared *c;
    const struct options *o;
    struct workspace place; /* of the repository; nothing is loaded */
    struct errlist *errs;
    pick_fn pick;
    bool ok;
    int status;
};

/* 0: what git says. 1: the work tree, if it is compared. */
static void one_side(void *arg, size_t begin, size_t end)
{
    struct sides *s = arg;
    struct compared *c = s->c;
    for (size_t i = begin; i < end; i++) {
        if (i == 0) {
            s->ok = open_since(&c->since, &s->place, s->o, s->o->keys, s->errs);
            if (s->ok)
                since_read_ahead(&c->since, &s->place);
        } else if (!s->o->to && !s->o->staged) {
            s->status = open_selected(&c->sel, s->o, s->pick, true);
            if (!s->status) {
                resolve_selected(&c->sel);
                key_static_all(&c->sel.ws.keys, &c->sel.ws.g);
            }
        }
    }
}

/* Of the index and of revisions the workspace is only the place. */
static int open_sides(struct compared *c, const struct options *o, pick_fn pick, struct errlist *errs)
{
    struct sides s = {.c = c, .o = o, .errs = errs, .pick = pick};
    struct ws_opts w = workspace_options(o);
    w.no_load = true;
    memset(&c->sel, 0, sizeof c->sel);
    bool found = ws_open(&s.place, &w, errs);
    if (found) {
        c->open = true;
        parallel_for(2, 1, 2, one_side, &s);
    }
    if (found && (o->to || o->staged)) {
        c->sel.ws = s.place;
        c->sel.open = true;
    } else {
        ws_close(&s.place);
    }
    struct workspace *ws = &c->sel.ws;
    if (!found || s.status)
        return found ? s.status : EXIT_USAGE;
    if (!s.ok || !since_compare(&c->since, ws, errs) || !say_since(&c->since, o, errs))
        return EXIT_USAGE;
    if (c->since.have_after && !ws_options_read(ws, &c->since.after.rec, &c->since.after.g, errs))
        return EXIT_USAGE;
    c->g = c->since.now;
    c->selected = mem_calloc(c->g->n_nodes + 1, 1);
    return pick(c->g, o, ws->sub, c->selected, errs) ? 0 : select_exit(errs);
}

int open_compared(struct compared *c, const struct options *o, pick_fn pick, bool all)
{
    struct errlist errs = ERRLIST_INIT;
    memset(c, 0, sizeof *c);
    int status = open_sides(c, o, pick, &errs);
    for (uint32_t n = 0; !status && !all && n < c->g->n_nodes; n++)
        c->selected[n] &= c->since.affected[n];
    if (!status && !keep_shard(&c->sel.ws, c->g, o, c->selected, &errs))
        status = EXIT_USAGE;
    if (!status)
        affected_open(&c->affected, &c->since);
    if (errs.n)
        print_errors(&errs, o);
    errlist_clear(&errs);
    return status;
}

void close_compared(struct compared *c)
{
    if (c->affected.s)
        affected_close(&c->affected);
    if (c->open)
        since_close(&c->since);
    mem_free(c->selected);
    close_selected(&c->sel);
    memset(c, 0, sizeof *c);
}

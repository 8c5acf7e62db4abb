/* SPDX-License-Identifier: MIT
 *
 * tgraph list: targets, whether they are clean, and why not; with --since what is affected, and why. tgraph affected. */
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/matrix.h"
#include "run/resolve.h"

static const char *state_name(const struct graph *g, node_id n, uint8_t verdict)
{
    if (verdict == VERDICT_CLEAN || verdict == VERDICT_RESTORE)
        return "clean";
    return g->states[n].status == STATUS_FAILED ? "failed" : "dirty";
}

static void write_digest(struct json *j, const char *name, struct digest d)
{
    char hex[DIGEST_HEX];
    if (digest_is_none(d))
        return;
    digest_hex(d, hex);
    json_key(j, name);
    json_str(j, hex);
}

/* What a line says of one target. Keys that are NONE are left out. */
struct line {
    const char *state;  /* NULL: not known, no work tree was looked at */
    const char *reason; /* NULL: none */
    struct digest static_key, base_static_key, key;
    struct strvec path; /* from an edit to the target; with --since */
    bool since;
};

static void json_line(const struct graph *g, node_id n, const struct line *l, struct buf *b)
{
    const struct node *nd = &g->nodes[n];
    struct json j = JSON_INIT(b);
    struct action a;
    graph_action(g, n, &a);
    json_object(&j);
    json_key(&j, "target");
    json_str(&j, graph_label(g, n));
    json_key(&j, "kind");
    json_str(&j, kind_name((enum node_kind)nd->kind));
    if (l->state) {
        json_key(&j, "state");
        json_str(&j, l->state);
    }
    json_key(&j, "reason");
    json_str(&j, l->reason);
    if (l->since) {
        json_key(&j, "path");
        json_array(&j);
        for (size_t i = 0; i < l->path.n; i++)
            json_str(&j, l->path.v[i]);
        json_end(&j);
    }
    write_digest(&j, "static_key", l->static_key);
    write_digest(&j, "base_static_key", l->base_static_key);
    write_digest(&j, "key", l->key);
    if (nd->pos_file) {
        json_key(&j, "file");
        json_str(&j, graph_str(g, nd->pos_file));
        json_key(&j, "line");
        json_int(&j, nd->pos_line);
    }
    const struct graph_case *c = graph_case(g, n);
    if (c) {
        json_key(&j, "suite");
        json_str(&j, graph_label(g, c->suite));
        json_key(&j, "case");
        json_str(&j, graph_str(g, c->id));
        if (g->states[n].mark) {
            json_key(&j, "mark");
            json_str(&j, case_mark_name((enum case_mark)g->states[n].mark));
        }
    }
    struct id_list tags = graph_tags(g, n);
    if (tags.n) {
        json_key(&j, "tags");
        json_array(&j);
        for (uint32_t i = 0; i < tags.n; i++)
            json_str(&j, graph_str(g, tags.v[i]));
        json_end(&j);
    }
    if (a.description != STR_NONE) {
        json_key(&j, "description");
        json_str(&j, graph_str(g, a.description));
    }
    json_end(&j);
    buf_addc(b, '\n');
}

static void text_key(const char *name, struct digest d, struct buf *b)
{
    char hex[DIGEST_HEX];
    if (digest_is_none(d))
        return;
    digest_hex(d, hex);
    buf_printf(b, "  %s %s", name, hex);
}

static void text_line(const struct graph *g, node_id n, const struct line *l, int width, bool color, struct buf *b)
{
    buf_printf(b, "%-*s  %-7s  ", width, graph_label(g, n), kind_name((enum node_kind)g->nodes[n].kind));
    if (l->state) {
        const char *on = !color ? "" : *l->state == 'c' ? "\033[32m" : *l->state == 'f' ? "\033[31m" : "\033[33m";
        buf_printf(b, "%s%-6s%s  ", on, l->state, color ? "\033[0m" : "");
    }
    buf_adds(b, l->reason);
    /* The edit is in the reason already, and the target before it. */
    for (size_t i = 1; i + 1 < l->path.n; i++)
        buf_printf(b, "%s%s", i == 1 ? ", through " : ", ", l->path.v[i]);
    text_key("static", l->static_key, b);
    text_key("base", l->base_static_key, b);
    text_key("key", l->key, b);
    buf_addc(b, '\n');
}

static bool pick(struct graph *g, const struct options *o, const char *sub, uint8_t *selected, struct errlist *errs)
{
    struct select_spec spec = selection(o, sub);
    spec.every_kind = !o->matrix; /* a matrix is of what a run would select */
    bool ok = select_targets(g, &spec, selected, errs);
    for (uint32_t n = 0; n < g->n_nodes && o->matrix; n++)
        selected[n] &= !kind_is_group((enum node_kind)g->nodes[n].kind);
    return ok;
}

/* A suite's line speaks for its cases, unless somebody asks for some of them. */
static void leave_out_cases(const struct graph *g, const struct options *o, uint8_t *selected)
{
    for (uint32_t n = g->n_nodes - g->n_cases; n < g->n_nodes && !o->json && !o->n_args && !o->n_tags && !o->failed;
         n++)
        selected[n] = 0;
}

static int label_width(const struct graph *g, const uint8_t *selected)
{
    int width = 6;
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        int len = (int)strlen(graph_label(g, n));
        if (selected[n] && len > width)
            width = len < 60 ? len : 60;
    }
    return width;
}

static void flush(struct buf *b, size_t above)
{
    if (b->len > above)
        fwrite(b->p, 1, b->len, stdout);
    if (b->len > above)
        buf_reset(b);
}

/* A target that makes what a Testfile reads, and that would have to run first: until then nobody knows what there is to
 * run. `stale`: per node. */
static bool check_generators(struct graph *g, const uint8_t *stale, struct err *e)
{
    uint8_t *generators = graph_generators(g);
    node_id found = ID_NONE;
    for (uint32_t n = 0; generators && n < g->n_nodes && found == ID_NONE; n++)
        if (generators[n] && stale[n])
            found = n;
    mem_free(generators);
    if (found == ID_NONE)
        return true;
    err_set(e, "T021",
            "what there is to run is not known yet: the Testfiles read what '%s' makes, and it is out of date",
            graph_label(g, found));
    return err_hint(e, "tgraph %s", graph_label(g, found));
}

static int print_matrix(struct workspace *ws, struct graph *g, const struct options *o, const uint8_t *selected,
                        const uint8_t *stale)
{
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    bool ok = check_generators(g, stale, &e);
    if (!ok) {
        /* said below */
    } else if (o->matrix_shards) {
        struct shard_item *v;
        size_t n = shard_items(ws, g, selected, true, &v);
        ok = matrix_shards(&b, v, n, o->matrix_shards, &e);
        mem_free(v);
    } else {
        struct matrix_target *v = mem_calloc(g->n_nodes + 1, sizeof *v);
        size_t count = 0;
        for (uint32_t n = 0; n < g->n_nodes; n++)
            if (selected[n])
                v[count++] = (struct matrix_target){graph_label(g, n), kind_name((enum node_kind)g->nodes[n].kind)};
        ok = matrix_targets(&b, v, count, &e);
        mem_free(v);
    }
    if (!ok) {
        struct errlist errs = ERRLIST_INIT;
        *errlist_add(&errs, ERR_ERROR) = e;
        print_errors(&errs, o);
        errlist_clear(&errs);
    }
    flush(&b, 0);
    buf_clear(&b);
    return ok ? 0 : EXIT_USAGE;
}

/* Turns the verdicts into a byte for each node that would run. */
static const uint8_t *out_of_date(struct selected *s)
{
    for (uint32_t n = 0; n < s->ws.g.n_nodes; n++)
        s->verdict[n] = s->verdict[n] == VERDICT_DIRTY || s->verdict[n] == VERDICT_DEPENDS;
    return s->verdict;
}

static int list_since(const struct options *o)
{
    struct compared c;
    int status = open_compared(&c, o, pick, false);
    if (!status && o->matrix) {
        status = print_matrix(&c.sel.ws, c.g, o, c.selected, c.sel.verdict ? out_of_date(&c.sel) : c.since.affected);
    } else if (!status) {
        struct buf b = BUF_INIT, reason = BUF_INIT;
        bool color = want_color(o, STDOUT_FILENO);
        int width = label_width(c.g, c.selected);
        for (uint32_t n = 0; n < c.g->n_nodes; n++) {
            struct line l = {.since = true};
            if (!c.selected[n])
                continue;
            if (c.sel.verdict)
                l.state = state_name(c.g, n, c.sel.verdict[n]);
            buf_reset(&reason);
            affected_reason(&c.affected, n, &reason);
            l.reason = buf_cstr(&reason);
            affected_path(&c.affected, n, &l.path);
            if (o->keys) {
                node_id was = c.since.everything ? ID_NONE : graph_find(&c.since.before.g, graph_label(c.g, n));
                l.static_key = c.since.now_keys->static_key[n];
                if (was != ID_NONE)
                    l.base_static_key = c.since.before.keys.static_key[was];
                if (c.sel.keys)
                    l.key = c.sel.keys[n];
            }
            if (o->json)
                json_line(c.g, n, &l, &b);
            else
                text_line(c.g, n, &l, width, color, &b);
            strvec_clear(&l.path);
            flush(&b, 1 << 16);
        }
        flush(&b, 0);
        buf_clear(&b);
        buf_clear(&reason);
    }
    close_compared(&c);
    return status;
}

int cmd_list(const struct options *o)
{
    struct selected s;
    if (wants_since(o))
        return list_since(o);
    int status = open_selected(&s, o, pick, o->keys || o->matrix); /* static keys go through everything */
    if (!status && o->n_shards) {
        struct errlist errs = ERRLIST_INIT;
        if (!keep_shard(&s.ws, &s.ws.g, o, s.selected, &errs))
            status = EXIT_USAGE;
        if (errs.n)
            print_errors(&errs, o);
        errlist_clear(&errs);
    }
    if (!status && o->matrix) {
        resolve_selected(&s);
        status = print_matrix(&s.ws, &s.ws.g, o, s.selected, out_of_date(&s));
    } else if (!status) {
        struct graph *g = &s.ws.g;
        struct buf b = BUF_INIT;
        bool color = want_color(o, STDOUT_FILENO);
        resolve_selected(&s);
        leave_out_cases(g, o, s.selected);
        int width = label_width(g, s.selected);
        if (o->keys)
            key_static_all(&s.ws.keys, g);
        for (uint32_t n = 0; n < g->n_nodes; n++) {
            if (!s.selected[n])
                continue;
            struct line l = {.state = state_name(g, n, s.verdict[n]), .reason = s.reasons[n]};
            if (o->keys) {
                l.static_key = s.ws.keys.static_key[n];
                l.key = s.keys[n];
            }
            if (o->json)
                json_line(g, n, &l, &b);
            else
                text_line(g, n, &l, width, color, &b);
            flush(&b, 1 << 16);
        }
        flush(&b, 0);
        buf_clear(&b);
    }
    close_selected(&s);
    return status;
}

/* ---- tgraph affected ------------------------------------------------------------------------------------------- */

int cmd_affected(const struct options *o)
{
    struct compared c;
    struct options since = *o;
    since.since = since.since || !since.staged; /* the question is the option */
    int status = open_compared(&c, &since, pick, false);
    for (uint32_t n = 0; !status && n < c.g->n_nodes; n++)
        if (c.selected[n])
            printf("%s\n", graph_label(c.g, n));
    if (!status)
        status = memchr(c.selected, 1, c.g->n_nodes) != NULL;
    close_compared(&c);
    return status;
}

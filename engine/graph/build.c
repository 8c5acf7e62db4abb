/* SPDX-License-Identifier: MIT
 *
 * From declarations to the graph: names become ids, outputs meet the inputs that name them, doubles and cycles are
 * reported. */
#include <string.h>

#include "graph/graph_internal.h"
#include "tree/path.h"

struct span { /* pieces of edges[] and node_sets[] */
    uint32_t edges_at, n_edges, sets_at, n_sets, may_at, n_may;
};

struct builder {
    struct graph *g;
    const struct decls *d;
    const struct graph_hooks *hooks;
    struct errlist *errs;
    struct out_lookup *outs;
    set_id *sets;           /* decl set -> graph set; ID_NONE = not yet */
    struct buf ids;         /* scratch: file ids */
    uint32_t *node_user;    /* per node: 1 + the last node with an edge to all of it */
    uint32_t *out_user;     /* per output entry: 1 + the last node with an edge to it */
    struct arena arena;     /* until the graph is built */
    struct span *templates; /* per declaration of a suite: what each of its cases has */
};

static void place(struct builder *b, struct err *e, const struct decl *d, const char *field, const char *value)
{
    struct decl_pos p = d->pos;
    if (b->hooks && b->hooks->locate && field)
        p = b->hooks->locate(b->hooks->ctx, d, field, value);
    if (p.file)
        err_at(e, p.file, p.line, p.col);
}

static struct err *complain(struct builder *b) { return errlist_add(b->errs, ERR_ERROR); }

static void put(struct graph *g, uint32_t w)
{
    GRAPH_GROW(g, words, 1);
    g->words[g->n_words++] = w;
}

static void put64(struct graph *g, int64_t v)
{
    put(g, (uint32_t)(uint64_t)v);
    put(g, (uint32_t)((uint64_t)v >> 32));
}

static str_id opt_str(struct graph *g, const char *s) { return s ? strtab_add(&g->strs, s) : STR_NONE; }

static void put_strs(struct graph *g, struct strs s)
{
    put(g, s.n);
    for (uint32_t i = 0; i < s.n; i++)
        put(g, strtab_add(&g->strs, s.v[i]));
}

static uint32_t find_pool(const struct graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->n_pools; i++)
        if (strcmp(graph_str(g, g->pools[i].name), name) == 0)
            return i;
    return ID_NONE;
}

/* Same order of fields as graph_action reads. */
static uint32_t add_action(struct builder *b, const struct decl *d)
{
    struct graph *g = b->g;
    uint32_t at = g->n_words, pool = ID_NONE;
    put_strs(g, d->cmd);
    put(g, d->n_env * 2);
    for (uint32_t i = 0; i < d->n_env; i++) {
        put(g, strtab_add(&g->strs, d->env[i].name));
        put(g, opt_str(g, d->env[i].value));
    }
    put_strs(g, d->exclusive);
    put_strs(g, d->tags);
    put(g, d->n_success_codes);
    for (uint32_t i = 0; i < d->n_success_codes; i++)
        put(g, d->success_codes[i]);
    put_strs(g, d->ready_cmd);
    put(g, strtab_add(&g->strs, d->cwd ? d->cwd : d->dir));
    put(g, opt_str(g, d->stdin_path));
    put(g, opt_str(g, d->stdin_text));
    put(g, opt_str(g, d->depfile));
    put(g, opt_str(g, d->description));
    put(g, opt_str(g, d->stdout_path));
    put64(g, d->timeout_ms);
    put(g, d->retries);
    put(g, d->slots ? d->slots : 1);
    if (d->pool && (pool = find_pool(g, d->pool)) == ID_NONE) {
        const char **names = mem_resize(NULL, g->n_pools + 1, sizeof *names);
        for (uint32_t i = 0; i < g->n_pools; i++)
            names[i] = graph_str(g, g->pools[i].name);
        const char *near = nearest_name(d->pool, names, g->n_pools);
        struct err *e = complain(b);
        err_set(e, "T307", "target '%s' wants pool '%s', which no Testfile declares", d->label, d->pool);
        err_hint(e, near ? "did you mean '%s'?" : "declare it: pool \"%s\" { slots = 2 }", near ? near : d->pool);
        place(b, e, d, "pool", d->pool);
        mem_free(names);
    }
    put(g, pool);
    put(g, d->ready);
    put(g, opt_str(g, d->ready_line));
    put(g, d->ready_port);
    put(g, d->ready_shell);
    put64(g, d->ready_timeout_ms);
    put(g, d->kind == KIND_SUITE ? g->n_words + 1 : 0);
    if (d->kind == KIND_SUITE) { /* as graph_suite reads it */
        put(g, d->order);
        put(g, (d->isolate ? 1 : 0) | (d->reports_reads ? 2 : 0));
        put64(g, d->start_timeout_ms);
        put(g, d->recycle_cases);
        put64(g, (int64_t)d->recycle_bytes);
        put(g, d->batch ? d->batch : 1);
    }
    return at;
}

static void hash_strs(struct hasher *h, struct strs s)
{
    hasher_u32(h, s.n);
    for (uint32_t i = 0; i < s.n; i++)
        hasher_str(h, s.v[i]);
}

/* The declared parts that can change the outcome. */
static struct digest decl_digest(struct hasher *h, const struct decl *d)
{
    hasher_reset(h);
    hasher_u8(h, (uint8_t)d->kind);
    hasher_str(h, d->kind == KIND_GROUP ? NULL : d->label); /* the command sees it as TGRAPH_TARGET */
    hasher_u8(h, d->shell);
    hash_strs(h, d->cmd);
    hasher_str(h, d->cwd ? d->cwd : d->dir);
    hasher_u32(h, d->n_env);
    for (uint32_t i = 0; i < d->n_env; i++) {
        hasher_str(h, d->env[i].name);
        hasher_str(h, d->env[i].value);
    }
    hasher_str(h, d->value);
    hasher_str(h, d->stdin_path);
    hasher_str(h, d->stdin_text);
    hash_strs(h, d->outputs);
    hasher_str(h, d->depfile);
    hasher_mem(h, d->success_codes, d->n_success_codes);
    hasher_u8(h, d->incremental);
    hasher_u8(h, (uint8_t)d->ready);
    hasher_str(h, d->ready_line);
    hasher_u32(h, d->ready_port);
    hash_strs(h, d->ready_cmd);
    hasher_u8(h, d->ready_shell);
    hasher_str(h, d->stdout_path);
    hasher_u8(h, d->isolate);
    hasher_u8(h, d->reports_reads);
    return hasher_end(h);
}

static void add_out(struct builder *b, uint32_t node, const char *text, bool depfile)
{
    struct graph *g = b->g;
    size_t len = strlen(text);
    uint32_t kind = depfile ? OUT_DEPFILE : OUT_FILE;
    if (!depfile && len && text[len - 1] == '/') {
        kind = OUT_FOLDER;
        len--;
    } else if (!depfile && path_has_wildcard(text)) {
        kind = OUT_GLOB;
    }
    GRAPH_GROW(g, outs, 1);
    g->outs[g->n_outs++] = (struct out_entry){strtab_addn(&g->strs, text, len), kind, node, DIGEST_NONE};
    g->nodes[node].n_outs++;
}

static void add_node(struct builder *b, const struct decl *d, struct hasher *h)
{
    struct graph *g = b->g;
    GRAPH_GROW(g, nodes, 1);
    uint32_t i = g->n_nodes++;
    struct node *n = &g->nodes[i];
    memset(n, 0, sizeof *n);
    n->label = strtab_add(&g->strs, d->label);
    n->dir = strtab_add(&g->strs, d->dir);
    n->pos_file = d->pos.file ? strtab_add(&g->strs, d->pos.file) : 0;
    n->pos_line = d->pos.line;
    n->pos_col = d->pos.col;
    n->kind = (uint8_t)d->kind;
    n->flags = (d->no_cache ? NODE_NO_CACHE : 0) | (d->exclusive_all ? NODE_EXCLUSIVE : 0) |
               (d->depfile ? NODE_DEPFILE : 0) | (d->incremental ? NODE_INCREMENTAL : 0) |
               (d->jobserver ? NODE_JOBSERVER : 0) | (d->shell ? NODE_SHELL : 0) |
               (d->cases_unknown ? NODE_CASES_UNKNOWN : 0);
    for (uint32_t v = 0; v < d->n_env; v++) {
        if (strcmp(d->env[v].name, "PATH") == 0)
            n->flags |= NODE_OWN_PATH;
        else if (strcmp(d->env[v].name, "HOME") == 0)
            n->flags |= NODE_OWN_HOME;
    }
    n->decl = decl_digest(h, d);
    n->action = add_action(b, d);
    n = &g->nodes[i];
    n->tools_at = g->n_node_tools;
    n->n_tools = d->n_tools;
    GRAPH_GROW(g, node_tools, d->n_tools);
    for (uint32_t t = 0; t < d->n_tools; t++)
        g->node_tools[g->n_node_tools++] = d->tools[t];
    n->outs_at = g->n_outs;
    for (uint32_t o = 0; o < d->outputs.n; o++)
        add_out(b, i, d->outputs.v[o], false);
    if (d->depfile)
        add_out(b, i, d->depfile, true);
}

/* Nodes are numbered as the declarations are; their cases come after all of them. */
static const struct decl *decl_of(const struct builder *b, node_id n)
{
    const struct graph_case *c = graph_case(b->g, n);
    return &b->d->v[c ? c->suite : n];
}

static void check_outputs(struct builder *b)
{
    struct graph *g = b->g;
    b->outs = out_lookup_new(g);
    for (uint32_t i = 0; i < g->n_outs; i++) {
        const char *path = graph_str(g, g->outs[i].path);
        uint32_t other = out_lookup_clash(b->outs, g, i);
        if (other == ID_NONE)
            continue;
        node_id mine = g->outs[i].producer, theirs = g->outs[other].producer;
        struct err *e = complain(b);
        const char *field = g->outs[i].kind == OUT_DEPFILE ? "depfile" : "outputs";
        if (mine == theirs)
            err_set(e, "T302", "target '%s' claims output '%s' twice", graph_label(g, mine), path);
        else if (g->outs[other].kind == OUT_FOLDER && g->outs[other].path != g->outs[i].path)
            err_set(e, "T303", "output '%s' of target '%s' lies in folder '%s', an output of target '%s'", path,
                    graph_label(g, mine), graph_str(g, g->outs[other].path), graph_label(g, theirs));
        else
            err_set(e, "T302", "output '%s' is claimed by two targets: '%s' and '%s'", path, graph_label(g, mine),
                    graph_label(g, theirs));
        err_hint(e, "let one target make it and give the other deps = { ... } or inputs = { ... } on it");
        place(b, e, decl_of(b, mine), field, path);
    }
}

static void add_edge(struct builder *b, uint32_t from, node_id to, uint32_t out)
{
    struct graph *g = b->g;
    if (b->node_user[to] == from + 1)
        return;
    if (out != OUT_ORDER) {
        uint32_t *user = out == ID_NONE ? &b->node_user[to] : &b->out_user[out];
        if (*user == from + 1)
            return;
        *user = from + 1;
    }
    GRAPH_GROW(g, edges, 1);
    g->edges[g->n_edges++] = (struct edge){to, out};
    g->nodes[from].n_edges++;
}

static void unknown_dep(struct builder *b, const struct decl *d, const char *label)
{
    struct graph *g = b->g;
    const char **names = mem_resize(NULL, g->n_nodes + 1, sizeof *names);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        names[i] = graph_label(g, i);
    const char *near = nearest_name(label, names, g->n_nodes);
    struct err *e = complain(b);
    err_set(e, "T304", "target '%s' depends on '%s', which no Testfile declares", d->label, label);
    if (near)
        err_hint(e, "did you mean '%s'?", near);
    else
        err_hint(e, "labels look like 'name' (same Testfile) or 'dir:name'; `tgraph list` shows all of them");
    place(b, e, d, d->kind == KIND_GROUP ? "members" : "deps", label);
    mem_free(names);
}

static void add_node_set(struct graph *g, set_id s)
{
    GRAPH_GROW(g, node_sets, 1);
    g->node_sets[g->n_node_sets++] = s;
}

/* A glob's files as a set of the graph, without what targets make. */
static set_id graph_set_of(struct builder *b, uint32_t decl_set)
{
    if (b->sets[decl_set] != ID_NONE)
        return b->sets[decl_set];
    const struct strs *p = &b->d->sets[decl_set].paths;
    bool any_outs = b->g->n_outs > 0;
    buf_reset(&b->ids);
    for (uint32_t i = 0; i < p->n; i++) {
        if (any_outs && out_lookup_find(b->outs, p->v[i]) != ID_NONE)
            continue;
        file_id f = graph_file(b->g, p->v[i]);
        buf_add(&b->ids, &f, sizeof f);
    }
    return b->sets[decl_set] =
               graph_add_set(b->g, (file_id *)(void *)b->ids.p, (uint32_t)(b->ids.len / sizeof(file_id)));
}

/* Files of the list as a set of the graph, ID_NONE if there are none; outputs of other targets as edges. */
static set_id link_literals(struct builder *b, uint32_t i, const struct decl *d, struct strs files, const char *field)
{
    struct graph *g = b->g;
    buf_reset(&b->ids);
    for (uint32_t k = 0; k < files.n; k++) {
        const char *path = files.v[k];
        size_t len = strlen(path);
        char trimmed[4097];
        if (len && path[len - 1] == '/' && len < sizeof trimmed) { /* a folder as an output entry writes it */
            memcpy(trimmed, path, len - 1);
            trimmed[len - 1] = 0;
            path = trimmed;
        }
        uint32_t out = g->n_outs ? out_lookup_find(b->outs, path) : ID_NONE;
        if (out == ID_NONE || g->outs[out].kind == OUT_DEPFILE) {
            file_id f = graph_file(g, path);
            g->files[f].flags |= FILE_LITERAL;
            buf_add(&b->ids, &f, sizeof f);
        } else if (g->outs[out].producer == i) {
            struct err *e = complain(b);
            err_set(e, "T305", "target '%s' names its own output '%s' as an input", d->label, path);
            err_hint(e, "an input is something that the command reads and does not make");
            place(b, e, d, files.v[k] == d->stdin_path ? "stdin" : field, path);
        } else {
            add_edge(b, i, g->outs[out].producer, out);
        }
    }
    uint32_t n = (uint32_t)(b->ids.len / sizeof(file_id));
    return n ? graph_add_set(g, (file_id *)(void *)b->ids.p, n) : ID_NONE;
}

static struct strs with(struct builder *b, struct strs list, const char *more)
{
    const char **v = arena_alloc(&b->arena, (list.n + 1) * sizeof *v);
    if (list.n)
        memcpy(v, list.v, list.n * sizeof *v);
    v[list.n] = more;
    return (struct strs){v, list.n + 1};
}

/* Edges and sets of node i by its declaration: those of a suite are the ones of each of its cases. */
static struct span link_decl(struct builder *b, uint32_t i, const struct decl *d)
{
    struct graph *g = b->g;
    struct span at = {.edges_at = g->n_edges};
    uint32_t was = g->nodes[i].n_edges;
    for (uint32_t k = 0; k < d->deps.n; k++) {
        node_id to = graph_find(g, d->deps.v[k]);
        if (to == ID_NONE)
            unknown_dep(b, d, d->deps.v[k]);
        else
            add_edge(b, i, to, ID_NONE);
    }
    node_id lister = d->discover ? graph_find(g, d->discover) : ID_NONE;
    if (lister != ID_NONE)
        add_edge(b, i, lister, OUT_ORDER);
    set_id literal = link_literals(b, i, d, d->stdin_path ? with(b, d->inputs, d->stdin_path) : d->inputs, "inputs");
    at.sets_at = g->n_node_sets;
    if (literal != ID_NONE)
        add_node_set(g, literal);
    bool by_name = d->depfile || d->reports_reads;
    for (uint32_t s = 0; s < d->n_sets; s++)
        add_node_set(g, graph_set_of(b, d->sets[s]));
    /* Only a depfile, or a worker, can say what of may_read was read; without one all of it is an input. */
    for (uint32_t s = 0; s < d->n_may_read && !by_name; s++)
        add_node_set(g, graph_set_of(b, d->may_read[s]));
    at.n_sets = g->n_node_sets - at.sets_at;
    at.may_at = g->n_node_sets;
    for (uint32_t s = 0; s < d->n_may_read && by_name; s++)
        add_node_set(g, graph_set_of(b, d->may_read[s]));
    at.n_may = g->n_node_sets - at.may_at;
    at.n_edges = g->nodes[i].n_edges - was;
    return at;
}

static void set_span(struct graph *g, node_id n, struct span at)
{
    struct node *nd = &g->nodes[n];
    nd->edges_at = at.edges_at;
    nd->n_edges = at.n_edges;
    nd->sets_at = at.sets_at;
    nd->n_sets = at.n_sets;
    nd->may_at = at.may_at;
    nd->n_may = at.n_may;
}

static bool same_strs(struct strs a, struct strs b)
{
    return a.n == b.n && (a.v == b.v || memcmp(a.v, b.v, a.n * sizeof *a.v) == 0);
}

/* Edges and sets of a suite's cases, from what its declaration has and what each case adds. `last`: the set of the inputs
 * of the case before, as most share one. */
static void link_case(struct builder *b, node_id n, const struct decl *d, const struct decl_case *c,
                      const struct decl_case *before, set_id *last)
{
    struct graph *g = b->g;
    const struct span from = b->templates[graph_case(g, n)->suite];
    struct span at = from;
    at.edges_at = g->n_edges;
    g->nodes[n].n_edges = 0;
    for (uint32_t i = 0; i < from.n_edges; i++) {
        struct edge e = g->edges[from.edges_at + i];
        add_edge(b, n, e.to, e.out);
    }
    if (c->inputs.n || c->n_sets) {
        uint32_t edges = g->nodes[n].n_edges;
        set_id own = before && same_strs(before->inputs, c->inputs) ? *last : ID_NONE;
        if (own == ID_NONE && c->inputs.n)
            own = link_literals(b, n, d, c->inputs, "cases");
        *last = g->nodes[n].n_edges > edges ? ID_NONE : own; /* else the next one needs these edges, too */
        at.sets_at = g->n_node_sets;
        if (own != ID_NONE)
            add_node_set(g, own);
        for (uint32_t s = 0; s < from.n_sets; s++)
            add_node_set(g, g->node_sets[from.sets_at + s]);
        for (uint32_t s = 0; s < c->n_sets; s++)
            add_node_set(g, graph_set_of(b, c->sets[s]));
        at.n_sets = g->n_node_sets - at.sets_at;
    }
    at.n_edges = g->nodes[n].n_edges;
    set_span(g, n, at);
}

static void link_all(struct builder *b)
{
    struct graph *g = b->g;
    uint32_t n_decls = b->d->n;
    b->templates = mem_calloc(n_decls + 1, sizeof *b->templates);
    for (uint32_t i = 0; i < n_decls; i++) {
        b->templates[i] = link_decl(b, i, &b->d->v[i]);
        set_span(g, i, b->templates[i]);
    }
    for (uint32_t k = 0; k < g->n_cases;) {
        uint32_t suite = g->cases[k].suite;
        const struct decl *d = &b->d->v[suite];
        set_id last = ID_NONE;
        for (uint32_t c = 0; c < d->n_cases; c++, k++)
            link_case(b, n_decls + k, d, &d->cases[c], c ? &d->cases[c - 1] : NULL, &last);
    }
    /* A suite needs its cases, and its discover step where there are none to need that. */
    for (uint32_t k = 0, i = 0; i < n_decls; i++) {
        const struct decl *d = &b->d->v[i];
        if (d->kind != KIND_SUITE)
            continue;
        struct span own = b->templates[i];
        struct span at = {.edges_at = g->n_edges, .n_edges = d->n_cases};
        for (uint32_t c = 0; c < d->n_cases; c++, k++) {
            GRAPH_GROW(g, edges, 1);
            g->edges[g->n_edges++] = (struct edge){n_decls + k, ID_NONE};
        }
        set_span(g, i, d->n_cases ? at : (struct span){.edges_at = own.edges_at, .n_edges = own.n_edges});
    }
    mem_free(b->templates);
}

static void add_cases(struct builder *b, uint32_t suite, const struct decl *d, struct hasher *h)
{
    struct graph *g = b->g;
    struct buf label = BUF_INIT;
    buf_printf(&label, "%s#", d->label);
    size_t stem = label.len;
    struct strs before = {NULL, 0};
    uint32_t tags = 0;
    for (uint32_t i = 0; i < d->n_cases; i++) {
        const struct decl_case *c = &d->cases[i];
        if (i == 0 || !same_strs(before, c->tags)) { /* most have the tags of the one before */
            tags = g->n_words;
            put(g, d->tags.n + c->tags.n);
            for (uint32_t t = 0; t < d->tags.n; t++)
                put(g, strtab_add(&g->strs, d->tags.v[t]));
            for (uint32_t t = 0; t < c->tags.n; t++)
                put(g, strtab_add(&g->strs, c->tags.v[t]));
            before = c->tags;
        }
        label.len = stem;
        buf_adds(&label, c->id);
        GRAPH_GROW(g, nodes, 1);
        GRAPH_GROW(g, cases, 1);
        const struct node *s = &g->nodes[suite];
        struct node *n = &g->nodes[g->n_nodes++];
        memset(n, 0, sizeof *n);
        n->label = strtab_add(&g->strs, buf_cstr(&label));
        n->dir = s->dir;
        n->pos_file = s->pos_file;
        n->pos_line = s->pos_line;
        n->pos_col = s->pos_col;
        n->kind = KIND_CASE;
        n->flags = s->flags | (d->reports_reads ? NODE_DEPFILE : 0);
        n->action = s->action;
        n->tools_at = s->tools_at;
        n->n_tools = s->n_tools;
        n->outs_at = g->n_outs;
        hasher_reset(h);
        hasher_u8(h, KIND_CASE);
        hasher_digest(h, s->decl);
        hasher_str(h, c->id);
        hasher_str(h, c->data);
        n->decl = hasher_end(h);
        g->cases[g->n_cases++] = (struct graph_case){
            .suite = suite,
            .id = strtab_add(&g->strs, c->id),
            .group = opt_str(g, c->group),
            .data = opt_str(g, c->data),
            .tags = tags,
            .timeout_ms = (uint64_t)(c->timeout_ms ? c->timeout_ms : d->case_timeout_ms),
        };
    }
    buf_clear(&label);
}

static void report_cycle(void *ctx, const node_id *cycle, uint32_t n)
{
    struct builder *b = ctx;
    struct graph *g = b->g;
    struct buf text = BUF_INIT;
    for (uint32_t i = 0; i < n && i < 20; i++)
        buf_printf(&text, "%s -> ", graph_label(g, cycle[i]));
    if (n > 20)
        buf_printf(&text, "(%u more) -> ", n - 20);
    buf_adds(&text, graph_label(g, cycle[0]));
    struct err *e = complain(b);
    err_set(e, "T306", "targets depend on each other in a cycle: %s", buf_cstr(&text));
    err_hint(e, "take one of these deps or inputs away");
    const struct decl *first = decl_of(b, cycle[0]);
    place(b, e, first, first->kind == KIND_GROUP ? "members" : "deps", graph_label(g, cycle[n > 1]));
    buf_clear(&text);
}

bool graph_build(struct graph *g, const struct decls *d, const struct graph_hooks *hooks, struct errlist *errs)
{
    struct builder b = {.g = g, .d = d, .hooks = hooks, .errs = errs};
    struct hasher h;
    size_t errors_before = errs->n_errors;
    hasher_init(&h);
    for (uint32_t i = 0; i < d->n_pools; i++) {
        GRAPH_GROW(g, pools, 1);
        g->pools[g->n_pools++] = (struct pool){strtab_add(&g->strs, d->pools[i].name), d->pools[i].slots};
    }
    for (uint32_t i = 0; i < d->n_tools; i++) {
        const struct decl_tool *t = &d->tools[i];
        GRAPH_GROW(g, tools, 1);
        g->tools[g->n_tools++] =
            (struct tool){strtab_add(&g->strs, t->name), t->path ? graph_file(g, t->path) : ID_NONE, t->interpreter};
    }
    arena_init(&b.arena);
    for (uint32_t i = 0; i < d->n; i++)
        add_node(&b, &d->v[i], &h);
    for (uint32_t i = 0; i < d->n; i++)
        if (d->v[i].kind == KIND_SUITE)
            add_cases(&b, i, &d->v[i], &h);
    g->states = graph_grow(g->states, 0, g->n_nodes + 1, &g->cap_states, sizeof *g->states);
    memset(g->states, 0, (g->n_nodes + 1) * sizeof *g->states);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        g->states[i].reads = ID_NONE;
        node_id first = graph_find(g, graph_label(g, i));
        if (first == i)
            continue;
        struct err *e = complain(&b);
        const struct decl_pos *at = &decl_of(&b, first)->pos;
        err_set(e, "T301", "target '%s' is declared twice", graph_label(g, i));
        if (at->file)
            err_hint(e, "the first one is at %s:%u:%u", at->file, at->line, at->col);
        place(&b, e, decl_of(&b, i), NULL, NULL);
    }
    check_outputs(&b);
    b.sets = mem_resize(NULL, d->n_sets + 1, sizeof *b.sets);
    for (uint32_t i = 0; i < d->n_sets; i++)
        b.sets[i] = ID_NONE;
    b.node_user = mem_calloc(g->n_nodes + 1, sizeof *b.node_user);
    b.out_user = mem_calloc(g->n_outs + 1, sizeof *b.out_user);
    link_all(&b);
    graph_sort(g, report_cycle, &b);
    out_lookup_free(b.outs);
    mem_free(b.sets);
    mem_free(b.node_user);
    mem_free(b.out_user);
    buf_clear(&b.ids);
    arena_clear(&b.arena);
    hasher_clear(&h);
    return errs->n_errors == errors_before;
}

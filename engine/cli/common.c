/* SPDX-License-Identifier: MIT
 *
 * What several commands need: errors for people, colours, opening the workspace. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/term.h"

static int by_place(const void *pa, const void *pb)
{
    const struct err *a = *(const struct err *const *)pa, *b = *(const struct err *const *)pb;
    int c = strcmp(a->file ? a->file : "", b->file ? b->file : "");
    if (!c && a->line != b->line)
        c = a->line < b->line ? -1 : 1;
    if (!c && a->col != b->col)
        c = a->col < b->col ? -1 : 1;
    if (!c)
        c = strcmp(a->code, b->code);
    return c ? c : strcmp(a->msg ? a->msg : "", b->msg ? b->msg : "");
}

void print_errors(const struct errlist *errs, const struct options *o)
{
    struct buf b = BUF_INIT;
    size_t n = 0, n_errors = 0;
    const struct err **v = mem_resize(NULL, errs->n + 1, sizeof *v);
    (void)o;
    /* By place, and each once: a loop declares many targets at the same place. */
    for (size_t i = 0; i < errs->n; i++)
        v[n++] = &errs->v[i];
    if (n)
        qsort(v, n, sizeof *v, by_place);
    for (size_t i = 0; i < n; i++) {
        if (i && by_place(&v[i - 1], &v[i]) == 0)
            continue;
        n_errors += v[i]->level == ERR_ERROR;
        if (v[i]->level == ERR_ERROR && !v[i]->file)
            buf_adds(&b, "tgraph: ");
        err_format(v[i], &b);
    }
    mem_free(v);
    if (n_errors > 1)
        buf_printf(&b, "%zu errors; nothing was run\n", n_errors);
    fflush(stdout);
    fwrite(b.p ? b.p : "", 1, b.len, stderr);
    buf_clear(&b);
}

bool want_color(const struct options *o, int fd)
{
    if (o->color >= 0)
        return o->color == 1;
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return !(no && *no) && term_is_tty(fd) && !(term && strcmp(term, "dumb") == 0);
}

struct ws_opts workspace_options(const struct options *o)
{
    const char *lib = getenv("TGRAPH_LIB");
    return (struct ws_opts){
        .dir = o->dir, .lib_dir = lib && *lib ? lib : NULL, .options = {o->given, (uint32_t)o->n_given}};
}

void print_warnings(const struct workspace *ws)
{
    struct buf b = BUF_INIT;
    if (ws->load_warnings)
        buf_adds(&b, ws->load_warnings);
    for (size_t i = 0; i < ws->warnings.n; i++)
        err_format(&ws->warnings.v[i], &b);
    fwrite(b.p ? b.p : "", 1, b.len, stderr);
    buf_clear(&b);
}

bool open_workspace(struct workspace *ws, const struct options *o)
{
    struct errlist errs = ERRLIST_INIT;
    struct ws_opts w = workspace_options(o);
    bool ok = ws_open(ws, &w, &errs);
    if (ok) {
        print_warnings(ws);
    } else {
        print_errors(&errs, o);
        ws_close(ws);
    }
    errlist_clear(&errs);
    return ok;
}

static void forget(struct selected *s)
{
    for (uint32_t n = 0; s->reasons && n < s->ws.g.n_nodes; n++)
        mem_free(s->reasons[n]);
    mem_free(s->reasons);
    mem_free(s->keys);
    mem_free(s->verdict);
    mem_free(s->selected);
    mem_free(s->needed);
    s->reasons = NULL;
    s->keys = NULL;
    s->verdict = s->selected = s->needed = NULL;
}

int open_selected(struct selected *s, const struct options *o, pick_fn pick, bool all)
{
    memset(s, 0, sizeof *s);
    if (!open_workspace(&s->ws, o))
        return EXIT_USAGE;
    s->open = true;
    struct errlist errs = ERRLIST_INIT;
    int status = 0;
    for (bool stamped = false; !stamped && !status;) {
        struct graph *g = &s->ws.g;
        const char *gone;
        forget(s);
        s->selected = mem_calloc(g->n_nodes + 1, 1);
        s->needed = mem_calloc(g->n_nodes + 1, 1);
        if (!pick(g, o, s->ws.sub, s->selected, &errs)) {
            status = select_exit(&errs);
            break;
        }
        for (uint32_t n = 0; n < g->n_nodes; n++)
            if (all || s->selected[n])
                graph_mark_needed(g, n, s->needed);
        stamped = ws_stamp(&s->ws, s->needed, &gone);
        if (!stamped) {
            char *reason = mem_printf("%s is no longer there", gone);
            status = ws_reload(&s->ws, reason, &errs) ? 0 : EXIT_USAGE;
            mem_free(reason);
        }
    }
    if (status)
        print_errors(&errs, o);
    errlist_clear(&errs);
    return status;
}

void resolve_selected(struct selected *s)
{
    uint32_t n = s->ws.g.n_nodes + 1;
    s->verdict = mem_calloc(n, 1);
    s->reasons = mem_calloc(n, sizeof *s->reasons);
    s->keys = mem_calloc(n, sizeof *s->keys);
    ws_keys(&s->ws);
    resolve_needed(&s->ws, s->needed, NULL, s->verdict, s->reasons, s->keys);
}

void close_selected(struct selected *s)
{
    forget(s);
    if (s->open)
        ws_close(&s->ws);
}

int select_exit(const struct errlist *errs)
{
    for (size_t i = 0; i < errs->n; i++)
        if (errs->v[i].level == ERR_ERROR && strcmp(errs->v[i].code, "T010") != 0)
            return EXIT_USAGE;
    return EXIT_NO_MATCH;
}

struct select_spec selection(const struct options *o, const char *sub)
{
    return (struct select_spec){.patterns = o->args,
                                .n_patterns = o->n_args,
                                .tags = o->tags,
                                .n_tags = o->n_tags,
                                .excludes = o->excludes,
                                .n_excludes = o->n_excludes,
                                .sub = sub,
                                .only_failed = o->failed};
}

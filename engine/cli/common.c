/* SPDX-License-Identifier: MIT
 *
 * What several commands need: errors for people, colours, opening the workspace. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/term.h"

void print_errors(const struct errlist *errs, const struct options *o)
{
    struct buf b = BUF_INIT;
    (void)o;
    for (size_t i = 0; i < errs->n; i++) {
        if (errs->v[i].level == ERR_ERROR && !errs->v[i].file)
            buf_adds(&b, "tgraph: ");
        err_format(&errs->v[i], &b);
    }
    if (errs->n_errors > 1)
        buf_printf(&b, "%zu errors; nothing was run\n", errs->n_errors);
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
    return (struct ws_opts){.dir = o->dir, .lib_dir = lib && *lib ? lib : NULL};
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

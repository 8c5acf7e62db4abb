/* SPDX-License-Identifier: MIT
 *
 * From a node to a job: strings materialised, the environment put together, the executable found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "once/once.h"
#include "os/file.h"
#include "run/run_internal.h"
#include "tree/path.h"

#define GRACE_MS 5000
#define LEFT_MS 200

bool run_tmp_base(struct runner *r)
{
    if (r->tmp_base)
        return true;
    const char *tmp = getenv("TMPDIR");
    char *base = mem_printf("%s/tgraph-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
    if (!mkdtemp(base)) {
        run_message(r, "T610", true,
                    "cannot make a folder in %s for private temporary folders: %s (TMPDIR names another)",
                    tmp && *tmp == '/' ? tmp : "/tmp", strerror(errno));
        mem_free(base);
        return false;
    }
    r->tmp_base = base;
    r->self = file_self();
    struct err e = ERR_INIT;
    r->lend = lend_open(base, &e);
    if (!r->lend)
        run_message(r, e.code, false, "%s", e.msg);
    err_clear(&e);
    return true;
}

static const char *in_root(struct runner *r, struct arena *a, const char *rel)
{
    const char *root = strcmp(r->ws->root, "/") == 0 ? "" : r->ws->root;
    return *rel ? arena_printf(a, "%s/%s", root, rel) : arena_printf(a, "%s", *root ? root : "/");
}

/* The file to execute for argv[0]: by the node's tools if it has no slash, else the file itself. NULL: not on PATH. */
static const char *find_executable(struct runner *r, node_id n, struct arena *a, const char *name, const char *cwd)
{
    struct graph *g = &r->ws->g;
    const struct node *nd = &g->nodes[n];
    if (strchr(name, '/'))
        return *name == '/' ? arena_strdup(a, name) : arena_printf(a, "%s/%s", cwd, name);
    for (uint32_t i = 0; i < nd->n_tools; i++) {
        const struct tool *t = &g->tools[g->node_tools[nd->tools_at + i]];
        if (strcmp(graph_str(g, t->name), name) == 0 && t->file != ID_NONE)
            return arena_strdup(a, graph_str(g, g->files[t->file].path));
    }
    return NULL;
}

struct run_command run_make_command(struct runner *r, node_id n, struct arena *a, struct id_list cmd, bool shell,
                                    const char *cwd)
{
    struct graph *g = &r->ws->g;
    struct run_command c = {NULL, NULL};
    const char **argv = arena_alloc(a, (cmd.n + 4) * sizeof *argv);
    uint32_t k = 0;
    if (shell) {
        argv[k++] = "sh";
        argv[k++] = "-c";
        c.file = "/bin/sh";
    }
    for (uint32_t i = 0; i < cmd.n; i++)
        argv[k++] = arena_strdup(a, graph_str(g, cmd.v[i]));
    c.argv = argv;
    if (!shell && k)
        c.file = find_executable(r, n, a, argv[0], cwd);
    return c;
}

static bool declares(const struct graph *g, const struct action *a, const char *name)
{
    for (uint32_t i = 0; i < a->env.n; i += 2)
        if (strcmp(graph_str(g, a->env.v[i]), name) == 0)
            return true;
    return false;
}

static void make_env(struct runner *r, node_id n, struct job *j, const struct action *a)
{
    struct graph *g = &r->ws->g;
    struct arena *m = &j->arena;
    const char **env = arena_alloc(m, (a->env.n / 2 + 24) * sizeof *env);
    uint32_t k = 0;
    const struct {
        const char *name, *value;
    } defaults[] = {
        {"PATH", r->ws->path_env}, {"HOME", r->ws->home_env}, {"LANG", "C.UTF-8"}, {"TZ", "UTC"}, {"TERM", "dumb"}};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (!declares(g, a, defaults[i].name))
            env[k++] = arena_printf(m, "%s=%s", defaults[i].name, defaults[i].value);
    env[k++] = arena_printf(m, "TGRAPH_TARGET=%s", graph_label(g, n));
    env[k++] = arena_printf(m, "TGRAPH_ROOT=%s", r->ws->root);
    if (r->self)
        env[k++] = arena_printf(m, "TGRAPH=%s", r->self);
    env[k++] = arena_printf(m, "TGRAPH_CACHE_DIR=%s", r->ws->cache_dir);
    if (getenv(ONCE_CHAIN)) /* this run is part of what a `tgraph once` waits for: a cycle is to be seen */
        env[k++] = arena_printf(m, ONCE_CHAIN "=%s", getenv(ONCE_CHAIN));
    if (r->lend)
        env[k++] = arena_printf(m, LEND_ENV "=%s", lend_path(r->lend));
    j->env_free[3] = k++;
    j->env_free[0] = k++;
    j->env_free[1] = k++;
    j->env_free[2] = declares(g, a, "TMPDIR") ? UINT32_MAX : k++;
    for (uint32_t i = 0; i < a->env.n; i += 2)
        if (a->env.v[i + 1] != STR_NONE)
            env[k++] = arena_printf(m, "%s=%s", graph_str(g, a->env.v[i]), graph_str(g, a->env.v[i + 1]));
    if ((g->nodes[n].flags & NODE_JOBSERVER) && r->have_js && !declares(g, a, "MAKEFLAGS")) {
        env[k++] = arena_printf(m, "MAKEFLAGS=%s", r->js.makeflags);
        if (r->js.read_fd >= 0) {
            int *fds = arena_alloc(m, 2 * sizeof *fds);
            fds[0] = r->js.read_fd;
            fds[1] = r->js.write_fd;
            j->inherit_fds = fds;
            j->n_inherit_fds = 2;
        }
    }
    env[k] = NULL;
    j->envp = env;
}

static void make_outputs(struct runner *r, node_id n, struct job *j, const struct action *a)
{
    struct graph *g = &r->ws->g;
    const struct node *nd = &g->nodes[n];
    const struct node_state *st = &g->states[n];
    struct job_output *outs = arena_alloc(&j->arena, (nd->n_outs + 1) * sizeof *outs);
    for (uint32_t o = nd->outs_at; o < nd->outs_at + nd->n_outs; o++) {
        if (g->outs[o].kind == OUT_DEPFILE)
            continue;
        outs[j->n_outputs++] =
            (struct job_output){arena_strdup(&j->arena, graph_str(g, g->outs[o].path)), g->outs[o].kind, o};
    }
    j->outputs = outs;
    if (a->depfile != STR_NONE)
        j->depfile = arena_strdup(&j->arena, graph_str(g, a->depfile));
    j->keep_old = (nd->flags & NODE_INCREMENTAL) != 0;
    j->replaced = arena_printf(&j->arena, "%s/replaced", r->ws->state_dir);
    if (j->keep_old || j->kind == JOB_RESTORE)
        return;
    const char **remove = arena_alloc(&j->arena, (st->n_made + 1) * sizeof *remove);
    for (uint32_t i = 0; i < st->n_made; i++) {
        const struct made_file *m = &g->made[st->made_at + i];
        const struct file_state *now = ws_file(r->ws, m->file);
        /* Only what is still as tgraph made it: anything else may be somebody's work. */
        if (graph_made_ok(m, now) != (m->type == ENTRY_NONE))
            remove[j->n_remove++] = in_root(r, &j->arena, graph_str(g, g->files[m->file].path));
    }
    j->remove = remove;
}

static void make_restores(struct runner *r, node_id n, struct job *j)
{
    struct graph *g = &r->ws->g;
    const struct node_state *st = &g->states[n];
    struct job_restore *v = arena_alloc(&j->arena, (st->n_made + 1) * sizeof *v);
    for (uint32_t i = 0; i < st->n_made; i++) {
        const struct made_file *m = &g->made[st->made_at + i];
        const struct file_state *now = ws_file(r->ws, m->file);
        v[i] = (struct job_restore){.path = arena_strdup(&j->arena, graph_str(g, g->files[m->file].path)),
                                    .type = (uint8_t)m->type,
                                    .blob = m->blob,
                                    .skip = graph_made_ok(m, now)};
        if (v[i].type == ENTRY_LINK && !v[i].skip && r->ws->store) {
            struct buf text = BUF_INIT;
            bool found = false;
            if (store_get_blob(r->ws->store, m->blob, &text, &found, NULL) && found)
                v[i].link_text = arena_strndup(&j->arena, text.p ? text.p : "", text.len);
            buf_clear(&text);
        }
    }
    j->restores = v;
    j->n_restores = st->n_made;
}

struct job *run_make_job(struct runner *r, node_id n, enum job_kind kind)
{
    struct graph *g = &r->ws->g;
    struct action a;
    struct job *j = job_new();
    graph_action(g, n, &a);
    j->kind = kind;
    j->node = n;
    j->root = arena_strdup(&j->arena, r->ws->root);
    j->root_fd = r->ws->root_fd;
    j->store = r->ws->store;
    j->label = arena_strdup(&j->arena, graph_label(g, n));
    if (kind == JOB_RESTORE) {
        make_outputs(r, n, j, &a);
        make_restores(r, n, j);
        return j;
    }
    j->cwd = in_root(r, &j->arena, graph_str(g, a.cwd));
    struct run_command c = run_make_command(r, n, &j->arena, a.argv, (g->nodes[n].flags & NODE_SHELL) != 0, j->cwd);
    j->argv = c.argv;
    j->file = c.file;
    if (!c.file)
        j->missing =
            arena_printf(&j->arena, "'%s' is not on PATH: install it, or correct cmd", c.argv[0] ? c.argv[0] : "");
    for (uint32_t i = 0; i < g->nodes[n].n_tools && j->file; i++) {
        const struct tool *t = &g->tools[g->node_tools[g->nodes[n].tools_at + i]];
        if (t->file == ID_NONE) { /* a key that does not know it says nothing */
            j->file = NULL;
            j->missing = arena_printf(&j->arena, "its tool '%s' is not on PATH: install it, or correct tools",
                                      graph_str(g, t->name));
        }
    }
    make_env(r, n, j, &a);
    if (a.stdin_path != STR_NONE)
        j->stdin_path = in_root(r, &j->arena, graph_str(g, a.stdin_path));
    if (a.stdin_text != STR_NONE)
        j->stdin_text = arena_strdup(&j->arena, graph_str(g, a.stdin_text));
    if (a.stdout_path != STR_NONE)
        j->stdout_path = in_root(r, &j->arena, graph_str(g, a.stdout_path));
    j->timeout_ms = (int64_t)a.timeout_ms;
    j->grace_ms = GRACE_MS;
    j->left_ms = LEFT_MS;
    j->max_attempts = a.retries + 1;
    if (a.success_codes.n) {
        uint32_t *codes = arena_alloc(&j->arena, a.success_codes.n * sizeof *codes);
        memcpy(codes, a.success_codes.v, a.success_codes.n * sizeof *codes);
        j->success_codes = codes;
        j->n_success_codes = a.success_codes.n;
    }
    j->tmp_base = r->tmp_base;
    make_outputs(r, n, j, &a);
    j->cancel_fd = r->o->interrupt_fd;
    j->kill_fd = r->o->kill_fd;
    return j;
}

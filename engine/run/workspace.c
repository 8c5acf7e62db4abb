/* SPDX-License-Identifier: MIT
 *
 * Opening, stamping and freezing a workspace. */
#include "run/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "os/clock.h"
#include "os/thread.h"
#include "tree/path.h"

/* A different layout of any frozen struct gives another version, so old files are discarded and not misread. */
#define FROZEN_VERSION                                                                                                 \
    (7u << 24 ^ (uint32_t)(sizeof(struct node) << 16 ^ sizeof(struct file) << 12 ^ sizeof(struct node_state) << 6 ^    \
                           sizeof(struct record_dir)))
#define SECTIONS (GRAPH_SECTIONS + RECORD_SECTIONS)

static const char *env_or(const char *name, const char *otherwise)
{
    const char *v = getenv(name);
    return v && *v ? v : otherwise;
}

const char *ws_getenv(void *ctx, const char *name)
{
    const struct workspace *ws = ctx;
    return strcmp(name, LOAD_OPTIONS) == 0 ? ws->options_text : getenv(name);
}

/* Each with its length in front: no two lists come to the same. */
static char *options_text(struct strs v)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "");
    for (uint32_t i = 0; i < v.n; i++)
        buf_printf(&b, "%zu:%s", strlen(v.v[i]), v.v[i]);
    return buf_take(&b);
}

static struct digest platform_digest(void)
{
    struct utsname u;
    struct hasher h;
    hasher_init(&h);
    if (uname(&u) == 0) {
        hasher_str(&h, u.sysname);
        hasher_str(&h, u.machine);
    }
#ifdef __GLIBC__
    hasher_str(&h, "glibc");
    hasher_str(&h, gnu_get_libc_version());
#else
    hasher_str(&h, "libc");
#endif
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

/* The topmost Testfile.lua within the git checkout; outside git the nearest one. */
static bool find_root(struct workspace *ws, struct err *e)
{
    struct buf here = BUF_INIT, at = BUF_INIT, probe = BUF_INIT;
    char *found = NULL;
    bool in_git = false;
    if (!file_realpath(ws->opts.dir ? ws->opts.dir : ".", &here, e)) {
        buf_clear(&here);
        return err_hint(e, "-C takes an existing folder");
    }
    buf_adds(&at, buf_cstr(&here));
    for (;;) {
        const char *dir = strcmp(buf_cstr(&at), "/") == 0 ? "" : buf_cstr(&at);
        buf_reset(&probe);
        buf_printf(&probe, "%s/Testfile.lua", dir);
        bool has = file_exists(buf_cstr(&probe));
        if (has && !in_git) {
            mem_free(found);
            found = mem_strdup(*dir ? dir : "/");
        }
        buf_reset(&probe);
        buf_printf(&probe, "%s/.git", dir);
        if (file_exists(buf_cstr(&probe))) {
            in_git = true;
            break;
        }
        char *slash = at.p ? strrchr(at.p, '/') : NULL;
        if (!*dir || !slash)
            break;
        at.len = slash == at.p ? 1 : (size_t)(slash - at.p);
        at.p[at.len] = 0;
    }
    if (found && !in_git) { /* the nearest instead of the topmost */
        mem_free(found);
        found = NULL;
        buf_reset(&at);
        buf_adds(&at, buf_cstr(&here));
        while (!found) {
            buf_reset(&probe);
            buf_printf(&probe, "%s/Testfile.lua", strcmp(buf_cstr(&at), "/") == 0 ? "" : buf_cstr(&at));
            if (file_exists(buf_cstr(&probe))) {
                found = mem_strdup(buf_cstr(&at));
                break;
            }
            char *slash = strrchr(at.p, '/');
            at.len = slash == at.p ? 1 : (size_t)(slash - at.p);
            at.p[at.len] = 0;
        }
    }
    if (found) {
        size_t len = strlen(found);
        const char *rest = buf_cstr(&here) + (strcmp(found, "/") == 0 ? 0 : len);
        ws->root = found;
        ws->sub = mem_strdup(*rest == '/' ? rest + 1 : rest);
        size_t top = !in_git || strcmp(buf_cstr(&at), "/") == 0 ? 0 : at.len;
        ws->outer = mem_strdup(in_git && len > top + 1 ? found + top + 1 : "");
    } else {
        err_set(e, "T001", "no Testfile.lua in %s or above it", buf_cstr(&here));
        err_hint(e, "write one that says what your tests are, for example: test \"unit\" { cmd = \"make check\" }");
    }
    buf_clear(&here);
    buf_clear(&at);
    buf_clear(&probe);
    return found != NULL;
}

char *ws_cache_dir(const struct ws_opts *o)
{
    if (o->cache_dir)
        return mem_strdup(o->cache_dir);
    const char *dir = env_or("TGRAPH_CACHE_DIR", NULL);
    if (dir)
        return mem_strdup(dir);
    dir = env_or("XDG_CACHE_HOME", NULL);
    if (dir && *dir == '/')
        return mem_printf("%s/tgraph", dir);
    return mem_printf("%s/.cache/tgraph", env_or("HOME", "/tmp"));
}

static void note(struct workspace *ws, const struct err *e)
{
    struct err *w = errlist_add(&ws->warnings, ERR_WARNING);
    err_set(w, e->code, "%s", e->msg ? e->msg : "");
    if (e->hint)
        err_hint(w, "%s", e->hint);
    w->level = ERR_WARNING;
}

static char *frozen_path(const struct workspace *ws) { return mem_printf("%s/graph", ws->state_dir); }

/* Maps the frozen file; false if there is none that can be used. */
static bool open_frozen(struct workspace *ws)
{
    struct err e = ERR_INIT;
    char *path = frozen_path(ws);
    enum frozen_status st = frozen_open(path, FROZEN_VERSION, &ws->frozen, &e);
    bool ok = st == FROZEN_OK && ws->frozen.n_sections == SECTIONS;
    if (ok) {
        struct graph_section s[SECTIONS];
        for (uint32_t i = 0; i < SECTIONS; i++)
            s[i] = (struct graph_section){ws->frozen.sections[i].p, ws->frozen.sections[i].len};
        ok = graph_view(&ws->g, s) && record_view(&ws->rec, &ws->g, s + GRAPH_SECTIONS);
        if (!ok)
            st = FROZEN_DAMAGED;
    } else if (st == FROZEN_OK) {
        st = FROZEN_DAMAGED;
    }
    if (st == FROZEN_DAMAGED) {
        struct err *w = errlist_add(&ws->warnings, ERR_WARNING);
        err_set(w, "T510", "%s: starting without it", e.msg ? e.msg : "the state of the last run is damaged");
    }
    if (!ok) {
        graph_clear(&ws->g);
        graph_init(&ws->g);
        record_clear(&ws->rec);
        frozen_close(&ws->frozen);
        memset(&ws->frozen, 0, sizeof ws->frozen);
    }
    err_clear(&e);
    mem_free(path);
    return ok;
}

static struct decl_pos locate(void *ctx, const struct decl *d, const char *field, const char *value)
{
    return load_locate(ctx, d, field, value);
}

static char *warning_text(const struct errlist *errs)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < errs->n; i++)
        if (errs->v[i].level == ERR_WARNING)
            err_format(&errs->v[i], &b);
    return b.len ? buf_take(&b) : NULL;
}

static bool make_state_dir(const struct workspace *ws, struct err *e);

/* Writes a file of the library where `adapter` says that it is, unless it is there already: other processes may be
 * running it. */
static bool put_adapter(void *ctx, const char *path, const char *data, size_t len, struct err *e)
{
    const struct workspace *ws = ctx;
    char *full = mem_printf("%s/%s", strcmp(ws->root, "/") == 0 ? "" : ws->root, path);
    int mode = len > 2 && data[0] == '#' && data[1] == '!' ? 0755 : 0644;
    struct stat st;
    struct buf old = BUF_INIT;
    bool same = lstat(full, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == len &&
                ((int)st.st_mode & 0100) == (mode & 0100) && file_read(full, len, &old, NULL) && old.len == len &&
                memcmp(buf_cstr(&old), data, len) == 0;
    bool ok =
        same || (make_state_dir(ws, e) && file_mkdirs_for(full, e) && file_replace(full, data, len, mode, false, e));
    buf_clear(&old);
    mem_free(full);
    return ok;
}

bool ws_load(const struct workspace *ws, struct tree *tree, struct walker *w, struct decls *decls,
             struct load_record *record, struct graph *g, struct errlist *errs)
{
    struct load_opts o = {.tree = tree,
                          .walker = w,
                          .search_path = ws->path_env,
                          .getenv = ws_getenv,
                          .getenv_ctx = (void *)(uintptr_t)ws,
                          .put_adapter = put_adapter,
                          .put_adapter_ctx = (void *)(uintptr_t)ws,
                          .options = ws->opts.options,
                          .lib_dir = ws->opts.lib_dir};
    struct graph_hooks hooks = {locate, tree};
    graph_init(g);
    walker_set_outer(w, ws->outer);
    bool ok = load_testfiles(&o, decls, record, errs);
    /* The graph's own errors are worth reporting in the same run, unless what they need is missing. */
    return graph_build(g, decls, &hooks, errs) && ok;
}

bool ws_reload(struct workspace *ws, const char *reason, struct errlist *errs)
{
    struct decls decls;
    struct load_record lr;
    struct graph g;
    struct record rec;
    memset(&rec, 0, sizeof rec);
    struct tree *tree = tree_worktree_new(ws->root);
    struct walker *w = walker_new(tree);
    int64_t started = clock_real_ns();
    bool ok = ws_load(ws, tree, w, &decls, &lr, &g, errs);
    if (ok) {
        graph_inherit(&g, &ws->g);
        record_make(&rec, &g, &lr, w, ws->root_fd, started, ws->platform, ws->path_env, ws->home_env);
        mem_free(ws->load_warnings);
        ws->load_warnings = warning_text(errs);
        rec.head.warnings = ws->load_warnings ? strtab_add(&g.strs, ws->load_warnings) : 0;
        graph_clear(&ws->g);
        record_clear(&ws->rec);
        if (ws->have_keys)
            key_context_clear(&ws->keys);
        ws->have_keys = false;
        ws->g = g;
        ws->rec = rec;
        frozen_close(&ws->frozen);
        memset(&ws->frozen, 0, sizeof ws->frozen);
        mem_free(ws->stamped);
        ws->stamped = NULL;
        ws->n_stamped = 0;
        mem_free(ws->set_blobs);
        ws->set_blobs = NULL;
        ws->n_set_blobs = 0;
        ws->loaded_by_lua = true;
        ws->worth_freezing = true;
        mem_free(ws->load_reason);
        ws->load_reason = mem_strdup(reason);
    } else {
        graph_clear(&g);
        record_clear(&rec);
    }
    load_record_clear(&lr);
    decls_clear(&decls);
    walker_free(w);
    tree_free(tree);
    return ok;
}

/* A Testfile in the user's folder that no other one includes looks as if it were part of the run. */
static void warn_lone(struct workspace *ws)
{
    if (!*ws->sub)
        return;
    char *path = mem_printf("%s/Testfile.lua", ws->sub), *full = mem_printf("%s/%s", ws->root, path);
    file_id f = graph_find_file(&ws->g, path);
    if (file_exists(full) && (f == ID_NONE || !(ws->g.files[f].flags & FILE_LOADED))) {
        struct err *w = errlist_add(&ws->warnings, ERR_WARNING);
        err_set(w, "T011", "%s is not part of this run: no Testfile includes it", path);
        err_hint(w, "write include \"%s\" into the Testfile at the root", ws->sub);
    }
    mem_free(path);
    mem_free(full);
}

bool ws_options_read(const struct workspace *ws, const struct record *rec, const struct graph *g, struct errlist *errs)
{
    struct strs v = ws->opts.options;
    rec = rec ? rec : &ws->rec;
    g = g ? g : &ws->g;
    for (uint32_t i = 0; i < rec->n_envs; i++)
        if (strcmp(graph_str(g, rec->envs[i].name), LOAD_OPTIONS) == 0)
            return true;
    if (!v.n)
        return true;
    struct err *e = errlist_add(errs, ERR_ERROR);
    err_set(e, "T012", "no Testfile reads options: '%s' after -- has no meaning here", v.v[0]);
    err_hint(
        e,
        "targets stand before the --; a Testfile gets what stands after it by options(), as rules such as pytest do");
    return false;
}

bool ws_open(struct workspace *ws, const struct ws_opts *opts, struct errlist *errs)
{
    memset(ws, 0, sizeof *ws);
    ws->opts = *opts;
    ws->root_fd = -1;
    graph_init(&ws->g);
    ws->threads = opts->threads > 0 ? opts->threads : cpu_count();
    struct err e = ERR_INIT;
    if (!find_root(ws, &e)) {
        *errlist_add(errs, ERR_ERROR) = e;
        return false;
    }
    ws->root_fd = open(ws->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ws->root_fd < 0) {
        err_sys(errlist_add(errs, ERR_ERROR), "T401", errno, "cannot open the repository %s", ws->root);
        return false;
    }
    ws->state_dir = mem_printf("%s/.tgraph", strcmp(ws->root, "/") == 0 ? "" : ws->root);
    ws->cache_dir = ws_cache_dir(opts);
    ws->path_env = mem_strdup(env_or("PATH", "/usr/local/bin:/usr/bin:/bin"));
    ws->home_env = mem_strdup(env_or("HOME", "/"));
    ws->options_text = options_text(opts->options);
    ws->platform = platform_digest();
    if (opts->no_load)
        return true;
    if (opts->ignore_frozen || !open_frozen(ws))
        return ws_reload(ws, "nothing was known of this repository", errs) && ws_options_read(ws, NULL, NULL, errs);
    struct record_env_ops env = {ws_getenv, ws};
    struct buf why = BUF_INIT;
    bool ok = true;
    switch (record_check(&ws->rec, &ws->g, ws->root, ws->outer, ws->root_fd, ws->threads, &env,
                         load_library_digest(opts->lib_dir), ws->platform, ws->path_env, ws->home_env, &why)) {
    case RECORD_STALE:
        ok = ws_reload(ws, buf_cstr(&why), errs);
        break;
    case RECORD_REFRESHED:
        ws->worth_freezing = true;
        /* fall through */
    case RECORD_SAME:
        if (ws->rec.head.warnings)
            ws->load_warnings = mem_strdup(graph_str(&ws->g, ws->rec.head.warnings));
    }
    buf_clear(&why);
    if (ok)
        warn_lone(ws);
    return ok && ws_options_read(ws, NULL, NULL, errs);
}

void ws_close(struct workspace *ws)
{
    if (ws->store)
        store_close(ws->store);
    if (ws->have_keys)
        key_context_clear(&ws->keys);
    record_clear(&ws->rec);
    graph_clear(&ws->g);
    if (ws->frozen.map.p)
        frozen_close(&ws->frozen);
    if (ws->root_fd >= 0)
        close(ws->root_fd);
    errlist_clear(&ws->warnings);
    mem_free(ws->root);
    mem_free(ws->sub);
    mem_free(ws->outer);
    mem_free(ws->state_dir);
    mem_free(ws->cache_dir);
    mem_free(ws->path_env);
    mem_free(ws->home_env);
    mem_free(ws->options_text);
    mem_free(ws->load_reason);
    mem_free(ws->load_warnings);
    mem_free(ws->stamped);
    mem_free(ws->set_blobs);
    memset(ws, 0, sizeof *ws);
}

/* stamped[] covers all files of the graph. */
static void cover(struct workspace *ws)
{
    if (ws->n_stamped >= ws->g.n_files)
        return;
    uint32_t n = ws->g.n_files + ws->g.n_files / 4 + 64;
    ws->stamped = mem_resize(ws->stamped, n, 1);
    memset(ws->stamped + ws->n_stamped, 0, n - ws->n_stamped);
    ws->n_stamped = n;
}

void ws_unstamp(struct workspace *ws)
{
    if (ws->stamped)
        memset(ws->stamped, 0, ws->n_stamped);
    if (ws->set_blobs)
        memset(ws->set_blobs, 0, ws->n_set_blobs * sizeof *ws->set_blobs);
}

struct stamping {
    struct workspace *ws;
    const file_id *ids;
    atomic_bool changed, rehashed;
};

static void stamp_range(void *arg, size_t begin, size_t end)
{
    struct stamping *s = arg;
    struct graph *g = &s->ws->g;
    bool changed = false, rehashed = false;
    for (size_t i = begin; i < end; i++) {
        struct file *f = &g->files[s->ids[i]];
        switch (stamp_update(s->ws->root_fd, graph_str(g, f->path), &f->state, NULL)) {
        case STAMP_SAME:
            break;
        case STAMP_REHASHED:
            rehashed = true;
            break;
        case STAMP_CHANGED:
        case STAMP_ERROR:
            changed = true;
        }
    }
    if (changed)
        atomic_store(&s->changed, true);
    if (rehashed)
        atomic_store(&s->rehashed, true);
}

bool ws_stamp(struct workspace *ws, const uint8_t *needed, const char **gone)
{
    struct graph *g = &ws->g;
    cover(ws);
    uint8_t *want = mem_calloc(g->n_files + 1, 1), *done = mem_calloc(g->n_sets + 1, 1);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (!needed[i])
            continue;
        const struct node *n = &g->nodes[i];
        const struct node_state *st = &g->states[i];
        for (uint32_t k = 0; k <= n->n_sets + n->n_may; k++) {
            set_id s = k < n->n_sets              ? g->node_sets[n->sets_at + k]
                       : k < n->n_sets + n->n_may ? g->node_sets[n->may_at + k - n->n_sets]
                                                  : st->reads;
            if (s == ID_NONE || done[s])
                continue;
            done[s] = 1;
            for (uint32_t m = 0; m < g->sets[s].n; m++)
                want[g->set_files[g->sets[s].at + m]] = 1;
        }
        for (uint32_t m = 0; m < st->n_made; m++)
            want[g->made[st->made_at + m].file] = 1;
    }
    for (uint32_t i = 0; i < g->n_tools; i++)
        if (g->tools[i].file != ID_NONE)
            want[g->tools[i].file] = 1;
    file_id *ids = mem_resize(NULL, g->n_files + 1, sizeof *ids);
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_files; i++) {
        if (!want[i] || ws->stamped[i])
            continue;
        ws->stamped[i] = 1;
        ids[n++] = i;
    }
    struct stamping s = {.ws = ws, .ids = ids};
    parallel_for(n, 256, ws->threads, stamp_range, &s);
    if (atomic_load(&s.changed))
        ws->any_changed = ws->worth_freezing = true;
    if (atomic_load(&s.rehashed))
        ws->worth_freezing = true;
    bool all_there = true;
    for (uint32_t i = 0; i < g->n_files && all_there && !ws->loaded_by_lua; i++) {
        const struct file *f = &g->files[i];
        if (want[i] && (f->flags & FILE_LITERAL) && (f->state.type == ENTRY_NONE || f->state.type == ENTRY_DIR)) {
            all_there = false;
            *gone = graph_str(g, f->path);
        }
    }
    mem_free(ids);
    mem_free(want);
    mem_free(done);
    return all_there;
}

const struct file_state *ws_file(struct workspace *ws, file_id f)
{
    cover(ws);
    if (!ws->stamped[f]) {
        ws->stamped[f] = 1;
        struct file *file = &ws->g.files[f];
        if (stamp_update(ws->root_fd, graph_str(&ws->g, file->path), &file->state, NULL) != STAMP_SAME)
            ws->worth_freezing = true;
    }
    return &ws->g.files[f].state;
}

void ws_put_file(struct workspace *ws, file_id f, const struct file_state *st)
{
    cover(ws);
    ws->stamped[f] = 1;
    ws->g.files[f].state = *st;
    ws->worth_freezing = true;
}

void ws_keys(struct workspace *ws)
{
    if (ws->have_keys)
        key_context_clear(&ws->keys);
    key_context_init(&ws->keys, &ws->g, ws->platform, ws->path_env, ws->home_env);
    ws->have_keys = true;
}

bool ws_outputs_there(const struct workspace *ws, node_id n)
{
    const struct graph *g = &ws->g;
    const struct node_state *st = &g->states[n];
    const struct node *nd = &g->nodes[n];
    for (uint32_t i = 0; i < st->n_made; i++) {
        const struct made_file *m = &g->made[st->made_at + i];
        if (!graph_made_ok(m, &g->files[m->file].state))
            return false;
    }
    for (uint32_t o = nd->outs_at; o < nd->outs_at + nd->n_outs;
         o++) { /* an empty folder has no file to speak for it */
        struct stat st_folder;
        if (g->outs[o].kind == OUT_FOLDER &&
            (fstatat(ws->root_fd, graph_str(g, g->outs[o].path), &st_folder, 0) != 0 || !S_ISDIR(st_folder.st_mode)))
            return false;
    }
    return true;
}

bool ws_all_clean(const struct workspace *ws, const uint8_t *needed)
{
    const struct graph *g = &ws->g;
    if (ws->loaded_by_lua || ws->any_changed)
        return false;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        if (!needed[i])
            continue;
        const struct node_state *st = &g->states[i];
        if (st->status != STATUS_CLEAN || !st->settled)
            return false;
        if (!ws_outputs_there(ws, i))
            return false;
    }
    return true;
}

void ws_store(struct workspace *ws, bool create)
{
    if (ws->store ? ws->store_writable || !create : ws->store_tried && !create)
        return;
    if (create && ws->store_tried && !ws->store)
        return;    /* said once is enough */
    if (ws->store) /* a reader of a store that may not have been there: open it anew */
        store_close(ws->store);
    ws->store = NULL;
    struct err e = ERR_INIT;
    if (store_open(ws->cache_dir, create, &ws->store, &ws->warnings, &e)) {
        ws->store_writable = create;
    } else {
        ws->store = NULL;
        note(ws, &e);
    }
    ws->store_tried = create;
    err_clear(&e);
}

/* The state folder ignores itself in git and is tagged as a cache (bford.info/cachedir). */
static bool make_state_dir(const struct workspace *ws, struct err *e)
{
    static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                              "# tgraph's state: everything here can be deleted; it costs time only.\n";
    if (file_is_dir(ws->state_dir))
        return true;
    char *ignore = mem_printf("%s/.gitignore", ws->state_dir), *cachedir = mem_printf("%s/CACHEDIR.TAG", ws->state_dir);
    bool ok = file_mkdirs(ws->state_dir, e) && file_replace(ignore, "*\n", 2, 0644, false, e) &&
              file_replace(cachedir, tag, sizeof tag - 1, 0644, false, e);
    mem_free(ignore);
    mem_free(cachedir);
    return ok;
}

bool ws_state_dir(struct workspace *ws, struct err *e) { return make_state_dir(ws, e); }

bool ws_freeze(struct workspace *ws, struct err *e)
{
    if (!make_state_dir(ws, e))
        return false;
    graph_compact(&ws->g);
    struct graph_section s[SECTIONS];
    struct frozen_section f[SECTIONS];
    graph_sections(&ws->g, s);
    record_sections(&ws->rec, s + GRAPH_SECTIONS);
    for (uint32_t i = 0; i < SECTIONS; i++)
        f[i] = (struct frozen_section){s[i].p, s[i].len};
    char *path = frozen_path(ws);
    bool ok = frozen_write(path, FROZEN_VERSION, f, SECTIONS, e);
    mem_free(path);
    if (ok)
        ws->worth_freezing = false;
    return ok;
}

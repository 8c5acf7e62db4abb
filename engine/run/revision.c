/* SPDX-License-Identifier: MIT
 *
 * Loading a revision, and keeping what it gave. */
#include "run/revision.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "store/frozen.h"

/* The file holds the graph's and the record's sections, what of the disk the load rests on, and static keys. */
#define LOOKED_SECTION (GRAPH_SECTIONS + RECORD_SECTIONS)
#define KEYS_SECTION (LOOKED_SECTION + 1)
#define SECTIONS (KEYS_SECTION + 1)
#define BASE_FILES 8 /* that are kept */

struct looked {
    str_id path;
    uint32_t index; /* enum in_index */
    struct file_state state;
};

#define VERSION                                                                                                        \
    (5u << 24 ^ (uint32_t)(sizeof(struct node) << 16 ^ sizeof(struct file) << 12 ^ sizeof(struct node_state) << 6 ^    \
                           sizeof(struct looked)))

/* ---- the cache ------------------------------------------------------------------------------------------------- */

/* NULL: what has no tree id is not kept. */
static char *cache_path(const struct workspace *ws, const struct tree *tree)
{
    static const struct object_id none = {{0}};
    char hex[OBJECT_ID_HEX];
    struct object_id id = snapshot_tree_id(tree);
    if (object_id_eq(id, none))
        return NULL;
    object_id_hex(id, hex);
    /* What else decides: where the root is in it, and where git looks for its settings. */
    const char *xdg = getenv("XDG_CONFIG_HOME");
    struct hasher h;
    hasher_init(&h);
    hasher_str(&h, ws->outer);
    hasher_str(&h, xdg);
    hasher_u8(&h, snapshot_leaves_out_ignored(tree));
    char more[DIGEST_HEX];
    digest_hex(hasher_end(&h), more);
    hasher_clear(&h);
    return mem_printf("%s/base-%s-%.8s", ws->state_dir, hex, more);
}

bool revision_is_kept(const struct workspace *ws, const struct tree *tree)
{
    char *path = cache_path(ws, tree);
    bool is = path && file_exists(path);
    mem_free(path);
    return is;
}

static bool still_so(const struct workspace *ws, struct repo *repo, const struct graph *g,
                     const struct frozen_section *s)
{
    const struct looked *v = s->p;
    size_t n = s->len / sizeof *v;
    bool same = s->len % sizeof *v == 0;
    for (size_t i = 0; i < n && same; i++) {
        struct file_state st = v[i].state;
        const char *path = v[i].path < g->strs.len ? graph_str(g, v[i].path) : "";
        enum stamp_result r = *path ? stamp_update(ws->root_fd, path, &st, NULL) : STAMP_ERROR;
        same = (r == STAMP_SAME || r == STAMP_REHASHED) &&
               (v[i].index == ANY || repo_tracks(repo, path) == (v[i].index == TRACKED));
    }
    return same;
}

/* Are the files of the machine that the keys rest on what they were? */
static bool same_machine(const struct revision *r, const struct workspace *ws, const struct snapshot_reference *ref)
{
    const struct graph *g = &r->g;
    for (uint32_t i = 0; i < g->n_files; i++) {
        const struct file *f = &g->files[i];
        if (!(f->flags & FILE_OTHER))
            continue;
        const char *path = graph_str(g, f->path);
        const struct file_state *now = ref->state ? ref->state(ref->ctx, path) : NULL;
        struct file_state st = {0};
        if (!now) {
            stamp_update(ws->root_fd, path, &st, NULL);
            now = &st;
        }
        if (now->type != f->state.type || !digest_eq(now->digest, f->state.digest))
            return false;
    }
    return true;
}

static bool read_cache(struct revision *r, struct workspace *ws, struct repo *repo, const char *path)
{
    struct record_env_ops env = {ws_getenv, ws};
    bool ok = path && frozen_open(path, VERSION, &r->frozen, NULL) == FROZEN_OK && r->frozen.n_sections == SECTIONS;
    if (ok) {
        struct graph_section s[SECTIONS];
        for (uint32_t i = 0; i < SECTIONS; i++)
            s[i] = (struct graph_section){r->frozen.sections[i].p, r->frozen.sections[i].len};
        ok = graph_view(&r->g, s) && record_view(&r->rec, &r->g, s + GRAPH_SECTIONS) &&
             record_same_environment(&r->rec, &r->g, &env, load_library_digest(ws->opts.lib_dir), ws->platform,
                                     ws->path_env, ws->home_env, NULL) &&
             still_so(ws, repo, &r->g, &r->frozen.sections[LOOKED_SECTION]) &&
             r->frozen.sections[KEYS_SECTION].len == r->g.n_nodes * sizeof(struct digest);
    }
    if (!ok) {
        graph_clear(&r->g);
        graph_init(&r->g);
        record_clear(&r->rec);
        frozen_close(&r->frozen);
        memset(&r->frozen, 0, sizeof r->frozen);
    }
    r->from_cache = ok;
    return ok;
}

/* Keeps the newest few. */
static void remove_old(const struct workspace *ws)
{
    struct kept {
        char *path;
        int64_t ns;
    } v[BASE_FILES];
    size_t n = 0;
    DIR *d = opendir(ws->state_dir);
    for (struct dirent *de; d && (de = readdir(d)) != NULL;) {
        struct stat st;
        if (strncmp(de->d_name, "base-", 5) != 0 || fstatat(dirfd(d), de->d_name, &st, 0) != 0)
            continue;
        struct kept k = {mem_strdup(de->d_name), (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
        if (n == BASE_FILES) { /* the oldest of all goes */
            size_t oldest = 0;
            for (size_t i = 1; i < n; i++)
                oldest = v[i].ns < v[oldest].ns ? i : oldest;
            if (v[oldest].ns < k.ns) {
                struct kept swap = v[oldest];
                v[oldest] = k;
                k = swap;
            }
            unlinkat(dirfd(d), k.path, 0);
            mem_free(k.path);
        } else {
            v[n++] = k;
        }
    }
    while (n)
        mem_free(v[--n].path);
    if (d)
        closedir(d);
}

/* What cannot be written is loaded again the next time. So is what rests on something that moved since the load began. */
static void write_cache(struct revision *r, struct workspace *ws)
{
    struct err e = ERR_INIT;
    snapshot_look_at_config(r->tree);
    if (!r->to_keep || snapshot_saw_more(r->tree) || snapshot_failed(r->tree, NULL) || !ws_state_dir(ws, &e)) {
        err_clear(&e);
        return;
    }
    size_t n = snapshot_n_looked(r->tree);
    struct looked *looked = mem_calloc(n + 1, sizeof *looked);
    bool moved = false;
    for (size_t i = 0; i < n; i++) {
        enum in_index index;
        const char *path = snapshot_looked(r->tree, i, &index);
        looked[i].path = strtab_add(&r->g.strs, path);
        looked[i].index = index;
        stamp_update(ws->root_fd, path, &looked[i].state, NULL);
        struct stamp seen = looked[i].state.stamp;
        seen.taken_ns = r->started_ns;
        moved = moved || (looked[i].state.type != ENTRY_NONE && stamp_is_racy(&seen));
    }
    struct graph_section s[SECTIONS];
    struct frozen_section f[SECTIONS];
    graph_sections(&r->g, s);
    record_sections(&r->rec, s + GRAPH_SECTIONS);
    s[LOOKED_SECTION] = (struct graph_section){looked, n * sizeof *looked};
    s[KEYS_SECTION] = (struct graph_section){r->keys.static_key, r->g.n_nodes * sizeof(struct digest)};
    for (uint32_t i = 0; i < SECTIONS; i++)
        f[i] = (struct frozen_section){s[i].p, s[i].len};
    if (!moved && frozen_write(r->to_keep, VERSION, f, SECTIONS, &e))
        remove_old(ws);
    err_clear(&e);
    mem_free(looked);
}

static void drop_cache(const struct revision *r, const struct workspace *ws)
{
    char *path = cache_path(ws, r->tree);
    if (path)
        unlink(path);
    mem_free(path);
}

/* ---- loading --------------------------------------------------------------------------------------------------- */

static bool load(struct revision *r, struct workspace *ws, struct errlist *errs)
{
    struct decls decls;
    struct load_record lr;
    struct walker *w = walker_new(r->tree);
    bool ok = ws_load(ws, r->tree, w, &decls, &lr, &r->g, errs);
    if (ok)
        record_make_asked(&r->rec, &r->g, &lr, ws->platform, ws->path_env, ws->home_env);
    load_record_clear(&lr);
    decls_clear(&decls);
    walker_free(w);
    return ok;
}

/* ---- the workspace's graph ---------------------------------------------------------------------------------------- */

struct other {
    struct workspace *ws;
    struct tree *tree;
    const struct snapshot_reference *ref;
};

static bool differs(void *ctx, file_id f)
{
    struct other *o = ctx;
    const struct file *file = &o->ws->g.files[f];
    struct file_state st;
    snapshot_stamp(o->tree, graph_str(&o->ws->g, file->path), o->ref, &st);
    return st.type != file->state.type || !digest_eq(st.digest, file->state.digest);
}

/* Mostly a branch changes no file that decides what targets there are. Then the workspace's graph is the revision's too,
 * and no Lua has to run. */
static bool take_graph(struct revision *r, struct workspace *ws, const struct snapshot_reference *ref)
{
    struct other o = {ws, r->tree, ref};
    struct walker *w = walker_new(r->tree);
    walker_set_outer(w, ws->outer);
    bool same = record_same_answers(&ws->rec, &ws->g, r->tree, w, differs, &o) && !snapshot_failed(r->tree, NULL);
    walker_free(w);
    if (!same)
        return false;
    struct graph_section s[GRAPH_SECTIONS + RECORD_SECTIONS];
    size_t total = 0;
    graph_sections(&ws->g, s);
    record_sections(&ws->rec, s + GRAPH_SECTIONS);
    for (size_t i = 0; i < sizeof s / sizeof *s; i++)
        total += (s[i].len + 15) & ~(size_t)15;
    char *p = r->copy = mem_alloc(total + 1);
    for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
        if (s[i].len)
            memcpy(p, s[i].p, s[i].len);
        s[i].p = p;
        p += (s[i].len + 15) & ~(size_t)15;
    }
    if (!graph_view(&r->g, s) || !record_view(&r->rec, &r->g, s + GRAPH_SECTIONS))
        BUG("a graph in use does not read back");
    r->rec.n_dirs = 0; /* of the work tree */
    return true;
}

/* The topmost Testfile makes the root: with one above, the same targets had other labels. */
static bool has_testfile_above(const struct workspace *ws, struct tree *tree)
{
    struct buf path = BUF_INIT;
    bool has = false;
    for (const char *p = ws->outer; *p && !has; p += strcspn(p, "/"), p += *p == '/') {
        struct buf longer = BUF_INIT;
        buf_printf(&longer, "../%s", buf_cstr(&path));
        buf_clear(&path);
        path = longer;
        char *file = mem_printf("%sTestfile.lua", path.p);
        has = tree_type(tree, file) != ENTRY_NONE;
        mem_free(file);
    }
    buf_clear(&path);
    return has;
}

bool revision_load(struct revision *r, struct workspace *ws, struct repo *repo, struct tree *tree,
                   const struct snapshot_reference *ref, struct errlist *errs)
{
    memset(r, 0, sizeof *r);
    r->tree = tree;
    r->started_ns = clock_real_ns();
    graph_init(&r->g);
    char *path = cache_path(ws, tree);
    bool other_root = tree_type(tree, "Testfile.lua") == ENTRY_NONE || has_testfile_above(ws, tree);
    bool ok = !other_root && read_cache(r, ws, repo, path);
    if (other_root) {
        ok = true; /* no target of such a label was there */
    } else if (!ok) {
        ok = (ref && ref->state && take_graph(r, ws, ref)) || load(r, ws, errs);
        r->to_keep = path;
        path = NULL;
    }
    struct err e = ERR_INIT;
    if (snapshot_failed(tree, &e)) {
        *errlist_add(errs, ERR_ERROR) = e;
        ok = false;
    }
    mem_free(path);
    return ok;
}

void revision_keys(struct revision *r, struct workspace *ws, const struct snapshot_reference *ref)
{
    struct graph *g = &r->g;
    bool known = r->from_cache && !ref->peer && same_machine(r, ws, ref), keep = !ref->peer;
    if (r->from_cache && !ref->peer && !known)
        drop_cache(r, ws); /* it was right for another compiler, say: the next time makes it anew */
    for (uint32_t i = 0; i < g->n_files && !known; i++) {
        struct file *f = &g->files[i];
        enum snapshot_source source = snapshot_stamp(r->tree, graph_str(g, f->path), ref, &f->state);
        f->flags = (f->flags & ~(uint32_t)FILE_OTHER) | (source == FROM_DISK ? FILE_OTHER : 0);
        keep = keep && source != FROM_BOTH;
    }
    key_context_init(&r->keys, g, ws->platform, ws->path_env, ws->home_env);
    r->have_keys = true;
    if (known) {
        size_t len = g->n_nodes * sizeof(struct digest);
        r->keys.static_key = mem_alloc(len + 1);
        memcpy(r->keys.static_key, r->frozen.sections[KEYS_SECTION].p, len);
    } else {
        key_static_all(&r->keys, g);
    }
    if (keep && !known)
        write_cache(r, ws);
}

void revision_clear(struct revision *r)
{
    if (r->have_keys)
        key_context_clear(&r->keys);
    record_clear(&r->rec);
    graph_clear(&r->g);
    if (r->frozen.map.p)
        frozen_close(&r->frozen);
    mem_free(r->to_keep);
    mem_free(r->copy);
    memset(r, 0, sizeof *r);
}

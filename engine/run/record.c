/* SPDX-License-Identifier: MIT
 *
 * What loading depended on, and whether it still holds. */
#include "run/record.h"

#include <stdlib.h>
#include <string.h>

#include "graph/key.h"
#include "os/thread.h"
#include "tree/tool.h"

void record_clear(struct record *r)
{
    if (!r->borrowed) {
        mem_free(r->dirs);
        mem_free(r->globs);
        mem_free(r->envs);
        mem_free(r->tools);
        mem_free(r->words);
        mem_free(r->readers);
        mem_free(r->literals);
    }
    memset(r, 0, sizeof *r);
}

/* A file that changed after the load began may not be what the load saw. */
static void stamp_loaded(struct graph *g, int root_fd, const char *path, int64_t started_ns)
{
    file_id f = graph_file(g, path);
    struct file_state *st = &g->files[f].state;
    stamp_update(root_fd, path, st, NULL);
    struct stamp seen = st->stamp;
    seen.taken_ns = started_ns;
    bool unsure = st->type != ENTRY_NONE && stamp_is_racy(&seen);
    g->files[f].flags = (g->files[f].flags & ~(uint32_t)FILE_UNSURE) | FILE_LOADED | (unsure ? FILE_UNSURE : 0);
}

static int by_file(const void *pa, const void *pb)
{
    const struct record_reader *a = pa, *b = pb;
    return (a->file > b->file) - (a->file < b->file);
}

void record_make_asked(struct record *r, struct graph *g, const struct load_record *l, struct digest platform,
                       const char *path, const char *home)
{
    memset(r, 0, sizeof *r);
    r->head.library = l->library;
    r->head.platform = platform;
    r->head.path = strtab_add(&g->strs, path);
    r->head.home = strtab_add(&g->strs, home);
    r->head.key_format = KEY_FORMAT;
    uint32_t cap_words = 0;
    r->n_globs = (uint32_t)l->n_globs;
    r->globs = mem_calloc(r->n_globs + 1, sizeof *r->globs);
    for (uint32_t i = 0; i < r->n_globs; i++) {
        const struct load_glob *from = &l->globs[i];
        r->globs[i] = (struct record_glob){.base = strtab_add(&g->strs, from->base),
                                           .with_ignored = from->with_ignored,
                                           .at = r->n_words,
                                           .n_include = from->include.n,
                                           .n_exclude = from->exclude.n,
                                           .result = from->result};
        for (uint32_t k = 0; k < from->include.n + from->exclude.n; k++) {
            MEM_GROW(r->words, r->n_words, cap_words);
            r->words[r->n_words++] =
                strtab_add(&g->strs, k < from->include.n ? from->include.v[k] : from->exclude.v[k - from->include.n]);
        }
    }
    r->n_envs = (uint32_t)l->n_envs;
    r->envs = mem_calloc(r->n_envs + 1, sizeof *r->envs);
    for (uint32_t i = 0; i < r->n_envs; i++)
        r->envs[i] = (struct record_env){strtab_add(&g->strs, l->envs[i].name), l->envs[i].value};
    r->n_tools = (uint32_t)l->n_tools;
    r->tools = mem_calloc(r->n_tools + 1, sizeof *r->tools);
    for (uint32_t i = 0; i < r->n_tools; i++)
        r->tools[i] = (struct record_tool){strtab_add(&g->strs, l->tools[i].name),
                                           l->tools[i].path ? strtab_add(&g->strs, l->tools[i].path) : 0};
    r->readers = mem_calloc(l->files.n + 1, sizeof *r->readers);
    for (uint32_t i = 0; i < l->files.n; i++) {
        file_id f = graph_file(g, l->files.v[i]);
        g->files[f].flags |= FILE_LOADED;
        if (i < l->readers.n && l->readers.v[i])
            r->readers[r->n_readers++] = (struct record_reader){f, strtab_add(&g->strs, l->readers.v[i])};
    }
    r->literals = mem_calloc(l->literals.n + 1, sizeof *r->literals);
    for (uint32_t i = 0; l->literal_types && i < l->literals.n; i++) {
        uint32_t type = l->literal_types[i] == ENTRY_EXEC ? ENTRY_FILE : l->literal_types[i];
        r->literals[r->n_literals++] = (struct record_literal){strtab_add(&g->strs, l->literals.v[i]), type};
    }
    if (r->n_readers)
        qsort(r->readers, r->n_readers, sizeof *r->readers, by_file);
}

str_id record_reader(const struct record *r, file_id f)
{
    struct record_reader key = {.file = f};
    const struct record_reader *found =
        r->n_readers ? bsearch(&key, r->readers, r->n_readers, sizeof *r->readers, by_file) : NULL;
    return found ? found->dir : STR_NONE;
}

void record_make(struct record *r, struct graph *g, const struct load_record *l, struct walker *w, int root_fd,
                 int64_t started_ns, struct digest platform, const char *path, const char *home)
{
    record_make_asked(r, g, l, platform, path, home);
    r->head.outer = strtab_add(&g->strs, walker_outer(w));
    for (uint32_t i = 0; i < l->files.n; i++)
        stamp_loaded(g, root_fd, l->files.v[i], started_ns);
    for (size_t i = 0; i < walker_n_ignore_files(w); i++)
        stamp_loaded(g, root_fd, walker_ignore_file(w, i), started_ns);
    for (uint32_t i = 0; i < g->n_tools; i++)
        if (g->tools[i].file != ID_NONE)
            stamp_loaded(g, root_fd, graph_str(g, g->files[g->tools[i].file].path), started_ns);

    r->n_dirs = (uint32_t)walker_n_dirs(w);
    r->dirs = mem_calloc(r->n_dirs + 1, sizeof *r->dirs);
    for (uint32_t i = 0; i < r->n_dirs; i++) {
        struct record_dir *d = &r->dirs[i];
        d->path = strtab_add(&g->strs, walker_dir(w, i));
        if (stamp_dir_take(root_fd, walker_dir(w, i), &d->stamp))
            d->stamp.taken_ns = started_ns;
        else
            memset(&d->stamp, 0, sizeof d->stamp);
        d->listing = walker_listing_digest(w, walker_dir(w, i));
    }
}

void record_sections(const struct record *r, struct graph_section out[RECORD_SECTIONS])
{
    out[0] = (struct graph_section){&r->head, sizeof r->head};
#define SEC(i, name) out[i] = (struct graph_section){r->name, (size_t)r->n_##name * sizeof *r->name}
    SEC(1, dirs);
    SEC(2, globs);
    SEC(3, envs);
    SEC(4, tools);
    SEC(5, words);
    SEC(6, readers);
    SEC(7, literals);
#undef SEC
}

bool record_view(struct record *r, const struct graph *g, const struct graph_section s[RECORD_SECTIONS])
{
    memset(r, 0, sizeof *r);
    r->borrowed = true;
    if (s[0].len != sizeof r->head)
        return false;
    memcpy(&r->head, s[0].p, sizeof r->head);
#define SEC(i, name)                                                                                                   \
    do {                                                                                                               \
        if (s[i].len % sizeof *r->name || s[i].len / sizeof *r->name > UINT32_MAX / 2)                                 \
            return false;                                                                                              \
        r->name = (void *)(uintptr_t)s[i].p;                                                                           \
        r->n_##name = (uint32_t)(s[i].len / sizeof *r->name);                                                          \
    } while (0)
    SEC(1, dirs);
    SEC(2, globs);
    SEC(3, envs);
    SEC(4, tools);
    SEC(5, words);
    SEC(6, readers);
    SEC(7, literals);
#undef SEC
    size_t len = g->strs.len;
    bool ok = r->head.path < len && r->head.home < len && r->head.warnings < len && r->head.outer < len;
    for (uint32_t i = 0; ok && i < r->n_dirs; i++)
        ok = r->dirs[i].path < len;
    for (uint32_t i = 0; ok && i < r->n_words; i++)
        ok = r->words[i] < len;
    for (uint32_t i = 0; ok && i < r->n_globs; i++) {
        const struct record_glob *q = &r->globs[i];
        ok = q->base < len && q->at <= r->n_words && q->n_include <= r->n_words - q->at &&
             q->n_exclude <= r->n_words - q->at - q->n_include;
    }
    for (uint32_t i = 0; ok && i < r->n_envs; i++)
        ok = r->envs[i].name < len;
    for (uint32_t i = 0; ok && i < r->n_tools; i++)
        ok = r->tools[i].name < len && r->tools[i].path < len;
    for (uint32_t i = 0; ok && i < r->n_literals; i++)
        ok = r->literals[i].path < len;
    for (uint32_t i = 0; ok && i < r->n_readers; i++)
        ok = r->readers[i].file < g->n_files && r->readers[i].dir < len;
    return ok;
}

/* One parallel pass over the loaded files and the folders. */
struct pass {
    struct graph *g;
    struct record *r;
    int root_fd;
    const file_id *loaded;
    uint8_t *result; /* loaded files first, then folders: enum stamp_result, or for folders 1 = look closer */
    uint32_t n_loaded;
};

static void check_range(void *arg, size_t begin, size_t end)
{
    struct pass *p = arg;
    for (size_t i = begin; i < end; i++) {
        if (i < p->n_loaded) {
            struct file *f = &p->g->files[p->loaded[i]];
            p->result[i] = (uint8_t)stamp_update(p->root_fd, graph_str(p->g, f->path), &f->state, NULL);
        } else {
            const struct record_dir *d = &p->r->dirs[i - p->n_loaded];
            const char *path = graph_str(p->g, d->path);
            struct stamp now;
            if (d->stamp.taken_ns == 0) /* there was no such folder */
                p->result[i] = stamp_dir_take(p->root_fd, path, &now);
            else
                p->result[i] = !stamp_dir_same(p->root_fd, path, &d->stamp);
        }
    }
}

static bool same_globs(const struct record *r, const struct graph *g, struct walker *w, struct buf *why)
{
    struct strvec paths = STRVEC_INIT;
    const char **patterns = mem_resize(NULL, r->n_words + 1, sizeof *patterns);
    bool same = true;
    for (uint32_t i = 0; i < r->n_words; i++)
        patterns[i] = graph_str(g, r->words[i]);
    for (uint32_t i = 0; i < r->n_globs && same; i++) {
        const struct record_glob *q = &r->globs[i];
        struct glob_spec spec = {.base = graph_str(g, q->base),
                                 .include = patterns + q->at,
                                 .n_include = q->n_include,
                                 .exclude = patterns + q->at + q->n_include,
                                 .n_exclude = q->n_exclude,
                                 .with_ignored = q->with_ignored != 0};
        strvec_clear(&paths);
        /* A string that looks like a pattern and names a file means that file: has one come? */
        for (uint32_t k = 0; k < q->n_include && same; k++) {
            struct buf path = BUF_INIT;
            buf_printf(&path, "%s%s%s", spec.base, *spec.base ? "/" : "", spec.include[k]);
            same = strpbrk(spec.include[k], "[{?") == NULL || walker_type(w, buf_cstr(&path)) == ENTRY_NONE;
            if (!same && why)
                buf_printf(why, "'%s' is a file now", buf_cstr(&path));
            buf_clear(&path);
        }
        same = same && walker_glob(w, &spec, &paths, NULL) && digest_eq(glob_digest(&paths), q->result);
        if (!same && why && !why->len)
            buf_printf(why, "the files that '%s' matches changed", q->n_include ? spec.include[0] : "**");
    }
    strvec_clear(&paths);
    mem_free(patterns);
    return same;
}

bool record_same_answers(const struct record *r, const struct graph *g, struct tree *tree, struct walker *w,
                         bool (*differs)(void *ctx, file_id f), void *ctx)
{
    struct map loaded = MAP_INIT;
    bool same = true;
    for (uint32_t i = 0; i < g->n_files && same; i++) {
        if (!(g->files[i].flags & FILE_LOADED))
            continue;
        map_put(&loaded, g->files[i].path, i);
        same = !(g->files[i].flags & FILE_UNSURE) && !differs(ctx, i);
    }
    for (uint32_t i = 0; i < r->n_tools && same; i++) {
        const char *name = graph_str(g, r->tools[i].name),
                   *was = r->tools[i].path ? graph_str(g, r->tools[i].path) : NULL;
        struct buf found = BUF_INIT;
        if (strchr(name, '/'))
            same = tool_exists(tree, name) == (was != NULL);
        else if (tool_find(tree, graph_str(g, r->head.path), name, &found))
            same = was && strcmp(was, buf_cstr(&found)) == 0;
        else
            same = !was;
        buf_clear(&found);
    }
    for (uint32_t i = 0; i < r->n_literals && same; i++) {
        enum entry_type type = walker_type(w, graph_str(g, r->literals[i].path));
        same = (type == ENTRY_EXEC ? ENTRY_FILE : type) == r->literals[i].type;
    }
    same = same && same_globs(r, g, w, NULL);
    /* An ignore file that is there and not here rules over more than these globs. */
    for (size_t i = 0; i < walker_n_ignore_files(w) && same; i++) {
        const char *path = walker_ignore_file(w, i);
        str_id id = *path == '/' ? STR_NONE : strtab_find((struct strtab *)(uintptr_t)&g->strs, path);
        same =
            *path == '/' || (id != STR_NONE && map_get(&loaded, id) != MAP_NONE) || tree_type(tree, path) == ENTRY_NONE;
    }
    map_clear(&loaded);
    return same;
}

/* Some folders look different. Lists them again; only if names or types differ do the globs have to be asked. */
static enum record_answer look_closer(struct record *r, struct graph *g, const char *root, int root_fd,
                                      const uint8_t *dir_changed, struct buf *why)
{
    struct tree *tree = tree_worktree_new(root);
    struct walker *w = walker_new(tree);
    walker_set_outer(w, graph_str(g, r->head.outer));
    bool same_lists = true;
    for (uint32_t i = 0; i < r->n_dirs; i++) {
        if (!dir_changed[i])
            continue;
        struct record_dir *d = &r->dirs[i];
        const char *path = graph_str(g, d->path);
        if (!stamp_dir_take(root_fd, path, &d->stamp)) /* before the listing */
            memset(&d->stamp, 0, sizeof d->stamp);
        struct digest now = walker_listing_digest(w, path);
        if (!digest_eq(now, d->listing)) {
            same_lists = false;
            d->listing = now;
        }
    }
    /* The answers of the globs stand for the listings, but a glob may now enter folders that the record does not
     * know: then only a load can say which. */
    enum record_answer a = RECORD_REFRESHED;
    if (!same_lists) {
        if (!same_globs(r, g, w, why)) {
            a = RECORD_STALE;
        } else {
            struct map known = MAP_INIT;
            for (uint32_t i = 0; i < r->n_dirs; i++)
                map_put(&known, r->dirs[i].path, i);
            for (size_t i = 0; i < walker_n_dirs(w) && a != RECORD_STALE; i++) {
                str_id id = strtab_find(&g->strs, walker_dir(w, i));
                if (id != STR_NONE && map_get(&known, id) != MAP_NONE)
                    continue;
                a = RECORD_STALE;
                if (why)
                    buf_printf(why, "folder '%s' is new", walker_dir(w, i));
            }
            map_clear(&known);
            /* An ignore file that is new decides from now on, although it changes nothing yet. */
            for (size_t i = 0; i < walker_n_ignore_files(w) && a != RECORD_STALE; i++) {
                file_id f = graph_find_file(g, walker_ignore_file(w, i));
                if (f != ID_NONE && (g->files[f].flags & FILE_LOADED))
                    continue;
                a = RECORD_STALE;
                if (why)
                    buf_printf(why, "%s is new", walker_ignore_file(w, i));
            }
        }
    }
    walker_free(w);
    tree_free(tree);
    return a;
}

bool record_same_environment(const struct record *r, const struct graph *g, const struct record_env_ops *env,
                             struct digest library, struct digest platform, const char *path, const char *home,
                             struct buf *why)
{
    const char *what = NULL;
    if (!digest_eq(r->head.library, library))
        what = "tgraph's own rules changed";
    else if (!digest_eq(r->head.platform, platform) || r->head.key_format != KEY_FORMAT)
        what = "the system or tgraph's version changed";
    else if (strcmp(graph_str(g, r->head.path), path) != 0)
        what = "PATH changed";
    else if (strcmp(graph_str(g, r->head.home), home) != 0)
        what = "HOME changed";
    if (what) {
        if (why)
            buf_adds(why, what);
        return false;
    }
    for (uint32_t i = 0; i < r->n_envs; i++) {
        const char *v = env->getenv(env->ctx, graph_str(g, r->envs[i].name));
        struct digest d = v ? digest_bytes(v, strlen(v)) : DIGEST_NONE;
        if (digest_eq(d, r->envs[i].value))
            continue;
        if (why && strcmp(graph_str(g, r->envs[i].name), LOAD_OPTIONS) == 0)
            buf_adds(why, "the options after -- changed");
        else if (why)
            buf_printf(why, "environment variable %s changed", graph_str(g, r->envs[i].name));
        return false;
    }
    struct buf found = BUF_INIT;
    bool same = true;
    for (uint32_t i = 0; i < r->n_tools && same; i++) {
        const char *name = graph_str(g, r->tools[i].name);
        if (strchr(name, '/'))
            continue; /* a file by path: its stamp says */
        buf_reset(&found);
        bool got = tool_find(NULL, path, name, &found);
        same =
            got == (r->tools[i].path != 0) && (!got || strcmp(buf_cstr(&found), graph_str(g, r->tools[i].path)) == 0);
        if (!same && why)
            buf_printf(why, "PATH gives another '%s'", name);
    }
    buf_clear(&found);
    return same;
}

enum record_answer record_check(struct record *r, struct graph *g, const char *root, const char *outer, int root_fd,
                                int threads, const struct record_env_ops *env, struct digest library,
                                struct digest platform, const char *path, const char *home, struct buf *why)
{
    if (!record_same_environment(r, g, env, library, platform, path, home, why))
        return RECORD_STALE;
    if (strcmp(graph_str(g, r->head.outer), outer) != 0) {
        if (why)
            buf_adds(why, "the git repository is another one");
        return RECORD_STALE;
    }
    struct pass p = {.g = g, .r = r, .root_fd = root_fd};
    file_id *loaded = mem_resize(NULL, g->n_files + 1, sizeof *loaded);
    for (uint32_t i = 0; i < g->n_files; i++)
        if (g->files[i].flags & FILE_LOADED)
            loaded[p.n_loaded++] = i;
    p.loaded = loaded;
    p.result = mem_calloc(p.n_loaded + r->n_dirs + 1, 1);
    parallel_for(p.n_loaded + r->n_dirs, 256, threads, check_range, &p);
    enum record_answer a = RECORD_SAME;
    for (uint32_t i = 0; i < p.n_loaded && a != RECORD_STALE; i++) {
        if (p.result[i] == STAMP_CHANGED || p.result[i] == STAMP_ERROR || (g->files[loaded[i]].flags & FILE_UNSURE)) {
            a = RECORD_STALE;
            if (why)
                buf_printf(why, "%s changed", graph_str(g, g->files[loaded[i]].path));
        } else if (p.result[i] == STAMP_REHASHED) {
            a = RECORD_REFRESHED;
        }
    }
    if (a != RECORD_STALE && memchr(p.result + p.n_loaded, 1, r->n_dirs)) {
        enum record_answer closer = look_closer(r, g, root, root_fd, p.result + p.n_loaded, why);
        if (closer > a)
            a = closer;
    }
    mem_free(loaded);
    mem_free(p.result);
    return a;
}

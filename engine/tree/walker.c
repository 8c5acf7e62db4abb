/* SPDX-License-Identifier: MIT
 *
 * Walks a tree for globs. Each folder is listed once, each ignore file read once; both are kept for the walker's life.
 *
 * The wildcard patterns of a glob run together as one automaton (tree/wild.h) whose states after a folder's path are
 * carried into the folder: where none is left, nothing below can match and the folder is not listed, so that
 * src/.../x.c looks into src alone. A rule that git ignores a folder cannot be taken back below it. */
#include "base/map.h"
#include "base/strtab.h"
#include "tree/glob.h"
#include "tree/ignore.h"
#include "tree/listing.h"
#include "tree/path.h"
#include "tree/wild.h"

#include <stdlib.h>
#include <string.h>

enum { IGNORE_FILE_LARGEST = 16 * 1024 * 1024, GIT_FILE_LARGEST = 64 * 1024 };

enum dir_state {
    DIR_UNSEEN,     /* not listed yet */
    DIR_LISTED,     /* entries and digest are there */
    DIR_ABSENT,     /* there is no such folder */
    DIR_UNREADABLE, /* `failure` says why */
};

struct entry {
    const char *name;
    uint32_t len;
    uint8_t type;    /* enum entry_type */
    struct dir *dir; /* of a folder that was asked for; else NULL */
};

/* The rules that hold in a folder: its own file's, then its parents', innermost first. */
struct rule_chain {
    const struct rule_chain *outer;
    const struct ignore_rules *rules;
    uint32_t prefix; /* bytes of a path before what the rules are relative to */
};

struct dir {
    struct dir *parent; /* NULL: the root */
    const char *path;
    uint32_t len;
    uint8_t state; /* enum dir_state */
    bool recorded;
    bool rules_known; /* `ignored` and `rules` are there */
    bool ignored;     /* git ignores the folder or one above it */
    const struct rule_chain *rules;
    struct entry *v; /* in the order of the paths below them: a folder sorts as "name/" */
    uint32_t n;
    struct digest digest;
    char *failure;
};

struct walker {
    struct tree *tree;
    struct arena arena;
    struct hasher hasher;
    struct strtab paths; /* of the folders known */
    struct map by_path;  /* str_id -> index into dirs */
    struct dir **dirs;
    size_t n_dirs, cap_dirs;
    const char **seen_dirs;
    size_t n_seen_dirs, cap_seen_dirs;
    const char **ignore_files;
    size_t n_ignore_files, cap_ignore_files;
    struct ignore_rules **rules; /* all that were read, for freeing */
    size_t n_rules, cap_rules;
    const struct rule_chain *exclude_file; /* of .git/info/exclude; NULL = none */
    bool exclude_file_read;
};

struct walker *walker_new(struct tree *t)
{
    struct walker *w = mem_calloc(1, sizeof *w);
    w->tree = t;
    arena_init(&w->arena);
    hasher_init(&w->hasher);
    strtab_init(&w->paths);
    return w;
}

void walker_free(struct walker *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n_dirs; i++)
        mem_free(w->dirs[i]->failure);
    for (size_t i = 0; i < w->n_rules; i++)
        ignore_rules_free(w->rules[i]);
    mem_free(w->rules);
    mem_free(w->dirs);
    mem_free(w->seen_dirs);
    mem_free(w->ignore_files);
    map_clear(&w->by_path);
    strtab_clear(&w->paths);
    hasher_clear(&w->hasher);
    arena_clear(&w->arena);
    mem_free(w);
}

/* ---- folders ---- */

static struct dir *dir_add(struct walker *w, struct dir *parent, const char *path, size_t len)
{
    struct dir *d = arena_alloc(&w->arena, sizeof *d);
    d->parent = parent;
    d->path = arena_strndup(&w->arena, path, len);
    d->len = (uint32_t)len;
    MEM_GROW(w->dirs, w->n_dirs, w->cap_dirs);
    map_put(&w->by_path, strtab_addn(&w->paths, path, len), (uint32_t)w->n_dirs);
    return w->dirs[w->n_dirs++] = d;
}

static struct dir *dir_find(struct walker *w, const char *path, size_t len)
{
    /* strtab has no look-up by length, and an id without a folder does no harm. */
    uint32_t i = map_get(&w->by_path, strtab_addn(&w->paths, path, len));
    return i == MAP_NONE ? NULL : w->dirs[i];
}

/* The folder of that name and those above it, whether or not they are there. */
static struct dir *dir_get(struct walker *w, const char *path, size_t len)
{
    struct dir *d = dir_find(w, path, len);
    if (d)
        return d;
    /* Down from the nearest one that is known. */
    size_t known = len;
    while (known && !d) {
        while (known && path[--known] != '/')
            ;
        d = dir_find(w, path, known);
    }
    if (!d)
        d = dir_add(w, NULL, "", 0);
    while (d->len < len) {
        size_t from = d->len ? d->len + 1 : 0;
        d = dir_add(w, d, path, from + strcspn(path + from, "/"));
        if (d->len > len) /* `path` goes on behind len */
            BUG("a folder's path of %zu bytes ends inside a name", len);
    }
    return d;
}

/* Compares as the paths below: memcmp of name, then '/' for a folder and NUL for all else. */
static int compare_names(const char *a, size_t a_len, bool a_dir, const char *b, size_t b_len, bool b_dir)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
    if (c)
        return c;
    unsigned char x = a_len > b_len ? (unsigned char)a[b_len] : a_dir ? '/' : 0;
    unsigned char y = b_len > a_len ? (unsigned char)b[a_len] : b_dir ? '/' : 0;
    return x < y ? -1 : x > y;
}

static int by_path_order(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    return compare_names(a->name, a->len, a->type == ENTRY_DIR, b->name, b->len, b->type == ENTRY_DIR);
}

static void dir_list(struct walker *w, struct dir *d)
{
    if (d->state != DIR_UNSEEN)
        return;
    struct tree_listing l;
    listing_init(&l);
    struct err e = ERR_INIT;
    if (tree_list(w->tree, d->path, &l, &e)) {
        d->state = DIR_LISTED;
        d->n = (uint32_t)l.n;
        d->v = arena_alloc(&w->arena, l.n * sizeof *d->v);
        bool sorted = true;
        for (size_t i = 0; i < l.n; i++) {
            size_t len = strlen(l.v[i].name);
            d->v[i] =
                (struct entry){arena_strndup(&w->arena, l.v[i].name, len), (uint32_t)len, (uint8_t)l.v[i].type, NULL};
            sorted = sorted && (!i || by_path_order(&d->v[i - 1], &d->v[i]) < 0);
        }
        d->digest = listing_digest(&l, &w->hasher);
        if (!sorted)
            qsort(d->v, d->n, sizeof *d->v, by_path_order);
    } else if (!strcmp(e.code, "T404")) {
        d->state = DIR_ABSENT;
    } else {
        d->state = DIR_UNREADABLE;
        d->failure = e.msg;
        e.msg = NULL;
    }
    err_clear(&e);
    tree_listing_clear(&l);
}

static struct entry *entry_search(struct dir *d, const char *name, size_t len, bool is_dir)
{
    size_t lo = 0, hi = d->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        struct entry *en = &d->v[mid];
        int c = compare_names(name, len, is_dir, en->name, en->len, en->type == ENTRY_DIR);
        if (!c)
            return en;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

static struct entry *entry_find(struct dir *d, const char *name, size_t len)
{
    struct entry *en = entry_search(d, name, len, false);
    return en ? en : entry_search(d, name, len, true);
}

static struct dir *split(struct walker *w, const char *path, const char **name)
{
    *name = path_base(path);
    return dir_get(w, path, *name > path ? (size_t)(*name - path) - 1 : 0);
}

enum entry_type walker_type(struct walker *w, const char *path)
{
    if (!*path)
        return tree_type(w->tree, path);
    const char *name;
    struct dir *d = split(w, path, &name);
    dir_list(w, d);
    if (d->state == DIR_UNREADABLE) /* what it holds may still be reached by name */
        return tree_type(w->tree, path);
    struct entry *en = d->state == DIR_LISTED ? entry_find(d, name, strlen(name)) : NULL;
    return en ? (enum entry_type)en->type : ENTRY_NONE;
}

struct digest walker_listing_digest(struct walker *w, const char *dir)
{
    struct dir *d = dir_get(w, dir, strlen(dir));
    dir_list(w, d);
    return d->state == DIR_LISTED ? d->digest : DIGEST_NONE;
}

/* ---- ignore rules ---- */

static void record_dir(struct walker *w, struct dir *d)
{
    if (d->recorded)
        return;
    d->recorded = true;
    MEM_GROW(w->seen_dirs, w->n_seen_dirs, w->cap_seen_dirs);
    w->seen_dirs[w->n_seen_dirs++] = d->path;
}

static void record_ignore_file(struct walker *w, const char *path)
{
    MEM_GROW(w->ignore_files, w->n_ignore_files, w->cap_ignore_files);
    w->ignore_files[w->n_ignore_files++] = arena_strdup(&w->arena, path);
}

/* Puts the rules of a file that is there in front of `outer`. */
static bool read_rules(struct walker *w, const char *path, uint32_t prefix, const struct rule_chain *outer,
                       const struct rule_chain **out, struct err *e)
{
    *out = outer;
    struct buf text = BUF_INIT;
    bool ok = tree_read(w->tree, path, IGNORE_FILE_LARGEST, &text, e);
    if (ok) {
        struct ignore_rules *rules = ignore_parse(buf_cstr(&text), text.len);
        MEM_GROW(w->rules, w->n_rules, w->cap_rules);
        w->rules[w->n_rules++] = rules;
        if (!ignore_is_empty(rules)) {
            struct rule_chain *c = arena_alloc(&w->arena, sizeof *c);
            *c = (struct rule_chain){outer, rules, prefix};
            *out = c;
        }
    }
    buf_clear(&text);
    return ok;
}

static void read_line(struct walker *w, const char *path, struct buf *out)
{
    struct err e = ERR_INIT;
    if (tree_read(w->tree, path, GIT_FILE_LARGEST, out, &e) && out->len) {
        out->len = strcspn(out->p, "\r\n");
        out->p[out->len] = '\0';
    }
    err_clear(&e);
}

/* In a linked work tree (gitrepository-layout(5)) .git is a file that names a folder, whose `commondir` names the
 * repository's; both may be relative. */
static void exclude_file_path(struct walker *w, struct buf *out)
{
    struct buf git = BUF_INIT, common = BUF_INIT;
    static const char key[] = "gitdir: ";
    size_t key_len = sizeof key - 1;
    enum entry_type type = tree_type(w->tree, ".git");
    if (type == ENTRY_FILE || type == ENTRY_EXEC)
        read_line(w, ".git", &git);
    if (git.len <= key_len || memcmp(git.p, key, key_len)) {
        buf_adds(out, ".git");
    } else {
        buf_adds(out, git.p + key_len);
        buf_printf(&common, "%s/commondir", git.p + key_len);
        buf_reset(&git);
        read_line(w, buf_cstr(&common), &git);
        if (git.len) {
            if (git.p[0] == '/')
                buf_reset(out);
            else
                buf_addc(out, '/');
            buf_adds(out, git.p);
        }
    }
    buf_adds(out, "/info/exclude");
    buf_clear(&git);
    buf_clear(&common);
}

static bool read_exclude_file(struct walker *w, struct err *e)
{
    if (w->exclude_file_read)
        return true;
    struct buf path = BUF_INIT;
    exclude_file_path(w, &path);
    enum entry_type type = tree_type(w->tree, buf_cstr(&path));
    bool ok = true;
    if (type == ENTRY_FILE || type == ENTRY_EXEC || type == ENTRY_LINK)
        ok = read_rules(w, buf_cstr(&path), 0, NULL, &w->exclude_file, e);
    if (ok) {
        record_ignore_file(w, buf_cstr(&path));
        w->exclude_file_read = true;
    }
    buf_clear(&path);
    return ok;
}

static bool is_hidden_from_git(const char *name, size_t len)
{
    return (len == 4 && !memcmp(name, ".git", 4)) || (len == 7 && !memcmp(name, ".tgraph", 7));
}

/* `path` of `len` bytes, whose last part starts at `base`, in a folder where the rules hold. */
static bool rules_ignore(const struct rule_chain *c, const char *path, size_t len, size_t base, bool is_dir)
{
    for (; c; c = c->outer) {
        int m = ignore_match_at(c->rules, path + c->prefix, len - c->prefix, base - c->prefix, is_dir);
        if (m >= 0)
            return m;
    }
    return false;
}

static bool dir_read_rules(struct walker *w, struct dir *d, struct err *e)
{
    const struct rule_chain *outer = w->exclude_file;
    if (d->parent) {
        const char *name = path_base(d->path);
        outer = d->parent->rules;
        d->ignored = d->parent->ignored || is_hidden_from_git(name, strlen(name)) ||
                     rules_ignore(outer, d->path, d->len, (size_t)(name - d->path), true);
    }
    d->rules = outer;
    if (!d->ignored) {
        struct buf path = BUF_INIT;
        buf_printf(&path, "%s%s.gitignore", d->path, d->len ? "/" : "");
        enum entry_type type;
        if (d->state == DIR_LISTED) {
            struct entry *en = entry_find(d, ".gitignore", 10);
            type = en ? (enum entry_type)en->type : ENTRY_NONE;
        } else {
            type = tree_type(w->tree, buf_cstr(&path));
        }
        bool is_file = type == ENTRY_FILE || type == ENTRY_EXEC; /* git does not follow a link here */
        bool ok = !is_file || read_rules(w, buf_cstr(&path), d->len ? d->len + 1 : 0, outer, &d->rules, e);
        if (ok && (is_file || !d->recorded || d->state != DIR_LISTED))
            record_ignore_file(w, buf_cstr(&path));
        buf_clear(&path);
        if (!ok)
            return false;
    }
    d->rules_known = true;
    return true;
}

/* Makes `ignored` and `rules` known, from the outermost folder inwards. */
static bool dir_know_rules(struct walker *w, struct dir *d, struct err *e)
{
    if (d->rules_known)
        return true;
    if (!read_exclude_file(w, e))
        return false;
    while (!d->rules_known) {
        struct dir *up = d;
        while (up->parent && !up->parent->rules_known)
            up = up->parent;
        if (!dir_read_rules(w, up, e))
            return false;
    }
    return true;
}

bool walker_is_ignored(struct walker *w, const char *path, bool is_dir)
{
    if (!*path)
        return false;
    const char *name;
    struct dir *d = split(w, path, &name);
    /* What cannot be read rules nothing out, which errs towards counting a file in; a glob reports it. */
    struct err e = ERR_INIT;
    bool known = dir_know_rules(w, d, &e);
    err_clear(&e);
    if (!known)
        return false;
    size_t len = strlen(name);
    return d->ignored || is_hidden_from_git(name, len) ||
           rules_ignore(d->rules, path, (size_t)(name - path) + len, (size_t)(name - path), is_dir);
}

size_t walker_n_dirs(const struct walker *w) { return w->n_seen_dirs; }
const char *walker_dir(const struct walker *w, size_t i) { return w->seen_dirs[i]; }
size_t walker_n_ignore_files(const struct walker *w) { return w->n_ignore_files; }
const char *walker_ignore_file(const struct walker *w, size_t i) { return w->ignore_files[i]; }

/* ---- globs ---- */

/* One folder of the walk under way. Its states are slices of walk.stack, given back when the folder is left. */
struct frame {
    struct dir *dir;
    uint32_t next; /* index of the entry that comes next */
    size_t in, n_in, ex, n_ex;
};

struct walk {
    struct walker *w;
    const struct glob_spec *spec;
    struct wild include, exclude;
    bool has_exclude;
    struct frame *frames;
    size_t n_frames, cap_frames;
    uint32_t *stack;
    size_t n_stack, cap_stack;
    struct wild_states in, ex, slash; /* scratch */
    struct buf path;
    struct strvec *out;
};

static size_t push_states(struct walk *k, const struct wild_states *s)
{
    size_t at = k->n_stack;
    if (k->n_stack + s->n > k->cap_stack) {
        k->cap_stack = (k->n_stack + s->n) * 2;
        k->stack = mem_resize(k->stack, k->cap_stack, sizeof *k->stack);
    }
    if (s->n)
        memcpy(k->stack + at, s->v, s->n * sizeof *s->v);
    k->n_stack += s->n;
    return at;
}

/* Opens a folder for walking with the states that `in` and `ex` give for its path and a slash. */
static bool enter(struct walk *k, struct dir *d, const struct wild_states *in, const struct wild_states *ex,
                  struct err *e)
{
    struct walker *w = k->w;
    record_dir(w, d);
    dir_list(w, d);
    if (d->state == DIR_UNREADABLE)
        return err_set(e, "T403", "%s", d->failure);
    if (d->state == DIR_ABSENT)
        return true;
    if (!k->spec->with_ignored && !dir_know_rules(w, d, e))
        return false;
    if (!k->spec->with_ignored && d->ignored)
        return true;
    MEM_GROW(k->frames, k->n_frames, k->cap_frames);
    struct frame *f = &k->frames[k->n_frames++];
    *f = (struct frame){.dir = d, .n_in = in->n, .n_ex = ex->n};
    f->in = push_states(k, in);
    f->ex = push_states(k, ex);
    buf_reset(&k->path);
    buf_add(&k->path, d->path, d->len);
    if (d->len)
        buf_addc(&k->path, '/');
    return true;
}

static void leave(struct walk *k)
{
    k->n_stack = k->frames[--k->n_frames].in;
    if (!k->n_frames)
        return;
    const struct dir *d = k->frames[k->n_frames - 1].dir;
    k->path.len = d->len ? d->len + 1 : 0;
    k->path.p[k->path.len] = '\0';
}

static bool visit_dir(struct walk *k, struct frame *f, struct entry *en, struct err *e)
{
    wild_step(&k->include, k->in.v, k->in.n, "/", 1, &k->slash);
    if (!k->slash.n)
        return true;
    struct wild_states inside = {0};
    if (k->has_exclude && f->n_ex) {
        /* "out", "out/" and "out/" with two stars exclude the folder out with all that it holds. */
        wild_step(&k->exclude, k->stack + f->ex, (uint32_t)f->n_ex, en->name, en->len, &k->ex);
        if (wild_accepts(&k->exclude, &k->ex))
            return true;
        wild_step(&k->exclude, k->ex.v, k->ex.n, "/", 1, &k->in);
        if (wild_accepts(&k->exclude, &k->in))
            return true;
        inside = k->in;
    }
    if (!k->spec->with_ignored && rules_ignore(f->dir->rules, k->path.p, k->path.len, k->path.len - en->len, true))
        return true;
    if (!en->dir) {
        en->dir = dir_find(k->w, k->path.p, k->path.len);
        if (!en->dir)
            en->dir = dir_add(k->w, f->dir, k->path.p, k->path.len);
    }
    return enter(k, en->dir, &k->slash, &inside, e);
}

static bool visit(struct walk *k, struct frame *f, struct entry *en, struct err *e)
{
    if (en->type == ENTRY_OTHER || is_hidden_from_git(en->name, en->len))
        return true;
    wild_step(&k->include, k->stack + f->in, (uint32_t)f->n_in, en->name, en->len, &k->in);
    if (!k->in.n)
        return true;
    size_t base = k->path.len;
    buf_add(&k->path, en->name, en->len);
    if (en->type == ENTRY_DIR) {
        size_t depth = k->n_frames;
        if (!visit_dir(k, f, en, e))
            return false;
        if (k->n_frames > depth) /* entered: the path is that folder's now */
            return true;
    } else if (wild_accepts(&k->include, &k->in)) {
        bool no = false;
        if (k->has_exclude && f->n_ex) {
            wild_step(&k->exclude, k->stack + f->ex, (uint32_t)f->n_ex, en->name, en->len, &k->ex);
            no = wild_accepts(&k->exclude, &k->ex);
        }
        if (!no && !(!k->spec->with_ignored && rules_ignore(f->dir->rules, k->path.p, k->path.len, base, false)))
            strvec_addn(k->out, k->path.p, k->path.len);
    }
    k->path.len = base;
    k->path.p[base] = '\0';
    return true;
}

static bool walk_wildcards(struct walk *k, struct err *e)
{
    wild_start(&k->include, &k->slash);
    wild_start(&k->exclude, &k->ex);
    if (wild_accepts(&k->exclude, &k->ex)) /* as two stars alone do: they match the base itself */
        return true;
    if (!enter(k, dir_get(k->w, k->spec->base, strlen(k->spec->base)), &k->slash, &k->ex, e))
        return false;
    while (k->n_frames) {
        struct frame *f = &k->frames[k->n_frames - 1];
        if (f->next == f->dir->n)
            leave(k);
        else if (!visit(k, f, &f->dir->v[f->next++], e)) /* may move the frames */
            return false;
    }
    return true;
}

/* Does the exclude automaton match `rel` or a folder above it? */
static bool is_excluded(struct walk *k, const char *rel, size_t len)
{
    if (!k->has_exclude)
        return false;
    wild_start(&k->exclude, &k->ex);
    bool yes = wild_accepts(&k->exclude, &k->ex);
    for (size_t i = 0; i < len && !yes && k->ex.n;) {
        size_t n = rel[i] == '/' ? 1 : strcspn(rel + i, "/");
        wild_step(&k->exclude, k->ex.v, k->ex.n, rel + i, n, &k->in);
        struct wild_states swap = k->ex;
        k->ex = k->in;
        k->in = swap;
        i += n;
        yes = wild_accepts(&k->exclude, &k->ex);
    }
    return yes;
}

/* A folder is asked for by its own name, so that a link to one is not entered; its listing answers if it is there. */
static bool is_real_dir(struct walker *w, struct dir *d, const struct dir *base)
{
    for (; d != base && d->parent; d = d->parent) {
        struct dir *up = d->parent;
        const char *name = path_base(d->path);
        struct entry *en = up->state == DIR_LISTED ? entry_find(up, name, strlen(name)) : NULL;
        enum entry_type type = en                        ? (enum entry_type)en->type
                               : up->state == DIR_LISTED ? ENTRY_NONE
                                                         : tree_type(w->tree, d->path);
        if (type != ENTRY_DIR || is_hidden_from_git(name, strlen(name)))
            return false;
    }
    return true;
}

static bool add_literal(struct walk *k, const char *pattern, struct err *e)
{
    struct walker *w = k->w;
    const char *base = k->spec->base;
    struct buf path = BUF_INIT;
    bool ok = true;
    size_t skip = *base ? strlen(base) + 1 : 0;
    if (path_resolve(base, pattern, &path) != PATH_OK || path.len <= skip || !path_is_below(path.p, base))
        goto out;
    const char *name;
    struct dir *d = split(w, path.p, &name);
    record_dir(w, d);
    size_t at = (size_t)(name - path.p), len = path.len - at;
    if (is_hidden_from_git(name, len) || is_excluded(k, path.p + skip, path.len - skip) ||
        !is_real_dir(w, d, dir_get(w, base, strlen(base))))
        goto out;
    struct entry *en = d->state == DIR_LISTED ? entry_find(d, name, len) : NULL;
    enum entry_type type = en                       ? (enum entry_type)en->type
                           : d->state == DIR_LISTED ? ENTRY_NONE
                                                    : tree_type(w->tree, path.p);
    if (type != ENTRY_FILE && type != ENTRY_EXEC && type != ENTRY_LINK)
        goto out;
    if (!k->spec->with_ignored) {
        ok = dir_know_rules(w, d, e);
        if (!ok || d->ignored || rules_ignore(d->rules, path.p, path.len, at, false))
            goto out;
    }
    strvec_addn(k->out, path.p, path.len);
out:
    buf_clear(&path);
    return ok;
}

static bool compile(struct wild *w, const char *pattern, struct err *e)
{
    const char *why = glob_compile(w, pattern);
    return !why || err_set(e, "T405", "the glob \"%s\" is malformed: %s", pattern, why);
}

bool walker_glob(struct walker *w, const struct glob_spec *spec, struct strvec *out, struct err *e)
{
    struct walk k = {.w = w, .spec = spec, .include = WILD_INIT, .exclude = WILD_INIT, .out = out};
    size_t before = out->n, n_literals = 0;
    bool ok = true;
    for (size_t i = 0; i < spec->n_exclude && ok; i++)
        ok = compile(&k.exclude, spec->exclude[i], e);
    k.has_exclude = spec->n_exclude > 0;
    for (size_t i = 0; i < spec->n_include && ok; i++) {
        const char *pattern = spec->include[i];
        if (path_has_wildcard(pattern) || strchr(pattern, '\\') || !*pattern) {
            ok = compile(&k.include, pattern, e);
        } else {
            ok = add_literal(&k, pattern, e);
            n_literals++;
        }
    }
    if (ok && k.include.n_starts)
        ok = walk_wildcards(&k, e);
    /* The walk itself gives paths in order, each once. */
    if (before || n_literals)
        strvec_sort_unique(out);
    wild_clear(&k.include);
    wild_clear(&k.exclude);
    wild_states_clear(&k.in);
    wild_states_clear(&k.ex);
    wild_states_clear(&k.slash);
    mem_free(k.frames);
    mem_free(k.stack);
    buf_clear(&k.path);
    return ok;
}

/* SPDX-License-Identifier: MIT
 *
 * The walker's knowledge: folders, each listed once, and ignore files, each read once; both are kept for its life. A
 * rule that git ignores a folder cannot be taken back below it. */
#include "tree/walker.h"

#include "tree/ignore.h"
#include "tree/listing.h"
#include "tree/path.h"

#include <stdlib.h>
#include <string.h>

enum { IGNORE_FILE_LARGEST = 16 * 1024 * 1024, GIT_FILE_LARGEST = 64 * 1024 };

struct walker *walker_new(struct tree *t)
{
    struct walker *w = mem_calloc(1, sizeof *w);
    w->tree = t;
    arena_init(&w->arena);
    hasher_init(&w->hasher);
    strtab_init(&w->paths);
    w->outer = w->above = "";
    return w;
}

void walker_set_outer(struct walker *w, const char *outer)
{
    struct buf above = BUF_INIT;
    w->outer = arena_strdup(&w->arena, outer);
    for (const char *p = outer; *p; p += strcspn(p, "/"), p += *p == '/')
        buf_adds(&above, "../");
    w->above = arena_strdup(&w->arena, buf_cstr(&above));
    buf_clear(&above);
}

const char *walker_outer(const struct walker *w) { return w->outer; }

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
    buf_clear(&w->full);
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

struct dir *dir_get(struct walker *w, const char *path, size_t len)
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

struct dir *dir_of_entry(struct walker *w, struct dir *parent, struct entry *en, const char *path, size_t len)
{
    if (!en->dir)
        en->dir = dir_find(w, path, len);
    if (!en->dir)
        en->dir = dir_add(w, parent, path, len);
    return en->dir;
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

void dir_list(struct walker *w, struct dir *d)
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

void dir_complete(struct walker *w, struct dir *d)
{
    struct tree_listing more;
    if (d->complete || d->state != DIR_LISTED)
        return;
    d->complete = true;
    if (!w->tree->ops->list_ignored)
        return;
    listing_init(&more);
    if (w->tree->ops->list_ignored(w->tree, d->path, &more, NULL) && more.n) {
        struct entry *v = arena_alloc(&w->arena, (d->n + more.n) * sizeof *v);
        if (d->n)
            memcpy(v, d->v, d->n * sizeof *v);
        for (size_t i = 0; i < more.n; i++) {
            size_t len = strlen(more.v[i].name);
            v[d->n + i] = (struct entry){arena_strndup(&w->arena, more.v[i].name, len), (uint32_t)len,
                                         (uint8_t)more.v[i].type, NULL};
        }
        d->v = v;
        d->n += (uint32_t)more.n;
        qsort(d->v, d->n, sizeof *d->v, by_path_order);
    }
    tree_listing_clear(&more);
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

struct entry *entry_find(struct dir *d, const char *name, size_t len)
{
    struct entry *en = entry_search(d, name, len, false);
    return en ? en : entry_search(d, name, len, true);
}

struct dir *dir_split(struct walker *w, const char *path, const char **name)
{
    *name = path_base(path);
    return dir_get(w, path, *name > path ? (size_t)(*name - path) - 1 : 0);
}

enum entry_type dir_type_in(struct walker *w, struct dir *d, const char *name, size_t len, const char *path)
{
    if (d->state == DIR_UNSEEN || d->state == DIR_UNREADABLE) /* what it holds may still be reached by name */
        return tree_type(w->tree, path);
    struct entry *en = d->state == DIR_LISTED ? entry_find(d, name, len) : NULL;
    if (en)
        return (enum entry_type)en->type;
    return w->tree->ops->list_ignored && !d->complete ? tree_type(w->tree, path) : ENTRY_NONE;
}

enum entry_type walker_type(struct walker *w, const char *path)
{
    if (!*path)
        return tree_type(w->tree, path);
    const char *name;
    struct dir *d = dir_split(w, path, &name);
    dir_list(w, d);
    return dir_type_in(w, d, name, strlen(name), path);
}

struct digest walker_listing_digest(struct walker *w, const char *dir)
{
    struct dir *d = dir_get(w, dir, strlen(dir));
    dir_list(w, d);
    return d->state == DIR_LISTED ? d->digest : DIGEST_NONE;
}

/* ---- ignore rules ---- */

void dir_record(struct walker *w, struct dir *d)
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
static bool read_rules(struct walker *w, const char *path, uint32_t prefix, const char *up,
                       const struct rule_chain *outer, const struct rule_chain **out, struct err *e)
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
            *c = (struct rule_chain){outer, rules, prefix, up, &w->full};
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
    buf_printf(&common, "%s.git", w->above);
    enum entry_type type = tree_type(w->tree, buf_cstr(&common));
    if (type == ENTRY_FILE || type == ENTRY_EXEC)
        read_line(w, buf_cstr(&common), &git);
    if (git.len <= key_len || memcmp(git.p, key, key_len)) {
        buf_adds(out, buf_cstr(&common));
    } else {
        buf_reset(&common);
        if (git.p[key_len] != '/')
            buf_adds(out, w->above);
        buf_adds(out, git.p + key_len);
        buf_printf(&common, "%s/commondir", buf_cstr(out));
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
    const char *up = *w->outer ? arena_printf(&w->arena, "%s/", w->outer) : NULL;
    if (type == ENTRY_FILE || type == ENTRY_EXEC || type == ENTRY_LINK)
        ok = read_rules(w, buf_cstr(&path), 0, up, NULL, &w->exclude_file, e);
    if (ok) {
        record_ignore_file(w, buf_cstr(&path));
        w->exclude_file_read = true;
    }
    buf_clear(&path);
    return ok;
}

bool rules_ignore(const struct rule_chain *c, const char *path, size_t len, size_t base, bool is_dir)
{
    for (; c; c = c->outer) {
        int m;
        if (c->up) {
            buf_reset(c->full);
            buf_adds(c->full, c->up);
            buf_add(c->full, path, len);
            m = ignore_match_at(c->rules, c->full->p, c->full->len, c->full->len - len + base, is_dir);
        } else {
            m = ignore_match_at(c->rules, path + c->prefix, len - c->prefix, base - c->prefix, is_dir);
        }
        if (m >= 0)
            return m;
    }
    return false;
}

/* The .gitignore files between git's top and the root, outermost first. If they ignore the root itself, git would see
 * nothing below it: then none of the rules above count. */
static bool read_rules_above(struct walker *w, const struct rule_chain **out, struct err *e)
{
    const struct rule_chain *c = w->exclude_file;
    const char *above = w->above;
    for (const char *rest = w->outer; *rest; above += 3) {
        struct buf path = BUF_INIT;
        buf_printf(&path, "%s.gitignore", above);
        enum entry_type type = tree_type(w->tree, buf_cstr(&path));
        bool ok = true;
        if (type == ENTRY_FILE || type == ENTRY_EXEC)
            ok = read_rules(w, buf_cstr(&path), 0, arena_printf(&w->arena, "%s/", rest), c, &c, e);
        record_ignore_file(w, buf_cstr(&path));
        buf_clear(&path);
        if (!ok)
            return false;
        /* Is the next folder down ignored? A rule's text starts at its own file's folder. */
        size_t len = strcspn(rest, "/");
        for (const struct rule_chain *r = c; r; r = r->outer) {
            size_t skip = strlen(r->up) - 1 - strlen(rest); /* from the rule's folder to this one */
            int m = ignore_match_at(r->rules, r->up, skip + len, skip, true);
            if (m == 1) {
                *out = NULL;
                return true;
            }
            if (m == 0)
                break;
        }
        rest += len + (rest[len] == '/');
    }
    *out = c;
    return true;
}

static bool dir_read_rules(struct walker *w, struct dir *d, struct err *e)
{
    const struct rule_chain *outer = NULL;
    if (!d->parent && !read_rules_above(w, &outer, e))
        return false;
    if (d->parent) {
        const char *name = path_base(d->path);
        outer = d->parent->rules;
        d->ignored = d->parent->ignored || is_private_name(name, strlen(name)) ||
                     rules_ignore(outer, d->path, d->len, (size_t)(name - d->path), true);
    }
    d->rules = outer;
    if (!d->ignored) {
        struct buf path = BUF_INIT;
        buf_printf(&path, "%s%s.gitignore", d->path, d->len ? "/" : "");
        /* One that a revision's listing leaves out is ignored itself, and asking for it in each folder takes long. */
        struct entry *en = d->state == DIR_LISTED ? entry_find(d, ".gitignore", 10) : NULL;
        enum entry_type type = d->state != DIR_LISTED ? dir_type_in(w, d, ".gitignore", 10, buf_cstr(&path))
                               : en                   ? (enum entry_type)en->type
                                                      : ENTRY_NONE;
        bool is_file = type == ENTRY_FILE || type == ENTRY_EXEC; /* git does not follow a link here */
        bool ok = !is_file || read_rules(w, buf_cstr(&path), d->len ? d->len + 1 : 0, NULL, outer, &d->rules, e);
        if (ok && (is_file || !d->recorded || d->state != DIR_LISTED))
            record_ignore_file(w, buf_cstr(&path));
        buf_clear(&path);
        if (!ok)
            return false;
    }
    d->rules_known = true;
    return true;
}

bool dir_know_rules(struct walker *w, struct dir *d, struct err *e)
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
    struct dir *d = dir_split(w, path, &name);
    /* What cannot be read rules nothing out, which errs towards counting a file in; a glob reports it. */
    struct err e = ERR_INIT;
    bool known = dir_know_rules(w, d, &e);
    err_clear(&e);
    if (!known)
        return false;
    size_t len = strlen(name);
    return d->ignored || is_private_name(name, len) ||
           rules_ignore(d->rules, path, (size_t)(name - path) + len, (size_t)(name - path), is_dir);
}

size_t walker_n_dirs(const struct walker *w) { return w->n_seen_dirs; }
const char *walker_dir(const struct walker *w, size_t i) { return w->seen_dirs[i]; }
size_t walker_n_ignore_files(const struct walker *w) { return w->n_ignore_files; }
const char *walker_ignore_file(const struct walker *w, size_t i) { return w->ignore_files[i]; }

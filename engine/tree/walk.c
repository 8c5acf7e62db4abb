/* SPDX-License-Identifier: MIT
 *
 * One glob over the walker's folders. Its wildcard patterns run together as one automaton (tree/wild.h), whose states
 * after a folder's path are carried into the folder: where none is left, nothing below can match and the folder is not
 * listed, so that src/.../x.c looks into src alone. Patterns without a wildcard are looked up one by one. */
#include "tree/path.h"
#include "tree/walker.h"
#include "tree/wild.h"

#include <string.h>

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
    const char *lead; /* of a single pattern: its folders before the first wildcard are looked up, not searched for */
    size_t lead_len;
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
    dir_record(w, d);
    dir_list(w, d);
    if (k->spec->with_ignored)
        dir_complete(w, d);
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
    return enter(k, dir_of_entry(k->w, f->dir, en, k->path.p, k->path.len), &k->slash, &inside, e);
}

static bool visit(struct walk *k, struct frame *f, struct entry *en, struct err *e)
{
    if (en->type == ENTRY_OTHER || is_private_name(en->name, en->len))
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

/* The part of the lead that comes next in a folder; NULL: anything may. */
static const char *lead_part(const struct walk *k, const struct dir *d, size_t *len)
{
    size_t base = strlen(k->spec->base), at = d->len > base ? d->len - base + (base == 0) : 0;
    if (at >= k->lead_len) /* lead ends in a slash */
        return NULL;
    *len = strcspn(k->lead + at, "/");
    return k->lead + at;
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
        size_t len;
        const char *part = f->next == 0 && f->dir->n ? lead_part(k, f->dir, &len) : NULL;
        if (part) {
            struct entry *en = entry_find(f->dir, part, len);
            f->next = f->dir->n;
            if (en && !visit(k, f, en, e))
                return false;
        } else if (f->next == f->dir->n)
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
        enum entry_type type = dir_type_in(w, up, name, strlen(name), d->path);
        if (type != ENTRY_DIR || is_private_name(name, strlen(name)))
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
    struct dir *d = dir_split(w, path.p, &name);
    dir_record(w, d);
    size_t at = (size_t)(name - path.p), len = path.len - at;
    if (is_private_name(name, len) || is_excluded(k, path.p + skip, path.len - skip) ||
        !is_real_dir(w, d, dir_get(w, base, strlen(base))))
        goto out;
    enum entry_type type = dir_type_in(w, d, name, len, path.p);
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
            if (spec->n_include == 1) {
                k.lead = pattern;
                for (size_t c = strcspn(pattern, "*?[{\\"); c-- > 0 && !k.lead_len;)
                    k.lead_len = pattern[c] == '/' ? c + 1 : 0;
            }
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

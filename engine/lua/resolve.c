/* SPDX-License-Identifier: MIT
 *
 * When all Testfiles have run, every output is known. Now each input as written becomes what it is: a file, an edge to
 * the target that makes it, or a share in a set of globbed files. Equal lists share one set and one walk. */
#include <stdlib.h>
#include <string.h>

#include "lua/label.h"
#include "lua/state.h"

enum { HINTS = 50 }; /* nearest names looked for; each may list a large folder */

/* ---- patterns -------------------------------------------------------------------------------------------------- */

void resolve_escape(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (strchr("*?[]{}\\!", *text))
            buf_addc(out, '\\');
        buf_addc(out, *text);
    }
}

/* The item as a pattern below `base`. */
static const char *pattern_of(struct load *st, const struct raw_item *it, const char *base, bool folder)
{
    struct buf *b = &st->b3;
    buf_reset(b);
    size_t skip = strlen(base);
    const char *between = it->base + skip; /* base is an ancestor of the item's own, or it */
    between += *between == '/';
    if (*between) {
        resolve_escape(between, b);
        if (*it->rel)
            buf_addc(b, '/');
    }
    if (it->wild) {
        struct buf rel = BUF_INIT; /* without "." and "..", which path has lost */
        buf_adds(&rel, it->rel);
        buf_adds(b, buf_cstr(&rel));
        buf_clear(&rel);
    } else {
        resolve_escape(it->rel, b);
    }
    if (folder)
        buf_adds(b, b->len ? "/**" : "**");
    if (!b->len)
        buf_adds(b, "**");
    return buf_cstr(b);
}

static const char *common_base(const struct raw_list *list)
{
    const char *base = NULL;
    for (uint32_t i = 0; i < list->n; i++)
        if (!base || strlen(list->v[i].base) < strlen(base))
            base = list->v[i].base;
    return base ? base : "";
}

static bool is_folder(struct load *st, const char *path)
{
    if (!*path)
        return true;
    strset_add(&st->literals, path, NULL);
    return walker_type(st->o->walker, path) == ENTRY_DIR;
}

const char *resolve_patterns(struct load *st, const struct raw_list *list, struct strvec *include,
                             struct strvec *exclude)
{
    const char *base = common_base(list);
    for (uint32_t i = 0; i < list->n; i++) {
        const struct raw_item *it = &list->v[i];
        if (it->kind == RAW_EXCLUDE)
            strvec_add(exclude, pattern_of(st, it, base, false));
        else
            strvec_add(include, pattern_of(st, it, base, it->kind == RAW_LITERAL && is_folder(st, it->path)));
    }
    if (list->n && !include->n) /* only exclusions: all but these */
        strvec_add(include, "**");
    return base;
}

static struct strs copy_strings(struct arena *a, const char *const *v, size_t n)
{
    const char **copy = arena_alloc(a, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_strdup(a, v[i]);
    return (struct strs){copy, (uint32_t)n};
}

bool resolve_glob(struct load *st, const struct glob_spec *spec, struct strvec *out, struct err *e)
{
    if (!walker_glob(st->o->walker, spec, out, e))
        return false;
    struct arena *a = &st->record->arena;
    MEM_GROW(st->globs, st->n_globs, st->cap_globs);
    st->globs[st->n_globs++] =
        (struct load_glob){arena_strdup(a, spec->base), copy_strings(a, spec->include, spec->n_include),
                           copy_strings(a, spec->exclude, spec->n_exclude), spec->with_ignored, glob_digest(out)};
    return true;
}

/* ---- nearest names --------------------------------------------------------------------------------------------- */

/* Fills hint_names with the entries of a folder; a folder that was listed last is not listed again. */
static void list_names(struct load *st, const char *dir)
{
    if (st->hint_dir && strcmp(st->hint_dir, dir) == 0)
        return;
    mem_free(st->hint_dir);
    st->hint_dir = mem_strdup(dir);
    strvec_clear(&st->hint_names);
    struct tree_listing list = {0};
    arena_init(&list.names);
    if (tree_list(st->o->tree, dir, &list, NULL))
        for (size_t i = 0; i < list.n; i++)
            strvec_add(&st->hint_names, list.v[i].name);
    tree_listing_clear(&list);
}

const char *resolve_nearest(struct load *st, const char *path)
{
    if (st->hints++ >= HINTS)
        return NULL;
    struct buf *b = &st->b3;
    const char *start = path, *slash; /* the first part that does not exist is the one that is wrong */
    for (const char *p = path; (slash = strchr(p, '/')); p = start = slash + 1) {
        buf_reset(b);
        buf_add(b, path, (size_t)(slash - path));
        if (tree_type(st->o->tree, buf_cstr(b)) == ENTRY_NONE)
            break;
    }
    slash = strchr(start, '/');
    buf_reset(b);
    buf_add(b, path, start > path ? (size_t)(start - path) - 1 : 0);
    list_names(st, buf_cstr(b));
    buf_reset(b);
    buf_add(b, start, slash ? (size_t)(slash - start) : strlen(start));
    const char *near = nearest_name(buf_cstr(b), (const char *const *)st->hint_names.v, st->hint_names.n);
    if (!near)
        return NULL;
    buf_reset(b);
    buf_add(b, path, (size_t)(start - path));
    buf_adds(b, near);
    buf_adds(b, slash ? slash : "");
    return buf_cstr(b);
}

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

struct outputs {
    struct strset set; /* entries as declared: a folder's with its slash */
    bool folders;
};

static void collect_outputs(const struct decls *d, struct outputs *o)
{
    strset_init(&o->set);
    o->folders = false;
    for (uint32_t i = 0; i < d->n; i++) {
        for (uint32_t k = 0; k < d->v[i].outputs.n; k++) {
            const char *path = d->v[i].outputs.v[k];
            o->folders = o->folders || path[strlen(path) - 1] == '/';
            strset_add(&o->set, path, NULL);
        }
    }
}

/* The output entry that the path is or lies in, as decl.inputs is to name it; NULL if there is none. */
static const char *as_output(struct load *st, struct outputs *o, const char *path)
{
    if (!o->set.n)
        return NULL;
    if (strset_find(&o->set, path) != UINT32_MAX)
        return path;
    if (!o->folders)
        return NULL;
    struct buf *b = &st->b3;
    buf_reset(b);
    buf_printf(b, "%s/", path);
    if (strset_find(&o->set, buf_cstr(b)) != UINT32_MAX)
        return arena_strdup(&st->decls->arena, buf_cstr(b));
    for (size_t i = b->len - 1; i-- > 0;) {
        if (b->p[i] != '/')
            continue;
        b->p[i + 1] = '\0';
        if (strset_find(&o->set, b->p) != UINT32_MAX)
            return path;
    }
    return NULL;
}

/* ---- sets ------------------------------------------------------------------------------------------------------ */

static void warn_unmatched(struct load *st, const struct raw *r, const struct raw_item *it, bool folder)
{
    struct about a = {.value = it->text}, b = {.call = r->call, .name = r->name, .field = it->field, .value = it->text};
    if (!load_is_written(st, r->place, &a))
        return; /* a rule's own pattern: it may well match nothing */
    if (!st->places[r->place].rule)
        a = b;
    struct err *e = load_error(st, ERR_WARNING, "T213", r->place, &a);
    if (folder)
        load_say(e, "the folder '%s' holds no file that counts", it->text);
    else
        load_say(e, "the pattern '%s' matches no file", it->text);
    if (folder)
        err_hint(e, "what git ignores does not count");
}

/* With its length in front: a pattern may hold any character. */
static void add_part(struct buf *b, char kind, const char *text)
{
    buf_printf(b, "%c%zu:%s", kind, strlen(text), text);
}

/* The set for a spec; made once. `items` are what the patterns were made of, one for each, for warnings; may be NULL. */
static uint32_t set_of(struct load *st, const struct raw *r, const struct glob_spec *spec,
                       const struct raw_item **items)
{
    struct buf *b = &st->b1;
    bool is_new;
    buf_reset(b);
    buf_addc(b, spec->with_ignored ? 'i' : '.');
    add_part(b, '@', spec->base);
    for (size_t i = 0; i < spec->n_include; i++)
        add_part(b, '+', spec->include[i]);
    for (size_t i = 0; i < spec->n_exclude; i++)
        add_part(b, '-', spec->exclude[i]);
    uint32_t set = strset_add(&st->specs, buf_cstr(b), &is_new);
    if (!is_new)
        return set;
    struct strvec paths = STRVEC_INIT;
    struct err why = ERR_INIT;
    if (!resolve_glob(st, spec, &paths, &why)) {
        struct about a = {.call = r->call, .name = r->name};
        load_say(load_error(st, ERR_ERROR, "T111", r->place, &a), "%s", why.msg);
        err_clear(&why);
    }
    size_t skip = strlen(spec->base) + (*spec->base ? 1 : 0);
    for (size_t i = 0; items && i < spec->n_include; i++) {
        bool any = false;
        for (size_t k = 0; k < paths.n && !any; k++)
            any = glob_match(spec->include[i], paths.v[k] + skip);
        if (!any)
            warn_unmatched(st, r, items[i], items[i]->folder);
    }
    struct decls *d = st->decls;
    MEM_GROW(d->sets, d->n_sets, d->cap_sets);
    d->sets[d->n_sets++] = (struct decl_set){copy_strings(&d->arena, (const char *const *)paths.v, paths.n)};
    strvec_clear(&paths);
    return set;
}

struct sorted {                      /* what a list comes to */
    const struct raw_item **globs;   /* patterns and folders */
    const struct raw_item **ignored; /* folders that git ignores: all in them counts */
    const struct raw_item **excludes;
    uint32_t n_globs, n_ignored, n_excludes;
};

static void report_missing(struct load *st, const struct raw *r, const struct raw_item *it)
{
    struct about a = {.call = r->call, .name = r->name, .field = it->field, .value = it->text};
    strset_add(&st->missing, it->path, NULL);
    struct err *e = load_error(st, ERR_ERROR, "T212", r->place, &a);
    if (!e)
        return;
    bool command = strcmp(it->field, "cmd") == 0 || strcmp(it->field, "worker") == 0;
    load_say(e, "the %s '%s' does not exist", command ? "command" : "input", it->path);
    for (uint32_t i = 0; i < st->decls->n; i++) { /* made by a glob of outputs? */
        const struct decl *d = &st->decls->v[i];
        for (uint32_t k = 0; k < d->outputs.n; k++) {
            if (path_has_wildcard(d->outputs.v[k]) && glob_match(d->outputs.v[k], it->path)) {
                err_hint(e, "target '%s' makes '%s': name that pattern as the input", d->label, d->outputs.v[k]);
                return;
            }
        }
    }
    const char *near = resolve_nearest(st, it->path);
    if (near)
        err_hint(e, "did you mean '%s'?", near);
    else
        err_hint(e, "it is no file, and no target names it in its outputs");
}

/* Turns the items into one or two sets. Appends them to `sets`. */
static void add_sets(struct load *st, const struct raw *r, const struct sorted *s, uint32_t sets[2], uint32_t *n_sets)
{
    for (int round = 0; round < 2; round++) {
        const struct raw_item **from = round ? s->ignored : s->globs;
        uint32_t n = round ? s->n_ignored : s->n_globs;
        if (!n)
            continue;
        uint32_t total = n + s->n_excludes;
        struct raw_item *v = arena_alloc(&st->arena, total * sizeof *v);
        for (uint32_t i = 0; i < n; i++)
            v[i] = *from[i];
        for (uint32_t i = 0; i < s->n_excludes; i++)
            v[n + i] = *s->excludes[i];
        struct raw_list list = {v, total, false};
        struct strvec include = STRVEC_INIT, exclude = STRVEC_INIT;
        struct glob_spec spec = {.base = common_base(&list), .with_ignored = round == 1};
        for (uint32_t i = 0; i < total; i++) {
            if (v[i].kind == RAW_EXCLUDE)
                strvec_add(&exclude, pattern_of(st, &v[i], spec.base, false));
            else
                strvec_add(&include, pattern_of(st, &v[i], spec.base, v[i].folder));
        }
        spec.include = (const char *const *)include.v;
        spec.n_include = include.n;
        spec.exclude = (const char *const *)exclude.v;
        spec.n_exclude = exclude.n;
        sets[(*n_sets)++] = set_of(st, r, &spec, from);
        strvec_clear(&include);
        strvec_clear(&exclude);
    }
}

struct resolved {
    const char **literals;
    uint32_t n_literals;
    uint32_t sets[2], n_sets;
};

/* One list: files and edges to literals, the rest to sets. `by_name` = may_read: nothing in it must exist. */
static void resolve_list(struct load *st, struct outputs *o, const struct raw *r, struct raw_list list, bool by_name,
                         struct resolved *out)
{
    struct arena *a = &st->arena;
    struct sorted s = {0};
    if (list.n) {
        s.globs = arena_alloc(a, 3 * (size_t)list.n * sizeof *s.globs);
        s.ignored = s.globs + list.n;
        s.excludes = s.ignored + list.n;
    }
    bool any = false;
    for (uint32_t i = 0; i < list.n; i++) {
        struct raw_item *it = &list.v[i];
        if (it->kind == RAW_EXCLUDE) {
            s.excludes[s.n_excludes++] = it;
            continue;
        }
        any = true;
        const char *output = as_output(st, o, it->path);
        if (output) {
            out->literals[out->n_literals++] = output;
            continue;
        }
        if (it->kind == RAW_GLOB) {
            s.globs[s.n_globs++] = it;
            continue;
        }
        enum entry_type type = *it->path ? walker_type(st->o->walker, it->path) : ENTRY_DIR;
        if (*it->path)
            strset_add(&st->literals, it->path, NULL);
        it->folder = type == ENTRY_DIR;
        if (it->folder && *it->path && walker_is_ignored(st->o->walker, it->path, true))
            s.ignored[s.n_ignored++] = it;
        else if (it->folder || by_name)
            s.globs[s.n_globs++] = it;
        else if (type == ENTRY_NONE && !list.may_be_gone)
            report_missing(st, r, it);
        else
            out->literals[out->n_literals++] = it->path;
    }
    if (list.n && !any) { /* only exclusions: all but these */
        static const struct raw_item all = {.text = "**", .kind = RAW_GLOB, .wild = true, .rel = "**"};
        struct raw_item *here = arena_alloc(a, sizeof *here);
        *here = all;
        here->base = st->decls->v[r->decl].dir;
        s.globs[s.n_globs++] = here;
    }
    add_sets(st, r, &s, out->sets, &out->n_sets);
}

/* ---- targets --------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static const uint32_t *copy_ids(struct arena *a, const uint32_t *v, uint32_t n)
{
    uint32_t *copy = n ? arena_alloc(a, n * sizeof *copy) : NULL;
    if (n)
        memcpy(copy, v, n * sizeof *copy);
    return copy;
}

/* A script's interpreter counts too, if the script is there now; one that a target makes is judged by its content. */
static void add_interpreters(struct load *st, struct outputs *o, const struct raw *r, struct decl *d)
{
    uint32_t v[256], n = 0;
    struct err why = ERR_INIT;
    if (as_output(st, o, r->script))
        return;
    enum entry_type type = walker_type(st->o->walker, r->script);
    if ((type != ENTRY_FILE && type != ENTRY_EXEC && type != ENTRY_LINK) ||
        !load_read(st, r->script, MAX_SOURCE_BYTES, &why)) {
        err_clear(&why);
        return;
    }
    for (; n < d->n_tools; n++)
        v[n] = d->tools[n];
    tools_of_script(st, buf_cstr(&st->text), st->text.len, v, &n, 256);
    d->tools = copy_ids(&st->decls->arena, v, n);
    d->n_tools = n;
}

/* Sorted, without duplicates, to outlive the load. */
static struct strs keep_literals(struct arena *a, const char **v, uint32_t n)
{
    uint32_t kept = 0;
    if (n)
        qsort(v, n, sizeof *v, by_text);
    for (uint32_t i = 0; i < n; i++)
        if (!kept || strcmp(v[kept - 1], v[i]) != 0)
            v[kept++] = arena_strdup(a, v[i]); /* the items go with the load */
    return (struct strs){v, kept};
}

/* What the cases of a suite add to its inputs. Cases with equal lists share what they come to. */
static void resolve_cases(struct load *st, struct outputs *o, const struct raw *r)
{
    struct arena *a = &st->decls->arena;
    const struct raw_cases *cases = r->cases;
    struct decl_case *lists = arena_alloc(&st->arena, (cases->n_inputs + 1) * sizeof *lists);
    for (uint32_t i = 0; i < cases->n_inputs; i++) {
        const struct raw_inputs *in = &cases->inputs[i];
        const char **literals = arena_alloc(a, (in->list.n + 1) * sizeof *literals);
        struct resolved out = {.literals = literals};
        resolve_list(st, o, r, in->list, false, &out);
        lists[i].inputs = keep_literals(a, literals, out.n_literals);
        lists[i].sets = copy_ids(a, out.sets, out.n_sets);
        lists[i].n_sets = out.n_sets;
        lists[i].group = cases->by_file && in->first ? arena_strdup(a, in->first) : NULL;
    }
    for (uint32_t i = 0; i < cases->n; i++) {
        struct decl_case *c = &cases->v[i];
        if (cases->inputs_of[i] == UINT32_MAX)
            continue;
        const struct decl_case *from = &lists[cases->inputs_of[i]];
        c->inputs = from->inputs;
        c->sets = from->sets;
        c->n_sets = from->n_sets;
        c->group = c->group ? c->group : from->group;
    }
}

static void resolve_target(struct load *st, struct outputs *o, const struct raw *r)
{
    struct arena *a = &st->decls->arena;
    struct decl *d = &st->decls->v[r->decl];
    uint32_t room = r->inputs.n + r->may_read.n;
    const char **literals = room ? arena_alloc(a, room * sizeof *literals) : NULL;
    struct resolved in = {.literals = literals}, may = {.literals = literals};
    resolve_list(st, o, r, r->inputs, false, &in);
    may.literals = literals ? literals + in.n_literals : NULL;
    resolve_list(st, o, r, r->may_read, true, &may); /* what a target makes must be made first: an edge */
    d->inputs = keep_literals(a, literals, in.n_literals + may.n_literals);
    uint32_t sets[3], n_sets = 0;
    if (r->default_inputs) {
        static const char *const all[] = {"**"};
        struct glob_spec spec = {.base = d->dir, .include = all, .n_include = 1};
        sets[n_sets++] = set_of(st, r, &spec, NULL);
    }
    for (uint32_t i = 0; i < in.n_sets; i++)
        sets[n_sets++] = in.sets[i];
    d->sets = copy_ids(a, sets, n_sets);
    d->n_sets = n_sets;
    d->may_read = copy_ids(a, may.sets, may.n_sets);
    d->n_may_read = may.n_sets;
    if (r->script)
        add_interpreters(st, o, r, d);
    if (r->cases)
        resolve_cases(st, o, r);
    struct about about = {.call = r->call, .name = r->name};
    struct decl_pos pos = load_find(st, r->place, &about);
    for (uint32_t i = 0; i < r->n_placed; i++) {
        struct decl *each = d + i;
        each->pos = pos;
        if (i == 0 || i >= r->n_decls)
            continue;
        each->inputs = d->inputs;
        each->sets = d->sets;
        each->n_sets = d->n_sets;
        each->may_read = d->may_read;
        each->n_may_read = d->n_may_read;
        each->tools = d->tools;
        each->n_tools = d->n_tools;
    }
}

void resolve_all(struct load *st)
{
    struct outputs o;
    collect_outputs(st->decls, &o);
    for (uint32_t i = 0; i < st->n_raws; i++)
        resolve_target(st, &o, &st->raws[i]);
    strset_clear(&o.set);
}

/* ---- afterwards ------------------------------------------------------------------------------------------------ */

struct decl_pos load_locate(struct tree *tree, const struct decl *d, const char *field, const char *value)
{
    struct decl_pos pos = d->pos;
    struct buf text = BUF_INIT;
    if (pos.file && pos.line && tree_read(tree, pos.file, MAX_SOURCE_BYTES, &text, NULL)) {
        struct srcpos *s = srcpos_new(buf_cstr(&text), text.len);
        const char *colon = strrchr(d->label, ':'), *name = colon ? colon + 1 : d->label;
        char *plain = mem_strndup(name, strcspn(name, "#")); /* a shard's name is not written */
        bool members = d->kind == KIND_GROUP && field && strcmp(field, "members") == 0;
        struct srcpos_query q = {pos.line, kind_name(d->kind), plain, field, value, d->dir};
        if (d->kind == KIND_SUITE && field && strcmp(field, "cmd") == 0)
            q.field = "worker";
        if (d->stdout_path && strncmp(d->stdout_path, ".tgraph/cases/", 14) == 0) { /* a suite's discover step */
            q.call = "discover";
            q.name = NULL;
        }
        enum srcpos_level level = srcpos_find(s, &q, &pos.line, &pos.col);
        if (members && level < SRCPOS_FIELD) { /* the table itself may be the list */
            q.line = d->pos.line;
            q.field = NULL;
            srcpos_find(s, &q, &pos.line, &pos.col);
        }
        mem_free(plain);
        srcpos_free(s);
    }
    buf_clear(&text);
    return pos;
}

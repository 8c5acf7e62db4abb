/* SPDX-License-Identifier: MIT
 *
 * The tree view of a revision or of the index. */
#include "tree/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "os/file.h"
#include "tree/listing.h"

enum { MAX_HEAD = 64 << 20 }; /* of an ignored script that is a tool */

static enum entry_type type_at(struct snapshot *s, const char *path, bool disk)
{
    struct spot p;
    spot_find_path(s, path, false, disk, &p);
    enum entry_type type = p.where == NOWHERE ? ENTRY_NONE : p.type;
    struct stat st;
    if (p.where == ON_DISK && !p.overlay)
        type = lstat(buf_cstr(&p.path), &st) == 0 ? entry_type_of(&st) : ENTRY_NONE;
    spot_clear(&p);
    return type;
}

/* The entries of a folder outside the work tree. */
static int list_disk(struct snapshot *s, const char *path, struct tree_listing *out)
{
    char *slash = mem_printf("%s/", path);
    snapshot_look(s, slash, ANY);
    mem_free(slash);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? errno : listing_read(fd, out);
}

static bool list_at(struct snapshot *s, const char *dir, bool disk, struct tree_listing *out, struct err *e)
{
    struct spot p;
    spot_find_path(s, dir, true, disk, &p);
    listing_init(out);
    int errnum = ENOENT;
    bool ok = false;
    if (p.where == ON_DISK) {
        errnum = p.overlay ? snap_list_ignored(s, p.path.p + strlen(s->repo->top) + 1, p.all_ignored, NULL, out)
                           : list_disk(s, p.path.p, out);
        ok = errnum == 0;
    } else if (p.where == IN_GIT && !p.entry) {
        errnum = EIO;
        ok = snap_load(s, p.dir);
        for (uint32_t i = 0; i < p.dir->n; i++)
            listing_add(out, p.dir->v[i].name, snap_type(p.dir->v[i].mode));
    }
    if (ok)
        listing_sort(out);
    spot_clear(&p);
    bool absent = errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
    return ok || err_sys(e, absent ? "T404" : "T403", errnum, "cannot list the folder %s", *dir ? dir : ".");
}

static bool list_ignored(struct tree *t, const char *dir, struct tree_listing *out, struct err *e)
{
    struct snapshot *s = snapshot_of(t);
    struct spot p;
    (void)e;
    spot_find_path(s, dir, true, true, &p);
    listing_init(out);
    if (!s->clean && p.where == IN_GIT && !p.entry)
        snap_list_ignored(s, buf_cstr(&p.path), false, p.dir, out);
    listing_sort(out);
    spot_clear(&p);
    return true;
}

static bool read_at(struct snapshot *s, const char *path, bool disk, size_t max_bytes, struct buf *out, struct err *e)
{
    struct spot p;
    spot_find_path(s, path, true, disk, &p);
    bool ok = false;
    size_t before = out->len;
    if (p.where == ON_DISK) {
        snapshot_look(s, p.path.p, ANY);
        ok = file_read(p.path.p, max_bytes, out, e);
    } else if (p.where == IN_GIT && p.entry) {
        ok = snapshot_content(s, p.dir, p.entry, out);
        if (!ok)
            err_set(e, "T401", "cannot read %s: its object is not here", path);
        else if (out->len - before > max_bytes)
            ok = err_set(e, "T402", "%s is too large: more than %zu bytes", path, max_bytes);
    } else if (p.where == IN_GIT) {
        err_set(e, "T401", "cannot read %s: it is not a regular file", path);
    } else {
        err_sys(e, "T401", ENOENT, "cannot read %s", path);
    }
    if (!ok && out->p) {
        out->len = before;
        out->p[before] = '\0';
    }
    spot_clear(&p);
    return ok;
}

static enum entry_type snapshot_type(struct tree *t, const char *path)
{
    return type_at(snapshot_of(t), path, !snapshot_of(t)->clean);
}
static bool snapshot_list(struct tree *t, const char *dir, struct tree_listing *out, struct err *e)
{
    return list_at(snapshot_of(t), dir, !snapshot_of(t)->clean, out, e);
}
static bool snapshot_read(struct tree *t, const char *path, size_t max, struct buf *out, struct err *e)
{
    return read_at(snapshot_of(t), path, !snapshot_of(t)->clean, max, out, e);
}

static bool snapshot_absolute(struct tree *t, const char *path, enum entry_type *type, struct buf *head)
{
    struct snapshot *s = snapshot_of(t);
    struct spot p;
    struct stat st;
    spot_find_path(s, path, true, !s->clean, &p);
    bool inside = p.where != ON_DISK || p.overlay;
    *type = p.where == NOWHERE ? ENTRY_NONE : p.type;
    if (p.where == ON_DISK && inside) /* an ignored file of the work tree */
        *type = stat(p.path.p, &st) == 0 ? entry_type_of(&st) : ENTRY_NONE;
    if (head && p.where == IN_GIT && p.entry)
        snapshot_content(s, p.dir, p.entry, head);
    else if (head && inside && p.where == ON_DISK)
        file_read(p.path.p, MAX_HEAD, head, NULL);
    spot_clear(&p);
    return inside;
}

static enum entry_type pure_type(struct tree *t, const char *path)
{
    return type_at(((struct pure_view *)t)->s, path, false);
}
static bool pure_list(struct tree *t, const char *dir, struct tree_listing *out, struct err *e)
{
    return list_at(((struct pure_view *)t)->s, dir, false, out, e);
}
static bool pure_read(struct tree *t, const char *path, size_t max, struct buf *out, struct err *e)
{
    return read_at(((struct pure_view *)t)->s, path, false, max, out, e);
}
static void pure_free(struct tree *t) { (void)t; }

static void snapshot_free(struct tree *t)
{
    struct snapshot *s = snapshot_of(t);
    for (struct mount *m = s->mounts; m; m = m->next) {
        if (m->odb)
            lg.odb_free(m->odb);
        if (m->plain)
            lg.repository_free(m->plain);
        if (m->owned && m->index)
            lg.index_free(m->index);
        if (m->owned && m->git)
            lg.repository_free(m->git);
    }
    if (s->work) {
        walker_free(s->work_rules);
        walker_free(s->own_rules);
        tree_free(s->work);
    }
    err_clear(&s->failure);
    strtab_clear(&s->looked_names);
    map_clear(&s->looked_index);
    mem_free(s->looked);
    mem_free(s->last_path);
    arena_clear(&s->arena);
    mem_free(s);
}

static struct snapshot *snapshot_new(struct repo *r)
{
    static const struct tree_ops ops = {snapshot_type, snapshot_list, snapshot_read,
                                        snapshot_free, list_ignored,  snapshot_absolute};
    static const struct tree_ops pure = {pure_type, pure_list, pure_read, pure_free, NULL, NULL};
    struct snapshot *s = mem_calloc(1, sizeof *s);
    s->base.ops = &ops;
    s->pure = (struct pure_view){{&pure}, s};
    s->repo = r;
    arena_init(&s->arena);
    strtab_init(&s->looked_names);
    struct mount *m = arena_alloc(&s->arena, sizeof *m);
    *m = (struct mount){.git = r->git,
                        .at = arena_strdup(&s->arena, ""),
                        .disk = arena_strdup(&s->arena, r->top),
                        .filters_everywhere = -1};
    s->mounts = s->main = m;
    return s;
}

void snapshot_has_base(struct tree *index, struct tree *base) { snapshot_of(index)->older = snapshot_of(base); }

void snapshot_leave_out_ignored(struct tree *t) { snapshot_of(t)->clean = true; }
bool snapshot_leaves_out_ignored(const struct tree *t) { return ((const struct snapshot *)t)->clean; }

struct tree *snapshot_commit(struct repo *r, struct object_id commit, struct err *e)
{
    struct snapshot *s = snapshot_new(r);
    git_commit *c;
    s->main->commit = to_oid(commit);
    s->main->has_commit = true;
    if (lg.commit_lookup(&c, r->git, &s->main->commit) != 0) {
        snapshot_free(&s->base);
        gitlib_error(e, "T707", "the commit");
        return NULL;
    }
    s->main->root = snap_dir_new(s, s->main, NULL, "", lg.commit_tree_id(c));
    lg.commit_free(c);
    return &s->base;
}

/* The folder of an index entry, made if need be, and the entry's own name. */
static struct snap_dir *dir_for(struct snapshot *s, const char *path, const char **name)
{
    struct snap_dir *d = s->main->root;
    const char *slash;
    for (; (slash = strchr(path, '/')); path = slash + 1) {
        size_t len = (size_t)(slash - path);
        /* Entries come in order of path: the folder is the last entry, or new. */
        struct snap_entry *last = d->n ? &d->v[d->n - 1] : NULL;
        if (!last || !last->dir || last->len != len || memcmp(last->name, path, len) != 0) {
            MEM_GROW(d->v, d->n, d->cap);
            last = &d->v[d->n++];
            *last = (struct snap_entry){arena_strndup(&s->arena, path, len), (uint32_t)len, S_IFDIR, {{0}}, NULL};
            last->dir = snap_dir_new(s, s->main, d, last->name, NULL);
            last->dir->loaded = true;
        }
        d = last->dir;
    }
    *name = path;
    return d;
}

static void move_into_arena(struct snapshot *s, struct snap_dir *d)
{
    struct snap_entry *v = arena_alloc(&s->arena, (d->n + 1) * sizeof *v);
    if (d->n)
        memcpy(v, d->v, d->n * sizeof *v);
    mem_free(d->v);
    d->v = v;
    snap_sort(d);
}

struct tree *snapshot_index(struct repo *r, struct err *e)
{
    if (!repo_index(r)) {
        err_set(e, "T703", "%s", r->no_index);
        return NULL;
    }
    struct snapshot *s = snapshot_new(r);
    mount_index(s, s->main);
    s->main->root = snap_dir_new(s, s->main, NULL, "", NULL);
    s->main->root->loaded = true;
    size_t n = lg.index_entrycount(r->index), n_dirs = 0, cap_dirs = 0;
    struct snap_dir **dirs = NULL;
    MEM_GROW(dirs, n_dirs, cap_dirs);
    dirs[n_dirs++] = s->main->root;
    const char *unmerged = NULL;
    bool sparse = repo_is_sparse(r);
    for (size_t i = 0; i < n && !unmerged; i++) {
        const git_index_entry *ie = lg.index_get_byindex(r->index, i);
        const char *name;
        if ((ie->flags & GIT_INDEX_ENTRY_STAGEMASK) >> GIT_INDEX_ENTRY_STAGESHIFT)
            unmerged = ie->path;
        if (ie->flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD)
            continue; /* only announced: not in the commit to be */
        if (sparse && (ie->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) && !snap_on_disk(s, ie->path)) {
            s->sparse = true;
            continue;
        }
        struct snap_dir *d = dir_for(s, ie->path, &name);
        MEM_GROW(d->v, d->n, d->cap);
        d->v[d->n++] =
            (struct snap_entry){arena_strdup(&s->arena, name), (uint32_t)strlen(name), ie->mode, ie->id, NULL};
    }
    for (size_t i = 0; i < n_dirs; i++) {
        for (uint32_t k = 0; k < dirs[i]->n; k++) {
            if (!dirs[i]->v[k].dir)
                continue;
            MEM_GROW(dirs, n_dirs, cap_dirs);
            dirs[n_dirs++] = dirs[i]->v[k].dir;
        }
        move_into_arena(s, dirs[i]);
    }
    mem_free(dirs);
    if (unmerged) {
        err_set(e, "T708", "the index holds unmerged files: '%s'", unmerged);
        err_hint(e, "finish the merge first: git status");
        snapshot_free(&s->base);
        return NULL;
    }
    return &s->base;
}

void snapshot_read_ahead(struct tree *t)
{
    struct snapshot *s = snapshot_of(t);
    struct spot p;
    mount_index(s, s->main);
    spot_find_path(s, "", true, false, &p);
    struct snap_dir **todo = NULL;
    size_t n = 0, cap = 0;
    if (p.where == IN_GIT && !p.entry) {
        MEM_GROW(todo, n, cap);
        todo[n++] = p.dir;
    }
    spot_clear(&p);
    while (n) {
        struct snap_dir *d = todo[--n];
        if (!snap_load(s, d))
            break;
        for (uint32_t i = 0; i < d->n; i++) {
            if (!is_dir_mode(d->v[i].mode))
                continue;
            MEM_GROW(todo, n, cap);
            todo[n++] = snap_dir_of(s, d, &d->v[i]);
        }
    }
    mem_free(todo);
}

struct object_id snapshot_tree_id(const struct tree *t)
{
    const struct snapshot *s = (const struct snapshot *)t;
    struct object_id none = {{0}};
    return s->main->has_commit ? from_oid(&s->main->root->id) : none;
}

bool snapshot_failed(const struct tree *t, struct err *e)
{
    const struct snapshot *s = (const struct snapshot *)t;
    if (s->failed) {
        err_set(e, s->failure.code, "%s", s->failure.msg);
        if (s->failure.hint)
            err_hint(e, "%s", s->failure.hint);
    }
    return s->failed;
}

bool snapshot_saw_more(const struct tree *t)
{
    const struct snapshot *s = (const struct snapshot *)t;
    return s->sparse || s->more;
}

size_t snapshot_n_looked(const struct tree *t)
{
    const struct snapshot *s = (const struct snapshot *)t;
    return s->n_looked + (s->work_rules ? walker_n_ignore_files(s->work_rules) : 0);
}

const char *snapshot_looked(const struct tree *t, size_t i, enum in_index *index)
{
    const struct snapshot *s = (const struct snapshot *)t;
    *index = i < s->n_looked ? s->looked[i].index : ANY;
    if (i < s->n_looked)
        return strtab_get(&s->looked_names, s->looked[i].path);
    return walker_ignore_file(s->work_rules, i - s->n_looked);
}

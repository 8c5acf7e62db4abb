/* SPDX-License-Identifier: MIT
 *
 * The snapshot's folders: those of trees and of submodules, each read when it is first looked into, and what the work
 * tree has beside them that belongs to every revision. */
#include "tree/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "tree/listing.h"
#include "tree/path.h"

/* Does the clone leave objects with its remote (git-clone(1), --filter)? */
static bool is_partial(const struct repo *r)
{
    git_config *c = NULL;
    const char *v;
    bool yes =
        lg.repository_config_snapshot(&c, r->git) == 0 && lg.config_get_string(&v, c, "extensions.partialclone") == 0;
    if (c)
        lg.config_free(c);
    return yes;
}

void snapshot_fail(struct snapshot *s, const char *fmt, ...)
{
    va_list args;
    char text[512];
    if (s->failed)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    s->failed = true;
    gitlib_error(&s->failure, "T707", "%s", text);
    err_hint(&s->failure, "%s", is_partial(s->repo) ? "git fetch --refetch --no-filter" : "git fsck");
}

void snapshot_look(struct snapshot *s, const char *path, enum in_index index)
{
    str_id id = strtab_add(&s->looked_names, path);
    uint32_t at = map_get(&s->looked_index, id);
    if (at == MAP_NONE) {
        at = s->n_looked;
        map_put(&s->looked_index, id, at);
        MEM_GROW(s->looked, s->n_looked, s->cap_looked);
        s->looked[s->n_looked++] = (struct looked){id, ANY};
    }
    if (index != ANY)
        s->looked[at].index = index;
}

/* ---- folders --------------------------------------------------------------------------------------------------- */

static int by_name(const void *pa, const void *pb)
{
    const struct snap_entry *a = pa, *b = pb;
    return strcmp(a->name, b->name);
}

void snap_sort(struct snap_dir *d)
{
    if (d->n)
        qsort(d->v, d->n, sizeof *d->v, by_name);
}

struct snap_dir *snap_dir_new(struct snapshot *s, struct mount *m, struct snap_dir *parent, const char *name,
                              const git_oid *id)
{
    struct snap_dir *d = arena_alloc(&s->arena, sizeof *d);
    d->m = m;
    d->parent = parent;
    d->path = !parent ? "" : arena_printf(&s->arena, "%s%s%s", parent->path, *parent->path ? "/" : "", name);
    if (id)
        d->id = *id;
    d->has_attributes = d->attributes_differ = -1;
    return d;
}

char *snap_path(const struct snap_dir *d, const char *name)
{
    return mem_printf("%s%s%s", d->path, *d->path ? "/" : "", name);
}

bool snap_on_disk(const struct snapshot *s, const char *from_top)
{
    struct stat st;
    char *disk = mem_printf("%s/%s", s->repo->top, from_top);
    bool there = lstat(disk, &st) == 0;
    mem_free(disk);
    return there;
}

/* Does a sparse checkout leave the entry out? A folder goes with all that is in it. Submodules have no such entries. */
static bool is_left_out(struct snapshot *s, struct snap_dir *d, struct snap_entry *en)
{
    if (is_dir_mode(en->mode)) {
        struct snap_dir *inside = snap_dir_of(s, d, en);
        return snap_load(s, inside) && inside->n == 0;
    }
    char *path = snap_path(d, en->name);
    const git_index_entry *ie = lg.index_get_bypath(d->m->index, path, 0);
    bool out = ie && (ie->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) && !snap_on_disk(s, path);
    mem_free(path);
    return out;
}

bool snap_load(struct snapshot *s, struct snap_dir *d)
{
    if (d->loaded)
        return true;
    d->loaded = true;
    git_tree *t;
    if (lg.tree_lookup(&t, d->m->git, &d->id) != 0) {
        snapshot_fail(s, "the folder '%s%s%s' of the revision", d->m->at, *d->m->at && *d->path ? "/" : "", d->path);
        return false;
    }
    size_t n = lg.tree_entrycount(t);
    d->v = arena_alloc(&s->arena, (n + 1) * sizeof *d->v);
    bool sparse = d->m == s->main && mount_index(s, d->m) && s->sparse;
    for (size_t i = 0; i < n; i++) {
        const git_tree_entry *te = lg.tree_entry_byindex(t, i);
        const char *name = lg.tree_entry_name(te);
        struct snap_entry *en = &d->v[d->n];
        *en = (struct snap_entry){.len = (uint32_t)strlen(name)};
        en->name = arena_strndup(&s->arena, name, en->len);
        en->mode = (uint32_t)lg.tree_entry_filemode_raw(te);
        en->id = *lg.tree_entry_id(te);
        d->n += !sparse || !is_left_out(s, d, en);
    }
    lg.tree_free(t);
    /* Git sorts a folder as if its name ended in a slash. */
    snap_sort(d);
    return true;
}

struct snap_entry *snap_find(struct snapshot *s, struct snap_dir *d, const char *name, size_t len)
{
    if (!snap_load(s, d))
        return NULL;
    size_t lo = 0, hi = d->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        struct snap_entry *en = &d->v[mid];
        int c = memcmp(name, en->name, len < en->len ? len : en->len);
        if (!c)
            c = (len > en->len) - (len < en->len);
        if (!c)
            return en;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

enum entry_type snap_type(uint32_t mode)
{
    if (is_dir_mode(mode) || is_submodule_mode(mode))
        return ENTRY_DIR;
    if (is_link_mode(mode))
        return ENTRY_LINK;
    return mode & S_IXUSR ? ENTRY_EXEC : ENTRY_FILE;
}

/* The repository of a submodule, where it is checked out; root NULL otherwise. */
static struct mount *mount_new(struct snapshot *s, struct snap_dir *d, const struct snap_entry *en)
{
    struct mount *m = arena_alloc(&s->arena, sizeof *m);
    m->at =
        arena_printf(&s->arena, "%s%s%s%s%s", d->m->at, *d->m->at ? "/" : "", d->path, *d->path ? "/" : "", en->name);
    m->disk = arena_printf(&s->arena, "%s/%s", s->repo->top, m->at);
    m->filters_everywhere = -1;
    m->commit = en->id;
    m->has_commit = m->owned = true;
    m->next = s->mounts;
    s->mounts = m;
    s->more = true;
    char *dot_git = mem_printf("%s/.git", m->disk);
    bool here =
        file_exists(dot_git) && lg.repository_open_ext(&m->git, m->disk, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) == 0;
    mem_free(dot_git);
    if (!here)
        return m;
    git_commit *c;
    if (lg.commit_lookup(&c, m->git, &m->commit) == 0) {
        m->root = snap_dir_new(s, m, NULL, "", lg.commit_tree_id(c));
        lg.commit_free(c);
    } else {
        snapshot_fail(s, "the commit of the submodule '%s'", m->at);
        err_hint(&s->failure, "git -C %s fetch", m->disk);
    }
    return m;
}

struct snap_dir *snap_dir_of(struct snapshot *s, struct snap_dir *d, struct snap_entry *en)
{
    if (!en->dir && is_submodule_mode(en->mode)) {
        struct mount *m = mount_new(s, d, en);
        en->dir = m->root ? m->root : snap_dir_new(s, m, NULL, "", NULL);
        if (!m->root)
            en->dir->loaded = true; /* an empty folder, as after a checkout */
    } else if (!en->dir) {
        en->dir = snap_dir_new(s, d->m, d, en->name, &en->id);
    }
    return en->dir;
}

/* ---- ignored files --------------------------------------------------------------------------------------------- */

/* The bits of the index that leave files out mean that only with this setting (git-sparse-checkout(1)). Git writes it to
 * the work tree's own file, which libgit2 1.5 does not read by itself. */
bool repo_is_sparse(const struct repo *r)
{
    git_config *c = NULL;
    int yes = 0;
    if (lg.repository_config_snapshot(&c, r->git) == 0 && lg.config_get_bool(&yes, c, "core.sparsecheckout") != 0)
        yes = 0;
    if (c)
        lg.config_free(c);
    char *own = mem_printf("%sconfig.worktree", lg.repository_path(r->git));
    c = NULL;
    if (!yes && file_exists(own) && lg.config_open_ondisk(&c, own) == 0 &&
        lg.config_get_bool(&yes, c, "core.sparsecheckout") != 0)
        yes = 0;
    if (c)
        lg.config_free(c);
    mem_free(own);
    return yes;
}

git_index *mount_index(struct snapshot *s, struct mount *m)
{
    if (m->index_known)
        return m->index;
    m->index_known = true;
    if (m != s->main) {
        index_read(m->git, NULL, &m->index, &m->index_ns);
        return m->index;
    }
    m->index = repo_index(s->repo);
    m->index_ns = s->repo->index_ns;
    size_t n = m->index ? lg.index_entrycount(m->index) : 0;
    if (!repo_is_sparse(s->repo))
        return m->index;
    for (size_t i = 0; i < n && !s->sparse; i++)
        s->sparse = lg.index_get_byindex(m->index, i)->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE;
    return m->index;
}

bool mount_tracks(struct snapshot *s, struct mount *m, const char *path)
{
    if (!mount_index(s, m) || index_has(m->index, path))
        return true;
    if (m != s->main)
        return false;
    if (s->older) {
        struct spot p;
        spot_find(s->older, path, false, false, &p);
        bool held = p.where == IN_GIT && p.entry;
        spot_clear(&p);
        if (held)
            return true;
    }
    /* Below a submodule its own index knows; one that cannot be asked may track anything. */
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *at = mem_strndup(path, (size_t)(slash - path));
        const git_index_entry *ie = lg.index_get_bypath(m->index, at, 0);
        struct mount *sub = NULL;
        for (struct mount *k = s->mounts; k && !sub; k = k->next)
            sub = strcmp(k->at, at) == 0 ? k : NULL;
        mem_free(at);
        if (sub)
            return !sub->root || mount_tracks(s, sub, slash + 1);
        if (ie && is_submodule_mode(ie->mode))
            return true;
    }
    return false;
}

static bool is_private(const char *path)
{
    const char *name = path_base(path);
    return strcmp(name, ".git") == 0 || strcmp(name, ".tgraph") == 0;
}

bool snap_is_ignored(struct snapshot *s, const char *from_top, bool is_dir)
{
    size_t len = strlen(s->repo->prefix);
    if (!mount_index(s, s->main) || (len && (strncmp(from_top, s->repo->prefix, len) != 0 || from_top[len] != '/')))
        return false;
    const char *path = from_top + len + (len > 0);
    if (is_private(path))
        return false;
    if (!s->work) {
        s->work = tree_worktree_new(*s->repo->root ? s->repo->root : "/");
        s->work_rules = walker_new(s->work);
        s->own_rules = walker_new(&s->pure.base);
        walker_set_outer(s->work_rules, s->repo->prefix);
        walker_set_outer(s->own_rules, s->repo->prefix);
    }
    return walker_is_ignored(s->work_rules, path, is_dir) && walker_is_ignored(s->own_rules, path, is_dir);
}

/* Reads the folder on the disk and notes that the answer rests on it. */
static int read_folder(struct snapshot *s, const char *from_top, struct tree_listing *l)
{
    listing_init(l);
    char *disk = mem_printf("%s/%s", s->repo->top, from_top);
    for (size_t n = strlen(disk); n > 1 && disk[n - 1] == '/'; n--)
        disk[n - 1] = '\0';
    char *slash = mem_printf("%s/", disk);
    snapshot_look(s, slash, ANY);
    s->more = true;
    int fd = open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC), errnum = fd < 0 ? errno : listing_read(fd, l);
    mem_free(slash);
    mem_free(disk);
    return errnum;
}

/* Does an entry of such a folder belong to every revision? */
static bool is_everywhere(struct snapshot *s, const char *from_top, const struct tree_entry *en, bool all)
{
    char *path = mem_printf("%s%s%s", from_top, *from_top ? "/" : "", en->name);
    bool is_dir = en->type == ENTRY_DIR, ignored = all || snap_is_ignored(s, path, is_dir);
    bool is = is_dir ? snap_holds_ignored(s, path, ignored) : ignored && !mount_tracks(s, s->main, path);
    mem_free(path);
    return is;
}

int snap_list_ignored(struct snapshot *s, const char *from_top, bool all, struct snap_dir *known,
                      struct tree_listing *out)
{
    struct tree_listing l;
    int errnum = read_folder(s, from_top, &l);
    for (size_t i = 0; i < l.n && !errnum; i++)
        if (!(known && snap_find(s, known, l.v[i].name, strlen(l.v[i].name))) &&
            is_everywhere(s, from_top, &l.v[i], all))
            listing_add(out, l.v[i].name, l.v[i].type);
    tree_listing_clear(&l);
    return errnum;
}

bool snap_holds_ignored(struct snapshot *s, const char *from_top, bool all)
{
    struct tree_listing l;
    bool any = false;
    if (is_private(from_top))
        return false;
    int errnum = read_folder(s, from_top, &l);
    for (size_t i = 0; i < l.n && !errnum && !any; i++)
        any = is_everywhere(s, from_top, &l.v[i], all);
    tree_listing_clear(&l);
    return any;
}

/* SPDX-License-Identifier: MIT
 *
 * The tree view of a revision or of the index: folders, and what a path means in it. */
#include "tree/snapshot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "tree/listing.h"
#include "tree/path.h"

enum { MAX_LINKS = 40 }; /* as the kernel: path_resolution(7) */

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
    err_hint(&s->failure, "git fetch --refetch (a partial clone), or git fsck (a damaged one)");
}

void snapshot_look(struct snapshot *s, const char *path, bool untracked)
{
    str_id id = strtab_add(&s->looked_names, path);
    uint32_t at = map_get(&s->looked_index, id);
    if (at == MAP_NONE) {
        at = s->n_looked;
        map_put(&s->looked_index, id, at);
        MEM_GROW(s->looked, s->n_looked, s->cap_looked);
        s->looked[s->n_looked++] = (struct looked){id, false};
    }
    s->looked[at].untracked = s->looked[at].untracked || untracked;
}

/* ---- folders --------------------------------------------------------------------------------------------------- */

static int by_name(const void *pa, const void *pb)
{
    const struct snap_entry *a = pa, *b = pb;
    return strcmp(a->name, b->name);
}

static struct snap_dir *dir_new(struct snapshot *s, struct mount *m, struct snap_dir *parent, const char *name,
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

static bool on_disk(const struct snapshot *s, const char *from_top)
{
    struct stat st;
    char *disk = mem_printf("%s/%s", s->repo->top, from_top);
    bool there = lstat(disk, &st) == 0;
    mem_free(disk);
    return there;
}

/* What a sparse checkout leaves out. Submodules have no such entries. */
static bool is_left_out(struct snapshot *s, const struct snap_dir *d, const char *name)
{
    if (d->m != s->main || !mount_index(s, d->m) || !s->sparse)
        return false;
    char *path = mem_printf("%s%s%s", d->path, *d->path ? "/" : "", name);
    const git_index_entry *ie = lg.index_get_bypath(d->m->index, path, 0);
    bool out = ie && (ie->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) && !on_disk(s, path);
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
    for (size_t i = 0; i < n; i++) {
        const git_tree_entry *te = lg.tree_entry_byindex(t, i);
        const char *name = lg.tree_entry_name(te);
        if (is_left_out(s, d, name))
            continue;
        struct snap_entry *en = &d->v[d->n++];
        en->len = (uint32_t)strlen(name);
        en->name = arena_strndup(&s->arena, name, en->len);
        en->mode = (uint32_t)lg.tree_entry_filemode_raw(te);
        en->id = *lg.tree_entry_id(te);
    }
    lg.tree_free(t);
    /* Git sorts a folder as if its name ended in a slash. */
    qsort(d->v, d->n, sizeof *d->v, by_name);
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

static bool is_dir_mode(uint32_t mode) { return (mode & S_IFMT) == S_IFDIR; }
static bool is_link_mode(uint32_t mode) { return (mode & S_IFMT) == S_IFLNK; }
static bool is_submodule_mode(uint32_t mode) { return (mode & S_IFMT) == 0160000; }

static enum entry_type type_of(uint32_t mode)
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
    s->submodules = true;
    char *dot_git = mem_printf("%s/.git", m->disk);
    bool here =
        file_exists(dot_git) && lg.repository_open_ext(&m->git, m->disk, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) == 0;
    mem_free(dot_git);
    if (!here)
        return m;
    git_commit *c;
    if (lg.commit_lookup(&c, m->git, &m->commit) == 0) {
        m->root = dir_new(s, m, NULL, "", lg.commit_tree_id(c));
        lg.commit_free(c);
    } else {
        snapshot_fail(s, "the commit of the submodule '%s'", m->at);
        err_hint(&s->failure, "git -C %s fetch", m->at);
    }
    return m;
}

/* The folder behind an entry; NULL: a submodule that is not there. */
static struct snap_dir *dir_of(struct snapshot *s, struct snap_dir *d, struct snap_entry *en)
{
    if (!en->dir && is_submodule_mode(en->mode)) {
        struct mount *m = mount_new(s, d, en);
        en->dir = m->root ? m->root : dir_new(s, m, NULL, "", NULL);
        if (!m->root)
            en->dir->loaded = true; /* an empty folder, as after a checkout */
    } else if (!en->dir) {
        en->dir = dir_new(s, d->m, d, en->name, &en->id);
    }
    return en->dir;
}

/* ---- ignored files --------------------------------------------------------------------------------------------- */

/* The bits of the index that leave files out mean that only with this setting (git-sparse-checkout(1)). Git writes it to
 * the work tree's own file, which libgit2 1.5 does not read by itself. */
static bool is_sparse(const struct repo *r)
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
    if (!is_sparse(s->repo))
        return m->index;
    for (size_t i = 0; i < n && !s->sparse; i++)
        s->sparse = lg.index_get_byindex(m->index, i)->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE;
    return m->index;
}

bool mount_tracks(struct snapshot *s, struct mount *m, const char *path)
{
    return !mount_index(s, m) || lg.index_get_bypath(m->index, path, 0) != NULL;
}

static bool holds_ignored(struct snapshot *s, const char *from_top);

static bool is_private(const char *path)
{
    const char *name = path_base(path);
    return strcmp(name, ".git") == 0 || strcmp(name, ".tgraph") == 0;
}

/* Is a path from the main top ignored in the work tree and by the snapshot's own rules? */
static bool is_ignored(struct snapshot *s, const char *from_top, bool is_dir)
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

/* The entries of a folder on the disk that belong to every revision: ignored, and not tracked. `all`: the folder itself
 * is ignored. What `known` (may be NULL) has of the same name is left out. Returns an errno. */
static int list_overlay(struct snapshot *s, const char *from_top, bool all, struct snap_dir *known,
                        struct tree_listing *out)
{
    struct tree_listing l;
    listing_init(&l);
    char *disk = mem_printf("%s/%s", s->repo->top, from_top);
    for (size_t n = strlen(disk); n > 1 && disk[n - 1] == '/'; n--)
        disk[n - 1] = '\0';
    char *slash = mem_printf("%s/", disk);
    snapshot_look(s, slash, false);
    s->folders = true;
    int fd = open(disk, O_RDONLY | O_DIRECTORY | O_CLOEXEC), errnum = fd < 0 ? errno : listing_read(fd, &l);
    for (size_t i = 0; i < l.n && !errnum; i++) {
        if (known && snap_find(s, known, l.v[i].name, strlen(l.v[i].name)))
            continue;
        char *path = mem_printf("%s%s%s", from_top, *from_top ? "/" : "", l.v[i].name);
        bool is_dir = l.v[i].type == ENTRY_DIR, ignored = all || is_ignored(s, path, is_dir);
        if (is_dir ? ignored || holds_ignored(s, path) : ignored && !mount_tracks(s, s->main, path))
            listing_add(out, l.v[i].name, l.v[i].type);
        mem_free(path);
    }
    tree_listing_clear(&l);
    mem_free(slash);
    mem_free(disk);
    return errnum;
}

/* Is there anything in a folder on the disk, at any depth, that belongs to every revision? */
static bool holds_ignored(struct snapshot *s, const char *from_top)
{
    struct tree_listing l;
    listing_init(&l);
    bool any = !is_private(from_top) && list_overlay(s, from_top, false, NULL, &l) == 0 && l.n > 0;
    tree_listing_clear(&l);
    return any;
}

/* ---- paths ----------------------------------------------------------------------------------------------------- */

struct step { /* a folder on the way; dir NULL: on the disk */
    struct snap_dir *dir;
    bool ignored; /* on the disk: what is in it needs no rule of its own */
    size_t len;   /* of the path of the folder, from the main top */
};

struct way {
    struct snapshot *s;
    struct step *v;
    size_t n, cap;
    struct buf path; /* walked so far, from the main top */
    struct buf todo;
    size_t at; /* in todo */
    int links;
    bool disk, direct;
};

static void push(struct way *w, struct snap_dir *dir, bool ignored)
{
    MEM_GROW(w->v, w->n, w->cap);
    w->v[w->n++] = (struct step){dir, ignored, w->path.len};
}

static void start(struct way *w)
{
    w->n = 0;
    buf_reset(&w->path);
    buf_adds(&w->path, "");
    push(w, w->s->main->root, false);
}

/* Removes "." and ".." from an absolute path as text. */
static void tidy(const char *path, struct buf *out)
{
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len == 2 && !strncmp(path, "..", 2)) {
            while (out->len && out->p[--out->len] != '/')
                ;
        } else if (len && !(len == 1 && *path == '.')) {
            buf_addc(out, '/');
            buf_add(out, path, len);
        }
        path += len + (path[len] == '/');
    }
    buf_addc(out, '\0');
    out->len--;
}

/* Goes on at an absolute path: false if it leads out of the work tree, then out has it. */
static bool jump(struct way *w, const char *absolute, struct spot *out)
{
    const char *top = w->s->repo->top;
    size_t len = strlen(top);
    struct buf clean = BUF_INIT;
    tidy(absolute, &clean);
    bool inside = strncmp(buf_cstr(&clean), top, len) == 0 && (clean.len == len || clean.p[len] == '/');
    if (inside) {
        struct buf rest = BUF_INIT;
        buf_adds(&rest, clean.len > len ? clean.p + len + 1 : "");
        buf_clear(&w->todo);
        w->todo = rest;
        w->at = 0;
        start(w);
    } else {
        out->where = ON_DISK;
        buf_reset(&out->path);
        buf_adds(&out->path, clean.len ? clean.p : "/");
    }
    buf_clear(&clean);
    return inside;
}

/* Puts a link's text in front of what is still to do. */
static bool enter_link(struct way *w, const char *text, size_t len, struct spot *out)
{
    struct buf todo = BUF_INIT;
    buf_add(&todo, text, len);
    buf_addc(&todo, '/');
    buf_adds(&todo, w->todo.p + w->at);
    w->direct = false;
    if (++w->links > MAX_LINKS || memchr(text, 0, len)) {
        out->loop = w->links > MAX_LINKS;
        buf_clear(&todo);
        return false; /* nowhere */
    }
    if (len && *text == '/') {
        bool inside = jump(w, buf_cstr(&todo), out);
        buf_clear(&todo);
        return inside;
    }
    buf_clear(&w->todo);
    w->todo = todo;
    w->at = 0;
    return true;
}

static bool up(struct way *w, struct spot *out)
{
    if (w->n > 1) {
        const struct step *from = &w->v[w->n - 1];
        if (!from->dir && !from->ignored && !holds_ignored(w->s, w->path.p))
            return false; /* through a folder that is new */
        w->n--;
        w->path.len = w->v[w->n - 1].len;
        w->path.p[w->path.len] = '\0';
        return true;
    }
    w->direct = false;
    char *absolute = mem_printf("%s/../%s", w->s->repo->top, w->todo.p + w->at);
    bool inside = jump(w, absolute, out);
    mem_free(absolute);
    return inside;
}

/* A part that git does not have in this folder: is it an ignored file, or a folder that holds some? */
static bool step_on_disk(struct way *w, size_t before, bool last, bool follow, struct spot *out)
{
    struct snapshot *s = w->s;
    struct stat st;
    if (!w->disk)
        return false;
    char *disk = mem_printf("%s/%s", s->repo->top, w->path.p);
    bool there = lstat(disk, &st) == 0, go_on = false, is_dir = there && S_ISDIR(st.st_mode);
    bool ignored = there && (w->v[w->n - 1].ignored || is_ignored(s, w->path.p, is_dir));
    snapshot_look(s, disk, ignored && !is_dir);
    if (!there || (!is_dir && (!ignored || mount_tracks(s, s->main, w->path.p)))) {
        /* nowhere */
    } else if (is_dir) {
        push(w, NULL, ignored);
        go_on = true;
    } else if (S_ISLNK(st.st_mode) && (follow || !last)) {
        char text[PATH_MAX];
        ssize_t len = readlink(disk, text, sizeof text);
        w->path.len = before;
        w->path.p[before] = '\0';
        go_on = len > 0 && enter_link(w, text, (size_t)len, out);
    } else if (last) {
        out->where = ON_DISK;
        out->overlay = true;
        out->type = entry_type_of(&st);
        buf_adds(&out->path, disk);
    }
    mem_free(disk);
    return go_on;
}

/* One part of the path. false: the end, and out says which (NOWHERE if it was not touched). */
static bool step(struct way *w, const char *name, size_t len, bool last, bool follow, struct spot *out)
{
    struct snapshot *s = w->s;
    if (!len || (len == 1 && *name == '.'))
        return true;
    if (len == 2 && !strncmp(name, "..", 2))
        return up(w, out);
    struct snap_dir *d = w->v[w->n - 1].dir;
    size_t before = w->path.len;
    if (len == 4 && !strncmp(name, ".git", 4)) { /* git's own files are the same for all revisions */
        out->where = ON_DISK;
        buf_printf(&out->path, "%s/%s%s.git/%s", s->repo->top, w->path.p, before ? "/" : "", w->todo.p + w->at);
        while (out->path.len > 1 && out->path.p[out->path.len - 1] == '/')
            out->path.p[--out->path.len] = '\0';
        snapshot_look(s, out->path.p, false);
        return false;
    }
    struct snap_entry *en = d ? snap_find(s, d, name, len) : NULL;
    if (before)
        buf_addc(&w->path, '/');
    buf_add(&w->path, name, len);
    if (!en)
        return step_on_disk(w, before, last, follow, out);
    if (is_dir_mode(en->mode) || is_submodule_mode(en->mode)) {
        w->direct = w->direct && is_dir_mode(en->mode);
        push(w, dir_of(s, d, en), false);
        return true;
    }
    if (is_link_mode(en->mode) && (follow || !last)) {
        struct buf text = BUF_INIT;
        w->path.len = before;
        w->path.p[before] = '\0';
        bool go_on = snapshot_content(s, d, en, &text) && enter_link(w, buf_cstr(&text), text.len, out);
        buf_clear(&text);
        return go_on;
    }
    if (last) {
        out->where = IN_GIT;
        out->dir = d;
        out->entry = en;
        out->type = type_of(en->mode);
        buf_add(&out->path, w->path.p, w->path.len);
    }
    return false;
}

void spot_clear(struct spot *p) { buf_clear(&p->path); }

static void find(struct way *w, bool follow, struct spot *out)
{
    for (;;) {
        const char *name = w->todo.p + w->at;
        if (!*name)
            break;
        size_t len = strcspn(name, "/");
        w->at += len + (name[len] == '/');
        bool last = strspn(w->todo.p + w->at, "/") == strlen(w->todo.p + w->at);
        if (!step(w, name, len, last, follow, out))
            return;
    }
    struct snap_dir *d = w->v[w->n - 1].dir;
    if (!d && !w->v[w->n - 1].ignored && !holds_ignored(w->s, w->path.p))
        return; /* a folder that is new */
    out->where = d ? IN_GIT : ON_DISK;
    out->overlay = !d;
    out->all_ignored = w->v[w->n - 1].ignored;
    out->type = ENTRY_DIR;
    out->dir = d;
    if (!d)
        buf_printf(&out->path, "%s/", w->s->repo->top);
    buf_add(&out->path, w->path.p, w->path.len);
}

static void begin(struct snapshot *s, bool disk, struct way *w, struct spot *out)
{
    *out = (struct spot){0};
    *w = (struct way){.s = s, .disk = disk, .direct = true};
    buf_adds(&w->todo, "");
    start(w);
}

static void end(struct way *w, struct spot *out)
{
    out->direct = w->direct;
    buf_clear(&w->path);
    buf_clear(&w->todo);
    mem_free(w->v);
}

void spot_find(struct snapshot *s, const char *from_top, bool follow, bool disk, struct spot *out)
{
    struct way w;
    begin(s, disk, &w, out);
    buf_adds(&w.todo, from_top);
    find(&w, follow, out);
    end(&w, out);
}

void spot_find_path(struct snapshot *s, const char *path, bool follow, bool disk, struct spot *out)
{
    struct way w;
    begin(s, disk, &w, out);
    if (*path != '/') {
        buf_printf(&w.todo, "%s/%s", s->repo->prefix, path);
        find(&w, follow, out);
    } else if (jump(&w, path, out)) {
        find(&w, follow, out);
    }
    end(&w, out);
}

bool spot_quick(struct snapshot *s, const char *path, struct spot *out)
{
    const char *name = path_base(path);
    size_t len = name > path ? (size_t)(name - path) - 1 : 0;
    if (*path == '/' || !*name)
        return false;
    if (!s->last_dir || s->last_len != len || memcmp(s->last_path, path, len) != 0) {
        struct snap_dir *d = s->main->root;
        struct buf full = BUF_INIT; /* of the folder, from the main top */
        buf_adds(&full, s->repo->prefix);
        if (len) {
            if (full.len)
                buf_addc(&full, '/');
            buf_add(&full, path, len);
        }
        for (const char *part = buf_cstr(&full); *part && d;) {
            size_t n = strcspn(part, "/");
            struct snap_entry *en = snap_find(s, d, part, n);
            d = en && is_dir_mode(en->mode) ? dir_of(s, d, en) : NULL;
            part += n + (part[n] == '/');
        }
        buf_clear(&full);
        if (!d)
            return false;
        s->last_dir = d;
        mem_free(s->last_path);
        s->last_path = mem_strndup(path, len);
        s->last_len = len;
    }
    struct snap_entry *en = snap_find(s, s->last_dir, name, strlen(name));
    if (!en || (en->mode & S_IFMT) != S_IFREG)
        return false;
    *out = (struct spot){.where = IN_GIT, .type = type_of(en->mode), .dir = s->last_dir, .entry = en, .direct = true};
    return true;
}

/* ---- the view -------------------------------------------------------------------------------------------------- */

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
    snapshot_look(s, slash, false);
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
        errnum = p.overlay ? list_overlay(s, p.path.p + strlen(s->repo->top) + 1, p.all_ignored, NULL, out)
                           : list_disk(s, p.path.p, out);
        ok = errnum == 0;
    } else if (p.where == IN_GIT && !p.entry) {
        errnum = EIO;
        ok = snap_load(s, p.dir);
        for (uint32_t i = 0; i < p.dir->n; i++)
            listing_add(out, p.dir->v[i].name, type_of(p.dir->v[i].mode));
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
        list_overlay(s, buf_cstr(&p.path), false, p.dir, out);
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
        snapshot_look(s, p.path.p, false);
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
    static const struct tree_ops ops = {snapshot_type, snapshot_list, snapshot_read, snapshot_free, list_ignored};
    static const struct tree_ops pure = {pure_type, pure_list, pure_read, pure_free, NULL};
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
    s->main->root = dir_new(s, s->main, NULL, "", lg.commit_tree_id(c));
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
            last->dir = dir_new(s, s->main, d, last->name, NULL);
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
    qsort(d->v, d->n, sizeof *d->v, by_name);
}

struct tree *snapshot_index(struct repo *r, struct err *e)
{
    if (!repo_index(r)) {
        err_set(e, "T703", "%s", r->no_index);
        return NULL;
    }
    struct snapshot *s = snapshot_new(r);
    mount_index(s, s->main);
    s->main->root = dir_new(s, s->main, NULL, "", NULL);
    s->main->root->loaded = true;
    size_t n = lg.index_entrycount(r->index), n_dirs = 0, cap_dirs = 0;
    struct snap_dir **dirs = NULL;
    MEM_GROW(dirs, n_dirs, cap_dirs);
    dirs[n_dirs++] = s->main->root;
    const char *unmerged = NULL;
    bool sparse = is_sparse(r);
    for (size_t i = 0; i < n && !unmerged; i++) {
        const git_index_entry *ie = lg.index_get_byindex(r->index, i);
        const char *name;
        if ((ie->flags & GIT_INDEX_ENTRY_STAGEMASK) >> GIT_INDEX_ENTRY_STAGESHIFT)
            unmerged = ie->path;
        if (ie->flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD)
            continue; /* only announced: not in the commit to be */
        if (sparse && (ie->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) && !on_disk(s, ie->path)) {
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
            todo[n++] = dir_of(s, d, &d->v[i]);
        }
    }
    mem_free(todo);
}

struct object_id snapshot_root_id(const struct tree *t)
{
    struct snapshot *s = (struct snapshot *)(uintptr_t)t;
    struct object_id id = {{0}};
    struct spot p;
    spot_find_path(s, "", true, false, &p);
    if (p.where == IN_GIT && !p.entry)
        id = from_oid(&p.dir->id);
    spot_clear(&p);
    return id;
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
    return s->sparse || s->submodules || s->folders;
}

size_t snapshot_n_looked(const struct tree *t)
{
    const struct snapshot *s = (const struct snapshot *)t;
    return s->n_looked + (s->work_rules ? walker_n_ignore_files(s->work_rules) : 0);
}

const char *snapshot_looked(const struct tree *t, size_t i, bool *untracked)
{
    const struct snapshot *s = (const struct snapshot *)t;
    *untracked = i < s->n_looked && s->looked[i].untracked;
    if (i < s->n_looked)
        return strtab_get(&s->looked_names, s->looked[i].path);
    return walker_ignore_file(s->work_rules, i - s->n_looked);
}

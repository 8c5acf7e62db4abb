/* SPDX-License-Identifier: MIT
 *
 * What a path means in a snapshot: part by part, through links, submodules and ignored folders, as the file system would
 * go in a checkout. */
#include "tree/snapshot_internal.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree/listing.h"
#include "tree/path.h"

enum { MAX_LINKS = 40 }; /* as the kernel: path_resolution(7) */

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

/* Follows an absolute path on the disk, part by part, until it leads into the folder `top`: then `rest` gets what is left of
 * it from there. false: it does not. */
static bool leads_into(const char *absolute, const char *top, struct buf *rest)
{
    struct buf at = BUF_INIT, todo = BUF_INIT;
    size_t top_len = strlen(top);
    bool inside = false;
    buf_adds(&at, "");
    buf_adds(&todo, absolute);
    for (int links = 0; links <= MAX_LINKS;) {
        if (at.len == top_len && memcmp(at.p, top, top_len) == 0) {
            inside = true;
            break;
        }
        const char *name = todo.p + strspn(todo.p, "/");
        size_t len = strcspn(name, "/");
        char text[PATH_MAX];
        struct buf next = BUF_INIT;
        if (!len)
            break;
        size_t before = at.len;
        if (len == 2 && !strncmp(name, "..", 2)) {
            while (at.len && at.p[--at.len] != '/')
                ;
            at.p[at.len] = '\0';
        } else if (!(len == 1 && *name == '.')) {
            buf_addc(&at, '/');
            buf_add(&at, name, len);
        }
        ssize_t n = at.len > before ? readlink(at.p, text, sizeof text) : -1;
        if (n >= 0) {
            at.len = *text == '/' ? 0 : before;
            at.p[at.len] = '\0';
            buf_add(&next, text, (size_t)n);
            buf_addc(&next, '/');
            links++;
        }
        buf_adds(&next, name + len);
        buf_clear(&todo);
        todo = next;
    }
    if (inside)
        buf_adds(rest, todo.p + strspn(todo.p, "/"));
    buf_clear(&at);
    buf_clear(&todo);
    return inside;
}

/* Goes on at an absolute path: false if it leads out of the work tree, then out has it. */
static bool jump(struct way *w, const char *absolute, struct spot *out)
{
    struct buf rest = BUF_INIT;
    buf_adds(&rest, "");
    bool inside = leads_into(absolute, w->s->repo->top, &rest);
    if (inside) {
        buf_clear(&w->todo);
        w->todo = rest;
        w->at = 0;
        start(w);
    } else {
        out->where = ON_DISK;
        buf_reset(&out->path);
        buf_adds(&out->path, absolute);
        while (out->path.len > 1 && out->path.p[out->path.len - 1] == '/')
            out->path.p[--out->path.len] = '\0';
        buf_clear(&rest);
    }
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
        if (!from->dir && !from->ignored && !snap_holds_ignored(w->s, w->path.p, false))
            return false; /* through a folder that is new */
        w->n--;
        w->path.len = w->v[w->n - 1].len;
        w->path.p[w->path.len] = '\0';
        return true;
    }
    w->direct = false;
    const char *top = w->s->repo->top, *slash = strrchr(top, '/'); /* the top is no link */
    char *absolute = mem_printf("%.*s/%s", slash ? (int)(slash - top) : 0, top, w->todo.p + w->at);
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
    bool ignored = there && (w->v[w->n - 1].ignored || snap_is_ignored(s, w->path.p, is_dir));
    bool tracked = ignored && !is_dir && mount_tracks(s, s->main, w->path.p);
    snapshot_look(s, disk, !ignored || is_dir ? ANY : tracked ? TRACKED : UNTRACKED);
    if (!there || (!is_dir && (!ignored || tracked))) {
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
        snapshot_look(s, out->path.p, ANY);
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
        push(w, snap_dir_of(s, d, en), false);
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
        out->type = snap_type(en->mode);
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
    if (!d && !snap_holds_ignored(w->s, w->path.p, w->v[w->n - 1].ignored))
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
            d = en && is_dir_mode(en->mode) ? snap_dir_of(s, d, en) : NULL;
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
    *out = (struct spot){.where = IN_GIT, .type = snap_type(en->mode), .dir = s->last_dir, .entry = en, .direct = true};
    return true;
}

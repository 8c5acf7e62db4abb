/* SPDX-License-Identifier: MIT
 *
 * Removes a tree without recursion, of any depth and with few descriptors. Every step is relative to a folder that is
 * held open, and links are never followed, so nothing outside the tree can be reached while somebody changes it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

/* Of the folders on the way down only the innermost are kept open; the others are opened again by ".." on the way up,
 * and compared with what they were. */
enum { OPEN_LEVELS = 48 };

struct level {
    DIR *dir;        /* NULL: closed to spare the descriptor */
    size_t name_end; /* length of the walk's path, this folder's name included */
    dev_t dev;
    ino_t ino;
    bool unlocked; /* was made writable, since it refused */
};

struct walk {
    struct level *v;
    size_t n, cap;
    struct buf path; /* of the innermost folder, for messages */
    struct err *e;
};

static bool fail(struct walk *w, int errnum, const char *name)
{
    return err_sys(w->e, "T401", errnum, "cannot remove %s%s%s", buf_cstr(&w->path), name ? "/" : "", name ? name : "");
}

/* Enters the folder open as fd (owned). */
static bool push(struct walk *w, int fd, const char *name)
{
    struct stat st;
    DIR *dir = NULL;
    if (fstat(fd, &st) != 0 || !(dir = fdopendir(fd))) {
        int errnum = errno;
        close(fd);
        return fail(w, errnum, name);
    }
    if (w->n > 0)
        buf_addc(&w->path, '/');
    buf_adds(&w->path, name);
    MEM_GROW(w->v, w->n, w->cap);
    w->v[w->n++] = (struct level){dir, w->path.len, st.st_dev, st.st_ino, false};
    if (w->n > OPEN_LEVELS) {
        struct level *outer = &w->v[w->n - 1 - OPEN_LEVELS];
        if (outer->dir)
            closedir(outer->dir);
        outer->dir = NULL;
    }
    return true;
}

/* Opens the folder around the innermost one again if it was closed. */
static bool reopen_parent(struct walk *w)
{
    struct level *in = &w->v[w->n - 1], *out = in - 1;
    if (out->dir)
        return true;
    int fd = openat(dirfd(in->dir), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail(w, errno, NULL);
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_dev != out->dev || st.st_ino != out->ino || !(out->dir = fdopendir(fd))) {
        close(fd);
        return err_set(w->e, "T401", "cannot remove %s: it was moved meanwhile", buf_cstr(&w->path));
    }
    return true;
}

/* Removes one entry of the innermost folder, or enters it if it is a folder. */
static bool remove_entry(struct walk *w, const struct dirent *d)
{
    struct level *in = &w->v[w->n - 1];
    int at = dirfd(in->dir);
    if (d->d_type != DT_DIR) {
        int r = unlinkat(at, d->d_name, 0);
        if (r != 0 && errno == EACCES && !in->unlocked) {
            in->unlocked = true;
            if (fchmod(at, 0700) == 0)
                r = unlinkat(at, d->d_name, 0);
        }
        if (r == 0 || errno == ENOENT)
            return true;
        if (errno != EISDIR && errno != EPERM) /* POSIX says EPERM for a folder */
            return fail(w, errno, d->d_name);
    }
    int fd = openat(at, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? true : fail(w, errno == ENOTDIR ? EPERM : errno, d->d_name);
    return push(w, fd, d->d_name);
}

/* Leaves the innermost folder, which is empty, and removes it. */
static bool pop(struct walk *w, const char *root)
{
    struct level *in = &w->v[w->n - 1];
    if (w->n == 1) {
        closedir(in->dir);
        w->n = 0;
        return rmdir(root) == 0 || errno == ENOENT ? true : fail(w, errno, NULL);
    }
    if (!reopen_parent(w))
        return false;
    struct level *out = in - 1;
    closedir(in->dir);
    w->n--;
    char *name = w->path.p + out->name_end + 1;
    int r = unlinkat(dirfd(out->dir), name, AT_REMOVEDIR);
    if (r != 0 && errno == EACCES && !out->unlocked) {
        out->unlocked = true;
        if (fchmod(dirfd(out->dir), 0700) == 0)
            r = unlinkat(dirfd(out->dir), name, AT_REMOVEDIR);
    }
    if (r != 0 && errno != ENOENT)
        return fail(w, errno, NULL);
    w->path.len = out->name_end;
    w->path.p[w->path.len] = '\0';
    return true;
}

static bool remove_below(struct walk *w, const char *root)
{
    while (w->n > 0) {
        errno = 0;
        struct dirent *d = readdir(w->v[w->n - 1].dir);
        if (!d && errno != 0)
            return fail(w, errno, NULL);
        if (!d) {
            if (!pop(w, root))
                return false;
        } else if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            if (!remove_entry(w, d))
                return false;
        }
    }
    return true;
}

bool file_remove_tree(const char *path, struct err *e)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') /* a trailing slash would follow a link */
        len--;
    char *root = mem_strndup(path, len);
    bool ok = true;
    if (unlink(root) != 0 && errno != ENOENT && errno != ENOTDIR) {
        int errnum = errno;
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (strcmp(root, "/") == 0 || fd < 0) {
            if (fd >= 0)
                close(fd);
            else if (errno != ENOTDIR)
                errnum = errno; /* it is a folder, and this is what is wrong with it */
            ok = err_sys(e, "T401", errnum, "cannot remove %s", root);
        } else {
            struct walk w = {.e = e};
            ok = push(&w, fd, root) && remove_below(&w, root);
            for (size_t i = 0; i < w.n; i++)
                if (w.v[i].dir)
                    closedir(w.v[i].dir);
            mem_free(w.v);
            buf_clear(&w.path);
        }
    }
    mem_free(root);
    return ok;
}

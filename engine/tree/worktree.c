/* SPDX-License-Identifier: MIT
 *
 * The tree view of the work tree: asks the file system, caches nothing. */
#include "tree/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct worktree {
    struct tree base;
    int root_fd; /* -1: the root cannot be opened; then nothing is there */
};

static const char *or_dot(const char *path) { return *path ? path : "."; }

static enum entry_type worktree_type(struct tree *t, const char *path)
{
    const struct worktree *w = (const struct worktree *)t;
    struct stat sb;
    if (fstatat(w->root_fd, or_dot(path), &sb, AT_SYMLINK_NOFOLLOW))
        return ENTRY_NONE;
    return entry_type_of(&sb);
}

static bool worktree_list(struct tree *t, const char *dir, struct tree_listing *out, struct err *e)
{
    const struct worktree *w = (const struct worktree *)t;
    int fd = openat(w->root_fd, or_dot(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int errnum = fd < 0 ? errno : listing_read(fd, out);
    if (!errnum)
        return true;
    bool absent = errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
    return err_sys(e, absent ? "T404" : "T403", errnum, "cannot list the folder %s", or_dot(dir));
}

static bool read_all(int fd, const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
    struct stat sb;
    if (fstat(fd, &sb))
        return err_sys(e, "T401", errno, "cannot read %s", path);
    if (!S_ISREG(sb.st_mode))
        return err_set(e, "T401", "cannot read %s: it is not a regular file", path);
    size_t start = out->len;
    if ((uint64_t)sb.st_size <= max_bytes)
        buf_reserve(out, (size_t)sb.st_size + 1);
    for (;;) {
        /* One byte more than is allowed shows that there is more: the file may have grown since the stat. */
        char piece[16384];
        size_t left = max_bytes - (out->len - start);
        ssize_t got = read(fd, piece, left < sizeof piece ? left + 1 : sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(e, "T401", errno, "cannot read %s", path);
        if (!got)
            return true;
        buf_add(out, piece, (size_t)got);
        if (out->len - start > max_bytes)
            return err_set(e, "T402", "%s is too large: more than %zu bytes", path, max_bytes);
    }
}

static bool worktree_read(struct tree *t, const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
    const struct worktree *w = (const struct worktree *)t;
    /* O_NONBLOCK: opening a pipe must not wait for its other end. */
    int fd = openat(w->root_fd, or_dot(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_sys(e, "T401", errno, "cannot read %s", path);
    size_t start = out->len;
    bool ok = read_all(fd, path, max_bytes, out, e);
    close(fd);
    if (!ok && out->p) {
        out->len = start;
        out->p[start] = '\0';
    }
    return ok;
}

static void worktree_free(struct tree *t)
{
    struct worktree *w = (struct worktree *)t;
    if (w->root_fd >= 0)
        close(w->root_fd);
    mem_free(w);
}

struct tree *tree_worktree_new(const char *root)
{
    static const struct tree_ops ops = {worktree_type, worktree_list, worktree_read, worktree_free, NULL, NULL};
    struct worktree *w = mem_alloc(sizeof *w);
    w->base.ops = &ops;
    w->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return &w->base;
}

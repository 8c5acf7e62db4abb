/* SPDX-License-Identifier: MIT
 *
 * Whole files: read, replace, copy, digest, map, lock. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

enum { COPY_BYTES = 256 * 1024 };

static bool fail(struct err *e, int errnum, const char *verb, const char *path)
{
    return err_sys(e, "T401", errnum, "cannot %s %s", verb, path);
}

/* read() that is not disturbed by signals. */
static ssize_t read_some(int fd, void *p, size_t len)
{
    ssize_t n;
    do
        n = read(fd, p, len);
    while (n < 0 && errno == EINTR);
    return n;
}

static bool write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_limited(int fd, const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(e, errno, "read", path);
    if (S_ISDIR(st.st_mode))
        return fail(e, EISDIR, "read", path);
    size_t start = out->len;
    /* One byte more than the size, so that the end is seen without growing; files of /proc claim to be empty. */
    size_t ask = st.st_size > 0 ? (size_t)st.st_size + 1 : 4096;
    for (;;) {
        size_t have = out->len - start;
        if (have > max_bytes)
            return err_set(e, "T402", "%s is larger than %zu bytes", path, max_bytes);
        if (ask > max_bytes - have)
            ask = max_bytes - have + (max_bytes < SIZE_MAX);
        buf_reserve(out, ask);
        ssize_t n = read_some(fd, out->p + out->len, ask);
        if (n < 0)
            return fail(e, errno, "read", path);
        if (n == 0)
            break;
        out->len += (size_t)n;
        ask = (size_t)n < ask ? ask - (size_t)n : 64 * 1024;
    }
    if (out->p)
        out->p[out->len] = '\0';
    return true;
}

bool file_read(const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(e, errno, "open", path);
    size_t start = out->len;
    bool ok = read_limited(fd, path, max_bytes, out, e);
    close(fd);
    if (!ok && out->p) {
        out->len = start;
        out->p[start] = '\0';
    }
    return ok;
}

/* Opens a new file beside `path`, whose name *tmp the caller frees; -1 with errno if it cannot. The name does not
 * contain the one of `path`, which may be as long as the system allows. */
static int open_beside(const char *path, mode_t mode, char **tmp)
{
    static atomic_uint counter;
    const char *slash = strrchr(path, '/');
    int dir_len = slash ? (int)(slash - path + 1) : 0;
    for (;;) {
        *tmp = mem_printf("%.*s.tgraph-tmp-%ld-%u", dir_len, path, (long)getpid(), atomic_fetch_add(&counter, 1));
        int fd = open(*tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd >= 0)
            return fd;
        int errnum = errno;
        mem_free(*tmp);
        *tmp = NULL;
        errno = errnum;
        if (errnum != EEXIST) /* left by a process of the same number that was killed */
            return -1;
    }
}

static bool sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = !slash ? mem_strdup(".") : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(dir);
    if (fd < 0)
        return false;
    /* Some file systems cannot sync a folder, and say EINVAL. */
    bool ok = fsync(fd) == 0 || errno == EINVAL;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return ok;
}

/* Ends what open_beside began: `error` is an errno, 0 = the content is written. Closes fd and frees tmp. */
static bool put_in_place(int fd, char *tmp, const char *path, int mode, bool durable, int error, struct err *e)
{
    if (error == 0 && fchmod(fd, (mode_t)mode) != 0)
        error = errno;
    if (error == 0 && durable && fsync(fd) != 0)
        error = errno;
    if (close(fd) != 0 && error == 0 && errno != EINTR)
        error = errno;
    if (error == 0 && rename(tmp, path) != 0)
        error = errno;
    if (error != 0)
        unlink(tmp);
    else if (durable && !sync_parent(path))
        error = errno;
    mem_free(tmp);
    return error == 0 ? true : fail(e, error, "write", path);
}

bool file_replace(const char *path, const void *p, size_t len, int mode, bool durable, struct err *e)
{
    char *tmp;
    int fd = open_beside(path, 0600, &tmp);
    if (fd < 0)
        return fail(e, errno, "write", path);
    int error = write_all(fd, p, len) ? 0 : errno;
    return put_in_place(fd, tmp, path, mode, durable, error, e);
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes one folder; true if it is there afterwards. */
static bool make_dir(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return true;
    int errnum = errno; /* EEXIST, but also EROFS or EACCES for one that exists */
    if (file_is_dir(path))
        return true;
    errno = errnum == EEXIST ? ENOTDIR : errnum;
    return false;
}

bool file_mkdirs(const char *path, struct err *e)
{
    if (make_dir(path))
        return true;
    if (errno != ENOENT || path[0] == '\0')
        return fail(e, errno, "make the folder", path);
    char *part = mem_strdup(path);
    bool ok = true;
    for (char *p = part + 1; ok && *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        ok = make_dir(part) || fail(e, errno, "make the folder", part);
        *p = '/';
    }
    mem_free(part);
    return ok && (make_dir(path) || fail(e, errno, "make the folder", path));
}

bool file_mkdirs_for(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return true;
    char *dir = mem_strndup(path, (size_t)(slash - path));
    bool ok = file_mkdirs(dir, e);
    mem_free(dir);
    return ok;
}

/* Opens a regular file; a fifo in its place must not block. */
static int open_regular(const char *path, const char *verb, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(e, errno, fd < 0 ? "open" : verb, path);
    } else if (!S_ISREG(st.st_mode)) {
        err_set(e, "T403", "cannot %s %s: it is not a regular file", verb, path);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Reads `in` to its end, hashes it, and writes it to `out` unless that is -1. Returns 0 or an errno; *writing says
 * which side failed. */
static int pump(int in, int out, struct digest *content, bool *writing)
{
    char *block = mem_alloc(COPY_BYTES);
    struct hash_stream *s = hash_stream_new();
    ssize_t n;
    int error = 0;
    *writing = false;
    while ((n = read_some(in, block, COPY_BYTES)) > 0) {
        hash_stream_add(s, block, (size_t)n);
        if (out >= 0 && !write_all(out, block, (size_t)n)) {
            error = errno;
            *writing = true;
            break;
        }
    }
    if (n < 0)
        error = errno;
    *content = hash_stream_end(s);
    mem_free(block);
    return error;
}

bool file_digest(const char *path, struct digest *content, struct err *e)
{
    int fd = open_regular(path, "read", e);
    if (fd < 0)
        return false;
    bool writing;
    int error = pump(fd, -1, content, &writing);
    close(fd);
    return error == 0 ? true : fail(e, error, "read", path);
}

bool file_copy(const char *src, const char *dst, int mode, struct digest *content, struct err *e)
{
    int in = open_regular(src, "copy", e);
    if (in < 0)
        return false;
    char *tmp;
    int out = open_beside(dst, 0600, &tmp);
    if (out < 0) {
        fail(e, errno, "write", dst);
        close(in);
        return false;
    }
    bool cloned = false, writing;
#ifdef FICLONE
    cloned = ioctl(out, FICLONE, in) == 0;
#endif
    /* The clone is what is hashed: the source may change meanwhile. */
    int error = cloned ? pump(out, -1, content, &writing) : pump(in, out, content, &writing);
    close(in);
    if (error != 0 && !writing && !cloned) {
        put_in_place(out, tmp, dst, mode, false, error, NULL);
        return fail(e, error, "read", src);
    }
    return put_in_place(out, tmp, dst, mode, false, error, e);
}

bool file_realpath(const char *path, struct buf *out, struct err *e)
{
    char *real = realpath(path, NULL);
    if (!real)
        return fail(e, errno, "resolve", path);
    buf_adds(out, real);
    free(real); /* from the C library, not from mem_alloc */
    return true;
}

bool file_map(const char *path, struct file_map *m, struct err *e)
{
    *m = (struct file_map){NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? true : fail(e, errno, "open", path);
    struct stat st;
    bool ok = true;
    if (fstat(fd, &st) != 0) {
        ok = fail(e, errno, "read", path);
    } else if (!S_ISREG(st.st_mode)) {
        ok = err_set(e, "T403", "cannot map %s: it is not a regular file", path);
    } else if (st.st_size > 0) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            ok = fail(e, errno, "map", path);
        else
            *m = (struct file_map){p, (size_t)st.st_size};
    }
    close(fd);
    return ok;
}

void file_unmap(struct file_map *m)
{
    if (m->p)
        munmap(m->p, m->len);
    *m = (struct file_map){NULL, 0};
}

static bool same_file(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool file_lock(const char *path, enum file_lock_mode mode, bool wait, struct file_lock *l, bool *got, struct err *e)
{
    l->fd = -1;
    *got = false;
    int op = (mode == FILE_LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
        if (fd < 0)
            return fail(e, errno, "open the lock", path);
        int r;
        do
            r = flock(fd, op);
        while (r != 0 && errno == EINTR);
        if (r != 0) {
            int errnum = errno;
            close(fd);
            return errnum == EWOULDBLOCK ? true : fail(e, errnum, "lock", path);
        }
        /* Somebody may have removed the file before the lock was ours: then it locks nothing that others see. */
        if (same_file(fd, path)) {
            l->fd = fd;
            *got = true;
            return true;
        }
        close(fd);
    }
}

void file_unlock(struct file_lock *l)
{
    if (l->fd < 0)
        return;
    /* Closing alone would keep the lock while a child between its start and its exec still has the descriptor. */
    flock(l->fd, LOCK_UN);
    close(l->fd);
    l->fd = -1;
}

char *file_self(void)
{
    char path[4097];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    return n > 0 && *path == '/' ? mem_strndup(path, (size_t)n) : NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * Blobs. Up to STORE_INLINE_BYTES they are rows, larger ones and everything of store_put_file are files named by their
 * digest. A file appears by rename with its whole content and is never written again; its modification time says when
 * it was last needed.
 *
 * Putting a blob that gc is about to remove: put marks the file as used (cas_touch) and believes that it is there only
 * if that worked; gc renames the file away first, looks at the mark again and links it back if it is fresh. Whichever
 * comes first, a put that succeeded leaves the file in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "store/store_internal.h"

#define CAS_FRESH_S 600         /* a mark younger than this is not renewed */
#define CAS_MAX_BLOB (1u << 30) /* bytes of a blob that is read into memory */

bool err_cache_write(const struct store *s, const char *code, const char *why, struct err *e)
{
    err_set(e, code, "cannot write to the cache folder %s: %s", s->dir, why);
    if (strcmp(code, "T504") == 0)
        err_hint(e, "free some space there, run `tgraph gc`, or set TGRAPH_CACHE_DIR to another folder");
    else
        err_hint(e,
                 "make the folder writable or set TGRAPH_CACHE_DIR to another one; until then nothing is remembered");
    return false;
}

static bool err_errno(const struct store *s, int errnum, struct err *e)
{
    bool full = errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG;
    return err_cache_write(s, full ? "T504" : "T503", full ? "no space left" : strerror(errnum), e);
}

void cas_path(const struct store *s, struct digest d, struct buf *out)
{
    char hex[DIGEST_HEX];
    digest_hex(d, hex);
    buf_reset(out);
    buf_printf(out, "%s/cas-v%d/%.2s/%s", s->dir, STORE_VERSION, hex, hex + 2);
}

bool cas_touch(const struct store *s, const char *path, uint64_t size_bytes)
{
    (void)s;
    struct stat sb;
    if (stat(path, &sb) != 0 || !S_ISREG(sb.st_mode))
        return false;
    if (size_bytes != CAS_ANY_SIZE && (uint64_t)sb.st_size != size_bytes)
        return false;
    if (sb.st_mtime > clock_real_ns() / 1000000000 - CAS_FRESH_S)
        return true;
    /* Not permitted (a folder that is shared read-only) is no reason to call it absent. */
    return utimensat(AT_FDCWD, path, NULL, 0) == 0 || errno != ENOENT;
}

/* A name in cas-v1/tmp that no other process or thread uses. */
static void temp_path(struct store *s, struct buf *out)
{
    buf_reset(out);
    buf_printf(out, "%s/cas-v%d/tmp/%ld-%llx-%x-%llx", s->dir, STORE_VERSION, (long)getpid(),
               (unsigned long long)clock_real_ns(), atomic_fetch_add(&s->temp_count, 1),
               (unsigned long long)(uintptr_t)s);
}

/* The blob in the temporary becomes the one of its name. */
static bool publish(struct store *s, const char *temp, const char *path, struct err *e)
{
    if (rename(temp, path) == 0)
        return true;
    if (errno == ENOENT && file_mkdirs_for(path, NULL) && rename(temp, path) == 0)
        return true;
    int errnum = errno;
    unlink(temp);
    return err_errno(s, errnum, e);
}

/* 0 or an errno; the temporary is gone then. */
static int write_temp(const char *temp, const void *p, size_t len)
{
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0 && errno == ENOENT && file_mkdirs_for(temp, NULL))
        fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0)
        return errno;
    int errnum = 0;
    for (const char *at = p; len > 0 && !errnum;) {
        ssize_t n = write(fd, at, len);
        if (n >= 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            errnum = errno;
        }
    }
    if (close(fd) != 0 && !errnum)
        errnum = errno;
    if (errnum)
        unlink(temp);
    return errnum;
}

/* May files be made here at all? A store that knows nothing creates nothing. A transaction that was given up does not
 * concern files. */
static bool files_writable(struct store *s, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    bool ok = db_may_write(s, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

static bool put_large(struct store *s, const void *p, size_t len, struct digest d, struct err *e)
{
    if (!files_writable(s, e))
        return false;
    struct buf path = BUF_INIT, temp = BUF_INIT;
    cas_path(s, d, &path);
    bool ok = cas_touch(s, buf_cstr(&path), len);
    if (!ok) {
        temp_path(s, &temp);
        int errnum = write_temp(buf_cstr(&temp), p, len);
        ok = errnum ? err_errno(s, errnum, e) : publish(s, buf_cstr(&temp), buf_cstr(&path), e);
    }
    buf_clear(&path);
    buf_clear(&temp);
    return ok;
}

static bool put_small(struct store *s, const void *p, size_t len, struct digest d, struct err *e)
{
    sqlite3_stmt *st = db_writable(s, e) ? db_stmt(s, S_PUT_BLOB, e) : NULL;
    if (!st)
        return false;
    int64_t now = store_now_s(s);
    bind_key(st, 1, &d);
    sqlite3_bind_int64(st, 2, now);
    sqlite3_bind_blob(st, 3, len ? p : "", (int)len, SQLITE_STATIC);
    sqlite3_bind_int64(st, 4, now - CAS_FRESH_S);
    return db_run(s, st, "storing a blob", e);
}

bool store_put_blob(struct store *s, const void *p, size_t len, struct digest *out, struct err *e)
{
    *out = digest_bytes(len ? p : "", len);
    if (len > STORE_INLINE_BYTES)
        return put_large(s, p, len, *out, e);
    pthread_mutex_lock(&s->mu);
    bool ok = put_small(s, p, len, *out, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

bool store_put_file(struct store *s, const char *path, struct digest *out, struct err *e)
{
    struct stat sb;
    *out = DIGEST_NONE;
    if (!files_writable(s, e))
        return false;
    /* Reading is cheap beside writing: a file that is there already is not copied. */
    if (stat(path, &sb) != 0)
        return err_sys(e, "T401", errno, "cannot read %s", path);
    struct digest seen;
    if (!file_digest(path, &seen, e))
        return false;
    struct buf to = BUF_INIT, temp = BUF_INIT;
    cas_path(s, seen, &to);
    bool ok = cas_touch(s, buf_cstr(&to), (uint64_t)sb.st_size);
    if (ok) {
        *out = seen;
    } else {
        temp_path(s, &temp);
        struct err why = ERR_INIT;
        ok = file_mkdirs_for(buf_cstr(&temp), &why) && file_copy(path, buf_cstr(&temp), 0444, out, &why);
        if (ok) {
            /* The name is the digest of the bytes that were copied, whatever happened to the source meanwhile. */
            cas_path(s, *out, &to);
            ok = publish(s, buf_cstr(&temp), buf_cstr(&to), e);
        } else {
            unlink(buf_cstr(&temp));
            err_cache_write(s, "T504", why.msg ? why.msg : "unknown", e);
        }
        err_clear(&why);
    }
    if (!ok)
        *out = DIGEST_NONE;
    buf_clear(&to);
    buf_clear(&temp);
    return ok;
}

static bool has_row(struct store *s, struct digest d)
{
    sqlite3_stmt *st = s->db ? db_stmt(s, S_HAS_BLOB, NULL) : NULL;
    if (!st)
        return false;
    bind_key(st, 1, &d);
    int row = db_step(s, st, "looking a blob up", NULL);
    if (row >= 0)
        db_done(st);
    return row > 0;
}

bool store_has_file(struct store *s, struct digest d)
{
    struct buf path = BUF_INIT;
    struct stat sb;
    cas_path(s, d, &path);
    bool has = stat(buf_cstr(&path), &sb) == 0 && S_ISREG(sb.st_mode);
    buf_clear(&path);
    return has;
}

bool store_has_blob(struct store *s, struct digest d)
{
    if (digest_is_none(d))
        return false;
    pthread_mutex_lock(&s->mu);
    bool has = has_row(s, d);
    pthread_mutex_unlock(&s->mu);
    return has || store_has_file(s, d);
}

static bool get_row(struct store *s, struct digest d, struct buf *out, bool *found, struct err *e)
{
    sqlite3_stmt *st = db_stmt(s, S_GET_BLOB, e);
    if (!st)
        return false;
    bind_key(st, 1, &d);
    int row = db_step(s, st, "reading a blob", e);
    if (row < 0)
        return false;
    if (row) {
        const void *p = sqlite3_column_blob(st, 0);
        size_t len = (size_t)sqlite3_column_bytes(st, 0);
        *found = digest_eq(digest_bytes(p ? p : "", len), d);
        if (*found)
            buf_add(out, p ? p : "", len);
    }
    db_done(st);
    return true;
}

static bool get_file(const struct store *s, struct digest d, struct buf *out, bool *found, struct err *e)
{
    struct buf path = BUF_INIT;
    cas_path(s, d, &path);
    size_t start = out->len;
    bool ok = true;
    if (file_exists(buf_cstr(&path))) {
        ok = file_read(buf_cstr(&path), CAS_MAX_BLOB, out, e);
        *found = ok && digest_eq(digest_bytes(out->p + start, out->len - start), d);
        if (ok && !*found)
            unlink(buf_cstr(&path));
        if (!*found && out->len > start) {
            out->len = start;
            out->p[start] = '\0';
        }
        /* It went between the two calls. */
        if (!ok && !file_exists(buf_cstr(&path))) {
            if (e)
                err_clear(e);
            ok = true;
        }
    }
    buf_clear(&path);
    return ok;
}

bool blob_get(struct store *s, struct digest d, struct buf *out, bool *found, struct err *e)
{
    *found = false;
    if (digest_is_none(d))
        return true;
    if (s->db && !get_row(s, d, out, found, e))
        return false;
    return *found || get_file(s, d, out, found, e);
}

bool store_get_blob(struct store *s, struct digest d, struct buf *out, bool *found, struct err *e)
{
    *found = false;
    if (digest_is_none(d))
        return true;
    pthread_mutex_lock(&s->mu);
    bool ok = !s->db || get_row(s, d, out, found, e);
    pthread_mutex_unlock(&s->mu);
    return ok && (*found || get_file(s, d, out, found, e));
}

/* The copy is verified under a name of its own, so that nobody ever sees damaged content at `path`. */
static bool restore(struct store *s, struct digest d, const char *from, const char *path, int mode, bool *found,
                    struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *temp = mem_printf("%.*s.tgraph-restore-%ld-%llx-%x", slash ? (int)(slash - path + 1) : 0, path,
                            (long)getpid(), (unsigned long long)(uintptr_t)s, atomic_fetch_add(&s->temp_count, 1));
    struct digest got;
    struct err why = ERR_INIT;
    bool ok = file_copy(from, temp, mode, &got, &why);
    if (!ok && file_exists(from) && file_mkdirs_for(path, NULL)) {
        err_clear(&why);
        ok = file_copy(from, temp, mode, &got, &why);
    }
    if (!ok) {
        ok = !file_exists(from); /* collected meanwhile: absent */
        if (!ok && e)
            copy_err(e, &why);
    } else if (!digest_eq(got, d)) {
        unlink(temp);
        unlink(from);
    } else if (rename(temp, path) == 0) {
        *found = true;
    } else {
        ok = err_sys(e, "T401", errno, "cannot write %s", path);
        unlink(temp);
    }
    err_clear(&why);
    mem_free(temp);
    return ok;
}

bool store_restore_file(struct store *s, struct digest d, const char *path, int mode, bool *found, struct err *e)
{
    *found = false;
    struct buf from = BUF_INIT;
    cas_path(s, d, &from);
    bool ok = true;
    if (cas_touch(s, buf_cstr(&from), CAS_ANY_SIZE))
        ok = restore(s, d, buf_cstr(&from), path, mode, found, e);
    buf_clear(&from);
    return ok;
}

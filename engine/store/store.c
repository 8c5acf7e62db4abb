/* SPDX-License-Identifier: MIT
 *
 * Opening, creating and closing the database, and recovery from damage.
 *
 * Two rules of SQLite ("How To Corrupt An SQLite Database File", sections 2.4 and 4) shape this file. A database must
 * not be renamed while another process is between opening it and opening its log, so opening happens under a shared
 * flock and moving aside under an exclusive one. And a process that still has the old one open must not, on closing,
 * delete the new one's log by name: so logs are persistent (SQLITE_FCNTL_PERSIST_WAL) and nothing is ever deleted by
 * closing. A process that finds its database moved away opens the new one at its next transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "store/store_internal.h"

#define WAL_PAGES 8000               /* checkpoint after so many pages: 32 MiB */
#define WAL_LEFT_BYTES (512 * 1024)  /* a log up to this long is left to the next process instead of two fsyncs */
#define WAL_LIMIT_BYTES (64LL << 20) /* a longer log is cut when it is reused */

enum opened {
    OPENED,         /* s->db is ready */
    OPENED_ABSENT,  /* no such file */
    OPENED_BLANK,   /* a file of SQLite's with nothing in it: the schema is to be made */
    OPENED_DAMAGED, /* not a database, or a corrupt one */
    OPENED_OTHER,   /* of a version that this program does not know */
    OPENED_ERROR,   /* cannot tell: e is set */
};

int64_t store_now_s(const struct store *s) { return clock_real_ns() / 1000000000 + s->test_shift_s; }

static bool is_damage(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    /* Our statements are right, so these mean that the schema or a row is not what we made. */
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return true;
    default:
        return rc == SQLITE_IOERR_SHORT_READ;
    }
}

/* An error code that is not damage as an err. */
static void set_error(struct store *s, int rc, const char *doing, struct err *e)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        err_cache_write(s, "T504", "no space left", e);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        err_cache_write(s, "T503", sqlite3_errstr(rc), e);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        err_set(e, "T506", "another process has kept the cache %s locked for %d s", s->db_path, STORE_BUSY_MS / 1000);
        err_hint(e, "see who has it open with `fuser %s`", s->db_path);
        break;
    default:
        err_set(e, "T505", "the cache %s: %s", s->db_path, sqlite3_errstr(rc));
        err_hint(e, "if it happens again, delete the folder or set TGRAPH_CACHE_DIR to another one");
        break;
    }
    err_wrap(e, "%s", doing);
}

static void db_close(struct store *s, bool broken)
{
    if (!s->db)
        return;
    for (int i = 0; i < N_STMTS; i++) {
        sqlite3_finalize(s->stmts[i]);
        s->stmts[i] = NULL;
    }
    /* The last process to close writes the log back into the database, which takes two fsyncs: only if it is long. */
    struct buf wal = BUF_INIT;
    struct stat sb;
    buf_printf(&wal, "%s-wal", s->db_path);
    if (broken || (stat(buf_cstr(&wal), &sb) == 0 && sb.st_size <= WAL_LEFT_BYTES))
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    buf_clear(&wal);
    sqlite3_close(s->db);
    s->db = NULL;
}

static int exec(struct store *s, const char *sql) { return sqlite3_exec(s->db, sql, NULL, NULL, NULL); }

static int query_int(struct store *s, const char *sql, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            *out = sqlite3_column_int64(st, 0);
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    sqlite3_finalize(st);
    return rc;
}

/* Opens the connection and sets it up; the first statement that reads opens the log as well. */
static int db_connect(struct store *s, const char *name, int flags, int64_t *version)
{
    int rc = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return rc;
    int persist = 1;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, STORE_MAX_ROW);
    sqlite3_wal_autocheckpoint(s->db, WAL_PAGES);
    struct buf b = BUF_INIT;
    buf_printf(&b,
               "PRAGMA trusted_schema=0; PRAGMA cell_size_check=1; PRAGMA mmap_size=0; PRAGMA synchronous=NORMAL;"
               "PRAGMA cache_size=-16384; PRAGMA journal_size_limit=%lld",
               WAL_LIMIT_BYTES);
    rc = exec(s, buf_cstr(&b));
    buf_clear(&b);
    return rc == SQLITE_OK ? query_int(s, "PRAGMA user_version", version) : rc;
}

/* A database without its log's files in a folder where they cannot be made: nobody has it open, so it may be read without
 * locks. Whatever goes wrong with that is caught by the rows' checksums. */
static int connect_immutable(struct store *s, int64_t *version)
{
    struct buf uri = BUF_INIT;
    buf_adds(&uri, "file:");
    for (const char *p = s->db_path; *p; p++) {
        if (strchr("%?#", *p))
            buf_printf(&uri, "%%%02X", (unsigned char)*p);
        else
            buf_addc(&uri, *p);
    }
    buf_adds(&uri, "?immutable=1");
    int rc = db_connect(s, buf_cstr(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, version);
    buf_clear(&uri);
    return rc;
}

static enum opened try_open(struct store *s, struct err *e)
{
    struct stat sb;
    if (stat(s->db_path, &sb) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return OPENED_ABSENT;
        err_sys(e, "T501", errno, "cannot open the cache %s", s->db_path);
        err_hint(e, "set TGRAPH_CACHE_DIR to a folder that you may use");
        return OPENED_ERROR;
    }
    int64_t version = 0;
    int rc = db_connect(s, s->db_path, SQLITE_OPEN_READWRITE, &version);
    if (((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY) && access(s->dir, W_OK) != 0) {
        db_close(s, true);
        rc = connect_immutable(s, &version);
    }
    if (rc == SQLITE_OK && version == STORE_VERSION) {
        s->readonly = sqlite3_db_readonly(s->db, "main") != 0;
        if (!s->readonly || access(s->db_path, W_OK) != 0 || access(s->dir, W_OK) != 0)
            return OPENED;
        /* SQLite takes a changed number in the header for a format that it must not write. */
        rc = SQLITE_CORRUPT;
    }
    int64_t tables = 0;
    if (rc == SQLITE_OK && version == 0)
        rc = query_int(s, "SELECT count(*) FROM sqlite_schema", &tables);
    db_close(s, true);
    if (is_damage(rc))
        return OPENED_DAMAGED;
    if (rc == SQLITE_OK)
        return version == 0 && tables == 0 ? OPENED_BLANK : OPENED_OTHER;
    err_set(e, "T501", "cannot open the cache %s: %s", s->db_path, sqlite3_errstr(rc));
    err_hint(e, "set TGRAPH_CACHE_DIR to a folder that you may use");
    return OPENED_ERROR;
}

static void cannot_write(struct store *s, const char *why)
{
    mem_free(s->why_no_write);
    s->why_no_write = mem_strdup(why);
}

/* Makes the schema in one transaction: it is there whole or not at all. If it cannot be made s->db stays NULL. */
static void create_schema(struct store *s)
{
    int64_t version;
    int rc = db_connect(s, s->db_path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &version);
    if (rc == SQLITE_OK)
        rc = exec(s, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL");
    if (rc == SQLITE_OK) {
        struct buf b = BUF_INIT;
        buf_printf(&b, "BEGIN IMMEDIATE; %s PRAGMA user_version=%d; COMMIT", store_schema, STORE_VERSION);
        rc = exec(s, buf_cstr(&b));
        buf_clear(&b);
    }
    if (rc == SQLITE_OK)
        return;
    db_close(s, true);
    cannot_write(s, sqlite3_errstr(rc));
}

/* Needs the exclusive lock. Another broken one that lies there goes. */
static bool move_aside(struct store *s)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    struct buf from = BUF_INIT, to = BUF_INIT;
    bool ok = true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends && ok; i++) {
        buf_reset(&from);
        buf_reset(&to);
        buf_printf(&from, "%s%s", s->db_path, ends[i]);
        buf_printf(&to, "%s.broken%s", s->db_path, ends[i]);
        if (rename(buf_cstr(&from), buf_cstr(&to)) == 0 || errno == ENOENT)
            continue;
        /* E.g. a folder in the way; a log must not stay beside a database that is not its own. */
        if (unlink(buf_cstr(&from)) != 0) {
            cannot_write(s, strerror(errno));
            ok = false;
        }
    }
    buf_clear(&from);
    buf_clear(&to);
    return ok;
}

static bool has_moved(struct store *s)
{
    int moved = 0;
    return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

static void discard_notice(struct store *s, enum opened why, bool moved, struct err *notice)
{
    const char *what = why == OPENED_OTHER ? "was written by another version of tgraph" : "is damaged";
    if (moved) {
        err_set(notice, why == OPENED_OTHER ? "T507" : "T502",
                "the cache %s %s: it was moved to %s.broken and a new one begun; targets run again", s->db_path, what,
                s->db_path);
    } else {
        err_set(notice, why == OPENED_OTHER ? "T507" : "T502", "the cache %s %s: it is not used", s->db_path, what);
    }
    if (notice)
        notice->level = ERR_WARNING;
}

/* With the exclusive lock: opens, or makes room and creates. */
static bool open_exclusive(struct store *s, struct err *notice, struct err *e)
{
    enum opened r = try_open(s, e);
    if (r == OPENED_DAMAGED || r == OPENED_OTHER) {
        bool moved = move_aside(s);
        discard_notice(s, r, moved, notice);
        if (!moved)
            return true;
        r = OPENED_ABSENT;
    }
    if (r == OPENED_ABSENT || r == OPENED_BLANK)
        create_schema(s);
    return r != OPENED_ERROR;
}

/* Opens what is there. If that is damaged (or `condemned`: the open database turned out to be) and this store may
 * create, it is moved aside and a new one begun. s->db stays NULL where there is nothing and nothing may be created.
 * notice is set if something was discarded; false: e says why it cannot be opened. */
static bool db_open(struct store *s, bool condemned, struct err *notice, struct err *e)
{
    struct file_lock lock = {-1};
    bool got = false;
    enum opened r = OPENED_DAMAGED;
    if (!condemned) {
        if (!s->create && !file_exists(s->db_path))
            return true;
        if (s->create)
            file_mkdirs(s->dir, NULL); /* if that fails, so will what follows */
        /* In a folder that cannot be written there is no lock, but nobody who moves things either. */
        if (!file_lock(s->lock_path, FILE_LOCK_SHARED, true, &lock, &got, NULL))
            got = false;
        r = try_open(s, e);
        if (got)
            file_unlock(&lock);
        if (r == OPENED || r == OPENED_ERROR)
            return r == OPENED;
    }
    if (!s->create) {
        db_close(s, true);
        if (r == OPENED_DAMAGED || r == OPENED_OTHER)
            discard_notice(s, r, false, notice);
        return true;
    }
    struct err le = ERR_INIT;
    if (!file_mkdirs(s->dir, &le) || !file_lock(s->lock_path, FILE_LOCK_EXCLUSIVE, true, &lock, &got, &le) || !got) {
        cannot_write(s, le.msg ? le.msg : "it cannot be locked");
        err_clear(&le);
        db_close(s, true);
        if (r == OPENED_DAMAGED || r == OPENED_OTHER)
            discard_notice(s, r, false, notice);
        return true;
    }
    bool ok = true, gone = true;
    if (condemned) {
        bool by_another = s->db && has_moved(s);
        db_close(s, true);
        gone = by_another || move_aside(s);
        discard_notice(s, OPENED_DAMAGED, gone, notice);
    }
    if (gone)
        ok = open_exclusive(s, notice, e);
    file_unlock(&lock);
    return ok;
}

bool store_open(const char *dir, bool create, struct store **out, struct errlist *warnings, struct err *e)
{
    struct store *s = mem_calloc(1, sizeof *s);
    s->dir = mem_strdup(dir);
    s->db_path = mem_printf("%s/store-v%d.db", dir, STORE_VERSION);
    s->lock_path = mem_printf("%s/store-v%d.lock", dir, STORE_VERSION);
    s->create = create;
    pthread_mutex_init(&s->mu, NULL);
    hasher_init(&s->sum);
    struct err notice = ERR_INIT, own = ERR_INIT;
    bool ok = db_open(s, false, &notice, &own);
    if (ok && notice.code[0] && warnings)
        copy_err(errlist_add(warnings, ERR_WARNING), &notice);
    if (!ok && e)
        copy_err(e, &own);
    err_clear(&notice);
    err_clear(&own);
    *out = ok ? s : NULL;
    if (!ok)
        store_close(s);
    return ok;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    db_close(s, false);
    pthread_mutex_destroy(&s->mu);
    hasher_clear(&s->sum);
    buf_clear(&s->scratch);
    err_clear(&s->tx_error);
    mem_free(s->why_no_write);
    mem_free(s->dir);
    mem_free(s->db_path);
    mem_free(s->lock_path);
    mem_free(s);
}

/* Rolls the open transaction back and keeps the reason for those who still write to it. */
static void tx_give_up(struct store *s, const struct err *why)
{
    if (s->tx != TX_OPEN)
        return;
    if (s->db && !sqlite3_get_autocommit(s->db))
        exec(s, "ROLLBACK");
    s->tx = TX_FAILED;
    copy_err(&s->tx_error, why);
}

bool db_fail(struct store *s, int rc, const char *doing, struct err *e)
{
    struct err own = ERR_INIT;
    for (int i = 0; i < N_STMTS; i++) {
        if (s->stmts[i])
            sqlite3_reset(s->stmts[i]);
    }
    if (is_damage(rc)) {
        struct err oe = ERR_INIT;
        if (!db_open(s, true, &own, &oe))
            cannot_write(s, oe.msg ? oe.msg : "it is damaged");
        if (!own.code[0])
            discard_notice(s, OPENED_DAMAGED, false, &own);
        err_clear(&oe);
    } else {
        set_error(s, rc, doing, &own);
    }
    tx_give_up(s, &own);
    if (e)
        copy_err(e, &own);
    err_clear(&own);
    return false;
}

bool db_moved(struct store *s) { return s->db && has_moved(s); }

bool db_reopen(struct store *s, struct err *e)
{
    db_close(s, true);
    mem_free(s->why_no_write);
    s->why_no_write = NULL;
    return db_open(s, false, NULL, e);
}

/* SPDX-License-Identifier: MIT
 *
 * What the files of store/ share. Nobody outside store/ and its tests includes this.
 *
 * States of a store, and the functions that move between them:
 *
 *     EMPTY --db_open(create)--> OPEN <--db_open-- (another process recovered)
 *       ^                        |  ^
 *       |                 db_fail|  |db_recover: moved aside, begun anew
 *       |   not recoverable      v  |
 *       +---------------------- DAMAGED (only inside db_fail)
 *
 * EMPTY: no database; every look-up finds nothing and every write is an error. OPEN: rows may be read, each is trusted
 * only after its own checksum matched. A transaction is either whole or given up: the first failure inside it rolls it
 * back, and every later write of it and its commit fail.
 *
 * Locks, in the order in which they are taken: mutex (threads of this process), then store-v1.lock (flock: shared while
 * a database is being opened, exclusive while one is created or moved aside), then SQLite's own.
 */
#ifndef TGRAPH_STORE_STORE_INTERNAL_H
#define TGRAPH_STORE_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "store/store.h"

#define STORE_VERSION 1
#define STORE_RUNS_KEPT 20  /* history rows per target */
#define STORE_LISTS_KEPT 16 /* lists of paths read per weak key */
#define STORE_BUSY_MS 10000 /* patience with another process that writes */
#define STORE_DAY_S 86400
#define STORE_HOUR_S 3600
#define STORE_MAX_ROW (64 << 20) /* bytes in one row; longer is an error */

static inline void put_u32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> 8 * i);
}
static inline void put_u64(char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (char)(v >> 8 * i);
}
static inline uint32_t get_u32(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v |= (uint32_t)(uint8_t)p[i] << 8 * i;
    return v;
}
static inline uint64_t get_u64(const char *p) { return get_u32(p) | (uint64_t)get_u32(p + 4) << 32; }

/* Statements, prepared on first use and kept. Their text is in sql.c. */
enum stmt {
    S_BEGIN,
    S_COMMIT,
    S_ROLLBACK,
    S_GET_RESULT,
    S_PUT_RESULT,
    S_DROP_RESULT,
    S_TOUCH_RESULT,
    S_GET_READS,
    S_PUT_READS,
    S_DROP_READS,
    S_TOUCH_READS,
    S_GET_TARGET,
    S_PUT_TARGET,
    S_LAST_SEQ,
    S_PUT_RUN,
    S_TRIM_RUNS,
    S_GET_RUNS,
    S_GET_BLOB,
    S_HAS_BLOB,
    S_PUT_BLOB,
    S_GC_RESULTS,
    S_GC_READS,
    S_GC_RUNS,
    S_GC_BLOBS,
    S_GC_DROP_RESULT,
    S_GC_DROP_READS,
    S_GC_DROP_RUN,
    S_GC_DROP_BLOB,
    S_GC_DROP_TARGETS,
    S_GC_PAGES,
    N_STMTS,
};
extern const char *const store_sql[N_STMTS];
extern const char store_schema[];

/* dst becomes a copy of src, level included. */
static inline void copy_err(struct err *dst, const struct err *src)
{
    err_set(dst, src->code, "%s", src->msg ? src->msg : "");
    if (src->hint)
        err_hint(dst, "%s", src->hint);
    if (dst)
        dst->level = src->level;
}

enum tx_state {
    TX_NONE,
    TX_OPEN,
    TX_FAILED, /* given up: rolled back already, tx_error says why */
};

struct store {
    char *dir;          /* the cache folder, as given */
    char *db_path;      /* <dir>/store-v1.db */
    char *lock_path;    /* <dir>/store-v1.lock */
    bool create;        /* may create and recover; false: only looks */
    bool readonly;      /* the folder cannot be written */
    pthread_mutex_t mu; /* held by every function that uses the members below */
    sqlite3 *db;        /* NULL: knows nothing */
    sqlite3_stmt *stmts[N_STMTS];
    enum tx_state tx;
    struct err tx_error;    /* set while tx is TX_FAILED */
    char *why_no_write;     /* why writes fail, when that was found on opening; NULL if they do not */
    struct hasher sum;      /* scratch of the row checksums */
    struct buf scratch;     /* of encoding a row */
    atomic_uint temp_count; /* names of temporaries; any thread */
    int64_t test_shift_s;   /* added to the clock; tests pretend that time went by */
};

/* store.c */
int64_t store_now_s(const struct store *s);
/* Turns an error code of SQLite into ours, gives the transaction up, and recovers if the database is damaged. Returns
 * false. Every prepared statement may be gone afterwards. */
bool db_fail(struct store *s, int rc, const char *doing, struct err *e);

/* Has the file that is open been moved away (by a process that found it damaged) or deleted? */
bool db_moved(struct store *s);
bool db_reopen(struct store *s, struct err *e);

/* tx.c: the statements and the transaction functions for callers that hold the mutex. */
/* The statement, reset and ready for binding; NULL with e set (recovered if it was damage). Needs s->db. */
sqlite3_stmt *db_stmt(struct store *s, enum stmt id, struct err *e);
/* sqlite3_step: 1 = a row, 0 = done, -1 = failed (went through db_fail, and st is gone). */
int db_step(struct store *s, sqlite3_stmt *st, const char *doing, struct err *e);
/* For statements that give no row: steps and resets. */
bool db_run(struct store *s, sqlite3_stmt *st, const char *doing, struct err *e);
/* Ends the use of a statement, and with it its locks. */
void db_done(sqlite3_stmt *st);
/* May rows be written now? Sets e if not. */
bool db_writable(struct store *s, struct err *e);
/* May this store be written at all? */
bool db_may_write(struct store *s, struct err *e);
bool db_begin(struct store *s, struct err *e);
bool db_commit(struct store *s, struct err *e);

void bind_digest(sqlite3_stmt *st, int i, const struct digest *d); /* NONE as NULL; d is used until the step */
void bind_key(sqlite3_stmt *st, int i, const struct digest *d);    /* 16 bytes always */
struct digest column_digest(sqlite3_stmt *st, int i);              /* NONE if it is not 16 bytes */
/* Outcome and mark in one column. */
static inline uint32_t outcome_column(enum outcome o, enum case_mark m) { return (uint32_t)o | (uint32_t)m << 8; }
static inline void column_outcome(sqlite3_stmt *st, int i, enum outcome *o, enum case_mark *m)
{
    int v = sqlite3_column_int(st, i);
    *o = (enum outcome)(v & 0xff);
    *m = (enum case_mark)(v >> 8);
}
static inline int64_t sum_of(struct digest d) { return (int64_t)digest_u64(d); }

/* results.c */
void row_encode_outputs(const struct store_output *v, size_t n, struct buf *out);
/* Strings go to the arena. false: not such a blob. */
bool row_decode_outputs(const char *p, size_t len, struct arena *a, struct store_output **out, size_t *n);
/* Reads the columns of S_GET_RESULT into *r. false: the row's checksum does not match (r is cleared). */
bool row_decode_result(struct store *s, sqlite3_stmt *st, struct store_result *r);

/* Marks a row as used now, unless it was within the last day: S_TOUCH_RESULT or S_TOUCH_READS. */
bool row_touch(struct store *s, enum stmt id, struct digest key, struct err *e);

/* history.c: the columns of S_GET_RUNS; id is the target's. false: the checksum does not match. */
bool row_decode_run(struct store *s, sqlite3_stmt *st, struct digest id, struct store_run *r);

/* cas.c */
#define CAS_ANY_SIZE UINT64_MAX
void cas_path(const struct store *s, struct digest d, struct buf *out); /* replaces out's content */
/* Marks an existing CAS file as used now. false: it is not there, or (size given) is not that long. */
bool cas_touch(const struct store *s, const char *path, uint64_t size_bytes);
/* Needs the mutex; verified. */
bool blob_get(struct store *s, struct digest d, struct buf *out, bool *found, struct err *e);
/* "cannot write to the cache folder DIR: WHY" with the next step. Returns false. */
bool err_cache_write(const struct store *s, const char *code, const char *why, struct err *e);

#endif

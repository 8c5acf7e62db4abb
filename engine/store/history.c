/* SPDX-License-Identifier: MIT
 *
 * History: the last STORE_RUNS_KEPT runs of each target of each repository. Rows are numbered upwards within a target,
 * so the newest is found and the oldest cut by the primary key alone. */
#include <string.h>

#include "store/store_internal.h"

#define SEQ_MAX INT64_C(0x3fffffffffffffff) /* beyond: a damaged number */

static struct digest target_id(struct hasher *h, const char *repo, const char *target)
{
    hasher_reset(h);
    hasher_str(h, repo);
    hasher_str(h, target);
    return hasher_end(h);
}

static int64_t run_sum(struct hasher *h, struct digest id, int64_t seq, const struct store_run *r)
{
    hasher_reset(h);
    hasher_str(h, "runs");
    hasher_digest(h, id);
    hasher_u64(h, (uint64_t)seq);
    hasher_u32(h, outcome_column(r->outcome, r->mark));
    hasher_digest(h, r->key);
    hasher_u64(h, (uint64_t)r->finished_ns);
    hasher_u64(h, (uint64_t)r->duration_ns);
    hasher_digest(h, r->log);
    hasher_digest(h, r->manifest);
    hasher_u32(h, (uint32_t)r->exit_code);
    hasher_u32(h, (uint32_t)r->signal);
    hasher_u32(h, r->attempts);
    return sum_of(hasher_end(h));
}

bool row_decode_run(struct store *s, sqlite3_stmt *st, struct digest id, struct store_run *r)
{
    *r = (struct store_run){
        .key = column_digest(st, 2),
        .finished_ns = sqlite3_column_int64(st, 3),
        .duration_ns = sqlite3_column_int64(st, 4),
        .log = column_digest(st, 5),
        .manifest = column_digest(st, 6),
        .exit_code = sqlite3_column_int(st, 7),
        .signal = sqlite3_column_int(st, 8),
        .attempts = (uint32_t)sqlite3_column_int64(st, 9),
    };
    column_outcome(st, 1, &r->outcome, &r->mark);
    return run_sum(&s->sum, id, sqlite3_column_int64(st, 0), r) == sqlite3_column_int64(st, 10) &&
           r->outcome >= OUTCOME_NONE && r->outcome <= OUTCOME_ERROR && r->mark <= MARK_XPASSED;
}

/* The number of the newest row; 0 = none. */
static bool last_seq(struct store *s, int64_t tid, int64_t *seq, struct err *e)
{
    sqlite3_stmt *st = db_stmt(s, S_LAST_SEQ, e);
    if (!st)
        return false;
    sqlite3_bind_int64(st, 1, tid);
    int row = db_step(s, st, "looking the history up", e);
    if (row < 0)
        return false;
    *seq = row ? sqlite3_column_int64(st, 0) : 0;
    db_done(st);
    return true;
}

static bool trim(struct store *s, int64_t tid, int64_t up_to, struct err *e)
{
    sqlite3_stmt *st = db_stmt(s, S_TRIM_RUNS, e);
    if (!st)
        return false;
    sqlite3_bind_int64(st, 1, tid);
    sqlite3_bind_int64(st, 2, up_to);
    return db_run(s, st, "trimming the history", e);
}

/* The target's number; 0 = it has none. */
static bool find_target(struct store *s, struct digest id, int64_t *tid, struct err *e)
{
    sqlite3_stmt *st = db_stmt(s, S_GET_TARGET, e);
    if (!st)
        return false;
    bind_key(st, 1, &id);
    int row = db_step(s, st, "looking the history up", e);
    if (row < 0)
        return false;
    *tid = row ? sqlite3_column_int64(st, 0) : 0;
    db_done(st);
    return true;
}

static bool add_target(struct store *s, struct digest id, const char *repo, const char *target, int64_t *tid,
                       struct err *e)
{
    sqlite3_stmt *st = db_stmt(s, S_PUT_TARGET, e);
    if (!st)
        return false;
    bind_key(st, 1, &id);
    sqlite3_bind_text(st, 2, repo, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 3, target, -1, SQLITE_STATIC);
    if (!db_run(s, st, "storing a target's name", e))
        return false;
    *tid = sqlite3_last_insert_rowid(s->db);
    return true;
}

static bool put_run(struct store *s, const char *repo, const char *target, const struct store_run *r, struct err *e)
{
    if (!db_writable(s, e))
        return false;
    struct digest id = target_id(&s->sum, repo, target);
    int64_t tid, seq = 0;
    if (!find_target(s, id, &tid, e))
        return false;
    if (tid == 0 ? !add_target(s, id, repo, target, &tid, e) : !last_seq(s, tid, &seq, e))
        return false;
    if (seq < 0 || seq >= SEQ_MAX) { /* damage: the history of this target begins anew */
        if (!trim(s, tid, INT64_MAX, e))
            return false;
        seq = 0;
    }
    seq++;
    if (seq > STORE_RUNS_KEPT && !trim(s, tid, seq - STORE_RUNS_KEPT, e))
        return false;
    sqlite3_stmt *st = db_stmt(s, S_PUT_RUN, e);
    if (!st)
        return false;
    sqlite3_bind_int64(st, 1, seq);
    sqlite3_bind_int(st, 2, (int)outcome_column(r->outcome, r->mark));
    bind_digest(st, 3, &r->key);
    sqlite3_bind_int64(st, 4, r->finished_ns);
    sqlite3_bind_int64(st, 5, r->duration_ns);
    bind_digest(st, 6, &r->log);
    bind_digest(st, 7, &r->manifest);
    sqlite3_bind_int(st, 8, r->exit_code);
    sqlite3_bind_int(st, 9, r->signal);
    sqlite3_bind_int64(st, 10, r->attempts);
    sqlite3_bind_int64(st, 11, run_sum(&s->sum, id, seq, r));
    sqlite3_bind_int64(st, 12, tid);
    return db_run(s, st, "storing history", e);
}

bool store_put_run(struct store *s, const char *repo, const char *target, const struct store_run *r, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    bool ok = put_run(s, repo, target, r, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

static bool get_runs(struct store *s, const char *repo, const char *target, bool only_passed, struct store_run *out,
                     size_t max, size_t *n, struct err *e)
{
    struct digest id = target_id(&s->sum, repo, target);
    int64_t tid = 0;
    if (s->db && !find_target(s, id, &tid, e))
        return false;
    if (tid == 0)
        return true;
    sqlite3_stmt *st = db_stmt(s, S_GET_RUNS, e);
    if (!st)
        return false;
    sqlite3_bind_int64(st, 1, tid);
    int row = 0;
    while (*n < max && (row = db_step(s, st, "looking the history up", e)) > 0) {
        if (row_decode_run(s, st, id, &out[*n]) && (!only_passed || out[*n].outcome == OUTCOME_PASSED))
            ++*n;
    }
    if (row < 0)
        return false;
    db_done(st);
    return true;
}

bool store_get_runs(struct store *s, const char *repo, const char *target, bool only_passed, struct store_run *out,
                    size_t max, size_t *n, struct err *e)
{
    *n = 0;
    pthread_mutex_lock(&s->mu);
    bool ok = get_runs(s, repo, target, only_passed, out, max, n, e);
    if (!ok)
        *n = 0;
    pthread_mutex_unlock(&s->mu);
    return ok;
}

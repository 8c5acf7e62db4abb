/* SPDX-License-Identifier: MIT
 * Statements and transactions. */
#include "store/store_internal.h"

sqlite3_stmt *db_stmt(struct store *s, enum stmt id, struct err *e)
{
    if (!s->stmts[id]) {
        int rc = sqlite3_prepare_v3(s->db, store_sql[id], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[id], NULL);
        if (rc != SQLITE_OK) {
            db_fail(s, rc, "preparing a statement", e);
            return NULL;
        }
    }
    return s->stmts[id];
}

int db_step(struct store *s, sqlite3_stmt *st, const char *doing, struct err *e)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    db_fail(s, rc, doing, e);
    return -1;
}

void db_done(sqlite3_stmt *st) { sqlite3_reset(st); }

bool db_run(struct store *s, sqlite3_stmt *st, const char *doing, struct err *e)
{
    if (db_step(s, st, doing, e) < 0)
        return false;
    db_done(st);
    return true;
}

bool db_writable(struct store *s, struct err *e)
{
    if (s->tx == TX_FAILED) {
        if (e)
            copy_err(e, &s->tx_error);
        return false;
    }
    return db_may_write(s, e);
}

bool db_may_write(struct store *s, struct err *e)
{
    if (s->db && !s->readonly)
        return true;
    const char *why = s->why_no_write;
    if (!why)
        why = s->db ? "it is read-only" : "nothing is there yet";
    return err_cache_write(s, "T503", why, e);
}

bool db_begin(struct store *s, struct err *e)
{
    ASSERT(s->tx != TX_OPEN);
    s->tx = TX_NONE;
    err_clear(&s->tx_error);
    if (db_moved(s) && !db_reopen(s, e))
        return false;
    if (!db_writable(s, e))
        return false;
    sqlite3_stmt *st = db_stmt(s, S_BEGIN, e);
    if (!st || !db_run(s, st, "beginning to write", e))
        return false;
    s->tx = TX_OPEN;
    return true;
}

bool db_commit(struct store *s, struct err *e)
{
    ASSERT(s->tx != TX_NONE);
    if (s->tx == TX_OPEN) {
        sqlite3_stmt *st = db_stmt(s, S_COMMIT, e);
        bool ok = st && db_run(s, st, "storing results", e);
        s->tx = TX_NONE;
        err_clear(&s->tx_error);
        if (ok && db_moved(s)) {
            /* Another process moved the database aside meanwhile, and what was written with it. */
            err_set(e, "T502", "the cache %s was found damaged by another process and a new one begun", s->db_path);
            if (e)
                e->level = ERR_WARNING;
            ok = false;
        }
        return ok;
    }
    if (e)
        copy_err(e, &s->tx_error);
    s->tx = TX_NONE;
    err_clear(&s->tx_error);
    return false;
}

bool store_begin(struct store *s, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    bool ok = db_begin(s, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

bool store_commit(struct store *s, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    bool ok = db_commit(s, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

/* SPDX-License-Identifier: MIT
 * Results by key, and the lists of paths that runs under a weak key read. */
#include <string.h>

#include "store/store_internal.h"

/* One output: type u8, digest 16, blob 16, length u32, path. */
#define OUTPUT_FIXED 37u

void bind_digest(sqlite3_stmt *st, int i, const struct digest *d)
{
    if (digest_is_none(*d))
        sqlite3_bind_null(st, i);
    else
        bind_key(st, i, d);
}

void bind_key(sqlite3_stmt *st, int i, const struct digest *d)
{
    sqlite3_bind_blob(st, i, d->b, sizeof d->b, SQLITE_STATIC);
}

struct digest column_digest(sqlite3_stmt *st, int i)
{
    struct digest d = DIGEST_NONE;
    const void *p = sqlite3_column_blob(st, i);
    if (p && sqlite3_column_bytes(st, i) == (int)sizeof d.b)
        memcpy(d.b, p, sizeof d.b);
    return d;
}

void row_encode_outputs(const struct store_output *v, size_t n, struct buf *out)
{
    char num[4];
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(v[i].path);
        buf_addc(out, (char)v[i].type);
        buf_add(out, v[i].digest.b, 16);
        buf_add(out, v[i].blob.b, 16);
        put_u32(num, (uint32_t)len);
        buf_add(out, num, 4);
        buf_add(out, v[i].path, len);
    }
}

bool row_decode_outputs(const char *p, size_t len, struct arena *a, struct store_output **out, size_t *n)
{
    *out = NULL;
    *n = 0;
    size_t count = 0;
    for (size_t at = 0; at < len; count++) {
        if (len - at < OUTPUT_FIXED)
            return false;
        uint32_t size = get_u32(p + at + 33);
        at += OUTPUT_FIXED;
        if (size == 0 || size > len - at || memchr(p + at, '\0', size))
            return false;
        at += size;
    }
    if (count == 0)
        return true;
    struct store_output *v = arena_alloc(a, count * sizeof *v);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t size = get_u32(p + at + 33);
        v[i].type = (uint8_t)p[at];
        memcpy(v[i].digest.b, p + at + 1, 16);
        memcpy(v[i].blob.b, p + at + 17, 16);
        v[i].path = arena_strndup(a, p + at + OUTPUT_FIXED, size);
        at += OUTPUT_FIXED + size;
    }
    *out = v;
    *n = count;
    return true;
}

static int64_t result_sum(struct hasher *h, const struct store_result *r, const void *outputs, size_t len)
{
    hasher_reset(h);
    hasher_str(h, "results");
    hasher_digest(h, r->key);
    hasher_u32(h, outcome_column(r->outcome, r->mark));
    hasher_u32(h, (uint32_t)r->exit_code);
    hasher_u32(h, (uint32_t)r->signal);
    hasher_u64(h, (uint64_t)r->finished_ns);
    hasher_u64(h, (uint64_t)r->duration_ns);
    hasher_u32(h, r->attempts);
    hasher_digest(h, r->log);
    hasher_digest(h, r->manifest);
    hasher_str(h, r->note);
    hasher_str(h, r->target);
    hasher_mem(h, outputs, len);
    return sum_of(hasher_end(h));
}

static char *column_str(sqlite3_stmt *st, int i, struct arena *a)
{
    const char *p = (const char *)sqlite3_column_text(st, i);
    return p ? arena_strndup(a, p, strnlen(p, (size_t)sqlite3_column_bytes(st, i))) : NULL;
}

bool row_decode_result(struct store *s, sqlite3_stmt *st, struct store_result *r)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->arena);
    r->key = column_digest(st, 0);
    column_outcome(st, 1, &r->outcome, &r->mark);
    r->exit_code = sqlite3_column_int(st, 2);
    r->signal = sqlite3_column_int(st, 3);
    r->finished_ns = sqlite3_column_int64(st, 4);
    r->duration_ns = sqlite3_column_int64(st, 5);
    r->attempts = (uint32_t)sqlite3_column_int64(st, 6);
    r->log = column_digest(st, 7);
    r->manifest = column_digest(st, 8);
    const char *outputs = sqlite3_column_blob(st, 11);
    size_t len = (size_t)sqlite3_column_bytes(st, 11);
    r->note = column_str(st, 9, &r->arena);
    r->target = column_str(st, 10, &r->arena);
    if (result_sum(&s->sum, r, outputs, len) == sqlite3_column_int64(st, 12) && r->outcome > OUTCOME_NONE &&
        r->outcome <= OUTCOME_ERROR && r->mark <= MARK_XPASSED &&
        row_decode_outputs(outputs, len, &r->arena, &r->outputs, &r->n_outputs))
        return true;
    store_result_clear(r);
    return false;
}

void store_result_clear(struct store_result *r)
{
    arena_clear(&r->arena);
    memset(r, 0, sizeof *r);
    arena_init(&r->arena);
}

static bool get_result(struct store *s, struct digest key, struct store_result *out, bool *found, struct err *e)
{
    if (!s->db)
        return true;
    sqlite3_stmt *st = db_stmt(s, S_GET_RESULT, e);
    if (!st)
        return false;
    bind_key(st, 1, &key);
    int row = db_step(s, st, "looking a result up", e);
    if (row < 0)
        return false;
    if (row && row_decode_result(s, st, out)) {
        *found = digest_eq(out->key, key);
        if (!*found)
            store_result_clear(out);
    }
    db_done(st);
    return true;
}

bool store_get_result(struct store *s, struct digest key, struct store_result *out, bool *found, struct err *e)
{
    *found = false;
    memset(out, 0, sizeof *out);
    arena_init(&out->arena);
    pthread_mutex_lock(&s->mu);
    bool ok = get_result(s, key, out, found, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

static void bind_str(sqlite3_stmt *st, int i, const char *p)
{
    if (p)
        sqlite3_bind_text(st, i, p, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(st, i);
}

static bool put_result(struct store *s, const struct store_result *r, struct err *e)
{
    sqlite3_stmt *st = db_writable(s, e) ? db_stmt(s, S_PUT_RESULT, e) : NULL;
    if (!st)
        return false;
    struct buf *o = &s->scratch;
    buf_reset(o);
    row_encode_outputs(r->outputs, r->n_outputs, o);
    if (o->len > STORE_MAX_ROW / 2)
        return err_set(e, "T505", "the result of %s has too many outputs (%zu) to be stored", r->target, r->n_outputs);
    bind_key(st, 1, &r->key);
    sqlite3_bind_int(st, 2, (int)outcome_column(r->outcome, r->mark));
    sqlite3_bind_int(st, 3, r->exit_code);
    sqlite3_bind_int(st, 4, r->signal);
    sqlite3_bind_int64(st, 5, r->finished_ns);
    sqlite3_bind_int64(st, 6, r->duration_ns);
    sqlite3_bind_int64(st, 7, r->attempts);
    bind_digest(st, 8, &r->log);
    bind_digest(st, 9, &r->manifest);
    bind_str(st, 10, r->note);
    bind_str(st, 11, r->target);
    sqlite3_bind_blob(st, 12, o->p, (int)o->len, SQLITE_STATIC);
    sqlite3_bind_int64(st, 13, result_sum(&s->sum, r, o->p, o->len));
    sqlite3_bind_int64(st, 14, store_now_s(s));
    return db_run(s, st, "storing a result", e);
}

bool store_put_result(struct store *s, const struct store_result *r, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    bool ok = put_result(s, r, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

bool store_drop_result(struct store *s, struct digest key, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    sqlite3_stmt *st = db_writable(s, e) ? db_stmt(s, S_DROP_RESULT, e) : NULL;
    if (st)
        bind_key(st, 1, &key);
    bool ok = st && db_run(s, st, "forgetting a result", e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

bool row_touch(struct store *s, enum stmt id, struct digest key, struct err *e)
{
    sqlite3_stmt *st = db_writable(s, e) ? db_stmt(s, id, e) : NULL;
    if (!st)
        return false;
    int64_t now = store_now_s(s);
    bind_key(st, 1, &key);
    sqlite3_bind_int64(st, 2, now);
    sqlite3_bind_int64(st, 3, now - STORE_DAY_S);
    return db_run(s, st, "noting that a result was used", e);
}

static bool touch(struct store *s, enum stmt id, struct digest key, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    bool ok = row_touch(s, id, key, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

bool store_touch_result(struct store *s, struct digest key, struct err *e) { return touch(s, S_TOUCH_RESULT, key, e); }

bool store_touch_read_lists(struct store *s, struct digest weak_key, struct err *e)
{
    return touch(s, S_TOUCH_READS, weak_key, e);
}

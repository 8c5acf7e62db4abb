/* SPDX-License-Identifier: MIT
 *
 * Lists of paths that runs under a weak key read. A list is stored as its paths in order, each with its NUL. Lists are
 * numbered upwards; putting one that is there already makes it the newest, or nothing at all if it is. */
#include <string.h>

#include "store/store_internal.h"

#define SEQ_MAX INT64_C(0x3fffffffffffffff) /* beyond: a damaged number */

static int64_t reads_sum(struct hasher *h, struct digest weak_key, int64_t seq, int64_t list, const void *p, size_t len)
{
    hasher_reset(h);
    hasher_str(h, "reads");
    hasher_digest(h, weak_key);
    hasher_u64(h, (uint64_t)seq);
    hasher_u64(h, (uint64_t)list);
    hasher_mem(h, p, len);
    return sum_of(hasher_end(h));
}

/* Is the row of S_GET_READS at which st stands whole? */
static bool row_is_good(struct store *s, sqlite3_stmt *st, struct digest weak_key, const char **p, size_t *len)
{
    *p = sqlite3_column_blob(st, 3);
    *len = (size_t)sqlite3_column_bytes(st, 3);
    int64_t sum = reads_sum(&s->sum, weak_key, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), *p, *len);
    return sum == sqlite3_column_int64(st, 2) && (*len == 0 || (*p)[*len - 1] == '\0');
}

static bool get_lists(struct store *s, struct digest weak_key, struct store_read_lists *out, struct err *e)
{
    if (!s->db)
        return true;
    sqlite3_stmt *st = db_stmt(s, S_GET_READS, e);
    if (!st)
        return false;
    bind_key(st, 1, &weak_key);
    size_t cap = 0;
    int row = 0;
    while (out->n < STORE_LISTS_KEPT && (row = db_step(s, st, "looking up what was read", e)) > 0) {
        const char *p;
        size_t len;
        if (!row_is_good(s, st, weak_key, &p, &len))
            continue;
        MEM_GROW(out->v, out->n, cap);
        struct strvec *v = &out->v[out->n++];
        *v = (struct strvec)STRVEC_INIT;
        for (size_t at = 0; at < len; at += strlen(p + at) + 1)
            strvec_add(v, p + at);
    }
    if (row < 0) {
        store_read_lists_clear(out);
        return false;
    }
    db_done(st);
    return true;
}

bool store_get_read_lists(struct store *s, struct digest weak_key, struct store_read_lists *out, struct err *e)
{
    *out = (struct store_read_lists){NULL, 0};
    pthread_mutex_lock(&s->mu);
    bool ok = get_lists(s, weak_key, out, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

void store_read_lists_clear(struct store_read_lists *l)
{
    for (size_t i = 0; i < l->n; i++)
        strvec_clear(&l->v[i]);
    mem_free(l->v);
    *l = (struct store_read_lists){NULL, 0};
}

static void encode(const struct strvec *paths, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < paths->n; i++)
        buf_add(out, paths->v[i], strlen(paths->v[i]) + 1);
}

static bool drop(struct store *s, struct digest weak_key, int64_t seq, struct err *e)
{
    sqlite3_stmt *st = db_stmt(s, S_DROP_READS, e);
    if (!st)
        return false;
    bind_key(st, 1, &weak_key);
    sqlite3_bind_int64(st, 2, seq);
    return db_run(s, st, "forgetting what was read", e);
}

/* What a list that is about to be put finds: which number it gets and which older ones go. */
struct places {
    bool is_newest; /* nothing to do */
    int64_t seq;
    int64_t drop[2 * STORE_LISTS_KEPT];
    size_t n_drop;
};

static bool find_places(struct store *s, struct digest weak_key, int64_t list, struct places *out, struct err *e)
{
    *out = (struct places){.seq = 1};
    sqlite3_stmt *st = db_stmt(s, S_GET_READS, e);
    if (!st)
        return false;
    bind_key(st, 1, &weak_key);
    int row;
    size_t max_drop = sizeof out->drop / sizeof *out->drop;
    for (size_t i = 0, kept = 0; (row = db_step(s, st, "looking up what was read", e)) > 0 && out->n_drop < max_drop;
         i++) {
        int64_t seq = sqlite3_column_int64(st, 0);
        const char *p;
        size_t len;
        bool same = sqlite3_column_int64(st, 1) == list;
        if (i == 0 && same && row_is_good(s, st, weak_key, &p, &len)) {
            out->is_newest = true;
            break;
        }
        bool sane = seq > 0 && seq < SEQ_MAX;
        if (sane && seq >= out->seq)
            out->seq = seq + 1;
        if (same || !sane || kept + 1 >= STORE_LISTS_KEPT)
            out->drop[out->n_drop++] = seq;
        else
            kept++;
    }
    if (row < 0)
        return false;
    db_done(st);
    return true;
}

static bool put_list(struct store *s, struct digest weak_key, const struct strvec *paths, struct err *e)
{
    if (!db_writable(s, e))
        return false;
    struct strvec sorted = STRVEC_INIT;
    for (size_t i = 0; i < paths->n; i++)
        strvec_add(&sorted, paths->v[i]);
    strvec_sort_unique(&sorted);
    struct buf *b = &s->scratch;
    encode(&sorted, b);
    strvec_clear(&sorted);
    if (b->len > STORE_MAX_ROW / 2)
        return err_set(e, "T505", "the list of %zu paths that were read is too long to be stored", paths->n);
    int64_t list = sum_of(digest_bytes(b->p ? b->p : "", b->len));
    struct places to;
    if (!find_places(s, weak_key, list, &to, e))
        return false;
    if (to.is_newest)
        return row_touch(s, S_TOUCH_READS, weak_key, e);
    for (size_t i = 0; i < to.n_drop; i++) {
        if (!drop(s, weak_key, to.drop[i], e))
            return false;
    }
    sqlite3_stmt *st = db_stmt(s, S_PUT_READS, e);
    if (!st)
        return false;
    bind_key(st, 1, &weak_key);
    sqlite3_bind_int64(st, 2, to.seq);
    sqlite3_bind_int64(st, 3, list);
    sqlite3_bind_int64(st, 4, reads_sum(&s->sum, weak_key, to.seq, list, b->p, b->len));
    sqlite3_bind_int64(st, 5, store_now_s(s));
    sqlite3_bind_blob(st, 6, b->p, (int)b->len, SQLITE_STATIC);
    return db_run(s, st, "storing what was read", e);
}

bool store_put_read_list(struct store *s, struct digest weak_key, const struct strvec *paths, struct err *e)
{
    pthread_mutex_lock(&s->mu);
    bool ok = put_list(s, weak_key, paths, e);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

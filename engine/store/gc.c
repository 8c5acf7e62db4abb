/* SPDX-License-Identifier: MIT
 *
 * Garbage collection. One round: list the CAS, read what refers to which blob, choose what goes, delete those rows, then
 * remove the files. Other processes go on meanwhile: rows are deleted in short transactions, and only if they have not
 * been put or touched since they were read; who puts a blob that is there marks it as used, so what they refer to stays.
 * A blob goes only after everything that referred to it. A process that is killed in the middle leaves blobs that nothing
 * refers to, which the next collection removes. Blobs that were put or restored within the last hour stay, referenced or
 * not: their result may be about to be committed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "os/file.h"
#include "store/store_internal.h"

#define GC_ROUNDS 6  /* sizes of rows are estimated, so it may take more than one */
#define ROW_BYTES 48 /* what a row takes beside its texts and blobs */
#define BATCH_ROWS 2000
#define PAUSE_NS 2000000 /* between batches: SQLite does not queue those who wait to write */

struct gc_blob {
    struct digest d;
    uint64_t row_bytes, file_bytes;
    uint32_t refs;                    /* from rows and from manifests that are referenced */
    uint32_t direct;                  /* those from rows */
    uint32_t child_begin, n_children; /* of a manifest: into children */
    bool has_row, has_file;
    int64_t row_used_s;
    bool row_is_young, file_is_young;
    bool is_manifest; /* children were read */
};

enum gc_kind { GC_RESULT, GC_READS, GC_RUN };
struct gc_entity {
    int64_t used_s;     /* for the order */
    int64_t row_used_s; /* as it is in the row */
    int64_t id, seq;    /* of its row; seq of a run only */
    uint64_t bytes;
    uint32_t ref_begin, n_refs; /* into refs */
    uint32_t manifest;          /* the blob among them that is a manifest, or MAP_NONE */
    enum gc_kind kind;
    bool damaged;
};

struct u32vec {
    uint32_t *v;
    size_t n, cap;
};

struct gc {
    struct store *s;
    int64_t now_s, young_s; /* used at or after young_s: stays */
    struct gc_blob *blobs;
    size_t n_blobs, cap_blobs;
    struct map by_digest;
    struct gc_entity *entities;
    size_t n_entities, cap_entities;
    struct map result_by_key;     /* entity index */
    struct u32vec refs, children; /* blob indexes */
    struct u32vec files;          /* blobs whose files go after the commit */
    uint64_t bytes;               /* what the store takes now, as far as known */
    bool runs_removed;
    uint64_t n_removed; /* rows and files of this round */
    uint32_t batch;     /* rows deleted in the open transaction; 0 = none is open */
    struct store_gc_stats *stats;
};

static void u32vec_add(struct u32vec *v, uint32_t x)
{
    MEM_GROW(v->v, v->n, v->cap);
    v->v[v->n++] = x;
}

/* The blob's index, made if need be; MAP_NONE for one that cannot be told apart from another and therefore stays. */
static uint32_t blob_index(struct gc *g, struct digest d)
{
    uint64_t h = digest_u64(d);
    if (h == UINT64_MAX)
        return MAP_NONE;
    uint32_t i = map_get(&g->by_digest, h);
    if (i == MAP_NONE) {
        MEM_GROW(g->blobs, g->n_blobs, g->cap_blobs);
        i = (uint32_t)g->n_blobs++;
        g->blobs[i] = (struct gc_blob){.d = d};
        map_put(&g->by_digest, h, i);
    } else if (!digest_eq(g->blobs[i].d, d)) {
        g->blobs[i].refs++; /* never reaches 0 again */
        return MAP_NONE;
    }
    return i;
}

static bool is_young(const struct gc *g, int64_t used_s)
{
    return used_s >= g->young_s && used_s <= g->now_s + STORE_DAY_S; /* later: a damaged number */
}

/* The files */

static void list_temporaries(struct gc *g, int dir_fd, DIR *dir)
{
    for (struct dirent *de; (de = readdir(dir));) {
        struct stat sb;
        if (de->d_name[0] == '.' || fstatat(dir_fd, de->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(sb.st_mode))
            continue;
        if (is_young(g, sb.st_mtime))
            g->bytes += (uint64_t)sb.st_size;
        else
            unlinkat(dir_fd, de->d_name, 0);
    }
}

static void list_folder(struct gc *g, const char *prefix, int dir_fd, DIR *dir)
{
    for (struct dirent *de; (de = readdir(dir));) {
        char hex[DIGEST_HEX];
        struct stat sb;
        struct digest d;
        if (strlen(de->d_name) != 30)
            continue;
        snprintf(hex, sizeof hex, "%.2s%.30s", prefix, de->d_name);
        if (!digest_parse(hex, &d) || fstatat(dir_fd, de->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(sb.st_mode))
            continue;
        g->bytes += (uint64_t)sb.st_size;
        uint32_t i = blob_index(g, d);
        if (i == MAP_NONE)
            continue;
        g->blobs[i].has_file = true;
        g->blobs[i].file_bytes = (uint64_t)sb.st_size;
        g->blobs[i].file_is_young = is_young(g, sb.st_mtime);
    }
}

static void list_cas(struct gc *g)
{
    struct buf path = BUF_INIT;
    for (int i = 0; i <= 256; i++) {
        char name[4];
        snprintf(name, sizeof name, i < 256 ? "%02x" : "tmp", (unsigned)i);
        buf_reset(&path);
        buf_printf(&path, "%s/cas-v%d/%s", g->s->dir, STORE_VERSION, name);
        DIR *dir = opendir(buf_cstr(&path));
        if (!dir)
            continue;
        if (i < 256)
            list_folder(g, name, dirfd(dir), dir);
        else
            list_temporaries(g, dirfd(dir), dir);
        closedir(dir);
    }
    buf_clear(&path);
}

/* Away, mark looked at again, back if a put came first: see cas.c. */
static void remove_file(struct gc *g, const struct gc_blob *b, uint32_t number)
{
    struct buf path = BUF_INIT, temp = BUF_INIT;
    struct stat sb;
    cas_path(g->s, b->d, &path);
    buf_printf(&temp, "%s/cas-v%d/tmp/gc-%ld-%x-%x", g->s->dir, STORE_VERSION, (long)getpid(), number,
               atomic_fetch_add(&g->s->temp_count, 1));
    if (rename(buf_cstr(&path), buf_cstr(&temp)) == 0) {
        bool back =
            stat(buf_cstr(&temp), &sb) == 0 && is_young(g, sb.st_mtime) && link(buf_cstr(&temp), buf_cstr(&path)) == 0;
        unlink(buf_cstr(&temp));
        g->stats->removed_blobs += !back;
        g->n_removed += !back;
    }
    buf_clear(&path);
    buf_clear(&temp);
}

/* The rows */

static struct gc_entity *add_entity(struct gc *g, enum gc_kind kind, int64_t id, int64_t seq, int64_t used_s)
{
    MEM_GROW(g->entities, g->n_entities, g->cap_entities);
    struct gc_entity *en = &g->entities[g->n_entities++];
    *en = (struct gc_entity){
        .kind = kind,
        .id = id,
        .seq = seq,
        .used_s = used_s > g->now_s + STORE_DAY_S ? 0 : used_s,
        .row_used_s = used_s,
        .bytes = ROW_BYTES,
        .ref_begin = (uint32_t)g->refs.n,
        .manifest = MAP_NONE,
    };
    return en;
}

static uint32_t add_ref(struct gc *g, struct gc_entity *en, struct digest d)
{
    uint32_t i = digest_is_none(d) ? MAP_NONE : blob_index(g, d);
    if (i != MAP_NONE) {
        u32vec_add(&g->refs, i);
        en->n_refs++;
    }
    return i;
}

static bool read_blobs(struct gc *g, struct err *e)
{
    sqlite3_stmt *st = db_stmt(g->s, S_GC_BLOBS, e);
    int row = -1;
    while (st && (row = db_step(g->s, st, "collecting garbage", e)) > 0) {
        uint32_t i = blob_index(g, column_digest(st, 0));
        if (i == MAP_NONE)
            continue;
        g->blobs[i].has_row = true;
        g->blobs[i].row_bytes = (uint64_t)sqlite3_column_int64(st, 1) + ROW_BYTES;
        g->blobs[i].row_used_s = sqlite3_column_int64(st, 2);
        g->blobs[i].row_is_young = is_young(g, g->blobs[i].row_used_s);
    }
    if (row == 0)
        db_done(st);
    return row == 0;
}

static bool read_results(struct gc *g, struct err *e)
{
    sqlite3_stmt *st = db_stmt(g->s, S_GC_RESULTS, e);
    int row = -1;
    while (st && (row = db_step(g->s, st, "collecting garbage", e)) > 0) {
        struct store_result r;
        struct gc_entity *en = add_entity(g, GC_RESULT, sqlite3_column_int64(st, 14), 0, sqlite3_column_int64(st, 13));
        if (!row_decode_result(g->s, st, &r)) {
            en->damaged = true;
            continue;
        }
        add_ref(g, en, r.log);
        en->manifest = add_ref(g, en, r.manifest);
        for (size_t i = 0; i < r.n_outputs; i++) {
            add_ref(g, en, r.outputs[i].blob);
            en->bytes += 37 + strlen(r.outputs[i].path);
        }
        en->bytes += 96 + (r.note ? strlen(r.note) : 0) + (r.target ? strlen(r.target) : 0);
        if (digest_u64(r.key) != UINT64_MAX)
            map_put(&g->result_by_key, digest_u64(r.key), (uint32_t)(g->n_entities - 1));
        store_result_clear(&r);
    }
    if (row == 0)
        db_done(st);
    return row == 0;
}

static bool read_reads(struct gc *g, struct err *e)
{
    sqlite3_stmt *st = db_stmt(g->s, S_GC_READS, e);
    int row = -1;
    while (st && (row = db_step(g->s, st, "collecting garbage", e)) > 0) {
        struct gc_entity *en = add_entity(g, GC_READS, sqlite3_column_int64(st, 0), 0, sqlite3_column_int64(st, 1));
        en->bytes += (uint64_t)sqlite3_column_int64(st, 2);
    }
    if (row == 0)
        db_done(st);
    return row == 0;
}

static bool read_runs(struct gc *g, struct err *e)
{
    sqlite3_stmt *st = db_stmt(g->s, S_GC_RUNS, e);
    int row = -1;
    while (st && (row = db_step(g->s, st, "collecting garbage", e)) > 0) {
        struct store_run r;
        int64_t tid = sqlite3_column_int64(st, 11);
        bool good = row_decode_run(g->s, st, column_digest(st, 12), &r);
        int64_t used_s = r.finished_ns / 1000000000;
        /* The run that a result in use comes from is as useful as the result: its log is what `tgraph log` shows. */
        uint32_t result =
            good && digest_u64(r.key) != UINT64_MAX ? map_get(&g->result_by_key, digest_u64(r.key)) : MAP_NONE;
        if (result != MAP_NONE && g->entities[result].used_s > used_s)
            used_s = g->entities[result].used_s;
        struct gc_entity *en = add_entity(g, GC_RUN, tid, sqlite3_column_int64(st, 0), used_s);
        en->bytes += 80;
        en->damaged = !good;
        if (good) {
            add_ref(g, en, r.log);
            en->manifest = add_ref(g, en, r.manifest);
        }
    }
    if (row == 0)
        db_done(st);
    return row == 0;
}

/* Its "set" lines name further blobs. */
static bool read_manifest(struct gc *g, uint32_t i, struct buf *text, struct err *e)
{
    static const char word[] = "set ";
    if (g->blobs[i].is_manifest)
        return true;
    g->blobs[i].is_manifest = true;
    bool found;
    buf_reset(text);
    if (!blob_get(g->s, g->blobs[i].d, text, &found, e))
        return false;
    uint32_t begin = (uint32_t)g->children.n;
    for (const char *p = buf_cstr(text), *end = p + text->len; found && p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p);
        char hex[DIGEST_HEX];
        struct digest d;
        if (len >= 36 && memcmp(p, word, 4) == 0) {
            memcpy(hex, p + 4, 32);
            hex[32] = '\0';
            uint32_t child = digest_parse(hex, &d) ? blob_index(g, d) : MAP_NONE;
            if (child != MAP_NONE)
                u32vec_add(&g->children, child);
        }
        p += len + 1;
    }
    g->blobs[i].child_begin = begin;
    g->blobs[i].n_children = (uint32_t)g->children.n - begin;
    return true;
}

static bool read_manifests(struct gc *g, struct err *e)
{
    struct buf text = BUF_INIT;
    bool ok = true;
    for (size_t i = 0; i < g->n_entities && ok; i++)
        ok = g->entities[i].manifest == MAP_NONE || read_manifest(g, g->entities[i].manifest, &text, e);
    buf_clear(&text);
    return ok;
}

/* The choice */

static void count_refs(struct gc *g)
{
    for (size_t i = 0; i < g->refs.n; i++) {
        struct gc_blob *b = &g->blobs[g->refs.v[i]];
        b->refs++;
        if (b->direct++ == 0) {
            for (uint32_t c = 0; c < b->n_children; c++)
                g->blobs[g->children.v[b->child_begin + c]].refs++;
        }
    }
}

static bool end_batch(struct gc *g, struct err *e)
{
    if (g->batch == 0)
        return true;
    g->batch = 0;
    return db_commit(g->s, e);
}

/* Runs a statement that deletes one row. *gone: it was still as it had been read. */
static bool delete_row(struct gc *g, sqlite3_stmt *st, bool *gone, struct err *e)
{
    *gone = false;
    if (!db_run(g->s, st, "collecting garbage", e))
        return false;
    *gone = sqlite3_changes(g->s->db) > 0;
    g->n_removed += *gone;
    return true;
}

/* The statement to delete a row with, in an open transaction; NULL: e is set. */
static sqlite3_stmt *delete_stmt(struct gc *g, enum stmt id, struct err *e)
{
    if (g->batch >= BATCH_ROWS) {
        if (!end_batch(g, e))
            return NULL;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    if (g->batch == 0 && !db_begin(g->s, e))
        return NULL;
    g->batch++;
    return db_stmt(g->s, id, e);
}

static bool drop_blob(struct gc *g, uint32_t i, struct err *e)
{
    struct gc_blob *b = &g->blobs[i];
    if (b->has_file && !b->file_is_young) {
        u32vec_add(&g->files, i);
        g->bytes -= b->file_bytes;
        b->has_file = false;
    }
    if (!b->has_row || b->row_is_young)
        return true;
    sqlite3_stmt *st = delete_stmt(g, S_GC_DROP_BLOB, e);
    if (!st)
        return false;
    bool gone;
    bind_key(st, 1, &b->d);
    sqlite3_bind_int64(st, 2, b->row_used_s);
    if (!delete_row(g, st, &gone, e))
        return false;
    b->has_row = false;
    if (gone) {
        g->bytes -= b->row_bytes < g->bytes ? b->row_bytes : g->bytes;
        g->stats->removed_blobs++;
    }
    return true;
}

static bool release(struct gc *g, uint32_t i, struct err *e)
{
    struct gc_blob *b = &g->blobs[i];
    if (--b->direct == 0) {
        for (uint32_t c = 0; c < b->n_children; c++) {
            uint32_t child = g->children.v[b->child_begin + c];
            if (--g->blobs[child].refs == 0 && !drop_blob(g, child, e))
                return false;
        }
    }
    return --b->refs > 0 || drop_blob(g, i, e);
}

static bool drop_entity(struct gc *g, const struct gc_entity *en, struct err *e)
{
    static const enum stmt by_kind[] = {
        [GC_RESULT] = S_GC_DROP_RESULT, [GC_READS] = S_GC_DROP_READS, [GC_RUN] = S_GC_DROP_RUN};
    sqlite3_stmt *st = delete_stmt(g, by_kind[en->kind], e);
    if (!st)
        return false;
    bool gone;
    sqlite3_bind_int64(st, 1, en->id);
    sqlite3_bind_int64(st, 2, en->kind == GC_RUN ? en->seq : en->row_used_s);
    if (!delete_row(g, st, &gone, e))
        return false;
    if (!gone)
        return true;
    g->stats->removed_results += en->kind == GC_RESULT;
    g->runs_removed |= en->kind == GC_RUN;
    g->bytes -= en->bytes < g->bytes ? en->bytes : g->bytes;
    for (uint32_t r = 0; r < en->n_refs; r++) {
        if (!release(g, g->refs.v[en->ref_begin + r], e))
            return false;
    }
    return true;
}

static int oldest_first(const void *pa, const void *pb)
{
    const struct gc_entity *a = pa, *b = pb;
    if (a->damaged != b->damaged)
        return a->damaged ? -1 : 1;
    if (a->used_s != b->used_s)
        return a->used_s < b->used_s ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Beyond the limit it goes a tenth below it, so that the next run does not have to collect again. */
static bool choose_and_drop(struct gc *g, uint64_t max_bytes, struct err *e)
{
    for (uint32_t i = 0; i < g->n_blobs; i++) {
        if (g->blobs[i].refs == 0 && !drop_blob(g, i, e))
            return false;
    }
    uint64_t enough = g->bytes > max_bytes ? max_bytes - max_bytes / 10 : UINT64_MAX;
    if (g->n_entities > 0)
        qsort(g->entities, g->n_entities, sizeof *g->entities, oldest_first);
    for (size_t i = 0; i < g->n_entities; i++) {
        const struct gc_entity *en = &g->entities[i];
        if (!en->damaged && (g->bytes <= enough || is_young(g, en->used_s)))
            break;
        if (!drop_entity(g, en, e))
            return false;
    }
    if (!g->runs_removed)
        return true;
    sqlite3_stmt *st = delete_stmt(g, S_GC_DROP_TARGETS, e);
    return st && db_run(g->s, st, "collecting garbage", e);
}

static bool collect(struct gc *g, uint64_t max_bytes, struct err *e)
{
    /* Blobs before what refers to them: a reference that is made meanwhile is seen, or its blob is marked. */
    if (!read_blobs(g, e) || !read_results(g, e) || !read_reads(g, e) || !read_runs(g, e) || !read_manifests(g, e))
        return false;
    count_refs(g);
    bool ok = choose_and_drop(g, max_bytes, e);
    /* After a failure the batch is rolled back already, and this fails too: the first error is the one to tell. */
    if (!end_batch(g, ok ? e : NULL) || !ok)
        return false;
    for (size_t i = 0; i < g->files.n; i++)
        remove_file(g, &g->blobs[g->files.v[i]], (uint32_t)i);
    return true;
}

/* Sizes */

static bool db_bytes(struct gc *g, uint64_t *out, struct err *e)
{
    sqlite3_stmt *st = db_stmt(g->s, S_GC_PAGES, e);
    int row = st ? db_step(g->s, st, "measuring the store", e) : -1;
    if (row < 0)
        return false;
    *out = row ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
    db_done(st);
    return true;
}

static uint64_t log_bytes(const struct store *s)
{
    struct stat sb;
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s-wal", s->db_path);
    uint64_t n = stat(buf_cstr(&b), &sb) == 0 ? (uint64_t)sb.st_size : 0;
    buf_clear(&b);
    return n;
}

/* Gives free pages back to the file system, as far as no reader is in the way. */
static void shrink(struct store *s)
{
    if (!s->db)
        return;
    sqlite3_busy_timeout(s->db, 100);
    sqlite3_exec(s->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
}

static void remove_broken(struct gc *g)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct stat sb;
        struct buf b = BUF_INIT;
        buf_printf(&b, "%s.broken%s", g->s->db_path, ends[i]);
        if (stat(buf_cstr(&b), &sb) == 0) {
            if (is_young(g, sb.st_mtime))
                g->bytes += (uint64_t)sb.st_size;
            else
                unlink(buf_cstr(&b));
        }
        buf_clear(&b);
    }
}

static void gc_clear(struct gc *g)
{
    mem_free(g->blobs);
    mem_free(g->entities);
    mem_free(g->refs.v);
    mem_free(g->children.v);
    mem_free(g->files.v);
    map_clear(&g->by_digest);
    map_clear(&g->result_by_key);
}

/* Measures, and collects if it is too much. *more: something went, so another round may find that it is enough. */
static bool gc_round(struct store *s, uint64_t max_bytes, bool may_drop, struct store_gc_stats *stats, uint64_t *bytes,
                     bool *more, struct err *e)
{
    struct gc g = {.s = s, .now_s = store_now_s(s), .stats = stats};
    g.young_s = g.now_s - STORE_HOUR_S;
    uint64_t rows;
    bool ok = db_bytes(&g, &rows, e);
    *more = false;
    if (ok) {
        remove_broken(&g);
        list_cas(&g);
        g.bytes += rows;
        *bytes = g.bytes;
        if (may_drop && g.bytes > max_bytes) {
            ok = collect(&g, max_bytes, e);
            *more = g.n_removed > 0;
        }
    }
    gc_clear(&g);
    return ok;
}

/* The first round only measures. Free pages are given back before anything is chosen to go. */
static bool collect_rounds(struct store *s, uint64_t max_bytes, bool may_drop, struct store_gc_stats *out,
                           struct err *e)
{
    bool more = false;
    uint64_t bytes;
    if (!gc_round(s, max_bytes, false, out, &bytes, &more, e))
        return false;
    out->before_bytes = out->after_bytes = bytes + log_bytes(s);
    more = may_drop && bytes > max_bytes;
    for (int i = 0; more; i++) {
        shrink(s);
        if (!gc_round(s, max_bytes, i < GC_ROUNDS, out, &bytes, &more, e))
            return false;
        out->after_bytes = bytes + log_bytes(s);
    }
    return true;
}

bool store_gc(struct store *s, uint64_t max_bytes, struct store_gc_stats *out, struct err *e)
{
    *out = (struct store_gc_stats){0, 0, 0, 0};
    struct file_lock lock = {-1};
    bool got = false;
    pthread_mutex_lock(&s->mu);
    ASSERT(s->tx == TX_NONE);
    bool ok = db_may_write(s, e);
    if (ok) {
        struct buf path = BUF_INIT;
        buf_printf(&path, "%s/gc.lock", s->dir);
        ok = file_lock(buf_cstr(&path), FILE_LOCK_EXCLUSIVE, false, &lock, &got, e);
        buf_clear(&path);
    }
    ok = ok && collect_rounds(s, max_bytes, got, out, e);
    if (got)
        file_unlock(&lock);
    pthread_mutex_unlock(&s->mu);
    return ok;
}

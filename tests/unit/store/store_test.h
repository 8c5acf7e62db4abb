/* SPDX-License-Identifier: MIT
 *
 * For the tests of store/: a fresh folder for each test, and records that are functions of a number, so that whatever
 * comes back can be compared with what must have been put. */
#ifndef TESTS_UNIT_STORE_STORE_TEST_H
#define TESTS_UNIT_STORE_STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "store/store_internal.h"

static char dir[256]; /* the cache folder */

static inline int dir_make(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/tgraph-store-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}
static inline int dir_remove(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL) ? 0 : -1;
}
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, dir_make, dir_remove)

/* One of a few buffers that are used in turn. */
static inline const char *in_dir(const char *name)
{
    static char path[8][512];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static inline void must(bool ok, const struct err *e, const char *what, int line)
{
    if (!ok)
        fail_msg("line %d: %s: %s %s", line, what, e->code, e->msg ? e->msg : "");
}
#define MUST(call, e) must((call), (e), #call, __LINE__)

static inline struct store *open_store(void)
{
    struct store *s = NULL;
    struct err e = ERR_INIT;
    struct errlist w = ERRLIST_INIT;
    MUST(store_open(dir, true, &s, &w, &e), &e);
    if (w.n > 0)
        fail_msg("unexpected warning: %s", w.v[0].msg);
    errlist_clear(&w);
    return s;
}

static inline struct digest test_digest(const char *what, uint32_t i)
{
    char b[64];
    int n = snprintf(b, sizeof b, "%s %u", what, i);
    return digest_bytes(b, (size_t)n);
}

/* The result of number i. It borrows static memory until the next call. */
static inline struct store_result model_result(uint32_t i)
{
    static char note[32], target[32], paths[3][32];
    static struct store_output out[3];
    snprintf(note, sizeof note, "exit status %u", i % 250);
    snprintf(target, sizeof target, "dir%u:target-%u", i % 7, i);
    for (uint32_t k = 0; k < 3; k++) {
        snprintf(paths[k], sizeof paths[k], "build/%u/out%u", i, k);
        out[k] = (struct store_output){.path = paths[k],
                                       .type = (uint8_t)(1 + k),
                                       .digest = test_digest("content", i * 3 + k),
                                       .blob = test_digest("blob", i * 3 + k)};
    }
    return (struct store_result){
        .key = test_digest("key", i),
        .outcome = (enum outcome)(1 + i % 7),
        .exit_code = (int)(i % 250) - 1,
        .signal = (int)(i % 30),
        .finished_ns = INT64_C(1700000000000000000) + i,
        .duration_ns = (int64_t)i * 1000003,
        .attempts = 1 + i % 3,
        .log = i % 2 ? test_digest("log", i) : DIGEST_NONE,
        .manifest = i % 3 ? test_digest("manifest", i) : DIGEST_NONE,
        .note = i % 4 ? note : NULL,
        .target = target,
        .outputs = out,
        .n_outputs = i % 4,
    };
}

static inline bool same_str(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static inline bool is_model_result(const struct store_result *r, uint32_t i)
{
    struct store_result m = model_result(i);
    bool same = digest_eq(r->key, m.key) && r->outcome == m.outcome && r->exit_code == m.exit_code &&
                r->signal == m.signal && r->finished_ns == m.finished_ns && r->duration_ns == m.duration_ns &&
                r->attempts == m.attempts && digest_eq(r->log, m.log) && digest_eq(r->manifest, m.manifest) &&
                same_str(r->note, m.note) && same_str(r->target, m.target) && r->n_outputs == m.n_outputs;
    for (size_t k = 0; same && k < m.n_outputs; k++) {
        const struct store_output *a = &r->outputs[k], *b = &m.outputs[k];
        same = strcmp(a->path, b->path) == 0 && a->type == b->type && digest_eq(a->digest, b->digest) &&
               digest_eq(a->blob, b->blob);
    }
    return same;
}

static inline struct store_run model_run(uint32_t i)
{
    return (struct store_run){
        .outcome = (enum outcome)(1 + i % 7),
        .key = test_digest("key", i),
        .finished_ns = INT64_C(1700000000000000000) + i,
        .duration_ns = (int64_t)i * 1000003,
        .log = i % 2 ? test_digest("log", i) : DIGEST_NONE,
        .manifest = i % 3 ? test_digest("manifest", i) : DIGEST_NONE,
        .exit_code = (int)(i % 250) - 1,
        .signal = (int)(i % 30),
        .attempts = 1 + i % 3,
    };
}

static inline bool is_model_run(const struct store_run *r, uint32_t i)
{
    struct store_run m = model_run(i);
    return r->outcome == m.outcome && digest_eq(r->key, m.key) && r->finished_ns == m.finished_ns &&
           r->duration_ns == m.duration_ns && digest_eq(r->log, m.log) && digest_eq(r->manifest, m.manifest) &&
           r->exit_code == m.exit_code && r->signal == m.signal && r->attempts == m.attempts;
}

/* The blob of number i: small ones, and a few that become files. */
static inline void model_blob(uint32_t i, struct buf *out)
{
    buf_reset(out);
    size_t len = i % 10 == 9 ? 5000 + i % 3000 : 20 + i % 700;
    buf_printf(out, "blob %u:", i);
    while (out->len < len)
        buf_addc(out, (char)(out->len * 31 + i));
}

/* xorshift: the same cases on every machine. */
static inline uint32_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return (uint32_t)(x >> 16);
}

static inline void write_file(const char *path, const void *p, size_t len)
{
    unlink(path); /* ext4 writes a file out at once that is cut and written again */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static inline void put_model_result(struct store *s, uint32_t i)
{
    struct err e = ERR_INIT;
    struct store_result r = model_result(i);
    MUST(store_put_result(s, &r, &e), &e);
}

/* Is the result of number i there? It must be right if it is. */
static inline bool has_model_result(struct store *s, uint32_t i)
{
    struct err e = ERR_INIT;
    struct store_result r;
    bool found;
    MUST(store_get_result(s, test_digest("key", i), &r, &found, &e), &e);
    if (found)
        assert_true(is_model_result(&r, i));
    store_result_clear(&r);
    return found;
}

#define BEGIN(s)                                                                                                       \
    do {                                                                                                               \
        struct err be_ = ERR_INIT;                                                                                     \
        MUST(store_begin((s), &be_), &be_);                                                                            \
    } while (0)
#define COMMIT(s)                                                                                                      \
    do {                                                                                                               \
        struct err ce_ = ERR_INIT;                                                                                     \
        MUST(store_commit((s), &ce_), &ce_);                                                                           \
    } while (0)

#endif

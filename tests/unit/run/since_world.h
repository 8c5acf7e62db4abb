/* SPDX-License-Identifier: MIT
 *
 * For tests of --since: the workspace of a real repository, and both sides compared. */
#ifndef TESTS_UNIT_RUN_SINCE_WORLD_H
#define TESTS_UNIT_RUN_SINCE_WORLD_H

#include "../tree/git_test.h"

#include "run/since.h"

static struct workspace ws;
static struct since since;
static struct errlist errors;

static inline void ws_begin_with(const char *lib_dir)
{
    char *cache = mem_printf("%s/cache", base);
    struct ws_opts o = {.dir = root, .cache_dir = cache, .threads = 1, .lib_dir = lib_dir};
    errors = (struct errlist)ERRLIST_INIT;
    if (!ws_open(&ws, &o, &errors))
        fail_msg("%s %s", errors.v[0].code, errors.v[0].msg);
    mem_free(cache);
}
static inline void ws_begin(void) { ws_begin_with(NULL); }

static inline void ws_end(void)
{
    ws_close(&ws);
    errlist_clear(&errors);
}

/* The labels of what is affected, in order of their names, "a b:c d". */
static inline char *affected_labels(const struct since *s)
{
    struct strvec v = STRVEC_INIT;
    struct buf b = BUF_INIT;
    for (uint32_t n = 0; n < s->now->n_nodes; n++)
        if (s->affected[n])
            strvec_add(&v, graph_label(s->now, n));
    strvec_sort(&v);
    for (size_t i = 0; i < v.n; i++)
        buf_printf(&b, "%s%s", i ? " " : "", v.v[i]);
    assert_int_equal(v.n, s->n_affected);
    strvec_clear(&v);
    buf_adds(&b, "");
    return buf_take(&b);
}

/* Opens the workspace, stamps it as a command does, and compares. */
static inline void compare_with(struct since_opts o)
{
    const char *gone;
    ws_begin();
    uint8_t *all = mem_alloc(ws.g.n_nodes + 1);
    memset(all, 1, ws.g.n_nodes + 1);
    ws_stamp(&ws, all, &gone);
    mem_free(all);
    ws_keys(&ws);
    key_static_all(&ws.keys, &ws.g);
    if (!since_open(&since, &ws, &o, &errors) || !since_compare(&since, &ws, &errors))
        fail_msg("%s %s", errors.v[0].code, errors.v[0].msg);
}
#define compare(...) compare_with((struct since_opts){__VA_ARGS__})

static inline void compare_end(void)
{
    since_close(&since);
    ws_end();
}

static inline void expect_affected_at(const char *expected, struct since_opts o, int line)
{
    compare_with(o);
    char *got = affected_labels(&since);
    if (since.everything)
        fail_msg("line %d: everything: %s", line, since.everything);
    if (strcmp(got, expected) != 0)
        fail_msg("line %d: '%s' in place of '%s'", line, got, expected);
    mem_free(got);
    compare_end();
}
/* What is affected since a revision, twice: the second time from what the first one kept. */
#define expect_affected(expected, ...)                                                                                 \
    do {                                                                                                               \
        expect_affected_at((expected), (struct since_opts){__VA_ARGS__}, __LINE__);                                    \
        expect_affected_at((expected), (struct since_opts){__VA_ARGS__}, __LINE__);                                    \
        expect_affected_at((expected), (struct since_opts){.exact = true, __VA_ARGS__}, __LINE__);                     \
    } while (0)

#endif

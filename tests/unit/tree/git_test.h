/* SPDX-License-Identifier: MIT
 *
 * For tests that need a git repository: a folder of its own for each test, `base`, with an empty repository `root` in it,
 * made by the real git.
 *
 *     put("src/a.c", "int a;\n");
 *     commit("one");
 *     git("branch topic");
 */
#ifndef TESTS_UNIT_TREE_GIT_TEST_H
#define TESTS_UNIT_TREE_GIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "tree/repo.h"

static char base[256], root[300];

/* Only this configuration counts, for git and for libgit2 (which reads HOME once). */
static inline int git_group_setup(void **state)
{
    static const char *const unwanted[] = {"GIT_DIR",         "GIT_WORK_TREE",           "GIT_INDEX_FILE",
                                           "XDG_CONFIG_HOME", "GIT_CEILING_DIRECTORIES", "TGRAPH_LIB",
                                           "TGRAPH_CACHE_DIR"};
    static char home[] = "/tmp/tgraph-git-home-XXXXXX";
    (void)state;
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        unsetenv(unwanted[i]);
    if (!mkdtemp(home))
        return -1;
    setenv("HOME", home, 1);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_SYSTEM", "/dev/null", 1);
    setenv("GIT_AUTHOR_NAME", "a", 1);
    setenv("GIT_AUTHOR_EMAIL", "a@example", 1);
    setenv("GIT_COMMITTER_NAME", "a", 1);
    setenv("GIT_COMMITTER_EMAIL", "a@example", 1);
    return 0;
}

static inline int git_group_teardown(void **state)
{
    (void)state;
    return file_remove_tree(getenv("HOME"), NULL) ? 0 : -1;
}

/* Runs a shell command in `root`, which has to succeed. */
__attribute__((format(printf, 1, 2))) static inline void sh(const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list args;
    char text[2000];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_printf(&b, "cd '%s' && { %s\n} >'%s/log' 2>&1", root, text, base);
    if (system(buf_cstr(&b)) != 0) { // NOLINT(cert-env33-c)
        struct buf log = BUF_INIT;
        char *path = mem_printf("%s/log", base);
        file_read(path, 1 << 20, &log, NULL);
        fail_msg("%s: %s", text, buf_cstr(&log));
    }
    buf_clear(&b);
}
#define git(...) sh("git " __VA_ARGS__)

static inline void put_mode(const char *name, const char *text, int mode)
{
    struct err e = ERR_INIT;
    char *path = mem_printf("%s/%s", root, name);
    if (!file_mkdirs_for(path, &e) || !file_replace(path, text, strlen(text), mode, false, &e))
        fail_msg("%s", e.msg);
    mem_free(path);
}
static inline void put(const char *name, const char *text) { put_mode(name, text, 0644); }

static inline void commit(const char *message) { git("add -A && git commit -q --allow-empty -m '%s'", message); }

static inline int git_make(void **state)
{
    const char *tmp = getenv("TMPDIR");
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%.200s/tgraph-git-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(path) || !realpath(path, base))
        return -1;
    snprintf(root, sizeof root, "%s/repo", base);
    if (mkdir(root, 0755))
        return -1;
    git("init -q -b main");
    return 0;
}

static inline int git_remove(void **state)
{
    (void)state;
    unsetenv("GIT_DIR");
    unsetenv("GIT_WORK_TREE");
    unsetenv("GIT_INDEX_FILE");
    return chdir("/") || !file_remove_tree(base, NULL);
}
#define WITH_GIT(f) cmocka_unit_test_setup_teardown(f, git_make, git_remove)

/* What `git rev-parse` says. */
static inline struct object_id id_of_commit(const char *name)
{
    struct object_id id = {{0}};
    struct buf b = BUF_INIT;
    sh("git rev-parse --verify '%s^{commit}' >'%s/id'", name, base);
    char *path = mem_printf("%s/id", base);
    assert_true(file_read(path, 100, &b, NULL));
    for (size_t i = 0; i < sizeof id.b; i++) {
        unsigned byte;
        assert_int_equal(sscanf(buf_cstr(&b) + 2 * i, "%2x", &byte), 1); // NOLINT(cert-err34-c)
        id.b[i] = (uint8_t)byte;
    }
    mem_free(path);
    buf_clear(&b);
    return id;
}

static inline void expect_commit(struct object_id got, const char *name)
{
    char a[OBJECT_ID_HEX], b[OBJECT_ID_HEX];
    object_id_hex(got, a);
    object_id_hex(id_of_commit(name), b);
    assert_string_equal(a, b);
}

static inline struct repo *opened(void)
{
    struct repo *r;
    struct err e = ERR_INIT;
    if (!repo_open(root, &r, &e))
        fail_msg("%s: %s", e.code, e.msg);
    return r;
}

/* The error, with a part of its text and of its hint; NULL: none is asked for. Clears it. */
static inline void expect_err(struct err *e, const char *code, const char *part, const char *hint)
{
    assert_string_equal(e->code, code);
    if (part && !strstr(e->msg, part))
        fail_msg("'%s' lacks '%s'", e->msg, part);
    if (hint && (!e->hint || !strstr(e->hint, hint)))
        fail_msg("hint '%s' lacks '%s'", e->hint ? e->hint : "", hint);
    err_clear(e);
}

#endif

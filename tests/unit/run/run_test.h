/* SPDX-License-Identifier: MIT
 *
 * For tests of jobs, the pool and services: a fresh repository for each test, and jobs that run shell commands in it. */
#ifndef TESTS_UNIT_RUN_RUN_TEST_H
#define TESTS_UNIT_RUN_RUN_TEST_H

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
#include <unistd.h>

#include "graph/graph.h"
#include "os/file.h"
#include "run/job.h"

static char base[256]; /* holds the repository, the private folders, the store */
static char root[300];
static int root_fd = -1;

static inline int repo_make(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    char path[256];
    snprintf(path, sizeof path, "%s/tgraph-run-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(path) || !realpath(path, base))
        return -1;
    snprintf(root, sizeof root, "%s/repo", base);
    snprintf(path, sizeof path, "%.240s/tmp", base);
    if (mkdir(root, 0755) || mkdir(path, 0755))
        return -1;
    root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root_fd < 0 ? -1 : 0;
}

static inline int repo_remove(void **state)
{
    (void)state;
    close(root_fd);
    return file_remove_tree(base, NULL) ? 0 : -1;
}
#define IN_REPO(f) cmocka_unit_test_setup_teardown(f, repo_make, repo_remove)

/* One of a few buffers that are used in turn. */
static inline const char *in_repo(const char *name)
{
    static char path[8][600];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

static inline void put(const char *name, const char *text)
{
    struct err e = ERR_INIT;
    if (!file_mkdirs_for(in_repo(name), &e) || !file_replace(in_repo(name), text, strlen(text), 0644, false, &e))
        fail_msg("%s", e.msg);
}

static inline bool is_there(const char *name)
{
    struct stat st;
    return lstat(in_repo(name), &st) == 0;
}

static inline void expect_text(const char *name, const char *expected)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    if (!file_read(in_repo(name), 1 << 20, &b, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

/* A job that runs a shell command in the repository's folder `dir`. */
static inline struct job *shell_job_in(const char *dir, const char *command)
{
    struct job *j = job_new();
    struct arena *a = &j->arena;
    j->kind = JOB_RUN;
    j->node = 7;
    j->root = root;
    j->root_fd = root_fd;
    j->label = "target";
    j->file = "/bin/sh";
    const char **argv = arena_alloc(a, 4 * sizeof *argv);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = arena_strdup(a, command);
    j->argv = argv;
    enum { FREE = sizeof j->env_free / sizeof *j->env_free };
    const char **env = arena_alloc(a, (FREE + 2) * sizeof *env);
    env[0] = "PATH=/usr/local/bin:/usr/bin:/bin";
    for (uint32_t i = 0; i < FREE; i++)
        j->env_free[i] = i + 1;
    j->envp = env;
    j->cwd = *dir ? arena_printf(a, "%s/%s", root, dir) : root;
    j->grace_ms = 2000;
    j->left_ms = 200;
    j->max_attempts = 1;
    j->tmp_base = arena_printf(a, "%s/tmp", base);
    return j;
}
static inline struct job *shell_job(const char *command) { return shell_job_in("", command); }

/* Output entries, kind by their text as in a declaration. */
static inline void want_outputs(struct job *j, const char *const *v, uint32_t n)
{
    struct job_output *o = arena_alloc(&j->arena, (n + 1) * sizeof *o);
    for (uint32_t i = 0; i < n; i++) {
        size_t len = strlen(v[i]);
        bool folder = v[i][len - 1] == '/';
        o[i] = (struct job_output){arena_strndup(&j->arena, v[i], len - folder),
                                   folder                 ? OUT_FOLDER
                                   : strpbrk(v[i], "*?{") ? OUT_GLOB
                                                          : OUT_FILE,
                                   100 + i};
    }
    j->outputs = o;
    j->n_outputs = n;
}
#define WANT(j, ...)                                                                                                   \
    want_outputs(j, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* "path@entry path@entry ..." */
static inline void expect_made(const struct job *j, const char *expected)
{
    struct buf b = BUF_INIT;
    for (uint32_t i = 0; i < j->n_made; i++)
        buf_printf(&b, "%s%s@%u", i ? " " : "", j->made[i].path, j->made[i].out - 100);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
}

static inline void expect_outcome(const struct job *j, enum outcome o, const char *note)
{
    if (j->outcome != o || (note && strcmp(j->note ? j->note : "", note) != 0))
        fail_msg("%s: %s", outcome_name(j->outcome), j->note ? j->note : "");
}

static inline size_t entries_of(const char *dir)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "ls -A '%s' | wc -l", dir);
    FILE *f = popen(buf_cstr(&b), "re"); // NOLINT(cert-env33-c)
    unsigned long n = 999;
    if (fscanf(f, "%lu", &n) != 1) // NOLINT(cert-err34-c)
        n = 999;
    pclose(f);
    buf_clear(&b);
    return n;
}

#endif

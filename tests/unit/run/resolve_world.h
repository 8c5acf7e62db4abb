/* SPDX-License-Identifier: MIT
 *
 * A workspace without Testfiles: a graph from declarations over a real folder, with a real store. */
#ifndef TESTS_UNIT_RUN_RESOLVE_WORLD_H
#define TESTS_UNIT_RUN_RESOLVE_WORLD_H

#include "../graph/graph_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "run/resolve.h"

static struct workspace ws;
static char base[256], root[300];

static inline int folder_make(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    char path[256];
    snprintf(path, sizeof path, "%s/tgraph-resolve-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(path) || !realpath(path, base))
        return -1;
    snprintf(root, sizeof root, "%s/repo", base);
    return mkdir(root, 0755);
}

static inline int folder_remove(void **state)
{
    (void)state;
    return file_remove_tree(base, NULL) ? 0 : -1;
}
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

static inline const char *in_root(const char *name)
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
    if (!file_mkdirs_for(in_root(name), &e) || !file_replace(in_root(name), text, strlen(text), 0644, false, &e))
        fail_msg("%s", e.msg);
}

/* After world_begin and the targets. */
static inline void ws_begin(void)
{
    struct err e = ERR_INIT;
    world_build();
    memset(&ws, 0, sizeof ws);
    ws.root = mem_strdup(root);
    ws.root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ws.cache_dir = mem_printf("%s/cache", base);
    ws.path_env = mem_strdup("/usr/bin:/bin");
    ws.home_env = mem_strdup("/");
    ws.threads = 1;
    ws.g = graph;
    graph_init(&graph);
    if (!store_open(ws.cache_dir, true, &ws.store, &ws.warnings, &e))
        fail_msg("%s", e.msg);
    ws.store_writable = ws.store_tried = true;
    assert_int_equal(ws.warnings.n, 0);
}

static inline void ws_end(void)
{
    ws_close(&ws);
    world_end();
}

/* Everything is stamped anew, as at the start of a process. */
static inline void look_again(void)
{
    uint8_t *all = mem_alloc(ws.g.n_nodes + 1);
    const char *gone;
    memset(all, 1, ws.g.n_nodes + 1);
    ws_unstamp(&ws);
    ws.loaded_by_lua = true; /* files that are gone are the loader's affair */
    ws_stamp(&ws, all, &gone);
    ws_keys(&ws);
    mem_free(all);
}

static inline node_id id_of(const char *label)
{
    node_id n = graph_find(&ws.g, label);
    assert_int_not_equal(n, ID_NONE);
    return n;
}

#endif

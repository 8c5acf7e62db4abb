/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a Testfile, a module, JSON and YAML: an error or a graph, never a crash, never for ever.
 *
 * The input is parts divided by a line of "%%": Testfile.lua, sub/Testfile.lua, m.lua, data.json, data.yaml. */
#include <string.h>

#include "lua/load.h"
#include "support/memtree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_env(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "SET") == 0 ? "value" : NULL;
}

static void add_files(struct tree *t, const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"Testfile.lua", "sub/Testfile.lua", "m.lua", "data.json", "data.yaml"};
    const char *p = (const char *)data, *end = p + size;
    memtree_file(t, "src/a.c", "int a;");
    memtree_file(t, "src/run.sh", "#!/usr/bin/env sh\n");
    memtree_file(t, ".gitignore", "*.o\n");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const char *mark = i + 1 < sizeof paths / sizeof *paths ? memmem(p, (size_t)(end - p), "\n%%\n", 4) : NULL;
        char *text = mem_strndup(p, (size_t)((mark ? mark : end) - p));
        memtree_file(t, paths[i], text);
        mem_free(text);
        p = mark ? mark + 4 : end;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree *t = memtree_new();
    add_files(t, data, size);
    struct load_opts o = {.tree = t,
                          .walker = walker_new(t),
                          .search_path = "/bin",
                          .getenv = no_env,
                          .memory_limit_bytes = 32 << 20,
                          .instruction_limit = 2000000};
    struct decls decls;
    struct load_record record;
    struct errlist errs = ERRLIST_INIT;
    bool ok = load_testfiles(&o, &decls, &record, &errs);
    if (ok != (errs.n_errors == 0))
        __builtin_trap();
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < errs.n; i++) {
        if (!errs.v[i].code[0] || !errs.v[i].msg)
            __builtin_trap();
        err_format(&errs.v[i], &text);
    }
    for (uint32_t i = 0; i < decls.n; i++) {
        const struct decl *d = &decls.v[i];
        if (!d->label || !d->dir || !d->cwd || (d->n_tools && d->tools[0] >= decls.n_tools))
            __builtin_trap();
        for (uint32_t k = 0; k < d->n_sets; k++)
            if (d->sets[k] >= decls.n_sets)
                __builtin_trap();
        if (i < 20)
            load_locate(t, d, "deps", "a");
    }
    buf_clear(&text);
    errlist_clear(&errs);
    decls_clear(&decls);
    load_record_clear(&record);
    walker_free(o.walker);
    tree_free(t);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * A load over a tree in memory: files in, declarations and messages out.
 *
 *     struct fixture *f = *state;
 *     file("Testfile.lua", "test \"a\" { cmd = \"true\" }");
 *     load_ok(f);  target(f, "a")->shell  ...
 *     load_fails(f, "Testfile.lua:1:1: error T106: ...\n");
 */
#ifndef TGRAPH_TESTS_LUA_FIXTURE_H
#define TGRAPH_TESTS_LUA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lua/load.h"
#include "support/memtree.h"

struct fixture {
    struct tree *tree;
    struct walker *walker;
    struct load_opts opts;
    struct decls decls;
    struct load_record record;
    struct errlist errs;
    struct buf text;
    bool loaded;
};

static inline const char *fixture_getenv(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "SET") == 0)
        return "value";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static inline int fixture_open(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    f->tree = memtree_new();
    f->opts = (struct load_opts){.tree = f->tree, .search_path = "/bin:/usr/bin", .getenv = fixture_getenv};
    *state = f;
    return 0;
}

static inline void fixture_unload(struct fixture *f)
{
    if (!f->loaded)
        return;
    decls_clear(&f->decls);
    load_record_clear(&f->record);
    errlist_clear(&f->errs);
    walker_free(f->walker);
    f->loaded = false;
}

static inline int fixture_close(void **state)
{
    struct fixture *f = *state;
    fixture_unload(f);
    tree_free(f->tree);
    buf_clear(&f->text);
    mem_free(f);
    return 0;
}

#define file(path, text) memtree_file(f->tree, path, text)
#define testfile(text) memtree_file(f->tree, "Testfile.lua", text)

/* All messages, as a person sees them. */
static inline const char *load(struct fixture *f)
{
    fixture_unload(f);
    f->opts.walker = f->walker = walker_new(f->tree);
    f->errs = (struct errlist)ERRLIST_INIT;
    f->loaded = true;
    bool ok = load_testfiles(&f->opts, &f->decls, &f->record, &f->errs);
    assert_int_equal(ok, f->errs.n_errors == 0);
    buf_reset(&f->text);
    for (size_t i = 0; i < f->errs.n; i++)
        err_format(&f->errs.v[i], &f->text);
    return buf_cstr(&f->text);
}

static inline void load_ok(struct fixture *f) { assert_string_equal(load(f), ""); }
static inline void load_says(struct fixture *f, const char *messages) { assert_string_equal(load(f), messages); }

static inline const struct decl *find_target(struct fixture *f, const char *label)
{
    for (uint32_t i = 0; i < f->decls.n; i++)
        if (strcmp(f->decls.v[i].label, label) == 0)
            return &f->decls.v[i];
    return NULL;
}

static inline const struct decl *target(struct fixture *f, const char *label)
{
    const struct decl *d = find_target(f, label);
    if (!d)
        fail_msg("there is no target '%s'", label);
    return d;
}

static inline const char *joined(struct fixture *f, struct strs s)
{
    buf_reset(&f->text);
    for (uint32_t i = 0; i < s.n; i++)
        buf_printf(&f->text, "%s%s", i ? " " : "", s.v[i]);
    return buf_cstr(&f->text);
}
#define assert_strs(expected, strs) assert_string_equal(expected, joined(f, strs))

/* The files of a target's only set. */
#define assert_set(expected, d)                                                                                        \
    do {                                                                                                               \
        assert_int_equal((d)->n_sets, 1);                                                                              \
        assert_strs(expected, f->decls.sets[(d)->sets[0]].paths);                                                      \
    } while (0)

static inline const char *tool_names(struct fixture *f, const struct decl *d)
{
    buf_reset(&f->text);
    for (uint32_t i = 0; i < d->n_tools; i++)
        buf_printf(&f->text, "%s%s", i ? " " : "", f->decls.tools[d->tools[i]].name);
    return buf_cstr(&f->text);
}

static inline const char *env_text(struct fixture *f, const struct decl *d)
{
    buf_reset(&f->text);
    for (uint32_t i = 0; i < d->n_env; i++)
        buf_printf(&f->text, "%s%s=%s", i ? " " : "", d->env[i].name, d->env[i].value ? d->env[i].value : "(unset)");
    return buf_cstr(&f->text);
}

#define with_fixture(t) cmocka_unit_test_setup_teardown(t, fixture_open, fixture_close)

#endif

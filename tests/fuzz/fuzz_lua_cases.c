/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the list that a discover step wrote: cases that are all well formed, or none and a message with a place in the
 * list; never an error, which would keep the step from being run again. */
#include <string.h>

#include "lua/load.h"
#include "support/memtree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_env(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static void check(bool ok)
{
    if (!ok)
        __builtin_trap();
}

static void check_sorted(struct strs s)
{
    for (uint32_t i = 0; i < s.n; i++)
        check(*s.v[i] && (i == 0 || strcmp(s.v[i - 1], s.v[i]) < 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char path[] = ".tgraph/cases/s.jsonl";
    struct tree *t = memtree_new();
    memtree_file(
        t, "Testfile.lua",
        "suite \"s\" { worker = \"w\", inputs = {}, order = \"file\", cases = discover { cmd = \"x\", inputs = {} } }\n"
        "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"out/\", \"made\" } }\n");
    memtree_file(t, "a", "");
    memtree_file(t, "d/b", "");
    char *text = mem_strndup((const char *)data, size);
    if (strlen(text) == size) /* the tree holds texts */
        memtree_file(t, path, text);
    mem_free(text);
    struct load_opts o = {.tree = t, .walker = walker_new(t), .search_path = "/bin", .getenv = no_env};
    struct decls decls;
    struct load_record record;
    struct errlist errs = ERRLIST_INIT;
    check(load_testfiles(&o, &decls, &record, &errs));
    const struct decl *d = NULL;
    for (uint32_t i = 0; i < decls.n; i++)
        d = decls.v[i].kind == KIND_SUITE ? &decls.v[i] : d;
    check(d && decls.n == 3);
    check(!d->cases_unknown || d->n_cases == 0);
    check(d->cases_unknown || d->n_cases || errs.n == 1);
    for (size_t i = 0; i < errs.n; i++)
        check(errs.v[i].level == ERR_WARNING && errs.v[i].msg && errs.v[i].file);
    for (uint32_t i = 0; i < d->n_cases; i++) {
        const struct decl_case *c = &d->cases[i];
        check(*c->id && strlen(c->id) <= 4096 && !strpbrk(c->id, "\n\r\t\x7f"));
        check(!c->data || (*c->data && !strchr(c->data, '\n')));
        check(!c->group || *c->group);
        check(c->timeout_ms >= 0);
        check_sorted(c->inputs);
        check_sorted(c->tags);
        for (uint32_t k = 0; k < c->n_sets; k++)
            check(c->sets[k] < decls.n_sets);
        check(!c->inputs.n || c->group);
    }
    errlist_clear(&errs);
    decls_clear(&decls);
    load_record_clear(&record);
    walker_free(o.walker);
    tree_free(t);
    return 0;
}

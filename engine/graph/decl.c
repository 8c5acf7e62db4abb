/* SPDX-License-Identifier: MIT
 *
 * The life of a set of declarations. */
#include "graph/decl.h"

#include <string.h>

const char *kind_name(enum node_kind k)
{
    switch (k) {
    case KIND_TEST:
        return "test";
    case KIND_BUILD:
        return "build";
    case KIND_GROUP:
        return "group";
    case KIND_SERVICE:
        return "service";
    case KIND_SUITE:
        return "suite";
    case KIND_CASE:
        return "case";
    }
    return "unknown";
}

void decls_init(struct decls *d)
{
    memset(d, 0, sizeof *d);
    arena_init(&d->arena);
}

void decls_clear(struct decls *d)
{
    mem_free(d->v);
    mem_free(d->sets);
    mem_free(d->tools);
    mem_free(d->pools);
    arena_clear(&d->arena);
    decls_init(d);
}

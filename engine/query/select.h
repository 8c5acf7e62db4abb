/* SPDX-License-Identifier: MIT
 *
 * Which targets a command line means.
 *
 * A pattern is a label (`unit`, `services/api:unit`), a folder (`services/api`: its targets and those below), `dir/...`
 * (the same), `...` (all), some cases of a suite (`unit#tests/test_a.py`, `unit#*overflow*`), or a glob over labels (`services/?*:unit`). A label selects any kind of target; folders and globs select
 * tests and groups' tests, or builds if they match no test. Seen from a folder below the root, a pattern that means
 * nothing from the root is tried from there; one that starts with `./` is always taken from there.
 */
#ifndef TGRAPH_QUERY_SELECT_H
#define TGRAPH_QUERY_SELECT_H

#include "graph/graph.h"

struct select_spec {
    const char *const *patterns;
    size_t n_patterns;       /* 0: every test */
    bool every_kind;         /* without patterns every target, not only tests (list) */
    const char *const *tags; /* keep targets with one of them; none = all */
    size_t n_tags;
    const char *const *excludes; /* patterns to take away */
    size_t n_excludes;
    const char *sub;  /* folder below the root that the user is in; "" = root */
    bool only_failed; /* keep targets whose last run here failed; without patterns builds too */
};

/* Sets selected[n]. A pattern that matches nothing: false and a T010 error for each. */
bool select_targets(struct graph *g, const struct select_spec *spec, uint8_t *selected, struct errlist *errs);

#endif

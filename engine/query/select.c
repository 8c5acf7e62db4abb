/* SPDX-License-Identifier: MIT
 *
 * Patterns of the command line against labels. */
#include "query/select.h"

#include <fnmatch.h>
#include <string.h>

#include "store/store.h"
#include "tree/glob.h"
#include "tree/path.h"

/* A suite whose cases are not known stands for them. */
static bool is_test(const struct graph *g, node_id n)
{
    return kind_is_test((enum node_kind)g->nodes[n].kind) || (g->nodes[n].flags & NODE_CASES_UNKNOWN);
}

/* Cases of a suite: "SUITE#rest". rest is a glob whose `*` goes across slashes, as a case's id is no path; or it is the beginning of
 * ids, up to a place where a name ends: of "tests/test_a.py::test_x[1]", "tests", "tests/test_a.py" and "tests/test_a.py::test_x". */
static bool case_matches(const struct graph *g, node_id n, const char *suite, size_t suite_len, const char *rest)
{
    const struct graph_case *c = graph_case(g, n);
    const char *label = graph_label(g, c->suite), *id = graph_str(g, c->id);
    if (strncmp(label, suite, suite_len) != 0 || label[suite_len])
        return false;
    size_t len = strlen(rest);
    return (len && strncmp(id, rest, len) == 0 && strchr("/:[. ", id[len])) || fnmatch(rest, id, 0) == 0;
}

static size_t match_cases(const struct graph *g, const char *pattern, const char *hash, uint8_t *mark)
{
    size_t count = 0;
    for (uint32_t n = g->n_nodes - g->n_cases; n < g->n_nodes; n++)
        if (case_matches(g, n, pattern, (size_t)(hash - pattern), hash + 1)) {
            mark[n] = 1;
            count++;
        }
    return count;
}

/* Marks what one pattern (from the root) means; how many nodes it matched. */
static size_t match(struct graph *g, const char *pattern, uint8_t *mark)
{
    size_t count = 0;
    if (strncmp(pattern, "//", 2) == 0)
        pattern += 2;
    if (*pattern == ':')
        pattern++;
    node_id exact = graph_find(g, pattern);
    if (exact != ID_NONE) {
        mark[exact] = 1;
        return 1;
    }
    const char *hash = strchr(pattern, '#');
    if (hash && (count = match_cases(g, pattern, hash, mark)) > 0)
        return count;
    size_t len = strlen(pattern);
    bool dots = len >= 3 && strcmp(pattern + len - 3, "...") == 0 && (len == 3 || pattern[len - 4] == '/');
    bool wild = !dots && path_has_wildcard(pattern);
    if (!dots && !wild && strchr(pattern, ':'))
        return 0;
    char *dir = mem_strndup(pattern, dots ? (len == 3 ? 0 : len - 4) : len);
    for (size_t d = strlen(dir); d > 0 && dir[d - 1] == '/'; d--)
        dir[d - 1] = 0;
    /* Tests first; builds only if there are none, groups never: their members are matched themselves. */
    for (int pass = 0; pass < 2 && !count; pass++)
        for (uint32_t n = 0; n < g->n_nodes; n++) {
            if (pass == 0 ? !is_test(g, n) : g->nodes[n].kind != KIND_BUILD)
                continue;
            if (wild ? glob_match(pattern, graph_label(g, n)) : path_is_below(graph_str(g, g->nodes[n].dir), dir)) {
                mark[n] = 1;
                count++;
            }
        }
    mem_free(dir);
    return count;
}

static bool is_here(const char *pattern) { return strncmp(pattern, "./", 2) == 0 || strcmp(pattern, ".") == 0; }

/* A pattern, without its "./", as it is written at the root. */
static void from_root(const char *rest, const char *sub, struct buf *b)
{
    bool dots = strcmp(rest, "...") == 0 || strncmp(rest, ".../", 4) == 0;
    if (!*sub)
        buf_adds(b, rest);
    else if (*rest == ':')
        buf_printf(b, "%s%s", sub, rest);
    else if (dots || strchr(rest, ':') || strchr(rest, '/'))
        buf_printf(b, "%s/%s", sub, rest);
    else
        buf_printf(b, "%s:%s", sub, rest);
}

static size_t match_from(struct graph *g, const char *pattern, const char *sub, uint8_t *mark)
{
    bool here = is_here(pattern);
    size_t count = here ? 0 : match(g, pattern, mark);
    if (count)
        return count;
    const char *rest = here ? (pattern[1] ? pattern + 2 : "...") : pattern;
    struct buf b = BUF_INIT;
    from_root(rest, sub, &b);
    if (*sub || here)
        count = match(g, buf_cstr(&b), mark);
    if (!count && *sub && !strchr(rest, ':')) { /* a folder below this one */
        buf_reset(&b);
        buf_printf(&b, "%s/%s", sub, rest);
        count = match(g, buf_cstr(&b), mark);
    }
    buf_clear(&b);
    return count;
}

/* The label or folder that was meant, as it is written at the root. */
static const char *nearest(const struct graph *g, const char *pattern, const char *sub)
{
    const char **names = mem_resize(NULL, 2 * (size_t)g->n_nodes + 1, sizeof *names);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        names[n] = graph_label(g, n);
        names[g->n_nodes + n] = graph_str(g, g->nodes[n].dir);
    }
    const char *rest = is_here(pattern) && pattern[1] ? pattern + 2 : pattern;
    const char *near = nearest_name(rest, names, 2 * (size_t)g->n_nodes);
    if (!near && *sub) {
        struct buf b = BUF_INIT;
        from_root(rest, sub, &b);
        near = nearest_name(buf_cstr(&b), names, 2 * (size_t)g->n_nodes);
        buf_clear(&b);
    }
    mem_free(names);
    return near && *near ? near : NULL;
}

static void no_match(struct graph *g, const char *pattern, const char *sub, const char *what, struct errlist *errs)
{
    const char *near = nearest(g, pattern, sub);
    struct err *e = errlist_add(errs, ERR_ERROR);
    err_set(e, "T010", "%s '%s' matches no target", what, pattern);
    if (near)
        err_hint(e, "did you mean '%s'?", near);
    else if (strchr(pattern, '#'))
        err_hint(e, "`tgraph list %.*s` shows the cases of a suite", (int)strcspn(pattern, "#"), pattern);
    else
        err_hint(e, "`tgraph list` shows all targets");
}

static bool has_tag(const struct graph *g, node_id n, const struct select_spec *spec)
{
    struct id_list tags = graph_tags(g, n);
    for (uint32_t i = 0; i < tags.n; i++)
        for (size_t t = 0; t < spec->n_tags; t++)
            if (strcmp(graph_str(g, tags.v[i]), spec->tags[t]) == 0)
                return true;
    return false;
}

/* Its last run failed, or it could not run because something that it needs failed. */
static bool did_fail(const struct node_state *st)
{
    return st->status == STATUS_FAILED || (st->outcome == OUTCOME_SKIPPED && st->status != STATUS_CLEAN);
}

/* A tag that nothing has is as much a slip as a pattern that matches nothing. */
static bool check_tags(struct graph *g, const struct select_spec *spec, struct errlist *errs)
{
    bool ok = true;
    for (size_t t = 0; t < spec->n_tags; t++) {
        struct select_spec one = {.tags = spec->tags + t, .n_tags = 1};
        bool found = false;
        for (uint32_t n = 0; n < g->n_nodes && !found; n++)
            found = has_tag(g, n, &one);
        if (found)
            continue;
        struct err *e = errlist_add(errs, ERR_ERROR);
        err_set(e, "T010", "no target has the tag '%s'", spec->tags[t]);
        err_hint(e, "`tgraph list --json` shows the tags");
        ok = false;
    }
    return ok;
}

bool select_targets(struct graph *g, const struct select_spec *spec, uint8_t *selected, struct errlist *errs)
{
    bool ok = check_tags(g, spec, errs);
    const char *sub = spec->sub ? spec->sub : "";
    for (size_t i = 0; i < spec->n_patterns; i++)
        if (match_from(g, spec->patterns[i], sub, selected) == 0) {
            no_match(g, spec->patterns[i], sub, "the pattern", errs);
            ok = false;
        }
    if (!spec->n_patterns)
        for (uint32_t n = 0; n < g->n_nodes; n++)
            /* A build that failed kept the tests that need it from running: it is what failed last time. */
            selected[n] = spec->every_kind || is_test(g, n) || (spec->only_failed && g->nodes[n].kind == KIND_BUILD);
    if (!spec->every_kind || spec->n_patterns)
        graph_open_groups(g, selected);
    if (spec->n_excludes) {
        uint8_t *out = mem_calloc(g->n_nodes + 1, 1);
        for (size_t i = 0; i < spec->n_excludes; i++)
            if (match_from(g, spec->excludes[i], sub, out) == 0) {
                no_match(g, spec->excludes[i], sub, "--exclude", errs);
                ok = false;
            }
        graph_open_groups(g, out);
        for (uint32_t n = 0; n < g->n_nodes; n++)
            selected[n] &= (uint8_t)!out[n];
        mem_free(out);
    }
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        if (!selected[n])
            continue;
        bool unknown = g->nodes[n].flags & NODE_CASES_UNKNOWN; /* its cases may have the tag, and may have failed */
        if (spec->n_tags && !unknown && !has_tag(g, n, spec))
            selected[n] = 0;
        if (spec->only_failed && !unknown && !did_fail(&g->states[n]))
            selected[n] = 0;
        /* Its members are selected; itself it would bring the excluded ones back. */
        if ((spec->n_excludes || spec->n_tags || spec->only_failed) && !graph_counts(g, n) && !spec->every_kind)
            selected[n] = 0;
    }
    return ok;
}

/* SPDX-License-Identifier: MIT
 *
 * One table of options; each command says by letters which it takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "os/thread.h"

static const struct option {
    char id;
    const char *shorter, *longer, *arg, *help;
    bool common;
    bool optional; /* its argument may be left out */
} table[] = {
    {'C', "-C", NULL, "DIR", "work in the repository that holds DIR", true, false},
    {'c', NULL, "--color", "WHEN", "auto (default; NO_COLOR is respected), always or never", true, false},
    {'q', "-q", "--quiet", NULL, "failures and the last line only", true, false},
    {'v', "-v", "--verbose", NULL, "also what is clean, and the output of what passed", true, false},
    {'h', "-h", "--help", NULL, "show this", true, false},
    {'j', "-j", "--jobs", "N", "actions at once, or N% of the processors (default: all that this process may use)",
     false, false},
    {'n', "-n", "--dry-run", NULL, "say what would be done and do nothing", false, false},
    {'J', NULL, "--json", "FILE", "write events as JSON lines (docs/events.md); - is standard output", false, false},
    {'t', NULL, "--tag", "TAG", "only targets with this tag (may be repeated: any of them)", false, false},
    {'x', NULL, "--exclude", "PATTERN", "leave these targets out (may be repeated)", false, false},
    {'f', NULL, "--force", NULL, "run the selected targets even if they are clean", false, false},
    {'F', NULL, "--fail-fast", NULL, "start nothing more after the first failure", false, false},
    {'S', NULL, "--failed", NULL, "only targets whose last run here failed", false, false},
    {'l', NULL, "--json", NULL, "one JSON object a line", false, false},
    {'k', NULL, "--keys", NULL, "with static keys, and keys where they are known", false, false},
    {'s', NULL, "--since", "[REF]",
     "only what can have changed since REF (default: what the CI says, else the remote's branch)", false, true},
    {'g', NULL, "--staged", NULL, "compare the index, not the work tree; with HEAD if there is no --since", false,
     false},
    {'b', NULL, "--strict-base", NULL, "exit with 2 instead of selecting everything where there is no base", false,
     false},
    {'d', NULL, "--shard", "I/N", "only the I-th of N parts, of about the same duration", false, false},
    {'o', NULL, "--format", "FORMAT", "text (default), json or github-matrix", false, false},
    {'R', NULL, "--format", "FORMAT", "of results within a process: exit (default), tap, junit, go or libtest", false,
     false},
    {'U', NULL, "--junit-file", "FILE", "where each process writes its JUnit XML", false, false},
    {'N', NULL, "--shards", "N", "github-matrix: N shards instead of a job for each target", false, false},
    {'m', NULL, "--max-size", "SIZE", "bytes to keep, with K, M or G (default: TGRAPH_CACHE_SIZE, else 10G)", false,
     false},
    {'i', NULL, "--in", "FILE", "a file or folder whose content counts (may be repeated)", false, false},
    {'V', NULL, "--env", "NAME", "a variable whose value counts (may be repeated)", false, false},
    {'A', NULL, "--case", "NAME", "a case to run (may be repeated; without it one that does not exist)", false, false},
    {'D', NULL, "--data", "JSON", "the `data` of each case", false, false},
    {'T', NULL, "--timeout", "TIME", "of a case, and until it is ready: 30s (default), 500ms, 2m", false, false},
    {'a', NULL, "--after", "CASE", "search nothing: show CASE served after this one (may be repeated), in one worker",
     false, false},
    {'O', NULL, "--out", "PATH", "where the file is wanted", false, false},
};

static bool takes(const struct command *c, const struct option *opt)
{
    return opt->common || (c->options && strchr(c->options, opt->id));
}

void options_print(const struct command *c, FILE *out)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct option *t = &table[i];
        if (!takes(c, t))
            continue;
        char left[40];
        snprintf(left, sizeof left, "%s%s%s%s%s", t->shorter ? t->shorter : "", t->shorter && t->longer ? ", " : "",
                 t->longer ? t->longer : "", t->arg ? " " : "", t->arg ? t->arg : "");
        fprintf(out, "  %-20s %s\n", left, t->help);
    }
}

void options_clear(struct options *o)
{
    mem_free(o->tags);
    mem_free(o->excludes);
    mem_free(o->args);
    mem_free(o->ins);
    mem_free(o->cases);
    mem_free(o->envs);
    mem_free(o->afters);
    mem_free(o->range);
}

enum mistake { UNKNOWN_OPTION, NO_VALUE, BAD_VALUE };

static bool wrong(const struct command *c, enum mistake m, const char *what, const char *near)
{
    fprintf(stderr, "tgraph: error T002: %s%s%s\n", m == UNKNOWN_OPTION ? "unknown option " : "", what,
            m == NO_VALUE ? " needs a value" : "");
    if (near)
        fprintf(stderr, "  hint: did you mean '%s'?\n", near);
    bool is_run = strcmp(c->name, "run") == 0;
    fprintf(stderr, "  usage: tgraph %s; `tgraph %s%s--help` shows the options\n", c->usage, is_run ? "" : c->name,
            is_run ? "" : " ");
    return false;
}

static bool parse_jobs(const char *v, struct options *o)
{
    char *end;
    errno = 0;
    long n = strtol(v, &end, 10);
    if (end == v || errno || n < 1)
        return false;
    if (strcmp(end, "%") == 0) {
        long jobs = (cpu_count() * n + 99) / 100;
        o->jobs = jobs < 1 ? 1 : jobs > 4096 ? 4096 : (int)jobs;
    } else if (!*end && n <= 4096) {
        o->jobs = (int)n;
    } else {
        return false;
    }
    o->jobs_given = true;
    return true;
}

bool options_size(const char *v, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(v, &end, 10);
    if (end == v || errno || *v == '-')
        return false;
    unsigned shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : *end ? 99 : 0;
    if (shift == 99 || (shift && end[1]) || n > UINT64_MAX >> shift)
        return false;
    *out = (uint64_t)n << shift;
    return true;
}

static void push(const char ***v, size_t *n, const char *s)
{
    *v = mem_resize(*v, *n + 1, sizeof **v);
    (*v)[(*n)++] = s;
}

/* A..B (A...B is the same: the merge base is taken anyway); a side that is left out is HEAD. */
static bool apply_since(const struct command *c, const char *value, struct options *o)
{
    o->since = true;
    if (!value || !*value)
        return true;
    const char *dots = strstr(value, "..");
    if (!dots) {
        o->ref = value;
        return true;
    }
    if (!strchr(c->options, 'r'))
        return wrong(c, BAD_VALUE,
                     "A..B compares two revisions without the work tree: `tgraph list` and `affected` can", NULL);
    const char *to = dots + (dots[2] == '.' ? 3 : 2);
    o->range = mem_strndup(value, (size_t)(dots - value));
    o->ref = *o->range ? o->range : "HEAD";
    o->to = *to ? to : "HEAD";
    return true;
}

static bool apply(const struct command *c, const struct option *opt, const char *value, struct options *o)
{
    switch (opt->id) {
    case 'C':
        o->dir = value;
        break;
    case 'c':
        if (strcmp(value, "auto") == 0)
            o->color = -1;
        else if (strcmp(value, "always") == 0)
            o->color = 1;
        else if (strcmp(value, "never") == 0)
            o->color = 0;
        else
            return wrong(c, BAD_VALUE, "--color takes auto, always or never", NULL);
        break;
    case 'q':
        o->verbosity = -1;
        break;
    case 'v':
        o->verbosity = 1;
        break;
    case 'h':
        o->help = true;
        break;
    case 'j':
        if (!parse_jobs(value, o))
            return wrong(c, BAD_VALUE, "-j takes a number from 1 to 4096, or a percentage such as 50%", NULL);
        break;
    case 'n':
        o->dry_run = true;
        break;
    case 'J':
        o->json_file = value;
        break;
    case 't':
        push(&o->tags, &o->n_tags, value);
        break;
    case 'x':
        push(&o->excludes, &o->n_excludes, value);
        break;
    case 'f':
        o->force = true;
        break;
    case 'F':
        o->fail_fast = true;
        break;
    case 'S':
        o->failed = true;
        break;
    case 'l':
        o->json = true;
        break;
    case 'k':
        o->keys = true;
        break;
    case 's':
        return apply_since(c, value, o);
    case 'g':
        o->staged = true;
        break;
    case 'b':
        o->strict_base = true;
        break;
    case 'd': {
        struct err e = ERR_INIT;
        bool ok = shard_parse(value, &o->shard, &o->n_shards, o->plan, &e);
        if (!ok) {
            wrong(c, BAD_VALUE, e.msg, NULL);
            if (e.hint)
                fprintf(stderr, "  hint: %s\n", e.hint);
        }
        err_clear(&e);
        return ok;
    }
    case 'o':
        o->json = strcmp(value, "json") == 0;
        o->matrix = strcmp(value, "github-matrix") == 0;
        if (!o->json && !o->matrix && strcmp(value, "text") != 0)
            return wrong(c, BAD_VALUE, "--format takes text, json or github-matrix", NULL);
        break;
    case 'R':
        o->exec_format = value;
        break;
    case 'U':
        o->junit_file = value;
        break;
    case 'N': {
        char *end;
        errno = 0;
        unsigned long n = strtoul(value, &end, 10);
        if (end == value || *end || errno || n < 1 || n > SHARD_MAX)
            return wrong(c, BAD_VALUE, "--shards takes a number of shards", NULL);
        o->matrix_shards = (uint32_t)n;
        break;
    }
    case 'm':
        if (!options_size(value, &o->max_size))
            return wrong(c, BAD_VALUE, "--max-size takes a number of bytes, with K, M or G behind it", NULL);
        o->max_size_given = true;
        break;
    case 'A':
        push(&o->cases, &o->n_cases, value);
        break;
    case 'D':
        o->data = value;
        break;
    case 'T':
        o->timeout = value;
        break;
    case 'i':
        push(&o->ins, &o->n_ins, value);
        break;
    case 'V':
        push(&o->envs, &o->n_envs, value);
        break;
    case 'a':
        push(&o->afters, &o->n_afters, value);
        break;
    case 'O':
        o->out = value;
        break;
    }
    return true;
}

static bool takes_next(const struct option *t, const char *value, const char *next)
{
    return t->arg && !value && next && (!t->optional || (*next && *next != '-'));
}

bool options_take_next(const char *arg, const char *next)
{
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        const struct option *t = &table[k];
        if ((t->shorter && strcmp(arg, t->shorter) == 0) || (t->longer && strcmp(arg, t->longer) == 0))
            if (takes_next(t, NULL, next))
                return true;
    }
    return false;
}

bool options_parse(const struct command *c, int argc, char **argv, struct options *o)
{
    memset(o, 0, sizeof *o);
    o->color = -1;
    o->jobs = cpu_count();
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        char *a = argv[i];
        if (only_args || a[0] != '-' || !a[1]) {
            push(&o->args, &o->n_args, a);
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_args = o->dashes = true;
            o->n_before = o->n_args;
            continue;
        }
        const struct option *found = NULL;
        const char *value = NULL;
        size_t len = strlen(a);
        for (size_t k = 0; k < sizeof table / sizeof *table && !found; k++) {
            const struct option *t = &table[k];
            if (!takes(c, t))
                continue;
            size_t ll = t->longer ? strlen(t->longer) : 0;
            if (t->shorter && strncmp(a, t->shorter, 2) == 0 && (len == 2 || t->arg)) {
                found = t;
                value = len > 2 ? a + 2 : NULL;
            } else if (ll && strncmp(a, t->longer, ll) == 0 && (len == ll || (t->arg && a[ll] == '='))) {
                found = t;
                value = len > ll ? a + ll + 1 : NULL;
            }
        }
        if (!found) {
            const char *names[sizeof table / sizeof *table];
            size_t n = 0;
            for (size_t k = 0; k < sizeof table / sizeof *table; k++)
                if (takes(c, &table[k]) && table[k].longer)
                    names[n++] = table[k].longer;
            return wrong(c, UNKNOWN_OPTION, a, nearest_name(a, names, n));
        }
        if (takes_next(found, value, i + 1 < argc ? argv[i + 1] : NULL))
            value = argv[++i];
        else if (found->arg && !value && !found->optional)
            return wrong(c, NO_VALUE, a, NULL);
        if (!apply(c, found, value, o))
            return false;
    }
    if (o->n_args && o->dashes && c->options && strchr(c->options, '-')) {
        o->given = (const char *const *)o->args + o->n_before;
        o->n_given = o->n_args - o->n_before;
        o->n_args = o->n_before;
    }
    return true;
}

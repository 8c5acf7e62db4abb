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
} table[] = {
    {'C', "-C", NULL, "DIR", "work in the repository that holds DIR", true},
    {'c', NULL, "--color", "WHEN", "auto (default; NO_COLOR is respected), always or never", true},
    {'q', "-q", "--quiet", NULL, "failures and the last line only", true},
    {'v', "-v", "--verbose", NULL, "also what is clean, and the output of what passed", true},
    {'h', "-h", "--help", NULL, "show this", true},
    {'j', "-j", "--jobs", "N", "actions at once, or N% of the processors (default: all that this process may use)",
     false},
    {'n', "-n", "--dry-run", NULL, "say what would be done and do nothing", false},
    {'J', NULL, "--json", "FILE", "write events as JSON lines (docs/events.md); - is standard output", false},
    {'t', NULL, "--tag", "TAG", "only targets with this tag (may be repeated: any of them)", false},
    {'x', NULL, "--exclude", "PATTERN", "leave these targets out (may be repeated)", false},
    {'f', NULL, "--force", NULL, "run the selected targets even if they are clean", false},
    {'F', NULL, "--fail-fast", NULL, "start nothing more after the first failure", false},
    {'S', NULL, "--failed", NULL, "only targets whose last run here failed", false},
    {'l', NULL, "--json", NULL, "one JSON object a line", false},
    {'k', NULL, "--keys", NULL, "with static keys, and keys where they are known", false},
    {'m', NULL, "--max-size", "SIZE", "bytes to keep, with K, M or G (default: TGRAPH_CACHE_SIZE, else 10G)", false},
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
    case 'm':
        if (!options_size(value, &o->max_size))
            return wrong(c, BAD_VALUE, "--max-size takes a number of bytes, with K, M or G behind it", NULL);
        o->max_size_given = true;
        break;
    }
    return true;
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
            only_args = true;
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
            const char *names[32];
            size_t n = 0;
            for (size_t k = 0; k < sizeof table / sizeof *table; k++)
                if (takes(c, &table[k]) && table[k].longer)
                    names[n++] = table[k].longer;
            return wrong(c, UNKNOWN_OPTION, a, nearest_name(a, names, n));
        }
        if (found->arg && !value) {
            if (i + 1 >= argc)
                return wrong(c, NO_VALUE, a, NULL);
            value = argv[++i];
        }
        if (!apply(c, found, value, o))
            return false;
    }
    return true;
}

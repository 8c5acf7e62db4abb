/* SPDX-License-Identifier: MIT
 *
 * One file of ignore rules. What gitignore(5) leaves open is settled as git's dir.c and wildmatch.c do: the last rule
 * that matches wins; the literal text before the first wildcard is compared first and cut off (which is why a `**`
 * right behind it counts as a whole part). Plain names and "*.o" never reach the wildcard matcher. */
#include "tree/ignore.h"

#include "tree/wild.h"

#include <string.h>

struct rule {
    const char *text; /* without '!', the leading and the trailing slash */
    uint32_t len;
    uint32_t literal;   /* so much of the start holds no wildcard */
    uint32_t automaton; /* index into automata; UINT32_MAX = none is needed */
    bool negated;
    bool dirs_only;
    bool any_depth; /* has no slash: matched against the last part alone */
    bool suffix;    /* any_depth, "*" and literal text */
};

struct ignore_rules {
    char *text;
    struct rule *v;
    size_t n, cap;
    struct wild *automata;
    size_t n_automata, cap_automata;
};

/* Trailing spaces go, unless a backslash quotes them. */
static size_t trimmed(const char *p, size_t len)
{
    size_t keep = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\') {
            if (++i == len)
                return len;
            keep = i + 1;
        } else if (p[i] != ' ') {
            keep = i + 1;
        }
    }
    return keep;
}

static size_t literal_length(const char *p, size_t len)
{
    size_t i = 0;
    while (i < len && !strchr("*?[\\", p[i]))
        i++;
    return i;
}

static void add_rule(struct ignore_rules *r, const char *p, size_t len)
{
    struct rule rule = {.automaton = UINT32_MAX};
    if (len && *p == '!') {
        rule.negated = true;
        p++;
        len--;
    }
    if (len && p[len - 1] == '/') {
        rule.dirs_only = true;
        len--;
    }
    if (!len || len > UINT32_MAX / 4)
        return;
    rule.any_depth = !memchr(p, '/', len);
    if (*p == '/') {
        p++;
        len--;
    }
    rule.literal = (uint32_t)literal_length(p, len);
    rule.suffix = rule.any_depth && *p == '*' && literal_length(p + 1, len - 1) == len - 1;
    if (rule.literal < len && !rule.suffix) {
        /* A name is compared whole; of a path the literal start is left out here. */
        size_t cut = rule.any_depth ? 0 : rule.literal;
        struct wild w = WILD_INIT;
        if (wild_add(&w, p + cut, len - cut)) { /* a malformed pattern matches nothing */
            wild_clear(&w);
            return;
        }
        MEM_GROW(r->automata, r->n_automata, r->cap_automata);
        rule.automaton = (uint32_t)r->n_automata;
        r->automata[r->n_automata++] = w;
    }
    rule.text = p;
    rule.len = (uint32_t)len;
    MEM_GROW(r->v, r->n, r->cap);
    r->v[r->n++] = rule;
}

struct ignore_rules *ignore_parse(const char *text, size_t len)
{
    struct ignore_rules *r = mem_calloc(1, sizeof *r);
    r->text = mem_strndup(text, len);
    const char *p = r->text, *end = p + len;
    if (len >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3))
        p += 3;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        const char *next = eol ? eol + 1 : end;
        size_t n = (size_t)((eol ? eol : end) - p);
        n -= n && p[n - 1] == '\r';
        n = strnlen(p, n); /* nothing counts behind a NUL */
        if (*p != '#')
            add_rule(r, p, trimmed(p, n));
        p = next;
    }
    return r;
}

void ignore_rules_free(struct ignore_rules *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_automata; i++)
        wild_clear(&r->automata[i]);
    mem_free(r->automata);
    mem_free(r->v);
    mem_free(r->text);
    mem_free(r);
}

bool ignore_is_empty(const struct ignore_rules *r) { return !r->n; }

static bool rule_matches(const struct ignore_rules *r, const struct rule *rule, const char *p, size_t len)
{
    if (rule->suffix)
        return len >= rule->len - 1 && !memcmp(p + len - (rule->len - 1), rule->text + 1, rule->len - 1);
    if (rule->automaton == UINT32_MAX)
        return len == rule->len && !memcmp(p, rule->text, len);
    if (len < rule->literal || memcmp(p, rule->text, rule->literal))
        return false;
    size_t cut = rule->any_depth ? 0 : rule->literal;
    return wild_match(&r->automata[rule->automaton], p + cut, len - cut);
}

int ignore_match_at(const struct ignore_rules *r, const char *rel, size_t len, size_t base, bool is_dir)
{
    for (size_t i = r->n; i-- > 0;) {
        const struct rule *rule = &r->v[i];
        if (rule->dirs_only && !is_dir)
            continue;
        size_t from = rule->any_depth ? base : 0;
        if (rule_matches(r, rule, rel + from, len - from))
            return rule->negated ? 0 : 1;
    }
    return -1;
}

int ignore_match(const struct ignore_rules *r, const char *rel, bool is_dir)
{
    const char *slash = strrchr(rel, '/');
    return ignore_match_at(r, rel, strlen(rel), slash ? (size_t)(slash + 1 - rel) : 0, is_dir);
}

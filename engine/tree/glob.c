/* SPDX-License-Identifier: MIT
 *
 * Glob patterns as text: writing out alternatives, checking, matching one path. Never asks a tree. */
#include "tree/glob.h"

#include "tree/wild.h"

#include <string.h>

/* A pattern's alternatives are written out before it is compiled, so that `**` is a whole part or not by what really
 * stands beside it. What that may produce is bounded, since n pairs of braces make 2^n patterns. */
enum { PATTERN_LONGEST = 4096, BRACES_DEEPEST = 8, EXPANDED_LARGEST = 256 * 1024 };

/* The character or set at `p` is passed over as a whole. */
static const char *skip_one(const char *p, const char *end)
{
    if (*p == '\\' && p + 1 < end)
        return p + 2;
    if (*p == '[') {
        const char *after = wild_read_set(p, end, NULL, NULL);
        return after ? after : p + 1;
    }
    return p + 1;
}

/* Malformed sets end here too: reading each of very many to the end again and again would take quadratic time. */
static const char *check_brackets(const char *pattern)
{
    int depth = 0;
    const char *why = NULL;
    for (const char *p = pattern, *end = p + strlen(p); p < end; p = skip_one(p, end)) {
        if (*p == '[' && !wild_read_set(p, end, NULL, &why))
            return why;
        if (*p == '{' && ++depth > BRACES_DEEPEST)
            return "its braces nest deeper than 8";
        if (*p == '}' && depth)
            depth--;
    }
    return depth ? "'{' is not closed" : NULL;
}

/* Finds the first '{' and its '}'. */
static bool find_braces(const char *pattern, const char **open, const char **close)
{
    const char *end = pattern + strlen(pattern);
    int depth = 0;
    for (const char *p = pattern; p < end; p = skip_one(p, end)) {
        if (*p == '{' && !depth++)
            *open = p;
        if (*p == '}' && depth && !--depth) {
            *close = p;
            return true;
        }
    }
    return false;
}

/* Pushes one pattern per alternative of the first pair of braces. */
static void push_alternatives(struct strvec *todo, const char *open, const char *close, const char *pattern)
{
    struct buf b = BUF_INIT;
    int depth = 0;
    for (const char *p = open + 1, *from = p; p <= close; p = skip_one(p, close + 1)) {
        bool cut = p == close || (*p == ',' && !depth);
        depth += (*p == '{') - (*p == '}');
        if (!cut)
            continue;
        buf_reset(&b);
        buf_add(&b, pattern, (size_t)(open - pattern));
        buf_add(&b, from, (size_t)(p - from));
        buf_adds(&b, close + 1);
        strvec_add(todo, buf_cstr(&b));
        from = p + 1;
    }
    buf_clear(&b);
}

static const char *expand_into(struct wild *w, const char *pattern, struct strvec *todo)
{
    const char *why = NULL;
    size_t total = 0, counted = 0;
    strvec_add(todo, pattern);
    while (todo->n && !why) {
        char *p = todo->v[--todo->n];
        counted = todo->n;
        const char *open = NULL, *close = NULL;
        if (find_braces(p, &open, &close)) {
            push_alternatives(todo, open, close, p);
            for (; counted < todo->n; counted++)
                total += strlen(todo->v[counted]) + 1;
            if (total > EXPANDED_LARGEST)
                why = "its braces stand for too many patterns";
        } else {
            const char *start = p;
            while (start[0] == '.' && start[1] == '/')
                start += 2;
            why = wild_add(w, start, strlen(start));
        }
        mem_free(p);
    }
    return why;
}

const char *glob_compile(struct wild *w, const char *pattern)
{
    if (!*pattern)
        return "it is empty";
    if (strlen(pattern) > PATTERN_LONGEST)
        return "it is longer than 4,096 bytes";
    const char *why = check_brackets(pattern);
    if (why)
        return why;
    struct strvec todo = STRVEC_INIT;
    why = expand_into(w, pattern, &todo);
    strvec_clear(&todo);
    return why;
}

const char *glob_check(const char *pattern)
{
    struct wild w = WILD_INIT;
    const char *why = glob_compile(&w, pattern);
    wild_clear(&w);
    return why;
}

bool glob_match(const char *pattern, const char *path)
{
    struct wild w = WILD_INIT;
    bool yes = !glob_compile(&w, pattern) && wild_match(&w, path, strlen(path));
    wild_clear(&w);
    return yes;
}

struct digest glob_digest(const struct strvec *paths)
{
    struct hasher h;
    hasher_init(&h);
    hasher_u64(&h, paths->n);
    for (size_t i = 0; i < paths->n; i++)
        hasher_str(&h, paths->v[i]);
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

/* SPDX-License-Identifier: MIT
 *
 * Globs and paths from any text: the first line is a path, the second a pattern. A short pattern without braces is also
 * matched by plain backtracking, written anew here, which must say the same. */
#include "tree/glob.h"
#include "tree/path.h"
#include "tree/wild.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool slow_match(const char *start, const char *p, const char *t, int *budget)
{
    if (--*budget < 0)
        return false;
    if (!*p)
        return !*t;
    if (*p == '*') {
        const char *q = p + strspn(p, "*");
        bool part = q - p > 1 && (p == start || p[-1] == '/');
        if (part && !*q)
            return true;
        if (part && (*q == '/' || (*q == '\\' && q[1] == '/'))) {
            bool escaped = *q == '\\';
            if (!escaped && slow_match(start, q + 1, t, budget))
                return true;
            for (; *t; t++)
                if (*t == '/' && slow_match(start, q + 1 + escaped, t + 1, budget))
                    return true;
            return false;
        }
        for (;; t++) {
            if (slow_match(start, q, t, budget))
                return true;
            if (!*t || *t == '/')
                return false;
        }
    }
    if (!*t)
        return false;
    if (*p == '?')
        return *t != '/' && slow_match(start, p + 1, t + 1, budget);
    if (*p == '[') {
        struct wild_set set;
        const char *q = wild_read_set(p, p + strlen(p), &set, NULL);
        uint8_t c = (uint8_t)*t;
        return q && (set.bits[c >> 6] >> (c & 63) & 1) && slow_match(start, q, t + 1, budget);
    }
    p += *p == '\\' && p[1];
    return *p == *t && slow_match(start, p + 1, t + 1, budget);
}

static void compare(const char *pattern, const char *path)
{
    const char *start = pattern;
    while (start[0] == '.' && start[1] == '/')
        start += 2;
    int budget = 100000;
    bool slow = slow_match(start, start, path, &budget);
    if (budget >= 0 && slow != glob_match(pattern, path))
        abort();
}

static void resolve(const char *dir, const char *path)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    if (path_resolve("", dir, &a) == PATH_OK && path_resolve(buf_cstr(&a), path, &b) == PATH_OK && b.len) {
        /* A resolved path is normal: resolving it again changes nothing. */
        struct buf again = BUF_INIT;
        if (b.p[0] == '/' || b.p[b.len - 1] == '/' || strstr(b.p, "//") || path_resolve("", b.p, &again) != PATH_OK ||
            strcmp(b.p, buf_cstr(&again)))
            abort();
        buf_clear(&again);
    }
    buf_clear(&a);
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    char *text = mem_strndup((const char *)data, size);
    char *eol = strchr(text, '\n');
    const char *pattern = eol ? eol + 1 : "";
    if (eol)
        *eol = '\0';
    const char *why = glob_check(pattern);
    bool match = glob_match(pattern, text);
    if (why && match)
        abort();
    if (!why && !strchr(pattern, '{'))
        compare(pattern, text);
    resolve(text, pattern);
    resolve(pattern, text);
    mem_free(text);
    return 0;
}

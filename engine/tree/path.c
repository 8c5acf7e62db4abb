/* SPDX-License-Identifier: MIT
 *
 * Repository-relative paths, as text. */
#include "tree/path.h"

#include <string.h>

enum { PATH_LONGEST = 4096 };

static enum path_status give_up(struct buf *out, size_t start, enum path_status why)
{
    if (out->p) {
        out->len = start;
        out->p[start] = '\0';
    }
    return why;
}

enum path_status path_resolve(const char *dir, const char *path, struct buf *out)
{
    size_t start = out->len; /* what stands before it in `out` is the caller's */
    if (strlen(path) > PATH_LONGEST)
        return PATH_BAD;
    if (path[0] == '/' && path[1] != '/')
        return PATH_ABSOLUTE;
    if (path[0] != '/')
        buf_adds(out, dir);
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.') {
            if (out->len == start)
                return give_up(out, start, PATH_OUTSIDE);
            size_t cut = out->len;
            while (cut > start && out->p[cut - 1] != '/')
                cut--;
            out->len = cut > start ? cut - 1 : start;
            out->p[out->len] = '\0';
        } else if (len && !(len == 1 && p[0] == '.')) {
            if (out->len > start)
                buf_addc(out, '/');
            buf_add(out, p, len);
        }
        p += len;
        p += *p == '/';
    }
    return out->len - start > PATH_LONGEST ? give_up(out, start, PATH_BAD) : PATH_OK;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void path_dir(const char *path, struct buf *out)
{
    const char *slash = strrchr(path, '/');
    if (slash)
        buf_add(out, path, (size_t)(slash - path));
}

bool path_is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    return !len || (!strncmp(path, dir, len) && (!path[len] || path[len] == '/'));
}

bool path_has_wildcard(const char *s) { return s[strcspn(s, "*?[{")] != '\0'; }

/* SPDX-License-Identifier: MIT
 *
 * Labels: names and the folders in front of them. */
#include "lua/label.h"

#include <string.h>

#include "tree/path.h"

bool label_name_ok(const char *name, size_t len, bool generated)
{
    if (!len || name[0] == '/')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !(c && strchr("_.+=@,/~-", c)) && !(generated && c == '#'))
            return false;
    }
    return true;
}

void label_make(const char *dir, const char *name, struct buf *out)
{
    if (*dir) {
        buf_adds(out, dir);
        buf_addc(out, ':');
    }
    buf_adds(out, name);
}

bool label_resolve(const char *dir, const char *text, struct buf *out)
{
    const char *colon = strchr(text, ':');
    const char *name = colon ? colon + 1 : text;
    if (!label_name_ok(name, strlen(name), true))
        return false;
    if (!colon || colon == text) {
        label_make(dir, name, out);
        return true;
    }
    struct buf folder = BUF_INIT, clean = BUF_INIT;
    const char *from = strncmp(text, "//", 2) ? text : text + 2;
    buf_add(&folder, from, (size_t)(colon - from));
    bool ok =
        path_resolve("", buf_cstr(&folder), &clean) == PATH_OK && strcmp(buf_cstr(&folder), buf_cstr(&clean)) == 0;
    if (ok)
        label_make(buf_cstr(&clean), name, out);
    buf_clear(&folder);
    buf_clear(&clean);
    return ok;
}

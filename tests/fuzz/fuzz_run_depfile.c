/* SPDX-License-Identifier: MIT
 *
 * Depfiles from any text. What was parsed, written as gcc writes it, must parse to the same again. */
#include "run/depfile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As gcc's mkdeps does: blanks and '#' get a backslash, backslashes before them are doubled, "$" too. */
static void escape(const char *path, struct buf *out)
{
    for (const char *p = path; *p; p++) {
        if (*p == ' ' || *p == '\t' || *p == '#') {
            for (const char *q = p; q > path && q[-1] == '\\'; q--)
                buf_addc(out, '\\');
            buf_addc(out, '\\');
        }
        if (*p == '$')
            buf_addc(out, '$');
        buf_addc(out, *p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strvec first = STRVEC_INIT, second = STRVEC_INIT;
    struct buf text = BUF_INIT;
    struct err e = ERR_INIT;
    char *copy = mem_alloc(size); /* so that reading beyond the end shows */
    if (size)
        memcpy(copy, data, size);
    if (depfile_parse(copy, size, &first, &e)) {
        bool plain = true;
        buf_adds(&text, "x:");
        for (size_t i = 0; i < first.n; i++) {
            if (!*first.v[i] || strchr(first.v[i], '\n'))
                abort();
            size_t len = strlen(first.v[i]);
            /* Two things cannot be written: a path that ends in a backslash, and one with "\:" in it. */
            plain &= first.v[i][len - 1] != '\\' && !strstr(first.v[i], "\\:");
            buf_addc(&text, ' ');
            escape(first.v[i], &text);
        }
        buf_addc(&text, '\n');
        if (plain) {
            if (!depfile_parse(text.p, text.len, &second, &e) || second.n != first.n)
                abort();
            for (size_t i = 0; i < first.n; i++)
                if (strcmp(first.v[i], second.v[i]) != 0)
                    abort();
        }
    } else if (strcmp(e.code, "T603") != 0) {
        abort();
    }
    mem_free(copy);
    err_clear(&e);
    buf_clear(&text);
    strvec_clear(&first);
    strvec_clear(&second);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Ignore rules from any text: the first line is the path, the rest the file. */
#include "tree/ignore.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    const uint8_t *eol = size ? memchr(data, '\n', size) : NULL;
    size_t len = eol ? (size_t)(eol - data) : size;
    char *rel = mem_strndup((const char *)data, len);
    size_t from = eol ? len + 1 : size;
    struct ignore_rules *r = ignore_parse((const char *)data + from, size - from);
    int file = ignore_match(r, rel, false), dir = ignore_match(r, rel, true);
    /* A file is never touched by more rules than a folder of the same name, and nothing is said of either by none. */
    if (file < -1 || file > 1 || dir < -1 || dir > 1 || (file >= 0 && dir < 0) || (ignore_is_empty(r) && dir >= 0))
        abort();
    if (file != ignore_match(r, rel, false)) /* scratch space is left clean */
        abort();
    ignore_rules_free(r);
    mem_free(rel);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Strings interned once. An id is the byte offset of the NUL-terminated string in one block, so a table can be written
 * to a file and used from a memory map as it is. Id 0 is "".
 *
 *     struct strtab t;
 *     strtab_init(&t);
 *     str_id id = strtab_add(&t, "a/b.c");       // the same string gives the same id
 *     puts(strtab_get(&t, id));                   // valid until the next strtab_add
 *     strtab_clear(&t);
 *
 * Limit: 4 GiB of text; beyond it aborts with a clear line.
 */
#ifndef TGRAPH_BASE_STRTAB_H
#define TGRAPH_BASE_STRTAB_H

#include "base/buf.h"

typedef uint32_t str_id;
#define STR_NONE UINT32_MAX

struct strtab {
    char *data;      /* the block; data[0] is NUL */
    size_t len;      /* bytes used */
    size_t cap;      /* 0: the block is borrowed and read-only (strtab_view) */
    uint32_t *slots; /* hash index into data; NULL until the first look-up */
    size_t n_slots;  /* a power of two */
    size_t n;        /* strings in the index */
};

void strtab_init(struct strtab *t);
/* Reads a block that somebody else owns. The first strtab_add copies it. The block must start and end with NUL. */
void strtab_view(struct strtab *t, const char *data, size_t len);
void strtab_clear(struct strtab *t);
str_id strtab_add(struct strtab *t, const char *s);
str_id strtab_addn(struct strtab *t, const char *s, size_t len); /* s holds no NUL within len */
str_id strtab_find(struct strtab *t, const char *s);             /* STR_NONE if it is not there */
static inline const char *strtab_get(const struct strtab *t, str_id id) { return t->data + id; }

#endif

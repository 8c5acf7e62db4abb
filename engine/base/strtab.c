/* SPDX-License-Identifier: MIT
 *
 * The block of strings and its index: open addressing with linear probing over ids; an id of 0 marks a free slot, since
 * "" is never looked up through the index. A borrowed block is indexed at the first look-up only, so that a reader who
 * needs ids alone pays nothing. */
#include "base/strtab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"

static char empty_block[1] = {'\0'};

void strtab_init(struct strtab *t) { *t = (struct strtab){.data = empty_block, .len = 1}; }

void strtab_view(struct strtab *t, const char *data, size_t len)
{
    ASSERT(len > 0 && len <= UINT32_MAX && data[0] == '\0' && data[len - 1] == '\0');
    /* cap == 0 says that nothing is ever written through this pointer. */
    *t = (struct strtab){.data = (char *)(uintptr_t)data, .len = len};
}

void strtab_clear(struct strtab *t)
{
    if (t->cap)
        mem_free(t->data);
    mem_free(t->slots);
    strtab_init(t);
}

/* The slot that holds the string, or the free one where it belongs. */
static size_t probe(const struct strtab *t, const char *s, size_t len)
{
    size_t mask = t->n_slots - 1;
    size_t i = (size_t)XXH3_64bits(s, len) & mask;
    for (;; i = (i + 1) & mask) {
        uint32_t id = t->slots[i];
        if (id == 0)
            return i;
        /* The block ends with NUL, and s holds none: a comparison that stops at a difference stays inside. */
        if (len < t->len - id && memcmp(t->data + id, s, len) == 0 && t->data[id + len] == '\0')
            return i;
    }
}

/* Indexes the whole block for at least n strings, at most half full. */
static void index_block(struct strtab *t, size_t n)
{
    size_t n_slots = 64;
    while (n_slots < n * 2)
        n_slots *= 2;
    mem_free(t->slots);
    t->slots = mem_calloc(n_slots, sizeof *t->slots);
    t->n_slots = n_slots;
    size_t mask = n_slots - 1;
    t->n = 0;
    for (size_t at = 1; at < t->len;) {
        size_t len = strlen(t->data + at);
        if (len > 0) {
            /* Each string is in the block once, so there is nothing to compare with. */
            size_t i = (size_t)XXH3_64bits(t->data + at, len) & mask;
            while (t->slots[i])
                i = (i + 1) & mask;
            t->slots[i] = (uint32_t)at;
            t->n++;
        }
        at += len + 1;
    }
}

static size_t count_strings(const struct strtab *t)
{
    size_t n = 0;
    for (const char *p = t->data + 1, *end = t->data + t->len; p < end; p += strlen(p) + 1)
        n++;
    return n;
}

static void need_index(struct strtab *t, size_t more)
{
    if (!t->slots)
        index_block(t, count_strings(t) + more);
    else if ((t->n + more) * 2 > t->n_slots)
        index_block(t, t->n_slots); /* doubles */
}

static void make_room(struct strtab *t, size_t more)
{
    if (more > UINT32_MAX - t->len) {
        fprintf(stderr, "tgraph: more than 4 GiB of names in one graph\n");
        abort();
    }
    size_t need = t->len + more;
    if (need <= t->cap)
        return;
    size_t cap = t->cap < 4096 ? 4096 : t->cap;
    while (cap < need)
        cap *= 2;
    if (t->cap == 0) {
        char *own = mem_alloc(cap);
        memcpy(own, t->data, t->len);
        t->data = own;
    } else {
        t->data = mem_realloc(t->data, cap);
    }
    t->cap = cap;
}

str_id strtab_add(struct strtab *t, const char *s) { return strtab_addn(t, s, strlen(s)); }

str_id strtab_addn(struct strtab *t, const char *s, size_t len)
{
    if (len == 0)
        return 0;
    need_index(t, 1);
    size_t slot = probe(t, s, len);
    if (t->slots[slot])
        return t->slots[slot];
    /* s may be a part of a string of this very table, which is about to move. */
    uintptr_t base = (uintptr_t)t->data, from = (uintptr_t)s;
    bool inside = from >= base && from < base + t->len;
    make_room(t, len + 1);
    if (inside)
        s = t->data + (from - base);
    str_id id = (str_id)t->len;
    memcpy(t->data + id, s, len);
    t->data[id + len] = '\0';
    t->len += len + 1;
    t->slots[slot] = id;
    t->n++;
    return id;
}

str_id strtab_find(struct strtab *t, const char *s)
{
    size_t len = strlen(s);
    if (len == 0)
        return 0;
    need_index(t, 0);
    uint32_t id = t->slots[probe(t, s, len)];
    return id ? id : STR_NONE;
}

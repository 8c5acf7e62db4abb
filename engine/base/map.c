/* SPDX-License-Identifier: MIT
 *
 * Open addressing with linear probing, at most 5/8 full; removal moves later entries of the run back into the gap, so
 * there are no tombstones. Multiplicative mixing after Knuth, The Art of Computer Programming, vol. 3, 6.4. */
#include "base/map.h"

#include <string.h>

#include "base/err.h"

#define FREE_KEY UINT64_MAX

void map_clear(struct map *m)
{
    mem_free(m->keys);
    mem_free(m->vals);
    *m = (struct map)MAP_INIT;
}

static size_t home(const struct map *m, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - __builtin_ctzll(m->n_slots)));
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t probe(const struct map *m, uint64_t key)
{
    size_t i = home(m, key);
    while (m->keys[i] != key && m->keys[i] != FREE_KEY)
        i = (i + 1) & (m->n_slots - 1);
    return i;
}

static void rehash(struct map *m, size_t n_slots)
{
    struct map old = *m;
    m->keys = mem_resize(NULL, n_slots, sizeof *m->keys);
    m->vals = mem_resize(NULL, n_slots, sizeof *m->vals);
    m->n_slots = n_slots;
    memset(m->keys, 0xff, n_slots * sizeof *m->keys);
    for (size_t i = 0; i < old.n_slots; i++) {
        if (old.keys[i] == FREE_KEY)
            continue;
        size_t at = probe(m, old.keys[i]);
        m->keys[at] = old.keys[i];
        m->vals[at] = old.vals[i];
    }
    mem_free(old.keys);
    mem_free(old.vals);
}

void map_reserve(struct map *m, size_t n)
{
    size_t n_slots = m->n_slots ? m->n_slots : 16;
    while (n_slots / 8 * 5 < n)
        n_slots *= 2;
    if (n_slots != m->n_slots)
        rehash(m, n_slots);
}

uint32_t map_get(const struct map *m, uint64_t key)
{
    if (m->n == 0)
        return MAP_NONE;
    size_t i = probe(m, key);
    return m->keys[i] == FREE_KEY ? MAP_NONE : m->vals[i];
}

void map_put(struct map *m, uint64_t key, uint32_t val)
{
    ASSERT(key != FREE_KEY);
    map_reserve(m, m->n + 1);
    size_t i = probe(m, key);
    if (m->keys[i] == FREE_KEY) {
        m->keys[i] = key;
        m->n++;
    }
    m->vals[i] = val;
}

void map_remove(struct map *m, uint64_t key)
{
    if (m->n == 0)
        return;
    size_t gap = probe(m, key);
    if (m->keys[gap] == FREE_KEY)
        return;
    size_t mask = m->n_slots - 1;
    for (size_t i = (gap + 1) & mask; m->keys[i] != FREE_KEY; i = (i + 1) & mask) {
        /* An entry may move back to the gap if that is not before its home. */
        if (((i - home(m, m->keys[i])) & mask) >= ((i - gap) & mask)) {
            m->keys[gap] = m->keys[i];
            m->vals[gap] = m->vals[i];
            gap = i;
        }
    }
    m->keys[gap] = FREE_KEY;
    m->n--;
}

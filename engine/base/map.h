/* SPDX-License-Identifier: MIT
 *
 * A hash map from 64-bit keys to 32-bit values (open addressing, linear probing, keys mixed by a multiplication).
 * Any key but UINT64_MAX.
 */
#ifndef TGRAPH_BASE_MAP_H
#define TGRAPH_BASE_MAP_H

#include "base/mem.h"

#define MAP_NONE UINT32_MAX

struct map {
    uint64_t *keys;
    uint32_t *vals;
    size_t n, n_slots; /* n_slots is 0 or a power of two */
};
#define MAP_INIT                                                                                                       \
    {                                                                                                                  \
        NULL, NULL, 0, 0                                                                                               \
    }

void map_clear(struct map *m); /* frees; usable again */
void map_reserve(struct map *m, size_t n);
uint32_t map_get(const struct map *m, uint64_t key);     /* MAP_NONE if it is not there */
void map_put(struct map *m, uint64_t key, uint32_t val); /* replaces */
void map_remove(struct map *m, uint64_t key);

#endif

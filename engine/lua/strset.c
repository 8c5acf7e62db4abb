/* SPDX-License-Identifier: MIT
 *
 * A set of strings in order of arrival. */
#include "lua/state.h"

void strset_init(struct strset *s)
{
    *s = (struct strset){0};
    strtab_init(&s->tab);
}

void strset_clear(struct strset *s)
{
    strtab_clear(&s->tab);
    map_clear(&s->index);
    mem_free(s->v);
    *s = (struct strset){0};
}

uint32_t strset_find(struct strset *s, const char *text)
{
    str_id id = s->n ? strtab_find(&s->tab, text) : STR_NONE;
    return id == STR_NONE ? UINT32_MAX : map_get(&s->index, id);
}

uint32_t strset_add(struct strset *s, const char *text, bool *is_new)
{
    str_id id = strtab_add(&s->tab, text);
    uint32_t i = map_get(&s->index, id);
    bool fresh = i == MAP_NONE;
    if (fresh) {
        MEM_GROW(s->v, s->n, s->cap);
        i = s->n;
        s->v[s->n++] = id;
        map_put(&s->index, id, i);
    }
    if (is_new)
        *is_new = fresh;
    return i;
}

const char *strset_get(const struct strset *s, uint32_t i) { return strtab_get(&s->tab, s->v[i]); }

/* SPDX-License-Identifier: MIT
 *
 * Whose output is this path? Literal entries and folders by hash, along the path's parents; globs one by one. */
#include <string.h>

#include "graph/graph_internal.h"
#include "tree/glob.h"

struct out_lookup {
    struct strtab paths;
    struct map index;    /* path -> entry, of files, folders and depfiles */
    const char **globs;  /* patterns */
    uint32_t *glob_outs; /* their entries */
    uint32_t n_globs, cap_globs;
};

struct out_lookup *out_lookup_new(const struct graph *g)
{
    struct out_lookup *l = mem_calloc(1, sizeof *l);
    uint32_t cap_outs = 0;
    strtab_init(&l->paths);
    for (uint32_t i = 0; i < g->n_outs; i++) {
        const char *path = graph_str(g, g->outs[i].path);
        if (g->outs[i].kind != OUT_GLOB) {
            str_id id = strtab_add(&l->paths, path);
            if (map_get(&l->index, id) == MAP_NONE)
                map_put(&l->index, id, i);
            continue;
        }
        if (l->n_globs >= l->cap_globs) {
            l->cap_globs = cap_outs = l->cap_globs ? l->cap_globs * 2 : 16;
            l->globs = mem_resize(l->globs, l->cap_globs, sizeof *l->globs);
            l->glob_outs = mem_resize(l->glob_outs, cap_outs, sizeof *l->glob_outs);
        }
        l->globs[l->n_globs] = mem_strdup(path);
        l->glob_outs[l->n_globs++] = i;
    }
    return l;
}

void out_lookup_free(struct out_lookup *l)
{
    if (!l)
        return;
    strtab_clear(&l->paths);
    map_clear(&l->index);
    for (uint32_t i = 0; i < l->n_globs; i++)
        mem_free((void *)(uintptr_t)l->globs[i]);
    mem_free(l->globs);
    mem_free(l->glob_outs);
    mem_free(l);
}

uint32_t out_lookup_find(const struct out_lookup *l, const char *path)
{
    /* The index is only read here, but strtab_find may build its own index on first use. */
    struct strtab *paths = (struct strtab *)(uintptr_t)&l->paths;
    if (l->index.n) {
        str_id id = strtab_find(paths, path);
        uint32_t out = id == STR_NONE ? MAP_NONE : map_get(&l->index, id);
        if (out != MAP_NONE)
            return out;
        char dir[4097];
        size_t len = strlen(path);
        if (len < sizeof dir) {
            memcpy(dir, path, len + 1);
            for (char *slash; (slash = strrchr(dir, '/')) != NULL;) {
                *slash = 0;
                id = strtab_find(paths, dir);
                out = id == STR_NONE ? MAP_NONE : map_get(&l->index, id);
                if (out != MAP_NONE)
                    return out; /* a file entry cannot have anything below it, so this is a folder */
            }
        }
    }
    for (uint32_t i = 0; i < l->n_globs; i++)
        if (glob_match(l->globs[i], path) || strcmp(l->globs[i], path) == 0)
            return l->glob_outs[i];
    return ID_NONE;
}

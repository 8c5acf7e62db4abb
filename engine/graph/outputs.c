/* SPDX-License-Identifier: MIT
 *
 * Whose output is this path? Literal entries and folders by hash, along the path's parents; globs by the folder that
 * every path they match lies in. */
#include <string.h>

#include "graph/graph_internal.h"
#include "tree/glob.h"
#include "tree/wild.h"

struct out_glob {
    char *text;
    struct wild wild;
    uint32_t out;  /* its entry */
    uint32_t next; /* index of the next one with the same fixed folder; ID_NONE */
};
struct out_lookup {
    struct strtab paths;
    struct map index; /* path -> the first entry, of files, folders and depfiles */
    struct map fixed; /* folder without wildcards -> the first glob below it */
    struct out_glob *globs;
    uint32_t n_globs, cap_globs;
};

/* Bytes of the parts before the first one that is not plain text; without a slash at the end. */
static size_t fixed_folder(const char *pattern)
{
    size_t len = strcspn(pattern, "*?[{\\");
    while (len && pattern[len - 1] != '/')
        len--;
    return len ? len - 1 : 0;
}

static void add_glob(struct out_lookup *l, const char *pattern, uint32_t out, struct map *last)
{
    MEM_GROW(l->globs, l->n_globs, l->cap_globs);
    uint32_t i = l->n_globs++;
    l->globs[i] = (struct out_glob){.text = mem_strdup(pattern), .wild = WILD_INIT, .out = out, .next = ID_NONE};
    glob_compile(&l->globs[i].wild, pattern); /* a malformed one matches nothing but its own text */
    str_id folder = strtab_addn(&l->paths, pattern, fixed_folder(pattern));
    uint32_t before = map_get(last, folder);
    if (before == MAP_NONE)
        map_put(&l->fixed, folder, i);
    else
        l->globs[before].next = i;
    map_put(last, folder, i);
}

struct out_lookup *out_lookup_new(const struct graph *g)
{
    struct out_lookup *l = mem_calloc(1, sizeof *l);
    struct map last = MAP_INIT; /* folder -> the last glob below it */
    strtab_init(&l->paths);
    for (uint32_t i = 0; i < g->n_outs; i++) {
        const char *path = graph_str(g, g->outs[i].path);
        if (g->outs[i].kind == OUT_GLOB) {
            add_glob(l, path, i, &last);
            continue;
        }
        str_id id = strtab_add(&l->paths, path);
        if (map_get(&l->index, id) == MAP_NONE)
            map_put(&l->index, id, i);
    }
    map_clear(&last);
    return l;
}

void out_lookup_free(struct out_lookup *l)
{
    if (!l)
        return;
    strtab_clear(&l->paths);
    map_clear(&l->index);
    map_clear(&l->fixed);
    for (uint32_t i = 0; i < l->n_globs; i++) {
        mem_free(l->globs[i].text);
        wild_clear(&l->globs[i].wild);
    }
    mem_free(l->globs);
    mem_free(l);
}

static bool glob_holds(struct out_glob *q, const char *path)
{
    return wild_match(&q->wild, path, strlen(path)) || strcmp(q->text, path) == 0;
}

/* The entries that hold a path, narrowest first: those of that path, of its parents, globs. `take` says whether one is
 * what is looked for; the first that is comes back, ID_NONE if none is. */
typedef bool (*take_fn)(const void *ctx, uint32_t out);
static uint32_t find(struct out_lookup *l, const char *path, take_fn take, const void *ctx)
{
    char dir[4097];
    size_t len = strlen(path);
    uint32_t glob = ID_NONE;
    if (len >= sizeof dir)
        return ID_NONE;
    memcpy(dir, path, len + 1);
    for (bool whole = true;; whole = false) {
        str_id id = strtab_find(&l->paths, dir);
        uint32_t out = id == STR_NONE || (!*dir && !whole) ? MAP_NONE : map_get(&l->index, id);
        if (out != MAP_NONE && take(ctx, out))
            return out;
        if (!whole && id != STR_NONE && glob == ID_NONE)
            for (uint32_t i = map_get(&l->fixed, id); i != MAP_NONE && glob == ID_NONE; i = l->globs[i].next)
                if (take(ctx, l->globs[i].out) && glob_holds(&l->globs[i], path))
                    glob = l->globs[i].out;
        if (!*dir)
            return glob;
        char *slash = strrchr(dir, '/');
        *(slash ? slash : dir) = 0;
    }
}

static bool take_any(const void *ctx, uint32_t out)
{
    (void)ctx;
    (void)out;
    return true;
}

uint32_t out_lookup_find(struct out_lookup *l, const char *path) { return find(l, path, take_any, NULL); }

struct other {
    const struct graph *g;
    uint32_t out;
};

/* Of two entries with the same text the later one is at fault; one target's entries may overlap otherwise. */
static bool take_other(const void *ctx, uint32_t out)
{
    const struct other *o = ctx;
    const struct out_entry *mine = &o->g->outs[o->out], *theirs = &o->g->outs[out];
    if (mine->path == theirs->path)
        return out < o->out;
    return mine->producer != theirs->producer;
}

uint32_t out_lookup_clash(struct out_lookup *l, const struct graph *g, uint32_t out)
{
    struct other o = {g, out};
    return find(l, graph_str(g, g->outs[out].path), take_other, &o);
}

uint8_t *graph_generators(struct graph *g)
{
    if (!g->n_outs)
        return NULL;
    uint8_t *found = NULL;
    struct out_lookup *l = out_lookup_new(g);
    for (uint32_t f = 0; f < g->n_files; f++) {
        const char *path = graph_str(g, g->files[f].path);
        if (!(g->files[f].flags & FILE_LOADED) || *path == '/')
            continue;
        uint32_t out = out_lookup_find(l, path);
        if (out == ID_NONE)
            continue;
        if (!found)
            found = mem_calloc(g->n_nodes + 1, 1);
        found[g->outs[out].producer] = 1;
    }
    out_lookup_free(l);
    return found;
}

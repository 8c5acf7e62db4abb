/* SPDX-License-Identifier: MIT
 *
 * Files of rules/ that commands run (a pytest plugin, a node worker): a Testfile asks for one and gets its path in the
 * tree, where it is an input like any other. Whoever loads has it written there; a load reads files and writes none. */
#include <string.h>

#include "lua/state.h"

static const char prefix[] = "rules/";

static uint32_t check_place(lua_State *L, int idx)
{
    lua_Integer p = luaL_checkinteger(L, idx);
    luaL_argcheck(L, p >= 0 && p < load_of(L)->n_places, idx, "no place");
    return (uint32_t)p;
}

/* Has the file put in its place and pushes its path. */
static void put(lua_State *L, const struct embedded_file *f, uint32_t place, const struct about *a)
{
    struct load *st = load_of(L);
    const char *path = arena_printf(&st->arena, "%s/%s", LOAD_ADAPTERS, f->name + sizeof prefix - 1);
    struct err why = ERR_INIT;
    if (st->o->put_adapter && !st->o->put_adapter(st->o->put_adapter_ctx, path, f->data, f->len, &why)) {
        struct err *e = load_error(st, ERR_ERROR, "T221", place, a);
        load_say(e, "%s: %s", path, why.msg ? why.msg : "it cannot be written");
        err_hint(e, "tgraph keeps its own files there: make the folder writable, or delete what is in the way");
        err_clear(&why);
        load_raise(L);
    }
    lua_pushfstring(L, "//%s", path);
}

static bool is_below(const struct embedded_file *f, const char *folder)
{
    size_t len = strlen(folder);
    const char *name = f->name + sizeof prefix - 1;
    return strncmp(f->name, prefix, sizeof prefix - 1) == 0 && strncmp(name, folder, len) == 0 && name[len] == '/';
}

static void nothing(struct load *st, const char *call, const char *text, uint32_t place, bool folder)
{
    struct about a = {.call = call, .value = text};
    struct err *e = load_error(st, ERR_ERROR, "T220", place, &a);
    const char **names = arena_alloc(&st->arena, (st->lib.n + 1) * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < st->lib.n; i++)
        if (strncmp(st->lib.v[i].name, prefix, sizeof prefix - 1) == 0 && !folder)
            names[n++] = st->lib.v[i].name + sizeof prefix - 1;
    load_say(e, folder ? "tgraph brings no folder '%s' of adapters" : "tgraph brings no adapter '%s'", text);
    bool is_folder = false;
    for (size_t i = 0; i < st->lib.n; i++)
        is_folder = is_folder || is_below(&st->lib.v[i], text);
    const char *near = nearest_name(text, names, n);
    if (is_folder && *text)
        err_hint(e, "that is a folder: adapters \"%s\" gives all that is in it", text);
    else if (near)
        err_hint(e, "did you mean '%s'?", near);
    else
        err_hint(e, "adapters are files of tgraph's own rules; a file of the repository is named by its path");
}

int adapter_one(lua_State *L)
{
    struct load *st = load_of(L);
    const char *text = luaL_checkstring(L, 1);
    uint32_t place = check_place(L, 2);
    struct about a = {.call = "adapter", .value = text};
    const struct embedded_file *f = library_find(&st->lib, arena_printf(&st->arena, "%s%s", prefix, text));
    if (!f) {
        nothing(st, "adapter", text, place, false);
        load_raise(L);
    }
    put(L, f, place, &a);
    return 1;
}

int adapter_folder(lua_State *L)
{
    struct load *st = load_of(L);
    const char *text = luaL_checkstring(L, 1);
    uint32_t place = check_place(L, 2);
    struct about a = {.call = "adapters", .value = text};
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < st->lib.n; i++) { /* sorted by name */
        if (!*text || !is_below(&st->lib.v[i], text))
            continue;
        put(L, &st->lib.v[i], place, &a);
        lua_rawseti(L, -2, ++n);
    }
    if (!n) {
        nothing(st, "adapters", text, place, true);
        load_raise(L);
    }
    return 1;
}

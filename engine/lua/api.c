/* SPDX-License-Identifier: MIT
 *
 * The functions that the library's Lua calls (the table `core`), and the environment that Testfiles run in. What a
 * Testfile's writer sees is defined in stdlib/; here is what Lua cannot do or is not to be trusted with. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "lua/label.h"
#include "lua/state.h"
#include "tree/path.h"

static const char *opt_string(lua_State *L, int idx) { return lua_isstring(L, idx) ? lua_tostring(L, idx) : NULL; }

static uint32_t check_place(lua_State *L, int idx)
{
    lua_Integer p = luaL_checkinteger(L, idx);
    luaL_argcheck(L, p >= 0 && p < load_of(L)->n_places, idx, "no place");
    return (uint32_t)p;
}

/* core.place() -> where the running call was made */
static int core_place(lua_State *L)
{
    lua_pushinteger(L, load_place(load_of(L)));
    return 1;
}

/* core.fail(code, place, message, hint?, call?, name?, field?, value?): a message; the Testfile goes on */
static int core_fail(lua_State *L)
{
    struct load *st = load_of(L);
    const char *code = luaL_checkstring(L, 1), *message = luaL_checkstring(L, 3), *hint = opt_string(L, 4);
    struct about a = {
        .call = opt_string(L, 5), .name = opt_string(L, 6), .field = opt_string(L, 7), .value = opt_string(L, 8)};
    struct err *e = load_error(st, ERR_ERROR, code, check_place(L, 2), &a);
    load_say(e, "%s", message);
    if (hint)
        err_hint(e, "%s", hint);
    return 0;
}

/* core.raise(): ends the Testfile after core.fail */
static int core_raise(lua_State *L) { load_raise(L); }

/* core.warn(code, place, message, call) */
static int core_warn(lua_State *L)
{
    const char *code = luaL_checkstring(L, 1);
    struct about a = {.call = opt_string(L, 4)};
    struct err *e = load_error(load_of(L), ERR_WARNING, code, check_place(L, 2), &a);
    load_say(e, "%s", luaL_checkstring(L, 3));
    return 0;
}

/* core.nearest(word, list of names) -> name or nil */
static int core_nearest(lua_State *L)
{
    const char *word = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t n = lua_rawlen(L, 2);
    const char **v = lua_newuserdatauv(L, (n + 1) * sizeof *v, 0);
    size_t k = 0;
    for (size_t i = 1; i <= n; i++) {
        if (lua_rawgeti(L, 2, (lua_Integer)i) == LUA_TSTRING)
            v[k++] = lua_tostring(L, -1); /* the list keeps it alive */
        lua_pop(L, 1);
    }
    const char *near = nearest_name(word, v, k);
    lua_pushstring(L, near);
    return 1;
}

/* core.next: Lua's own, in no order; for loops whose order nobody sees */
static int core_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    return lua_next(L, 1) ? 2 : (lua_pushnil(L), 1);
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static bool resolve_path(struct load *st, const char *call, const char *text, uint32_t place, struct buf *out)
{
    buf_reset(out);
    enum path_status s = path_resolve(load_dir(st), text, out);
    if (s == PATH_OK)
        return true;
    struct about a = {.call = call, .value = text};
    struct err *e = load_error(st, ERR_ERROR, "T206", place, &a);
    convert_path_error(e, s, text);
    return false;
}

enum read_as { READ_TEXT, READ_JSON, READ_YAML };
static const char *const read_names[] = {"read", "json", "yaml", NULL};

static void cannot_read(struct load *st, const char *call, const char *text, const char *path, uint32_t place,
                        const struct err *why)
{
    struct about a = {.call = call, .value = text};
    struct err *e = load_error(st, ERR_ERROR, "T109", place, &a);
    if (tree_type(st->o->tree, path) == ENTRY_NONE) {
        load_say(e, "there is no file '%s'", path);
        const char *near = e ? resolve_nearest(st, path) : NULL;
        if (near)
            err_hint(e, "did you mean '%s'?", near);
        else
            err_hint(e, "%s(\"%s\", { optional = true }) gives nil instead", call, text);
    } else {
        load_say(e, "%s", why->msg ? why->msg : "the file cannot be read");
    }
}

/* core.read("read" | "json" | "yaml", path, place, optional) -> text, value or nil */
static int core_read(lua_State *L)
{
    struct load *st = load_of(L);
    enum read_as as = (enum read_as)luaL_checkoption(L, 1, NULL, read_names);
    const char *text = luaL_checkstring(L, 2);
    uint32_t place = check_place(L, 3);
    bool optional = lua_toboolean(L, 4);
    if (!resolve_path(st, read_names[as], text, place, &st->b1))
        load_raise(L);
    const char *path = arena_strdup(&st->arena, buf_cstr(&st->b1));
    struct err why = ERR_INIT;
    if (!load_read(st, path, MAX_FILE_BYTES, &why)) {
        bool absent = tree_type(st->o->tree, path) == ENTRY_NONE;
        if (!absent || !optional)
            cannot_read(st, read_names[as], text, path, place, &why);
        err_clear(&why);
        if (!absent || !optional)
            load_raise(L);
        lua_pushnil(L);
        return 1;
    }
    if (as == READ_TEXT) {
        lua_pushlstring(L, buf_cstr(&st->text), st->text.len);
        return 1;
    }
    struct data_error d;
    if (as == READ_JSON ? data_push_json(L, buf_cstr(&st->text), st->text.len, &d)
                        : data_push_yaml(L, buf_cstr(&st->text), st->text.len, &d))
        return 1;
    struct decl_pos by = load_find(st, place, NULL);
    struct err *e = load_error(st, ERR_ERROR, "T110", place, NULL);
    load_say(e, "this is no %s: %s", as == READ_JSON ? "JSON" : "YAML", d.what);
    err_hint(e, "read by %s:%u", by.file ? by.file : "a Testfile", by.line);
    err_at(e, path, d.line, d.col);
    load_raise(L);
}

/* core.glob(patterns, excluded, with ignored, place) -> sorted paths as the Testfile would write them */
static int core_glob(lua_State *L)
{
    struct load *st = load_of(L);
    uint32_t place = check_place(L, 4);
    struct about a = {.call = "glob"};
    struct raw_list list = {0}, out = {0};
    if (!convert_items(st, L, 1, place, &a, &list) || !convert_items(st, L, 2, place, &a, &out))
        load_raise(L);
    struct raw_item *v = arena_alloc(&st->arena, (list.n + out.n + 1) * sizeof *v);
    uint32_t n = 0;
    for (uint32_t i = 0; i < list.n; i++)
        v[n++] = list.v[i];
    for (uint32_t i = 0; i < out.n; i++) {
        v[n] = out.v[i];
        v[n++].kind = RAW_EXCLUDE;
    }
    list = (struct raw_list){v, n, false};
    struct strvec *paths = &st->glob_paths, *include = &st->glob_include, *exclude = &st->glob_exclude;
    strvec_clear(paths);
    strvec_clear(include);
    strvec_clear(exclude);
    struct glob_spec spec = {.base = resolve_patterns(st, &list, include, exclude)};
    spec.include = (const char *const *)include->v;
    spec.n_include = include->n;
    spec.exclude = (const char *const *)exclude->v;
    spec.n_exclude = exclude->n;
    spec.with_ignored = lua_toboolean(L, 3);
    struct err why = ERR_INIT;
    if (!resolve_glob(st, &spec, paths, &why)) {
        struct err *e = load_error(st, ERR_ERROR, "T111", place, &a);
        load_say(e, "%s", why.msg);
        err_clear(&why);
        load_raise(L);
    }
    if (!paths->n && list.n) {
        a.call = NULL; /* a rule may be what was called */
        a.value = list.v[0].text;
        if (load_is_written(st, place, &a))
            load_say(load_error(st, ERR_WARNING, "T213", place, &a), "the pattern '%s' matches no file", a.value);
    }
    const char *dir = load_dir(st);
    size_t skip = strlen(dir) + (*dir ? 1 : 0);
    sandbox_charge(L, paths->n);
    lua_createtable(L, paths->n < INT32_MAX ? (int)paths->n : 0, 0);
    for (size_t i = 0; i < paths->n; i++) {
        if (path_is_below(paths->v[i], dir))
            lua_pushstring(L, paths->v[i] + skip);
        else
            lua_pushfstring(L, "//%s", paths->v[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* core.dir() -> the Testfile's folder, "" = root */
static int core_dir(lua_State *L)
{
    lua_pushstring(L, load_dir(load_of(L)));
    return 1;
}

/* core.include(folder, place) */
static int core_include(lua_State *L)
{
    struct load *st = load_of(L);
    const char *text = luaL_checkstring(L, 1);
    uint32_t place = check_place(L, 2);
    if (!resolve_path(st, "include", text, place, &st->b1))
        return 0;
    const char *path = buf_cstr(&st->b1);
    if (strcmp(path_base(path), "Testfile.lua") == 0) { /* what glob gives */
        buf_reset(&st->b2);
        path_dir(path, &st->b2);
        path = buf_cstr(&st->b2);
    }
    load_include(st, path, text, place);
    return 0;
}

/* ---- modules --------------------------------------------------------------------------------------------------- */

static void no_rule(struct load *st, const char *name, uint32_t place, const struct about *a)
{
    struct err *e = load_error(st, ERR_ERROR, "T107", place, a);
    load_say(e, "there is no rule module '%s'", name);
    struct strvec names = STRVEC_INIT;
    for (size_t i = 0; i < st->lib.n; i++) {
        const char *file = st->lib.v[i].name;
        size_t len = strlen(file);
        if (strncmp(file, "rules/", 6) == 0 && len > 10 && strcmp(file + len - 4, ".lua") == 0)
            strvec_addn(&names, file + 6, len - 10);
    }
    const char *near = nearest_name(name, (const char *const *)names.v, names.n);
    if (near)
        err_hint(e, "did you mean '%s'?", near);
    else
        err_hint(e, "a module of the repository is named with its path: use \"./%s.lua\"", name);
    strvec_clear(&names);
}

/* Finds the module's text as a source. */
static bool module_source(struct load *st, const char *text, const char *path, bool in_library, uint32_t place,
                          uint32_t *source)
{
    struct about a = {.call = "use", .value = text};
    if (in_library) {
        const struct embedded_file *f = library_find(&st->lib, path);
        if (!f) {
            no_rule(st, text, place, &a);
            return false;
        }
        *source = load_add_source(st, SOURCE_LIBRARY, path, NULL, (char *)f->data, f->len, true);
        return true;
    }
    struct err why = ERR_INIT;
    if (load_read(st, path, MAX_SOURCE_BYTES, &why)) {
        size_t len = st->text.len;
        buf_reserve(&st->text, 1);
        *source = load_add_source(st, SOURCE_MODULE, path, NULL, buf_take(&st->text), len, false);
        return true;
    }
    struct err *e = load_error(st, ERR_ERROR, "T107", place, &a);
    if (tree_type(st->o->tree, path) == ENTRY_NONE) {
        const char *near = e ? resolve_nearest(st, path) : NULL;
        load_say(e, "there is no module '%s'", path);
        if (near)
            err_hint(e, "did you mean '%s'?", near);
    } else {
        load_say(e, "%s", why.msg);
    }
    err_clear(&why);
    return false;
}

/* core.use(name, place) -> what the module returned, the same for everybody */
static int core_use(lua_State *L)
{
    struct load *st = load_of(L);
    const char *text = luaL_checkstring(L, 1);
    uint32_t place = check_place(L, 2);
    size_t len = strlen(text);
    struct about a = {.call = "use", .value = text};
    bool suffix = len > 4 && strcmp(text + len - 4, ".lua") == 0, in_library = !strchr(text, '/') && !suffix;
    buf_reset(&st->b1);
    if (in_library) {
        buf_printf(&st->b1, "rules/%s.lua", text);
    } else { /* a module names its neighbours from where it lies */
        const struct place *p = &st->places[place];
        buf_reset(&st->b2);
        if (p->module != UINT32_MAX)
            path_dir(st->sources[p->module].path, &st->b2);
        else
            buf_adds(&st->b2, load_dir(st));
        enum path_status s = path_resolve(buf_cstr(&st->b2), text, &st->b1);
        if (s != PATH_OK) {
            convert_path_error(load_error(st, ERR_ERROR, "T206", place, &a), s, text);
            load_raise(L);
        }
        if (!suffix)
            buf_adds(&st->b1, ".lua");
    }
    const char *path = arena_strdup(&st->arena, buf_cstr(&st->b1));
    const char *key = arena_printf(&st->arena, "%c%s", in_library ? 'l' : 'r', path);
    if (st->n_using == MAX_USING) {
        load_say(load_error(st, ERR_ERROR, "T107", place, &a), "modules use each other more than %d deep", MAX_USING);
        load_raise(L);
    }
    bool is_new;
    uint32_t i = strset_add(&st->modules, key, &is_new);
    st->shared = st->shared || (!is_new && !in_library);
    lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.modules");
    if (is_new) {
        uint32_t source;
        MEM_GROW(st->module_states, i, st->cap_module_states);
        st->module_states[i] = MODULE_LOADING;
        if (!module_source(st, text, path, in_library, place, &source) || !load_chunk(st, L, source))
            load_raise(L);
        api_push_environment(L);
        lua_setupvalue(L, -2, 1);
        lua_Debug ar;
        lua_getstack(L, 0, &ar);
        st->using[st->n_using++] = (struct using){ar.i_ci, source};
        lua_call(L, 0, 1);
        st->n_using--;
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_pushboolean(L, true);
        }
        lua_setfield(L, -2, key);
        st->module_states[i] = MODULE_DONE;
    } else if (st->module_states[i] == MODULE_LOADING) {
        load_say(load_error(st, ERR_ERROR, "T107", place, &a), "the module '%s' uses itself", path);
        load_raise(L);
    } else if (st->module_states[i] == MODULE_FAILED) {
        load_raise(L); /* it was reported when it failed */
    }
    lua_getfield(L, -1, key);
    return 1;
}

/* core.part(name): a part of the library itself; run once */
static int core_part(lua_State *L)
{
    struct load *st = load_of(L);
    const char *name = luaL_checkstring(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.parts");
    if (lua_getfield(L, -1, name) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    const char *file = arena_printf(&st->arena, "stdlib/%s.lua", name);
    const struct embedded_file *f = library_find(&st->lib, file);
    if (!f)
        return luaL_error(L, "the library has no %s", file);
    if (!load_chunk(st, L, load_add_source(st, SOURCE_LIBRARY, file, NULL, (char *)f->data, f->len, true)))
        load_raise(L);
    sandbox_push_base(L);
    lua_setupvalue(L, -2, 1);
    api_push_core(L);
    lua_call(L, 1, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
    return 1;
}

/* core.library() -> array of {name, text}: the library's own files */
static int core_library(lua_State *L)
{
    struct load *st = load_of(L);
    lua_newtable(L);
    for (size_t i = 0; i < st->lib.n; i++) {
        lua_newtable(L);
        lua_pushstring(L, st->lib.v[i].name);
        lua_rawseti(L, -2, 1);
        lua_pushlstring(L, st->lib.v[i].data, st->lib.v[i].len);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- the world outside ----------------------------------------------------------------------------------------- */

/* core.env(name) -> value or nil */
static int core_env(lua_State *L)
{
    lua_pushstring(L, env_lookup(load_of(L), luaL_checkstring(L, 1)));
    return 1;
}

/* core.tool(name) -> is it there? */
static int core_tool(lua_State *L)
{
    struct load *st = load_of(L);
    uint32_t i = tools_add(st, luaL_checkstring(L, 1));
    lua_pushboolean(L, st->decls->tools[i].path != NULL);
    return 1;
}

/* core.canonical(value) -> text, or nil and why there is none */
static int core_canonical(lua_State *L)
{
    struct load *st = load_of(L);
    luaL_checkany(L, 1);
    buf_reset(&st->b1);
    const char *why = data_canonical(L, 1, &st->b1);
    if (why) {
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    lua_pushlstring(L, buf_cstr(&st->b1), st->b1.len);
    return 1;
}

/* core.options() -> list of what stands after `--` on the command line */
static int core_options(lua_State *L)
{
    struct load *st = load_of(L);
    struct strs v = st->o->options;
    env_lookup(st, LOAD_OPTIONS); /* other options are another load */
    sandbox_charge(L, v.n);
    lua_createtable(L, v.n < INT32_MAX ? (int)v.n : 0, 0);
    for (uint32_t i = 0; i < v.n; i++) {
        lua_pushstring(L, v.v[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* core.hash(text) -> hexadecimal digest */
static int core_hash(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    char hex[DIGEST_HEX];
    digest_hex(digest_bytes(text, len), hex);
    lua_pushstring(L, hex);
    return 1;
}

static void push_platform(lua_State *L)
{
    struct utsname u;
    lua_newtable(L);
    if (uname(&u) == 0) {
        for (char *p = u.sysname; *p; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
        lua_pushstring(L, u.sysname);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, "os");
        lua_setfield(L, -2, "system");
        lua_pushstring(L, u.machine);
        lua_setfield(L, -2, "arch");
    }
#if defined __GLIBC__
    lua_pushliteral(L, "glibc");
#elif defined __APPLE__
    lua_pushliteral(L, "libSystem");
#else
    lua_pushliteral(L, "musl");
#endif
    lua_setfield(L, -2, "libc");
    sandbox_protect(L, "platform");
}

void api_push_core(lua_State *L)
{
    static const luaL_Reg functions[] = {{"place", core_place},
                                         {"fail", core_fail},
                                         {"raise", core_raise},
                                         {"warn", core_warn},
                                         {"nearest", core_nearest},
                                         {"next", core_next},
                                         {"read", core_read},
                                         {"glob", core_glob},
                                         {"dir", core_dir},
                                         {"include", core_include},
                                         {"use", core_use},
                                         {"part", core_part},
                                         {"library", core_library},
                                         {"env", core_env},
                                         {"tool", core_tool},
                                         {"canonical", core_canonical},
                                         {"hash", core_hash},
                                         {"declare", convert_declare},
                                         {"pool", convert_pool},
                                         {"adapter", adapter_one},
                                         {"adapters", adapter_folder},
                                         {"options", core_options},
                                         {NULL, NULL}};
    if (lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.core") != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "tgraph.parts");
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "tgraph.modules");
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    push_platform(L);
    lua_setfield(L, -2, "platform");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, "tgraph.core");
}

/* ---- the environment of Testfiles and modules ------------------------------------------------------------------ */

static const char *nearest_global(struct load *st, const char *word)
{
    const char **names = arena_alloc(&st->arena, (st->globals.n + 1) * sizeof *names);
    for (uint32_t i = 0; i < st->globals.n; i++)
        names[i] = strset_get(&st->globals, i);
    return nearest_name(word, names, st->globals.n);
}

/* __index of the globals */
static int on_undefined(lua_State *L)
{
    struct load *st = load_of(L);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (place_in_library(st, L))
        return luaL_error(L, "nothing is called '%s'", name);
    struct about a = {.word = name};
    struct err *e = load_error(st, ERR_ERROR, "T106", load_place(st), &a);
    load_say(e, "nothing is called '%s'", name);
    const char *near = nearest_global(st, name);
    if (near)
        err_hint(e, "did you mean '%s'?", near);
    load_raise(L);
}

/* __newindex of an environment: reports it, and sets the name so that the rest of the file can be looked at */
static int on_global(lua_State *L)
{
    struct load *st = load_of(L);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    struct about a = {.word = name};
    struct err *e = load_error(st, ERR_ERROR, "T105", load_place(st), &a);
    if (strset_find(&st->globals, name) != UINT32_MAX)
        load_say(e, "'%s' is part of the language and cannot be set", name);
    else
        load_say(e, "the name '%s' is not local", name);
    err_hint(e, "write: local %s", name);
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 0;
}

void api_set_globals(lua_State *L)
{
    struct load *st = load_of(L);
    lua_Integer n = sandbox_sorted_keys(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        if (lua_type(L, -1) == LUA_TSTRING)
            strset_add(&st->globals, lua_tostring(L, -1), NULL);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    lua_newtable(L); /* of the globals */
    lua_pushcfunction(L, on_undefined);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_newtable(L); /* of every environment */
    lua_rotate(L, -2, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, on_global);
    lua_setfield(L, -2, "__newindex");
    lua_setfield(L, LUA_REGISTRYINDEX, "tgraph.environment");
}

void api_push_environment(lua_State *L)
{
    lua_newtable(L);
    lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.environment");
    lua_setmetatable(L, -2);
}

/* SPDX-License-Identifier: MIT
 *
 * Values of fields: texts, lists, paths, durations, environments, commands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lua/convert.h"

enum { MAX_LIST = 1 << 20 };

struct err *conv_error(struct conv *c, const char *code, enum field f, const char *value)
{
    struct about a = {.call = c->kind, .name = c->written, .field = field_names[f], .value = value};
    return load_error(c->st, ERR_ERROR, code, c->place, &a);
}

static void wrong_type(struct conv *c, int idx, enum field f, const char *wanted)
{
    load_say(conv_error(c, "T202", f, NULL), "field '%s' of %s '%s' must be %s, and is a %s", field_names[f], c->kind,
             c->name, wanted, luaL_typename(c->L, idx));
}

/* Copies the string at idx, which is one. */
static const char *copy_text(struct conv *c, int idx, enum field f)
{
    size_t len;
    const char *s = lua_tolstring(c->L, idx, &len);
    if (strlen(s) == len)
        return arena_strndup(&c->st->decls->arena, s, len);
    load_say(conv_error(c, "T207", f, NULL), "field '%s' of %s '%s' holds a NUL byte", field_names[f], c->kind,
             c->name);
    return NULL;
}

const char *conv_text(struct conv *c, int idx, enum field f)
{
    if (lua_type(c->L, idx) == LUA_TSTRING)
        return copy_text(c, idx, f);
    wrong_type(c, idx, f, "a string");
    return NULL;
}

struct strs conv_strings(struct conv *c, int idx, enum field f)
{
    lua_State *L = c->L;
    struct strs out = {NULL, 0};
    size_t n = lua_istable(L, idx) ? lua_rawlen(L, idx) : 1;
    if (n > MAX_LIST)
        n = MAX_LIST;
    const char **v = arena_alloc(&c->st->decls->arena, n * sizeof *v);
    out.v = v;
    if (!lua_istable(L, idx)) {
        v[0] = conv_text(c, idx, f);
        out.n = v[0] != NULL;
        return out;
    }
    for (size_t i = 1; i <= n; i++) {
        if (lua_rawgeti(L, idx, (lua_Integer)i) != LUA_TSTRING)
            wrong_type(c, idx, f, "a list of strings");
        else if ((v[out.n] = copy_text(c, -1, f)))
            out.n++;
        lua_pop(L, 1);
    }
    return out;
}

bool convert_path_error(struct err *e, enum path_status s, const char *text)
{
    switch (s) {
    case PATH_OUTSIDE:
        load_say(e, "the path '%s' leaves the repository", text);
        return err_hint(e, "paths are relative to the Testfile's folder; '//x' starts at the root");
    case PATH_ABSOLUTE:
        load_say(e, "the path '%s' is absolute", text);
        return err_hint(e, "write it relative to the Testfile's folder, or '//x' from the repository's root");
    default:
        return load_say(e, "the path is longer than 4096 bytes or holds a NUL byte");
    }
}

/* Resolves into st->b1. */
static bool resolve(struct conv *c, const char *text, enum field f)
{
    buf_reset(&c->st->b1);
    enum path_status s = path_resolve(c->d.dir, text, &c->st->b1);
    return s == PATH_OK || convert_path_error(conv_error(c, "T206", f, text), s, text);
}

const char *conv_path(struct conv *c, int idx, enum field f)
{
    const char *text = conv_text(c, idx, f);
    if (!text || !resolve(c, text, f))
        return NULL;
    return arena_strdup(&c->st->decls->arena, buf_cstr(&c->st->b1));
}

bool conv_parse_duration(const char *s, double *seconds)
{
    char *end;
    if (*s != '.' && (*s < '0' || *s > '9'))
        return false;
    double v = strtod(s, &end);
    while (*end == ' ')
        end++;
    if (strcmp(end, "ms") == 0)
        *seconds = v / 1000;
    else if (strcmp(end, "s") == 0 || !*end)
        *seconds = v;
    else if (strcmp(end, "m") == 0)
        *seconds = v * 60;
    else if (strcmp(end, "h") == 0)
        *seconds = v * 3600;
    else
        return false;
    return true;
}

bool conv_seconds_ms(double seconds, int64_t *out_ms)
{
    if (!(seconds > 0 && seconds <= 365.0 * 24 * 3600))
        return false;
    *out_ms = seconds < 0.001 ? 1 : llround(seconds * 1000);
    return true;
}

int64_t conv_duration_ms(struct conv *c, int idx, enum field f, int64_t otherwise)
{
    double seconds = -1;
    const char *text = NULL;
    if (lua_type(c->L, idx) == LUA_TBOOLEAN && !lua_toboolean(c->L, idx))
        return 0;
    if (lua_type(c->L, idx) == LUA_TNUMBER)
        seconds = lua_tonumber(c->L, idx);
    else if (lua_type(c->L, idx) == LUA_TSTRING && !conv_parse_duration(text = lua_tostring(c->L, idx), &seconds))
        seconds = -1;
    int64_t ms;
    if (conv_seconds_ms(seconds, &ms))
        return ms;
    struct err *e = conv_error(c, "T207", f, text);
    if (text)
        load_say(e, "'%s' is no duration for field '%s' of %s '%s'", text, field_names[f], c->kind, c->name);
    else
        load_say(e, "field '%s' of %s '%s' must be more than 0 seconds, and is %g", field_names[f], c->kind, c->name,
                 seconds);
    err_hint(e, "a number of seconds, or a text such as \"90s\", \"5m\", \"1h\" or \"250ms\"; at most a year");
    return otherwise;
}

lua_Integer conv_integer(struct conv *c, int idx, enum field f, lua_Integer least, lua_Integer most)
{
    int exact;
    lua_Integer v = lua_tointegerx(c->L, idx, &exact);
    if (!exact) {
        wrong_type(c, idx, f, "a whole number");
        return least;
    }
    if (v >= least && v <= most)
        return v;
    load_say(conv_error(c, "T207", f, NULL),
             "field '%s' of %s '%s' must be a whole number from %lld to %lld, and is %lld", field_names[f], c->kind,
             c->name, (long long)least, (long long)most, (long long)v);
    return v < least ? least : most;
}

/* ---- environments ---------------------------------------------------------------------------------------------- */

static int by_env_name(const void *a, const void *b)
{
    return strcmp(((const struct decl_env *)a)->name, ((const struct decl_env *)b)->name);
}

static void set_env(struct decl_env *v, uint32_t *n, struct decl_env e, bool replace)
{
    for (uint32_t i = 0; i < *n; i++) {
        if (strcmp(v[i].name, e.name) == 0) {
            if (replace)
                v[i] = e;
            return;
        }
    }
    v[(*n)++] = e;
}

static bool env_name_ok(struct conv *c, const char *name)
{
    if (*name && !strchr(name, '='))
        return true;
    load_say(conv_error(c, "T207", F_ENV, name), "'%s' is no name of an environment variable", name);
    return false;
}

/* Adds what one table declares: names to pass on, then settings, in the order of their names. */
static void add_env(struct conv *c, int idx, struct decl_env *v, uint32_t *n)
{
    lua_State *L = c->L;
    struct arena *a = &c->st->decls->arena;
    lua_Integer keys = sandbox_sorted_keys(L, idx); /* numbers come first */
    int list = lua_gettop(L);
    for (lua_Integer i = 1; i <= keys; i++) {
        lua_rawgeti(L, list, i);
        lua_pushvalue(L, -1);
        lua_rawget(L, idx);
        if (lua_type(L, -2) != LUA_TSTRING) {
            const char *name = lua_type(L, -1) == LUA_TSTRING ? copy_text(c, -1, F_ENV) : NULL;
            if (name && env_name_ok(c, name)) {
                const char *value = env_lookup(c->st, name);
                set_env(v, n, (struct decl_env){name, value ? arena_strdup(a, value) : NULL}, true);
            }
        } else {
            const char *name = copy_text(c, -2, F_ENV), *value = NULL;
            if (lua_type(L, -1) == LUA_TBOOLEAN) {
                value = lua_toboolean(L, -1) ? "true" : "false";
            } else if (lua_isstring(L, -1)) {
                lua_pushvalue(L, -1); /* lua_tolstring changes numbers where they lie */
                value = copy_text(c, -1, F_ENV);
                lua_pop(L, 1);
            }
            if (name && value && env_name_ok(c, name))
                set_env(v, n, (struct decl_env){name, value}, true);
        }
        lua_pop(L, 2);
    }
    lua_settop(L, list - 1);
}

static size_t count_keys(lua_State *L, int idx)
{
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
        n++;
    return n;
}

void conv_env(struct conv *c)
{
    int tables[] = {c->inherited[F_ENV], c->own[F_ENV]};
    size_t room = 0;
    for (int i = 0; i < 2; i++)
        if (tables[i] && lua_istable(c->L, tables[i]))
            room += count_keys(c->L, tables[i]);
    if (!room)
        return;
    struct decl_env *v = arena_alloc(&c->st->decls->arena, room * sizeof *v);
    uint32_t n = 0;
    for (int i = 0; i < 2; i++) /* the target's own come last and win */
        if (tables[i] && lua_istable(c->L, tables[i]))
            add_env(c, tables[i], v, &n);
    if (n)
        qsort(v, n, sizeof *v, by_env_name);
    c->d.env = v;
    c->d.n_env = n;
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

struct strs conv_sorted(struct conv *c, struct strs a, struct strs b)
{
    const char **v = arena_alloc(&c->st->decls->arena, (a.n + b.n + 1) * sizeof *v);
    uint32_t n = 0, kept = 0;
    for (uint32_t i = 0; i < a.n; i++)
        v[n++] = a.v[i];
    for (uint32_t i = 0; i < b.n; i++)
        v[n++] = b.v[i];
    qsort(v, n, sizeof *v, by_text);
    for (uint32_t i = 0; i < n; i++)
        if (!kept || strcmp(v[kept - 1], v[i]) != 0)
            v[kept++] = v[i];
    return (struct strs){v, kept};
}

void conv_outputs(struct conv *c)
{
    struct strs written = conv_strings(c, field_idx(c, F_OUTPUTS), F_OUTPUTS);
    const char **v = arena_alloc(&c->st->decls->arena, (written.n + 1) * sizeof *v);
    uint32_t n = 0;
    for (uint32_t i = 0; i < written.n; i++) {
        const char *text = written.v[i];
        size_t len = strlen(text);
        const char *why = path_has_wildcard(text) ? glob_check(text) : NULL;
        if (why) {
            load_say(conv_error(c, "T208", F_OUTPUTS, text), "the pattern '%s' is malformed: %s", text, why);
        } else if (resolve(c, text, F_OUTPUTS)) {
            if (!c->st->b1.len)
                load_say(conv_error(c, "T207", F_OUTPUTS, text), "the repository's root cannot be an output");
            else
                v[n++] = arena_printf(&c->st->decls->arena, "%s%s", buf_cstr(&c->st->b1),
                                      len && text[len - 1] == '/' ? "/" : "");
        }
    }
    c->d.outputs = (struct strs){v, n};
}

/* ---- commands and tools ---------------------------------------------------------------------------------------- */

static void add_one_tool(struct conv *c, uint32_t tool)
{
    for (uint32_t i = 0; i < c->n_tools; i++)
        if (c->tools[i] == tool)
            return;
    if (c->n_tools < MAX_TOOLS)
        c->tools[c->n_tools++] = tool;
    else
        load_say(conv_error(c, "T207", F_TOOLS, NULL), "%s '%s' names more than %d tools", c->kind, c->name, MAX_TOOLS);
}

void conv_add_tool(struct conv *c, uint32_t tool)
{
    struct tool_list l = tools_needed(c->st, tool);
    for (uint32_t i = 0; i < l.n; i++)
        add_one_tool(c, l.v[i]);
}

/* The repository file `path` as seen from the folder `from`, for a command that is started there. Into b2. */
static void seen_from(const char *from, const char *path, struct buf *out)
{
    buf_reset(out);
    if (!*from)
        buf_adds(out, "./");
    for (const char *p = from; *p; p += *p == '/') {
        buf_adds(out, "../");
        p += strcspn(p, "/");
    }
    buf_adds(out, path);
}

void conv_command(struct conv *c, int idx, enum field f, struct strs *argv, bool *shell, const char **script)
{
    struct load *st = c->st;
    *shell = !lua_istable(c->L, idx);
    *argv = conv_strings(c, idx, f);
    if (!argv->n || !*argv->v[0]) {
        load_say(conv_error(c, "T207", f, NULL), "field '%s' of %s '%s' is empty", field_names[f], c->kind, c->name);
        argv->n = 0;
        return;
    }
    const char *program = argv->v[0];
    if (*shell) {
        conv_add_tool(c, tools_add(st, "/bin/sh"));
    } else if (!strchr(program, '/') || (program[0] == '/' && program[1] != '/')) {
        conv_add_tool(c, tools_add(st, program));
    } else {
        buf_reset(&st->b1);
        enum path_status s = path_resolve(c->d.cwd, program, &st->b1);
        if (s != PATH_OK) {
            convert_path_error(conv_error(c, "T206", f, program), s, program);
            return;
        }
        *script = arena_strdup(&st->arena, buf_cstr(&st->b1));
        if (program[0] == '/') { /* "//x": the system would start at its own root */
            seen_from(c->d.cwd, *script, &st->b2);
            ((const char **)argv->v)[0] = arena_strdup(&st->decls->arena, buf_cstr(&st->b2));
        }
    }
}

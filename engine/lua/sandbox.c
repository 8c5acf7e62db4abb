/* SPDX-License-Identifier: MIT
 *
 * The sandboxed Lua state: limits, the allow-list, and what of it is replaced. */
#include "lua/sandbox.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>

enum {
    HOOK_EVERY = 10000,       /* instructions between two looks at the meter */
    BYTES_PER_STEP = 64,      /* allocated */
    GC_STARTS_AT = 256 << 20, /* most loads end before it would pay to collect */
    SORT_MAX = 1 << 24,
};

struct sandbox *sandbox_of(lua_State *L) { return *(struct sandbox **)lua_getextraspace(L); }

/* ---- limits ---------------------------------------------------------------------------------------------------- */

static void *allocate(void *ud, void *p, size_t old, size_t size)
{
    struct sandbox *s = ud;
    if (!p)
        old = 0; /* then it is the kind of what is allocated */
    if (!size) {
        free(p);
        s->used_bytes -= old;
        return NULL;
    }
    if (size > old) {
        s->steps += (size - old) / BYTES_PER_STEP;
        if (size - old > s->limit_bytes - s->used_bytes) {
            if (s->L && s->out_of_memory)
                s->out_of_memory(s->L);
            return NULL;
        }
    }
    void *q = realloc(p, size);
    if (!q)
        return size <= old ? p : NULL; /* Lua relies on shrinking */
    s->used_bytes += size - old;
    return q;
}

static void hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct sandbox *s = sandbox_of(L);
    if (s->used_bytes > GC_STARTS_AT && !lua_gc(L, LUA_GCISRUNNING))
        lua_gc(L, LUA_GCRESTART);
    sandbox_charge(L, HOOK_EVERY);
}

void sandbox_charge(lua_State *L, uint64_t steps)
{
    struct sandbox *s = sandbox_of(L);
    s->steps += steps;
    if (s->steps > s->step_limit) {
        s->out_of_steps(L);
        lua_error(L);
    }
}

/* ---- order of keys --------------------------------------------------------------------------------------------- */

struct key {
    int rank; /* 0 integer, 1 float, 2 string, 3 boolean */
    lua_Integer i;
    lua_Number d;
    const char *s;
    size_t len;
};

/* Compares an integer with a float that is no integer (Lua turns float keys with integer values into integers). */
static int integer_with_float(lua_Integer i, lua_Number d)
{
    if (d >= 0x1p63)
        return -1;
    if (d < -0x1p63)
        return 1;
    return i <= (lua_Integer)d - (d < 0 && (lua_Number)(lua_Integer)d != d) ? -1 : 1;
}

static int compare_keys(const void *pa, const void *pb)
{
    const struct key *a = pa, *b = pb;
    int ra = a->rank < 2 ? 0 : a->rank, rb = b->rank < 2 ? 0 : b->rank;
    if (ra != rb)
        return ra - rb;
    if (a->rank == 2) {
        int c = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);
        return c ? c : (a->len > b->len) - (a->len < b->len);
    }
    if (a->rank == 3 || (a->rank == 0 && b->rank == 0))
        return (a->i > b->i) - (a->i < b->i);
    if (a->rank == 1 && b->rank == 1)
        return (a->d > b->d) - (a->d < b->d);
    return a->rank == 0 ? integer_with_float(a->i, b->d) : -integer_with_float(b->i, a->d);
}

static void read_key(lua_State *L, int idx, struct key *k)
{
    *k = (struct key){0};
    switch (lua_type(L, idx)) {
    case LUA_TNUMBER:
        k->rank = lua_isinteger(L, idx) ? 0 : 1;
        if (k->rank)
            k->d = lua_tonumber(L, idx);
        else
            k->i = lua_tointeger(L, idx);
        break;
    case LUA_TSTRING:
        k->rank = 2;
        k->s = lua_tolstring(L, idx, &k->len);
        break;
    case LUA_TBOOLEAN:
        k->rank = 3;
        k->i = lua_toboolean(L, idx);
        break;
    default:
        luaL_error(L, "a key of a table that is walked must be a number, a string or a boolean, and is a %s",
                   luaL_typename(L, idx));
    }
}

lua_Integer sandbox_sorted_keys(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    luaL_checkstack(L, 6, NULL);
    size_t n = 0;
    lua_Integer border = (lua_Integer)lua_rawlen(L, idx);
    bool sequence = true; /* most tables are */
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        n++;
        sequence = sequence && lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= border;
    }
    sandbox_charge(L, n);
    lua_createtable(L, n < 1 << 26 ? (int)n : 0, 0);
    if (sequence && (lua_Integer)n == border) {
        for (lua_Integer i = 1; i <= border; i++) {
            lua_pushinteger(L, i);
            lua_rawseti(L, -2, i);
        }
        return border;
    }
    struct key *keys = lua_newuserdatauv(L, n * sizeof *keys, 0);
    size_t k = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
        read_key(L, -2, &keys[k++]);
    qsort(keys, n, sizeof *keys, compare_keys);
    for (k = 0; k < n; k++) {
        if (keys[k].rank == 0)
            lua_pushinteger(L, keys[k].i);
        else if (keys[k].rank == 1)
            lua_pushnumber(L, keys[k].d);
        else if (keys[k].rank == 2)
            lua_pushlstring(L, keys[k].s, keys[k].len);
        else
            lua_pushboolean(L, (int)keys[k].i);
        lua_rawseti(L, -3, (lua_Integer)k + 1);
    }
    lua_pop(L, 1);
    return (lua_Integer)n;
}

/* Upvalues: the keys, how many were given. Arguments: the table, the last key (not looked at). */
static int pairs_next(lua_State *L)
{
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
    luaL_checktype(L, 1, LUA_TTABLE);
    for (;;) {
        i++;
        if (lua_rawgeti(L, lua_upvalueindex(1), i) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL)
            break;
        lua_pop(L, 2); /* it was taken out meanwhile */
    }
    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(2));
    return 2;
}

static int b_pairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    sandbox_sorted_keys(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_next, 2);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* The least key above the given one. It looks at all of them: for a whole walk there is pairs. */
static int b_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    struct key after, best = {0}, k;
    bool all = lua_isnil(L, 2), found = false;
    uint64_t n = 0;
    if (!all)
        read_key(L, 2, &after);
    lua_pushnil(L); /* at 3: the best key */
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1), n++) {
        read_key(L, -2, &k);
        if ((all || compare_keys(&k, &after) > 0) && (!found || compare_keys(&k, &best) < 0)) {
            best = k;
            found = true;
            lua_pushvalue(L, -2);
            lua_replace(L, 3);
        }
    }
    sandbox_charge(L, n);
    if (!found)
        return 1; /* the nil at 3 */
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
    return 2;
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static bool has_address(lua_State *L, int idx)
{
    int t = lua_type(L, idx);
    return t == LUA_TTABLE || t == LUA_TFUNCTION || t == LUA_TUSERDATA || t == LUA_TLIGHTUSERDATA || t == LUA_TTHREAD;
}

static int b_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_islightuserdata(L, 1))
        lua_pushliteral(L, "null");
    else if (has_address(L, 1))
        lua_pushstring(L, luaL_typename(L, 1));
    else
        luaL_tolstring(L, 1, NULL);
    return 1;
}

/* Upvalue: the library's own. */
static int s_format(lua_State *L)
{
    const char *f = luaL_checkstring(L, 1);
    for (const char *p = f; (p = strchr(p, '%')); p++) {
        p += 1 + strspn(p + 1, "-+ #0123456789.");
        if (*p == 'p')
            return luaL_error(L, "string.format: %%p is not available: an address differs from run to run");
        if (!*p)
            break;
    }
    for (int i = 2, n = lua_gettop(L); i <= n; i++) {
        if (has_address(L, i)) {
            lua_pushstring(L, lua_islightuserdata(L, i) ? "null" : luaL_typename(L, i));
            lua_replace(L, i);
        }
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int s_rep(lua_State *L)
{
    size_t len, sep;
    luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &sep);
    if (len + sep == 0) { /* the library would loop n times all the same */
        lua_pushliteral(L, "");
        return 1;
    }
    if (n > 0)
        sandbox_charge(L, (uint64_t)n / 16); /* the loop; the bytes are charged as they are allocated */
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* ---- tables ---------------------------------------------------------------------------------------------------- */

/* For functions whose work grows with the table: charges for it, then calls the library's own (the upvalue). */
static int t_charged(lua_State *L)
{
    if (lua_istable(L, 1))
        sandbox_charge(L, lua_rawlen(L, 1) / 4);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int t_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
    if (to >= from)
        sandbox_charge(L, (uint64_t)to - (uint64_t)from);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int t_insert(lua_State *L)
{
    if (lua_gettop(L) == 2) /* at the end: costs nothing */
        return lua_tocfunction(L, lua_upvalueindex(1))(L);
    return t_charged(L);
}

/* Does element a (an index into the table at 1) belong before b? */
static bool goes_before(lua_State *L, lua_Integer a, lua_Integer b)
{
    bool less;
    if (lua_isnil(L, 2)) {
        lua_rawgeti(L, 1, a);
        lua_rawgeti(L, 1, b);
        less = lua_compare(L, -2, -1, LUA_OPLT);
        lua_pop(L, 2);
        return less;
    }
    lua_pushvalue(L, 2);
    lua_rawgeti(L, 1, a);
    lua_rawgeti(L, 1, b);
    lua_call(L, 2, 1);
    less = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return less;
}

/* Stable merge sort from the bottom up. The library's quicksort picks its pivots by clock and leaves equal elements in
 * an order that is not always the same. */
static int t_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    size_t n = lua_rawlen(L, 1);
    luaL_argcheck(L, n < SORT_MAX, 1, "array too big");
    if (n < 2)
        return 0;
    int32_t *from = lua_newuserdatauv(L, n * 2 * sizeof *from, 0), *to = from + n;
    for (size_t i = 0; i < n; i++)
        from[i] = (int32_t)i + 1;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t mid = start + width < n ? start + width : n, end = mid + width < n ? mid + width : n;
            size_t a = start, b = mid, k = start;
            sandbox_charge(L, (end - start) * 4);
            if (b == end || !goes_before(L, from[b], from[b - 1])) { /* in order already */
                memcpy(to + start, from + start, (end - start) * sizeof *to);
                continue;
            }
            while (a < mid && b < end)
                to[k++] = goes_before(L, from[b], from[a]) ? from[b++] : from[a++];
            while (a < mid)
                to[k++] = from[a++];
            while (b < end)
                to[k++] = from[b++];
        }
        int32_t *swap = from;
        from = to;
        to = swap;
    }
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 1, from[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        lua_rawseti(L, 1, (lua_Integer)i);
    }
    return 0;
}

/* ---- the allow-list -------------------------------------------------------------------------------------------- */

static const char *const base_names[] = {"assert", "error", "ipairs", "rawequal", "select", "tonumber", "type", NULL};
static const char *const math_names[] = {"abs",        "ceil", "floor", "fmod", "huge",      "maxinteger", "min", "max",
                                         "mininteger", "modf", "pi",    "sqrt", "tointeger", "type",       "ult", NULL};
static const char *const string_names[] = {"byte", "char", "len", "lower", "reverse", "sub", "upper", NULL};
static const char *const table_names[] = {"pack", "unpack", NULL};
static const char *const utf8_names[] = {"char", "charpattern", "codepoint", "codes", "len", "offset", NULL};

/* Copies the named fields of the table at the top into the one below it. */
static void take(lua_State *L, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
}

/* The same for one function, behind a wrapper. */
static void wrap(lua_State *L, const char *name, lua_CFunction wrapper)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, wrapper, 1);
    lua_setfield(L, -3, name);
}

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "'%s' cannot be changed", lua_tostring(L, lua_upvalueindex(1)));
}

void sandbox_protect(lua_State *L, const char *name)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_rotate(L, -3, -1); /* view, metatable, table */
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_pushcclosure(L, refuse_write, 1);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
}

/* Leaves the library `open` makes at the top, above a new empty table. */
static void library(lua_State *L, const char *name, lua_CFunction open)
{
    lua_newtable(L);
    luaL_requiref(L, name, open, 0);
}

static int open_all(lua_State *L)
{
    library(L, "_G", luaopen_base);
    take(L, base_names);
    lua_pop(L, 1);
    static const luaL_Reg base[] = {{"pairs", b_pairs}, {"next", b_next}, {"tostring", b_tostring}, {NULL, NULL}};
    luaL_setfuncs(L, base, 0);

    library(L, LUA_STRLIBNAME, luaopen_string);
    take(L, string_names);
    wrap(L, "format", s_format);
    wrap(L, "rep", s_rep);
    lua_pop(L, 1);
    sandbox_add_patterns(L);
    lua_pushliteral(L, ""); /* methods of strings: the same functions */
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
    sandbox_protect(L, "string");
    lua_setfield(L, -2, "string");

    library(L, LUA_TABLIBNAME, luaopen_table);
    take(L, table_names);
    wrap(L, "concat", t_charged);
    wrap(L, "insert", t_insert);
    wrap(L, "move", t_move);
    wrap(L, "remove", t_charged);
    lua_pop(L, 1);
    lua_pushcfunction(L, t_sort);
    lua_setfield(L, -2, "sort");
    sandbox_protect(L, "table");
    lua_setfield(L, -2, "table");

    library(L, LUA_MATHLIBNAME, luaopen_math);
    take(L, math_names);
    lua_pop(L, 1);
    sandbox_protect(L, "math");
    lua_setfield(L, -2, "math");

    library(L, LUA_UTF8LIBNAME, luaopen_utf8);
    take(L, utf8_names);
    lua_pop(L, 1);
    sandbox_protect(L, "utf8");
    lua_setfield(L, -2, "utf8");

    lua_pushlightuserdata(L, NULL); /* JSON's and YAML's null */
    lua_setfield(L, -2, "null");
    lua_setfield(L, LUA_REGISTRYINDEX, "tgraph.base");
    return 0;
}

void sandbox_push_base(lua_State *L) { lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.base"); }

bool sandbox_open(struct sandbox *s, size_t limit_bytes, uint64_t step_limit, void (*out_of_steps)(lua_State *L),
                  void *ctx)
{
    *s = (struct sandbox){
        .limit_bytes = limit_bytes, .step_limit = UINT64_MAX, .out_of_steps = out_of_steps, .ctx = ctx};
    lua_State *L = lua_newstate(allocate, s);
    if (!L)
        return false;
    *(struct sandbox **)lua_getextraspace(L) = s;
    lua_gc(L, LUA_GCSTOP);
    lua_pushcfunction(L, open_all);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lua_close(L);
        return false;
    }
    s->L = L;
    s->step_limit = step_limit;
    s->steps = 0;
    lua_sethook(L, hook, LUA_MASKCOUNT, HOOK_EVERY);
    return true;
}

void sandbox_close(struct sandbox *s)
{
    if (s->L)
        lua_close(s->L);
    s->L = NULL;
}

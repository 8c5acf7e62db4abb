/* SPDX-License-Identifier: MIT
 *
 * Lua patterns (The Lua 5.4 Reference Manual, 6.4.1) with a meter. The matcher of the standard library backtracks inside
 * one C call where no hook sees it: `("a"):rep(5000):find(".-.-.-b")` would run for days. Here a pattern becomes a short
 * program, backtracking is a stack with one entry for each repeated item, and every step is charged to the sandbox.
 *
 * Captures need no undo: on any path each bracket item runs once, so going back to an item means that all items after
 * it, with their captures, run again before anybody looks.
 */
#include <ctype.h>
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "lua/sandbox.h"

enum {
    MAX_ITEMS = 250, /* a program lies on the C stack, and gsub's function may call gsub */
    MAX_CAPTURES = 32,
    CHARGE_STEPS = 10000, /* between two looks at the meter */
};

enum op {
    OP_ONE,
    OP_GREEDY,
    OP_LAZY,
    OP_OPTIONAL,
    OP_OPEN,
    OP_CLOSE,
    OP_POSITION,
    OP_SAME,
    OP_BALANCE,
    OP_FRONTIER,
    OP_END
};

struct item {
    uint8_t op;
    uint8_t min;      /* OP_GREEDY: 0 or 1 */
    uint8_t a, b;     /* capture number, or the two characters of %b */
    uint64_t bits[4]; /* characters that match */
};

struct capture {
    const char *start, *end;
    bool position;
};

struct choice {
    const char *at, *least; /* where the rest was last tried from; a greedy item goes down to `least` */
    uint16_t item;
};

struct program {
    struct item items[MAX_ITEMS];
    struct choice choices[MAX_ITEMS];
    struct capture captures[MAX_CAPTURES];
    int n, n_captures;
    bool anchored;
    uint64_t steps; /* not yet charged */
    const char *text, *end;
    lua_State *L;
};

static bool has_bit(const struct item *it, unsigned char c) { return it->bits[c >> 6] >> (c & 63) & 1; }
static void set_bit(struct item *it, unsigned c) { it->bits[c >> 6] |= UINT64_C(1) << (c & 63); }

static int (*class_of(int lower))(int)
{
    switch (lower) {
    case 'a':
        return isalpha;
    case 'c':
        return iscntrl;
    case 'd':
        return isdigit;
    case 'g':
        return isgraph;
    case 'l':
        return islower;
    case 'p':
        return ispunct;
    case 's':
        return isspace;
    case 'u':
        return isupper;
    case 'w':
        return isalnum;
    case 'x':
        return isxdigit;
    default:
        return NULL;
    }
}

/* %a, %D, %. and so on. */
static void add_class(struct item *it, unsigned char c)
{
    int (*in)(int) = class_of(tolower(c));
    if (!in) {
        set_bit(it, c);
        return;
    }
    for (int i = 0; i < 256; i++)
        if ((in(i) != 0) == (islower(c) != 0))
            set_bit(it, (unsigned)i);
}

static void negate(struct item *it)
{
    for (int i = 0; i < 4; i++)
        it->bits[i] = ~it->bits[i];
}

/* A set from after its '[' to after its ']'. */
static const char *add_set(lua_State *L, struct item *it, const char *p, const char *end)
{
    bool inverse = p < end && *p == '^';
    p += inverse;
    bool first = true; /* a ']' that comes first is one of the set */
    for (;; first = false) {
        if (p >= end)
            luaL_error(L, "malformed pattern (missing ']')");
        if (*p == ']' && !first)
            break;
        if (*p == '%') {
            if (++p >= end)
                luaL_error(L, "malformed pattern (ends with '%%')");
            add_class(it, (unsigned char)*p++);
        } else if (end - p > 2 && p[1] == '-' && p[2] != ']') {
            for (unsigned c = (unsigned char)*p; c <= (unsigned char)p[2]; c++)
                set_bit(it, c);
            p += 3;
        } else {
            set_bit(it, (unsigned char)*p++);
        }
    }
    if (inverse)
        negate(it);
    return p + 1;
}

/* One character, class or set, and what repeats it. */
static const char *add_single(lua_State *L, struct item *it, const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p++;
    if (c == '.') {
        negate(it);
    } else if (c == '[') {
        p = add_set(L, it, p, end);
    } else if (c == '%') {
        if (p >= end)
            luaL_error(L, "malformed pattern (ends with '%%')");
        add_class(it, (unsigned char)*p++);
    } else {
        set_bit(it, c);
    }
    it->op = OP_ONE;
    switch (p < end ? *p : 0) {
    case '*':
        it->op = OP_GREEDY;
        return p + 1;
    case '+':
        it->op = OP_GREEDY;
        it->min = 1;
        return p + 1;
    case '-':
        it->op = OP_LAZY;
        return p + 1;
    case '?':
        it->op = OP_OPTIONAL;
        return p + 1;
    default:
        return p;
    }
}

static void compile(lua_State *L, struct program *g, const char *p, size_t len, bool anchors)
{
    const char *end = p + len;
    int open[MAX_CAPTURES], n_open = 0;
    bool closed[MAX_CAPTURES] = {false};
    g->n = g->n_captures = 0;
    g->steps = 0;
    g->L = L;
    g->anchored = anchors && len && *p == '^';
    p += g->anchored;
    while (p < end) {
        if (g->n >= MAX_ITEMS)
            luaL_error(L, "pattern too long");
        struct item *it = &g->items[g->n++];
        memset(it, 0, sizeof *it);
        if (*p == '(') {
            if (g->n_captures >= MAX_CAPTURES)
                luaL_error(L, "too many captures");
            it->a = (uint8_t)g->n_captures++;
            bool position = p + 1 < end && p[1] == ')';
            it->op = position ? OP_POSITION : OP_OPEN;
            if (position)
                closed[it->a] = true;
            else
                open[n_open++] = it->a;
            p += position ? 2 : 1;
        } else if (*p == ')') {
            if (!n_open)
                luaL_error(L, "invalid pattern capture");
            it->op = OP_CLOSE;
            it->a = (uint8_t)open[--n_open];
            closed[it->a] = true;
            p++;
        } else if (*p == '$' && p + 1 == end) {
            it->op = OP_END;
            p++;
        } else if (*p == '%' && p + 1 < end && p[1] == 'b') {
            if (end - p < 4)
                luaL_error(L, "malformed pattern (missing arguments to '%%b')");
            it->op = OP_BALANCE;
            it->a = (uint8_t)p[2];
            it->b = (uint8_t)p[3];
            p += 4;
        } else if (*p == '%' && p + 1 < end && p[1] == 'f') {
            if (end - p < 3 || p[2] != '[')
                luaL_error(L, "missing '[' after '%%f' in pattern");
            it->op = OP_FRONTIER;
            p = add_set(L, it, p + 3, end);
        } else if (*p == '%' && p + 1 < end && isdigit((unsigned char)p[1])) {
            int k = p[1] - '1';
            if (k < 0 || k >= g->n_captures || !closed[k])
                luaL_error(L, "invalid capture index %%%d in pattern", k + 1);
            it->op = OP_SAME;
            it->a = (uint8_t)k;
            p += 2;
        } else {
            p = add_single(L, it, p, end);
        }
    }
    if (n_open)
        luaL_error(L, "unfinished capture");
}

static const char *balanced(struct program *g, const char *s, char open, char close)
{
    if (s >= g->end || *s != open)
        return NULL;
    size_t depth = 1;
    for (const char *p = s + 1; p < g->end; p++) {
        g->steps++;
        if (*p == close) { /* first: both may be the same character */
            if (--depth == 0)
                return p + 1;
        } else if (*p == open) {
            depth++;
        }
    }
    return NULL;
}

static const char *same_text(struct program *g, const char *s, const struct capture *c)
{
    if (c->position) /* it has no text */
        return NULL;
    size_t len = (size_t)(c->end - c->start);
    g->steps += len / 16;
    return (size_t)(g->end - s) >= len && memcmp(s, c->start, len) == 0 ? s + len : NULL;
}

/* Where a match that starts at `s` ends; NULL if there is none. */
static const char *match_at(struct program *g, const char *s)
{
    int pc = 0, n = 0;
    for (;;) {
        if (++g->steps >= CHARGE_STEPS) {
            uint64_t steps = g->steps;
            g->steps = 0;
            sandbox_charge(g->L, steps);
        }
        if (pc == g->n)
            return s;
        struct item *it = &g->items[pc++];
        const char *from = s;
        bool here = s < g->end && has_bit(it, (unsigned char)*s);
        switch ((enum op)it->op) {
        case OP_ONE:
            s = here ? s + 1 : NULL;
            break;
        case OP_OPTIONAL:
            s += here;
            if (here)
                g->choices[n++] = (struct choice){s, from, (uint16_t)(pc - 1)};
            break;
        case OP_GREEDY:
            while (s < g->end && has_bit(it, (unsigned char)*s))
                s++;
            g->steps += (uint64_t)(s - from) / 4;
            if (s - from < it->min)
                s = NULL;
            else if (s - from > it->min)
                g->choices[n++] = (struct choice){s, from + it->min, (uint16_t)(pc - 1)};
            break;
        case OP_LAZY:
            if (here)
                g->choices[n++] = (struct choice){s, NULL, (uint16_t)(pc - 1)};
            break;
        case OP_OPEN:
            g->captures[it->a] = (struct capture){s, s, false};
            break;
        case OP_CLOSE:
            g->captures[it->a].end = s;
            break;
        case OP_POSITION:
            g->captures[it->a] = (struct capture){s, s, true};
            break;
        case OP_SAME:
            s = same_text(g, s, &g->captures[it->a]);
            break;
        case OP_BALANCE:
            s = balanced(g, s, (char)it->a, (char)it->b);
            break;
        case OP_FRONTIER: {
            unsigned char before = s == g->text ? 0 : (unsigned char)s[-1], after = s == g->end ? 0 : (unsigned char)*s;
            if (has_bit(it, before) || !has_bit(it, after))
                s = NULL;
            break;
        }
        case OP_END:
            s = s == g->end ? s : NULL;
            break;
        }
        if (s)
            continue;
        if (!n)
            return NULL;
        struct choice *c = &g->choices[n - 1]; /* one character less, or of a lazy item one more */
        it = &g->items[c->item];
        pc = c->item + 1;
        if (it->op == OP_LAZY) {
            s = ++c->at;
            if (s >= g->end || !has_bit(it, (unsigned char)*s))
                n--;
        } else {
            s = --c->at;
            if (s == c->least)
                n--;
        }
    }
}

static void settle(struct program *g)
{
    uint64_t steps = g->steps;
    g->steps = 0;
    sandbox_charge(g->L, steps);
}

static void push_capture(struct program *g, int i, const char *from, const char *to)
{
    if (i == 0 && g->n_captures == 0)
        lua_pushlstring(g->L, from, (size_t)(to - from));
    else if (g->captures[i].position)
        lua_pushinteger(g->L, g->captures[i].start - g->text + 1);
    else
        lua_pushlstring(g->L, g->captures[i].start, (size_t)(g->captures[i].end - g->captures[i].start));
}

/* All captures; without any the whole match if `whole`. */
static int push_captures(struct program *g, const char *from, const char *to, bool whole)
{
    int n = g->n_captures ? g->n_captures : whole ? 1 : 0;
    luaL_checkstack(g->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        push_capture(g, i, from, to);
    return n;
}

static int find_plain(lua_State *L, const char *text, size_t len, size_t from, const char *want, size_t n)
{
    const char *at = n ? memmem(text + from, len - from, want, n) : text + from;
    sandbox_charge(L, ((at ? (size_t)(at - text) : len) - from) / 16);
    if (!at) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, at - text + 1);
    lua_pushinteger(L, (lua_Integer)((size_t)(at - text) + n));
    return 2;
}

static int find_or_match(lua_State *L, bool find)
{
    size_t len, n;
    const char *text = luaL_checklstring(L, 1, &len), *pattern = luaL_checklstring(L, 2, &n);
    lua_Integer init = luaL_optinteger(L, 3, 1);
    size_t from = init > 0 ? (size_t)init - 1 : init == 0 || init < -(lua_Integer)len ? 0 : len + (size_t)init;
    if (from > len) {
        luaL_pushfail(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || strcspn(pattern, "^$*+?.([%-") == n))
        return find_plain(L, text, len, from, pattern, n);
    struct program g;
    compile(L, &g, pattern, n, true);
    g.text = text;
    g.end = text + len;
    for (const char *s = text + from; s <= g.end; s++) {
        const char *e = match_at(&g, s);
        if (e) {
            settle(&g);
            if (!find)
                return push_captures(&g, s, e, true);
            lua_pushinteger(L, s - text + 1);
            lua_pushinteger(L, e - text);
            return 2 + push_captures(&g, s, e, false);
        }
        if (g.anchored)
            break;
    }
    settle(&g);
    luaL_pushfail(L);
    return 1;
}

static int s_find(lua_State *L) { return find_or_match(L, true); }
static int s_match(lua_State *L) { return find_or_match(L, false); }

/* Upvalues: text, pattern, where to go on, end of the last match (-1: none yet). */
static int gmatch_next(lua_State *L)
{
    size_t len, n;
    const char *text = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &n);
    lua_Integer from = lua_tointeger(L, lua_upvalueindex(3)), last = lua_tointeger(L, lua_upvalueindex(4));
    struct program g;
    compile(L, &g, pattern, n, false);
    g.text = text;
    g.end = text + len;
    for (const char *s = text + from; s <= g.end; s++) {
        const char *e = match_at(&g, s);
        if (e && e - text != last) {
            settle(&g);
            lua_pushinteger(L, e - text);
            lua_copy(L, -1, lua_upvalueindex(3));
            lua_replace(L, lua_upvalueindex(4));
            return push_captures(&g, s, e, true);
        }
    }
    settle(&g);
    return 0;
}

static int s_gmatch(lua_State *L)
{
    size_t len, n;
    luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &n);
    lua_Integer init = luaL_optinteger(L, 3, 1);
    lua_Integer from = init > 0 ? init - 1 : init == 0 || init < -(lua_Integer)len ? 0 : (lua_Integer)len + init;
    struct program g;
    compile(L, &g, pattern, n, false); /* complains here, not at the first turn of the loop */
    lua_settop(L, 2);
    lua_pushinteger(L, from > (lua_Integer)len ? (lua_Integer)len + 1 : from);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

static void add_template(struct program *g, luaL_Buffer *b, const char *from, const char *to)
{
    lua_State *L = g->L;
    size_t n;
    const char *r = lua_tolstring(L, 3, &n), *end = r + n;
    for (; r < end; r++) {
        if (*r != '%') {
            luaL_addchar(b, *r);
            continue;
        }
        if (++r < end && *r == '%') {
            luaL_addchar(b, '%');
        } else if (r < end && *r == '0') {
            luaL_addlstring(b, from, (size_t)(to - from));
        } else if (r < end && isdigit((unsigned char)*r)) {
            int k = *r - '1';
            if (k >= g->n_captures && !(k == 0 && g->n_captures == 0))
                luaL_error(L, "invalid capture index %%%d in replacement string", k + 1);
            push_capture(g, k, from, to);
            luaL_tolstring(L, -1, NULL); /* a position is a number */
            lua_remove(L, -2);
            luaL_addvalue(b);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

/* Adds what stands for the match; false if that is the match itself. */
static void add_replacement(struct program *g, luaL_Buffer *b, const char *from, const char *to, int type)
{
    lua_State *L = g->L;
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        add_template(g, b, from, to);
        return;
    }
    if (type == LUA_TTABLE) {
        push_capture(g, 0, from, to);
        lua_gettable(L, 3);
    } else {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(g, from, to, true), 1);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(b, from, (size_t)(to - from));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    } else {
        luaL_addvalue(b);
    }
}

static int s_gsub(lua_State *L)
{
    size_t len, n;
    const char *text = luaL_checklstring(L, 1, &len), *pattern = luaL_checklstring(L, 2, &n), *last = NULL;
    int type = lua_type(L, 3);
    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                     "string/function/table");
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1), done = 0;
    struct program g;
    compile(L, &g, pattern, n, true);
    g.text = text;
    g.end = text + len;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    const char *s = text;
    while (done < max) {
        const char *e = match_at(&g, s);
        if (e && e != last) {
            done++;
            add_replacement(&g, &b, s, e, type);
            s = last = e;
        } else if (s < g.end) {
            luaL_addchar(&b, *s++);
        } else {
            break;
        }
        if (g.anchored)
            break;
    }
    settle(&g);
    luaL_addlstring(&b, s, (size_t)(g.end - s));
    luaL_pushresult(&b);
    lua_pushinteger(L, done);
    return 2;
}

void sandbox_add_patterns(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", s_find}, {"match", s_match}, {"gmatch", s_gmatch}, {"gsub", s_gsub}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}

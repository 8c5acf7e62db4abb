/* SPDX-License-Identifier: MIT
 *
 * JSON (RFC 8259, by yajl) and YAML (1.2 core schema over libyaml's events) as Lua values, and values as canonical text.
 * null is a light userdata, so that arrays keep their length. Integers that fit 64 bits stay integers. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>
#include <yaml.h>

#include "lua/state.h"

enum { MAX_DEPTH = 100, MAX_CANONICAL = 64 << 20 };

struct data_jobs { /* what an error of Lua may leave behind */
    yajl_handle json;
    yaml_parser_t yaml;
    yaml_event_t event;
    bool yaml_live, event_live;
};

static void drop_jobs(struct data_jobs *j)
{
    if (j->json)
        yajl_free(j->json);
    if (j->event_live)
        yaml_event_delete(&j->event);
    if (j->yaml_live)
        yaml_parser_delete(&j->yaml);
    memset(j, 0, sizeof *j);
}

void data_init(struct load *st) { st->jobs = mem_calloc(1, sizeof *st->jobs); }

void data_clear(struct load *st)
{
    if (st->jobs)
        drop_jobs(st->jobs);
    mem_free(st->jobs);
    st->jobs = NULL;
}

/* ---- building values from the bottom of the Lua stack up ---- */

struct builder {
    lua_State *L;
    struct data_error *e;
    int depth;
    bool is_map[MAX_DEPTH];
    bool has_key[MAX_DEPTH];       /* of a map: its key lies on the stack */
    lua_Integer n[MAX_DEPTH];      /* of an array: items so far */
    const char *anchor[MAX_DEPTH]; /* YAML; NULL = none */
};

static int stop(struct builder *b, const char *what)
{
    if (!b->e->what)
        b->e->what = what;
    return 0;
}

/* The value at the top goes into what is open. */
static int put(struct builder *b)
{
    if (!b->depth)
        return 1;
    int top = b->depth - 1;
    if (b->is_map[top]) {
        lua_rawset(b->L, -3);
        b->has_key[top] = false;
    } else {
        lua_rawseti(b->L, -2, ++b->n[top]);
    }
    return 1;
}

static int open_table(struct builder *b, bool is_map)
{
    if (b->depth == MAX_DEPTH)
        return stop(b, "it is nested more than 100 deep");
    luaL_checkstack(b->L, 6, NULL);
    lua_newtable(b->L);
    b->is_map[b->depth] = is_map;
    b->has_key[b->depth] = false;
    b->n[b->depth] = 0;
    b->anchor[b->depth++] = NULL;
    return 1;
}

static int close_table(struct builder *b)
{
    b->depth--;
    return put(b);
}

/* A whole number as an integer if it fits, everything else as a double. */
static bool push_number(lua_State *L, const char *text, size_t len, int base)
{
    char small[64], *end;
    if (len >= sizeof small) { /* a double has no use for that many digits, but for its exponent */
        lua_pushlstring(L, text, len);
        double v = strtod(lua_tostring(L, -1), &end);
        lua_pop(L, 1);
        lua_pushnumber(L, v);
        return true;
    }
    memcpy(small, text, len);
    small[len] = '\0';
    if (!strpbrk(small, ".eE") || base == 16) {
        errno = 0;
        long long i = strtoll(small, &end, base);
        if (!errno && !*end) {
            lua_pushinteger(L, i);
            return true;
        }
    }
    lua_pushnumber(L, strtod(small, &end));
    return !*end;
}

/* ---- JSON ---- */

static int json_on_null(void *ctx)
{
    struct builder *b = ctx;
    luaL_checkstack(b->L, 4, NULL);
    lua_pushlightuserdata(b->L, NULL);
    return put(b);
}

static int json_on_boolean(void *ctx, int v)
{
    struct builder *b = ctx;
    luaL_checkstack(b->L, 4, NULL);
    lua_pushboolean(b->L, v);
    return put(b);
}

static int json_on_number(void *ctx, const char *text, size_t len)
{
    struct builder *b = ctx;
    luaL_checkstack(b->L, 4, NULL);
    push_number(b->L, text, len, 10);
    return put(b);
}

static int json_on_string(void *ctx, const unsigned char *text, size_t len)
{
    struct builder *b = ctx;
    luaL_checkstack(b->L, 4, NULL);
    lua_pushlstring(b->L, (const char *)text, len);
    return put(b);
}

static int json_on_key(void *ctx, const unsigned char *text, size_t len)
{
    struct builder *b = ctx;
    luaL_checkstack(b->L, 4, NULL);
    lua_pushlstring(b->L, (const char *)text, len);
    return 1;
}

static int json_on_map(void *ctx) { return open_table(ctx, true); }
static int json_on_array(void *ctx) { return open_table(ctx, false); }
static int json_on_end(void *ctx) { return close_table(ctx); }

static void place_in(const char *text, size_t at, struct data_error *e)
{
    e->line = 1;
    const char *start = text;
    for (const char *p = text; (p = memchr(p, '\n', (size_t)(text + at - p))); start = ++p)
        e->line++;
    e->col = (uint32_t)(text + at - start) + 1;
}

bool data_push_json(lua_State *L, const char *text, size_t len, struct data_error *e)
{
    static const yajl_callbacks callbacks = {.yajl_null = json_on_null,
                                             .yajl_boolean = json_on_boolean,
                                             .yajl_number = json_on_number,
                                             .yajl_string = json_on_string,
                                             .yajl_start_map = json_on_map,
                                             .yajl_map_key = json_on_key,
                                             .yajl_end_map = json_on_end,
                                             .yajl_start_array = json_on_array,
                                             .yajl_end_array = json_on_end};
    struct data_jobs *j = load_of(L)->jobs;
    struct builder b = {.L = L, .e = e};
    int top = lua_gettop(L);
    *e = (struct data_error){0};
    drop_jobs(j);
    sandbox_charge(L, len / 16);
    j->json = yajl_alloc(&callbacks, NULL, &b);
    if (!j->json)
        return stop(&b, "there is no memory for the parser");
    yajl_status s = yajl_parse(j->json, (const unsigned char *)text, len);
    bool ended = s == yajl_status_ok;
    if (ended)
        s = yajl_complete_parse(j->json);
    if (s == yajl_status_ok && lua_gettop(L) == top + 1) {
        drop_jobs(j);
        return true;
    }
    if (s == yajl_status_ok) {
        stop(&b, "there is no value in it");
    } else if (s == yajl_status_error) {
        unsigned char *why = yajl_get_error(j->json, 0, (const unsigned char *)text, len);
        snprintf(e->text, sizeof e->text, "%.*s", (int)strcspn((char *)why, "\n"), (char *)why);
        yajl_free_error(j->json, why);
        e->what = e->text;
    }
    size_t at = yajl_get_bytes_consumed(j->json);
    at = at < len && !ended ? at : len;
    if (s != yajl_status_ok && at && at < len) /* it stopped after what it complains about */
        at--;
    place_in(text, at, e);
    drop_jobs(j);
    lua_settop(L, top);
    return false;
}

const char *data_check_json(struct load *st, const char *text, size_t len)
{
    struct data_jobs *j = st->jobs;
    drop_jobs(j);
    j->json = yajl_alloc(NULL, NULL, NULL);
    if (!j->json)
        return "there is no memory for the parser";
    const char *why = NULL;
    if (yajl_parse(j->json, (const unsigned char *)text, len) != yajl_status_ok ||
        yajl_complete_parse(j->json) != yajl_status_ok) {
        unsigned char *said = yajl_get_error(j->json, 0, (const unsigned char *)text, len);
        size_t n = strcspn((char *)said, "\n");
        why = arena_strndup(&st->arena, (char *)said, n && said[n - 1] == '.' ? n - 1 : n);
        yajl_free_error(j->json, said);
    }
    drop_jobs(j);
    return why;
}

/* ---- YAML ---- */

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

static bool all_of(const char *s, const char *chars) { return *s && s[strspn(s, chars)] == '\0'; }

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?  (YAML 1.2.2, 10.3.2) */
static bool is_float(const char *s)
{
    static const char digits[] = "0123456789";
    s += *s == '-' || *s == '+';
    size_t before = strspn(s, digits), after = 0;
    s += before;
    if (*s == '.') {
        after = strspn(++s, digits);
        s += after;
    }
    if (!before && !after)
        return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        if (!all_of(s, digits))
            return false;
        s += strspn(s, digits);
    }
    return !*s;
}

static bool push_plain_number(lua_State *L, const char *s, size_t len)
{
    static const char *const inf[] = {".inf", ".Inf", ".INF", NULL}, *const nan[] = {".nan", ".NaN", ".NAN", NULL};
    const char *unsigned_part = s + (*s == '-' || *s == '+');
    if (s[0] == '0' && s[1] == 'o' && all_of(s + 2, "01234567"))
        return push_number(L, s + 2, len - 2, 8);
    if (s[0] == '0' && s[1] == 'x' && all_of(s + 2, "0123456789abcdefABCDEF"))
        return push_number(L, s + 2, len - 2, 16);
    if (is_float(s))
        return push_number(L, s, len, 10);
    if (is_one_of(unsigned_part, inf)) {
        lua_pushnumber(L, *s == '-' ? -HUGE_VAL : HUGE_VAL);
        return true;
    }
    if (is_one_of(s, nan)) {
        lua_pushnumber(L, strtod("nan", NULL));
        return true;
    }
    return false;
}

/* The value that a scalar stands for. `tag` is NULL where none was written. */
static bool push_scalar(lua_State *L, const char *s, size_t len, bool plain, const char *tag)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", NULL}, *const no[] = {"false", "False", "FALSE", NULL};
    static const char prefix[] = "tag:yaml.org,2002:";
    const char *want = tag && strncmp(tag, prefix, sizeof prefix - 1) == 0 ? tag + sizeof prefix - 1 : NULL;
    bool any = plain && !tag;
    if (strlen(s) == len && (any || (want && strcmp(want, "str") != 0))) {
        if ((any || strcmp(want, "null") == 0) && is_one_of(s, nulls)) {
            lua_pushlightuserdata(L, NULL);
            return true;
        }
        if ((any || strcmp(want, "bool") == 0) && (is_one_of(s, yes) || is_one_of(s, no))) {
            lua_pushboolean(L, is_one_of(s, yes));
            return true;
        }
        if ((any || strcmp(want, "int") == 0 || strcmp(want, "float") == 0) && push_plain_number(L, s, len)) {
            if (want && strcmp(want, "float") == 0)
                lua_pushnumber(L, lua_tonumber(L, -1)), lua_remove(L, -2);
            return true;
        }
        static const char *const core[] = {"null", "bool", "int", "float", NULL};
        if (want && is_one_of(want, core))
            return false;
    }
    lua_pushlstring(L, s, len);
    return true;
}

static void keep_anchor(struct builder *b, int anchors, const char *name)
{
    lua_pushstring(b->L, name);
    lua_pushvalue(b->L, -2);
    lua_rawset(b->L, anchors);
}

/* A value is at the top: is it the key that the open mapping waits for? Then it stays there, as text. */
static bool yaml_put(struct builder *b)
{
    int top = b->depth - 1;
    if (b->depth && b->is_map[top] && !b->has_key[top]) {
        if (lua_type(b->L, -1) != LUA_TSTRING)
            return stop(b, "a mapping's key must be a scalar");
        b->has_key[top] = true;
        return true;
    }
    return put(b);
}

static bool yaml_scalar(struct builder *b, const yaml_event_t *ev, int anchors)
{
    const char *text = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;
    luaL_checkstack(b->L, 6, NULL);
    if (b->depth && b->is_map[b->depth - 1] && !b->has_key[b->depth - 1])
        lua_pushlstring(b->L, text, len); /* keys are text, as in JSON */
    else if (!push_scalar(b->L, text, len, ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
                          (const char *)ev->data.scalar.tag))
        return stop(b, "a value does not fit its tag");
    if (ev->data.scalar.anchor)
        keep_anchor(b, anchors, (const char *)ev->data.scalar.anchor);
    return yaml_put(b);
}

static bool yaml_open(struct builder *b, bool is_map, const yaml_char_t *anchor)
{
    int top = b->depth - 1;
    if (b->depth && b->is_map[top] && !b->has_key[top])
        return stop(b, "a mapping's key must be a scalar");
    if (!open_table(b, is_map))
        return false;
    if (anchor)
        b->anchor[b->depth - 1] = arena_strdup(&load_of(b->L)->arena, (const char *)anchor);
    return true;
}

/* An anchor counts from its value's end on: an alias inside it would make a value that holds itself. */
static bool yaml_close(struct builder *b, int anchors)
{
    const char *anchor = b->anchor[b->depth - 1];
    if (anchor)
        keep_anchor(b, anchors, anchor);
    return close_table(b);
}

static bool yaml_alias(struct builder *b, const yaml_event_t *ev, int anchors)
{
    luaL_checkstack(b->L, 6, NULL);
    lua_pushstring(b->L, (const char *)ev->data.alias.anchor);
    if (lua_rawget(b->L, anchors) == LUA_TNIL)
        return stop(b, "an alias names no anchor that was finished before it");
    return yaml_put(b);
}

/* One event; *done at the end of the stream. */
static bool yaml_step(struct builder *b, const yaml_event_t *ev, int anchors, int *documents, bool *done)
{
    switch (ev->type) {
    case YAML_SCALAR_EVENT:
        return yaml_scalar(b, ev, anchors);
    case YAML_SEQUENCE_START_EVENT:
        return yaml_open(b, false, ev->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return yaml_open(b, true, ev->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return yaml_close(b, anchors);
    case YAML_ALIAS_EVENT:
        return yaml_alias(b, ev, anchors);
    case YAML_DOCUMENT_START_EVENT:
        return ++*documents == 1 || stop(b, "it holds more than one document");
    case YAML_STREAM_END_EVENT:
        *done = true;
        return true;
    default:
        return true;
    }
}

bool data_push_yaml(lua_State *L, const char *text, size_t len, struct data_error *e)
{
    struct data_jobs *j = load_of(L)->jobs;
    struct builder b = {.L = L, .e = e};
    int top = lua_gettop(L), documents = 0;
    bool ok = true, done = false;
    *e = (struct data_error){0};
    drop_jobs(j);
    sandbox_charge(L, len / 4);
    luaL_checkstack(L, 8, NULL);
    lua_newtable(L); /* the anchors */
    if (!yaml_parser_initialize(&j->yaml))
        return stop(&b, "there is no memory for the parser");
    j->yaml_live = true;
    yaml_parser_set_encoding(&j->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&j->yaml, (const unsigned char *)text, len);
    while (ok && !done) {
        if (!yaml_parser_parse(&j->yaml, &j->event)) {
            snprintf(e->text, sizeof e->text, "%s", j->yaml.problem ? j->yaml.problem : "it is no YAML");
            e->what = e->text;
            e->line = (uint32_t)j->yaml.problem_mark.line + 1;
            e->col = (uint32_t)j->yaml.problem_mark.column + 1;
            ok = false;
            break;
        }
        j->event_live = true;
        ok = yaml_step(&b, &j->event, top + 1, &documents, &done);
        if (!ok) {
            e->line = (uint32_t)j->event.start_mark.line + 1;
            e->col = (uint32_t)j->event.start_mark.column + 1;
        }
        yaml_event_delete(&j->event);
        j->event_live = false;
    }
    drop_jobs(j);
    if (!ok) {
        lua_settop(L, top);
        return false;
    }
    if (lua_gettop(L) == top + 1) /* an empty file */
        lua_pushlightuserdata(L, NULL);
    lua_remove(L, top + 1);
    return true;
}

/* ---- canonical text ---- */

/* JSON where JSON can say it, and never the same for two different values: strings keep all their bytes, numbers as keys
 * are bare. */
void data_add_string(struct buf *out, const char *s, size_t len)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') {
            buf_addc(out, '\\');
            buf_addc(out, (char)c);
        } else if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_addc(out, (char)c);
        }
    }
    buf_addc(out, '"');
}

static bool add_scalar(lua_State *L, int idx, struct buf *out)
{
    size_t len;
    const char *s;
    switch (lua_type(L, idx)) {
    case LUA_TSTRING:
        s = lua_tolstring(L, idx, &len);
        data_add_string(out, s, len);
        return true;
    case LUA_TBOOLEAN:
        buf_adds(out, lua_toboolean(L, idx) ? "true" : "false");
        return true;
    case LUA_TLIGHTUSERDATA:
        buf_adds(out, "null");
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(L, idx)) {
            buf_printf(out, "%lld", (long long)lua_tointeger(L, idx));
        } else {
            size_t from = out->len;
            buf_printf(out, "%.17g", lua_tonumber(L, idx));
            if (!strpbrk(buf_cstr(out) + from, ".eni")) /* not the text of an integer */
                buf_adds(out, ".0");
        }
        return true;
    default:
        return false;
    }
}

static const char *add_value(lua_State *L, int idx, struct buf *out, int depth);

static const char *add_table(lua_State *L, int idx, struct buf *out, int depth)
{
    if (depth == MAX_DEPTH)
        return "it is nested more than 100 deep";
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        int t = lua_type(L, -2);
        if (t != LUA_TSTRING && t != LUA_TNUMBER && t != LUA_TBOOLEAN) {
            lua_pop(L, 2);
            return "a key in it is neither a string nor a number";
        }
    }
    lua_Integer n = sandbox_sorted_keys(L, idx);
    int keys = lua_gettop(L);
    lua_rawgeti(L, keys, n); /* 1..n have no gap if n keys end at n and begin at 1 */
    bool array = n > 0 && lua_isinteger(L, -1) && lua_tointeger(L, -1) == n;
    lua_pop(L, 1);
    lua_rawgeti(L, keys, 1);
    array = array && lua_isinteger(L, -1) && lua_tointeger(L, -1) == 1;
    lua_pop(L, 1);
    const char *why = NULL;
    buf_addc(out, array ? '[' : '{');
    for (lua_Integer i = 1; i <= n && !why; i++) {
        if (i > 1)
            buf_addc(out, ',');
        lua_rawgeti(L, keys, i);
        if (!array) {
            add_scalar(L, -1, out);
            buf_addc(out, ':');
        }
        lua_rawget(L, idx);
        why = add_value(L, lua_gettop(L), out, depth + 1);
        lua_pop(L, 1);
    }
    buf_addc(out, array ? ']' : '}');
    lua_settop(L, keys - 1);
    return why;
}

static const char *add_value(lua_State *L, int idx, struct buf *out, int depth)
{
    luaL_checkstack(L, 8, NULL);
    if (out->len > MAX_CANONICAL)
        return "it is larger than 64 MiB";
    if (lua_istable(L, idx))
        return add_table(L, idx, out, depth);
    return add_scalar(L, idx, out) ? NULL : lua_isfunction(L, idx) ? "it holds a function" : "it holds what is no data";
}

const char *data_canonical(lua_State *L, int idx, struct buf *out)
{
    size_t from = out->len;
    const char *why = add_value(L, lua_absindex(L, idx), out, 0);
    sandbox_charge(L, (out->len - from) / 8);
    return why;
}

/* SPDX-License-Identifier: MIT
 *
 * Cases as a list in a Testfile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/cases.h"

struct item { /* of the list */
    struct making *m;
    char name[120];   /* for messages: "case 'a'", "item 3 of cases" */
    const char *word; /* to be pointed at; NULL = the field */
};

static struct err *item_error(const struct item *it, const char *code, const char *word)
{
    return conv_error(it->m->c, code, F_CASES, word ? word : it->word);
}

static void wrong_member(const struct item *it, enum member f, const char *wanted, int idx)
{
    load_say(item_error(it, "T202", cases_member_names[f]), "field '%s' of %s of suite '%s' must be %s, and is a %s",
             cases_member_names[f], it->name, it->m->c->name, wanted, luaL_typename(it->m->c->L, idx));
}

/* A text without NUL; NULL: reported. */
static const char *member_text(const struct item *it, enum member f, int idx)
{
    size_t len;
    lua_State *L = it->m->c->L;
    if (lua_type(L, idx) != LUA_TSTRING) {
        wrong_member(it, f, "a string", idx);
        return NULL;
    }
    const char *text = lua_tolstring(L, idx, &len);
    if (len && strlen(text) == len)
        return text;
    load_say(item_error(it, "T207", cases_member_names[f]), "field '%s' of %s of suite '%s' %s", cases_member_names[f],
             it->name, it->m->c->name, len ? "holds a NUL byte" : "is empty");
    return NULL;
}

static void member_data(const struct item *it, int idx, struct decl_case *d)
{
    struct load *st = it->m->st;
    buf_reset(&st->b2);
    const char *why = data_canonical(it->m->c->L, idx, &st->b2);
    if (!why && st->b2.len > MAX_DATA_BYTES)
        why = "it is larger than 8 MiB";
    if (!why)
        why = data_check_json(st, buf_cstr(&st->b2), st->b2.len);
    if (why)
        load_say(item_error(it, "T207", "data"), "the data of %s of suite '%s' is nothing that JSON can say: %s",
                 it->name, it->m->c->name, why);
    else
        d->data = arena_strndup(&st->decls->arena, buf_cstr(&st->b2), st->b2.len);
}

static void member_tags(const struct item *it, int idx, struct decl_case *d)
{
    lua_State *L = it->m->c->L;
    struct load *st = it->m->st;
    bool one = lua_type(L, idx) == LUA_TSTRING;
    if (!one && !lua_istable(L, idx)) {
        wrong_member(it, M_TAGS, "a string or a list of strings", idx);
        return;
    }
    lua_Integer n = one ? 1 : (lua_Integer)lua_rawlen(L, idx);
    uint32_t kept = 0;
    buf_reset(&st->b3);
    for (lua_Integer i = 1; i <= n && i <= MAX_LIST; i++) {
        if (one)
            lua_pushvalue(L, idx);
        else
            lua_rawgeti(L, idx, i);
        size_t len = 0;
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
        if (!text || !len || strlen(text) != len) {
            load_say(item_error(it, "T202", "tags"),
                     "field 'tags' of %s of suite '%s' must be a list of strings, and holds %s", it->name,
                     it->m->c->name, text ? "an empty one or one with a NUL byte" : "something else");
            lua_pop(L, 1);
            return;
        }
        cases_add_item(&st->b3, text, len);
        kept++;
        lua_pop(L, 1);
    }
    if (!one)
        sandbox_charge(L, (uint64_t)n);
    d->tags = cases_keep_tags(st, &st->b3, kept);
}

/* The key of a list that may hold lists. false: there is something else in it. */
static bool inputs_key(lua_State *L, int idx, struct buf *key, int depth)
{
    if (depth > NESTED_LISTS)
        return false;
    luaL_checkstack(L, 4, NULL);
    bool ok = true;
    for (lua_Integer i = 1, end = (lua_Integer)lua_rawlen(L, idx); i <= end && ok; i++) {
        size_t len;
        int type = lua_rawgeti(L, idx, i);
        const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
        ok = type == LUA_TTABLE ? inputs_key(L, lua_gettop(L), key, depth + 1) : text && len && strlen(text) == len;
        if (ok && text)
            cases_add_item(key, text, len);
        lua_pop(L, 1);
        sandbox_charge(L, 1);
    }
    return ok;
}

static uint32_t member_inputs(const struct item *it, int idx)
{
    struct conv *c = it->m->c;
    struct load *st = it->m->st;
    uint32_t at;
    size_t len;
    buf_reset(&st->b2);
    const char *one = lua_type(c->L, idx) == LUA_TSTRING ? lua_tolstring(c->L, idx, &len) : NULL;
    bool ok = one ? len && strlen(one) == len : lua_istable(c->L, idx) && inputs_key(c->L, idx, &st->b2, 0);
    if (one && ok)
        cases_add_item(&st->b2, one, len);
    if (!ok) {
        load_say(item_error(it, "T202", "inputs"),
                 "field 'inputs' of %s of suite '%s' must be a list of paths and "
                 "patterns",
                 it->name, c->name);
        return UINT32_MAX;
    }
    if (!st->b2.len)
        return UINT32_MAX;
    if (cases_find_inputs(st, &st->b2, &at))
        return at;
    struct about a = {.call = c->kind, .name = c->written, .field = field_names[F_CASES]};
    struct raw_list list;
    convert_items(st, c->L, idx, c->place, &a, &list); /* what is wrong with it is reported */
    st->inputs[at].list = list;
    cases_set_first(&st->inputs[at]);
    return at;
}

static void member_timeout(const struct item *it, int idx, struct decl_case *d)
{
    lua_State *L = it->m->c->L;
    double seconds = -1;
    if (lua_type(L, idx) == LUA_TNUMBER)
        seconds = lua_tonumber(L, idx);
    else if (lua_type(L, idx) != LUA_TSTRING || !conv_parse_duration(lua_tostring(L, idx), &seconds))
        seconds = -1;
    if (conv_seconds_ms(seconds, &d->timeout_ms))
        return;
    struct err *e = item_error(it, "T207", "timeout");
    load_say(e, "field 'timeout' of %s of suite '%s' is no duration", it->name, it->m->c->name);
    err_hint(e, "a number of seconds, or a text such as \"90s\", \"5m\", \"1h\" or \"250ms\"; at most a year");
}

/* The fields of the table at idx but for the id. */
static void members(const struct item *it, int idx, struct decl_case *d, uint32_t *inputs)
{
    struct conv *c = it->m->c;
    lua_State *L = c->L;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        size_t len = 0;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
        enum member f = name ? cases_member_of(name, len) : M_NONE;
        int value = lua_gettop(L);
        const char *group;
        switch (f) {
        case M_ID:
            break;
        case M_DATA:
            member_data(it, value, d);
            break;
        case M_GROUP:
            if ((group = member_text(it, f, value)))
                d->group = cases_keep_word(it->m->st, group);
            break;
        case M_INPUTS:
            *inputs = member_inputs(it, value);
            break;
        case M_TAGS:
            member_tags(it, value, d);
            break;
        case M_TIMEOUT:
            member_timeout(it, value, d);
            break;
        default: {
            struct err *e = item_error(it, "T201", name);
            if (name)
                load_say(e, "unknown field '%s' of %s of suite '%s'", name, it->name, c->name);
            else
                load_say(e, "a field of %s of suite '%s' has no text as its name", it->name, c->name);
            const char *near = name ? nearest_name(name, cases_member_names, MEMBERS) : NULL;
            err_hint(e, near ? "did you mean '%s'?" : "%s", near ? near : CASES_MEMBERS);
        }
        }
    }
}

/* The item at the top. */
static void take_item(struct making *m, lua_Integer i)
{
    struct conv *c = m->c;
    lua_State *L = c->L;
    int idx = lua_gettop(L), type = lua_type(L, idx);
    struct item it = {.m = m};
    struct decl_case d = {0};
    uint32_t inputs = UINT32_MAX, before;
    size_t len = 0;
    snprintf(it.name, sizeof it.name, "item %lld of cases", (long long)i);
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "id");
        lua_rawget(L, idx);
    } else {
        lua_pushvalue(L, idx);
    }
    if (lua_type(L, -1) != LUA_TSTRING) {
        if (type == LUA_TTABLE && lua_isnil(L, -1))
            load_say(item_error(&it, "T203", NULL), "%s of suite '%s' needs the field 'id'", it.name, c->name);
        else
            load_say(item_error(&it, "T202", NULL), "the id of %s of suite '%s' must be a string, and is a %s", it.name,
                     c->name, luaL_typename(L, -1));
        return;
    }
    const char *id = lua_tolstring(L, -1, &len), *why = cases_id_mistake(id, len); /* lives in the table */
    if (why) {
        struct err *e = item_error(&it, "T205", strlen(id) == len ? id : NULL);
        load_say(e, "the id of %s of suite '%s' %s", it.name, c->name, why);
        err_hint(
            e, "an id is 1 to 4096 bytes of UTF-8 without control characters; what else a worker needs goes into data");
        return;
    }
    it.word = id;
    snprintf(it.name, sizeof it.name, "case '%.100s'", id);
    if (type == LUA_TTABLE)
        members(&it, idx, &d, &inputs);
    if (!cases_append(m, &d, id, inputs, (uint32_t)i, &before)) {
        struct err *e = item_error(&it, "T204", id);
        load_say(e, "case '%s' of suite '%s' is there twice: as item %u and as item %lld", id, c->name, before,
                 (long long)i);
    }
}

void cases_from_list(struct conv *c, int idx)
{
    lua_State *L = c->L;
    size_t n = lua_rawlen(L, idx);
    if (n > MAX_CASES) {
        load_say(conv_error(c, "T207", F_CASES, NULL), "suite '%s' has more than %d cases", c->name, MAX_CASES);
        return;
    }
    sandbox_charge(L, n);
    luaL_checkstack(L, 12, NULL);
    struct making m = cases_begin(c, n, false);
    for (lua_Integer i = 1; i <= (lua_Integer)n; i++) {
        lua_rawgeti(L, idx, i);
        int top = lua_gettop(L);
        take_item(&m, i);
        lua_settop(L, top - 1);
    }
    cases_finish(&m);
    if (!n)
        cases_warn_empty(c);
}

/* SPDX-License-Identifier: MIT
 *
 * The cases of a suite: of a list in a Testfile, or of the file of JSON lines that a discover step wrote. The file is
 * parsed straight into declarations, as there may be 100,000 of them: no Lua table for a case, equal texts and lists are
 * kept once, and each list of inputs is resolved once (resolve.c).
 *
 * What is wrong with a list in a Testfile is an error. A file that cannot be read is a warning and leaves the cases
 * unknown: an error would keep the discover step from being run, which alone can mend it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "lua/convert.h"

enum {
    MAX_CASES = 1 << 24,
    MAX_ID_BYTES = 4096,
    MAX_DATA_BYTES = 8 << 20, /* a message to a worker holds it (run/worker.h) */
    MAX_DEPTH = 100,
    MAX_LIST = 10000,
    NESTED_LISTS = 20,
};

enum member { M_DATA, M_GROUP, M_ID, M_INPUTS, M_TAGS, M_TIMEOUT, MEMBERS, M_NONE = MEMBERS };
static const char *const member_names[MEMBERS] = {"data", "group", "id", "inputs", "tags", "timeout"};
static const char its_members[] = "a case has data, group, id, inputs, tags and timeout";

/* ---- what both have ---------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at p (RFC 3629); 0: there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
    if (!n || left < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0, too_large = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || too_large ? 0 : n;
}

/* How a message goes on after "the id"; NULL: it is fine. */
static const char *id_mistake(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    if (!len)
        return "is empty";
    if (len > MAX_ID_BYTES)
        return "is longer than 4096 bytes";
    for (size_t i = 0, n; i < len; i += n) {
        if (!(n = utf8_length(p + i, len - i)))
            return "is no UTF-8";
        if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0))
            return "holds a control character";
    }
    return NULL;
}

static enum member member_of(const char *name, size_t len)
{
    enum member m = 0;
    while (m < MEMBERS && (strlen(member_names[m]) != len || memcmp(member_names[m], name, len) != 0))
        m++;
    return m;
}

/* The text itself, kept once. */
static const char *keep_word(struct load *st, const char *text)
{
    bool is_new;
    uint32_t i = strset_add(&st->case_words, text, &is_new);
    if (is_new) {
        MEM_GROW(st->words, i, st->cap_words);
        st->words[i] = arena_strdup(&st->decls->arena, text);
    }
    return st->words[i];
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* A list on its way: its items one after the other, each with its length in front, as the key to find the same list by. */
static void add_item(struct buf *key, const char *text, size_t len)
{
    buf_printf(key, "%zu:", len);
    buf_add(key, text, len);
}

static const char *next_item(const char *at, size_t *len)
{
    char *colon;
    *len = strtoul(at, &colon, 10);
    return colon + 1;
}

static struct strs keep_tags(struct load *st, const struct buf *key, uint32_t n)
{
    bool is_new;
    if (!n)
        return (struct strs){NULL, 0};
    uint32_t i = strset_add(&st->case_tags, key->p, &is_new);
    if (!is_new)
        return st->tags[i];
    const char **v = arena_alloc(&st->decls->arena, n * sizeof *v);
    const char *at = key->p;
    size_t len;
    for (uint32_t k = 0; k < n; k++) {
        at = next_item(at, &len);
        char *tag = mem_strndup(at, len);
        v[k] = keep_word(st, tag);
        mem_free(tag);
        at += len;
    }
    qsort(v, n, sizeof *v, by_text);
    uint32_t kept = 1;
    for (uint32_t k = 1; k < n; k++)
        if (v[kept - 1] != v[k]) /* equal ones are one */
            v[kept++] = v[k];
    MEM_GROW(st->tags, i, st->cap_tags);
    return st->tags[i] = (struct strs){v, kept};
}

/* Is the list of inputs with this key known? *at is its index in either case. */
static bool find_inputs(struct load *st, const struct buf *key, uint32_t *at)
{
    bool is_new;
    *at = strset_add(&st->case_inputs, key->p, &is_new);
    if (is_new) {
        MEM_GROW(st->inputs, *at, st->cap_inputs);
        st->inputs[*at] = (struct raw_inputs){{NULL, 0, false}, NULL};
    }
    return !is_new;
}

static void set_first(struct raw_inputs *in)
{
    for (uint32_t i = 0; i < in->list.n && !in->first; i++)
        if (in->list.v[i].kind != RAW_EXCLUDE)
            in->first = in->list.v[i].path;
}

struct making { /* the cases of one suite */
    struct conv *c;
    struct load *st;
    struct raw_cases *out;
    uint32_t *inputs_of;
    uint32_t *said_at; /* as out->v: item or line */
};

/* Room for at most n cases. */
static struct making begin(struct conv *c, size_t n, bool listed)
{
    struct load *st = c->st;
    struct strset *sets[] = {&st->case_ids, &st->case_words, &st->case_tags, &st->case_inputs};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) { /* of the suite before */
        strset_clear(sets[i]);
        strset_init(sets[i]);
    }
    struct making m = {.c = c, .st = st};
    m.out = arena_alloc(&st->arena, sizeof *m.out);
    m.out->v = arena_alloc(&st->decls->arena, (n + 1) * sizeof *m.out->v);
    m.out->listed = listed;
    m.out->inputs_of = m.inputs_of = arena_alloc(&st->arena, (n + 1) * sizeof *m.inputs_of);
    m.said_at = arena_alloc(&st->arena, (n + 1) * sizeof *m.said_at);
    return m;
}

/* Takes a case with a good id. *before: where the same id was said before, then false. */
static bool append(struct making *m, const struct decl_case *d, const char *id, uint32_t inputs, uint32_t said_at,
                   uint32_t *before)
{
    bool is_new;
    uint32_t i = strset_add(&m->st->case_ids, id, &is_new);
    if (!is_new) {
        *before = m->said_at[i];
        return false;
    }
    m->out->v[i] = *d;
    m->out->v[i].id = arena_strdup(&m->st->decls->arena, id);
    m->inputs_of[i] = inputs;
    m->said_at[i] = said_at;
    m->out->n = i + 1;
    return true;
}

static void finish(struct making *m)
{
    struct load *st = m->st;
    struct conv *c = m->c;
    struct raw_inputs *in = arena_alloc(&st->arena, (st->case_inputs.n + 1) * sizeof *in);
    if (st->case_inputs.n)
        memcpy(in, st->inputs, st->case_inputs.n * sizeof *in);
    m->out->inputs = in;
    m->out->n_inputs = st->case_inputs.n;
    int order = field_idx(c, F_ORDER);
    const char *text = order ? lua_tostring(c->L, order) : NULL;
    m->out->by_file = text && strcmp(text, "file") == 0;
    c->raw.cases = m->out;
    c->d.cases = m->out->v;
    c->d.n_cases = m->out->n;
}

static void warn_empty(struct conv *c)
{
    struct about a = {.call = c->kind, .name = c->written, .field = "cases"};
    struct err *e = load_error(c->st, ERR_WARNING, "T219", c->place, &a);
    load_say(e, "suite '%s' has no cases", c->name);
}

/* ---- a list in a Testfile ----------------------------------------------------------------------------------------- */

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
    load_say(item_error(it, "T202", member_names[f]), "field '%s' of %s of suite '%s' must be %s, and is a %s",
             member_names[f], it->name, it->m->c->name, wanted, luaL_typename(it->m->c->L, idx));
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
    load_say(item_error(it, "T207", member_names[f]), "field '%s' of %s of suite '%s' %s", member_names[f], it->name,
             it->m->c->name, len ? "holds a NUL byte" : "is empty");
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
        add_item(&st->b3, text, len);
        kept++;
        lua_pop(L, 1);
    }
    if (!one)
        sandbox_charge(L, (uint64_t)n);
    d->tags = keep_tags(st, &st->b3, kept);
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
            add_item(key, text, len);
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
        add_item(&st->b2, one, len);
    if (!ok) {
        load_say(item_error(it, "T202", "inputs"),
                 "field 'inputs' of %s of suite '%s' must be a list of paths and "
                 "patterns",
                 it->name, c->name);
        return UINT32_MAX;
    }
    if (!st->b2.len)
        return UINT32_MAX;
    if (find_inputs(st, &st->b2, &at))
        return at;
    struct about a = {.call = c->kind, .name = c->written, .field = field_names[F_CASES]};
    struct raw_list list;
    convert_items(st, c->L, idx, c->place, &a, &list); /* what is wrong with it is reported */
    st->inputs[at].list = list;
    set_first(&st->inputs[at]);
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
        enum member f = name ? member_of(name, len) : M_NONE;
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
                d->group = keep_word(it->m->st, group);
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
            const char *near = name ? nearest_name(name, member_names, MEMBERS) : NULL;
            err_hint(e, near ? "did you mean '%s'?" : "%s", near ? near : its_members);
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
    const char *id = lua_tolstring(L, -1, &len), *why = id_mistake(id, len); /* lives in the table */
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
    if (!append(m, &d, id, inputs, (uint32_t)i, &before)) {
        struct err *e = item_error(&it, "T204", id);
        load_say(e, "case '%s' of suite '%s' is there twice: as item %u and as item %lld", id, c->name, before,
                 (long long)i);
    }
}

static void from_list(struct conv *c, int idx)
{
    lua_State *L = c->L;
    size_t n = lua_rawlen(L, idx);
    if (n > MAX_CASES) {
        load_say(conv_error(c, "T207", F_CASES, NULL), "suite '%s' has more than %d cases", c->name, MAX_CASES);
        return;
    }
    sandbox_charge(L, n);
    luaL_checkstack(L, 12, NULL);
    struct making m = begin(c, n, false);
    for (lua_Integer i = 1; i <= (lua_Integer)n; i++) {
        lua_rawgeti(L, idx, i);
        int top = lua_gettop(L);
        take_item(&m, i);
        lua_settop(L, top - 1);
    }
    finish(&m);
    if (!n)
        warn_empty(c);
}

/* ---- a file of JSON lines ------------------------------------------------------------------------------------------ */

struct reader {
    struct making m;
    struct load *st;
    uint32_t line;
    int depth;      /* 0: outside of the line's object */
    enum member at; /* the member of the object whose value is being read */
    unsigned seen;  /* members of this object, as bits */
    bool done;      /* the line's object is complete */
    bool wrong;     /* `why` says what */
    struct buf *data, *inputs, *tags, id;
    uint32_t n_inputs, n_tags;
    struct decl_case d;
    uint32_t inputs_at;
    char why[400];
};

static int stop(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int stop(struct reader *r, const char *fmt, ...)
{
    if (!r->wrong) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(r->why, sizeof r->why, fmt, ap);
        va_end(ap);
    }
    r->wrong = true;
    return 0;
}

/* Before a value or a key of `data`: a comma, unless it is the first. */
static struct buf *data_part(struct reader *r)
{
    if (r->data->len && !strchr("{[:", r->data->p[r->data->len - 1]))
        buf_addc(r->data, ',');
    return r->data;
}

/* The items of the list become inputs; each is a file by its path, whatever characters it holds. */
static int take_inputs(struct reader *r)
{
    struct load *st = r->st;
    struct conv *c = r->m.c;
    if (!r->n_inputs || find_inputs(st, r->inputs, &r->inputs_at))
        return 1;
    struct raw_item *v = arena_alloc(&st->arena, r->n_inputs * sizeof *v);
    const char *at = r->inputs->p;
    for (uint32_t i = 0; i < r->n_inputs; i++) {
        size_t len;
        at = next_item(at, &len);
        const char *text = arena_strndup(&st->arena, at, len);
        at += len;
        buf_reset(&st->text2);
        enum path_status s = path_resolve(c->d.dir, text, &st->text2);
        if (s != PATH_OK || !st->text2.len)
            return stop(r,
                        s == PATH_OUTSIDE    ? "the input '%.200s' leaves the repository"
                        : s == PATH_ABSOLUTE ? "the input '%.200s' is absolute; it must be relative to the "
                                               "Testfile's folder, or begin with // at the repository's root"
                                             : "'%.200s' is no file that can be an input",
                        text);
        const char *path = arena_strndup(&st->arena, st->text2.p, st->text2.len);
        v[i] = (struct raw_item){
            .text = text, .path = path, .base = "", .rel = path, .field = "cases", .kind = RAW_LITERAL};
    }
    st->inputs[r->inputs_at].list = (struct raw_list){v, r->n_inputs, true};
    set_first(&st->inputs[r->inputs_at]);
    return 1;
}

static int end_case(struct reader *r)
{
    uint32_t before;
    r->done = true;
    if (!(r->seen & 1u << M_ID))
        return stop(r, "the case has no id");
    const char *why = id_mistake(r->id.p, r->id.len);
    if (why)
        return stop(r, "the id %s", why);
    r->d.tags = keep_tags(r->st, r->tags, r->n_tags);
    if (!append(&r->m, &r->d, r->id.p, r->inputs_at, r->line, &before))
        return stop(r, "the case '%.200s' is there twice: on line %u and on line %u", r->id.p, before, r->line);
    return 1;
}

static int begin_case(struct reader *r)
{
    r->d = (struct decl_case){0};
    r->seen = 0;
    r->n_inputs = r->n_tags = 0;
    r->inputs_at = UINT32_MAX;
    buf_reset(r->data);
    buf_reset(r->inputs);
    buf_reset(r->tags);
    buf_reset(&r->id);
    return 1;
}

static int unfit(struct reader *r, const char *is)
{
    static const char *const wanted[MEMBERS] = {
        [M_GROUP] = "a string",
        [M_ID] = "a string",
        [M_INPUTS] = "a list of paths",
        [M_TAGS] = "a list of strings",
        [M_TIMEOUT] = "a number of seconds",
    };
    if (r->depth == 0)
        return r->done ? stop(r, "there is more than one value on the line")
                       : stop(r, "a case is an object, and this is %s", is);
    return stop(r, "'%s' must be %s, and %s %s", member_names[r->at], wanted[r->at], r->depth > 1 ? "holds" : "is", is);
}

/* Is the value that begins now a part of `data`? */
static bool in_data(const struct reader *r) { return r->depth > 0 && r->at == M_DATA; }

static int data_done(struct reader *r)
{
    if (r->data->len > MAX_DATA_BYTES)
        return stop(r, "the data of a case is larger than 8 MiB");
    if (r->depth == 1)
        r->d.data = arena_strndup(&r->st->decls->arena, r->data->p, r->data->len);
    return 1;
}

static int data_text(struct reader *r, const char *text, size_t len)
{
    buf_add(data_part(r), text, len);
    return data_done(r);
}

static int on_null(void *ctx)
{
    struct reader *r = ctx;
    if (in_data(r))
        return data_text(r, "null", 4);
    return r->depth == 1 && r->at != M_ID ? 1 : unfit(r, "null"); /* as if left out */
}

static int on_boolean(void *ctx, int v)
{
    struct reader *r = ctx;
    return in_data(r) ? data_text(r, v ? "true" : "false", v ? 4 : 5) : unfit(r, "a boolean");
}

static int on_number(void *ctx, const char *text, size_t len)
{
    struct reader *r = ctx;
    char small[64];
    if (in_data(r)) /* as written: no digit is lost */
        return data_text(r, text, len);
    if (r->depth != 1 || r->at != M_TIMEOUT)
        return unfit(r, "a number");
    snprintf(small, sizeof small, "%.*s", (int)(len < sizeof small ? len : sizeof small - 1), text);
    return conv_seconds_ms(strtod(small, NULL), &r->d.timeout_ms)
               ? 1
               : stop(r, "the timeout must be more than 0 seconds and at most a year, and is %s", small);
}

static int on_string(void *ctx, const unsigned char *bytes, size_t len)
{
    struct reader *r = ctx;
    const char *text = (const char *)bytes;
    if (in_data(r)) {
        data_add_string(data_part(r), text, len);
        return data_done(r);
    }
    bool item = r->depth == 2 && (r->at == M_INPUTS || r->at == M_TAGS);
    if (!item && (r->depth != 1 || (r->at != M_ID && r->at != M_GROUP)))
        return unfit(r, "a string");
    if (r->at != M_ID && (!len || memchr(text, 0, len)))
        return stop(r, "'%s' holds %s", member_names[r->at], len ? "a NUL byte" : "an empty string");
    if (r->at == M_ID) {
        buf_add(&r->id, text, len);
        if (!len)
            buf_adds(&r->id, "");
    } else if (r->at == M_GROUP) {
        buf_reset(&r->st->text2);
        buf_add(&r->st->text2, text, len);
        r->d.group = keep_word(r->st, buf_cstr(&r->st->text2));
    } else if (r->at == M_INPUTS) {
        add_item(r->inputs, text, len);
        r->n_inputs++;
    } else {
        add_item(r->tags, text, len);
        r->n_tags++;
    }
    return r->n_inputs <= MAX_LIST && r->n_tags <= MAX_LIST
               ? 1
               : stop(r, "'%s' holds more than %d items", member_names[r->at], MAX_LIST);
}

static int on_key(void *ctx, const unsigned char *bytes, size_t len)
{
    struct reader *r = ctx;
    const char *name = (const char *)bytes;
    if (r->depth > 1) { /* only data has objects in it */
        data_add_string(data_part(r), name, len);
        buf_addc(r->data, ':');
        return 1;
    }
    r->at = member_of(name, len);
    if (r->at == M_NONE) {
        char shown[60];
        snprintf(shown, sizeof shown, "%.*s", (int)(len < sizeof shown ? len : sizeof shown - 1), name);
        const char *near = nearest_name(shown, member_names, MEMBERS);
        return near ? stop(r, "a case has no member '%s', did you mean '%s'?", shown, near)
                    : stop(r, "a case has no member '%s': %s", shown, its_members);
    }
    if (r->seen & 1u << r->at)
        return stop(r, "the case says '%s' twice", member_names[r->at]);
    r->seen |= 1u << r->at;
    return 1;
}

static int on_open(struct reader *r, char bracket)
{
    if (r->depth == MAX_DEPTH)
        return stop(r, "it is nested more than 100 deep");
    if (in_data(r))
        buf_addc(data_part(r), bracket);
    else if (bracket == '{' ? r->depth != 0 || r->done : r->depth != 1 || (r->at != M_INPUTS && r->at != M_TAGS))
        return unfit(r, bracket == '{' ? "an object" : "a list");
    return r->depth++ ? 1 : begin_case(r);
}

static int on_close(struct reader *r, char bracket)
{
    r->depth--;
    if (in_data(r)) {
        buf_addc(r->data, bracket);
        return data_done(r);
    }
    if (r->depth == 0)
        return end_case(r);
    return r->at == M_INPUTS ? take_inputs(r) : 1;
}

static int on_map(void *ctx) { return on_open(ctx, '{'); }
static int on_map_end(void *ctx) { return on_close(ctx, '}'); }
static int on_array(void *ctx) { return on_open(ctx, '['); }
static int on_array_end(void *ctx) { return on_close(ctx, ']'); }

static bool is_blank(const char *p, size_t len)
{
    while (len && strchr(" \t\r", *p))
        p++, len--;
    return !len;
}

/* One line. false: r->why, and *col where it was. */
static bool read_line(struct reader *r, yajl_handle h, const char *p, size_t len, uint32_t *col)
{
    r->done = false;
    yajl_status s = yajl_parse(h, (const unsigned char *)p, len);
    if (s == yajl_status_error) {
        unsigned char *why = yajl_get_error(h, 0, (const unsigned char *)p, len);
        size_t n = strcspn((char *)why, "\n");
        stop(r, "%.*s", (int)(n && why[n - 1] == '.' ? n - 1 : n), (char *)why);
        yajl_free_error(h, why);
    } else if (s == yajl_status_ok && r->depth) {
        stop(r, "the line ends within the case");
    } else if (s == yajl_status_ok && !r->done) {
        stop(r, "a case is an object, and this is none");
    }
    size_t at = r->wrong ? yajl_get_bytes_consumed(h) : 0;
    *col = (uint32_t)(at && at <= len ? at : 1);
    return !r->wrong;
}

/* The file is in st->text. */
static bool read_lines(struct reader *r, uint32_t *col)
{
    static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                             .yajl_boolean = on_boolean,
                                             .yajl_number = on_number,
                                             .yajl_string = on_string,
                                             .yajl_start_map = on_map,
                                             .yajl_map_key = on_key,
                                             .yajl_end_map = on_map_end,
                                             .yajl_start_array = on_array,
                                             .yajl_end_array = on_array_end};
    const char *p = buf_cstr(&r->st->text), *end = p + r->st->text.len;
    yajl_handle h = yajl_alloc(&callbacks, NULL, r);
    bool ok = h && yajl_config(h, yajl_allow_multiple_values, 1);
    *col = 1;
    if (!ok)
        stop(r, "there is no memory for the parser");
    while (ok && p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((eol ? eol : end) - p);
        r->line++;
        if (!is_blank(p, len)) {
            /* With the line's end a number or word is known to be complete. */
            ok = read_line(r, h, p, eol ? len + 1 : len, col);
            if (ok && r->m.out->n == MAX_CASES)
                ok = stop(r, "there are more than %d cases", MAX_CASES);
        }
        p = eol ? eol + 1 : end;
    }
    if (h)
        yajl_free(h);
    return ok;
}

/* At least as many as there are cases. */
static size_t count_lines(const struct buf *text)
{
    size_t n = 1, most = text->len / strlen("{\"id\":\"a\"}") + 1;
    for (const char *p = text->p, *end = p + text->len; p && (p = memchr(p, '\n', (size_t)(end - p))); p++)
        n++;
    return n < most ? n : most; /* lines may be empty */
}

/* The command that makes the file, as a person would write it. Into b1. */
static const char *maker(struct conv *c)
{
    const struct decls *all = c->st->decls;
    const struct decl *d = all->n ? &all->v[all->n - 1] : NULL; /* the library declares it just before the suite */
    struct buf *b = &c->st->b1;
    buf_reset(b);
    buf_adds(b, "");
    if (!d || strcmp(d->label, c->d.discover) != 0)
        return b->p;
    for (uint32_t i = 0; i < d->cmd.n && b->len < 80; i++) {
        const char *word = d->cmd.v[i] + strspn(d->cmd.v[i], " \t\n");
        buf_printf(b, "%s%.80s%s", i ? " " : "", word, strlen(word) > 80 ? "..." : "");
    }
    for (char *p = b->p; *p; p++)
        *p = *p == '\n' || *p == '\r' ? ' ' : *p;
    return b->p;
}

static void broken(struct conv *c, const char *path, uint32_t line, uint32_t col, const char *why)
{
    struct err *e = load_error(c->st, ERR_WARNING, "T218", c->place, NULL);
    c->d.cases_unknown = true;
    load_say(e, "the cases of suite '%s' are not known: %s", c->name, why);
    const char *cmd = maker(c);
    if (e)
        err_hint(e, "`%s` wrote it (target '%s'): mend that command, then: tgraph --force %s", cmd, c->d.discover,
                 c->d.discover);
    if (e)
        err_at(e, path, line, col);
}

static void from_file(struct conv *c, int idx)
{
    struct load *st = c->st;
    const char *path = conv_path(c, idx, F_CASES);
    struct err why = ERR_INIT;
    if (!path)
        return;
    c->d.discover = arena_printf(&st->decls->arena, "%s.discover", c->d.label);
    if (!load_read(st, path, MAX_CASES_BYTES, &why)) {
        if (tree_type(st->o->tree, path) == ENTRY_NONE)
            c->d.cases_unknown = true;
        else
            broken(c, path, 0, 0, why.msg ? why.msg : "the file cannot be read");
        err_clear(&why);
        return;
    }
    sandbox_charge(c->L, st->text.len / 64); /* from here on Lua is not called */
    struct reader r = {.st = st, .data = &st->b1, .inputs = &st->b2, .tags = &st->b3, .id = BUF_INIT};
    r.m = begin(c, count_lines(&st->text), true);
    uint32_t col;
    if (read_lines(&r, &col)) {
        finish(&r.m);
        if (!r.m.out->n)
            warn_empty(c);
    } else {
        broken(c, path, r.line, col, r.why);
    }
    buf_clear(&r.id);
}

void cases_convert(struct conv *c, int idx)
{
    if (lua_type(c->L, idx) == LUA_TSTRING)
        from_file(c, idx);
    else if (lua_istable(c->L, idx))
        from_list(c, idx);
}

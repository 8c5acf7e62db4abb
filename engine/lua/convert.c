/* SPDX-License-Identifier: MIT
 *
 * From a Lua table to a declaration. The library's Lua has checked names and types of the fields against its schema;
 * here their values are checked and copied. Nothing is trusted all the same: a library from a folder may be anything. */
#include "lua/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lua/label.h"

const char *const field_names[FIELD_COUNT] = {
    "cmd",           "inputs",      "may_read", "deps",      "env",    "cwd",           "outputs",
    "depfile",       "incremental", "timeout",  "retries",   "tags",   "pool",          "slots",
    "exclusive",     "shards",      "cache",    "jobserver", "stdin",  "success_codes", "description",
    "tools",         "value",       "members",  "ready",     "worker", "cases",         "case_timeout",
    "start_timeout", "order",       "isolate",  "recycle",   "stdout", "batch"};

enum {
    MAX_SHARDS = 10000,
    MAX_SLOTS = 100000,
    MAX_RETRIES = 1000,
    NESTED_LISTS = 20,
    READY_TIMEOUT_MS = 30000,
    START_TIMEOUT_MS = 120000
};

/* ---- inputs as written ----------------------------------------------------------------------------------------- */

/* Splits the path into the nearest ancestor of `dir` that it stays in and the rest. */
static void split_base(struct load *st, const char *dir, const char *text, struct raw_item *it)
{
    size_t base_len = 0; /* "//x": the root */
    if (text[0] != '/') {
        size_t level = 0, least, parts = *dir != '\0';
        for (const char *p = dir; *p; p++)
            parts += *p == '/';
        level = least = parts;
        for (const char *p = text; *p; p += *p == '/') {
            size_t len = strcspn(p, "/");
            if (len == 2 && p[0] == '.' && p[1] == '.') {
                level--; /* path_resolve has seen that it does not leave the root */
                if (level < least)
                    least = level;
            } else if (len && !(len == 1 && *p == '.')) {
                level++;
            }
            p += len;
        }
        for (base_len = 0; least && dir[base_len]; base_len++)
            if (dir[base_len] == '/' && !--least)
                break;
    }
    it->base = *dir && base_len == strlen(dir) ? dir : arena_strndup(&st->arena, dir, base_len);
    it->rel = it->path + (base_len && it->path[base_len] ? base_len + 1 : base_len);
}

bool convert_item(struct load *st, const char *text, uint32_t place, const struct about *a, struct raw_item *out)
{
    const char *dir = load_dir(st);
    struct about at = *a;
    at.value = text;
    *out = (struct raw_item){.text = text, .field = a->field, .kind = *text == '!' ? RAW_EXCLUDE : RAW_LITERAL};
    const char *path = text + (*text == '!');
    buf_reset(&st->b1);
    enum path_status s = path_resolve(dir, path, &st->b1);
    if (s != PATH_OK)
        return convert_path_error(load_error(st, ERR_ERROR, "T206", place, &at), s, path);
    out->path = arena_strndup(&st->arena, buf_cstr(&st->b1), st->b1.len);
    split_base(st, dir, path, out);
    out->wild = path_has_wildcard(path);
    if (out->wild && !strpbrk(path, "*?")) { /* perhaps a file whose name holds a bracket */
        strset_add(&st->literals, out->path, NULL);
        out->wild = walker_type(st->o->walker, out->path) == ENTRY_NONE;
    }
    const char *why = out->wild ? glob_check(path) : NULL;
    if (why)
        return load_say(load_error(st, ERR_ERROR, "T208", place, &at), "the pattern '%s' is malformed: %s", path, why);
    if (out->wild && out->kind == RAW_LITERAL)
        out->kind = RAW_GLOB;
    return true;
}

static uint32_t count_items(lua_State *L, int idx, int depth)
{
    uint32_t n = 0;
    if (depth > NESTED_LISTS)
        return 0;
    luaL_checkstack(L, 4, NULL);
    for (lua_Integer i = 1, end = (lua_Integer)lua_rawlen(L, idx); i <= end; i++) {
        int type = lua_rawgeti(L, idx, i);
        n += type == LUA_TTABLE ? count_items(L, lua_gettop(L), depth + 1) : 1;
        lua_pop(L, 1);
    }
    sandbox_charge(L, n);
    return n;
}

static bool fill_items(struct load *st, lua_State *L, int idx, uint32_t place, const struct about *a,
                       struct raw_list *list, uint32_t room, int depth)
{
    bool ok = true;
    if (depth > NESTED_LISTS)
        return load_say(load_error(st, ERR_ERROR, "T207", place, a), "lists are nested more than %d deep",
                        NESTED_LISTS);
    for (lua_Integer i = 1, end = (lua_Integer)lua_rawlen(L, idx); i <= end; i++) {
        int type = lua_rawgeti(L, idx, i);
        size_t len;
        if (type == LUA_TTABLE) {
            ok = fill_items(st, L, lua_gettop(L), place, a, list, room, depth + 1) && ok;
        } else if (type == LUA_TSTRING && list->n < room) {
            const char *s = lua_tolstring(L, -1, &len);
            const char *text = arena_strndup(&st->arena, s, strlen(s));
            if (strlen(s) != len || !len)
                ok = convert_path_error(load_error(st, ERR_ERROR, "T206", place, a), PATH_BAD, text);
            else if (convert_item(st, text, place, a, &list->v[list->n]))
                list->n++;
            else
                ok = false;
        }
        lua_pop(L, 1);
    }
    return ok;
}

bool convert_items(struct load *st, lua_State *L, int idx, uint32_t place, const struct about *a, struct raw_list *list)
{
    idx = lua_absindex(L, idx);
    *list = (struct raw_list){NULL, 0, false};
    if (lua_type(L, idx) == LUA_TSTRING) { /* a list of one */
        lua_createtable(L, 1, 0);
        lua_pushvalue(L, idx);
        lua_rawseti(L, -2, 1);
        bool ok = convert_items(st, L, -1, place, a, list);
        lua_pop(L, 1);
        return ok;
    }
    if (!lua_istable(L, idx))
        return true;
    uint32_t room = count_items(L, idx, 0);
    if (!room)
        return true;
    list->v = arena_alloc(&st->arena, room * sizeof *list->v);
    return fill_items(st, L, idx, place, a, list, room, 0);
}

static void add_literal(struct conv *c, const char *path, const char *text, enum field f)
{
    struct raw_list *list = &c->raw.inputs;
    struct raw_item *v = arena_alloc(&c->st->arena, (list->n + 1) * sizeof *v);
    if (list->n)
        memcpy(v, list->v, list->n * sizeof *v);
    v[list->n] = (struct raw_item){
        .text = text, .path = path, .base = "", .rel = path, .field = field_names[f], .kind = RAW_LITERAL};
    *list = (struct raw_list){v, list->n + 1, false};
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

/* Puts the values of a table's fields on the stack and notes where. */
static void spread(lua_State *L, int table, int where[FIELD_COUNT])
{
    if (!lua_istable(L, table))
        return;
    luaL_checkstack(L, FIELD_COUNT + 4, NULL);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        int f = FIELD_COUNT;
        if (lua_type(L, -2) == LUA_TSTRING) {
            const char *name = lua_tostring(L, -2);
            for (f = 0; f < FIELD_COUNT && strcmp(field_names[f], name) != 0; f++)
                ;
        }
        if (f == FIELD_COUNT) {
            lua_pop(L, 1);
            continue;
        }
        where[f] = lua_gettop(L) - 1; /* the value takes the key's place, the key goes on top */
        lua_insert(L, -2);
    }
}

static void convert_labels(struct conv *c, int idx, enum field f)
{
    struct strs written = conv_strings(c, idx, f);
    const char **v = arena_alloc(&c->st->decls->arena, (written.n + 1) * sizeof *v);
    uint32_t n = 0;
    for (uint32_t i = 0; i < written.n; i++) {
        buf_reset(&c->st->b1);
        if (label_resolve(c->d.dir, written.v[i], &c->st->b1)) {
            v[n++] = arena_strdup(&c->st->decls->arena, buf_cstr(&c->st->b1));
            continue;
        }
        struct err *e = conv_error(c, "T209", f, written.v[i]);
        load_say(e, "'%s' is no label", written.v[i]);
        err_hint(e, "a label is \"name\" (same Testfile), \"dir:name\", or \"//:name\" (the root's Testfile)");
    }
    c->d.deps = (struct strs){v, n};
}

static void convert_exclusive(struct conv *c, int idx)
{
    if (lua_isboolean(c->L, idx))
        c->d.exclusive_all = lua_toboolean(c->L, idx);
    else
        c->d.exclusive = conv_sorted(c, conv_strings(c, idx, F_EXCLUSIVE), (struct strs){NULL, 0});
}

static void convert_stdin(struct conv *c, int idx)
{
    if (!lua_istable(c->L, idx)) {
        c->d.stdin_text = conv_text(c, idx, F_STDIN);
        return;
    }
    if (lua_getfield(c->L, idx, "file") == LUA_TSTRING) {
        int at = lua_gettop(c->L);
        c->d.stdin_path = conv_path(c, at, F_STDIN);
        if (c->d.stdin_path)
            add_literal(c, c->d.stdin_path, arena_strdup(&c->st->arena, lua_tostring(c->L, at)), F_STDIN);
    }
    lua_pop(c->L, 1);
}

static void convert_stdout(struct conv *c, int idx)
{
    const char *path = conv_path(c, idx, F_STDOUT);
    if (path && !*path) {
        load_say(conv_error(c, "T207", F_STDOUT, NULL), "the repository's root cannot be an output");
        return;
    }
    if (!path)
        return;
    c->d.stdout_path = path;
    const char **v = arena_alloc(&c->st->decls->arena, (c->d.outputs.n + 1) * sizeof *v);
    uint32_t n = 0;
    for (; n < c->d.outputs.n; n++) {
        v[n] = c->d.outputs.v[n];
        if (strcmp(v[n], path) == 0) /* named there too */
            return;
    }
    v[n++] = path;
    c->d.outputs = (struct strs){v, n};
}

static void convert_success_codes(struct conv *c, int idx)
{
    size_t n = lua_istable(c->L, idx) ? lua_rawlen(c->L, idx) : 0;
    n = n > 256 ? 256 : n;
    uint8_t *v = arena_alloc(&c->st->decls->arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(c->L, idx, (lua_Integer)i + 1);
        v[i] = (uint8_t)conv_integer(c, lua_gettop(c->L), F_SUCCESS_CODES, 0, 255);
        lua_pop(c->L, 1);
    }
    c->d.success_codes = v;
    c->d.n_success_codes = (uint32_t)n;
}

static void convert_tools(struct conv *c, int idx)
{
    struct strs names = conv_strings(c, idx, F_TOOLS);
    for (uint32_t i = 0; i < names.n; i++) {
        if (*names.v[i] && (names.v[i][0] == '/' || !strchr(names.v[i], '/'))) {
            conv_add_tool(c, tools_add(c->st, names.v[i]));
            continue;
        }
        struct err *e = conv_error(c, "T207", F_TOOLS, names.v[i]);
        load_say(e, "'%s' is neither the name of a tool on PATH nor an absolute path", names.v[i]);
        err_hint(e, "a file of the repository that the command runs belongs in inputs");
    }
}

static void convert_value(struct conv *c, int idx)
{
    buf_reset(&c->st->b2);
    const char *why = data_canonical(c->L, idx, &c->st->b2);
    if (why)
        load_say(conv_error(c, "T207", F_VALUE, NULL), "field 'value' of %s '%s' has no digest: %s", c->kind, c->name,
                 why);
    else
        c->d.value = arena_strndup(&c->st->decls->arena, buf_cstr(&c->st->b2), c->st->b2.len);
}

static void convert_ready(struct conv *c, int idx)
{
    lua_State *L = c->L;
    if (!lua_istable(L, idx))
        return;
    c->d.ready_timeout_ms = READY_TIMEOUT_MS;
    if (lua_getfield(L, idx, "timeout") != LUA_TNIL)
        c->d.ready_timeout_ms = conv_duration_ms(c, lua_gettop(L), F_READY, READY_TIMEOUT_MS);
    int line = lua_getfield(L, idx, "line"), port = lua_getfield(L, idx, "port"), cmd = lua_getfield(L, idx, "cmd");
    int top = lua_gettop(L);
    if ((line != LUA_TNIL) + (port != LUA_TNIL) + (cmd != LUA_TNIL) != 1) {
        struct err *e = conv_error(c, "T207", F_READY, NULL);
        load_say(e, "field 'ready' of service '%s' must say one of line, port and cmd", c->name);
        err_hint(e, "ready = { line = \"listening\" }, { port = 8080 } or { cmd = { ... } }");
    } else if (line != LUA_TNIL) {
        c->d.ready = READY_LINE;
        c->d.ready_line = conv_text(c, top - 2, F_READY);
    } else if (port != LUA_TNIL) {
        c->d.ready = READY_PORT;
        c->d.ready_port = (uint16_t)conv_integer(c, top - 1, F_READY, 1, 65535);
    } else {
        const char *script = NULL;
        c->d.ready = READY_COMMAND;
        conv_command(c, top, F_READY, &c->d.ready_cmd, &c->d.ready_shell, &script);
        if (script)
            add_literal(c, script, c->d.ready_cmd.v[0], F_READY);
    }
    lua_pop(L, 4);
}

/* "512M", "512MiB", "2G"; a plain number counts bytes. */
static bool parse_size(const char *s, uint64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    if (*s < '0' || *s > '9')
        return false;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (errno || (*end && !unit) || (unit && end[1] && strcmp(end + 1, "iB") != 0) || n > UINT64_MAX >> shift)
        return false;
    *out = (uint64_t)n << shift;
    return true;
}

static void convert_recycle(struct conv *c, int idx)
{
    lua_State *L = c->L;
    if (!lua_istable(L, idx))
        return;
    if (lua_getfield(L, idx, "cases") != LUA_TNIL)
        c->d.recycle_cases = (uint32_t)conv_integer(c, lua_gettop(L), F_RECYCLE, 1, UINT32_MAX);
    int type = lua_getfield(L, idx, "memory");
    if (type == LUA_TNUMBER)
        c->d.recycle_bytes = (uint64_t)conv_integer(c, lua_gettop(L), F_RECYCLE, 1, INT64_MAX);
    else if (type == LUA_TSTRING && (!parse_size(lua_tostring(L, -1), &c->d.recycle_bytes) || !c->d.recycle_bytes)) {
        struct err *e = conv_error(c, "T207", F_RECYCLE, lua_tostring(L, -1));
        load_say(e, "'%s' is no size for field 'recycle' of %s '%s'", lua_tostring(L, -1), c->kind, c->name);
        err_hint(e, "a number of bytes, with K, M or G behind it: \"512MiB\" and \"512M\" are the same");
    }
    lua_pop(L, 2);
}

static void convert_suite(struct conv *c)
{
    struct decl *d = &c->d;
    int idx;
    d->reports_reads = field_idx(c, F_MAY_READ) != 0;
    if ((idx = field_idx(c, F_CASE_TIMEOUT)))
        d->case_timeout_ms = conv_duration_ms(c, idx, F_CASE_TIMEOUT, 0);
    d->start_timeout_ms = START_TIMEOUT_MS;
    if ((idx = field_idx(c, F_START_TIMEOUT)))
        d->start_timeout_ms = conv_duration_ms(c, idx, F_START_TIMEOUT, START_TIMEOUT_MS);
    if ((idx = field_idx(c, F_RECYCLE)))
        convert_recycle(c, idx);
    const char *order = (idx = field_idx(c, F_ORDER)) ? lua_tostring(c->L, idx) : NULL;
    d->order = order && strcmp(order, "any") != 0 ? ORDER_GROUP : ORDER_ANY;
    if ((idx = field_idx(c, F_CASES)))
        cases_convert(c, idx);
}

static bool flag(const struct conv *c, enum field f)
{
    int idx = field_idx(c, f);
    return idx && lua_toboolean(c->L, idx);
}

static void convert_files(struct conv *c)
{
    struct about a = {.call = c->kind, .name = c->written, .field = "inputs"};
    int idx = field_idx(c, F_INPUTS);
    c->raw.default_inputs = !idx && c->d.kind != KIND_GROUP;
    if (idx)
        convert_items(c->st, c->L, idx, c->place, &a, &c->raw.inputs);
    a.field = "may_read";
    if ((idx = field_idx(c, F_MAY_READ)))
        convert_items(c->st, c->L, idx, c->place, &a, &c->raw.may_read);
    if (field_idx(c, F_OUTPUTS))
        conv_outputs(c);
    if ((idx = field_idx(c, F_STDOUT)))
        convert_stdout(c, idx);
    if ((idx = field_idx(c, F_DEPFILE)))
        c->d.depfile = conv_path(c, idx, F_DEPFILE);
    if ((idx = field_idx(c, F_STDIN)))
        convert_stdin(c, idx);
}

static void convert_fields(struct conv *c)
{
    struct decl *d = &c->d;
    int idx;
    d->cwd = (idx = field_idx(c, F_CWD)) ? conv_path(c, idx, F_CWD) : NULL;
    if (!d->cwd)
        d->cwd = d->dir;
    convert_files(c);
    enum field command = d->kind == KIND_SUITE ? F_WORKER : F_CMD;
    if ((idx = field_idx(c, command))) {
        conv_command(c, idx, command, &d->cmd, &d->shell, &c->raw.script);
        if (c->raw.script)
            add_literal(c, c->raw.script, d->cmd.v[0], command);
    }
    if ((idx = field_idx(c, F_READY)))
        convert_ready(c, idx);
    if ((idx = field_idx(c, F_TOOLS)))
        convert_tools(c, idx);
    if ((idx = field_idx(c, d->kind == KIND_GROUP ? F_MEMBERS : F_DEPS)))
        convert_labels(c, idx, d->kind == KIND_GROUP ? F_MEMBERS : F_DEPS);
    conv_env(c);
    if ((idx = field_idx(c, F_VALUE)))
        convert_value(c, idx);
    if ((idx = field_idx(c, F_TIMEOUT)))
        d->timeout_ms = conv_duration_ms(c, idx, F_TIMEOUT, 0);
    if ((idx = field_idx(c, F_RETRIES)))
        d->retries = (uint32_t)conv_integer(c, idx, F_RETRIES, 0, MAX_RETRIES);
    d->slots = (idx = field_idx(c, F_SLOTS)) ? (uint32_t)conv_integer(c, idx, F_SLOTS, 1, MAX_SLOTS) : 1;
    if ((idx = field_idx(c, F_POOL)))
        d->pool = conv_text(c, idx, F_POOL);
    if ((idx = field_idx(c, F_EXCLUSIVE)))
        convert_exclusive(c, idx);
    struct strs none = {NULL, 0}, own = none, inherited = none;
    if (c->own[F_TAGS])
        own = conv_strings(c, c->own[F_TAGS], F_TAGS);
    if (c->inherited[F_TAGS])
        inherited = conv_strings(c, c->inherited[F_TAGS], F_TAGS);
    if (own.n + inherited.n)
        d->tags = conv_sorted(c, own, inherited);
    if ((idx = field_idx(c, F_SUCCESS_CODES)))
        convert_success_codes(c, idx);
    if ((idx = field_idx(c, F_DESCRIPTION)))
        d->description = conv_text(c, idx, F_DESCRIPTION);
    d->no_cache = field_idx(c, F_CACHE) && !flag(c, F_CACHE);
    d->jobserver = flag(c, F_JOBSERVER);
    d->incremental = flag(c, F_INCREMENTAL);
    d->isolate = flag(c, F_ISOLATE);
    d->batch = (idx = field_idx(c, F_BATCH)) ? (uint32_t)conv_integer(c, idx, F_BATCH, 1, MAX_SLOTS) : 1;
    if (d->kind == KIND_SUITE)
        convert_suite(c);
    if ((idx = field_idx(c, F_SHARDS)))
        c->shards = (uint32_t)conv_integer(c, idx, F_SHARDS, 1, MAX_SHARDS);
    if (c->shards > 1 && (d->outputs.n || d->depfile)) {
        struct err *e = conv_error(c, "T207", F_SHARDS, NULL);
        load_say(e, "test '%s' has shards and outputs: each shard would make the same files", c->name);
    }
}

/* ---- declaring ------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"\1", "test", "build", "group", "service", "suite", "discover", NULL};
enum { CALL_DISCOVER = KIND_SUITE + 1 }; /* a build that a suite declares */

static void append(struct load *st, const struct decl *d)
{
    struct decls *all = st->decls;
    MEM_GROW(all->v, all->n, all->cap);
    all->v[all->n++] = *d;
}

static void keep_tools(struct conv *c)
{
    if (!c->n_tools)
        return;
    struct tool_list first = c->st->tool_lists[c->tools[0]];
    if (first.n == c->n_tools && memcmp(first.v, c->tools, first.n * sizeof *first.v) == 0) {
        c->d.tools = first.v; /* most targets: what one tool needs */
    } else {
        uint32_t *v = arena_alloc(&c->st->decls->arena, c->n_tools * sizeof *v);
        memcpy(v, c->tools, c->n_tools * sizeof *v);
        c->d.tools = v;
    }
    c->d.n_tools = c->n_tools;
}

/* name#1 ... name#n, and the group of them. */
static void declare_shards(struct conv *c)
{
    struct arena *a = &c->st->decls->arena;
    const struct decl whole = c->d;
    const char **members = arena_alloc(a, c->shards * sizeof *members);
    const char *total = arena_printf(a, "%u", c->shards);
    for (uint32_t i = 0; i < c->shards; i++) {
        struct decl d = whole;
        struct decl_env *env = arena_alloc(a, (whole.n_env + 2) * sizeof *env);
        const char *index = arena_printf(a, "%u", i);
        struct decl_env mine[] = {{"TGRAPH_SHARD_INDEX", index}, {"TGRAPH_SHARD_TOTAL", total}};
        uint32_t n = 0, m = 0;
        for (uint32_t k = 0; k < whole.n_env; k++) { /* merges two sorted lists; the shard's own win */
            int order = 1;
            while (m < 2 && (order = strcmp(mine[m].name, whole.env[k].name)) <= 0) {
                env[n++] = mine[m++];
                if (order == 0)
                    break;
            }
            if (order != 0)
                env[n++] = whole.env[k];
        }
        while (m < 2)
            env[n++] = mine[m++];
        d.env = env;
        d.n_env = n;
        d.label = members[i] = arena_printf(a, "%s#%u", whole.label, i + 1);
        append(c->st, &d);
    }
    struct decl group = {.kind = KIND_GROUP,
                         .label = whole.label,
                         .dir = whole.dir,
                         .cwd = whole.dir,
                         .description = whole.description,
                         .tags = whole.tags,
                         .slots = 1,
                         .deps = {members, c->shards}};
    append(c->st, &group);
}

static void keep_raw(struct conv *c, uint32_t first, uint32_t n)
{
    struct load *st = c->st;
    c->raw.decl = first;
    c->raw.n_decls = n;
    c->raw.n_placed = st->decls->n - first;
    c->raw.place = c->place;
    c->raw.call = c->kind;
    c->raw.name = c->written;
    MEM_GROW(st->raws, st->n_raws, st->cap_raws);
    st->raws[st->n_raws++] = c->raw;
}

/* Is the name fine and new? */
static bool check_name(struct conv *c, const char *name, size_t len)
{
    struct load *st = c->st;
    struct about a = {.call = c->kind, .name = c->written};
    bool is_new;
    if (!label_name_ok(name, len, false)) {
        struct err *e = load_error(st, ERR_ERROR, "T205", c->place, &a);
        load_say(e, "'%s' cannot be the name of a %s", c->name, c->kind);
        err_hint(e, "a name holds letters, digits and _ . + = @ , / ~ - and does not begin with a slash");
        return false;
    }
    uint32_t i = strset_add(&st->labels, c->d.label, &is_new);
    if (is_new) {
        MEM_GROW(st->labelled, i, st->cap_labelled);
        st->labelled[i] = c->place;
        return true;
    }
    struct err *e = load_error(st, ERR_ERROR, "T204", c->place, &a);
    load_say(e, "target '%s' is declared twice", c->d.label);
    struct about first = {.name = c->name};
    struct decl_pos p = load_find(st, st->labelled[i], &first);
    if (p.file)
        err_hint(e, "the first one is at %s:%u:%u", p.file, p.line, p.col);
    return false;
}

int convert_declare(lua_State *L)
{
    struct conv c = {.st = load_of(L), .L = L, .shards = 1};
    struct load *st = c.st;
    size_t len;
    int kind = luaL_checkoption(L, 1, NULL, kinds);
    bool discover = kind == CALL_DISCOVER;
    c.d.kind = discover ? KIND_BUILD : (enum node_kind)kind;
    c.kind = kinds[kind];
    const char *name = luaL_checklstring(L, 2, &len);
    lua_Integer place = luaL_checkinteger(L, 3);
    luaL_argcheck(L, place >= 0 && place < st->n_places, 3, "no place");
    luaL_checktype(L, 4, LUA_TTABLE);
    lua_settop(L, 5);
    c.place = (uint32_t)place;
    c.name = arena_strdup(&st->decls->arena, name);
    c.written = discover ? NULL : c.name;
    c.d.dir = load_dir(st);
    buf_reset(&st->b1);
    label_make(c.d.dir, c.name, &st->b1);
    c.d.label = *c.d.dir ? arena_strndup(&st->decls->arena, buf_cstr(&st->b1), st->b1.len) : c.name;
    if (check_name(&c, name, len)) {
        spread(L, 4, c.own);
        spread(L, 5, c.inherited);
        convert_fields(&c);
        keep_tools(&c);
        uint32_t first = st->decls->n;
        if (c.shards > 1)
            declare_shards(&c);
        else
            append(st, &c.d);
        keep_raw(&c, first, c.shards);
    }
    lua_pushfstring(L, *c.d.dir ? "%s" : "//:%s", c.d.label); /* means the same in every Testfile */
    return 1;
}

int convert_pool(lua_State *L)
{
    struct load *st = load_of(L);
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    lua_Integer place = luaL_checkinteger(L, 2);
    luaL_argcheck(L, place >= 0 && place < st->n_places, 2, "no place");
    struct conv c = {
        .st = st, .L = L, .place = (uint32_t)place, .kind = "pool", .name = arena_strdup(&st->decls->arena, name)};
    c.written = c.name;
    struct about a = {.call = c.kind, .name = c.name};
    bool is_new;
    lua_Integer slots = conv_integer(&c, 3, F_SLOTS, 1, MAX_SLOTS);
    if (!label_name_ok(name, len, false)) {
        struct err *e = load_error(st, ERR_ERROR, "T205", c.place, &a);
        load_say(e, "'%s' cannot be the name of a pool", c.name);
        err_hint(e, "a name holds letters, digits and _ . + = @ , / ~ - and does not begin with a slash");
        return 0;
    }
    uint32_t i = strset_add(&st->pools, name, &is_new);
    if (!is_new) {
        struct err *e = load_error(st, ERR_ERROR, "T216", c.place, &a);
        load_say(e, "pool '%s' is declared twice", c.name);
        struct decl_pos p = st->decls->pools[i].pos;
        err_hint(e, "the first one is at %s:%u:%u", p.file ? p.file : "?", p.line, p.col);
        return 0;
    }
    struct decls *d = st->decls;
    struct decl_pos pos = load_find(st, c.place, &a);
    MEM_GROW(d->pools, d->n_pools, d->cap_pools);
    d->pools[d->n_pools++] = (struct decl_pool){c.name, (uint32_t)slots, pos};
    return 0;
}

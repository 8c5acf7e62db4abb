/* SPDX-License-Identifier: MIT
 *
 * Runs Testfiles, one after the other, each to its end or to its first error of Lua; then resolves what they declared. */
#include "lua/load.h"

#include <stdio.h>
#include <string.h>

#include "lua/state.h"
#include "tree/path.h"

static const size_t default_memory = (size_t)2 << 30;
static const uint64_t default_steps = UINT64_C(500000000);

struct load *load_of(lua_State *L) { return sandbox_of(L)->ctx; }
const char *load_dir(const struct load *st) { return st->sources[st->current].dir; }

uint32_t load_add_source(struct load *st, enum source_kind kind, const char *path, const char *dir, char *text,
                         size_t len, bool borrowed)
{
    MEM_GROW(st->sources, st->n_sources, st->cap_sources);
    st->sources[st->n_sources] = (struct source){.kind = kind,
                                                 .path = arena_strdup(&st->decls->arena, path),
                                                 .dir = dir ? arena_strdup(&st->decls->arena, dir) : NULL,
                                                 .text = text,
                                                 .len = len,
                                                 .borrowed = borrowed};
    return st->n_sources++;
}

bool load_read(struct load *st, const char *path, size_t max_bytes, struct err *e)
{
    bool is_new;
    uint32_t f = strset_add(&st->files, path, &is_new), reader = UINT32_MAX;
    if (st->current != UINT32_MAX && !st->n_using)
        reader = strset_find(&st->dirs, load_dir(st));
    if (is_new)
        MEM_GROW(st->readers, f, st->cap_readers);
    st->readers[f] = is_new || st->readers[f] == reader ? reader : UINT32_MAX;
    buf_reset(&st->text);
    if (!tree_read(st->o->tree, path, max_bytes, &st->text, e))
        return false;
    if (st->text.len >= 3 && memcmp(st->text.p, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        st->text.len -= 3;
        memmove(st->text.p, st->text.p + 3, st->text.len + 1);
    }
    return true;
}

bool load_chunk(struct load *st, lua_State *L, uint32_t source)
{
    char name[24];
    snprintf(name, sizeof name, "=@%u", source);
    st->compiling = true;
    int status = luaL_loadbufferx(L, st->sources[source].text, st->sources[source].len, name, "t");
    st->compiling = false;
    if (status == LUA_OK)
        return true;
    if (status == LUA_ERRMEM)
        lua_error(L);
    place_syntax_error(st, source, lua_tostring(L, -1));
    lua_pop(L, 1);
    return false;
}

/* ---- protected runs: everything that touches Lua happens below one of these ---- */

static bool run(struct load *st, lua_CFunction f)
{
    lua_State *L = st->box.L;
    lua_settop(L, 0);
    lua_pushcfunction(L, place_on_error);
    lua_pushcfunction(L, f);
    int status = lua_pcall(L, 0, 0, 1);
    if (status == LUA_OK)
        return true;
    st->n_using = 0;
    for (uint32_t i = 0; i < st->modules.n; i++) /* those that were being loaded did not get to their end */
        if (st->module_states[i] == MODULE_LOADING)
            st->module_states[i] = MODULE_FAILED;
    if (status == LUA_ERRMEM) {
        place_out_of_memory(st);
    } else if (status != LUA_ERRRUN) {
        struct err *e = load_error(st, ERR_ERROR, "T102",
                                   place_add(st, (struct place){st->current, 0, UINT32_MAX, 0, false}), NULL);
        load_say(e, "stack overflow: a function calls itself without end");
    }
    return false;
}

static void out_of_steps(lua_State *L)
{
    static const struct about here = {.word = ""};
    struct load *st = load_of(L);
    st->stopped = true;
    struct err *e = load_error(st, ERR_ERROR, "T103", load_place(st), &here);
    load_say(e, "the Testfiles ran for more than %llu steps", (unsigned long long)st->box.step_limit);
    err_hint(e, "is there a loop that does not end?");
    lua_pushlightuserdata(L, RAISED);
}

static void out_of_memory(lua_State *L)
{
    struct load *st = load_of(L);
    struct place p = place_running(st, L);
    if (p.line || p.module != UINT32_MAX) /* Lua tries again after it has unwound the stack */
        st->oom = p;
}

static int boot(lua_State *L)
{
    struct load *st = load_of(L);
    const struct embedded_file *f = library_find(&st->lib, "stdlib/init.lua");
    if (!f)
        return luaL_error(L, "the library has no stdlib/init.lua");
    api_push_core(L);
    uint32_t source = load_add_source(st, SOURCE_LIBRARY, f->name, NULL, (char *)f->data, f->len, true);
    if (!load_chunk(st, L, source))
        load_raise(L);
    sandbox_push_base(L);
    lua_setupvalue(L, -2, 1);
    lua_rotate(L, -2, 1); /* the chunk, core */
    lua_call(L, 1, 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_setfield(L, LUA_REGISTRYINDEX, "tgraph.library");
    lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.library");
    lua_getfield(L, -1, "globals");
    luaL_checktype(L, -1, LUA_TTABLE);
    api_set_globals(L);
    return 0;
}

static void call_library(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.library");
    lua_getfield(L, -1, name);
    lua_call(L, 0, 0);
    lua_pop(L, 1);
}

static int begin_testfile(lua_State *L)
{
    struct load *st = load_of(L);
    call_library(L, "begin");
    if (!load_chunk(st, L, st->current))
        return 0;
    api_push_environment(L);
    lua_setupvalue(L, -2, 1);
    lua_call(L, 0, 0);
    return 0;
}

static int finish_testfile(lua_State *L)
{
    call_library(L, "finish");
    return 0;
}

void load_include(struct load *st, const char *dir, const char *text, uint32_t place)
{
    bool is_new;
    uint32_t i = strset_add(&st->dirs, dir, &is_new);
    if (!is_new)
        return;
    MEM_GROW(st->dirs_info, i, st->cap_dirs_info);
    st->dirs_info[i] = (struct include){place, arena_strdup(&st->arena, text)};
}

static void run_testfile(struct load *st, uint32_t index)
{
    char *dir = mem_strdup(strset_get(&st->dirs, index));
    char *path = mem_printf("%s%sTestfile.lua", dir, *dir ? "/" : "");
    struct err why = ERR_INIT;
    uint32_t last = st->current;
    st->current = UINT32_MAX; /* no Testfile asks for this one */
    bool ok = load_read(st, path, MAX_SOURCE_BYTES, &why);
    st->current = last;
    if (ok) {
        size_t len = st->text.len;
        buf_reserve(&st->text, 1);
        st->current = load_add_source(st, SOURCE_TESTFILE, path, dir, buf_take(&st->text), len, false);
        if (run(st, begin_testfile))
            run(st, finish_testfile);
    } else {
        struct err *e;
        if (index) {
            struct about a = {.call = "include", .value = st->dirs_info[index].text};
            e = load_error(st, ERR_ERROR, "T108", st->dirs_info[index].place, &a);
        } else {
            e = errlist_add(st->errs, ERR_ERROR);
            err_set(e, "T108", "(no message)");
            err_at(e, path, 0, 0);
        }
        if (tree_type(st->o->tree, path) == ENTRY_NONE) {
            load_say(e, "there is no %s", path);
            const char *near = index && tree_type(st->o->tree, dir) == ENTRY_NONE ? resolve_nearest(st, dir) : NULL;
            if (near)
                err_hint(e, "did you mean '%s'?", near);
        } else {
            load_say(e, "%s", why.msg);
        }
    }
    err_clear(&why);
    mem_free(path);
    mem_free(dir);
}

/* ---- the record ---- */

static struct strs copy_set(struct arena *a, const struct strset *s)
{
    const char **v = arena_alloc(a, (s->n + 1) * sizeof *v);
    for (uint32_t i = 0; i < s->n; i++)
        v[i] = arena_strdup(a, strset_get(s, i));
    return (struct strs){v, s->n};
}

static void fill_record(struct load *st)
{
    struct load_record *r = st->record;
    r->files = copy_set(&r->arena, &st->files);
    const char **readers = arena_alloc(&r->arena, (st->files.n + 1) * sizeof *readers);
    for (uint32_t i = 0; i < st->files.n; i++)
        readers[i] = st->shared || st->readers[i] == UINT32_MAX
                         ? NULL
                         : arena_strdup(&r->arena, strset_get(&st->dirs, st->readers[i]));
    r->readers = (struct strs){readers, st->files.n};
    r->literals = copy_set(&r->arena, &st->literals);
    uint8_t *types = arena_alloc(&r->arena, st->literals.n + 1);
    for (uint32_t i = 0; i < st->literals.n; i++)
        types[i] = (uint8_t)walker_type(st->o->walker, r->literals.v[i]);
    r->literal_types = types;
    r->missing = copy_set(&r->arena, &st->missing);
    r->globs = arena_alloc(&r->arena, (st->n_globs + 1) * sizeof *r->globs);
    r->n_globs = st->n_globs;
    if (st->n_globs)
        memcpy(r->globs, st->globs, st->n_globs * sizeof *r->globs);
    r->n_envs = st->env_names.n;
    r->envs = arena_alloc(&r->arena, (r->n_envs + 1) * sizeof *r->envs);
    for (uint32_t i = 0; i < st->env_names.n; i++)
        r->envs[i] = (struct load_env){arena_strdup(&r->arena, strset_get(&st->env_names, i)), st->envs[i].value};
    r->n_tools = st->tool_names.n;
    r->tools = arena_alloc(&r->arena, (r->n_tools + 1) * sizeof *r->tools);
    for (uint32_t i = 0; i < st->tool_names.n; i++) {
        const struct decl_tool *t = &st->decls->tools[i];
        r->tools[i] =
            (struct load_tool){arena_strdup(&r->arena, t->name), t->path ? arena_strdup(&r->arena, t->path) : NULL};
    }
    r->library = st->lib.digest;
}

void load_record_clear(struct load_record *r)
{
    arena_clear(&r->arena);
    *r = (struct load_record){0};
}

/* ---- the whole load ---- */

static struct strset *const *all_sets(struct load *st, struct strset *sets[16])
{
    struct strset *all[16] = {&st->dirs,       &st->modules,    &st->globals,     &st->labels,
                              &st->pools,      &st->files,      &st->literals,    &st->missing,
                              &st->env_names,  &st->tool_names, &st->specs,       &st->case_ids,
                              &st->case_words, &st->case_tags,  &st->case_inputs, NULL};
    memcpy(sets, all, sizeof all);
    return sets;
}

static void init(struct load *st)
{
    struct strset *sets[16];
    for (struct strset *const *s = all_sets(st, sets); *s; s++)
        strset_init(*s);
    arena_init(&st->arena);
    arena_init(&st->record->arena);
    st->current = UINT32_MAX;
    st->oom = (struct place){UINT32_MAX, 0, UINT32_MAX, 0, false};
    st->last_place = UINT32_MAX;
    data_init(st);
}

static void clear(struct load *st)
{
    struct strset *sets[16];
    data_clear(st);
    sandbox_close(&st->box);
    for (struct strset *const *s = all_sets(st, sets); *s; s++)
        strset_clear(*s);
    for (uint32_t i = 0; i < st->n_sources; i++) {
        srcpos_free(st->sources[i].tokens);
        if (!st->sources[i].borrowed)
            mem_free(st->sources[i].text);
    }
    void *blocks[] = {st->sources, st->places, st->dirs_info, st->module_states, st->labelled,
                      st->raws,    st->envs,   st->globs,     st->tool_lists,    st->hint_dir,
                      st->readers, st->words,  st->tags,      st->inputs};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        mem_free(blocks[i]);
    strvec_clear(&st->hint_names);
    strvec_clear(&st->glob_paths);
    strvec_clear(&st->glob_include);
    strvec_clear(&st->glob_exclude);
    buf_clear(&st->b1);
    buf_clear(&st->b2);
    buf_clear(&st->b3);
    buf_clear(&st->text);
    buf_clear(&st->text2);
    library_close(&st->lib);
    arena_clear(&st->arena);
}

static void start_sandbox(struct load *st)
{
    const struct load_opts *o = st->o;
    size_t memory = o->memory_limit_bytes ? o->memory_limit_bytes : default_memory;
    uint64_t steps = o->instruction_limit ? o->instruction_limit : default_steps;
    if (sandbox_open(&st->box, memory, UINT64_MAX, out_of_steps, st)) {
        st->box.out_of_memory = out_of_memory;
        st->booted = run(st, boot);
        st->box.steps = 0; /* the library's own start is not the Testfile's */
        st->box.step_limit = steps;
    } else {
        struct err *e = errlist_add(st->errs, ERR_ERROR);
        err_set(e, "T104", "the Testfiles need more than %zu MiB of memory", memory >> 20);
    }
}

bool load_testfiles(const struct load_opts *o, struct decls *decls, struct load_record *record, struct errlist *errs)
{
    struct load st = {.o = o, .decls = decls, .record = record, .errs = errs};
    struct err e = ERR_INIT;
    decls_init(decls);
    *record = (struct load_record){0};
    init(&st);
    if (library_open(&st.lib, o->lib_dir, &e))
        start_sandbox(&st);
    else
        *errlist_add(errs, ERR_ERROR) = e; /* moves */
    if (st.booted) {
        load_include(&st, "", "", UINT32_MAX);
        for (uint32_t i = 0; i < st.dirs.n && !st.stopped; i++)
            run_testfile(&st, i);
        data_clear(&st);
        sandbox_close(&st.box);
        resolve_all(&st);
    }
    if (st.n_hidden) {
        struct err *more = errlist_add(errs, ERR_WARNING);
        err_set(more, "T191", "%u more messages are not shown", st.n_hidden);
    }
    fill_record(&st);
    clear(&st);
    return errs->n_errors == 0;
}

/* ---- the editor file ------------------------------------------------------------------------------------------- */

static int write_annotations(lua_State *L)
{
    size_t len;
    lua_getfield(L, LUA_REGISTRYINDEX, "tgraph.library");
    lua_getfield(L, -1, "annotations");
    lua_call(L, 0, 1);
    const char *text = luaL_checklstring(L, -1, &len);
    buf_add(&load_of(L)->text, text, len);
    return 0;
}

bool load_write_annotations(const char *lib_dir, struct buf *out, struct err *e)
{
    struct load_opts o = {.lib_dir = lib_dir};
    struct decls decls;
    struct load_record record = {0};
    struct errlist errs = ERRLIST_INIT;
    struct load st = {.o = &o, .decls = &decls, .record = &record, .errs = &errs};
    decls_init(&decls);
    init(&st);
    bool ok = library_open(&st.lib, lib_dir, e);
    if (ok) {
        start_sandbox(&st);
        ok = st.booted && run(&st, write_annotations);
        if (!ok && errs.n)
            err_set(e, errs.v[0].code, "%s", errs.v[0].msg);
        buf_add(out, buf_cstr(&st.text), st.text.len);
    }
    clear(&st);
    errlist_clear(&errs);
    load_record_clear(&record);
    decls_clear(&decls);
    return ok;
}

/* SPDX-License-Identifier: MIT
 *
 * Where a call was made and what is said about it: frames of Lua give lines, the text gives columns. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/state.h"

const char raised_marker = 0;

enum { FRAMES_LOOKED_AT = 1000, REPEATS_SHOWN = 5 };

/* The source of a chunk name, UINT32_MAX for C. */
static uint32_t source_of(const struct load *st, const char *chunk, const char **rest)
{
    char *end;
    if (chunk[0] != '@' || chunk[1] < '0' || chunk[1] > '9')
        return UINT32_MAX;
    unsigned long i = strtoul(chunk + 1, &end, 10);
    if (rest)
        *rest = end;
    return i < st->n_sources ? (uint32_t)i : UINT32_MAX;
}

struct place place_running(const struct load *st, lua_State *L)
{
    struct place p = {st->current, 0, UINT32_MAX, 0, false};
    lua_Debug ar;
    for (int level = 0; level < FRAMES_LOOKED_AT && lua_getstack(L, level, &ar); level++) {
        /* A module whose last call is `return f()` has left its frame to f. */
        if (st->n_using && p.module == UINT32_MAX && st->using[st->n_using - 1].frame == (const void *)ar.i_ci &&
            st->sources[st->using[st->n_using - 1].source].kind == SOURCE_MODULE)
            p.module = st->using[st->n_using - 1].source;
        lua_getinfo(L, "Sl", &ar);
        uint32_t source = ar.source[0] == '=' ? source_of(st, ar.source + 1, NULL) : UINT32_MAX;
        if (source == UINT32_MAX || ar.currentline < 1)
            continue;
        if (st->sources[source].kind == SOURCE_MODULE && p.module == UINT32_MAX) {
            p.module = source;
            p.module_line = (uint32_t)ar.currentline;
        } else if (st->sources[source].kind == SOURCE_TESTFILE) {
            p.source = source;
            p.line = (uint32_t)ar.currentline;
            break;
        } else if (strncmp(st->sources[source].path, "rules/", 6) == 0) {
            p.rule = true;
        }
    }
    return p;
}

bool place_in_library(const struct load *st, lua_State *L)
{
    lua_Debug ar;
    if (!lua_getstack(L, 1, &ar))
        return false;
    lua_getinfo(L, "S", &ar);
    uint32_t source = ar.source[0] == '=' ? source_of(st, ar.source + 1, NULL) : UINT32_MAX;
    return source != UINT32_MAX && st->sources[source].kind == SOURCE_LIBRARY;
}

uint32_t place_add(struct load *st, struct place p)
{
    if (st->n_places) { /* loops give the same one over and over */
        const struct place *last = &st->places[st->n_places - 1];
        if (last->source == p.source && last->line == p.line && last->module == p.module &&
            last->module_line == p.module_line && last->rule == p.rule)
            return st->n_places - 1;
    }
    MEM_GROW(st->places, st->n_places, st->cap_places);
    st->places[st->n_places] = p;
    return st->n_places++;
}

uint32_t load_place(struct load *st) { return place_add(st, place_running(st, st->box.L)); }

static const struct srcpos *tokens_of(struct source *s)
{
    if (!s->tokens)
        s->tokens = srcpos_new(s->text, s->len);
    return s->tokens;
}

static enum srcpos_level find_in(struct load *st, uint32_t source, uint32_t line, const struct about *a,
                                 struct decl_pos *pos)
{
    if (source >= st->n_sources) {
        *pos = (struct decl_pos){0};
        return SRCPOS_NOTHING;
    }
    struct source *s = &st->sources[source];
    *pos = (struct decl_pos){s->path, line, line ? 1 : 0};
    if (!line && (a->name || a->value)) /* a call in tail position left no line behind */
        pos->line = line = srcpos_line_of(tokens_of(s), a->name ? a->name : a->value);
    if (!line)
        return SRCPOS_NOTHING;
    if (a->word) {
        if (!*a->word || !srcpos_word(tokens_of(s), line, a->word, false, &pos->col))
            pos->col = srcpos_first_col(tokens_of(s), line);
        return SRCPOS_LINE;
    }
    struct srcpos_query q = {line, a->call, a->name, a->field, a->value, a->dir};
    return srcpos_find(tokens_of(s), &q, &pos->line, &pos->col);
}

static enum srcpos_level find(struct load *st, uint32_t place, const struct about *a, struct decl_pos *pos)
{
    const struct place *p = &st->places[place];
    struct decl_pos nearer;
    if (a->word && p->module != UINT32_MAX)
        return find_in(st, p->module, p->module_line, a, pos);
    if (a->value && !a->field && p->module != UINT32_MAX && /* the argument of a call that the module may have made */
        find_in(st, p->module, p->module_line, a, pos) == SRCPOS_VALUE)
        return SRCPOS_VALUE;
    enum srcpos_level level = find_in(st, p->source, p->line, a, pos), in_module;
    enum srcpos_level wanted = a->value ? SRCPOS_VALUE : a->field ? SRCPOS_FIELD : SRCPOS_NAME;
    if (level >= wanted || p->module == UINT32_MAX || !(a->field || a->value))
        return level;
    /* The Testfile called a module: what is wrong may stand there. */
    in_module = find_in(st, p->module, p->module_line, a, &nearer);
    if (in_module <= level)
        return level;
    *pos = nearer;
    return in_module;
}

struct decl_pos load_find(struct load *st, uint32_t place, const struct about *a)
{
    static const struct about nothing = {0};
    struct decl_pos pos;
    find(st, place, a ? a : &nothing, &pos);
    return pos;
}

bool load_is_written(struct load *st, uint32_t place, const struct about *a)
{
    struct decl_pos pos;
    return !st->places[place].rule || find(st, place, a, &pos) == SRCPOS_VALUE;
}

struct err *load_error(struct load *st, enum err_level level, const char *code, uint32_t place, const struct about *a)
{
    bool same = strcmp(st->last_code, code) == 0 && st->last_place == place;
    st->repeats = same ? st->repeats + 1 : 0;
    snprintf(st->last_code, sizeof st->last_code, "%s", code);
    st->last_place = place;
    size_t shown = level == ERR_ERROR ? st->errs->n_errors : st->errs->n - st->errs->n_errors;
    if (shown >= MAX_ERRORS || st->repeats >= REPEATS_SHOWN) { /* one of its level was shown before in both cases */
        st->n_hidden++;
        return NULL;
    }
    struct decl_pos pos = load_find(st, place, a);
    struct err *e = errlist_add(st->errs, level);
    err_set(e, code, "(no message)");
    if (pos.file)
        err_at(e, pos.file, pos.line, pos.col);
    return e;
}

bool load_say(struct err *e, const char *fmt, ...)
{
    if (!e)
        return false;
    struct buf b = BUF_INIT;
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    buf_reserve(&b, len > 0 ? (size_t)len : 0);
    if (len > 0 && vsnprintf(b.p, (size_t)len + 1, fmt, again) == len)
        b.len = (size_t)len;
    va_end(again);
    va_end(ap);
    struct err old = *e; /* err_set drops the place */
    *e = (struct err)ERR_INIT;
    e->level = old.level;
    err_set(e, old.code, "%s", buf_cstr(&b));
    err_at(e, old.file, old.line, old.col);
    err_clear(&old);
    buf_clear(&b);
    return false;
}

void load_raise(lua_State *L)
{
    lua_pushlightuserdata(L, RAISED);
    lua_error(L);
    abort(); /* lua_error does not return */
}

/* ---- messages of Lua ---- */

/* The column of the first quoted word of the message that stands on the line. */
static uint32_t quoted_col(const struct srcpos *s, uint32_t line, const char *message)
{
    uint32_t col;
    struct buf word = BUF_INIT;
    const char *near = strstr(message, " near '"); /* of the compiler: where it stopped */
    for (const char *p = near ? near : message; (p = strchr(p, '\''));) {
        const char *end = strchr(p + 1, '\'');
        while (end && end[1] == '\'') /* near ''' */
            end++;
        if (!end)
            break;
        buf_reset(&word);
        buf_add(&word, p + 1, (size_t)(end - p) - 1);
        bool symbol = word.len && strchr("=(){}[]<>~+-*/%^#&|,;:.", *buf_cstr(&word));
        if (word.len && srcpos_word(s, line, buf_cstr(&word), symbol, &col)) {
            buf_clear(&word);
            return col;
        }
        p = end + 1;
    }
    buf_clear(&word);
    return srcpos_first_col(s, line);
}

static void report_at(struct load *st, const char *code, uint32_t source, uint32_t line, const char *message)
{
    struct err *e = errlist_add(st->errs, ERR_ERROR);
    err_set(e, code, "%s", message);
    if (source >= st->n_sources)
        return;
    struct source *s = &st->sources[source];
    err_at(e, s->path, line, line ? quoted_col(tokens_of(s), line, message) : 0);
}

void place_syntax_error(struct load *st, uint32_t source, const char *message)
{
    const char *rest = message;
    uint32_t line = 0;
    if (source_of(st, message, &rest) == source && *rest == ':') {
        char *end;
        line = (uint32_t)strtoul(rest + 1, &end, 10);
        message = end + strspn(end, ": ");
    }
    if (strstr(message, "C stack overflow"))
        message = "the code is nested too deep";
    report_at(st, "T101", source, line, message);
}

void place_out_of_memory(struct load *st)
{
    static const struct about here = {.word = ""};
    st->stopped = true;
    struct err *e = load_error(st, ERR_ERROR, "T104", place_add(st, st->oom), &here);
    load_say(e, "the Testfiles need more than %zu MiB of memory", st->box.limit_bytes >> 20);
    err_hint(e, "does a loop or string.rep make more than is meant?");
}

int place_on_error(lua_State *L)
{
    struct load *st = load_of(L);
    if (lua_touserdata(L, 1) == RAISED || st->compiling)
        return 1;
    struct place at = place_running(st, L);
    uint32_t source = at.module != UINT32_MAX ? at.module : at.source;
    uint32_t line = at.module != UINT32_MAX ? at.module_line : at.line;
    struct buf text = BUF_INIT;
    if (lua_type(L, 1) == LUA_TSTRING)
        buf_adds(&text, lua_tostring(L, 1));
    else
        buf_printf(&text, "an error was raised with a %s instead of a text", luaL_typename(L, 1));
    if (strcmp(buf_cstr(&text), "not enough memory") == 0) { /* of a chunk that was being compiled */
        place_out_of_memory(st);
        buf_clear(&text);
        lua_pushlightuserdata(L, RAISED);
        return 1;
    }
    const char *message = buf_cstr(&text), *rest = message;
    struct buf shown = BUF_INIT;
    uint32_t named = source_of(st, message, &rest);
    if (named != UINT32_MAX && *rest == ':') {
        char *end;
        uint32_t named_line = (uint32_t)strtoul(rest + 1, &end, 10);
        message = end + strspn(end, ": ");
        if (st->sources[named].kind != SOURCE_LIBRARY || source >= st->n_sources) {
            source = named;
            line = named_line;
        } else {
            buf_printf(&shown, "%s:%u: ", st->sources[named].path, named_line);
        }
    }
    buf_adds(&shown, strncmp(message, "stack overflow", 14) == 0 || strcmp(message, "C stack overflow") == 0
                         ? "stack overflow: a function calls itself without end"
                         : message);
    report_at(st, "T102", source, line, buf_cstr(&shown));
    buf_clear(&shown);
    buf_clear(&text);
    lua_pushlightuserdata(L, RAISED);
    return 1;
}

/* SPDX-License-Identifier: MIT
 *
 * The cases of a suite: of a list in a Testfile, or of the file of JSON lines that a discover step wrote. The file is
 * parsed straight into declarations, as there may be 100,000 of them: no Lua table for a case, equal texts and lists are
 * kept once, and each list of inputs is resolved once (resolve.c).
 *
 * What is wrong with a list in a Testfile is an error. A file that cannot be read is a warning and leaves the cases
 * unknown: an error would keep the discover step from being run, which alone can mend it. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lua/cases.h"

const char *const cases_member_names[MEMBERS] = {"data", "group", "id", "inputs", "tags", "timeout"};

const char *cases_id_mistake(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    if (!len)
        return "is empty";
    if (len > MAX_ID_BYTES)
        return "is longer than 4096 bytes";
    if (!json_is_utf8(text, len))
        return "is no UTF-8";
    for (size_t i = 0; i < len; i++)
        if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0))
            return "holds a control character";
    return NULL;
}

enum member cases_member_of(const char *name, size_t len)
{
    enum member m = 0;
    while (m < MEMBERS && (strlen(cases_member_names[m]) != len || memcmp(cases_member_names[m], name, len) != 0))
        m++;
    return m;
}

const char *cases_keep_word(struct load *st, const char *text)
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

void cases_add_item(struct buf *key, const char *text, size_t len)
{
    buf_printf(key, "%zu:", len);
    buf_add(key, text, len);
}

const char *cases_next_item(const char *at, size_t *len)
{
    char *colon;
    *len = strtoul(at, &colon, 10);
    return colon + 1;
}

struct strs cases_keep_tags(struct load *st, const struct buf *key, uint32_t n)
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
        at = cases_next_item(at, &len);
        char *tag = mem_strndup(at, len);
        v[k] = cases_keep_word(st, tag);
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

bool cases_find_inputs(struct load *st, const struct buf *key, uint32_t *at)
{
    bool is_new;
    *at = strset_add(&st->case_inputs, key->p, &is_new);
    if (is_new) {
        MEM_GROW(st->inputs, *at, st->cap_inputs);
        st->inputs[*at] = (struct raw_inputs){{NULL, 0, false}, NULL};
    }
    return !is_new;
}

void cases_set_first(struct raw_inputs *in)
{
    for (uint32_t i = 0; i < in->list.n && !in->first; i++)
        if (in->list.v[i].kind != RAW_EXCLUDE)
            in->first = in->list.v[i].path;
}

struct making cases_begin(struct conv *c, size_t n, bool listed)
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

bool cases_append(struct making *m, const struct decl_case *d, const char *id, uint32_t inputs, uint32_t said_at,
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

void cases_finish(struct making *m)
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

void cases_warn_empty(struct conv *c)
{
    struct about a = {.call = c->kind, .name = c->written, .field = "cases"};
    struct err *e = load_error(c->st, ERR_WARNING, "T219", c->place, &a);
    load_say(e, "suite '%s' has no cases", c->name);
}

void cases_convert(struct conv *c, int idx)
{
    if (lua_type(c->L, idx) == LUA_TSTRING)
        cases_from_file(c, idx);
    else if (lua_istable(c->L, idx))
        cases_from_list(c, idx);
}

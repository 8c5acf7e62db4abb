/* SPDX-License-Identifier: MIT
 *
 * Cases as the JSON lines that a discover step wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "lua/cases.h"

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
    if (!r->n_inputs || cases_find_inputs(st, r->inputs, &r->inputs_at))
        return 1;
    struct raw_item *v = arena_alloc(&st->arena, r->n_inputs * sizeof *v);
    const char *at = r->inputs->p;
    for (uint32_t i = 0; i < r->n_inputs; i++) {
        size_t len;
        at = cases_next_item(at, &len);
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
    cases_set_first(&st->inputs[r->inputs_at]);
    return 1;
}

static int end_case(struct reader *r)
{
    uint32_t before;
    r->done = true;
    if (!(r->seen & 1u << M_ID))
        return stop(r, "the case has no id");
    const char *why = cases_id_mistake(r->id.p, r->id.len);
    if (why)
        return stop(r, "the id %s", why);
    r->d.tags = cases_keep_tags(r->st, r->tags, r->n_tags);
    if (!cases_append(&r->m, &r->d, r->id.p, r->inputs_at, r->line, &before))
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
    return stop(r, "'%s' must be %s, and %s %s", cases_member_names[r->at], wanted[r->at],
                r->depth > 1 ? "holds" : "is", is);
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
        return stop(r, "'%s' holds %s", cases_member_names[r->at], len ? "a NUL byte" : "an empty string");
    if (r->at == M_ID) {
        buf_add(&r->id, text, len);
        if (!len)
            buf_adds(&r->id, "");
    } else if (r->at == M_GROUP) {
        buf_reset(&r->st->text2);
        buf_add(&r->st->text2, text, len);
        r->d.group = cases_keep_word(r->st, buf_cstr(&r->st->text2));
    } else if (r->at == M_INPUTS) {
        cases_add_item(r->inputs, text, len);
        r->n_inputs++;
    } else {
        cases_add_item(r->tags, text, len);
        r->n_tags++;
    }
    return r->n_inputs <= MAX_LIST && r->n_tags <= MAX_LIST
               ? 1
               : stop(r, "'%s' holds more than %d items", cases_member_names[r->at], MAX_LIST);
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
    r->at = cases_member_of(name, len);
    if (r->at == M_NONE) {
        char shown[60];
        snprintf(shown, sizeof shown, "%.*s", (int)(len < sizeof shown ? len : sizeof shown - 1), name);
        const char *near = nearest_name(shown, cases_member_names, MEMBERS);
        return near ? stop(r, "a case has no member '%s', did you mean '%s'?", shown, near)
                    : stop(r, "a case has no member '%s': %s", shown, CASES_MEMBERS);
    }
    if (r->seen & 1u << r->at)
        return stop(r, "the case says '%s' twice", cases_member_names[r->at]);
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

void cases_from_file(struct conv *c, int idx)
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
    r.m = cases_begin(c, count_lines(&st->text), true);
    uint32_t col;
    if (read_lines(&r, &col)) {
        cases_finish(&r.m);
        if (!r.m.out->n)
            cases_warn_empty(c);
    } else {
        broken(c, path, r.line, col, r.why);
    }
    buf_clear(&r.id);
}

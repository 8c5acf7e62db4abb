/* SPDX-License-Identifier: MIT
 *
 * Which members count depends on `type`, which may come last: so each known member is taken as it comes, what is wrong
 * with it is noted, and in the end the notes on those that this type has are the verdict. */
#include "worker/worker_msg.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/json.h"

enum { MAX_DEPTH = 64, MAX_NUMBER = 400 };
static const double MAX_DURATION_MS = 1e12; /* 31 years; in nanoseconds it fits an int64 */

enum member {
    M_TYPE,
    M_PROTOCOL,
    M_ID,
    M_NAME,
    M_OUTCOME,
    M_MESSAGE,
    M_DETAILS,
    M_DURATION,
    M_READS,
    M_SUBTESTS,
    M_RECYCLE,
    N_MEMBERS,
};
#define BIT(m) (1U << (m))
static const char *const member_names[N_MEMBERS] = {
    [M_TYPE] = "type",       [M_PROTOCOL] = "protocol", [M_ID] = "id",
    [M_NAME] = "name",       [M_OUTCOME] = "outcome",   [M_MESSAGE] = "message",
    [M_DETAILS] = "details", [M_READS] = "reads",       [M_DURATION] = "duration_ms",
    [M_RECYCLE] = "recycle", [M_SUBTESTS] = "subtests",
};

static const struct {
    const char *name;
    unsigned counts, needed; /* sets of members */
} types[] = {
    [WORKER_READY] = {"ready", BIT(M_PROTOCOL) | BIT(M_NAME), BIT(M_PROTOCOL)},
    [WORKER_STARTED] = {"started", BIT(M_ID), BIT(M_ID)},
    [WORKER_DONE] = {"done",
                     BIT(M_ID) | BIT(M_OUTCOME) | BIT(M_MESSAGE) | BIT(M_DETAILS) | BIT(M_DURATION) | BIT(M_READS) |
                         BIT(M_SUBTESTS) | BIT(M_RECYCLE),
                     BIT(M_ID) | BIT(M_OUTCOME)},
    [WORKER_ERROR] = {"error", BIT(M_MESSAGE) | BIT(M_DETAILS), 0},
};

static const struct {
    const char *name;
    enum outcome outcome;
    enum case_mark mark;
} outcomes[] = {
    {"passed", OUTCOME_PASSED, MARK_NONE},     {"failed", OUTCOME_FAILED, MARK_NONE},
    {"error", OUTCOME_ERROR, MARK_NONE},       {"skipped", OUTCOME_PASSED, MARK_SKIPPED},
    {"xfailed", OUTCOME_PASSED, MARK_XFAILED}, {"xpassed", OUTCOME_PASSED, MARK_XPASSED},
};

enum kind { IS_NULL, IS_BOOL, IS_NUMBER, IS_STRING, IS_MAP, IS_ARRAY };

struct parser {
    struct worker_msg *m;
    int depth;
    enum member member; /* of the top object, whose value this is or is within; N_MEMBERS = not a known one */
    unsigned seen;      /* set of members */
    const char *fault[N_MEMBERS];
    bool listed;      /* the value of `member` is a list */
    bool in_subtest;  /* the entry that this is within is an object */
    enum member part; /* of the subtest, whose value comes next */
    unsigned parts;   /* set of members seen in the subtest */
    size_t cap_subtests;
    char type_word[24], outcome_word[24]; /* the unknown type and outcome, cut */
    const char *stop;                     /* why parsing was given up */
};

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static void fault(struct parser *p, const char *what)
{
    if (!p->fault[p->member])
        p->fault[p->member] = what;
}

/* One line for people: no control characters, cut between two characters. NULL if there is nothing. */
static char *one_line(const char *text, size_t len)
{
    size_t n = len;
    if (n > WORKER_MSG_ONE_LINE) {
        n = WORKER_MSG_ONE_LINE;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    }
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        buf_addc(&b, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i]);
    while (b.len && b.p[b.len - 1] == ' ')
        b.len--;
    if (b.len && n < len)
        buf_adds(&b, "...");
    if (!b.len) {
        buf_clear(&b);
        return NULL;
    }
    b.p[b.len] = '\0';
    return buf_take(&b);
}

/* A C string: a NUL, which only an escape can give, becomes U+FFFD. NULL if there is nothing. */
static char *any_text(const char *text, size_t len)
{
    struct buf b = BUF_INIT;
    for (const char *end = text + len, *nul; text < end; text = nul + 1) {
        nul = memchr(text, 0, (size_t)(end - text));
        if (!nul) {
            buf_add(&b, text, (size_t)(end - text));
            break;
        }
        buf_add(&b, text, (size_t)(nul - text));
        buf_adds(&b, "\xef\xbf\xbd");
    }
    return b.len ? buf_take(&b) : NULL;
}

static bool whole_number(const char *text, size_t len, uint64_t *out)
{
    char small[24];
    if (len == 0 || len >= sizeof small)
        return false;
    memcpy(small, text, len);
    small[len] = '\0';
    errno = 0;
    *out = strtoull(small, NULL, 10);
    return errno == 0 && strspn(small, "0123456789") == len;
}

static bool duration(const char *text, size_t len, int64_t *out_ns)
{
    char small[MAX_NUMBER + 1];
    if (len > MAX_NUMBER)
        return false;
    memcpy(small, text, len);
    small[len] = '\0';
    double ms = strtod(small, NULL);
    if (!isfinite(ms) || ms < 0 || ms > MAX_DURATION_MS)
        return false;
    *out_ns = (int64_t)(ms * 1e6);
    return true;
}

static bool outcome(const char *text, size_t len, enum outcome *o, enum case_mark *mark)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (is(text, len, outcomes[i].name)) {
            *o = outcomes[i].outcome;
            *mark = outcomes[i].mark;
            return true;
        }
    return false;
}

static void keep_word(char word[24], const char *text, size_t len)
{
    char *line = one_line(text, len);
    size_t n = line ? strlen(line) : 0;
    if (n >= 24) {
        n = 23;
        while (n > 0 && ((unsigned char)line[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(word, line ? line : "", n);
    word[n] = '\0';
    mem_free(line);
}

static void take_type(struct parser *p, const char *text, size_t len)
{
    for (int t = WORKER_READY; t <= WORKER_ERROR; t++)
        if (is(text, len, types[t].name))
            p->m->type = (enum worker_msg_type)t;
    if (!p->m->type) {
        keep_word(p->type_word, text, len);
        fault(p, "is not one that a worker sends");
    }
}

static const char *const kind_faults[] = {
    [IS_BOOL] = "is neither true nor false",
    [IS_NUMBER] = "is not a number",
    [IS_STRING] = "is not a string",
    [IS_ARRAY] = "is not a list",
};
static const enum kind kinds[N_MEMBERS] = {
    [M_TYPE] = IS_STRING,    [M_PROTOCOL] = IS_NUMBER, [M_ID] = IS_NUMBER,      [M_NAME] = IS_STRING,
    [M_OUTCOME] = IS_STRING, [M_MESSAGE] = IS_STRING,  [M_DETAILS] = IS_STRING, [M_DURATION] = IS_NUMBER,
    [M_READS] = IS_ARRAY,    [M_SUBTESTS] = IS_ARRAY,  [M_RECYCLE] = IS_BOOL,
};
#define NEEDED_SOMEWHERE (BIT(M_TYPE) | BIT(M_PROTOCOL) | BIT(M_ID) | BIT(M_OUTCOME))

/* The value of a member of the message. null is the same as leaving out what may be left out. */
static void take_member(struct parser *p, enum kind kind, const char *text, size_t len)
{
    struct worker_msg *m = p->m;
    p->listed = false;
    if (p->member == N_MEMBERS || p->fault[p->member])
        return;
    if (kind == IS_NULL && !(NEEDED_SOMEWHERE & BIT(p->member)))
        return;
    if (kind != kinds[p->member]) {
        fault(p, kind_faults[kinds[p->member]]);
        return;
    }
    switch (p->member) {
    case M_TYPE:
        take_type(p, text, len);
        break;
    case M_PROTOCOL:
        if (!whole_number(text, len, &m->protocol))
            fault(p, "is not a whole number");
        break;
    case M_ID:
        if (!whole_number(text, len, &m->id))
            fault(p, "is not a whole number");
        break;
    case M_NAME:
        m->name = one_line(text, len);
        break;
    case M_OUTCOME:
        if (!outcome(text, len, &m->outcome, &m->mark)) {
            keep_word(p->outcome_word, text, len);
            fault(p, "is none of passed, failed, error, skipped, xfailed and xpassed");
        }
        break;
    case M_MESSAGE:
        m->message = one_line(text, len);
        break;
    case M_DETAILS:
        m->details = any_text(text, len);
        break;
    case M_DURATION:
        if (!duration(text, len, &m->duration_ns))
            fault(p, "is not a number of milliseconds from 0 to 1e12");
        break;
    case M_READS:
        m->has_reads = p->listed = true;
        break;
    case M_SUBTESTS:
        p->listed = true;
        break;
    case M_RECYCLE:
        m->recycle = *text == 't';
        break;
    case N_MEMBERS:
        break;
    }
}

/* A path that cannot be understood is a file that the key would not cover: that is never let pass. U+FFFD is what a
 * language's library makes of a name that is not UTF-8. */
static void take_read(struct parser *p, enum kind kind, const char *text, size_t len)
{
    if (kind != IS_STRING)
        fault(p, "has an entry that is not a string");
    else if (!len)
        fault(p, "has an empty entry");
    else if (len > WORKER_MSG_PATH_BYTES)
        fault(p, "has an entry of more than 4096 bytes");
    else if (memchr(text, 0, len))
        fault(p, "has an entry with a NUL in it");
    else if (memmem(text, len, "\xef\xbf\xbd", 3))
        fault(p, "has an entry that is not the name of a file: U+FFFD in it means that it was not UTF-8");
    else if (p->m->reads.n >= WORKER_MSG_LISTED)
        fault(p, "has more than 100000 entries");
    else
        strvec_addn(&p->m->reads, text, len);
}

static void open_subtest(struct parser *p, enum kind kind)
{
    struct worker_msg *m = p->m;
    if (kind != IS_MAP) {
        fault(p, "has an entry that is not an object");
    } else if (m->n_subtests >= WORKER_MSG_LISTED) {
        fault(p, "has more than 100000 entries");
    } else {
        MEM_GROW(m->subtests, m->n_subtests, p->cap_subtests);
        m->subtests[m->n_subtests++] = (struct worker_subtest){.duration_ns = -1};
        p->in_subtest = true;
        p->parts = 0;
    }
}

static void take_part(struct parser *p, enum kind kind, const char *text, size_t len)
{
    struct worker_subtest *s = &p->m->subtests[p->m->n_subtests - 1];
    switch (p->part) {
    case M_NAME:
        if (kind != IS_STRING)
            fault(p, "has an entry whose name is not a string");
        else
            s->name = one_line(text, len);
        break;
    case M_OUTCOME:
        if (kind != IS_STRING || !outcome(text, len, &s->outcome, &s->mark))
            fault(p, "has an entry with an unknown outcome");
        break;
    case M_MESSAGE:
        if (kind == IS_STRING)
            s->message = one_line(text, len);
        else if (kind != IS_NULL)
            fault(p, "has an entry whose message is not a string");
        break;
    case M_DURATION:
        if (kind != IS_NULL && (kind != IS_NUMBER || !duration(text, len, &s->duration_ns)))
            fault(p, "has an entry whose duration_ms is not a number of milliseconds from 0 to 1e12");
        break;
    default:
        break;
    }
}

static void close_subtest(struct parser *p)
{
    struct worker_subtest *s = &p->m->subtests[p->m->n_subtests - 1];
    p->in_subtest = false;
    if (!(p->parts & BIT(M_NAME)))
        fault(p, "has an entry without a name");
    if (!(p->parts & BIT(M_OUTCOME)))
        fault(p, "has an entry without an outcome");
    if (!s->name)
        s->name = mem_strdup("");
}

/* ---- yajl's events ---- */

static int value(struct parser *p, enum kind kind, const char *text, size_t len)
{
    if (p->depth == 0) {
        if (kind != IS_MAP)
            p->stop = "it is not an object";
    } else if (p->depth == 1) {
        take_member(p, kind, text, len);
    } else if (p->listed && !p->fault[p->member]) {
        if (p->depth == 2 && p->member == M_READS)
            take_read(p, kind, text, len);
        else if (p->depth == 2)
            open_subtest(p, kind);
        else if (p->depth == 3 && p->in_subtest)
            take_part(p, kind, text, len);
    }
    if (kind == IS_MAP || kind == IS_ARRAY) {
        if (p->depth == MAX_DEPTH)
            p->stop = "it is nested more than 64 deep";
        p->depth++;
    }
    return !p->stop;
}

static int on_null(void *ctx) { return value(ctx, IS_NULL, "", 0); }
static int on_boolean(void *ctx, int v) { return value(ctx, IS_BOOL, v ? "t" : "f", 1); }
static int on_number(void *ctx, const char *text, size_t len) { return value(ctx, IS_NUMBER, text, len); }
static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    return value(ctx, IS_STRING, len ? (const char *)text : "", len);
}
static int on_map(void *ctx) { return value(ctx, IS_MAP, "", 0); }
static int on_array(void *ctx) { return value(ctx, IS_ARRAY, "", 0); }

static int on_end(void *ctx)
{
    struct parser *p = ctx;
    p->depth--;
    if (p->depth == 2 && p->in_subtest)
        close_subtest(p);
    return 1;
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
    struct parser *p = ctx;
    enum member found = N_MEMBERS;
    bool top = p->depth == 1, part = p->depth == 3 && p->in_subtest;
    for (int i = 0; i < N_MEMBERS && (top || part); i++)
        if (is(len ? (const char *)text : "", len, member_names[i]))
            found = (enum member)i;
    if (top) {
        p->member = found;
        p->listed = false;
        if (found != N_MEMBERS && (p->seen & BIT(found)))
            fault(p, "is there twice");
        if (found != N_MEMBERS)
            p->seen |= BIT(found);
    } else if (part) {
        p->part = found;
        if (found != N_MEMBERS && (p->parts & BIT(found)))
            fault(p, "has an entry with the same member twice");
        if (found != N_MEMBERS)
            p->parts |= BIT(found);
    }
    return 1;
}

/* ---- the whole line ---- */

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i], low = c | 0x20;
        int d = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* Escapes of half a surrogate pair (RFC 8259, section 8.2) are no character; Python writes a byte of a name or of output
 * that is not UTF-8 so. They become U+FFFD, which takes as many bytes. */
static void replace_lone_surrogates(char *line, size_t len)
{
    char *end = line + len;
    for (char *p = line; (p = memchr(p, '\\', (size_t)(end - p))) != NULL;) {
        int v = end - p >= 6 && p[1] == 'u' ? hex4(p + 2) : -1;
        if (v < 0xd800 || v > 0xdfff) {
            p += end - p >= 2 ? 2 : 1;
            continue;
        }
        int next = v < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
        if (next >= 0xdc00 && next <= 0xdfff) {
            p += 12;
            continue;
        }
        memcpy(p + 2, "fffd", 4);
        p += 6;
    }
}

/* NULL = as it must be; else a line that says what is not. */
static char *verdict(const struct parser *p)
{
    if (p->fault[M_TYPE] && p->seen & BIT(M_TYPE))
        return *p->type_word ? mem_printf("its type \"%s\" %s", p->type_word, p->fault[M_TYPE])
                             : mem_printf("its 'type' %s", p->fault[M_TYPE]);
    if (!p->m->type)
        return mem_strdup("it has no 'type'");
    unsigned counts = types[p->m->type].counts;
    const char *name = types[p->m->type].name;
    for (int i = 0; i < N_MEMBERS; i++) {
        if (!(counts & BIT(i)))
            continue;
        if (p->fault[i])
            return i == M_OUTCOME && *p->outcome_word
                       ? mem_printf("%s: outcome \"%s\" %s", name, p->outcome_word, p->fault[i])
                       : mem_printf("%s: '%s' %s", name, member_names[i], p->fault[i]);
        if ((types[p->m->type].needed & BIT(i)) && !(p->seen & BIT(i)))
            return mem_printf("%s: it has no '%s'", name, member_names[i]);
    }
    return NULL;
}

static char *parse(char *line, size_t len, struct parser *p)
{
    static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                             .yajl_boolean = on_boolean,
                                             .yajl_number = on_number,
                                             .yajl_string = on_string,
                                             .yajl_start_map = on_map,
                                             .yajl_map_key = on_key,
                                             .yajl_end_map = on_end,
                                             .yajl_start_array = on_array,
                                             .yajl_end_array = on_end};
    size_t blank = 0;
    while (blank < len && (line[blank] == ' ' || line[blank] == '\t' || line[blank] == '\r'))
        blank++;
    if (blank == len)
        return mem_strdup("it is empty");
    if (!json_is_utf8(line, len))
        return mem_strdup("it is not UTF-8");
    replace_lone_surrogates(line, len);
    yajl_handle h = yajl_alloc(&callbacks, NULL, p);
    if (!h)
        return mem_strdup("there is no memory to read it");
    yajl_status s = yajl_parse(h, (const unsigned char *)line, len);
    if (s == yajl_status_ok)
        s = yajl_complete_parse(h);
    char *why = NULL;
    if (p->stop) {
        why = mem_strdup(p->stop);
    } else if (s != yajl_status_ok) {
        unsigned char *text = yajl_get_error(h, 0, (const unsigned char *)line, len);
        why = mem_printf("it is not JSON: %.*s", text ? (int)strcspn((char *)text, "\n") : 0, text ? (char *)text : "");
        if (text)
            yajl_free_error(h, text);
    } else {
        why = verdict(p);
    }
    yajl_free(h);
    return why;
}

bool worker_msg_parse(char *line, size_t len, struct worker_msg *m, char **why)
{
    *m = (struct worker_msg){.duration_ns = -1};
    struct parser p = {.m = m, .member = N_MEMBERS, .part = N_MEMBERS};
    *why = parse(line, len, &p);
    if (*why) {
        worker_msg_clear(m);
        return false;
    }
    return true;
}

void worker_msg_clear(struct worker_msg *m)
{
    for (uint32_t i = 0; i < m->n_subtests; i++) {
        mem_free(m->subtests[i].name);
        mem_free(m->subtests[i].message);
    }
    mem_free(m->subtests);
    strvec_clear(&m->reads);
    mem_free(m->name);
    mem_free(m->message);
    mem_free(m->details);
    *m = (struct worker_msg){.duration_ns = -1};
}

/* ---- what the engine writes ---- */

void worker_msg_hello(struct buf *out, const char *suite, const char *root)
{
    struct json j = JSON_INIT(out);
    json_object(&j);
    json_key(&j, "type");
    json_str(&j, "hello");
    json_key(&j, "protocol");
    json_int(&j, WORKER_PROTOCOL);
    json_key(&j, "suite");
    json_str(&j, suite);
    json_key(&j, "root");
    json_str(&j, root);
    json_end(&j);
    buf_addc(out, '\n');
}

void worker_msg_run(struct buf *out, uint64_t id, const struct worker_run *run)
{
    struct json j = JSON_INIT(out); /* single values: `data` and `extra` are JSON already */
    ASSERT(!run->data || !strchr(run->data, '\n'));
    buf_printf(out, "{\"type\":\"run\",\"id\":%llu,\"case\":", (unsigned long long)id);
    json_str(&j, run->id);
    if (run->data)
        buf_printf(out, ",\"data\":%s", run->data);
    buf_printf(out, ",\"attempt\":%u,\"next\":", run->attempt ? run->attempt : 1);
    json_str(&j, run->next);
    buf_printf(out, "%s}\n", run->extra ? run->extra : "");
}

void worker_msg_exit(struct buf *out) { buf_adds(out, "{\"type\":\"exit\"}\n"); }

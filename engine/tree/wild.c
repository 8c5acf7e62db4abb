/* SPDX-License-Identifier: MIT
 *
 * Wildcard patterns as a list of tokens, and the simulation over them. */
#include "tree/wild.h"

#include <string.h>

enum token_kind {
    TOK_LITERAL,
    TOK_ANY, /* `?` */
    TOK_SET,
    TOK_STAR,   /* `*`: stays on all but '/', or is left at once */
    TOK_PARTS,  /* `**` and its slash: stays on all, is left at once or behind a '/' */
    TOK_PARTS1, /* the same, but left only behind a '/' */
    TOK_ALL,    /* a trailing `**`: stays on all, or is left at once */
    TOK_ACCEPT,
};
struct wild_token {
    uint8_t kind; /* enum token_kind */
    uint8_t c;    /* of TOK_LITERAL */
    uint32_t set; /* of TOK_SET */
};

void wild_states_clear(struct wild_states *s)
{
    mem_free(s->v);
    *s = (struct wild_states){0};
}

void wild_clear(struct wild *w)
{
    mem_free(w->tokens);
    mem_free(w->sets);
    mem_free(w->starts);
    mem_free(w->seen);
    for (int i = 0; i < 3; i++)
        wild_states_clear(&w->spare[i]);
    *w = (struct wild)WILD_INIT;
}

static void set_add(struct wild_set *s, unsigned from, unsigned to)
{
    for (unsigned c = from; c <= to; c++)
        s->bits[c >> 6] |= (uint64_t)1 << (c & 63);
}

static bool set_has(const struct wild_set *s, uint8_t c) { return s->bits[c >> 6] >> (c & 63) & 1; }

/* The ASCII ranges of the named classes (POSIX locale): pairs of first and last. */
static const struct {
    const char *name;
    uint8_t ranges[9]; /* ended by 0 */
} named_sets[] = {
    {"alnum", {'0', '9', 'A', 'Z', 'a', 'z'}},
    {"alpha", {'A', 'Z', 'a', 'z'}},
    {"blank", {'\t', '\t', ' ', ' '}},
    {"cntrl", {1, 31, 127, 127}},
    {"digit", {'0', '9'}},
    {"graph", {'!', '~'}},
    {"lower", {'a', 'z'}},
    {"print", {' ', '~'}},
    {"punct", {'!', '/', ':', '@', '[', '`', '{', '~'}},
    {"space", {'\t', '\n', '\r', '\r', ' ', ' '}}, /* as git has it, without \v and \f */
    {"upper", {'A', 'Z'}},
    {"xdigit", {'0', '9', 'A', 'F', 'a', 'f'}},
};

static bool set_add_named(struct wild_set *s, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof named_sets / sizeof *named_sets; i++) {
        if (strlen(named_sets[i].name) != len || memcmp(named_sets[i].name, name, len))
            continue;
        for (const uint8_t *r = named_sets[i].ranges; *r; r += 2)
            set_add(s, r[0], r[1]);
        return true;
    }
    return false;
}

static const char *malformed(const char **why, const char *text)
{
    if (why)
        *why = text;
    return NULL;
}

const char *wild_read_set(const char *p, const char *end, struct wild_set *set, const char **why)
{
    static const char not_closed[] = "'[' is not closed";
    struct wild_set s = {{0}};
    bool negated = ++p < end && (*p == '!' || *p == '^');
    p += negated;
    unsigned previous = 0; /* what a '-' would start from; 0 = nothing */
    /* A ']' that comes first is a member. */
    for (bool first = true; p < end && (first || *p != ']'); first = false) {
        uint8_t c = (uint8_t)*p++;
        if (c == '\\') {
            if (p == end)
                break;
            c = (uint8_t)*p++;
            set_add(&s, c, c);
        } else if (c == '-' && previous && p < end && *p != ']') {
            uint8_t last = (uint8_t)*p++;
            if (last == '\\') {
                if (p == end)
                    break;
                last = (uint8_t)*p++;
            }
            set_add(&s, previous, last); /* z-a is empty */
            previous = 0;
            continue;
        } else if (c == '[' && p < end && *p == ':') {
            const char *close = memchr(p, ']', (size_t)(end - p));
            if (!close)
                return malformed(why, not_closed);
            if (close - p >= 2 && close[-1] == ':') {
                if (!set_add_named(&s, p + 1, (size_t)(close - p) - 2))
                    return malformed(why, "it has an unknown character class (such as [:alpha:])");
                p = close + 1;
                previous = 0;
                continue;
            }
            set_add(&s, c, c); /* no ":]": an ordinary '[' */
        } else {
            set_add(&s, c, c);
        }
        previous = c;
    }
    if (p >= end)
        return malformed(why, not_closed);
    for (int i = 0; negated && i < 4; i++)
        s.bits[i] = ~s.bits[i];
    s.bits['/' >> 6] &= ~((uint64_t)1 << ('/' & 63));
    if (set)
        *set = s;
    return p + 1;
}

static void put(struct wild *w, enum token_kind kind, uint8_t c, uint32_t set)
{
    MEM_GROW(w->tokens, w->n_tokens, w->cap_tokens);
    w->tokens[w->n_tokens++] = (struct wild_token){(uint8_t)kind, c, set};
}

/* Reads the stars at `p`. What makes `**` a whole part is read off the text before and after it. */
static const char *add_stars(struct wild *w, size_t start, const char *pattern, const char *p, const char *end)
{
    bool part = p == pattern || p[-1] == '/';
    const char *q = p;
    while (q < end && *q == '*')
        q++;
    /* The same star twice in a row means no more than once. */
    enum token_kind last = w->n_tokens > start ? w->tokens[w->n_tokens - 1].kind : TOK_ACCEPT;
    if (part && q - p > 1) {
        if (q == end) {
            put(w, TOK_ALL, 0, 0);
            return q;
        }
        if (*q == '/') {
            if (last != TOK_PARTS)
                put(w, TOK_PARTS, 0, 0);
            return q + 1;
        }
        if (*q == '\\' && q + 1 < end && q[1] == '/') { /* git does not let an escaped slash vanish */
            put(w, TOK_PARTS1, 0, 0);
            return q + 2;
        }
    }
    put(w, TOK_STAR, 0, 0);
    return q;
}

const char *wild_add(struct wild *w, const char *pattern, size_t len)
{
    const char *end = pattern + len, *why = NULL;
    size_t start = w->n_tokens, sets = w->n_sets;
    for (const char *p = pattern; p < end && !why;) {
        switch (*p) {
        case '*':
            p = add_stars(w, start, pattern, p, end);
            break;
        case '?':
            put(w, TOK_ANY, 0, 0);
            p++;
            break;
        case '[': {
            MEM_GROW(w->sets, w->n_sets, w->cap_sets);
            const char *next = wild_read_set(p, end, &w->sets[w->n_sets], &why);
            put(w, TOK_SET, 0, (uint32_t)w->n_sets++);
            p = next ? next : end;
            break;
        }
        case '\\':
            if (++p == end) {
                why = "it ends in a backslash";
                break;
            }
            put(w, TOK_LITERAL, (uint8_t)*p++, 0);
            break;
        default:
            put(w, TOK_LITERAL, (uint8_t)*p++, 0);
        }
    }
    if (!why && w->n_tokens >= UINT32_MAX / 2)
        why = "it is too long";
    if (why) {
        w->n_tokens = start;
        w->n_sets = sets;
        return why;
    }
    put(w, TOK_ACCEPT, 0, 0);
    MEM_GROW(w->starts, w->n_starts, w->cap_starts);
    w->starts[w->n_starts++] = (uint32_t)start;
    return NULL;
}

/* A fresh, empty `out` with room for every token, so that adding to it needs no check. */
static void begin(struct wild *w, struct wild_states *out)
{
    if (w->cap_seen < w->n_tokens) {
        w->seen = mem_resize(w->seen, w->cap_tokens, sizeof *w->seen);
        memset(w->seen + w->cap_seen, 0, (w->cap_tokens - w->cap_seen) * sizeof *w->seen);
        w->cap_seen = w->cap_tokens;
    }
    if (out->cap < w->n_tokens) {
        out->cap = (uint32_t)w->cap_tokens;
        out->v = mem_resize(out->v, out->cap, sizeof *out->v);
    }
    out->n = 0;
}

static void next_generation(struct wild *w)
{
    if (!++w->generation) {
        memset(w->seen, 0, w->cap_seen * sizeof *w->seen);
        w->generation = 1;
    }
}

/* Adds a token and what can be reached from it without a character. `leave` says that a TOK_PARTS may be left here,
 * which is so where a part begins. Within one step it is the same for all tokens that are added. */
static inline void add(struct wild *w, struct wild_states *out, uint32_t t, bool leave)
{
    while (w->seen[t] != w->generation) {
        w->seen[t] = w->generation;
        out->v[out->n++] = t;
        uint8_t kind = w->tokens[t].kind;
        if (kind == TOK_STAR || kind == TOK_ALL || (kind == TOK_PARTS && leave))
            t++;
        else
            return;
    }
}

void wild_start(struct wild *w, struct wild_states *out)
{
    begin(w, out);
    next_generation(w);
    for (size_t i = 0; i < w->n_starts; i++)
        add(w, out, w->starts[i], true);
}

static void step(struct wild *w, const uint32_t *from, uint32_t n_from, uint8_t c, struct wild_states *out)
{
    bool slash = c == '/';
    out->n = 0;
    next_generation(w);
    for (uint32_t i = 0; i < n_from; i++) {
        uint32_t t = from[i];
        const struct wild_token *tok = &w->tokens[t];
        switch ((enum token_kind)tok->kind) {
        case TOK_LITERAL:
            if (tok->c == c)
                add(w, out, t + 1, true);
            break;
        case TOK_ANY:
            if (!slash)
                add(w, out, t + 1, true);
            break;
        case TOK_SET:
            if (set_has(&w->sets[tok->set], c))
                add(w, out, t + 1, true);
            break;
        case TOK_STAR:
            if (!slash)
                add(w, out, t, true);
            break;
        case TOK_ALL:
            add(w, out, t, true);
            break;
        case TOK_PARTS:
            add(w, out, t, slash);
            break;
        case TOK_PARTS1:
            add(w, out, t, false);
            if (slash)
                add(w, out, t + 1, true);
            break;
        case TOK_ACCEPT:
            break;
        }
    }
}

void wild_step(struct wild *w, const uint32_t *from, uint32_t n_from, const char *text, size_t len,
               struct wild_states *out)
{
    begin(w, out);
    begin(w, &w->spare[1]);
    if (!len && n_from)
        memcpy(out->v, from, n_from * sizeof *from);
    out->n = len ? 0 : n_from;
    /* Writes alternate between two lists so that the last one lands in `out`. */
    struct wild_states *to = len & 1 ? out : &w->spare[1], *other = len & 1 ? &w->spare[1] : out;
    for (size_t i = 0; i < len; i++) {
        step(w, from, n_from, (uint8_t)text[i], to);
        if (!to->n) {
            out->n = 0;
            return;
        }
        from = to->v;
        n_from = to->n;
        struct wild_states *swap = to;
        to = other;
        other = swap;
    }
}

bool wild_accepts(const struct wild *w, const struct wild_states *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (w->tokens[s->v[i]].kind == TOK_ACCEPT)
            return true;
    return false;
}

bool wild_match(struct wild *w, const char *text, size_t len)
{
    wild_start(w, &w->spare[0]);
    wild_step(w, w->spare[0].v, w->spare[0].n, text, len, &w->spare[2]);
    return wild_accepts(w, &w->spare[2]);
}

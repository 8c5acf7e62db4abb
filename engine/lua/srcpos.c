/* SPDX-License-Identifier: MIT
 *
 * Tokens of a Testfile with their places. */
#include "lua/srcpos.h"

#include <string.h>

#include "lua/label.h"
#include "tree/path.h"

enum token_kind { TOKEN_NAME, TOKEN_STRING, TOKEN_LONG_STRING, TOKEN_NUMBER, TOKEN_SYMBOL };

struct token {
    uint32_t at, len; /* of a string with its quotes or brackets */
    uint32_t line, col;
    uint32_t kind;
};

struct srcpos {
    const char *text;
    struct token *v;
    size_t n, cap;
};

enum {
    LINE_TOKENS = 4000,    /* looked at on one line */
    CALL_TOKENS = 1000000, /* looked at in one call */
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c); }

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Length of a long bracket's opening ("[[", "[==["), 0 if there is none. */
static size_t long_open(const char *p, const char *end)
{
    const char *q = p + 1;
    while (q < end && *q == '=')
        q++;
    return p < end && *p == '[' && q < end && *q == '[' ? (size_t)(q - p) + 1 : 0;
}

static const char *long_end(const char *p, const char *end, size_t open)
{
    for (const char *q = p + open; q < end; q++) {
        if (*q != ']')
            continue;
        size_t n = 1;
        while (q + n < end && n < open - 1 && q[n] == '=')
            n++;
        if (n == open - 1 && q + n < end && q[n] == ']')
            return q + n + 1;
    }
    return end;
}

static const char *short_string_end(const char *p, const char *end)
{
    char quote = *p++;
    while (p < end && *p != quote && *p != '\n') {
        if (*p == '\\' && p + 1 < end) {
            p++;
            if (*p == 'z') /* skips the white space after it, line breaks too */
                while (p + 1 < end && is_space(p[1]))
                    p++;
        }
        p++;
    }
    return p < end && *p == quote ? p + 1 : p;
}

static size_t symbol_len(const char *p, const char *end)
{
    static const char *const longer[] = {"...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};
    for (size_t i = 0; i < sizeof longer / sizeof *longer; i++) {
        size_t n = strlen(longer[i]);
        if ((size_t)(end - p) >= n && memcmp(p, longer[i], n) == 0)
            return n;
    }
    return 1;
}

struct srcpos *srcpos_new(const char *text, size_t len)
{
    struct srcpos *s = mem_calloc(1, sizeof *s);
    s->text = text;
    const char *p = text, *end = text + len, *line_start = text;
    uint32_t line = 1;
    while (p < end) {
        const char *from = p;
        int kind = -1;
        size_t open;
        if (is_space(*p)) {
            p++;
        } else if (*p == '-' && p + 1 < end && p[1] == '-') {
            if (p + 2 < end && (open = long_open(p + 2, end)))
                p = long_end(p + 2, end, open);
            else
                while (p < end && *p != '\n')
                    p++;
        } else if (*p == '"' || *p == '\'') {
            kind = TOKEN_STRING;
            p = short_string_end(p, end);
        } else if ((open = long_open(p, end))) {
            kind = TOKEN_LONG_STRING;
            p = long_end(p, end, open);
        } else if (is_digit(*p) || (*p == '.' && p + 1 < end && is_digit(p[1]))) {
            kind = TOKEN_NUMBER;
            while (p < end && (is_name_char(*p) || *p == '.'))
                p++;
        } else if (is_name_char(*p)) {
            kind = TOKEN_NAME;
            while (p < end && is_name_char(*p))
                p++;
        } else {
            kind = TOKEN_SYMBOL;
            p += symbol_len(p, end);
        }
        if (kind >= 0) {
            MEM_GROW(s->v, s->n, s->cap);
            s->v[s->n++] = (struct token){(uint32_t)(from - text), (uint32_t)(p - from), line,
                                          (uint32_t)(from - line_start) + 1, (uint32_t)kind};
        }
        for (const char *q = from; (q = memchr(q, '\n', (size_t)(p - q))); q++) {
            line++;
            line_start = q + 1;
        }
    }
    return s;
}

void srcpos_free(struct srcpos *s)
{
    if (!s)
        return;
    mem_free(s->v);
    mem_free(s);
}

static bool token_is(const struct srcpos *s, size_t i, const char *text)
{
    size_t n = strlen(text);
    return i < s->n && s->v[i].len == n && memcmp(s->text + s->v[i].at, text, n) == 0;
}

static bool is_string(const struct srcpos *s, size_t i)
{
    return i < s->n && (s->v[i].kind == TOKEN_STRING || s->v[i].kind == TOKEN_LONG_STRING);
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What a string token stands for. \u{...} stays as written: names and paths do not need it to be found. */
static void string_value(const struct srcpos *s, size_t i, struct buf *out)
{
    const char *p = s->text + s->v[i].at, *end = p + s->v[i].len;
    if (s->v[i].kind == TOKEN_LONG_STRING) {
        size_t open = long_open(p, end);
        p += open;
        end = end - p >= (ptrdiff_t)open ? end - open : p;
        p += p < end && *p == '\n';
        buf_add(out, p, (size_t)(end - p));
        return;
    }
    char quote = *p++;
    end -= end > p && end[-1] == quote;
    for (; p < end; p++) {
        if (*p != '\\' || p + 1 >= end) {
            buf_addc(out, *p);
            continue;
        }
        static const char from[] = "abfnrtv\n", to[] = "\a\b\f\n\r\t\v\n";
        const char *simple = *++p ? strchr(from, *p) : NULL;
        if (simple) {
            buf_addc(out, to[simple - from]);
        } else if (*p == 'x' && end - p > 2 && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
            buf_addc(out, (char)(hex_digit(p[1]) * 16 + hex_digit(p[2])));
            p += 2;
        } else if (is_digit(*p)) {
            int v = 0, n = 0;
            while (n < 3 && p + n < end && is_digit(p[n]))
                v = v * 10 + (p[n++] - '0');
            buf_addc(out, (char)v);
            p += n - 1;
        } else if (*p == 'z') {
            while (p + 1 < end && is_space(p[1]))
                p++;
        } else {
            buf_addc(out, *p);
        }
    }
}

static bool string_is(const struct srcpos *s, size_t i, const char *value, const char *dir)
{
    if (!is_string(s, i))
        return false;
    const char *text = s->text + s->v[i].at + 1;
    size_t len = s->v[i].len;
    if (!dir && s->v[i].kind == TOKEN_STRING && !memchr(text, '\\', len - 1)) /* by far the most frequent */
        return len >= 2 && strlen(value) == len - 2 && memcmp(text, value, len - 2) == 0;
    struct buf b = BUF_INIT, other = BUF_INIT;
    string_value(s, i, &b);
    bool same = b.len == strlen(value) && memcmp(buf_cstr(&b), value, b.len) == 0;
    if (!same && dir && b.len == strlen(buf_cstr(&b))) {
        const char *t = buf_cstr(&b);
        same = path_resolve(dir, t + (*t == '!'), &other) == PATH_OK && strcmp(buf_cstr(&other), value) == 0;
        if (!same) {
            buf_reset(&other);
            same = label_resolve(dir, t, &other) && strcmp(buf_cstr(&other), value) == 0;
        }
    }
    buf_clear(&b);
    buf_clear(&other);
    return same;
}

static size_t line_start(const struct srcpos *s, uint32_t line)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->v[mid].line < line)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool is_keyword(const struct srcpos *s, size_t i)
{
    static const char *const words[] = {"and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
                                        "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
                                        "repeat",   "return", "then", "true", "until",  "while"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (token_is(s, i, words[w]))
            return true;
    return false;
}

static bool is_name(const struct srcpos *s, size_t i)
{
    return i < s->n && s->v[i].kind == TOKEN_NAME && !is_keyword(s, i);
}

static bool starts_argument(const struct srcpos *s, size_t i)
{
    return is_string(s, i) || token_is(s, i, "(") || token_is(s, i, "{");
}

/* One past the tokens of a call: the arguments that follow its name, of each call in a chain. */
static size_t call_end(const struct srcpos *s, size_t i)
{
    size_t last = s->n - i > CALL_TOKENS ? i + CALL_TOKENS : s->n;
    while (i < last) {
        if (is_string(s, i)) {
            i++;
        } else if ((token_is(s, i, ".") || token_is(s, i, ":")) && is_name(s, i + 1)) {
            i += 2;
        } else if (token_is(s, i, "(") || token_is(s, i, "{") || token_is(s, i, "[")) {
            size_t depth = 0;
            do {
                if (s->v[i].kind == TOKEN_SYMBOL && s->v[i].len == 1) {
                    char c = s->text[s->v[i].at];
                    depth += c == '(' || c == '{' || c == '[';
                    depth -= c == ')' || c == '}' || c == ']';
                }
                i++;
            } while (depth && i < last);
        } else {
            break;
        }
    }
    return i;
}

struct call {
    size_t name; /* the token to point at */
    size_t from, to;
    enum srcpos_level level;
};

/* The call that the query means: by its first argument, else by the function's name, else the line's first. */
static bool find_call(const struct srcpos *s, const struct srcpos_query *q, struct call *c)
{
    size_t from = line_start(s, q->line), by_call = SIZE_MAX, any = SIZE_MAX;
    for (size_t i = from; i < s->n && i - from < LINE_TOKENS; i++) {
        bool on_line = s->v[i].line == q->line;
        if (q->name && string_is(s, i, q->name, NULL)) {
            size_t k = i;
            if (k > 0 && token_is(s, k - 1, "("))
                k--;
            if (k > 0 && is_name(s, k - 1) && (!q->call || on_line || token_is(s, k - 1, q->call))) {
                *c = (struct call){i, k, call_end(s, k), SRCPOS_NAME};
                return true;
            }
        }
        if (!on_line)
            break; /* one look at the token after the line: `test\n"name"` */
        if (is_name(s, i) && (starts_argument(s, i + 1) || token_is(s, i + 1, ".") || token_is(s, i + 1, ":"))) {
            if (by_call == SIZE_MAX && q->call && token_is(s, i, q->call) && starts_argument(s, i + 1))
                by_call = i;
            if (any == SIZE_MAX)
                any = i;
        }
    }
    size_t at = by_call != SIZE_MAX ? by_call : any;
    if (at == SIZE_MAX)
        return false;
    *c = (struct call){at, at + 1, call_end(s, at + 1), SRCPOS_CALL};
    return true;
}

/* The field's key inside the call: at the outermost table if it is there, else anywhere. */
static size_t find_field(const struct srcpos *s, const struct call *c, const char *field, size_t *value)
{
    size_t found = SIZE_MAX;
    int depth = 0;
    for (size_t i = c->from; i < c->to; i++) {
        depth += token_is(s, i, "{");
        depth -= token_is(s, i, "}");
        if (depth < 1)
            continue;
        size_t after = 0;
        if (s->v[i].kind == TOKEN_NAME && token_is(s, i, field) && token_is(s, i + 1, "="))
            after = i + 2;
        else if (is_string(s, i) && i > c->from && token_is(s, i - 1, "[") && token_is(s, i + 1, "]") &&
                 token_is(s, i + 2, "=") && string_is(s, i, field, NULL))
            after = i + 3;
        if (after && (depth == 1 || found == SIZE_MAX)) {
            found = i;
            *value = after;
            if (depth == 1)
                break;
        }
    }
    return found;
}

static size_t find_value(const struct srcpos *s, size_t from, size_t to, const char *value, const char *dir)
{
    size_t close = SIZE_MAX; /* the same by meaning, if none is the same by letter */
    int depth = 0;
    for (size_t i = from; i < to; i++) {
        bool opens = token_is(s, i, "{") || token_is(s, i, "("), closes = token_is(s, i, "}") || token_is(s, i, ")");
        if (!depth && (closes || token_is(s, i, ",") || token_is(s, i, ";")))
            break;
        depth += opens - closes;
        if (string_is(s, i, value, NULL) || (!is_string(s, i) && token_is(s, i, value) && s->v[i].kind != TOKEN_SYMBOL))
            return i;
        if (dir && close == SIZE_MAX && string_is(s, i, value, dir))
            close = i;
    }
    return close;
}

enum srcpos_level srcpos_find(const struct srcpos *s, const struct srcpos_query *q, uint32_t *line, uint32_t *col)
{
    struct call c;
    size_t at;
    enum srcpos_level level;
    if (find_call(s, q, &c)) {
        at = c.name;
        level = c.level;
        size_t from = c.from, value = SIZE_MAX;
        if (q->field) {
            size_t field = find_field(s, &c, q->field, &from);
            if (field != SIZE_MAX) {
                at = field;
                level = SRCPOS_FIELD;
                value = q->value ? find_value(s, from, c.to, q->value, q->dir) : SIZE_MAX;
            }
        } else if (q->value) {
            for (size_t i = c.from; i < c.to && value == SIZE_MAX; i++)
                if (string_is(s, i, q->value, NULL) || (q->dir && string_is(s, i, q->value, q->dir)))
                    value = i;
        }
        if (value != SIZE_MAX) {
            at = value;
            level = SRCPOS_VALUE;
        }
    } else {
        at = line_start(s, q->line);
        level = SRCPOS_LINE;
        if (at >= s->n || s->v[at].line != q->line)
            return SRCPOS_NOTHING;
    }
    *line = s->v[at].line;
    *col = s->v[at].col;
    return level;
}

bool srcpos_word(const struct srcpos *s, uint32_t line, const char *word, bool last, uint32_t *col)
{
    bool found = false;
    size_t from = line_start(s, line);
    for (size_t i = from; i < s->n && s->v[i].line == line && i - from < LINE_TOKENS; i++) {
        if (!token_is(s, i, word) && !string_is(s, i, word, NULL))
            continue;
        *col = s->v[i].col;
        found = true;
        if (!last)
            break;
    }
    return found;
}

uint32_t srcpos_first_col(const struct srcpos *s, uint32_t line)
{
    size_t i = line_start(s, line);
    return i < s->n && s->v[i].line == line ? s->v[i].col : 1;
}

uint32_t srcpos_line_of(const struct srcpos *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (string_is(s, i, name, NULL))
            return s->v[i].line;
    return 0;
}

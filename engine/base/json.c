/* SPDX-License-Identifier: MIT
 *
 * A JSON writer (RFC 8259). Values at depth 0 are not separated: the caller puts the line ends there. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static uint64_t bit(const struct json *j) { return UINT64_C(1) << j->depth; }

/* The comma between elements of an array; within an object json_key writes it. */
static void before_value(struct json *j)
{
    if (j->depth > 0 && (j->array & bit(j)) && (j->comma & bit(j)))
        buf_addc(j->out, ',');
    j->comma |= bit(j);
}

static void open_container(struct json *j, char bracket, bool array)
{
    before_value(j);
    ASSERT(j->depth < 60);
    buf_addc(j->out, bracket);
    j->depth++;
    j->comma &= ~bit(j);
    j->array = array ? j->array | bit(j) : j->array & ~bit(j);
}

void json_object(struct json *j) { open_container(j, '{', false); }
void json_array(struct json *j) { open_container(j, '[', true); }

void json_end(struct json *j)
{
    ASSERT(j->depth > 0);
    buf_addc(j->out, j->array & bit(j) ? ']' : '}');
    j->depth--;
}

/* Length of the well-formed UTF-8 sequence at p (The Unicode Standard, table 3-7); 0 if it is ill-formed, and then
 * *bad is the length of its maximal subpart, which one U+FFFD replaces. */
static size_t utf8_length(const unsigned char *p, size_t len, size_t *bad)
{
    unsigned char c = p[0], low = 0x80, high = 0xbf;
    size_t need;
    *bad = 1;
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf) {
        need = 2;
    } else if (c >= 0xe0 && c <= 0xef) {
        need = 3;
        low = c == 0xe0 ? 0xa0 : 0x80;  /* no overlong forms */
        high = c == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (c >= 0xf0 && c <= 0xf4) {
        need = 4;
        low = c == 0xf0 ? 0x90 : 0x80;
        high = c == 0xf4 ? 0x8f : 0xbf; /* not beyond U+10FFFF */
    } else {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if (i >= len || p[i] < low || p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return need;
}

bool json_is_utf8(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0, n, bad; i < len; i += n)
        if ((n = utf8_length(p + i, len - i, &bad)) == 0)
            return false;
    return true;
}

static void add_control(struct buf *out, unsigned char c)
{
    static const char short_forms[] = "\b\t\n\f\r";
    const char *at = c ? strchr(short_forms, c) : NULL;
    if (at) {
        buf_addc(out, '\\');
        buf_addc(out, "btnfr"[at - short_forms]);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

static void add_quoted(struct buf *out, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    buf_reserve(out, len + 2);
    buf_addc(out, '"');
    size_t plain = 0; /* start of what was not copied yet */
    for (size_t i = 0; i < len;) {
        unsigned char c = p[i];
        size_t bad, n = 1;
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        if (c >= 0x80 && (n = utf8_length(p + i, len - i, &bad)) > 0) {
            i += n;
            continue;
        }
        buf_add(out, s + plain, i - plain);
        if (c >= 0x80) {
            buf_adds(out, "\xef\xbf\xbd"); /* U+FFFD */
            i += bad;
        } else if (c < 0x20) {
            add_control(out, c);
            i++;
        } else {
            buf_addc(out, '\\');
            buf_addc(out, (char)c);
            i++;
        }
        plain = i;
    }
    buf_add(out, s + plain, len - plain);
    buf_addc(out, '"');
}

void json_key(struct json *j, const char *key)
{
    ASSERT(j->depth > 0 && !(j->array & bit(j)));
    if (j->comma & bit(j))
        buf_addc(j->out, ',');
    j->comma |= bit(j);
    add_quoted(j->out, key, strlen(key));
    buf_addc(j->out, ':');
}

void json_str(struct json *j, const char *s)
{
    if (s)
        json_strn(j, s, strlen(s));
    else
        json_null(j);
}

void json_strn(struct json *j, const char *s, size_t len)
{
    before_value(j);
    add_quoted(j->out, s, len);
}

void json_int(struct json *j, int64_t v)
{
    before_value(j);
    buf_printf(j->out, "%lld", (long long)v);
}

void json_double(struct json *j, double v, int decimals)
{
    if (!isfinite(v)) {
        json_null(j); /* RFC 8259 has no way to write it */
        return;
    }
    before_value(j);
    buf_printf(j->out, "%.*f", decimals, v);
}

void json_raw(struct json *j, const char *s, size_t len)
{
    before_value(j);
    buf_add(j->out, s, len);
}

void json_bool(struct json *j, bool v)
{
    before_value(j);
    buf_adds(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
    before_value(j);
    buf_adds(j->out, "null");
}

/* SPDX-License-Identifier: MIT
 *
 * Makes text of strangers (output of tests, file names in reasons) harmless for a terminal and for a log file.
 * Control sequences after ECMA-48: CSI, the string sequences (OSC, DCS, SOS, PM, APC) and two- or three-byte escapes.
 * A sequence that never ends stops at the end of its line, so that it cannot swallow the rest of the output. */
#include <string.h>

#include "report/text.h"

#define ESC 0x1B
#define MAX_SGR 64 /* bytes of parameters; a longer one is dropped */

/* p[0] is ESC. Returns how many bytes the sequence takes, at least 1; *sgr: it only sets colours or weight. */
static size_t escape_length(const char *p, size_t len, bool *sgr)
{
    *sgr = false;
    if (len < 2)
        return 1;
    unsigned char kind = (unsigned char)p[1];
    size_t i = 2;
    if (kind == '[') {
        while (i < len && p[i] >= 0x30 && p[i] <= 0x3F)
            i++;
        size_t params = i;
        while (i < len && p[i] >= 0x20 && p[i] <= 0x2F)
            i++;
        if (i == len || p[i] < 0x40 || p[i] > 0x7E)
            return i; /* broken off: what interrupted it is text again */
        *sgr = p[i] == 'm' && i == params && params - 2 <= MAX_SGR;
        for (size_t k = 2; k < params; k++)
            *sgr = *sgr && p[k] < '<'; /* private parameters are not SGR (xterm: modifyOtherKeys) */
        return i + 1;
    }
    if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_') {
        for (; i < len && p[i] != '\n'; i++) {
            if (p[i] == '\a')
                return i + 1;
            if (p[i] == ESC)
                return i + 1 < len && p[i + 1] == '\\' ? i + 2 : i;
        }
        return i;
    }
    i = 1;
    while (i < len && p[i] >= 0x20 && p[i] <= 0x2F)
        i++;
    return i < len && p[i] >= 0x30 && p[i] <= 0x7E ? i + 1 : i;
}

/* A carriage return: the line's text is about to be overwritten. Its colours hold on; they are all the ESCs there are. */
static void overwrite_line(struct buf *out, size_t line)
{
    size_t keep = line;
    for (size_t i = line; i < out->len; i++) {
        if (out->p[i] != ESC)
            continue;
        size_t end = i;
        while (out->p[end] != 'm')
            end++;
        memmove(out->p + keep, out->p + i, end - i + 1);
        keep += end - i + 1;
        i = end;
    }
    if (out->p)
        out->p[keep] = 0;
    out->len = keep;
    if (keep - line > 256) { /* a long progress bar in colours: do not walk over them again and again */
        out->len = line;
        buf_adds(out, SGR_RESET);
    }
}

static void clean(struct buf *out, const char *p, size_t len, bool sgr, bool one_line)
{
    size_t line = out->len; /* where the current line begins */
    bool coloured = false;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)p[i];
        size_t run = i;
        while (run < len && (unsigned char)p[run] >= 0x20 && (unsigned char)p[run] < 0x7F)
            run++;
        if (run > i) {
            buf_add(out, p + i, run - i);
            i = run;
        } else if (c == '\n') {
            buf_addc(out, one_line ? ' ' : '\n');
            line = out->len;
            i++;
        } else if (c == '\t') {
            buf_addc(out, one_line ? ' ' : '\t');
            i++;
        } else if (c == '\r') {
            while (i < len && p[i] == '\r')
                i++;
            if (!one_line && i < len && p[i] != '\n')
                overwrite_line(out, line);
        } else if (c == ESC) {
            bool is_sgr;
            size_t n = escape_length(p + i, len - i, &is_sgr);
            if (is_sgr && sgr) {
                buf_add(out, p + i, n);
                coloured = !(n == 3 || (n == 4 && p[i + 2] == '0')); /* ESC[m and ESC[0m end what was before */
            }
            i += n;
        } else if (c < 0x80) {
            i++;
        } else {
            size_t used;
            uint32_t ch = text_decode(p + i, len - i, &used);
            if (ch == UINT32_MAX)
                buf_adds(out, "\xEF\xBF\xBD");
            else if (ch >= 0xA0) /* below are the C1 controls */
                buf_add(out, p + i, used);
            i += used;
        }
    }
    if (coloured && out->p[out->len - 1] == '\n') {
        out->len--; /* the last line stays the last */
        buf_adds(out, SGR_RESET "\n");
    } else if (coloured) {
        buf_adds(out, SGR_RESET);
    }
}

void text_clean(struct buf *out, const char *p, size_t len, bool sgr) { clean(out, p, len, sgr, false); }

void text_clean_line(struct buf *out, const char *s) { clean(out, s, strlen(s), false, true); }

struct text_tail text_tail_of(const struct proc_log *log, size_t max_lines, size_t max_bytes)
{
    struct text_tail t = {0, 0, 0};
    const char *p = log->bytes.p;
    size_t len = log->bytes.len;
    if (len == 0)
        return t;
    for (const char *q = p; (q = memchr(q, '\n', (size_t)(p + len - q))); q++)
        t.total_lines++;
    if (p[len - 1] != '\n')
        t.total_lines++;
    size_t least = len > max_bytes ? len - max_bytes : 0;
    size_t from = p[len - 1] == '\n' ? len - 1 : len;
    for (; from > least; from--) {
        if (p[from - 1] == '\n' && ++t.lines == max_lines)
            break;
    }
    if (from == least) /* the first line of those, whole or cut */
        t.lines++;
    while (from > 0 && from < len && ((unsigned char)p[from] & 0xC0) == 0x80)
        from++; /* not from the middle of a character */
    t.from = from;
    return t;
}

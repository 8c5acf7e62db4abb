/* SPDX-License-Identifier: MIT
 *
 * Depfiles in make's syntax. */
#include "run/depfile.h"

#include <string.h>

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Length of a line continuation at p ("\" before a line end), 0 if there is none. */
static size_t continuation(const char *p, const char *end)
{
    if (p + 1 < end && p[0] == '\\' && p[1] == '\n')
        return 2;
    if (p + 2 < end && p[0] == '\\' && p[1] == '\r' && p[2] == '\n')
        return 3;
    return 0;
}

/* Reads one word into `word`. Stops at a blank, a line end, a continuation, or (in targets) a colon that ends the
 * target list: one that a blank, a line end or the end follows. */
static const char *read_word(const char *p, const char *end, bool in_targets, struct buf *word)
{
    while (p < end && !is_blank(*p) && *p != '\n') {
        if (continuation(p, end))
            break;
        if (in_targets && *p == ':' && (p + 1 == end || is_blank(p[1]) || p[1] == '\n' || continuation(p + 1, end)))
            break;
        if (*p == '\\' && p + 1 < end) {
            /* n backslashes before a space or '#': pairs stand for one, an odd one quotes (GNU make). */
            size_t n = 0;
            while (p + n < end && p[n] == '\\')
                n++;
            bool quoting = p + n < end && (p[n] == ' ' || p[n] == '#' || p[n] == '\t');
            if (quoting) {
                for (size_t i = 0; i < n / 2; i++)
                    buf_addc(word, '\\');
                p += n;
                if (n % 2)
                    buf_addc(word, *p++);
                else if (*p != '#')
                    break;
                continue;
            }
            if (p + n < end && (p[n] == '\n' || p[n] == '\r') && n > 1) {
                for (size_t i = 0; i + 1 < n; i++)
                    buf_addc(word, '\\');
                p += n - 1;
                continue;
            }
            if (n == 1 && p + 1 < end && p[1] == ':') { /* "\:" in a target or path */
                buf_addc(word, ':');
                p += 2;
                continue;
            }
            for (size_t i = 0; i < n; i++)
                buf_addc(word, '\\');
            p += n;
            continue;
        }
        if (*p == '$' && p + 1 < end && p[1] == '$') {
            buf_addc(word, '$');
            p += 2;
            continue;
        }
        if (*p == 0)
            break;
        buf_addc(word, *p++);
    }
    return p;
}

bool depfile_parse(const char *text, size_t len, struct strvec *paths, struct err *e)
{
    const char *p = text, *end = text + len;
    struct buf word = BUF_INIT;
    bool in_targets = true, any_target = false, ok = true;
    uint32_t line = 1, target_line = 1;
    while (p < end && ok) {
        size_t cont = continuation(p, end);
        if (cont) {
            p += cont;
            line++;
        } else if (is_blank(*p)) {
            p++;
        } else if (*p == '\n') {
            if (in_targets && any_target)
                break;
            in_targets = true;
            any_target = false;
            p++;
            line++;
        } else if (*p == '#' && in_targets && !any_target) { /* to the end of the line, however long that is */
            while (p < end && *p != '\n' && !continuation(p, end))
                p++;
            for (; (cont = continuation(p, end)) != 0; line++)
                for (p += cont; p < end && *p != '\n' && !continuation(p, end);)
                    p++;
        } else if (*p == 0) {
            ok = err_set(e, "T603", "line %u of the depfile holds a NUL byte", line);
        } else if (in_targets && *p == ':') {
            in_targets = false;
            p++;
        } else {
            buf_reset(&word);
            p = read_word(p, end, in_targets, &word);
            if (in_targets && !any_target)
                target_line = line;
            if (in_targets)
                any_target = true;
            else if (word.len)
                strvec_addn(paths, word.p, word.len);
        }
    }
    if (ok && in_targets && any_target)
        ok = err_set(e, "T603", "line %u of the depfile has no ':' after its target", target_line);
    buf_clear(&word);
    return ok;
}

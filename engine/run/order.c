/* SPDX-License-Identifier: MIT
 *
 * Files of a stranger: whoever writes into the work tree can write one, so a file counts only if it is, byte for byte, one
 * that order_write could have written for this very case. */
#include "run/order.h"

#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "os/file.h"

enum {
    MAX_BYTES = 64 << 20,
    MAX_BEFORE = 1000000,
    MAX_ID_BYTES = 4096, /* graph/decl.h */
};

static const char header[] = "tgraph order 1\n";

char *order_dir(const char *state_dir) { return mem_printf("%s/order", state_dir); }

/* By the digest of the label, since ids may be longer than a file's name and hold slashes. */
static char *path_of(const char *state_dir, const char *suite, const char *id)
{
    char *label = mem_printf("%s#%s", suite, id), hex[DIGEST_HEX];
    digest_hex(digest_bytes(label, strlen(label)), hex);
    char *path = mem_printf("%s/order/%s", state_dir, hex);
    mem_free(label);
    return path;
}

static bool is_id(const char *p, size_t len)
{
    if (!len || len > MAX_ID_BYTES || !json_is_utf8(p, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)p[i + 1] < 0xa0))
            return false;
    }
    return true;
}

bool order_write(const char *state_dir, const char *suite, const char *id, const struct strvec *before, struct err *e)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "%ssuite %s\ncase %s\nbefore %zu\n", header, suite, id, before->n);
    for (size_t i = 0; i < before->n && b.len <= MAX_BYTES; i++) {
        buf_adds(&b, before->v[i]);
        buf_addc(&b, '\n');
    }
    if (before->n > MAX_BEFORE || b.len > MAX_BYTES) {
        buf_clear(&b);
        return err_set(e, "T615", "the %zu cases before %s#%s are too many to keep their order", before->n, suite, id);
    }
    char *path = path_of(state_dir, suite, id);
    bool ok = file_mkdirs_for(path, e) && file_replace(path, b.p, b.len, 0644, false, e);
    mem_free(path);
    buf_clear(&b);
    return ok;
}

/* The next line without its end; false: there is none that ends. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
    const char *nl = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    if (!nl)
        return false;
    *line = *at;
    *len = (size_t)(nl - *at);
    *at = nl + 1;
    return true;
}

static bool is_line(const char *line, size_t len, const char *word, const char *value)
{
    size_t n = strlen(word);
    return len == n + strlen(value) && memcmp(line, word, n) == 0 && memcmp(line + n, value, len - n) == 0;
}

/* "before N": digits as printf writes them. */
static bool count_of(const char *line, size_t len, uint32_t *n)
{
    static const char word[] = "before ";
    size_t at = sizeof word - 1;
    if (len <= at || memcmp(line, word, at) != 0 || (line[at] == '0' && len > at + 1))
        return false;
    for (*n = 0; at < len; at++) {
        if (line[at] < '0' || line[at] > '9' || *n > MAX_BEFORE)
            return false;
        *n = *n * 10 + (uint32_t)(line[at] - '0');
    }
    return *n <= MAX_BEFORE;
}

static bool wrong(struct err *e, uint32_t line, const char *what)
{
    return err_set(e, "T615", "line %u of the kept order %s", line, what);
}

bool order_parse(const char *text, size_t len, const char *suite, const char *id, struct strvec *before, struct err *e)
{
    const char *at = text, *end = text + len, *line;
    size_t n;
    uint32_t count;
    if (!next_line(&at, end, &line, &n) || n + 1 != sizeof header - 1 || memcmp(line, header, n) != 0)
        return wrong(e, 1, "is not 'tgraph order 1': another version wrote it, or it is no such file");
    if (!next_line(&at, end, &line, &n) || !is_line(line, n, "suite ", suite))
        return wrong(e, 2, "names another suite");
    if (!next_line(&at, end, &line, &n) || !is_line(line, n, "case ", id))
        return wrong(e, 3, "names another case");
    if (!next_line(&at, end, &line, &n) || !count_of(line, n, &count))
        return wrong(e, 4, "does not say how many cases follow");
    for (uint32_t i = 0; i < count; i++) {
        if (!next_line(&at, end, &line, &n))
            return wrong(e, 5 + i, "is missing");
        if (!is_id(line, n))
            return wrong(e, 5 + i, "is no case's id");
        strvec_addn(before, line, n);
    }
    return at == end ? true : wrong(e, 5 + count, "is one too many");
}

bool order_read(const char *state_dir, const char *suite, const char *id, struct strvec *before, bool *found,
                struct err *e)
{
    struct buf b = BUF_INIT;
    struct strvec v = STRVEC_INIT;
    char *path = path_of(state_dir, suite, id);
    *found = access(path, F_OK) == 0;
    bool ok = true;
    if (*found) {
        ok = file_read(path, MAX_BYTES + 1, &b, e) && order_parse(b.p ? b.p : "", b.len, suite, id, &v, e);
        if (!ok && !e->hint)
            err_hint(e, "delete %s; the next run that sees the case fail keeps another", path);
        for (size_t i = 0; i < v.n && ok; i++)
            strvec_add(before, v.v[i]);
    }
    strvec_clear(&v);
    buf_clear(&b);
    mem_free(path);
    return ok;
}

void order_remove(const char *state_dir, const char *suite, const char *id)
{
    char *path = path_of(state_dir, suite, id);
    unlink(path);
    mem_free(path);
}

void order_quote(const char *suite, const char *id, struct buf *out)
{
    char *label = mem_printf("%s#%s", suite, id);
    buf_addc(out, '\'');
    for (const char *p = label; *p; p++) {
        if (*p == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, *p);
    }
    buf_addc(out, '\'');
    mem_free(label);
}

void order_note(const char *suite, const char *id, const struct strvec *before, struct buf *out)
{
    if (before->n == 1) {
        buf_printf(out, "fails after %s#%s, and passes in a worker of its own: `tgraph bisect --after ", suite,
                   before->v[0]);
        order_quote(suite, before->v[0], out);
        buf_addc(out, ' ');
        order_quote(suite, id, out);
        buf_adds(out, "` shows it");
        return;
    }
    buf_adds(out, "passes in a worker of its own: `tgraph bisect ");
    order_quote(suite, id, out);
    buf_adds(out, "` finds the case that it depends on");
}

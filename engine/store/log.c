/* SPDX-License-Identifier: MIT
 *
 * The captured output of a process as one blob: "tglog1\n", dropped u64, then frames of stream u8, length u32, bytes;
 * numbers little-endian. Encoding is a function of the content alone, so equal outputs are one blob in the store.
 */
#include <string.h>

#include "os/proc.h"
#include "store/store.h"
#include "store/store_internal.h"

#define LOG_MAGIC "tglog1\n"
#define LOG_MAGIC_LEN 7u
#define LOG_HEADER (LOG_MAGIC_LEN + 8u)
#define LOG_FRAME 5u

void store_log_encode(const struct proc_log *l, struct buf *out)
{
    char num[8];
    buf_reserve(out, LOG_HEADER + l->bytes.len + LOG_FRAME * l->n_frames);
    buf_add(out, LOG_MAGIC, LOG_MAGIC_LEN);
    put_u64(num, l->dropped_bytes);
    buf_add(out, num, 8);
    size_t at = 0;
    for (size_t i = 0; i < l->n_frames; i++) {
        uint32_t len = l->frames[i].len;
        ASSERT(len <= l->bytes.len - at);
        buf_addc(out, (char)l->frames[i].stream);
        put_u32(num, len);
        buf_add(out, num, 4);
        buf_add(out, l->bytes.p + at, len);
        at += len;
    }
}

bool store_log_decode(const char *p, size_t len, struct proc_log *out)
{
    memset(out, 0, sizeof *out);
    if (len < LOG_HEADER || memcmp(p, LOG_MAGIC, LOG_MAGIC_LEN) != 0)
        return false;
    /* One pass to check and count, so that nothing is allocated for what is not a log. */
    size_t n = 0, bytes = 0;
    for (size_t at = LOG_HEADER; at < len; n++) {
        if (len - at < LOG_FRAME)
            return false;
        uint8_t stream = (uint8_t)p[at];
        uint32_t size = get_u32(p + at + 1);
        at += LOG_FRAME;
        if (stream < 1 || stream > 4 || size > len - at)
            return false;
        at += size;
        bytes += size;
    }
    out->dropped_bytes = get_u64(p + LOG_MAGIC_LEN);
    if (n == 0)
        return true;
    out->frames = mem_resize(NULL, n, sizeof *out->frames);
    out->n_frames = out->cap_frames = n;
    buf_reserve(&out->bytes, bytes);
    size_t at = LOG_HEADER;
    for (size_t i = 0; i < n; i++) {
        out->frames[i] = (struct proc_frame){.stream = (uint8_t)p[at], .len = get_u32(p + at + 1)};
        at += LOG_FRAME;
        buf_add(&out->bytes, p + at, out->frames[i].len);
        at += out->frames[i].len;
    }
    return true;
}

void store_log_take(struct proc_log *l, uint8_t stream, struct buf *out)
{
    size_t from = 0, to = 0, kept = 0;
    for (size_t i = 0; i < l->n_frames; i++) {
        struct proc_frame f = l->frames[i];
        if (f.stream == stream) {
            buf_add(out, l->bytes.p + from, f.len);
        } else {
            memmove(l->bytes.p + to, l->bytes.p + from, f.len);
            to += f.len;
            l->frames[kept++] = f;
        }
        from += f.len;
    }
    l->n_frames = kept;
    l->bytes.len = to;
}

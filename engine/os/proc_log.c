/* SPDX-License-Identifier: MIT
 *
 * What a child wrote, in bounded memory. Bytes are appended until half as much again as the limit is held; then the
 * middle is cut out, so that the cost of cutting is shared by many appends. */
#include "os/proc_log.h"

#include <string.h>

void proc_log_clear(struct proc_log *l)
{
    buf_clear(&l->bytes);
    mem_free(l->frames);
    *l = (struct proc_log){.bytes = BUF_INIT};
}

void proc_log_cut(struct proc_log *l, size_t max_bytes)
{
    if (l->bytes.len <= max_bytes)
        return;
    size_t begin = max_bytes / 2, end = l->bytes.len - (max_bytes - begin), at = 0, kept = 0;
    for (size_t i = 0; i < l->n_frames; i++) {
        struct proc_frame f = l->frames[i];
        size_t f_end = at + f.len;
        size_t lo = at > begin ? at : begin, hi = f_end < end ? f_end : end;
        if (hi > lo)
            f.len -= (uint32_t)(hi - lo);
        at = f_end;
        if (f.len > 0)
            l->frames[kept++] = f;
    }
    l->n_frames = kept;
    memmove(l->bytes.p + begin, l->bytes.p + end, l->bytes.len - end);
    l->bytes.len = max_bytes;
    l->bytes.p[max_bytes] = '\0';
    l->dropped_bytes += end - begin;
    l->dropped_at = begin;
}

void proc_log_add(struct proc_log *l, size_t max_bytes, uint8_t stream, const char *p, size_t len)
{
    buf_add(&l->bytes, p, len);
    struct proc_frame *last = l->n_frames ? &l->frames[l->n_frames - 1] : NULL;
    if (last && last->stream == stream && len <= UINT32_MAX - last->len) {
        last->len += (uint32_t)len;
    } else {
        MEM_GROW(l->frames, l->n_frames, l->cap_frames);
        l->frames[l->n_frames++] = (struct proc_frame){stream, (uint32_t)len};
    }
    if (l->bytes.len > max_bytes && l->bytes.len - max_bytes > max_bytes / 2)
        proc_log_cut(l, max_bytes);
}

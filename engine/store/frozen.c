/* SPDX-License-Identifier: MIT
 *
 * The frozen file's container. There is exactly one valid layout for given section lengths (each section begins at the
 * first multiple of 16 after the one before, padding included in the checksum, the file ends with the last section), so
 * checking is comparing with that layout: overlaps, gaps and a wrong number of sections cannot pass.
 */
#include "store/frozen.h"

#include <string.h>

#include "store/store_internal.h"

#define FROZEN_MAGIC "tgraphF\n"
#define FROZEN_HEADER 40u
#define FROZEN_CHECKSUM_AT 24u
#define FROZEN_BYTE_ORDER 0x01020304u

static uint64_t align16(uint64_t n) { return (n + 15) & ~(uint64_t)15; }

bool frozen_write(const char *path, uint32_t version, const struct frozen_section *s, uint32_t n, struct err *e)
{
    ASSERT(n <= FROZEN_MAX_SECTIONS);
    uint64_t total = FROZEN_HEADER + (uint64_t)16 * n;
    for (uint32_t i = 0; i < n; i++)
        total = align16(total) + s[i].len;
    char *p = mem_calloc(1, total);
    memcpy(p, FROZEN_MAGIC, 8);
    put_u32(p + 8, version);
    /* The one number in the machine's own order: the sections are too. */
    uint32_t order = FROZEN_BYTE_ORDER;
    memcpy(p + 12, &order, 4);
    put_u32(p + 16, n);
    uint64_t at = FROZEN_HEADER + (uint64_t)16 * n;
    for (uint32_t i = 0; i < n; i++) {
        at = align16(at);
        put_u64(p + FROZEN_HEADER + 16 * i, at);
        put_u64(p + FROZEN_HEADER + 16 * i + 8, s[i].len);
        if (s[i].len)
            memcpy(p + at, s[i].p, s[i].len);
        at += s[i].len;
    }
    struct digest sum = digest_bytes(p + FROZEN_HEADER, total - FROZEN_HEADER);
    memcpy(p + FROZEN_CHECKSUM_AT, sum.b, 16);
    bool ok = file_replace(path, p, total, 0666, false, e);
    mem_free(p);
    return ok;
}

static enum frozen_status damaged(const char *path, const char *what, struct err *e)
{
    err_set(e, "T510", "%s is damaged: %s", path, what);
    err_hint(e, "it is made anew by the next run");
    return FROZEN_DAMAGED;
}

/* Fills the sections from the mapped bytes. */
static enum frozen_status check(const char *path, uint32_t version, struct frozen *f, struct err *e)
{
    char *p = f->map.p;
    uint64_t len = f->map.len;
    if (len < FROZEN_HEADER || memcmp(p, FROZEN_MAGIC, 8) != 0)
        return damaged(path, "it does not begin as it should", e);
    uint32_t order;
    memcpy(&order, p + 12, 4);
    if (get_u32(p + 8) != version || order != FROZEN_BYTE_ORDER) {
        err_set(e, "T511", "%s was written by another version of tgraph or on another kind of machine", path);
        return FROZEN_OTHER_VERSION;
    }
    uint32_t n = get_u32(p + 16);
    if (n > FROZEN_MAX_SECTIONS || get_u32(p + 20) != 0 || FROZEN_HEADER + (uint64_t)16 * n > len)
        return damaged(path, "its header makes no sense", e);
    uint64_t at = FROZEN_HEADER + (uint64_t)16 * n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t off = get_u64(p + FROZEN_HEADER + 16 * i), size = get_u64(p + FROZEN_HEADER + 16 * i + 8);
        at = align16(at);
        if (off != at || off > len || size > len - off)
            return damaged(path, "its table of sections makes no sense", e);
        f->sections[i].p = p + off;
        f->sections[i].len = (size_t)size;
        at += size;
    }
    if (at != len)
        return damaged(path, "it is not as long as it should be", e);
    struct digest sum = digest_bytes(p + FROZEN_HEADER, (size_t)(len - FROZEN_HEADER));
    if (memcmp(sum.b, p + FROZEN_CHECKSUM_AT, 16) != 0)
        return damaged(path, "its checksum does not match", e);
    f->n_sections = n;
    return FROZEN_OK;
}

enum frozen_status frozen_open(const char *path, uint32_t version, struct frozen *f, struct err *e)
{
    memset(f, 0, sizeof *f);
    if (!file_map(path, &f->map, e)) {
        f->map = (struct file_map){NULL, 0};
        return FROZEN_DAMAGED;
    }
    if (!f->map.p)
        return file_exists(path) ? damaged(path, "it is empty", e) : FROZEN_ABSENT;
    enum frozen_status st = check(path, version, f, e);
    if (st != FROZEN_OK)
        frozen_close(f);
    return st;
}

void frozen_close(struct frozen *f)
{
    if (f->map.p)
        file_unmap(&f->map);
    memset(f, 0, sizeof *f);
}

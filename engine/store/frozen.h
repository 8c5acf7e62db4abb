/* SPDX-License-Identifier: MIT
 *
 * The frozen file's container: numbered sections of bytes, each 16-byte aligned, behind a header with magic, format
 * version, byte order and an XXH3-128 checksum of all that follows. Knows nothing of what the sections hold. Written
 * whole to a temporary and renamed; read as a private copy-on-write memory map.
 *
 * Layout: magic "tgraphF\n", u32 version, u32 byte-order mark 0x01020304, u32 n_sections, u32 zero, 16-byte checksum
 * of everything from offset 40 on, then n_sections x {u64 offset, u64 len}, then the sections.
 */
#ifndef TGRAPH_STORE_FROZEN_H
#define TGRAPH_STORE_FROZEN_H

#include "base/err.h"
#include "os/file.h"

#define FROZEN_MAX_SECTIONS 64

struct frozen_section {
    const void *p;
    size_t len;
};
struct frozen {
    struct file_map map;
    struct frozen_section sections[FROZEN_MAX_SECTIONS]; /* p is writable memory, private to this process */
    uint32_t n_sections;
};

bool frozen_write(const char *path, uint32_t version, const struct frozen_section *s, uint32_t n, struct err *e);
enum frozen_status { FROZEN_OK, FROZEN_ABSENT, FROZEN_OTHER_VERSION, FROZEN_DAMAGED };
enum frozen_status frozen_open(const char *path, uint32_t version, struct frozen *f, struct err *e);
void frozen_close(struct frozen *f);

#endif

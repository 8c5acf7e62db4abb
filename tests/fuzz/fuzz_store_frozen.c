/* SPDX-License-Identifier: MIT
 *
 * frozen_open on any bytes. Unless the first byte says otherwise the magic, the version, the byte order and the checksum
 * are made right, so that what is behind them is reached too. Every byte of every section is read and written: they must
 * lie within the map. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/frozen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("frozen", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (size < 1)
        return 0;
    uint8_t *p = malloc(size);
    memcpy(p, data + 1, size - 1);
    size_t len = size - 1;
    uint32_t version = 1, order = 0x01020304;
    if (data[0] != 'r' && len > 40) {
        memcpy(p, "tgraphF\n", 8);
        memcpy(p + 8, &version, 4);
        memcpy(p + 12, &order, 4);
        struct digest sum = digest_bytes(p + 40, len - 40);
        memcpy(p + 24, sum.b, 16);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, p, len, 0) != (ssize_t)len)
        abort();
    free(p);
    struct frozen f;
    struct err e = ERR_INIT;
    enum frozen_status st = frozen_open(path, 1, &f, &e);
    volatile uint8_t sum = 0;
    for (uint32_t i = 0; i < f.n_sections; i++) {
        uint8_t *s = (uint8_t *)(uintptr_t)f.sections[i].p;
        if ((uintptr_t)s % 16 != 0)
            abort();
        for (size_t k = 0; k < f.sections[i].len; k++)
            sum = sum ^ s[k]++;
    }
    if (st != FROZEN_OK && (f.n_sections > 0 || f.map.p))
        abort();
    if (st == FROZEN_DAMAGED && !e.msg)
        abort();
    frozen_close(&f);
    err_clear(&e);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * store_log_decode on any bytes. What is taken for a log must give the same bytes when it is encoded again. */
#include <stdlib.h>
#include <string.h>

#include "os/proc.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proc_log l;
    if (!store_log_decode((const char *)data, size, &l)) {
        if (l.n_frames || l.bytes.p)
            abort();
        return 0;
    }
    size_t sum = 0;
    for (size_t i = 0; i < l.n_frames; i++)
        sum += l.frames[i].len;
    if (sum != l.bytes.len)
        abort();
    struct buf b = BUF_INIT;
    store_log_encode(&l, &b);
    if (b.len != size || memcmp(b.p, data, size) != 0)
        abort();
    buf_clear(&b);
    proc_log_clear(&l);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The outputs column of a result on any bytes. What is decoded must give the same bytes when it is encoded again. */
#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct store_output *v;
    size_t n;
    arena_init(&a);
    if (row_decode_outputs((const char *)data, size, &a, &v, &n)) {
        struct buf b = BUF_INIT;
        row_encode_outputs(v, n, &b);
        if (b.len != size || (size && memcmp(b.p, data, size) != 0))
            abort();
        buf_clear(&b);
    } else if (n) {
        abort();
    }
    arena_clear(&a);
    return 0;
}

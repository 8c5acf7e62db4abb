/* SPDX-License-Identifier: MIT */
#include "results_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_results(RESULTS_GO, data, size);
    return 0;
}

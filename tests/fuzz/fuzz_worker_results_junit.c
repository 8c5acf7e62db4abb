/* SPDX-License-Identifier: MIT */
#include "results_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_results(RESULTS_JUNIT, data, size);
    return 0;
}

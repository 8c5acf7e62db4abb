/* SPDX-License-Identifier: MIT
 *
 * roman NUMBER...: writes each as a Roman numeral.
 */
#include <stdio.h>
#include <stdlib.h>

#include "roman.h"

int main(int argc, char **argv)
{
    char text[32];

    for (int i = 1; i < argc; i++) {
        if (roman_write(atoi(argv[i]), text, sizeof text) == 0) {
            fprintf(stderr, "roman: no numeral for '%s'\n", argv[i]);
            return 1;
        }
        puts(text);
    }
    return 0;
}

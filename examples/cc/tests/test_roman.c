/* SPDX-License-Identifier: MIT
 *
 * A test of the plain kind: exit status 0 is a pass.
 */
#include <stdio.h>
#include <string.h>

#include "roman.h"

static int failures;

static void check(int value, const char *text)
{
    char out[32] = "";

    if (roman_write(value, out, sizeof out) != strlen(text) || strcmp(out, text) != 0) {
        printf("%d is written %s, not '%s'\n", value, text, out);
        failures++;
    }
    if (roman_value(text) != value) {
        printf("%s is %d, not %d\n", text, value, roman_value(text));
        failures++;
    }
}

int main(void)
{
    check(1, "I");
    check(4, "IV");
    check(1954, "MCMLIV");
    check(3888, "MMMDCCCLXXXVIII");
    if (roman_value("IIII") != 0 || roman_value("VX") != 0 || roman_value("") != 0) {
        puts("a numeral that is not well-formed has a value");
        failures++;
    }
    return failures == 0 ? 0 : 1;
}

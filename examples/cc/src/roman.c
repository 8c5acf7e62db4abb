/* SPDX-License-Identifier: MIT */
#include "roman.h"

#include <string.h>

#include "roman_digits.h"

size_t roman_write(int value, char *out, size_t size)
{
    size_t n = 0;

    if (value < 1 || value > 3999 || size == 0)
        return 0;
    for (size_t i = 0; i < N_ROMAN_DIGITS; i++) {
        size_t len = strlen(roman_digits[i].text);
        for (; value >= roman_digits[i].value; value -= roman_digits[i].value) {
            if (n + len >= size)
                return 0;
            memcpy(out + n, roman_digits[i].text, len);
            n += len;
        }
    }
    out[n] = '\0';
    return n;
}

int roman_value(const char *text)
{
    int value = 0;
    const char *p = text;
    char usual[16];

    for (size_t i = 0; i < N_ROMAN_DIGITS; i++) {
        size_t len = strlen(roman_digits[i].text);
        for (; strncmp(p, roman_digits[i].text, len) == 0; p += len)
            value += roman_digits[i].value;
    }
    /* IIII and VX read, but nobody writes them so. */
    return *p == '\0' && roman_write(value, usual, sizeof usual) != 0 && strcmp(usual, text) == 0 ? value : 0;
}

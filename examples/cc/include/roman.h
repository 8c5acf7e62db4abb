/* SPDX-License-Identifier: MIT
 *
 * Roman numerals from 1 to 3,999.
 */
#ifndef ROMAN_H
#define ROMAN_H

#include <stddef.h>

/* The number that `text` stands for; 0 if it is not a well-formed numeral. */
int roman_value(const char *text);
/* Writes the numeral of `value`; its length, or 0 if it does not fit or has none. */
size_t roman_write(int value, char *out, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef ROMAN_DIGITS_H
#define ROMAN_DIGITS_H

/* From the largest down, with the subtractive pairs: taking the first that fits gives the usual form. */
static const struct roman_digit {
    int value;
    const char *text;
} roman_digits[] = {
    {1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
    {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"},
};
#define N_ROMAN_DIGITS (sizeof roman_digits / sizeof roman_digits[0])

#endif

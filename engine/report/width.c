/* SPDX-License-Identifier: MIT
 *
 * How many columns text takes on a terminal, after Unicode's UAX #11 (EastAsianWidth.txt, 14.0). The C library's wcwidth
 * would need the user's locale. The blocks are coarse, and of the combining marks only the common ones count as
 * nothing: to take too much for a width cuts a line a little early, to take too little would wrap it. */
#include <string.h>

#include "report/text.h"

struct range {
    uint32_t first, last;
};

static const struct range zero[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x1AB0, 0x1ACE}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064},
    {0x20D0, 0x20F0}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23F3},   {0x25FD, 0x25FE},
    {0x2600, 0x27BF},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B55},   {0x2E80, 0x303E},   {0x3041, 0x4DBF},
    {0x4E00, 0xA4C6},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAD9},   {0xFE10, 0xFE19},
    {0xFE30, 0xFE6B},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x1B2FB}, {0x1F004, 0x1F004},
    {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F19A}, {0x1F200, 0x1F64F}, {0x1F680, 0x1F6FC}, {0x1F7E0, 0x1F7F0},
    {0x1F90C, 0x1FAF6}, {0x20000, 0x3FFFD},
};

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
    size_t lo = 0;
    while (lo < n) {
        size_t mid = (lo + n) / 2;
        if (c > r[mid].last)
            lo = mid + 1;
        else if (c < r[mid].first)
            n = mid;
        else
            return true;
    }
    return false;
}

static int char_width(uint32_t c)
{
    if (c < 0x300 || c == UINT32_MAX)
        return 1;
    if (in_ranges(zero, sizeof zero / sizeof zero[0], c))
        return 0;
    return in_ranges(wide, sizeof wide / sizeof wide[0], c) ? 2 : 1;
}

uint32_t text_decode(const char *p, size_t len, size_t *used)
{
    const unsigned char *s = (const unsigned char *)p;
    *used = 1;
    if (s[0] < 0x80)
        return s[0];
    size_t n = s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : 0;
    if (n == 0 || n > len)
        return UINT32_MAX;
    uint32_t c = s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return UINT32_MAX;
        c = c << 6 | (s[i] & 0x3F);
    }
    bool overlong = (n == 3 && c < 0x800) || (n == 4 && c < 0x10000);
    if (overlong || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return UINT32_MAX;
    *used = n;
    return c;
}

int text_width(const char *p, size_t len)
{
    int w = 0;
    for (size_t i = 0, used; i < len; i += used)
        w += char_width(text_decode(p + i, len - i, &used));
    return w;
}

void text_cut(struct buf *out, const char *s, int columns)
{
    size_t len = strlen(s), i = 0;
    for (size_t used; i < len; i += used) {
        columns -= char_width(text_decode(s + i, len - i, &used));
        if (columns < 0)
            break;
    }
    buf_add(out, s, i);
}

void text_cut_left(struct buf *out, const char *s, int columns)
{
    size_t len = strlen(s), i = 0;
    int w = text_width(s, len);
    if (w <= columns) {
        buf_add(out, s, len);
        return;
    }
    if (columns <= 0)
        return;
    for (size_t used; i < len && w > columns - 1; i += used)
        w -= char_width(text_decode(s + i, len - i, &used));
    buf_adds(out, "\xE2\x80\xA6");
    buf_add(out, s + i, len - i);
}

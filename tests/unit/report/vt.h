/* SPDX-License-Identifier: MIT
 *
 * A terminal of the kind that folds long lines anew when its width changes: just enough to see what the live block does
 * to a screen. Lines are kept whole; rows are worked out from the width. Anything that it does not know fails the test. */
#ifndef TGRAPH_TESTS_REPORT_VT_H
#define TGRAPH_TESTS_REPORT_VT_H

#include "report/text.h"
#include "unit/report/script.h"

#define VT_LINES 512
#define VT_CELLS 512

struct vt_line {
    uint32_t cell[VT_CELLS]; /* code points; the second half of a wide one is 0 */
    int n;
};
struct vt {
    int columns, rows;
    struct vt_line line[VT_LINES];
    int n_lines; /* at least 1 */
    int y, x;    /* the cursor: a line and a cell of it, not a screen row */
    bool nowrap;
    int sync_depth; /* within a synchronized update */
    int frames;     /* synchronized updates so far */
};

static inline void vt_init(struct vt *v, int columns, int rows)
{
    memset(v, 0, sizeof *v);
    v->columns = columns;
    v->rows = rows;
    v->n_lines = 1;
}

static inline void vt_put(struct vt *v, uint32_t c, int width)
{
    struct vt_line *l = &v->line[v->y];
    int row = v->x > 0 && v->x % v->columns == 0 ? v->columns : v->x % v->columns;
    if (v->nowrap && row + width > v->columns)
        v->x -= row + width - v->columns;
    for (int i = 0; i < width; i++) {
        assert_true(v->x < VT_CELLS);
        while (l->n <= v->x)
            l->cell[l->n++] = ' ';
        l->cell[v->x++] = i ? 0 : c;
    }
}

static inline void vt_up(struct vt *v)
{
    if (v->x >= v->columns) {
        v->x -= v->columns;
    } else if (v->y > 0) {
        int n = v->line[--v->y].n;
        v->x += n > 0 ? (n - 1) / v->columns * v->columns : 0;
    }
}

static inline void vt_csi(struct vt *v, const char *params, char final)
{
    int n = *params ? atoi(params) : 1;
    bool set = final == 'h';
    if (final == 'A') {
        for (int i = 0; i < n; i++)
            vt_up(v);
    } else if (final == 'K' || final == 'J') {
        struct vt_line *l = &v->line[v->y];
        if (strcmp(params, "2") == 0 && final == 'K')
            v->x = v->x / v->columns * v->columns; /* the reporter is at the start of the row anyway */
        else
            assert_string_equal(params, "");
        assert_true(final == 'J' || l->n - v->x <= v->columns); /* only the last row of a folded line */
        assert_true(final == 'K' || v->y > 0);                  /* at the top tmux would save the screen */
        if (l->n > v->x)
            l->n = v->x;
        if (final == 'J')
            v->n_lines = v->y + 1;
    } else if (strcmp(params, "?7") == 0 && (set || final == 'l')) {
        v->nowrap = !set;
    } else if (strcmp(params, "?2026") == 0 && (set || final == 'l')) {
        assert_int_equal(v->sync_depth, set ? 0 : 1);
        v->sync_depth = set;
        v->frames += set;
    } else if (final != 'm') {
        fail_msg("the terminal got ESC[%s%c", params, final);
    }
}

static inline void vt_feed(struct vt *v, const char *p, size_t len)
{
    for (size_t i = 0; i < len;) {
        if (p[i] == '\n') {
            v->y++;
            v->x = 0;
            assert_true(v->y < VT_LINES);
            if (v->y == v->n_lines)
                v->line[v->n_lines++].n = 0;
            i++;
        } else if (p[i] == '\r') {
            v->x = v->x / v->columns * v->columns;
            i++;
        } else if (p[i] == '\033') {
            char params[32] = "";
            size_t k = i + 2, n = 0;
            assert_int_equal(p[i + 1], '[');
            while (k < len && p[k] >= 0x30 && p[k] <= 0x3F && n + 1 < sizeof params)
                params[n++] = p[k++];
            params[n] = 0;
            vt_csi(v, params, p[k]);
            i = k + 1;
        } else {
            size_t used;
            uint32_t c = text_decode(p + i, len - i, &used);
            assert_true(c >= 0x20 && c != UINT32_MAX);
            vt_put(v, c, text_width(p + i, used));
            i += used;
        }
    }
}

/* Every row from the first that was ever written, with line ends; "_" where the cursor is. */
static inline char *vt_text(const struct vt *v)
{
    struct buf b = BUF_INIT;
    int end = v->n_lines;
    while (end > v->y + 1 && v->line[end - 1].n == 0)
        end--; /* empty rows below the cursor */
    for (int y = 0; y < end; y++) {
        const struct vt_line *l = &v->line[y];
        for (int x = 0; x < l->n; x++) {
            uint32_t c = l->cell[x];
            if (x > 0 && x % v->columns == 0)
                buf_addc(&b, '\n');
            if (c == 0)
                continue;
            if (c < 0x80) {
                buf_addc(&b, (char)c);
            } else if (c < 0x800) {
                buf_addc(&b, (char)(0xC0 | c >> 6));
                buf_addc(&b, (char)(0x80 | (c & 0x3F)));
            } else {
                buf_addc(&b, (char)(0xE0 | c >> 12));
                buf_addc(&b, (char)(0x80 | (c >> 6 & 0x3F)));
                buf_addc(&b, (char)(0x80 | (c & 0x3F)));
            }
        }
        if (y == v->y)
            buf_addc(&b, '_');
        buf_addc(&b, '\n');
    }
    buf_addc(&b, 0);
    return buf_take(&b);
}

#endif

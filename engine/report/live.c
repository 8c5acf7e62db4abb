/* SPDX-License-Identifier: MIT
 *
 * The live block: a line of counts and the longest-running targets, at the bottom of a terminal.
 *
 *     ... what was printed before
 *     FAIL  services/api:unit  1.24 s  exit status 1      <- printed above the block, scrolls away with the rest
 *     [ 312/1204] 8 running · 2 failed · 0:14 elapsed     <- the block, redrawn in place
 *        0:12  services/api:slow
 *     _                                                   <- the cursor rests at the start of the line below
 *
 * Each frame is one write. It goes up by what the last block takes now: the widths of its lines are remembered, since a
 * narrower terminal has folded them. Automatic wrapping is off while the block is written, so a character whose width we
 * got wrong cannot add a line; and the frame is a synchronized update (DEC private mode 2026), which terminals
 * that do not know it ignore. */
#include <string.h>

#include "os/term.h"
#include "report/text.h"

#define FRAME_NS 100000000      /* between two frames */
#define ABOVE_BYTES (64 * 1024) /* lines of passes (-v, -n) wait for the next frame, but not more than this */
#define MAX_LINES 32            /* of the block */
#define MIN_COLUMNS 19          /* for times and labels */

struct running {
    uint32_t node;
    uint32_t attempt, attempts;
    int64_t start_ns;
    char *label;
};

struct live {
    struct reporter base;
    struct people p;
    struct running *running; /* in the order they started: the first runs longest */
    size_t n_running, cap_running;
    uint32_t total, done, cached, failed;
    int64_t start_ns, ends_ns; /* the end by what is expected; before now: nothing is */
    int64_t drawn_ns;          /* time of the last frame */
    bool started, over;        /* the block may be drawn between the two */
    struct buf above;          /* lines to be printed above the block */
    struct buf frame;
    int widths[MAX_LINES]; /* columns of the lines that are on the screen */
    int n_drawn;
    int drawn_columns; /* of the terminal when they were drawn */
};

static void ask_size(const struct live *l, int *columns, int *rows)
{
    const struct report_opts *o = &l->p.o;
    int fd = fileno(o->out);
    *columns = o->columns;
    *rows = o->rows;
    if (o->term_size) {
        o->term_size(o->term_ctx, columns, rows);
    } else if (fd >= 0) {
        *columns = term_columns(fd);
        *rows = term_rows(fd);
    }
    if (*columns <= 0)
        *columns = 80;
    if (*rows <= 0)
        *rows = 24;
}

/* "[ 312/1204] 8 running · 860 cached · 2 failed · 0:14 elapsed, about 0:31 left"; each level says less. Returns its
 * width. */
static int progress(const struct live *l, int64_t now_ns, int level, bool color, struct buf *out)
{
    static const char dot[] = " \xC2\xB7 ";
    int64_t elapsed = now_ns - l->start_ns, left = l->ends_ns - now_ns;
    struct buf b = BUF_INIT;
    int digits = 0;
    for (uint32_t t = l->total; t > 0; t /= 10)
        digits++;
    buf_printf(&b, "[%*u/%u]", digits, l->done, l->total);
    const char *sep = " ";
    if (level < 4 && l->n_running) {
        buf_printf(&b, "%s%zu running", sep, l->n_running);
        sep = dot;
    }
    if (level < 1 && l->cached) {
        buf_printf(&b, "%s%u cached", sep, l->cached);
        sep = dot;
    }
    int width = text_width(buf_cstr(&b), b.len);
    if (l->failed) {
        char text[32];
        width += snprintf(text, sizeof text, "%u failed", l->failed) + text_width(sep, strlen(sep));
        buf_adds(&b, sep);
        text_paint(&b, color, SGR_RED_BOLD, text);
        sep = dot;
    }
    size_t timed = b.len;
    if (level < 3) {
        buf_adds(&b, sep);
        text_clock(elapsed, &b);
        buf_adds(&b, " elapsed");
    }
    if (level < 2 && left > 0) {
        buf_adds(&b, ", about ");
        text_clock(left + 999999999, &b); /* rounded up: "0:00 left" would be odd to read */
        buf_adds(&b, " left");
    }
    width += text_width(buf_cstr(&b) + timed, b.len - timed);
    buf_add(out, buf_cstr(&b), b.len);
    buf_clear(&b);
    return width;
}

static void end_line(struct live *l, int width)
{
    l->widths[l->n_drawn++] = width;
    buf_adds(&l->frame, "\033[K\n");
}

static void draw_progress(struct live *l, int64_t now_ns, int columns)
{
    struct buf b = BUF_INIT;
    int width = 0;
    for (int level = 0; level <= 4; level++) {
        buf_reset(&b);
        width = progress(l, now_ns, level, l->p.o.color, &b);
        if (width <= columns)
            break;
    }
    if (width > columns) {
        buf_reset(&b);
        progress(l, now_ns, 4, false, &b);
        text_cut(&l->frame, buf_cstr(&b), columns);
        width = columns;
    } else {
        buf_adds(&l->frame, buf_cstr(&b));
    }
    buf_clear(&b);
    end_line(l, width);
}

static void draw_running(struct live *l, const struct running *r, int64_t now_ns, int columns)
{
    struct buf b = BUF_INIT, clock = BUF_INIT, label = BUF_INIT;
    text_clock(now_ns - r->start_ns, &clock);
    buf_printf(&b, "%7s  ", buf_cstr(&clock));
    int used = (int)b.len;
    buf_adds(&label, r->label);
    if (r->attempt > 1)
        buf_printf(&label, "  (attempt %u of %u)", r->attempt, r->attempts);
    text_cut_left(&b, buf_cstr(&label), columns - used);
    buf_adds(&l->frame, buf_cstr(&b));
    int width = text_width(buf_cstr(&b), b.len);
    buf_clear(&b);
    buf_clear(&clock);
    buf_clear(&label);
    end_line(l, width);
}

/* To the start of the block that is on the screen. erase: row by row, since tmux saves the whole screen to its history
 * when "erase below" is said at its top. */
static void go_up(struct live *l, int columns, bool erase)
{
    int rows = 0;
    for (int i = 0; i < l->n_drawn; i++)
        rows += l->widths[i] > columns ? (l->widths[i] + columns - 1) / columns : 1;
    if (rows > 0)
        buf_adds(&l->frame, "\r\033[K"); /* what was typed meanwhile */
    if (rows > 0 && !erase)
        buf_printf(&l->frame, "\033[%dA", rows);
    for (int i = 0; i < rows && erase; i++)
        buf_adds(&l->frame, "\033[A\033[2K");
    l->n_drawn = 0;
}

static void write_frame(struct live *l)
{
    fwrite(l->frame.p, 1, l->frame.len, l->p.o.out);
    fflush(l->p.o.out);
    buf_reset(&l->frame);
    buf_reset(&l->above);
}

/* Prints what waits above, then the block anew. */
static void draw(struct live *l, int64_t now_ns)
{
    int columns, rows;
    ask_size(l, &columns, &rows);
    l->drawn_ns = now_ns;
    buf_adds(&l->frame, "\033[?2026h");
    /* Lines are drawn over the old ones without erasing them first, which would flicker. Folded ones must go: terminals
     * remember which rows belong together. */
    go_up(l, columns, l->above.len || columns != l->drawn_columns);
    if (l->above.len)
        buf_add(&l->frame, l->above.p, l->above.len);
    l->drawn_columns = columns;
    if (rows >= 3) { /* less than that cannot hold a line and the cursor */
        size_t lines = columns < MIN_COLUMNS ? 0 : (size_t)rows / 3;
        if (lines > l->n_running)
            lines = l->n_running;
        if (lines > MAX_LINES - 1)
            lines = MAX_LINES - 1;
        buf_adds(&l->frame, "\033[?7l");
        /* One column stays free: some terminals fold a line that is just full when they become narrower. */
        draw_progress(l, now_ns, columns - 1);
        for (size_t i = 0; i < lines; i++)
            draw_running(l, &l->running[i], now_ns, columns - 1);
        buf_adds(&l->frame, "\033[?7h\033[J"); /* the last block may have been longer */
    }
    buf_adds(&l->frame, "\033[?2026l");
    write_frame(l);
}

/* Takes the block off the screen and prints what waits. */
static void erase(struct live *l)
{
    if (l->n_drawn > 0) {
        int columns, rows;
        ask_size(l, &columns, &rows);
        go_up(l, columns, true);
    }
    if (l->above.len)
        buf_add(&l->frame, l->above.p, l->above.len);
    if (l->frame.len)
        write_frame(l);
}

static void add_running(struct live *l, const struct event *ev)
{
    struct buf label = BUF_INIT;
    MEM_GROW(l->running, l->n_running, l->cap_running);
    text_clean_line(&label, ev->target);
    l->running[l->n_running++] = (struct running){ev->node, ev->attempt, ev->attempts, ev->now_ns, buf_take(&label)};
}

static void remove_running(struct live *l, uint32_t node)
{
    for (size_t i = 0; i < l->n_running; i++) {
        if (l->running[i].node != node)
            continue;
        mem_free(l->running[i].label);
        l->n_running--;
        memmove(&l->running[i], &l->running[i + 1], (l->n_running - i) * sizeof *l->running);
        return;
    }
}

static void count(struct live *l, const struct event *ev)
{
    switch (ev->type) {
    case EVENT_RUN_STARTED: /* once more after each load in the middle of a run */
        if (!l->started)
            l->start_ns = ev->now_ns;
        l->started = true;
        l->drawn_ns = ev->now_ns; /* so what takes less than a frame shows no block */
        l->total = l->done + ev->n_total;
        l->ends_ns = ev->now_ns + ev->estimate_ns;
        break;
    case EVENT_TARGET_STARTED:
        remove_running(l, ev->node); /* an attempt before, if nobody said that it ended */
        add_running(l, ev);
        break;
    case EVENT_TARGET_RETRIED:
    case EVENT_SERVICE_STARTED: /* it is ready, and no longer waited for */
    case EVENT_SERVICE_STOPPED:
        remove_running(l, ev->node);
        break;
    case EVENT_TARGET_FINISHED:
        l->done += ev->kind != KIND_SERVICE; /* one that did not come up is none of the total */
        if (ev->cached && !kind_is_group(ev->kind))
            l->cached++;
        if (text_is_failure(ev->outcome) && !kind_is_group(ev->kind))
            l->failed++;
        if (!ev->cached && l->n_running > 0)
            remove_running(l, ev->node);
        break;
    case EVENT_RUN_FINISHED:
        l->over = true;
        break;
    case EVENT_MESSAGE:
    case EVENT_TICK:
        break;
    }
}

static void live_event(struct reporter *r, const struct event *ev)
{
    struct live *l = (struct live *)r;
    count(l, ev);
    bool urgent = people_event(&l->p, ev, &l->above);
    if (l->over || !l->started) {
        erase(l);
        return;
    }
    /* Something else starts most often in the moment after a target has finished: wait for it, not for long. */
    int64_t wait_ns = ev->type == EVENT_TARGET_FINISHED ? 2 * FRAME_NS : FRAME_NS;
    bool due = ev->now_ns - l->drawn_ns >= wait_ns;
    if (due || (urgent && l->n_drawn > 0))
        draw(l, ev->now_ns);
    else if (urgent || l->above.len > ABOVE_BYTES)
        erase(l); /* the block comes back with the next frame */
}

static void live_free(struct reporter *r)
{
    struct live *l = (struct live *)r;
    erase(l);
    for (size_t i = 0; i < l->n_running; i++)
        mem_free(l->running[i].label);
    mem_free(l->running);
    buf_clear(&l->above);
    buf_clear(&l->frame);
    people_clear(&l->p);
    mem_free(l);
}

struct reporter *report_live_new(const struct report_opts *o)
{
    static const struct reporter_ops ops = {live_event, live_free};
    struct live *l = mem_calloc(1, sizeof *l);
    l->base.ops = &ops;
    people_init(&l->p, o, true);
    return &l->base;
}

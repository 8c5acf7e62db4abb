/* SPDX-License-Identifier: MIT
 *
 * Private to report/: the texts that plain and live share. Turns one event into lines; has never heard of a screen.
 *
 *     struct people p;
 *     people_init(&p, opts, false);
 *     people_event(&p, ev, &out);         // appends whole lines, or nothing
 *     people_clear(&p);
 */
#ifndef TGRAPH_REPORT_TEXT_H
#define TGRAPH_REPORT_TEXT_H

#include "report/report.h"

#define SGR_RESET "\033[0m"
#define SGR_DIM "2"
#define SGR_RED "31"
#define SGR_RED_BOLD "1;31"
#define SGR_GREEN "32"
#define SGR_YELLOW "33"

/* format.c */
void text_paint(struct buf *out, bool color, const char *sgr, const char *text); /* sgr "31"; NULL = as it is */
void text_clock(int64_t ns, struct buf *out);                                    /* "0:14", "1:02:03"; rounded down */
void text_shell_word(struct buf *out, const char *word); /* quoted for a POSIX shell where it must be */
bool text_is_failure(enum outcome o);                    /* failed, timed_out, crashed, error */

/* width.c: columns on a terminal. Where terminals differ the larger answer is given. */
uint32_t text_decode(const char *p, size_t len, size_t *used);   /* UTF-8; UINT32_MAX and *used = 1 if it is not */
int text_width(const char *p, size_t len);                       /* of printable text, escape sequences count as text */
void text_cut(struct buf *out, const char *s, int columns);      /* its beginning, as much as fits */
void text_cut_left(struct buf *out, const char *s, int columns); /* its end, with "…" in front if that is not all */

/* clean.c: text of strangers. Nothing but SGR colours (kept if sgr), tabs and line ends is left of its control
 * characters, so it cannot move the cursor or change the terminal. What a lone carriage return would have
 * overwritten is left out. Bytes that are not UTF-8 become U+FFFD. */
void text_clean(struct buf *out, const char *p, size_t len, bool sgr);
void text_clean_line(struct buf *out, const char *s); /* one line without colours: line ends become spaces */
struct text_tail {
    size_t from;        /* offset of the first byte that is shown */
    size_t total_lines; /* of all that was captured */
    size_t lines;       /* shown */
};
/* The end of a log: at most max_lines lines and max_bytes bytes. */
struct text_tail text_tail_of(const struct proc_log *log, size_t max_lines, size_t max_bytes);

/* people.c */
struct people_failure {
    const char *label, *note; /* in the arena; note may be NULL */
    enum outcome outcome;
};
struct people_note {
    const char *text, *first; /* what was to be said, and the label of the first that it was said of */
    uint32_t n;
};
struct people {
    struct report_opts o; /* program is in the arena */
    bool live;            /* passes and skips are not shown line by line */
    struct arena arena;
    struct people_failure *failures; /* flaky ones too, in the order they happened */
    size_t n_failures, cap_failures;
    struct people_note *notes; /* of cases that passed: many may have the same */
    size_t n_notes, cap_notes;
    uint32_t n_failed;        /* of them not flaky */
    uint32_t selected_others; /* selected targets of another kind than test */
    bool dry_run;
    uint32_t would_run, would_run_others; /* selected; only needed by them */
    int64_t start_ns;
    bool after_blank; /* the last line written was empty (or none was written) */
};
void people_init(struct people *p, const struct report_opts *o, bool live);
void people_clear(struct people *p);
/* Appends what the event says to a reader. Returns true if it should be seen at once (not a pass or a skip). */
bool people_event(struct people *p, const struct event *ev, struct buf *out);

#endif

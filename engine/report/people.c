/* SPDX-License-Identifier: MIT
 *
 * What people read: one line a target, a block a failure, and the end of the run. Plain prints it as it is; live puts it
 * above its block. */
#include <string.h>

#include "report/text.h"

#define TAIL_LINES 60          /* of a failure's output */
#define TAIL_BYTES (64 * 1024) /* and no more than this, should it be one line without an end */
#define LIST_FAILURES 200      /* listed again at the end */
#define LIST_NOTES 20
#define RERUN_LABELS 5 /* named in the command that reruns them */

struct word {
    const char *text, *sgr;
};

static struct word word_of(const struct event *ev)
{
    switch (ev->outcome) {
    case OUTCOME_FAILED:
        return (struct word){"FAIL", SGR_RED_BOLD};
    case OUTCOME_TIMED_OUT:
        return (struct word){"TIMEOUT", SGR_RED_BOLD};
    case OUTCOME_CRASHED:
        return (struct word){"CRASH", SGR_RED_BOLD};
    case OUTCOME_ERROR:
        return (struct word){"ERROR", SGR_RED_BOLD};
    case OUTCOME_FLAKY:
        return (struct word){"FLAKY", SGR_YELLOW};
    case OUTCOME_SKIPPED:
        return (struct word){"skip", SGR_YELLOW};
    case OUTCOME_PASSED:
    case OUTCOME_NONE:
        break;
    }
    if (ev->mark)
        return (struct word){case_mark_name(ev->mark), SGR_YELLOW};
    if (ev->cached)
        return (struct word){"clean", SGR_GREEN};
    return (struct word){ev->kind == KIND_BUILD ? "built" : "pass", SGR_GREEN};
}

void people_init(struct people *p, const struct report_opts *o, bool live)
{
    memset(p, 0, sizeof *p);
    p->o = *o;
    p->live = live;
    p->after_blank = true;
    arena_init(&p->arena);
    p->o.program = arena_strdup(&p->arena, o->program ? o->program : "tgraph");
}

void people_clear(struct people *p)
{
    arena_clear(&p->arena);
    mem_free(p->failures);
    mem_free(p->notes);
    p->failures = NULL;
    p->n_failures = p->cap_failures = 0;
}

/* "  1.24 s  attempt 3 of 3: exit status 1". The time comes first, where it is the same for all that ran: a note may be
 * long. */
static void add_details(struct buf *out, const struct event *ev)
{
    bool retried = ev->type == EVENT_TARGET_RETRIED;
    bool timed = retried || (!ev->cached && !ev->dry_run && ev->outcome != OUTCOME_SKIPPED);
    bool noted = ev->note && *ev->note;
    const char *sep = "  ";
    if (timed) {
        buf_adds(out, sep);
        report_duration(ev->duration_ns, out);
    }
    /* A note of a flaky target says it. */
    if (timed && ev->attempts > 1 && (retried || ev->attempt > 1) && !(ev->outcome == OUTCOME_FLAKY && noted)) {
        buf_printf(out, "%s%sattempt %u of %u", sep, ev->outcome == OUTCOME_FLAKY ? "passed at " : "", ev->attempt,
                   ev->attempts);
        sep = ": ";
    }
    if (noted) {
        buf_adds(out, sep);
        text_clean_line(out, ev->note);
    }
}

static void add_line(struct people *p, struct buf *out, struct word w, const struct event *ev, bool with_reason)
{
    text_paint(out, p->o.color, w.sgr, w.text);
    buf_adds(out, "  ");
    text_clean_line(out, ev->target);
    add_details(out, ev);
    if (with_reason && ev->reason && *ev->reason) {
        struct buf b = BUF_INIT;
        buf_addc(&b, '(');
        text_clean_line(&b, ev->reason);
        buf_addc(&b, ')');
        buf_adds(out, "  ");
        text_paint(out, p->o.color, SGR_DIM, buf_cstr(&b));
        buf_clear(&b);
    }
    buf_addc(out, '\n');
    p->after_blank = false;
}

/* "  why: src/a.c changed", dimmed. */
static void add_aside(struct people *p, struct buf *out, const char *what, const char *text)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "  %s", what);
    text_clean_line(&b, text);
    text_paint(out, p->o.color, SGR_DIM, buf_cstr(&b));
    buf_addc(out, '\n');
    buf_clear(&b);
}

static void add_output(struct people *p, struct buf *out, const struct event *ev)
{
    const struct proc_log *log = ev->log;
    if (!log || log->bytes.len == 0)
        return;
    struct text_tail t = text_tail_of(log, TAIL_LINES, TAIL_BYTES);
    struct buf b = BUF_INIT;
    if (t.from > 0) {
        if (t.lines == TAIL_LINES && log->dropped_bytes == 0) {
            buf_printf(&b, "the last %zu of ", t.lines);
            report_count(t.total_lines, &b);
            buf_adds(&b, " lines");
        } else {
            buf_adds(&b, "the end of a long output");
        }
        /* The log on disk is that of the last attempt: an earlier one is only here. */
        if (ev->type == EVENT_TARGET_FINISHED) {
            buf_printf(&b, "; all of it: %s log ", p->o.program);
            text_shell_word(&b, ev->target);
        }
        add_aside(p, out, "", buf_cstr(&b));
    } else if (log->dropped_bytes > 0) {
        report_count(log->dropped_bytes, &b);
        buf_adds(&b, " bytes from the middle of this output were not kept");
        add_aside(p, out, "", buf_cstr(&b));
    }
    buf_clear(&b);
    size_t before = out->len;
    text_clean(out, log->bytes.p + t.from, log->bytes.len - t.from, p->o.color);
    if (out->len > before && out->p[out->len - 1] != '\n')
        buf_addc(out, '\n');
}

/* Header, reason, output, where its files are, and an empty line that sets it off from what comes next. */
static void add_block(struct people *p, struct buf *out, struct word w, const struct event *ev)
{
    if (!p->after_blank)
        buf_addc(out, '\n');
    add_line(p, out, w, ev, false);
    if (ev->reason && *ev->reason)
        add_aside(p, out, "why: ", ev->reason);
    add_output(p, out, ev);
    if (ev->tmpdir)
        add_aside(p, out, "its files are kept in ", ev->tmpdir);
    buf_addc(out, '\n');
    p->after_blank = true;
}

static void remember(struct people *p, const struct event *ev)
{
    struct buf b = BUF_INIT;
    MEM_GROW(p->failures, p->n_failures, p->cap_failures);
    struct people_failure *f = &p->failures[p->n_failures++];
    *f = (struct people_failure){arena_strdup(&p->arena, ev->target), NULL, ev->outcome};
    if (ev->note && *ev->note)
        buf_adds(&b, ev->note);
    else if (ev->outcome == OUTCOME_FLAKY && ev->attempts > 1)
        buf_printf(&b, "passed at attempt %u of %u", ev->attempt, ev->attempts);
    if (b.len)
        f->note = arena_strdup(&p->arena, buf_cstr(&b));
    buf_clear(&b);
    if (ev->outcome != OUTCOME_FLAKY)
        p->n_failed++;
}

/* Thousands of cases may have the same to say: once is enough. */
static void note_case(struct people *p, const struct event *ev)
{
    for (size_t i = 0; i < p->n_notes; i++)
        if (strcmp(p->notes[i].text, ev->note) == 0) {
            p->notes[i].n++;
            return;
        }
    MEM_GROW(p->notes, p->n_notes, p->cap_notes);
    p->notes[p->n_notes++] =
        (struct people_note){arena_strdup(&p->arena, ev->note), arena_strdup(&p->arena, ev->target), 1};
}

static void add_notes(struct people *p, struct buf *out)
{
    for (size_t i = 0; i < p->n_notes && i < LIST_NOTES && p->o.verbosity >= 0; i++) {
        const struct people_note *n = &p->notes[i];
        text_paint(out, p->o.color, SGR_YELLOW, "note");
        buf_adds(out, "  ");
        text_clean_line(out, n->first);
        if (n->n > 1) {
            buf_adds(out, " and ");
            report_count(n->n - 1, out);
            buf_printf(out, " other case%s", n->n == 2 ? "" : "s");
        }
        buf_adds(out, ": ");
        text_clean_line(out, n->text);
        buf_addc(out, '\n');
    }
    if (p->n_notes > LIST_NOTES && p->o.verbosity >= 0) {
        buf_adds(out, "and ");
        report_count(p->n_notes - LIST_NOTES, out);
        buf_adds(out, " more notes; -v shows each\n");
    }
}

/* Returns true if it is news that should not wait. */
static bool finished(struct people *p, const struct event *ev, struct buf *out)
{
    int verbosity = p->o.verbosity;
    if (ev->selected && !kind_is_test(ev->kind))
        p->selected_others++;
    if (kind_is_group(ev->kind) && ev->outcome != OUTCOME_ERROR)
        return false; /* a name for others, which speak for themselves */
    if (ev->dry_run && !ev->cached && ev->outcome != OUTCOME_SKIPPED) {
        if (ev->selected)
            p->would_run++;
        else
            p->would_run_others++;
        if (verbosity >= 0)
            add_line(p, out, (struct word){"would run", NULL}, ev, true);
        return false;
    }
    if (text_is_failure(ev->outcome)) {
        remember(p, ev);
        add_block(p, out, word_of(ev), ev);
        return true;
    }
    if (ev->outcome == OUTCOME_FLAKY) {
        remember(p, ev);
        if (verbosity >= 0)
            add_line(p, out, word_of(ev), ev, true);
        return verbosity >= 0;
    }
    /* Left-over processes. A case that passed is one of many; its note says why it was skipped. */
    bool noted = ev->note && *ev->note && !ev->cached && ev->outcome == OUTCOME_PASSED && !ev->mark;
    if (noted && ev->kind == KIND_CASE && verbosity == 0) {
        note_case(p, ev);
        return false;
    }
    bool quiet = ev->cached || p->live || ev->kind == KIND_SERVICE || ev->kind == KIND_CASE;
    if (verbosity > 0 || (verbosity == 0 && (noted || !quiet))) {
        add_line(p, out, word_of(ev), ev, true);
        if (verbosity > 0)
            add_output(p, out, ev);
    }
    return false;
}

static void add_rerun(struct people *p, struct buf *out)
{
    struct buf b = BUF_INIT;
    buf_printf(out, "run %s again: %s --failed\n", p->n_failed == 1 ? "it" : "just these", p->o.program);
    if (p->n_failed > RERUN_LABELS)
        return;
    buf_adds(&b, p->o.program);
    for (size_t i = 0; i < p->n_failures; i++) {
        if (!text_is_failure(p->failures[i].outcome))
            continue;
        char *label =
            mem_printf("%s%s", *p->failures[i].label == '-' ? "//" : "", p->failures[i].label); /* no option */
        buf_addc(&b, ' ');
        text_shell_word(&b, label);
        mem_free(label);
    }
    buf_printf(out, "%*s %s\n", p->n_failed == 1 ? 13 : 21, "or:", buf_cstr(&b));
    buf_clear(&b);
}

/* All failures again, one line each, where a long run ends; and how to run just them. */
static void add_list(struct people *p, struct buf *out)
{
    bool quiet = p->o.verbosity < 0;
    size_t left = quiet ? p->n_failed : p->n_failures, shown = 0;
    if (left == 0)
        return;
    if (!p->after_blank)
        buf_addc(out, '\n');
    for (size_t i = 0; i < p->n_failures && shown < LIST_FAILURES; i++) {
        const struct people_failure *f = &p->failures[i];
        if (quiet && f->outcome == OUTCOME_FLAKY)
            continue;
        struct event ev = {.outcome = f->outcome};
        struct word w = word_of(&ev);
        text_paint(out, p->o.color, w.sgr, w.text);
        buf_adds(out, "  ");
        text_clean_line(out, f->label);
        if (f->note) {
            buf_adds(out, "  ");
            text_clean_line(out, f->note);
        }
        buf_addc(out, '\n');
        shown++;
    }
    if (left > shown) {
        buf_adds(out, "and ");
        report_count(left - shown, out);
        buf_printf(out, " more; all of them: %s list\n", p->o.program);
    }
    if (p->n_failed)
        add_rerun(p, out);
}

/* "would run 12 of 1,204 tests, and 3 builds that they need" */
static void add_dry_summary(struct people *p, const struct event *ev, struct buf *out)
{
    buf_adds(out, "would run ");
    report_count(p->would_run, out);
    buf_adds(out, " of ");
    report_count(ev->counts.selected, out);
    buf_printf(out, " %s%s", p->selected_others ? "target" : "test", ev->counts.selected == 1 ? "" : "s");
    if (p->would_run_others) {
        buf_adds(out, ", and ");
        report_count(p->would_run_others, out);
        buf_adds(out, p->would_run_others == 1 ? " target that is needed" : " targets that are needed");
    }
    buf_adds(out, " (checked in ");
}

static void run_finished(struct people *p, const struct event *ev, struct buf *out)
{
    int64_t ns = ev->duration_ns > 0 ? ev->duration_ns : ev->now_ns - p->start_ns;
    add_notes(p, out);
    add_list(p, out);
    if (p->dry_run && p->would_run + p->would_run_others > 0 && !ev->counts.interrupted) {
        add_dry_summary(p, ev, out);
        report_duration(ns, out);
        buf_addc(out, ')');
    } else {
        report_summary_line(&ev->counts, ns, p->selected_others == 0, p->o.since != NULL, p->o.color, out);
    }
    buf_addc(out, '\n');
}

static void run_started(struct people *p, const struct event *ev, struct buf *out)
{
    p->start_ns = ev->now_ns;
    if (p->o.verbosity < 1 || p->live || ev->dry_run || ev->estimate_run == 0)
        return;
    buf_adds(out, "up to ");
    report_count(ev->estimate_run, out);
    buf_adds(out, " of ");
    report_count(ev->n_total, out);
    buf_printf(out, " targets to run, %d at a time", ev->jobs);
    if (ev->estimate_ns > 0) {
        buf_adds(out, ", in about ");
        report_duration(ev->estimate_ns, out);
    }
    buf_addc(out, '\n');
    p->after_blank = false;
}

bool people_event(struct people *p, const struct event *ev, struct buf *out)
{
    p->dry_run = p->dry_run || ev->dry_run;
    switch (ev->type) {
    case EVENT_TARGET_FINISHED:
        return finished(p, ev, out);
    case EVENT_TARGET_RETRIED:
        if (p->o.verbosity < 0)
            return false;
        add_block(p, out, (struct word){"retry", SGR_YELLOW}, ev);
        return true;
    case EVENT_MESSAGE:
        if (p->o.verbosity < 0 && !ev->is_error)
            return false;
        if (ev->is_error) {
            text_paint(out, p->o.color, SGR_RED_BOLD, "error");
            buf_printf(out, "%s%s: ", ev->code ? " " : "", ev->code ? ev->code : "");
        } else {
            buf_adds(out, "tgraph: ");
            if (ev->code && *ev->code)
                buf_printf(out, "%s: ", ev->code);
        }
        text_clean_line(out, ev->message);
        buf_addc(out, '\n');
        p->after_blank = false;
        return true;
    case EVENT_SERVICE_STARTED:
    case EVENT_SERVICE_STOPPED:
        if (p->o.verbosity < 1)
            return false;
        text_clean_line(out, ev->target);
        if (ev->type == EVENT_SERVICE_STARTED) {
            buf_adds(out, " is ready after ");
            report_duration(ev->duration_ns, out);
        } else {
            buf_adds(out, " is stopped");
        }
        buf_addc(out, '\n');
        p->after_blank = false;
        return false;
    case EVENT_RUN_STARTED:
        run_started(p, ev, out);
        return false;
    case EVENT_RUN_FINISHED:
        run_finished(p, ev, out);
        return true;
    case EVENT_TARGET_STARTED:
    case EVENT_TICK:
        break;
    }
    return false;
}

/* SPDX-License-Identifier: MIT
 * Scripted events for the tests of reporters: times are given in milliseconds, the run begins at 1,000 s. */
#ifndef TGRAPH_TESTS_REPORT_SCRIPT_H
#define TGRAPH_TESTS_REPORT_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"

#define MS INT64_C(1000000)
#define T0 (1000000 * MS)

/* A reporter that writes into memory. */
struct script {
    char *text;
    size_t len;
    FILE *out;
    struct reporter *r;
};

static inline void script_open(struct script *s, struct reporter *(*make)(const struct report_opts *),
                               struct report_opts o)
{
    s->text = NULL;
    s->out = open_memstream(&s->text, &s->len);
    assert_non_null(s->out);
    o.out = s->out;
    s->r = make(&o);
}

static inline void emit(struct script *s, struct event ev)
{
    ev.now_ns += T0;
    s->r->ops->event(s->r, &ev);
}

/* What was written since the last call. */
static inline const char *written(struct script *s)
{
    fflush(s->out);
    s->text[s->len] = 0; /* after a rewind the stream does not do it */
    return s->text;
}

static inline void forget(struct script *s)
{
    fflush(s->out);
    rewind(s->out);
}

static inline void script_close(struct script *s)
{
    if (s->r)
        s->r->ops->free(s->r);
    fclose(s->out);
    free(s->text);
}

static inline struct event started(int64_t ms, uint32_t node, const char *label)
{
    return (struct event){.type = EVENT_TARGET_STARTED,
                          .now_ns = ms * MS,
                          .node = node,
                          .target = label,
                          .kind = KIND_TEST,
                          .attempt = 1,
                          .attempts = 1};
}

static inline struct event done(int64_t ms, uint32_t node, const char *label, enum outcome o, int64_t took_ms)
{
    return (struct event){.type = EVENT_TARGET_FINISHED,
                          .now_ns = ms * MS,
                          .node = node,
                          .target = label,
                          .kind = KIND_TEST,
                          .outcome = o,
                          .selected = true,
                          .duration_ns = took_ms * MS,
                          .reason = "src/a.c changed",
                          .attempt = 1,
                          .attempts = 1};
}

static inline struct event clean_result(uint32_t node, const char *label)
{
    struct event ev = done(0, node, label, OUTCOME_PASSED, 1240);
    ev.cached = true;
    ev.reason = "nothing that it reads changed";
    return ev;
}

static inline struct event tick(int64_t ms) { return (struct event){.type = EVENT_TICK, .now_ns = ms * MS}; }

static inline void log_add(struct proc_log *log, uint8_t stream, const char *text)
{
    MEM_GROW(log->frames, log->n_frames, log->cap_frames);
    log->frames[log->n_frames++] = (struct proc_frame){stream, (uint32_t)strlen(text)};
    buf_adds(&log->bytes, text);
}

static inline void log_clear(struct proc_log *log)
{
    buf_clear(&log->bytes);
    mem_free(log->frames);
}

#endif

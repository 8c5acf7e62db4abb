/* SPDX-License-Identifier: MIT
 * JSON lines for scripts: one object an event, as docs/events.md says. A field that is in there keeps its name and
 * meaning as long as `v` is the same. */
#include <string.h>

#include "base/json.h"

#include "report/text.h"

#define OUTPUT_BYTES (1024 * 1024) /* of one event's output; the end is kept */
#define FLUSH_NS 100000000

struct json_reporter {
    struct reporter base;
    struct report_opts o;
    struct buf line;
    bool any;         /* an event was seen: */
    int64_t first_ns; /* its time, t_ms 0 */
    int64_t flushed_ns;
};

static void field_str(struct json *j, const char *key, const char *s)
{
    json_key(j, key);
    json_str(j, s);
}

static void field_int(struct json *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_int(j, v);
}

static void field_bool(struct json *j, const char *key, bool v)
{
    json_key(j, key);
    json_bool(j, v);
}

static void field_ms(struct json *j, const char *key, int64_t ns)
{
    field_int(j, key, ns > 0 ? (ns + 500000) / 1000000 : 0);
}

/* "output":[{"stream":1,"text":"..."},...],"output_truncated":false. Pieces of one stream that follow one another become
 * one, so that a character which arrived in two reads is whole. */
static void output(struct json *j, const struct proc_log *log)
{
    if (!log || log->n_frames == 0)
        return;
    size_t from = text_tail_of(log, SIZE_MAX, OUTPUT_BYTES).from;
    json_key(j, "output");
    json_array(j);
    for (size_t i = 0, at = 0; i < log->n_frames;) {
        uint8_t stream = log->frames[i].stream;
        size_t start = at;
        while (i < log->n_frames && log->frames[i].stream == stream)
            at += log->frames[i++].len;
        if (at > log->bytes.len)
            at = log->bytes.len;
        if (start < from)
            start = from;
        if (start >= at)
            continue;
        json_object(j);
        field_str(j, "stream", stream == 2 ? "stderr" : "stdout");
        json_key(j, "text");
        json_strn(j, log->bytes.p + start, at - start);
        json_end(j);
    }
    json_end(j);
    field_bool(j, "output_truncated", from > 0 || log->dropped_bytes > 0);
}

static void target(struct json *j, const struct event *ev)
{
    field_str(j, "target", ev->target);
    field_str(j, "kind", kind_name(ev->kind));
}

static void attempt(struct json *j, const struct event *ev)
{
    field_int(j, "attempt", ev->attempt);
    field_int(j, "attempts", ev->attempts);
}

/* They come as lines of JSON. */
static void subtests(struct json *j, const char *lines)
{
    json_key(j, "subtests");
    json_array(j);
    for (size_t len; *lines; lines += len + (lines[len] == '\n')) {
        len = strcspn(lines, "\n");
        if (len)
            json_raw(j, lines, len);
    }
    json_end(j);
}

static void finished(struct json *j, const struct event *ev, int verbosity)
{
    char hex[DIGEST_HEX];
    target(j, ev);
    /* A target that -n would run has no outcome yet. */
    field_str(j, "outcome", ev->outcome == OUTCOME_NONE ? NULL : outcome_name(ev->outcome));
    if (ev->mark)
        field_str(j, "mark", case_mark_name(ev->mark));
    field_bool(j, "cached", ev->cached);
    field_bool(j, "selected", ev->selected);
    if (ev->dry_run)
        field_bool(j, "dry_run", true);
    if (!digest_is_none(ev->key))
        digest_hex(ev->key, hex);
    field_str(j, "key", digest_is_none(ev->key) ? NULL : hex);
    field_ms(j, "duration_ms", ev->duration_ns);
    field_str(j, "reason", ev->reason);
    if (ev->note)
        field_str(j, "note", ev->note);
    if (ev->attempt > 0) {
        attempt(j, ev);
        if (ev->signal)
            field_int(j, "signal", ev->signal);
        else if (ev->exit_code >= 0)
            field_int(j, "exit_code", ev->exit_code);
    }
    if (ev->tmpdir)
        field_str(j, "tmpdir", ev->tmpdir);
    if (ev->subtests)
        subtests(j, ev->subtests);
    if (verbosity > 0 || (ev->outcome != OUTCOME_PASSED && ev->outcome != OUTCOME_SKIPPED))
        output(j, ev->log);
}

static void since(struct json *j, const struct report_since *s)
{
    json_key(j, "since");
    json_object(j);
    field_str(j, "ref", s->ref);
    field_str(j, "merge_base", *s->merge_base ? s->merge_base : NULL);
    field_str(j, "chosen_by", s->chosen_by);
    field_str(j, "everything", s->everything);
    json_end(j);
}

static void run_finished(struct json *j, const struct event *ev, bool affected, int64_t t_ns)
{
    const struct run_counts *c = &ev->counts;
    if (affected)
        field_int(j, "affected", c->selected);
    field_int(j, "selected", c->selected);
    field_int(j, "ran", c->ran);
    field_int(j, "cached", c->cached);
    field_int(j, "passed", c->passed);
    field_int(j, "failed", c->failed);
    field_int(j, "flaky", c->flaky);
    field_int(j, "skipped", c->skipped);
    if (c->marked[MARK_SKIPPED] + c->marked[MARK_XFAILED] + c->marked[MARK_XPASSED]) {
        json_key(j, "marked");
        json_object(j);
        for (int m = MARK_SKIPPED; m <= MARK_XPASSED; m++)
            field_int(j, case_mark_name((enum case_mark)m), c->marked[m]);
        json_end(j);
    }
    field_int(j, "builds_ran", c->builds_ran);
    field_int(j, "builds_failed", c->builds_failed);
    field_int(j, "services_failed", c->services_failed);
    field_ms(j, "duration_ms", ev->duration_ns > 0 ? ev->duration_ns : t_ns);
    field_int(j, "exit_status", c->exit_status);
    field_bool(j, "interrupted", c->interrupted);
}

static const char *event_name(enum event_type t)
{
    switch (t) {
    case EVENT_RUN_STARTED:
        return "run_started";
    case EVENT_TARGET_STARTED:
        return "target_started";
    case EVENT_TARGET_RETRIED:
        return "target_retried";
    case EVENT_TARGET_FINISHED:
        return "target_finished";
    case EVENT_SERVICE_STARTED:
        return "service_started";
    case EVENT_SERVICE_STOPPED:
        return "service_stopped";
    case EVENT_MESSAGE:
        return "message";
    case EVENT_RUN_FINISHED:
        return "run_finished";
    case EVENT_TICK:
        break;
    }
    return NULL;
}

static void fields(struct json *j, const struct event *ev, const struct report_opts *o, int64_t t_ns)
{
    switch (ev->type) {
    case EVENT_RUN_STARTED:
        field_int(j, "total", ev->n_total);
        field_int(j, "selected", ev->n_selected);
        field_int(j, "jobs", ev->jobs);
        field_bool(j, "dry_run", ev->dry_run);
        field_int(j, "estimate_run", ev->estimate_run);
        json_key(j, "estimate_ms");
        if (ev->estimate_ns > 0)
            json_int(j, (ev->estimate_ns + 500000) / 1000000);
        else
            json_null(j);
        if (o->since)
            since(j, o->since);
        break;
    case EVENT_TARGET_STARTED:
        target(j, ev);
        attempt(j, ev);
        break;
    case EVENT_TARGET_RETRIED:
        target(j, ev);
        field_str(j, "outcome", outcome_name(ev->outcome));
        attempt(j, ev);
        field_ms(j, "duration_ms", ev->duration_ns);
        if (ev->note)
            field_str(j, "note", ev->note);
        if (ev->tmpdir)
            field_str(j, "tmpdir", ev->tmpdir);
        output(j, ev->log);
        break;
    case EVENT_TARGET_FINISHED:
        finished(j, ev, o->verbosity);
        break;
    case EVENT_SERVICE_STARTED:
        field_str(j, "target", ev->target);
        field_ms(j, "duration_ms", ev->duration_ns);
        break;
    case EVENT_SERVICE_STOPPED:
        field_str(j, "target", ev->target);
        break;
    case EVENT_MESSAGE:
        field_str(j, "level", ev->is_error ? "error" : "info");
        field_str(j, "code", ev->code);
        field_str(j, "message", ev->message);
        break;
    case EVENT_RUN_FINISHED:
        run_finished(j, ev, o->since != NULL, t_ns);
        break;
    case EVENT_TICK:
        break;
    }
}

static void json_event(struct reporter *r, const struct event *ev)
{
    struct json_reporter *jr = (struct json_reporter *)r;
    const char *name = event_name(ev->type);
    if (name) {
        if (!jr->any)
            jr->first_ns = ev->now_ns;
        jr->any = true;
        struct json j = JSON_INIT(&jr->line);
        json_object(&j);
        field_str(&j, "event", name);
        field_int(&j, "v", EVENT_VERSION);
        field_ms(&j, "t_ms", ev->now_ns - jr->first_ns);
        fields(&j, ev, &jr->o, ev->now_ns - jr->first_ns);
        json_end(&j);
        buf_addc(&jr->line, '\n');
        fwrite(jr->line.p, 1, jr->line.len, jr->o.out);
        buf_reset(&jr->line);
    }
    if (ev->type == EVENT_TARGET_FINISHED && ev->cached && ev->now_ns - jr->flushed_ns < FLUSH_NS)
        return;
    fflush(jr->o.out);
    jr->flushed_ns = ev->now_ns;
}

static void json_free(struct reporter *r)
{
    struct json_reporter *jr = (struct json_reporter *)r;
    fflush(jr->o.out);
    buf_clear(&jr->line);
    mem_free(jr);
}

struct reporter *report_json_new(const struct report_opts *o)
{
    static const struct reporter_ops ops = {json_event, json_free};
    struct json_reporter *jr = mem_calloc(1, sizeof *jr);
    jr->base.ops = &ops;
    jr->o = *o;
    jr->flushed_ns = INT64_MIN / 2;
    return &jr->base;
}

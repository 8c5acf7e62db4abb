/* SPDX-License-Identifier: MIT
 *
 * The messages of the worker protocol, as a worker reads and writes them. */
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "base/json.h"
#include "worker/exec_case.h"
#include "worker/worker.h"

enum { MAX_DEPTH = 128 }; /* yajl frees trees by recursion */

static bool too_deep(const char *p, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (p[i] == '\\')
                i++;
            else if (p[i] == '"')
                in_string = false;
        } else if (p[i] == '"') {
            in_string = true;
        } else if (p[i] == '[' || p[i] == '{') {
            if (++depth > MAX_DEPTH)
                return true;
        } else if (p[i] == ']' || p[i] == '}') {
            depth--;
        }
    }
    return false;
}

static yajl_val member(yajl_val object, const char *name)
{
    return yajl_tree_get(object, (const char *[]){name, NULL}, yajl_t_any);
}

static int64_t integer(yajl_val object, const char *name, int64_t otherwise)
{
    yajl_val v = member(object, name);
    return YAJL_IS_INTEGER(v) ? YAJL_GET_INTEGER(v) : otherwise;
}

bool exec_ask_parse(const char *line, size_t len, struct exec_ask *out, char **why)
{
    static const struct {
        const char *name;
        enum exec_ask_type type;
    } types[] = {{"hello", ASK_HELLO}, {"run", ASK_RUN}, {"exit", ASK_EXIT}};
    char text[200];
    *out = (struct exec_ask){.type = ASK_OTHER};
    *why = NULL;
    if (too_deep(line, len) || strlen(line) != len) {
        *why = mem_strdup("it is nested too deep, or has a NUL in it");
        return false;
    }
    out->tree = yajl_tree_parse(line, text, sizeof text);
    const char *type = out->tree ? YAJL_GET_STRING(member(out->tree, "type")) : NULL;
    if (!type) {
        *why = mem_strdup(out->tree ? "it has no 'type'" : "it is not JSON");
        exec_ask_clear(out);
        return false;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].name) == 0)
            out->type = types[i].type;
    out->protocol = integer(out->tree, "protocol", -1);
    out->id = integer(out->tree, "id", -1);
    out->attempt = integer(out->tree, "attempt", 1);
    out->data = member(out->tree, "data");
    if (out->type == ASK_RUN && out->id < 0) {
        *why = mem_strdup("run: it has no 'id'");
        exec_ask_clear(out);
        return false;
    }
    return true;
}

void exec_ask_clear(struct exec_ask *a)
{
    if (a->tree)
        yajl_tree_free(a->tree);
    *a = (struct exec_ask){.type = ASK_OTHER};
}

/* ---- answers ---- */

static const char *outcome_word(enum outcome o, enum case_mark m)
{
    if (o == OUTCOME_PASSED)
        return m == MARK_NONE ? "passed" : case_mark_name(m);
    return o == OUTCOME_ERROR ? "error" : "failed";
}

static void begin(struct json *j, const char *type)
{
    json_object(j);
    json_key(j, "type");
    json_str(j, type);
}

static void end(struct json *j)
{
    json_end(j);
    buf_addc(j->out, '\n');
}

static void add_result(struct json *j, const struct result *r)
{
    json_object(j);
    json_key(j, "name");
    json_str(j, r->name);
    json_key(j, "outcome");
    json_str(j, outcome_word(r->outcome, r->mark));
    if (r->message) {
        json_key(j, "message");
        json_str(j, r->message);
    }
    if (r->duration_ns >= 0) {
        json_key(j, "duration_ms");
        json_double(j, (double)r->duration_ns / 1e6, 3);
    }
    json_end(j);
}

void exec_done_format(const struct exec_done *d, int64_t id, struct buf *out)
{
    struct json j = JSON_INIT(out);
    const struct results *r = &d->results;
    size_t listed = 0;
    begin(&j, "done");
    json_key(&j, "id");
    json_int(&j, id);
    json_key(&j, "outcome");
    json_str(&j, outcome_word(d->verdict.outcome, d->verdict.mark));
    json_key(&j, "duration_ms");
    json_double(&j, (double)d->duration_ns / 1e6, 3);
    if (d->verdict.message || d->left_over) {
        struct buf b = BUF_INIT;
        buf_adds(&b, d->verdict.message ? d->verdict.message : "");
        if (d->left_over)
            buf_printf(&b, "%sleft-over processes, ended now: %s", b.len ? "; " : "", d->left_over);
        json_key(&j, "message");
        json_str(&j, b.p);
        buf_clear(&b);
    }
    if (r->n) {
        json_key(&j, "subtests");
        json_array(&j);
        for (; listed < r->n && out->len < EXEC_LINE_BYTES; listed++)
            add_result(&j, &r->v[listed]);
        json_end(&j);
    }
    size_t missing = r->n - listed + r->left_out;
    if (missing) {
        char text[100];
        snprintf(text, sizeof text, "%zu more results within the case are counted and not listed", missing);
        json_key(&j, "details");
        json_str(&j, text);
    }
    end(&j);
}

void exec_ready_format(struct buf *out)
{
    struct json j = JSON_INIT(out);
    begin(&j, "ready");
    json_key(&j, "protocol");
    json_int(&j, WORKER_PROTOCOL);
    json_key(&j, "name");
    json_str(&j, "tgraph exec-worker " TGRAPH_VERSION);
    end(&j);
}

void exec_error_format(const char *message, struct buf *out)
{
    struct json j = JSON_INIT(out);
    begin(&j, "error");
    json_key(&j, "message");
    json_str(&j, message);
    end(&j);
}

/* SPDX-License-Identifier: MIT
 *
 * TAP, the Test Anything Protocol: version 14 (testanything.org), and what 12 and 13 have besides. rules/tap.lua judges the
 * same in awk; tests/e2e/cli/exec_worker.t holds the two against each other.
 *
 * Test points at the margin are what is judged. An inner one (of a subtest, indented by fours) is listed under the name of
 * its outer one, which follows it; an outer one that is ok with an inner one that is not is a contradiction, and no pass.
 * What is indented otherwise, or stands in a YAML block, is a diagnostic. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "worker/results_internal.h"

enum { MAX_DEPTH = 64 };

struct tap {
    struct results *r;
    struct lines lines;
    uint64_t seen, plan; /* test points at the margin */
    bool planned, plan_after_tests, strict;
    bool in_yaml;
    size_t yaml_indent;
    bool yaml_wants_message; /* the value of `message:` stands on the lines that follow */
    size_t last;             /* index of the test point that a YAML block belongs to; SIZE_MAX = none */
    bool last_bad;
    /* Inner results that wait for the outer one which names them: from here on in r->v, each with its depth. */
    size_t inner_at;
    uint8_t *depth;
    size_t n_depth, cap_depth;
    bool inner_bad;
};

static void *tap_open(struct results *r)
{
    struct tap *t = mem_calloc(1, sizeof *t);
    t->r = r;
    t->last = SIZE_MAX;
    return t;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* "# TODO later" and "# skip": the first '#' that is not escaped and has such a word behind it. */
struct directive {
    const char *at; /* its '#'; NULL = none */
    bool skip;
    const char *reason; /* "" if none is given */
};

static struct directive find_directive(const char *p)
{
    for (; *p; p++) {
        if (*p == '\\' && (p[1] == '\\' || p[1] == '#')) {
            p++;
            continue;
        }
        if (*p != '#')
            continue;
        const char *word = p + 1 + strspn(p + 1, " \t");
        bool skip = strncasecmp(word, "skip", 4) == 0;
        if ((skip || strncasecmp(word, "todo", 4) == 0) && !is_word(word[4])) {
            const char *reason = word + 4;
            return (struct directive){p, skip, reason + strspn(reason, " \t:")};
        }
    }
    return (struct directive){NULL, false, ""};
}

/* A description without its escapes. */
static void unescape(struct buf *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\' && i + 1 < len && (p[i + 1] == '\\' || p[i + 1] == '#'))
            i++;
        buf_addc(out, p[i]);
    }
}

struct point {
    bool ok, numbered;
    uint64_t number;
    struct directive directive;
    const char *description;
    size_t description_len;
};

static bool parse_point(const char *line, struct point *out)
{
    bool ok = !has_prefix(line, "not ");
    const char *p = ok ? line : line + 4;
    if (!has_prefix(p, "ok") || is_word(p[2]))
        return false;
    *out = (struct point){.ok = ok};
    p += 2;
    p += strspn(p, " \t");
    size_t digits = strspn(p, "0123456789");
    if (digits && !is_word(p[digits])) {
        out->numbered = true;
        out->number = strtoull(p, NULL, 10); /* ULLONG_MAX if too long: no such number is due */
        p += digits;
    }
    out->directive = find_directive(p);
    p += strspn(p, " \t");
    if (*p == '-')
        p++;
    const char *end = out->directive.at ? out->directive.at : p + strlen(p);
    out->description = p < end ? p : end;
    out->description_len = (size_t)(end - out->description);
    return true;
}

static void add_depth(struct tap *t, size_t index, size_t depth)
{
    if (index == SIZE_MAX)
        return;
    if (t->n_depth == 0)
        t->inner_at = index;
    MEM_GROW(t->depth, t->n_depth, t->cap_depth);
    t->depth[t->n_depth++] = (uint8_t)depth;
}

/* An outer test point at `depth` names the inner ones before it: "outer > inner". One that is expected to fail, or was
 * skipped, excuses them. */
static void name_inner(struct tap *t, size_t depth, const char *outer, bool excused)
{
    struct results *r = t->r;
    for (size_t i = t->n_depth; i > 0 && t->depth[i - 1] > depth; i--) {
        struct result *one = &r->v[t->inner_at + i - 1];
        struct buf b = BUF_INIT;
        size_t before = strlen(one->name);
        buf_printf(&b, "%s > ", outer);
        text_one_line(&b, one->name, before, RESULTS_NAME_BYTES);
        if (b.len <= 2 * RESULTS_NAME_BYTES && b.len - before <= RESULTS_TEXT_BYTES - r->text_bytes) {
            r->text_bytes += b.len - before;
            mem_free(one->name);
            one->name = buf_take(&b);
        }
        buf_clear(&b);
        if (excused && one->outcome == OUTCOME_FAILED) {
            one->outcome = OUTCOME_PASSED;
            one->mark = MARK_XFAILED;
        }
        t->depth[i - 1] = (uint8_t)depth; /* named: no other one on this level does it again */
    }
}

static void take_point(struct tap *t, const struct point *p, size_t depth, const char *line)
{
    struct results *r = t->r;
    bool todo = p->directive.at && !p->directive.skip, skip = p->directive.at && p->directive.skip;
    bool bad = !p->ok && !todo && !skip;
    enum case_mark mark = skip ? MARK_SKIPPED : !todo ? MARK_NONE : p->ok ? MARK_XPASSED : MARK_XFAILED;
    struct buf name = BUF_INIT, plain = BUF_INIT;
    unescape(&plain, p->description, p->description_len);
    text_one_line(&name, buf_cstr(&plain), plain.len, RESULTS_NAME_BYTES);
    buf_clear(&plain);
    if (depth == 0)
        t->seen++;
    if (!name.len)
        buf_printf(&name, "%llu", (unsigned long long)(p->numbered ? p->number : t->seen));
    if (depth == 0 && p->numbered && p->number != t->seen)
        results_doubt(r, "number %llu where %llu was due: %s", (unsigned long long)p->number,
                      (unsigned long long)t->seen, line);
    if (depth == 0 && t->plan_after_tests)
        results_doubt(r, "a test point after the plan that ended them: %s", line);
    if (depth > 0) {
        t->inner_bad |= bad;
    } else {
        if (t->inner_bad && p->ok && !todo && !skip)
            results_doubt(r, "it is ok, but a subtest of it is not: %s", line);
        t->inner_bad = false;
    }
    name_inner(t, depth, buf_cstr(&name), todo || skip);
    t->last =
        results_add(r, depth ? ADD_INNER : ADD_COUNTED, buf_cstr(&name), name.len,
                    bad ? OUTCOME_FAILED : OUTCOME_PASSED, mark, *p->directive.reason ? p->directive.reason : NULL, -1);
    t->last_bad = bad;
    if (depth > 0)
        add_depth(t, t->last, depth);
    else
        t->n_depth = 0;
    buf_clear(&name);
}

/* "1..N" with nothing or a comment behind it. */
static bool parse_plan(const char *line, uint64_t *n, const char **comment)
{
    if (!has_prefix(line, "1.."))
        return false;
    size_t digits = strspn(line + 3, "0123456789");
    const char *rest = line + 3 + digits;
    rest += strspn(rest, " \t");
    if (!digits || (*rest && *rest != '#'))
        return false;
    *n = strtoull(line + 3, NULL, 10);
    *comment = rest;
    return true;
}

static void take_plan(struct tap *t, uint64_t n, const char *comment, const char *line)
{
    if (t->planned) {
        results_doubt(t->r, "a second plan: %s", line);
        return;
    }
    t->planned = true;
    t->plan = n;
    t->plan_after_tests = t->seen > 0;
    if (n == 0) {
        struct directive d = find_directive(comment);
        comment += strspn(comment, "# \t");
        const char *reason = d.at && *d.reason ? d.reason : *comment ? comment : "nothing planned (1..0)";
        t->r->complete = true;
        if (!t->r->skip_reason)
            t->r->skip_reason = mem_strndup(reason, strnlen(reason, RESULTS_MESSAGE_BYTES));
    }
}

/* Of a YAML block: what the usual producers say of a failure, and how long it took. */
static void take_yaml(struct tap *t, const char *p, size_t len)
{
    if (t->last == SIZE_MAX)
        return;
    struct result *one = &t->r->v[t->last];
    if (has_prefix(p, "duration_ms:")) {
        const char *v = p + 12 + strspn(p + 12, " '\"");
        one->duration_ns = text_duration_ns(v, strcspn(v, "'\""), 1e6);
        return;
    }
    bool key = has_prefix(p, "message:") || has_prefix(p, "error:");
    if (!t->last_bad || one->message || (!key && !t->yaml_wants_message))
        return;
    const char *v = key ? strchr(p, ':') + 1 : p, *end = p + len;
    v += strspn(v, " \t");
    if (key && (!*v || *v == '|' || *v == '>')) {
        t->yaml_wants_message = true;
        return;
    }
    t->yaml_wants_message = false;
    if (end - v >= 2 && (*v == '\'' || *v == '"') && end[-1] == *v)
        v++, end--;
    struct buf b = BUF_INIT;
    text_one_line(&b, v, (size_t)(end - v), RESULTS_MESSAGE_BYTES);
    if (b.len && b.len <= RESULTS_TEXT_BYTES - t->r->text_bytes) {
        t->r->text_bytes += b.len;
        one->message = buf_take(&b);
    }
    buf_clear(&b);
}

/* true: the line belonged to a YAML block. It opens with "---" and ends with "..." of the same indentation, or where
 * something stands further left. */
static bool yaml_line(struct tap *t, const char *line, size_t len, size_t indent)
{
    if (!t->in_yaml) {
        if (indent == 0 || !has_prefix(line + indent, "---") || line[indent + 3 + strspn(line + indent + 3, " \t")])
            return false;
        t->in_yaml = true;
        t->yaml_indent = indent;
        t->yaml_wants_message = false;
        return true;
    }
    if (indent < t->yaml_indent && len > indent) {
        t->in_yaml = false;
        return false;
    }
    if (indent == t->yaml_indent && has_prefix(line + indent, "...") &&
        !line[indent + 3 + strspn(line + indent + 3, " \t")]) {
        t->in_yaml = false;
        return true;
    }
    take_yaml(t, line + indent, len - indent);
    return true;
}

static bool pragma_line(struct tap *t, const char *line)
{
    if (!has_prefix(line, "pragma ") || (line[7] != '+' && line[7] != '-'))
        return false;
    if (strncmp(line + 8, "strict", 6) == 0 && !line[14 + strspn(line + 14, " \t")])
        t->strict = line[7] == '+';
    return true;
}

static bool version_line(struct tap *t, const char *line)
{
    if (!has_prefix(line, "TAP version "))
        return false;
    const char *v = line + 12;
    size_t digits = strspn(v, "0123456789");
    if (digits == 0 || digits > 2 || v[digits + strspn(v + digits, " \t")] || atoi(v) < 12 || atoi(v) > 14)
        results_doubt(t->r, "an unknown version: %s", line);
    return true;
}

static void tap_line(void *ctx, const char *line, size_t len, bool cut)
{
    struct tap *t = ctx;
    (void)cut; /* what is missing could only excuse a failure */
    size_t indent = strspn(line, " ");
    if (yaml_line(t, line, len, indent))
        return;
    struct point p;
    uint64_t n;
    const char *comment, *text = line + indent;
    /* Whoever bails out ends all of it, from a subtest as well. */
    if (strncasecmp(text, "Bail out!", 9) == 0 && indent % 4 == 0) {
        results_doubt(t->r, "%s", text);
    } else if (indent > 0) {
        if (indent % 4 == 0 && indent / 4 < MAX_DEPTH && parse_point(text, &p))
            take_point(t, &p, indent / 4, text);
    } else if (parse_point(line, &p)) {
        take_point(t, &p, 0, line);
    } else if (parse_plan(line, &n, &comment)) {
        take_plan(t, n, comment, line);
    } else if (!version_line(t, line) && !pragma_line(t, line) && *line != '#' && line[strspn(line, " \t")] &&
               t->strict) {
        results_doubt(t->r, "this is not TAP, and pragma +strict forbids it: %s", line);
    }
}

static void tap_feed(void *state, uint8_t stream, const char *p, size_t len, struct buf *shown)
{
    struct tap *t = state;
    if (shown)
        buf_add(shown, p, len);
    if (stream == 1)
        lines_feed(&t->lines, p, len, tap_line, t);
}

static void tap_end(void *state, struct buf *shown)
{
    struct tap *t = state;
    struct results *r = t->r;
    (void)shown;
    lines_end(&t->lines, tap_line, t);
    if (!t->planned && !t->seen)
        results_unreadable(r, "it wrote no TAP: neither a plan (1..N) nor a test point");
    else if (!t->planned)
        results_doubt(r, "no plan (1..N)");
    else if (t->plan != t->seen)
        results_doubt(r, "planned %llu, ran %llu", (unsigned long long)t->plan, (unsigned long long)t->seen);
    if (t->inner_bad)
        results_doubt(r, "a subtest failed, and no test point follows that it belongs to");
    mem_free(t->depth);
    mem_free(t);
}

const struct reader_kind tap_reader = {tap_open, tap_feed, tap_end};

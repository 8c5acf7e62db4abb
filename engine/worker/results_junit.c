/* SPDX-License-Identifier: MIT
 *
 * JUnit's XML as surefire, gtest, pytest, ctest and others write it; parsed by Expat. There is no one specification: what they
 * agree on is testcase elements anywhere below testsuite elements, and in them failure, error and skipped.
 *
 * A document type is refused before anything of it is read, so there are no entities but the five of XML itself. A file that
 * ends in the middle, is not well-formed or is something else gives a problem. A suite that counts more failures than
 * it shows is not believed. */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/results_internal.h"

enum { MAX_DEPTH = 100, MAX_BYTES = 256 << 20 };

enum element { OTHER, SUITE, CASE, FAILURE, ERROR, SKIPPED };

struct junit {
    struct results *r;
    XML_Parser xml;
    size_t bytes;
    int depth;
    enum element kind[MAX_DEPTH];
    struct {
        uint64_t claimed, failures_before; /* of a suite: failures and errors that its attributes tell */
        char *name;
    } suite[MAX_DEPTH];
    uint64_t failures; /* failure and error elements so far */
    /* The test case at hand. */
    bool in_case;
    struct buf name, message;
    enum outcome outcome;
    enum case_mark mark;
    int64_t duration_ns;
    bool stopped;
    bool takes_text; /* the element has no message attribute: its text is the message */
};

static const char *attribute(const XML_Char **atts, const char *name)
{
    for (; *atts; atts += 2)
        if (strcmp(atts[0], name) == 0)
            return atts[1];
    return NULL;
}

/* The parser may still tell of the element's end: handlers look at `stopped` first. */
static void stop(struct junit *j)
{
    j->stopped = true;
    XML_StopParser(j->xml, XML_FALSE);
}

static enum element element_of(const struct junit *j, const char *name)
{
    enum element parent = j->depth ? j->kind[j->depth - 1] : OTHER;
    if (strcmp(name, "testsuite") == 0 || strcmp(name, "testsuites") == 0)
        return SUITE;
    if (strcmp(name, "testcase") == 0)
        return CASE;
    if (parent != CASE && parent != SUITE)
        return OTHER;
    return strcmp(name, "failure") == 0                     ? FAILURE
           : strcmp(name, "error") == 0                     ? ERROR
           : strcmp(name, "skipped") == 0 && parent == CASE ? SKIPPED
                                                            : OTHER;
}

static void begin_suite(struct junit *j, const XML_Char **atts)
{
    static const char *const counts[] = {"failures", "errors"};
    j->suite[j->depth].claimed = 0;
    j->suite[j->depth].failures_before = j->failures;
    for (int i = 0; i < 2; i++) {
        const char *v = attribute(atts, counts[i]);
        uint64_t n = v ? strtoull(v, NULL, 10) : 0;
        j->suite[j->depth].claimed += n < UINT32_MAX ? n : UINT32_MAX;
    }
    const char *name = attribute(atts, "name");
    j->suite[j->depth].name = name ? mem_strndup(name, strnlen(name, RESULTS_NAME_BYTES)) : NULL;
}

static void end_suite(struct junit *j)
{
    uint64_t shown = j->failures - j->suite[j->depth].failures_before;
    if (j->suite[j->depth].claimed > shown)
        results_doubt(j->r, "the suite %s says that %llu of its tests failed, and shows %llu",
                      j->suite[j->depth].name ? j->suite[j->depth].name : "(without a name)",
                      (unsigned long long)j->suite[j->depth].claimed, (unsigned long long)shown);
    mem_free(j->suite[j->depth].name);
    j->suite[j->depth].name = NULL;
}

static void begin_case(struct junit *j, const XML_Char **atts)
{
    const char *name = attribute(atts, "name"), *class = attribute(atts, "classname"), *time = attribute(atts, "time");
    const char *status = attribute(atts, "status"), *result = attribute(atts, "result");
    j->in_case = true;
    buf_reset(&j->name);
    buf_reset(&j->message);
    if (class && *class && (!name || strcmp(class, name) != 0)) {
        text_one_line(&j->name, class, strlen(class), RESULTS_NAME_BYTES);
        buf_addc(&j->name, '.');
    }
    if (name)
        text_one_line(&j->name, name, strlen(name), RESULTS_NAME_BYTES);
    j->outcome = OUTCOME_PASSED;
    j->mark = MARK_NONE;
    j->duration_ns = time ? text_duration_ns(time, strlen(time), 1e9) : -1;
    /* gtest and ctest say of tests that did not run so here, and nothing in an element. */
    if ((status && (strcmp(status, "notrun") == 0 || strcmp(status, "disabled") == 0)) ||
        (result && (strcmp(result, "suppressed") == 0 || strcmp(result, "skipped") == 0)))
        j->mark = MARK_SKIPPED;
    if (status && (strcmp(status, "fail") == 0 || strcmp(status, "failed") == 0))
        j->outcome = OUTCOME_FAILED;
}

static void begin_mishap(struct junit *j, enum element kind, const XML_Char **atts)
{
    const char *message = attribute(atts, "message"), *type = attribute(atts, "type");
    if (!j->in_case) { /* of a suite itself: its set-up */
        const char *name = j->depth ? j->suite[j->depth - 1].name : NULL;
        begin_case(j, (const XML_Char *[]){NULL});
        buf_adds(&j->name, name ? name : "(suite)");
    }
    if (kind != SKIPPED)
        j->failures++;
    if (kind == SKIPPED) {
        if (j->outcome == OUTCOME_PASSED)
            j->mark = type && strstr(type, "xfail") ? MARK_XFAILED : MARK_SKIPPED;
    } else {
        j->outcome = j->outcome == OUTCOME_FAILED || kind == FAILURE ? OUTCOME_FAILED : OUTCOME_ERROR;
        j->mark = MARK_NONE;
    }
    if (!j->message.len && message)
        text_one_line(&j->message, message, strlen(message), RESULTS_MESSAGE_BYTES);
    j->takes_text = !j->message.len;
}

static void end_case(struct junit *j)
{
    struct buf text = BUF_INIT;
    text_one_line(&text, buf_cstr(&j->message), j->message.len, RESULTS_MESSAGE_BYTES);
    results_add(j->r, ADD_COUNTED, buf_cstr(&j->name), j->name.len, j->outcome, j->mark, text.len ? text.p : NULL,
                j->duration_ns);
    buf_clear(&text);
    j->in_case = false;
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **atts)
{
    struct junit *j = ctx;
    if (j->stopped)
        return;
    if (j->depth == MAX_DEPTH) {
        results_unreadable(j->r, "its elements are nested more than %d deep", MAX_DEPTH);
        stop(j);
        return;
    }
    enum element kind = element_of(j, name);
    if (j->depth == 0 && kind != SUITE && kind != CASE) {
        results_unreadable(j->r, "it is not JUnit XML: its first element is <%.100s>, not <testsuites> or <testsuite>",
                           name);
        stop(j);
        return;
    }
    if (j->in_case && (kind == CASE || kind == SUITE)) {
        results_unreadable(j->r, "it is not JUnit XML: there is a <%.100s> within a <testcase>", name);
        stop(j);
        return;
    }
    j->takes_text = false;
    if (kind == SUITE)
        begin_suite(j, atts);
    else if (kind == CASE)
        begin_case(j, atts);
    else if (kind != OTHER)
        begin_mishap(j, kind, atts);
    j->kind[j->depth++] = kind;
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    struct junit *j = ctx;
    (void)name;
    if (j->stopped)
        return;
    enum element kind = j->kind[--j->depth];
    j->takes_text = false;
    if (kind == SUITE)
        end_suite(j);
    else if (kind == CASE || (kind != OTHER && j->depth && j->kind[j->depth - 1] == SUITE))
        end_case(j);
}

/* The first line that says something, of an element without a message. */
static void XMLCALL on_text(void *ctx, const XML_Char *s, int len)
{
    struct junit *j = ctx;
    if (!j->takes_text || j->stopped)
        return;
    for (int i = 0; i < len && j->takes_text; i++) {
        if (s[i] == '\n' && j->message.len)
            j->takes_text = false;
        else if ((unsigned char)s[i] > ' ' || j->message.len)
            buf_addc(&j->message, s[i]);
        if (j->message.len >= RESULTS_MESSAGE_BYTES)
            j->takes_text = false;
    }
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
                               int internal)
{
    struct junit *j = ctx;
    (void)name, (void)sysid, (void)pubid, (void)internal;
    results_unreadable(j->r, "it has a document type (<!DOCTYPE>), which is not read");
    stop(j);
}

static void *junit_open(struct results *r)
{
    struct junit *j = mem_calloc(1, sizeof *j);
    j->r = r;
    j->xml = XML_ParserCreate(NULL);
    if (!j->xml) {
        results_unreadable(r, "there is no memory to parse it");
        return j;
    }
    XML_SetUserData(j->xml, j);
    XML_SetElementHandler(j->xml, on_start, on_end);
    XML_SetCharacterDataHandler(j->xml, on_text);
    XML_SetStartDoctypeDeclHandler(j->xml, on_doctype);
    return j;
}

static void parse(struct junit *j, const char *p, size_t len, bool last)
{
    if (j->r->unreadable || !j->xml)
        return;
    if (XML_Parse(j->xml, p, (int)len, last) == XML_STATUS_ERROR && !j->r->unreadable) {
        /* A doubt that came before says less than that the rest is missing. */
        mem_free(j->r->problem);
        j->r->problem = NULL;
        if (j->bytes == 0)
            results_unreadable(j->r, "it is empty");
        else
            results_unreadable(j->r, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(j->xml),
                               XML_ErrorString(XML_GetErrorCode(j->xml)));
    }
}

static void junit_feed(void *state, uint8_t stream, const char *p, size_t len, struct buf *shown)
{
    struct junit *j = state;
    (void)stream, (void)shown;
    while (len) {
        size_t n = len < 1 << 16 ? len : 1 << 16;
        j->bytes += n;
        if (j->bytes > MAX_BYTES)
            results_unreadable(j->r, "it is larger than %d MiB", MAX_BYTES >> 20);
        parse(j, p, n, false);
        p += n;
        len -= n;
    }
}

static void junit_end(void *state, struct buf *shown)
{
    struct junit *j = state;
    (void)shown;
    parse(j, "", 0, true);
    if (!j->r->problem && !j->r->n_all)
        results_unreadable(j->r, "there is no test case in it");
    for (int i = 0; i < MAX_DEPTH; i++)
        mem_free(j->suite[i].name);
    if (j->xml)
        XML_ParserFree(j->xml);
    buf_clear(&j->name);
    buf_clear(&j->message);
    mem_free(j);
}

const struct reader_kind junit_reader = {junit_open, junit_feed, junit_end};

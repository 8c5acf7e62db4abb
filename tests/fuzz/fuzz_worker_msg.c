/* SPDX-License-Identifier: MIT
 *
 * A line of a worker from any bytes. What was taken keeps every promise of worker_msg.h, and read again is the same. */
#include "worker/worker_msg.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_line(const char *s)
{
    must(!s || (*s && json_is_utf8(s, strlen(s)) && strlen(s) <= WORKER_MSG_ONE_LINE + 3));
    for (; s && *s; s++)
        must((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static bool known(enum outcome o, enum case_mark m)
{
    return m == MARK_NONE ? o == OUTCOME_PASSED || o == OUTCOME_FAILED || o == OUTCOME_ERROR : o == OUTCOME_PASSED;
}

static void check(const struct worker_msg *m)
{
    must(m->type >= WORKER_READY && m->type <= WORKER_ERROR);
    check_line(m->name);
    check_line(m->message);
    must(!m->details || json_is_utf8(m->details, strlen(m->details)));
    must(m->duration_ns >= -1 && m->n_subtests <= WORKER_MSG_LISTED && m->reads.n <= WORKER_MSG_LISTED);
    if (m->type != WORKER_DONE)
        return;
    must(known(m->outcome, m->mark) && (m->has_reads || !m->reads.n));
    for (size_t i = 0; i < m->reads.n; i++)
        must(*m->reads.v[i] && strlen(m->reads.v[i]) <= WORKER_MSG_PATH_BYTES);
    for (uint32_t i = 0; i < m->n_subtests; i++) {
        const struct worker_subtest *s = &m->subtests[i];
        must(s->name && known(s->outcome, s->mark) && s->duration_ns >= -1);
        check_line(s->message);
    }
}

static void same(const char *a, const char *b) { must(a == b || (a && b && strcmp(a, b) == 0)); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct worker_msg m, again;
    char *why, *copy = mem_alloc(size); /* so that reading beyond the end shows */
    if (size)
        memcpy(copy, data, size);
    if (worker_msg_parse(copy, size, &m, &why)) {
        check(&m);
        must(!why && worker_msg_parse(copy, size, &again, &why));
        must(m.type == again.type && m.id == again.id && m.outcome == again.outcome && m.mark == again.mark);
        must(m.duration_ns == again.duration_ns && m.recycle == again.recycle && m.has_reads == again.has_reads);
        must(m.reads.n == again.reads.n && m.n_subtests == again.n_subtests);
        same(m.message, again.message);
        same(m.details, again.details);
        same(m.name, again.name);
        worker_msg_clear(&again);
    } else {
        must(*why && !strchr(why, '\n') && !m.type && !m.name && !m.message && !m.details && !m.subtests && !m.reads.v);
        mem_free(why);
    }
    worker_msg_clear(&m);
    mem_free(copy);
    return 0;
}

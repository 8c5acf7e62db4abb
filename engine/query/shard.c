/* SPDX-License-Identifier: MIT
 *
 * The split of targets over machines. */
#include "query/shard.h"

#include <stdlib.h>
#include <string.h>

enum { SHORTEST_MS = 4 };                             /* below, a process's start is most of it, and noise */
static const uint64_t LONGEST_MS = (uint64_t)1 << 38; /* 8 years: sums of 2^25 of them fit */

/* To the nearest number with two significant binary digits. */
static uint64_t rounded(uint64_t ms)
{
    if (ms <= SHORTEST_MS)
        return SHORTEST_MS;
    if (ms >= LONGEST_MS)
        return LONGEST_MS;
    uint64_t step = 2;
    while (ms >= step * 4)
        step *= 2;
    return (ms + step / 2) / step * step; /* 2 * step <= ms < 4 * step */
}

static int by_number(const void *pa, const void *pb)
{
    uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
    return (a > b) - (a < b);
}

uint64_t shard_unknown_ms(const struct shard_item *v, size_t n)
{
    uint64_t *known = mem_resize(NULL, n + 1, sizeof *known), median = 0;
    size_t n_known = 0;
    for (size_t i = 0; i < n; i++)
        if (v[i].duration_ms)
            known[n_known++] = rounded(v[i].duration_ms);
    if (n_known) {
        qsort(known, n_known, sizeof *known, by_number);
        median = known[(n_known - 1) / 2];
    }
    mem_free(known);
    return median;
}

struct job {
    const char *label;
    uint64_t ms;
    size_t at; /* in the caller's array */
    uint32_t shard;
};

static int longest_first(const void *pa, const void *pb)
{
    const struct job *a = pa, *b = pb;
    if (a->ms != b->ms)
        return a->ms > b->ms ? -1 : 1;
    return strcmp(a->label, b->label);
}

static int by_label(const void *pa, const void *pb)
{
    const struct job *a = pa, *b = pb;
    return strcmp(a->label, b->label);
}

/* A heap of shards: the one with least to do is at the top, of equal ones that with the lowest number. */
struct load {
    uint64_t ms;
    uint32_t shard;
};

static bool before(const struct load *a, const struct load *b)
{
    return a->ms != b->ms ? a->ms < b->ms : a->shard < b->shard;
}

/* The top has got more to do. */
static void sink(struct load *heap, uint32_t n)
{
    struct load top = heap[0];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &top))
            break;
        heap[at] = heap[child];
    }
    heap[at] = top;
}

void shard_split(const struct shard_item *v, size_t n, uint32_t n_shards, uint32_t *shard_of, struct digest *plan)
{
    uint64_t unknown = shard_unknown_ms(v, n);
    struct job *jobs = mem_resize(NULL, n + 1, sizeof *jobs);
    struct load *heap = mem_resize(NULL, n_shards, sizeof *heap);
    ASSERT(n_shards >= 1 && n_shards <= SHARD_MAX);
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job){.label = v[i].label,
                               .ms = v[i].duration_ms ? rounded(v[i].duration_ms)
                                     : unknown        ? unknown
                                                      : 1,
                               .at = i};
    for (uint32_t s = 0; s < n_shards; s++) /* in order, so a heap */
        heap[s] = (struct load){.ms = 0, .shard = s + 1};
    if (n)
        qsort(jobs, n, sizeof *jobs, longest_first);
    for (size_t i = 0; i < n; i++) {
        jobs[i].shard = shard_of[jobs[i].at] = heap[0].shard;
        heap[0].ms += jobs[i].ms;
        sink(heap, n_shards);
    }
    if (plan) {
        struct hasher h;
        hasher_init(&h);
        hasher_str(&h, "tgraph shards 1");
        hasher_u32(&h, n_shards);
        hasher_u64(&h, n);
        if (n)
            qsort(jobs, n, sizeof *jobs, by_label);
        for (size_t i = 0; i < n; i++) {
            hasher_str(&h, jobs[i].label);
            hasher_u32(&h, jobs[i].shard);
        }
        *plan = hasher_end(&h);
        hasher_clear(&h);
    }
    mem_free(heap);
    mem_free(jobs);
}

void shard_plan_hex(struct digest plan, char out[SHARD_PLAN_HEX])
{
    char hex[DIGEST_HEX];
    digest_hex(plan, hex);
    memcpy(out, hex, SHARD_PLAN_HEX - 1);
    out[SHARD_PLAN_HEX - 1] = '\0';
}

bool shard_plan_is(struct digest plan, const char *wanted)
{
    char hex[SHARD_PLAN_HEX];
    shard_plan_hex(plan, hex);
    return !*wanted || strcmp(hex, wanted) == 0;
}

/* A number from 1 to SHARD_MAX in decimal digits; returns what is behind it, NULL if there is none. */
static const char *number(const char *p, uint32_t *out)
{
    uint32_t v = 0;
    const char *start = p;
    for (; *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (uint32_t)(*p - '0');
        if (v > SHARD_MAX)
            return NULL;
    }
    *out = v;
    return p > start && v ? p : NULL;
}

static bool plan_of(const char *p, char out[SHARD_PLAN_HEX])
{
    if (strlen(p) != SHARD_PLAN_HEX - 1 || strspn(p, "0123456789abcdefABCDEF") != SHARD_PLAN_HEX - 1)
        return false;
    for (int i = 0; i < SHARD_PLAN_HEX; i++)
        out[i] = (char)(p[i] >= 'A' && p[i] <= 'F' ? p[i] - 'A' + 'a' : p[i]);
    return true;
}

bool shard_parse(const char *text, uint32_t *index, uint32_t *count, char plan_hex[SHARD_PLAN_HEX], struct err *e)
{
    const char *p = number(text, index);
    plan_hex[0] = '\0';
    if (p && *p == '/')
        p = number(p + 1, count);
    else
        p = NULL;
    if (p && *p == '@' ? !plan_of(p + 1, plan_hex) : !p || *p) {
        err_set(e, "T002", "'%s' is no shard", text);
        return err_hint(e, "I/N, such as 2/4, with 1 <= I <= N <= %d; or I/N@PLAN with the 8 digits of the plan",
                        SHARD_MAX);
    }
    if (*index > *count) {
        err_set(e, "T002", "there is no shard %u of %u", *index, *count);
        return err_hint(e, "the first of %u shards is 1/%u, the last %u/%u", *count, *count, *count, *count);
    }
    return true;
}

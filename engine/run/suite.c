/* SPDX-License-Identifier: MIT
 *
 * The cases that wait, by group. */
#include "run/suite_internal.h"

#include <stdlib.h>
#include <string.h>

#include "os/file.h"

enum { REFRESHES = 3, REFRESH_CASES = 20 /* that wait: else a worker's start costs more than their next run */ };

struct suite *suite_new(const struct suite_opts *o)
{
    struct suite *s = mem_calloc(1, sizeof *s);
    s->o = *o;
    arena_init(&s->arena);
    pthread_mutex_init(&s->mu, NULL);
    return s;
}

static void lock(struct suite *s) { pthread_mutex_lock(&s->mu); }
static void unlock(struct suite *s) { pthread_mutex_unlock(&s->mu); }

/* ---- the cases that wait ----------------------------------------------------------------------------------------- */

static uint32_t group_of(struct suite *s, uint32_t number)
{
    uint32_t g = number == UINT32_MAX ? MAP_NONE : map_get(&s->index, number);
    if (g != MAP_NONE)
        return g;
    MEM_GROW(s->groups, s->n_groups, s->cap_groups);
    g = s->n_groups++;
    s->groups[g] = (struct group){.head = UINT32_MAX, .tail = UINT32_MAX};
    if (number != UINT32_MAX)
        map_put(&s->index, number, g);
    return g;
}

static void offer(struct suite *s, uint32_t group)
{
    MEM_GROW(s->order, s->n_order, s->cap_order);
    s->order[s->n_order++] = group;
    s->sorted = false;
}

void suite_add(struct suite *s, const struct suite_case *c)
{
    lock(s);
    MEM_GROW(s->items, s->n_items, s->cap_items);
    uint32_t i = s->n_items++;
    struct item *it = &s->items[i];
    *it = (struct item){*c, UINT32_MAX};
    it->c.label = arena_strdup(&s->arena, c->label);
    it->c.id = arena_strdup(&s->arena, c->id);
    it->c.data = c->data ? arena_strdup(&s->arena, c->data) : NULL;
    uint32_t gi = group_of(s, c->group);
    struct group *g = &s->groups[gi];
    if (g->head == UINT32_MAX) {
        g->head = i;
        if (!g->taken)
            offer(s, gi);
    } else {
        s->items[g->tail].next = i;
    }
    g->tail = i;
    g->n++;
    g->estimate_ns += c->estimate_ns;
    g->failed |= c->failed_before;
    s->sorted = false;
    s->waiting++;
    s->waiting_ns += c->estimate_ns;
    unlock(s);
}

uint32_t suite_take_first(struct suite *s, uint32_t gi)
{
    struct group *g = &s->groups[gi];
    uint32_t i = g->head;
    g->head = s->items[i].next;
    g->n--;
    g->estimate_ns -= s->items[i].c.estimate_ns;
    s->waiting--;
    s->waiting_ns -= s->items[i].c.estimate_ns;
    return i;
}

struct ranked {
    uint32_t group;
    bool failed;
    int64_t estimate_ns;
};

/* Worst first, so that the best is taken off the end; the first declared wins among equals. */
static int by_rank(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;
    if (a->failed != b->failed)
        return a->failed ? 1 : -1;
    if (a->estimate_ns != b->estimate_ns)
        return a->estimate_ns > b->estimate_ns ? 1 : -1;
    return a->group < b->group ? 1 : -1;
}

static void sort_order(struct suite *s)
{
    struct ranked *v = mem_resize(NULL, s->n_order + 1, sizeof *v);
    for (uint32_t i = 0; i < s->n_order; i++) {
        const struct group *g = &s->groups[s->order[i]];
        v[i] = (struct ranked){s->order[i], g->failed, g->estimate_ns};
    }
    qsort(v, s->n_order, sizeof *v, by_rank);
    for (uint32_t i = 0; i < s->n_order; i++)
        s->order[i] = v[i].group;
    mem_free(v);
    s->sorted = true;
}

/* The second half of the group with the most left becomes a group of its own. UINT32_MAX: nothing is worth taking. */
static uint32_t steal(struct suite *s)
{
    uint32_t victim = UINT32_MAX;
    for (uint32_t i = 0; i < s->n_groups; i++)
        if (s->groups[i].taken && s->groups[i].n >= 2 &&
            (victim == UINT32_MAX || s->groups[i].estimate_ns > s->groups[victim].estimate_ns))
            victim = i;
    if (victim == UINT32_MAX)
        return UINT32_MAX;
    uint32_t mine = group_of(s, UINT32_MAX);
    struct group *from = &s->groups[victim], *to = &s->groups[mine];
    uint32_t keep = from->n / 2, last = from->head;
    for (uint32_t i = 1; i < keep; i++)
        last = s->items[last].next;
    to->head = s->items[last].next;
    to->tail = from->tail;
    to->n = from->n - keep;
    s->items[last].next = UINT32_MAX;
    from->tail = last;
    from->n = keep;
    for (uint32_t i = to->head; i != UINT32_MAX; i = s->items[i].next)
        to->estimate_ns += s->items[i].c.estimate_ns;
    from->estimate_ns -= to->estimate_ns;
    to->failed = from->failed;
    return mine;
}

uint32_t suite_next_group(struct suite *s)
{
    if (!s->sorted)
        sort_order(s);
    uint32_t g = s->n_order ? s->order[--s->n_order] : s->o.steal ? steal(s) : UINT32_MAX;
    if (g != UINT32_MAX)
        s->groups[g].taken = true;
    return g;
}

void suite_leave_group(struct suite *s, uint32_t group)
{
    s->groups[group].taken = false;
    if (s->groups[group].head != UINT32_MAX)
        offer(s, group);
}

bool suite_drop(struct suite *s, uint32_t *node)
{
    lock(s);
    bool found = s->waiting > 0;
    if (found) {
        uint32_t g = s->n_order ? s->order[s->n_order - 1] : 0;
        while (s->groups[g].head == UINT32_MAX) /* only where none waits for a server: one that is served */
            g++;
        *node = s->items[suite_take_first(s, g)].c.node;
        if (s->n_order && s->groups[g].head == UINT32_MAX)
            s->n_order--; /* else it would be offered twice if it gets another case */
        s->sorted = false;
    }
    unlock(s);
    return found;
}

uint32_t suite_waiting(struct suite *s)
{
    lock(s);
    uint32_t n = s->waiting;
    unlock(s);
    return n;
}

int64_t suite_waiting_ns(struct suite *s)
{
    lock(s);
    int64_t ns = s->waiting_ns;
    unlock(s);
    return ns;
}

bool suite_failed_waits(struct suite *s)
{
    bool failed = false;
    lock(s);
    if (!s->sorted)
        sort_order(s);
    failed = s->n_order && s->groups[s->order[s->n_order - 1]].failed;
    unlock(s);
    return failed;
}

uint32_t suite_places_wanted(struct suite *s)
{
    lock(s);
    uint32_t n = s->n_order + s->serving;
    for (uint32_t i = 0; i < s->n_groups && s->o.steal && n < s->o.places; i++)
        n += s->groups[i].taken && s->groups[i].n >= 2;
    n = s->stopped ? 0 : n < s->o.places ? n : s->o.places;
    unlock(s);
    return n;
}

void suite_expect_more(struct suite *s, bool more)
{
    lock(s);
    s->expects_more = more;
    unlock(s);
}

void suite_refresh(struct suite *s, int64_t real_ns)
{
    lock(s);
    bool worth_it = s->waiting >= REFRESH_CASES && s->refreshes < REFRESHES;
    if (real_ns > s->fresh_after_ns && (worth_it || s->expects_more)) {
        s->fresh_after_ns = real_ns;
        s->refreshes += worth_it;
    }
    unlock(s);
}

void suite_stop(struct suite *s)
{
    lock(s);
    s->stopped = true;
    unlock(s);
}

struct job *suite_job(struct suite *s)
{
    struct job *j = job_new();
    j->kind = JOB_SERVE;
    j->node = s->o.node;
    j->label = s->o.label;
    j->serve = suite_serve;
    j->suite = s;
    return j;
}

void suite_free(struct suite *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_parked; i++) {
        struct worker_ending e = {0};
        if (!s->parked[i].w)
            continue;
        worker_end(s->parked[i].w, &e);
        worker_ending_clear(&e);
        if (s->parked[i].tmpdir)
            file_remove_tree(s->parked[i].tmpdir, NULL);
        mem_free(s->parked[i].tmpdir);
        mem_free(s->parked[i].nodes.v);
        strvec_clear(&s->parked[i].served);
    }
    mem_free(s->parked);
    mem_free(s->items);
    mem_free(s->groups);
    mem_free(s->order);
    mem_free(s->broken);
    map_clear(&s->index);
    arena_clear(&s->arena);
    pthread_mutex_destroy(&s->mu);
    mem_free(s);
}

/* SPDX-License-Identifier: MIT
 *
 * Priority queues (binary heaps): one for nodes that may start, one for each pool or resource that nodes wait for. */
#include "run/sched.h"

#include <string.h>

struct entry {
    int64_t priority;
    node_id node;
};
struct heap {
    struct entry *v;
    size_t n, cap;
};
struct resource {
    uint32_t capacity, used;
    struct heap waiting;
};
struct sched {
    const struct graph *g;
    struct heap ready;
    struct resource *res; /* pools first, then exclusive names */
    uint32_t n_res, cap_res;
    struct map names; /* exclusive name (str_id) -> resource */
    uint32_t slots, used;
    uint32_t most; /* that one node gets: the slots there were at the start */
    uint32_t running;
    size_t waiting; /* in all heaps */
    bool alone;     /* an exclusive node runs */
};

static bool before(struct entry a, struct entry b)
{
    return a.priority != b.priority ? a.priority > b.priority : a.node < b.node;
}

static void heap_push(struct heap *h, struct entry e)
{
    MEM_GROW(h->v, h->n, h->cap);
    size_t i = h->n++;
    for (; i > 0 && before(e, h->v[(i - 1) / 2]); i = (i - 1) / 2)
        h->v[i] = h->v[(i - 1) / 2];
    h->v[i] = e;
}

static struct entry heap_pop(struct heap *h)
{
    struct entry top = h->v[0], last = h->v[--h->n];
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= h->n)
            break;
        if (c + 1 < h->n && before(h->v[c + 1], h->v[c]))
            c++;
        if (!before(h->v[c], last))
            break;
        h->v[i] = h->v[c];
        i = c;
    }
    if (h->n)
        h->v[i] = last;
    return top;
}

struct sched *sched_new(const struct graph *g, uint32_t slots)
{
    struct sched *s = mem_calloc(1, sizeof *s);
    s->g = g;
    s->slots = s->most = slots ? slots : 1;
    s->n_res = s->cap_res = g->n_pools;
    s->res = mem_calloc(g->n_pools + 1, sizeof *s->res);
    for (uint32_t i = 0; i < g->n_pools; i++)
        s->res[i].capacity = g->pools[i].slots ? g->pools[i].slots : 1;
    return s;
}

void sched_free(struct sched *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_res; i++)
        mem_free(s->res[i].waiting.v);
    mem_free(s->res);
    mem_free(s->ready.v);
    map_clear(&s->names);
    mem_free(s);
}

void sched_set_slots(struct sched *s, uint32_t slots) { s->slots = slots ? slots : 1; }

static uint32_t resource_named(struct sched *s, str_id name)
{
    uint32_t r = map_get(&s->names, name);
    if (r != MAP_NONE)
        return r;
    if (s->n_res >= s->cap_res) {
        s->cap_res = s->cap_res ? s->cap_res * 2 : 8;
        s->res = mem_resize(s->res, s->cap_res, sizeof *s->res);
    }
    r = s->n_res++;
    s->res[r] = (struct resource){.capacity = 1};
    map_put(&s->names, name, r);
    return r;
}

/* The i-th resource that an action wants, ID_NONE after the last. */
static uint32_t wanted(struct sched *s, const struct action *a, uint32_t i)
{
    if (a->pool != ID_NONE) {
        if (i == 0)
            return a->pool;
        i--;
    }
    return i < a->exclusive.n ? resource_named(s, a->exclusive.v[i]) : ID_NONE;
}

static uint32_t slots_of(const struct sched *s, const struct action *a)
{
    uint32_t n = a->slots ? a->slots : 1;
    return n < s->most ? n : s->most;
}

void sched_push(struct sched *s, node_id n, int64_t priority)
{
    heap_push(&s->ready, (struct entry){priority, n});
    s->waiting++;
}

/* The best of those that wait for r may try again. */
static void wake(struct sched *s, uint32_t r)
{
    if (s->res[r].waiting.n && s->res[r].used < s->res[r].capacity)
        heap_push(&s->ready, heap_pop(&s->res[r].waiting));
}

node_id sched_pop(struct sched *s)
{
    while (s->ready.n && !s->alone) {
        struct entry top = s->ready.v[0];
        struct action a;
        graph_action(s->g, top.node, &a);
        bool exclusive = (s->g->nodes[top.node].flags & NODE_EXCLUSIVE) != 0;
        uint32_t blocked = ID_NONE, r;
        for (uint32_t i = 0; blocked == ID_NONE && (r = wanted(s, &a, i)) != ID_NONE; i++)
            if (s->res[r].used >= s->res[r].capacity)
                blocked = r;
        if (blocked != ID_NONE) {
            heap_pop(&s->ready);
            heap_push(&s->res[blocked].waiting, top);
            /* It may have been the one that was woken for another resource: let the next one have that. */
            for (uint32_t i = 0; (r = wanted(s, &a, i)) != ID_NONE; i++)
                if (r != blocked)
                    wake(s, r);
            continue;
        }
        if (exclusive ? s->running > 0 : s->used + slots_of(s, &a) > s->slots)
            return ID_NONE;
        heap_pop(&s->ready);
        for (uint32_t i = 0; (r = wanted(s, &a, i)) != ID_NONE; i++) {
            s->res[r].used++;
            wake(s, r); /* a pool may have room for more */
        }
        s->used += slots_of(s, &a);
        s->running++;
        s->waiting--;
        s->alone = exclusive;
        return top.node;
    }
    return ID_NONE;
}

void sched_release(struct sched *s, node_id n)
{
    struct action a;
    uint32_t r;
    graph_action(s->g, n, &a);
    for (uint32_t i = 0; (r = wanted(s, &a, i)) != ID_NONE; i++) {
        s->res[r].used--;
        wake(s, r);
    }
    s->used -= slots_of(s, &a);
    s->running--;
    s->alone = false;
}

uint32_t sched_running(const struct sched *s) { return s->running; }
size_t sched_waiting(const struct sched *s) { return s->waiting; }

node_id sched_drop(struct sched *s)
{
    struct heap *h = s->ready.n ? &s->ready : NULL;
    for (uint32_t i = 0; !h && i < s->n_res; i++)
        if (s->res[i].waiting.n)
            h = &s->res[i].waiting;
    if (!h)
        return ID_NONE;
    s->waiting--;
    return heap_pop(h).node;
}

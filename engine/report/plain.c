/* SPDX-License-Identifier: MIT
 * Plain lines, for logs and pipes: what people_event says, written at once. */
#include "report/text.h"

struct plain {
    struct reporter base;
    struct people p;
    struct buf out;
};

static void plain_event(struct reporter *r, const struct event *ev)
{
    struct plain *pl = (struct plain *)r;
    people_event(&pl->p, ev, &pl->out);
    if (pl->out.len == 0)
        return;
    fwrite(pl->out.p, 1, pl->out.len, pl->p.o.out);
    fflush(pl->p.o.out);
    buf_reset(&pl->out);
}

static void plain_free(struct reporter *r)
{
    struct plain *pl = (struct plain *)r;
    people_clear(&pl->p);
    buf_clear(&pl->out);
    mem_free(pl);
}

struct reporter *report_plain_new(const struct report_opts *o)
{
    static const struct reporter_ops ops = {plain_event, plain_free};
    struct plain *pl = mem_calloc(1, sizeof *pl);
    pl->base.ops = &ops;
    people_init(&pl->p, o, false);
    return &pl->base;
}

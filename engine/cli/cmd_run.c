/* SPDX-License-Identifier: MIT
 *
 * tgraph run: the default command. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/signals.h"
#include "os/term.h"
#include "report/report.h"

struct picking {
    const struct options *o;
    struct since since;
    bool open; /* since is */
    struct report_since note;
};

/* May be called again with another graph: the base stays. */
static bool pick(void *ctx, struct workspace *ws, uint8_t *selected, struct errlist *errs)
{
    struct picking *p = ctx;
    const struct options *o = p->o;
    struct select_spec spec = selection(o, ws->sub);
    if (!select_targets(&ws->g, &spec, selected, errs))
        return false;
    if (wants_since(o)) {
        bool first = !p->open;
        bool ok = keep_affected(&p->since, p->open, ws, o, selected, errs);
        p->open = true;
        if (!ok || (first && !say_since(&p->since, o, errs)))
            return false;
        p->note = (struct report_since){p->since.name, p->since.chosen_by, {0}, p->since.everything};
        if (p->since.have_base)
            object_id_hex(p->since.base, p->note.merge_base);
    }
    return keep_shard(ws, &ws->g, o, selected, errs);
}

struct audience {
    struct reporter *people, *json;
};

static void tell(void *ctx, const struct event *ev)
{
    struct audience *a = ctx;
    a->people->ops->event(a->people, ev);
    if (a->json)
        a->json->ops->event(a->json, ev);
}

int cmd_run(const struct options *o)
{
    struct errlist errs = ERRLIST_INIT;
    struct audience audience = {NULL, NULL};
    FILE *json = NULL;
    struct picking picking = {.o = o};
    const struct report_since *since = wants_since(o) ? &picking.note : NULL;
    if (o->json_file) {
        json = strcmp(o->json_file, "-") == 0 ? stdout : fopen(o->json_file, "we");
        if (!json) {
            err_sys(errlist_add(&errs, ERR_ERROR), "T003", errno, "cannot write the events to %s", o->json_file);
            print_errors(&errs, o);
            errlist_clear(&errs);
            return EXIT_USAGE;
        }
        struct report_opts ro = {.out = json, .since = since};
        audience.json = report_json_new(&ro);
    }
    char *program = o->dir ? mem_printf("tgraph -C %s", o->dir) : mem_strdup("tgraph");
    struct report_opts ro = {.out = stderr,
                             .color = want_color(o, STDERR_FILENO),
                             .verbosity = o->verbosity,
                             .columns = term_columns(STDERR_FILENO),
                             .rows = term_rows(STDERR_FILENO),
                             .program = program,
                             .since = since};
    const char *term = getenv("TERM");
    bool live = term_is_tty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    audience.people = live ? report_live_new(&ro) : report_plain_new(&ro);
    signals_init();
    struct run_opts run_options = {.ws = workspace_options(o),
                                   .jobs = o->jobs,
                                   .jobs_given = o->jobs_given,
                                   .force = o->force,
                                   .fail_fast = o->fail_fast,
                                   .prestart = !wants_since(o),
                                   .dry_run = o->dry_run,
                                   .makeflags = getenv("MAKEFLAGS"),
                                   .interrupt_fd = signals_interrupt_fd(),
                                   .kill_fd = signals_kill_fd(),
                                   .select = pick,
                                   .select_ctx = &picking,
                                   .emit = tell,
                                   .emit_ctx = &audience};
    struct run_counts counts;
    bool ok = run(&run_options, &counts, &errs);
    audience.people->ops->free(audience.people);
    if (audience.json)
        audience.json->ops->free(audience.json);
    int status = counts.exit_status;
    if (ok && status == 0 && o->n_given && counts.selected == 0 &&
        !o->dry_run) { /* as when a pattern matches nothing */
        err_set(errlist_add(&errs, ERR_ERROR), "T010", "what stands after -- leaves no case");
        print_errors(&errs, o);
        status = EXIT_NO_MATCH;
    }
    if (ok && counts.ran + counts.builds_ran > 0 && !counts.interrupted)
        daily_gc(o);
    if (!ok) {
        print_errors(&errs, o);
        status = signals_count() ? 130 : select_exit(&errs);
    }
    if (json && (fflush(json) != 0 || ferror(json))) {
        fprintf(stderr, "tgraph: error T003: the events could not all be written to %s\n", o->json_file);
        status = status ? status : EXIT_USAGE;
    }
    if (json && json != stdout)
        fclose(json);
    errlist_clear(&errs);
    if (picking.open)
        since_close(&picking.since);
    mem_free(program);
    return status;
}

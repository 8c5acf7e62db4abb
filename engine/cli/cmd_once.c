/* SPDX-License-Identifier: MIT
 *
 * tgraph once: what is asked for, and what is said. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "once/once.h"
#include "os/signals.h"
#include "os/term.h"

/* Who looks at a terminal wants to know sooner why nothing happens. */
enum { SAY_TERMINAL_MS = 2000, SAY_MS = 10000 };

extern char **environ;

static void print_err(const struct err *e)
{
    struct buf b = BUF_INIT;
    if (strcmp(e->code, "T655") == 0) {
        buf_printf(&b, "tgraph: %s\n", e->msg);
    } else {
        buf_adds(&b, "tgraph: ");
        err_format(e, &b);
    }
    fwrite(b.p, 1, b.len, stderr);
    buf_clear(&b);
}

static void say(void *ctx, const struct err *e)
{
    const struct options *o = ctx;
    if (o->verbosity >= 0)
        print_err(e);
}

int cmd_once(const struct options *o)
{
    struct err e = ERR_INIT;
    if (o->dir && chdir(o->dir) != 0) {
        err_sys(&e, "T002", errno, "-C %s", o->dir);
        print_err(&e);
        err_clear(&e);
        return EXIT_USAGE;
    }
    if (o->dashes && o->n_before > 1) {
        err_set(&e, "T002", "once takes one KEY, and '%s' follows it", o->args[1]);
        err_hint(&e, "the command begins behind --");
        print_err(&e);
        err_clear(&e);
        return EXIT_USAGE;
    }
    const char **argv = mem_calloc(o->n_args + 1, sizeof *argv);
    if (o->dashes && o->n_args > o->n_before)
        memcpy(argv, o->args + o->n_before, (o->n_args - o->n_before) * sizeof *argv);
    struct ws_opts w = workspace_options(o);
    char *cache_dir = ws_cache_dir(&w);
    mode_t mask = umask(0);
    umask(mask);
    signals_init();
    struct once_spec s = {.key = !o->dashes || o->n_before == 1 ? (o->n_args ? o->args[0] : NULL) : NULL,
                          .inputs = o->ins,
                          .n_inputs = o->n_ins,
                          .env_names = o->envs,
                          .n_env_names = o->n_envs,
                          .out = o->out,
                          .argv = argv,
                          .envp = (const char *const *)environ,
                          .cache_dir = cache_dir,
                          .umask = mask,
                          .say_after_ms = term_is_tty(2) ? SAY_TERMINAL_MS : SAY_MS,
                          .cancel_fd = signals_interrupt_fd(),
                          .kill_fd = signals_kill_fd(),
                          .out_fd = {1, 2},
                          .say = say,
                          .ctx = (void *)(uintptr_t)o};
    struct once_result r;
    if (!once_run(&s, &r, &e))
        print_err(&e);
    if (r.cancelled && signals_last())
        r.status = 128 + signals_last();
    err_clear(&e);
    mem_free(argv);
    mem_free(cache_dir);
    return r.status;
}

/* SPDX-License-Identifier: MIT
 *
 * The command line: a table of commands, the options that they share, and the one place that prints. */
#ifndef TGRAPH_CLI_CLI_H
#define TGRAPH_CLI_CLI_H

#include <stdio.h>

#include "query/select.h"
#include "run/resolve.h"
#include "run/run.h"

#define EXIT_USAGE 2
#define EXIT_NO_MATCH 4

struct options {
    const char *dir; /* -C */
    int color;       /* 1 always, 0 never, -1 ask the terminal */
    int verbosity;   /* -q -1, -v 1 */
    int jobs;
    bool jobs_given;
    bool dry_run, force, fail_fast, failed;
    bool json, keys;       /* list */
    const char *json_file; /* run: --json FILE */
    uint64_t max_size;     /* gc, in bytes */
    bool max_size_given;
    bool help;
    const char **tags, **excludes, **args;
    size_t n_tags, n_excludes, n_args;
};

struct command {
    const char *name;
    const char *usage;   /* after "tgraph " */
    const char *summary; /* one line */
    const char *options; /* letters of the option table that it takes besides the common ones */
    const char *help;    /* further lines; may be NULL */
    int (*run)(const struct options *o);
};
extern const struct command commands[]; /* ends with name NULL; the first is the default */

/* options.c: parses argv after the command's name. false: it has printed what is wrong. */
bool options_parse(const struct command *c, int argc, char **argv, struct options *o);
void options_clear(struct options *o);
bool options_size(const char *text, uint64_t *out_bytes); /* "500M" */
void options_print(const struct command *c, FILE *out);

/* common.c */
void print_errors(const struct errlist *errs, const struct options *o); /* to standard error */
bool want_color(const struct options *o, int fd);
struct ws_opts workspace_options(const struct options *o);
/* Opens the workspace; false: the errors are printed. */
bool open_workspace(struct workspace *ws, const struct options *o);
/* Opens the workspace, lets `pick` select, stamps what that needs (of everything if `all`). What was allocated is freed
 * by close_selected, in any case. Returns 0, or an exit status after printing the errors. */
struct selected {
    struct workspace ws;
    uint8_t *selected, *needed, *verdict; /* per node */
    char **reasons;
    struct digest *keys;
    bool open;
};
typedef bool (*pick_fn)(struct workspace *ws, const struct options *o, uint8_t *selected, struct errlist *errs);
int open_selected(struct selected *s, const struct options *o, pick_fn pick, bool all);
/* Verdicts, reasons and keys of everything needed. */
void resolve_selected(struct selected *s);
void close_selected(struct selected *s);
void print_warnings(const struct workspace *ws);
int select_exit(const struct errlist *errs); /* EXIT_NO_MATCH or EXIT_USAGE */
struct select_spec selection(const struct options *o, const char *sub);

/* cmd_clean.c: once a day, after a run that ran something: keeps the cache within its size. */
void daily_gc(const struct options *o);

int cmd_run(const struct options *o);
int cmd_list(const struct options *o);
int cmd_why(const struct options *o);
int cmd_log(const struct options *o);
int cmd_clean(const struct options *o);
int cmd_gc(const struct options *o);
int cmd_annotations(const struct options *o);

#endif

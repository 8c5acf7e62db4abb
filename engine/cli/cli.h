/* SPDX-License-Identifier: MIT
 *
 * The command line: a table of commands, the options that they share, and the one place that prints. */
#ifndef TGRAPH_CLI_CLI_H
#define TGRAPH_CLI_CLI_H

#include <stdio.h>

#include "query/affected.h"
#include "query/select.h"
#include "query/shard.h"
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
    bool json, keys;      /* list */
    bool since;           /* --since; ref NULL: choose */
    const char *ref, *to; /* to: of A..B */
    char *range;          /* holds ref of A..B */
    bool staged, strict_base;
    uint32_t shard, n_shards; /* 0: all */
    char plan[SHARD_PLAN_HEX];
    bool matrix; /* --format github-matrix */
    uint32_t matrix_shards;
    const char *json_file;                /* run: --json FILE */
    const char *exec_format, *junit_file; /* exec-worker */
    uint64_t max_size;                    /* gc, in bytes */
    bool max_size_given;
    /* once */
    const char **ins, **envs, *out;
    size_t n_ins, n_envs;
    /* worker-check */
    const char **cases, *data, *timeout;
    size_t n_cases;
    const char **afters; /* bisect */
    size_t n_afters;
    bool dashes; /* there is a --; the arguments behind it begin at n_before */
    size_t n_before;
    bool help;
    const char **tags, **excludes, **args;
    size_t n_tags, n_excludes, n_args;
    const char *const *given; /* what stands after --, of commands that hand it to Testfiles; in args */
    size_t n_given;
};

struct command {
    const char *name;
    const char *usage;   /* after "tgraph " */
    const char *summary; /* one line; NULL: not for people, so the general help leaves it out */
    const char *options; /* letters of the option table that it takes besides the common ones */
    const char *help;    /* further lines; may be NULL */
    int (*run)(const struct options *o);
};
extern const struct command commands[]; /* ends with name NULL; the first is the default */

/* options.c: parses argv after the command's name. false: it has printed what is wrong. */
bool options_parse(const struct command *c, int argc, char **argv, struct options *o);
void options_clear(struct options *o);
/* Is `next` the value of the option `arg`? */
bool options_take_next(const char *arg, const char *next);
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
typedef bool (*pick_fn)(struct graph *g, const struct options *o, const char *sub, uint8_t *selected,
                        struct errlist *errs);
int open_selected(struct selected *s, const struct options *o, pick_fn pick, bool all);
/* Verdicts, reasons and keys of everything needed. */
void resolve_selected(struct selected *s);
void close_selected(struct selected *s);
void print_warnings(const struct workspace *ws);
int select_exit(const struct errlist *errs); /* EXIT_NO_MATCH or EXIT_USAGE */
struct select_spec selection(const struct options *o, const char *sub);

/* since.c: --since, --staged and --shard. */
static inline bool wants_since(const struct options *o) { return o->since || o->staged; }
/* Finds the base. false: the errors are in errs. */
bool open_since(struct since *s, struct workspace *ws, const struct options *o, bool exact, struct errlist *errs);
/* Says on standard error what was compared; false: there was no base, and --strict-base forbids to go on. */
bool say_since(const struct since *s, const struct options *o, struct errlist *errs);
/* For a run: opens it unless it is open, stamps everything, compares, and takes what is not affected from `selected`. */
bool keep_affected(struct since *s, bool open, struct workspace *ws, const struct options *o, uint8_t *selected,
                   struct errlist *errs);
/* Takes what belongs to other shards from `selected`, if --shard was given; false: another plan (T711). */
bool keep_shard(struct workspace *ws, struct graph *g, const struct options *o, uint8_t *selected,
                struct errlist *errs);
/* Labels and recorded durations of the tests that are selected, or else of the other targets, whose durations do not count:
 * a run selects tests, and has to come to the plan that a list with builds in it shows. mem_free(*out). */
size_t shard_items(struct workspace *ws, struct graph *g, const uint8_t *selected, bool tests, struct shard_item **out);

/* Targets compared with a base: for list, affected and why. */
struct compared {
    struct selected sel; /* the workspace; its arrays only when the work tree is compared */
    struct since since;
    struct affected affected;
    struct graph *g;   /* compared: the workspace's, the index's or B's */
    uint8_t *selected; /* per node of g: selected and affected */
    bool open;
};
/* all: the selected ones that are not affected too. Returns 0, or an exit status after printing the errors. */
int open_compared(struct compared *c, const struct options *o, pick_fn pick, bool all);
void close_compared(struct compared *c);

/* cmd_clean.c: once a day, after a run that ran something: keeps the cache within its size. */
void daily_gc(const struct options *o);

int cmd_run(const struct options *o);
int cmd_list(const struct options *o);
int cmd_affected(const struct options *o);
int cmd_why(const struct options *o);
int cmd_log(const struct options *o);
int cmd_clean(const struct options *o);
int cmd_gc(const struct options *o);
int cmd_annotations(const struct options *o);
int cmd_once(const struct options *o);
int cmd_exec_worker(const struct options *o);
int cmd_bisect(const struct options *o);
int cmd_worker_check(const struct options *o);

#endif

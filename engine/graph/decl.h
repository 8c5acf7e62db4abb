/* SPDX-License-Identifier: MIT
 *
 * Declarations: what loading the Testfiles gives and the graph is built from. Plain data in one arena, no file access.
 * All paths are repository-relative (tree/path.h) unless said otherwise; all labels are absolute ("dir:name", at the
 * root "name").
 */
#ifndef TGRAPH_GRAPH_DECL_H
#define TGRAPH_GRAPH_DECL_H

#include "base/err.h"
#include "base/hash.h"

enum node_kind { /* the numbers are in keys and files */
                 KIND_TEST = 1,
                 KIND_BUILD = 2,
                 KIND_GROUP = 3,
                 KIND_SERVICE = 4,
                 KIND_SUITE = 5,
                 KIND_CASE = 6, /* never declared by itself: graph_build makes one of each decl_case */
};
const char *kind_name(enum node_kind k); /* "test", "build", ... */
/* Does it only stand for others? It runs nothing itself. */
static inline bool kind_is_group(enum node_kind k) { return k == KIND_GROUP || k == KIND_SUITE; }
/* Does it pass or fail, and is it counted? */
static inline bool kind_is_test(enum node_kind k) { return k == KIND_TEST || k == KIND_CASE; }

struct decl_pos {
    const char *file; /* repository-relative Testfile or module; NULL = unknown */
    uint32_t line, col;
};

struct strs {
    const char *const *v;
    uint32_t n;
};

struct decl_env {
    const char *name;
    const char *value; /* NULL: declared, and not set */
};

/* The result of one glob, shared by all targets that name it. */
struct decl_set {
    struct strs paths; /* sorted, no duplicates; may hold target outputs, which the graph takes out */
};

/* A tool: what PATH gives for a name. Index into decls.tools. */
struct decl_tool {
    const char *name;
    const char *path; /* absolute; NULL: not found (the target that uses it then ends in an error, outcome `error`) */
    uint32_t interpreter; /* the tool that runs this script; UINT32_MAX = none */
};

/* A case of a suite. Its label is "SUITE#id". */
struct decl_case {
    const char *id;       /* 1 to 4,096 bytes of UTF-8 without control characters; unique in its suite */
    const char *data;     /* JSON text on one line, handed to the worker and counted in the key; NULL = none */
    const char *group;    /* what `order` keeps together; NULL = a group of its own */
    struct strs inputs;   /* literal files beside those of the suite, sorted, unique */
    struct strs tags;     /* beside those of the suite, sorted, unique */
    const uint32_t *sets; /* globs beside those of the suite: indices into decls.sets */
    uint32_t n_sets;
    int64_t timeout_ms; /* 0 = the suite's case_timeout_ms */
};

enum suite_order {              /* what stays together on one worker, in the order of the declaration */
                   ORDER_ANY,   /* nothing has to; groups do as long as no worker is idle */
                   ORDER_GROUP, /* all cases of a group */
};

enum ready_kind { READY_NONE, READY_LINE, READY_PORT, READY_COMMAND };

struct decl {
    enum node_kind kind;
    const char *label;
    const char *dir;         /* folder of the Testfile, "" = root */
    struct decl_pos pos;     /* of the target's name */
    const char *description; /* NULL = none */

    struct strs cmd;      /* argument vector; of a shell command one string */
    bool shell;           /* cmd.v[0] goes to /bin/sh -c */
    const char *cwd;      /* where it runs */
    struct decl_env *env; /* sorted by name; all that it sees besides the documented ones */
    uint32_t n_env;
    const uint32_t *tools; /* all whose identity counts, sh's too when shell */
    uint32_t n_tools;
    const char *value; /* further data in the key (canonical text); NULL = none */

    struct strs inputs;   /* literal files, sorted, unique. One that equals an output entry of another target (also
                                  a folder's or a glob's text), or lies in an output folder, is an edge to it */
    const uint32_t *sets; /* globs: indices into decls.sets */
    uint32_t n_sets;
    const uint32_t *may_read; /* globs whose files count by name at once and by content only where a depfile names
                                  them: indices into decls.sets */
    uint32_t n_may_read;
    struct strs deps;    /* labels, in the order written */
    struct strs outputs; /* a trailing '/' marks a folder (all files below); a wildcard makes it a glob */
    bool incremental;    /* its old outputs stay when it runs again (a build system's folder) */
    const char *depfile; /* make syntax, written by the command; NULL = none */

    const char *stdin_path; /* also an input; NULL = none */
    const char *stdin_text; /* NULL = none */

    int64_t timeout_ms; /* 0 = none */
    uint32_t retries;
    uint32_t slots;        /* of -j that it takes; at least 1 */
    const char *pool;      /* NULL = none */
    bool exclusive_all;    /* runs alone */
    struct strs exclusive; /* names of resources that one target at a time may hold */
    struct strs tags;      /* sorted, unique */
    bool no_cache;         /* cache = false: a pass never makes it clean */
    bool jobserver;        /* passes GNU make's jobserver on to its command */
    const uint8_t *success_codes;
    uint32_t n_success_codes; /* 0: only exit status 0 is a success */

    const char *stdout_path; /* gets what the command writes to standard output; also in outputs; NULL = none */

    /* KIND_GROUP: deps are its members. KIND_SERVICE: */
    enum ready_kind ready;
    const char *ready_line; /* a piece of text that a line of its output holds */
    uint16_t ready_port;    /* accepts a TCP connection on 127.0.0.1 */
    struct strs ready_cmd;  /* exits with 0; of a shell command one string */
    bool ready_shell;
    int64_t ready_timeout_ms;

    /* KIND_SUITE: cmd starts a worker (docs/worker-protocol.md); timeout_ms is that of the whole suite. */
    const struct decl_case *cases; /* in the order declared; NULL with cases_unknown: the discover step has not run */
    uint32_t n_cases;
    bool cases_unknown;
    const char *discover; /* label of the build whose output lists the cases; NULL = none */
    enum suite_order order;
    uint32_t batch;           /* cases without a group stay together by so many; 0, 1 = none do */
    bool isolate;             /* a new worker for each case */
    bool reports_reads;       /* the worker names what it read of may_read */
    int64_t case_timeout_ms;  /* 0 = none */
    int64_t start_timeout_ms; /* until a worker is ready */
    uint32_t recycle_cases;   /* a worker serves at most so many; 0 = no limit */
    uint64_t
        recycle_bytes; /* a worker whose resident memory is more than this after a case is replaced; 0 = no limit */
};

struct decl_pool {
    const char *name;
    uint32_t slots;
    struct decl_pos pos;
};

struct decls {
    struct arena arena;
    struct decl *v;
    uint32_t n, cap;
    struct decl_set *sets;
    uint32_t n_sets, cap_sets;
    struct decl_tool *tools;
    uint32_t n_tools, cap_tools;
    struct decl_pool *pools;
    uint32_t n_pools, cap_pools;
};
void decls_init(struct decls *d);
void decls_clear(struct decls *d);

#endif

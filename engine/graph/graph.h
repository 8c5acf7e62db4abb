/* SPDX-License-Identifier: MIT
 *
 * The graph: pure data. Arrays of nodes, edges, files and file sets, ids instead of pointers, strings interned once;
 * each array is a section that can be written to a file and used from a memory map as it is (graph_sections /
 * graph_view). No file access happens here.
 *
 *     struct graph g;
 *     graph_init(&g);
 *     graph_build(&g, &decls, &hooks, &errs);        // or graph_view(&g, sections, n)
 *     for (uint32_t i = 0; i < g.n_nodes; i++) { node_id n = g.order[i]; ... }  // dependencies first
 *     graph_clear(&g);
 *
 * Two parts of it change while a run goes on: files[].state (what stamping saw) and states[] (what resolving and
 * running found). Files, sets and strings may be added during a run by the thread that owns the graph.
 */
#ifndef TGRAPH_GRAPH_GRAPH_H
#define TGRAPH_GRAPH_GRAPH_H

#include "base/map.h"
#include "base/strtab.h"
#include "graph/decl.h"
#include "tree/stamp.h"

typedef uint32_t node_id;
typedef uint32_t file_id;
typedef uint32_t set_id;
#define ID_NONE UINT32_MAX

enum node_flag {
    NODE_NO_CACHE = 1,    /* a pass never makes it clean */
    NODE_EXCLUSIVE = 2,   /* runs alone */
    NODE_DEPFILE = 4,     /* has a key of two steps */
    NODE_INCREMENTAL = 8, /* old outputs stay when it runs again */
    NODE_JOBSERVER = 16,
    NODE_OWN_PATH = 32, /* declares PATH itself */
    NODE_OWN_HOME = 64,
    NODE_SHELL = 128,
    NODE_CASES_UNKNOWN = 256, /* a suite without a list of its cases: no reason to call it clean, or passed */
};

/* A target. What is needed only to run it is packed in words[] (graph_action). */
struct node {
    str_id label, dir;
    str_id pos_file; /* 0 = unknown */
    uint32_t pos_line, pos_col;
    uint8_t kind; /* enum node_kind */
    uint8_t pad[3];
    uint32_t flags;             /* enum node_flag */
    uint32_t action;            /* offset in words[] */
    uint32_t edges_at, n_edges; /* in edges[] */
    uint32_t sets_at, n_sets;   /* in node_sets[]: input sets, by content */
    uint32_t may_at, n_may;     /* in node_sets[]: may_read sets, by name */
    uint32_t outs_at, n_outs;   /* in outs[] */
    uint32_t tools_at, n_tools; /* in node_tools[] */
    struct digest decl;         /* of the declared parts that are in the key */
};

/* `from` needs `to`. Its key takes in all that `to` gives, or one output entry of it, or nothing. */
struct edge {
    node_id to;
    uint32_t out; /* index in outs[]; ID_NONE = all; OUT_ORDER */
};
#define OUT_ORDER (UINT32_MAX - 1) /* `to` has to pass first, and counts for nothing (a suite's discover step) */

/* What a case has besides its suite. Cases are the last nodes, in this order: graph_case. */
struct graph_case {
    node_id suite;
    str_id id, group; /* group: STR_NONE = of its own */
    str_id data;      /* JSON text; STR_NONE = none */
    uint32_t tags;    /* offset in words[]: their number, then str_ids, those of its suite among them */
    uint32_t pad;
    uint64_t timeout_ms; /* 0 = none */
};

enum out_kind { OUT_FILE = 1, OUT_FOLDER, OUT_GLOB, OUT_DEPFILE /* read and removed; nobody's input */ };
struct out_entry {
    str_id path;   /* without the folder's trailing slash */
    uint32_t kind; /* enum out_kind */
    node_id producer;
    struct digest digest; /* of what is there now; valid while the producer's state says so */
};

struct file {
    str_id path; /* repository-relative, or absolute (tools, system headers); trailing slash: a folder's listing */
    uint32_t flags;
    struct file_state state;
};
enum file_flag {
    FILE_LITERAL = 1, /* named in a Testfile: missing is an error */
    FILE_LOADED = 2,  /* read by the loader: a change means loading again */
    FILE_OTHER = 8,   /* of a revision's graph: it is a file of the machine, not of the revision (run/revision.c) */
    FILE_UNSURE = 4,  /* may have changed since the loader read it: load again next time */
};

struct file_set {
    uint32_t at, n; /* in set_files[]: file ids in order of path */
};

struct tool {
    str_id name;
    file_id file;         /* ID_NONE: not found */
    uint32_t interpreter; /* index in tools[]; ID_NONE = none */
};

struct pool {
    str_id name;
    uint32_t slots;
};

/* A file that the node's command made, as it was stored. Type ENTRY_NONE: one that it made under another key and does not
 * make under this one; `blob` is then the digest of what it was. It has to go before anybody looks (and stays if it is
 * something else by now: somebody's work). */
struct made_file {
    file_id file;
    uint32_t out;  /* index in outs[] */
    uint32_t type; /* enum entry_type */
    uint32_t pad;
    struct digest digest; /* as tree/stamp.h defines it */
    struct digest blob;   /* its name in the CAS */
};
/* Does the file look as it has to? */
bool graph_made_ok(const struct made_file *m, const struct file_state *now);

enum node_status {                     /* numbers are stored */
                   STATUS_UNKNOWN = 0, /* nothing known in this work tree */
                   STATUS_CLEAN = 1,   /* `key` has a stored pass, and its outputs are those of `made` */
                   STATUS_FAILED = 2,  /* the last run did not pass (outcome says how) */
                   STATUS_DIRTY = 3,   /* anything else: a flaky pass, a pass that was not stored */
};

enum node_settled {
    UNSETTLED = 0,   /* something may have changed since its key was computed */
    SETTLED = 1,     /* `key` is what the file states beside it give: with none changed, it needs no resolving */
    SETTLED_NOW = 2, /* resolved by this process; never in a file */
};

/* What is known of a node; written to the frozen file. */
struct node_state {
    struct digest key;        /* of the last resolution with a known key; NONE = never */
    struct digest deps;       /* deep outputs of its dependencies, as last resolved */
    struct digest deep;       /* its outputs and `deps` */
    uint8_t status;           /* enum node_status */
    uint8_t outcome;          /* enum outcome of the last run */
    uint8_t settled;          /* enum node_settled */
    uint8_t mark;             /* enum case_mark of the last run */
    uint32_t duration_ms;     /* of the last run that ended by itself; 0 = unknown */
    set_id reads;             /* what the last run read by its depfile; ID_NONE */
    uint32_t made_at, n_made; /* in made[] */
};

struct id_list {
    const uint32_t *v;
    uint32_t n;
};

struct graph {
    struct strtab strs;
    struct node *nodes;
    node_id *order;            /* n_nodes, dependencies before dependents */
    struct node_state *states; /* n_nodes */
    struct edge *edges;
    struct out_entry *outs;
    struct file *files;
    struct file_set *sets;
    file_id *set_files;
    set_id *node_sets;
    struct tool *tools;
    uint32_t *node_tools;
    struct pool *pools;
    struct made_file *made;
    struct graph_case *cases;
    uint32_t *words;
    uint32_t n_nodes, n_edges, n_outs, n_files, n_sets, n_set_files, n_node_sets, n_tools, n_node_tools, n_pools,
        n_made, n_cases, n_words;
    /* Capacities; 0 means the array is borrowed (graph_view) and the first growth copies it. */
    uint32_t cap_nodes, cap_edges, cap_outs, cap_files, cap_sets, cap_set_files, cap_node_sets, cap_tools,
        cap_node_tools, cap_pools, cap_made, cap_cases, cap_words, cap_order, cap_states;
    struct map file_index;  /* path str_id -> file_id; filled on first use */
    struct map label_index; /* label str_id -> node_id; the same */
    bool indexed_files, indexed_labels;
};

void graph_init(struct graph *g);
void graph_clear(struct graph *g);

/* Hooks for messages that need the text of a Testfile. */
struct graph_hooks {
    struct decl_pos (*locate)(void *ctx, const struct decl *d, const char *field, const char *value);
    void *ctx;
};
/* Builds from declarations. Errors (codes T3xx): duplicate label, unknown dependency or pool, output claimed twice or
 * inside another target's folder, own output as input, cycle (printed as a path). All of them are reported. */
bool graph_build(struct graph *g, const struct decls *d, const struct graph_hooks *hooks, struct errlist *errs);

/* Sections for the frozen file, in fixed order from 0; graph_view reads them back and returns false if any id or offset
 * is out of range (so a damaged file cannot crash what follows). The memory must outlive the graph and be writable. */
#define GRAPH_SECTIONS 16
struct graph_section {
    const void *p;
    size_t len;
};
void graph_sections(const struct graph *g, struct graph_section out[GRAPH_SECTIONS]);
bool graph_view(struct graph *g, const struct graph_section s[GRAPH_SECTIONS]);

static inline const char *graph_str(const struct graph *g, str_id id) { return strtab_get(&g->strs, id); }
/* NULL if the node is no case. */
static inline const struct graph_case *graph_case(const struct graph *g, node_id n)
{
    return n < g->n_nodes - g->n_cases ? NULL : &g->cases[n - (g->n_nodes - g->n_cases)];
}
/* Does the node count by itself? A group's members do in its place, and a suite's cases, if they are known. */
static inline bool graph_counts(const struct graph *g, node_id n)
{
    return !kind_is_group((enum node_kind)g->nodes[n].kind) || (g->nodes[n].flags & NODE_CASES_UNKNOWN);
}
/* The tags of a node, those of its suite among them. */
struct id_list graph_tags(const struct graph *g, node_id n);
static inline const char *graph_label(const struct graph *g, node_id n) { return graph_str(g, g->nodes[n].label); }

node_id graph_find(struct graph *g, const char *label);     /* ID_NONE if there is none */
file_id graph_file(struct graph *g, const char *path);      /* adds it if need be */
file_id graph_find_file(struct graph *g, const char *path); /* ID_NONE if there is none */
/* A set of files in order of path; the same members give the same id only within one graph_build. */
set_id graph_add_set(struct graph *g, file_id *members, uint32_t n); /* sorts members in place, drops doubles */
/* Drops what nothing refers to any more (old lists in made[], files that had to go and are gone, sets of files read), and unsettles the nodes that were not
 * resolved if others were: before it is written to a file. */
void graph_compact(struct graph *g);
/* Takes over what `old` knows of files and nodes of the same names. */
void graph_inherit(struct graph *g, struct graph *old);
void graph_set_made(struct graph *g, node_id n, const struct made_file *v, uint32_t count);
/* The output entry (of any target) that holds this path, the narrowest of several; ID_NONE if it is nobody's output.
 * Costs a look-up for each part of the path, and a match for each glob whose fixed folder is among them. */
struct out_lookup;
struct out_lookup *out_lookup_new(const struct graph *g);
void out_lookup_free(struct out_lookup *l);
uint32_t out_lookup_find(struct out_lookup *l, const char *path);

/* The nodes that make a file which a Testfile reads: a byte for each node, to be freed; NULL = there is none. */
uint8_t *graph_generators(struct graph *g);

/* What is needed to run a node; of a case that of its suite. The id arrays point into words[]. */
struct action {
    struct id_list argv; /* str_ids */
    struct id_list env;  /* name, value, name, value ...; value STR_NONE: not set */
    str_id cwd;
    str_id stdin_path, stdin_text; /* STR_NONE = none */
    str_id depfile;                /* STR_NONE = none */
    str_id description;            /* STR_NONE = none */
    str_id stdout_path;            /* gets its standard output; STR_NONE = none */
    uint64_t timeout_ms;
    uint32_t retries, slots;
    uint32_t pool;                  /* index in pools[]; ID_NONE */
    struct id_list exclusive, tags; /* str_ids */
    struct id_list success_codes;
    uint32_t ready; /* enum ready_kind */
    str_id ready_line;
    uint32_t ready_port;
    struct id_list ready_cmd; /* str_ids */
    bool ready_shell;
    uint64_t ready_timeout_ms;
    uint32_t suite; /* offset of what graph_suite reads, in words[]; 0 = not of a suite */
};
void graph_action(const struct graph *g, node_id n, struct action *out);

/* How a suite's cases are served. */
struct suite_action {
    uint32_t order; /* enum suite_order */
    bool isolate, reports_reads;
    uint32_t batch;            /* cases without a group that stay together; at least 1 */
    uint64_t start_timeout_ms; /* until a worker is ready; 0 = none */
    uint32_t recycle_cases;    /* a worker serves at most so many; 0 = no limit */
    uint64_t recycle_bytes;    /* resident memory of a worker that is replaced after a case; 0 = no limit */
};
/* Of a suite or one of its cases; false for any other node. */
bool graph_suite(const struct graph *g, node_id n, struct suite_action *out);

/* Marks n and everything that it needs, transitively: mark[] has n_nodes bytes. */
void graph_mark_needed(const struct graph *g, node_id n, uint8_t *mark);
/* Marks the members of marked groups and the cases of marked suites, too: a group stands for them when targets are
 * counted, or filtered by tag or by failure. */
void graph_open_groups(const struct graph *g, uint8_t *selected);

#endif

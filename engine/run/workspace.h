/* SPDX-License-Identifier: MIT
 *
 * A workspace: one repository as one tgraph process sees it - its graph (from the frozen file or from Lua), what loading
 * depended on, the digests of its files, the store.
 *
 *     struct workspace ws;
 *     if (!ws_open(&ws, &opts, &errs)) ...          // errs says what is wrong in which Testfile
 *     ws_stamp(&ws, needed);                         // the files of these nodes
 *     ws_freeze(&ws, &e);                            // write back what is known
 *     ws_close(&ws);
 *
 * Threads: one; stamping uses several inside.
 */
#ifndef TGRAPH_RUN_WORKSPACE_H
#define TGRAPH_RUN_WORKSPACE_H

#include "graph/key.h"
#include "run/record.h"
#include "store/frozen.h"
#include "store/store.h"

struct ws_opts {
    const char *dir;       /* where to look for the repository; NULL = the working folder */
    const char *lib_dir;   /* TGRAPH_LIB; NULL = the library in the binary */
    const char *cache_dir; /* NULL = TGRAPH_CACHE_DIR, else XDG_CACHE_HOME/tgraph, else HOME/.cache/tgraph */
    int threads;           /* for stamping; 0 = cpu_count() */
    bool ignore_frozen;    /* load from the Testfiles in any case */
    bool no_load;          /* only find the repository: the graph stays empty */
    struct strs options;   /* for options() in Testfiles; borrowed until ws_close */
};

struct workspace {
    struct ws_opts opts;
    char *root;  /* absolute, links resolved */
    char *sub;   /* opts.dir relative to the root, "" = the root itself */
    char *outer; /* the root relative to git's top; "" = the same, or outside git */
    int root_fd;
    char *state_dir; /* root/.tgraph */
    char *cache_dir;
    char *path_env, *home_env; /* PATH and HOME as processes get them */
    char *options_text;        /* opts.options as one text, for the record */
    int threads;
    struct digest platform;
    struct graph g;
    struct record rec;
    struct frozen frozen; /* backs g and rec while they are borrowed */
    bool loaded_by_lua;   /* in this process */
    char *load_reason;    /* why Lua ran; NULL if it did not */
    bool worth_freezing;  /* something is known that the frozen file does not hold */
    uint8_t *stamped;     /* per file: stamped in this process; grown with the graph */
    uint32_t n_stamped;
    bool any_changed;        /* a stamped file differs from the frozen state */
    struct key_context keys; /* after ws_keys */
    bool have_keys;
    struct store *store;              /* after ws_store */
    bool store_writable, store_tried; /* it was (tried to be) opened for writing */
    struct digest *set_blobs; /* per set: its list of files as a blob of the store (manifest.c); NONE = not yet */
    uint32_t n_set_blobs;
    struct errlist warnings; /* of everything that happened, for cli/ to print */
    char *load_warnings;     /* text of the load's warnings; NULL = none */
};

/* getenv as hooks want it; ctx: the workspace, which knows LOAD_OPTIONS. */
const char *ws_getenv(void *ctx, const char *name);
/* Finds the repository, maps the frozen file, checks it, loads from Lua if need be. On false errs has the reasons (and
 * ws is to be closed all the same). */
bool ws_open(struct workspace *ws, const struct ws_opts *opts, struct errlist *errs);
void ws_close(struct workspace *ws);
/* Did a Testfile ask for the options that were given, if any were? Of rec and g, NULL = those of the workspace (ws_open
 * has seen to that). false: an error in errs. */
bool ws_options_read(const struct workspace *ws, const struct record *rec, const struct graph *g, struct errlist *errs);
/* Runs the Testfiles of a tree and builds their graph, as this workspace would: PATH, environment, library. The walker is
 * one over the tree. false: errs says why. decls, record and g are to be cleared by the caller in any case; g is
 * initialised here. */
bool ws_load(const struct workspace *ws, struct tree *tree, struct walker *w, struct decls *decls,
             struct load_record *record, struct graph *g, struct errlist *errs);
/* Loads from Lua again, keeping what is known of files and nodes by their names. */
bool ws_reload(struct workspace *ws, const char *reason, struct errlist *errs);
/* Stamps the files of the nodes whose byte in `needed` is set (inputs, tools, files read, outputs). Files that were
 * stamped already in this process are left alone. false: a file of them that a Testfile names is gone or became a folder since
 * the load (*gone names it, for ws_reload, which then reports it with its place). */
bool ws_stamp(struct workspace *ws, const uint8_t *needed, const char **gone);
/* Forgets that anything was stamped (after waiting for another process). */
void ws_unstamp(struct workspace *ws);
/* Prepares ws->keys; needs the tools stamped (ws_stamp of any node does that). */
void ws_keys(struct workspace *ws);
/* Do the outputs that n made look as they have to? Its files are stamped. */
bool ws_outputs_there(const struct workspace *ws, node_id n);
/* Is every needed node clean by the frozen state, with nothing changed? Then there is nothing to resolve. */
bool ws_all_clean(const struct workspace *ws, const uint8_t *needed);
/* Opens the store if it is not open. create = false: reading only. A store that cannot be opened is a warning, and
 * an empty store takes its place (ws->store stays NULL): everything runs, nothing is kept. */
void ws_store(struct workspace *ws, bool create);
/* Makes .tgraph/ (which ignores itself in git) if it is not there. */
bool ws_state_dir(struct workspace *ws, struct err *e);
/* The cache folder that these options mean; the caller frees it. */
char *ws_cache_dir(const struct ws_opts *o);
bool ws_freeze(struct workspace *ws, struct err *e);
/* One file of the graph, stamped now if it was not yet. */
const struct file_state *ws_file(struct workspace *ws, file_id f);
/* The state of a file that somebody else has just stamped. */
void ws_put_file(struct workspace *ws, file_id f, const struct file_state *st);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The record: what loading depended on, kept beside the graph in the frozen file. record_check asks whether loading
 * again would give the same graph, without running any Lua: the environment, the tools that PATH gives, the files
 * that were read (files[] with FILE_LOADED), the folders that were listed. A folder whose entries changed only matters if
 * one of the globs now gives something else.
 */
#ifndef TGRAPH_RUN_RECORD_H
#define TGRAPH_RUN_RECORD_H

#include "graph/graph.h"
#include "lua/load.h"

struct record_head {
    struct digest library; /* stdlib and rules */
    struct digest platform;
    str_id path, home; /* values of PATH and HOME */
    uint32_t key_format;
    str_id outer;    /* the root's path from git's top */
    str_id warnings; /* the load's warnings as text, to be shown again; 0 = none */
};
struct record_dir {
    str_id path;
    uint32_t pad;
    struct stamp stamp;
    struct digest listing;
};
struct record_glob {
    str_id base;
    uint32_t with_ignored;
    uint32_t at, n_include, n_exclude; /* words[at ...]: string ids of the patterns, includes first */
    struct digest result;
};
struct record_env {
    str_id name;
    struct digest value; /* NONE = not set */
};
struct record_tool {
    str_id name, path; /* path 0 = not found */
};
struct record_reader { /* of a file that was read while a Testfile ran */
    file_id file;
    str_id dir; /* the Testfile's folder */
};
struct record_literal { /* a path that was asked for by name */
    str_id path;
    uint32_t type; /* enum entry_type; FILE for EXEC too */
};
struct record {
    struct record_head head;
    struct record_dir *dirs;
    struct record_glob *globs;
    struct record_env *envs;
    struct record_tool *tools;
    uint32_t *words;
    struct record_literal *literals;
    struct record_reader *readers; /* in order of file; those with one reader only */
    uint32_t n_dirs, n_globs, n_envs, n_tools, n_words, n_readers, n_literals;
    bool borrowed; /* arrays are in a memory map */
};

#define RECORD_SECTIONS 8
void record_clear(struct record *r);
/* Makes it from a load; strings and loaded files go into g. `started_ns` (CLOCK_REALTIME) is when the load began:
 * what changed later counts as unknown. */
void record_make(struct record *r, struct graph *g, const struct load_record *l, struct walker *w, int root_fd,
                 int64_t started_ns, struct digest platform, const char *path, const char *home);
/* The part of it that holds no stamps: the environment, tools, globs and files asked for. For a load over another tree
 * than the work tree; record_same_environment and record_reader are all that can be asked of it. */
void record_make_asked(struct record *r, struct graph *g, const struct load_record *l, struct digest platform,
                       const char *path, const char *home);
/* The folder of the one Testfile that read the file; STR_NONE: several did, or a module, or none. */
str_id record_reader(const struct record *r, file_id f);
void record_sections(const struct record *r, struct graph_section out[RECORD_SECTIONS]);
bool record_view(struct record *r, const struct graph *g, const struct graph_section s[RECORD_SECTIONS]);

/* Would a load over another tree get the same answers from its files? The walker is one over it. Then it gives the same
 * graph, but for the states of files. `differs` says whether a file that the load read is other content there. */
bool record_same_answers(const struct record *r, const struct graph *g, struct tree *tree, struct walker *w,
                         bool (*differs)(void *ctx, file_id f), void *ctx);

struct record_env_ops {
    const char *(*getenv)(void *ctx, const char *name);
    void *ctx;
};
/* Are the variables, the tools that PATH gives, the library and the system what they were? `why` may be NULL. */
bool record_same_environment(const struct record *r, const struct graph *g, const struct record_env_ops *env,
                             struct digest library, struct digest platform, const char *path, const char *home,
                             struct buf *why);
enum record_answer {
    RECORD_SAME,      /* and nothing to write back */
    RECORD_REFRESHED, /* same graph, but stamps were taken anew: worth writing back */
    RECORD_STALE,     /* load again; `why` says what changed */
};
/* Updates the states of FILE_LOADED files and the folders' stamps. `why` (may be NULL) gets one line for STALE. */
enum record_answer record_check(struct record *r, struct graph *g, const char *root, const char *outer, int root_fd,
                                int threads, const struct record_env_ops *env, struct digest library,
                                struct digest platform, const char *path, const char *home, struct buf *why);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Loading: runs Testfile.lua, what it includes and uses, in a sandbox over a tree, and gives declarations plus a record
 * of everything that was asked: with the same answers, loading again gives the same declarations.
 *
 * The sandbox is built from an allow-list of Lua 5.4's functions; text chunks only; iteration order, tostring and
 * string.format are made deterministic; memory and instructions are limited (T103, T104 with the line).
 *
 * All errors of all files are reported; the load failed if errs->n_errors is not 0.
 */
#ifndef TGRAPH_LUA_LOAD_H
#define TGRAPH_LUA_LOAD_H

#include "graph/decl.h"
#include "tree/glob.h"
#include "tree/tree.h"

#define LOAD_ADAPTERS ".tgraph/lib" /* folder of the files that `adapter` gives */
#define LOAD_OPTIONS "=options" /* stands for all options among the variables of a record: no variable is called so */

struct load_opts {
    struct tree *tree;
    struct walker *walker;   /* over the tree; afterwards it knows the folders and ignore files looked at */
    const char *search_path; /* PATH for tools */
    const char *(*getenv)(void *ctx, const char *name); /* NULL if not set */
    void *getenv_ctx;
    /* Sees to it that a file of the library lies where `adapter` says (LOAD_ADAPTERS in the tree). NULL: it does. */
    bool (*put_adapter)(void *ctx, const char *path, const char *data, size_t len, struct err *e);
    void *put_adapter_ctx;
    struct strs options;        /* what options() gives; with getenv(LOAD_OPTIONS) as its text for the record */
    const char *lib_dir;        /* TGRAPH_LIB: reads stdlib/ and rules/ from there; NULL = those inside the binary */
    size_t memory_limit_bytes;  /* 0 = 2 GiB */
    uint64_t instruction_limit; /* 0 = 500,000,000, which an endless loop uses up in a few seconds */
};

struct load_glob {
    const char *base;
    struct strs include, exclude;
    bool with_ignored;
    struct digest result; /* glob_digest */
};
struct load_env {
    const char *name;
    struct digest value; /* digest_bytes of the value; DIGEST_NONE = not set */
};
struct load_tool {
    const char *name; /* "cc", or an absolute path */
    const char *path; /* what was found; NULL = nothing */
};
/* What the outcome depends on besides the folders and ignore files in the walker. */
struct load_record {
    struct arena arena;
    struct strs
        files; /* repository-relative paths read or asked for (a missing one too): Testfiles, modules, JSON, YAML */
    struct strs readers; /* of files: the folder of the one Testfile that asked for it; NULL = perhaps several */
    struct load_glob *globs;
    size_t n_globs;
    struct load_env *envs;
    size_t n_envs;
    struct load_tool *tools;
    size_t n_tools;
    const uint8_t *literal_types; /* of literals: enum entry_type */
    struct strs literals;         /* literal input paths asked for with walker_type */
    struct strs missing; /* those of them that were not there (unless an output of a target, an error T212 by graph) */
    struct digest library; /* of the stdlib and rules that were used */
};
void load_record_clear(struct load_record *r);

/* Fills decls and record (both to be cleared by the caller in any case). Returns errs->n_errors == 0. */
bool load_testfiles(const struct load_opts *o, struct decls *decls, struct load_record *record, struct errlist *errs);

/* Where in the Testfile does this target say `value` in `field`? For errors found after loading; reads the tree.
 * Falls back to the target's own place. */
struct decl_pos load_locate(struct tree *tree, const struct decl *d, const char *field, const char *value);

/* The digest of the library (embedded, or in lib_dir). Cheap: computed at build time when embedded. */
struct digest load_library_digest(const char *lib_dir);
/* The editor file for lua-language-server, generated from the library's annotations. */
bool load_write_annotations(const char *lib_dir, struct buf *out, struct err *e);

#endif

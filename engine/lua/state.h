/* SPDX-License-Identifier: MIT
 *
 * What the files of lua/ share while one load runs. Not for other folders.
 *
 * Lua raises errors by longjmp. So nothing here that lives across a call into Lua is held by a C local alone: buffers
 * are fields of `struct load`, declarations lie in arenas, and parsers are freed at the end of the load (data.c).
 *
 * The order of a load: load.c runs Testfiles one after the other; the library's Lua calls api.c; convert.c turns each
 * table into a declaration and keeps its inputs as written (struct raw); when all have run, resolve.c knows every output
 * and makes sets, literals and edges of them.
 */
#ifndef TGRAPH_LUA_STATE_H
#define TGRAPH_LUA_STATE_H

#include "base/map.h"
#include "base/strtab.h"
#include "lua/library.h"
#include "lua/load.h"
#include "lua/sandbox.h"
#include "lua/srcpos.h"
#include "tree/path.h"

/* A set of strings that keeps the order in which they came. */
struct strset {
    struct strtab tab;
    struct map index; /* str_id -> position */
    str_id *v;
    uint32_t n, cap;
};
void strset_init(struct strset *s);
void strset_clear(struct strset *s);
uint32_t strset_add(struct strset *s, const char *text, bool *is_new); /* its position; is_new may be NULL */
uint32_t strset_find(struct strset *s, const char *text);              /* UINT32_MAX if it is not in it */
const char *strset_get(const struct strset *s, uint32_t i);            /* valid until the next strset_add */

enum source_kind { SOURCE_TESTFILE, SOURCE_MODULE, SOURCE_LIBRARY };
struct source { /* a chunk of Lua; its chunk name is "=@" and its index in load.sources */
    enum source_kind kind;
    const char *path; /* as shown; in decls->arena */
    const char *dir;  /* of a Testfile: its folder; in decls->arena */
    char *text;       /* owned, unless borrowed from the library */
    size_t len;
    struct srcpos *tokens; /* NULL until something is looked for */
    bool borrowed;
};

struct place {                    /* where a call was made */
    uint32_t source, line;        /* in the nearest Testfile */
    uint32_t module, module_line; /* in a module of the repository that is nearer still; UINT32_MAX = none */
    bool rule;                    /* a rule of the library lies between */
};

/* What a message is about; any of them may be NULL. */
struct about {
    const char *call; /* "test" */
    const char *name; /* its first argument as written */
    const char *field;
    const char *value;
    const char *dir;  /* see srcpos_query */
    const char *word; /* instead of all these: a word on the running line, "" = the line's first */
};

enum raw_kind { RAW_LITERAL, RAW_GLOB, RAW_EXCLUDE };
struct raw_item {
    const char *text;  /* as written */
    const char *path;  /* from the root, without trailing slash */
    const char *base;  /* folder that `rel` is relative to: an ancestor of the Testfile's folder, or it */
    const char *rel;   /* the path below base, or a pattern */
    const char *field; /* that it was written in */
    uint8_t kind;      /* enum raw_kind */
    bool wild;         /* path is a pattern */
    bool folder;       /* resolve.c: a literal that is a folder */
};
struct raw_list {
    struct raw_item *v;
    uint32_t n;
    bool may_be_gone; /* a file that is not there is no mistake */
};
struct raw_inputs { /* of one or many cases */
    struct raw_list list;
    const char *first; /* path of the first one as written; NULL = none */
};
struct raw_cases { /* the cases of a suite before all outputs are known; in load.arena */
    struct decl_case *v;
    uint32_t n;
    const uint32_t *inputs_of; /* as v: an index into inputs; UINT32_MAX = none */
    const struct raw_inputs *inputs;
    uint32_t n_inputs;
    bool listed;  /* by a discover step */
    bool by_file; /* order = "file": a case without a group is in that of its first input */
};
struct raw {                /* a target's inputs before all outputs are known */
    uint32_t decl, n_decls; /* that many declarations in a row have these inputs (shards) */
    uint32_t n_placed;      /* that many have this place: the shards and their group */
    uint32_t place;
    const char *call, *name;       /* as written; name NULL: it has none (discover) */
    const struct raw_cases *cases; /* of a suite; NULL = none, or not known */
    struct raw_list inputs, may_read;
    bool default_inputs; /* inputs was left out */
    const char *script;  /* file of the repository that is the command; NULL = none */
};

struct tool_list { /* tools that one tool's identity needs, itself first */
    const uint32_t *v;
    uint32_t n;
};
struct include {
    uint32_t place;   /* UINT32_MAX for the root */
    const char *text; /* as written; in load.arena */
};
enum module_state { MODULE_LOADING, MODULE_DONE, MODULE_FAILED };

enum {
    MAX_ERRORS = 300,
    MAX_USING = 50,
    MAX_FILE_BYTES = 64 << 20,
    MAX_SOURCE_BYTES = 16 << 20,
    MAX_CASES_BYTES = 512 << 20
};

struct data_jobs; /* data.c: parsers that an error may have jumped over */

struct load {
    const struct load_opts *o;
    struct decls *decls;
    struct load_record *record;
    struct errlist *errs;
    struct sandbox box;
    struct library lib;
    struct arena arena;    /* until the end of the load */
    struct buf b1, b2, b3; /* scratch of whoever runs; never held across a call that may use them */
    struct buf text;       /* scratch of files read */
    struct buf text2;      /* of cases.c */

    struct source *sources;
    uint32_t n_sources, cap_sources;
    struct place *places;
    uint32_t n_places, cap_places;
    uint32_t current; /* source of the Testfile that is being run; UINT32_MAX = none */
    bool booted;      /* the library is there */
    bool compiling;   /* the message handler leaves errors of the compiler alone */
    bool stopped;     /* steps or memory are used up: no further file runs */
    struct place oom; /* where memory ran out */

    struct strset dirs;        /* Testfiles' folders, in the order of loading */
    struct include *dirs_info; /* as dirs */
    uint32_t cap_dirs_info;
    struct strset modules;
    uint8_t *module_states; /* as modules; enum module_state */
    uint32_t cap_module_states;
    struct using
    {
        const void *frame; /* Lua's, of the call of core.use */
        uint32_t source;
    }
    using[MAX_USING]; /* modules that are being loaded, the innermost last */
    uint32_t n_using;
    struct strset globals; /* names that exist, for "did you mean" */

    struct strset labels;
    uint32_t *labelled; /* as labels: place of the first declaration */
    uint32_t cap_labelled;
    struct strset pools; /* as decls->pools */
    struct raw *raws;
    uint32_t n_raws, cap_raws;

    struct strset files, literals, missing;
    bool shared; /* a module of the repository was used twice: what one Testfile read, another may know through it */
    uint32_t *readers; /* as files: an index into dirs; UINT32_MAX = several, or not a Testfile */
    uint32_t cap_readers;
    struct strset env_names;
    struct load_env *envs; /* as env_names; the name is filled in at the end */
    uint32_t cap_envs;
    struct strset tool_names;     /* as decls->tools */
    struct tool_list *tool_lists; /* as tool_names */
    uint32_t cap_tool_lists;
    struct load_glob *globs;
    uint32_t n_globs, cap_globs;
    struct strset specs; /* glob specs of sets; as decls->sets */

    struct strset case_ids, case_words, case_tags, case_inputs; /* of the suite that is being converted (cases.c) */
    const char **words;                                         /* as case_words */
    struct strs *tags;                                          /* as case_tags */
    struct raw_inputs *inputs;                                  /* as case_inputs */
    uint32_t cap_words, cap_tags, cap_inputs;

    struct strvec glob_paths, glob_include, glob_exclude; /* of the running core.glob */
    struct strvec hint_names;                             /* entries of hint_dir, for "did you mean" */
    char *hint_dir;
    uint32_t hints;    /* looked for so far */
    char last_code[8]; /* of the last message, to keep a loop from repeating it thousands of times */
    uint32_t last_place, repeats;
    uint32_t n_hidden; /* messages that were left out */
    struct data_jobs *jobs;
};

struct load *load_of(lua_State *L);

/* ---- place.c: places and messages ---- */

/* What is raised when the message was already reported: a light userdata. */
#define RAISED ((void *)(uintptr_t)&raised_marker)
extern const char raised_marker;

struct place place_running(const struct load *st, lua_State *L); /* allocates nothing in Lua */
bool place_in_library(const struct load *st, lua_State *L);      /* did the library's Lua call this C function? */
uint32_t place_add(struct load *st, struct place p);
uint32_t load_place(struct load *st); /* of the running call; an index into places */
/* Did the Testfile's writer write the value, or is it a rule's own? */
bool load_is_written(struct load *st, uint32_t place, const struct about *a);
struct decl_pos load_find(struct load *st, uint32_t place, const struct about *a); /* a may be NULL */
/* Adds a message with its place, to be filled with load_say and err_hint. NULL when there are too many: those functions
 * take it. */
bool load_say(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* returns false */
struct err *load_error(struct load *st, enum err_level level, const char *code, uint32_t place, const struct about *a);
_Noreturn void load_raise(lua_State *L); /* after load_error */
int place_on_error(lua_State *L);        /* message handler: reports what Lua itself complains about */
void place_syntax_error(struct load *st, uint32_t source, const char *message);
void place_out_of_memory(struct load *st);

/* ---- load.c: sources ---- */

/* Compiles a chunk and leaves the function on the stack; false: reported. */
bool load_chunk(struct load *st, lua_State *L, uint32_t source);
uint32_t load_add_source(struct load *st, enum source_kind kind, const char *path, const char *dir, char *text,
                         size_t len, bool borrowed);
/* Reads a file of the tree into st->text, without a byte order mark, and records that it was asked for. */
bool load_read(struct load *st, const char *path, size_t max_bytes, struct err *e);
void load_include(struct load *st, const char *dir, const char *text, uint32_t place); /* to be run, once */
const char *load_dir(const struct load *st); /* folder of the Testfile that is being run */

/* ---- api.c ---- */

void api_push_core(lua_State *L);        /* the table that the library is given */
void api_push_environment(lua_State *L); /* a new _ENV for a Testfile or module: shows the globals, refuses writes */
void api_set_globals(lua_State *L);      /* takes the table at the top: what Testfiles see */

/* ---- convert.c ---- */

int convert_declare(lua_State *L); /* (kind, name, place, fields, defaults) -> label */
int convert_pool(lua_State *L);    /* (name, place, slots) */
/* Says what is wrong with a path that could not be resolved; returns false. */
bool convert_path_error(struct err *e, enum path_status s, const char *text);
/* Resolves one string of an input list. Reports and returns false if it is no path or pattern. */
bool convert_item(struct load *st, const char *text, uint32_t place, const struct about *a, struct raw_item *out);
/* Flattens nested lists of strings at `idx` into *list. */
bool convert_items(struct load *st, lua_State *L, int idx, uint32_t place, const struct about *a,
                   struct raw_list *list);

/* ---- tools.c ---- */

uint32_t tools_add(struct load *st, const char *name); /* looks it up once; an index into decls->tools */
struct tool_list tools_needed(struct load *st, uint32_t tool);
/* The interpreters that a script's text names: appended to v, without duplicates. */
void tools_of_script(struct load *st, const char *text, size_t len, uint32_t *v, uint32_t *n, uint32_t max);
const char *env_lookup(struct load *st, const char *name); /* recorded; NULL = not set */

/* ---- adapter.c ---- */

int adapter_one(lua_State *L);    /* core.adapter(path, place) -> path, or raises */
int adapter_folder(lua_State *L); /* core.adapters(folder, place) -> paths, or raises */

/* ---- resolve.c ---- */

void resolve_all(struct load *st);
/* Runs a glob and records it. */
bool resolve_glob(struct load *st, const struct glob_spec *spec, struct strvec *out, struct err *e);
/* Makes one base and its patterns of a list: the shortest base, the other patterns prefixed. Appends to the vectors. */
const char *resolve_patterns(struct load *st, const struct raw_list *list, struct strvec *include,
                             struct strvec *exclude);
void resolve_escape(const char *text, struct buf *out); /* as a pattern that matches just this text; appends */
/* The nearest name to a path that does not exist; NULL if none is near. Valid until the next call. */
const char *resolve_nearest(struct load *st, const char *path);

/* ---- data.c ---- */

struct data_error {
    const char *what; /* NULL: fine */
    uint32_t line, col;
    char text[200];
};
void data_init(struct load *st);
void data_clear(struct load *st);
/* Push the value. */
bool data_push_json(lua_State *L, const char *text, size_t len, struct data_error *e);
bool data_push_yaml(lua_State *L, const char *text, size_t len, struct data_error *e);
void data_add_string(struct buf *out, const char *s, size_t len); /* as JSON, in quotes */
/* Is the text one value of JSON? If not, says why: valid until the next call. */
const char *data_check_json(struct load *st, const char *text, size_t len);
/* Appends the canonical text of the value at idx. Returns NULL, or why it has none ("it holds a function"). */
const char *data_canonical(lua_State *L, int idx, struct buf *out);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What convert.c and its parts share: one target on its way from a Lua table to a declaration.
 */
#ifndef TGRAPH_LUA_CONVERT_H
#define TGRAPH_LUA_CONVERT_H

#include "lua/state.h"

enum field { /* as in the names of convert.c */
             F_CMD,
             F_INPUTS,
             F_MAY_READ,
             F_DEPS,
             F_ENV,
             F_CWD,
             F_OUTPUTS,
             F_DEPFILE,
             F_INCREMENTAL,
             F_TIMEOUT,
             F_RETRIES,
             F_TAGS,
             F_POOL,
             F_SLOTS,
             F_EXCLUSIVE,
             F_SHARDS,
             F_CACHE,
             F_JOBSERVER,
             F_STDIN,
             F_SUCCESS_CODES,
             F_DESCRIPTION,
             F_TOOLS,
             F_VALUE,
             F_MEMBERS,
             F_READY,
             F_WORKER,
             F_CASES,
             F_CASE_TIMEOUT,
             F_START_TIMEOUT,
             F_ORDER,
             F_ISOLATE,
             F_RECYCLE,
             F_STDOUT,
             F_BATCH,
             FIELD_COUNT,
};

enum { MAX_TOOLS = 200 };

struct conv {
    struct load *st;
    lua_State *L;
    uint32_t place;
    const char *kind, *name;    /* as messages call it */
    const char *written;        /* the name as the Testfile has it; NULL: it has none (discover) */
    int own[FIELD_COUNT];       /* stack index of the field's value in the target's table; 0 = not there */
    int inherited[FIELD_COUNT]; /* the same in the defaults */
    struct decl d;
    struct raw raw;
    uint32_t tools[MAX_TOOLS], n_tools;
    uint32_t shards;
};

extern const char *const field_names[FIELD_COUNT];

/* The value that counts, 0 if there is none. */
static inline int field_idx(const struct conv *c, enum field f) { return c->own[f] ? c->own[f] : c->inherited[f]; }
/* Adds a message about a field and, if not NULL, a string in it. To be filled with err_set; may be NULL. */
struct err *conv_error(struct conv *c, const char *code, enum field f, const char *value);

/* convert_values.c: each reads the value at a stack index and reports what is wrong with it. */
const char *conv_text(struct conv *c, int idx, enum field f);    /* NULL: reported */
struct strs conv_strings(struct conv *c, int idx, enum field f); /* of a string or a list of strings */
const char *conv_path(struct conv *c, int idx, enum field f);    /* NULL: reported */
int64_t conv_duration_ms(struct conv *c, int idx, enum field f, int64_t otherwise);
bool conv_parse_duration(const char *text, double *seconds); /* "90s", "5m", ... */
bool conv_seconds_ms(double seconds, int64_t *out_ms);       /* false: not between 0 and a year */
lua_Integer conv_integer(struct conv *c, int idx, enum field f, lua_Integer least, lua_Integer most);
void conv_env(struct conv *c);
struct strs conv_sorted(struct conv *c, struct strs a, struct strs b); /* both together, sorted, unique */
void conv_outputs(struct conv *c);
/* A command: fills argv and shell, adds its tool or sets *script. */
void conv_command(struct conv *c, int idx, enum field f, struct strs *argv, bool *shell, const char **script);
void conv_add_tool(struct conv *c, uint32_t tool); /* and what that one needs */

/* cases.c: the field `cases` of a suite at a stack index: a list, or the path of the file that a discover step makes.
 * Fills c->d and c->raw.cases. */
void cases_convert(struct conv *c, int idx);

#endif

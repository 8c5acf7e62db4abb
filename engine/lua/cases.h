/* SPDX-License-Identifier: MIT
 *
 * What cases.c, cases_list.c (a list in a Testfile) and cases_file.c (the JSON lines of a discover step) share. */
#ifndef TGRAPH_LUA_CASES_H
#define TGRAPH_LUA_CASES_H

#include "lua/convert.h"

enum {
    MAX_CASES = 1 << 24,
    MAX_ID_BYTES = 4096,
    MAX_DATA_BYTES = 8 << 20, /* a message to a worker holds it (worker/worker.h) */
    MAX_DEPTH = 100,
    MAX_LIST = 10000,
    NESTED_LISTS = 20,
};

enum member { M_DATA, M_GROUP, M_ID, M_INPUTS, M_TAGS, M_TIMEOUT, MEMBERS, M_NONE = MEMBERS };
extern const char *const cases_member_names[MEMBERS];
#define CASES_MEMBERS "a case has data, group, id, inputs, tags and timeout"

struct making { /* the cases of one suite */
    struct conv *c;
    struct load *st;
    struct raw_cases *out;
    uint32_t *inputs_of;
    uint32_t *said_at; /* as out->v: item or line */
};

/* How a message goes on after "the id"; NULL: it is fine. */
const char *cases_id_mistake(const char *text, size_t len);
enum member cases_member_of(const char *name, size_t len);
/* The text itself, kept once. */
const char *cases_keep_word(struct load *st, const char *text);
/* A list on its way: its items one after the other, each with its length in front, as the key to find the same list by. */
void cases_add_item(struct buf *key, const char *text, size_t len);
const char *cases_next_item(const char *at, size_t *len); /* the item at `at`, not ended by a NUL */
struct strs cases_keep_tags(struct load *st, const struct buf *key, uint32_t n);
/* Is the list of inputs with this key known? *at is its index in either case. */
bool cases_find_inputs(struct load *st, const struct buf *key, uint32_t *at);
void cases_set_first(struct raw_inputs *in);
/* Room for at most n cases. */
struct making cases_begin(struct conv *c, size_t n, bool listed);
/* Takes a case with a good id. *before: where the same id was said before, then false. */
bool cases_append(struct making *m, const struct decl_case *d, const char *id, uint32_t inputs, uint32_t said_at,
                  uint32_t *before);
void cases_finish(struct making *m);
void cases_warn_empty(struct conv *c);

void cases_from_list(struct conv *c, int idx); /* a table */
void cases_from_file(struct conv *c, int idx); /* a path */

#endif

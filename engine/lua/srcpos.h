/* SPDX-License-Identifier: MIT
 *
 * Finds places in the text of a Testfile: Lua itself knows lines only, and a message is to point at the word. A scan
 * into tokens (The Lua 5.4 Reference Manual, 3.1), aware of comments and strings; no parser. Columns count bytes from 1.
 *
 *     struct srcpos *s = srcpos_new(text, len);
 *     struct srcpos_query q = {.line = 3, .call = "test", .name = "unit", .field = "deps", .value = "bild"};
 *     enum srcpos_level found = srcpos_find(s, &q, &line, &col);
 *     srcpos_free(s);
 */
#ifndef TGRAPH_LUA_SRCPOS_H
#define TGRAPH_LUA_SRCPOS_H

#include "base/buf.h"

struct srcpos;
struct srcpos *srcpos_new(const char *text, size_t len); /* borrows the text */
void srcpos_free(struct srcpos *s);                      /* NULL is fine */

struct srcpos_query {
    uint32_t line;     /* where the call starts */
    const char *call;  /* the function's name ("test"); NULL = whatever is called on the line */
    const char *name;  /* its first argument, as written; NULL = none wanted */
    const char *field; /* a field of the table that it is given; NULL = the table itself */
    const char *value; /* a string in that field; NULL = the field's name is meant */
    const char *dir; /* if not NULL, a string also counts as `value` when it is the same path or label seen from here */
};
enum srcpos_level { SRCPOS_NOTHING, SRCPOS_LINE, SRCPOS_CALL, SRCPOS_NAME, SRCPOS_FIELD, SRCPOS_VALUE };

/* The most exact place that there is. SRCPOS_NOTHING leaves line and col alone. */
enum srcpos_level srcpos_find(const struct srcpos *s, const struct srcpos_query *q, uint32_t *line, uint32_t *col);
/* The word (a name, a string or a symbol) on a line: its first place, or its last. false if it is not there. */
bool srcpos_word(const struct srcpos *s, uint32_t line, const char *word, bool last, uint32_t *col);
uint32_t srcpos_first_col(const struct srcpos *s, uint32_t line); /* of the line's first token; 1 if there is none */
/* The line of the first string that equals `name`, for a call whose line is not known; 0 if there is none. */
uint32_t srcpos_line_of(const struct srcpos *s, const char *name);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What a worker had served before a case that failed after it and passes alone: kept in .tgraph/order/ for `tgraph bisect`,
 * a file for each such case, until the case passes.
 *
 *     order_write(state_dir, "unit", "b", &before, &e);
 *     if (!order_read(state_dir, "unit", "b", &before, &found, &e)) ...       // there is one, and it cannot be trusted
 *     order_remove(state_dir, "unit", "b");
 *
 * A file: "tgraph order 1", "suite LABEL", "case ID", "before N" and N ids in the order served, a line each. Ids hold no
 * control character (graph/decl.h), so a line is an id.
 */
#ifndef TGRAPH_RUN_ORDER_H
#define TGRAPH_RUN_ORDER_H

#include "base/err.h"

/* Makes the folder if need be; replaces what was kept. An old or a new file is there, whole, whatever happens. */
bool order_write(const char *state_dir, const char *suite, const char *id, const struct strvec *before, struct err *e);
/* Appends to `before`. *found = false: none is kept. false: T615. */
bool order_read(const char *state_dir, const char *suite, const char *id, struct strvec *before, bool *found,
                struct err *e);
/* Of such a file's content; anything but what order_write writes for this case is an error. */
bool order_parse(const char *text, size_t len, const char *suite, const char *id, struct strvec *before, struct err *e);
void order_remove(const char *state_dir, const char *suite, const char *id);
/* The folder; to be freed. */
char *order_dir(const char *state_dir);

/* "SUITE#ID" in quotes for a POSIX shell. */
void order_quote(const char *suite, const char *id, struct buf *out);
/* What a run says of such a case: the command that finds what it depends on, or, where only one case was before it, that one. */
void order_note(const char *suite, const char *id, const struct strvec *before, struct buf *out);

#endif

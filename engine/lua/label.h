/* SPDX-License-Identifier: MIT
 *
 * Labels as Testfiles write them, made absolute: "name" and ":name" belong to the Testfile of folder `dir`,
 * "dir:name" starts at the root, "//:name" is a target of the root's Testfile, "//dir:name" the same as "dir:name".
 */
#ifndef TGRAPH_LUA_LABEL_H
#define TGRAPH_LUA_LABEL_H

#include "base/buf.h"

bool label_name_ok(const char *name, size_t len, bool generated); /* generated: '#' may be in it */
/* Appends the absolute label. false if `text` is no label; `out` is then as it was. */
bool label_resolve(const char *dir, const char *text, struct buf *out);
void label_make(const char *dir, const char *name, struct buf *out); /* "dir:name", at the root "name"; appends */

#endif

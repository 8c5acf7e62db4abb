/* SPDX-License-Identifier: MIT
 *
 * The library: stdlib/ and rules/, inside the binary or (TGRAPH_LIB) in a folder.
 */
#ifndef TGRAPH_LUA_LIBRARY_H
#define TGRAPH_LUA_LIBRARY_H

#include "base/err.h"
#include "base/hash.h"

struct embedded_file {
    const char *name; /* "stdlib/init.lua" */
    const char *data; /* len bytes and a NUL */
    size_t len;
};
/* Written by embed_gen.c at build time; sorted by name. */
extern const struct embedded_file embedded_files[];
extern const size_t embedded_files_n;
extern const uint8_t embedded_digest[16];

struct library {
    const struct embedded_file *v; /* sorted by name */
    size_t n;
    struct digest digest;
    struct embedded_file *owned; /* NULL: embedded */
};
/* lib_dir NULL: what is in the binary. Clear it in any case. */
bool library_open(struct library *l, const char *lib_dir, struct err *e);
const struct embedded_file *library_find(const struct library *l, const char *name); /* NULL if it is not there */
void library_close(struct library *l);

#endif

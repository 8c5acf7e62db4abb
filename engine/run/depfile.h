/* SPDX-License-Identifier: MIT
 *
 * Depfiles: what a compiler says it read, in make's syntax (GNU make manual, "Rule Syntax"; gcc -MD, clang -MD, rustc,
 * ninja's depfiles): `target: path path \`, several rules, "\ " for a space, "\#", "$$". A line that starts with '#' is a
 * comment; elsewhere '#' is taken for a part of a name, since rustc does not escape it. Windows line ends are taken.
 */
#ifndef TGRAPH_RUN_DEPFILE_H
#define TGRAPH_RUN_DEPFILE_H

#include "base/err.h"

#define DEPFILE_MAX_BYTES (64u << 20)

/* Appends every prerequisite as written. Rules without prerequisites (gcc -MP) are fine. false: T603 with the line. */
bool depfile_parse(const char *text, size_t len, struct strvec *paths, struct err *e);

#endif

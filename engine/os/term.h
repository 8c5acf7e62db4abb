/* SPDX-License-Identifier: MIT
 * What is known about the terminal. */
#ifndef TGRAPH_OS_TERM_H
#define TGRAPH_OS_TERM_H

#include <stdbool.h>

bool term_is_tty(int fd);
int term_columns(int fd); /* 80 if unknown */
int term_rows(int fd);    /* 24 if unknown */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Ctrl-C and its kin (SIGINT, SIGTERM, SIGHUP) as readable descriptors. Process-wide plumbing, set up once by cli/.
 * The first signal makes interrupt_fd readable for good, the second one kill_fd. Also ignores SIGPIPE and
 * gives SIGCHLD back its default.
 */
#ifndef TGRAPH_OS_SIGNALS_H
#define TGRAPH_OS_SIGNALS_H

#include <stdbool.h>

void signals_init(void);
int signals_interrupt_fd(void);
int signals_kill_fd(void);
int signals_count(void); /* how many arrived */
int signals_last(void);  /* number of the last one; 0 = none */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Lending a place: a process that waits for another one (`tgraph once`) uses none of the processor, so the run may start something else
 * in its place meanwhile. It says "wait" and "go" to a datagram socket (unix(7)) in the run's private folder, which the variable
 * TGRAPH_LEND names. The kernel says who sent it (SO_PASSCRED), and a sender that died waits no longer.
 *
 * The run:
 *
 *     struct lend *l = lend_open(private_dir, &e);            // NULL: nothing is lent, and the run goes on without
 *     ... children get "TGRAPH_LEND=" lend_path(l); it is in no key ...
 *     poll: lend_fd(l) is readable -> lend_take(l);           // also whenever a child has ended
 *     may_start = n_running - lend_count(l) < jobs;
 *     lend_close(l);
 *
 * Whoever says "go" goes on at once, without asking: then more runs for a while than there are places, until something ends. So at
 * most lend_count() actions are started beyond the places, and none as long as n_running - lend_count(l) >= jobs.
 *
 * The one who waits (never fails, whatever is or is not there):
 *
 *     int fd = lend_wait(getenv("TGRAPH_LEND"));
 *     ... wait ...
 *     lend_go(fd);
 *
 * Threads: a lend belongs to one thread at a time. Message: "wait" or "go", a blank, the sender's process id in decimal; the id counts
 * only where the kernel does not say it. */
#ifndef TGRAPH_ONCE_LEND_H
#define TGRAPH_ONCE_LEND_H

#include "base/err.h"

#define LEND_ENV "TGRAPH_LEND"

struct lend;
/* Makes the socket `dir`/lend, replacing one that is there. NULL: T611. A path longer than a socket's may be (108 bytes) will do on
 * Linux. */
struct lend *lend_open(const char *dir, struct err *e);
const char *lend_path(const struct lend *l); /* the value of TGRAPH_LEND */
int lend_fd(const struct lend *l);           /* for poll, POLLIN */
/* Reads all that was said, and looks who of those that wait has died. true: the count may be another one. Never blocks. */
bool lend_take(struct lend *l);
uint32_t lend_count(const struct lend *l); /* processes that wait, as of the last lend_take */
void lend_close(struct lend *l);           /* NULL is allowed; removes the socket */

/* path NULL or "": does nothing, as if nobody listened. The result is for lend_go alone. */
int lend_wait(const char *path);
void lend_go(int fd);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Services: a process kept up while its users run. One thread supervises the process, another waits for it to be ready;
 * both tell the coordinator through the pool's mailbox.
 *
 *     STARTING --line seen / port answers / command succeeds--> READY --service_stop--> ENDED
 *        |  process ends, or not ready in time                    |  process ends by itself
 *        +----------------------------------------> FAILED        +------------------> ENDED
 */
#ifndef TGRAPH_RUN_SERVICE_H
#define TGRAPH_RUN_SERVICE_H

#include "graph/decl.h"
#include "run/pool.h"

/* READY or FAILED at most once, and not after service_stop; ENDED once, the last one: the process is gone. */
enum service_event { SERVICE_READY, SERVICE_FAILED, SERVICE_ENDED };

struct service_ready {
    enum ready_kind kind;
    const char *line; /* in the job's arena, as all strings here */
    uint16_t port;
    const char *file; /* command: executable, argv */
    const char *const *argv;
    int64_t timeout_ms;
};

struct service;
/* Takes the job (how to start the process; its private folder is made here). */
struct service *service_start(struct job *j, const struct service_ready *ready, struct pool_threads *mailbox);
uint32_t service_node(const struct service *s);
void service_stop(struct service *s); /* asks it to end */
/* Copies what it wrote so far (the last 256 KiB). Any time. */
void service_log(struct service *s, struct proc_log *out);
/* One line on how it ended or why it is not ready; "" while all is well. Valid until service_free. */
const char *service_note(struct service *s);
int64_t service_started_ns(const struct service *s); /* CLOCK_MONOTONIC */
void service_free(struct service *s);                /* stops it, waits for its threads */

#endif

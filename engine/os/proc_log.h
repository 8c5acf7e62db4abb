/* SPDX-License-Identifier: MIT
 *
 * Inside os/: how proc_run fills a proc_log. proc_log_cut once more at the end brings it down to max_bytes. */
#ifndef TGRAPH_OS_PROC_LOG_H
#define TGRAPH_OS_PROC_LOG_H

#include "os/proc.h"

void proc_log_add(struct proc_log *l, size_t max_bytes, uint8_t stream, const char *p, size_t len); /* len < 4 GiB */
void proc_log_cut(struct proc_log *l, size_t max_bytes);

#endif

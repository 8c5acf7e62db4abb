/* SPDX-License-Identifier: MIT
 *
 * Inside os/: the system's process table, read from /proc. Where there is none it looks empty. */
#ifndef TGRAPH_OS_PROC_TABLE_H
#define TGRAPH_OS_PROC_TABLE_H

#include <sys/types.h>

#include "base/buf.h"

struct proc_entry {
    pid_t pid, ppid, pgid;
    char state;    /* 'R', 'S', 'Z', ... */
    char name[64]; /* the program's short name; printable */
};

/* Calls fn for every process until it returns false. */
void proc_table_each(bool (*fn)(void *ctx, const struct proc_entry *p), void *ctx);
/* Members of the group that still run (zombies do not). names, if not NULL, gets "sleep (4711), sh (4712)". */
size_t proc_table_group(pid_t pgid, struct buf *names);
/* Appends the value of a variable in the environment that the process was started with; false if it cannot be seen. */
bool proc_table_env(pid_t pid, const char *name, struct buf *value);

#endif

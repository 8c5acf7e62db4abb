/* SPDX-License-Identifier: MIT
 *
 * Inside os/: starts the child of a proc_spec, with pipes for what is captured of its output. */
#ifndef TGRAPH_OS_PROC_SPAWN_H
#define TGRAPH_OS_PROC_SPAWN_H

#include "os/proc.h"

struct spawned {
    pid_t pid;  /* leads a process group of this number */
    int out[2]; /* the reading ends of its standard output and standard error; -1 = not captured */
};

bool proc_spawn(const struct proc_spec *spec, struct spawned *s, struct err *e);

#endif

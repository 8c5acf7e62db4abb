/* SPDX-License-Identifier: MIT
 *
 * GNU make's jobserver (GNU make manual, "Sharing Job Slots with GNU make"; POSIX pipe and named-pipe forms): one token,
 * a byte in a pipe, for each process beyond the first.
 *
 * Client: MAKEFLAGS names a parent's jobserver; tgraph takes a token for each action beyond its first. Server: actions
 * with jobserver = true get MAKEFLAGS that names tgraph's own pipe (or the parent's, handed on).
 */
#ifndef TGRAPH_RUN_JOBSERVER_H
#define TGRAPH_RUN_JOBSERVER_H

#include "base/err.h"

struct jobserver {
    int read_fd, write_fd; /* what children inherit; -1 = none */
    int take_fd;           /* our own non-blocking view of the read end */
    bool is_client;
    char *tokens; /* those held, to be given back as they were */
    size_t n_tokens, cap_tokens;
    char *makeflags; /* value for children */
};

/* A parent's jobserver from a MAKEFLAGS value (NULL = not set). false: there is none, or it is not usable (then
 * *unusable is set and the caller says so once). */
bool jobserver_join(struct jobserver *js, const char *makeflags, bool *unusable);
/* One of our own with `jobs` places, the first of which needs no token. */
bool jobserver_create(struct jobserver *js, int jobs, struct err *e);
bool jobserver_take(struct jobserver *js); /* one token if one is free now */
void jobserver_give(struct jobserver *js); /* one back */
/* Gives back all tokens and closes. */
void jobserver_close(struct jobserver *js);

#endif

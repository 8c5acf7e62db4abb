/* SPDX-License-Identifier: MIT
 *
 * tgraph once: many processes want the same costly file, one of them makes it. Knows the store; has never heard of
 * targets.
 *
 *     struct once_spec s = {.key = "vault", .argv = argv, .out = "vault.bin", .envp = environ, .cache_dir = dir, ...};
 *     struct once_result r;
 *     struct err e = ERR_INIT;
 *     if (!once_run(&s, &r, &e)) ... r.status is the exit status, e says why ...
 *
 * The true key (once_key.c) covers all that is said to count. Under it the store holds a result with one output, in the
 * CAS, so gc, sizes and checks for damage hold for it as for any other. Beside the store lies a folder:
 *
 *     <cache>/once/<key>.lock        held (flock) by the one that makes it, the leader; says who that is
 *     <cache>/once/<key>.<leader>/   where its command writes
 *     <cache>/once/wait-<waiter>     held by a caller inside a leader's command that waits: what for, and inside of what
 *     <cache>/once/waits.lock        held while one of these is written and the others are read
 *
 * What happens to a caller:
 *
 *     LOOKING --stored--> DONE
 *        |  ^
 *        |  | the lock's file is gone: its leader has ended, well or not
 *        v  |
 *     LOCKING --the lock is ours--> LEADING --command passed--> stored, lock file removed --> DONE
 *        |                             |
 *        | a cycle, interrupted        | failed: lock file removed, nothing is remembered
 *        v                             v
 *      FAILED <------------------------+
 *
 * A leader removes its lock file before it lets go of it, so those who waited look into the store at once and need no lock for
 * it. If it dies, the file stays, and the first of those who waited gets the lock.
 *
 * Threads: once_run blocks; it starts a thread of its own when it has to wait. */
#ifndef TGRAPH_ONCE_H
#define TGRAPH_ONCE_H

#include <sys/types.h>

#include "base/err.h"

#define ONCE_CHAIN "TGRAPH_ONCE" /* variable: the keys that are being made around this process */

struct once_spec {
    const char *key; /* 1 to 1,024 bytes without control characters */
    const char *const *inputs, *const *env_names;
    size_t n_inputs, n_env_names;
    const char *out;         /* where the file is wanted */
    const char *const *argv; /* NULL-terminated; "{out}" in it stands for the temporary file */
    const char *const *envp; /* the caller's environment; the command gets it too */
    const char *cache_dir;
    mode_t umask;           /* of this process: what is taken away from the result's 0444 or 0555 */
    int64_t say_after_ms;   /* patience before it says that it waits */
    int cancel_fd, kill_fd; /* os/signals.h; -1 = none */
    int out_fd[2];          /* what the command gets as standard output and standard error */
    /* A message that is no error: who is waited for, what could not be stored. */
    void (*say)(void *ctx, const struct err *e);
    void *ctx;
};

enum once_how {
    ONCE_NOT,        /* failed */
    ONCE_THERE,      /* `out` was so already: not touched */
    ONCE_TAKEN,      /* another one had made it */
    ONCE_MADE,       /* the command ran here */
    ONCE_MADE_ALONE, /* it ran here, and nobody else gets it; say() said why */
};

struct once_result {
    enum once_how how;
    int status; /* exit status: 0, what a failed command ended with (128 + n for a signal), 1, or 2: it could not be tried */
    bool cancelled; /* by cancel_fd */
};

/* Errors: T601 no such program, T650 the command failed, T651 it made no file, T652 a key inside itself or a cycle, T653
 * an input, T654 `out`, T5xx the cache. */
bool once_run(const struct once_spec *s, struct once_result *out, struct err *e);

#endif

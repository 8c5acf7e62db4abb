/* SPDX-License-Identifier: MIT
 *
 * What the files of `tgraph once` share: the true key (once_key.c) and the lock with its cycles (once_lock.c). */
#ifndef TGRAPH_ONCE_INTERNAL_H
#define TGRAPH_ONCE_INTERNAL_H

#include "base/hash.h"
#include "once/once.h"
#include "tree/stamp.h"

const char *once_getenv(const struct once_spec *s, const char *name); /* NULL = not set */

/* once_key.c */
struct once_file {
    char *path;
    struct file_state state; /* of a folder the type, and where a link to it leads */
};
struct once_inputs {
    struct digest key;       /* the true key */
    char *program;           /* what is executed */
    struct once_file *files; /* inputs in the order of the walk */
    size_t n_files, cap_files;
    struct once_file *tools; /* the program and its interpreters */
    size_t n_tools, cap_tools;
};
/* Finds, reads and hashes all that counts. */
bool once_inputs_read(struct once_inputs *in, const struct once_spec *s, struct err *e);
/* Were they the same from then on until now? false: *what (owned by the caller) is the one that was not. */
bool once_inputs_still(const struct once_inputs *in, const struct once_spec *s, int64_t since_real_ns, char **what);
void once_inputs_clear(struct once_inputs *in);

/* once_seen.c: as stamp_update of a fresh state, for an absolute path; of a large file the stamp of the last time is used. */
void once_stamp(const char *cache_dir, const char *path, struct file_state *st, int *errnum);

/* once_lock.c */
#define ONCE_TOKEN 64 /* bytes of a leader's name, with the NUL */
struct once_lock {
    char *dir;  /* <cache>/once, absolute */
    char *path; /* of the lock's file */
    char hex[DIGEST_HEX];
    char token[ONCE_TOKEN]; /* names this leader; no other one ever has it */
    int fd;                 /* -1: not held */
};
enum once_got {
    ONCE_GOT,       /* the lock is held and its file says that it is ours */
    ONCE_ENDED,     /* another one had it, and has ended: look into the store */
    ONCE_CANCELLED, /* cancel_fd */
    ONCE_FAILED,    /* e says why */
};
/* Makes the folder. */
bool once_lock_init(struct once_lock *l, const struct once_spec *s, struct err *e);
/* Waits for it if another one holds it. *waited: it did. */
enum once_got once_lock_take(struct once_lock *l, const struct once_spec *s, struct digest key, bool *waited,
                             struct err *e);
void once_lock_end(struct once_lock *l); /* removes its file, lets go */
void once_lock_clear(struct once_lock *l);
/* Is this key being made around this process? Then an error names the chain. */
bool once_is_inside(const struct once_lock *l, const struct once_spec *s, struct digest key, struct err *e);
/* Removes what dead leaders left: of this key, whose lock is held, and of others that nobody holds. */
void once_sweep(const struct once_lock *l);

#endif

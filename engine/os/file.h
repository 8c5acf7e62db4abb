/* SPDX-License-Identifier: MIT
 *
 * Files: whole reads with a limit, atomic replacement, folders, copies, maps. Paths are NUL-terminated bytes; a
 * relative path is taken from the process's working folder. Errors carry T4xx codes and name the path.
 * All descriptors are close-on-exec.
 */
#ifndef TGRAPH_OS_FILE_H
#define TGRAPH_OS_FILE_H

#include "base/err.h"
#include "base/hash.h"

bool file_read(const char *path, size_t max_bytes, struct buf *out, struct err *e); /* appends; too large: T402 */
/* Writes a temporary beside `path`, optionally fsyncs, renames over it. Either the old or the new content is there. */
bool file_replace(const char *path, const void *p, size_t len, int mode, bool durable, struct err *e);
bool file_exists(const char *path); /* of any type; follows links */
bool file_is_dir(const char *path);
bool file_mkdirs(const char *path, struct err *e);     /* mkdir -p, mode 0777 & ~umask */
bool file_mkdirs_for(const char *path, struct err *e); /* the parents of `path` */
/* Removes a file or a whole tree without following links and without recursion. A missing path is no error. */
bool file_remove_tree(const char *path, struct err *e);
/* The file of this program (Linux: /proc/self/exe); NULL = not known. The caller frees it. */
char *file_self(void);
/* Copies a regular file's content to `dst` by temporary and rename, with `mode`, and returns the content's digest.
 * Uses copy-on-write or in-kernel copies where the system has them and hashes what it copied. */
bool file_copy(const char *src, const char *dst, int mode, struct digest *content, struct err *e);
bool file_digest(const char *path, struct digest *content, struct err *e); /* content of a regular file */
bool file_realpath(const char *path, struct buf *out, struct err *e);      /* appends */

struct file_map {
    void *p; /* NULL when the file is empty or absent */
    size_t len;
};
/* Private copy-on-write map: changes stay in memory. A missing file gives p = NULL and true. */
bool file_map(const char *path, struct file_map *m, struct err *e);
void file_unmap(struct file_map *m);

/* An advisory lock on a file (flock), released by the kernel when its holder dies. */
struct file_lock {
    int fd; /* -1: not held */
};
enum file_lock_mode { FILE_LOCK_SHARED, FILE_LOCK_EXCLUSIVE };
/* Creates the file if need be. wait = false and held by another: returns true with *got = false. */
bool file_lock(const char *path, enum file_lock_mode mode, bool wait, struct file_lock *l, bool *got, struct err *e);
void file_unlock(struct file_lock *l);

#endif

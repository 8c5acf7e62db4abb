/* SPDX-License-Identifier: MIT
 *
 * Stamps: has a file changed? Its stat answers, unless the file is as new as the stamp (git's racy-timestamp rule,
 * Documentation/technical/racy-git.txt): then its content is read and hashed again.
 *
 * A path is absolute or relative to the root. A regular file's digest covers its content; a link's covers its text, the
 * type of what it leads to and, if that is a regular file, its content. A path with a trailing '/' ("./" for the root
 * itself) asks for a folder's listing: its digest covers the sorted names and types of the entries (not what they
 * hold); the type is ENTRY_DIR. A folder without the slash has type ENTRY_DIR and no digest.
 *
 * Threads: stamp_* may be called from many threads on different files.
 */
#ifndef TGRAPH_TREE_STAMP_H
#define TGRAPH_TREE_STAMP_H

#include "base/err.h"
#include "base/hash.h"
#include "tree/tree.h"

struct stamp {
    int64_t mtime_ns, ctime_ns; /* of a link: the later of the link's and its target's */
    uint64_t ident;             /* size, inode and mode (of a link: of both), mixed; device numbers do not count */
    int64_t taken_ns;           /* CLOCK_REALTIME just before the content was read; 0 = never taken */
};

struct file_state {
    struct digest digest;
    struct stamp stamp;
    uint8_t type; /* enum entry_type */
};

enum stamp_result {
    STAMP_SAME,     /* cleared by stat alone */
    STAMP_REHASHED, /* the stat could not tell or had changed; content and type are the same; stamp refreshed */
    STAMP_CHANGED,  /* content or type differ; state refreshed */
    STAMP_ERROR,    /* unreadable: state has type ENTRY_OTHER and no digest */
};

/* Brings `st` up to date with the file at `path` below the folder `root_fd`. A fresh state (all zero) gives
 * STAMP_CHANGED, or STAMP_SAME if nothing is there either. errnum (may be NULL) says why for STAMP_ERROR. */
enum stamp_result stamp_update(int root_fd, const char *path, struct file_state *st, int *errnum);
/* Has the file been what `st` says all the time since? Not so if it was written anew, even with the same content: it
 * may have been other content for a while. Does not write to st. Used after a process has run. */
bool stamp_verify(int root_fd, const char *path, const struct file_state *st);
/* Is the file's content what `st` says? Then *quiet_ns is 0 if it was so all the time since, as for stamp_verify; else
 * who began to look later than that (CLOCK_REALTIME) saw nothing else. */
bool stamp_same(int root_fd, const char *path, const struct file_state *st, int64_t *quiet_ns);
/* For folders: same entries as when the stamp was taken, as far as stat can tell? Racy means false. */
bool stamp_dir_same(int root_fd, const char *path, const struct stamp *st);
/* Takes a folder's stamp; call before listing it. false if there is no folder. */
bool stamp_dir_take(int root_fd, const char *path, struct stamp *st);
/* The digest of a link, by its text, the type of what it leads to (ENTRY_NONE: nowhere) and, of a regular file, that
 * file's content. */
struct digest stamp_link_digest(const char *text, size_t len, enum entry_type target, struct digest content);
/* stamp.ident of a regular file. */
uint64_t stamp_ident(uint64_t size_bytes, uint64_t inode, bool executable);
/* A file time this close to (or after) `taken_ns` may hide a later change: file clocks tick in milliseconds, some file
 * systems' in seconds. */
bool stamp_is_racy(const struct stamp *st);

#endif

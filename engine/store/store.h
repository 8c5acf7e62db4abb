/* SPDX-License-Identifier: MIT
 *
 * The store: what is known about keys (results), about targets over time (history), and blobs by digest (CAS). Lives in
 * the user's cache folder and is shared by clones, work trees and tgraph processes.
 *
 *     <dir>/store-v1.db          SQLite, write-ahead log: results, history, paths read, small blobs
 *     <dir>/cas-v1/ab/cdef...    one file a blob larger than STORE_INLINE_BYTES, mode 0444, named by its digest
 *
 * A record that was written survives kill -9 of this process the moment store_commit returns true (not the loss of
 * power). Every record carries a checksum of its own; one that does not match counts as absent. A database that SQLite
 * calls corrupt is moved aside (store-v1.db.broken) and a new one begun, with one warning. A CAS file is checked
 * against its digest when it is read. So damage costs time, never a wrong answer.
 *
 * Threads: a store belongs to one thread at a time. Blob reads and restores (store_restore_file) may run in any thread.
 * Readers do not create anything: store_open with create = false on an empty folder gives a store that knows nothing.
 */
#ifndef TGRAPH_STORE_STORE_H
#define TGRAPH_STORE_STORE_H

#include "base/err.h"
#include "base/hash.h"

#define STORE_INLINE_BYTES 4096

enum outcome { /* the numbers are stored */
               OUTCOME_NONE = 0,
               OUTCOME_PASSED = 1,
               OUTCOME_FAILED = 2,
               OUTCOME_FLAKY = 3,   /* passed after a failed attempt: shown, never a clean pass */
               OUTCOME_SKIPPED = 4, /* not run because something it needs failed, or by --fail-fast */
               OUTCOME_TIMED_OUT = 5,
               OUTCOME_CRASHED = 6, /* ended by a signal */
               OUTCOME_ERROR = 7,   /* could not be started, or did not do what it declares (a missing output) */
};
const char *outcome_name(enum outcome o); /* "passed", "failed", "flaky", "skipped", "timed_out", "crashed", "error" */

/* What a pass was; of results of cases. */
enum case_mark { /* the numbers are stored */
                 MARK_NONE = 0,
                 MARK_SKIPPED = 1, /* by the test itself */
                 MARK_XFAILED = 2, /* failed, as expected */
                 MARK_XPASSED = 3, /* passed, although a failure was expected */
};
const char *case_mark_name(enum case_mark m); /* "skipped", "xfailed", "xpassed"; "" for none */

struct store;
bool store_open(const char *dir, bool create, struct store **out, struct errlist *warnings, struct err *e);
void store_close(struct store *s);

/* One output of a result: a file below the repository. */
struct store_output {
    const char *path; /* repository-relative */
    uint8_t type;     /* enum entry_type of tree.h: FILE, EXEC or LINK */
    struct digest
        digest;         /* of the content as tree/stamp.h defines it (a link: of its text, and the blob is its text) */
    struct digest blob; /* CAS name of the bytes to restore (of a file the same as digest) */
};

struct store_result {
    struct digest key;
    enum outcome outcome;
    enum case_mark mark;
    int exit_code, signal; /* -1 / 0 if not so ended */
    int64_t finished_ns;   /* CLOCK_REALTIME */
    int64_t duration_ns;   /* of the last attempt */
    uint32_t attempts;
    struct digest log;      /* blob: the captured output as store_log_encode made it; NONE if empty */
    struct digest manifest; /* blob: what the key was made of, in text, for `why`; NONE if not recorded */
    char *note;             /* "exit status 1", "left-over processes: ..."; may be NULL; owned when loaded */
    char *target;           /* label; owned when loaded */
    struct store_output *outputs;
    size_t n_outputs;
    struct arena arena; /* holds outputs' paths, note and target when loaded */
};
void store_result_clear(struct store_result *r);

/* Result by key. Returns true and *found. Errors: the database cannot be read (the caller goes on as if absent). */
bool store_get_result(struct store *s, struct digest key, struct store_result *out, bool *found, struct err *e);

/* Paths that runs under this weak key read (depfiles, observed inputs): newest lists first, at most 16 are kept. */
struct store_read_lists {
    struct strvec *v; /* each sorted, without duplicates */
    size_t n;
};
bool store_get_read_lists(struct store *s, struct digest weak_key, struct store_read_lists *out, struct err *e);
void store_read_lists_clear(struct store_read_lists *l);
bool store_put_read_list(struct store *s, struct digest weak_key, const struct strvec *paths, struct err *e);

/* Writes: between store_begin and store_commit (one transaction, so group several). Replaces the key's old result.
 * A write that fails gives the whole transaction up: what follows in it fails too, and so does its store_commit; the
 * group may be written again from its store_begin on. Errors: T502 (level warning: the database was found damaged and
 * has been begun anew; the store is usable), T503 not writable, T504 no space, T505 other, T506 locked for 10 s. */
bool store_begin(struct store *s, struct err *e);
bool store_commit(struct store *s, struct err *e);
bool store_put_result(struct store *s, const struct store_result *r, struct err *e);
/* Notes that a result, or the lists of paths read under a weak key, was of use, so that gc removes it late. Writes at most
 * once a day for each; reading does not count. Group them in a transaction. */
bool store_touch_result(struct store *s, struct digest key, struct err *e);
bool store_touch_read_lists(struct store *s, struct digest weak_key, struct err *e);
/* Forgets what is known of a key: its next run is a run. */
bool store_drop_result(struct store *s, struct digest key, struct err *e);

/* History: what happened to a target of a repository, one row a run. */
struct store_run {
    enum outcome outcome;
    enum case_mark mark;
    struct digest key;
    int64_t finished_ns, duration_ns;
    struct digest log, manifest;
    int exit_code, signal;
    uint32_t attempts;
};
bool store_put_run(struct store *s, const char *repo, const char *target, const struct store_run *r, struct err *e);
/* Newest first, at most max rows; returns their number in *n. only_passed: those with OUTCOME_PASSED. */
bool store_get_runs(struct store *s, const char *repo, const char *target, bool only_passed, struct store_run *out,
                    size_t max, size_t *n, struct err *e);

/* Blobs. put: within a transaction if small (<= STORE_INLINE_BYTES); files are written at once by temporary + rename. */
bool store_put_blob(struct store *s, const void *p, size_t len, struct digest *out, struct err *e);
/* Takes a file's content into the CAS (any thread; always a CAS file, whatever the size) and returns its digest. */
bool store_put_file(struct store *s, const char *path, struct digest *out, struct err *e);
bool store_has_blob(struct store *s, struct digest d);
/* Is there a CAS file of this name (put by store_put_file)? Any thread. */
bool store_has_file(struct store *s, struct digest d);
bool store_get_blob(struct store *s, struct digest d, struct buf *out, bool *found, struct err *e); /* verified */
/* Copies a CAS file (put by store_put_file) to path by temporary + rename, verifying its digest while copying. Any
 * thread. found = false if it is absent or damaged (then it is removed from the CAS). */
bool store_restore_file(struct store *s, struct digest d, const char *path, int mode, bool *found, struct err *e);

/* Removes least recently used results, lists, history and blobs until the store takes at most max_bytes; unreferenced
 * blobs first. What was put or touched in the last hour stays, and so do blobs that were put or restored in the last
 * hour. A blob is referenced by the results and runs that name it as log, manifest or output, and by manifests of these
 * with a line "set <32 hexadecimal digits>" that names it. Safe beside running processes; if another one is collecting
 * already, nothing is removed. Not within a transaction. */
struct store_gc_stats {
    uint64_t before_bytes, after_bytes;
    uint64_t removed_results, removed_blobs;
};
bool store_gc(struct store *s, uint64_t max_bytes, struct store_gc_stats *out, struct err *e);

/* The captured output as one blob and back. Streams 1 and 2 are the process's, 3 is a worker's `details`, 4 its subtests as JSON
 * lines. Format: "tglog1\n", dropped u64, then frames of stream u8, len u32, bytes. */
struct proc_log;
void store_log_encode(const struct proc_log *l, struct buf *out);
bool store_log_decode(const char *p, size_t len, struct proc_log *out); /* false: not such a blob */
/* Takes the frames of one stream out of a log and appends their text. */
void store_log_take(struct proc_log *l, uint8_t stream, struct buf *out);

#endif

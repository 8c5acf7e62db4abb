/* SPDX-License-Identifier: MIT
 *
 * Jobs: one action of one target, run start to finish by a pool thread. A job holds everything that it needs in its own
 * arena and knows neither graph nor scheduler, so threads share nothing but the store's CAS (which allows it).
 *
 *     struct job *j = job_new();
 *     ... fill the fields above the line, strings from &j->arena ...
 *     job_run(j);                       // in any thread
 *     ... read the fields below the line ...
 *     job_free(j);
 */
#ifndef TGRAPH_RUN_JOB_H
#define TGRAPH_RUN_JOB_H

#include "os/proc.h"
#include "store/store.h"
#include "tree/stamp.h"

enum job_kind {
    JOB_RUN,
    JOB_RESTORE,
    JOB_SERVE, /* serves cases of a suite (run/suite.h) */
    JOB_CASE,  /* a case that was served: never run by itself, only given back */
};

struct job_output {   /* an output entry to be collected */
    const char *path; /* repository-relative */
    uint32_t kind;    /* enum out_kind of graph.h: file, folder, glob */
    uint32_t out;     /* given back in job_made.out */
};
struct job_made { /* an output file that was found */
    const char *path;
    uint32_t out;
    struct file_state state;
    struct digest blob;
    const char *link_text; /* of a link: the blob to be stored by the owner of the store; else NULL */
};
struct job_left { /* a file in an output folder, or that an output glob matches, which tgraph did not make */
    const char *path;
    struct stamp stamp;
};
struct job_restore { /* a file to be brought back from the CAS */
    const char *path;
    uint8_t type; /* ENTRY_NONE: it is to be removed */
    struct digest blob;
    const char *link_text; /* of a link: its text, read from the store by the caller; NULL = not known */
    bool skip;             /* is there already */
};

struct job {
    struct arena arena;
    enum job_kind kind;
    uint32_t node;    /* not interpreted here */
    uint32_t slot;    /* TGRAPH_SLOT: less than the number of jobs at once */
    const char *root; /* absolute */
    int root_fd;
    const char *label;
    const char *file; /* executable, absolute; NULL: `missing` says what was not found */
    const char *missing;
    const char *const *argv;
    const char **envp; /* with room for TGRAPH_ATTEMPT, TGRAPH_TMPDIR, TMPDIR and TGRAPH_SLOT at env_free[0..3] */
    uint32_t env_free[4];
    const char *cwd;        /* absolute */
    const char *stdin_path; /* absolute */
    const char *stdin_text;
    const char *stdout_path; /* gets its standard output, absolute; NULL = it is captured */
    int64_t timeout_ms, grace_ms, left_ms;
    uint32_t max_attempts;
    const uint32_t *success_codes;
    uint32_t n_success_codes;
    const int *inherit_fds;
    uint32_t n_inherit_fds;
    const char *tmp_base;    /* folder for the private folders, absolute */
    bool told_start;         /* the coordinator has told its start: a thread waits for it */
    uint32_t *folder_serial; /* of the thread: goes up when a private folder is kept; NULL = 0 */
    const struct job_output *outputs;
    uint32_t n_outputs;
    const char *const *remove; /* absolute paths of old outputs to be removed first */
    uint32_t n_remove;
    bool keep_old;        /* what is at the outputs' places stays (an incremental build) */
    const char *replaced; /* folder for files that somebody else put in an output's place, absolute */
    const char *depfile;  /* repository-relative; NULL = none */
    struct job_restore *restores;
    uint32_t n_restores;
    struct store *store; /* for CAS files; NULL = outputs are not kept */
    int cancel_fd, kill_fd;
    /* Called after a failed attempt that another one follows; from the running thread. */
    void (*on_retry)(void *ctx, struct job *j, uint32_t attempt, const struct proc_result *r);
    void *ctx;
    /* JOB_SERVE: what the thread does. */
    void (*serve)(struct job *j);
    void *suite;

    /* -------- filled by job_run -------- */
    enum outcome outcome;
    bool cancelled;
    bool restored;             /* JOB_RESTORE: all is there */
    struct proc_result result; /* of the last attempt */
    uint32_t attempts;
    char *note;            /* owned */
    char *tmpdir;          /* kept private folder; owned; NULL = removed */
    struct job_made *made; /* in the arena's life, array owned; after a failure: what there is, not in the CAS */
    uint32_t n_made;
    struct job_left *left; /* what was in output folders before, of unknown origin; owned */
    uint32_t n_left;
    const char *moved_aside; /* the first file that was moved to `replaced`; NULL = none */
    struct strvec reads;     /* from the depfile: repository-relative, or absolute when outside */
    int64_t started_real_ns; /* of the first attempt */
    int64_t ended_real_ns;   /* when all was collected */
    bool unstored;           /* outputs could not be kept: `note` says why */
    /* JOB_CASE: */
    enum case_mark mark;
    bool has_reads;       /* the worker said what it read */
    struct strvec before; /* cases that the same worker had served before it, when it failed and passes alone */
    bool trial;           /* it was tried (run/suite.h): nothing that is here is a result */
};

struct job *job_new(void);
void job_free(struct job *j);
void job_run(struct job *j);
/* Adds a path that the target has read, absolute or as seen from j->cwd, to j->reads. */
void job_add_read(struct job *j, const char *raw);

#endif

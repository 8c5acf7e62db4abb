/* SPDX-License-Identifier: MIT
 *
 * Runs one child process under supervision. Has never heard of targets.
 *
 * The child leads a process group of its own; its standard input is /dev/null or given text; its standard output and
 * standard error are pipes that are read apart and kept in order of arrival (or a file, or the caller's); it inherits no
 * other descriptor than those named. proc_run blocks its calling thread until the child has ended (seen by pidfd, or SIGCHLD-free polling
 * where there is none: the end of a pipe is not the end of a process), its group has been cleaned up and the pipes are
 * drained. Many threads may call it at once.
 *
 * Time limit: at timeout_ms the group gets SIGTERM, after grace_ms SIGKILL. Cancelling (the descriptor `cancel_fd`
 * becomes readable: one byte or more) does the same with cause PROC_CANCELLED; when a second byte is to be read
 * (`kill_fd` readable) SIGKILL follows at once.
 *
 * Left-over processes: members of the group that outlive the child get left_ms to end by themselves (after a SIGTERM what
 * is left of the grace), are then named in the result and killed.
 *
 * Every call makes all descriptors above 2 of this process close-on-exec, those that it inherited too.
 */
#ifndef TGRAPH_OS_PROC_H
#define TGRAPH_OS_PROC_H

#include <sys/types.h>

#include "base/err.h"

/* The captured output: frames in order of arrival. */
struct proc_frame {
    uint8_t stream; /* 1 = standard output, 2 = standard error */
    uint32_t len;   /* bytes of `bytes` that it takes */
};
struct proc_log {
    struct buf bytes; /* the frames' content, one after another */
    struct proc_frame *frames;
    size_t n_frames, cap_frames;
    uint64_t dropped_bytes; /* left out of the middle because of max_log_bytes */
    size_t dropped_at;      /* the offset in `bytes` where they are missing; 0 if none are */
};
void proc_log_clear(struct proc_log *l);

struct proc_spec {
    const char *file;        /* the executable: absolute, or relative to the parent's working folder */
    const char *const *argv; /* NULL-terminated */
    const char *const *envp; /* NULL-terminated */
    const char *cwd;         /* NULL = the parent's */
    const char *stdin_path;  /* a file for standard input; NULL = /dev/null */
    const char *stdin_text;  /* text for standard input (an unlinked temporary file); NULL = none */
    size_t stdin_len;
    const int *inherit_fds; /* kept open in the child under the same number; those below 3 are ignored */
    size_t n_inherit_fds;
    /* Standard output goes to this file, made or emptied before the start, and only standard error is captured;
     * NULL = none. */
    const char *stdout_path;
    /* true: the child's standard output and standard error are these descriptors, which stay the caller's, and nothing
     * is captured. false: out_fd means nothing. */
    bool own_output;
    int out_fd[2];
    int64_t timeout_ms;   /* 0 = none */
    int64_t grace_ms;     /* between SIGTERM and SIGKILL */
    int64_t left_ms;      /* patience with left-over processes */
    size_t max_log_bytes; /* the first and the last half of it are kept; 0 = 16 MiB */
    int cancel_fd;        /* -1 = none; polled, never read */
    int kill_fd;          /* -1 = none; polled, never read */
    /* Called from the running thread for each piece of output as it arrives; NULL = none. */
    void (*on_output)(void *ctx, uint8_t stream, const char *p, size_t len);
    /* Called once the child runs; NULL = none. */
    void (*on_start)(void *ctx, pid_t pid);
    void *ctx;
};

enum proc_cause { PROC_EXITED, PROC_SIGNALLED, PROC_TIMED_OUT, PROC_CANCELLED, PROC_NOT_STARTED };

struct proc_result {
    enum proc_cause cause;
    int exit_code; /* PROC_EXITED; also what a timed-out child exited with, else -1 */
    int signal;    /* PROC_SIGNALLED: its number */
    bool core_dumped;
    int64_t started_real_ns; /* CLOCK_REALTIME */
    int64_t duration_ns;
    int64_t user_ns, system_ns; /* processor time of the child and what it waited for */
    int64_t max_rss_bytes; /* at least the parent's own at the start: Linux counts what a vfork shares until exec */
    struct proc_log log;
    char *left_over;  /* "sleep (4711), sh (4712)"; NULL = none; owned */
    struct err error; /* PROC_NOT_STARTED: why */
};

/* Never fails otherwise than by PROC_NOT_STARTED. */
void proc_run(const struct proc_spec *spec, struct proc_result *out);
void proc_result_clear(struct proc_result *r);

/* A pipe whose ends are close-on-exec and above 2, so that a child can be given either under its own number. */
bool proc_pipe(int p[2]); /* false: errno says why, and p is {-1, -1} */

/* What of the process lies in memory now; 0 = unknown (it is gone, or the system has no /proc). */
uint64_t proc_resident_bytes(pid_t pid);

/* Makes this process adopt orphaned descendants (Linux: PR_SET_CHILD_SUBREAPER); elsewhere does nothing. */
void proc_adopt_orphans(void);
/* Ends and names the adopted descendants that are still there: "name (pid) TGRAPH_TARGET's value", ... NULL if none.
 * Call when no proc_run is under way. */
char *proc_end_orphans(void);

/* "SIGSEGV (segmentation fault)" */
void proc_signal_name(int signal, struct buf *out);

#endif

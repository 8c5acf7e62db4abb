/* SPDX-License-Identifier: MIT
 *
 * Names of signals, the same on every system and in every language setting. */
#include <signal.h>
#include <stddef.h>

#include "os/proc.h"

static const struct {
    int number;
    const char *name, *meaning;
} known[] = {
    {SIGHUP, "SIGHUP", "hang-up"},
    {SIGINT, "SIGINT", "interrupt"},
    {SIGQUIT, "SIGQUIT", "quit"},
    {SIGILL, "SIGILL", "illegal instruction"},
    {SIGTRAP, "SIGTRAP", "trace trap"},
    {SIGABRT, "SIGABRT", "abort"},
    {SIGBUS, "SIGBUS", "bus error"},
    {SIGFPE, "SIGFPE", "arithmetic error"},
    {SIGKILL, "SIGKILL", "killed"},
    {SIGUSR1, "SIGUSR1", "user-defined 1"},
    {SIGSEGV, "SIGSEGV", "segmentation fault"},
    {SIGUSR2, "SIGUSR2", "user-defined 2"},
    {SIGPIPE, "SIGPIPE", "broken pipe"},
    {SIGALRM, "SIGALRM", "alarm clock"},
    {SIGTERM, "SIGTERM", "terminated"},
    {SIGCHLD, "SIGCHLD", "child ended"},
    {SIGCONT, "SIGCONT", "continued"},
    {SIGSTOP, "SIGSTOP", "stopped"},
    {SIGTSTP, "SIGTSTP", "stopped from the terminal"},
    {SIGTTIN, "SIGTTIN", "terminal input from the background"},
    {SIGTTOU, "SIGTTOU", "terminal output from the background"},
    {SIGURG, "SIGURG", "urgent socket data"},
    {SIGXCPU, "SIGXCPU", "processor time limit exceeded"},
    {SIGXFSZ, "SIGXFSZ", "file size limit exceeded"},
    {SIGVTALRM, "SIGVTALRM", "virtual alarm clock"},
    {SIGPROF, "SIGPROF", "profiling alarm clock"},
    {SIGWINCH, "SIGWINCH", "window size changed"},
    {SIGIO, "SIGIO", "descriptor ready"},
    {SIGSYS, "SIGSYS", "bad system call"},
#ifdef SIGSTKFLT
    {SIGSTKFLT, "SIGSTKFLT", "stack fault"},
#endif
#ifdef SIGPWR
    {SIGPWR, "SIGPWR", "power failure"},
#endif
};

void proc_signal_name(int signal, struct buf *out)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].number == signal) {
            buf_printf(out, "%s (%s)", known[i].name, known[i].meaning);
            return;
        }
    }
    buf_printf(out, "signal %d", signal);
}

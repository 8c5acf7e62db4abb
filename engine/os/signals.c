/* SPDX-License-Identifier: MIT
 *
 * The handler writes one byte to the first pipe, then one to the second; nobody ever reads them, so that every poller
 * sees them for good. */
#include "os/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static int interrupt_pipe[2] = {-1, -1}, kill_pipe[2] = {-1, -1};
static atomic_int n_signals, last_signal;

static void on_signal(int signal)
{
    int saved = errno;
    atomic_store(&last_signal, signal);
    int before = atomic_fetch_add(&n_signals, 1);
    if (before < 2) {
        ssize_t ignored = write(before == 0 ? interrupt_pipe[1] : kill_pipe[1], "!", 1);
        (void)ignored;
    }
    errno = saved;
}

static void open_pipe(int p[2])
{
    if (pipe(p) != 0)
        BUG("no descriptors for the signal pipes: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        fcntl(p[i], F_SETFD, FD_CLOEXEC);
        fcntl(p[i], F_SETFL, O_NONBLOCK);
    }
}

void signals_init(void)
{
    if (interrupt_pipe[0] >= 0)
        return;
    open_pipe(interrupt_pipe);
    open_pipe(kill_pipe);
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    /* nohup starts us with SIGHUP ignored, and means it. */
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &sa, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
    /* Ignored by whoever started us, it would make the system throw away the exit status of every child. */
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigemptyset(&standard.sa_mask);
    sigaction(SIGCHLD, &standard, NULL);
}

int signals_interrupt_fd(void) { return interrupt_pipe[0]; }
int signals_kill_fd(void) { return kill_pipe[0]; }
int signals_count(void) { return atomic_load(&n_signals); }
int signals_last(void) { return atomic_load(&last_signal); }

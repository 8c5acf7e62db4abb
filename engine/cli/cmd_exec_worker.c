/* SPDX-License-Identifier: MIT
 *
 * tgraph exec-worker: a worker (docs/worker-protocol.md) whose cases are a process each. Started by suites, not by people. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/signals.h"
#include "worker/exec_case.h"
#include "worker/worker.h"

struct exec_worker {
    int in, out;
    struct buf line; /* read, and not taken yet */
    size_t taken;    /* bytes of it that were */
    struct exec_opts opts;
};

static int descriptor(const char *name)
{
    const char *v = getenv(name);
    char *end;
    errno = 0;
    long n = v ? strtol(v, &end, 10) : -1;
    if (!v || end == v || *end || errno || n < 0 || n > INT32_MAX || fcntl((int)n, F_GETFD) < 0)
        return -1;
    fcntl((int)n, F_SETFD, FD_CLOEXEC);
    return (int)n;
}

/* The next line without its end, NULL at the end of the engine's messages or after a signal. Valid until the next call. */
static char *next_line(struct exec_worker *w, size_t *len)
{
    for (;;) {
        char *start = w->line.p ? w->line.p + w->taken : NULL;
        char *nl = start ? memchr(start, '\n', w->line.len - w->taken) : NULL;
        if (nl) {
            *nl = '\0';
            *len = (size_t)(nl - start);
            w->taken += *len + 1;
            return start;
        }
        if (w->taken) {
            memmove(w->line.p, start, w->line.len - w->taken + 1);
            w->line.len -= w->taken;
            w->taken = 0;
        }
        struct pollfd p[2] = {{.fd = w->in, .events = POLLIN}, {.fd = signals_interrupt_fd(), .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (p[1].revents)
            return NULL;
        if (!p[0].revents)
            continue;
        char block[64 * 1024];
        ssize_t n = read(w->in, block, sizeof block);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN) || w->line.len > WORKER_LINE_BYTES)
            return NULL;
        if (n > 0)
            buf_add(&w->line, block, (size_t)n);
    }
}

/* The case's process was ended by a signal: this one ends by the same, so that the engine sees a crash and starts another
 * worker. The core file that there is, is that process's own. */
static void end_by(int signal_number)
{
    struct rlimit none = {0, 0};
    sigset_t only;
    setrlimit(RLIMIT_CORE, &none);
    signal(signal_number, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, signal_number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    raise(signal_number);
}

/* How far it came, in the log: the answer that would hold it is never written. */
static void say_crash(const struct exec_done *d)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "tgraph: ended by ");
    proc_signal_name(d->signal, &b);
    if (d->results.n)
        buf_printf(&b, " after %zu result%s, the last: %s", d->results.n, d->results.n == 1 ? "" : "s",
                   d->results.v[d->results.n - 1].name);
    buf_addc(&b, '\n');
    exec_write(2, b.p, b.len);
    buf_clear(&b);
}

static bool send(struct exec_worker *w, struct buf *line)
{
    bool ok = exec_write(w->out, line->p, line->len);
    buf_clear(line);
    return ok;
}

/* false: nothing more can be served. */
static bool serve(struct exec_worker *w, const struct exec_ask *ask, int *status)
{
    struct exec_done d;
    struct buf line = BUF_INIT;
    exec_case_run(&w->opts, ask, &d);
    bool go_on = !d.cancelled;
    if (d.signal) {
        say_crash(&d);
        end_by(d.signal);
        *status = 128 + d.signal; /* one whose default is not to end */
        go_on = false;
    } else if (go_on) {
        exec_done_format(&d, ask->id, &line);
        go_on = send(w, &line);
    }
    exec_done_clear(&d);
    return go_on;
}

static int loop(struct exec_worker *w)
{
    int status = 0;
    size_t len;
    for (char *text; (text = next_line(w, &len));) {
        struct exec_ask ask;
        struct buf line = BUF_INIT;
        char *why;
        if (!exec_ask_parse(text, len, &ask, &why)) {
            char *message = mem_printf("a message of the engine cannot be read: %s", why);
            exec_error_format(message, &line);
            send(w, &line);
            mem_free(message);
            mem_free(why);
            return EXIT_USAGE;
        }
        bool go_on = ask.type != ASK_EXIT;
        if (ask.type == ASK_HELLO) {
            exec_ready_format(&line);
            go_on = send(w, &line);
        } else if (ask.type == ASK_RUN) {
            go_on = serve(w, &ask, &status);
        }
        exec_ask_clear(&ask);
        if (!go_on)
            break;
    }
    return signals_count() ? 128 + signals_last() : status;
}

int cmd_exec_worker(const struct options *o)
{
    const char *version = getenv("TGRAPH_WORKER");
    struct exec_worker w = {.in = descriptor("TGRAPH_WORKER_IN"), .out = descriptor("TGRAPH_WORKER_OUT")};
    if (!version || w.in < 0 || w.out < 0) {
        fputs("tgraph: error T002: exec-worker serves the cases of a suite, and nobody has given it the descriptors "
              "for that\n"
              "  hint: it goes into a suite's `worker`; docs/worker-protocol.md says what starts it\n",
              stderr);
        return EXIT_USAGE;
    }
    enum results_format format = RESULTS_EXIT;
    if (o->exec_format && !results_format_parse(o->exec_format, &format)) {
        fprintf(stderr, "tgraph: error T002: --format takes exit, tap, junit, go or libtest, not '%s'\n",
                o->exec_format);
        return EXIT_USAGE;
    }
    extern char **environ;
    signals_init();
    /* While a case runs the engine has nothing to say but that it shall end: its descriptor is a reason to kill. */
    w.opts = (struct exec_opts){.format = format,
                                .junit_file = o->junit_file,
                                .prefix = o->args,
                                .n_prefix = o->n_args,
                                .envp = (const char *const *)environ,
                                .cancel_fd = signals_interrupt_fd(),
                                .kill_fd = w.in,
                                .out_fd = {1, 2}};
    int status = loop(&w);
    buf_clear(&w.line);
    return status;
}

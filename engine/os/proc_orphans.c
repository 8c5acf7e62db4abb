/* SPDX-License-Identifier: MIT
 *
 * Processes that left their group (setsid) and outlived their parent. As their subreaper this process becomes their
 * parent, so that they can be found and ended. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "os/clock.h"
#include "os/proc.h"
#include "os/proc_table.h"

/* How long to wait for killed processes; one that hangs in the kernel is not worth more. */
static const int64_t PATIENCE_NS = 2 * INT64_C(1000000000);

void proc_adopt_orphans(void)
{
#ifdef PR_SET_CHILD_SUBREAPER
    prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
#endif
}

struct children {
    pid_t parent;
    struct proc_entry *v;
    size_t n, cap;
};

static bool collect(void *ctx, const struct proc_entry *p)
{
    struct children *c = ctx;
    if (p->ppid == c->parent) {
        MEM_GROW(c->v, c->n, c->cap);
        c->v[c->n++] = *p;
    }
    return true;
}

static bool reap(pid_t pid)
{
    pid_t r;
    do
        r = waitpid(pid, NULL, WNOHANG);
    while (r < 0 && errno == EINTR);
    return r != 0; /* it is gone, or not ours */
}

char *proc_end_orphans(void)
{
    struct buf names = BUF_INIT;
    struct children c = {.parent = getpid()};
    int64_t deadline = clock_mono_ns() + PATIENCE_NS;
    /* Those whom a killed one leaves behind become children too: go on until none is left. */
    for (;;) {
        siginfo_t info;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD)
            break; /* the usual case, without reading /proc */
        c.n = 0;
        proc_table_each(collect, &c);
        if (c.n == 0)
            break;
        for (size_t i = 0; i < c.n; i++) {
            if (c.v[i].state == 'Z')
                continue;
            struct buf target = BUF_INIT;
            buf_printf(&names, "%s%s (%ld)", names.len ? ", " : "", c.v[i].name, (long)c.v[i].pid);
            if (proc_table_env(c.v[i].pid, "TGRAPH_TARGET", &target))
                buf_printf(&names, " %s", buf_cstr(&target));
            buf_clear(&target);
            kill(c.v[i].pid, SIGKILL);
        }
        for (size_t left = c.n; left > 0 && clock_mono_ns() < deadline;) {
            left = 0;
            for (size_t i = 0; i < c.n; i++) {
                if (c.v[i].pid != 0 && reap(c.v[i].pid))
                    c.v[i].pid = 0;
                left += c.v[i].pid != 0;
            }
            if (left > 0)
                poll(NULL, 0, 1);
        }
        if (clock_mono_ns() >= deadline)
            break;
    }
    mem_free(c.v);
    return names.len ? buf_take(&names) : NULL;
}

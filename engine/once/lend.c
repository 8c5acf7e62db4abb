/* SPDX-License-Identifier: MIT
 *
 * Who waits, told over a datagram socket. */
#include "once/lend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "lend"
#define MAX_WAITING 4096 /* more are not counted: they lend nothing */
#define SEND_MS 1000     /* patience with a run that does not read */

struct waiting {
    pid_t pid;
    int pidfd; /* -1: the system has none, kill(2) has to tell */
};

struct lend {
    char *path;
    int fd;
    struct waiting *v;
    uint32_t n, cap;
};

/* Fills the address of a socket. A path that is too long is reached through a descriptor of its folder, which the caller closes
 * when the address has been used; -1: none was needed. */
static bool address(const char *path, struct sockaddr_un *a, int *dir_fd)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    *dir_fd = -1;
    if (strlen(path) < sizeof a->sun_path) {
        memcpy(a->sun_path, path, strlen(path));
        return true;
    }
    const char *slash = strrchr(path, '/');
    if (!slash || strlen(slash) > 64) {
        errno = ENAMETOOLONG;
        return false;
    }
    char *dir = mem_strndup(path, (size_t)(slash - path));
    *dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(dir);
    if (*dir_fd < 0)
        return false;
    snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d%s", *dir_fd, slash);
    return true;
}

static int new_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

struct lend *lend_open(const char *dir, struct err *e)
{
    struct lend *l = mem_calloc(1, sizeof *l);
    struct sockaddr_un a;
    int dir_fd = -1;
    l->path = mem_printf("%s/" SOCKET_NAME, dir);
    l->fd = new_socket();
    bool ok = l->fd >= 0 && address(l->path, &a, &dir_fd);
    if (ok) {
        unlink(l->path);
        ok = bind(l->fd, (struct sockaddr *)&a, sizeof a) == 0;
    }
    int errnum = errno;
    close_fd(dir_fd);
#ifdef SO_PASSCRED
    if (ok) {
        ok = setsockopt(l->fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) == 0;
        errnum = errno;
    }
#endif
    if (ok) {
        fcntl(l->fd, F_SETFL, O_NONBLOCK);
        return l;
    }
    err_sys(e, "T611", errnum, "cannot make the socket %s", l->path);
    err_hint(e, "who waits in `tgraph once` keeps its place then; TMPDIR names another place for private folders");
    lend_close(l);
    return NULL;
}

void lend_close(struct lend *l)
{
    if (!l)
        return;
    for (uint32_t i = 0; i < l->n; i++)
        close_fd(l->v[i].pidfd);
    if (l->fd >= 0) {
        close(l->fd);
        unlink(l->path);
    }
    mem_free(l->path);
    mem_free(l->v);
    mem_free(l);
}

const char *lend_path(const struct lend *l) { return l->path; }
int lend_fd(const struct lend *l) { return l->fd; }
uint32_t lend_count(const struct lend *l) { return l->n; }

static bool is_gone(const struct waiting *w)
{
    if (w->pidfd < 0)
        return kill(w->pid, 0) != 0 && errno == ESRCH;
    struct pollfd p = {.fd = w->pidfd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static void drop(struct lend *l, uint32_t i)
{
    close_fd(l->v[i].pidfd);
    l->v[i] = l->v[--l->n];
}

static void note(struct lend *l, pid_t pid, bool waits)
{
    uint32_t i = 0;
    while (i < l->n && l->v[i].pid != pid)
        i++;
    if (i < l->n) {
        /* The number may be another process's by now. */
        if (!waits || is_gone(&l->v[i]))
            drop(l, i);
        else
            return;
    }
    if (!waits || l->n >= MAX_WAITING)
        return;
    int pidfd = -1;
#ifdef SYS_pidfd_open
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* is close-on-exec */
    if (pidfd < 0 && errno == ESRCH)
        return;
#endif
    MEM_GROW(l->v, l->n, l->cap);
    l->v[l->n++] = (struct waiting){pid, pidfd};
}

/* The sender, by what the kernel says; 0 = it is in another pid namespace, and cannot be known. */
static pid_t sender_of(struct msghdr *m, const char *text)
{
#ifdef SCM_CREDENTIALS
    (void)text;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct ucred who;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len != CMSG_LEN(sizeof who))
            continue;
        memcpy(&who, CMSG_DATA(c), sizeof who);
        return who.pid;
    }
    return 0;
#else
    (void)m;
    const char *blank = strchr(text, ' ');
    long pid = blank ? strtol(blank + 1, NULL, 10) : 0;
    return pid > 0 && pid < INT32_MAX ? (pid_t)pid : 0;
#endif
}

bool lend_take(struct lend *l)
{
    bool any = false;
    for (;;) {
        char text[64];
        union {
            char room[256];
            struct cmsghdr align;
        } control;
        struct iovec io = {text, sizeof text - 1};
        struct msghdr m = {
            .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
        ssize_t n = recvmsg(l->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        text[n] = '\0';
        pid_t pid = sender_of(&m, text);
        bool waits = strncmp(text, "wait", 4) == 0;
        if (pid <= 0 || (!waits && strncmp(text, "go", 2) != 0))
            continue;
        note(l, pid, waits);
        any = true;
    }
    for (uint32_t i = 0; i < l->n;) {
        if (is_gone(&l->v[i])) {
            drop(l, i);
            any = true;
        } else {
            i++;
        }
    }
    return any;
}

/* ---- the one who waits -------------------------------------------------------------------------------------------- */

/* Blocks for a short while only: a run that does not read must not stop anybody. */
static bool say(int fd, const char *word)
{
    char text[64];
    int len = snprintf(text, sizeof text, "%s %ld", word, (long)getpid());
    ssize_t n;
    do
        n = send(fd, text, (size_t)len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == len;
}

int lend_wait(const char *path)
{
    struct sockaddr_un a;
    int dir_fd = -1;
    if (!path || !*path)
        return -1;
    int fd = new_socket();
    bool ok = fd >= 0 && address(path, &a, &dir_fd) && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close_fd(dir_fd);
    if (ok) {
        struct timeval patience = {SEND_MS / 1000, SEND_MS % 1000 * 1000};
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        ok = say(fd, "wait");
    }
    if (ok)
        return fd;
    close_fd(fd);
    return -1;
}

void lend_go(int fd)
{
    if (fd < 0)
        return;
    say(fd, "go");
    close(fd);
}

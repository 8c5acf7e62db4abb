/* SPDX-License-Identifier: MIT
 *
 * GNU make's jobserver, as client and as server. */
#include "run/jobserver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* make closes the pipe for recipes that are not marked with '+', and the numbers that MAKEFLAGS still names may be
 * anything by now: only a pipe, open in the right direction, is a jobserver. */
static bool is_pipe(int fd, int direction)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))
        return false;
    return (flags & O_ACCMODE) == direction || (flags & O_ACCMODE) == O_RDWR;
}

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* A description of our own of the same pipe, so that O_NONBLOCK does not reach the others. */
static int open_again(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

bool jobserver_join(struct jobserver *js, const char *makeflags, bool *unusable)
{
    memset(js, 0, sizeof *js);
    js->read_fd = js->write_fd = js->take_fd = -1;
    *unusable = false;
    const char *at = NULL, *p;
    static const char *const names[] = {"--jobserver-auth=", "--jobserver-fds="};
    for (int i = 0; makeflags && !at && i < 2; i++) {
        for (p = makeflags; (p = strstr(p, names[i])) != NULL;) {
            p += strlen(names[i]);
            at = p; /* the last one counts */
        }
    }
    if (!at)
        return false;
    *unusable = true;
    size_t len = strcspn(at, " ");
    if (strncmp(at, "fifo:", 5) == 0) {
        char *path = mem_strndup(at + 5, len - 5);
        js->take_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        js->write_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        mem_free(path);
        if (!is_pipe(js->take_fd, O_RDONLY) || !is_pipe(js->write_fd, O_WRONLY)) {
            close_if_open(&js->take_fd);
            close_if_open(&js->write_fd);
        }
    } else {
        char *end;
        long r = strtol(at, &end, 10), w = -1;
        if (*end == ',')
            w = strtol(end + 1, &end, 10);
        if (end == at + len && r >= 0 && w >= 0 && r < 65536 && w < 65536 && is_pipe((int)r, O_RDONLY) &&
            is_pipe((int)w, O_WRONLY)) {
            js->read_fd = (int)r;
            js->take_fd = open_again((int)r);
            js->write_fd = (int)w;
        }
    }
    if (js->take_fd < 0 || js->write_fd < 0) {
        close_if_open(&js->take_fd); /* in the other form the parent's descriptors stay open */
        js->read_fd = js->write_fd = -1;
        return false;
    }
    js->is_client = true;
    js->makeflags = mem_strdup(makeflags);
    *unusable = false;
    return true;
}

bool jobserver_create(struct jobserver *js, int jobs, struct err *e)
{
    int fds[2];
    memset(js, 0, sizeof *js);
    js->read_fd = js->write_fd = js->take_fd = -1;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_sys(e, "T604", errno, "cannot make the jobserver's pipe");
    js->read_fd = fds[0];
    js->write_fd = fds[1];
    js->take_fd = open_again(fds[0]);
    if (js->take_fd < 0) {
        jobserver_close(js);
        return err_sys(e, "T604", errno, "cannot open the jobserver's pipe");
    }
    for (int i = 1; i < jobs; i++)
        if (write(js->write_fd, "+", 1) != 1)
            break;
    js->makeflags = mem_printf(" -j%d --jobserver-auth=%d,%d", jobs, js->read_fd, js->write_fd);
    return true;
}

bool jobserver_take(struct jobserver *js)
{
    char token;
    ssize_t n;
    do
        n = read(js->take_fd, &token, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        return false;
    MEM_GROW(js->tokens, js->n_tokens, js->cap_tokens);
    js->tokens[js->n_tokens++] = token;
    return true;
}

void jobserver_give(struct jobserver *js)
{
    if (!js->n_tokens)
        return;
    ssize_t n;
    do
        n = write(js->write_fd, &js->tokens[js->n_tokens - 1], 1);
    while (n < 0 && errno == EINTR);
    js->n_tokens--;
}

void jobserver_close(struct jobserver *js)
{
    while (js->n_tokens)
        jobserver_give(js);
    if (js->take_fd >= 0)
        close(js->take_fd);
    if (!js->is_client && js->read_fd >= 0)
        close(js->read_fd);
    if (js->write_fd >= 0 && (!js->is_client || js->read_fd < 0))
        close(js->write_fd);
    mem_free(js->tokens);
    mem_free(js->makeflags);
    memset(js, 0, sizeof *js);
    js->read_fd = js->write_fd = js->take_fd = -1;
}

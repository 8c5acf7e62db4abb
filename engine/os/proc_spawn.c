/* SPDX-License-Identifier: MIT
 *
 * posix_spawn, because it neither copies the page tables of a large parent nor runs our code in the child. Every
 * descriptor is close-on-exec, so the child gets exactly what the file actions give it, however many threads start
 * children at the same time. */
#include "os/proc_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/file.h"

enum { TEXT_BUSY_TRIES = 200, TEXT_BUSY_WAIT_MS = 2 };

/* A descriptor below 3 (this process was started without one of them) would be overwritten by the file actions. */
static int above_std(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int errnum = errno;
    close(fd);
    errno = errnum;
    return up;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool proc_pipe(int p[2])
{
    p[0] = p[1] = -1;
#ifdef __linux__
    if (pipe2(p, O_CLOEXEC) != 0)
        return false;
#else
    if (pipe(p) != 0)
        return false;
    fcntl(p[0], F_SETFD, FD_CLOEXEC);
    fcntl(p[1], F_SETFD, FD_CLOEXEC);
#endif
    p[0] = above_std(p[0]);
    p[1] = above_std(p[1]);
    if (p[0] >= 0 && p[1] >= 0)
        return true;
    int errnum = errno;
    close_fd(&p[0]);
    close_fd(&p[1]);
    errno = errnum;
    return false;
}

/* An open file without a name that holds the text, to be read from its start. */
static int text_file(const char *text, size_t len)
{
    int fd = -1;
#ifdef MFD_CLOEXEC
    fd = memfd_create("stdin", MFD_CLOEXEC);
#endif
    if (fd < 0) {
        char path[] = "/tmp/tgraph-stdin-XXXXXX";
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    for (size_t at = 0; fd >= 0 && at < len;) {
        ssize_t n = write(fd, text + at, len - at);
        if (n >= 0) {
            at += (size_t)n;
        } else if (errno != EINTR) {
            int errnum = errno;
            close_fd(&fd);
            errno = errnum;
        }
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return above_std(fd);
}

/* The interpreter of a script's #! line; false if it has none. */
static bool interpreter(const char *file, struct buf *out)
{
    char line[256];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    close_fd(&fd);
    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    const char *p = line + 2 + strspn(line + 2, " \t");
    buf_add(out, p, strcspn(p, " \t\r\n"));
    return out->len > 0;
}

static bool not_found(const char *name, const char *file, struct err *e)
{
    if (!file_exists(file)) {
        err_set(e, "T601", "cannot run %s: there is no such file", name);
        return err_hint(e, "build or install it, or correct the first element of cmd");
    }
    struct buf b = BUF_INIT;
    if (interpreter(file, &b)) {
        err_set(e, "T601", "cannot run %s: its interpreter %s does not exist", name, b.p);
        err_hint(e, "install %s, or correct the #! line of %s", b.p, name);
    } else {
        err_set(e, "T601", "cannot run %s: the program that loads it is missing", name);
        err_hint(e, "it was built for another system: build it again on this one");
    }
    buf_clear(&b);
    return false;
}

/* Says why the start failed, and what to do. The system gives one number for the folder, the file and its interpreter
 * alike, so they are looked at again. */
static bool start_error(const struct proc_spec *spec, const char *file, int errnum, struct err *e)
{
    const char *name = spec->file;
    if (spec->cwd && !file_is_dir(spec->cwd)) {
        err_set(e, "T601", "cannot run %s: its working folder %s does not exist", name, spec->cwd);
        return err_hint(e, "make the folder, or correct cwd");
    }
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return not_found(name, file, e);
    case EACCES:
        if (file_is_dir(file)) {
            err_set(e, "T601", "cannot run %s: it is a folder", name);
            return err_hint(e, "name a program of it in the first element of cmd");
        }
        err_set(e, "T601", "cannot run %s: it is not executable", name);
        return err_hint(e, "chmod +x %s, or put its interpreter first in cmd", name);
    case ENOEXEC:
        err_set(e, "T601", "cannot run %s: it is neither a program of this system nor a script with a #! line", name);
        return err_hint(e, "give it a #! line, or put its interpreter first in cmd");
    case E2BIG:
        err_set(e, "T601", "cannot run %s: its arguments and environment are longer than the system allows", name);
        return err_hint(e, "pass long lists in a file or by stdin");
    case EAGAIN:
    case ENOMEM:
        err_sys(e, "T602", errnum, "cannot run %s", name);
        return err_hint(e, "run fewer at a time (-j), or raise the limit of processes (ulimit -u)");
    default:
        return err_sys(e, "T601", errnum, "cannot run %s", name);
    }
}

static bool no_descriptors(const struct proc_spec *spec, int errnum, struct err *e)
{
    err_sys(e, "T602", errnum, "cannot run %s: no pipe for its output", spec->file);
    return err_hint(e, "run fewer at a time (-j), or raise the limit of open files (ulimit -n)");
}

static int add_actions(posix_spawn_file_actions_t *fa, const struct proc_spec *spec, int in, int out, int err)
{
    int r = in >= 0 ? posix_spawn_file_actions_adddup2(fa, in, 0)
                    : posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(fa, out, 1);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(fa, err, 2);
    /* A dup2 onto itself only takes close-on-exec away (POSIX.1-2024). */
    for (size_t i = 0; r == 0 && i < spec->n_inherit_fds; i++)
        if (spec->inherit_fds[i] > 2)
            r = posix_spawn_file_actions_adddup2(fa, spec->inherit_fds[i], spec->inherit_fds[i]);
    if (r == 0 && spec->cwd)
        r = posix_spawn_file_actions_addchdir_np(fa, spec->cwd);
    return r;
}

/* Its own group, default dispositions, nothing blocked: whatever this process has ignored or blocked. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t all, none;
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    sigemptyset(&none);
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setsigmask(attr, &none);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* Returns 0 or an errno. */
static int start(const struct proc_spec *spec, const char *file, int in, int out, int err, pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    int r = posix_spawn_file_actions_init(&fa);
    if (r != 0)
        return r;
    r = posix_spawnattr_init(&attr);
    if (r == 0) {
        r = add_actions(&fa, spec, in, out, err);
        if (r == 0)
            r = set_attributes(&attr);
        /* The kernel refuses a program that somebody has open for writing. That may be a child of another thread
         * which has not reached its exec yet, though we closed the file: it passes. */
        for (int tries = 0; r == 0; tries++) {
            r = posix_spawn(pid, file, &fa, &attr, (char *const *)spec->argv, (char *const *)spec->envp);
            if (r != ETXTBSY || tries >= TEXT_BUSY_TRIES)
                break;
            poll(NULL, 0, TEXT_BUSY_WAIT_MS);
            r = 0;
        }
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&fa);
    return r;
}

/* The engine opens everything close-on-exec, but its own parent may have left it descriptors that are not. */
static void make_close_on_exec(void)
{
#if defined __linux__ && defined SYS_close_range
    enum { CLOEXEC_FLAG = 1 << 2 }; /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */
    syscall(SYS_close_range, 3U, ~0U, (unsigned)CLOEXEC_FLAG);
#endif
}

static bool open_stdin(const struct proc_spec *spec, int *in, struct err *e)
{
    *in = -1;
    if (spec->stdin_text) {
        *in = text_file(spec->stdin_text, spec->stdin_len);
        if (*in < 0)
            return err_sys(e, "T602", errno, "cannot run %s: no file for its standard input", spec->file);
    } else if (spec->stdin_path) {
        *in = above_std(open(spec->stdin_path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (*in < 0) {
            err_sys(e, "T601", errno, "cannot run %s: cannot open %s for its standard input", spec->file,
                    spec->stdin_path);
            return err_hint(e, "make the file, or correct stdin");
        }
    }
    return true;
}

/* What the child writes to, and the ends that are read here (-1 = none). */
static bool open_output(const struct proc_spec *spec, int child[2], int here[2], struct err *e)
{
    child[0] = child[1] = here[0] = here[1] = -1;
    for (int i = 0; i < 2; i++) {
        if (spec->own_output) {
            /* A copy, since one below 3 would be overwritten by the file actions, or overwrite the other. */
            child[i] = fcntl(spec->out_fd[i], F_DUPFD_CLOEXEC, 3);
            if (child[i] < 0)
                return no_descriptors(spec, errno, e);
        } else if (i == 0 && spec->stdout_path) {
            child[i] = above_std(open(spec->stdout_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
            if (child[i] < 0) {
                err_sys(e, "T601", errno, "cannot run %s: cannot write %s for its standard output", spec->file,
                        spec->stdout_path);
                return err_hint(e, "make its folder, or remove what is in its place");
            }
        } else {
            int p[2];
            if (!proc_pipe(p))
                return no_descriptors(spec, errno, e);
            here[i] = p[0];
            child[i] = p[1];
        }
    }
    return true;
}

bool proc_spawn(const struct proc_spec *spec, struct spawned *s, struct err *e)
{
    int in, child[2] = {-1, -1};
    s->out[0] = s->out[1] = -1;
    if (!open_stdin(spec, &in, e))
        return false;
    bool ok = open_output(spec, child, s->out, e);
    if (ok) {
        /* A relative file means the parent's folder, but the child changes its own before it executes it. */
        char *here = spec->cwd && spec->file[0] != '/' ? getcwd(NULL, 0) : NULL;
        char *file = here ? mem_printf("%s/%s", here, spec->file) : NULL;
        const char *path = file ? file : spec->file;
        make_close_on_exec();
        int r = start(spec, path, in, child[0], child[1], &s->pid);
        ok = r == 0 ? true : start_error(spec, path, r, e);
        mem_free(file);
        mem_free(here);
    }
    close_fd(&in);
    close_fd(&child[0]);
    close_fd(&child[1]);
    if (!ok) {
        close_fd(&s->out[0]);
        close_fd(&s->out[1]);
    }
    return ok;
}

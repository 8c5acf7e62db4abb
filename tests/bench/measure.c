/* SPDX-License-Identifier: MIT
 *
 * measure COMMAND [ARG ...]: runs it once with its output thrown away and prints one line:
 * wall time, user time, system time (nanoseconds), largest resident size (kilobytes), exit status.
 *
 * A small program of its own because a child's largest size counts from what its parent took when it forked: measured
 * from a script language, every small command would seem as big as the interpreter.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long of_timeval(struct timeval t) { return t.tv_sec * 1000000000LL + t.tv_usec * 1000LL; }

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    long long start = now_ns();
    pid_t pid = fork();
    if (pid < 0)
        return 2;
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    int status;
    struct rusage use;
    if (wait4(pid, &status, 0, &use) != pid)
        return 2;
    long long wall = now_ns() - start;
    printf("%lld %lld %lld %ld %d\n", wall, of_timeval(use.ru_utime), of_timeval(use.ru_stime), use.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

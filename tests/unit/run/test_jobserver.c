/* SPDX-License-Identifier: MIT
 *
 * GNU make's jobserver from both sides, and MAKEFLAGS that name none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "run/jobserver.h"

static char folder[64];
static int server[2]; /* a parent's pipe */

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tgraph-jobserver-XXXXXX");
    return mkdtemp(folder) && pipe(server) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    close(server[0]);
    close(server[1]);
    return file_remove_tree(folder, NULL) ? 0 : -1;
}

static size_t bytes_in(int fd, char *out, size_t room)
{
    size_t n = 0;
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    for (ssize_t got; n < room && (got = read(fd, out + n, room - n)) > 0;)
        n += (size_t)got;
    fcntl(fd, F_SETFL, flags);
    return n;
}

static bool join(struct jobserver *js, const char *before, int a, int b, bool *unusable)
{
    char flags[256];
    snprintf(flags, sizeof flags, "%s%d,%d", before, a, b);
    return jobserver_join(js, flags, unusable);
}

static void no_parent_no_jobserver(void **state)
{
    (void)state;
    static const char *const flags[] = {NULL, "", "k", " -j4", "rR --no-print-directory", " -- X=jobserver"};
    struct jobserver js;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool unusable = true;
        assert_false(jobserver_join(&js, flags[i], &unusable));
        assert_false(unusable);
        jobserver_close(&js);
    }
}

static void tokens_are_taken_and_given_back_as_they_were(void **state)
{
    (void)state;
    static const char *const forms[] = {
        " -j3 --jobserver-auth=", "w --jobserver-fds=", "--jobserver-auth=77,78 --jobserver-auth="};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct jobserver js;
        bool unusable = true;
        char got[8];
        assert_int_equal(write(server[1], "ab", 2), 2);
        assert_true(join(&js, forms[i], server[0], server[1], &unusable));
        assert_false(unusable);
        assert_true(js.is_client);
        assert_true(strncmp(js.makeflags, forms[i], strlen(forms[i])) == 0); /* handed on as it was */
        assert_int_equal(js.read_fd, server[0]);
        assert_int_equal(js.write_fd, server[1]);
        assert_true(jobserver_take(&js));
        assert_true(jobserver_take(&js));
        assert_false(jobserver_take(&js)); /* does not wait */
        assert_int_equal(js.n_tokens, 2);
        /* The parent's end blocks as before: other children share it. */
        assert_false(fcntl(server[0], F_GETFL) & O_NONBLOCK);
        jobserver_give(&js);
        assert_int_equal(bytes_in(server[0], got, sizeof got), 1);
        assert_int_equal(got[0], 'b');
        jobserver_close(&js); /* gives the rest back and leaves the parent's pipe alone */
        assert_int_equal(bytes_in(server[0], got, sizeof got), 1);
        assert_int_equal(got[0], 'a');
        assert_true(fcntl(server[1], F_GETFD) >= 0);
    }
}

static void giving_without_holding_gives_nothing(void **state)
{
    (void)state;
    struct jobserver js;
    bool unusable;
    char got[8];
    assert_true(join(&js, "--jobserver-auth=", server[0], server[1], &unusable));
    jobserver_give(&js);
    jobserver_close(&js);
    assert_int_equal(bytes_in(server[0], got, sizeof got), 0);
}

static void a_named_pipe(void **state)
{
    (void)state;
    char path[128], flags[256], got[8];
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int keep = open(path, O_RDWR | O_NONBLOCK); // NOLINT(android-cloexec-open): the parent's
    assert_int_equal(write(keep, "xy", 2), 2);
    struct jobserver js;
    bool unusable;
    snprintf(flags, sizeof flags, " -j3 --jobserver-auth=fifo:%s -- A=b", path);
    assert_true(jobserver_join(&js, flags, &unusable));
    assert_int_equal(js.read_fd, -1); /* nothing to inherit: children open it by name */
    assert_true(jobserver_take(&js));
    assert_true(jobserver_take(&js));
    assert_false(jobserver_take(&js));
    jobserver_close(&js);
    assert_int_equal(bytes_in(keep, got, sizeof got), 2);
    close(keep);
}

static void what_is_no_pipe_is_not_read(void **state)
{
    (void)state;
    char path[128], flags[256];
    struct jobserver js;
    bool unusable;
    snprintf(path, sizeof path, "%s/file", folder);
    assert_true(file_replace(path, "tokens", 6, 0644, false, NULL));
    int file = open(path, O_RDWR | O_CLOEXEC), pair[2]; // NOLINT
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        unusable = false;                                                                                              \
        if (call)                                                                                                      \
            fail_msg("line %d", __LINE__);                                                                             \
        assert_true(unusable);                                                                                         \
        assert_int_equal(js.take_fd, -1);                                                                              \
        jobserver_close(&js);                                                                                          \
    } while (0)
    REFUSED(join(&js, "--jobserver-auth=", 900, 901, &unusable)); /* closed: a recipe without '+' */
    REFUSED(join(&js, "--jobserver-auth=", -2, -2, &unusable));
    REFUSED(join(&js, "--jobserver-auth=", file, file, &unusable)); /* the numbers are somebody else's now */
    REFUSED(join(&js, "--jobserver-auth=", pair[0], pair[1], &unusable));
    REFUSED(join(&js, "--jobserver-auth=", server[0], file, &unusable));
    REFUSED(join(&js, "--jobserver-auth=", server[1], server[0], &unusable)); /* the wrong way round */
    REFUSED(join(&js, "--jobserver-auth=", server[0], server[0], &unusable));
    static const char *const broken[] = {"--jobserver-auth=",       "--jobserver-auth=x,y",
                                         "--jobserver-auth=3",      "--jobserver-auth=99999999999,99999999999",
                                         "--jobserver-auth=fifo:",  "--jobserver-auth=fifo:/nonexistent/x",
                                         "--jobserver-auth=fifo:/", "--jobserver-auth=sem:x"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        REFUSED(jobserver_join(&js, broken[i], &unusable));
    snprintf(flags, sizeof flags, "--jobserver-auth=fifo:%s", path);
    REFUSED(jobserver_join(&js, flags, &unusable));
    snprintf(flags, sizeof flags, "--jobserver-auth=%d,%dx", server[0], server[1]);
    REFUSED(jobserver_join(&js, flags, &unusable));
    close(file);
    close(pair[0]);
    close(pair[1]);
}

static void ones_own_has_a_place_less_than_jobs_in_the_pipe(void **state)
{
    (void)state;
    for (int jobs = 1; jobs < 200; jobs = jobs * 3 + 1) {
        struct jobserver js;
        struct err e = ERR_INIT;
        assert_true(jobserver_create(&js, jobs, &e));
        assert_false(js.is_client);
        char expected[96];
        snprintf(expected, sizeof expected, " -j%d --jobserver-auth=%d,%d", jobs, js.read_fd, js.write_fd);
        assert_string_equal(js.makeflags, expected);
        assert_true(fcntl(js.read_fd, F_GETFD) & FD_CLOEXEC); /* only those who are given it */
        int n = 0;
        while (jobserver_take(&js))
            n++;
        assert_int_equal(n, jobs - 1);
        jobserver_give(&js);
        n -= n > 0;
        struct jobserver child;
        bool unusable;
        assert_true(jobserver_join(&child, js.makeflags, &unusable));
        assert_int_equal(jobserver_take(&child), jobs > 1);
        assert_false(jobserver_take(&js));
        jobserver_close(&child);
        assert_int_equal(jobserver_take(&js), jobs > 1);
        int fd = js.write_fd;
        jobserver_close(&js);
        assert_true(fcntl(fd, F_GETFD) < 0);
    }
}

/* GNU make as our child: with two places of ours it runs two recipes at once, which wait for one another. */
static void gnu_make_takes_part(void **state)
{
    (void)state;
    struct jobserver js;
    struct err e = ERR_INIT;
    assert_true(jobserver_create(&js, 2, &e));
    char command[1024];
    snprintf(
        command, sizeof command,
        "cd '%s' && mkfifo f && printf 'all: a b\\na:\\n\\t@echo x > f\\nb:\\n\\t@cat f > /dev/null\\n' > Makefile && "
        "timeout 20 env MAKEFLAGS='%s' make -s all >log 2>&1 && ! test -s log",
        folder, js.makeflags);
    fcntl(js.read_fd, F_SETFD, 0);
    fcntl(js.write_fd, F_SETFD, 0);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c)
    int n = 0;
    while (jobserver_take(&js))
        n++;
    assert_int_equal(n, 1); /* it gave back what it took */
    jobserver_close(&js);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_parent_no_jobserver),
        TEST(tokens_are_taken_and_given_back_as_they_were),
        TEST(giving_without_holding_gives_nothing),
        TEST(a_named_pipe),
        TEST(what_is_no_pipe_is_not_read),
        TEST(ones_own_has_a_place_less_than_jobs_in_the_pipe),
        TEST(gnu_make_takes_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

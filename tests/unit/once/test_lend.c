/* SPDX-License-Identifier: MIT
 *
 * Lending places: who waits is counted, who goes on or dies is not, and who waits never minds whether anybody listens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "once/lend.h"
#include "os/file.h"

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tgraph-lend-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL) ? 0 : -1;
}

/* A process that waits, then goes on when the pipe says so, then ends when it says so again. */
struct child {
    pid_t pid;
    int to, from;
};

static struct child child_start(const char *path)
{
    int to[2], from[2];
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char c;
        close(to[1]);
        int fd = lend_wait(path);
        bool ok = write(from[1], fd >= 0 ? "w" : "-", 1) == 1 && read(to[0], &c, 1) == 1;
        lend_go(fd);
        ok = ok && write(from[1], "g", 1) == 1 && read(to[0], &c, 1) == 1;
        _exit(ok ? 0 : 1);
    }
    close(to[0]);
    close(from[1]);
    return (struct child){pid, to[1], from[0]};
}

static char child_said(const struct child *c)
{
    char said = 0;
    assert_int_equal(read(c->from, &said, 1), 1);
    return said;
}

static void child_next(const struct child *c) { assert_int_equal(write(c->to, "!", 1), 1); }

static int child_end(const struct child *c)
{
    int status = -1;
    close(c->to);
    close(c->from);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return status;
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void those_that_wait_are_counted(void **state)
{
    (void)state;
    struct lend *l = lend_open(folder, NULL);
    assert_non_null(l);
    assert_false(lend_take(l));
    struct child a = child_start(lend_path(l)), b = child_start(lend_path(l));
    assert_int_equal(child_said(&a), 'w');
    assert_int_equal(child_said(&b), 'w');
    assert_true(readable(lend_fd(l)));
    assert_int_equal(lend_count(l), 0);
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 2);
    assert_false(readable(lend_fd(l)));
    assert_false(lend_take(l));

    child_next(&a);
    assert_int_equal(child_said(&a), 'g');
    assert_true(readable(lend_fd(l)));
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 1);
    child_next(&a);
    assert_int_equal(child_end(&a), 0);
    assert_false(lend_take(l));
    assert_int_equal(lend_count(l), 1);
    child_next(&b);
    assert_int_equal(child_said(&b), 'g');
    child_next(&b);
    assert_int_equal(child_end(&b), 0);
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 0);
    lend_close(l);
}

static void who_died_waits_no_longer(void **state)
{
    (void)state;
    struct lend *l = lend_open(folder, NULL);
    assert_non_null(l);
    struct child a = child_start(lend_path(l));
    assert_int_equal(child_said(&a), 'w');
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 1);
    kill(a.pid, SIGKILL);
    child_end(&a);
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 0);

    /* Its word is read only after its death. */
    a = child_start(lend_path(l));
    assert_int_equal(child_said(&a), 'w');
    kill(a.pid, SIGKILL);
    child_end(&a);
    lend_take(l);
    assert_int_equal(lend_count(l), 0);
    lend_close(l);
}

static void one_process_counts_once(void **state)
{
    (void)state;
    struct lend *l = lend_open(folder, NULL);
    assert_non_null(l);
    int a = lend_wait(lend_path(l)), b = lend_wait(lend_path(l));
    assert_true(a >= 0 && b >= 0);
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 1);
    lend_go(a);
    lend_go(b);
    lend_take(l);
    assert_int_equal(lend_count(l), 0);
    lend_close(l);
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    char path[128];
    assert_int_equal(lend_wait(NULL), -1);
    assert_int_equal(lend_wait(""), -1);
    snprintf(path, sizeof path, "%s/none", folder);
    assert_int_equal(lend_wait(path), -1);
    assert_int_equal(lend_wait(folder), -1);
    lend_go(-1);
    /* A run that has ended meanwhile. */
    struct lend *l = lend_open(folder, NULL);
    assert_non_null(l);
    int fd = lend_wait(lend_path(l));
    assert_true(fd >= 0);
    snprintf(path, sizeof path, "%s", lend_path(l));
    lend_close(l);
    lend_go(fd);
    assert_false(file_exists(path));
    assert_int_equal(lend_wait(path), -1);
    lend_close(NULL);
}

static void a_long_path_will_do(void **state)
{
    (void)state;
    char deep[512];
    int n = snprintf(deep, sizeof deep, "%s/", folder);
    memset(deep + n, 'd', 200);
    deep[n + 200] = '\0';
    assert_int_equal(mkdir(deep, 0700), 0);
    struct lend *l = lend_open(deep, NULL);
    assert_non_null(l);
    struct child a = child_start(lend_path(l));
    assert_int_equal(child_said(&a), 'w');
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 1);
    child_next(&a);
    assert_int_equal(child_said(&a), 'g');
    assert_true(lend_take(l));
    assert_int_equal(lend_count(l), 0);
    child_next(&a);
    child_end(&a);
    lend_close(l);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    char path[128];
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "%s/none", folder);
    assert_null(lend_open(path, &e));
    assert_string_equal(e.code, "T611");
    assert_non_null(strstr(e.msg, path));
    err_clear(&e);
}

static void other_words_change_nothing(void **state)
{
    (void)state;
    struct lend *l = lend_open(folder, NULL);
    assert_non_null(l);
    int fd = lend_wait(lend_path(l));
    assert_int_equal(write(fd, "", 0), 0);
    assert_int_equal(write(fd, "rubbish", 7), 7);
    char much[300];
    memset(much, 'x', sizeof much);
    assert_int_equal(write(fd, much, sizeof much), sizeof much);
    lend_take(l);
    assert_int_equal(lend_count(l), 1);
    lend_go(fd);
    lend_take(l);
    assert_int_equal(lend_count(l), 0);
    lend_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_that_wait_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_died_waits_no_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_process_counts_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_has_to_listen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_path_will_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_words_change_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("lend", tests, NULL, NULL);
}

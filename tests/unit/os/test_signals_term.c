/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "os/signals.h"
#include "os/term.h"

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void the_first_signal_interrupts_and_the_second_kills(void **state)
{
    (void)state;
    signal(SIGHUP, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    signals_init();
    signals_init(); /* once is enough */
    int interrupt = signals_interrupt_fd(), kill_fd = signals_kill_fd();
    assert_true(fcntl(interrupt, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(kill_fd, F_GETFD) & FD_CLOEXEC);
    assert_false(readable(interrupt));
    assert_int_equal(signals_count(), 0);
    assert_int_equal(signals_last(), 0);

    raise(SIGPIPE); /* ignored */
    raise(SIGHUP);  /* stays ignored, as nohup wants it */
    assert_int_equal(signals_count(), 0);
    struct sigaction sa;
    sigaction(SIGCHLD, NULL, &sa);
    assert_true(sa.sa_handler == SIG_DFL);

    raise(SIGTERM);
    assert_true(readable(interrupt));
    assert_false(readable(kill_fd));
    assert_int_equal(signals_count(), 1);
    assert_int_equal(signals_last(), SIGTERM);
    raise(SIGINT);
    assert_true(readable(interrupt));
    assert_true(readable(kill_fd));
    assert_int_equal(signals_last(), SIGINT);
    for (int i = 0; i < 100000; i++) /* more than a pipe holds */
        raise(SIGINT);
    assert_int_equal(signals_count(), 100002);
    assert_true(readable(interrupt));
}

static void without_a_terminal_the_size_is_the_usual_one(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_false(term_is_tty(p[0]));
    assert_int_equal(term_columns(p[0]), 80);
    assert_int_equal(term_rows(p[0]), 24);
    close(p[0]);
    close(p[1]);
    assert_false(term_is_tty(-1));
    assert_int_equal(term_columns(-1), 80);
}

static void a_terminal_tells_its_size(void **state)
{
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0)
        skip();
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(tty >= 0);
    assert_true(term_is_tty(tty));
    assert_int_equal(term_columns(tty), 80); /* a new one is 0 x 0 */
    struct winsize w = {.ws_row = 50, .ws_col = 133};
    assert_int_equal(ioctl(tty, TIOCSWINSZ, &w), 0);
    assert_int_equal(term_columns(tty), 133);
    assert_int_equal(term_rows(tty), 50);
    close(tty);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_signal_interrupts_and_the_second_kills),
        cmocka_unit_test(without_a_terminal_the_size_is_the_usual_one),
        cmocka_unit_test(a_terminal_tells_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * What the terminal driver says; a size of 0 means that it does not know. */
#include "os/term.h"

#include <sys/ioctl.h>
#include <unistd.h>

bool term_is_tty(int fd) { return isatty(fd) == 1; }

int term_columns(int fd)
{
    struct winsize w;
    return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

int term_rows(int fd)
{
    struct winsize w;
    return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 ? w.ws_row : 24;
}

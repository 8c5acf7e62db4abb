/* SPDX-License-Identifier: MIT
 *
 * A test that speaks TAP: a `not ok` line fails it, whatever the exit status is.
 */
#include <stdio.h>

#include "stack.h"

static int tests;

static void ok(bool good, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
}

int main(void)
{
    struct stack s = {0};
    int v = 0;

    puts("1..4");
    ok(!stack_pop(&s, &v), "an empty stack gives nothing");
    ok(stack_push(&s, 1) && stack_push(&s, 2), "it takes numbers");
    ok(stack_pop(&s, &v) && v == 2, "the last comes first");
    while (stack_push(&s, 3)) {
    }
    ok(s.n == STACK_DEPTH, "a full stack takes no more");
    return 0;
}

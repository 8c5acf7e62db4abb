/* SPDX-License-Identifier: MIT
 *
 * A stack of numbers with a fixed depth.
 */
#ifndef STACK_H
#define STACK_H

#include <stdbool.h>

#define STACK_DEPTH 8

struct stack {
    int v[STACK_DEPTH];
    int n;
};
bool stack_push(struct stack *s, int value); /* false: it is full */
bool stack_pop(struct stack *s, int *value); /* false: it is empty */

#endif

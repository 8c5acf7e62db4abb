/* SPDX-License-Identifier: MIT */
#include "stack.h"

bool stack_push(struct stack *s, int value)
{
    if (s->n == STACK_DEPTH)
        return false;
    s->v[s->n++] = value;
    return true;
}

bool stack_pop(struct stack *s, int *value)
{
    if (s->n == 0)
        return false;
    *value = s->v[--s->n];
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "shapes.h"

struct rect rect_scale(struct rect r, int factor)
{
    return (struct rect){r.width * factor, r.height * factor};
}

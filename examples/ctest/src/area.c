/* SPDX-License-Identifier: MIT */
#include "shapes.h"

int rect_area(struct rect r)
{
    return r.width * r.height;
}

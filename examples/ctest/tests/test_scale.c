/* SPDX-License-Identifier: MIT */
#include "shapes.h"

int main(void)
{
    struct rect r = rect_scale((struct rect){3, 4}, 2);

    return r.width == 6 && r.height == 8 ? 0 : 1;
}

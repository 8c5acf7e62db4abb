/* SPDX-License-Identifier: MIT */
#include "shapes.h"

int main(void)
{
    return rect_area((struct rect){3, 4}) == 12 && rect_area((struct rect){0, 4}) == 0 ? 0 : 1;
}

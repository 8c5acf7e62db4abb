/* SPDX-License-Identifier: MIT */
#ifndef SHAPES_H
#define SHAPES_H

struct rect {
    int width, height;
};
int rect_area(struct rect r);
struct rect rect_scale(struct rect r, int factor);

#endif

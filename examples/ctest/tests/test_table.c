/* SPDX-License-Identifier: MIT
 *
 * test_table FILE: adds up the areas of the shapes in FILE, one "width height" a line.
 */
#include <stdio.h>

#include "shapes.h"

int main(int argc, char **argv)
{
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
    struct rect r;
    int n = 0, area = 0;

    if (f == NULL) {
        perror(argc > 1 ? argv[1] : "usage: test_table FILE");
        return 1;
    }
    while (fscanf(f, "%d %d", &r.width, &r.height) == 2) {
        n++;
        area += rect_area(r);
    }
    fclose(f);
    printf("%d shapes, area %d\n", n, area);
    return 0;
}

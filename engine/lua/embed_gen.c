/* SPDX-License-Identifier: MIT
 *
 * Build-time program: writes stdlib/ and rules/ as a C file.
 *
 *     embed_gen OUT.c stdlib/init.lua ... rules/cc.lua ...
 *
 * The digest is the one of library.c. */
#define XXH_INLINE_ALL
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "embed_gen: cannot %s %s\n", what, path);
    return 1;
}

static unsigned char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    unsigned char *data = NULL;
    size_t cap = 0;
    *len = 0;
    while (f && !feof(f) && !ferror(f)) {
        cap = cap ? cap * 2 : 1 << 16;
        data = realloc(data, cap);
        if (!data)
            break;
        *len += fread(data + *len, 1, cap - *len, f);
    }
    if (f && ferror(f)) {
        free(data);
        data = NULL;
    }
    if (f)
        fclose(f);
    return data;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fail("do without", "an output file");
    FILE *out = fopen(argv[1], "w");
    if (!out)
        return fail("write", argv[1]);
    qsort(argv + 2, (size_t)argc - 2, sizeof *argv, by_name);
    XXH3_state_t *hash = XXH3_createState();
    XXH3_128bits_reset(hash);
    fprintf(out, "/* SPDX-License-Identifier: MIT\n *\n * Written by embed_gen.c. */\n#include \"lua/library.h\"\n\n");
    for (int i = 2; i < argc; i++) {
        size_t len;
        unsigned char *data = read_file(argv[i], &len), le[8];
        if (!data)
            return fail("read", argv[i]);
        for (int b = 0; b < 8; b++)
            le[b] = (unsigned char)((uint64_t)len >> (8 * b));
        XXH3_128bits_update(hash, argv[i], strlen(argv[i]) + 1);
        XXH3_128bits_update(hash, le, sizeof le);
        XXH3_128bits_update(hash, data, len);
        fprintf(out, "static const unsigned char f%d[] = {", i - 2);
        for (size_t k = 0; k < len; k++)
            fprintf(out, k % 32 ? "%d," : "\n%d,", data[k]);
        fprintf(out, "0};\n");
        free(data);
    }
    fprintf(out, "\nconst struct embedded_file embedded_files[] = {\n");
    for (int i = 2; i < argc; i++)
        fprintf(out, "    {\"%s\", (const char *)f%d, sizeof f%d - 1},\n", argv[i], i - 2, i - 2);
    fprintf(out, "    {0, 0, 0}};\nconst size_t embedded_files_n = %d;\nconst uint8_t embedded_digest[16] = {",
            argc - 2);
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(hash));
    XXH3_freeState(hash);
    for (size_t b = 0; b < sizeof digest.digest; b++)
        fprintf(out, "%d,", digest.digest[b]);
    fprintf(out, "};\n");
    return fclose(out) ? fail("write", argv[1]) : 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The library's files and their digest: XXH3-128 over, for each file by name, its name, a NUL, its length as 64 bits
 * (little-endian) and its bytes. embed_gen.c computes the same. */
#include "lua/library.h"

#include <stdlib.h>
#include <string.h>

#include "lua/load.h"
#include "tree/tree.h"

enum { LIBRARY_FILE_MAX = 4 << 20, LIBRARY_FILES_MAX = 10000 };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct embedded_file *)a)->name, ((const struct embedded_file *)b)->name);
}

static struct digest digest_of(const struct library *l)
{
    struct hash_stream *s = hash_stream_new();
    for (size_t i = 0; i < l->n; i++) {
        uint8_t len[8];
        for (int b = 0; b < 8; b++)
            len[b] = (uint8_t)((uint64_t)l->v[i].len >> (8 * b));
        hash_stream_add(s, l->v[i].name, strlen(l->v[i].name) + 1);
        hash_stream_add(s, len, sizeof len);
        hash_stream_add(s, l->v[i].data, l->v[i].len);
    }
    return hash_stream_end(s);
}

/* Reads a folder's files, those of its folders too; the list of folders grows while it is walked. */
static bool read_folders(struct tree *t, struct library *l, struct strvec *folders, struct err *e)
{
    size_t cap = 0;
    for (size_t d = 0; d < folders->n; d++) {
        struct tree_listing list = {0};
        arena_init(&list.names);
        bool ok = tree_list(t, folders->v[d], &list, e);
        for (size_t i = 0; ok && i < list.n; i++) {
            char *path = mem_printf("%s/%s", folders->v[d], list.v[i].name);
            if (list.v[i].name[0] == '.') {
                mem_free(path);
                continue;
            }
            if (list.v[i].type == ENTRY_DIR || l->n >= LIBRARY_FILES_MAX) {
                strvec_add(folders, path);
                mem_free(path);
                continue;
            }
            struct buf text = BUF_INIT;
            ok = tree_read(t, path, LIBRARY_FILE_MAX, &text, e);
            MEM_GROW(l->owned, l->n, cap);
            size_t len = text.len;
            buf_addc(&text, '\0');
            l->owned[l->n++] = (struct embedded_file){path, buf_take(&text), len};
        }
        tree_listing_clear(&list);
        if (!ok)
            return false;
    }
    return true;
}

bool library_open(struct library *l, const char *lib_dir, struct err *e)
{
    *l = (struct library){0};
    if (!lib_dir) {
        l->v = embedded_files;
        l->n = embedded_files_n;
        memcpy(l->digest.b, embedded_digest, sizeof l->digest.b);
        return true;
    }
    struct tree *t = tree_worktree_new(lib_dir);
    struct strvec folders = STRVEC_INIT;
    strvec_add(&folders, "stdlib");
    if (tree_type(t, "rules") == ENTRY_DIR)
        strvec_add(&folders, "rules");
    bool ok = read_folders(t, l, &folders, e);
    strvec_clear(&folders);
    tree_free(t);
    l->v = l->owned;
    if (!ok)
        return err_wrap(e, "reading the library in %s", lib_dir);
    if (l->n)
        qsort(l->owned, l->n, sizeof *l->owned, by_name);
    l->digest = digest_of(l);
    return true;
}

const struct embedded_file *library_find(const struct library *l, const char *name)
{
    struct embedded_file key = {.name = name};
    return l->n ? bsearch(&key, l->v, l->n, sizeof *l->v, by_name) : NULL;
}

void library_close(struct library *l)
{
    for (size_t i = 0; l->owned && i < l->n; i++) {
        mem_free((char *)l->owned[i].name);
        mem_free((char *)l->owned[i].data);
    }
    mem_free(l->owned);
    *l = (struct library){0};
}

struct digest load_library_digest(const char *lib_dir)
{
    struct library l;
    struct digest d = library_open(&l, lib_dir, NULL) ? l.digest : DIGEST_NONE;
    library_close(&l);
    return d;
}

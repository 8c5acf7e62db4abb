/* SPDX-License-Identifier: MIT
 *
 * Folder listings: reading, sorting, naming by a digest. */
#include "tree/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void listing_init(struct tree_listing *l)
{
    *l = (struct tree_listing){0};
    arena_init(&l->names);
}

void tree_listing_clear(struct tree_listing *l)
{
    mem_free(l->v);
    arena_clear(&l->names);
    listing_init(l);
}

void listing_add(struct tree_listing *l, const char *name, enum entry_type type)
{
    MEM_GROW(l->v, l->n, l->cap);
    l->v[l->n++] = (struct tree_entry){arena_strdup(&l->names, name), type};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tree_entry *)a)->name, ((const struct tree_entry *)b)->name);
}

void listing_sort(struct tree_listing *l)
{
    if (l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, by_name);
}

struct digest listing_digest(const struct tree_listing *l, struct hasher *scratch)
{
    hasher_reset(scratch);
    hasher_str(scratch, "folder");
    for (size_t i = 0; i < l->n; i++) {
        const struct tree_entry *en = &l->v[i];
        if (en->type == ENTRY_DIR && !strcmp(en->name, ".tgraph"))
            continue;
        hasher_u8(scratch, (uint8_t)(en->type == ENTRY_EXEC ? ENTRY_FILE : en->type));
        hasher_str(scratch, en->name);
    }
    return hasher_end(scratch);
}

enum entry_type entry_type_of(const struct stat *sb)
{
    switch (sb->st_mode & S_IFMT) {
    case S_IFREG:
        return sb->st_mode & S_IXUSR ? ENTRY_EXEC : ENTRY_FILE;
    case S_IFLNK:
        return ENTRY_LINK;
    case S_IFDIR:
        return ENTRY_DIR;
    default:
        return ENTRY_OTHER;
    }
}

/* A listing never says EXEC, even where it had to ask for the stat: the answer must not depend on the file system. */
static enum entry_type type_of_dirent(int dir_fd, const struct dirent *d)
{
    struct stat sb;
    switch (d->d_type) {
    case DT_REG:
        return ENTRY_FILE;
    case DT_DIR:
        return ENTRY_DIR;
    case DT_LNK:
        return ENTRY_LINK;
    case DT_UNKNOWN:
        if (fstatat(dir_fd, d->d_name, &sb, AT_SYMLINK_NOFOLLOW))
            return ENTRY_NONE; /* gone meanwhile */
        enum entry_type type = entry_type_of(&sb);
        return type == ENTRY_EXEC ? ENTRY_FILE : type;
    default:
        return ENTRY_OTHER;
    }
}

int listing_read(int fd, struct tree_listing *l)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int errnum = errno;
        close(fd);
        return errnum;
    }
    int errnum = 0;
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d) {
            errnum = errno;
            break;
        }
        if (d->d_name[0] == '.' && (!d->d_name[1] || (d->d_name[1] == '.' && !d->d_name[2])))
            continue;
        enum entry_type type = type_of_dirent(dirfd(dir), d);
        if (type != ENTRY_NONE)
            listing_add(l, d->d_name, type);
    }
    closedir(dir);
    listing_sort(l);
    return errnum;
}

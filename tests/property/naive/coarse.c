/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: file times in whole seconds, as old file systems have them. Then edits within a second of a run look
 * the same by stat, and only the rule for racy stamps tells them. */
#include <dlfcn.h>
#include <sys/stat.h>

static int rounded(int result, struct stat *sb)
{
    if (result == 0)
        sb->st_mtim.tv_nsec = sb->st_ctim.tv_nsec = 0;
    return result;
}

int fstatat(int fd, const char *restrict path, struct stat *restrict sb, int flags)
{
    static int (*real)(int, const char *, struct stat *, int);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fstatat");
    return rounded(real(fd, path, sb, flags), sb);
}

int fstat(int fd, struct stat *sb)
{
    static int (*real)(int, struct stat *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fstat");
    return rounded(real(fd, sb), sb);
}

int stat(const char *restrict path, struct stat *restrict sb)
{
    static int (*real)(const char *, struct stat *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "stat");
    return rounded(real(path, sb), sb);
}

int lstat(const char *restrict path, struct stat *restrict sb)
{
    static int (*real)(const char *, struct stat *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "lstat");
    return rounded(real(path, sb), sb);
}

/* SPDX-License-Identifier: MIT
 *
 * Stamps. The order of things is what makes a stamp safe: the clock is read, then the file's stat is taken, then its
 * content. A change after the stat moves ctime (which nobody can set back) to a time that is later than taken_ns minus
 * the slack, so either the next stat differs or the stamp is racy and the content is read again. */
#include "tree/stamp.h"

#include "os/clock.h"
#include "tree/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Kernels tick file times at 100 to 1,000 Hz; file systems without nanoseconds round down to 1 or 2 s. */
static const int64_t slack_ns = 20 * INT64_C(1000000), coarse_slack_ns = 2 * INT64_C(1000000000);
static const int64_t second_ns = INT64_C(1000000000);

enum { ATTEMPTS = 3, LINK_LONGEST = PATH_MAX };

static int64_t to_ns(struct timespec t) { return (int64_t)t.tv_sec * second_ns + t.tv_nsec; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

static uint64_t mix(uint64_t h, uint64_t v)
{
    /* The finaliser of splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). */
    h ^= v + UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

static uint64_t mix_stat(uint64_t h, const struct stat *sb)
{
    h = mix(h, (uint64_t)sb->st_size);
    h = mix(h, (uint64_t)sb->st_ino);
    return mix(h, sb->st_mode & (S_IFMT | S_IXUSR));
}

uint64_t stamp_ident(uint64_t size_bytes, uint64_t inode, bool executable)
{
    struct stat sb = {
        .st_size = (off_t)size_bytes, .st_ino = (ino_t)inode, .st_mode = executable ? S_IFREG | S_IXUSR : S_IFREG};
    return mix_stat(1, &sb);
}

static struct stamp stamp_of(const struct stat *sb, int64_t taken_ns)
{
    return (struct stamp){to_ns(sb->st_mtim), to_ns(sb->st_ctim), mix_stat(1, sb), taken_ns};
}

/* A link's stamp covers a file that it leads to; of anything else there only the type counts. target = NULL: it leads
 * nowhere. */
static struct stamp stamp_of_link(const struct stat *link, const struct stat *target, int64_t taken_ns)
{
    struct stamp s = stamp_of(link, taken_ns);
    if (target && S_ISREG(target->st_mode)) {
        s.mtime_ns = later(s.mtime_ns, to_ns(target->st_mtim));
        s.ctime_ns = later(s.ctime_ns, to_ns(target->st_ctim));
        s.ident = mix_stat(s.ident, target);
    } else {
        s.ident = mix(s.ident, target ? target->st_mode & S_IFMT : 0);
    }
    return s;
}

/* The file's last change that its times know of was before that. */
static int64_t quiet_from(const struct stamp *st)
{
    bool coarse = st->mtime_ns % second_ns == 0 && st->ctime_ns % second_ns == 0;
    return later(st->mtime_ns, st->ctime_ns) + (coarse ? coarse_slack_ns : slack_ns);
}

bool stamp_is_racy(const struct stamp *st) { return quiet_from(st) >= st->taken_ns; }

static bool same_times(const struct stamp *a, const struct stamp *b)
{
    return a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->ident == b->ident;
}

static bool is_absence(int errnum) { return errnum == ENOENT || errnum == ENOTDIR; }

static enum stamp_result fail(struct file_state *st, int why, int *errnum)
{
    *st = (struct file_state){.type = ENTRY_OTHER};
    if (errnum)
        *errnum = why;
    return STAMP_ERROR;
}

static enum stamp_result settle(struct file_state *st, const struct file_state *now)
{
    bool same = st->type == now->type && digest_eq(st->digest, now->digest);
    *st = *now;
    return same ? STAMP_REHASHED : STAMP_CHANGED;
}

static enum stamp_result nothing_there(struct file_state *st)
{
    bool same = st->type == ENTRY_NONE;
    *st = (struct file_state){0};
    return same ? STAMP_SAME : STAMP_CHANGED;
}

static int digest_content(int fd, struct digest *out)
{
    char piece[65536];
    struct hash_stream *s = NULL; /* a file that fits one piece needs none */
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, piece + n, sizeof piece - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int errnum = got < 0 ? errno : 0;
            if (!s) {
                *out = digest_bytes(piece, n);
                return errnum;
            }
            hash_stream_add(s, piece, n);
            *out = hash_stream_end(s);
            return errnum;
        }
        n += (size_t)got;
        if (n == sizeof piece) {
            if (!s)
                s = hash_stream_new();
            hash_stream_add(s, piece, n);
            n = 0;
        }
    }
}

/* Opens what must be a regular file and hashes it. *before and *settled come from the open descriptor: its stat, and
 * whether the stat was the same afterwards. 0, an errno, or -1: it is no regular file any more. */
static int digest_file(int root_fd, const char *path, int open_flags, struct digest *out, struct stat *before,
                       bool *settled)
{
    /* Something else may have come into its place; O_NONBLOCK: opening a pipe must not wait. */
    int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | open_flags);
    if (fd < 0)
        return errno == ELOOP || errno == ENXIO ? -1 : errno;
    int errnum = fstat(fd, before) ? errno : S_ISREG(before->st_mode) ? 0 : -1;
    if (!errnum)
        errnum = digest_content(fd, out);
    struct stat after;
    if (!errnum && fstat(fd, &after))
        errnum = errno;
    if (!errnum) {
        struct stamp a = stamp_of(before, 0), b = stamp_of(&after, 0);
        *settled = same_times(&a, &b);
    }
    close(fd);
    return errnum;
}

/* Reads path afresh into *now. 0, an errno, or -1: it changed in between, so that its stat is out of date. */
static int read_regular(int root_fd, const char *path, struct file_state *now)
{
    int64_t taken = clock_real_ns();
    struct stat sb;
    bool settled = false;
    int errnum = digest_file(root_fd, path, O_NOFOLLOW, &now->digest, &sb, &settled);
    if (errnum)
        return errnum;
    now->type = (uint8_t)entry_type_of(&sb);
    now->stamp = stamp_of(&sb, settled ? taken : 1); /* 1 ns after 1970: always racy */
    return 0;
}

struct digest stamp_link_digest(const char *text, size_t len, enum entry_type target, struct digest content)
{
    struct hasher h;
    hasher_init(&h);
    hasher_str(&h, "link");
    hasher_mem(&h, text, len);
    hasher_u8(&h, (uint8_t)target);
    hasher_digest(&h, content);
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

static int read_link(int root_fd, const char *path, struct file_state *now)
{
    int64_t taken = clock_real_ns();
    struct stat link, target;
    char text[LINK_LONGEST];
    /* The link's stat comes before its text, for the same reason as a file's before its content. */
    if (fstatat(root_fd, path, &link, AT_SYMLINK_NOFOLLOW))
        return errno;
    if (!S_ISLNK(link.st_mode))
        return -1;
    ssize_t len = readlinkat(root_fd, path, text, sizeof text);
    if (len < 0)
        return errno == EINVAL ? -1 : errno;
    struct digest content = DIGEST_NONE;
    bool leads_somewhere = !fstatat(root_fd, path, &target, 0), settled = true;
    if (leads_somewhere && S_ISREG(target.st_mode)) {
        int errnum = digest_file(root_fd, path, 0, &content, &target, &settled);
        if (errnum)
            return is_absence(errnum) ? -1 : errnum;
    } else if (!leads_somewhere && !is_absence(errno) && errno != ELOOP && errno != ENAMETOOLONG) {
        return errno;
    }
    now->digest = stamp_link_digest(text, (size_t)len, leads_somewhere ? entry_type_of(&target) : ENTRY_NONE, content);
    now->type = ENTRY_LINK;
    now->stamp = stamp_of_link(&link, leads_somewhere ? &target : NULL, settled ? taken : 1);
    return 0;
}

static int read_listing(int root_fd, const char *path, struct file_state *now)
{
    int64_t taken = clock_real_ns();
    int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat sb;
    if (fd < 0)
        return errno;
    if (fstat(fd, &sb)) {
        int errnum = errno;
        close(fd);
        return errnum;
    }
    struct tree_listing l;
    listing_init(&l);
    int errnum = listing_read(fd, &l);
    struct hasher h;
    hasher_init(&h);
    now->digest = listing_digest(&l, &h);
    now->type = ENTRY_DIR;
    now->stamp = stamp_of(&sb, taken);
    hasher_clear(&h);
    tree_listing_clear(&l);
    return errnum;
}

/* Folders without a slash, sockets, devices: known by their type alone. */
static enum stamp_result type_only(const struct stat *sb, struct file_state *st)
{
    uint8_t type = (uint8_t)entry_type_of(sb);
    bool same = st->type == type && st->stamp.taken_ns && digest_is_none(st->digest);
    int64_t taken = same ? st->stamp.taken_ns : clock_real_ns();
    *st = (struct file_state){.type = type, .stamp = stamp_of(sb, taken)};
    return same ? STAMP_SAME : STAMP_CHANGED;
}

/* What the path's stat says without a look inside. */
static bool cleared_by_stat(int root_fd, const char *path, bool listing, const struct stat *sb,
                            const struct file_state *st)
{
    struct stamp now;
    struct stat target;
    if (S_ISLNK(sb->st_mode)) {
        if (st->type != ENTRY_LINK)
            return false;
        now = stamp_of_link(sb, fstatat(root_fd, path, &target, 0) ? NULL : &target, 0);
    } else {
        if (st->type != (uint8_t)entry_type_of(sb) || (S_ISDIR(sb->st_mode) && !listing))
            return false;
        now = stamp_of(sb, 0);
    }
    return same_times(&now, &st->stamp) && !stamp_is_racy(&st->stamp) && !digest_is_none(st->digest);
}

enum stamp_result stamp_update(int root_fd, const char *path, struct file_state *st, int *errnum)
{
    size_t len = strlen(path);
    bool listing = len && path[len - 1] == '/';
    for (int attempt = 0;; attempt++) {
        struct stat sb;
        if (fstatat(root_fd, path, &sb, AT_SYMLINK_NOFOLLOW))
            return is_absence(errno) ? nothing_there(st) : fail(st, errno, errnum);
        if (cleared_by_stat(root_fd, path, listing, &sb, st))
            return STAMP_SAME;
        struct file_state now = {0};
        int why;
        if (S_ISREG(sb.st_mode))
            why = read_regular(root_fd, path, &now);
        else if (S_ISLNK(sb.st_mode))
            why = read_link(root_fd, path, &now);
        else if (S_ISDIR(sb.st_mode) && listing)
            why = read_listing(root_fd, path, &now);
        else
            return type_only(&sb, st);
        if (!why)
            return settle(st, &now);
        /* It vanished or turned into something else between the stat and the look: start again. */
        bool moved = why == -1 || is_absence(why);
        if (!moved || attempt + 1 == ATTEMPTS)
            return fail(st, why == -1 ? EAGAIN : why, errnum);
    }
}

bool stamp_same(int root_fd, const char *path, const struct file_state *st, int64_t *quiet_ns)
{
    struct file_state now = *st;
    enum stamp_result r = stamp_update(root_fd, path, &now, NULL);
    *quiet_ns = 0;
    /* The same content again may have been other content in between: whoever writes a file moves its times, and whoever
     * swaps it for another and back moves its time of change. */
    if (r == STAMP_REHASHED && now.type != ENTRY_DIR && !same_times(&now.stamp, &st->stamp))
        *quiet_ns = quiet_from(&now.stamp);
    return r == STAMP_SAME || r == STAMP_REHASHED;
}

bool stamp_verify(int root_fd, const char *path, const struct file_state *st)
{
    int64_t quiet_ns;
    return stamp_same(root_fd, path, st, &quiet_ns) && !quiet_ns;
}

static const char *or_dot(const char *path) { return *path ? path : "."; }

bool stamp_dir_take(int root_fd, const char *path, struct stamp *st)
{
    struct stat sb;
    int64_t taken = clock_real_ns();
    *st = (struct stamp){0};
    if (fstatat(root_fd, or_dot(path), &sb, 0) || !S_ISDIR(sb.st_mode))
        return false;
    *st = stamp_of(&sb, taken);
    return true;
}

bool stamp_dir_same(int root_fd, const char *path, const struct stamp *st)
{
    struct stat sb;
    if (fstatat(root_fd, or_dot(path), &sb, 0))
        return is_absence(errno) && !st->taken_ns; /* a folder that was not there has a stamp of zeros */
    if (!S_ISDIR(sb.st_mode))
        return !st->taken_ns;
    struct stamp now = stamp_of(&sb, 0);
    return st->taken_ns && same_times(&now, st) && !stamp_is_racy(st);
}

/* SPDX-License-Identifier: MIT
 *
 * Stamps of large programs (node has 100 MB), kept so that a call that finds its file does not read them again. A fixed number
 * of small files, `<cache>/once-seen/<slot>`, each with the stamp of one path: programs that share a slot put each other out. What
 * a stamp is trusted for, and not, is tree/stamp.h's affair. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "once/once_internal.h"
#include "os/file.h"

#define SEEN_MAGIC "tgraph-seen 1"
#define SEEN_SLOTS 64
#define SEEN_MIN_BYTES (1 << 20) /* hashing less costs less than looking it up */

struct seen { /* as it lies in the file; read only by the machine that wrote it, or refused by its sum */
    char magic[16];
    struct digest path;
    struct file_state state;
    struct digest sum;
};

static struct digest sum_of(const struct seen *r)
{
    struct hasher h;
    hasher_init(&h);
    hasher_mem(&h, r->magic, sizeof r->magic);
    hasher_digest(&h, r->path);
    hasher_digest(&h, r->state.digest);
    hasher_u64(&h, (uint64_t)r->state.stamp.mtime_ns);
    hasher_u64(&h, (uint64_t)r->state.stamp.ctime_ns);
    hasher_u64(&h, r->state.stamp.ident);
    hasher_u64(&h, (uint64_t)r->state.stamp.taken_ns);
    hasher_u8(&h, r->state.type);
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

static bool load(const char *slot, struct digest path, struct file_state *st)
{
    struct buf b = BUF_INIT;
    struct seen r;
    bool ok = file_read(slot, sizeof r, &b, NULL) && b.len == sizeof r;
    if (ok) {
        memcpy(&r, b.p, sizeof r);
        ok = memcmp(r.magic, SEEN_MAGIC, sizeof SEEN_MAGIC) == 0 && digest_eq(r.path, path) &&
             digest_eq(r.sum, sum_of(&r));
    }
    if (ok)
        *st = r.state;
    buf_clear(&b);
    return ok;
}

static void keep(const char *slot, struct digest path, const struct file_state *st)
{
    struct seen r;
    memset(&r, 0, sizeof r);
    memcpy(r.magic, SEEN_MAGIC, sizeof SEEN_MAGIC);
    r.path = path;
    r.state = *st;
    r.sum = sum_of(&r);
    /* What cannot be kept is read again. */
    if (file_mkdirs_for(slot, NULL))
        file_replace(slot, &r, sizeof r, 0644, false, NULL);
}

void once_stamp(const char *cache_dir, const char *path, struct file_state *st, int *errnum)
{
    struct stat sb;
    if (lstat(path, &sb) != 0 || !S_ISREG(sb.st_mode) || sb.st_size < SEEN_MIN_BYTES) {
        stamp_update(AT_FDCWD, path, st, errnum);
        return;
    }
    struct digest name = digest_bytes(path, strlen(path));
    char *slot = mem_printf("%s/once-seen/%02u", cache_dir, (unsigned)(digest_u64(name) % SEEN_SLOTS));
    load(slot, name, st);
    enum stamp_result r = stamp_update(AT_FDCWD, path, st, errnum);
    if (r == STAMP_REHASHED || r == STAMP_CHANGED)
        keep(slot, name, st);
    mem_free(slot);
}

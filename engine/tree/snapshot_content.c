/* SPDX-License-Identifier: MIT
 *
 * What a checkout of the snapshot would write, and its digests. */
#include "tree/snapshot_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "tree/listing.h"

/* ---- filters --------------------------------------------------------------------------------------------------- */

/* A file of git's own folder for settings (git-config(1), "FILES"); mem_free it. */
static char *settings_path(const char *name)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    return xdg && *xdg ? mem_printf("%s/git/%s", xdg, name) : mem_printf("%s/.config/git/%s", home ? home : "", name);
}

/* gitattributes(5) and git-config(1): what may change content although no .gitattributes of the tree says so. */
static bool filters_everywhere(struct mount *m)
{
    if (m->filters_everywhere >= 0)
        return m->filters_everywhere;
    git_config *c = NULL;
    char *path = settings_path("attributes");
    bool any = file_exists(path) || file_exists("/etc/gitattributes");
    mem_free(path);
    if (lg.repository_config_snapshot(&c, m->git) == 0) {
        const char *v;
        if (lg.config_get_string(&v, c, "core.autocrlf") == 0 && strcmp(v, "false") != 0) {
            any = true;
            m->crlf = strcmp(v, "input") != 0;
        }
        if (lg.config_get_string(&v, c, "core.eol") == 0 && strcmp(v, "crlf") == 0)
            m->crlf = true;
        if (lg.config_get_string(&v, c, "core.attributesfile") == 0)
            any = true;
        lg.config_free(c);
    }
    path = mem_printf("%sinfo/attributes", lg.repository_commondir(m->git));
    any = any || file_exists(path);
    mem_free(path);
    m->filters_everywhere = any;
    return any;
}

/* libgit2 asks the work tree and the index for attributes before the commit; a repository without either has only the
 * commit to ask. Of the index's snapshot only the index is to be asked. */
static git_repository *plain_repository(struct mount *m)
{
    git_index *none = NULL;
    if (m->plain)
        return m->plain;
    if (lg.repository_open_ext(&m->plain, lg.repository_commondir(m->git),
                               GIT_REPOSITORY_OPEN_BARE | GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) != 0 ||
        (m->has_commit && lg.index_new(&none) != 0) ||
        lg.repository_set_index(m->plain, m->has_commit ? none : m->index) != 0) {
        if (m->plain)
            lg.repository_free(m->plain);
        m->plain = NULL;
    }
    if (none)
        lg.index_free(none);
    return m->plain ? m->plain : m->git;
}

static int note_config(const git_config_entry *entry, void *found)
{
    (void)entry;
    *(bool *)found = true;
    return 0;
}

/* git-config(1), "FILES", and gitattributes(5). Files that these name themselves are not followed: such a set-up is not
 * kept at all. */
void snapshot_look_at_config(struct tree *t)
{
    struct snapshot *s = snapshot_of(t);
    git_config *c = NULL;
    if (lg.repository_config_snapshot(&c, s->repo->git) == 0) {
        lg.config_foreach_match(c, "^(include|core\\.attributesfile)", note_config, &s->more);
        lg.config_free(c);
    }
    const char *common = lg.repository_commondir(s->repo->git), *own = lg.repository_path(s->repo->git);
    const char *home = getenv("HOME");
    char *paths[] = {mem_printf("%sconfig", common),
                     mem_printf("%sinfo/attributes", common),
                     mem_printf("%sinfo/sparse-checkout", common),
                     mem_printf("%sinfo/sparse-checkout", own),
                     mem_printf("%sconfig.worktree", own),
                     mem_printf("%s/.gitconfig", home ? home : ""),
                     settings_path("config"),
                     settings_path("attributes"),
                     mem_strdup("/etc/gitconfig"),
                     mem_strdup("/etc/gitattributes")};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snapshot_look(s, paths[i], ANY);
        mem_free(paths[i]);
    }
}

static const char attributes_name[] = ".gitattributes";

static bool has_attributes(struct snapshot *s, struct snap_dir *d)
{
    if (d->has_attributes < 0)
        d->has_attributes = snap_find(s, d, attributes_name, sizeof attributes_name - 1) != NULL ||
                            (d->parent && has_attributes(s, d->parent));
    return d->has_attributes;
}

/* What a checkout does to the file's content. */
enum conversion {
    WRITTEN_AS_IT_IS, /* and taken in as it is */
    NORMALISED,       /* written as it is; line endings are normalised when it is taken in */
    CONVERTED,        /* written with other line endings, or with $Id$ filled in */
    FILTERED,         /* by a program, which is not run here */
};

static enum conversion conversion_of(struct snapshot *s, struct snap_dir *d, const struct snap_entry *en)
{
    enum { TEXT, EOL, IDENT, FILTER, ENCODING, CRLF, N };
    static const char *names[N] = {"text", "eol", "ident", "filter", "working-tree-encoding", "crlf"};
    const char *v[N];
    bool everywhere = filters_everywhere(d->m);
    if (!everywhere && !has_attributes(s, d))
        return WRITTEN_AS_IT_IS;
    git_attr_options o = {.version = GIT_ATTR_OPTIONS_VERSION};
    if (d->m->has_commit) {
        o.flags |= GIT_ATTR_CHECK_INCLUDE_COMMIT;
        o.attr_commit_id = d->m->commit;
    }
    char *path = snap_path(d, en->name);
    int rc = lg.attr_get_many_ext(v, plain_repository(d->m), &o, path, N, names);
    mem_free(path);
    if (rc != 0)
        return CONVERTED;
#define IS(i, what) (lg.attr_value(v[i]) == (what))
    bool is_text = !IS(TEXT, GIT_ATTR_VALUE_FALSE) && !IS(CRLF, GIT_ATTR_VALUE_FALSE) &&
                   (!IS(TEXT, GIT_ATTR_VALUE_UNSPECIFIED) || !IS(EOL, GIT_ATTR_VALUE_UNSPECIFIED) ||
                    !IS(CRLF, GIT_ATTR_VALUE_UNSPECIFIED) || everywhere);
    if (IS(FILTER, GIT_ATTR_VALUE_STRING) || IS(ENCODING, GIT_ATTR_VALUE_STRING))
        return FILTERED;
    if (IS(IDENT, GIT_ATTR_VALUE_TRUE))
        return CONVERTED;
    if (!is_text)
        return WRITTEN_AS_IT_IS;
    bool lf = IS(EOL, GIT_ATTR_VALUE_STRING) && strcmp(v[EOL], "lf") == 0;
    bool crlf = IS(EOL, GIT_ATTR_VALUE_STRING) && strcmp(v[EOL], "crlf") == 0;
    return crlf || (d->m->crlf && !lf) ? CONVERTED : NORMALISED;
#undef IS
}

/* The digest of the file that a Git LFS pointer stands for, from the repository's own LFS store. The format is that of
 * git-lfs, docs/spec.md: lines "version URL", "oid sha256:HEX", "size N". */
static bool lfs_object(const struct mount *m, const char *p, size_t len, struct digest *out)
{
    static const char version[] = "version https://git-lfs.github.com/spec/v1\n", key[] = "\noid sha256:";
    if (len > 1024 || len < sizeof version || memcmp(p, version, sizeof version - 1) != 0)
        return false;
    const char *oid = strstr(p, key);
    if (!oid || strspn(oid += sizeof key - 1, "0123456789abcdef") != 64)
        return false;
    char *path = mem_printf("%slfs/objects/%.2s/%.2s/%.64s", lg.repository_commondir(m->git), oid, oid + 2, oid);
    bool ok = file_exists(path) && file_digest(path, out, NULL);
    mem_free(path);
    return ok;
}

bool snapshot_content(struct snapshot *s, struct snap_dir *d, const struct snap_entry *en, struct buf *out)
{
    git_blob *b;
    bool is_link = (en->mode & S_IFMT) == S_IFLNK, done = false;
    bool filtered = !is_link && (has_attributes(s, d) || filters_everywhere(d->m));
    if (lg.blob_lookup(&b, filtered ? plain_repository(d->m) : d->m->git, &en->id) != 0) {
        snapshot_fail(s, "the file '%s%s%s' of the revision", d->path, *d->path ? "/" : "", en->name);
        return false;
    }
    if (filtered) {
        /* Not GIT_BLOB_FILTER_CHECK_FOR_BINARY: it leaves a binary blob out altogether. */
        git_blob_filter_options o = {.version = GIT_BLOB_FILTER_OPTIONS_VERSION};
        git_buf text = {0};
        char *path = snap_path(d, en->name);
        if (d->m->has_commit) {
            o.flags |= GIT_BLOB_FILTER_ATTRIBUTES_FROM_COMMIT;
            o.attr_commit_id = d->m->commit;
        }
        done = lg.blob_filter(&text, b, path, &o) == 0;
        if (done)
            buf_add(out, text.ptr ? text.ptr : "", text.size);
        lg.buf_dispose(&text);
        mem_free(path);
    }
    if (!done) {
        size_t len = (size_t)lg.blob_rawsize(b);
        buf_add(out, len ? lg.blob_rawcontent(b) : "", len);
    }
    lg.blob_free(b);
    return true;
}

/* ---- digests --------------------------------------------------------------------------------------------------- */

/* Is the attributes' file of this folder, or of one above it, another one in the reference? Then a checkout there may
 * have written the same object differently. */
static bool attributes_differ(struct snapshot *s, struct snap_dir *d, const struct snapshot_reference *ref)
{
    if (d->attributes_differ >= 0)
        return d->attributes_differ;
    const struct snap_entry *mine = snap_find(s, d, attributes_name, sizeof attributes_name - 1);
    git_oid theirs;
    bool they_have = false;
    char *path = snap_path(d, attributes_name);
    if (ref->peer) {
        struct spot p;
        char *from_top = mem_printf("%s%s%s", d->m->at, *d->m->at ? "/" : "", path);
        spot_find(snapshot_of(ref->peer), from_top, false, false, &p);
        they_have = p.where == IN_GIT && p.entry;
        if (they_have)
            theirs = p.entry->id;
        spot_clear(&p);
        mem_free(from_top);
    } else {
        const git_index_entry *ie = lg.index_get_bypath(d->m->index, path, 0);
        they_have = ie != NULL;
        if (ie)
            theirs = ie->id;
    }
    mem_free(path);
    bool differ = !mine == they_have || (mine && memcmp(mine->id.id, theirs.id, sizeof theirs.id) != 0) ||
                  (d->parent && attributes_differ(s, d->parent, ref));
    d->attributes_differ = differ;
    return differ;
}

static const int64_t second_ns = INT64_C(1000000000);

static int64_t index_ns(git_index_time t) { return (int64_t)(uint32_t)t.seconds * second_ns + t.nanoseconds; }
static int64_t wrapped(int64_t ns) /* the index holds 32 bits of the seconds */
{
    return (int64_t)(uint32_t)(ns / second_ns) * second_ns + ns % second_ns;
}

/* Has the file the size that the index notes? Git notes 0 for a file that it found changed in the instant in which the
 * index was written. */
static bool same_size(const struct mount *m, const git_index_entry *ie, const struct file_state *now)
{
    static const git_oid empty = {{0xe6, 0x9d, 0xe2, 0x9b, 0xb2, 0xd1, 0xd6, 0x43, 0x4b, 0x8b,
                                   0x29, 0xae, 0x77, 0x5a, 0xd8, 0xc2, 0xe4, 0x8c, 0x53, 0x91}};
    struct stat st;
    if (ie->file_size == 0 && memcmp(ie->id.id, empty.id, sizeof empty.id) != 0)
        return false;
    if (now->stamp.ident == stamp_ident(ie->file_size, ie->ino, now->type == ENTRY_EXEC))
        return true;
    /* The index has 32 bits of the size and of the inode's number. */
    char *disk = mem_printf("%s/%s", m->disk, ie->path);
    bool same = lstat(disk, &st) == 0 && S_ISREG(st.st_mode) && (uint32_t)st.st_size == ie->file_size &&
                now->stamp.ident == stamp_ident((uint64_t)st.st_size, st.st_ino, st.st_mode & S_IXUSR);
    mem_free(disk);
    return same;
}

/* Does the index say that the work tree's file is this object, and does the file look as it did then? The rules are
 * git's, Documentation/technical/racy-git.txt; whatever cannot be told here is hashed. */
static bool is_checked_out(struct snapshot *s, struct snap_dir *d, const struct snap_entry *en,
                           const struct file_state *now)
{
    struct mount *m = d->m;
    if (!mount_index(s, m) || (now->type != ENTRY_FILE && now->type != ENTRY_EXEC))
        return false;
    char small[512];
    int n = snprintf(small, sizeof small, "%s%s%s", d->path, *d->path ? "/" : "", en->name);
    if (n < 0 || (size_t)n >= sizeof small)
        return false;
    const git_index_entry *ie = lg.index_get_bypath(m->index, small, 0);
    if (!ie || memcmp(ie->id.id, en->id.id, sizeof en->id.id) != 0)
        return false;
    int64_t mtime = index_ns(ie->mtime), ctime = index_ns(ie->ctime);
    bool coarse = ie->mtime.nanoseconds == 0 && ie->ctime.nanoseconds == 0;
    int64_t latest = now->stamp.mtime_ns > now->stamp.ctime_ns ? now->stamp.mtime_ns : now->stamp.ctime_ns;
    if (mtime != wrapped(now->stamp.mtime_ns) || ctime != wrapped(now->stamp.ctime_ns) ||
        latest + (coarse ? 2 * second_ns : 0) >= m->index_ns || !same_size(m, ie, now))
        return false;
    size_t size;
    git_object_t type;
    switch (conversion_of(s, d, en)) {
    case WRITTEN_AS_IT_IS:
    case FILTERED:
        return true;
    case NORMALISED: /* of the same size means that there was nothing to normalise */
        return (m->odb || lg.repository_odb(&m->odb, m->git) == 0) &&
               lg.odb_read_header(&size, &type, m->odb, &en->id) == 0 && (uint32_t)size == ie->file_size;
    case CONVERTED:
        break;
    }
    return false;
}

static char *from_top(const struct spot *p)
{
    const struct snap_dir *d = p->dir;
    return mem_printf("%s%s%s%s%s", d->m->at, *d->m->at ? "/" : "", d->path, *d->path ? "/" : "", p->entry->name);
}

/* Is the same object at the same place of the peer? */
static bool in_peer(struct snapshot *s, const struct spot *p, const struct snapshot_reference *ref)
{
    struct spot q;
    char *path = from_top(p);
    spot_find(snapshot_of(ref->peer), path, false, false, &q);
    mem_free(path);
    bool same =
        q.where == IN_GIT && q.entry && q.direct && memcmp(q.entry->id.id, p->entry->id.id, sizeof q.entry->id.id) == 0;
    spot_clear(&q);
    return same && !attributes_differ(s, p->dir, ref);
}

/* The state of the file in the work tree; NULL if it is not known. */
static const struct file_state *state_now(struct snapshot *s, const struct spot *p, const char *path,
                                          const struct snapshot_reference *ref)
{
    if (!ref->state)
        return NULL;
    if (path)
        return ref->state(ref->ctx, path);
    char *full = from_top(p);
    size_t len = strlen(s->repo->prefix);
    bool below = !len || (strncmp(full, s->repo->prefix, len) == 0 && full[len] == '/');
    const struct file_state *now = below ? ref->state(ref->ctx, full + len + (len > 0)) : NULL;
    mem_free(full);
    return now;
}

/* Of a file of the snapshot; `path` if it was reached by that path and no other; NULL: it is worked out. */
static bool content_digest(struct snapshot *s, const struct spot *p, const char *path,
                           const struct snapshot_reference *ref, struct digest *out, bool *from_disk)
{
    /* By one rule on both sides: what links lead to goes by content. */
    if (ref->peer && p->direct && in_peer(s, p, ref)) {
        struct hasher h;
        hasher_init(&h);
        hasher_str(&h, "git object");
        hasher_mem(&h, p->entry->id.id, sizeof p->entry->id.id);
        *out = hasher_end(&h);
        hasher_clear(&h);
        return true;
    }
    const struct file_state *now = state_now(s, p, path, ref);
    if (now && is_checked_out(s, p->dir, p->entry, now) && !attributes_differ(s, p->dir, ref)) {
        *out = now->digest;
        return true;
    }
    struct buf b = BUF_INIT;
    bool ok = snapshot_content(s, p->dir, p->entry, &b);
    s->n_hashed++;
    if (ok) {
        *out = digest_bytes(b.p ? b.p : "", b.len);
        /* With its objects here, a work tree may still hold the pointers (GIT_LFS_SKIP_SMUDGE). */
        static const char pointer[] = "version https://git-lfs";
        bool lfs = b.len > sizeof pointer && memcmp(b.p, pointer, sizeof pointer - 1) == 0 &&
                   conversion_of(s, p->dir, p->entry) == FILTERED;
        *from_disk = *from_disk || lfs;
        if (lfs && (!now || !digest_eq(*out, now->digest)))
            lfs_object(p->dir->m, buf_cstr(&b), b.len, out);
    }
    buf_clear(&b);
    return ok;
}

/* ---- states ---------------------------------------------------------------------------------------------------- */

static void stamp_disk(const char *path, struct file_state *out)
{
    *out = (struct file_state){0};
    stamp_update(AT_FDCWD, path, out, NULL);
    out->stamp = (struct stamp){0};
}

/* The state of what is at the end of a link; `text` is the link's. */
static enum snapshot_source stamp_link(struct snapshot *s, const char *path, const char *text, size_t len,
                                       const struct snapshot_reference *ref, struct file_state *out)
{
    struct spot p;
    struct stat st;
    struct digest content = DIGEST_NONE;
    enum entry_type type = ENTRY_NONE;
    bool ok = true, disk = false;
    spot_find_path(s, path, true, !s->clean, &p);
    disk = p.where == ON_DISK;
    if (p.where == IN_GIT) {
        type = p.type;
        if (p.entry)
            ok = content_digest(s, &p, NULL, ref, &content, &disk);
    } else if (p.where == ON_DISK && stat(p.path.p, &st) == 0) {
        type = entry_type_of(&st);
        if (S_ISREG(st.st_mode))
            ok = file_digest(p.path.p, &content, NULL);
    }
    spot_clear(&p);
    *out = (struct file_state){.type = ok ? ENTRY_LINK : ENTRY_OTHER};
    if (ok)
        out->digest = stamp_link_digest(text, len, type, content);
    return disk ? FROM_BOTH : FROM_REVISION;
}

/* A link on the disk may lead into the work tree, where the snapshot has a word to say. */
static enum snapshot_source stamp_disk_link(struct snapshot *s, const char *path, const char *disk,
                                            const struct snapshot_reference *ref, struct file_state *out)
{
    char text[PATH_MAX];
    struct spot p;
    ssize_t len = readlink(disk, text, sizeof text);
    spot_find_path(s, path, true, !s->clean, &p);
    bool inside = p.where != ON_DISK || p.overlay;
    spot_clear(&p);
    if (len < 0 || !inside) {
        stamp_disk(disk, out);
        return FROM_DISK;
    }
    stamp_link(s, path, text, (size_t)len, ref, out);
    return FROM_BOTH;
}

enum snapshot_source snapshot_stamp(struct tree *t, const char *path, const struct snapshot_reference *ref,
                                    struct file_state *out)
{
    struct snapshot *s = snapshot_of(t);
    struct spot p;
    enum snapshot_source source = FROM_REVISION;
    bool disk = false;
    *out = (struct file_state){0};
    if (!spot_quick(s, path, &p))
        spot_find_path(s, path, false, !s->clean, &p);
    if (p.where == ON_DISK) {
        /* The same on both sides, unless links of the revision led there. */
        const struct file_state *now = ref->state && p.direct ? ref->state(ref->ctx, path) : NULL;
        struct stat st;
        source = p.direct ? FROM_DISK : FROM_BOTH;
        if (now && now->type != ENTRY_LINK)
            *out = (struct file_state){.digest = now->digest, .type = now->type};
        else if (lstat(p.path.p, &st) == 0 && S_ISLNK(st.st_mode))
            source = stamp_disk_link(s, path, p.path.p, ref, out) == FROM_DISK ? source : FROM_BOTH;
        else
            stamp_disk(p.path.p, out);
    } else if (p.where == IN_GIT && p.type == ENTRY_LINK) {
        struct buf text = BUF_INIT;
        if (snapshot_content(s, p.dir, p.entry, &text))
            source = stamp_link(s, path, buf_cstr(&text), text.len, ref, out);
        else
            out->type = ENTRY_OTHER;
        buf_clear(&text);
    } else if (p.where == IN_GIT) {
        out->type = (uint8_t)p.type;
        if (p.entry && !content_digest(s, &p, p.direct && *path != '/' ? path : NULL, ref, &out->digest, &disk))
            *out = (struct file_state){.type = ENTRY_OTHER};
        source = disk || !p.direct ? FROM_BOTH : FROM_REVISION;
    } else if (p.loop) { /* which stamp_update cannot look through either */
        out->type = ENTRY_OTHER;
    } /* else nothing: that the disk was asked is noted */
    spot_clear(&p);
    return source;
}

bool snapshot_object(struct tree *t, const char *path, struct object_id *out)
{
    struct spot p;
    spot_find_path(snapshot_of(t), path, false, false, &p);
    bool ok = p.where == IN_GIT && p.entry && p.direct && p.type != ENTRY_LINK;
    if (ok)
        *out = from_oid(&p.entry->id);
    spot_clear(&p);
    return ok;
}

uint32_t snapshot_n_hashed(const struct tree *t) { return ((const struct snapshot *)t)->n_hashed; }

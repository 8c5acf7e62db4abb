/* SPDX-License-Identifier: MIT
 *
 * What the snapshot's files share: snapshot_dir.c knows folders, snapshot_path.c finds what a path means, snapshot_content.c
 * reads and hashes, snapshot.c is the view. Private to these. */
#ifndef TGRAPH_TREE_SNAPSHOT_INTERNAL_H
#define TGRAPH_TREE_SNAPSHOT_INTERNAL_H

#include "base/map.h"
#include "base/strtab.h"
#include "tree/glob.h"
#include "tree/repo_internal.h"
#include "tree/snapshot.h"

#include <sys/stat.h>

/* A repository that part of the snapshot comes from: the main one, and each submodule that was looked into. */
struct mount {
    struct mount *next;
    git_repository *git;
    git_index *index; /* after mount_index; NULL: none */
    bool index_known;
    int64_t index_ns;
    bool owned; /* git and index are closed with the snapshot */
    char *at;   /* its folder from the main top; "" = the main one */
    char *disk; /* the same, absolute, without trailing slash */
    git_oid commit;
    bool has_commit;           /* false: the index */
    struct snap_dir *root;     /* NULL: a submodule that is not checked out */
    git_repository *plain;     /* the same without work tree and index: attributes then come from the commit alone */
    git_odb *odb;              /* NULL until it is needed */
    int8_t filters_everywhere; /* attributes from outside the tree, or core.autocrlf; -1 = not asked yet */
    bool crlf;                 /* core.autocrlf or core.eol ask for CRLF; valid with filters_everywhere */
};

struct snap_entry {
    const char *name;
    uint32_t len;
    uint32_t mode; /* git's */
    git_oid id;
    struct snap_dir *dir; /* of a folder or submodule that was looked into */
};

struct snap_dir {
    struct mount *m;
    struct snap_dir *parent; /* NULL: the mount's top */
    const char *path;        /* from the mount's top */
    git_oid id;
    struct snap_entry *v; /* sorted by name, bytewise */
    uint32_t n, cap;
    bool loaded;
    int8_t has_attributes;    /* .gitattributes here or above; -1 = not asked yet */
    int8_t attributes_differ; /* another one in the reference; the same */
};

struct pure_view { /* the snapshot without what lies on the disk: for its own ignore rules */
    struct tree base;
    struct snapshot *s;
};

struct snapshot {
    struct tree base; /* first */
    struct repo *repo;
    struct mount *mounts; /* the main one is the last */
    struct mount *main;
    struct arena arena;
    struct pure_view pure;
    struct walker *own_rules;  /* over pure; made when first needed */
    struct tree *work;         /* the work tree; the same */
    struct walker *work_rules; /* over work */
    struct err failure;
    struct snapshot *older; /* of the index's: what it is compared with; NULL */
    bool clean;             /* ignored files do not show */
    bool failed, sparse;
    bool more;                  /* the answers rest on what is not noted below: not to be kept */
    struct strtab looked_names; /* absolute paths on the disk that were looked at; a trailing slash means the listing */
    struct map looked_index;
    struct looked {
        str_id path;
        enum in_index index;
    } * looked;
    uint32_t n_looked, cap_looked;
    struct snap_dir *last_dir; /* of the last file that was stamped: the next one is often beside it */
    char *last_path;           /* from the root; owned */
    size_t last_len;
    uint32_t n_hashed;
};

static inline struct snapshot *snapshot_of(struct tree *t) { return (struct snapshot *)t; }

enum where { NOWHERE, IN_GIT, ON_DISK };
struct spot {
    enum where where;
    enum entry_type type;     /* not of ON_DISK outside the work tree: ENTRY_NONE there */
    struct snap_dir *dir;     /* IN_GIT: the folder that it is, or that holds the entry */
    struct snap_entry *entry; /* IN_GIT: NULL for a folder */
    struct buf path;          /* IN_GIT: from the main top; ON_DISK: absolute */
    bool overlay;             /* ON_DISK: an ignored file of the work tree, or a folder that holds some */
    bool all_ignored;         /* such a folder: it is ignored itself */
    bool loop;                /* NOWHERE: links lead in a circle */
    bool direct;              /* reached through no link and no submodule */
};
/* What a path from the main top means. follow: a link at the end too. disk: ignored files count. */
void spot_find(struct snapshot *s, const char *from_top, bool follow, bool disk, struct spot *out);
/* The same for a path as tree.h has them, or an absolute one. */
void spot_find_path(struct snapshot *s, const char *path, bool follow, bool disk, struct spot *out);
/* The same for a plain file of the main repository, without its path; false: it is something else. */
bool spot_quick(struct snapshot *s, const char *path, struct spot *out);
void spot_clear(struct spot *p);

/* ---- snapshot_dir.c ---- */
static inline bool is_dir_mode(uint32_t mode) { return (mode & S_IFMT) == S_IFDIR; }
static inline bool is_link_mode(uint32_t mode) { return (mode & S_IFMT) == S_IFLNK; }
static inline bool is_submodule_mode(uint32_t mode) { return (mode & S_IFMT) == 0160000; }
void snap_sort(struct snap_dir *d);
enum entry_type snap_type(uint32_t mode);
struct snap_dir *snap_dir_new(struct snapshot *s, struct mount *m, struct snap_dir *parent, const char *name,
                              const git_oid *id);
/* The folder behind an entry; of a submodule that is not there an empty one. */
struct snap_dir *snap_dir_of(struct snapshot *s, struct snap_dir *d, struct snap_entry *en);
/* The path of an entry from its mount's top; mem_free it. */
char *snap_path(const struct snap_dir *d, const char *name);
bool snap_on_disk(const struct snapshot *s, const char *from_top);
/* Is a path from the main top ignored in the work tree and by the snapshot's own rules? */
bool snap_is_ignored(struct snapshot *s, const char *from_top, bool is_dir);
/* The entries of a folder on the disk that belong to every revision: ignored, and not tracked. `all`: the folder itself
 * is ignored. What `known` (may be NULL) has of the same name is left out. Returns an errno. */
int snap_list_ignored(struct snapshot *s, const char *from_top, bool all, struct snap_dir *known,
                      struct tree_listing *out);
/* Is there any file in a folder on the disk, at any depth, that belongs to every revision? `all` as there. */
bool snap_holds_ignored(struct snapshot *s, const char *from_top, bool all);
/* Does the repository use a sparse checkout? */
bool repo_is_sparse(const struct repo *r);
bool snap_load(struct snapshot *s, struct snap_dir *d); /* reads its entries; false: failed */
struct snap_entry *snap_find(struct snapshot *s, struct snap_dir *d, const char *name, size_t len);
void snapshot_fail(struct snapshot *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void snapshot_look(struct snapshot *s, const char *path, enum in_index index); /* notes that the answer rests on it */
git_index *mount_index(struct snapshot *s, struct mount *m);
/* Is the path (from the mount's top) in the mount's index? Unknown counts as true. */
bool mount_tracks(struct snapshot *s, struct mount *m, const char *path);

/* snapshot_content.c: what a checkout would write; false: it cannot be had. Of a link: its text. */
bool snapshot_content(struct snapshot *s, struct snap_dir *d, const struct snap_entry *en, struct buf *out);

#endif

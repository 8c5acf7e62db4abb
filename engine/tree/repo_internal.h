/* SPDX-License-Identifier: MIT
 *
 * What repo.c and snapshot.c share. Private to these. */
#ifndef TGRAPH_TREE_REPO_INTERNAL_H
#define TGRAPH_TREE_REPO_INTERNAL_H

#include "tree/gitlib.h"
#include "tree/repo.h"

#include <string.h>

struct repo {
    git_repository *git;
    char *root; /* of the Testfiles, absolute */
    char *top;  /* of git's work tree, absolute, links resolved, without trailing slash ("" = the file system's root) */
    const char *prefix; /* root below top, "" = the same; inside root */
    git_index *index;   /* after repo_index: NULL if there is none that can be read */
    bool index_known;
    int64_t index_ns; /* mtime of its file */
    char *no_index;   /* why there is none; NULL otherwise */
};

/* Reads the index when it is first asked for: a large one takes tens of milliseconds. */
git_index *repo_index(struct repo *r);
/* The same for a repository that is no struct repo. `path`: NULL = its own. Returns libgit2's error code. */
int index_read(git_repository *git, const char *path, git_index **out, int64_t *mtime_ns);

/* At any stage: an unmerged file is tracked too. */
bool index_has(git_index *index, const char *path);

static inline git_oid to_oid(struct object_id id)
{
    git_oid o;
    _Static_assert(sizeof o.id == sizeof id.b, "SHA-1");
    memcpy(o.id, id.b, sizeof id.b);
    return o;
}

static inline struct object_id from_oid(const git_oid *o)
{
    struct object_id id;
    memcpy(id.b, o->id, sizeof id.b);
    return id;
}

#endif

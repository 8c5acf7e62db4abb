/* SPDX-License-Identifier: MIT
 *
 * The git repository that a work tree belongs to: its commits by name, merge bases, where its index is. Nothing here
 * writes to it.
 *
 *     struct repo *r;
 *     if (!repo_open(root, &r, &e)) ...              // T701, T702, T703
 *     repo_resolve(r, "main", &used, &theirs, &e);   // used = "origin/main" where only that is there
 *     repo_close(r);
 *
 * GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE count as they do for git. Linked work trees and submodules are repositories
 * like any other. Not to be opened: SHA-256 repositories and those with extensions that libgit2 does not know (T703).
 *
 * Threads: a repo belongs to one thread.
 */
#ifndef TGRAPH_TREE_REPO_H
#define TGRAPH_TREE_REPO_H

#include "base/err.h"

struct object_id { /* SHA-1 of a git object */
    uint8_t b[20];
};
#define OBJECT_ID_HEX 41
void object_id_hex(struct object_id id, char out[OBJECT_ID_HEX]);
bool object_id_eq(struct object_id a, struct object_id b);

struct repo;
/* `root` is the folder of the topmost Testfile, absolute, links resolved; the repository is the one that holds it. */
bool repo_open(const char *root, struct repo **out, struct err *e);
void repo_close(struct repo *r);

/* The commit that `name` means: whatever git takes for a revision, or else a branch of that name of a remote. `used`
 * (may be NULL) gets the name that was found; the caller frees it. T704: there is none. */
bool repo_resolve(struct repo *r, const char *name, char **used, struct object_id *commit, struct err *e);
/* The same for what a CI system calls a branch: a remote's branch comes first, since a clone's local branch of that
 * name may hold the changes already. */
bool repo_resolve_branch(struct repo *r, const char *name, char **used, struct object_id *commit, struct err *e);
/* T705: there is no commit yet. */
bool repo_head(struct repo *r, struct object_id *commit, struct err *e);
/* T706: the two have no commit in common, or it is not here (a shallow clone). */
bool repo_merge_base(struct repo *r, struct object_id a, struct object_id b, struct object_id *out, struct err *e);
bool repo_is_shallow(const struct repo *r);
/* The default branch of the remote ("origin/main"), or a local main or master where there is no remote; NULL if none is
 * known. The caller frees it. */
char *repo_default_branch(struct repo *r);

/* Is the file (absolute) in the index? Also true if there is no index to ask. */
bool repo_tracks(struct repo *r, const char *path);

#endif

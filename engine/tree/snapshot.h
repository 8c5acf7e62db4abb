/* SPDX-License-Identifier: MIT
 *
 * A snapshot: a git revision, or the index, as a tree - what a clean checkout of it would hold, read from the object
 * database without one. Folders are read when somebody looks into them.
 *
 *     struct tree *t = snapshot_commit(repo, commit, &e);
 *     load_testfiles(&(struct load_opts){.tree = t, ...}, ...);
 *     if (snapshot_failed(t, &e)) ...                       // an object was not there: what was seen is not all
 *     snapshot_stamp(t, "src/a.c", &reference, &state);
 *     tree_free(t);
 *
 * Links are followed as the file system would, out of the repository too. A submodule shows what its own repository
 * holds for the commit; one that is not checked out here is an empty folder, as it is after a checkout.
 *
 * Files that git ignores, in the work tree and by the snapshot's own rules, and does not track belong to no revision:
 * the snapshot shows them as they are in the work tree now, when they are asked for by name or by a glob that wants
 * ignored files. What a sparse checkout leaves out is left out here too.
 *
 * Content is that of a checkout: filters for line endings and `ident` are applied by the attributes of the snapshot. Of
 * a Git LFS pointer the content is taken from the repository's own LFS store; where it is not there, the pointer itself
 * stands for it, which is never equal to what it points to. Other external filters are not run.
 *
 * Threads: a snapshot belongs to one thread. It borrows the repo.
 */
#ifndef TGRAPH_TREE_SNAPSHOT_H
#define TGRAPH_TREE_SNAPSHOT_H

#include "tree/repo.h"
#include "tree/stamp.h"
#include "tree/tree.h"

/* T707: the commit's objects are not here. */
struct tree *snapshot_commit(struct repo *r, struct object_id commit, struct err *e);
/* T703: no index; T708: it holds unmerged files. */
struct tree *snapshot_index(struct repo *r, struct err *e);

/* An ignored file that `base` holds is no file of every revision: that the index has it no more is a change. */
void snapshot_has_base(struct tree *index, struct tree *base);
/* From now on ignored files of the work tree do not show. */
void snapshot_leave_out_ignored(struct tree *t);
bool snapshot_leaves_out_ignored(const struct tree *t);

/* The id of the whole tree of a commit's snapshot, of which the root may be a folder; all zero for the index. */
struct object_id snapshot_tree_id(const struct tree *t);
/* Did a look-up miss an object (a partial clone, a damaged repository)? T707. */
bool snapshot_failed(const struct tree *t, struct err *e);
/* What of the disk the answers rest on, besides the commit: paths of ignored files and of git's own, absolute or from
 * the root; with a trailing slash the folder's listing. While stamp_update says the same of all of them, and those with
 * `index` other than ANY are still so in git's index (repo_tracks), another load of the same commit gives the same answer - unless
 * snapshot_saw_more. */
size_t snapshot_n_looked(const struct tree *t);
enum in_index { ANY, UNTRACKED, TRACKED };
const char *snapshot_looked(const struct tree *t, size_t i, enum in_index *index);
/* Adds the files that decide which filters a checkout runs. */
void snapshot_look_at_config(struct tree *t);
bool snapshot_saw_more(const struct tree *t); /* a sparse checkout, submodules, folders of ignored files */

/* Reads all folders below the root and git's index, which is most of what loading and stamping wait for. */
void snapshot_read_ahead(struct tree *t);

/* What is taken for the same without a look at its content. */
struct snapshot_reference {
    /* The state of a file of the work tree, just stamped; NULL if it is not known. Where git's index says by its stat
     * that the file is what the snapshot holds, its digest is taken. */
    const struct file_state *(*state)(void *ctx, const char *path);
    void *ctx;
    /* Or another snapshot: what is the same object in both gets a digest made of the object's id. */
    struct tree *peer;
};
/* The state of a file as stamp_update would give it after a checkout, without a stamp; `path` as there, but no listing.
 * DIGEST_NONE and ENTRY_OTHER if the content cannot be had. One snapshot is stamped against one reference. */
enum snapshot_source {
    FROM_REVISION, /* another snapshot of the same commit would say the same */
    FROM_DISK,     /* stamp_update says the same of the path */
    FROM_BOTH,     /* a link of the revision to a file on the disk, a Git LFS object */
};
enum snapshot_source snapshot_stamp(struct tree *t, const char *path, const struct snapshot_reference *ref,
                                    struct file_state *out);

/* The object that the path is in the snapshot, if it is a plain file of it, not behind a link or in a submodule. */
bool snapshot_object(struct tree *t, const char *path, struct object_id *out);
/* Number of blobs that were read to be hashed. */
uint32_t snapshot_n_hashed(const struct tree *t);

#endif

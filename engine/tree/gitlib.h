/* SPDX-License-Identifier: MIT
 *
 * libgit2, loaded when git is first asked something: linking it would cost every run 2 to 3 ms. Private to tree/.
 *
 *     if (!gitlib_load(e)) return false;
 *     lg.repository_open(&repo, path);              // libgit2's git_repository_open
 *
 * The library has to be the one that the program was built with: its structs differ between releases, and the name of
 * the shared object says which it is. After gitlib_load, functions may be called from any thread.
 */
#ifndef TGRAPH_TREE_GITLIB_H
#define TGRAPH_TREE_GITLIB_H

#include <git2.h>
#include <git2/sys/repository.h>

#include "base/err.h"

/* libgit2's functions that are used, without their prefix git_. */
#define GITLIB_FUNCTIONS(X)                                                                                            \
    X(attr_get_many_ext)                                                                                               \
    X(attr_value)                                                                                                      \
    X(blob_filter)                                                                                                     \
    X(blob_free)                                                                                                       \
    X(blob_lookup)                                                                                                     \
    X(blob_rawcontent)                                                                                                 \
    X(blob_rawsize)                                                                                                    \
    X(buf_dispose)                                                                                                     \
    X(commit_free)                                                                                                     \
    X(commit_lookup)                                                                                                   \
    X(commit_tree_id)                                                                                                  \
    X(config_foreach_match)                                                                                            \
    X(config_free)                                                                                                     \
    X(config_get_bool)                                                                                                 \
    X(config_get_string)                                                                                               \
    X(config_open_ondisk)                                                                                              \
    X(error_last)                                                                                                      \
    X(index_entrycount)                                                                                                \
    X(index_free)                                                                                                      \
    X(index_get_byindex)                                                                                               \
    X(index_get_bypath)                                                                                                \
    X(index_new)                                                                                                       \
    X(index_open)                                                                                                      \
    X(index_path)                                                                                                      \
    X(libgit2_init)                                                                                                    \
    X(libgit2_opts)                                                                                                    \
    X(merge_base)                                                                                                      \
    X(odb_free)                                                                                                        \
    X(odb_read_header)                                                                                                 \
    X(object_free)                                                                                                     \
    X(object_id)                                                                                                       \
    X(object_peel)                                                                                                     \
    X(reference_free)                                                                                                  \
    X(reference_lookup)                                                                                                \
    X(reference_name_to_id)                                                                                            \
    X(reference_symbolic_target)                                                                                       \
    X(remote_list)                                                                                                     \
    X(repository_commondir)                                                                                            \
    X(repository_config_snapshot)                                                                                      \
    X(repository_free)                                                                                                 \
    X(repository_head_unborn)                                                                                          \
    X(repository_index)                                                                                                \
    X(repository_is_bare)                                                                                              \
    X(repository_is_shallow)                                                                                           \
    X(repository_is_worktree)                                                                                          \
    X(repository_odb)                                                                                                  \
    X(repository_open_ext)                                                                                             \
    X(repository_path)                                                                                                 \
    X(repository_set_index)                                                                                            \
    X(repository_workdir)                                                                                              \
    X(revparse_single)                                                                                                 \
    X(strarray_dispose)                                                                                                \
    X(tree_entry_byindex)                                                                                              \
    X(tree_entry_filemode_raw)                                                                                         \
    X(tree_entry_id)                                                                                                   \
    X(tree_entry_name)                                                                                                 \
    X(tree_entrycount)                                                                                                 \
    X(tree_free)                                                                                                       \
    X(tree_lookup)

struct gitlib {
#define GITLIB_MEMBER(name) __typeof__(git_##name) *name;
    GITLIB_FUNCTIONS(GITLIB_MEMBER)
#undef GITLIB_MEMBER
};
extern struct gitlib lg; /* valid after gitlib_load has returned true */

/* Loads and initialises it, once. Errors: T701. */
bool gitlib_load(struct err *e);
/* Sets the code and "context: what libgit2 says was wrong with the last call"; returns false. */
bool gitlib_error(struct err *e, const char *code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif

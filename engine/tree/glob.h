/* SPDX-License-Identifier: MIT
 *
 * Globs over a tree. `*` and `?` match within one path part (leading dots included), `[a-z]` `[!a-z]` a set, `{a,b}`
 * alternatives (they may nest 8 deep), `**` as a whole part any number of parts, `\x` x itself. Symbolic links to
 * folders are matched as entries and not entered (the base itself may be one). `.git` and `.tgraph` are never entered.
 * Results are files and links, no folders. A pattern without a wildcard only asks whether that file is there.
 *
 * Errors: T403 a folder that cannot be listed, T405 a malformed pattern; those of reading an ignore file.
 *
 * A walker caches listings and ignore rules, so that many globs over one tree list each folder once, and it remembers
 * which folders and ignore files it looked at: those decide whether the same globs can give another answer.
 *
 *     struct walker *w = walker_new(tree);
 *     walker_glob(w, &spec, &paths, &e);
 *     walker_free(w);
 */
#ifndef TGRAPH_TREE_GLOB_H
#define TGRAPH_TREE_GLOB_H

#include "base/hash.h"
#include "tree/tree.h"

struct glob_spec {
    const char *base;           /* folder that the patterns start from, repository-relative */
    const char *const *include; /* patterns relative to base; "//x" from the root is resolved by the caller */
    size_t n_include;
    const char *const *exclude; /* the same; a pattern that matches a folder excludes what is below it */
    size_t n_exclude;
    bool with_ignored; /* also what git ignores */
};

/* Does one pattern match one path? Both relative to the same folder. */
bool glob_match(const char *pattern, const char *path);
/* NULL if the pattern is well-formed, else what is wrong with it ("'[' is not closed"). */
const char *glob_check(const char *pattern);
/* Adds the pattern, its alternatives written out, to an automaton (tree/wild.h). Same result as glob_check. */
struct wild;
const char *glob_compile(struct wild *w, const char *pattern);

struct walker;
struct walker *walker_new(struct tree *t); /* borrows the tree */
void walker_free(struct walker *w);
/* The tree's root is the folder `outer` of a git repository, not its top: the .gitignore files above it count too, and
 * .git is found there. Before anything is asked; "" (the default) = the root is the top. */
void walker_set_outer(struct walker *w, const char *outer);
const char *walker_outer(const struct walker *w);
/* Appends the matching paths (repository-relative), sorted, without duplicates. A base that does not exist matches
 * nothing. */
bool walker_glob(struct walker *w, const struct glob_spec *spec, struct strvec *out, struct err *e);
/* Digest of a result: its paths. */
struct digest glob_digest(const struct strvec *paths);
enum entry_type walker_type(struct walker *w, const char *path); /* from the cached listing of its folder */
bool walker_is_ignored(struct walker *w, const char *path, bool is_dir);

/* What was looked at by walker_glob and walker_is_ignored, in order of first use: folders (that may not exist), ignore
 * files (that may not exist; of a linked work tree .git/info/exclude is an absolute path). An ignore file that is not
 * there is left out where its folder is listed, since its coming changes the folder. The two look-ups walker_type and
 * walker_listing_digest add nothing: who asks them keeps the answer. */
size_t walker_n_dirs(const struct walker *w);
const char *walker_dir(const struct walker *w, size_t i);
size_t walker_n_ignore_files(const struct walker *w);
const char *walker_ignore_file(const struct walker *w, size_t i);
/* Sorted names and types of a folder's entries, as a digest; of a folder that does not exist DIGEST_NONE. The same as
 * stamp_update's for a path with a trailing slash. */
struct digest walker_listing_digest(struct walker *w, const char *dir);

#endif

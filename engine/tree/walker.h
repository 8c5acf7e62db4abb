/* SPDX-License-Identifier: MIT
 *
 * What the walker's two files share: walker.c knows folders and ignore rules, walk.c walks them for a glob. Private to
 * these two. */
#ifndef TGRAPH_TREE_WALKER_H
#define TGRAPH_TREE_WALKER_H

#include "base/map.h"
#include "base/strtab.h"
#include "tree/glob.h"

#include <string.h>

struct ignore_rules;

enum dir_state {
    DIR_UNSEEN,     /* not listed yet */
    DIR_LISTED,     /* entries and digest are there */
    DIR_ABSENT,     /* there is no such folder */
    DIR_UNREADABLE, /* `failure` says why */
};

struct entry {
    const char *name;
    uint32_t len;
    uint8_t type;    /* enum entry_type */
    struct dir *dir; /* of a folder that was asked for; else NULL */
};

/* The rules that hold in a folder: its own file's, then its parents', innermost first. */
struct rule_chain {
    const struct rule_chain *outer;
    const struct ignore_rules *rules;
    uint32_t prefix;  /* bytes of a path before what the rules are relative to */
    const char *up;   /* of rules above the root: the root's path from their folder, with a slash; else NULL */
    struct buf *full; /* scratch for up and a path */
};

struct dir {
    struct dir *parent; /* NULL: the root */
    const char *path;
    uint32_t len;
    uint8_t state; /* enum dir_state */
    bool complete; /* entries that the tree leaves out of listings are there too (tree.h, list_ignored) */
    bool recorded;
    bool rules_known; /* `ignored` and `rules` are there */
    bool ignored;     /* git ignores the folder or one above it */
    const struct rule_chain *rules;
    struct entry *v; /* in the order of the paths below them: a folder sorts as "name/" */
    uint32_t n;
    struct digest digest;
    char *failure;
};

struct walker {
    struct tree *tree;
    struct arena arena;
    struct hasher hasher;
    struct strtab paths; /* of the folders known */
    struct map by_path;  /* str_id -> index into dirs */
    struct dir **dirs;
    size_t n_dirs, cap_dirs;
    const char **seen_dirs;
    size_t n_seen_dirs, cap_seen_dirs;
    const char **ignore_files;
    size_t n_ignore_files, cap_ignore_files;
    struct ignore_rules **rules; /* all that were read, for freeing */
    size_t n_rules, cap_rules;
    const char *outer;                     /* the root's path from git's top; "" = the same */
    const char *above;                     /* the way there: "../" for each part of outer */
    struct buf full;                       /* scratch of rule_chain.full */
    const struct rule_chain *exclude_file; /* of .git/info/exclude; NULL = none */
    bool exclude_file_read;
};

/* The folder of that name and those above it, whether or not they are there. */
struct dir *dir_get(struct walker *w, const char *path, size_t len);
/* The folder behind an entry of `parent`; path is that of the entry. */
struct dir *dir_of_entry(struct walker *w, struct dir *parent, struct entry *en, const char *path, size_t len);
/* The entry of that name in a listed folder; NULL if there is none. */
struct entry *entry_find(struct dir *d, const char *name, size_t len);
/* The folder of a path; *name becomes its last part. */
struct dir *dir_split(struct walker *w, const char *path, const char **name);
void dir_list(struct walker *w, struct dir *d);     /* sets its state; once */
void dir_complete(struct walker *w, struct dir *d); /* adds to a listed folder what the tree left out; once */
void dir_record(struct walker *w, struct dir *d);   /* counts as looked at by a glob */
/* The type of something in a folder: from the listing if there is one, else the tree is asked for `path`. */
enum entry_type dir_type_in(struct walker *w, struct dir *d, const char *name, size_t len, const char *path);
/* Makes `ignored` and `rules` known, from the outermost folder inwards. */
bool dir_know_rules(struct walker *w, struct dir *d, struct err *e);
/* Do the rules of a folder ignore `path` in it, of `len` bytes, whose last part starts at `base`? */
bool rules_ignore(const struct rule_chain *c, const char *path, size_t len, size_t base, bool is_dir);

/* Names that are never looked at. */
static inline bool is_private_name(const char *name, size_t len)
{
    return (len == 4 && !memcmp(name, ".git", 4)) || (len == 7 && !memcmp(name, ".tgraph", 7));
}

#endif

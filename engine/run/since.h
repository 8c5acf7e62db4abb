/* SPDX-License-Identifier: MIT
 *
 * What a branch can have changed: the targets whose static key differs between a base (the merge base of a revision and
 * HEAD) and now - the work tree, the index or another revision. Keys are compared, not paths, so that whatever counts
 * for a key counts here.
 *
 *     struct since s;
 *     if (since_open(&s, &ws, &opts, &errs)) {
 *         if (since_compare(&s, &ws, &errs))
 *             ... s.affected[n] for the nodes of *s.now ...
 *     }
 *     since_close(&s);
 *
 * Where there is no base (a shallow clone, unrelated histories, an unknown revision, a base that does not load) every
 * target is affected: s.everything says why, s.mend how to mend it.
 */
#ifndef TGRAPH_RUN_SINCE_H
#define TGRAPH_RUN_SINCE_H

#include "run/revision.h"

struct since_opts {
    const char *ref;       /* NULL: the default branch; with `staged` HEAD */
    const char *chosen_by; /* what chose ref, for people ("GITHUB_BASE_REF"); NULL: a person did */
    bool is_branch;        /* ref is a branch by name: a remote's comes before a local one */
    bool in_ci;     /* a person is not there to see that nothing was compared: a base that is HEAD itself is none */
    const char *to; /* compare with this revision instead of the work tree; NULL */
    bool staged;    /* compare with the index instead of the work tree */
    bool exact;     /* static keys are shown: they have to be those of a checkout, at the cost of hashing more */
};

struct since {
    struct since_opts o;
    struct repo *repo;
    char *name;      /* of the revision that was chosen ("origin/main") */
    char *chosen_by; /* NULL: a person */
    struct object_id base;
    bool have_base;
    struct tree *base_tree, *now_tree; /* now_tree: of `to` or the index; else NULL */
    struct revision before, after;
    bool have_before, have_after;
    char *everything;             /* why every target counts as affected; NULL: they were compared */
    char *mend;                   /* the command that mends it; NULL */
    struct graph *now;            /* the workspace's, or after.g */
    struct key_context *now_keys; /* with its static keys */
    uint8_t *affected;            /* per node of it */
    file_id *
        doubt; /* per node of it: a file that its last run read, or that its Testfile reads and a target may make otherwise now; ID_NONE */
    uint32_t n_affected;
    uint32_t n_unstaged; /* of a run with `staged`: affected ones that the work tree has otherwise, or not at all */
};

/* Finds the base. false: git cannot be asked, or `to` does not exist. */
bool since_open(struct since *s, struct workspace *ws, const struct since_opts *o, struct errlist *errs);
/* Reads what since_compare will want of git. For a work tree whose files are being stamped meanwhile: needs of ws only
 * its place, and may run in another thread. */
void since_read_ahead(struct since *s, const struct workspace *ws);
/* Compares. For the work tree, all its nodes are stamped (ws_stamp) and ws->keys has the static keys. May be called
 * again when the workspace was loaded again. false: `to` or the index does not load. */
bool since_compare(struct since *s, struct workspace *ws, struct errlist *errs);
/* Is the target of this label affected? */
bool since_has(struct since *s, const char *label);
void since_close(struct since *s);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Where the base of --since comes from when nobody named one: what the CI system says in the environment of the job.
 * Reads nothing but what the callbacks give, and has never heard of git: whether the repository knows the base, the
 * caller finds out. docs/since.md has the table for users.
 *
 *     struct ci_env env = ci_env_process();
 *     struct ci_base base;
 *     if (ci_base_find(&env, &base)) {
 *         // a branch: try "<remote>/<ref>", then "<ref>"; else <ref> is a commit id
 *         say("since %s (%s)", base.ref, base.variable);
 *     } else if (base.system) {
 *         // on a known CI that says no base (a new branch, a timer, ...): the remote's default branch
 *     }
 *     ci_base_clear(&base);
 *
 * A job for a pull request gives the branch that it is to be merged into; a job for a push the commit before the push,
 * or the last one whose build passed, whatever the system offers. A value that cannot be a branch or a commit id (all
 * zeros, "null", "$(Unexpanded)") counts as not said. Threads: any.
 */
#ifndef TGRAPH_CLI_CI_BASE_H
#define TGRAPH_CLI_CI_BASE_H

#include "base/buf.h"

struct ci_env {
    const char *(*get)(void *ctx, const char *name);                /* NULL: not set */
    bool (*read)(void *ctx, const char *path, struct buf *content); /* a file named by a variable; appends */
    void *ctx;
};
struct ci_env ci_env_process(void); /* getenv, and files of at most 64 MiB */

struct ci_base {
    const char *system;   /* "GitHub Actions"; NULL: no CI system was recognised; static */
    const char *variable; /* the variable that said it: "GITHUB_BASE_REF"; static; NULL if nothing did */
    char *ref;            /* "main" or a commit id, to be tried; owned; NULL if nothing was said */
    bool is_branch;       /* a branch's name without refs/heads/, as the remote has it */
};

/* Fills *out in any case. false: there is no ref; `system` says whether a CI was recognised. */
bool ci_base_find(const struct ci_env *env, struct ci_base *out);
void ci_base_clear(struct ci_base *b);

#endif

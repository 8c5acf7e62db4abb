/* SPDX-License-Identifier: MIT
 *
 * Prints the files of a folder that git would not ignore, each ended by NUL: walker_ls DIR. ignore_vs_git.py compares
 * them with git's own list. Also checks that walker_is_ignored says the same of every file there is. */
#include "tree/glob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool list(struct walker *w, bool with_ignored, struct strvec *out)
{
    const char *const all[] = {"**"};
    struct glob_spec spec = {.base = "", .include = all, .n_include = 1, .with_ignored = with_ignored};
    struct err e = ERR_INIT;
    bool ok = walker_glob(w, &spec, out, &e);
    if (!ok)
        fprintf(stderr, "%s\n", e.msg);
    err_clear(&e);
    return ok;
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(int argc, char **argv)
{
    if (argc != 2) {
        puts("1..0 # skip: it is started by ignore_vs_git.py");
        return 0;
    }
    struct tree *t = tree_worktree_new(argv[1]);
    struct walker *w = walker_new(t);
    struct strvec kept = STRVEC_INIT, all = STRVEC_INIT;
    int status = list(w, false, &kept) && list(w, true, &all) ? 0 : 1;
    for (size_t i = 0; i < all.n && !status; i++) {
        bool is_kept = kept.n && bsearch(&all.v[i], kept.v, kept.n, sizeof *kept.v, compare);
        if (walker_is_ignored(w, all.v[i], false) == is_kept) {
            fprintf(stderr, "walker_is_ignored and walker_glob differ about %s\n", all.v[i]);
            status = 1;
        }
    }
    for (size_t i = 0; i < kept.n && !status; i++)
        fwrite(kept.v[i], strlen(kept.v[i]) + 1, 1, stdout);
    strvec_clear(&kept);
    strvec_clear(&all);
    walker_free(w);
    tree_free(t);
    return status;
}

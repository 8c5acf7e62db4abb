/* SPDX-License-Identifier: MIT
 *
 * Finding the repository and its commits. */
#include "tree/repo_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "os/file.h"

void object_id_hex(struct object_id id, char out[OBJECT_ID_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id.b; i++) {
        out[2 * i] = digits[id.b[i] >> 4];
        out[2 * i + 1] = digits[id.b[i] & 15];
    }
    out[2 * sizeof id.b] = '\0';
}

bool object_id_eq(struct object_id a, struct object_id b) { return memcmp(a.b, b.b, sizeof a.b) == 0; }

static const char *set_env(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static bool open_git(const char *root, git_repository **out, struct err *e)
{
    const char *dir = set_env("GIT_DIR");
    int rc = dir ? lg.repository_open_ext(out, dir, GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_NO_DOTGIT, NULL)
                 : lg.repository_open_ext(out, root, GIT_REPOSITORY_OPEN_CROSS_FS, NULL);
    /* A hook's GIT_DIR is relative to git's top, and the hook may have gone elsewhere. */
    if (rc == GIT_ENOTFOUND && dir && *dir != '/')
        rc = lg.repository_open_ext(out, root, GIT_REPOSITORY_OPEN_CROSS_FS, NULL);
    if (rc == GIT_ENOTFOUND && !dir) {
        err_set(e, "T702", "%s is in no git repository, and --since asks git what changed", root);
        return err_hint(e, "run `tgraph` without it, or `git init` and commit first");
    }
    if (rc == 0)
        return true;
    gitlib_error(e, "T703", "the git repository %s cannot be opened", dir ? dir : root);
    return false;
}

static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    while (len && dir[len - 1] == '/')
        len--;
    return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

/* The folder that git's paths start from, as git(1) says for GIT_DIR and GIT_WORK_TREE. It takes the working folder for a
 * GIT_DIR alone; but a hook in a sub-folder means its repository, so that a top above the root comes first. */
static bool find_top(struct repo *r, struct err *e)
{
    const char *top = set_env("GIT_WORK_TREE"), *own = lg.repository_workdir(r->git), *configured;
    git_config *c = NULL;
    if (!top && own && set_env("GIT_DIR")) {
        const char *git = lg.repository_path(r->git);
        size_t len = strlen(git);
        bool beside = len > 6 && strcmp(git + len - 6, "/.git/") == 0 && is_below(r->root, own);
        bool said =
            lg.repository_is_worktree(r->git) == 1 || (lg.repository_config_snapshot(&c, r->git) == 0 &&
                                                       lg.config_get_string(&configured, c, "core.worktree") == 0);
        own = beside || said ? own : NULL;
        if (c)
            lg.config_free(c);
    }
    if (!top)
        top = own;
    if (!top && set_env("GIT_DIR"))
        top = ".";
    if (!top)
        return err_set(e, "T703", "the git repository of %s is bare: it has no work tree", r->root);
    struct buf real = BUF_INIT;
    if (!file_realpath(top, &real, e)) {
        buf_clear(&real);
        return false;
    }
    r->top = buf_take(&real);
    if (strcmp(r->top, "/") == 0)
        r->top[0] = '\0';
    size_t len = strlen(r->top);
    if (strncmp(r->root, r->top, len) != 0 || (r->root[len] && r->root[len] != '/')) {
        err_set(e, "T702", "%s is not in the work tree %s of the git repository that GIT_DIR names", r->root, r->top);
        return err_hint(e, "unset GIT_DIR, or give GIT_WORK_TREE too");
    }
    r->prefix = r->root + len + (r->root[len] == '/');
    return true;
}

int index_read(git_repository *git, const char *path, git_index **out, int64_t *mtime_ns)
{
    /* Its time from before it is read: an index that is replaced meanwhile must not look newer than what was read. */
    char *file = path ? mem_strdup(path) : mem_printf("%sindex", lg.repository_path(git));
    struct stat st;
    *mtime_ns = stat(file, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
    mem_free(file);
    *out = NULL;
    int rc = path ? lg.index_open(out, path) : lg.repository_index(out, git);
    if (rc != 0)
        *out = NULL;
    return rc;
}

bool index_has(git_index *index, const char *path)
{
    for (int stage = 0; stage <= 3; stage++)
        if (lg.index_get_bypath(index, path, stage))
            return true;
    return false;
}

/* Without an index nothing is taken for unchanged: everything on the base side is hashed, which is slow and right. */
git_index *repo_index(struct repo *r)
{
    struct err e = ERR_INIT;
    const char *named = set_env("GIT_INDEX_FILE");
    char *path = named ? mem_strdup(named) : NULL;
    if (r->index_known)
        goto out;
    r->index_known = true;
    if (named && *named != '/' && !file_exists(named)) { /* as for GIT_DIR */
        mem_free(path);
        path = mem_printf("%s/%s", r->top, named);
    }
    if (named && !file_exists(path)) /* libgit2 takes it for an empty one */
        r->no_index = mem_printf("git's index %s, which GIT_INDEX_FILE names, is not there", path);
    else if (index_read(r->git, path, &r->index, &r->index_ns) != 0) {
        gitlib_error(&e, "T703", "git's index cannot be read");
        r->no_index = e.msg;
        e.msg = NULL;
        err_clear(&e);
    }
out:
    mem_free(path);
    return r->index;
}

bool repo_open(const char *root, struct repo **out, struct err *e)
{
    *out = NULL;
    if (!gitlib_load(e))
        return false;
    struct repo *r = mem_calloc(1, sizeof *r);
    r->root = mem_strdup(strcmp(root, "/") == 0 ? "" : root);
    if (!open_git(root, &r->git, e) || !find_top(r, e)) {
        repo_close(r);
        return false;
    }
    *out = r;
    return true;
}

void repo_close(struct repo *r)
{
    if (!r)
        return;
    if (r->index)
        lg.index_free(r->index);
    if (r->git)
        lg.repository_free(r->git);
    mem_free(r->no_index);
    mem_free(r->root);
    mem_free(r->top);
    mem_free(r);
}

static bool commit_of(struct repo *r, const char *name, struct object_id *out)
{
    git_object *o = NULL, *commit = NULL;
    /* libgit2 knows "@" by itself only. */
    char *full = name[0] == '@' && name[1] != '{' ? mem_printf("HEAD%s", name + 1) : mem_strdup(name);
    bool ok = lg.revparse_single(&o, r->git, full) == 0 && lg.object_peel(&commit, o, GIT_OBJECT_COMMIT) == 0;
    if (ok)
        *out = from_oid(lg.object_id(commit));
    if (commit)
        lg.object_free(commit);
    if (o)
        lg.object_free(o);
    mem_free(full);
    return ok;
}

static bool has_ref(struct repo *r, const char *name)
{
    git_oid id;
    return lg.reference_name_to_id(&id, r->git, name) == 0;
}

/* The branch of that name of a remote, of origin before the others. `first` gets the first remote's name. */
static bool remote_branch(struct repo *r, const char *name, char **used, struct object_id *commit, char **first)
{
    git_strarray remotes = {NULL, 0};
    bool found = false;
    *first = NULL;
    if (lg.remote_list(&remotes, r->git) != 0)
        return false;
    bool is_name = strcmp(name, "HEAD") != 0 && !strpbrk(name, "~^@{: ");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < remotes.count; i++) {
            const char *remote = remotes.strings[i];
            if ((strcmp(remote, "origin") == 0) != (round == 0))
                continue;
            if (!*first)
                *first = mem_strdup(remote);
            char *full = mem_printf("refs/remotes/%s/%s", remote, name);
            if (!found && is_name && commit_of(r, full, commit)) {
                found = true;
                if (used)
                    *used = mem_strdup(full + strlen("refs/remotes/"));
            }
            mem_free(full);
        }
    }
    lg.strarray_dispose(&remotes);
    return found;
}

static bool unknown(struct repo *r, const char *name, const char *remote, struct err *e)
{
    size_t len = remote ? strlen(remote) : 0, n = strlen(name);
    bool is_id = n >= 7 && strspn(name, "0123456789abcdef") == n;
    err_set(e, "T704", "git knows no revision '%s' here", name);
    if (remote && repo_is_shallow(r) && (strpbrk(name, "~^@{: ") || (is_id && n < 40)))
        return err_hint(e, "git fetch --unshallow %s", remote);
    if (!remote || strpbrk(name, "~^@{: "))
        return err_hint(e, "`git branch -a` shows what there is");
    if (is_id)
        return n == 40 ? err_hint(e, "git fetch %s %s", remote, name) : err_hint(e, "git fetch %s", remote);
    if (strncmp(name, remote, len) == 0 && name[len] == '/')
        name += len + 1;
    return err_hint(e, "git fetch %s %s:refs/remotes/%s/%s", remote, name, remote, name);
}

static bool resolve(struct repo *r, const char *name, bool remote_first, char **used, struct object_id *commit,
                    struct err *e)
{
    char *remote = NULL;
    if (used)
        *used = NULL;
    bool found = !remote_first && commit_of(r, name, commit);
    if (!found && remote_branch(r, name, used, commit, &remote)) {
        mem_free(remote);
        return true;
    }
    found = found || (remote_first && commit_of(r, name, commit));
    if (found && used)
        *used = mem_strdup(name);
    if (!found)
        unknown(r, name, remote, e);
    mem_free(remote);
    return found;
}

bool repo_resolve(struct repo *r, const char *name, char **used, struct object_id *commit, struct err *e)
{
    return resolve(r, name, false, used, commit, e);
}

bool repo_resolve_branch(struct repo *r, const char *name, char **used, struct object_id *commit, struct err *e)
{
    return resolve(r, name, true, used, commit, e);
}

bool repo_head(struct repo *r, struct object_id *commit, struct err *e)
{
    if (lg.repository_head_unborn(r->git) == 1) {
        err_set(e, "T705", "the repository has no commit yet");
        return err_hint(e, "git add . && git commit");
    }
    if (commit_of(r, "HEAD", commit))
        return true;
    return gitlib_error(e, "T705", "HEAD leads to no commit");
}

bool repo_is_shallow(const struct repo *r) { return lg.repository_is_shallow(r->git) == 1; }

bool repo_merge_base(struct repo *r, struct object_id a, struct object_id b, struct object_id *out, struct err *e)
{
    git_oid x = to_oid(a), y = to_oid(b), base;
    int rc = lg.merge_base(&base, r->git, &x, &y);
    if (rc == 0) {
        *out = from_oid(&base);
        return true;
    }
    if (repo_is_shallow(r)) {
        err_set(e, "T706", "the commit where the two part is not in this shallow clone");
        return err_hint(e, "git fetch --unshallow");
    }
    if (rc != GIT_ENOTFOUND)
        return gitlib_error(e, "T706", "the merge base cannot be found");
    err_set(e, "T706", "the two have no commit in common");
    return err_hint(e, "name one that shares a commit with this branch: tgraph --since REF");
}

char *repo_default_branch(struct repo *r)
{
    static const char *const usual[] = {"main", "master", "trunk"};
    git_strarray remotes = {NULL, 0};
    char *found = NULL;
    if (lg.remote_list(&remotes, r->git) == 0) {
        /* origin before the others */
        for (int round = 0; round < 2 && !found; round++) {
            for (size_t i = 0; i < remotes.count && !found; i++) {
                const char *remote = remotes.strings[i];
                if ((strcmp(remote, "origin") == 0) != (round == 0))
                    continue;
                char *head = mem_printf("refs/remotes/%s/HEAD", remote);
                git_reference *ref = NULL;
                if (lg.reference_lookup(&ref, r->git, head) == 0) {
                    const char *target = lg.reference_symbolic_target(ref);
                    if (target && strncmp(target, "refs/remotes/", 13) == 0 && has_ref(r, target))
                        found = mem_strdup(target + 13);
                    lg.reference_free(ref);
                }
                mem_free(head);
                for (size_t k = 0; k < sizeof usual / sizeof *usual && !found; k++) {
                    char *full = mem_printf("refs/remotes/%s/%s", remote, usual[k]);
                    if (has_ref(r, full))
                        found = mem_strdup(full + 13);
                    mem_free(full);
                }
            }
        }
        lg.strarray_dispose(&remotes);
    }
    for (size_t k = 0; k < sizeof usual / sizeof *usual && !found; k++) {
        char *full = mem_printf("refs/heads/%s", usual[k]);
        if (has_ref(r, full))
            found = mem_strdup(usual[k]);
        mem_free(full);
    }
    return found;
}

bool repo_tracks(struct repo *r, const char *path)
{
    size_t len = strlen(r->top);
    if (strncmp(path, r->top, len) != 0 || path[len] != '/')
        return false;
    return !repo_index(r) || index_has(r->index, path + len + 1);
}

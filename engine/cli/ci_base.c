/* SPDX-License-Identifier: MIT
 *
 * One table: which variables of which CI system name the base. Each system's rows stand under the name of the page of
 * its documentation that says what the variables mean. */
#include "cli/ci_base.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "os/file.h"

enum { MAX_EVENT_BYTES = 64 << 20, MAX_BRANCH = 1024 };

enum how {
    NOTHING, /* the row only recognises the system */
    BRANCH,  /* "main" or "refs/heads/main" */
    COMMIT,
    RANGE,        /* "A...B" or "A..B": A */
    EVENT_BEFORE, /* the variable names a JSON file: its `before` */
    EVENT_QUEUE,  /* the same: its `merge_group.base_sha` */
};

enum test {
    ALWAYS,
    IS,      /* has the value */
    GIVEN,   /* is set, and not to "false" */
    SAME,    /* has the value that another variable has; both are set */
    DIFFERS, /* has another value than the other variable */
};

struct condition {
    const char *variable;
    enum test test;
    const char *than; /* IS: the value; SAME, DIFFERS: the other variable */
};

static const struct row {
    const char *system;
    const char *marker, *marker_value; /* the system is recognised by this variable; value NULL: any */
    const char *variable;
    enum how how;
    struct condition when[2];
} table[] = {
/* GitHub Docs, "Variables reference": GITHUB_BASE_REF is the target branch, for pull_request and pull_request_target
 * only. "Webhook events and payloads": `before` of a push is the commit of the branch before it, zeros if the push made
 * the branch; `merge_group.base_sha` is the parent of the commits that the merge queue tries.
 * Forgejo ("Actions | Reference") and Gitea ("Gitea Actions: Variables") set the same names for the sake of actions. */
#define LIKE_GITHUB(system, marker)                                                                                    \
    {system, marker, "true", "GITHUB_BASE_REF", BRANCH, {{0}}},                                                        \
        {system, marker, "true", "GITHUB_EVENT_PATH", EVENT_QUEUE, {{"GITHUB_EVENT_NAME", IS, "merge_group"}}},        \
    {                                                                                                                  \
        system, marker, "true", "GITHUB_EVENT_PATH", EVENT_BEFORE,                                                     \
        {                                                                                                              \
            {                                                                                                          \
                "GITHUB_EVENT_NAME", IS, "push"                                                                        \
            }                                                                                                          \
        }                                                                                                              \
    }
    LIKE_GITHUB("Forgejo Actions", "FORGEJO_ACTIONS"),
    LIKE_GITHUB("Gitea Actions", "GITEA_ACTIONS"),
    LIKE_GITHUB("GitHub Actions", "GITHUB_ACTIONS"),

    /* GitLab Docs, "Predefined CI/CD variables reference": ..._TARGET_BRANCH_SHA is set in merged results pipelines only,
     * whose commit is a merge with that one; ..._DIFF_BASE_SHA is the merge request's merge base; CI_COMMIT_BEFORE_SHA is
     * the branch's commit before, zeros for merge requests, timers, by hand and for a branch's first. */
    {"GitLab CI", "GITLAB_CI", NULL, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA", COMMIT, {{0}}},
    {"GitLab CI", "GITLAB_CI", NULL, "CI_MERGE_REQUEST_DIFF_BASE_SHA", COMMIT, {{0}}},
    {"GitLab CI", "GITLAB_CI", NULL, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", BRANCH, {{0}}},
    {"GitLab CI", "GITLAB_CI", NULL, "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", BRANCH, {{0}}},
    {"GitLab CI", "GITLAB_CI", NULL, "CI_COMMIT_BEFORE_SHA", COMMIT, {{0}}},

    /* Buildkite, "Environment variables": the branch that the pull request targets, "" if there is none. */
    {"Buildkite", "BUILDKITE", NULL, "BUILDKITE_PULL_REQUEST_BASE_BRANCH", BRANCH, {{0}}},

    /* Jenkins, "Global Variable Reference": CHANGE_TARGET is the target or base branch of a change request (multibranch
     * projects); Git plugin: the commit last built with success on this branch, if any (some jobs write "null"). */
    {"Jenkins", "JENKINS_URL", NULL, "CHANGE_TARGET", BRANCH, {{0}}},
    {"Jenkins", "JENKINS_URL", NULL, "GIT_PREVIOUS_SUCCESSFUL_COMMIT", COMMIT, {{0}}},

    /* Azure Pipelines, "Use predefined variables": System.PullRequest.TargetBranch, "refs/heads/main" for Azure Repos
     * and "main" for GitHub; pull requests only. */
    {"Azure Pipelines", "TF_BUILD", NULL, "SYSTEM_PULLREQUEST_TARGETBRANCH", BRANCH, {{0}}},

    /* Bitbucket Cloud, "Variables and secrets": the pull request's destination branch; pull requests only. */
    {"Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", NULL, "BITBUCKET_PR_DESTINATION_BRANCH", BRANCH, {{0}}},

    /* Travis CI, "Environment Variables": TRAVIS_BRANCH is the target of a pull request, else the branch itself;
     * TRAVIS_PULL_REQUEST its number or "false"; the range of a push is empty for a new branch. */
    {"Travis CI", "TRAVIS", NULL, "TRAVIS_BRANCH", BRANCH, {{"TRAVIS_PULL_REQUEST", GIVEN, NULL}}},
    {"Travis CI", "TRAVIS", NULL, "TRAVIS_COMMIT_RANGE", RANGE, {{0}}},

    /* AppVeyor, "Environment variables": APPVEYOR_REPO_BRANCH is the base branch of a pull request, else the branch. */
    {"AppVeyor", "APPVEYOR", NULL, "APPVEYOR_REPO_BRANCH", BRANCH, {{"APPVEYOR_PULL_REQUEST_NUMBER", GIVEN, NULL}}},

    /* Woodpecker CI, "Environment variables": the target branch is empty if the event is no pull request; CI_PREV_... is
     * of the pipeline before, which may be one of another branch, or the same commit again. */
    {"Woodpecker CI", "CI", "woodpecker", "CI_COMMIT_TARGET_BRANCH", BRANCH, {{0}}},
    {"Woodpecker CI",
     "CI",
     "woodpecker",
     "CI_PREV_COMMIT_SHA",
     COMMIT,
     {{"CI_PREV_COMMIT_BRANCH", SAME, "CI_COMMIT_BRANCH"}, {"CI_PREV_COMMIT_SHA", DIFFERS, "CI_COMMIT_SHA"}}},

    /* Drone, "Reference": DRONE_TARGET_BRANCH is the target branch of a push as well; DRONE_COMMIT_BEFORE the commit
     * before the push, zeros for a new branch. */
    {"Drone", "DRONE", NULL, "DRONE_TARGET_BRANCH", BRANCH, {{"DRONE_BUILD_EVENT", IS, "pull_request"}}},
    {"Drone", "DRONE", NULL, "DRONE_COMMIT_BEFORE", COMMIT, {{"DRONE_BUILD_EVENT", IS, "push"}}},

    /* Cirrus CI, "Writing Tasks", environment variables: CIRRUS_BASE_BRANCH (and ..._SHA) only for pull requests;
     * CIRRUS_LAST_GREEN_CHANGE is the last commit of this branch whose build passed. */
    {"Cirrus CI", "CIRRUS_CI", NULL, "CIRRUS_BASE_BRANCH", BRANCH, {{0}}},
    {"Cirrus CI", "CIRRUS_CI", NULL, "CIRRUS_LAST_GREEN_CHANGE", COMMIT, {{0}}},

    /* Semaphore, "Environment variables": SEMAPHORE_GIT_BRANCH is the branch that a pull request targets; the range of a
     * push is empty for a new branch. */
    {"Semaphore", "SEMAPHORE", NULL, "SEMAPHORE_GIT_BRANCH", BRANCH, {{"SEMAPHORE_GIT_REF_TYPE", IS, "pull-request"}}},
    {"Semaphore", "SEMAPHORE", NULL, "SEMAPHORE_GIT_COMMIT_RANGE", RANGE, {{"SEMAPHORE_GIT_REF_TYPE", IS, "branch"}}},

    /* AWS CodeBuild, "Environment variables in build environments": the base reference of a pull request's event; the
     * last commit before a push's event. */
    {"AWS CodeBuild", "CODEBUILD_BUILD_ID", NULL, "CODEBUILD_WEBHOOK_BASE_REF", BRANCH, {{0}}},
    {"AWS CodeBuild", "CODEBUILD_BUILD_ID", NULL, "CODEBUILD_WEBHOOK_PREV_COMMIT", COMMIT, {{0}}},

    /* Bitrise, "Available environment variables": the branch that a pull request is to be merged into. */
    {"Bitrise", "BITRISE_IO", NULL, "BITRISEIO_GIT_BRANCH_DEST", BRANCH, {{0}}},

    /* Netlify, "Build environment variables": the commit built before, the same as COMMIT_REF where it is not known. */
    {"Netlify", "NETLIFY", NULL, "CACHED_COMMIT_REF", COMMIT, {{"CACHED_COMMIT_REF", DIFFERS, "COMMIT_REF"}}},

    /* Vercel, "System environment variables": the last commit of the branch that was deployed with success; only in an
     * Ignored Build Step. */
    {"Vercel", "VERCEL", NULL, "VERCEL_GIT_PREVIOUS_SHA", COMMIT, {{0}}},

    /* CircleCI, "Project values and variables": pipeline.git.base_revision is no environment variable. TeamCity,
     * "Predefined build parameters": teamcity.pullRequest.target.branch is none either. */
    {"CircleCI", "CIRCLECI", NULL, NULL, NOTHING, {{0}}},
    {"TeamCity", "TEAMCITY_VERSION", NULL, NULL, NOTHING, {{0}}},
};

static const char *get(const struct ci_env *env, const char *name)
{
    const char *v = env->get(env->ctx, name);
    return v && *v ? v : NULL;
}

static bool recognised(const struct ci_env *env, const struct row *r)
{
    const char *v = get(env, r->marker);
    return v && strcmp(v, "false") != 0 && (!r->marker_value || strcmp(v, r->marker_value) == 0);
}

static bool holds(const struct ci_env *env, const struct condition *c)
{
    if (c->test == ALWAYS)
        return true;
    const char *v = get(env, c->variable);
    if (c->test == GIVEN)
        return v && strcmp(v, "false") != 0;
    if (c->test == IS)
        return v && strcmp(v, c->than) == 0;
    const char *other = get(env, c->than);
    bool equal = v && other && strcmp(v, other) == 0;
    return c->test == SAME ? equal : !equal;
}

/* 7 to 64 hexadecimal digits, not all of them zeros. */
static char *commit_of(const char *s, size_t len)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    if (len < 7 || len > 64)
        return NULL;
    char *id = mem_strndup(s, len);
    if (strspn(id, digits) == len && strspn(id, "0") != len)
        return id;
    mem_free(id);
    return NULL;
}

/* What git-check-ref-format allows of a branch's name; "$(" is left from a macro that the CI did not expand. */
static char *branch_of(const char *s)
{
    static const char prefix[] = "refs/heads/";
    if (strncmp(s, prefix, sizeof prefix - 1) == 0)
        s += sizeof prefix - 1;
    size_t len = strlen(s);
    if (!len || len > MAX_BRANCH || *s == '-' || *s == '/' || *s == '.' || s[len - 1] == '/' || s[len - 1] == '.')
        return NULL;
    if (strstr(s, "..") || strstr(s, "@{") || strstr(s, "//") || strncmp(s, "$(", 2) == 0 ||
        strpbrk(s, " ~^:?*[\\\177"))
        return NULL;
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < 0x20)
            return NULL;
    return mem_strdup(s);
}

/* ---- one string of a JSON file: {"before": "..."} or {"merge_group": {"base_sha": "..."}} ---- */

struct finder {
    const char *const *path;
    int n_path;
    int depth;  /* open containers */
    int inside; /* so many of the path's objects are open below the outermost one */
    bool next;  /* the next value is the one that path[inside] names */
    char *value;
};

static int scalar(struct finder *f)
{
    f->next = false;
    return 1;
}

static int on_null(void *f) { return scalar(f); }
static int on_boolean(void *f, int v) { return (void)v, scalar(f); }
static int on_number(void *f, const char *s, size_t len) { return (void)s, (void)len, scalar(f); }

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
    struct finder *f = ctx;
    if (f->next && f->inside == f->n_path - 1) {
        mem_free(f->value);
        f->value = commit_of((const char *)s, len);
    }
    return scalar(f);
}

static int on_key(void *ctx, const unsigned char *s, size_t len)
{
    struct finder *f = ctx;
    const char *want = f->path[f->inside];
    f->next = f->depth == f->inside + 1 && strlen(want) == len && memcmp(s, want, len) == 0;
    return 1;
}

static int on_map(void *ctx)
{
    struct finder *f = ctx;
    if (f->next && f->inside < f->n_path - 1)
        f->inside++;
    f->depth++;
    return scalar(f);
}

static int on_array(void *ctx)
{
    struct finder *f = ctx;
    f->depth++;
    return scalar(f);
}

static int on_end(void *ctx)
{
    struct finder *f = ctx;
    f->depth--;
    if (f->inside && f->depth < f->inside + 1)
        f->inside = f->depth - 1;
    return scalar(f);
}

/* The commit id that lies there; NULL if it is not there or this is no JSON. */
static char *commit_in(const char *text, size_t len, const char *const *path, int n_path)
{
    static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                             .yajl_boolean = on_boolean,
                                             .yajl_number = on_number,
                                             .yajl_string = on_string,
                                             .yajl_start_map = on_map,
                                             .yajl_map_key = on_key,
                                             .yajl_end_map = on_end,
                                             .yajl_start_array = on_array,
                                             .yajl_end_array = on_end};
    struct finder f = {.path = path, .n_path = n_path};
    yajl_handle h = yajl_alloc(&callbacks, NULL, &f);
    if (!h)
        return NULL;
    bool ok =
        yajl_parse(h, (const unsigned char *)text, len) == yajl_status_ok && yajl_complete_parse(h) == yajl_status_ok;
    yajl_free(h);
    if (ok)
        return f.value;
    mem_free(f.value);
    return NULL;
}

static char *commit_of_event(const struct ci_env *env, const char *file, enum how how)
{
    static const char *const before[] = {"before"}, *const queue[] = {"merge_group", "base_sha"};
    struct buf b = BUF_INIT;
    char *id = NULL;
    if (env->read && env->read(env->ctx, file, &b))
        id = how == EVENT_BEFORE ? commit_in(buf_cstr(&b), b.len, before, 1) : commit_in(buf_cstr(&b), b.len, queue, 2);
    buf_clear(&b);
    return id;
}

static char *said(const struct ci_env *env, const struct row *r)
{
    const char *v = r->how == NOTHING ? NULL : get(env, r->variable);
    if (!v || !holds(env, &r->when[0]) || !holds(env, &r->when[1]))
        return NULL;
    if (r->how == BRANCH)
        return branch_of(v);
    if (r->how == COMMIT)
        return commit_of(v, strlen(v));
    if (r->how != RANGE)
        return commit_of_event(env, v, r->how);
    const char *dots = strstr(v, "..");
    return dots ? commit_of(v, (size_t)(dots - v)) : NULL;
}

bool ci_base_find(const struct ci_env *env, struct ci_base *out)
{
    *out = (struct ci_base){0};
    for (size_t i = 0; i < sizeof table / sizeof *table && !out->ref; i++) {
        const struct row *r = &table[i];
        if (!recognised(env, r))
            continue;
        out->ref = said(env, r);
        if (out->ref) {
            out->system = r->system;
            out->variable = r->variable;
            out->is_branch = r->how == BRANCH;
        } else if (!out->system) {
            out->system = r->system;
        }
    }
    return out->ref != NULL;
}

void ci_base_clear(struct ci_base *b)
{
    mem_free(b->ref);
    *b = (struct ci_base){0};
}

static const char *process_get(void *ctx, const char *name) { return (void)ctx, getenv(name); }

static bool process_read(void *ctx, const char *path, struct buf *content)
{
    (void)ctx;
    return file_read(path, MAX_EVENT_BYTES, content, NULL);
}

struct ci_env ci_env_process(void) { return (struct ci_env){.get = process_get, .read = process_read, .ctx = NULL}; }

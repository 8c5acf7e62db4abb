/* SPDX-License-Identifier: MIT
 *
 * The base of --since from environments as the documentation of each CI system describes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ci_base.h"

#define SHA "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define SHA2 "ffffffff5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define ZEROS "0000000000000000000000000000000000000000"

struct job {
    const char *const *vars;  /* "NAME=value", NULL at the end */
    const char *path, *event; /* the one file that there is */
};

static const char *job_get(void *ctx, const char *name)
{
    const struct job *j = ctx;
    size_t len = strlen(name);
    for (const char *const *v = j->vars; *v; v++)
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
            return *v + len + 1;
    return NULL;
}

static bool job_read(void *ctx, const char *path, struct buf *content)
{
    const struct job *j = ctx;
    if (!j->path || strcmp(path, j->path) != 0)
        return false;
    buf_adds(content, j->event);
    return true;
}

/* expected: "system variable ref [branch]", or "system", or "" */
static void expect(const char *const *vars, const char *event, const char *expected, int line)
{
    struct job j = {vars, "/event.json", event};
    struct ci_env env = {job_get, job_read, &j};
    struct ci_base b;
    struct buf got = BUF_INIT;
    if (!event)
        j.path = NULL;
    bool found = ci_base_find(&env, &b);
    buf_adds(&got, b.system ? b.system : "");
    if (found)
        buf_printf(&got, " %s %s%s", b.variable, b.ref, b.is_branch ? " branch" : "");
    else if (b.ref || b.variable || b.is_branch)
        buf_adds(&got, " and more");
    if (strcmp(buf_cstr(&got), expected) != 0)
        fail_msg("line %d: %s", line, buf_cstr(&got));
    buf_clear(&got);
    ci_base_clear(&b);
    assert_null(b.ref);
}
#define JOB(expected, ...) expect((const char *const[]){__VA_ARGS__, NULL}, NULL, expected, __LINE__)
#define EVENT(expected, event, ...) expect((const char *const[]){__VA_ARGS__, NULL}, event, expected, __LINE__)

static void without_a_ci_there_is_nothing(void **state)
{
    (void)state;
    JOB("", "HOME=/root");
    JOB("", "CI=true");
    /* Variables that happen to have such a name say nothing by themselves. */
    JOB("", "GITHUB_BASE_REF=main", "CHANGE_TARGET=main", "TRAVIS_BRANCH=main", "CI_COMMIT_TARGET_BRANCH=main");
    JOB("", "GITHUB_ACTIONS=false", "GITHUB_BASE_REF=main");
}

static void pull_requests_give_the_branch_that_they_go_to(void **state)
{
    (void)state;
    JOB("GitHub Actions GITHUB_BASE_REF main branch", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request",
        "GITHUB_BASE_REF=main");
    JOB("Gitea Actions GITHUB_BASE_REF main branch", "GITEA_ACTIONS=true", "GITHUB_ACTIONS=true",
        "GITHUB_BASE_REF=main");
    JOB("Forgejo Actions GITHUB_BASE_REF main branch", "GITEA_ACTIONS=true", "GITHUB_ACTIONS=true",
        "FORGEJO_ACTIONS=true", "GITHUB_BASE_REF=main");
    JOB("GitLab CI CI_MERGE_REQUEST_TARGET_BRANCH_NAME main branch", "GITLAB_CI=true",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main", "CI_COMMIT_BEFORE_SHA=" ZEROS);
    JOB("GitLab CI CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME main branch", "GITLAB_CI=true",
        "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME=main");
    JOB("Buildkite BUILDKITE_PULL_REQUEST_BASE_BRANCH main branch", "BUILDKITE=true",
        "BUILDKITE_PULL_REQUEST_BASE_BRANCH=main");
    JOB("Jenkins CHANGE_TARGET main branch", "JENKINS_URL=http://j/", "CHANGE_TARGET=main",
        "GIT_PREVIOUS_SUCCESSFUL_COMMIT=" SHA);
    JOB("Azure Pipelines SYSTEM_PULLREQUEST_TARGETBRANCH release/1.0 branch", "TF_BUILD=True",
        "SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/release/1.0");
    JOB("Azure Pipelines SYSTEM_PULLREQUEST_TARGETBRANCH main branch", "TF_BUILD=True",
        "SYSTEM_PULLREQUEST_TARGETBRANCH=main");
    JOB("Bitbucket Pipelines BITBUCKET_PR_DESTINATION_BRANCH main branch", "BITBUCKET_BUILD_NUMBER=1",
        "BITBUCKET_PR_DESTINATION_BRANCH=main");
    JOB("Travis CI TRAVIS_BRANCH main branch", "TRAVIS=true", "TRAVIS_BRANCH=main", "TRAVIS_PULL_REQUEST=12",
        "TRAVIS_COMMIT_RANGE=" SHA "..." SHA2);
    JOB("AppVeyor APPVEYOR_REPO_BRANCH main branch", "APPVEYOR=True", "APPVEYOR_REPO_BRANCH=main",
        "APPVEYOR_PULL_REQUEST_NUMBER=12");
    JOB("Woodpecker CI CI_COMMIT_TARGET_BRANCH main branch", "CI=woodpecker", "CI_COMMIT_TARGET_BRANCH=main",
        "CI_COMMIT_BRANCH=main", "CI_PREV_COMMIT_BRANCH=main", "CI_PREV_COMMIT_SHA=" SHA);
    JOB("Drone DRONE_TARGET_BRANCH main branch", "DRONE=true", "CI=true", "DRONE_BUILD_EVENT=pull_request",
        "DRONE_TARGET_BRANCH=main", "DRONE_COMMIT_BEFORE=" SHA);
    JOB("Cirrus CI CIRRUS_BASE_BRANCH main branch", "CIRRUS_CI=true", "CIRRUS_BASE_BRANCH=main",
        "CIRRUS_LAST_GREEN_CHANGE=" SHA);
    JOB("Semaphore SEMAPHORE_GIT_BRANCH main branch", "SEMAPHORE=true", "SEMAPHORE_GIT_REF_TYPE=pull-request",
        "SEMAPHORE_GIT_BRANCH=main", "SEMAPHORE_GIT_COMMIT_RANGE=" SHA "..." SHA2);
    JOB("AWS CodeBuild CODEBUILD_WEBHOOK_BASE_REF main branch", "CODEBUILD_BUILD_ID=p:1",
        "CODEBUILD_WEBHOOK_BASE_REF=refs/heads/main");
    JOB("Bitrise BITRISEIO_GIT_BRANCH_DEST main branch", "BITRISE_IO=true", "BITRISEIO_GIT_BRANCH_DEST=main");
}

static void gitlab_says_merge_bases_itself(void **state)
{
    (void)state;
    JOB("GitLab CI CI_MERGE_REQUEST_DIFF_BASE_SHA " SHA, "GITLAB_CI=true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main",
        "CI_MERGE_REQUEST_TARGET_BRANCH_SHA=", "CI_MERGE_REQUEST_DIFF_BASE_SHA=" SHA);
    /* A merged results pipeline builds a merge with the target's head, which may be newer than the merge base. */
    JOB("GitLab CI CI_MERGE_REQUEST_TARGET_BRANCH_SHA " SHA2, "GITLAB_CI=true",
        "CI_MERGE_REQUEST_TARGET_BRANCH_SHA=" SHA2, "CI_MERGE_REQUEST_DIFF_BASE_SHA=" SHA);
}

static void pushes_give_the_commit_before(void **state)
{
    (void)state;
    EVENT("GitHub Actions GITHUB_EVENT_PATH " SHA,
          "{\"after\": \"" SHA2 "\", \"commits\": [{\"before\": \"" SHA2 "\"}], \"before\": \"" SHA
          "\", \"repository\": {\"before\": \"" SHA2 "\"}}",
          "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push", "GITHUB_BASE_REF=", "GITHUB_EVENT_PATH=/event.json");
    JOB("GitLab CI CI_COMMIT_BEFORE_SHA " SHA, "GITLAB_CI=true", "CI_COMMIT_BEFORE_SHA=" SHA);
    JOB("Jenkins GIT_PREVIOUS_SUCCESSFUL_COMMIT " SHA, "JENKINS_URL=http://j/", "GIT_PREVIOUS_SUCCESSFUL_COMMIT=" SHA);
    JOB("Travis CI TRAVIS_COMMIT_RANGE " SHA, "TRAVIS=true", "TRAVIS_BRANCH=topic", "TRAVIS_PULL_REQUEST=false",
        "TRAVIS_COMMIT_RANGE=" SHA "..." SHA2);
    JOB("Woodpecker CI CI_PREV_COMMIT_SHA " SHA, "CI=woodpecker", "CI_COMMIT_BRANCH=main", "CI_PREV_COMMIT_BRANCH=main",
        "CI_COMMIT_SHA=" SHA2, "CI_PREV_COMMIT_SHA=" SHA);
    JOB("Drone DRONE_COMMIT_BEFORE " SHA, "DRONE=true", "DRONE_BUILD_EVENT=push", "DRONE_TARGET_BRANCH=main",
        "DRONE_COMMIT_BEFORE=" SHA);
    JOB("Cirrus CI CIRRUS_LAST_GREEN_CHANGE " SHA, "CIRRUS_CI=true", "CIRRUS_LAST_GREEN_CHANGE=" SHA);
    JOB("Semaphore SEMAPHORE_GIT_COMMIT_RANGE " SHA, "SEMAPHORE=true", "SEMAPHORE_GIT_REF_TYPE=branch",
        "SEMAPHORE_GIT_BRANCH=topic", "SEMAPHORE_GIT_COMMIT_RANGE=" SHA "..." SHA2);
    JOB("AWS CodeBuild CODEBUILD_WEBHOOK_PREV_COMMIT " SHA, "CODEBUILD_BUILD_ID=p:1",
        "CODEBUILD_WEBHOOK_BASE_REF=", "CODEBUILD_WEBHOOK_PREV_COMMIT=" SHA);
    JOB("Netlify CACHED_COMMIT_REF " SHA, "NETLIFY=true", "COMMIT_REF=" SHA2, "CACHED_COMMIT_REF=" SHA);
    JOB("Vercel VERCEL_GIT_PREVIOUS_SHA " SHA, "VERCEL=1", "VERCEL_GIT_PREVIOUS_SHA=" SHA);
}

static void a_merge_queue_gives_what_it_builds_on(void **state)
{
    (void)state;
    EVENT("GitHub Actions GITHUB_EVENT_PATH " SHA,
          "{\"base_sha\": \"" SHA2 "\", \"merge_group\": {\"head\": {\"base_sha\": \"" SHA2
          "\"}, \"list\": [{\"base_sha\": \"" SHA2 "\"}], \"base_sha\": \"" SHA "\"}, \"x\": {\"base_sha\": \"" SHA2
          "\"}, \"before\": \"" SHA2 "\"}",
          "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=merge_group", "GITHUB_EVENT_PATH=/event.json");
    EVENT("GitHub Actions", "{\"merge_group\": [{\"base_sha\": \"" SHA2 "\"}], \"base_sha\": \"" SHA2 "\"}",
          "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=merge_group", "GITHUB_EVENT_PATH=/event.json");
}

static void a_known_ci_may_say_no_base(void **state)
{
    (void)state;
    JOB("GitHub Actions", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=schedule");
    JOB("GitLab CI", "GITLAB_CI=true", "CI_COMMIT_BEFORE_SHA=" ZEROS);
    JOB("Buildkite", "BUILDKITE=true", "BUILDKITE_PULL_REQUEST_BASE_BRANCH=", "BUILDKITE_BRANCH=topic");
    JOB("Jenkins", "JENKINS_URL=http://j/", "GIT_PREVIOUS_SUCCESSFUL_COMMIT=null");
    JOB("Azure Pipelines", "TF_BUILD=True", "BUILD_SOURCEBRANCH=refs/heads/topic");
    JOB("Azure Pipelines", "TF_BUILD=True", "SYSTEM_PULLREQUEST_TARGETBRANCH=$(System.PullRequest.TargetBranch)");
    JOB("Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER=1", "BITBUCKET_BRANCH=topic");
    JOB("Travis CI", "TRAVIS=true", "TRAVIS_BRANCH=topic", "TRAVIS_PULL_REQUEST=false", "TRAVIS_COMMIT_RANGE=");
    JOB("Travis CI", "TRAVIS=true", "TRAVIS_BRANCH=topic", "TRAVIS_COMMIT_RANGE=" SHA);
    JOB("AppVeyor", "APPVEYOR=True", "APPVEYOR_REPO_BRANCH=topic");
    JOB("Drone", "DRONE=true", "DRONE_BUILD_EVENT=push", "DRONE_TARGET_BRANCH=topic", "DRONE_COMMIT_BEFORE=" ZEROS);
    JOB("Drone", "DRONE=true", "DRONE_BUILD_EVENT=cron", "DRONE_COMMIT_BEFORE=" SHA);
    JOB("Semaphore", "SEMAPHORE=true", "SEMAPHORE_GIT_REF_TYPE=tag", "SEMAPHORE_GIT_BRANCH=v1",
        "SEMAPHORE_GIT_COMMIT_RANGE=" SHA "..." SHA2);
    JOB("CircleCI", "CIRCLECI=true", "CIRCLE_BRANCH=topic");
    JOB("TeamCity", "TEAMCITY_VERSION=2024.1");
    /* The commit that is built is no base: nothing would be affected. */
    JOB("Netlify", "NETLIFY=true", "COMMIT_REF=" SHA, "CACHED_COMMIT_REF=" SHA);
    JOB("Woodpecker CI", "CI=woodpecker", "CI_COMMIT_BRANCH=main", "CI_PREV_COMMIT_BRANCH=main", "CI_COMMIT_SHA=" SHA,
        "CI_PREV_COMMIT_SHA=" SHA);
    JOB("Woodpecker CI", "CI=woodpecker", "CI_COMMIT_BRANCH=main", "CI_PREV_COMMIT_BRANCH=topic", "CI_COMMIT_SHA=" SHA2,
        "CI_PREV_COMMIT_SHA=" SHA);
}

static void events_that_say_nothing_are_passed_over(void **state)
{
    (void)state;
#define PUSH(event)                                                                                                    \
    EVENT("GitHub Actions", event, "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push", "GITHUB_EVENT_PATH=/event.json")
    PUSH("{\"before\": \"" ZEROS "\"}");
    PUSH("{\"before\": null}");
    PUSH("{\"before\": 12345678}");
    PUSH("{\"before\": [\"" SHA "\"]}");
    PUSH("{\"before\": {\"before\": \"" SHA "\"}}");
    PUSH("{\"before\": \"main\"}");
    PUSH("{\"befor\": \"" SHA "\", \"beforehand\": \"" SHA "\"}");
    PUSH("[{\"before\": \"" SHA "\"}]");
    PUSH("{\"before\": \"" SHA "\"");    /* cut off */
    PUSH("{\"before\": \"" SHA "\"} x"); /* no JSON */
    PUSH("{\"before\": \"" SHA "\", \"x\": \"\xff\"}");
    PUSH("\"before\"");
    PUSH("");
    JOB("GitHub Actions", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push", "GITHUB_EVENT_PATH=/not/there");
    JOB("GitHub Actions", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push");
    /* A dispatched workflow has no push, whatever its inputs are called. */
    EVENT("GitHub Actions", "{\"before\": \"" SHA "\"}", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=workflow_dispatch",
          "GITHUB_EVENT_PATH=/event.json");
#undef PUSH
}

static void deep_events_are_read_to_the_end(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_adds(&b, "{\"x\": ");
    for (int i = 0; i < 100000; i++)
        buf_adds(&b, "[");
    for (int i = 0; i < 100000; i++)
        buf_adds(&b, "]");
    buf_adds(&b, ", \"before\": \"" SHA "\"}");
    EVENT("GitHub Actions GITHUB_EVENT_PATH " SHA, b.p, "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=push",
          "GITHUB_EVENT_PATH=/event.json");
    buf_clear(&b);
}

static void what_cannot_be_a_ref_is_not_said(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-x",   "/x",    "x/",   ".x",          "x.",    "a..b",
                                      "a b", "a\nb", "a~1",   "a^",   "a:b",         "a?",    "a*",
                                      "a[",  "a\\b", "a@{1}", "a//b", "refs/heads/", "a\177", "\033[31m"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *v = mem_printf("GITHUB_BASE_REF=%s", bad[i]);
        JOB("GitHub Actions", "GITHUB_ACTIONS=true", v);
        mem_free(v);
    }
    JOB("GitHub Actions GITHUB_BASE_REF f\xc3\xbcr/a-b_c.d@e branch", "GITHUB_ACTIONS=true",
        "GITHUB_BASE_REF=f\xc3\xbcr/a-b_c.d@e");
    static const char *const no_ids[] = {"123456", "main", "0000000", ZEROS "1x", ZEROS "0000000000000000000000001"};
    for (size_t i = 0; i < sizeof no_ids / sizeof *no_ids; i++) {
        char *v = mem_printf("CI_COMMIT_BEFORE_SHA=%s", no_ids[i]);
        JOB("GitLab CI", "GITLAB_CI=true", v);
        mem_free(v);
    }
    JOB("GitLab CI CI_COMMIT_BEFORE_SHA 1a2b3c4", "GITLAB_CI=true", "CI_COMMIT_BEFORE_SHA=1a2b3c4");
    JOB("GitLab CI CI_COMMIT_BEFORE_SHA " SHA "1a2b3c4d5e6f708192a3b4c5", "GITLAB_CI=true",
        "CI_COMMIT_BEFORE_SHA=" SHA "1a2b3c4d5e6f708192a3b4c5"); /* SHA-256 */
}

static void the_process_has_an_environment_too(void **state)
{
    (void)state;
    struct ci_env env = ci_env_process();
    struct buf b = BUF_INIT;
    setenv("TGRAPH_TEST_CI", "yes", 1);
    assert_string_equal(env.get(env.ctx, "TGRAPH_TEST_CI"), "yes");
    unsetenv("TGRAPH_TEST_CI");
    assert_null(env.get(env.ctx, "TGRAPH_TEST_CI"));
    assert_false(env.read(env.ctx, "/not/there", &b));
    char path[] = "/tmp/tgraph-ci-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "{}", 2) == 2);
    close(fd);
    assert_true(env.read(env.ctx, path, &b));
    assert_string_equal(b.p, "{}");
    unlink(path);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_ci_there_is_nothing),
        cmocka_unit_test(pull_requests_give_the_branch_that_they_go_to),
        cmocka_unit_test(gitlab_says_merge_bases_itself),
        cmocka_unit_test(pushes_give_the_commit_before),
        cmocka_unit_test(a_merge_queue_gives_what_it_builds_on),
        cmocka_unit_test(a_known_ci_may_say_no_base),
        cmocka_unit_test(events_that_say_nothing_are_passed_over),
        cmocka_unit_test(deep_events_are_read_to_the_end),
        cmocka_unit_test(what_cannot_be_a_ref_is_not_said),
        cmocka_unit_test(the_process_has_an_environment_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Finding the repository, its commits by name, merge bases and the default branch, against the real git. */
#include "git_test.h"

#include "tree/snapshot.h"

/* ---- the repository -------------------------------------------------------------------------------------------- */

static void a_folder_outside_git_is_named(void **state)
{
    struct repo *r;
    struct err e = ERR_INIT;
    (void)state;
    sh("rm -rf .git");
    assert_false(repo_open(root, &r, &e));
    assert_null(r);
    expect_err(&e, "T702", root, "git init");
}

static void the_root_may_be_a_folder_of_the_repository(void **state)
{
    struct repo *r;
    struct err e = ERR_INIT;
    (void)state;
    put("a/b/f", "1");
    commit("one");
    char *sub = mem_printf("%s/a/b", root);
    assert_true(repo_open(sub, &r, &e));
    struct object_id id;
    assert_true(repo_head(r, &id, &e));
    expect_commit(id, "HEAD");
    struct tree *t = snapshot_commit(r, id, &e);
    assert_int_equal(tree_type(t, "f"), ENTRY_FILE); /* paths are from the root, not from git's top */
    assert_int_equal(tree_type(t, "a"), ENTRY_NONE);
    tree_free(t);
    repo_close(r);
    mem_free(sub);
}

static void a_bare_repository_has_no_work_tree(void **state)
{
    struct repo *r;
    struct err e = ERR_INIT;
    (void)state;
    git("init -q --bare ../bare.git");
    char *bare = mem_printf("%s/bare.git", base);
    assert_false(repo_open(bare, &r, &e));
    expect_err(&e, "T703", "bare", NULL);
    mem_free(bare);
}

static void a_sha256_repository_cannot_be_opened(void **state)
{
    struct repo *r;
    struct err e = ERR_INIT;
    (void)state;
    sh("rm -rf .git && git init -q --object-format=sha256 .");
    assert_false(repo_open(root, &r, &e));
    expect_err(&e, "T703", root, NULL);
}

/* Git refuses it as its configuration could name programs; nothing of it is executed here. */
static void somebody_elses_repository_can_be_read(void **state)
{
    struct err e = ERR_INIT;
    struct object_id id;
    (void)state;
    if (geteuid() != 0)
        skip();
    unsetenv("SUDO_UID");
    commit("one");
    sh("chown -R 12345 .");
    struct repo *r = opened();
    assert_true(repo_head(r, &id, &e));
    repo_close(r);
}

static void a_linked_work_tree_has_its_own_head_and_index(void **state)
{
    struct repo *r;
    struct err e = ERR_INIT;
    struct object_id id;
    (void)state;
    put("f", "1");
    commit("one");
    git("worktree add -q -b topic ../linked");
    snprintf(root, sizeof root, "%s/linked", base);
    put("g", "1");
    commit("two");
    put("staged", "1");
    git("add staged");
    r = opened();
    assert_true(repo_head(r, &id, &e));
    expect_commit(id, "topic");
    struct tree *t = snapshot_index(r, &e);
    assert_int_equal(tree_type(t, "staged"), ENTRY_FILE);
    tree_free(t);
    repo_close(r);
    snprintf(root, sizeof root, "%s/repo", base);
    r = opened();
    assert_true(repo_head(r, &id, &e));
    expect_commit(id, "main");
    t = snapshot_index(r, &e);
    assert_int_equal(tree_type(t, "staged"), ENTRY_NONE);
    assert_int_equal(tree_type(t, "f"), ENTRY_FILE);
    tree_free(t);
    repo_close(r);
}

static void git_dir_and_git_work_tree_count(void **state)
{
    struct repo *r;
    struct err e = ERR_INIT;
    struct object_id id;
    (void)state;
    put("sub/f", "1");
    commit("one");
    sh("mv .git ../apart.git");
    char *dir = mem_printf("%s/apart.git", base);
    setenv("GIT_DIR", dir, 1);
    setenv("GIT_WORK_TREE", root, 1);
    r = opened();
    assert_true(repo_head(r, &id, &e));
    expect_commit(id, "main");
    struct tree *t = snapshot_commit(r, id, &e);
    assert_int_equal(tree_type(t, "sub/f"), ENTRY_FILE);
    tree_free(t);
    repo_close(r);

    setenv("GIT_WORK_TREE", "/usr", 1);
    assert_false(repo_open(root, &r, &e));
    expect_err(&e, "T702", root, "GIT_DIR");

    setenv("GIT_DIR", "/usr/lib", 1);
    assert_false(repo_open(root, &r, &e));
    expect_err(&e, "T703", "/usr/lib", NULL);
    mem_free(dir);
}

static void without_git_work_tree_the_working_folder_counts(void **state)
{
    struct err e = ERR_INIT;
    struct object_id id;
    (void)state;
    put("sub/f", "1");
    commit("one");
    sh("mv .git ../apart.git");
    char *dir = mem_printf("%s/apart.git", base);
    setenv("GIT_DIR", dir, 1);
    assert_int_equal(chdir(root), 0);
    struct repo *r = opened();
    assert_true(repo_head(r, &id, &e));
    struct tree *t = snapshot_commit(r, id, &e);
    assert_int_equal(tree_type(t, "sub/f"), ENTRY_FILE);
    tree_free(t);
    repo_close(r);
    mem_free(dir);
}

static void git_index_file_counts(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    put("f", "1");
    commit("one");
    put("g", "1");
    sh("cp .git/index ../other && GIT_INDEX_FILE=\"$(cd .. && pwd)/other\" git add g");
    char *other = mem_printf("%s/other", base);
    setenv("GIT_INDEX_FILE", other, 1);
    struct repo *r = opened();
    struct tree *t = snapshot_index(r, &e);
    assert_int_equal(tree_type(t, "g"), ENTRY_FILE);
    tree_free(t);
    repo_close(r);
    unsetenv("GIT_INDEX_FILE");
    r = opened();
    t = snapshot_index(r, &e);
    assert_int_equal(tree_type(t, "g"), ENTRY_NONE);
    tree_free(t);
    repo_close(r);
    mem_free(other);
}

static void an_index_that_cannot_be_read_is_told_when_it_is_asked_for(void **state)
{
    struct err e = ERR_INIT;
    struct object_id id;
    (void)state;
    put("f", "1");
    commit("one");
    sh("printf 'not an index, but something of its length' >.git/index");
    struct repo *r = opened();
    assert_true(repo_head(r, &id, &e)); /* a commit can be looked at without it */
    struct tree *t = snapshot_commit(r, id, &e);
    assert_int_equal(tree_type(t, "f"), ENTRY_FILE);
    tree_free(t);
    assert_null(snapshot_index(r, &e));
    expect_err(&e, "T703", "index", NULL);
    repo_close(r);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static void expect_named(struct repo *r, bool branch, const char *name, const char *used, const char *commit_name)
{
    struct err e = ERR_INIT;
    struct object_id id;
    char *got = NULL;
    bool ok = branch ? repo_resolve_branch(r, name, &got, &id, &e) : repo_resolve(r, name, &got, &id, &e);
    if (!ok)
        fail_msg("%s: %s", name, e.msg);
    assert_string_equal(got, used);
    expect_commit(id, commit_name);
    mem_free(got);
    assert_true(branch ? repo_resolve_branch(r, name, NULL, &id, &e) : repo_resolve(r, name, NULL, &id, &e));
}

static void expect_unknown(struct repo *r, const char *name, const char *hint)
{
    struct err e = ERR_INIT;
    struct object_id id;
    char *used = NULL;
    if (repo_resolve(r, name, &used, &id, &e))
        fail_msg("%s means something", name);
    assert_null(used);
    expect_err(&e, "T704", name, hint);
}

static void what_git_takes_for_a_revision_is_one(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    put("f", "2");
    commit("two");
    git("branch topic HEAD~1 && git tag light HEAD~1 && git tag -m annotated heavy HEAD~1");
    git("branch feature/deep HEAD~1");
    struct repo *r = opened();
    static const char *const of_first[] = {
        "topic", "refs/heads/topic", "heads/topic", "light",        "heavy",      "HEAD~1",         "HEAD^", "main@{1}",

        ":/one", "HEAD~0^1",         "topic^{}",    "feature/deep", "tags/heavy", "heavy^{commit}", "main~1"};
    for (size_t i = 0; i < sizeof of_first / sizeof *of_first; i++)
        expect_named(r, false, of_first[i], of_first[i], "HEAD~1");
    char hex[OBJECT_ID_HEX];
    object_id_hex(id_of_commit("HEAD~1"), hex);
    expect_named(r, false, hex, hex, "HEAD~1");
    hex[8] = '\0';
    expect_named(r, false, hex, hex, "HEAD~1");
    expect_unknown(r, "HEAD^{tree}", NULL); /* there, but no commit */
    expect_unknown(r, "HEAD:f", NULL);
    expect_unknown(r, "HEAD~2", NULL);
    expect_unknown(r, "nothing", "git branch -a");
    expect_unknown(r, "", NULL);
    repo_close(r);
}

static void an_at_sign_alone_is_head(void **state)
{
    (void)state;
    commit("one");
    commit("two");
    git("checkout -q -b topic HEAD~1");
    struct repo *r = opened();
    expect_named(r, false, "@", "@", "HEAD");
    expect_named(r, false, "main@{0}", "main@{0}", "main");
    expect_named(r, false, "@{-1}", "@{-1}", "main");
    expect_named(r, false, "@^0", "@^0", "HEAD");
    git("checkout -q main");
    expect_named(r, false, "@~1", "@~1", "HEAD~1");
    repo_close(r);
}

/* root becomes a clone of what was there. */
static void clone_it(const char *options)
{
    sh("git clone -q %s \"file://$(pwd)\" ../clone", options);
    snprintf(root, sizeof root, "%s/clone", base);
}

static void a_remotes_branch_stands_in_for_a_local_one(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    git("checkout -q -b topic");
    put("f", "2");
    commit("two");
    git("checkout -q main");
    clone_it("");
    struct repo *r = opened();
    expect_named(r, false, "topic", "origin/topic", "origin/topic");
    expect_named(r, true, "topic", "origin/topic", "origin/topic");
    expect_unknown(r, "gone", "git fetch origin gone:refs/remotes/origin/gone");
    repo_close(r);
}

static void a_local_branch_comes_first_unless_a_ci_named_it(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    clone_it("");
    put("f", "2");
    commit("two");
    struct repo *r = opened();
    expect_named(r, false, "main", "main", "refs/heads/main");
    expect_named(r, true, "main", "origin/main", "refs/remotes/origin/main");
    /* A branch that only is here, and what is no branch at all. */
    git("branch local");
    expect_named(r, true, "local", "local", "local");
    expect_named(r, true, "HEAD~1", "HEAD~1", "HEAD~1");
    repo_close(r);
}

static void origin_comes_before_other_remotes(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    git("remote add aaa /nowhere && git remote add origin /nowhere && git remote add zzz /nowhere");
    git("update-ref refs/remotes/aaa/topic HEAD");
    struct repo *r = opened();
    expect_named(r, false, "topic", "aaa/topic", "HEAD"); /* whichever has it */
    repo_close(r);
    put("f", "2");
    commit("two");
    git("update-ref refs/remotes/origin/topic HEAD");
    r = opened();
    expect_named(r, false, "topic", "origin/topic", "HEAD");
    expect_unknown(r, "other", "git fetch origin other:refs/remotes/origin/other");
    repo_close(r);
    git("remote remove origin");
    r = opened();
    expect_unknown(r, "other", "git fetch aaa other:refs/remotes/aaa/other");
    repo_close(r);
}

static void the_hint_for_an_unknown_name_can_be_run(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    put("f", "2");
    commit("two");
    clone_it("--depth 1");
    struct repo *r = opened();
    assert_true(repo_is_shallow(r));
    expect_unknown(r, "HEAD~1", "git fetch --unshallow origin");
    expect_unknown(r, "1234567890123456789012345678901234567890",
                   "git fetch origin 1234567890123456789012345678901234567890");
    repo_close(r);
}

/* ---- HEAD and merge bases -------------------------------------------------------------------------------------- */

static void a_repository_without_a_commit_says_so(void **state)
{
    struct err e = ERR_INIT;
    struct object_id id;
    (void)state;
    struct repo *r = opened();
    assert_false(repo_head(r, &id, &e));
    expect_err(&e, "T705", "no commit", "git commit");
    assert_null(repo_default_branch(r));
    assert_false(repo_is_shallow(r));
    repo_close(r);
    /* Another branch has one: this one is still unborn. */
    put("f", "1");
    commit("one");
    git("checkout -q --orphan other");
    r = opened();
    assert_false(repo_head(r, &id, &e));
    expect_err(&e, "T705", "no commit", NULL);
    repo_close(r);
}

static void a_detached_head_is_a_head(void **state)
{
    struct err e = ERR_INIT;
    struct object_id id;
    (void)state;
    put("f", "1");
    commit("one");
    commit("two");
    git("checkout -q --detach HEAD~1");
    struct repo *r = opened();
    assert_true(repo_head(r, &id, &e));
    expect_commit(id, "main~1");
    repo_close(r);
}

static void the_merge_base_is_where_two_part(void **state)
{
    struct err e = ERR_INIT;
    struct object_id out;
    (void)state;
    put("f", "1");
    commit("one");
    git("branch -q topic && git tag fork");
    put("f", "2");
    commit("two");
    git("checkout -q topic");
    put("g", "1");
    commit("three");
    struct repo *r = opened();
    assert_true(repo_merge_base(r, id_of_commit("main"), id_of_commit("topic"), &out, &e));
    expect_commit(out, "fork");
    assert_true(repo_merge_base(r, id_of_commit("topic"), id_of_commit("main"), &out, &e));
    expect_commit(out, "fork");
    assert_true(repo_merge_base(r, id_of_commit("topic"), id_of_commit("fork"), &out, &e));
    expect_commit(out, "fork");
    assert_true(repo_merge_base(r, id_of_commit("topic"), id_of_commit("topic"), &out, &e));
    expect_commit(out, "topic");
    repo_close(r);
    git("merge -q -m merge main");
    r = opened();
    assert_true(repo_merge_base(r, id_of_commit("main"), id_of_commit("topic"), &out, &e));
    expect_commit(out, "main");
    repo_close(r);
}

static void of_a_criss_cross_it_is_one_of_the_best(void **state)
{
    struct err e = ERR_INIT;
    struct object_id out;
    (void)state;
    commit("root");
    git("checkout -q -b a && git commit -q --allow-empty -m a1 && git tag a1");
    git("checkout -q -b b main && git commit -q --allow-empty -m b1 && git tag b1");
    git("merge -q -m m1 a1 && git checkout -q a && git merge -q -m m2 b1");
    struct repo *r = opened();
    assert_true(repo_merge_base(r, id_of_commit("a"), id_of_commit("b"), &out, &e));
    assert_true(object_id_eq(out, id_of_commit("a1")) || object_id_eq(out, id_of_commit("b1")));
    repo_close(r);
}

static void unrelated_histories_have_none(void **state)
{
    struct err e = ERR_INIT;
    struct object_id out;
    (void)state;
    commit("one");
    git("checkout -q --orphan other && git commit -q --allow-empty -m other");
    struct repo *r = opened();
    assert_false(repo_merge_base(r, id_of_commit("main"), id_of_commit("other"), &out, &e));
    expect_err(&e, "T706", "no commit in common", "tgraph --since");
    repo_close(r);
}

static void in_a_shallow_clone_it_may_not_be_there(void **state)
{
    struct err e = ERR_INIT;
    struct object_id out;
    (void)state;
    commit("one");
    git("branch topic");
    commit("two");
    git("checkout -q topic");
    commit("three");
    clone_it("--depth 1 --no-single-branch");
    struct repo *r = opened();
    assert_true(repo_is_shallow(r));
    assert_false(repo_merge_base(r, id_of_commit("origin/main"), id_of_commit("HEAD"), &out, &e));
    expect_err(&e, "T706", "shallow", "git fetch --unshallow");
    repo_close(r);
    git("fetch -q --unshallow");
    r = opened();
    assert_false(repo_is_shallow(r));
    assert_true(repo_merge_base(r, id_of_commit("origin/main"), id_of_commit("HEAD"), &out, &e));
    expect_commit(out, "origin/main~1");
    repo_close(r);
}

/* ---- the default branch ---------------------------------------------------------------------------------------- */

static void expect_default(const char *expected)
{
    struct repo *r = opened();
    char *got = repo_default_branch(r);
    if (!expected)
        assert_null(got);
    else if (!got)
        fail_msg("nothing in place of %s", expected);
    else
        assert_string_equal(got, expected);
    mem_free(got);
    repo_close(r);
}

static void the_default_branch_is_what_origin_says(void **state)
{
    (void)state;
    commit("one");
    git("branch -m devel && git branch main");
    clone_it("");
    expect_default("origin/devel");
    git("remote set-head origin -d");
    expect_default("origin/main");
    git("symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/gone"); /* a branch that was deleted */
    expect_default("origin/main");
}

static void else_one_of_the_usual_names(void **state)
{
    (void)state;
    commit("one");
    git("branch -m trunk");
    expect_default("trunk");
    git("branch master");
    expect_default("master");
    git("branch main");
    expect_default("main");
    git("remote add origin /nowhere"); /* never fetched: it says nothing */
    expect_default("main");
    git("update-ref refs/remotes/origin/topic HEAD");
    expect_default("main");
    git("update-ref refs/remotes/origin/trunk HEAD");
    expect_default("origin/trunk");
    git("update-ref refs/remotes/origin/master HEAD");
    expect_default("origin/master");
    git("update-ref refs/remotes/origin/main HEAD");
    expect_default("origin/main");
}

static void other_remotes_come_after_origin_and_before_local_branches(void **state)
{
    (void)state;
    commit("one");
    git("remote add another /nowhere && git update-ref refs/remotes/another/master HEAD");
    expect_default("another/master");
    git("remote add origin /nowhere && git update-ref refs/remotes/origin/master HEAD");
    expect_default("origin/master");
}

static void none_of_them_means_none(void **state)
{
    (void)state;
    commit("one");
    git("branch -m topic");
    expect_default(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GIT(a_folder_outside_git_is_named),
        WITH_GIT(the_root_may_be_a_folder_of_the_repository),
        WITH_GIT(a_bare_repository_has_no_work_tree),
        WITH_GIT(a_sha256_repository_cannot_be_opened),
        WITH_GIT(somebody_elses_repository_can_be_read),
        WITH_GIT(a_linked_work_tree_has_its_own_head_and_index),
        WITH_GIT(git_dir_and_git_work_tree_count),
        WITH_GIT(without_git_work_tree_the_working_folder_counts),
        WITH_GIT(git_index_file_counts),
        WITH_GIT(an_index_that_cannot_be_read_is_told_when_it_is_asked_for),
        WITH_GIT(what_git_takes_for_a_revision_is_one),
        WITH_GIT(an_at_sign_alone_is_head),
        WITH_GIT(a_remotes_branch_stands_in_for_a_local_one),
        WITH_GIT(a_local_branch_comes_first_unless_a_ci_named_it),
        WITH_GIT(origin_comes_before_other_remotes),
        WITH_GIT(the_hint_for_an_unknown_name_can_be_run),
        WITH_GIT(a_repository_without_a_commit_says_so),
        WITH_GIT(a_detached_head_is_a_head),
        WITH_GIT(the_merge_base_is_where_two_part),
        WITH_GIT(of_a_criss_cross_it_is_one_of_the_best),
        WITH_GIT(unrelated_histories_have_none),
        WITH_GIT(in_a_shallow_clone_it_may_not_be_there),
        WITH_GIT(the_default_branch_is_what_origin_says),
        WITH_GIT(else_one_of_the_usual_names),
        WITH_GIT(other_remotes_come_after_origin_and_before_local_branches),
        WITH_GIT(none_of_them_means_none),
    };
    return cmocka_run_group_tests_name("repo", tests, git_group_setup, git_group_teardown);
}

/* SPDX-License-Identifier: MIT
 *
 * What a snapshot shows beside a work tree that is another one: the revision or the index, and what belongs to every
 * revision. test_snapshot_checkout.c compares whole trees with checkouts. */
#include "snapshot_test.h"

/* ---- a view beside a work tree --------------------------------------------------------------------------------- */

static void expect_text(const char *path, const char *text)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    if (!tree_read(t, path, 1 << 20, &b, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(buf_cstr(&b), text);
    buf_clear(&b);
}
static void expect_listing_of(struct tree *view, bool ignored, const char *dir, const char *expected)
{
    struct tree_listing l;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    memset(&l, 0, sizeof l);
    if (ignored ? !view->ops->list_ignored(view, dir, &l, &e) : !tree_list(view, dir, &l, &e))
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < l.n; i++)
        buf_printf(&b, "%s%s", i ? " " : "", l.v[i].name);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
    tree_listing_clear(&l);
}
#define expect_listing(dir, expected) expect_listing_of(t, false, (dir), (expected))
#define expect_ignored(dir, expected) expect_listing_of(t, true, (dir), (expected))

/* Looks the stamp like that of a regular file with this text? */
static void expect_stamp(const char *path, enum entry_type type, const char *text)
{
    struct file_state st;
    snapshot_stamp(t, path, &no_reference, &st);
    assert_int_equal(st.type, type);
    if (text && !digest_eq(st.digest, digest_bytes(text, strlen(text))))
        fail_msg("%s is not '%s'", path, text);
}

static bool was_looked_at(const char *end)
{
    for (size_t i = 0; i < snapshot_n_looked(t); i++) {
        enum in_index in_index;
        const char *p = snapshot_looked(t, i, &in_index);
        size_t n = strlen(p), m = strlen(end);
        if (n >= m && strcmp(p + n - m, end) == 0)
            return true;
    }
    return false;
}

static void nothing_of_the_work_tree_shines_through(void **state)
{
    (void)state;
    put("f", "1");
    put("d/g", "1");
    commit("one");
    put("f", "edited");
    put("new", "1");
    put("d/new", "1");
    sh("rm d/g");
    look_at("HEAD");
    expect_text("f", "1");
    expect_type("new", ENTRY_NONE);
    expect_type("d/new", ENTRY_NONE);
    expect_text("d/g", "1");
    expect_listing("", "d f");
    expect_listing("d", "g");
    expect_stamp("f", ENTRY_FILE, "1");
    expect_stamp("new", ENTRY_NONE, NULL);
    look_away();
}

/* ---- stamps against a reference -------------------------------------------------------------------------------- */

static void what_the_index_vouches_for_is_not_hashed(void **state)
{
    struct strvec paths = STRVEC_INIT;
    struct known k;
    struct file_state st;
    (void)state;
    put("same", "1");
    put("edited", "1");
    put("touched", "1");
    commit("one");
    sh("touch -d '2001-01-01' same edited touched && git update-index --refresh -q && touch -d '2001-01-02' "
       ".git/index");
    sh("sleep 0.05 && git update-index --force-write-index 2>/dev/null; echo 2 >edited; touch touched");
    strvec_add(&paths, "same");
    strvec_add(&paths, "edited");
    strvec_add(&paths, "touched");
    stamp_work_tree(&k, &paths);
    /* The answer comes from the state: a wrong digest there would be handed out. */
    struct digest wrong = digest_bytes("wrong", 5);
    for (size_t i = 0; i < paths.n; i++)
        k.states[i].digest = wrong;
    struct snapshot_reference ref = {.state = state_of, .ctx = &k};
    look_at("HEAD");
    snapshot_stamp(t, "edited", &ref, &st);
    assert_true(digest_eq(st.digest, digest_bytes("1", 1)));
    snapshot_stamp(t, "touched", &ref, &st);
    assert_true(digest_eq(st.digest, digest_bytes("1", 1)));
    assert_int_equal(snapshot_n_hashed(t), 2);
    snapshot_stamp(t, "same", &ref, &st);
    assert_true(digest_eq(st.digest, wrong));
    assert_int_equal(snapshot_n_hashed(t), 2);
    look_away();
    mem_free(k.states);
    strvec_clear(&paths);
}

static void a_peer_gives_the_same_to_the_same_object_only(void **state)
{
    struct file_state a, b;
    struct err e = ERR_INIT;
    (void)state;
    put("same", "1");
    put("edited", "1");
    put("exec", "1");
    commit("one");
    put("edited", "2");
    sh("chmod +x exec");
    commit("two");
    look_at("HEAD~1");
    struct tree *other = snapshot_commit(r, id_of_commit("HEAD"), &e);
    struct snapshot_reference to = {.peer = other}, from = {.peer = t};
    snapshot_stamp(t, "same", &to, &a);
    snapshot_stamp(other, "same", &from, &b);
    assert_true(digest_eq(a.digest, b.digest) && a.type == b.type && !digest_is_none(a.digest));
    assert_int_equal(snapshot_n_hashed(t) + snapshot_n_hashed(other), 0);
    snapshot_stamp(t, "edited", &to, &a);
    snapshot_stamp(other, "edited", &from, &b);
    assert_false(digest_eq(a.digest, b.digest));
    assert_true(digest_eq(b.digest, digest_bytes("2", 1)));
    snapshot_stamp(t, "exec", &to, &a);
    snapshot_stamp(other, "exec", &from, &b);
    assert_true(digest_eq(a.digest, b.digest));
    assert_int_equal(a.type, ENTRY_FILE);
    assert_int_equal(b.type, ENTRY_EXEC);
    tree_free(other);
    look_away();
}

static void other_attributes_make_another_file_of_the_same_object(void **state)
{
    struct file_state a, b;
    struct err e = ERR_INIT;
    (void)state;
    put("d/f", "one\n");
    put("g", "one\n");
    commit("one");
    put("d/.gitattributes", "* text eol=crlf\n");
    commit("two");
    look_at("HEAD~1");
    expect_stamp("d/f", ENTRY_FILE, "one\n");
    struct tree *other = snapshot_commit(r, id_of_commit("HEAD"), &e);
    struct snapshot_reference to = {.peer = other}, from = {.peer = t};
    snapshot_stamp(t, "d/f", &to, &a);
    snapshot_stamp(other, "d/f", &from, &b);
    assert_false(digest_eq(a.digest, b.digest));
    assert_true(digest_eq(b.digest, digest_bytes("one\r\n", 5)));
    snapshot_stamp(t, "g", &to, &a);
    snapshot_stamp(other, "g", &from, &b);
    assert_true(digest_eq(a.digest, b.digest));
    tree_free(other);
    look_away();
}

/* ---- the index ------------------------------------------------------------------------------------------------- */

static void what_is_only_announced_is_not_in_the_index(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    put("f", "1");
    commit("one");
    put("later", "1");
    git("add -N later");
    look_at(NULL);
    expect_type("later", ENTRY_NONE);
    expect_listing("", "f");
    look_away();
    git("checkout -q -b topic && git rm -q -f --cached later");
    put("f", "2");
    git("add f && git commit -q -m two && git checkout -q main");
    put("f", "3");
    git("add f && git commit -q -m three");
    sh("git merge -q topic || true");
    r = opened();
    assert_null(snapshot_index(r, &e));
    expect_err(&e, "T708", "'f'", "git status");
    repo_close(r);
}

/* ---- ignored files --------------------------------------------------------------------------------------------- */

static void ignored_files_are_seen_by_name_and_are_in_no_listing(void **state)
{
    (void)state;
    put(".gitignore", "*.log\nout/\n/link\n");
    put("f", "1");
    put("d/f", "1");
    commit("one");
    put("a.log", "log");
    put("d/b.log", "log");
    put_mode("out/x/tool", "tool", 0755);
    sh("ln -s f link");
    look_at("HEAD");
    expect_type("a.log", ENTRY_FILE);
    expect_type("d/b.log", ENTRY_FILE);
    expect_type("out", ENTRY_DIR);
    expect_type("out/x/tool", ENTRY_EXEC);
    expect_type("out/nothing", ENTRY_NONE);
    expect_type("c.log", ENTRY_NONE);
    expect_type("link", ENTRY_LINK);
    expect_text("d/b.log", "log");
    expect_text("link", "1");
    expect_listing("", ".gitignore d f");
    expect_listing("d", "f");
    expect_listing("out", "x");
    expect_listing("out/x", "tool");
    expect_ignored("", "a.log link out");
    expect_ignored("d", "b.log");
    expect_stamp("a.log", ENTRY_FILE, "log");
    expect_stamp("out/x/tool", ENTRY_EXEC, "tool");
    assert_true(was_looked_at("/repo/c.log")); /* its coming would change the answer */
    assert_true(was_looked_at("/repo/a.log"));
    look_away();
}

static void what_is_ignored_on_one_side_only_belongs_to_that_side(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    put(".gitignore", "*.log\n");
    put("a.log", "log");
    commit("two");
    look_at("HEAD~1"); /* there it would be an untracked file, which a clean checkout has none of */
    expect_type("a.log", ENTRY_NONE);
    expect_ignored("", "");
    look_away();
    look_at("HEAD");
    expect_type("a.log", ENTRY_FILE);
    look_away();
    put(".gitignore", "");
    look_at("HEAD"); /* not ignored now: a new file of the work tree */
    expect_type("a.log", ENTRY_NONE);
    look_away();
}

static void what_git_tracks_is_not_an_ignored_file(void **state)
{
    (void)state;
    put(".gitignore", "*.log\n");
    commit("one");
    put("a.log", "log");
    git("add -f a.log && git commit -q -m two");
    look_at("HEAD~1");
    expect_type("a.log", ENTRY_NONE);
    expect_ignored("", "");
    expect_stamp("a.log", ENTRY_NONE, NULL);
    look_away();
    put("a.log", "edited");
    look_at("HEAD");
    expect_text("a.log", "log");
    expect_listing("", ".gitignore a.log");
    look_away();
}

static void the_repositorys_own_exclude_file_counts_and_nested_ones_do(void **state)
{
    (void)state;
    put("d/.gitignore", "!keep.log\n/x\n");
    put(".gitignore", "*.log\n");
    commit("one");
    put("d/keep.log", "1");
    put("d/x", "1");
    put("d/e/x", "1");
    put("mine", "1");
    sh("mkdir -p .git/info && echo /mine >.git/info/exclude");
    look_at("HEAD");
    expect_type("d/keep.log", ENTRY_NONE);
    expect_type("d/x", ENTRY_FILE);
    expect_type("d/e/x", ENTRY_NONE);
    expect_type("mine", ENTRY_FILE);
    expect_ignored("d", "x");
    look_away();
}

static void a_gitignore_above_the_root_counts(void **state)
{
    (void)state;
    put(".gitignore", "*.log\n/sub/made\n");
    put("sub/f", "1");
    commit("one");
    put("sub/a.log", "log");
    put("sub/made", "made");
    snprintf(root, sizeof root, "%s/repo/sub", base);
    look_at("HEAD");
    expect_type("a.log", ENTRY_FILE);
    expect_type("made", ENTRY_FILE);
    expect_ignored("", "a.log made");
    look_away();
}

static void a_folder_of_ignored_files_alone_is_no_folder_of_the_revision(void **state)
{
    (void)state;
    put(".gitignore", "*.o\n");
    commit("one");
    put("d/a.o", "1");
    look_at("HEAD");
    expect_listing("", ".gitignore");
    expect_text("d/a.o", "1");
    expect_type("d/b.o", ENTRY_NONE);
    look_away();
}

/* ---- what git does to files ------------------------------------------------------------------------------------ */

static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n"
                              "oid sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nsize 7\n";

static void an_lfs_pointer_counts_as_what_it_points_to(void **state)
{
    struct strvec paths = STRVEC_INIT;
    struct known k;
    struct file_state st;
    (void)state;
    put(".gitattributes", "*.dat filter=lfs diff=lfs merge=lfs -text\n");
    put("a.dat", pointer);
    commit("one");
    look_at("HEAD");
    expect_stamp("a.dat", ENTRY_FILE, pointer); /* its object is not here */
    look_away();
    put(".git/lfs/objects/e3/b0/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "content");
    look_at("HEAD");
    expect_stamp("a.dat", ENTRY_FILE, "content");
    look_away();
    strvec_add(&paths, "a.dat");
    put("a.dat", "content");
    stamp_work_tree(&k, &paths);
    struct snapshot_reference ref = {.state = state_of, .ctx = &k};
    look_at("HEAD");
    snapshot_stamp(t, "a.dat", &ref, &st);
    assert_true(digest_eq(st.digest, k.states[0].digest));
    look_away();
    mem_free(k.states);
    put("a.dat", pointer); /* GIT_LFS_SKIP_SMUDGE */
    stamp_work_tree(&k, &paths);
    look_at("HEAD");
    snapshot_stamp(t, "a.dat", &ref, &st);
    assert_true(digest_eq(st.digest, k.states[0].digest));
    look_away();
    mem_free(k.states);
    strvec_clear(&paths);
}

static void a_submodule_shows_the_commit_that_the_revision_has_of_it(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    sh("git init -q -b main ../lib && cd ../lib && echo 1 >f && git add f && git commit -q -m 1 && git tag v1 && "
       "echo 2 >f && mkdir d && echo g >d/g && git add -A && git commit -q -m 2");
    git("-c protocol.file.allow=always submodule add -q ../lib sub && git -C sub checkout -q v1");
    put("own", "1");
    sh("ln -s sub/f into && ln -s ../own sub-up");
    commit("one");
    git("-C sub checkout -q main");
    commit("two");
    look_at("HEAD~1");
    expect_type("sub", ENTRY_DIR);
    expect_text("sub/f", "1\n");
    expect_listing("sub", "f");
    expect_type("sub/d/g", ENTRY_NONE);
    expect_stamp("sub/f", ENTRY_FILE, "1\n");
    expect_text("into", "1\n");
    assert_true(snapshot_saw_more(t));
    look_away();
    look_at("HEAD");
    expect_text("sub/f", "2\n");
    expect_listing("sub", "d f");
    expect_stamp("sub/d/g", ENTRY_FILE, "g\n");
    expect_text("into", "2\n");
    look_away();
    git("submodule deinit -q -f sub"); /* not checked out here: an empty folder */
    look_at("HEAD");
    expect_type("sub", ENTRY_DIR);
    expect_listing("sub", "");
    expect_type("sub/f", ENTRY_NONE);
    assert_false(snapshot_failed(t, &e));
    look_away();
}

static void a_submodules_commit_that_is_not_here_is_a_failure(void **state)
{
    struct err e = ERR_INIT;
    struct tree_listing l;
    (void)state;
    sh("git init -q -b main ../lib && cd ../lib && echo 1 >f && git add f && git commit -q -m 1");
    git("-c protocol.file.allow=always submodule add -q ../lib sub");
    commit("one");
    git("update-index --cacheinfo 160000,1234567890123456789012345678901234567890,sub && git commit -q -m two");
    look_at("HEAD");
    memset(&l, 0, sizeof l);
    if (tree_list(t, "sub", &l, &e))
        tree_listing_clear(&l);
    err_clear(&e);
    assert_true(snapshot_failed(t, &e));
    expect_err(&e, "T707", "sub", "/sub fetch");
    look_away();
}

static void what_a_sparse_checkout_leaves_out_is_left_out(void **state)
{
    (void)state;
    put("in/f", "1");
    put("out/f", "1");
    put("top", "1");
    commit("one");
    git("sparse-checkout set --cone in && git sparse-checkout reapply --no-sparse-index");
    look_at("HEAD");
    expect_text("in/f", "1");
    expect_text("top", "1");
    expect_type("out/f", ENTRY_NONE);
    expect_stamp("out/f", ENTRY_NONE, NULL);
    assert_true(snapshot_saw_more(t));
    look_away();
    look_at(NULL);
    expect_text("in/f", "1");
    expect_type("out/f", ENTRY_NONE);
    look_away();
}

/* The folder is not there, but not all that is missing in it is the sparse checkout's doing. */
static void what_is_deleted_beside_what_a_sparse_checkout_leaves_out_is_not_left_out(void **state)
{
    (void)state;
    put("gen/a", "1");
    put("gen/b", "1");
    put("gen/c", "1");
    put("top", "1");
    commit("one");
    git("sparse-checkout set --no-cone '/*' '!/gen/a' && git sparse-checkout reapply --no-sparse-index");
    git("rm -q gen/c && rm -rf gen");
    look_at("HEAD");
    expect_type("gen/a", ENTRY_NONE);
    expect_text("gen/b", "1");
    expect_text("gen/c", "1");
    expect_listing("gen", "b c");
    look_away();
}

/* ---- objects that are not there -------------------------------------------------------------------------------- */

static void a_missing_object_is_a_failure_and_no_empty_file(void **state)
{
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    struct tree_listing l;
    struct file_state st;
    (void)state;
    put("d/f", "in the folder");
    put("g", "gone");
    commit("one");
    sh("o=$(git rev-parse HEAD:g) && rm -f .git/objects/$(echo $o | cut -c1-2)/$(echo $o | cut -c3-)");
    look_at("HEAD");
    expect_type("g", ENTRY_FILE);
    assert_false(snapshot_failed(t, NULL));
    assert_false(tree_read(t, "g", 100, &b, &e));
    expect_err(&e, "T401", "g", NULL);
    assert_true(snapshot_failed(t, &e));
    expect_err(&e, "T707", "'g'", "git fsck");
    look_away();
    look_at("HEAD");
    snapshot_stamp(t, "g", &no_reference, &st);
    assert_int_equal(st.type, ENTRY_OTHER);
    assert_true(digest_is_none(st.digest));
    assert_true(snapshot_failed(t, NULL));
    look_away();
    sh("o=$(git rev-parse HEAD:d) && rm -f .git/objects/$(echo $o | cut -c1-2)/$(echo $o | cut -c3-)");
    look_at("HEAD");
    memset(&l, 0, sizeof l);
    assert_false(tree_list(t, "d", &l, &e));
    err_clear(&e);
    tree_listing_clear(&l);
    assert_true(snapshot_failed(t, &e));
    expect_err(&e, "T707", "'d'", NULL);
    look_away();
    buf_clear(&b);
}

static void a_commit_has_a_tree_id(void **state)
{
    static const struct object_id none = {{0}};
    (void)state;
    put("sub/f", "1");
    put("g", "1");
    commit("one");
    put("g", "2");
    commit("two");
    look_at("HEAD");
    struct object_id two = snapshot_tree_id(t), object;
    assert_false(object_id_eq(two, none));
    assert_true(snapshot_object(t, "g", &object));
    assert_false(snapshot_object(t, "sub", &object));
    assert_false(snapshot_object(t, "none", &object));
    look_away();
    look_at("HEAD~1");
    assert_false(object_id_eq(two, snapshot_tree_id(t)));
    look_away();
    snprintf(root, sizeof root, "%s/repo/sub", base);
    look_at("HEAD");
    two = snapshot_tree_id(t);
    look_away();
    look_at("HEAD~1"); /* the root's folder is the same in both, what lies beside it is not */
    assert_false(object_id_eq(two, snapshot_tree_id(t)));
    look_away();
    snprintf(root, sizeof root, "%s/repo", base);
    git("rm -q -r sub && git commit -q -m three");
    snprintf(root, sizeof root, "%s/repo/sub", base);
    assert_int_equal(mkdir(root, 0755), 0);
    look_at("HEAD");
    expect_type("", ENTRY_NONE);
    expect_type("f", ENTRY_NONE);
    look_away();
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GIT(nothing_of_the_work_tree_shines_through),
        WITH_GIT(what_the_index_vouches_for_is_not_hashed),
        WITH_GIT(a_peer_gives_the_same_to_the_same_object_only),
        WITH_GIT(other_attributes_make_another_file_of_the_same_object),
        WITH_GIT(what_is_only_announced_is_not_in_the_index),
        WITH_GIT(ignored_files_are_seen_by_name_and_are_in_no_listing),
        WITH_GIT(what_is_ignored_on_one_side_only_belongs_to_that_side),
        WITH_GIT(what_git_tracks_is_not_an_ignored_file),
        WITH_GIT(the_repositorys_own_exclude_file_counts_and_nested_ones_do),
        WITH_GIT(a_gitignore_above_the_root_counts),
        WITH_GIT(a_folder_of_ignored_files_alone_is_no_folder_of_the_revision),
        WITH_GIT(an_lfs_pointer_counts_as_what_it_points_to),
        WITH_GIT(a_submodule_shows_the_commit_that_the_revision_has_of_it),
        WITH_GIT(a_submodules_commit_that_is_not_here_is_a_failure),
        WITH_GIT(what_a_sparse_checkout_leaves_out_is_left_out),
        WITH_GIT(what_is_deleted_beside_what_a_sparse_checkout_leaves_out_is_not_left_out),
        WITH_GIT(a_missing_object_is_a_failure_and_no_empty_file),
        WITH_GIT(a_commit_has_a_tree_id),
    };
    return cmocka_run_group_tests_name("snapshot", tests, git_group_setup, git_group_teardown);
}

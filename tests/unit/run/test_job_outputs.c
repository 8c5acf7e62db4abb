/* SPDX-License-Identifier: MIT
 *
 * What an action leaves behind: outputs of each kind, its depfile, what is kept and brought back. */
#include "run_test.h"

static struct store *store;

static void open_store(void)
{
    struct err e = ERR_INIT;
    struct errlist w = ERRLIST_INIT;
    char path[300];
    snprintf(path, sizeof path, "%s/cache", base);
    if (!store_open(path, true, &store, &w, &e))
        fail_msg("%s", e.msg);
    errlist_clear(&w);
}

static void close_store(void)
{
    store_close(store);
    store = NULL;
}

static void outputs_of_each_kind(void **state)
{
    (void)state;
    struct job *j =
        shell_job("echo 1 > a/b/file; chmod +x a/b/file; mkdir dir/sub; echo 2 > dir/x; echo 3 > dir/sub/y; "
                  "ln -s x dir/link; echo 4 > obj/a.o; echo 5 > obj/b.o; echo 6 > obj/c.c");
    WANT(j, "a/b/file", "dir/", "obj/*.o"); /* the folders of all three are made for it */
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    expect_made(j, "a/b/file@0 dir/link@1 dir/sub/y@1 dir/x@1 obj/a.o@2 obj/b.o@2");
    assert_int_equal(j->made[0].state.type, ENTRY_EXEC);
    assert_int_equal(j->made[1].state.type, ENTRY_LINK);
    assert_string_equal(j->made[1].link_text, "x");
    assert_true(digest_eq(j->made[1].blob, digest_bytes("x", 1)));
    assert_int_equal(j->made[3].state.type, ENTRY_FILE);
    assert_null(j->made[3].link_text);
    assert_true(digest_eq(j->made[3].blob, digest_bytes("2\n", 2)));
    assert_true(digest_eq(j->made[3].state.digest, j->made[3].blob));
    for (uint32_t i = 0; i < j->n_made; i++)
        assert_true(stamp_verify(root_fd, j->made[i].path, &j->made[i].state));
    job_free(j);
}

static void an_output_that_is_not_there(void **state)
{
    (void)state;
    static const struct {
        const char *command, *output, *note;
    } cases[] = {
        {"true", "x", "it did not make its output x"},
        {"mkdir x", "x", "its output x is a folder: declare it as 'x/'"},
        {"rmdir d", "d/", "it did not make its output folder d/"},
        {"rmdir d; echo > d", "d/", "it did not make its output folder d/"},
        {"true", "d/*.o", "it made nothing that its output glob d/*.o matches"},
        {"mkfifo x", "x", "the output x is neither a file nor a link"},
        {"ln -s nowhere x", "x", ""},
        {"true", "d/", ""}, /* an empty folder is one */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(file_remove_tree(in_repo("x"), NULL) && file_remove_tree(in_repo("d"), NULL));
        struct job *j = shell_job(cases[i].command);
        WANT(j, cases[i].output);
        job_run(j);
        expect_outcome(j, *cases[i].note ? OUTCOME_ERROR : OUTCOME_PASSED, cases[i].note);
        job_free(j);
    }
}

/* Not outputs, but this run's: they have to go before the next one. */
static void what_a_failed_action_leaves_is_known(void **state)
{
    (void)state;
    put("d/mine", "x");
    struct job *j = shell_job("echo > x; echo > d/half; exit 1");
    WANT(j, "x", "d/");
    job_run(j);
    expect_outcome(j, OUTCOME_FAILED, "exit status 1");
    expect_made(j, "x@0 d/half@1");
    for (uint32_t i = 0; i < j->n_made; i++)
        assert_true(stamp_verify(root_fd, j->made[i].path, &j->made[i].state));
    job_free(j);
}

static void old_outputs_go_first(void **state)
{
    (void)state;
    put("d/old", "x");
    put("d/new", "x");
    put("f", "a file in a folder's place");
    struct job *j = shell_job("test ! -e d/old && test ! -e d/new && echo 2 > d/new");
    WANT(j, "d/");
    /* Paths below what is no folder any more are as gone as can be. */
    const char *remove[] = {in_repo("d/old"), in_repo("d/new"), in_repo("d/old"), in_repo("gone/x"), in_repo("f/x")};
    j->remove = remove;
    j->n_remove = 5;
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    expect_made(j, "d/new@0");
    assert_false(j->unstored);
    job_free(j);
}

static void somebodys_file_in_an_output_folder_stays(void **state)
{
    (void)state;
    static const char note[] =
        "d/kept was there before it ran and is not tgraph's, so its pass is not stored: remove that file";
    for (int glob = 0; glob < 2; glob++) {
        put("d/kept", "somebody's");
        put("d/taken", "somebody's");
        struct job *j = shell_job("echo 1 > d/new; echo 2 > d/taken"); /* that one is the command's now */
        if (glob)
            WANT(j, "d/*");
        else
            WANT(j, "d/");
        job_run(j);
        expect_outcome(j, OUTCOME_PASSED, note);
        expect_made(j, "d/new@0 d/taken@0");
        assert_true(j->unstored);
        expect_text("d/kept", "somebody's");
        job_free(j);
        assert_true(file_remove_tree(in_repo("d"), NULL));
    }
}

static void somebodys_file_in_an_outputs_place_is_moved_aside(void **state)
{
    (void)state;
    put("d/f", "somebody's");
    struct job *j = shell_job("test ! -e d/f && echo 1 > d/f");
    WANT(j, "d/f");
    j->replaced = in_repo(".tgraph/replaced");
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "what was at d/f before was not tgraph's: it is in .tgraph/replaced/ now");
    expect_text(".tgraph/replaced/d/f", "somebody's");
    expect_text("d/f", "1\n");
    job_free(j);
}

/* It could not be moved, so nothing ran; it is not to be taken for what the command left, or it would go next time. */
static void somebodys_file_that_cannot_be_moved_stays_somebodys(void **state)
{
    (void)state;
    put("d/f", "somebody's");
    put(".tgraph", "a file");
    struct job *j = shell_job("touch ran");
    WANT(j, "d/f");
    j->replaced = in_repo(".tgraph/replaced");
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, NULL);
    assert_false(is_there("ran"));
    assert_int_equal(j->n_made, 0);
    expect_text("d/f", "somebody's");
    job_free(j);
}

static void what_the_cache_knows_is_nobodys_work(void **state)
{
    (void)state;
    open_store();
    put("d/forgotten", "made by a run that is forgotten");
    put("f", "this one too");
    struct digest d;
    struct err e = ERR_INIT;
    assert_true(store_put_file(store, in_repo("d/forgotten"), &d, &e));
    assert_true(store_put_file(store, in_repo("f"), &d, &e));
    struct job *j = shell_job("test ! -e d/forgotten && test ! -e f && echo > f");
    WANT(j, "d/", "f");
    j->store = store;
    j->replaced = in_repo(".tgraph/replaced");
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    expect_made(j, "f@1");
    assert_false(j->unstored);
    assert_false(is_there(".tgraph"));
    job_free(j);
    close_store();
}

static void an_incremental_build_finds_its_old_outputs(void **state)
{
    (void)state;
    put("d/old", "x");
    put("f", "y");
    struct job *j = shell_job("test -e d/old && test -e f && echo > d/new");
    WANT(j, "d/", "f");
    j->keep_old = true;
    j->replaced = in_repo(".tgraph/replaced");
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    expect_made(j, "d/new@0 d/old@0 f@1");
    assert_false(j->unstored);
    job_free(j);
}

static void each_attempt_starts_without_what_the_one_before_made(void **state)
{
    (void)state;
    put("d/mine", "x");
    struct job *j = shell_job("test ! -e d/half && test ! -e f && test -e d/mine || exit 9; echo > f; "
                              "if test $TGRAPH_ATTEMPT = 1; then echo > d/half; exit 1; fi; echo > d/whole");
    WANT(j, "d/", "f");
    j->max_attempts = 2;
    job_run(j);
    expect_outcome(j, OUTCOME_FLAKY, NULL);
    expect_made(j, "d/whole@0 f@1");
    job_free(j);
}

/* Foreign files by the ten thousand: a list of them looked through for each would take very long. */
static void many_files_of_somebody_else(void **state)
{
    (void)state;
    enum { N = 20000 };
    mkdir(in_repo("d"), 0755);
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/%d", i);
        int fd = open(in_repo(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        close(fd);
    }
    struct job *j = shell_job("echo > d/new");
    WANT(j, "d/");
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, NULL);
    expect_made(j, "d/new@0");
    job_free(j);
}

static void an_entry_in_another_one_is_in_both(void **state)
{
    (void)state;
    struct job *j = shell_job("echo > d/a.h; echo > d/b.o");
    WANT(j, "d/", "d/a.h", "d/*.o");
    job_run(j);
    expect_made(j, "d/a.h@0 d/b.o@0 d/a.h@1 d/b.o@2");
    job_free(j);
}

/* ---- depfiles ---- */

static char *reads_of(const char *dir, const char *depfile)
{
    char command[4096];
    put("depfile.txt", depfile);
    snprintf(command, sizeof command, "sed 's|ROOT|%s|g' %s/depfile.txt > %s/o/x.d", root, root, root);
    struct job *j = shell_job_in(dir, command);
    j->depfile = "o/x.d";
    job_run(j);
    struct buf b = BUF_INIT;
    if (j->outcome != OUTCOME_PASSED)
        buf_printf(&b, "%s", j->note);
    for (size_t i = 0; i < j->reads.n; i++)
        buf_printf(&b, "%s%s", i ? "|" : "", j->reads.v[i]);
    buf_addc(&b, ' ');
    b.p[b.len - 1] = 0;
    if (j->outcome == OUTCOME_PASSED)
        assert_false(is_there("o/x.d")); /* read and removed */
    job_free(j);
    return buf_take(&b);
}

static void expect_reads(const char *dir, const char *depfile, const char *expected, int line)
{
    char *got = reads_of(dir, depfile), text[2048];
    /* ROOT in what is expected stands for the repository. */
    const char *mark = strstr(expected, "ROOT");
    if (mark)
        snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - expected), expected, root, mark + 4);
    else
        snprintf(text, sizeof text, "%s", expected);
    if (strcmp(got, text) != 0)
        fail_msg("line %d: '%s' in place of '%s'", line, got, text);
    mem_free(got);
}
#define READS(dir, depfile, expected) expect_reads(dir, depfile, expected, __LINE__)

static void depfile_paths_become_the_repositorys(void **state)
{
    (void)state;
    mkdir(in_repo("sub"), 0755);
    READS("", "x: a.c ./b.h src//c.h src/../d.h\n", "a.c|b.h|d.h|src/c.h");
    READS("sub", "x: a.c ../b.h ./c/../d.h\n", "b.h|sub/a.c|sub/d.h");
    READS("sub", "x: ROOT/a.c ROOT/sub/b.h ROOT//c.h\n", "a.c|c.h|sub/b.h");
    READS("", "x: /usr/include/stdio.h /usr//x/../y.h\n", "/usr//x/../y.h|/usr/include/stdio.h");
    READS("", "x: a.c a.c ./a.c\n", "a.c"); /* once each */
    READS("", "x: a\\ b.c c$$.h\n", "a b.c|c$.h");
    READS("", "", "");
    READS("", "x: ROOTED/a.c\n", "ROOTED/a.c"); /* begins like the root and is another folder */
}

static void folders_have_a_slash(void **state)
{
    (void)state;
    mkdir(in_repo("sub"), 0755);
    READS("", "x: src/ src/a/ /usr/include/\n", "/usr/include/|src/|src/a/");
    READS("sub", "x: a/ ../b/\n", "b/|sub/a/");
    READS("", "x: ROOT/src/\n", "src/");
    READS("", "x: ./\n", "./"); /* the repository itself, and not the system's root */
    READS("", "x: ROOT/\n", "./");
    READS("sub", "x: ../\n", "./");
    READS("sub", "x: ./\n", "sub/");
}

static void paths_that_leave_the_repository_are_absolute(void **state)
{
    (void)state;
    mkdir(in_repo("sub"), 0755);
    READS("", "x: ../up.h\n", "ROOT/../up.h");
    READS("sub", "x: ../../up.h\n", "ROOT/sub/../../up.h");
    READS("sub", "x: ../../up/\n", "ROOT/sub/../../up/");
    READS("sub", "x: ROOT/../up.h\n", "ROOT/../up.h");
}

static void a_depfile_that_is_none(void **state)
{
    (void)state;
    READS("", "no colon\n", "line 1 of the depfile has no ':' after its target");
    struct job *j = shell_job("true");
    j->depfile = "o/x.d";
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, "it did not write its depfile o/x.d");
    job_free(j);
    /* One that an earlier run left says nothing about this one. */
    put("o/x.d", "x: old.h\n");
    j = shell_job("true");
    j->depfile = "o/x.d";
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, "it did not write its depfile o/x.d");
    job_free(j);
}

static void a_depfile_in_an_output_folder_is_no_output(void **state)
{
    (void)state;
    struct job *j = shell_job("echo > out/a.o; echo 'x: a.c' > out/a.d");
    WANT(j, "out/", "out/a.*");
    j->depfile = "out/a.d";
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    expect_made(j, "out/a.o@0 out/a.o@1");
    assert_int_equal(j->reads.n, 1);
    assert_false(is_there("out/a.d"));
    job_free(j);
}

/* ---- the store ---- */

static void outputs_are_kept_and_brought_back(void **state)
{
    (void)state;
    open_store();
    struct err e = ERR_INIT;
    struct job *j = shell_job("echo program > d/p; chmod +x d/p; echo text > d/t; ln -s t d/l");
    WANT(j, "d/");
    j->store = store;
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    expect_made(j, "d/l@0 d/p@0 d/t@0");
    assert_false(j->unstored);
    assert_true(store_has_blob(store, j->made[1].blob) && store_has_blob(store, j->made[2].blob));
    assert_true(file_remove_tree(in_repo("d"), NULL));
    put("d/t", "somebody else's");
    assert_int_equal(symlink("elsewhere", in_repo("d/p")), 0);
    struct job_restore v[3] = {{.path = "d/l", .type = ENTRY_LINK, .blob = j->made[0].blob, .link_text = "t"},
                               {.path = "d/p", .type = ENTRY_EXEC, .blob = j->made[1].blob},
                               {.path = "d/t", .type = ENTRY_FILE, .blob = j->made[2].blob}};
    struct job *r = shell_job("false");
    r->kind = JOB_RESTORE;
    r->store = store;
    r->restores = v;
    r->n_restores = 3;
    job_run(r);
    assert_true(r->restored);
    expect_text("d/p", "program\n");
    expect_text("d/l", "text\n");
    for (uint32_t i = 0; i < 3; i++)
        if (stamp_update(root_fd, j->made[i].path, &j->made[i].state, NULL) == STAMP_CHANGED)
            fail_msg("%s", j->made[i].path);
    job_free(r);

    /* What is there already is left alone; what is gone from the cache is said. */
    put("d/t", "kept");
    v[2].skip = true;
    v[1].blob = digest_bytes("nowhere", 7);
    r = shell_job("false");
    r->kind = JOB_RESTORE;
    r->store = store;
    r->restores = v;
    r->n_restores = 3;
    job_run(r);
    assert_false(r->restored);
    assert_string_equal(r->note, "its output d/p could not be restored");
    expect_text("d/t", "kept");
    job_free(r);
    job_free(j);
    err_clear(&e);
    close_store();
}

static void what_has_to_go_goes(void **state)
{
    (void)state;
    put("d/old", "x");
    mkdir(in_repo("folder"), 0755);
    struct job_restore v[] = {{.path = "d/old", .type = ENTRY_NONE},
                              {.path = "d/gone", .type = ENTRY_NONE},
                              {.path = "nowhere/x", .type = ENTRY_NONE},
                              {.path = "folder", .type = ENTRY_NONE}};
    struct job *r = shell_job("false");
    r->kind = JOB_RESTORE;
    r->restores = v;
    r->n_restores = 3;
    job_run(r);
    assert_true(r->restored);
    assert_false(is_there("d/old"));
    assert_false(is_there("nowhere"));
    r->n_restores = 4;
    job_run(r);
    assert_false(r->restored);
    assert_non_null(strstr(r->note, "its output folder could not be removed: "));
    job_free(r);
}

static void a_link_whose_text_is_lost_takes_nothing_away(void **state)
{
    (void)state;
    put("l", "somebody's file");
    struct job_restore v = {.path = "l", .type = ENTRY_LINK, .blob = digest_bytes("t", 1)};
    struct job *r = shell_job("false");
    r->kind = JOB_RESTORE;
    r->restores = &v;
    r->n_restores = 1;
    job_run(r);
    assert_false(r->restored);
    expect_text("l", "somebody's file");
    job_free(r);
}

static void what_cannot_be_kept_is_said_and_is_no_failure(void **state)
{
    (void)state;
    open_store();
    char path[600];
    snprintf(path, sizeof path, "%s/cache/cas-v1", base);
    assert_true(file_remove_tree(path, NULL));
    assert_true(file_replace(path, "", 0, 0644, false, NULL)); /* a file where its folder was */
    struct job *j = shell_job("echo > x");
    WANT(j, "x");
    j->store = store;
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, NULL);
    assert_true(j->unstored);
    assert_non_null(strstr(j->note, "its outputs could not be kept: "));
    job_free(j);
    close_store();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPO(outputs_of_each_kind),
        IN_REPO(an_output_that_is_not_there),
        IN_REPO(what_a_failed_action_leaves_is_known),
        IN_REPO(old_outputs_go_first),
        IN_REPO(somebodys_file_in_an_output_folder_stays),
        IN_REPO(somebodys_file_in_an_outputs_place_is_moved_aside),
        IN_REPO(somebodys_file_that_cannot_be_moved_stays_somebodys),
        IN_REPO(what_the_cache_knows_is_nobodys_work),
        IN_REPO(an_incremental_build_finds_its_old_outputs),
        IN_REPO(each_attempt_starts_without_what_the_one_before_made),
        IN_REPO(many_files_of_somebody_else),
        IN_REPO(an_entry_in_another_one_is_in_both),
        IN_REPO(depfile_paths_become_the_repositorys),
        IN_REPO(folders_have_a_slash),
        IN_REPO(paths_that_leave_the_repository_are_absolute),
        IN_REPO(a_depfile_that_is_none),
        IN_REPO(a_depfile_in_an_output_folder_is_no_output),
        IN_REPO(outputs_are_kept_and_brought_back),
        IN_REPO(what_has_to_go_goes),
        IN_REPO(a_link_whose_text_is_lost_takes_nothing_away),
        IN_REPO(what_cannot_be_kept_is_said_and_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

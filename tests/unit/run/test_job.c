/* SPDX-License-Identifier: MIT
 *
 * Running one action: outcomes, attempts, the private folder, what the process sees. */
#include "run_test.h"

#include <signal.h>

#include "os/clock.h"

static char *log_text(const struct proc_log *l, int stream)
{
    struct buf b = BUF_INIT;
    size_t at = 0;
    for (size_t i = 0; i < l->n_frames; i++) {
        if (l->frames[i].stream == stream)
            buf_add(&b, l->bytes.p + at, l->frames[i].len);
        at += l->frames[i].len;
    }
    buf_addc(&b, '|');
    return buf_take(&b);
}

static void expect_stdout(const struct job *j, const char *expected)
{
    char *text = log_text(&j->result.log, 1);
    assert_string_equal(text, expected);
    mem_free(text);
}

static void outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        enum outcome outcome;
        const char *note;
    } cases[] = {
        {"true", OUTCOME_PASSED, ""},
        {"exit 3", OUTCOME_FAILED, "exit status 3"},
        {"kill -SEGV $$", OUTCOME_CRASHED, NULL},
        {"echo out; echo err >&2; exit 255", OUTCOME_FAILED, "exit status 255"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job *j = shell_job(cases[i].command);
        job_run(j);
        expect_outcome(j, cases[i].outcome, cases[i].note);
        assert_int_equal(j->attempts, 1);
        assert_true(j->started_real_ns > 0 && j->ended_real_ns >= j->started_real_ns);
        if (cases[i].outcome == OUTCOME_CRASHED) {
            assert_true(strncmp(j->note, "SIGSEGV (segmentation fault)", 28) == 0);
            assert_int_equal(j->result.signal, SIGSEGV);
        }
        job_free(j);
    }
}

static void other_exit_codes_may_be_a_success(void **state)
{
    (void)state;
    static const uint32_t codes[] = {3, 77};
    static const struct {
        const char *command;
        enum outcome outcome;
    } cases[] = {{"exit 3", OUTCOME_PASSED}, {"exit 77", OUTCOME_PASSED}, {"exit 0", OUTCOME_FAILED}};
    for (int i = 0; i < 3; i++) {
        struct job *j = shell_job(cases[i].command);
        j->success_codes = codes;
        j->n_success_codes = 2;
        job_run(j);
        expect_outcome(j, cases[i].outcome, NULL);
        job_free(j);
    }
}

static void what_cannot_be_started_is_an_error(void **state)
{
    (void)state;
    struct job *j = shell_job("true");
    j->file = NULL;
    j->missing = "'x' is not on PATH";
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, "'x' is not on PATH");
    assert_int_equal(j->result.cause, PROC_NOT_STARTED); /* so that nobody takes it for an exit with 0 */
    job_free(j);
    j = shell_job("true");
    j->file = in_repo("nothing");
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, NULL);
    assert_non_null(strstr(j->note, "nothing"));
    job_free(j);
    j = shell_job("true");
    j->cwd = in_repo("no-such-folder");
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, NULL);
    assert_int_equal(j->result.cause, PROC_NOT_STARTED);
    job_free(j);
    j = shell_job("true");
    j->tmp_base = in_repo("no-such-folder");
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, NULL);
    assert_non_null(strstr(j->note, "cannot make the private folder"));
    job_free(j);
}

static void a_time_limit(void **state)
{
    (void)state;
    struct job *j = shell_job("echo begun; exec sleep 60");
    j->timeout_ms = 50;
    job_run(j);
    expect_outcome(j, OUTCOME_TIMED_OUT, "still running after its time limit of 0.05 s");
    expect_stdout(j, "begun\n|");
    job_free(j);
}

static void standard_input_from_a_text_or_a_file(void **state)
{
    (void)state;
    struct job *j = shell_job("cat");
    j->stdin_text = "some\ntext";
    job_run(j);
    expect_stdout(j, "some\ntext|");
    job_free(j);
    put("in.txt", "of a file\n");
    j = shell_job("cat");
    j->stdin_path = in_repo("in.txt");
    job_run(j);
    expect_stdout(j, "of a file\n|");
    job_free(j);
    j = shell_job("cat");
    job_run(j);
    expect_stdout(j, "|");
    job_free(j);
}

static void the_environment_is_completed_for_each_attempt(void **state)
{
    (void)state;
    struct job *j = shell_job("echo $TGRAPH_ATTEMPT; test -d \"$TGRAPH_TMPDIR\" || exit 9; "
                              "test \"$TMPDIR\" = \"$TGRAPH_TMPDIR\" || exit 8; test $TGRAPH_SLOT = 3 || exit 7; "
                              "test -z \"$(ls -A $TMPDIR)\" || exit 6; echo x >$TMPDIR/x; test $TGRAPH_ATTEMPT = 2");
    j->slot = 3;
    j->max_attempts = 2;
    job_run(j);
    expect_outcome(j, OUTCOME_FLAKY, "passed at attempt 2 of 2");
    expect_stdout(j, "2\n|");
    job_free(j);
    j = shell_job("test -z \"${TMPDIR+set}\" && test -d \"$TGRAPH_TMPDIR\"");
    j->envp[j->env_free[2]] = "X=";
    j->env_free[2] = UINT32_MAX; /* TMPDIR is declared by the target */
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, NULL);
    job_free(j);
}

struct retries {
    uint32_t n, attempts[8];
    char notes[8][64];
};

static void note_retry(void *ctx, struct job *j, uint32_t attempt, const struct proc_result *r)
{
    struct retries *t = ctx;
    (void)r;
    t->attempts[t->n] = attempt;
    snprintf(t->notes[t->n++], sizeof t->notes[0], "%s", j->note ? j->note : "");
}

static void retries_until_it_passes_or_there_are_none_left(void **state)
{
    (void)state;
    struct retries t = {0};
    struct job *j = shell_job("exit $TGRAPH_ATTEMPT");
    j->max_attempts = 3;
    j->on_retry = note_retry;
    j->ctx = &t;
    job_run(j);
    expect_outcome(j, OUTCOME_FAILED, "exit status 3");
    assert_int_equal(j->attempts, 3);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.attempts[0], 1);
    assert_int_equal(t.attempts[1], 2);
    assert_string_equal(t.notes[0], "exit status 1");
    assert_string_equal(t.notes[1], "exit status 2");
    job_free(j);
    j = shell_job("true");
    j->max_attempts = 3;
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    assert_int_equal(j->attempts, 1);
    job_free(j);
}

static void cancelled_is_skipped_and_not_tried_again(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "x", 1), 1);
    struct job *j = shell_job("exec sleep 60");
    j->cancel_fd = p[0];
    j->max_attempts = 5;
    job_run(j);
    expect_outcome(j, OUTCOME_SKIPPED, "interrupted");
    assert_true(j->cancelled);
    assert_int_equal(j->attempts, 1);
    assert_null(j->tmpdir);
    job_free(j);
    close(p[0]);
    close(p[1]);
}

static void the_private_folder_stays_if_it_failed(void **state)
{
    (void)state;
    const char *tmp = in_repo("../tmp");
    uint32_t serial = 0;
    struct job *j = shell_job("echo x >> $TMPDIR/f; exit 1");
    j->max_attempts = 2;
    j->folder_serial = &serial;
    job_run(j);
    assert_non_null(j->tmpdir);
    char path[700];
    snprintf(path, sizeof path, "%s/f", j->tmpdir);
    assert_true(file_exists(path));
    assert_int_equal(entries_of(tmp), 1); /* the first attempt's is gone */
    assert_int_equal(serial, 1);          /* the thread goes on in another one */
    assert_true(file_remove_tree(j->tmpdir, NULL));
    job_free(j);

    j = shell_job("exit 1"); /* an empty one tells nobody anything, and the next action gets it */
    job_run(j);
    assert_null(j->tmpdir);
    job_free(j);
    assert_int_equal(entries_of(tmp), 1);
    j = shell_job("exit 1");
    job_run(j);
    job_free(j);
    assert_int_equal(entries_of(tmp), 1);

    j = shell_job("mkdir -p $TMPDIR/a/b; echo x > $TMPDIR/a/b/f");
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, "");
    assert_null(j->tmpdir);
    job_free(j);
    assert_int_equal(entries_of(tmp), 0);

    j = shell_job("echo x > $TMPDIR/f"); /* passes, but does not make what it declares */
    WANT(j, "out");
    job_run(j);
    expect_outcome(j, OUTCOME_ERROR, "it did not make its output out");
    assert_non_null(j->tmpdir);
    snprintf(path, sizeof path, "%s/f", j->tmpdir);
    assert_true(file_exists(path));
    job_free(j);
}

static void processes_left_over_are_named(void **state)
{
    (void)state;
    struct job *j = shell_job("sleep 60 >/dev/null 2>&1 &");
    j->left_ms = 1;
    job_run(j);
    expect_outcome(j, OUTCOME_PASSED, NULL);
    assert_true(strncmp(j->note, "left-over processes, ended now: ", 32) == 0);
    job_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPO(outcomes),
        IN_REPO(other_exit_codes_may_be_a_success),
        IN_REPO(what_cannot_be_started_is_an_error),
        IN_REPO(a_time_limit),
        IN_REPO(standard_input_from_a_text_or_a_file),
        IN_REPO(the_environment_is_completed_for_each_attempt),
        IN_REPO(retries_until_it_passes_or_there_are_none_left),
        IN_REPO(cancelled_is_skipped_and_not_tried_again),
        IN_REPO(the_private_folder_stays_if_it_failed),
        IN_REPO(processes_left_over_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

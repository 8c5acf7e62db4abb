/* SPDX-License-Identifier: MIT
 *
 * Threads that run jobs and the mailbox that says so. */
#include "run_test.h"

#include <poll.h>
#include <pthread.h>

#include "run/pool.h"

/* Waits for the next message but those that say that a job has begun. */
static struct pool_msg next(struct pool_threads *p)
{
    struct pool_msg m;
    for (;;) {
        struct pollfd fd = {.fd = pool_fd(p), .events = POLLIN};
        if (!pool_take(p, &m))
            assert_true(poll(&fd, 1, 60000) == 1);
        else if (m.type == POOL_JOB_DONE || m.type == POOL_JOB_RETRIES || m.type == POOL_SERVICE)
            return m;
    }
}

static bool is_readable(const struct pool_threads *p)
{
    struct pollfd fd = {.fd = pool_fd(p), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void every_job_comes_back(void **state)
{
    (void)state;
    enum { N = 300 };
    struct pool_threads *p = pool_new(4);
    uint8_t seen[N] = {0};
    for (uint32_t i = 0; i < N; i++) {
        char command[32];
        snprintf(command, sizeof command, "exit %u", i % 2);
        struct job *j = shell_job(command);
        j->node = i;
        pool_submit(p, j);
    }
    for (uint32_t i = 0; i < N; i++) {
        struct pool_msg m = next(p);
        assert_int_equal(m.type, POOL_JOB_DONE);
        assert_false(seen[m.job->node]++);
        expect_outcome(m.job, m.job->node % 2 ? OUTCOME_FAILED : OUTCOME_PASSED, NULL);
        job_free(m.job);
    }
    struct pool_msg m;
    assert_false(pool_take(p, &m));
    assert_false(is_readable(p));
    pool_free(p);
}

/* Each waits for the other: they come to an end only if both run at once. */
static void as_many_at_once_as_there_are_threads(void **state)
{
    (void)state;
    struct pool_threads *p = pool_new(2);
    assert_int_equal(mkfifo(in_repo("a"), 0600), 0);
    assert_int_equal(mkfifo(in_repo("b"), 0600), 0);
    const char *commands[] = {"echo > a; cat b", "cat a; echo > b"};
    for (int i = 0; i < 2; i++) {
        struct job *j = shell_job(commands[i]);
        j->node = (uint32_t)i;
        j->timeout_ms = 20000;
        pool_submit(p, j);
    }
    for (int i = 0; i < 2; i++) {
        struct pool_msg m = next(p);
        expect_outcome(m.job, OUTCOME_PASSED, "");
        job_free(m.job);
    }
    pool_free(p);
}

static void retries_are_told_with_their_output(void **state)
{
    (void)state;
    struct pool_threads *p = pool_new(1);
    struct job *j = shell_job("echo attempt $TGRAPH_ATTEMPT; test $TGRAPH_ATTEMPT = 3");
    j->max_attempts = 3;
    pool_submit(p, j);
    for (uint32_t i = 1; i <= 2; i++) {
        struct pool_msg m = next(p);
        assert_int_equal(m.type, POOL_JOB_RETRIES);
        assert_ptr_equal(m.job, j);
        assert_int_equal(m.attempt, i);
        assert_int_equal(m.outcome, OUTCOME_FAILED);
        assert_string_equal(m.note, "exit status 1");
        char expected[32];
        snprintf(expected, sizeof expected, "attempt %u\n", i);
        assert_string_equal(buf_cstr(&m.log.bytes), expected);
        assert_true(m.duration_ns > 0);
        mem_free(m.note);
        proc_log_clear(&m.log);
    }
    struct pool_msg m = next(p);
    assert_int_equal(m.type, POOL_JOB_DONE);
    expect_outcome(j, OUTCOME_FLAKY, NULL);
    assert_string_equal(buf_cstr(&j->result.log.bytes), "attempt 3\n");
    job_free(j);
    pool_free(p);
}

static void freeing_waits_for_what_runs_and_takes_what_was_not_read(void **state)
{
    (void)state;
    struct pool_threads *p = pool_new(2);
    for (int i = 0; i < 20; i++) {
        struct job *j = shell_job("echo >> log; exit 1");
        j->max_attempts = 2;
        pool_submit(p, j);
    }
    pool_free(p);
    struct stat st;
    assert_int_equal(stat(in_repo("log"), &st), 0);
    assert_int_equal(st.st_size, 40);
    pool_free(pool_new(3)); /* nothing was ever submitted */
    pool_free(NULL);
}

/* Who runs is told before what comes of it; a place is a thread's, whatever is submitted beyond that. */
static void jobs_begin_in_the_place_of_a_thread(void **state)
{
    (void)state;
    enum { N = 60 };
    struct pool_threads *p = pool_new(3);
    uint8_t begun[N] = {0};
    for (uint32_t i = 0; i < N; i++) {
        struct job *j = shell_job("test $TGRAPH_SLOT -lt 3 && echo >> slot$TGRAPH_SLOT");
        j->node = i;
        pool_submit(p, j);
    }
    for (uint32_t done = 0; done < N;) {
        struct pool_msg m;
        struct pollfd fd = {.fd = pool_fd(p), .events = POLLIN};
        if (!pool_take(p, &m)) {
            assert_int_equal(poll(&fd, 1, 60000), 1);
            continue;
        }
        if (m.type == POOL_JOB_STARTED) {
            assert_false(begun[m.job->node]++);
            continue;
        }
        assert_int_equal(m.type, POOL_JOB_DONE);
        assert_true(begun[m.job->node]);
        assert_true(m.job->slot < 3);
        expect_outcome(m.job, OUTCOME_PASSED, "");
        job_free(m.job);
        done++;
    }
    pool_free(p);
}

static void what_has_not_begun_can_be_called_back(void **state)
{
    (void)state;
    enum { N = 50 };
    struct pool_threads *p = pool_new(1);
    assert_int_equal(mkfifo(in_repo("gate"), 0600), 0);
    struct job *first = shell_job("cat gate");
    first->timeout_ms = 20000;
    pool_submit(p, first);
    struct pool_msg m;
    while (!pool_take(p, &m)) /* it has begun */
        poll(NULL, 0, 1);
    assert_int_equal(m.type, POOL_JOB_STARTED);
    for (uint32_t i = 0; i < N; i++)
        pool_submit(p, shell_job("touch ran"));
    pool_cancel_waiting(p);
    for (int i = 0; i < N; i++) {
        m = next(p);
        assert_int_equal(m.type, POOL_JOB_DONE);
        assert_ptr_not_equal(m.job, first);
        assert_true(m.job->cancelled);
        assert_int_equal(m.job->outcome, OUTCOME_SKIPPED);
        job_free(m.job);
    }
    int fd = open(in_repo("gate"), O_WRONLY | O_CLOEXEC);
    close(fd);
    m = next(p);
    assert_ptr_equal(m.job, first);
    expect_outcome(first, OUTCOME_PASSED, "");
    job_free(first);
    struct job *after = shell_job("true"); /* it works on */
    pool_submit(p, after);
    m = next(p);
    expect_outcome(m.job, OUTCOME_PASSED, "");
    job_free(m.job);
    pool_cancel_waiting(p);
    pool_free(p);
    assert_false(is_there("ran"));
}

/* ---- the mailbox alone ---- */

enum { SENDERS = 4, EACH = 5000 };
static struct pool_threads *box;

static void *sender(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        struct pool_msg m = {.type = POOL_SERVICE, .service = arg, .service_event = i};
        pool_post(box, &m);
    }
    return NULL;
}

static void messages_keep_their_senders_order(void **state)
{
    (void)state;
    box = pool_new(1);
    pthread_t t[SENDERS];
    int from[SENDERS], next_of[SENDERS] = {0};
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, sender, &from[i]), 0);
    for (int k = 0; k < SENDERS * EACH; k++) {
        struct pool_msg m = next(box);
        int i = (int)((int *)m.service - from);
        assert_int_equal(m.service_event, next_of[i]++);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(t[i], NULL);
    assert_false(is_readable(box));
    pool_free(box);
}

static void it_is_readable_while_something_is_in_it(void **state)
{
    (void)state;
    struct pool_threads *p = pool_new(1);
    struct pool_msg m = {.type = POOL_SERVICE};
    for (int round = 0; round < 3; round++) {
        assert_false(is_readable(p));
        pool_post(p, &m);
        pool_post(p, &m);
        assert_true(is_readable(p));
        assert_true(pool_take(p, &m));
        assert_true(is_readable(p));
        pool_post(p, &m);
        assert_true(pool_take(p, &m));
        assert_true(pool_take(p, &m));
        assert_false(pool_take(p, &m));
    }
    pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPO(every_job_comes_back),
        IN_REPO(as_many_at_once_as_there_are_threads),
        IN_REPO(retries_are_told_with_their_output),
        IN_REPO(freeing_waits_for_what_runs_and_takes_what_was_not_read),
        IN_REPO(jobs_begin_in_the_place_of_a_thread),
        IN_REPO(what_has_not_begun_can_be_called_back),
        cmocka_unit_test(messages_keep_their_senders_order),
        cmocka_unit_test(it_is_readable_while_something_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

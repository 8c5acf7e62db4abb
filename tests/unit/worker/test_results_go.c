/* SPDX-License-Identifier: MIT
 *
 * go test -json and libtest. */
#include "results_test.h"

#define P "\"Package\":\"example.com/x\""
#define START "{\"Action\":\"start\"," P "}\n"
#define RUN(t) "{\"Action\":\"run\"," P ",\"Test\":\"" t "\"}\n"
#define SAY(t, text) "{\"Action\":\"output\"," P ",\"Test\":\"" t "\",\"Output\":\"" text "\\n\"}\n"
#define END(how, t)                                                                                                    \
    "{\"Time\":\"2026-01-01T00:00:00Z\",\"Action\":\"" how "\"," P ",\"Test\":\"" t "\",\"Elapsed\":0.25}\n"
#define PACKAGE(how) "{\"Action\":\"" how "\"," P ",\"Elapsed\":0.5}\n"
#define GO(exit_code, text, expected) EXPECT(RESULTS_GO, exit_code, text, expected)

static void tests_and_subtests(void **state)
{
    (void)state;
    GO(0,
       START RUN("TestA") RUN("TestA/b") "{\"Action\":\"pause\"," P ",\"Test\":\"TestA/b\"}\n"
                                         "{\"Action\":\"cont\"," P ",\"Test\":\"TestA/b\"}\n" END("pass", "TestA/b")
                                             END("pass", "TestA") RUN("TestS") SAY("TestS", "    x_test.go:4: later")
                                                 END("skip", "TestS") PACKAGE("pass"),
       "passed\n  TestA/b: passed\n  TestA: passed\n  TestS: skipped (x_test.go:4: later)\n");
    GO(1,
       RUN("TestA") SAY("TestA", "=== RUN   TestA") SAY("TestA", "    x_test.go:12: got 3")
           SAY("TestA", "    x_test.go:13: more") END("fail", "TestA") RUN("TestB") END("pass", "TestB")
               PACKAGE("fail"),
       "failed: TestA: x_test.go:12: got 3\n  TestA: failed (x_test.go:12: got 3)\n  TestB: passed\n");
    /* Benchmarks, events of later versions, and the build's own. */
    GO(0,
       RUN("BenchmarkX") END("bench", "BenchmarkX") "{\"Action\":\"attr\"," P
                                                    ",\"Test\":\"T\",\"Key\":\"k\"}\n" PACKAGE("pass"),
       "passed\n  BenchmarkX: passed\n");
    GO(0, "{\"Action\":\"output\"," P ",\"Output\":\"?   \\texample.com/x\\t[no test files]\\n\"}\n" PACKAGE("skip"),
       "skipped: no test files\n");
    GO(0, RUN("TestA") END("skip", "TestA") PACKAGE("pass"), "skipped\n  TestA: skipped\n");
    GO(0, PACKAGE("pass"), "passed\n");
}

static void exit_status_and_results_must_agree(void **state)
{
    (void)state;
    GO(0, RUN("TestA") END("fail", "TestA") PACKAGE("pass"), "failed: TestA\n  TestA: failed\n");
    GO(1, RUN("TestA") END("pass", "TestA") PACKAGE("pass"),
       "failed: exit status 1, though no test of it failed (1)\n  TestA: passed\n");
    GO(0, RUN("TestA") END("pass", "TestA") PACKAGE("fail"),
       "failed: the package failed, though no test of it did\n  TestA: passed\n");
}

static void what_ends_in_the_middle(void **state)
{
    (void)state;
    GO(1, START RUN("TestA") SAY("TestA", "panic: boom") PACKAGE("fail"),
       "failed: TestA: panic: boom\n  TestA: failed (panic: boom)\n");
    GO(0, START RUN("TestA") PACKAGE("pass"),
       "failed: TestA: it began and did not end\n  TestA: failed (it began and did not end)\n");
    GO(0, START RUN("TestA") END("pass", "TestA"),
       "error: the results end in the middle: the package has no outcome\n  TestA: passed\n");
    GO(0, START RUN("TestA"),
       "failed: TestA: it began and did not end; the results end in the middle: the package has no outcome\n"
       "  TestA: failed (it began and did not end)\n");
    GO(0, START PACKAGE("pass") "{\"Action\":\"start\",\"Package\":\"example.com/y\"}\n",
       "failed: example.com/y began and did not end\n");
    GO(0, START "{\"Action\":\"pa", "failed: a line of the results cannot be read: {\"Action\":\"pa\n");
    GO(0, START PACKAGE("pass") "{\"Action\":\"fai\n",
       "failed: a line of the results cannot be read: {\"Action\":\"fai\n");
    GO(0, "", "error: no results of go test -json\n");
    GO(0, "ok  \texample.com/x\t0.1s\n", "error: no results of go test -json: ok example.com/x 0.1s\n");
}

static void builds_that_fail(void **state)
{
    (void)state;
    GO(1,
       "{\"ImportPath\":\"example.com/x\",\"Action\":\"build-output\",\"Output\":\"# example.com/x\\n\"}\n"
       "{\"ImportPath\":\"example.com/x\",\"Action\":\"build-output\",\"Output\":\"./x.go:1:2: no\\n\"}\n"
       "{\"ImportPath\":\"example.com/x\",\"Action\":\"build-fail\"}\n" START "{\"Action\":\"fail\"," P
       ",\"Elapsed\":0,\"FailedBuild\":\"example.com/x\"}\n",
       "failed: exit status 1; it does not build: ./x.go:1:2: no\n");
    EXPECT_ERR(RESULTS_GO, 2, "FAIL\texample.com/x [build failed]\n", "# example.com/x\n./x.go:1:2: no\n",
               "failed: exit status 2; it does not build: ./x.go:1:2: no\n");
}

static void two_packages_are_told_apart(void **state)
{
    (void)state;
    GO(0,
       RUN("TestA") END("pass", "TestA") PACKAGE("pass") "{\"Action\":\"run\",\"Package\":\"y\",\"Test\":\"TestA\"}\n"
                                                         "{\"Action\":\"pass\",\"Package\":\"y\",\"Test\":\"TestA\"}\n"
                                                         "{\"Action\":\"pass\",\"Package\":\"y\"}\n",
       "passed\n  TestA: passed\n  y: TestA: passed\n");
}

static void people_see_the_output_and_not_the_events(void **state)
{
    (void)state;
    struct buf shown = BUF_INIT;
    struct results res;
    static const char text[] = START RUN("TestA") SAY("TestA", "hello") "plain\n" PACKAGE("pass");
    struct results_reader *r = results_reader_new(RESULTS_GO);
    for (size_t i = 0; i + 1 < sizeof text; i++)
        results_reader_feed(r, 1, text + i, 1, &shown);
    results_reader_end(r, &res, &shown);
    assert_string_equal(buf_cstr(&shown), "hello\nplain\n");
    results_clear(&res);
    buf_clear(&shown);
}

#define LIB(exit_code, text, expected) EXPECT(RESULTS_LIBTEST, exit_code, text, expected)
#define SUM(how, p, f, i)                                                                                              \
    "\ntest result: " how ". " p " passed; " f " failed; " i                                                           \
    " ignored; 0 measured; 3 filtered out; finished in 0.00s\n\n"

static void libtest(void **state)
{
    (void)state;
    LIB(0, "\nrunning 1 test\ntest tests::a ... ok\n" SUM("ok", "1", "0", "0"), "passed\n");
    /* With --nocapture a test's output stands in its line. */
    LIB(0, "\nrunning 1 test\ntest tests::a ... hello\nok\n" SUM("ok", "1", "0", "0"), "passed\n");
    LIB(0,
        "running 3 tests\ntest a - should panic ... ok\ntest b ... ignored, slow\ntest src/lib.rs - f (line 3) ... "
        "ok\n" SUM("ok", "2", "0", "1"),
        "passed\n  a: passed\n  b: skipped (slow)\n  src/lib.rs - f (line 3): passed\n");
    LIB(0, "running 1 test\ntest b ... ignored, slow\n" SUM("ok", "0", "0", "1"), "skipped: slow\n");
    LIB(101, "running 2 tests\ntest a ... FAILED\ntest b ... ok\n" SUM("FAILED", "1", "1", "0"),
        "failed: a\n  a: failed\n  b: passed\n");
    EXPECT_ERR(RESULTS_LIBTEST, 101, "running 1 test\ntest a ... FAILED\n" SUM("FAILED", "0", "1", "0"),
               "\nthread 'a' (123) panicked at src/lib.rs:3:5:\nassertion failed: x\nnote: run with\n",
               "failed: src/lib.rs:3:5: assertion failed: x\n");
    EXPECT_ERR(RESULTS_LIBTEST, 101, "running 1 test\ntest a ... FAILED\n" SUM("FAILED", "0", "1", "0"),
               "thread 'a' panicked at 'oh', src/lib.rs:3:5\n", "failed: 'oh', src/lib.rs:3:5\n");
}

static void libtest_that_cannot_be_believed(void **state)
{
    (void)state;
    LIB(0, "\nrunning 0 tests\n" SUM("ok", "0", "0", "0"), "error: it ran no test\n");
    LIB(0, "\nrunning 1 test\n", "error: it did not say how its tests ended (test result: ...)\n");
    LIB(0, "", "error: it did not say how its tests ended (test result: ...)\n");
    LIB(0, "running 1 test\ntest a ... FAILED\n" SUM("FAILED", "0", "1", "0"), "failed: the test failed\n");
    LIB(101, "running 1 test\ntest a ... ok\n" SUM("ok", "1", "0", "0"),
        "failed: exit status 101, though no test of it failed (1)\n");
    LIB(0, "running 1 test\n" SUM("ok", "1", "1", "0"),
        "failed: the test failed; it contradicts itself: test result: ok. 1 passed; 1 failed; 0 ignored; 0 measured; "
        "3 filtered out; finished in 0.00s\n");
}

static void exit_status_alone(void **state)
{
    (void)state;
    EXPECT(RESULTS_EXIT, 0, "not ok 1\n", "passed\n");
    EXPECT(RESULTS_EXIT, 7, "", "failed: exit status 7\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tests_and_subtests),
        cmocka_unit_test(exit_status_and_results_must_agree),
        cmocka_unit_test(what_ends_in_the_middle),
        cmocka_unit_test(builds_that_fail),
        cmocka_unit_test(two_packages_are_told_apart),
        cmocka_unit_test(people_see_the_output_and_not_the_events),
        cmocka_unit_test(libtest),
        cmocka_unit_test(libtest_that_cannot_be_believed),
        cmocka_unit_test(exit_status_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

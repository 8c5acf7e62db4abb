/* SPDX-License-Identifier: MIT
 *
 * JUnit XML in the dialects of those who write it, and what must not be believed. */
#include "results_test.h"

#define XML(text, expected) EXPECT(RESULTS_JUNIT, 0, text, expected)

static void dialects(void **state)
{
    (void)state;
    /* pytest */
    XML("<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites><testsuite name=\"pytest\" errors=\"1\" failures=\"1\" "
        "skipped=\"2\" "
        "tests=\"5\" time=\"0.03\">"
        "<testcase classname=\"tests.test_a\" name=\"test_x[1]\" time=\"0.001\" />"
        "<testcase classname=\"tests.test_a\" name=\"test_y\" time=\"0.001\"><failure message=\"assert 1 == 2\">def "
        "test_y():\n"
        "&gt; assert 1 == 2</failure></testcase>"
        "<testcase classname=\"tests.test_a\" name=\"test_z\" time=\"0\"><error message=\"failed on "
        "setup\">...</error></testcase>"
        "<testcase classname=\"tests.test_a\" name=\"test_s\"><skipped type=\"pytest.skip\" "
        "message=\"later\">x</skipped></testcase>"
        "<testcase classname=\"tests.test_a\" name=\"test_f\"><skipped type=\"pytest.xfail\" "
        "message=\"known\"/></testcase>"
        "</testsuite></testsuites>",
        "failed: tests.test_a.test_y: assert 1 == 2 (and 1 more of 5)\n"
        "  tests.test_a.test_x[1]: passed\n  tests.test_a.test_y: failed (assert 1 == 2)\n"
        "  tests.test_a.test_z: error (failed on setup)\n  tests.test_a.test_s: skipped (later)\n"
        "  tests.test_a.test_f: xfailed (known)\n");
    /* gtest: what did not run has no element; one test case with two failures counts once */
    XML("<testsuites tests=\"3\" failures=\"1\" disabled=\"1\" errors=\"0\" name=\"AllTests\">\n"
        "  <testsuite name=\"Stack\" tests=\"3\" failures=\"1\" disabled=\"1\" errors=\"0\">\n"
        "    <testcase name=\"Push\" status=\"run\" result=\"completed\" time=\"0.\" classname=\"Stack\"/>\n"
        "    <testcase name=\"DISABLED_Pop\" status=\"notrun\" result=\"suppressed\" time=\"0.\" "
        "classname=\"Stack\"/>\n"
        "    <testcase name=\"Top\" status=\"run\" result=\"completed\" classname=\"Stack\">\n"
        "      <failure message=\"s.cc:3&#x0A;Expected: 1\" type=\"\"><![CDATA[s.cc:3\nExpected: 1]]></failure>\n"
        "      <failure message=\"s.cc:4\" type=\"\"><![CDATA[s.cc:4]]></failure>\n"
        "    </testcase>\n  </testsuite>\n</testsuites>\n",
        "failed: Stack.Top: s.cc:3 Expected: 1\n"
        "  Stack.Push: passed\n  Stack.DISABLED_Pop: skipped\n  Stack.Top: failed (s.cc:3 Expected: 1)\n");
    /* surefire: the root is one suite; the message may be the text */
    XML("<testsuite xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" name=\"com.x.T\" time=\"1,234.5\" "
        "tests=\"2\" errors=\"1\" "
        "skipped=\"0\" failures=\"0\"><properties><property name=\"java.version\" value=\"17\"/></properties>"
        "<testcase name=\"a\" classname=\"com.x.T\" "
        "time=\"0.1\"><system-out><![CDATA[<failure>]]></system-out></testcase>"
        "<testcase name=\"b\" classname=\"com.x.T\"><error type=\"java.lang.Oops\">\n  java.lang.Oops: no\n\tat "
        "com.x.T.b\n</error>"
        "</testcase></testsuite>",
        "error: com.x.T.b: java.lang.Oops: no\n  com.x.T.a: passed\n  com.x.T.b: error (java.lang.Oops: no)\n");
    /* ctest */
    XML("<testsuite name=\"(empty)\" tests=\"2\" failures=\"1\" disabled=\"0\" skipped=\"0\"><testcase name=\"t\" "
        "classname=\"t\" "
        "time=\"0.1\" status=\"run\"><system-out>x</system-out></testcase><testcase name=\"u\" classname=\"u\" "
        "status=\"fail\">"
        "<failure message=\"\"/></testcase></testsuite>",
        "failed: u\n  t: passed\n  u: failed\n");
    XML("<testsuites><testsuite name=\"outer\"><testsuite name=\"inner\"><testcase "
        "name=\"a\"><skipped/></testcase></testsuite>"
        "</testsuite></testsuites>",
        "skipped\n  a: skipped\n");
}

static void a_suite_that_could_not_be_set_up(void **state)
{
    (void)state;
    XML("<testsuite name=\"db\" errors=\"1\"><error message=\"no server\"/></testsuite>",
        "error: db: no server\n  db: error (no server)\n");
}

static void a_suite_that_counts_more_failures_than_it_shows(void **state)
{
    (void)state;
    XML("<testsuites><testsuite name=\"s\" failures=\"1\" errors=\"1\"><testcase "
        "name=\"a\"><failure/></testcase></testsuite>"
        "<testsuite name=\"t\" failures=\"0\"><testcase name=\"b\"/></testsuite></testsuites>",
        "failed: a; the suite s says that 2 of its tests failed, and shows 1\n  a: failed\n  b: passed\n");
    XML("<testsuites failures=\"1\"><testsuite name=\"s\"><testcase name=\"a\"/></testsuite></testsuites>",
        "failed: the suite (without a name) says that 1 of its tests failed, and shows 0\n  a: passed\n");
}

static void what_is_not_junit(void **state)
{
    (void)state;
    XML("", "error: it is empty\n");
    XML("hello", "error: line 1: syntax error\n");
    XML("<html></html>", "error: it is not JUnit XML: its first element is <html>, not <testsuites> or <testsuite>\n");
    XML("<testsuites></testsuites>", "error: there is no test case in it\n");
    XML("<testsuite><testcase name=\"a\"/>\n", "error: line 2: no element found\n  a: passed\n");
    XML("<testsuite><testcase name=\"a\"></testsuite>", "error: line 1: mismatched tag\n");
    XML("<testsuite><testcase name=\"a\"/></testsuite><x/>",
        "error: line 1: junk after document element\n  a: passed\n");
    XML("<testsuite><testcase name=\"a\"><testcase name=\"b\"/></testcase></testsuite>",
        "error: it is not JUnit XML: there is a <testcase> within a <testcase>\n");
    EXPECT(RESULTS_JUNIT, 2, "", "failed: exit status 2; it is empty\n");
}

static void entities_are_refused(void **state)
{
    (void)state;
    XML("<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><testsuite><testcase name=\"&b;\"/></testsuite>",
        "error: it has a document type (<!DOCTYPE>), which is not read\n");
    XML("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><testsuite><testcase name=\"a\"/></testsuite>",
        "error: it has a document type (<!DOCTYPE>), which is not read\n");
    XML("<testsuite><testcase name=\"&lt;&#x41;&gt;\"/></testsuite>", "passed\n  <A>: passed\n");
    XML("<testsuite><testcase name=\"&nbsp;\"/></testsuite>", "error: line 1: undefined entity\n");
}

static void depth_and_size(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 200; i++)
        buf_adds(&b, "<testsuite>");
    assert_string_equal(judged(RESULTS_JUNIT, b.p, b.len, NULL, 0, 4096),
                        "error: its elements are nested more than 100 deep\n");
    buf_reset(&b);
    buf_adds(&b, "<testsuite><testcase name=\"a\"><failure>");
    for (int i = 0; i < 1 << 20; i++)
        buf_adds(&b, "text ");
    buf_adds(&b, "</failure></testcase></testsuite>");
    const char *seen = judged(RESULTS_JUNIT, b.p, b.len, NULL, 0, 4096);
    assert_memory_equal(seen, "failed: a: text text", 20);
    assert_true(strlen(seen) < 3 * RESULTS_MESSAGE_BYTES);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialects),
        cmocka_unit_test(a_suite_that_could_not_be_set_up),
        cmocka_unit_test(a_suite_that_counts_more_failures_than_it_shows),
        cmocka_unit_test(what_is_not_junit),
        cmocka_unit_test(entities_are_refused),
        cmocka_unit_test(depth_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

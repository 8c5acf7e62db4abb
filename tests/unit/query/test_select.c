/* SPDX-License-Identifier: MIT
 *
 * Patterns of the command line: what they select, from where, and what is said of those that select nothing. */
#include "../graph/graph_test.h"
#include "query/select.h"

static void build(void)
{
    world_begin();
    target(KIND_TEST, "unit", .cmd = STRS("t"), .tags = STRS("fast"));
    target(KIND_TEST, "e2e", .cmd = STRS("t"), .tags = STRS("net", "slow"));
    target(KIND_BUILD, "app", .cmd = STRS("t"));
    target(KIND_GROUP, "ci", .deps = STRS("unit", "inner", "services/api:unit", "app"));
    target(KIND_GROUP, "inner", .deps = STRS("e2e"));
    target(KIND_SERVICE, "db", .cmd = STRS("t"));
    target(KIND_TEST, "services/api:unit", .cmd = STRS("t"), .tags = STRS("fast"));
    target(KIND_TEST, "services/api:lint", .cmd = STRS("t"));
    target(KIND_TEST, "services/web:unit", .cmd = STRS("t"), .tags = STRS("slow"));
    target(KIND_TEST, "services:smoke", .cmd = STRS("t"));
    target(KIND_BUILD, "services/gen:api", .cmd = STRS("t"), .tags = STRS("slow"));
    target(KIND_BUILD, "gen:x", .cmd = STRS("t"));
    target(KIND_BUILD, "gen:y", .cmd = STRS("t"));
    target(KIND_TEST, "servicesx:other", .cmd = STRS("t"));
    target(KIND_TEST, "src/v1.c:a/b", .cmd = STRS("t"));
    world_build();
}

static void expect_spec(struct select_spec spec, const char *expected, int line)
{
    uint8_t selected[64] = {0};
    struct buf b = BUF_INIT;
    struct errlist errs = ERRLIST_INIT;
    if (!select_targets(&graph, &spec, selected, &errs))
        fail_msg("line %d: %s", line, errs.v[0].msg);
    for (uint32_t n = 0; n < graph.n_nodes; n++)
        if (selected[n])
            buf_printf(&b, "%s%s", b.len ? " " : "", graph_label(&graph, n));
    if (strcmp(buf_cstr(&b), expected) != 0)
        fail_msg("line %d: %s", line, buf_cstr(&b));
    buf_clear(&b);
}

static void expect_from(const char *sub, const char *pattern, const char *expected, int line)
{
    expect_spec((struct select_spec){.patterns = &pattern, .n_patterns = 1, .sub = sub}, expected, line);
}
#define PATTERN(pattern, expected) expect_from("", pattern, expected, __LINE__)
#define FROM(sub, pattern, expected) expect_from(sub, pattern, expected, __LINE__)
#define SPEC(expected, ...) expect_spec((struct select_spec){__VA_ARGS__}, expected, __LINE__)
#define LIST(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

#define ALL_TESTS                                                                                                      \
    "unit e2e services/api:unit services/api:lint services/web:unit services:smoke servicesx:other src/v1.c:a/b"

static void no_pattern_is_every_test(void **state)
{
    (void)state;
    build();
    SPEC(ALL_TESTS, .n_patterns = 0);
    SPEC(ALL_TESTS, .sub = "services"); /* wherever one is */
    SPEC("unit e2e app ci inner db services/api:unit services/api:lint services/web:unit services:smoke "
         "services/gen:api gen:x gen:y servicesx:other src/v1.c:a/b",
         .every_kind = true);
    world_end();
}

static void labels_select_any_kind(void **state)
{
    (void)state;
    build();
    PATTERN("unit", "unit");
    PATTERN("app", "app");
    PATTERN("db", "db");
    PATTERN("services/api:unit", "services/api:unit");
    PATTERN("//services/api:unit", "services/api:unit");
    PATTERN("//:unit", "unit");
    PATTERN(":unit", "unit");
    PATTERN("gen:x", "gen:x");
    PATTERN("src/v1.c:a/b", "src/v1.c:a/b");
    world_end();
}

static void folders_select_the_tests_below(void **state)
{
    (void)state;
    build();
    PATTERN("services", "services/api:unit services/api:lint services/web:unit services:smoke");
    PATTERN("services/", "services/api:unit services/api:lint services/web:unit services:smoke");
    PATTERN("services/...", "services/api:unit services/api:lint services/web:unit services:smoke");
    PATTERN("services/api", "services/api:unit services/api:lint");
    PATTERN("//services/api/...", "services/api:unit services/api:lint");
    PATTERN("...", ALL_TESTS);
    PATTERN("//...", ALL_TESTS);
    PATTERN(".", ALL_TESTS);
    PATTERN("./", ALL_TESTS);
    PATTERN("./...", ALL_TESTS);
    world_end();
}

static void folders_without_tests_select_their_builds(void **state)
{
    (void)state;
    build();
    PATTERN("gen", "gen:x gen:y");
    PATTERN("services/gen/...", "services/gen:api");
    PATTERN("gen:*", "gen:x gen:y");
    world_end();
}

static void globs_match_labels(void **state)
{
    (void)state;
    build();
    PATTERN("*", "unit e2e services:smoke servicesx:other");
    PATTERN("*/api:unit", "services/api:unit");
    PATTERN("services/*:unit", "services/api:unit services/web:unit");
    PATTERN("**", ALL_TESTS);
    PATTERN("**/*:unit", "services/api:unit services/web:unit");
    PATTERN("{unit,e2e}", "unit e2e");
    PATTERN("u[mn]it", "unit");
    PATTERN("services/???:unit", "services/api:unit services/web:unit");
    PATTERN("//services/*:lint", "services/api:lint");
    world_end();
}

static void groups_stand_for_their_members(void **state)
{
    (void)state;
    build();
    PATTERN("inner", "e2e inner");
    PATTERN("ci", "unit e2e app ci inner services/api:unit");
    world_end();
}

static void from_a_folder_below_the_root(void **state)
{
    (void)state;
    build();
    FROM("services/api", "unit", "unit"); /* what it means at the root comes first */
    FROM("services/api", "./unit", "services/api:unit");
    FROM("services/api", "lint", "services/api:lint");
    FROM("services", "api", "services/api:unit services/api:lint");
    FROM("services", "./api", "services/api:unit services/api:lint");
    FROM("services", "api/...", "services/api:unit services/api:lint");
    FROM("services", "api:lint", "services/api:lint");
    FROM("services", "./api:unit", "services/api:unit");
    FROM("services", "smoke", "services:smoke");
    FROM("services/api", ".", "services/api:unit services/api:lint");
    FROM("services/api", "./", "services/api:unit services/api:lint");
    FROM("services/api", "./...", "services/api:unit services/api:lint");
    FROM("services/api", "...", ALL_TESTS);
    FROM("services", "*:lint", "services/api:lint");
    FROM("services/api", "./*", "services/api:unit services/api:lint");
    FROM("services/api", ":lint", "services/api:lint");
    FROM("services/api", "./:unit", "services/api:unit");
    FROM("services/api", "//services/web:unit", "services/web:unit");
    world_end();
}

static void tags_keep_those_that_have_one(void **state)
{
    (void)state;
    build();
    SPEC("unit services/api:unit", .tags = LIST("fast"));
    SPEC("unit e2e services/api:unit services/web:unit", .tags = LIST("fast", "slow"));
    SPEC("services/web:unit", .patterns = LIST("services"), .tags = LIST("slow"));
    SPEC("", .patterns = LIST("services/web"), .tags = LIST("fast"));
    SPEC("unit services/api:unit", .patterns = LIST("ci"), .tags = LIST("fast")); /* of a group: its members */
    SPEC("e2e services/web:unit services/gen:api", .every_kind = true, .tags = LIST("slow"));
    world_end();
}

static void excludes_take_away(void **state)
{
    (void)state;
    build();
    SPEC("unit e2e services/web:unit services:smoke servicesx:other src/v1.c:a/b", .excludes = LIST("services/api"));
    SPEC("services/api:lint services:smoke", .patterns = LIST("services"), .excludes = LIST("services/*:unit"));
    SPEC("unit app services/api:unit", .patterns = LIST("ci"), .excludes = LIST("e2e"));
    SPEC("app", .patterns = LIST("ci", "app"), .excludes = LIST("unit", "inner", "services/..."));
    SPEC("services/api:lint", .patterns = LIST("."), .excludes = LIST("./unit"), .sub = "services/api");
    world_end();
}

static void only_those_that_failed(void **state)
{
    (void)state;
    build();
    SPEC("", .only_failed = true);
    graph.states[node_of("e2e")].status = STATUS_FAILED;
    graph.states[node_of("services/web:unit")].status = STATUS_FAILED;
    graph.states[node_of("unit")].status = STATUS_DIRTY;
    SPEC("e2e services/web:unit", .only_failed = true);
    SPEC("e2e", .only_failed = true, .patterns = LIST("ci"));
    SPEC("services/web:unit", .only_failed = true, .excludes = LIST("e2e"));
    /* A build that failed kept the tests that need it from running at all. */
    graph.states[node_of("app")].status = STATUS_FAILED;
    SPEC("e2e app services/web:unit", .only_failed = true);
    SPEC("e2e app", .only_failed = true, .patterns = LIST("ci"));
    world_end();
}

static void several_patterns_add_up(void **state)
{
    (void)state;
    build();
    SPEC("unit services/api:unit services/api:lint", .patterns = LIST("unit", "services/api", "unit"));
    world_end();
}

static void expect_refused(struct select_spec spec, const char *msg, const char *hint, int line)
{
    uint8_t selected[64] = {0};
    struct errlist errs = ERRLIST_INIT;
    if (select_targets(&graph, &spec, selected, &errs))
        fail_msg("line %d", line);
    assert_int_equal(errs.n_errors, 1);
    assert_string_equal(errs.v[0].code, "T010");
    if (strcmp(errs.v[0].msg, msg) != 0 || strcmp(errs.v[0].hint, hint) != 0)
        fail_msg("line %d: %s (%s)", line, errs.v[0].msg, errs.v[0].hint);
    errlist_clear(&errs);
}
#define REFUSED(msg, hint, ...) expect_refused((struct select_spec){__VA_ARGS__}, msg, hint, __LINE__)

static void patterns_that_match_nothing(void **state)
{
    (void)state;
    build();
    static const char all[] = "`tgraph list` shows all targets";
    REFUSED("the pattern 'unti' matches no target", "did you mean 'unit'?", .patterns = LIST("unti"));
    REFUSED("the pattern 'services/api:unt' matches no target", "did you mean 'services/api:unit'?",
            .patterns = LIST("services/api:unt"));
    REFUSED("the pattern 'zzzzzz' matches no target", all, .patterns = LIST("zzzzzz"));
    REFUSED("the pattern 'zzz/...' matches no target", all, .patterns = LIST("zzz/..."));
    REFUSED("the pattern 'zzz*' matches no target", all, .patterns = LIST("zzz*"));
    REFUSED("the pattern 'api:lint' matches no target", all, .patterns = LIST("api:lint"));
    REFUSED("the pattern './e2e' matches no target", "did you mean 'e2e'?", .patterns = LIST("./e2e"),
            .sub = "services");
    REFUSED("no target has the tag 'fsat'", "`tgraph list --json` shows the tags", .tags = LIST("fast", "fsat"));
    REFUSED("--exclude 'unti' matches no target", "did you mean 'unit'?", .excludes = LIST("unti"));
    /* A folder's name and a name seen from a folder are slips too. */
    REFUSED("the pattern 'servics/api' matches no target", "did you mean 'services/api'?",
            .patterns = LIST("servics/api"));
    REFUSED("the pattern 'lintt' matches no target", "did you mean 'services/api:lint'?", .patterns = LIST("lintt"),
            .sub = "services/api");
    world_end();
}

static void every_pattern_that_matches_nothing_is_told(void **state)
{
    (void)state;
    build();
    uint8_t selected[64] = {0};
    struct errlist errs = ERRLIST_INIT;
    const char *patterns[] = {"nope1", "unit", "nope2"}, *excludes[] = {"nope3"};
    struct select_spec spec = {.patterns = patterns, .n_patterns = 3, .excludes = excludes, .n_excludes = 1};
    assert_false(select_targets(&graph, &spec, selected, &errs));
    assert_int_equal(errs.n_errors, 3);
    errlist_clear(&errs);
    world_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_pattern_is_every_test),
        cmocka_unit_test(labels_select_any_kind),
        cmocka_unit_test(folders_select_the_tests_below),
        cmocka_unit_test(folders_without_tests_select_their_builds),
        cmocka_unit_test(globs_match_labels),
        cmocka_unit_test(groups_stand_for_their_members),
        cmocka_unit_test(from_a_folder_below_the_root),
        cmocka_unit_test(tags_keep_those_that_have_one),
        cmocka_unit_test(excludes_take_away),
        cmocka_unit_test(only_those_that_failed),
        cmocka_unit_test(several_patterns_add_up),
        cmocka_unit_test(patterns_that_match_nothing),
        cmocka_unit_test(every_pattern_that_matches_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

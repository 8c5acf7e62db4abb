/* SPDX-License-Identifier: MIT
 *
 * The base's graph that is kept in .tgraph/base-<tree id>: when it is used, when not, and that it is never believed when
 * it is damaged. */
#include "since_world.h"

#include <dirent.h>

static char top[4096]; /* of the sources */

/* What the base says: its labels with their static keys; whether that came from the kept file. */
static char *base_text(const char *lib_dir, bool *kept)
{
    struct buf b = BUF_INIT;
    const char *gone;
    ws_begin_with(lib_dir);
    uint8_t *all = mem_alloc(ws.g.n_nodes + 1);
    memset(all, 1, ws.g.n_nodes + 1);
    ws_stamp(&ws, all, &gone);
    mem_free(all);
    ws_keys(&ws);
    key_static_all(&ws.keys, &ws.g);
    struct since_opts o = {.ref = "base", .exact = true};
    if (!since_open(&since, &ws, &o, &errors) || !since_compare(&since, &ws, &errors))
        fail_msg("%s %s", errors.v[0].code, errors.v[0].msg);
    if (since.everything)
        fail_msg("%s", since.everything);
    for (uint32_t k = 0; k < since.before.g.n_nodes; k++) {
        char hex[DIGEST_HEX];
        digest_hex(since.before.keys.static_key[k], hex);
        buf_printf(&b, "%s %s\n", graph_label(&since.before.g, k), hex);
    }
    *kept = since.before.from_cache;
    compare_end();
    buf_adds(&b, "");
    return buf_take(&b);
}

/* Files that are as new as a load may have been written during it, so the first loads may not be kept. */
static char *until_kept(const char *lib_dir)
{
    bool kept = false;
    char *text = base_text(lib_dir, &kept);
    for (int i = 0; !kept && i < 2000; i++) {
        char *again = base_text(lib_dir, &kept);
        assert_string_equal(text, again);
        mem_free(again);
    }
    if (!kept)
        fail_msg("never kept");
    return text;
}

static void forget(void) { sh("rm -f .tgraph/base-*"); }

/* After a change: the kept file is not used, and the answer is that of a load from nothing. */
static void expect_loaded_again(const char *lib_dir)
{
    bool kept;
    char *text = base_text(lib_dir, &kept);
    assert_false(kept);
    forget();
    char *fresh = base_text(lib_dir, &kept);
    assert_false(kept);
    assert_string_equal(text, fresh);
    mem_free(text);
    mem_free(fresh);
    mem_free(until_kept(lib_dir));
}

/* A base whose Testfile is another one than the work tree's, so that it has to be loaded. */
static void begin(const char *testfile)
{
    put(".gitignore", ".tgraph\n*.local\n");
    put("Testfile.lua", testfile);
    put("a.txt", "1\n");
    put("src/b.txt", "1\n");
    git("add -A && git commit -q -m base && git tag base");
    put("Testfile.lua", "test \"now\" { cmd = \"true\", inputs = {} }\n");
    commit("now");
}

static const char usual[] = "test \"a\" { cmd = \"true\", inputs = { \"a.txt\" } }\n"
                            "test \"b\" { cmd = \"true\", inputs = { \"src/**\" }, deps = { \"a\" } }\n";

static void the_second_load_is_from_the_kept_file(void **state)
{
    bool kept;
    (void)state;
    begin(usual);
    char *first = base_text(NULL, &kept);
    assert_false(kept);
    assert_non_null(strstr(first, "a "));
    assert_non_null(strstr(first, "b "));
    char *later = until_kept(NULL);
    assert_string_equal(first, later);
    mem_free(first);
    mem_free(later);
    /* Neither edits of the work tree nor another commit with the same tree matter. */
    put("a.txt", "2\n");
    put("src/c.txt", "2\n");
    git("commit -q --allow-empty -m more");
    mem_free(base_text(NULL, &kept));
    assert_true(kept);
}

static void a_base_with_the_same_testfiles_is_kept_too(void **state)
{
    bool kept;
    (void)state;
    begin(usual);
    put("Testfile.lua", usual);
    put("a.txt", "2\n");
    char *first = base_text(NULL, &kept);
    assert_false(kept);
    mem_free(until_kept(NULL));
    put("Testfile.lua", "");
    char *later = base_text(NULL, &kept);
    assert_string_equal(first, later);
    mem_free(first);
    mem_free(later);
}

static void another_path_means_loading_again(void **state)
{
    (void)state;
    begin(usual);
    mem_free(until_kept(NULL));
    char *before = mem_strdup(getenv("PATH")), *other = mem_printf("%s:/nowhere", before);
    setenv("PATH", other, 1);
    expect_loaded_again(NULL);
    setenv("PATH", before, 1);
    mem_free(before);
    mem_free(other);
}

static void so_does_a_variable_that_a_testfile_asked_for(void **state)
{
    bool kept;
    (void)state;
    begin("test(\"v\" .. env(\"TGRAPH_TEST_V\", \"\")) { cmd = \"true\", inputs = {} }\n");
    unsetenv("TGRAPH_TEST_V");
    mem_free(until_kept(NULL));
    setenv("TGRAPH_TEST_W", "1", 1); /* one that nobody asked for */
    mem_free(base_text(NULL, &kept));
    assert_true(kept);
    setenv("TGRAPH_TEST_V", "1", 1);
    expect_loaded_again(NULL);
    char *text = base_text(NULL, &kept);
    assert_non_null(strstr(text, "v1 "));
    mem_free(text);
    unsetenv("TGRAPH_TEST_V");
    unsetenv("TGRAPH_TEST_W");
    expect_loaded_again(NULL);
}

static void so_does_a_variable_in_a_command(void **state)
{
    bool kept;
    (void)state;
    begin("test \"v\" { cmd = \"true\", inputs = {}, env = { \"TGRAPH_TEST_V\" } }\n");
    unsetenv("TGRAPH_TEST_V");
    char *without = until_kept(NULL);
    setenv("TGRAPH_TEST_V", "1", 1);
    char *with = base_text(NULL, &kept);
    assert_string_not_equal(without, with);
    unsetenv("TGRAPH_TEST_V");
    mem_free(without);
    mem_free(with);
}

static void another_library_means_loading_again(void **state)
{
    (void)state;
    begin(usual);
    sh("mkdir ../lib && cp -r '%s/stdlib' '%s/rules' ../lib/", top, top);
    char *lib = mem_printf("%s/lib", base);
    mem_free(until_kept(lib));
    sh("f=$(find ../lib/stdlib -name '*.lua' | sort | head -n 1) && echo '-- an edit' >>\"$f\"");
    expect_loaded_again(lib);
    mem_free(lib);
}

static void ignored_files_that_were_looked_at_count(void **state)
{
    bool kept;
    (void)state;
    begin("local c = read(\"conf.local\", { optional = true }) or \"none\"\n"
          "test(\"t\" .. c) { cmd = \"true\", inputs = {} }\n"
          "test \"named\" { cmd = \"true\", inputs = { \"made.local\" } }\n");
    put("made.local", "1");
    mem_free(until_kept(NULL));
    put("other.local", "1"); /* nobody asked */
    mem_free(base_text(NULL, &kept));
    assert_true(kept);
    put("conf.local", "x");
    expect_loaded_again(NULL);
    put("conf.local", "y");
    expect_loaded_again(NULL);
    char *text = base_text(NULL, &kept);
    assert_non_null(strstr(text, "ty "));
    mem_free(text);
    git("add -f conf.local"); /* it is no ignored file any more */
    text = base_text(NULL, &kept);
    assert_false(kept);
    assert_non_null(strstr(text, "tnone "));
    mem_free(text);
    mem_free(until_kept(NULL)); /* else the file from before, which was right, may be there still */
    git("rm -q --cached conf.local");
    expect_loaded_again(NULL);
    sh("rm conf.local");
    expect_loaded_again(NULL);
}

static void the_content_of_an_ignored_input_is_looked_at_each_time(void **state)
{
    bool kept;
    (void)state;
    begin("test \"named\" { cmd = \"true\", inputs = { \"made.local\" } }\n");
    put("made.local", "1");
    char *one = until_kept(NULL);
    put("made.local", "2");
    char *two = base_text(NULL, &kept);
    assert_string_not_equal(one, two);
    forget();
    char *fresh = base_text(NULL, &kept);
    assert_string_equal(two, fresh);
    mem_free(one);
    mem_free(two);
    mem_free(fresh);
}

static void ignore_files_of_the_work_tree_count(void **state)
{
    (void)state;
    begin("local c = read(\"conf.local\", { optional = true }) or \"none\"\n"
          "test(\"t\" .. c) { cmd = \"true\", inputs = {} }\n");
    put("conf.local", "x");
    mem_free(until_kept(NULL));
    put(".gitignore", ".tgraph\n"); /* it would be a new file then, which the base has not */
    expect_loaded_again(NULL);
    sh("mkdir -p .git/info && echo '*.local' >>.git/info/exclude");
    expect_loaded_again(NULL);
}

static void what_decides_on_filters_counts(void **state)
{
    bool kept;
    (void)state;
    begin(usual);
    char *one = until_kept(NULL);
    git("config core.autocrlf true");
    char *two = base_text(NULL, &kept);
    assert_false(kept);
    assert_string_not_equal(one, two); /* a.txt has other line ends in a checkout now */
    mem_free(one);
    one = until_kept(NULL);
    assert_string_equal(one, two);
    mem_free(two);
    sh("mkdir -p .git/info && echo '* -text' >.git/info/attributes");
    expect_loaded_again(NULL);
    sh("rm .git/info/attributes");
    expect_loaded_again(NULL);
    two = base_text(NULL, &kept);
    assert_string_equal(one, two);
    mem_free(one);
    mem_free(two);
}

static void a_tool_is_that_of_now(void **state)
{
    bool kept;
    (void)state;
    char *before = mem_strdup(getenv("PATH")), *other = mem_printf("%s/bin:%s", base, before);
    sh("mkdir ../bin && printf '#!/bin/sh\\nexit 0\\n' >../bin/mytool && chmod +x ../bin/mytool");
    setenv("PATH", other, 1);
    begin("test \"t\" { cmd = { \"mytool\" }, inputs = {} }\n");
    char *one = until_kept(NULL);
    sh("printf '#!/bin/sh\\ntrue\\n' >../bin/mytool");
    char *two = base_text(NULL, &kept);
    assert_string_not_equal(one, two);
    forget();
    char *fresh = base_text(NULL, &kept);
    assert_string_equal(two, fresh);
    setenv("PATH", before, 1);
    mem_free(one);
    mem_free(two);
    mem_free(fresh);
    mem_free(before);
    mem_free(other);
}

/* ---- damage ---------------------------------------------------------------------------------------------------- */

static char *the_file(void)
{
    char *dir = mem_printf("%s/.tgraph", root), *found = NULL;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, "base-", 5) != 0)
            continue;
        mem_free(found);
        found = mem_printf("%s/%s", dir, e->d_name);
    }
    closedir(d);
    mem_free(dir);
    return found;
}

static uint64_t random_state = 20;
static uint32_t below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}

static void write_back(const char *path, const char *bytes, size_t len)
{
    struct err e = ERR_INIT;
    assert_true(file_replace(path, bytes, len, 0644, false, &e));
}

static void damage_is_noticed_wherever_it_is(void **state)
{
    struct buf good = BUF_INIT;
    bool kept;
    (void)state;
    begin(usual);
    char *text = until_kept(NULL), *path = the_file();
    assert_true(file_read(path, 1 << 20, &good, NULL));
    for (int i = 0; i < 80; i++) {
        struct buf bad = BUF_INIT;
        buf_add(&bad, good.p, good.len);
        if (i % 4 == 0) {
            bad.len = below((uint32_t)good.len);
        } else if (i % 4 == 1) {
            buf_add(&bad, "more", 1 + below(4));
        } else {
            for (uint32_t k = 0; k <= below(3); k++)
                bad.p[i < 40 ? below(64) : below((uint32_t)good.len)] ^= (char)(1u << below(8));
            if (memcmp(bad.p, good.p, good.len) == 0)
                bad.p[0] ^= 1;
        }
        write_back(path, bad.p, bad.len);
        char *got = base_text(NULL, &kept);
        assert_false(kept);
        assert_string_equal(got, text);
        mem_free(got);
        buf_clear(&bad);
    }
    write_back(path, good.p, good.len);
    mem_free(base_text(NULL, &kept));
    assert_true(kept);
    mem_free(path);
    mem_free(text);
    buf_clear(&good);
}

/* A file with a right checksum was written by somebody with bad intent, or by a disk with bad luck; it may be wrong, but
 * nothing of it leads out of its bounds. */
static void a_wrong_file_with_a_right_checksum_does_no_harm(void **state)
{
    enum { CHECKSUM_AT = 24, SUMMED_FROM = 40 };
    struct buf good = BUF_INIT;
    (void)state;
    begin(usual);
    mem_free(until_kept(NULL));
    char *path = the_file();
    assert_true(file_read(path, 1 << 20, &good, NULL));
    for (int i = 0; i < 300; i++) {
        struct buf bad = BUF_INIT;
        buf_add(&bad, good.p, good.len);
        for (uint32_t k = 0; k <= below(4); k++) {
            uint32_t at = SUMMED_FROM + below((uint32_t)good.len - SUMMED_FROM);
            bad.p[at] = below(3) ? (char)(bad.p[at] ^ (1 << below(8))) : (char)below(256);
        }
        struct digest sum = digest_bytes(bad.p + SUMMED_FROM, bad.len - SUMMED_FROM);
        memcpy(bad.p + CHECKSUM_AT, sum.b, sizeof sum.b);
        write_back(path, bad.p, bad.len);
        ws_begin();
        const char *gone;
        uint8_t all[16] = {1};
        ws_stamp(&ws, all, &gone);
        ws_keys(&ws);
        key_static_all(&ws.keys, &ws.g);
        struct since_opts o = {.ref = "base"};
        if (since_open(&since, &ws, &o, &errors))
            since_compare(&since, &ws, &errors);
        compare_end();
        buf_clear(&bad);
    }
    mem_free(path);
    buf_clear(&good);
}

/* ---- how many -------------------------------------------------------------------------------------------------- */

static size_t n_kept(void)
{
    char *dir = mem_printf("%s/.tgraph", root);
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += strncmp(e->d_name, "base-", 5) == 0;
    closedir(d);
    mem_free(dir);
    return n;
}

static void the_newest_eight_are_kept(void **state)
{
    bool kept;
    (void)state;
    begin(usual);
    for (int i = 0; i < 11; i++) {
        char text[20];
        snprintf(text, sizeof text, "%d\n", i + 10);
        put("a.txt", text);
        sh("cp Testfile.lua ../t && git show base:Testfile.lua >Testfile.lua && git add -A && git commit -q -m base && "
           "git tag -f base && cp ../t Testfile.lua && git add -A && git commit -q -m now");
        mem_free(until_kept(NULL));
        assert_true(n_kept() <= 8);
        mem_free(base_text(NULL, &kept));
        assert_true(kept); /* the one that is in use stays */
    }
    assert_int_equal(n_kept(), 8);
}

static void what_does_not_load_is_not_kept(void **state)
{
    (void)state;
    put(".gitignore", ".tgraph\n");
    put("Testfile.lua", "test {\n");
    git("add -A && git commit -q -m base && git tag base");
    put("Testfile.lua", "test \"now\" { cmd = \"true\", inputs = {} }\n");
    commit("now");
    for (int i = 0; i < 20; i++) {
        compare(.ref = "base");
        assert_non_null(since.everything);
        assert_non_null(strstr(since.everything, "does not load"));
        compare_end();
    }
    sh("mkdir -p .tgraph");
    assert_int_equal(n_kept(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GIT(the_second_load_is_from_the_kept_file),
        WITH_GIT(a_base_with_the_same_testfiles_is_kept_too),
        WITH_GIT(another_path_means_loading_again),
        WITH_GIT(so_does_a_variable_that_a_testfile_asked_for),
        WITH_GIT(so_does_a_variable_in_a_command),
        WITH_GIT(another_library_means_loading_again),
        WITH_GIT(ignored_files_that_were_looked_at_count),
        WITH_GIT(the_content_of_an_ignored_input_is_looked_at_each_time),
        WITH_GIT(ignore_files_of_the_work_tree_count),
        WITH_GIT(what_decides_on_filters_counts),
        WITH_GIT(a_tool_is_that_of_now),
        WITH_GIT(damage_is_noticed_wherever_it_is),
        WITH_GIT(a_wrong_file_with_a_right_checksum_does_no_harm),
        WITH_GIT(the_newest_eight_are_kept),
        WITH_GIT(what_does_not_load_is_not_kept),
    };
    if (!getcwd(top, sizeof top))
        return 1;
    return cmocka_run_group_tests_name("revision", tests, git_group_setup, git_group_teardown);
}

/* SPDX-License-Identifier: MIT
 *
 * Manifests: what is written of a key, what two of them differ in, how that is said. */
#include "../graph/graph_test.h"

#include <unistd.h>

#include "os/file.h"
#include "run/manifest.h"

/* ---- texts ---- */

static void as_buf(struct buf *b, const char *text)
{
    *b = (struct buf)BUF_INIT;
    buf_adds(b, text);
}

/* Digests in these texts are short: the format does not care. */
static char *changes(const char *old, const char *now)
{
    struct buf a, b, out = BUF_INIT;
    struct manifest_diff d = {0};
    as_buf(&a, old);
    as_buf(&b, now);
    manifest_compare(NULL, &a, &b, &d);
    buf_adds(&out, "");
    for (size_t i = 0; i < d.n; i++) {
        buf_printf(&out, "%s%s", i ? ", " : "", d.v[i].kind);
        if (*d.v[i].name)
            buf_printf(&out, " %s", d.v[i].name);
        buf_printf(&out, " %s>%s", d.v[i].old_digest, d.v[i].new_digest);
    }
    manifest_diff_clear(&d);
    buf_clear(&a);
    buf_clear(&b);
    return buf_take(&out);
}

static char *summary(const char *old, const char *now)
{
    struct buf a, b, out = BUF_INIT;
    struct manifest_diff d = {0};
    as_buf(&a, old);
    as_buf(&b, now);
    manifest_compare(NULL, &a, &b, &d);
    buf_adds(&out, "");
    manifest_summary(&d, &out);
    manifest_diff_clear(&d);
    buf_clear(&a);
    buf_clear(&b);
    return buf_take(&out);
}

static void expect(char *got, const char *expected, int line)
{
    if (strcmp(got ? got : "", expected) != 0)
        fail_msg("line %d: '%s' in place of '%s'", line, got, expected);
    mem_free(got);
}
#define CHANGES(old, now, expected) expect(changes(old, now), expected, __LINE__)
#define SUMMARY(old, now, expected) expect(summary(old, now), expected, __LINE__)
#define HEAD "tgraph-manifest 1\n"

static void facts_are_compared_by_kind_and_name(void **state)
{
    (void)state;
    CHANGES(HEAD "cmd 1\nenv 2 A\nfile 3 f x/y z\n", HEAD "file 3 f x/y z\ncmd 1\nenv 2 A\n", "");
    CHANGES(HEAD "cmd 1\n", HEAD "cmd 2\n", "cmd 1>2");
    CHANGES(HEAD "env 1 A\n", HEAD "env 1 B\n", "env A 1>, env B >1");
    CHANGES(HEAD "env unset A\n", HEAD "env 1 A\n", "env A unset>1");
    CHANGES(HEAD "file 1 f a b\n", HEAD "file 2 f a b\n", "file a b 1>2");
    CHANGES(HEAD "file 1 f a\n", HEAD "file 1 x a\n", "file a plain file>executable"); /* its mode */
    CHANGES(HEAD "file 1 f a\n", HEAD "file 0 - a\n", "file a 1>missing");
    CHANGES(HEAD "file 1 f a\n", HEAD "read 1 f a\n", "file a 1>, read a >1");
    CHANGES(HEAD "file 1 f ab\n", HEAD "file 1 f a\n", "file a >1, file ab 1>");
    CHANGES(HEAD "out 1 t x\n", HEAD "out 2 t x\n", "out t x 1>2");
    CHANGES("", HEAD "cmd 1\n", "cmd >1");
    CHANGES("", "", "");
    CHANGES(HEAD "cmd 1", HEAD "cmd 2", "cmd 1>2"); /* no line end */
    CHANGES(HEAD "pa 1\n", HEAD "path 1\n", "pa 1>, path >1");
}

static void the_whole_declaration_is_named_only_if_no_part_is(void **state)
{
    (void)state;
    CHANGES(HEAD "rest 1\n", HEAD "rest 2\n", "rest 1>2");
    CHANGES(HEAD "cmd 1\nrest 1\n", HEAD "cmd 2\nrest 2\n", "cmd 1>2");
    CHANGES(HEAD "env 1 A\nrest 1\n", HEAD "rest 2\n", "env A 1>");
    CHANGES(HEAD "cwd 1\nrest 1\n", HEAD "cwd 3\nrest 2\n", "cwd 1>3");
    CHANGES(HEAD "tool 1 cc\nrest 1\n", HEAD "tool 2 cc\nrest 2\n", "rest 1>2, tool cc 1>2");
}

/* One file may be in several sets, and several sets of names have no name. */
static void equal_facts_pair_off(void **state)
{
    (void)state;
    CHANGES(HEAD "file 1 f a\nfile 1 f a\n", HEAD "file 1 f a\n", "");
    CHANGES(HEAD "file 1 f a\n", HEAD "file 1 f a\nfile 1 f a\n", "");
    CHANGES(HEAD "file 1 f a\nfile 1 f a\n", HEAD "file 2 f a\nfile 2 f a\n", "file a 1>2");
    CHANGES(HEAD "names 1\nnames 2\n", HEAD "names 2\nnames 1\n", "");
    CHANGES(HEAD "names 1\nnames 2\n", HEAD "names 0\nnames 2\n", "names 1>0");
    CHANGES(HEAD "names 1\nnames 2\n", HEAD "names 2\nnames 3\n", "names 1>3");
    CHANGES(HEAD "names 1\nnames 2\n", HEAD "names 2\n", "names 1>");
    CHANGES(HEAD "names 2\n", HEAD "names 1\nnames 2\nnames 3\n", "names >1, names >3");
    CHANGES(HEAD "tool 1 cc\ntool 2 cc\n", HEAD "tool 3 cc\ntool 1 cc\n", "tool cc 2>3");
}

static void summaries_are_one_line(void **state)
{
    (void)state;
    SUMMARY(HEAD "cmd 1\n", HEAD "cmd 1\n", "");
    SUMMARY(HEAD "file 1 f a.c\n", HEAD "file 2 f a.c\n", "a.c changed");
    SUMMARY(HEAD, HEAD "file 2 f a.c\n", "a.c is new");
    SUMMARY(HEAD "file 0 - a.c\n", HEAD "file 2 f a.c\n", "a.c is new");
    SUMMARY(HEAD "read 1 f a.c\n", HEAD, "a.c is gone");
    SUMMARY(HEAD "read 1 f a.c\n", HEAD "read 0 - a.c\n", "a.c is gone");
    SUMMARY(HEAD "file 1 f a\nfile 1 f b\n", HEAD "file 2 f a\nfile 2 f b\n", "2 files changed: a, b");
    SUMMARY(HEAD "file 1 f a\nfile 1 f b\nread 1 f c\n", HEAD "file 2 f a\nfile 2 f b\n", "3 files changed: a, b, c");
    SUMMARY(HEAD "file 1 f a\nfile 1 f b\nfile 1 f c\nfile 1 f d\n", HEAD, "4 files changed: a, b, c, ...");
    SUMMARY(HEAD "env 1 A\n", HEAD "env 2 A\n", "environment variable A changed");
    SUMMARY(HEAD, HEAD "env 2 A\n", "environment variable A is new");
    SUMMARY(HEAD "env 2 A\n", HEAD, "environment variable A is gone");
    SUMMARY(HEAD "cmd 1\nfile 1 f a\n", HEAD "cmd 2\nfile 2 f a\n", "a changed; the command changed");
    SUMMARY(HEAD "cmd 1\ncwd 1\nhome 1\npath 1\nplatform 1\n", HEAD "cmd 2\ncwd 2\nhome 2\npath 2\nplatform 2\n",
            "the command changed; the working folder changed; environment variable HOME changed; and 2 more");
    SUMMARY(HEAD "cmd 1\ncwd 1\nhome 1\n", HEAD "cmd 2\ncwd 2\nhome 2\n",
            "the command changed; the working folder changed; environment variable HOME changed");
    /* An input that the depfile names too is one file. */
    SUMMARY(HEAD "file 1 f a.h\nread 1 f a.h\n", HEAD "file 2 f a.h\nread 2 f a.h\n", "a.h changed");
    SUMMARY(HEAD "file 1 f a\nread 1 f a\nread 1 f b\n", HEAD "file 2 f a\nread 2 f a\nread 2 f b\n",
            "2 files changed: a, b");
}

static void changes_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *name, *text;
    } cases[] = {
        {"cmd", "", "the command"},
        {"tool", "cc", "tool cc"},
        {"dep", "lib:core", "dependency lib:core"},
        {"out", "gen build/x y", "build/x y (made by gen)"},
        {"out", "odd", "odd"},
        {"file", "a b", "a b"},
        {"read", "/usr/include/x.h", "/usr/include/x.h"},
        {"names", "", "the list of files that it may read"},
        {"rest", "", "the declaration in the Testfile"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct manifest_change c = {.name = (char *)(uintptr_t)cases[i].name};
        snprintf(c.kind, sizeof c.kind, "%s", cases[i].kind);
        struct buf b = BUF_INIT;
        manifest_change_name(&c, &b);
        assert_string_equal(buf_cstr(&b), cases[i].text);
        buf_clear(&b);
    }
}

static void any_text_can_be_compared(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\n\n\n",
        " \n",
        "a\n",
        "a \n",
        "a  \n",
        "file 1 f\n",
        "file 1 f \n",
        "file  f x\n",
        "tgraph-manifest",
        "set x\n",
        "averyverylongkindthatdoesnotfit 1 x\n",
        "cmd 0123456789abcdef0123456789abcdef0123456789abcdef\n",
    };
    enum { N = sizeof texts / sizeof *texts };
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            mem_free(changes(texts[i], texts[k]));
}

/* ---- of a graph ---- */

static struct workspace ws;
static char folder[64];

static void begin(void)
{
    memset(&ws, 0, sizeof ws);
    world_begin();
}

static void make_keys(void)
{
    world_build();
    for (uint32_t i = 0; i < graph.n_files; i++)
        graph.files[i].state = state_of_text(ENTRY_FILE, graph_str(&graph, graph.files[i].path));
    ws.g = graph;
    ws.platform = digest_bytes("p", 1);
    key_context_init(&ws.keys, &ws.g, ws.platform, "/bin", "/root");
}

static void end(void)
{
    key_context_clear(&ws.keys);
    mem_free(ws.set_blobs);
    graph = ws.g;
    world_end();
}

/* The text without digests. */
static char *manifest_of(const char *label, struct store *store)
{
    struct buf text = BUF_INIT, out = BUF_INIT;
    graph = ws.g;
    manifest_build(&ws, node_of(label), store, &text);
    for (const char *p = buf_cstr(&text); *p; p++) {
        size_t hex = strspn(p, "0123456789abcdef");
        if (hex == 32) {
            buf_addc(&out, '#');
            p += hex;
        }
        if (*p)
            buf_addc(&out, *p);
        if (!*p)
            break;
    }
    buf_clear(&text);
    return buf_take(&out);
}

static void a_manifest_names_all_that_is_in_the_key(void **state)
{
    (void)state;
    begin();
    uint32_t tool = add_tool("cc", "/usr/bin/cc", ID_NONE), set = add_set("g1", "g2"), may = add_set("m.h");
    target(KIND_BUILD, "gen", .cmd = STRS("g"), .outputs = STRS("o1", "o2"));
    target(KIND_TEST, "t", .cmd = STRS("cc", "x"), .env = ENVS({"A", "1"}, {"B", NULL}), .tools = &tool, .n_tools = 1,
           .inputs = STRS("in", "o2"), .sets = &set, .n_sets = 1, .may_read = &may, .n_may_read = 1, .depfile = "d",
           .deps = STRS("other"));
    target(KIND_TEST, "other", .cmd = STRS("t"), .env = ENVS({"HOME", "x"}, {"PATH", "y"}));
    make_keys();
    file_id f = graph_file(&ws.g, "read me\nnow");
    ws.g.states[1].reads = graph_add_set(&ws.g, &f, 1);
    ws.g.files[graph_find_file(&ws.g, "g2")].state.type = ENTRY_EXEC;
    expect(manifest_of("t", NULL),
           "tgraph-manifest 1\ncmd #\ncwd #\nenv # A\nenv unset B\npath #\nhome #\nplatform #\nrest #\ntool # cc\n"
           "file # f in\nfile # f g1\nfile # x g2\nnames #\nread # - read me?now\ndep # other\nout # gen o2\n",
           __LINE__);
    expect(manifest_of("other", NULL), "tgraph-manifest 1\ncmd #\ncwd #\nenv # HOME\nenv # PATH\nplatform #\nrest #\n",
           __LINE__);
    end();
}

static void changed_parts_show(void **state)
{
    (void)state;
    static const char *const expected[] = {"",
                                           "a.c changed",
                                           "the command changed",
                                           "environment variable A changed",
                                           "the declaration in the Testfile changed",
                                           "tool cc changed"};
    struct buf first = BUF_INIT;
    for (int i = 0; i < 6; i++) {
        begin();
        uint32_t tool = add_tool("cc", "/usr/bin/cc", ID_NONE);
        target(KIND_TEST, "t", .cmd = STRS("cc", i == 2 ? "y" : "x"), .env = ENVS({"A", i == 3 ? "2" : "1"}),
               .inputs = STRS("a.c", "b.c"), .tools = &tool, .n_tools = 1, .stdin_text = i == 4 ? "text" : NULL);
        make_keys();
        ws.g.files[graph_find_file(&ws.g, i == 5 ? "/usr/bin/cc" : "a.c")].state.digest =
            digest_bytes("v", i == 1 || i == 5);
        if (i != 1 && i != 5)
            ws.g.files[graph_find_file(&ws.g, "a.c")].state = state_of_text(ENTRY_FILE, "a.c");
        key_context_clear(&ws.keys);
        key_context_init(&ws.keys, &ws.g, ws.platform, "/bin", "/root");
        struct buf text = BUF_INIT, what = BUF_INIT;
        manifest_build(&ws, 0, NULL, i ? &text : &first);
        struct manifest_diff d = {0};
        manifest_compare(NULL, &first, i ? &text : &first, &d);
        manifest_summary(&d, &what);
        assert_string_equal(buf_cstr(&what), expected[i]);
        manifest_diff_clear(&d);
        buf_clear(&text);
        buf_clear(&what);
        end();
    }
    buf_clear(&first);
}

static struct store *open_store(void)
{
    struct store *s = NULL;
    struct err e = ERR_INIT;
    struct errlist w = ERRLIST_INIT;
    snprintf(folder, sizeof folder, "/tmp/tgraph-manifest-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_true(store_open(folder, true, &s, &w, &e));
    errlist_clear(&w);
    return s;
}

static void large_sets_are_blobs_of_their_own(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct err e = ERR_INIT;
    begin();
    const char *v[40];
    char names[40][16];
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "f%02d", i);
        v[i] = names[i];
    }
    uint32_t big = add_set_v((struct strs){v, 40}), small = add_set_v((struct strs){v, 16});
    target(KIND_TEST, "t", .cmd = STRS("t"), .sets = &big, .n_sets = 1);
    target(KIND_TEST, "u", .cmd = STRS("t"), .sets = &big, .n_sets = 1);
    target(KIND_TEST, "small", .cmd = STRS("t"), .sets = &small, .n_sets = 1);
    make_keys();
    struct buf old = BUF_INIT, same = BUF_INIT, now = BUF_INIT, what = BUF_INIT;
    assert_true(store_begin(store, &e));
    char *text = manifest_of("t", store), *other = manifest_of("u", store), *third = manifest_of("small", store);
    assert_non_null(strstr(text, "rest #\nset #\n"));
    assert_null(strstr(text, "file"));
    assert_string_equal(text, other);
    assert_null(strstr(third, "set #"));
    mem_free(text);
    mem_free(other);
    mem_free(third);
    manifest_build(&ws, 0, store, &old);
    assert_true(store_commit(store, &e));
    manifest_build(&ws, 0, NULL, &same); /* written out */
    struct manifest_diff d = {0};
    manifest_compare(store, &old, &same, &d);
    assert_int_equal(d.n, 0);
    ws.g.files[graph_find_file(&ws.g, "f33")].state = state_of_text(ENTRY_FILE, "new");
    manifest_build(&ws, 0, NULL, &now);
    manifest_compare(store, &old, &now, &d);
    manifest_summary(&d, &what);
    assert_string_equal(buf_cstr(&what), "f33 changed");
    manifest_diff_clear(&d);
    buf_clear(&old);
    buf_clear(&same);
    buf_clear(&now);
    buf_clear(&what);
    end();
    store_close(store);
    assert_true(file_remove_tree(folder, NULL));
}

/* A set's blob may be gone from the cache: then nothing can be said of its files. */
static void a_list_that_is_gone_says_nothing(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct buf a, b;
    struct manifest_diff d = {0};
    as_buf(&a, HEAD "cmd 1\nset 0123456789abcdef0123456789abcdef\nfile 1 f x\n");
    as_buf(&b, HEAD "cmd 2\nfile 1 f y\nfile 3 f z\nfile 2 f x\n");
    manifest_compare(store, &a, &b, &d);
    struct buf what = BUF_INIT;
    manifest_summary(&d, &what);
    assert_string_equal(buf_cstr(&what), "x changed; the command changed");
    buf_clear(&what);
    manifest_diff_clear(&d);
    manifest_compare(store, &b, &a, &d);
    manifest_summary(&d, &what);
    assert_string_equal(buf_cstr(&what), "x changed; the command changed");
    buf_clear(&what);
    manifest_diff_clear(&d);
    buf_clear(&a);
    buf_clear(&b);
    store_close(store);
    assert_true(file_remove_tree(folder, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_compared_by_kind_and_name),
        cmocka_unit_test(the_whole_declaration_is_named_only_if_no_part_is),
        cmocka_unit_test(equal_facts_pair_off),
        cmocka_unit_test(summaries_are_one_line),
        cmocka_unit_test(changes_have_names),
        cmocka_unit_test(any_text_can_be_compared),
        cmocka_unit_test(a_manifest_names_all_that_is_in_the_key),
        cmocka_unit_test(changed_parts_show),
        cmocka_unit_test(large_sets_are_blobs_of_their_own),
        cmocka_unit_test(a_list_that_is_gone_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

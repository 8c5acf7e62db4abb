/* SPDX-License-Identifier: MIT
 *
 * What loading depended on: what makes a graph stale, what does not, and damaged records. The load is made up: a glob or
 * two over a real folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "run/record.h"

static char base[256], root[300], path_value[700];
static int root_fd;
static struct graph graph;
static struct record record;
static const char *home_value, *variable; /* the value of X; NULL = not set */
static struct digest library, platform;

static const char *in(const char *dir, const char *name)
{
    static char path[8][700];
    static int next;
    char *p = path[next++ % 8];
    char whole[sizeof path[0]]; /* dir may be one of path[] */
    snprintf(whole, sizeof whole, "%s/%s", dir, name);
    memcpy(p, whole, sizeof whole);
    return p;
}

static void put_at(const char *path, const char *text, int mode)
{
    struct err e = ERR_INIT;
    if (!file_mkdirs_for(path, &e) || !file_replace(path, text, strlen(text), mode, false, &e))
        fail_msg("%s", e.msg);
}
static void put(const char *name, const char *text) { put_at(in(root, name), text, 0644); }
static void put_tool(const char *dir, const char *name, const char *text)
{
    put_at(in(in(base, dir), name), text, 0755);
}

/* File times tick: goes on until the next tick, so that what comes now differs from what was. */
static void tick(void)
{
    struct stat a, b;
    const char *probe = in(base, "tick");
    put_at(probe, "", 0644);
    assert_int_equal(stat(probe, &a), 0);
    do {
        put_at(probe, "", 0644);
        assert_int_equal(stat(probe, &b), 0);
    } while (a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec);
}

static struct load_glob glob_of(struct walker *w, const char *folder, const char *include, const char *exclude,
                                bool with_ignored)
{
    static const char *patterns[32];
    static int used;
    struct load_glob q = {.base = folder, .with_ignored = with_ignored};
    struct strvec found = STRVEC_INIT;
    used = used > 24 ? 0 : used;
    patterns[used] = include;
    q.include = (struct strs){&patterns[used++], 1};
    patterns[used] = exclude;
    q.exclude = (struct strs){&patterns[used++], exclude != NULL};
    struct glob_spec spec = {.base = folder,
                             .include = q.include.v,
                             .n_include = 1,
                             .exclude = q.exclude.v,
                             .n_exclude = q.exclude.n,
                             .with_ignored = with_ignored};
    assert_true(walker_glob(w, &spec, &found, NULL));
    q.result = glob_digest(&found);
    strvec_clear(&found);
    return q;
}

static void load_begun(int64_t started)
{
    struct tree *tree = tree_worktree_new(root);
    struct walker *w = walker_new(tree);
    static const char *const files[] = {"Testfile.lua", "optional.json"};
    char tool_path[700];
    snprintf(tool_path, sizeof tool_path, "%s/bin2/tool", base);
    struct load_glob globs[] = {glob_of(w, "src", "**/*.c", "old/**", false), glob_of(w, "flat", "*.txt", NULL, false),
                                glob_of(w, "nowhere", "*", NULL, false), glob_of(w, "all", "**", NULL, true)};
    struct load_env envs[] = {{"X", variable ? digest_bytes(variable, strlen(variable)) : DIGEST_NONE}};
    struct load_tool tools[] = {{"tool", tool_path}, {"lost", NULL}, {"/bin/sh", "/bin/sh"}};
    struct load_record l = {.files = {files, 2},
                            .globs = globs,
                            .n_globs = 4,
                            .envs = envs,
                            .n_envs = 1,
                            .tools = tools,
                            .n_tools = 3,
                            .library = library};
    /* The graph of that load: one target with the tool. */
    static const uint32_t ids[] = {0};
    static const char *const words[] = {"tool"};
    struct decl_tool decl_tool = {"tool", tool_path, UINT32_MAX};
    struct decl target = {.kind = KIND_TEST, .label = "t", .dir = "", .cmd = {words, 1}, .tools = ids, .n_tools = 1};
    struct decls d = {.v = &target, .n = 1, .tools = &decl_tool, .n_tools = 1};
    struct errlist errs = ERRLIST_INIT;
    record_clear(&record);
    graph_clear(&graph);
    graph_init(&graph);
    assert_true(graph_build(&graph, &d, NULL, &errs));
    record_make(&record, &graph, &l, w, root_fd, started, platform, path_value, home_value);
    walker_free(w);
    tree_free(tree);
}

/* Begun later than anything that it saw was written. */
static void load(void) { load_begun(clock_real_ns() + 10 * INT64_C(1000000000)); }

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    char path[256];
    snprintf(path, sizeof path, "%s/tgraph-record-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(path) || !realpath(path, base))
        return -1;
    snprintf(root, sizeof root, "%s/repo", base);
    snprintf(path_value, sizeof path_value, "%s/bin1:%s/bin2", base, base);
    home_value = "/home/me";
    variable = "1";
    library = digest_bytes("l", 1);
    platform = digest_bytes("p", 1);
    put("Testfile.lua", "test");
    put("src/a.c", "");
    put("src/deep/b.c", "");
    put("src/note.txt", "");
    put("src/old/x.c", "");
    put("flat/a.txt", "");
    put("all/a", "");
    put(".gitignore", "*.o\n");
    put_tool("bin2", "tool", "#!");
    mkdir(in(base, "bin1"), 0755);
    root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    load();
    tick();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(root_fd);
    record_clear(&record);
    graph_clear(&graph);
    return file_remove_tree(base, NULL) ? 0 : -1;
}

static const char *get(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "X") == 0 ? variable : NULL;
}

static enum record_answer ask(struct buf *why)
{
    struct record_env_ops env = {get, NULL};
    return record_check(&record, &graph, root, "", root_fd, 2, &env, library, platform, path_value, home_value, why);
}

static void stale(const char *expected, int line)
{
    struct buf why = BUF_INIT;
    char text[1024];
    enum record_answer a = ask(&why);
    if (*expected == '@')
        snprintf(text, sizeof text, "%s/%s", base, expected + 1);
    else
        snprintf(text, sizeof text, "%s", expected);
    if (a != RECORD_STALE || strcmp(buf_cstr(&why), text) != 0)
        fail_msg("line %d: answer %d, '%s'", line, (int)a, buf_cstr(&why));
    buf_clear(&why);
}
#define STALE(why) stale((why), __LINE__)

static void same(int line)
{
    struct buf why = BUF_INIT;
    enum record_answer a = ask(&why);
    if (a == RECORD_STALE || why.len)
        fail_msg("line %d: %s", line, buf_cstr(&why));
    buf_clear(&why);
}
#define SAME() same(__LINE__)

static void nothing_changed(void **state)
{
    (void)state;
    SAME();
    SAME();
    /* Once the stamps are older than the clock's grain there is nothing to write back any more. */
    int64_t until = clock_mono_ns() + 20 * INT64_C(1000000000);
    while (ask(NULL) != RECORD_SAME)
        assert_true(clock_mono_ns() < until);
}

static void the_environment(void **state)
{
    (void)state;
    variable = "2";
    STALE("environment variable X changed");
    variable = "";
    STALE("environment variable X changed");
    variable = NULL;
    STALE("environment variable X changed");
    variable = "1";
    SAME();
    variable = NULL;
    load();
    SAME();
    variable = "";
    STALE("environment variable X changed");
}

static void what_is_in_every_key(void **state)
{
    (void)state;
    home_value = "/home/you";
    STALE("HOME changed");
    home_value = "/home/me";
    strcat(path_value, ":/usr/bin");
    STALE("PATH changed");
    path_value[strlen(path_value) - 9] = 0;
    SAME();
    platform.b[0] ^= 1;
    STALE("the system or tgraph's version changed");
    platform.b[0] ^= 1;
    record.head.key_format++;
    STALE("the system or tgraph's version changed");
    record.head.key_format--;
    library.b[3] ^= 1;
    STALE("tgraph's own rules changed");
}

static void tools(void **state)
{
    (void)state;
    put_tool("bin1", "tool", "another"); /* shadows it */
    STALE("PATH gives another 'tool'");
    assert_int_equal(chmod(in(base, "bin1/tool"), 0644), 0);
    SAME(); /* not executable: no tool */
    put_tool("bin1", "lost", "found");
    STALE("PATH gives another 'lost'");
    assert_int_equal(unlink(in(base, "bin1/lost")), 0);
    SAME();
    put_tool("bin2", "tool", "another text");
    STALE("@bin2/tool changed");
    put_tool("bin2", "tool", "#!");
    load();
    assert_int_equal(unlink(in(base, "bin2/tool")), 0);
    STALE("PATH gives another 'tool'");
}

static void files_that_were_read(void **state)
{
    (void)state;
    put("Testfile.lua", "test"); /* the same again */
    assert_int_equal(ask(NULL), RECORD_REFRESHED);
    put("Testfile.lua", "more");
    struct buf why = BUF_INIT;
    assert_int_equal(ask(&why), RECORD_STALE);
    assert_string_equal(buf_cstr(&why), "Testfile.lua changed");
    buf_clear(&why);
    load();
    SAME();
    put("optional.json", "{}"); /* asked for, and was not there */
    assert_int_equal(ask(&why), RECORD_STALE);
    assert_string_equal(buf_cstr(&why), "optional.json changed");
    buf_clear(&why);
    load();
    assert_int_equal(unlink(in(root, "optional.json")), 0);
    assert_int_equal(ask(NULL), RECORD_STALE);
    load();
    put(".gitignore", "*.o\n*.c\n");
    assert_int_equal(ask(&why), RECORD_STALE);
    assert_string_equal(buf_cstr(&why), ".gitignore changed");
    buf_clear(&why);
    put(".gitignore", "*.o\n");
    load();
    tick();
    put("src/.gitignore", "a.c\n"); /* a new one changes its folder */
    assert_int_equal(ask(NULL), RECORD_STALE);
}

/* What changed after the load had begun may be newer than what it saw. */
static void files_as_new_as_the_load(void **state)
{
    (void)state;
    int64_t started = clock_real_ns();
    put("Testfile.lua", "text");
    load_begun(started);
    assert_int_equal(ask(NULL), RECORD_STALE);
    load();
    SAME();
}

static void folders_that_do_not_matter(void **state)
{
    (void)state;
    put("src/new.txt", "x"); /* in a folder that was listed; no glob matches it */
    assert_int_equal(ask(NULL), RECORD_REFRESHED);
    put("src/deep/new.txt", "x");
    put("flat/b.c", "x");
    put("root.c", "x");
    put("elsewhere/a.c", "x");
    put("flat/sub/c.txt", "x"); /* '*' does not go there */
    put("src/ignored.o", "x");
    put("src/a.c", "changed"); /* content is not the loader's affair */
    SAME();
    assert_int_equal(unlink(in(root, "src/new.txt")), 0);
    SAME();
    assert_int_equal(chmod(in(root, "src/a.c"), 0755), 0);
    SAME();
}

static void globs_that_give_something_else(void **state)
{
    (void)state;
    static const struct {
        const char *file, *why;
    } cases[] = {
        {"src/new.c", "the files that '**/*.c' matches changed"},
        {"src/deep/new.c", "the files that '**/*.c' matches changed"},
        {"flat/new.txt", "the files that '*.txt' matches changed"},
        {"all/new.o", "the files that '**' matches changed"},
        {"nowhere/x", "the files that '*' matches changed"},
        {"src/fresh/new.c", "the files that '**/*.c' matches changed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].file, "x");
        stale(cases[i].why, (int)i);
        load();
        tick();
        SAME();
        assert_int_equal(unlink(in(root, cases[i].file)), 0);
        stale(cases[i].why, 100 + (int)i);
        load();
        tick();
    }
    assert_int_equal(rename(in(root, "src/a.c"), in(root, "src/z.c")), 0);
    STALE("the files that '**/*.c' matches changed");
    load();
    tick();
    assert_int_equal(unlink(in(root, "src/z.c")), 0); /* a file turns into a folder of that name */
    assert_int_equal(mkdir(in(root, "src/z.c"), 0755), 0);
    STALE("the files that '**/*.c' matches changed");
    load();
    tick();
    assert_true(file_remove_tree(in(root, "src"), NULL));
    STALE("the files that '**/*.c' matches changed");
}

static void excluded_files_do_not_matter(void **state)
{
    (void)state;
    put("src/old/y.c", "x");
    put("src/old/deeper/z.c", "x");
    SAME();
}

/* Only a load can say which folders it will have to look at from now on. */
static void a_new_folder_that_a_glob_enters(void **state)
{
    (void)state;
    put("src/fresh/note.txt", "x");
    struct buf why = BUF_INIT;
    assert_int_equal(ask(&why), RECORD_STALE);
    assert_string_equal(buf_cstr(&why), "folder 'src/fresh' is new");
    buf_clear(&why);
}

static void a_folder_that_comes_without_a_match(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in(root, "nowhere"), 0755), 0);
    SAME();
    put("nowhere/x", ""); /* and is watched from then on */
    STALE("the files that '*' matches changed");
}

/* ---- as bytes ---- */

struct copy {
    struct graph_section s[RECORD_SECTIONS];
};

static struct copy copy_of(void)
{
    struct copy c;
    record_sections(&record, c.s);
    for (int i = 0; i < RECORD_SECTIONS; i++) {
        void *p = mem_alloc(c.s[i].len + 1);
        if (c.s[i].len)
            memcpy(p, c.s[i].p, c.s[i].len);
        c.s[i].p = p;
    }
    return c;
}

static void copy_clear(struct copy *c)
{
    for (int i = 0; i < RECORD_SECTIONS; i++)
        mem_free((void *)(uintptr_t)c->s[i].p);
}

static void a_record_comes_back_from_bytes(void **state)
{
    (void)state;
    struct copy c = copy_of();
    struct record mine = record;
    assert_true(record_view(&record, &graph, c.s));
    SAME();
    put("src/new.c", "");
    STALE("the files that '**/*.c' matches changed");
    record_clear(&record);
    record = mine;
    copy_clear(&c);
}

static void damaged_records_are_refused(void **state)
{
    (void)state;
    uint32_t len = (uint32_t)graph.strs.len;
    for (uint32_t what = 0; what < 20; what++) {
        struct copy c = copy_of();
        struct record r;
        void *p[RECORD_SECTIONS];
        for (int i = 0; i < RECORD_SECTIONS; i++)
            p[i] = (void *)(uintptr_t)c.s[i].p;
        struct record_head *head = p[0];
        struct record_dir *dirs = p[1];
        struct record_glob *globs = p[2];
        struct record_env *envs = p[3];
        struct record_tool *found = p[4];
        uint32_t *words = p[5];
        switch (what) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
            c.s[what].len--;
            break;
        case 6:
            head->path = len;
            break;
        case 7:
            head->home = len;
            break;
        case 8:
            head->warnings = UINT32_MAX;
            break;
        case 9:
            dirs[0].path = len;
            break;
        case 10:
            globs[0].base = len;
            break;
        case 11:
            globs[1].at = record.n_words + 1;
            break;
        case 12:
            globs[1].n_include = record.n_words;
            break;
        case 13:
            globs[1].n_exclude = UINT32_MAX;
            break;
        case 14:
            envs[0].name = len;
            break;
        case 15:
            found[0].name = len;
            break;
        case 16:
            found[0].path = len;
            break;
        case 17:
            words[0] = len;
            break;
        case 18:
            c.s[0].len = 0;
            break;
        default:
            c.s[5].len -= sizeof(uint32_t);
            break; /* the last glob's patterns are cut off */
        }
        if (record_view(&r, &graph, c.s))
            fail_msg("damage %u was let through", what);
        record_clear(&r);
        copy_clear(&c);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_changed),
        TEST(the_environment),
        TEST(what_is_in_every_key),
        TEST(tools),
        TEST(files_that_were_read),
        TEST(files_as_new_as_the_load),
        TEST(folders_that_do_not_matter),
        TEST(globs_that_give_something_else),
        TEST(excluded_files_do_not_matter),
        TEST(a_new_folder_that_a_glob_enters),
        TEST(a_folder_that_comes_without_a_match),
        TEST(a_record_comes_back_from_bytes),
        TEST(damaged_records_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * A snapshot against a real checkout of the same commit, in the same place: types, listings, content, stamps. */
#include "snapshot_test.h"

/* ---- what a view shows, as text -------------------------------------------------------------------------------- */

struct view {
    struct tree *t;
    int fd;                               /* >= 0: stamps are those of stamp_update in this folder */
    const struct snapshot_reference *ref; /* else those of snapshot_stamp */
};

static void show(const struct view *v, const char *path, struct buf *out)
{
    struct tree_listing l;
    struct err e = ERR_INIT;
    struct buf text = BUF_INIT;
    struct file_state st = {0};
    char hex[DIGEST_HEX];
    buf_printf(out, "'%s': type %d", path, tree_type(v->t, path));
    memset(&l, 0, sizeof l);
    if (tree_list(v->t, path, &l, &e)) {
        buf_adds(out, ", lists");
        for (size_t i = 0; i < l.n; i++)
            if (strcmp(l.v[i].name, ".git") != 0)
                buf_printf(out, " %s:%d", l.v[i].name, l.v[i].type == ENTRY_EXEC ? ENTRY_FILE : (int)l.v[i].type);
    } else {
        buf_printf(out, ", lists not: %s", e.code);
    }
    tree_listing_clear(&l);
    err_clear(&e);
    if (tree_read(v->t, path, 1 << 20, &text, &e)) {
        digest_hex(digest_bytes(text.p ? text.p : "", text.len), hex);
        buf_printf(out, ", reads %zu %s", text.len, hex);
    } else {
        buf_printf(out, ", reads not: %s", e.code);
    }
    err_clear(&e);
    buf_clear(&text);
    if (v->fd >= 0)
        stamp_update(v->fd, *path ? path : ".", &st, NULL);
    else
        snapshot_stamp(v->t, *path ? path : ".", v->ref, &st);
    digest_hex(st.digest, hex);
    /* Where links lead in a circle, nothing can be there. */
    buf_printf(out, ", is %d %s\n", digest_is_none(st.digest) && st.type == ENTRY_OTHER ? ENTRY_NONE : st.type, hex);
}

static char *show_all(const struct view *v, const struct strvec *paths)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < paths->n; i++)
        show(v, paths->v[i], &b);
    buf_adds(&b, "");
    return buf_take(&b);
}

static void expect_same(const char *expected, const char *got, const char *what)
{
    while (*expected || *got) {
        size_t n = strcspn(expected, "\n"), m = strcspn(got, "\n");
        if (n != m || memcmp(expected, got, n) != 0)
            fail_msg("%s:\n  a checkout: %.*s\n  here:       %.*s", what, (int)n, expected, (int)m, got);
        expected += n + (expected[n] != 0);
        got += m + (got[m] != 0);
    }
}

static char *show_work_tree(const struct strvec *paths)
{
    struct view v = {tree_worktree_new(root), open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), NULL};
    char *text = show_all(&v, paths);
    close(v.fd);
    tree_free(v.t);
    return text;
}

/* A clean checkout: git leaves files alone whose object is the same, so nothing may be there before. */
static void check_out(const char *commit_name)
{
    sh("find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} + && git read-tree --empty && "
       "git checkout -q --detach -f '%s' && git reset -q --hard",
       commit_name);
}

static void expect_checkout(const char *commit_name, const char *expected, const struct strvec *paths, const char *what)
{
    struct err e = ERR_INIT;
    struct snapshot_reference none = {0};
    look_at(commit_name);
    assert_non_null(t);
    struct view v = {t, -1, &none};
    char *got = show_all(&v, paths);
    expect_same(expected, got, what);
    mem_free(got);
    assert_false(snapshot_failed(t, &e));
    tree_free(t);

    struct known k;
    stamp_work_tree(&k, paths);
    struct snapshot_reference work = {.state = state_of, .ctx = &k};
    t = snapshot_commit(r, id_of_commit(commit_name), &e);
    v = (struct view){t, -1, &work};
    got = show_all(&v, paths);
    char *more = mem_printf("%s, with the work tree's stamps", what);
    expect_same(expected, got, more);
    mem_free(more);
    mem_free(got);
    mem_free(k.states);
    tree_free(t);
    repo_close(r);
}

/* ---- random trees ---------------------------------------------------------------------------------------------- */

static uint64_t random_state;
static uint32_t below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}
#define ONE_OF(v) (v)[below(sizeof(v) / sizeof *(v))]

static const char *const names[] = {"a", "b", "c", "d", "e f"};
static const char *const texts[] = {"", "1", "2\n", "one\ntwo\n", "crlf\r\nhere\r\n", "$Id$\n", "link?"};

static char *random_path(void)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, ONE_OF(names));
    while (below(2))
        buf_printf(&b, "/%s", ONE_OF(names));
    return buf_take(&b);
}

static char *random_link(void)
{
    static const char *const odd[] = {
        ".",    "..",        "../..",     "../../../..",   "/etc/passwd", "/etc",        "nowhere",   "a/nowhere",
        "a/..", "./b/./",    "../a/../b", "a//b",          "/",           ".git/config", "b/../../c", "/nowhere/at/all",
        "c/",   "../repo/a", "d/../d",    "../.git/config"};
    if (below(4) == 0)
        return mem_strdup(ONE_OF(odd));
    char *p = random_path(), *q;
    switch (below(4)) {
    case 0:
        q = mem_printf("../%s", p);
        break;
    case 1:
        q = mem_printf("%s/%s", root, p); /* absolute, and inside */
        break;
    default:
        return p;
    }
    mem_free(p);
    return q;
}

static void random_tree(void)
{
    sh("find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +");
    for (uint32_t i = 0, n = 4 + below(14); i < n; i++) {
        char *path = random_path(), *full = mem_printf("%s/%s", root, path);
        struct stat st;
        /* What is in the way of a folder stays. */
        bool free_way = lstat(full, &st) != 0;
        for (char *slash = path; free_way && (slash = strchr(slash, '/')); *slash++ = '/') {
            *slash = '\0';
            char *part = mem_printf("%s/%s", root, path);
            if (lstat(part, &st) == 0 && !S_ISDIR(st.st_mode))
                free_way = false;
            mem_free(part);
            if (!free_way) {
                *slash = '/';
                break;
            }
        }
        if (free_way && below(5) < 2) {
            char *to = random_link();
            struct err e = ERR_INIT;
            assert_true(file_mkdirs_for(full, &e));
            assert_int_equal(symlink(to, full), 0);
            mem_free(to);
        } else if (free_way) {
            put_mode(path, ONE_OF(texts), below(4) ? 0644 : 0755);
        }
        mem_free(path);
        mem_free(full);
    }
}

/* Every path of both checkouts, and what lies behind their links and is not there. */
static void collect(struct strvec *paths)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        strvec_add(paths, names[i]);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            char *p = mem_printf("%s/%s", names[i], names[k]);
            strvec_add(paths, p);
            for (size_t l = 0; l < sizeof names / sizeof *names; l++) {
                char *q = mem_printf("%s/%s", p, names[l]);
                strvec_add(paths, q);
                mem_free(q);
            }
            mem_free(p);
        }
    }
    strvec_add(paths, "");
    strvec_add(paths, "/etc/passwd");
    strvec_add(paths, "nothing/at/all");
}

static void random_round(uint64_t seed, const char *attributes, const char *config)
{
    struct strvec paths = STRVEC_INIT;
    char what[80];
    random_state = seed * 7919 + 1;
    collect(&paths);
    /* So deep that no link leads to a folder that others write to. */
    sh("rm -rf ../1 && mkdir -p ../1/2/3/4");
    snprintf(root, sizeof root, "%s/1/2/3/4/repo", base);
    assert_int_equal(mkdir(root, 0755), 0);
    git("init -q");
    if (config)
        git("config %s", config);
    for (int i = 0; i < 2; i++) {
        random_tree();
        if (attributes && (i || below(2)))
            put(".gitattributes", attributes);
        git("add -A && git -c core.safecrlf=false commit -q --allow-empty -m %d && git branch -f c%d", i, i);
    }
    snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
    check_out("c0");
    char *first = show_work_tree(&paths);
    check_out("c1");
    char *second = show_work_tree(&paths);
    expect_checkout("c0", first, &paths, what);
    expect_checkout("c1", second, &paths, what);
    strvec_clear(&paths);
    mem_free(first);
    mem_free(second);
    snprintf(root, sizeof root, "%s/repo", base);
}

static void random_trees_are_what_a_checkout_holds(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed < 32; seed++)
        random_round(seed, NULL, NULL);
}

static void random_trees_with_filters_too(void **state)
{
    static const char *const attributes[] = {"* text=auto\n", "* text eol=crlf\n", "a* ident\n* -text\n",
                                             "* text=auto eol=lf\nb binary\n", "* ident text=auto\n"};
    static const char *const configs[] = {"core.autocrlf true", "core.autocrlf false", "core.autocrlf input",
                                          "core.eol crlf"};
    (void)state;
    for (uint64_t seed = 100; seed < 108; seed++)
        random_round(seed, attributes[seed % 5], configs[seed % 4]);
}

/* ---- set-ups ---------------------------------------------------------------------------------------------------- */

static void a_linked_work_tree_shows_the_same(void **state)
{
    struct strvec paths = STRVEC_INIT;
    (void)state;
    random_state = 4711;
    collect(&paths);
    random_tree();
    sh("find . -lname '/*' -delete"); /* they lead into the other work tree */
    commit("one");
    random_tree();
    commit("two");
    git("worktree add -q --detach ../linked HEAD~1");
    char *linked = mem_printf("%s/linked", base);
    struct view v = {tree_worktree_new(linked), open(linked, O_RDONLY | O_DIRECTORY | O_CLOEXEC), NULL};
    char *expected = show_all(&v, &paths);
    close(v.fd);
    tree_free(v.t);
    look_at("HEAD~1");
    v = (struct view){t, -1, &no_reference};
    char *got = show_all(&v, &paths);
    expect_same(expected, got, "a linked work tree");
    look_away();
    mem_free(expected);
    mem_free(got);
    mem_free(linked);
    strvec_clear(&paths);
}

static void the_index_is_what_the_next_commit_will_hold(void **state)
{
    struct strvec paths = STRVEC_INIT;
    (void)state;
    random_state = 99;
    collect(&paths);
    random_tree();
    commit("one");
    random_tree();
    git("add -A");
    sh("find . -type f -not -path './.git/*' -exec sh -c 'echo edited >\"$1\"' sh {} \\;");
    put("untracked", "1");
    look_at(NULL);
    struct view v = {t, -1, &no_reference};
    char *got = show_all(&v, &paths);
    expect_type("untracked", ENTRY_NONE);
    look_away();
    git("commit -q -m two");
    check_out("HEAD");
    char *expected = show_work_tree(&paths);
    expect_same(expected, got, "the index");
    mem_free(expected);
    mem_free(got);
    strvec_clear(&paths);
}

static void attributes_are_applied_as_by_a_checkout(void **state)
{
    struct strvec paths = STRVEC_INIT;
    static const char *const all[] = {"crlf.txt",     "lf.txt",      "auto",  "bin",   "id",
                                      "sub/deep.txt", "sub/raw.txt", "macro", "mixed", "auto-bin"};
    (void)state;
    put(".gitattributes", "crlf.txt text eol=crlf\nlf.txt text eol=lf\nauto text=auto eol=crlf\nbin binary\nid ident\n"
                          "[attr]windows text eol=crlf\nmacro windows\nmixed -text\nauto-bin text=auto eol=crlf\n"
                          "sub/*.txt text eol=crlf\n");
    put("sub/.gitattributes", "raw.txt -text\n");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        put(all[i], "a\nb $Id$\n");
        strvec_add(&paths, all[i]);
    }
    sh("printf 'a\\0b\\nc\\n' >auto-bin && printf 'a\\r\\nb\\n' >mixed && printf 'a\\0b\\nc\\n' >crlf.txt");
    commit("one");
    git("rm -q -r . && git commit -q -m none && git branch none");
    check_out("HEAD~1");
    char *expected = show_work_tree(&paths);
    expect_checkout("HEAD", expected, &paths, "checked out");
    check_out("none"); /* the snapshot's own attributes count, not those that are here now */
    expect_checkout("none~1", expected, &paths, "not checked out");
    put(".gitattributes", "* text eol=crlf\n");
    expect_checkout("none~1", expected, &paths, "beside other attributes");
    mem_free(expected);
    strvec_clear(&paths);
}

static void the_same_with_attributes_from_outside_the_tree(void **state)
{
    struct strvec paths = STRVEC_INIT;
    (void)state;
    put("a.txt", "a\n");
    put("b.bin", "a\n");
    strvec_add(&paths, "a.txt");
    strvec_add(&paths, "b.bin");
    commit("one");
    sh("echo '*.txt text eol=crlf' >.git/info/attributes");
    check_out("HEAD");
    char *expected = show_work_tree(&paths);
    expect_checkout("HEAD", expected, &paths, "info/attributes");
    mem_free(expected);
    sh("rm .git/info/attributes; echo '*.bin text eol=crlf' >../attributes && git config core.attributesFile "
       "\"$(cd .. && pwd)/attributes\"");
    check_out("HEAD");
    expected = show_work_tree(&paths);
    expect_checkout("HEAD", expected, &paths, "core.attributesFile");
    mem_free(expected);
    strvec_clear(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GIT(the_index_is_what_the_next_commit_will_hold),
        WITH_GIT(random_trees_are_what_a_checkout_holds),
        WITH_GIT(random_trees_with_filters_too),
        WITH_GIT(a_linked_work_tree_shows_the_same),
        WITH_GIT(attributes_are_applied_as_by_a_checkout),
        WITH_GIT(the_same_with_attributes_from_outside_the_tree),
    };
    return cmocka_run_group_tests_name("snapshots and checkouts", tests, git_group_setup, git_group_teardown);
}

/* SPDX-License-Identifier: MIT
 *
 * A snapshot against a real checkout of the same commit, in the same place: types, listings, content, stamps. */
#include "git_test.h"

#include "tree/snapshot.h"

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

/* What the work tree's own stamps say, as the workspace would. */
struct known {
    const struct strvec *paths;
    struct file_state *states;
};
static const struct file_state *state_of(void *ctx, const char *path)
{
    struct known *k = ctx;
    for (size_t i = 0; i < k->paths->n; i++)
        if (strcmp(k->paths->v[i], path) == 0)
            return &k->states[i];
    return NULL;
}
static void stamp_work_tree(struct known *k, const struct strvec *paths)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    k->paths = paths;
    k->states = mem_calloc(paths->n + 1, sizeof *k->states);
    for (size_t i = 0; i < paths->n; i++)
        stamp_update(fd, *paths->v[i] ? paths->v[i] : ".", &k->states[i], NULL);
    close(fd);
}

static void expect_checkout(const char *commit_name, const char *expected, const struct strvec *paths, const char *what)
{
    struct err e = ERR_INIT;
    struct repo *r = opened();
    struct snapshot_reference none = {0};
    struct tree *t = snapshot_commit(r, id_of_commit(commit_name), &e);
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

/* ---- a view beside a work tree --------------------------------------------------------------------------------- */

static struct repo *r;
static struct tree *t;
static const struct snapshot_reference no_reference;

static void look_at(const char *name)
{
    struct err e = ERR_INIT;
    r = opened();
    t = name ? snapshot_commit(r, id_of_commit(name), &e) : snapshot_index(r, &e);
    if (!t)
        fail_msg("%s: %s", e.code, e.msg);
}
static void look_away(void)
{
    tree_free(t);
    repo_close(r);
}

static void expect_type(const char *path, enum entry_type type)
{
    if (tree_type(t, path) != type)
        fail_msg("%s has type %d, not %d", path, tree_type(t, path), type);
}
static void expect_text(const char *path, const char *text)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    if (!tree_read(t, path, 1 << 20, &b, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(buf_cstr(&b), text);
    buf_clear(&b);
}
static void expect_listing_of(struct tree *view, bool ignored, const char *dir, const char *expected)
{
    struct tree_listing l;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    memset(&l, 0, sizeof l);
    if (ignored ? !view->ops->list_ignored(view, dir, &l, &e) : !tree_list(view, dir, &l, &e))
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < l.n; i++)
        buf_printf(&b, "%s%s", i ? " " : "", l.v[i].name);
    assert_string_equal(buf_cstr(&b), expected);
    buf_clear(&b);
    tree_listing_clear(&l);
}
#define expect_listing(dir, expected) expect_listing_of(t, false, (dir), (expected))
#define expect_ignored(dir, expected) expect_listing_of(t, true, (dir), (expected))

/* Looks the stamp like that of a regular file with this text? */
static void expect_stamp(const char *path, enum entry_type type, const char *text)
{
    struct file_state st;
    snapshot_stamp(t, path, &no_reference, &st);
    assert_int_equal(st.type, type);
    if (text && !digest_eq(st.digest, digest_bytes(text, strlen(text))))
        fail_msg("%s is not '%s'", path, text);
}

static bool was_looked_at(const char *end)
{
    for (size_t i = 0; i < snapshot_n_looked(t); i++) {
        enum in_index in_index;
        const char *p = snapshot_looked(t, i, &in_index);
        size_t n = strlen(p), m = strlen(end);
        if (n >= m && strcmp(p + n - m, end) == 0)
            return true;
    }
    return false;
}

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

static void nothing_of_the_work_tree_shines_through(void **state)
{
    (void)state;
    put("f", "1");
    put("d/g", "1");
    commit("one");
    put("f", "edited");
    put("new", "1");
    put("d/new", "1");
    sh("rm d/g");
    look_at("HEAD");
    expect_text("f", "1");
    expect_type("new", ENTRY_NONE);
    expect_type("d/new", ENTRY_NONE);
    expect_text("d/g", "1");
    expect_listing("", "d f");
    expect_listing("d", "g");
    expect_stamp("f", ENTRY_FILE, "1");
    expect_stamp("new", ENTRY_NONE, NULL);
    look_away();
}

/* ---- stamps against a reference -------------------------------------------------------------------------------- */

static void what_the_index_vouches_for_is_not_hashed(void **state)
{
    struct strvec paths = STRVEC_INIT;
    struct known k;
    struct file_state st;
    (void)state;
    put("same", "1");
    put("edited", "1");
    put("touched", "1");
    commit("one");
    sh("touch -d '2001-01-01' same edited touched && git update-index --refresh -q && touch -d '2001-01-02' "
       ".git/index");
    sh("sleep 0.05 && git update-index --force-write-index 2>/dev/null; echo 2 >edited; touch touched");
    strvec_add(&paths, "same");
    strvec_add(&paths, "edited");
    strvec_add(&paths, "touched");
    stamp_work_tree(&k, &paths);
    /* The answer comes from the state: a wrong digest there would be handed out. */
    struct digest wrong = digest_bytes("wrong", 5);
    for (size_t i = 0; i < paths.n; i++)
        k.states[i].digest = wrong;
    struct snapshot_reference ref = {.state = state_of, .ctx = &k};
    look_at("HEAD");
    snapshot_stamp(t, "edited", &ref, &st);
    assert_true(digest_eq(st.digest, digest_bytes("1", 1)));
    snapshot_stamp(t, "touched", &ref, &st);
    assert_true(digest_eq(st.digest, digest_bytes("1", 1)));
    assert_int_equal(snapshot_n_hashed(t), 2);
    snapshot_stamp(t, "same", &ref, &st);
    assert_true(digest_eq(st.digest, wrong));
    assert_int_equal(snapshot_n_hashed(t), 2);
    look_away();
    mem_free(k.states);
    strvec_clear(&paths);
}

static void a_peer_gives_the_same_to_the_same_object_only(void **state)
{
    struct file_state a, b;
    struct err e = ERR_INIT;
    (void)state;
    put("same", "1");
    put("edited", "1");
    put("exec", "1");
    commit("one");
    put("edited", "2");
    sh("chmod +x exec");
    commit("two");
    look_at("HEAD~1");
    struct tree *other = snapshot_commit(r, id_of_commit("HEAD"), &e);
    struct snapshot_reference to = {.peer = other}, from = {.peer = t};
    snapshot_stamp(t, "same", &to, &a);
    snapshot_stamp(other, "same", &from, &b);
    assert_true(digest_eq(a.digest, b.digest) && a.type == b.type && !digest_is_none(a.digest));
    assert_int_equal(snapshot_n_hashed(t) + snapshot_n_hashed(other), 0);
    snapshot_stamp(t, "edited", &to, &a);
    snapshot_stamp(other, "edited", &from, &b);
    assert_false(digest_eq(a.digest, b.digest));
    assert_true(digest_eq(b.digest, digest_bytes("2", 1)));
    snapshot_stamp(t, "exec", &to, &a);
    snapshot_stamp(other, "exec", &from, &b);
    assert_true(digest_eq(a.digest, b.digest));
    assert_int_equal(a.type, ENTRY_FILE);
    assert_int_equal(b.type, ENTRY_EXEC);
    tree_free(other);
    look_away();
}

static void other_attributes_make_another_file_of_the_same_object(void **state)
{
    struct file_state a, b;
    struct err e = ERR_INIT;
    (void)state;
    put("d/f", "one\n");
    put("g", "one\n");
    commit("one");
    put("d/.gitattributes", "* text eol=crlf\n");
    commit("two");
    look_at("HEAD~1");
    expect_stamp("d/f", ENTRY_FILE, "one\n");
    struct tree *other = snapshot_commit(r, id_of_commit("HEAD"), &e);
    struct snapshot_reference to = {.peer = other}, from = {.peer = t};
    snapshot_stamp(t, "d/f", &to, &a);
    snapshot_stamp(other, "d/f", &from, &b);
    assert_false(digest_eq(a.digest, b.digest));
    assert_true(digest_eq(b.digest, digest_bytes("one\r\n", 5)));
    snapshot_stamp(t, "g", &to, &a);
    snapshot_stamp(other, "g", &from, &b);
    assert_true(digest_eq(a.digest, b.digest));
    tree_free(other);
    look_away();
}

/* ---- the index ------------------------------------------------------------------------------------------------- */

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

static void what_is_only_announced_is_not_in_the_index(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    put("f", "1");
    commit("one");
    put("later", "1");
    git("add -N later");
    look_at(NULL);
    expect_type("later", ENTRY_NONE);
    expect_listing("", "f");
    look_away();
    git("checkout -q -b topic && git rm -q -f --cached later");
    put("f", "2");
    git("add f && git commit -q -m two && git checkout -q main");
    put("f", "3");
    git("add f && git commit -q -m three");
    sh("git merge -q topic || true");
    r = opened();
    assert_null(snapshot_index(r, &e));
    expect_err(&e, "T708", "'f'", "git status");
    repo_close(r);
}

/* ---- ignored files --------------------------------------------------------------------------------------------- */

static void ignored_files_are_seen_by_name_and_are_in_no_listing(void **state)
{
    (void)state;
    put(".gitignore", "*.log\nout/\n/link\n");
    put("f", "1");
    put("d/f", "1");
    commit("one");
    put("a.log", "log");
    put("d/b.log", "log");
    put_mode("out/x/tool", "tool", 0755);
    sh("ln -s f link");
    look_at("HEAD");
    expect_type("a.log", ENTRY_FILE);
    expect_type("d/b.log", ENTRY_FILE);
    expect_type("out", ENTRY_DIR);
    expect_type("out/x/tool", ENTRY_EXEC);
    expect_type("out/nothing", ENTRY_NONE);
    expect_type("c.log", ENTRY_NONE);
    expect_type("link", ENTRY_LINK);
    expect_text("d/b.log", "log");
    expect_text("link", "1");
    expect_listing("", ".gitignore d f");
    expect_listing("d", "f");
    expect_listing("out", "x");
    expect_listing("out/x", "tool");
    expect_ignored("", "a.log link out");
    expect_ignored("d", "b.log");
    expect_stamp("a.log", ENTRY_FILE, "log");
    expect_stamp("out/x/tool", ENTRY_EXEC, "tool");
    assert_true(was_looked_at("/repo/c.log")); /* its coming would change the answer */
    assert_true(was_looked_at("/repo/a.log"));
    look_away();
}

static void what_is_ignored_on_one_side_only_belongs_to_that_side(void **state)
{
    (void)state;
    put("f", "1");
    commit("one");
    put(".gitignore", "*.log\n");
    put("a.log", "log");
    commit("two");
    look_at("HEAD~1"); /* there it would be an untracked file, which a clean checkout has none of */
    expect_type("a.log", ENTRY_NONE);
    expect_ignored("", "");
    look_away();
    look_at("HEAD");
    expect_type("a.log", ENTRY_FILE);
    look_away();
    put(".gitignore", "");
    look_at("HEAD"); /* not ignored now: a new file of the work tree */
    expect_type("a.log", ENTRY_NONE);
    look_away();
}

static void what_git_tracks_is_not_an_ignored_file(void **state)
{
    (void)state;
    put(".gitignore", "*.log\n");
    commit("one");
    put("a.log", "log");
    git("add -f a.log && git commit -q -m two");
    look_at("HEAD~1");
    expect_type("a.log", ENTRY_NONE);
    expect_ignored("", "");
    expect_stamp("a.log", ENTRY_NONE, NULL);
    look_away();
    put("a.log", "edited");
    look_at("HEAD");
    expect_text("a.log", "log");
    expect_listing("", ".gitignore a.log");
    look_away();
}

static void the_repositorys_own_exclude_file_counts_and_nested_ones_do(void **state)
{
    (void)state;
    put("d/.gitignore", "!keep.log\n/x\n");
    put(".gitignore", "*.log\n");
    commit("one");
    put("d/keep.log", "1");
    put("d/x", "1");
    put("d/e/x", "1");
    put("mine", "1");
    sh("mkdir -p .git/info && echo /mine >.git/info/exclude");
    look_at("HEAD");
    expect_type("d/keep.log", ENTRY_NONE);
    expect_type("d/x", ENTRY_FILE);
    expect_type("d/e/x", ENTRY_NONE);
    expect_type("mine", ENTRY_FILE);
    expect_ignored("d", "x");
    look_away();
}

static void a_gitignore_above_the_root_counts(void **state)
{
    (void)state;
    put(".gitignore", "*.log\n/sub/made\n");
    put("sub/f", "1");
    commit("one");
    put("sub/a.log", "log");
    put("sub/made", "made");
    snprintf(root, sizeof root, "%s/repo/sub", base);
    look_at("HEAD");
    expect_type("a.log", ENTRY_FILE);
    expect_type("made", ENTRY_FILE);
    expect_ignored("", "a.log made");
    look_away();
}

static void a_folder_of_ignored_files_alone_is_no_folder_of_the_revision(void **state)
{
    (void)state;
    put(".gitignore", "*.o\n");
    commit("one");
    put("d/a.o", "1");
    look_at("HEAD");
    expect_listing("", ".gitignore");
    expect_text("d/a.o", "1");
    expect_type("d/b.o", ENTRY_NONE);
    look_away();
}

/* ---- what git does to files ------------------------------------------------------------------------------------ */

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

static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n"
                              "oid sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nsize 7\n";

static void an_lfs_pointer_counts_as_what_it_points_to(void **state)
{
    struct strvec paths = STRVEC_INIT;
    struct known k;
    struct file_state st;
    (void)state;
    put(".gitattributes", "*.dat filter=lfs diff=lfs merge=lfs -text\n");
    put("a.dat", pointer);
    commit("one");
    look_at("HEAD");
    expect_stamp("a.dat", ENTRY_FILE, pointer); /* its object is not here */
    look_away();
    put(".git/lfs/objects/e3/b0/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "content");
    look_at("HEAD");
    expect_stamp("a.dat", ENTRY_FILE, "content");
    look_away();
    strvec_add(&paths, "a.dat");
    put("a.dat", "content");
    stamp_work_tree(&k, &paths);
    struct snapshot_reference ref = {.state = state_of, .ctx = &k};
    look_at("HEAD");
    snapshot_stamp(t, "a.dat", &ref, &st);
    assert_true(digest_eq(st.digest, k.states[0].digest));
    look_away();
    mem_free(k.states);
    put("a.dat", pointer); /* GIT_LFS_SKIP_SMUDGE */
    stamp_work_tree(&k, &paths);
    look_at("HEAD");
    snapshot_stamp(t, "a.dat", &ref, &st);
    assert_true(digest_eq(st.digest, k.states[0].digest));
    look_away();
    mem_free(k.states);
    strvec_clear(&paths);
}

static void a_submodule_shows_the_commit_that_the_revision_has_of_it(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    sh("git init -q -b main ../lib && cd ../lib && echo 1 >f && git add f && git commit -q -m 1 && git tag v1 && "
       "echo 2 >f && mkdir d && echo g >d/g && git add -A && git commit -q -m 2");
    git("-c protocol.file.allow=always submodule add -q ../lib sub && git -C sub checkout -q v1");
    put("own", "1");
    sh("ln -s sub/f into && ln -s ../own sub-up");
    commit("one");
    git("-C sub checkout -q main");
    commit("two");
    look_at("HEAD~1");
    expect_type("sub", ENTRY_DIR);
    expect_text("sub/f", "1\n");
    expect_listing("sub", "f");
    expect_type("sub/d/g", ENTRY_NONE);
    expect_stamp("sub/f", ENTRY_FILE, "1\n");
    expect_text("into", "1\n");
    assert_true(snapshot_saw_more(t));
    look_away();
    look_at("HEAD");
    expect_text("sub/f", "2\n");
    expect_listing("sub", "d f");
    expect_stamp("sub/d/g", ENTRY_FILE, "g\n");
    expect_text("into", "2\n");
    look_away();
    git("submodule deinit -q -f sub"); /* not checked out here: an empty folder */
    look_at("HEAD");
    expect_type("sub", ENTRY_DIR);
    expect_listing("sub", "");
    expect_type("sub/f", ENTRY_NONE);
    assert_false(snapshot_failed(t, &e));
    look_away();
}

static void a_submodules_commit_that_is_not_here_is_a_failure(void **state)
{
    struct err e = ERR_INIT;
    struct tree_listing l;
    (void)state;
    sh("git init -q -b main ../lib && cd ../lib && echo 1 >f && git add f && git commit -q -m 1");
    git("-c protocol.file.allow=always submodule add -q ../lib sub");
    commit("one");
    git("update-index --cacheinfo 160000,1234567890123456789012345678901234567890,sub && git commit -q -m two");
    look_at("HEAD");
    memset(&l, 0, sizeof l);
    if (tree_list(t, "sub", &l, &e))
        tree_listing_clear(&l);
    err_clear(&e);
    assert_true(snapshot_failed(t, &e));
    expect_err(&e, "T707", "sub", "/sub fetch");
    look_away();
}

static void what_a_sparse_checkout_leaves_out_is_left_out(void **state)
{
    (void)state;
    put("in/f", "1");
    put("out/f", "1");
    put("top", "1");
    commit("one");
    git("sparse-checkout set --cone in && git sparse-checkout reapply --no-sparse-index");
    look_at("HEAD");
    expect_text("in/f", "1");
    expect_text("top", "1");
    expect_type("out/f", ENTRY_NONE);
    expect_stamp("out/f", ENTRY_NONE, NULL);
    assert_true(snapshot_saw_more(t));
    look_away();
    look_at(NULL);
    expect_text("in/f", "1");
    expect_type("out/f", ENTRY_NONE);
    look_away();
}

/* ---- objects that are not there -------------------------------------------------------------------------------- */

static void a_missing_object_is_a_failure_and_no_empty_file(void **state)
{
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    struct tree_listing l;
    struct file_state st;
    (void)state;
    put("d/f", "in the folder");
    put("g", "gone");
    commit("one");
    sh("o=$(git rev-parse HEAD:g) && rm -f .git/objects/$(echo $o | cut -c1-2)/$(echo $o | cut -c3-)");
    look_at("HEAD");
    expect_type("g", ENTRY_FILE);
    assert_false(snapshot_failed(t, NULL));
    assert_false(tree_read(t, "g", 100, &b, &e));
    expect_err(&e, "T401", "g", NULL);
    assert_true(snapshot_failed(t, &e));
    expect_err(&e, "T707", "'g'", "git fsck");
    look_away();
    look_at("HEAD");
    snapshot_stamp(t, "g", &no_reference, &st);
    assert_int_equal(st.type, ENTRY_OTHER);
    assert_true(digest_is_none(st.digest));
    assert_true(snapshot_failed(t, NULL));
    look_away();
    sh("o=$(git rev-parse HEAD:d) && rm -f .git/objects/$(echo $o | cut -c1-2)/$(echo $o | cut -c3-)");
    look_at("HEAD");
    memset(&l, 0, sizeof l);
    assert_false(tree_list(t, "d", &l, &e));
    err_clear(&e);
    tree_listing_clear(&l);
    assert_true(snapshot_failed(t, &e));
    expect_err(&e, "T707", "'d'", NULL);
    look_away();
    buf_clear(&b);
}

static void a_commit_has_a_tree_id(void **state)
{
    static const struct object_id none = {{0}};
    (void)state;
    put("sub/f", "1");
    put("g", "1");
    commit("one");
    put("g", "2");
    commit("two");
    look_at("HEAD");
    struct object_id two = snapshot_tree_id(t), object;
    assert_false(object_id_eq(two, none));
    assert_true(snapshot_object(t, "g", &object));
    assert_false(snapshot_object(t, "sub", &object));
    assert_false(snapshot_object(t, "none", &object));
    look_away();
    look_at("HEAD~1");
    assert_false(object_id_eq(two, snapshot_tree_id(t)));
    look_away();
    snprintf(root, sizeof root, "%s/repo/sub", base);
    look_at("HEAD");
    two = snapshot_tree_id(t);
    look_away();
    look_at("HEAD~1"); /* the root's folder is the same in both, what lies beside it is not */
    assert_false(object_id_eq(two, snapshot_tree_id(t)));
    look_away();
    snprintf(root, sizeof root, "%s/repo", base);
    git("rm -q -r sub && git commit -q -m three");
    snprintf(root, sizeof root, "%s/repo/sub", base);
    assert_int_equal(mkdir(root, 0755), 0);
    look_at("HEAD");
    expect_type("", ENTRY_NONE);
    expect_type("f", ENTRY_NONE);
    look_away();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GIT(random_trees_are_what_a_checkout_holds),
        WITH_GIT(random_trees_with_filters_too),
        WITH_GIT(a_linked_work_tree_shows_the_same),
        WITH_GIT(nothing_of_the_work_tree_shines_through),
        WITH_GIT(what_the_index_vouches_for_is_not_hashed),
        WITH_GIT(a_peer_gives_the_same_to_the_same_object_only),
        WITH_GIT(other_attributes_make_another_file_of_the_same_object),
        WITH_GIT(the_index_is_what_the_next_commit_will_hold),
        WITH_GIT(what_is_only_announced_is_not_in_the_index),
        WITH_GIT(ignored_files_are_seen_by_name_and_are_in_no_listing),
        WITH_GIT(what_is_ignored_on_one_side_only_belongs_to_that_side),
        WITH_GIT(what_git_tracks_is_not_an_ignored_file),
        WITH_GIT(the_repositorys_own_exclude_file_counts_and_nested_ones_do),
        WITH_GIT(a_gitignore_above_the_root_counts),
        WITH_GIT(a_folder_of_ignored_files_alone_is_no_folder_of_the_revision),
        WITH_GIT(attributes_are_applied_as_by_a_checkout),
        WITH_GIT(the_same_with_attributes_from_outside_the_tree),
        WITH_GIT(an_lfs_pointer_counts_as_what_it_points_to),
        WITH_GIT(a_submodule_shows_the_commit_that_the_revision_has_of_it),
        WITH_GIT(a_submodules_commit_that_is_not_here_is_a_failure),
        WITH_GIT(what_a_sparse_checkout_leaves_out_is_left_out),
        WITH_GIT(a_missing_object_is_a_failure_and_no_empty_file),
        WITH_GIT(a_commit_has_a_tree_id),
    };
    return cmocka_run_group_tests_name("snapshot", tests, git_group_setup, git_group_teardown);
}

/* SPDX-License-Identifier: MIT
 *
 * tgraph once from inside: what is in the true key and what is not, waiting, lending, cycles, what is swept up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "once/lend.h"
#include "once/once_internal.h"
#include "os/file.h"

static char base[64];
static char cache[96];
static char path_var[160];

static int set_up(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/tgraph-once-XXXXXX");
    if (!mkdtemp(base) || chdir(base) != 0)
        return -1;
    snprintf(cache, sizeof cache, "%s/cache", base);
    snprintf(path_var, sizeof path_var, "PATH=%s/bin:/usr/bin:/bin", base);
    return mkdir("bin", 0755);
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") == 0 && file_remove_tree(base, NULL) ? 0 : -1;
}

static void put(const char *path, const char *text, int mode)
{
    assert_true(file_replace(path, text, strlen(text), mode, false, NULL));
}

/* ---- the true key ------------------------------------------------------------------------------------------------- */

#define LIST(...)                                                                                                      \
    (const char *const[]) { __VA_ARGS__, NULL }

static const char *const two_files[] = {"a", "dir"};
static const char *const one_name[] = {"SEED"};

static struct once_spec usual(void)
{
    static const char *const argv[] = {"tool", "x", "y z", NULL};
    static const char *env[4];
    env[0] = path_var;
    env[1] = "SEED=1";
    env[2] = "OTHER=1";
    return (struct once_spec){.key = "key",
                              .inputs = two_files,
                              .n_inputs = 2,
                              .env_names = one_name,
                              .n_env_names = 1,
                              .out = "got",
                              .argv = argv,
                              .envp = env,
                              .cache_dir = cache,
                              .out_fd = {1, 2},
                              .cancel_fd = -1,
                              .kill_fd = -1,
                              .say_after_ms = 600000};
}

static void put_usual(void)
{
    put("a", "A", 0644);
    mkdir("dir", 0755);
    mkdir("dir/sub", 0755);
    put("dir/1", "1", 0644);
    put("dir/sub/2", "2", 0644);
    put("bin/interp", "#!/bin/sh\nexec /bin/sh \"$@\"\n", 0755);
    put("bin/tool", "#!/usr/bin/env interp\necho made >\"$TGRAPH_OUT\"\n", 0755);
}

static struct digest key_of(const struct once_spec *s)
{
    struct once_inputs in;
    struct err e = ERR_INIT;
    bool ok = once_inputs_read(&in, s, &e);
    if (!ok)
        print_error("%s: %s\n", e.code, e.msg);
    assert_true(ok);
    struct digest d = in.key;
    once_inputs_clear(&in);
    return d;
}

static struct digest usual_key(void)
{
    struct once_spec s = usual();
    return key_of(&s);
}

/* Each of these changes the key, and taking it back gives the old one again. */
#define CHANGES(there, back)                                                                                           \
    do {                                                                                                               \
        there;                                                                                                         \
        assert_false(digest_eq(usual_key(), before));                                                                  \
        back;                                                                                                          \
        assert_true(digest_eq(usual_key(), before));                                                                   \
    } while (0)

static void files_are_in_the_key(void **state)
{
    (void)state;
    put_usual();
    struct digest before = usual_key();
    CHANGES(put("a", "B", 0644), put("a", "A", 0644));
    CHANGES(chmod("a", 0755), chmod("a", 0644));
    CHANGES(put("dir/1", "one", 0644), put("dir/1", "1", 0644));
    CHANGES(put("dir/sub/2", "two", 0644), put("dir/sub/2", "2", 0644));
    CHANGES(put("dir/3", "", 0644), unlink("dir/3"));
    CHANGES(put("dir/.hidden", "", 0644), unlink("dir/.hidden"));
    CHANGES(unlink("dir/1"), put("dir/1", "1", 0644));
    CHANGES(rename("dir/1", "dir/one"), rename("dir/one", "dir/1"));
    CHANGES(mkdir("dir/empty", 0755), rmdir("dir/empty"));
    CHANGES(symlink("1", "dir/link"), unlink("dir/link"));
    CHANGES(symlink("nowhere", "dir/link"), unlink("dir/link"));
}

static void the_program_and_its_interpreters_are_in_the_key(void **state)
{
    (void)state;
    static const char tool[] = "#!/usr/bin/env interp\necho made >\"$TGRAPH_OUT\"\n";
    static const char interp[] = "#!/bin/sh\nexec /bin/sh \"$@\"\n";
    put_usual();
    struct digest before = usual_key();
    CHANGES(put("bin/tool", "#!/usr/bin/env interp\necho other\n", 0755), put("bin/tool", tool, 0755));
    CHANGES(put("bin/interp", "#!/bin/sh\nexec /bin/sh -e \"$@\"\n", 0755), put("bin/interp", interp, 0755));
}

/* A large program is not read each time; what is kept of it never hides a change. */
static void a_large_program_is_known_by_its_stamp(void **state)
{
    (void)state;
    put_usual();
    enum { BYTES = 2 << 20 };
    char *text = mem_alloc(BYTES + 1);
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    put("bin/tool", text, 0755);
    struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, "bin/tool", old, 0), 0);
    struct digest before = usual_key();
    assert_true(file_is_dir("cache/once-seen"));
    assert_true(digest_eq(usual_key(), before));
    text[BYTES / 2] = 'y'; /* of the same size, with the same time */
    put("bin/tool", text, 0755);
    assert_int_equal(utimensat(AT_FDCWD, "bin/tool", old, 0), 0);
    struct digest changed = usual_key();
    assert_false(digest_eq(changed, before));
    assert_true(digest_eq(usual_key(), changed));
    /* Damage of what is kept. */
    assert_int_equal(system("for f in cache/once-seen/*; do "
                            "printf rubbish | dd of=$f conv=notrunc bs=1 seek=40 2>/dev/null; done"),
                     0);
    assert_true(digest_eq(usual_key(), changed));
    assert_int_equal(system("for f in cache/once-seen/*; do : >$f; done"), 0);
    assert_true(digest_eq(usual_key(), changed));
    mem_free(text);
}

static void what_is_said_is_in_the_key(void **state)
{
    (void)state;
    put_usual();
    put("same", "A", 0644);
    struct digest before = usual_key();
    struct once_spec s = usual();
    s.key = "other";
    assert_false(digest_eq(key_of(&s), before));
    s = usual();
    s.argv = LIST("tool", "x y", "z");
    assert_false(digest_eq(key_of(&s), before));
    s.argv = LIST("tool", "x", "y", "z");
    assert_false(digest_eq(key_of(&s), before));
    s.argv = LIST("tool", "x", "y z", "");
    assert_false(digest_eq(key_of(&s), before));
    s = usual();
    s.inputs = LIST("same", "dir"); /* another name, the same content */
    assert_false(digest_eq(key_of(&s), before));
    s.inputs = LIST("./a", "dir");
    assert_false(digest_eq(key_of(&s), before));
    s = usual();
    s.n_inputs = 1;
    assert_false(digest_eq(key_of(&s), before));
}

static void named_variables_are_in_the_key(void **state)
{
    (void)state;
    put_usual();
    struct digest before = usual_key();
    struct once_spec s = usual();
    s.envp = LIST(path_var, "SEED=2", "OTHER=1");
    assert_false(digest_eq(key_of(&s), before));
    s.envp = LIST(path_var, "SEED=", "OTHER=1");
    struct digest empty = key_of(&s);
    assert_false(digest_eq(empty, before));
    s.envp = LIST(path_var, "OTHER=1");
    struct digest unset = key_of(&s);
    assert_false(digest_eq(unset, before));
    assert_false(digest_eq(unset, empty));
    s = usual();
    s.n_env_names = 0;
    assert_false(digest_eq(key_of(&s), before));
    s = usual();
    s.env_names = LIST("SEED", "UNSET");
    s.n_env_names = 2;
    assert_false(digest_eq(key_of(&s), before));
}

static void nothing_else_is_in_the_key(void **state)
{
    (void)state;
    put_usual();
    struct digest before = usual_key();
    struct once_spec s = usual();
    s.envp = LIST("OTHER=2", path_var, "SEED=1", "MORE=x", "TGRAPH_OUT=x", "SEEDS=7");
    assert_true(digest_eq(key_of(&s), before));
    s = usual();
    s.out = "elsewhere/got";
    s.cache_dir = "elsewhere";
    s.umask = 077;
    s.say_after_ms = 1;
    assert_true(digest_eq(key_of(&s), before));
    s.inputs = LIST("dir", "a", "dir");
    s.n_inputs = 3;
    s.env_names = LIST("SEED", "SEED");
    s.n_env_names = 2;
    assert_true(digest_eq(key_of(&s), before));
    /* Times, who may read a file, files that are not named. */
    put("a", "A", 0600);
    chmod("dir", 0700);
    put("unnamed", "x", 0644);
    assert_true(digest_eq(usual_key(), before));
    /* Another work tree: all but the program that PATH chose is relative. */
    s = usual();
    s.argv = LIST("./bin/tool", "x", "y z");
    s.envp = LIST("PATH=/usr/bin:/bin", "SEED=1");
    put("bin/tool", "#!/bin/sh\n", 0755);
    struct digest here = key_of(&s);
    assert_int_equal(mkdir("other", 0755), 0);
    assert_int_equal(chdir("other"), 0);
    assert_int_equal(mkdir("bin", 0755), 0);
    put_usual();
    put("bin/tool", "#!/bin/sh\n", 0755);
    assert_true(digest_eq(key_of(&s), here));
}

static void where_a_link_to_a_folder_leads_is_in_the_key(void **state)
{
    (void)state;
    put_usual();
    assert_int_equal(mkdir("dir/a", 0755), 0);
    assert_int_equal(mkdir("dir/b", 0755), 0);
    assert_int_equal(symlink("a", "dir/near"), 0);
    assert_int_equal(mkdir("far", 0755), 0);
    assert_int_equal(symlink("../dir/a", "far/hop"), 0);
    assert_int_equal(symlink("../far/hop", "dir/x"), 0);
    struct digest before = usual_key();
    CHANGES(unlink("dir/near"); symlink("b", "dir/near"), unlink("dir/near"); symlink("a", "dir/near"));
    CHANGES(unlink("far/hop"); symlink("../dir/b", "far/hop"), unlink("far/hop"); symlink("../dir/a", "far/hop"));

    struct once_spec s = usual();
    struct once_inputs in;
    struct err e = ERR_INIT;
    char *what;
    assert_true(once_inputs_read(&in, &s, &e));
    assert_int_equal(unlink("dir/near"), 0);
    assert_int_equal(symlink("b", "dir/near"), 0);
    assert_false(once_inputs_still(&in, &s, INT64_MAX, &what));
    assert_string_equal(what, "dir/near");
    free(what);
    once_inputs_clear(&in);
}

static void links_to_folders_are_followed_and_circles_end(void **state)
{
    (void)state;
    put_usual();
    mkdir("outside", 0755);
    put("outside/o", "o", 0644);
    assert_int_equal(symlink("../outside", "dir/out"), 0);
    assert_int_equal(symlink("..", "dir/sub/up"), 0);
    struct digest before = usual_key();
    CHANGES(put("outside/o", "O", 0644), put("outside/o", "o", 0644));
}

static void what_cannot_be_known_is_an_error(void **state)
{
    (void)state;
    put_usual();
    struct once_inputs in;
    struct err e = ERR_INIT;
    struct once_spec s = usual();
    assert_int_equal(mkfifo("dir/fifo", 0644), 0);
    assert_false(once_inputs_read(&in, &s, &e));
    assert_string_equal(e.code, "T653");
    assert_non_null(strstr(e.msg, "dir/fifo"));
    assert_non_null(e.hint);
    once_inputs_clear(&in);
    err_clear(&e);
}

/* ---- another process ---------------------------------------------------------------------------------------------- */

static struct digest named_key(const char *name) { return digest_bytes(name, strlen(name)); }

/* A process that leads a key until a byte comes, and with `then` wants another one inside of it. */
struct leader {
    pid_t pid;
    int to, from;
    char chain[128]; /* TGRAPH_ONCE= of what runs inside of it */
};

static void tell(void *ctx, const struct err *e)
{
    (void)e;
    int fd = *(const int *)ctx;
    if (write(fd, "w", 1) != 1)
        _exit(3);
}

static void lead_key(const char *name, struct digest key, const char *then, int in, int out)
{
    struct once_spec s = usual();
    struct once_lock l, inner;
    bool waited;
    char c, chain[128];
    s.key = name;
    if (!once_lock_init(&l, &s, NULL) || once_lock_take(&l, &s, key, &waited, NULL) != ONCE_GOT)
        _exit(1);
    int n = snprintf(chain, sizeof chain, "TGRAPH_ONCE=%s:%s", l.hex, l.token);
    if (write(out, chain, (size_t)n) != n)
        _exit(1);
    if (then) {
        s.key = then;
        s.envp = LIST(path_var, chain);
        s.say = tell;
        s.ctx = &out;
        s.say_after_ms = 0;
        if (!once_lock_init(&inner, &s, NULL))
            _exit(1);
        once_lock_take(&inner, &s, named_key(then), &waited, NULL);
        once_lock_clear(&inner);
    } else if (read(in, &c, 1) != 1) {
        _exit(1);
    }
    once_lock_clear(&l);
    _exit(0);
}

static struct leader leader_start(const char *name, struct digest key, const char *then)
{
    struct leader l;
    int to[2], from[2];
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    l.pid = fork();
    assert_true(l.pid >= 0);
    if (l.pid == 0) {
        close(to[1]);
        lead_key(name, key, then, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    l.to = to[1];
    l.from = from[0];
    ssize_t n = read(l.from, l.chain, sizeof l.chain - 1);
    assert_true(n > 12 + 33);
    l.chain[n] = '\0';
    /* The word of waiting may come in the same piece. */
    if (then && l.chain[n - 1] == 'w')
        l.chain[n - 1] = '\0';
    else if (then)
        assert_int_equal(read(l.from, (char[]){0}, 1), 1);
    return l;
}

static void leader_release(const struct leader *l) { assert_int_equal(write(l->to, "!", 1), 1); }

static void leader_end(const struct leader *l)
{
    int status;
    close(l->to);
    close(l->from);
    assert_int_equal(waitpid(l->pid, &status, 0), l->pid);
}

struct told {
    const struct leader *leader;
    struct lend *lend;
    uint32_t n, lent;
    char *text;
};

/* Once the waiter has said that it waits, its leader may end. */
static void release_when_told(void *ctx, const struct err *e)
{
    struct told *t = ctx;
    if (strcmp(e->code, "T655") != 0)
        return;
    t->n++;
    mem_free(t->text);
    t->text = mem_strdup(e->msg);
    if (t->lend) {
        lend_take(t->lend);
        t->lent = lend_count(t->lend);
    }
    leader_release(t->leader);
}

static void a_waiter_says_so_lends_its_place_and_goes_on(void **state)
{
    (void)state;
    put_usual();
    struct digest key = usual_key();
    struct lend *lend = lend_open(base, NULL);
    assert_non_null(lend);
    struct leader l = leader_start("key", key, NULL);
    struct told told = {.leader = &l, .lend = lend};
    struct once_spec s = usual();
    struct once_result r;
    struct err e = ERR_INIT;
    char lend_var[128], pid[32];
    snprintf(lend_var, sizeof lend_var, "TGRAPH_LEND=%s", lend_path(lend));
    s.envp = LIST(path_var, "SEED=1", lend_var);
    s.say_after_ms = 0;
    s.say = release_when_told;
    s.ctx = &told;
    assert_true(once_run(&s, &r, &e));
    assert_int_equal(r.how, ONCE_MADE); /* the leader had failed, as far as anybody knows */
    assert_int_equal(r.status, 0);
    assert_int_equal(told.n, 1);
    snprintf(pid, sizeof pid, "pid %ld", (long)l.pid);
    assert_non_null(strstr(told.text, pid));
    assert_non_null(strstr(told.text, "makes key"));
    assert_int_equal(told.lent, 1);
    lend_take(lend);
    assert_int_equal(lend_count(lend), 0);
    leader_end(&l);

    /* Who need not wait says nothing. */
    told.n = 0;
    assert_true(once_run(&s, &r, &e));
    assert_int_equal(r.how, ONCE_THERE);
    assert_int_equal(told.n, 0);
    mem_free(told.text);
    lend_close(lend);
}

static void a_cancelled_waiter_leaves_at_once(void **state)
{
    (void)state;
    put_usual();
    struct leader l = leader_start("key", usual_key(), NULL);
    struct once_spec s = usual();
    struct once_result r;
    struct err e = ERR_INIT;
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "!", 1), 1);
    s.cancel_fd = p[0];
    assert_false(once_run(&s, &r, &e));
    assert_true(r.cancelled);
    assert_string_equal(e.code, "T650");
    assert_false(file_exists("got"));
    leader_release(&l);
    leader_end(&l);
    close(p[0]);
    close(p[1]);
    err_clear(&e);
}

static void two_that_would_wait_for_each_other_are_told(void **state)
{
    (void)state;
    struct once_spec s = usual();
    struct once_lock mine, theirs;
    struct err e = ERR_INIT;
    bool waited;
    char chain[128];
    s.key = "A";
    assert_true(once_lock_init(&mine, &s, &e));
    assert_int_equal(once_lock_take(&mine, &s, named_key("A"), &waited, &e), ONCE_GOT);
    struct leader l = leader_start("B", named_key("B"), "A"); /* leads B, waits for A */
    snprintf(chain, sizeof chain, "TGRAPH_ONCE=%s:%s", mine.hex, mine.token);
    s.key = "B";
    s.envp = LIST(path_var, chain);
    assert_true(once_lock_init(&theirs, &s, &e));
    assert_int_equal(once_lock_take(&theirs, &s, named_key("B"), &waited, &e), ONCE_FAILED);
    assert_string_equal(e.code, "T652");
    assert_non_null(strstr(e.msg, "A -> B -> A"));
    err_clear(&e);

    /* A chain of somebody who leads no more is none. */
    char *colon = strrchr(chain, ':');
    snprintf(colon, 8, ":1-2");
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "!", 1), 1);
    s.cancel_fd = p[0]; /* it would wait */
    assert_int_equal(once_lock_take(&theirs, &s, named_key("B"), &waited, &e), ONCE_CANCELLED);
    close(p[0]);
    close(p[1]);
    s.cancel_fd = -1;

    /* The other one dies: B is free, and its note counts no more. */
    snprintf(chain, sizeof chain, "TGRAPH_ONCE=%s:%s", mine.hex, mine.token);
    kill(l.pid, SIGKILL);
    leader_end(&l);
    assert_int_equal(once_lock_take(&theirs, &s, named_key("B"), &waited, &e), ONCE_GOT);
    once_lock_clear(&theirs);
    once_lock_clear(&mine);
}

static void a_note_of_the_dead_is_no_cycle(void **state)
{
    (void)state;
    struct once_spec s = usual();
    struct once_lock mine, theirs;
    struct err e = ERR_INIT;
    bool waited;
    char chain[128];
    s.key = "A";
    assert_true(once_lock_init(&mine, &s, &e));
    assert_int_equal(once_lock_take(&mine, &s, named_key("A"), &waited, &e), ONCE_GOT);
    struct leader dead = leader_start("B", named_key("B"), "A");
    kill(dead.pid, SIGKILL);
    leader_end(&dead);
    struct leader l = leader_start("B", named_key("B"), NULL); /* the next one, which waits for nothing */
    snprintf(chain, sizeof chain, "TGRAPH_ONCE=%s:%s", mine.hex, mine.token);
    struct told told = {.leader = &l};
    s.key = "B";
    s.envp = LIST(path_var, chain);
    s.say_after_ms = 0;
    s.say = release_when_told;
    s.ctx = &told;
    assert_true(once_lock_init(&theirs, &s, &e));
    enum once_got got = once_lock_take(&theirs, &s, named_key("B"), &waited, &e);
    assert_int_equal(got, ONCE_ENDED);
    assert_true(waited);
    leader_end(&l);
    mem_free(told.text);
    once_lock_clear(&theirs);
    once_lock_clear(&mine);
}

static void a_malformed_chain_is_none(void **state)
{
    (void)state;
    put_usual();
    static const char *const chains[] = {"TGRAPH_ONCE=", "TGRAPH_ONCE=rubbish",
                                         "TGRAPH_ONCE=,,,:", "TGRAPH_ONCE=00000000000000000000000000000000:x"};
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        struct once_spec s = usual();
        struct once_result r;
        struct err e = ERR_INIT;
        s.envp = LIST(path_var, "SEED=1", chains[i]);
        assert_true(once_run(&s, &r, &e));
        assert_int_equal(r.how, i ? ONCE_THERE : ONCE_MADE);
    }
}

/* ---- what dead leaders left --------------------------------------------------------------------------------------- */

static void grow_old(const char *path)
{
    struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void what_dead_leaders_left_is_swept_up(void **state)
{
    (void)state;
    struct once_spec s = usual();
    struct once_lock l;
    bool waited;
    char held[160], dead[160], young[160], own[160], held_lock[160];
    struct leader other = leader_start("B", named_key("B"), NULL);
    assert_true(once_lock_init(&l, &s, NULL));
    assert_int_equal(once_lock_take(&l, &s, named_key("A"), &waited, NULL), ONCE_GOT);
    snprintf(held, sizeof held, "cache/once/%.32s.1-1", other.chain + strlen("TGRAPH_ONCE="));
    snprintf(held_lock, sizeof held_lock, "cache/once/%.32s.lock", other.chain + strlen("TGRAPH_ONCE="));
    snprintf(dead, sizeof dead, "cache/once/%032d.1-1", 7);
    snprintf(young, sizeof young, "cache/once/%032d.1-1", 8);
    snprintf(own, sizeof own, "cache/once/%s.1-1", l.hex);
    const char *all[] = {held, dead, young, own};
    for (size_t i = 0; i < 4; i++) {
        char in[200];
        snprintf(in, sizeof in, "%s/out", all[i]);
        assert_int_equal(mkdir(all[i], 0700), 0);
        put(in, "x", 0644);
        if (all[i] != young)
            grow_old(all[i]);
    }
    grow_old(held_lock);
    once_sweep(&l);
    assert_true(file_exists(held));
    assert_true(file_exists(held_lock));
    assert_true(file_exists(young));
    assert_false(file_exists(dead));
    assert_false(file_exists(own));
    leader_release(&other);
    leader_end(&other);
    once_lock_clear(&l);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_in_the_key),
        TEST(the_program_and_its_interpreters_are_in_the_key),
        TEST(a_large_program_is_known_by_its_stamp),
        TEST(what_is_said_is_in_the_key),
        TEST(named_variables_are_in_the_key),
        TEST(nothing_else_is_in_the_key),
        TEST(where_a_link_to_a_folder_leads_is_in_the_key),
        TEST(links_to_folders_are_followed_and_circles_end),
        TEST(what_cannot_be_known_is_an_error),
        TEST(a_waiter_says_so_lends_its_place_and_goes_on),
        TEST(a_cancelled_waiter_leaves_at_once),
        TEST(two_that_would_wait_for_each_other_are_told),
        TEST(a_note_of_the_dead_is_no_cycle),
        TEST(a_malformed_chain_is_none),
        TEST(what_dead_leaders_left_is_swept_up),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * No test sleeps: a stamp is made old by moving taken_ns on, as if the file had been read so much later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/thread.h"
#include "tree/glob.h"
#include "tree/stamp.h"

static char root[64];
static int root_fd;

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/tgraph-stamp-XXXXXX");
    if (!mkdtemp(root) || chdir(root))
        return 1;
    root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root_fd < 0;
}
static int remove_root(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    close(root_fd);
    return chdir("/") || !file_remove_tree(root, &e);
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static const struct digest bogus = {{1, 2, 3}};

static enum stamp_result update(const char *path, struct file_state *st)
{
    return stamp_update(root_fd, path, st, NULL);
}
static void age(struct file_state *st) { st->stamp.taken_ns += INT64_C(10000000000); }
static struct digest digest_of(const char *text) { return digest_bytes(text, strlen(text)); }
static void assert_same_state(const struct file_state *a, const struct file_state *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(digest_eq(a->digest, b->digest));
    assert_memory_equal(&a->stamp, &b->stamp, sizeof a->stamp);
}
static void set_mtime(const char *path, struct timespec t)
{
    struct timespec times[2] = {t, t};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}
static struct stat stat_of(const char *path)
{
    struct stat sb;
    assert_int_equal(lstat(path, &sb), 0);
    return sb;
}

/* A stamp that has settled: cleared by stat alone, which a wrong digest that survives shows. */
static void assert_cleared_by_stat(const char *path, const struct file_state *st)
{
    struct file_state copy = *st;
    age(&copy);
    copy.digest = bogus;
    assert_int_equal(update(path, &copy), STAMP_SAME);
    assert_true(digest_eq(copy.digest, bogus));
}
static void assert_read_again(const char *path, const struct file_state *st)
{
    struct file_state copy = *st;
    copy.digest = bogus;
    assert_int_equal(update(path, &copy), STAMP_CHANGED);
    assert_true(digest_eq(copy.digest, st->digest));
}

static void a_fresh_state_takes_type_and_content(void **state)
{
    (void)state;
    write_text("f", "content");
    struct file_state st = {0};
    int64_t before = clock_real_ns();
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_FILE);
    assert_true(digest_eq(st.digest, digest_of("content")));
    assert_true(st.stamp.taken_ns >= before);
    write_text("empty", "");
    st = (struct file_state){0};
    assert_int_equal(update("empty", &st), STAMP_CHANGED);
    assert_true(digest_eq(st.digest, digest_of("")));
    char path[128];
    snprintf(path, sizeof path, "%s/f", root);
    struct file_state absolute = {0};
    assert_int_equal(update(path, &absolute), STAMP_CHANGED);
    assert_true(digest_eq(absolute.digest, digest_of("content")));
}

static void a_large_file_has_the_digest_of_its_bytes(void **state)
{
    (void)state;
    static const size_t sizes[] = {65535, 65536, 65537, 131072, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = mem_alloc(sizes[i] + 1);
        for (size_t k = 0; k < sizes[i]; k++)
            text[k] = (char)('a' + (k * 7 + i) % 26);
        text[sizes[i]] = '\0';
        write_text("f", text);
        struct file_state st = {0};
        assert_int_equal(update("f", &st), STAMP_CHANGED);
        assert_true(digest_eq(st.digest, digest_of(text)));
        mem_free(text);
    }
}

static void what_is_not_there_stays_the_same_until_it_comes(void **state)
{
    (void)state;
    struct file_state st = {0};
    assert_int_equal(update("f", &st), STAMP_SAME);
    assert_int_equal(update("no/f", &st), STAMP_SAME);
    write_text("f", "x");
    assert_int_equal(update("f/below", &st), STAMP_SAME);
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    unlink("f");
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    static const struct file_state zero;
    assert_same_state(&st, &zero);
}

static void an_old_stamp_is_cleared_by_stat_alone(void **state)
{
    (void)state;
    write_text("f", "content");
    struct file_state st = {0};
    update("f", &st);
    assert_cleared_by_stat("f", &st);
}

static void a_racy_stamp_is_read_again_until_it_has_aged(void **state)
{
    (void)state;
    write_text("f", "content");
    struct file_state st = {0};
    update("f", &st);
    /* Written just now, so as new as the stamp. The file system's clock may have stood still since. */
    st.stamp.taken_ns = st.stamp.mtime_ns + 1000;
    assert_true(stamp_is_racy(&st.stamp));
    assert_read_again("f", &st);
    int64_t taken = st.stamp.taken_ns;
    assert_int_equal(update("f", &st), STAMP_REHASHED);
    assert_true(st.stamp.taken_ns >= taken);
    age(&st);
    assert_int_equal(update("f", &st), STAMP_SAME);
}

static void an_edit_in_the_same_tick_is_seen(void **state)
{
    (void)state;
    write_text("f", "old!");
    struct file_state st = {0};
    update("f", &st);
    write_text("f", "new!");
    /* As if no clock had moved between the two. */
    struct stat sb = stat_of("f");
    st.stamp.mtime_ns = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
    st.stamp.ctime_ns = (int64_t)sb.st_ctim.tv_sec * 1000000000 + sb.st_ctim.tv_nsec;
    st.stamp.taken_ns = st.stamp.mtime_ns;
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    assert_true(digest_eq(st.digest, digest_of("new!")));
}

static void the_slack_is_20_ms_or_2_s_for_whole_seconds(void **state)
{
    (void)state;
    const int64_t ms = 1000000, t = INT64_C(1700000000) * 1000 * ms;
    struct stamp fine = {t + 5, t + 7, 0, 0};
    fine.taken_ns = t + 7 + 20 * ms;
    assert_true(stamp_is_racy(&fine));
    fine.taken_ns++;
    assert_false(stamp_is_racy(&fine));
    struct stamp coarse = {t, t - 1000 * ms, 0, 0};
    coarse.taken_ns = t + 2000 * ms;
    assert_true(stamp_is_racy(&coarse));
    coarse.taken_ns++;
    assert_false(stamp_is_racy(&coarse));
    struct stamp half = {t, t + 1, 0, t + 30 * ms}; /* one with a fraction shows that the clock is fine */
    assert_false(stamp_is_racy(&half));
    struct stamp by_mtime = {t + 5000 * ms, t + 1, 0, t + 1000 * ms};
    assert_true(stamp_is_racy(&by_mtime));
    struct stamp never = {t + 1, t + 1, 0, 0};
    assert_true(stamp_is_racy(&never));
}

static void a_file_time_in_the_future_is_always_racy(void **state)
{
    (void)state;
    write_text("f", "content");
    set_mtime("f", (struct timespec){clock_real_ns() / 1000000000 + 3600, 5});
    struct file_state st = {0};
    update("f", &st);
    for (int i = 0; i < 3; i++) {
        age(&st);
        assert_int_equal(update("f", &st), STAMP_REHASHED);
    }
}

static void a_touch_alone_changes_nothing(void **state)
{
    (void)state;
    write_text("f", "content");
    struct file_state st = {0};
    update("f", &st);
    age(&st);
    set_mtime("f", (struct timespec){1600000000, 123});
    assert_int_equal(update("f", &st), STAMP_REHASHED);
    assert_cleared_by_stat("f", &st); /* the stamp was refreshed */
}

static void a_rewrite_of_the_same_size_with_its_time_set_back_is_seen(void **state)
{
    (void)state;
    write_text("f", "old!");
    set_mtime("f", (struct timespec){1600000000, 123});
    struct file_state st = {0};
    update("f", &st);
    age(&st);
    /* Nobody can set ctime back; wait for the file system's clock to tick. */
    struct stat before = stat_of("f"), after;
    do {
        write_text("f", "new!");
        set_mtime("f", (struct timespec){1600000000, 123});
        after = stat_of("f");
    } while (!memcmp(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim));
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    assert_true(digest_eq(st.digest, digest_of("new!")));
}

static void another_file_in_its_place_is_seen_even_with_the_same_times(void **state)
{
    (void)state;
    write_text("f", "old!");
    write_text("g", "new!");
    set_mtime("f", (struct timespec){1600000000, 123});
    set_mtime("g", (struct timespec){1600000000, 123});
    struct file_state st = {0};
    update("f", &st);
    age(&st);
    assert_int_equal(rename("g", "f"), 0);
    struct stat sb = stat_of("f");
    st.stamp.ctime_ns = (int64_t)sb.st_ctim.tv_sec * 1000000000 + sb.st_ctim.tv_nsec; /* only the inode differs */
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    assert_true(digest_eq(st.digest, digest_of("new!")));
}

static void the_owners_exec_bit_is_part_of_the_type(void **state)
{
    (void)state;
    write_text("f", "content");
    struct file_state st = {0};
    update("f", &st);
    age(&st);
    assert_int_equal(chmod("f", 0744), 0);
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_EXEC);
    assert_true(digest_eq(st.digest, digest_of("content")));
    assert_cleared_by_stat("f", &st);
    assert_int_equal(chmod("f", 0755), 0);
    assert_int_equal(update("f", &st), STAMP_REHASHED); /* the group's bit is not */
    assert_int_equal(chmod("f", 0644), 0);
    assert_int_equal(update("f", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_FILE);
}

static void a_link_is_its_text_and_the_content_behind_it(void **state)
{
    (void)state;
    write_text("f", "old!");
    write_text("g", "old!");
    assert_int_equal(symlink("f", "l"), 0);
    struct file_state st = {0};
    assert_int_equal(update("l", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_LINK);
    assert_false(digest_eq(st.digest, digest_of("old!")));
    assert_cleared_by_stat("l", &st);

    struct digest first = st.digest;
    write_text("f", "new");
    age(&st);
    assert_int_equal(update("l", &st), STAMP_CHANGED);
    write_text("f", "old!");
    assert_int_equal(update("l", &st), STAMP_CHANGED);
    assert_true(digest_eq(st.digest, first));

    assert_int_equal(unlink("l") || symlink("g", "l"), 0); /* the same content by another name */
    age(&st);
    assert_int_equal(update("l", &st), STAMP_CHANGED);

    assert_int_equal(chmod("g", 0755), 0);
    age(&st);
    assert_int_equal(update("l", &st), STAMP_CHANGED); /* what it leads to may be executed now */

    assert_int_equal(unlink("l"), 0);
    write_text("l", "old!");
    assert_int_equal(update("l", &st), STAMP_CHANGED); /* no link any more */
    assert_int_equal(st.type, ENTRY_FILE);
}

static void a_link_to_a_link_follows_what_the_last_one_leads_to(void **state)
{
    (void)state;
    write_text("f", "one");
    write_text("g", "two");
    assert_int_equal(symlink("f", "mid") || symlink("mid", "l"), 0);
    struct file_state st = {0};
    update("l", &st);
    assert_int_equal(unlink("mid") || symlink("g", "mid"), 0);
    age(&st);
    assert_int_equal(update("l", &st), STAMP_CHANGED);
}

static void links_to_folders_and_to_nowhere_have_a_digest_too(void **state)
{
    (void)state;
    assert_int_equal(mkdir("d", 0755), 0);
    assert_int_equal(symlink("d", "ld") || symlink("gone", "lg") || symlink("loop", "loop"), 0);
    assert_int_equal(symlink("d/none/x", "ln"), 0);
    static const char *const names[] = {"ld", "lg", "loop", "ln"};
    struct file_state st[4] = {{.type = 0}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(update(names[i], &st[i]), STAMP_CHANGED);
        assert_int_equal(st[i].type, ENTRY_LINK);
        assert_false(digest_is_none(st[i].digest));
        assert_cleared_by_stat(names[i], &st[i]);
        age(&st[i]);
    }
    write_text("d/new", "x"); /* what a folder holds is not the link's affair */
    assert_int_equal(update("ld", &st[0]), STAMP_SAME);
    write_text("gone", "x");
    assert_int_equal(update("lg", &st[1]), STAMP_CHANGED);
    unlink("gone");
    age(&st[1]);
    assert_int_equal(update("lg", &st[1]), STAMP_CHANGED);
}

static void pipes_and_devices_are_never_opened(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("p", 0644), 0);
    assert_int_equal(symlink("p", "lp"), 0);
    struct file_state st = {0};
    assert_int_equal(update("p", &st), STAMP_CHANGED); /* would hang otherwise */
    assert_int_equal(st.type, ENTRY_OTHER);
    assert_true(digest_is_none(st.digest));
    assert_int_equal(update("p", &st), STAMP_SAME);
    assert_true(stamp_verify(root_fd, "p", &st));
    struct file_state link = {0};
    assert_int_equal(update("lp", &link), STAMP_CHANGED);
    assert_int_equal(link.type, ENTRY_LINK);
    struct file_state device = {0};
    assert_int_equal(update("/dev/zero", &device), STAMP_CHANGED);
    assert_int_equal(device.type, ENTRY_OTHER);
    unlink("p");
    write_text("p", "x");
    assert_int_equal(update("p", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_FILE);
}

static void a_folder_without_a_slash_is_its_type_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir("d", 0755), 0);
    struct file_state st = {0};
    assert_int_equal(update("d", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_DIR);
    assert_true(digest_is_none(st.digest));
    write_text("d/x", "");
    assert_int_equal(update("d", &st), STAMP_SAME);
    unlink("d/x");
    rmdir("d");
    write_text("d", "file");
    assert_int_equal(update("d", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_FILE);
}

static void a_folder_with_a_slash_is_its_listing(void **state)
{
    (void)state;
    assert_int_equal(mkdir("d", 0755), 0);
    write_text("d/a", "1");
    struct file_state st = {0};
    assert_int_equal(update("d/", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_DIR);
    assert_cleared_by_stat("d/", &st);
    struct digest first = st.digest;
    write_text("d/a", "2"); /* not what the entries hold */
    assert_true(stamp_verify(root_fd, "d/", &st));
    write_text("d/b", "");
    assert_int_equal(update("d/", &st), STAMP_CHANGED);
    unlink("d/b");
    assert_int_equal(update("d/", &st), STAMP_CHANGED);
    assert_true(digest_eq(st.digest, first));
    unlink("d/a");
    assert_int_equal(mkdir("d/a", 0755), 0);
    assert_int_equal(update("d/", &st), STAMP_CHANGED); /* the type of an entry */

    struct tree *t = tree_worktree_new(root);
    struct walker *w = walker_new(t);
    assert_true(digest_eq(st.digest, walker_listing_digest(w, "d")));
    struct file_state top = {0};
    assert_int_equal(update("./", &top), STAMP_CHANGED);
    assert_true(digest_eq(top.digest, walker_listing_digest(w, "")));
    walker_free(w);
    tree_free(t);

    write_text("f", "");
    struct file_state none = {0};
    assert_int_equal(update("f/", &none), STAMP_SAME); /* a file is no folder */
    assert_int_equal(update("none/", &none), STAMP_SAME);
    rmdir("d/a");
    rmdir("d");
    assert_int_equal(update("d/", &st), STAMP_CHANGED);
    assert_int_equal(st.type, ENTRY_NONE);
}

static void what_cannot_be_asked_about_is_an_error_every_time(void **state)
{
    (void)state;
    char longest[400];
    memset(longest, 'n', sizeof longest);
    longest[399] = '\0';
    assert_int_equal(symlink("loop", "loop"), 0);
    write_text("f", "x");
    struct file_state st = {0};
    update("f", &st);
    for (int i = 0; i < 2; i++) {
        int errnum = 0;
        assert_int_equal(stamp_update(root_fd, longest, &st, &errnum), STAMP_ERROR);
        assert_int_equal(errnum, ENAMETOOLONG);
        assert_int_equal(st.type, ENTRY_OTHER);
        assert_true(digest_is_none(st.digest));
        assert_false(stamp_verify(root_fd, longest, &st));
    }
    int errnum = 0;
    assert_int_equal(stamp_update(root_fd, "loop/x", &st, &errnum), STAMP_ERROR);
    assert_int_equal(errnum, ELOOP);
    assert_int_equal(update("f", &st), STAMP_CHANGED); /* and can come back */
}

static void the_same_again_has_a_time_from_which_on_it_was_quiet(void **state)
{
    (void)state;
    write_text("f", "content");
    struct file_state st = {0};
    int64_t quiet_ns = 1, before = clock_real_ns();
    update("f", &st);
    assert_true(stamp_same(root_fd, "f", &st, &quiet_ns));
    assert_int_equal(quiet_ns, 0);
    st = (struct file_state){0};
    update("f", &st);
    set_mtime("f", (struct timespec){1600000000, 123});
    int64_t after = clock_real_ns();
    assert_true(stamp_same(root_fd, "f", &st, &quiet_ns));
    assert_true(quiet_ns > before); /* by the time of change: the other one is as it was set */
    assert_true(quiet_ns < after + INT64_C(3000000000));
    set_mtime("f", (struct timespec){4000000000, 0}); /* who knows: not before that */
    assert_true(stamp_same(root_fd, "f", &st, &quiet_ns));
    assert_true(quiet_ns > INT64_C(4000000000) * 1000000000);
    write_text("f", "changed");
    assert_false(stamp_same(root_fd, "f", &st, &quiet_ns));
}

static void verifying_asks_whether_it_was_the_same_all_the_time_and_writes_nothing(void **state)
{
    (void)state;
    write_text("f", "content");
    struct file_state st = {0};
    update("f", &st);
    assert_true(stamp_verify(root_fd, "f", &st));
    assert_int_equal(renameat(root_fd, "f", root_fd, "aside"), 0);
    assert_int_equal(renameat(root_fd, "aside", root_fd, "f"), 0);
    assert_false(stamp_verify(root_fd, "f", &st)); /* another file may have been in its place */
    st = (struct file_state){0};
    update("f", &st);
    set_mtime("f", (struct timespec){1600000000, 123});
    assert_false(stamp_verify(root_fd, "f", &st)); /* written anew: it may have been something else for a while */
    st = (struct file_state){0};
    update("f", &st);
    const struct file_state kept = st;
    write_text("f", "changed");
    assert_false(stamp_verify(root_fd, "f", &st));
    unlink("f");
    assert_false(stamp_verify(root_fd, "f", &st));
    assert_same_state(&st, &kept);
    struct file_state none = {0};
    assert_true(stamp_verify(root_fd, "f", &none));
    write_text("f", "");
    assert_false(stamp_verify(root_fd, "f", &none));
}

static void folder_stamps_tell_whether_entries_came_or_went(void **state)
{
    (void)state;
    assert_int_equal(mkdir("d", 0755), 0);
    struct stamp st;
    assert_true(stamp_dir_take(root_fd, "d", &st));
    struct stamp racy = st;
    racy.taken_ns = racy.ctime_ns;
    assert_false(stamp_dir_same(root_fd, "d", &racy));
    st.taken_ns += INT64_C(10000000000);
    assert_true(stamp_dir_same(root_fd, "d", &st));
    struct stat before = stat_of("d"), after;
    do { /* until the file system's clock ticks */
        write_text("d/x", "");
        unlink("d/x");
        after = stat_of("d");
    } while (!memcmp(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim));
    assert_false(stamp_dir_same(root_fd, "d", &st));
    assert_true(stamp_dir_take(root_fd, "", &st)); /* the root itself */
    st.taken_ns += INT64_C(10000000000);
    assert_true(stamp_dir_same(root_fd, "", &st));
}

static void a_folder_that_is_not_there_has_a_stamp_too(void **state)
{
    (void)state;
    write_text("f", "");
    struct stamp st, of_file;
    assert_false(stamp_dir_take(root_fd, "d", &st));
    assert_true(stamp_dir_same(root_fd, "d", &st));
    assert_false(stamp_dir_take(root_fd, "f", &of_file));
    assert_true(stamp_dir_same(root_fd, "f", &of_file));
    assert_int_equal(mkdir("d", 0755), 0);
    assert_false(stamp_dir_same(root_fd, "d", &st));
    assert_true(stamp_dir_take(root_fd, "d", &st));
    st.taken_ns += INT64_C(10000000000);
    rmdir("d");
    assert_false(stamp_dir_same(root_fd, "d", &st));
    write_text("d", "");
    assert_false(stamp_dir_same(root_fd, "d", &st));
}

enum { MANY = 200 };
static void update_range(void *arg, size_t begin, size_t end)
{
    struct file_state *v = arg;
    char name[32];
    for (size_t i = begin; i < end; i++) {
        snprintf(name, sizeof name, "f%zu", i);
        if (stamp_update(root_fd, name, &v[i], NULL) != STAMP_CHANGED)
            v[i].type = ENTRY_NONE;
    }
}

static void many_threads_may_update_different_files(void **state)
{
    (void)state;
    static struct file_state v[MANY];
    char name[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "f%d", i);
        write_text(name, name);
    }
    parallel_for(MANY, 1, 4, update_range, v);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(v[i].type, ENTRY_FILE);
        assert_true(digest_eq(v[i].digest, digest_of(name)));
    }
}

static atomic_int writes_left;
static void *keep_writing(void *arg)
{
    (void)arg;
    static const char *const texts[] = {"one", "two", "six", "ten"};
    for (int n; (n = atomic_fetch_sub(&writes_left, 1)) > 0;) {
        int fd = open("f", O_WRONLY | O_TRUNC);
        if (fd < 0 || write(fd, texts[n % 4], 3) != 3)
            abort();
        close(fd);
    }
    return NULL;
}

static void a_file_that_is_written_meanwhile_never_leaves_a_stale_stamp(void **state)
{
    (void)state;
    write_text("f", "one");
    for (int round = 0; round < 20; round++) {
        atomic_store(&writes_left, 100);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, keep_writing, NULL), 0);
        struct file_state st = {0};
        while (atomic_load(&writes_left) > 0)
            update("f", &st);
        pthread_join(thread, NULL);
        update("f", &st);
        struct buf b = BUF_INIT;
        struct err e = ERR_INIT;
        assert_true(file_read("f", 100, &b, &e));
        assert_true(digest_eq(st.digest, digest_bytes(b.p, b.len)));
        buf_clear(&b);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        T(a_fresh_state_takes_type_and_content),
        T(a_large_file_has_the_digest_of_its_bytes),
        T(what_is_not_there_stays_the_same_until_it_comes),
        T(an_old_stamp_is_cleared_by_stat_alone),
        T(a_racy_stamp_is_read_again_until_it_has_aged),
        T(an_edit_in_the_same_tick_is_seen),
        T(the_slack_is_20_ms_or_2_s_for_whole_seconds),
        T(a_file_time_in_the_future_is_always_racy),
        T(a_touch_alone_changes_nothing),
        T(a_rewrite_of_the_same_size_with_its_time_set_back_is_seen),
        T(another_file_in_its_place_is_seen_even_with_the_same_times),
        T(the_owners_exec_bit_is_part_of_the_type),
        T(a_link_is_its_text_and_the_content_behind_it),
        T(a_link_to_a_link_follows_what_the_last_one_leads_to),
        T(links_to_folders_and_to_nowhere_have_a_digest_too),
        T(pipes_and_devices_are_never_opened),
        T(a_folder_without_a_slash_is_its_type_alone),
        T(a_folder_with_a_slash_is_its_listing),
        T(what_cannot_be_asked_about_is_an_error_every_time),
        T(the_same_again_has_a_time_from_which_on_it_was_quiet),
        T(verifying_asks_whether_it_was_the_same_all_the_time_and_writes_nothing),
        T(folder_stamps_tell_whether_entries_came_or_went),
        T(a_folder_that_is_not_there_has_a_stamp_too),
        T(many_threads_may_update_different_files),
        T(a_file_that_is_written_meanwhile_never_leaves_a_stale_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

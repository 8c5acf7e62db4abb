/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "scratch.h"

static void read_appends_the_whole_content(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    put_file(in_scratch("r"), "hello", 0644);
    buf_adds(&b, "> ");
    assert_true(file_read(in_scratch("r"), 5, &b, NULL));
    assert_string_equal(b.p, "> hello");
    put_file(in_scratch("empty"), "", 0644);
    assert_true(file_read(in_scratch("empty"), 0, &b, NULL));
    assert_string_equal(b.p, "> hello");
    buf_clear(&b);
}

static void read_refuses_more_than_the_limit(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    put_file(in_scratch("r"), "hello", 0644);
    buf_adds(&b, "kept");
    for (size_t limit = 0; limit < 5; limit++) {
        assert_false(file_read(in_scratch("r"), limit, &b, &e));
        assert_string_equal(e.code, "T402");
        assert_non_null(strstr(e.msg, in_scratch("r")));
        assert_string_equal(b.p, "kept");
    }
    err_clear(&e);
    buf_clear(&b);
}

static void read_sees_all_of_a_file_that_claims_to_be_empty(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_true(file_read("/proc/self/maps", SIZE_MAX, &b, NULL));
    assert_true(b.len > 100);
    assert_int_equal(b.p[b.len - 1], '\n');
    buf_clear(&b);
    assert_false(file_read("/proc/self/maps", 50, &b, NULL));
    buf_clear(&b);
}

static void reading_what_is_not_there_names_the_path(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    assert_false(file_read(in_scratch("missing"), 10, &b, &e));
    assert_string_equal(e.code, "T401");
    assert_non_null(strstr(e.msg, "missing: No such file"));
    assert_false(file_read(scratch, 10, &b, &e));
    assert_non_null(strstr(e.msg, "Is a directory"));
    err_clear(&e);
    buf_clear(&b);
}

static void replace_writes_with_the_mode_and_leaves_no_temporary(void **state)
{
    (void)state;
    assert_true(file_mkdirs(in_scratch("rep"), NULL));
    struct buf b = BUF_INIT;
    struct stat st;
    mode_t before = umask(077);
    for (int durable = 0; durable < 2; durable++) {
        assert_true(file_replace(in_scratch("rep/f"), durable ? "new\0er" : "old", durable ? 6 : 3,
                                 durable ? 0755 : 0640, durable, NULL));
        buf_reset(&b);
        assert_true(file_read(in_scratch("rep/f"), 100, &b, NULL));
        assert_int_equal(b.len, durable ? 6 : 3);
        assert_int_equal(stat(in_scratch("rep/f"), &st), 0);
        assert_int_equal(st.st_mode & 07777, durable ? 0755 : 0640);
        assert_int_equal(count_entries(in_scratch("rep")), 1);
    }
    umask(before);
    buf_clear(&b);
}

static void a_failed_replace_leaves_the_old_and_no_temporary(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    assert_true(file_mkdirs(in_scratch("fr/dir/x"), NULL));
    assert_false(file_replace(in_scratch("fr/dir"), "x", 1, 0644, false, &e));
    assert_non_null(strstr(e.msg, "fr/dir"));
    assert_int_equal(count_entries(in_scratch("fr")), 1);
    assert_true(file_is_dir(in_scratch("fr/dir/x")));
    assert_false(file_replace(in_scratch("fr/none/f"), "x", 1, 0644, true, &e));
    assert_non_null(strstr(e.msg, "No such file"));
    err_clear(&e);
}

static void the_longest_name_can_be_replaced(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    char path[600];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    assert_true(file_replace(path, "x", 1, 0644, false, NULL));
    assert_true(file_exists(path));
}

static void mkdirs_makes_all_and_takes_what_is_there(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    assert_true(file_mkdirs(in_scratch("m/a//b/c/"), &e));
    assert_true(file_is_dir(in_scratch("m/a/b/c")));
    assert_true(file_mkdirs(in_scratch("m/a/b/c"), &e));
    assert_true(file_mkdirs("/", &e));
    assert_true(file_mkdirs_for(in_scratch("m/x/y/file"), &e));
    assert_true(file_is_dir(in_scratch("m/x/y")));
    assert_false(file_exists(in_scratch("m/x/y/file")));
    assert_true(file_mkdirs_for("file", &e));
    put_file(in_scratch("m/f"), "", 0644);
    assert_false(file_mkdirs(in_scratch("m/f"), &e));
    assert_non_null(strstr(e.msg, "Not a directory"));
    assert_false(file_mkdirs(in_scratch("m/f/g/h"), &e));
    assert_non_null(strstr(e.msg, "m/f"));
    assert_int_equal(symlink("a", in_scratch("m/link")), 0);
    assert_true(file_mkdirs(in_scratch("m/link/b/z"), &e));
    assert_true(file_is_dir(in_scratch("m/a/b/z")));
    assert_false(file_mkdirs("", &e));
    err_clear(&e);
}

static void exists_follows_links(void **state)
{
    (void)state;
    put_file(in_scratch("e"), "", 0644);
    assert_int_equal(symlink("e", in_scratch("good")), 0);
    assert_int_equal(symlink("nowhere", in_scratch("bad")), 0);
    assert_true(file_exists(in_scratch("good")));
    assert_false(file_exists(in_scratch("bad")));
    assert_false(file_is_dir(in_scratch("good")));
    assert_true(file_is_dir(scratch));
}

static void copy_has_the_content_the_mode_and_its_digest(void **state)
{
    (void)state;
    size_t len = 3 * 1024 * 1024 + 17;
    char *p = mem_alloc(len);
    for (size_t i = 0; i < len; i++)
        p[i] = (char)(i * 31 + (i >> 11));
    assert_true(file_replace(in_scratch("src"), p, len, 0600, false, NULL));
    struct digest got, again;
    struct err e = ERR_INIT;
    assert_true(file_copy(in_scratch("src"), in_scratch("dst"), 0751, &got, &e));
    assert_true(digest_eq(got, digest_bytes(p, len)));
    assert_true(file_digest(in_scratch("dst"), &again, &e));
    assert_true(digest_eq(got, again));
    struct stat st;
    assert_int_equal(stat(in_scratch("dst"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0751);
    assert_int_equal(st.st_size, len);
    put_file(in_scratch("empty"), "", 0644);
    assert_true(file_copy(in_scratch("empty"), in_scratch("dst"), 0644, &got, &e));
    assert_true(digest_eq(got, digest_bytes("", 0)));
    mem_free(p);
}

static void copy_refuses_what_is_no_regular_file(void **state)
{
    (void)state;
    struct digest d;
    struct err e = ERR_INIT;
    assert_int_equal(mkfifo(in_scratch("fifo"), 0644), 0);
    assert_false(file_copy(in_scratch("fifo"), in_scratch("out"), 0644, &d, &e)); /* and does not block */
    assert_string_equal(e.code, "T403");
    assert_false(file_digest(scratch, &d, &e));
    assert_string_equal(e.code, "T403");
    assert_false(file_digest(in_scratch("missing"), &d, &e));
    assert_string_equal(e.code, "T401");
    put_file(in_scratch("s"), "x", 0644);
    assert_false(file_copy(in_scratch("s"), in_scratch("no/dir"), 0644, &d, &e));
    assert_non_null(strstr(e.msg, "no/dir"));
    assert_false(file_exists(in_scratch("out")));
    err_clear(&e);
}

static void realpath_resolves_links(void **state)
{
    (void)state;
    struct buf b = BUF_INIT, base = BUF_INIT;
    struct err e = ERR_INIT;
    assert_true(file_mkdirs(in_scratch("real/deep"), NULL));
    assert_int_equal(symlink("real/deep", in_scratch("short")), 0);
    assert_true(file_realpath(scratch, &base, &e));
    assert_true(file_realpath(in_scratch("short/.."), &b, &e));
    buf_adds(&base, "/real");
    assert_string_equal(b.p, base.p);
    assert_false(file_realpath(in_scratch("gone"), &b, &e));
    err_clear(&e);
    buf_clear(&b);
    buf_clear(&base);
}

static void a_map_is_private_and_absent_files_are_empty(void **state)
{
    (void)state;
    struct file_map m;
    struct err e = ERR_INIT;
    put_file(in_scratch("map"), "abc", 0444);
    assert_true(file_map(in_scratch("map"), &m, &e));
    assert_int_equal(m.len, 3);
    memcpy(m.p, "xyz", 3);
    struct buf b = BUF_INIT;
    assert_true(file_read(in_scratch("map"), 10, &b, NULL));
    assert_string_equal(b.p, "abc");
    buf_clear(&b);
    file_unmap(&m);
    assert_null(m.p);
    file_unmap(&m);
    assert_true(file_map(in_scratch("absent"), &m, &e));
    assert_null(m.p);
    assert_true(file_map(in_scratch("map/below"), &m, &e));
    assert_null(m.p);
    put_file(in_scratch("empty"), "", 0644);
    assert_true(file_map(in_scratch("empty"), &m, &e));
    assert_null(m.p);
    assert_int_equal(m.len, 0);
    assert_false(file_map(scratch, &m, &e));
    assert_string_equal(e.code, "T403");
    err_clear(&e);
}

static void an_exclusive_lock_keeps_others_out(void **state)
{
    (void)state;
    struct file_lock a, b;
    bool got;
    const char *path = in_scratch("lock");
    assert_true(file_lock(path, FILE_LOCK_EXCLUSIVE, false, &a, &got, NULL));
    assert_true(got);
    assert_true(fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(file_lock(path, FILE_LOCK_EXCLUSIVE, false, &b, &got, NULL));
    assert_false(got);
    assert_int_equal(b.fd, -1);
    assert_true(file_lock(path, FILE_LOCK_SHARED, false, &b, &got, NULL));
    assert_false(got);
    file_unlock(&b);
    file_unlock(&a);
    assert_int_equal(a.fd, -1);
    assert_true(file_lock(path, FILE_LOCK_SHARED, true, &a, &got, NULL));
    assert_true(got);
    assert_true(file_lock(path, FILE_LOCK_SHARED, false, &b, &got, NULL));
    assert_true(got);
    file_unlock(&a);
    file_unlock(&b);
}

static void unlocking_works_while_a_copy_of_the_descriptor_lives(void **state)
{
    (void)state;
    struct file_lock a, b;
    bool got;
    assert_true(file_lock(in_scratch("lock2"), FILE_LOCK_EXCLUSIVE, false, &a, &got, NULL));
    int copy = dup(a.fd); /* as a child has it before its exec */
    file_unlock(&a);
    assert_true(file_lock(in_scratch("lock2"), FILE_LOCK_EXCLUSIVE, false, &b, &got, NULL));
    assert_true(got);
    file_unlock(&b);
    close(copy);
}

static void a_lock_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    struct file_lock l;
    bool got;
    struct err e = ERR_INIT;
    assert_false(file_lock(in_scratch("no/such/lock"), FILE_LOCK_SHARED, true, &l, &got, &e));
    assert_false(got);
    assert_non_null(strstr(e.msg, "no/such/lock"));
    err_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_appends_the_whole_content),
        cmocka_unit_test(read_refuses_more_than_the_limit),
        cmocka_unit_test(read_sees_all_of_a_file_that_claims_to_be_empty),
        cmocka_unit_test(reading_what_is_not_there_names_the_path),
        cmocka_unit_test(replace_writes_with_the_mode_and_leaves_no_temporary),
        cmocka_unit_test(a_failed_replace_leaves_the_old_and_no_temporary),
        cmocka_unit_test(the_longest_name_can_be_replaced),
        cmocka_unit_test(mkdirs_makes_all_and_takes_what_is_there),
        cmocka_unit_test(exists_follows_links),
        cmocka_unit_test(copy_has_the_content_the_mode_and_its_digest),
        cmocka_unit_test(copy_refuses_what_is_no_regular_file),
        cmocka_unit_test(realpath_resolves_links),
        cmocka_unit_test(a_map_is_private_and_absent_files_are_empty),
        cmocka_unit_test(an_exclusive_lock_keeps_others_out),
        cmocka_unit_test(unlocking_works_while_a_copy_of_the_descriptor_lives),
        cmocka_unit_test(a_lock_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

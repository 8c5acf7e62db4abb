/* SPDX-License-Identifier: MIT */
#include "unit/store/store_test.h"

#include "store/frozen.h"

#define VERSION 7u

static struct buf file_content(const char *path)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    MUST(file_read(path, SIZE_MAX, &b, &e), &e);
    return b;
}

static enum frozen_status status_of(const char *path)
{
    struct frozen f;
    struct err e = ERR_INIT;
    enum frozen_status st = frozen_open(path, VERSION, &f, &e);
    if (st == FROZEN_DAMAGED || st == FROZEN_OTHER_VERSION)
        assert_non_null(e.msg);
    else
        assert_null(e.msg);
    frozen_close(&f);
    err_clear(&e);
    return st;
}

static const struct frozen_section three[] = {{"hello", 5}, {NULL, 0}, {"0123456789abcdef!", 17}};

static void sections_come_back_aligned_writable_and_private(void **state)
{
    (void)state;
    const char *path = in_dir("frozen");
    struct err e = ERR_INIT;
    MUST(frozen_write(path, VERSION, three, 3, &e), &e);
    for (int round = 0; round < 2; round++) {
        struct frozen f;
        assert_int_equal(frozen_open(path, VERSION, &f, &e), FROZEN_OK);
        assert_int_equal(f.n_sections, 3);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(f.sections[i].len, three[i].len);
            assert_int_equal((uintptr_t)f.sections[i].p % 16, 0);
            if (three[i].len)
                assert_memory_equal(f.sections[i].p, three[i].p, three[i].len);
        }
        memset((void *)(uintptr_t)f.sections[0].p, 'x', 5); /* not seen in the second round */
        frozen_close(&f);
    }
}

static void the_most_and_the_fewest_sections(void **state)
{
    (void)state;
    const char *path = in_dir("frozen");
    struct frozen_section s[FROZEN_MAX_SECTIONS];
    struct err e = ERR_INIT;
    char text[FROZEN_MAX_SECTIONS];
    for (uint32_t i = 0; i < FROZEN_MAX_SECTIONS; i++) {
        text[i] = (char)i;
        s[i] = (struct frozen_section){&text[i], 1};
    }
    struct frozen f;
    MUST(frozen_write(path, VERSION, s, FROZEN_MAX_SECTIONS, &e), &e);
    assert_int_equal(frozen_open(path, VERSION, &f, &e), FROZEN_OK);
    for (uint32_t i = 0; i < FROZEN_MAX_SECTIONS; i++)
        assert_int_equal(*(const char *)f.sections[i].p, i);
    frozen_close(&f);
    MUST(frozen_write(path, VERSION, s, 0, &e), &e);
    assert_int_equal(frozen_open(path, VERSION, &f, &e), FROZEN_OK);
    assert_int_equal(f.n_sections, 0);
    frozen_close(&f);
}

static void absent_empty_and_other_versions_are_told_apart(void **state)
{
    (void)state;
    const char *path = in_dir("frozen");
    struct err e = ERR_INIT;
    assert_int_equal(status_of(path), FROZEN_ABSENT);
    write_file(path, "", 0);
    assert_int_equal(status_of(path), FROZEN_DAMAGED);
    MUST(frozen_write(path, VERSION + 1, three, 3, &e), &e);
    assert_int_equal(status_of(path), FROZEN_OTHER_VERSION);
    /* Another byte order. */
    MUST(frozen_write(path, VERSION, three, 3, &e), &e);
    struct buf b = file_content(path);
    char swapped[4] = {b.p[15], b.p[14], b.p[13], b.p[12]};
    memcpy(b.p + 12, swapped, 4);
    write_file(path, b.p, b.len);
    assert_int_equal(status_of(path), FROZEN_OTHER_VERSION);
    buf_clear(&b);
}

static void every_truncation_and_every_flipped_bit_is_seen(void **state)
{
    (void)state;
    const char *path = in_dir("frozen"), *bad = in_dir("bad");
    struct err e = ERR_INIT;
    MUST(frozen_write(path, VERSION, three, 3, &e), &e);
    struct buf b = file_content(path);
    for (size_t len = 0; len < b.len; len++) {
        write_file(bad, b.p, len);
        assert_int_equal(status_of(bad), FROZEN_DAMAGED);
    }
    buf_addc(&b, 'x');
    write_file(bad, b.p, b.len);
    assert_int_equal(status_of(bad), FROZEN_DAMAGED);
    b.len--;
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        write_file(bad, b.p, b.len);
        assert_int_not_equal(status_of(bad), FROZEN_OK);
        b.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_clear(&b);
}

static bool lies_within(const struct frozen *f)
{
    const char *end = (const char *)f->map.p + 40 + (size_t)16 * f->n_sections;
    for (uint32_t i = 0; i < f->n_sections; i++) {
        const char *p = f->sections[i].p;
        if (p < end || f->sections[i].len > (size_t)((const char *)f->map.p + f->map.len - p))
            return false;
        end = p + f->sections[i].len;
    }
    return true;
}

/* A checksum that matches does not make offsets trustworthy. (A section that is shorter by some of its padding's bytes
 * is a file that could have been written so.) */
static void offsets_and_lengths_are_checked_beside_the_checksum(void **state)
{
    (void)state;
    const char *path = in_dir("frozen"), *bad = in_dir("bad");
    struct err e = ERR_INIT;
    MUST(frozen_write(path, VERSION, three, 3, &e), &e);
    static const uint64_t values[] = {0, 1, 8, 40, 88, 96, 104, 128, 1000, UINT32_MAX, UINT64_MAX - 15, UINT64_MAX};
    struct buf good = file_content(path);
    for (size_t field = 40; field < 40 + 3 * 16; field += 8) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            struct buf b = BUF_INIT;
            buf_add(&b, good.p, good.len);
            if (get_u64(b.p + field) != values[v]) {
                put_u64(b.p + field, values[v]);
                struct digest sum = digest_bytes(b.p + 40, b.len - 40);
                memcpy(b.p + 24, sum.b, 16);
                write_file(bad, b.p, b.len);
                struct frozen f;
                enum frozen_status st = frozen_open(bad, VERSION, &f, NULL);
                bool shorter = field == 48 && (values[v] == 1 || values[v] == 8);
                assert_int_equal(st, shorter ? FROZEN_OK : FROZEN_DAMAGED);
                assert_true(lies_within(&f));
                frozen_close(&f);
            }
            buf_clear(&b);
        }
    }
    buf_clear(&good);
}

static void a_folder_in_its_place_is_an_error_not_a_crash(void **state)
{
    (void)state;
    const char *path = in_dir("frozen");
    struct err e = ERR_INIT;
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(status_of(path), FROZEN_DAMAGED);
    assert_false(frozen_write(path, VERSION, three, 3, &e));
    assert_non_null(e.msg);
    err_clear(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(sections_come_back_aligned_writable_and_private),
        WITH_DIR(the_most_and_the_fewest_sections),
        WITH_DIR(absent_empty_and_other_versions_are_told_apart),
        WITH_DIR(every_truncation_and_every_flipped_bit_is_seen),
        WITH_DIR(offsets_and_lengths_are_checked_beside_the_checksum),
        WITH_DIR(a_folder_in_its_place_is_an_error_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

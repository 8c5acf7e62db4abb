/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/hash.h"

static void assert_hex(struct digest d, const char *want)
{
    char hex[DIGEST_HEX];
    digest_hex(d, hex);
    assert_string_equal(hex, want);
}

static void digests_are_canonical_xxh3_128(void **state)
{
    (void)state;
    /* The value that xxHash documents for the empty input, as printed by xxhsum -H2. */
    assert_hex(digest_bytes("", 0), "99aa06d3014798d86001c324468d497f");
    assert_hex(digest_bytes(NULL, 0), "99aa06d3014798d86001c324468d497f");
    assert_hex(digest_bytes("abc", 3), "06b05ab6733a618578af5f94892f3950");
}

static void hex_round_trips_and_refuses_anything_else(void **state)
{
    (void)state;
    struct digest d = digest_bytes("x", 1), back = DIGEST_NONE;
    char hex[DIGEST_HEX + 1];
    digest_hex(d, hex);
    assert_true(digest_parse(hex, &back));
    assert_true(digest_eq(d, back));
    struct digest kept = back;
    hex[31] = 'g';
    assert_false(digest_parse(hex, &back));
    hex[31] = '\0';
    assert_false(digest_parse(hex, &back));
    assert_false(digest_parse("", &back));
    digest_hex(d, hex);
    hex[32] = '0';
    hex[33] = '\0';
    assert_false(digest_parse(hex, &back));
    assert_true(digest_eq(kept, back));
}

static void none_is_only_all_zeroes(void **state)
{
    (void)state;
    struct digest d = DIGEST_NONE;
    assert_true(digest_is_none(d));
    d.b[15] = 1;
    assert_false(digest_is_none(d));
    d = (struct digest){{1, 2, 3, 4, 5, 6, 7, 8}};
    assert_true(digest_u64(d) == UINT64_C(0x0102030405060708));
}

static struct digest of_strings(const char *a, const char *b)
{
    struct hasher h;
    hasher_init(&h);
    hasher_str(&h, a);
    hasher_str(&h, b);
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

static void framing_keeps_neighbours_apart(void **state)
{
    (void)state;
    struct digest d[] = {of_strings("ab", "c"), of_strings("a", "bc"),  of_strings("abc", ""), of_strings("", "abc"),
                         of_strings("", ""),    of_strings(NULL, ""),   of_strings("", NULL),  of_strings(NULL, NULL),
                         of_strings("a", NULL), of_strings("ab", "c\n")};
    size_t n = sizeof d / sizeof *d;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            assert_false(digest_eq(d[i], d[k]));
}

static void numbers_are_little_endian_of_fixed_width(void **state)
{
    (void)state;
    struct hasher h;
    hasher_init(&h);
    hasher_u8(&h, 1);
    hasher_u32(&h, 0x02030405);
    hasher_u64(&h, UINT64_C(0x060708090a0b0c0d));
    hasher_mem(&h, "xy", 2);
    hasher_digest(&h, (struct digest){{9}});
    static const uint8_t want[] = {1, 5,   4,   3, 2, 0xd, 0xc, 0xb, 0xa, 9, 8, 7, 6, 2, 0, 0, 0, 0, 0, 0,
                                   0, 'x', 'y', 9, 0, 0,   0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(h.b.len, sizeof want);
    assert_memory_equal(h.b.p, want, sizeof want);
    assert_true(digest_eq(hasher_end(&h), digest_bytes(want, sizeof want)));
    hasher_reset(&h);
    assert_true(digest_eq(hasher_end(&h), digest_bytes("", 0)));
    hasher_clear(&h);
}

static void streaming_equals_one_go_however_it_is_cut(void **state)
{
    (void)state;
    enum { LEN = 100000 };
    unsigned char *p = mem_alloc(LEN);
    for (size_t i = 0; i < LEN; i++)
        p[i] = (unsigned char)(i * 2654435761u >> 13);
    struct digest whole = digest_bytes(p, LEN);
    for (size_t step = 1; step < LEN; step = step * 3 + 1) {
        struct hash_stream *s = hash_stream_new();
        for (size_t at = 0; at < LEN; at += step)
            hash_stream_add(s, p + at, LEN - at < step ? LEN - at : step);
        hash_stream_add(s, NULL, 0);
        assert_true(digest_eq(hash_stream_end(s), whole));
    }
    assert_true(digest_eq(hash_stream_end(hash_stream_new()), digest_bytes("", 0)));
    mem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_canonical_xxh3_128),
        cmocka_unit_test(hex_round_trips_and_refuses_anything_else),
        cmocka_unit_test(none_is_only_all_zeroes),
        cmocka_unit_test(framing_keeps_neighbours_apart),
        cmocka_unit_test(numbers_are_little_endian_of_fixed_width),
        cmocka_unit_test(streaming_equals_one_go_however_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

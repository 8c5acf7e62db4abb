/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/proc_log.h"

static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* Random pieces on random streams against the whole of what was written, with each byte's stream beside it. */
static void one_round(uint64_t seed, size_t limit, int pieces, size_t most)
{
    struct proc_log l = {.bytes = BUF_INIT};
    struct buf all = BUF_INIT, streams = BUF_INIT;
    char piece[4096];
    for (int i = 0; i < pieces; i++) {
        uint8_t stream = (uint8_t)(1 + (next(&seed) & 1));
        size_t len = 1 + (size_t)(next(&seed) % most);
        for (size_t k = 0; k < len; k++) {
            piece[k] = (char)next(&seed);
            buf_addc(&streams, (char)stream);
        }
        buf_add(&all, piece, len);
        proc_log_add(&l, limit, stream, piece, len);
        assert_true(l.bytes.len <= limit + limit / 2 + most);
    }
    proc_log_cut(&l, limit);
    size_t kept = all.len < limit ? all.len : limit;
    assert_int_equal(l.bytes.len, kept);
    assert_int_equal(l.dropped_bytes, all.len - kept);
    size_t head = l.dropped_bytes ? limit / 2 : kept;
    if (l.dropped_bytes)
        assert_int_equal(l.dropped_at, head);
    size_t at = 0;
    for (size_t i = 0; i < l.n_frames; i++) {
        assert_true(l.frames[i].len > 0);
        for (size_t k = 0; k < l.frames[i].len; k++, at++) {
            size_t from = at < head ? at : all.len - kept + at;
            assert_int_equal(l.bytes.p[at], all.p[from]);
            assert_int_equal(l.frames[i].stream, streams.p[from]);
        }
    }
    assert_int_equal(at, kept);
    proc_log_clear(&l);
    buf_clear(&all);
    buf_clear(&streams);
}

static void any_pieces_keep_the_first_and_last_half(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        one_round(seed, 1, 50, 3);
        one_round(seed, 2, 50, 3);
        one_round(seed, 7, 100, 5);
        one_round(seed, 100, 300, 10);
        one_round(seed, 100, 50, 1000);
        one_round(seed, 5000, 30, 4000);
        one_round(seed, 100000, 20, 1000);
    }
}

static void pieces_of_one_stream_are_joined(void **state)
{
    (void)state;
    struct proc_log l = {.bytes = BUF_INIT};
    for (int i = 0; i < 1000; i++)
        proc_log_add(&l, 1 << 20, 1, "x", 1);
    assert_int_equal(l.n_frames, 1);
    assert_int_equal(l.frames[0].len, 1000);
    proc_log_add(&l, 1 << 20, 2, "y", 1);
    proc_log_add(&l, 1 << 20, 1, "z", 1);
    assert_int_equal(l.n_frames, 3);
    assert_string_equal(l.bytes.p + 1000, "yz");
    proc_log_clear(&l);
    assert_null(l.frames);
    assert_int_equal(l.n_frames, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces_keep_the_first_and_last_half),
        cmocka_unit_test(pieces_of_one_stream_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "unit/store/store_test.h"

#include "os/proc.h"

static void add_frame(struct proc_log *l, uint8_t stream, const char *text)
{
    MEM_GROW(l->frames, l->n_frames, l->cap_frames);
    l->frames[l->n_frames++] = (struct proc_frame){.stream = stream, .len = (uint32_t)strlen(text)};
    buf_adds(&l->bytes, text);
}

static struct buf encoded(const struct proc_log *l)
{
    struct buf b = BUF_INIT;
    store_log_encode(l, &b);
    return b;
}

static void frames_come_back_in_order(void **state)
{
    (void)state;
    struct proc_log l = {0}, back;
    add_frame(&l, 1, "out\n");
    add_frame(&l, 2, "err\n");
    add_frame(&l, 1, "");
    add_frame(&l, 1, "more");
    l.dropped_bytes = 0x1122334455667788;
    struct buf b = encoded(&l);
    assert_memory_equal(b.p, "tglog1\n\x88\x77\x66\x55\x44\x33\x22\x11\x01\x04\0\0\0out\n", 24);
    assert_true(store_log_decode(b.p, b.len, &back));
    assert_true(back.dropped_bytes == l.dropped_bytes);
    assert_int_equal(back.n_frames, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(back.frames[i].stream, l.frames[i].stream);
        assert_int_equal(back.frames[i].len, l.frames[i].len);
    }
    assert_string_equal(buf_cstr(&back.bytes), "out\nerr\nmore");
    proc_log_clear(&back);
    proc_log_clear(&l);
    buf_clear(&b);
}

static void an_empty_log_comes_back_empty(void **state)
{
    (void)state;
    struct proc_log l = {0}, back;
    struct buf b = encoded(&l);
    assert_true(store_log_decode(b.p, b.len, &back));
    assert_int_equal(back.n_frames, 0);
    assert_int_equal(back.bytes.len, 0);
    proc_log_clear(&back);
    buf_clear(&b);
}

static void a_stream_is_taken_out(void **state)
{
    (void)state;
    struct proc_log l = {0}, back;
    struct buf text = BUF_INIT;
    add_frame(&l, 4, "one\n");
    add_frame(&l, 1, "out\n");
    add_frame(&l, 4, "two\n");
    add_frame(&l, 3, "details\n");
    struct buf b = encoded(&l);
    assert_true(store_log_decode(b.p, b.len, &back));
    store_log_take(&back, 4, &text);
    assert_string_equal(buf_cstr(&text), "one\ntwo\n");
    assert_int_equal(back.n_frames, 2);
    assert_int_equal(back.frames[1].stream, 3);
    assert_int_equal(back.bytes.len, 12);
    assert_memory_equal(back.bytes.p, "out\ndetails\n", 12);
    store_log_take(&back, 4, &text); /* there is none left */
    assert_int_equal(back.n_frames, 2);
    proc_log_clear(&back);
    proc_log_clear(&l);
    buf_clear(&b);
    buf_clear(&text);
}

static void what_is_cut_or_changed_is_not_a_log(void **state)
{
    (void)state;
    struct proc_log l = {0}, back;
    add_frame(&l, 1, "out\n");
    add_frame(&l, 2, "err\n");
    struct buf b = encoded(&l);
    for (size_t len = 0; len < b.len; len++) {
        bool whole_frames = len == 15 || len == 15 + 9;
        char *cut = mem_alloc(len); /* so that reading beyond is seen */
        memcpy(cut, b.p, len);
        assert_int_equal(store_log_decode(cut, len, &back), whole_frames);
        proc_log_clear(&back);
        mem_free(cut);
    }
    b.p[15] = 5; /* no such stream */
    assert_false(store_log_decode(b.p, b.len, &back));
    b.p[15] = 1;
    put_u32(b.p + 16, UINT32_MAX);
    assert_false(store_log_decode(b.p, b.len, &back));
    assert_false(store_log_decode("tglog2\n12345678", 15, &back));
    proc_log_clear(&l);
    buf_clear(&b);
}

static void outcomes_have_the_names_of_events(void **state)
{
    (void)state;
    static const char *const names[] = {"none",    "passed",    "failed",  "flaky",
                                        "skipped", "timed_out", "crashed", "error"};
    for (int o = OUTCOME_NONE; o <= OUTCOME_ERROR; o++)
        assert_string_equal(outcome_name((enum outcome)o), names[o]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_in_order),
        cmocka_unit_test(an_empty_log_comes_back_empty),
        cmocka_unit_test(a_stream_is_taken_out),
        cmocka_unit_test(what_is_cut_or_changed_is_not_a_log),
        cmocka_unit_test(outcomes_have_the_names_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

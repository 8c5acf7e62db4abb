/* SPDX-License-Identifier: MIT
 *
 * Clean or dirty, and why: keys against the work tree's own record and against the store. */
#include "resolve_world.h"

static void expect_of(const char *label, const char *expected, int line)
{
    struct resolution r;
    struct buf b = BUF_INIT;
    resolve_node(&ws, id_of(label), false, &r);
    buf_printf(&b, "%s%s%s: %s", r.clean ? "clean" : "dirty", r.restore ? ", restore" : "",
               r.from_store ? ", store" : "", buf_cstr(&r.reason));
    if (strcmp(buf_cstr(&b), expected) != 0)
        fail_msg("line %d: '%s' in place of '%s'", line, buf_cstr(&b), expected);
    if (r.restore && !r.clean)
        fail_msg("line %d: nothing is restored of what is not clean", line);
    buf_clear(&b);
    resolution_clear(&r);
}
#define EXPECT(label, text) expect_of((label), (text), __LINE__)

static struct digest key_now(const char *label)
{
    struct resolution r;
    resolve_node(&ws, id_of(label), true, &r);
    struct digest k = r.key;
    resolution_clear(&r);
    return k;
}

/* Stores a result with these outputs as they are in the folder (blobs included), and a run in the history. */
static void store_as(const char *label, struct digest key, enum outcome outcome, struct strs outputs)
{
    struct err e = ERR_INIT;
    struct store_output out[16];
    struct buf text = BUF_INIT;
    struct digest manifest;
    for (uint32_t i = 0; i < outputs.n; i++) {
        struct file_state st = {0};
        stamp_update(ws.root_fd, outputs.v[i], &st, NULL);
        out[i] = (struct store_output){.path = outputs.v[i], .type = st.type, .digest = st.digest};
        if (!store_put_file(ws.store, in_root(outputs.v[i]), &out[i].blob, &e))
            fail_msg("%s", e.msg);
    }
    assert_true(store_begin(ws.store, &e));
    manifest_build(&ws, id_of(label), ws.store, &text);
    assert_true(store_put_blob(ws.store, text.p, text.len, &manifest, &e));
    struct store_result r = {.key = key,
                             .outcome = outcome,
                             .target = (char *)(uintptr_t)label,
                             .manifest = manifest,
                             .duration_ns = 5000000,
                             .outputs = out,
                             .n_outputs = outputs.n};
    struct store_run run = {.outcome = outcome, .key = key, .manifest = manifest, .finished_ns = 1};
    assert_true(store_put_result(ws.store, &r, &e));
    assert_true(store_put_run(ws.store, ws.root, label, &run, &e));
    assert_true(store_commit(ws.store, &e));
    buf_clear(&text);
}

static void simple(void)
{
    world_begin();
    put("in", "1");
    target(KIND_TEST, "t", .cmd = STRS("true"), .inputs = STRS("in"));
    ws_begin();
    look_again();
}

static void a_pass_makes_it_clean_until_something_changes(void **state)
{
    (void)state;
    simple();
    EXPECT("t", "dirty: never ran here");
    assert_int_equal(ws.g.states[0].status, STATUS_UNKNOWN);
    store_as("t", key_now("t"), OUTCOME_PASSED, (struct strs){0});
    EXPECT("t", "clean, store: passed before with the same key");
    assert_int_equal(ws.g.states[0].status, STATUS_CLEAN);
    assert_int_equal(ws.g.states[0].settled, SETTLED_NOW);
    assert_int_equal(ws.g.states[0].duration_ms, 5);
    EXPECT("t", "clean: unchanged since it passed");
    put("in", "2");
    look_again();
    EXPECT("t", "dirty: in changed");
    assert_int_equal(ws.g.states[0].status, STATUS_DIRTY);
    put("in", "1");
    look_again();
    EXPECT("t", "clean, store: passed before with the same key");
    ws_end();
}

static void only_a_pass_makes_it_clean(void **state)
{
    (void)state;
    static const struct {
        enum outcome outcome;
        const char *reason;
    } cases[] = {{OUTCOME_FAILED, "dirty: failed last time"},
                 {OUTCOME_FLAKY, "dirty: was flaky last time"},
                 {OUTCOME_TIMED_OUT, "dirty: timed out last time"},
                 {OUTCOME_CRASHED, "dirty: crashed last time"},
                 {OUTCOME_ERROR, "dirty: failed last time"}};
    simple();
    for (int i = 0; i < 5; i++) {
        store_as("t", key_now("t"), cases[i].outcome, (struct strs){0});
        EXPECT("t", cases[i].reason);
    }
    put("in", "2");
    look_again();
    EXPECT("t", "dirty: failed last time; since then in changed");
    ws_end();
}

static void a_pass_of_before_that_failed_since_is_none(void **state)
{
    (void)state;
    simple();
    store_as("t", key_now("t"), OUTCOME_PASSED, (struct strs){0});
    store_as("t", key_now("t"), OUTCOME_FAILED, (struct strs){0});
    EXPECT("t", "dirty: failed last time");
    ws_end();
}

static void what_is_never_clean(void **state)
{
    (void)state;
    world_begin();
    put("in", "1");
    mkfifo(in_root("pipe"), 0600);
    target(KIND_TEST, "always", .cmd = STRS("true"), .no_cache = true);
    target(KIND_TEST, "unsure", .cmd = STRS("true"), .inputs = STRS("pipe"));
    target(KIND_TEST, "forced", .cmd = STRS("true"));
    ws_begin();
    look_again();
    for (uint32_t i = 0; i < 3; i++)
        store_as(graph_label(&ws.g, i), key_now(graph_label(&ws.g, i)), OUTCOME_PASSED, (struct strs){0});
    EXPECT("always", "dirty: cache = false: it always runs");
    EXPECT("unsure", "dirty: an input cannot be read, so nothing can be known of it");
    EXPECT("forced", "clean, store: passed before with the same key");
    struct resolution r;
    resolve_node(&ws, id_of("forced"), true, &r);
    assert_false(r.clean);
    assert_string_equal(buf_cstr(&r.reason), "--force");
    resolution_clear(&r);
    ws_end();
}

static void with_outputs(void)
{
    world_begin();
    put("in", "1");
    target(KIND_BUILD, "b", .cmd = STRS("true"), .inputs = STRS("in"), .outputs = STRS("out/", "f"));
    target(KIND_TEST, "user", .cmd = STRS("true"), .deps = STRS("b"));
    ws_begin();
    look_again();
}

static void outputs_that_are_missing_or_different_are_restored(void **state)
{
    (void)state;
    with_outputs();
    put("out/a", "a1");
    put("f", "f1");
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("out/a", "f"));
    look_again();
    EXPECT("b", "clean, store: passed before with the same key");
    assert_int_equal(ws.g.states[0].n_made, 2);
    put("f", "somebody's");
    look_again();
    EXPECT("b", "clean, restore: unchanged since it passed");
    assert_int_equal(unlink(in_root("f")), 0);
    look_again();
    EXPECT("b", "clean, restore: unchanged since it passed");
    put("f", "f1");
    look_again();
    EXPECT("b", "clean: unchanged since it passed");
    ws_end();
}

/* The way out of a lost blob is to run; what is known of the outputs that are there stays known. */
static void outputs_that_cannot_be_restored_make_it_dirty(void **state)
{
    (void)state;
    with_outputs();
    put("out/a", "a1");
    put("f", "f1");
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("out/a", "f"));
    put("in", "2");
    look_again();
    put("out/a", "a2");
    put("f", "f2");
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("out/a", "f"));
    look_again();
    EXPECT("b", "clean, store: passed before with the same key");
    struct digest made = ws.g.made[ws.g.states[0].made_at].digest;
    char cas[400];
    snprintf(cas, sizeof cas, "%s/cache/cas-v1", base);
    assert_true(file_remove_tree(cas, NULL));
    put("in", "1");
    look_again();
    EXPECT("b", "dirty: its output out/a is not as it was made, and the cache does not have it any more");
    assert_int_equal(ws.g.states[0].n_made, 2);
    assert_true(digest_eq(ws.g.made[ws.g.states[0].made_at].digest, made)); /* they will be removed before it runs */
    ws_end();
}

/* Another version made a file that this one does not: whoever lists the folder must not see it. */
static void what_another_version_made_has_to_go(void **state)
{
    (void)state;
    with_outputs();
    put("out/a", "a");
    put("out/b", "b");
    put("f", "f1");
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("out/a", "out/b", "f"));
    look_again();
    EXPECT("b", "clean, store: passed before with the same key");
    struct digest both = ws.g.states[0].deep;
    put("in", "2");
    look_again();
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("out/a", "f"));
    look_again();
    EXPECT("b", "clean, restore, store: passed before with the same key");
    struct digest one = ws.g.states[0].deep;
    assert_false(digest_eq(one, both));
    assert_false(resolve_outputs_present(&ws, 0));
    EXPECT("b", "clean, restore: unchanged since it passed"); /* until it is gone */
    assert_int_equal(unlink(in_root("out/b")), 0);
    look_again();
    EXPECT("b", "clean: unchanged since it passed");
    assert_true(digest_eq(ws.g.states[0].deep, one));
    graph_compact(&ws.g); /* then it need not be remembered */
    assert_int_equal(ws.g.states[0].n_made, 2);
    look_again();
    EXPECT("b", "clean: unchanged since it passed");
    put("in", "1"); /* and back */
    look_again();
    EXPECT("b", "clean, restore, store: passed before with the same key");
    assert_true(digest_eq(ws.g.states[0].deep, both));
    ws_end();
}

/* A file of that name which tgraph did not make is somebody's work. */
static void what_somebody_else_made_stays(void **state)
{
    (void)state;
    with_outputs();
    put("out/a", "a");
    put("out/b", "b");
    put("f", "f1");
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("out/a", "out/b", "f"));
    look_again();
    EXPECT("b", "clean, store: passed before with the same key");
    put("in", "2");
    put("out/b", "mine");
    look_again();
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("out/a", "f"));
    EXPECT("b", "clean, store: passed before with the same key");
    ws_end();
}

static void overlapping_entries_come_back_as_they_were(void **state)
{
    (void)state;
    world_begin();
    target(KIND_BUILD, "b", .cmd = STRS("true"), .outputs = STRS("o/*.c", "o/", "o/a.c"));
    ws_begin();
    look_again();
    put("o/a.c", "a");
    put("o/b.o", "b");
    put("o/c.c", "c");
    /* As collected: entry by entry, each in order. */
    static const char *const paths[] = {"o/a.c", "o/c.c", "o/a.c", "o/b.o", "o/c.c", "o/a.c"};
    static const uint32_t outs[] = {0, 0, 1, 1, 1, 2};
    struct made_file made[6];
    for (int i = 0; i < 6; i++) {
        file_id f = graph_file(&ws.g, paths[i]);
        const struct file_state *st = ws_file(&ws, f);
        made[i] = (struct made_file){.file = f, .out = outs[i], .type = st->type, .digest = st->digest};
    }
    struct digest key = key_now("b"), fresh[3], deep;
    graph_set_made(&ws.g, 0, made, 6);
    key_outputs(&ws.keys, &ws.g, 0);
    deep = ws.g.states[0].deep;
    for (int i = 0; i < 3; i++)
        fresh[i] = ws.g.outs[i].digest;
    store_as("b", key, OUTCOME_PASSED, (struct strs){paths, 6});
    graph_set_made(&ws.g, 0, NULL, 0);
    EXPECT("b", "clean, store: passed before with the same key");
    for (int i = 0; i < 3; i++)
        assert_true(digest_eq(fresh[i], ws.g.outs[i].digest));
    assert_true(digest_eq(deep, ws.g.states[0].deep));
    assert_int_equal(ws.g.states[0].n_made, 6);
    ws_end();
}

static void a_result_that_does_not_fit_is_no_pass(void **state)
{
    (void)state;
    with_outputs();
    put("elsewhere", "x");
    store_as("b", key_now("b"), OUTCOME_PASSED, STRS("elsewhere"));
    EXPECT("b", "dirty: its last pass was not stored or is gone from the cache");
    assert_int_equal(ws.g.states[0].n_made, 0);
    ws_end();
}

/* ---- depfiles ---- */

static void with_depfile(void)
{
    world_begin();
    put("a.h", "a");
    put("b.h", "b");
    target(KIND_BUILD, "b", .cmd = STRS("true"), .depfile = "b.d", .outputs = STRS("f"));
    ws_begin();
    look_again();
}

static void store_reads(struct strs paths)
{
    struct resolution r;
    struct err e = ERR_INIT;
    struct strvec v = STRVEC_INIT;
    file_id ids[8];
    resolve_node(&ws, 0, true, &r);
    for (uint32_t i = 0; i < paths.n; i++) {
        strvec_add(&v, paths.v[i]);
        ids[i] = graph_file(&ws.g, paths.v[i]);
        ws_file(&ws, ids[i]);
    }
    set_id s = graph_add_set(&ws.g, ids, paths.n);
    struct digest key = key_strong(&ws.keys, &ws.g, r.weak, s);
    assert_true(store_begin(ws.store, &e));
    assert_true(store_put_read_list(ws.store, r.weak, &v, &e));
    assert_true(store_commit(ws.store, &e));
    set_id before = ws.g.states[0].reads;
    ws.g.states[0].reads = s;
    store_as("b", key, OUTCOME_PASSED, STRS("f"));
    ws.g.states[0].reads = before;
    strvec_clear(&v);
    resolution_clear(&r);
}

static void what_was_read_decides(void **state)
{
    (void)state;
    with_depfile();
    EXPECT("b", "dirty: never ran here");
    put("f", "with a");
    store_reads(STRS("a.h"));
    look_again();
    EXPECT("b", "clean, store: passed before with the same key");
    assert_int_equal(ws.g.sets[ws.g.states[0].reads].n, 1);
    EXPECT("b", "clean: unchanged since it passed");
    put("b.h", "b2"); /* it did not read that one */
    look_again();
    EXPECT("b", "clean: unchanged since it passed");
    put("a.h", "a2");
    look_again();
    EXPECT("b", "dirty: a.h changed");
    put("f", "with both");
    store_reads(STRS("a.h", "b.h"));
    look_again();
    EXPECT("b", "clean, store: passed before with the same key");
    assert_int_equal(ws.g.sets[ws.g.states[0].reads].n, 2);
    put("a.h", "a"); /* the list of before fits again */
    look_again();
    EXPECT("b", "clean, restore, store: passed before with the same key");
    assert_int_equal(ws.g.sets[ws.g.states[0].reads].n, 1);
    ws_end();
}

static void a_read_file_that_cannot_be_read_any_more(void **state)
{
    (void)state;
    with_depfile();
    assert_int_equal(unlink(in_root("a.h")), 0);
    mkfifo(in_root("a.h"), 0600);
    look_again();
    put("f", "f");
    store_reads(STRS("a.h"));
    assert_int_equal(unlink(in_root("f")), 0); /* there would be something to restore */
    look_again();
    EXPECT("b", "dirty: a file that it read cannot be read any more");
    assert_int_not_equal(ws.g.states[0].status, STATUS_CLEAN);
    ws_end();
}

/* ---- all of them, without running any ---- */

static void expect_verdicts(const char *expected, int line)
{
    static const char *const words[] = {"-", "clean", "restore", "dirty", "depends"};
    uint8_t needed[16], verdict[16];
    char *reasons[16] = {0};
    struct buf b = BUF_INIT;
    memset(needed, 1, sizeof needed);
    resolve_needed(&ws, needed, NULL, verdict, reasons, NULL);
    for (uint32_t i = 0; i < ws.g.n_nodes; i++) {
        buf_printf(&b, "%s%s %s (%s)", i ? ", " : "", graph_label(&ws.g, i), words[verdict[i]], reasons[i]);
        mem_free(reasons[i]);
    }
    if (strcmp(buf_cstr(&b), expected) != 0)
        fail_msg("line %d: %s", line, buf_cstr(&b));
    buf_clear(&b);
}
#define VERDICTS(text) expect_verdicts((text), __LINE__)

static void verdicts_of_a_chain(void **state)
{
    (void)state;
    world_begin();
    put("in", "1");
    target(KIND_BUILD, "b", .cmd = STRS("b"), .inputs = STRS("in"), .outputs = STRS("f"));
    target(KIND_TEST, "t", .cmd = STRS("t"), .deps = STRS("b"));
    target(KIND_TEST, "u", .cmd = STRS("u"), .deps = STRS("t"));
    target(KIND_TEST, "alone", .cmd = STRS("v"));
    target(KIND_TEST, "after", .cmd = STRS("w"), .deps = STRS("alone"));
    target(KIND_GROUP, "g", .deps = STRS("alone"));
    ws_begin();
    look_again();
    VERDICTS("b dirty (never ran here), t depends (b would run first), u depends (t would run first), "
             "alone dirty (never ran here), after dirty (never ran here), g dirty (alone would run)");
    put("f", "f1");
    static const char *const order[] = {"b", "t", "u", "alone", "after"};
    for (int i = 0; i < 5; i++) {
        struct resolution r;
        resolve_node(&ws, id_of(order[i]), true, &r);
        store_as(order[i], r.key, OUTCOME_PASSED, i ? (struct strs){0} : STRS("f"));
        resolution_clear(&r);
        resolve_node(&ws, id_of(order[i]), false, &r);
        assert_true(r.clean);
        resolution_clear(&r);
    }
    look_again();
    VERDICTS("b clean (unchanged since it passed), t clean (unchanged since it passed), u clean (unchanged since it "
             "passed), alone clean (unchanged since it passed), after clean (unchanged since it passed), g clean ()");
    assert_int_equal(unlink(in_root("f")), 0);
    look_again();
    VERDICTS(
        "b restore (unchanged since it passed; its outputs would be restored), t clean (unchanged since it passed), "
        "u clean (unchanged since it passed), alone clean (unchanged since it passed), after clean (unchanged since "
        "it passed), g clean ()");
    put("f", "f1");
    put("in", "2");
    look_again();
    VERDICTS("b dirty (in changed), t depends (b would run first), u depends (t would run first), alone clean "
             "(unchanged since it passed), after clean (unchanged since it passed), g clean ()");
    ws_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_pass_makes_it_clean_until_something_changes),
        IN_FOLDER(only_a_pass_makes_it_clean),
        IN_FOLDER(a_pass_of_before_that_failed_since_is_none),
        IN_FOLDER(what_is_never_clean),
        IN_FOLDER(outputs_that_are_missing_or_different_are_restored),
        IN_FOLDER(outputs_that_cannot_be_restored_make_it_dirty),
        IN_FOLDER(what_another_version_made_has_to_go),
        IN_FOLDER(what_somebody_else_made_stays),
        IN_FOLDER(overlapping_entries_come_back_as_they_were),
        IN_FOLDER(a_result_that_does_not_fit_is_no_pass),
        IN_FOLDER(what_was_read_decides),
        IN_FOLDER(a_read_file_that_cannot_be_read_any_more),
        IN_FOLDER(verdicts_of_a_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

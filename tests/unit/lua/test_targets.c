/* SPDX-License-Identifier: MIT
 *
 * Each field of each kind, as it arrives in the declaration. */
#include "unit/lua/fixture.h"

static void both_ways_of_calling(void **state)
{
    struct fixture *f = *state;
    testfile(
        "test \"a\" { cmd = { \"true\", \"x y\" }, inputs = {} }\n  test(\"b\", { cmd = \"exit 0\", inputs = {} })\n");
    load_ok(f);
    const struct decl *a = target(f, "a"), *b = target(f, "b");
    assert_int_equal(a->kind, KIND_TEST);
    assert_false(a->shell);
    assert_int_equal(a->cmd.n, 2);
    assert_string_equal(a->cmd.v[1], "x y");
    assert_string_equal(a->pos.file, "Testfile.lua");
    assert_int_equal(a->pos.line, 1);
    assert_int_equal(a->pos.col, 6);
    assert_true(b->shell);
    assert_strs("exit 0", b->cmd);
    assert_int_equal(b->pos.line, 2);
    assert_int_equal(b->pos.col, 8);
    assert_string_equal(tool_names(f, a), "true");
    assert_string_equal(tool_names(f, b), "/bin/sh");
    assert_int_equal(a->slots, 1);
    assert_int_equal(a->timeout_ms, 0);
    assert_string_equal(a->cwd, "");
    assert_string_equal(a->dir, "");
    assert_null(a->description);
    assert_false(a->no_cache);
}

static void plain_fields(void **state)
{
    struct fixture *f = *state;
    testfile("test \"a\" {\n"
             "  cmd = \"x\", inputs = {}, cwd = \"sub/dir\", timeout = \"90s\", retries = 2, tags = { \"slow\", "
             "\"net\", \"slow\" },\n"
             "  pool = \"db\", slots = 4, exclusive = { \"port\", \"gpu\" }, cache = false, jobserver = true, stdin = "
             "\"in\\n\",\n"
             "  success_codes = { 0, 77 }, description = \"what it is\", incremental = true, depfile = \"a.d\",\n"
             "}\n"
             "test \"b\" { cmd = \"x\", inputs = {}, exclusive = true, timeout = 0.25, tags = \"one\" }\n"
             "test \"c\" { cmd = \"x\", inputs = {}, exclusive = \"port\", timeout = false }\n"
             "pool \"db\" { slots = 3 }\n");
    load_ok(f);
    const struct decl *a = target(f, "a"), *b = target(f, "b"), *c = target(f, "c");
    assert_string_equal(a->cwd, "sub/dir");
    assert_int_equal(a->timeout_ms, 90000);
    assert_int_equal(a->retries, 2);
    assert_strs("net slow", a->tags);
    assert_string_equal(a->pool, "db");
    assert_int_equal(a->slots, 4);
    assert_strs("gpu port", a->exclusive);
    assert_false(a->exclusive_all);
    assert_true(a->no_cache);
    assert_true(a->jobserver);
    assert_true(a->incremental);
    assert_string_equal(a->stdin_text, "in\n");
    assert_string_equal(a->depfile, "a.d");
    assert_int_equal(a->n_success_codes, 2);
    assert_int_equal(a->success_codes[1], 77);
    assert_string_equal(a->description, "what it is");
    assert_true(b->exclusive_all);
    assert_int_equal(b->timeout_ms, 250);
    assert_strs("one", b->tags);
    assert_strs("port", c->exclusive);
    assert_int_equal(c->timeout_ms, 0);
    assert_int_equal(f->decls.n_pools, 1);
    assert_string_equal(f->decls.pools[0].name, "db");
    assert_int_equal(f->decls.pools[0].slots, 3);
    assert_int_equal(f->decls.pools[0].pos.line, 8);
}

static void durations(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"5", 5000},        {"\"5m\"", 300000},  {"\"1h\"", 3600000}, {"\"250ms\"", 250},
                 {"\"1.5s\"", 1500}, {"\"2 m\"", 120000}, {"\"7\"", 7000},     {"0.0001", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = mem_printf("test \"a\" { cmd = \"x\", inputs = {}, timeout = %s }\n", cases[i].text);
        testfile(text);
        mem_free(text);
        load_ok(f);
        assert_int_equal(target(f, "a")->timeout_ms, cases[i].ms);
    }
}

static void labels_and_returned_labels(void **state)
{
    struct fixture *f = *state;
    testfile(
        "local a = test \"a\" { cmd = \"x\", inputs = {} }\n"
        "include \"lib\"\n"
        "test \"b\" { cmd = \"x\", inputs = {}, deps = { a, \"a\", \":a\", \"lib:c\", \"//:a\", \"//lib:c\" } }\n");
    file("lib/Testfile.lua",
         "local c = test \"c\" { cmd = \"x\", inputs = {} }\n"
         "test \"d\" { cmd = \"x\", inputs = {}, deps = { c, \"c\", \":c\", \"lib:c\", \"//:a\" },\n"
         "  description = c .. \" \" .. label \"z\" }\n");
    load_ok(f);
    assert_strs("a a a lib:c a lib:c", target(f, "b")->deps);
    assert_strs("lib:c lib:c lib:c lib:c a", target(f, "lib:d")->deps);
    assert_string_equal(target(f, "lib:d")->description, "lib:c lib:z");
    assert_string_equal(target(f, "lib:d")->dir, "lib");
    assert_string_equal(target(f, "lib:d")->cwd, "lib");
    assert_string_equal(target(f, "lib:d")->pos.file, "lib/Testfile.lua");
}

static void groups(void **state)
{
    struct fixture *f = *state;
    testfile("local a = test \"a\" { cmd = \"x\", inputs = {} }\n"
             "group \"all\" { a, \":b\", description = \"d\" }\n"
             "group \"same\" { members = { \"a\", \"all\" }, tags = { \"t\" } }\n"
             "group \"none\" {}\n");
    load_ok(f);
    assert_int_equal(target(f, "all")->kind, KIND_GROUP);
    assert_strs("a b", target(f, "all")->deps);
    assert_string_equal(target(f, "all")->description, "d");
    assert_strs("a all", target(f, "same")->deps);
    assert_strs("t", target(f, "same")->tags);
    assert_int_equal(target(f, "none")->deps.n, 0);
    assert_int_equal(target(f, "all")->n_sets, 0);
}

static void services(void **state)
{
    struct fixture *f = *state;
    testfile("service \"l\" { cmd = { \"sh\", \"s.sh\" }, inputs = {}, ready = { line = \"up\" } }\n"
             "service \"p\" { cmd = \"x\", inputs = {}, ready = { port = 8080, timeout = \"5s\" } }\n"
             "service \"c\" { cmd = \"x\", inputs = {}, ready = { cmd = { \"cat\", \"x\" } } }\n"
             "service \"s\" { cmd = \"x\", inputs = {}, ready = { cmd = \"test -e x\" } }\n"
             "service \"n\" { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    const struct decl *l = target(f, "l"), *p = target(f, "p"), *c = target(f, "c"), *s = target(f, "s");
    assert_int_equal(l->kind, KIND_SERVICE);
    assert_int_equal(l->ready, READY_LINE);
    assert_string_equal(l->ready_line, "up");
    assert_int_equal(l->ready_timeout_ms, 30000);
    assert_int_equal(p->ready, READY_PORT);
    assert_int_equal(p->ready_port, 8080);
    assert_int_equal(p->ready_timeout_ms, 5000);
    assert_int_equal(c->ready, READY_COMMAND);
    assert_strs("cat x", c->ready_cmd);
    assert_false(c->ready_shell);
    assert_string_equal(tool_names(f, c), "/bin/sh cat");
    assert_true(s->ready_shell);
    assert_strs("test -e x", s->ready_cmd);
    assert_int_equal(target(f, "n")->ready, READY_NONE);
}

static void builds(void **state)
{
    struct fixture *f = *state;
    testfile("include \"sub\"\n");
    file("sub/Testfile.lua",
         "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"o.txt\", \"../top/\", \"//gen/*.c\", "
         "\"./a//b\" } }\nbuild \"one\" { cmd = \"x\", inputs = {}, outputs = \"single\" }\n");
    load_ok(f);
    assert_strs("sub/o.txt top/ gen/*.c sub/a/b", target(f, "sub:b")->outputs);
    assert_strs("sub/single", target(f, "sub:one")->outputs);
}

static void environments(void **state)
{
    struct fixture *f = *state;
    testfile("test \"a\" { cmd = \"x\", inputs = {}, env = { \"SET\", \"UNSET\", \"EMPTY\", Z = \"z\", N = 3, F = 1.5, "
             "B = true } }\n"
             "test \"b\" { cmd = \"x\", inputs = {}, env = { \"SET\", SET = \"mine\" } }\n");
    load_ok(f);
    assert_string_equal(env_text(f, target(f, "a")), "B=true EMPTY= F=1.5 N=3 SET=value UNSET=(unset) Z=z");
    assert_string_equal(env_text(f, target(f, "b")), "SET=mine");
}

static void defaults_apply_to_what_follows(void **state)
{
    struct fixture *f = *state;
    testfile(
        "test \"before\" { cmd = \"x\", inputs = {} }\n"
        "defaults { timeout = \"5m\", tags = { \"d\" }, env = { A = \"1\", B = \"1\" }, inputs = {}, retries = 1 }\n"
        "test \"a\" { cmd = \"x\", tags = { \"own\" }, env = { B = \"2\" }, retries = 3 }\n"
        "build \"b\" { cmd = \"x\", outputs = { \"o\" } }\n"
        "group \"g\" { \"a\" }\n"
        "defaults { timeout = 7 }\n"
        "test \"later\" { cmd = \"x\" }\n"
        "include \"sub\"\n");
    file("sub/Testfile.lua", "test \"other\" { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    assert_int_equal(target(f, "before")->timeout_ms, 0);
    const struct decl *a = target(f, "a");
    assert_int_equal(a->timeout_ms, 300000);
    assert_strs("d own", a->tags);
    assert_string_equal(env_text(f, a), "A=1 B=2");
    assert_int_equal(a->retries, 3);
    assert_int_equal(a->n_sets, 0);
    assert_int_equal(target(f, "b")->timeout_ms, 300000);
    assert_strs("d", target(f, "g")->tags);
    assert_int_equal(target(f, "later")->timeout_ms, 7000);
    assert_int_equal(target(f, "later")->retries, 1);
    assert_int_equal(target(f, "sub:other")->timeout_ms, 0);
    assert_int_equal(target(f, "sub:other")->tags.n, 0);
}

static void shards(void **state)
{
    struct fixture *f = *state;
    testfile(
        "test \"s\" { cmd = { \"true\" }, inputs = {}, shards = 3, env = { A = 1, TGRAPH_SHARD_INDEX = 9, Z = 2 },\n"
        "  tags = { \"t\" }, description = \"d\" }\n"
        "test \"one\" { cmd = \"x\", inputs = {}, shards = 1 }\n"
        "test \"after\" { cmd = \"x\", inputs = {}, deps = { \"s\", \"s#2\" } }\n");
    load_ok(f);
    assert_int_equal(f->decls.n, 6);
    assert_string_equal(env_text(f, target(f, "s#1")), "A=1 TGRAPH_SHARD_INDEX=0 TGRAPH_SHARD_TOTAL=3 Z=2");
    assert_string_equal(env_text(f, target(f, "s#3")), "A=1 TGRAPH_SHARD_INDEX=2 TGRAPH_SHARD_TOTAL=3 Z=2");
    const struct decl *group = target(f, "s");
    assert_int_equal(group->kind, KIND_GROUP);
    assert_strs("s#1 s#2 s#3", group->deps);
    assert_strs("t", group->tags);
    assert_string_equal(group->description, "d");
    assert_int_equal(group->pos.line, 1);
    assert_int_equal(target(f, "s#2")->pos.col, 6);
    assert_string_equal(tool_names(f, target(f, "s#2")), "true");
    assert_int_equal(target(f, "one")->kind, KIND_TEST);
}

static void values_are_canonical(void **state)
{
    struct fixture *f = *state;
    testfile("test \"a\" { cmd = \"x\", inputs = {}, value = { b = 1, a = { 1, 2.0, \"q\\\"\\n\", true, null }, [3] = "
             "{} } }\n"
             "test \"s\" { cmd = \"x\", inputs = {}, value = \"text\" }\n"
             "test \"n\" { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    assert_string_equal(target(f, "a")->value, "{3:{},\"a\":[1,2.0,\"q\\\"\\u000a\",true,null],\"b\":1}");
    assert_string_equal(target(f, "s")->value, "\"text\"");
    assert_null(target(f, "n")->value);
}

static void commands_and_their_tools(void **state)
{
    struct fixture *f = *state;
    testfile("include \"sub\"\n");
    file("tools/run.sh", "#!/bin/sh\n");
    file("sub/here.py", "#!/usr/bin/env -S A=1 sh -u\nprint()\n");
    file("sub/Testfile.lua",
         "test \"root\" { cmd = { \"//tools/run.sh\", \"x\" }, inputs = {} }\n"
         "test \"up\" { cmd = { \"../tools/run.sh\" }, inputs = {} }\n"
         "test \"here\" { cmd = { \"./here.py\" }, inputs = {} }\n"
         "test \"elsewhere\" { cmd = { \"sub/here.py\" }, cwd = \"//\", inputs = {} }\n"
         "test \"abs\" { cmd = { \"/bin/cat\" }, inputs = {}, tools = { \"ls\", \"ls\", tool \"cat\" } }\n"
         "test \"none\" { cmd = { \"no-such-tool\" }, inputs = {} }\n");
    load_ok(f);
    const struct decl *root = target(f, "sub:root");
    assert_strs("../tools/run.sh x", root->cmd);
    assert_strs("tools/run.sh", root->inputs);
    assert_string_equal(tool_names(f, root), "/bin/sh");
    assert_strs("tools/run.sh", target(f, "sub:up")->inputs);
    assert_strs("sub/here.py", target(f, "sub:here")->inputs);
    assert_string_equal(tool_names(f, target(f, "sub:here")), "/usr/bin/env sh");
    assert_strs("sub/here.py", target(f, "sub:elsewhere")->inputs);
    assert_string_equal(target(f, "sub:elsewhere")->cwd, "");
    assert_string_equal(tool_names(f, target(f, "sub:abs")), "/bin/cat ls cat");
    const struct decl *none = target(f, "sub:none");
    assert_string_equal(tool_names(f, none), "no-such-tool");
    assert_null(f->decls.tools[none->tools[0]].path);
    assert_string_equal(f->decls.tools[root->tools[0]].path, "/bin/sh");
}

static void at_the_root_a_script_is_started_from_its_folder(void **state)
{
    struct fixture *f = *state;
    file("run.sh", "echo\n");
    testfile("test \"a\" { cmd = { \"//run.sh\" }, inputs = {} }\n");
    load_ok(f);
    assert_strs("./run.sh", target(f, "a")->cmd);
    assert_strs("run.sh", target(f, "a")->inputs);
    assert_int_equal(target(f, "a")->n_tools, 0);
}

static void a_loop_of_targets_has_the_places_of_its_line(void **state)
{
    struct fixture *f = *state;
    testfile("for i = 1, 3 do\n  test(\"t\" .. i, { cmd = { \"true\" }, inputs = {} })\nend\n"
             "return test \"last\" { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    assert_int_equal(target(f, "t3")->pos.line, 2);
    assert_int_equal(target(f, "t3")->pos.col, 3);
    assert_int_equal(target(f, "last")->pos.line, 4);
    assert_int_equal(target(f, "last")->pos.col, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(both_ways_of_calling),
        with_fixture(plain_fields),
        with_fixture(durations),
        with_fixture(labels_and_returned_labels),
        with_fixture(groups),
        with_fixture(services),
        with_fixture(builds),
        with_fixture(environments),
        with_fixture(defaults_apply_to_what_follows),
        with_fixture(shards),
        with_fixture(values_are_canonical),
        with_fixture(commands_and_their_tools),
        with_fixture(at_the_root_a_script_is_started_from_its_folder),
        with_fixture(a_loop_of_targets_has_the_places_of_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

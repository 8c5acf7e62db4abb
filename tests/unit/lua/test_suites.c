/* SPDX-License-Identifier: MIT
 *
 * Suites: their fields, their cases from a list, and what a discover step declares. */
#include "unit/lua/fixture.h"

static const struct decl_case *case_of(struct fixture *f, const char *suite, const char *id)
{
    const struct decl *d = target(f, suite);
    for (uint32_t i = 0; i < d->n_cases; i++)
        if (strcmp(d->cases[i].id, id) == 0)
            return &d->cases[i];
    fail_msg("there is no case '%s'", id);
    return NULL;
}

static void every_field(void **state)
{
    struct fixture *f = *state;
    testfile(
        "suite \"s\" {\n"
        "  worker = { \"./serve.sh\", \"-v\" }, cases = { \"a\" }, inputs = { \"x\" }, may_read = { \"lib/*\" },\n"
        "  env = { A = \"1\" }, cwd = \"sub\", deps = { \"t\" }, tools = { \"cat\" }, value = { 1 }, slots = 2,\n"
        "  pool = \"p\", exclusive = \"e\", tags = { \"slow\" }, retries = 2, cache = false, description = \"d\",\n"
        "  timeout = \"1h\", case_timeout = \"5s\", start_timeout = \"2m\", order = \"group\", isolate = true, batch = "
        "20,\n"
        "  recycle = { cases = 500, memory = \"512MiB\" },\n"
        "}\n"
        "test \"t\" { cmd = \"x\", inputs = {} }\n"
        "pool \"p\" { slots = 1 }\n");
    file("x", "");
    file("lib/a", "");
    file("sub/serve.sh", "#!/bin/sh\n");
    load_ok(f);
    const struct decl *d = target(f, "s");
    assert_int_equal(d->kind, KIND_SUITE);
    assert_strs("./serve.sh -v", d->cmd);
    assert_false(d->shell);
    assert_strs("sub/serve.sh x", d->inputs);
    assert_string_equal(tool_names(f, d), "cat /bin/sh");
    assert_int_equal(d->n_may_read, 1);
    assert_true(d->reports_reads);
    assert_null(d->depfile);
    assert_string_equal(d->cwd, "sub");
    assert_string_equal(env_text(f, d), "A=1");
    assert_strs("t", d->deps);
    assert_string_equal(d->value, "[1]");
    assert_int_equal(d->slots, 2);
    assert_string_equal(d->pool, "p");
    assert_strs("e", d->exclusive);
    assert_strs("slow", d->tags);
    assert_int_equal(d->retries, 2);
    assert_true(d->no_cache);
    assert_string_equal(d->description, "d");
    assert_int_equal(d->timeout_ms, 3600000);
    assert_int_equal(d->case_timeout_ms, 5000);
    assert_int_equal(d->start_timeout_ms, 120000);
    assert_int_equal(d->order, ORDER_GROUP);
    assert_true(d->isolate);
    assert_int_equal(d->batch, 20);
    assert_int_equal(d->recycle_cases, 500);
    assert_int_equal(d->recycle_bytes, 512 << 20);
    assert_int_equal(d->n_cases, 1);
    assert_string_equal(d->cases[0].id, "a");
    assert_null(d->discover);
    assert_false(d->cases_unknown);
}

static void what_is_left_out(void **state)
{
    struct fixture *f = *state;
    testfile("suite \"s\" { worker = \"serve\", cases = { \"a\" } }\n"
             "suite(\"r\", { worker = { \"x\" }, cases = { \"a\" }, inputs = {}, recycle = { memory = \"2G\" } })\n");
    load_ok(f);
    const struct decl *d = target(f, "s");
    assert_true(d->shell);
    assert_set("Testfile.lua", d);
    assert_int_equal(d->start_timeout_ms, 120000);
    assert_int_equal(d->case_timeout_ms, 0);
    assert_int_equal(d->order, ORDER_ANY);
    assert_false(d->isolate);
    assert_int_equal(d->batch, 1);
    assert_false(d->reports_reads);
    assert_int_equal(d->recycle_cases, 0);
    assert_true(target(f, "r")->recycle_bytes == (uint64_t)2 << 30);
}

static void defaults_reach_suites_and_discover(void **state)
{
    struct fixture *f = *state;
    testfile("defaults { env = { A = \"1\" }, retries = 3, case_timeout = 7, timeout = 9, order = \"group\" }\n"
             "suite \"s\" { worker = \"w\", inputs = {}, cases = discover { cmd = \"l\", inputs = {}, env = { B = "
             "\"2\" } } }\n");
    load_ok(f);
    const struct decl *s = target(f, "s"), *l = target(f, "s.discover");
    assert_string_equal(env_text(f, s), "A=1");
    assert_string_equal(env_text(f, l), "A=1 B=2");
    assert_int_equal(s->retries, 3);
    assert_int_equal(l->retries, 0);
    assert_int_equal(s->case_timeout_ms, 7000);
    assert_int_equal(l->timeout_ms, 9000);
    assert_int_equal(s->order, ORDER_GROUP);
}

static void cases_of_a_list(void **state)
{
    struct fixture *f = *state;
    testfile("suite \"s\" { worker = \"w\", inputs = {}, cases = {\n"
             "  \"z\", { id = \"a\" },\n"
             "  { id = \"full\", data = { b = { 1, 2.5, null }, a = \"x\\ny\" }, group = \"g\", tags = { \"t\", \"q\", "
             "\"t\" },\n"
             "    timeout = \"1m\", inputs = { \"one\", { \"d/*.txt\", \"!d/no.txt\" }, \"made\" } },\n"
             "  { id = \"same\", inputs = { \"one\", { \"d/*.txt\", \"!d/no.txt\" }, \"made\" }, tags = \"q\", timeout "
             "= 2 },\n"
             "} }\n"
             "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"made\" } }\n");
    file("one", "");
    file("d/yes.txt", "");
    file("d/no.txt", "");
    load_ok(f);
    const struct decl *d = target(f, "s");
    assert_int_equal(d->n_cases, 4);
    assert_string_equal(d->cases[0].id, "z"); /* in the order declared */
    assert_string_equal(d->cases[1].id, "a");
    assert_null(d->cases[0].data);
    assert_null(d->cases[0].group);
    assert_int_equal(d->cases[0].inputs.n, 0);
    const struct decl_case *full = case_of(f, "s", "full"), *same = case_of(f, "s", "same");
    assert_string_equal(full->data, "{\"a\":\"x\\u000ay\",\"b\":[1,2.5,null]}");
    assert_string_equal(full->group, "g");
    assert_strs("q t", full->tags);
    assert_int_equal(full->timeout_ms, 60000);
    assert_strs("made one", full->inputs);
    assert_int_equal(full->n_sets, 1);
    assert_strs("d/yes.txt", f->decls.sets[full->sets[0]].paths);
    assert_null(same->group);
    assert_int_equal(same->timeout_ms, 2000);
    assert_ptr_equal(same->inputs.v, full->inputs.v); /* equal lists are one */
    assert_ptr_equal(same->sets, full->sets);
}

static void order_by_file(void **state)
{
    struct fixture *f = *state;
    testfile("suite \"s\" { worker = \"w\", inputs = {}, order = \"file\", cases = {\n"
             "  { id = \"a\", inputs = { \"two\", \"one\" } }, { id = \"b\", inputs = { \"!x\", \"one\" }, group = "
             "\"g\" },\n"
             "  { id = \"c\", inputs = { \"two\" } }, \"d\" } }\n");
    file("one", "");
    file("two", "");
    load_ok(f);
    assert_int_equal(target(f, "s")->order, ORDER_GROUP);
    assert_string_equal(case_of(f, "s", "a")->group, "two");
    assert_string_equal(case_of(f, "s", "b")->group, "g");
    assert_string_equal(case_of(f, "s", "c")->group, "two");
    assert_null(case_of(f, "s", "d")->group);
}

static void mistakes_of_fields(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[][2] = {
        {"suite \"s\" { cases = { \"a\" } }", "Testfile.lua:1:7: error T203: suite 's' needs the field 'worker'\n"
                                              "  hint: The command of a worker, as `cmd`; it is handed one case after "
                                              "the other (docs/worker-protocol.md).\n"},
        {"suite \"s\" { worker = \"w\", inputs = {} }",
         "Testfile.lua:1:7: error T203: suite 's' needs the field 'cases'\n"
         "  hint: The cases: ids, and tables with an id and what the case has besides; or discover { ... }: a command "
         "lists them.\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, case_timout = 1 }",
         "Testfile.lua:1:57: error T201: unknown field 'case_timout' of suite 's'\n"
         "  hint: did you mean 'case_timeout'?\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, outputs = { \"o\" } }",
         "Testfile.lua:1:57: error T201: unknown field 'outputs' of suite 's'\n"
         "  hint: its fields are batch, cache, case_timeout, cases, cwd, deps, description, env, exclusive, inputs, "
         "isolate, "
         "may_read, order, pool, recycle, retries, slots, start_timeout, tags, timeout, tools, value, worker\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = \"a\" }",
         "Testfile.lua:1:40: error T202: field 'cases' of suite 's' must be a list of ids and of tables with an id, or "
         "discover { ... }, and is a string\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\", 3 } }",
         "Testfile.lua:1:40: error T202: field 'cases' of suite 's' must be a list of ids and of tables with an id, or "
         "discover { ... }, and holds a number as item 2\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, order = \"files\" }",
         "Testfile.lua:1:57: error T202: field 'order' of suite 's' must be \"any\", \"group\" or \"file\", and is "
         "'files'\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, start_timeout = false }",
         "Testfile.lua:1:57: error T202: field 'start_timeout' of suite 's' must be a number of seconds or a text such "
         "as \"90s\" or \"5m\", and is a boolean\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, start_timeout = \"soon\" }",
         "Testfile.lua:1:73: error T207: 'soon' is no duration for field 'start_timeout' of suite 's'\n"
         "  hint: a number of seconds, or a text such as \"90s\", \"5m\", \"1h\" or \"250ms\"; at most a year\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, recycle = { memory = \"512MB\" } }",
         "Testfile.lua:1:78: error T207: '512MB' is no size for field 'recycle' of suite 's'\n"
         "  hint: a number of bytes, with K, M or G behind it: \"512MiB\" and \"512M\" are the same\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, recycle = { memory = \"0\" } }",
         "Testfile.lua:1:78: error T207: '0' is no size for field 'recycle' of suite 's'\n"
         "  hint: a number of bytes, with K, M or G behind it: \"512MiB\" and \"512M\" are the same\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, recycle = { cases = 0 } }",
         "Testfile.lua:1:57: error T207: field 'recycle' of suite 's' must be a whole number from 1 to 4294967295, and "
         "is 0\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, recycle = { size = 1 } }",
         "Testfile.lua:1:57: error T202: field 'recycle' of suite 's' must be a table with cases, memory or both, such "
         "as { cases = 500, memory = \"512MiB\" }, and holds the key 'size'\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { \"a\" }, recycle = {} }",
         "Testfile.lua:1:57: error T202: field 'recycle' of suite 's' must be a table with cases, memory or both, such "
         "as { cases = 500, memory = \"512MiB\" }, and is empty\n"},
        {"suite \"s\" { worker = { \"./gone\" }, inputs = {}, cases = { \"a\" } }",
         "Testfile.lua:1:24: error T212: the command 'gone' does not exist\n"
         "  hint: it is no file, and no target names it in its outputs\n"},
        {"suite \"s\" { worker = \"w\", inputs = { \"gone\" }, cases = { \"a\" } }",
         "Testfile.lua:1:38: error T212: the input 'gone' does not exist\n"
         "  hint: it is no file, and no target names it in its outputs\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = {} }",
         "Testfile.lua:1:40: warning T219: suite 's' has no cases\n"},
        {"suite \"s\"", "Testfile.lua:1:7: error T210: suite 's' has no table of fields\n"
                        "  hint: write: suite \"s\" { ... }\n"},
        {"suite(3, {})", "Testfile.lua:1:1: error T202: the name of a suite must be a string, and is a number\n"},
        {"suite \"s\" \"t\"",
         "Testfile.lua:1:7: error T202: suite 's' must be given a table of fields, and is given a string\n"},
        {"defaults { worker = \"w\" }",
         "Testfile.lua:1:12: error T201: field 'worker' cannot have a default\n"
         "  hint: its fields are batch, cache, case_timeout, cwd, deps, env, exclusive, incremental, inputs, isolate, "
         "jobserver, may_read, order, pool, recycle, retries, slots, start_timeout, success_codes, tags, timeout, "
         "tools\n"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        testfile(wrong[i][0]);
        load_says(f, wrong[i][1]);
    }
}

static void mistakes_of_cases(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[][2] = {
        {"{ group = \"g\" }", "Testfile.lua:2:3: error T203: item 1 of cases of suite 's' needs the field 'id'\n"},
        {"{ id = 3 }",
         "Testfile.lua:2:3: error T202: the id of item 1 of cases of suite 's' must be a string, and is a number\n"},
        {"\"\"", "Testfile.lua:2:13: error T205: the id of item 1 of cases of suite 's' is empty\n"
                 "  hint: an id is 1 to 4096 bytes of UTF-8 without control characters; what else a worker needs goes "
                 "into data\n"},
        {"\"a\\nb\"",
         "Testfile.lua:2:13: error T205: the id of item 1 of cases of suite 's' holds a control character\n"
         "  hint: an id is 1 to 4096 bytes of UTF-8 without control characters; what else a worker needs "
         "goes into data\n"},
        {"\"\\xc2\\x85\"",
         "Testfile.lua:2:13: error T205: the id of item 1 of cases of suite 's' holds a control character\n"
         "  hint: an id is 1 to 4096 bytes of UTF-8 without control characters; what else a worker needs goes into "
         "data\n"},
        {"\"\\xed\\xa0\\x80\"",
         "Testfile.lua:2:13: error T205: the id of item 1 of cases of suite 's' is no UTF-8\n"
         "  hint: an id is 1 to 4096 bytes of UTF-8 without control characters; what else a worker "
         "needs goes into data\n"},
        {"string.rep(\"a\", 4097)",
         "Testfile.lua:2:3: error T205: the id of item 1 of cases of suite 's' is longer than 4096 bytes\n"
         "  hint: an id is 1 to 4096 bytes of UTF-8 without control characters; what else a worker needs goes into "
         "data\n"},
        {"\"a\", \"b\", { id = \"a\" }",
         "Testfile.lua:2:13: error T204: case 'a' of suite 's' is there twice: as item 1 and as item 3\n"},
        {"{ id = \"a\", tag = \"x\" }", "Testfile.lua:2:25: error T201: unknown field 'tag' of case 'a' of suite 's'\n"
                                        "  hint: did you mean 'tags'?\n"},
        {"{ id = \"a\", 7 }",
         "Testfile.lua:2:20: error T201: a field of case 'a' of suite 's' has no text as its name\n"
         "  hint: a case has data, group, id, inputs, tags and timeout\n"},
        {"{ id = \"a\", group = 7 }",
         "Testfile.lua:2:25: error T202: field 'group' of case 'a' of suite 's' must be a string, and is a number\n"},
        {"{ id = \"a\", group = \"\" }",
         "Testfile.lua:2:25: error T207: field 'group' of case 'a' of suite 's' is empty\n"},
        {"{ id = \"a\", tags = 7 }", "Testfile.lua:2:25: error T202: field 'tags' of case 'a' of suite 's' must be a "
                                     "string or a list of strings, and is a number\n"},
        {"{ id = \"a\", tags = { 7 } }",
         "Testfile.lua:2:25: error T202: field 'tags' of case 'a' of suite 's' must be a "
         "list of strings, and holds something else\n"},
        {"{ id = \"a\", timeout = \"soon\" }",
         "Testfile.lua:2:25: error T207: field 'timeout' of case 'a' of suite 's' is no duration\n"
         "  hint: a number of seconds, or a text such as \"90s\", \"5m\", \"1h\" or \"250ms\"; at most a year\n"},
        {"{ id = \"a\", timeout = false }",
         "Testfile.lua:2:25: error T207: field 'timeout' of case 'a' of suite 's' is no duration\n"
         "  hint: a number of seconds, or a text such as \"90s\", \"5m\", \"1h\" or \"250ms\"; at most a year\n"},
        {"{ id = \"a\", inputs = { 7 } }",
         "Testfile.lua:2:25: error T202: field 'inputs' of case 'a' of suite 's' must "
         "be a list of paths and patterns\n"},
        {"{ id = \"a\", inputs = { \"gone\" } }", "Testfile.lua:2:36: error T212: the input 'gone' does not exist\n"
                                                  "  hint: it is no file, and no target names it in its outputs\n"},
        {"{ id = \"a\", inputs = { \"../x\" } }",
         "Testfile.lua:2:36: error T206: the path '../x' leaves the repository\n"
         "  hint: paths are relative to the Testfile's folder; '//x' starts at the root\n"},
        {"{ id = \"a\", inputs = { \"*.none\" } }",
         "Testfile.lua:2:36: warning T213: the pattern '*.none' matches no file\n"},
        {"{ id = \"a\", data = print }",
         "Testfile.lua:2:25: error T207: the data of case 'a' of suite 's' is nothing that "
         "JSON can say: it holds a function\n"},
        {"{ id = \"a\", data = 1/0 }",
         "Testfile.lua:2:25: error T207: the data of case 'a' of suite 's' is nothing that "
         "JSON can say: lexical error: invalid char in json text\n"},
        {"{ id = \"a\", data = { [true] = 1 } }",
         "Testfile.lua:2:25: error T207: the data of case 'a' of suite 's' is "
         "nothing that JSON can say: parse error: invalid object key (must be a string)\n"},
        {"{ id = \"a\", data = \"\\xff\" }", "Testfile.lua:2:25: error T207: the data of case 'a' of suite 's' is "
                                             "nothing that JSON can say: lexical error: "
                                             "invalid bytes in UTF8 string\n"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *text = mem_printf("suite \"s\" { worker = \"w\", inputs = {},\n  cases = { %s } }\n", wrong[i][0]);
        testfile(text);
        mem_free(text);
        load_says(f, wrong[i][1]);
    }
}

static void all_mistakes_are_told(void **state)
{
    struct fixture *f = *state;
    testfile("suite \"s\" { worker = \"w\", inputs = {}, cases = {\n"
             "  { id = \"a\", grup = 1 },\n"
             "  { id = \"b\", inputs = { \"gone\" } },\n"
             "  { id = \"c\", inputs = { \"gone\" } },\n"
             "} }\n");
    load_says(f, "Testfile.lua:2:15: error T201: unknown field 'grup' of case 'a' of suite 's'\n"
                 "  hint: did you mean 'group'?\n"
                 "Testfile.lua:3:26: error T212: the input 'gone' does not exist\n"
                 "  hint: it is no file, and no target names it in its outputs\n");
}

#define DISCOVER(fields) "suite \"s\" { worker = \"w\", inputs = {},\n  cases = discover { " fields " } }\n"

static void discover_declares_a_build(void **state)
{
    struct fixture *f = *state;
    testfile("include \"api\"\n");
    file("api/Testfile.lua",
         "suite \"a/b\" { worker = \"w\", inputs = {}, cases = discover { cmd = { \"./list.sh\", \"x\" },\n"
         "  inputs = { \"in\" }, env = { A = \"1\" }, deps = { \"t\" }, may_read = { \"lib/*\" }, depfile = \"d\",\n"
         "  timeout = 5, tags = \"t\", description = \"d\", value = 3, tools = { \"cat\" } } }\n"
         "test \"t\" { cmd = \"x\", inputs = {} }\n");
    file("api/list.sh", "#!/bin/sh\n");
    file("api/in", "");
    file("api/lib/a", "");
    load_ok(f);
    const struct decl *s = target(f, "api:a/b"), *d = target(f, "api:a/b.discover");
    assert_string_equal(s->discover, "api:a/b.discover");
    assert_true(s->cases_unknown);
    assert_int_equal(s->n_cases, 0);
    assert_int_equal(d->kind, KIND_BUILD);
    assert_string_equal(d->stdout_path, ".tgraph/cases/api/a%b.jsonl");
    assert_strs(".tgraph/cases/api/a%b.jsonl", d->outputs);
    assert_strs("./list.sh x", d->cmd);
    assert_strs("api/in api/list.sh", d->inputs);
    assert_strs("api:t", d->deps);
    assert_string_equal(d->depfile, "api/d");
    assert_int_equal(d->timeout_ms, 5000);
    assert_int_equal(d->pos.line, 1);
    assert_int_equal(d->pos.col, 50);
    assert_int_equal(f->record.files.n, 4); /* two Testfiles, the script, and the list, which is not there yet */
    assert_strs("Testfile.lua api/Testfile.lua .tgraph/cases/api/a%b.jsonl api/list.sh", f->record.files);
    assert_string_equal(f->record.readers.v[2], "api");
}

static void mistakes_of_discover(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[][2] = {
        {DISCOVER("inputs = {}"),
         "Testfile.lua:2:11: error T203: discover needs the field 'cmd'\n"
         "  hint: The command. A list is a program and its arguments, started without a shell; "
         "a string goes to /bin/sh -c.\n"},
        {DISCOVER("cmd = \"x\", input = {}"), "Testfile.lua:2:33: error T201: unknown field 'input' of discover\n"
                                              "  hint: did you mean 'inputs'?\n"},
        {DISCOVER("cmd = \"x\", inputs = {}, outputs = { \"y\" }"),
         "Testfile.lua:2:46: error T201: unknown field 'outputs' of discover\n"
         "  hint: its fields are cmd, cwd, depfile, deps, description, env, inputs, may_read, tags, timeout, tools, "
         "value\n"},
        {DISCOVER("cmd = \"x\", inputs = { \"gone\" }"),
         "Testfile.lua:2:44: error T212: the input 'gone' does not exist\n"
         "  hint: it is no file, and no target names it in its outputs\n"},
        {DISCOVER("cmd = \"x\", inputs = {}, cwd = \"/x\""),
         "Testfile.lua:2:52: error T206: the path '/x' is absolute\n"
         "  hint: write it relative to the Testfile's folder, or '//x' from the repository's root\n"},
        {DISCOVER("cmd = {}, inputs = {}"),
         "Testfile.lua:2:22: error T207: field 'cmd' of discover 's.discover' is empty\n"},
        {"local l = discover { cmd = \"x\", inputs = {} }",
         "Testfile.lua:1:11: error T217: no suite takes the cases of this discover\n"
         "  hint: write: suite \"name\" { cases = discover { ... }, ... }\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = discover \"x\" }",
         "Testfile.lua:1:48: error T202: discover must be given a table of fields, and is given a string\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = { discover { cmd = \"x\", inputs = {} } } }",
         "Testfile.lua:1:40: error T202: field 'cases' of suite 's' must be a list of ids and of tables with an id, or "
         "discover { ... }, and holds what discover gives as item 1\n"
         "Testfile.lua:1:50: error T217: no suite takes the cases of this discover\n"
         "  hint: write: suite \"name\" { cases = discover { ... }, ... }\n"},
        {"test \"t\" { cmd = discover { cmd = \"x\", inputs = {} }, inputs = {} }",
         "Testfile.lua:1:12: error T202: field 'cmd' of test 't' must be a list of strings (a program and its "
         "arguments) "
         "or a string (for /bin/sh), and is what discover gives\n"
         "Testfile.lua:1:18: error T217: no suite takes the cases of this discover\n"
         "  hint: write: suite \"name\" { cases = discover { ... }, ... }\n"},
        {"suite \"s\" { worker = \"w\", inputs = {}, cases = discover { cmd = \"x\", inputs = {} } }\n"
         "build \"s.discover\" { cmd = \"x\", inputs = {}, outputs = { \"y\" } }",
         "Testfile.lua:2:7: error T204: target 's.discover' is declared twice\n"
         "  hint: the first one is at Testfile.lua:1:1\n"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        testfile(wrong[i][0]);
        load_says(f, wrong[i][1]);
    }
}

#define LIST ".tgraph/cases/s.jsonl"

static void cases_of_a_file(void **state)
{
    struct fixture *f = *state;
    testfile(DISCOVER("cmd = \"x\", inputs = {}") "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"made\" } }\n");
    file("one[1]", "");
    file("dir/two", "");
    file(
        LIST,
        "{\"id\": \"z\"}\n"
        "\n"
        "{\"inputs\": [\"//dir/two\", \"one[1]\", \"made\", \"dir/../dir/two\"], \"id\": \"\\u00fc\", \"group\": "
        "\"g\", "
        "\"tags\": [\"b\", \"a\", \"b\"], \"timeout\": 1.5, \"data\": { \"b\" : [1.50, 12345678901234567890, -0, true, "
        "null, {}, []], \"a\\n\" : \"\\u0000/\" } }\r\n"
        "{\"id\":\"n\",\"group\":null,\"tags\":null,\"inputs\":null,\"timeout\":null,\"data\":null}");
    load_ok(f);
    const struct decl *d = target(f, "s");
    assert_false(d->cases_unknown);
    assert_string_equal(d->discover, "s.discover");
    assert_int_equal(d->n_cases, 3);
    assert_string_equal(d->cases[0].id, "z");
    assert_null(d->cases[0].data);
    const struct decl_case *c = case_of(f, "s", "\xc3\xbc"), *n = case_of(f, "s", "n");
    assert_strs("dir/two made one[1]", c->inputs);
    assert_int_equal(c->n_sets, 0);
    assert_string_equal(c->group, "g");
    assert_strs("a b", c->tags);
    assert_int_equal(c->timeout_ms, 1500);
    assert_string_equal(c->data, "{\"b\":[1.50,12345678901234567890,-0,true,null,{},[]],\"a\\u000a\":\"\\u0000/\"}");
    assert_null(n->group);
    assert_int_equal(n->tags.n + n->inputs.n, 0);
    assert_int_equal(n->timeout_ms, 0);
    assert_string_equal(n->data, "null");
}

static void a_deleted_file_in_a_list_is_no_mistake(void **state)
{
    struct fixture *f = *state;
    testfile(DISCOVER("cmd = \"x\", inputs = {}"));
    file(LIST, "{\"id\":\"a\",\"inputs\":[\"gone\"]}\n");
    load_ok(f); /* the list may be old: the discover step will say */
    assert_strs("gone", target(f, "s")->cases[0].inputs);
}

static void an_empty_file_is_a_list_of_none(void **state)
{
    struct fixture *f = *state;
    testfile(DISCOVER("cmd = \"x\", inputs = {}"));
    file(LIST, "\n");
    load_says(f, "Testfile.lua:2:3: warning T219: suite 's' has no cases\n");
    assert_false(target(f, "s")->cases_unknown);
}

static void equal_lists_are_kept_once(void **state)
{
    struct fixture *f = *state;
    testfile("suite \"s\" { worker = \"w\", inputs = {}, order = \"file\", cases = discover { cmd = \"x\", inputs = {} "
             "} }\n");
    file("one", "");
    file("two", "");
    struct buf b = BUF_INIT;
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "{\"id\":\"%d\",\"inputs\":[\"%s\",\"one\"],\"tags\":[\"t%d\"]}\n", i, i % 2 ? "two" : "one",
                   i % 2);
    file(LIST, b.p);
    buf_clear(&b);
    load_ok(f);
    const struct decl_case *v = target(f, "s")->cases;
    assert_int_equal(target(f, "s")->n_cases, 1000);
    assert_string_equal(v[1].group, "two");
    for (int i = 2; i < 1000; i++) {
        assert_ptr_equal(v[i].inputs.v, v[i % 2].inputs.v);
        assert_ptr_equal(v[i].tags.v, v[i % 2].tags.v);
        assert_ptr_equal(v[i].group, v[i % 2].group);
    }
}

static void a_broken_file_leaves_the_cases_unknown(void **state)
{
    struct fixture *f = *state;
    static const char hint[] = "  hint: `python3 list.py` wrote it (target 's.discover'): mend that command, then: "
                               "tgraph --force s.discover\n";
    static const char *const wrong[][3] = {
        {"{\"id\":\"a\"}\n{\"id\":\"b\",\n", "2:11", "the line ends within the case"},
        {"{\"id\":\n\"a\"}\n", "1:7", "the line ends within the case"},
        {"{\"id\":\"a\"", "1:9", "the line ends within the case"},
        {"{\"id\":\"a\"}\nTraceback\n", "2:1", "lexical error: invalid char in json text"},
        {"{\"id\":\"a\"}\n12\n", "2:2", "a case is an object, and this is a number"},
        {"\"a\"\n", "1:3", "a case is an object, and this is a string"},
        {"null\n", "1:4", "a case is an object, and this is null"},
        {"[\"a\"]\n", "1:1", "a case is an object, and this is a list"},
        {"12", "1:2", "a case is an object, and this is none"},
        {"{\"id\":\"a\"} {\"id\":\"b\"}\n", "1:12", "there is more than one value on the line"},
        {"{\"group\":\"a\"}\n", "1:13", "the case has no id"},
        {"{\"id\":7}\n", "1:7", "'id' must be a string, and is a number"},
        {"{\"id\":null}\n", "1:10", "'id' must be a string, and is null"},
        {"{\"id\":[\"a\"]}\n", "1:7", "'id' must be a string, and is a list"},
        {"{\"id\":\"\"}\n", "1:9", "the id is empty"},
        {"{\"id\":\"a\\tb\"}\n", "1:13", "the id holds a control character"},
        {"{\"id\":\"a\\u0000b\"}\n", "1:17", "the id holds a control character"},
        {"{\"id\":\"\xff\"}\n", "1:8", "lexical error: invalid bytes in UTF8 string"},
        {"{\"id\":\"a\"}\n\n{\"id\":\"a\"}\n", "3:10", "the case 'a' is there twice: on line 1 and on line 3"},
        {"{\"id\":\"a\",\"naem\":1}\n", "1:16",
         "a case has no member 'naem': a case has data, group, id, inputs, tags and timeout"},
        {"{\"id\":\"a\",\"input\":1}\n", "1:17", "a case has no member 'input', did you mean 'inputs'?"},
        {"{\"id\":\"a\",\"id\":\"b\"}\n", "1:14", "the case says 'id' twice"},
        {"{\"id\":\"a\",\"inputs\":\"x\"}\n", "1:22", "'inputs' must be a list of paths, and is a string"},
        {"{\"id\":\"a\",\"inputs\":[7]}\n", "1:21", "'inputs' must be a list of paths, and holds a number"},
        {"{\"id\":\"a\",\"inputs\":[[\"x\"]]}\n", "1:21", "'inputs' must be a list of paths, and holds a list"},
        {"{\"id\":\"a\",\"inputs\":[\"\"]}\n", "1:22", "'inputs' holds an empty string"},
        {"{\"id\":\"a\",\"inputs\":[\"a\\u0000\"]}\n", "1:29", "'inputs' holds a NUL byte"},
        {"{\"id\":\"a\",\"inputs\":[\"../x\"]}\n", "1:27", "the input '../x' leaves the repository"},
        {"{\"id\":\"a\",\"inputs\":[\".\"]}\n", "1:24", "'.' is no file that can be an input"},
        {"{\"id\":\"a\",\"inputs\":[\"/x\"]}\n", "1:25",
         "the input '/x' is absolute; it must be relative to the Testfile's folder, or begin with // at the "
         "repository's root"},
        {"{\"id\":\"a\",\"tags\":{\"x\":1}}\n", "1:18", "'tags' must be a list of strings, and is an object"},
        {"{\"id\":\"a\",\"tags\":[null]}\n", "1:22", "'tags' must be a list of strings, and holds null"},
        {"{\"id\":\"a\",\"timeout\":\"5s\"}\n", "1:24", "'timeout' must be a number of seconds, and is a string"},
        {"{\"id\":\"a\",\"timeout\":true}\n", "1:24", "'timeout' must be a number of seconds, and is a boolean"},
        {"{\"id\":\"a\",\"timeout\":0}\n", "1:21",
         "the timeout must be more than 0 seconds and at most a year, and is 0"},
        {"{\"id\":\"a\",\"timeout\":1e99}\n", "1:24",
         "the timeout must be more than 0 seconds and at most a year, and is 1e99"},
        {"{\"id\":\"a\",\"data\":nan}\n", "1:18", "lexical error: invalid string in json text"},
    };
    testfile(DISCOVER("cmd = { \"python3\", \"list.py\" }, inputs = {}"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        file(LIST, wrong[i][0]);
        char *says = mem_printf(LIST ":%s: warning T218: the cases of suite 's' are not known: %s\n%s", wrong[i][1],
                                wrong[i][2], hint);
        load_says(f, says);
        mem_free(says);
        assert_true(target(f, "s")->cases_unknown);
        assert_int_equal(target(f, "s")->n_cases, 0);
        assert_non_null(find_target(f, "s.discover")); /* it can be run again */
    }
    memtree_fail(f->tree, LIST, "T401");
    assert_non_null(strstr(load(f), "warning T218: the cases of suite 's' are not known: "));
    assert_true(target(f, "s")->cases_unknown);
}

static void nesting_has_an_end(void **state)
{
    struct fixture *f = *state;
    struct buf b = BUF_INIT;
    testfile(DISCOVER("cmd = \"x\", inputs = {}"));
    for (int depth = 99; depth <= 100; depth++) {
        buf_reset(&b);
        buf_adds(&b, "{\"id\":\"a\",\"data\":");
        for (int i = 0; i < depth; i++)
            buf_addc(&b, '[');
        for (int i = 0; i < depth; i++)
            buf_addc(&b, ']');
        buf_adds(&b, "}\n");
        file(LIST, buf_cstr(&b));
        if (depth == 99)
            load_ok(f);
        else
            assert_non_null(strstr(load(f), "not known: it is nested more than 100 deep\n"));
    }
    buf_clear(&b);
}

static void stdout_is_an_output(void **state)
{
    struct fixture *f = *state;
    testfile("build \"a\" { cmd = \"x\", inputs = {}, stdout = \"out\" }\n"
             "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"o\", \"p\" }, stdout = \"o\" }\n"
             "test \"c\" { cmd = \"x\", inputs = {}, outputs = { \"q\" }, stdout = \"r\" }\n");
    load_ok(f);
    assert_string_equal(target(f, "a")->stdout_path, "out");
    assert_strs("out", target(f, "a")->outputs);
    assert_strs("o p", target(f, "b")->outputs);
    assert_strs("q r", target(f, "c")->outputs);
    testfile("build \"a\" { cmd = \"x\", inputs = {} }\n");
    assert_non_null(strstr(load(f), "T203: build 'a' needs the field 'outputs'"));
    testfile("build \"a\" { cmd = \"x\", inputs = {}, stdout = \"//\" }\n");
    load_says(f, "Testfile.lua:1:37: error T207: the repository's root cannot be an output\n");
    testfile("build \"a\" { cmd = \"x\", inputs = {}, stdout = \"../o\" }\n");
    assert_non_null(strstr(load(f), "T206: the path '../o' leaves the repository"));
}

/* ---- adapters and options ------------------------------------------------------------------------------------------ */

struct puts {
    struct fixture *f;
    int n;
    bool fails;
};

static bool put_adapter(void *ctx, const char *path, const char *data, size_t len, struct err *e)
{
    struct puts *p = ctx;
    p->n++;
    assert_int_equal(strlen(data), len);
    if (p->fails)
        return err_set(e, "T401", "no room");
    memtree_file(p->f->tree, path, data);
    return true;
}

static void adapters_are_put_and_named(void **state)
{
    struct fixture *f = *state;
    struct puts p = {.f = f};
    f->opts.put_adapter = put_adapter;
    f->opts.put_adapter_ctx = &p;
    testfile("test \"a\" { cmd = \"x\", inputs = { adapter \"cc.lua\" } }\n"
             "test \"b\" { cmd = \"x\", inputs = adapters \"node/\", description = adapter \"tap.lua\" }\n");
    load_ok(f);
    assert_strs(".tgraph/lib/cc.lua", target(f, "a")->inputs);
    assert_string_equal(target(f, "b")->description, "//.tgraph/lib/tap.lua");
    assert_true(target(f, "b")->inputs.n > 0);
    assert_int_equal(p.n, 2 + (int)target(f, "b")->inputs.n);
    testfile("adapter \"cc.lau\"\n");
    load_says(f, "Testfile.lua:1:9: error T220: tgraph brings no adapter 'cc.lau'\n  hint: did you mean 'cc.lua'?\n");
    testfile("adapter \"node\"\n");
    load_says(f, "Testfile.lua:1:9: error T220: tgraph brings no adapter 'node'\n"
                 "  hint: that is a folder: adapters \"node\" gives all that is in it\n");
    testfile("adapters \"nodes\"\n");
    load_says(f, "Testfile.lua:1:10: error T220: tgraph brings no folder 'nodes' of adapters\n"
                 "  hint: adapters are files of tgraph's own rules; a file of the repository is named by its path\n");
    testfile("adapter \"../stdlib/init.lua\"\n");
    assert_non_null(strstr(load(f), "T220: tgraph brings no adapter"));
    testfile("adapter(3)\n");
    load_says(f, "Testfile.lua:1:1: error T202: the path of adapter must be a string, and is a number\n");
    testfile("adapters { \"x\" }\n");
    load_says(f, "Testfile.lua:1:1: error T202: the folder of adapters must be a string, and is a table\n");
    p.fails = true;
    testfile("adapter \"cc.lua\"\n");
    load_says(f, "Testfile.lua:1:9: error T221: .tgraph/lib/cc.lua: no room\n"
                 "  hint: tgraph keeps its own files there: make the folder writable, or delete what is in the way\n");
}

static const char *getenv_options(void *ctx, const char *name) { return strcmp(name, LOAD_OPTIONS) == 0 ? ctx : NULL; }

static void options_are_recorded(void **state)
{
    struct fixture *f = *state;
    static const char *const given[] = {"-k", "a b"};
    f->opts.options = (struct strs){given, 2};
    f->opts.getenv = getenv_options;
    f->opts.getenv_ctx = (void *)(uintptr_t) "2:-k3:a b";
    testfile("test \"a\" { cmd = { \"x\", table.unpack(options()) }, inputs = {} }\n");
    load_ok(f);
    assert_int_equal(target(f, "a")->cmd.n, 3);
    assert_string_equal(target(f, "a")->cmd.v[2], "a b");
    assert_int_equal(f->record.n_envs, 1);
    assert_string_equal(f->record.envs[0].name, LOAD_OPTIONS);
    struct digest d = digest_bytes("2:-k3:a b", 9);
    assert_true(digest_eq(d, f->record.envs[0].value));
    testfile("test \"a\" { cmd = { \"x\" }, inputs = {} }\n");
    load_ok(f);
    assert_int_equal(f->record.n_envs, 0);
    f->opts.options = (struct strs){NULL, 0};
    testfile("test \"a\" { cmd = { \"x\", #options() .. \"\" }, inputs = {} }\n");
    load_ok(f);
    assert_string_equal(target(f, "a")->cmd.v[1], "0");
}

static void the_editor_file_has_them(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    assert_true(load_write_annotations(NULL, &b, &e));
    static const char *const wanted[] = {
        "---@class tgraph.suite\n",
        "---@class tgraph.discover\n",
        "---@class tgraph.discovered\n",
        "---@field id string Its name in the suite",
        "---@field group? string",
        "---@field worker string|string[]",
        "---@field cases (string|tgraph.case)[]|tgraph.discovered",
        "\nfunction suite(name, fields) end\n",
        "\nfunction discover(fields) end\n",
        "\nfunction adapter(path) end\n",
        "\nfunction adapters(folder) end\n",
        "\nfunction options() end\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(buf_cstr(&b), wanted[i]))
            fail_msg("the editor file has no %s", wanted[i]);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(every_field),
        with_fixture(what_is_left_out),
        with_fixture(defaults_reach_suites_and_discover),
        with_fixture(cases_of_a_list),
        with_fixture(order_by_file),
        with_fixture(mistakes_of_fields),
        with_fixture(mistakes_of_cases),
        with_fixture(all_mistakes_are_told),
        with_fixture(discover_declares_a_build),
        with_fixture(mistakes_of_discover),
        with_fixture(cases_of_a_file),
        with_fixture(a_deleted_file_in_a_list_is_no_mistake),
        with_fixture(an_empty_file_is_a_list_of_none),
        with_fixture(equal_lists_are_kept_once),
        with_fixture(a_broken_file_leaves_the_cases_unknown),
        with_fixture(nesting_has_an_end),
        with_fixture(stdout_is_an_output),
        with_fixture(adapters_are_put_and_named),
        with_fixture(options_are_recorded),
        with_fixture(the_editor_file_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Every message of a declaration: place, code, what was expected, nearest name. */
#include "unit/lua/fixture.h"

static void says(struct fixture *f, const char *text, const char *messages)
{
    testfile(text);
    load_says(f, messages);
}

static void unknown_fields(void **state)
{
    struct fixture *f = *state;
    says(f, "test \"a\" {\n  cmd = \"x\",\n  imputs = {},\n}\n",
         "Testfile.lua:3:3: error T201: unknown field 'imputs' of test 'a'\n  hint: did you mean 'inputs'?\n");
    says(f, "group \"a\" { \"b\", zzzzzz = 1 }\n",
         "Testfile.lua:1:18: error T201: unknown field 'zzzzzz' of group 'a'\n"
         "  hint: its fields are description, members, tags\n");
    says(f, "build \"a\" { cmd = \"x\", inputs = {}, outputs = { \"o\" }, shards = 2 }\n",
         "Testfile.lua:1:56: error T201: unknown field 'shards' of build 'a'\n"
         "  hint: its fields are cache, cmd, cwd, depfile, deps, description, env, exclusive, incremental, inputs, "
         "jobserver, "
         "may_read, outputs, pool, retries, slots, stdin, stdout, success_codes, tags, timeout, tools, value\n");
    says(f, "test \"a\" { \"x\", inputs = {}, cmd = \"x\" }\n",
         "Testfile.lua:1:6: error T201: item 1 of test 'a' has no field name\n"
         "  hint: every field has a name: cmd = { ... }\n");
    says(f, "test \"a\" { [print] = 1, inputs = {}, cmd = \"x\" }\n",
         "Testfile.lua:1:6: error T201: a field of test 'a' has no text as its name\n");
    says(f, "pool \"p\" { slots = 1, slot = 2 }\n",
         "Testfile.lua:1:23: error T201: unknown field 'slot' of pool 'p'\n  hint: did you mean 'slots'?\n");
    says(f, "defaults { timeot = 1 }\ndefaults { outputs = { \"x\" } }\n",
         "Testfile.lua:1:12: error T201: unknown field 'timeot' of defaults\n  hint: did you mean 'timeout'?\n"
         "Testfile.lua:2:12: error T201: field 'outputs' cannot have a default\n"
         "  hint: its fields are batch, cache, case_timeout, cwd, deps, env, exclusive, incremental, inputs, isolate, "
         "jobserver, may_read, order, pool, recycle, retries, slots, start_timeout, success_codes, tags, timeout, "
         "tools\n");
    says(f, "local g = glob(\"*.lua\", { ignore = true })\n",
         "Testfile.lua:1:27: error T201: unknown option 'ignore' of glob\n  hint: did you mean 'ignored'?\n");
}

static void wrong_types(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *field, *message;
    } cases[] = {
        {"deps = 1", "field 'deps' of test 'a' must be a string or a list of strings, and is a number"},
        {"deps = { \"b\", 1 }",
         "field 'deps' of test 'a' must be a string or a list of strings, and holds a number as item 2"},
        {"deps = { x = \"b\" }",
         "field 'deps' of test 'a' must be a string or a list of strings, and holds the key 'x'"},
        {"deps = { [1] = \"b\", [3] = \"c\" }",
         "field 'deps' of test 'a' must be a string or a list of strings, and has a gap"},
        {"inputs = { {} , 1 }",
         "field 'inputs' of test 'a' must be a list of paths and patterns, and holds a number as item 2"},
        {"env = { A = {} }", "field 'env' of test 'a' must be a table of names to pass on and NAME = value, and holds "
                             "a table as the value of 'A'"},
        {"env = { 1 }", "field 'env' of test 'a' must be a table of names to pass on and NAME = value, and holds a "
                        "number where a name is due"},
        {"cwd = false", "field 'cwd' of test 'a' must be a string, and is a boolean"},
        {"timeout = {}", "field 'timeout' of test 'a' must be a number of seconds or a text such as \"90s\", \"5m\", "
                         "\"1h\" or \"250ms\", and is "
                         "a table"},
        {"retries = 1.5", "field 'retries' of test 'a' must be a whole number, and is 1.5"},
        {"retries = \"1\"", "field 'retries' of test 'a' must be a whole number, and is a string"},
        {"cache = 0", "field 'cache' of test 'a' must be true or false, and is a number"},
        {"exclusive = 1", "field 'exclusive' of test 'a' must be true, a name or a list of names, and is a number"},
        {"stdin = { text = 1 }",
         "field 'stdin' of test 'a' must be a text or { file = \"path\" }, and holds the key 'text'"},
        {"stdin = {}", "field 'stdin' of test 'a' must be a text or { file = \"path\" }, and has nil as its file"},
        {"success_codes = 1", "field 'success_codes' of test 'a' must be a list of exit statuses, and is a number"},
        {"description = null", "field 'description' of test 'a' must be a string, and is null"},
        {"tools = { print }",
         "field 'tools' of test 'a' must be a string or a list of strings, and holds a function as item 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = mem_printf("test \"a\" { cmd = \"x\", %s%s }\n", cases[i].field,
                                strncmp(cases[i].field, "inputs", 6) == 0 ? "" : ", inputs = {}");
        char *message = mem_printf("Testfile.lua:1:23: error T202: %s\n", cases[i].message);
        says(f, text, message);
        mem_free(text);
        mem_free(message);
    }
    says(f, "test(1, {})\ntest \"a\" \"b\"\ntest(\"c\", 3)\n",
         "Testfile.lua:1:1: error T202: the name of a test must be a string, and is a number\n"
         "Testfile.lua:2:6: error T202: test 'a' must be given a table of fields, and is given a string\n"
         "Testfile.lua:3:6: error T202: test 'c' must be given a table of fields, and is given a number\n");
    says(f, "service \"s\" { cmd = \"x\", inputs = {}, ready = { lines = \"x\" } }\n",
         "Testfile.lua:1:39: error T202: field 'ready' of service 's' must be a table with one of line, port and cmd, "
         "and "
         "perhaps timeout, and holds the key 'lines'\n");
    says(f, "pool \"p\" { slots = \"2\" }\npool \"q\" {}\ndefaults(3)\n",
         "Testfile.lua:1:12: error T202: field 'slots' of pool 'p' must be a whole number, and is a string\n"
         "Testfile.lua:2:6: error T203: pool 'q' needs the field 'slots'\n  hint: slots = 2 lets two run at once\n"
         "Testfile.lua:3:1: error T202: defaults must be given a table of fields, and is given a number\n");
}

static void missing_fields(void **state)
{
    struct fixture *f = *state;
    says(f, "test \"a\" { inputs = {} }\n",
         "Testfile.lua:1:6: error T203: test 'a' needs the field 'cmd'\n"
         "  hint: The command. A list is a program and its arguments, started without a shell; a string goes to "
         "/bin/sh -c.\n");
    says(f, "build \"a\" { cmd = \"x\", inputs = {} }\n",
         "Testfile.lua:1:7: error T203: build 'a' needs the field 'outputs'\n"
         "  hint: Files that the command makes; \"dir/\" is a folder with all in it, a pattern is what matches it "
         "afterwards.\n");
    says(f, "test \"a\"\nlocal t = build \"b\"\n",
         "Testfile.lua:1:6: error T210: test 'a' has no table of fields\n  hint: write: test \"a\" { ... }\n"
         "Testfile.lua:2:17: error T210: build 'b' has no table of fields\n  hint: write: build \"b\" { ... }\n");
}

static void names_and_doubles(void **state)
{
    struct fixture *f = *state;
    const char *hint = "  hint: a name holds letters, digits and _ . + = @ , / ~ - and does not begin with a slash\n";
    static const char *const bad[] = {"a b", "a:b", "", "/a", "a#1", "*", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = mem_printf("test \"%s\" { cmd = \"x\", inputs = {} }\n", bad[i]);
        char *message = mem_printf("Testfile.lua:1:6: error T205: '%s' cannot be the name of a test\n%s", bad[i], hint);
        says(f, text, message);
        mem_free(text);
        mem_free(message);
    }
    says(f, "test \"aA0_.+=@,/~-\" { cmd = \"x\", inputs = {} }\n", "");
    says(f, "test \"a\" { cmd = \"x\", inputs = {} }\nbuild \"a\" { cmd = \"x\", inputs = {}, outputs = { \"o\" } }\n",
         "Testfile.lua:2:7: error T204: target 'a' is declared twice\n  hint: the first one is at Testfile.lua:1:6\n");
    says(f, "pool \"p\" { slots = 1 }\npool \"p\" { slots = 2 }\n",
         "Testfile.lua:2:6: error T216: pool 'p' is declared twice\n  hint: the first one is at Testfile.lua:1:6\n");
}

static void paths_that_leave(void **state)
{
    struct fixture *f = *state;
    static const char *const fields[][2] = {{"inputs = { \"", "\" }"},  {"may_read = { \"", "\" }"},
                                            {"outputs = { \"", "\" }"}, {"cwd = \"", "\""},
                                            {"depfile = \"", "\""},     {"cmd = { \"", "\" }"}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char *written = mem_printf("%s../up%s", fields[i][0], fields[i][1]);
        char *text =
            mem_printf("test \"a\" {\n%s, %s %s }\n", written, strncmp(written, "inputs", 6) ? "inputs = {}," : "",
                       strncmp(written, "cmd", 3) ? "cmd = \"x\"" : "");
        char *message = mem_printf("Testfile.lua:2:%d: error T206: the path '../up' leaves the repository\n"
                                   "  hint: paths are relative to the Testfile's folder; '//x' starts at the root\n",
                                   (int)(strchr(written, '"') - written) + 1);
        says(f, text, message);
        mem_free(written);
        mem_free(text);
        mem_free(message);
    }
    says(f, "test \"a\" { cmd = \"x\", inputs = { \"/etc/passwd\" } }\n",
         "Testfile.lua:1:34: error T206: the path '/etc/passwd' is absolute\n"
         "  hint: write it relative to the Testfile's folder, or '//x' from the repository's root\n");
    says(f, "local t = read \"../x\"\n",
         "Testfile.lua:1:16: error T206: the path '../x' leaves the repository\n"
         "  hint: paths are relative to the Testfile's folder; '//x' starts at the root\n");
    says(f, "include \"..\"\n",
         "Testfile.lua:1:9: error T206: the path '..' leaves the repository\n"
         "  hint: paths are relative to the Testfile's folder; '//x' starts at the root\n");
    says(f, "local g = glob { \"*\", \"../*\" }\n",
         "Testfile.lua:1:23: error T206: the path '../*' leaves the repository\n"
         "  hint: paths are relative to the Testfile's folder; '//x' starts at the root\n");
}

static void values_out_of_range(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *field, *message;
        int col;
    } cases[] = {
        {"slots = 0", "field 'slots' of test 'a' must be a whole number from 1 to 100000, and is 0", 36},
        {"retries = -1", "field 'retries' of test 'a' must be a whole number from 0 to 1000, and is -1", 36},
        {"shards = 0", "field 'shards' of test 'a' must be a whole number from 1 to 10000, and is 0", 36},
        {"success_codes = { 256 }",
         "field 'success_codes' of test 'a' must be a whole number from 0 to 255, and is 256", 36},
        {"cmd = {}", "field 'cmd' of test 'a' is empty", 36},
        {"env = { [\"A=B\"] = \"x\" }", "'A=B' is no name of an environment variable", 45},
        {"tools = { \"a/b\" }",
         "'a/b' is neither the name of a tool on PATH nor an absolute path\n"
         "  hint: a file of the repository that the command runs belongs in inputs",
         46},
        {"outputs = { \".\" }", "the repository's root cannot be an output", 48},
        {"value = print", "field 'value' of test 'a' has no digest: it holds a function", 36},
        {"timeout = 0",
         "field 'timeout' of test 'a' must be more than 0 seconds, and is 0\n"
         "  hint: a number of seconds, or a text such as \"90s\", \"5m\", \"1h\" or \"250ms\"; at most a year",
         36},
        {"timeout = \"5 days\"",
         "'5 days' is no duration for field 'timeout' of test 'a'\n"
         "  hint: a number of seconds, or a text such as \"90s\", \"5m\", \"1h\" or \"250ms\"; at most a year",
         46},
        {"stdin = \"a\\0b\"", "field 'stdin' of test 'a' holds a NUL byte", 36},
        {"shards = 2, outputs = { \"x\" }", "test 'a' has shards and outputs: each shard would make the same files",
         36},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool cmd = strncmp(cases[i].field, "cmd", 3) == 0;
        char *text =
            mem_printf("test \"a\" { %sinputs = {}, %s }\n", cmd ? "xxxxxxx = " : "cmd = \"x\", ", cases[i].field);
        char *p = strstr(text, "xxxxxxx = ");
        if (p)
            memcpy(p, "          ", 10);
        char *message =
            mem_printf("Testfile.lua:1:%d: error T207: %s\n", cases[i].col - (cmd ? 1 : 0), cases[i].message);
        says(f, text, message);
        mem_free(text);
        mem_free(message);
    }
    says(f, "service \"s\" { cmd = \"x\", inputs = {}, ready = {} }\n",
         "Testfile.lua:1:39: error T207: field 'ready' of service 's' must say one of line, port and cmd\n"
         "  hint: ready = { line = \"listening\" }, { port = 8080 } or { cmd = { ... } }\n");
    says(f, "local d = digest { f = print }\n",
         "Testfile.lua:1:11: error T207: the value has no digest: it holds a function\n");
}

static void patterns_and_labels(void **state)
{
    struct fixture *f = *state;
    says(f, "test \"a\" { cmd = \"x\", inputs = { \"[a\" }, outputs = { \"{b\" } }\n",
         "Testfile.lua:1:34: error T208: the pattern '[a' is malformed: '[' is not closed\n"
         "Testfile.lua:1:54: error T208: the pattern '{b' is malformed: '{' is not closed\n");
    says(f, "test \"a\" { cmd = \"x\", inputs = {}, deps = { \"b c\", \"../x:y\", \"a:b:c\" } }\n",
         "Testfile.lua:1:45: error T209: 'b c' is no label\n"
         "  hint: a label is \"name\" (same Testfile), \"dir:name\", or \"//:name\" (the root's Testfile)\n"
         "Testfile.lua:1:52: error T209: '../x:y' is no label\n"
         "  hint: a label is \"name\" (same Testfile), \"dir:name\", or \"//:name\" (the root's Testfile)\n"
         "Testfile.lua:1:62: error T209: 'a:b:c' is no label\n"
         "  hint: a label is \"name\" (same Testfile), \"dir:name\", or \"//:name\" (the root's Testfile)\n");
}

static void inputs_that_do_not_exist(void **state)
{
    struct fixture *f = *state;
    file("src/parser.c", "");
    file("source.txt", "");
    says(
        f,
        "test \"a\" {\n  cmd = { \"./run.sh\" },\n  inputs = { \"src/praser.c\", \"scr/parser.c\", \"nothing\" },\n}\n",
        "Testfile.lua:3:14: error T212: the input 'src/praser.c' does not exist\n  hint: did you mean 'src/parser.c'?\n"
        "Testfile.lua:3:30: error T212: the input 'scr/parser.c' does not exist\n  hint: did you mean 'src/parser.c'?\n"
        "Testfile.lua:3:46: error T212: the input 'nothing' does not exist\n"
        "  hint: it is no file, and no target names it in its outputs\n"
        "Testfile.lua:2:11: error T212: the command 'run.sh' does not exist\n"
        "  hint: it is no file, and no target names it in its outputs\n");
    says(f,
         "test \"a\" { cmd = \"x\", inputs = { \"gen/x.c\" } }\n"
         "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"gen/*.c\" } }\n",
         "Testfile.lua:1:34: error T212: the input 'gen/x.c' does not exist\n"
         "  hint: target 'b' makes 'gen/*.c': name that pattern as the input\n");
}

static void patterns_that_match_nothing_warn(void **state)
{
    struct fixture *f = *state;
    file(".gitignore", "*.o\n");
    file("obj/a.o", "");
    file("a.c", "");
    testfile("test \"a\" { cmd = \"x\", inputs = { \"*.c\", \"*.cc\", \"obj\" } }\nlocal g = glob \"none/*\"\n");
    load(f);
    assert_int_equal(f->errs.n_errors, 0);
    load_says(f, "Testfile.lua:2:16: warning T213: the pattern 'none/*' matches no file\n"
                 "Testfile.lua:1:41: warning T213: the pattern '*.cc' matches no file\n"
                 "Testfile.lua:1:49: warning T213: the folder 'obj' holds no file that counts\n"
                 "  hint: what git ignores does not count\n");
}

static void tools_and_variables(void **state)
{
    struct fixture *f = *state;
    says(f,
         "local a = tool \"no-such-tool\"\nlocal b = tool(\"no-such-tool\", { optional = true })\n"
         "test(\"t\" .. tostring(b)) { cmd = { a }, inputs = {} }\n",
         "Testfile.lua:1:16: error T214: the tool 'no-such-tool' is not on PATH\n"
         "  hint: install it, or ask with tool(\"no-such-tool\", { optional = true }), which gives nil\n");
    target(f, "tnil");
    says(f,
         "local a = env \"UNSET\"\nlocal b = env(\"UNSET\", false)\nlocal c = env(\"UNSET\", \"d\")\nlocal d = env "
         "\"EMPTY\"\n"
         "test(tostring(b) .. c .. d .. a) { cmd = \"x\", inputs = {} }\n",
         "Testfile.lua:1:15: error T215: the environment variable 'UNSET' is not set\n"
         "  hint: set it, or give a default: env(\"UNSET\", \"...\")\n");
    target(f, "nild");
}

static void lua_errors_end_the_file_only(void **state)
{
    struct fixture *f = *state;
    file("a/Testfile.lua", "local x = = 1\n");
    file("b/Testfile.lua", "local t = nil\nlocal y = t.field\n");
    file("c/Testfile.lua", "tset \"a\" {}\n");
    file("d/Testfile.lua", "error(\"mine\")\n");
    file("e/Testfile.lua", "test \"ok\" { cmd = \"x\", inputs = {} }\nlocal s = \"a\" .. {}\n");
    file("g/Testfile.lua", "test \"a\" {\n  cmd = \"x\"\n  inputs = {},\n}\n");
    testfile("include { \"a\", \"b\", \"c\", \"d\", \"e\", \"g\", \"h\" }\n");
    load_says(f, "a/Testfile.lua:1:11: error T101: unexpected symbol near '='\n"
                 "b/Testfile.lua:2:11: error T102: attempt to index a nil value (local 't')\n"
                 "c/Testfile.lua:1:1: error T106: nothing is called 'tset'\n  hint: did you mean 'test'?\n"
                 "d/Testfile.lua:1:1: error T102: mine\n"
                 "e/Testfile.lua:2:1: error T102: attempt to concatenate a table value\n"
                 "g/Testfile.lua:3:3: error T101: '}' expected (to close '{' at line 1) near 'inputs'\n"
                 "Testfile.lua:1:41: error T108: there is no h/Testfile.lua\n");
    target(f, "e:ok");
}

static void print_is_a_warning(void **state)
{
    struct fixture *f = *state;
    testfile("print(\"a\", 1, {}, nil)\n");
    load_says(f, "Testfile.lua:1:1: warning T190: a  1  table  nil\n");
    assert_int_equal(f->errs.n_errors, 0);
}

static void a_mistake_in_a_loop_is_not_shown_a_thousand_times(void **state)
{
    struct fixture *f = *state;
    testfile("for i = 1, 1000 do\n  test(\"t\" .. i) { cmd = \"x\", imputs = {} }\nend\n");
    load(f);
    assert_int_equal(f->errs.n, 6);
    assert_int_equal(f->errs.n_errors, 5);
    assert_string_equal(f->errs.v[5].code, "T191");
    assert_string_equal(f->errs.v[5].msg, "995 more messages are not shown");
}

static void warnings_do_not_hide_errors(void **state)
{
    struct fixture *f = *state;
    testfile("for i = 1, 1000 do\n  print(i)\n  glob \"none*\"\nend\ntest \"a\" { }\n");
    load(f);
    assert_int_equal(f->errs.n_errors, 1);
}

static void no_testfile_at_all(void **state)
{
    struct fixture *f = *state;
    load_says(f, "Testfile.lua: error T108: there is no Testfile.lua\n");
}

static void errors_after_loading_find_their_word(void **state)
{
    struct fixture *f = *state;
    testfile("include \"sub\"\n");
    file("sub/Testfile.lua",
         "test \"a\" { cmd = \"x\", inputs = {}, deps = {\n  \"b\", \"//:c\" } }\n"
         "group \"g\" { \"a\",\n  \"d\" }\ntest \"s\" { cmd = \"x\", inputs = {}, shards = 2, deps = { \"b\" } }\n");
    load_ok(f);
    struct decl_pos p = load_locate(f->tree, target(f, "sub:a"), "deps", "sub:b");
    assert_int_equal(p.line * 100 + p.col, 203);
    p = load_locate(f->tree, target(f, "sub:a"), "deps", "c");
    assert_int_equal(p.line * 100 + p.col, 208);
    p = load_locate(f->tree, target(f, "sub:a"), "deps", "nowhere");
    assert_int_equal(p.line * 100 + p.col, 136);
    p = load_locate(f->tree, target(f, "sub:g"), "members", "sub:d");
    assert_int_equal(p.line * 100 + p.col, 403);
    p = load_locate(f->tree, target(f, "sub:s#2"), "deps", "sub:b");
    assert_int_equal(p.line * 100 + p.col, 557);
    p = load_locate(f->tree, target(f, "sub:a"), "outputs", "x");
    assert_int_equal(p.line * 100 + p.col, 106);
    assert_string_equal(p.file, "sub/Testfile.lua");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(unknown_fields),
        with_fixture(wrong_types),
        with_fixture(missing_fields),
        with_fixture(names_and_doubles),
        with_fixture(paths_that_leave),
        with_fixture(values_out_of_range),
        with_fixture(patterns_and_labels),
        with_fixture(inputs_that_do_not_exist),
        with_fixture(patterns_that_match_nothing_warn),
        with_fixture(tools_and_variables),
        with_fixture(lua_errors_end_the_file_only),
        with_fixture(print_is_a_warning),
        with_fixture(a_mistake_in_a_loop_is_not_shown_a_thousand_times),
        with_fixture(warnings_do_not_hide_errors),
        with_fixture(no_testfile_at_all),
        with_fixture(errors_after_loading_find_their_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

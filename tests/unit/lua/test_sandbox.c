/* SPDX-License-Identifier: MIT
 *
 * What Lua can do in a Testfile, what it cannot, and that it is the same every time. */
#include "unit/lua/fixture.h"

/* Runs Lua that puts a text into `got`, by declaring a test with that description. */
static const char *result(struct fixture *f, const char *lua)
{
    char *text =
        mem_printf("local got\n%s\ntest \"t\" { cmd = \"true\", inputs = {}, description = tostring(got) }\n", lua);
    testfile(text);
    mem_free(text);
    load_ok(f);
    return target(f, "t")->description;
}

static void pairs_goes_by_key(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(result(f,
                               "local t = { z = 1, a = 2, [10] = 3, [2] = 4, [-1] = 5, [1.5] = 6, [true] = 7, b = 8 }\n"
                               "got = ''\nfor k, v in pairs(t) do got = got .. tostring(k) .. '=' .. v .. ' ' end"),
                        "-1=5 1.5=6 2=4 10=3 a=2 b=8 z=1 true=7 ");
    assert_string_equal(result(f, "got = ''\nfor i, v in pairs { 'x', 'y', 'z' } do got = got .. i .. v end"),
                        "1x2y3z");
    assert_string_equal(result(f, "local t = { a = 1, b = 2, c = 3 }\ngot = ''\n"
                                  "for k in pairs(t) do got = got .. k t.b = nil t.d = 4 end"),
                        "ac");
}

static void next_goes_by_key(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(result(f, "local t = { b = 1, a = 2, [3] = 3 }\ngot = ''\nlocal k = next(t)\n"
                                  "while k ~= nil do got = got .. k .. ' ' k = next(t, k) end"),
                        "3 a b ");
    assert_string_equal(result(f, "got = next({})"), "nil");
}

static void a_key_without_order_is_an_error(void **state)
{
    struct fixture *f = *state;
    testfile("local t = { [{}] = 1 }\nfor _ in pairs(t) do end\n");
    load_says(f,
              "Testfile.lua:2:1: error T102: a key of a table that is walked must be a number, a string or a boolean, "
              "and is a table\n");
}

static void nothing_shows_an_address(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(
        result(f, "got = tostring({}) .. tostring(print) .. tostring(null) .. tostring(1) .. tostring(1.0)"),
        "tablefunctionnull11.0");
    assert_string_equal(result(f, "got = ('%s|%s|%5.1f|%d|%q'):format({}, print, 1.25, 3, 'a')"),
                        "table|function|  1.2|3|\"a\"");
    testfile("local s = (\"x\"):format(1)\nlocal p = string.format(\"%-10p\", {})\n");
    load_says(f,
              "Testfile.lua:2:1: error T102: string.format: %p is not available: an address differs from run to run\n");
}

static void sorting_is_stable(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(result(f, "local t = {}\nfor i = 1, 1000 do t[i] = { i % 3, i } end\n"
                                  "table.sort(t, function(a, b) return a[1] < b[1] end)\n"
                                  "got = 'stable'\nfor i = 2, 1000 do\n"
                                  "  if t[i - 1][1] == t[i][1] and t[i - 1][2] > t[i][2] then got = 'unstable' end\n"
                                  "  if t[i - 1][1] > t[i][1] then got = 'unsorted' end\nend"),
                        "stable");
    assert_string_equal(result(f, "local t = { 'b', 'c', 'a' }\ntable.sort(t)\ngot = table.concat(t)"), "abc");
    assert_string_equal(result(f, "local t = { 3, 1.5, 2, 1 }\ntable.sort(t, function(a, b) return a > b end)\n"
                                  "got = table.concat(t, ' ')"),
                        "3 2 1.5 1");
}

static void what_is_not_allowed_is_not_there(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"os",      "io",     "debug",        "package",      "coroutine",
                                        "require", "load",   "loadstring",   "dofile",       "loadfile",
                                        "pcall",   "xpcall", "setmetatable", "getmetatable", "collectgarbage",
                                        "rawset",  "rawget", "_G",           "warn",         "core"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *text = mem_printf("local x = %s\n", names[i]);
        testfile(text);
        char *expected = mem_printf("Testfile.lua:1:11: error T106: nothing is called '%s'\n", names[i]);
        if (strncmp(load(f), expected, strlen(expected)) != 0)
            fail_msg("%s is there: %s", names[i], buf_cstr(&f->text));
        mem_free(expected);
        mem_free(text);
    }
    assert_string_equal(result(f,
                               "got = tostring(string.dump) .. tostring((''):rep(3).dump) .. tostring(math.random) .. "
                               "tostring(math.randomseed) .. tostring(string.pack)"),
                        "nilnilnilnilnil");
}

static void libraries_cannot_be_changed(void **state)
{
    struct fixture *f = *state;
    testfile("string.upper = 1\n");
    load_says(f, "Testfile.lua:1:1: error T102: 'string' cannot be changed\n");
    testfile("platform.os = 1\n");
    load_says(f, "Testfile.lua:1:1: error T102: 'platform' cannot be changed\n");
    testfile("test = nil\n");
    load_says(
        f,
        "Testfile.lua:1:1: error T105: 'test' is part of the language and cannot be set\n  hint: write: local test\n");
}

static void globals_are_errors_that_go_on(void **state)
{
    struct fixture *f = *state;
    testfile("x = 1\nlocal y = x + 1\n  function helper() end\ntest(\"t\" .. y) { cmd = 1 }\n");
    load_says(f, "Testfile.lua:1:1: error T105: the name 'x' is not local\n"
                 "  hint: write: local x\n"
                 "Testfile.lua:3:12: error T105: the name 'helper' is not local\n"
                 "  hint: write: local helper\n"
                 "Testfile.lua:4:18: error T202: field 'cmd' of test 't2' must be a list of strings (a program and its "
                 "arguments) or a string (for /bin/sh), and is a number\n");
}

static void globals_do_not_leak_into_other_files(void **state)
{
    struct fixture *f = *state;
    testfile("shared = 1\ninclude \"a\"\n");
    file("a/Testfile.lua", "local x = shared\n");
    load_says(f, "Testfile.lua:1:1: error T105: the name 'shared' is not local\n"
                 "  hint: write: local shared\n"
                 "a/Testfile.lua:1:11: error T106: nothing is called 'shared'\n");
}

static void an_endless_loop_ends_with_its_line(void **state)
{
    struct fixture *f = *state;
    f->opts.instruction_limit = 1000000;
    testfile("local n = 0\nwhile true do\nend\n");
    load_says(f, "Testfile.lua:2:1: error T103: the Testfiles ran for more than 1000000 steps\n"
                 "  hint: is there a loop that does not end?\n");
    testfile("for _ = 1, 1e9 do\n  local s = (\"x\"):rep(100000)\nend\n");
    load(f);
    assert_string_equal(f->errs.v[0].code, "T103");
    assert_int_equal(f->errs.v[0].line, 2);
    testfile("local t = {}\nfor i = 1, 10000 do t[i] = 1 end\nwhile true do table.insert(t, 1, 1) end\n");
    load(f);
    assert_string_equal(f->errs.v[0].code, "T103");
    testfile("table.move({}, 1, 1 << 60, 2)\n");
    load(f);
    assert_string_equal(f->errs.v[0].code, "T103");
    testfile("local x = (\"\"):rep(1 << 60)\n");
    load_ok(f);
    testfile("local x = (\"a\"):rep(1 << 40)\n");
    load(f);
    assert_string_equal(f->errs.v[0].code, "T103");
    assert_int_equal(f->errs.v[0].line, 1);
}

static void an_endless_loop_in_a_module_ends_with_its_line(void **state)
{
    struct fixture *f = *state;
    f->opts.instruction_limit = 1000000;
    testfile("local m = use \"./m.lua\"\nm.f()\n");
    file("m.lua", "local m = {}\nfunction m.f()\n  while true do end\nend\nreturn m\n");
    load_says(f, "m.lua:3:3: error T103: the Testfiles ran for more than 1000000 steps\n"
                 "  hint: is there a loop that does not end?\n");
}

static void memory_is_limited(void **state)
{
    struct fixture *f = *state;
    f->opts.memory_limit_bytes = 16 << 20;
    const char *message = "error T104: the Testfiles need more than 16 MiB of memory\n"
                          "  hint: does a loop or string.rep make more than is meant?\n";
    char expected[256];
    snprintf(expected, sizeof expected, "Testfile.lua:3:3: %s", message);
    testfile("local t = {}\nfor i = 1, 1e9 do\n  t[i] = (\"x\"):rep(1000) .. i\nend\n");
    load_says(f, expected);
    snprintf(expected, sizeof expected, "Testfile.lua:2:1: %s", message);
    testfile("-- big\nlocal s = (\"x\"):rep(100000000)\n");
    load_says(f, expected);
}

static void every_memory_limit_gives_an_error_or_a_graph(void **state)
{
    struct fixture *f = *state;
    testfile("local t = json \"a.json\"\nlocal y = yaml \"a.yaml\"\nfor i, v in ipairs(t) do\n"
             "  test(\"t\" .. i) { cmd = { \"true\", v }, inputs = { \"*.json\" }, env = { A = i }, value = { y, t } "
             "}\nend\n");
    file("a.json", "[\"a\", \"b\", \"c\"]");
    file("a.yaml", "x: &a [1, 2]\ny: *a\n");
    bool worked = false;
    for (size_t limit = 1000; limit < 600000; limit += 1501) {
        f->opts.memory_limit_bytes = limit;
        load(f);
        worked = f->errs.n_errors == 0;
        if (!worked)
            assert_string_equal(f->errs.v[0].code, "T104");
        else
            assert_int_equal(f->decls.n, 3);
    }
    assert_true(worked);
}

static void deep_recursion_is_an_error(void **state)
{
    struct fixture *f = *state;
    testfile("local function g(n) return 1 + g(n) end\ng(1)\n");
    load(f);
    assert_int_equal(f->errs.n, 1);
    assert_string_equal(f->errs.v[0].msg, "stack overflow: a function calls itself without end");
    assert_int_equal(f->errs.v[0].line, 1);
    testfile("local function g(s) return (s:gsub(\".\", g)) end\ng(\"x\")\n");
    load(f);
    assert_int_equal(f->errs.n, 1);
    assert_string_equal(f->errs.v[0].msg, "stack overflow: a function calls itself without end");
    char *nested = mem_alloc(4001);
    memset(nested, '{', 4000);
    nested[4000] = '\0';
    char *text = mem_printf("local t = %s\n", nested);
    testfile(text);
    load(f);
    assert_string_equal(f->errs.v[0].code, "T101");
    mem_free(text);
    mem_free(nested);
}

static void bytecode_is_refused(void **state)
{
    struct fixture *f = *state;
    testfile("\033Lua rubbish");
    load(f);
    assert_int_equal(f->errs.n_errors, 1);
    assert_string_equal(f->errs.v[0].code, "T101");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    struct fixture *f = *state;
    testfile("\xef\xbb\xbftest \"a\" { cmd = \"true\", inputs = {} }\n");
    load_ok(f);
    target(f, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(pairs_goes_by_key),
        with_fixture(next_goes_by_key),
        with_fixture(a_key_without_order_is_an_error),
        with_fixture(nothing_shows_an_address),
        with_fixture(sorting_is_stable),
        with_fixture(what_is_not_allowed_is_not_there),
        with_fixture(libraries_cannot_be_changed),
        with_fixture(globals_are_errors_that_go_on),
        with_fixture(globals_do_not_leak_into_other_files),
        with_fixture(an_endless_loop_ends_with_its_line),
        with_fixture(an_endless_loop_in_a_module_ends_with_its_line),
        with_fixture(memory_is_limited),
        with_fixture(every_memory_limit_gives_an_error_or_a_graph),
        with_fixture(deep_recursion_is_an_error),
        with_fixture(bytecode_is_refused),
        with_fixture(a_byte_order_mark_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * json, yaml, read, digest and the values that they give. */
#include "unit/lua/fixture.h"

/* A file's value as canonical text. */
static const char *value_of(struct fixture *f, const char *reader, const char *text)
{
    file("data", text);
    char *lua = mem_printf("test \"t\" { cmd = \"x\", inputs = {}, value = %s \"data\" }\n", reader);
    testfile(lua);
    mem_free(lua);
    load_ok(f);
    return target(f, "t")->value;
}
#define json_is(text, expected) assert_string_equal(value_of(f, "json", text), expected)
#define yaml_is(text, expected) assert_string_equal(value_of(f, "yaml", text), expected)

static void json_values(void **state)
{
    struct fixture *f = *state;
    json_is("{\"b\": [1, 2.5, \"x\", true, false, null], \"a\": {}}", "{\"a\":{},\"b\":[1,2.5,\"x\",true,false,null]}");
    json_is("9223372036854775807", "9223372036854775807");
    json_is("-9223372036854775808", "-9223372036854775808");
    json_is("9223372036854775808", "9.2233720368547758e+18");
    json_is("1.0", "1.0");
    json_is("1e2", "100.0");
    json_is("[]", "{}");
    json_is("[null, null]", "[null,null]");
    json_is("\"\\u00e4\\n\"", "\"\xc3\xa4\\u000a\"");
    json_is("{\"a\": 1, \"a\": 2}", "{\"a\":2}");
    json_is("\xef\xbb\xbf[1]", "[1]");
}

static void json_errors(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *start;
    } cases[] = {
        {"{\n  \"a\": [1, }\n", "data:2:12: error T110: this is no JSON: parse error: "},
        {"", "data:1:1: error T110: this is no JSON: "},
        {"[1, 2",
         "data:1:6: error T110: this is no JSON: parse error: premature EOF\n  hint: read by Testfile.lua:1\n"},
        {"1 2", "data:1:"},
        {"// c\n1", "data:1:"},
        {"nul", "data:1:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file("data", cases[i].text);
        testfile("local v = json \"data\"\n");
        load(f);
        if (strncmp(buf_cstr(&f->text), cases[i].start, strlen(cases[i].start)) != 0)
            fail_msg("%s: %s", cases[i].text, buf_cstr(&f->text));
        assert_int_equal(f->errs.n, 1);
    }
    char *deep = mem_alloc(100001);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    file("data", deep);
    load_says(f, "data:1:101: error T110: this is no JSON: it is nested more than 100 deep\n"
                 "  hint: read by Testfile.lua:1\n");
    mem_free(deep);
}

static void yaml_values(void **state)
{
    struct fixture *f = *state;
    yaml_is("b:\n  - 1\n  - 2.5\n  - x\n  - true\n  - null\n  - ~\n  -\na: {}\n",
            "{\"a\":{},\"b\":[1,2.5,\"x\",true,null,null,null]}");
    yaml_is("[yes, no, on, off, y, True, FALSE, Null]", "[\"yes\",\"no\",\"on\",\"off\",\"y\",true,false,null]");
    yaml_is("[0o17, 0x1F, 017, +1, -0, 1_000, 0b1, 12:30]", "[15,31,17,1,0,\"1_000\",\"0b1\",\"12:30\"]");
    yaml_is("[.5, 1., 1e3, -1.5E-2, .inf, -.Inf, .nan, 1e, .]",
            "[0.5,1.0,1000.0,-0.014999999999999999,inf,-inf,nan,\"1e\",\".\"]");
    yaml_is("['1', \"true\", !!str 1, !!int \"3\", !!float 3, !other 4]", "[\"1\",\"true\",\"1\",3,3.0,\"4\"]");
    yaml_is("200: ok\ntrue: x\n", "{\"200\":\"ok\",\"true\":\"x\"}");
    yaml_is("a: &x {k: [1]}\nb: *x\nc: &s text\nd: *s\n",
            "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":\"text\",\"d\":\"text\"}");
    yaml_is("", "null");
    yaml_is("# only\n", "null");
    yaml_is("|\n  a\n  b\n", "\"a\\u000ab\\u000a\"");
    yaml_is("--- 3\n...\n", "3");
}

static void yaml_errors(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: [1\nb: 2\n", "data:2:2: error T110: this is no YAML: did not find expected ',' or ']'"},
        {"a: 1\n---\nb: 2\n", "data:2:1: error T110: this is no YAML: it holds more than one document"},
        {"a: &x\n  b: *x\n",
         "data:2:6: error T110: this is no YAML: an alias names no anchor that was finished before it"},
        {"? [1]\n: 2\n", "data:1:3: error T110: this is no YAML: a mapping's key must be a scalar"},
        {"a: !!int x\n", "data:1:4: error T110: this is no YAML: a value does not fit its tag"},
    };
    testfile("\nlocal v = yaml \"data\"\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file("data", cases[i].text);
        char *expected = mem_printf("%s\n  hint: read by Testfile.lua:2\n", cases[i].message);
        load_says(f, expected);
        mem_free(expected);
    }
}

static void an_alias_bomb_costs_nothing_until_it_is_written_out(void **state)
{
    struct fixture *f = *state;
    struct buf b = BUF_INIT;
    buf_adds(&b, "a0: &a0 [x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 30; i++)
        buf_printf(&b, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1,
                   i - 1, i - 1, i - 1, i - 1);
    file("data", buf_cstr(&b));
    testfile("local v = yaml \"data\"\ntest \"t\" { cmd = \"x\", inputs = {}, description = v.a29[1][8][1][1][1][1] "
             "and \"deep\" }\n");
    load_ok(f);
    testfile("local v = yaml \"data\"\nlocal d = digest(v)\n");
    load_says(f, "Testfile.lua:2:11: error T207: the value has no digest: it is larger than 64 MiB\n");
    buf_clear(&b);
}

static void files_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    file("conf/cases.json", "{}");
    testfile("local v = json \"conf/case.json\"\n");
    load_says(
        f,
        "Testfile.lua:1:16: error T109: there is no file 'conf/case.json'\n  hint: did you mean 'conf/cases.json'?\n");
    testfile("local v = read \"zzz\"\n");
    load_says(f, "Testfile.lua:1:16: error T109: there is no file 'zzz'\n"
                 "  hint: read(\"zzz\", { optional = true }) gives nil instead\n");
    testfile("local v = read(\"zzz\", { optional = true })\ntest(tostring(v)) { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    target(f, "nil");
    testfile("local v = yaml(\"data\", { optional = true })\n");
    file("data", "a: b: c");
    load(f);
    assert_string_equal(f->errs.v[0].code, "T110"); /* there, and broken */
    memtree_fail(f->tree, "data", "T401");
    load(f);
    assert_string_equal(f->errs.v[0].code, "T109");
}

static void paths_are_seen_from_the_testfile(void **state)
{
    struct fixture *f = *state;
    file("sub/a.txt", "A");
    file("b.txt", "B");
    file("sub/Testfile.lua",
         "test(read \"a.txt\" .. read \"../b.txt\" .. read \"//b.txt\") { cmd = \"x\", inputs = {} }\n");
    testfile("include \"sub\"\n");
    load_ok(f);
    target(f, "sub:ABB");
}

static void digests_do_not_depend_on_order(void **state)
{
    struct fixture *f = *state;
    testfile("local a, b = {}, {}\nfor i = 1, 50 do a[\"k\" .. i] = i b[\"k\" .. 51 - i] = 51 - i end\n"
             "local same = digest(a) == digest(b)\nlocal other = digest { 1, 2 } == digest { 2, 1 }\n"
             "local kinds = digest { 1 } == digest { \"1\" } or digest { 1 } == digest { 1.0 } or digest(\"a\\0\") == "
             "digest(\"a\")\n"
             "test \"t\" { cmd = \"x\", inputs = {}, description = tostring(same) .. tostring(other) .. "
             "tostring(kinds) .. #digest(1) }\n");
    load_ok(f);
    assert_string_equal(target(f, "t")->description, "truefalsefalse32");
}

static void a_value_that_holds_itself_has_no_digest(void **state)
{
    struct fixture *f = *state;
    testfile("local a = {}\na.a = a\nlocal d = digest(a)\n");
    load_says(f, "Testfile.lua:3:11: error T207: the value has no digest: it is nested more than 100 deep\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(json_values),
        with_fixture(json_errors),
        with_fixture(yaml_values),
        with_fixture(yaml_errors),
        with_fixture(an_alias_bomb_costs_nothing_until_it_is_written_out),
        with_fixture(files_that_are_not_there),
        with_fixture(paths_are_seen_from_the_testfile),
        with_fixture(digests_do_not_depend_on_order),
        with_fixture(a_value_that_holds_itself_has_no_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

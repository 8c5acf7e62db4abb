/* SPDX-License-Identifier: MIT
 *
 * include and use, labels' helpers, the library and the editor file. */
#include <lauxlib.h>
#include <stdlib.h>
#include <unistd.h>

#include "lua/label.h"
#include "lua/library.h"
#include "unit/lua/fixture.h"

static void include_loads_each_testfile_once(void **state)
{
    struct fixture *f = *state;
    testfile("include \"a\"\ninclude \"b\"\ninclude \".\"\n");
    file("a/Testfile.lua", "include \"../b\"\ninclude \"//\"\ntest \"t\" { cmd = \"x\", inputs = {} }\n");
    file("b/Testfile.lua", "include \"../a\"\ninclude \"c/d\"\ntest \"t\" { cmd = \"x\", inputs = {} }\n");
    file("b/c/d/Testfile.lua", "test \"t\" { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    assert_int_equal(f->decls.n, 3);
    assert_string_equal(f->decls.v[0].label, "a:t");
    assert_string_equal(f->decls.v[2].label, "b/c/d:t");
    assert_strs("Testfile.lua a/Testfile.lua b/Testfile.lua b/c/d/Testfile.lua", f->record.files);
}

static void include_takes_what_glob_gives(void **state)
{
    struct fixture *f = *state;
    testfile("include(glob \"*/Testfile.lua\")\n");
    file("a/Testfile.lua", "test \"t\" { cmd = \"x\", inputs = {} }\n");
    file("b/Testfile.lua", "test \"t\" { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    target(f, "a:t");
    target(f, "b:t");
}

static void a_deep_chain_of_includes_is_fine(void **state)
{
    struct fixture *f = *state;
    struct buf dir = BUF_INIT;
    testfile("include \"d\"\n");
    for (int i = 0; i < 250; i++) {
        buf_printf(&dir, "%sd", i ? "/" : "");
        char *path = mem_printf("%s/Testfile.lua", buf_cstr(&dir));
        file(path, i < 249 ? "include \"d\"\n" : "test \"last\" { cmd = \"x\", inputs = {} }\n");
        mem_free(path);
    }
    load_ok(f);
    assert_int_equal(f->decls.n, 1);
    buf_clear(&dir);
}

static void a_folder_without_a_testfile(void **state)
{
    struct fixture *f = *state;
    testfile("include \"services\"\ninclude \"api\"\n");
    file("service/Testfile.lua", "");
    file("api/x", "");
    load_says(f, "Testfile.lua:1:9: error T108: there is no services/Testfile.lua\n  hint: did you mean 'service'?\n"
                 "Testfile.lua:2:9: error T108: there is no api/Testfile.lua\n");
}

static void a_module_is_loaded_once_and_declares_for_its_user(void **state)
{
    struct fixture *f = *state;
    testfile("local m = use \"./tools/m.lua\"\ninclude \"sub\"\nm.make(\"one\")\n");
    file("sub/Testfile.lua", "local m = use \"../tools/m\"\nm.make(\"two\")\n");
    file("tools/m.lua",
         "local n = use \"./n.lua\"\nlocal m = { count = 0 }\nfunction m.make(name)\n  m.count = m.count + 1\n"
         "  test(name) { cmd = \"x\", inputs = {}, description = n .. m.count }\nend\nreturn m\n");
    file("tools/n.lua", "return \"n\"\n");
    load_ok(f);
    assert_string_equal(target(f, "one")->description, "n1");
    assert_string_equal(target(f, "sub:two")->description, "n2");
    assert_string_equal(target(f, "sub:two")->dir, "sub");
    assert_string_equal(target(f, "sub:two")->pos.file, "sub/Testfile.lua");
    assert_int_equal(target(f, "sub:two")->pos.line, 2);
    assert_int_equal(target(f, "one")->pos.line, 3);
    assert_strs("Testfile.lua tools/m.lua tools/n.lua sub/Testfile.lua", f->record.files);
}

static void a_module_that_ends_with_use_is_still_where_it_is(void **state)
{
    struct fixture *f = *state;
    testfile("local m = use \"./tools/m.lua\"\nm(\"a\")\n");
    file("tools/m.lua", "return use \"./n.lua\"\n");
    file("tools/n.lua", "return use(\"./o.lua\").make\n");
    file("tools/o.lua", "return { make = function(name) return test(name) { cmd = \"x\", inputs = {} } end }\n");
    load_ok(f);
    assert_int_equal(target(f, "a")->pos.line, 2);
}

static void modules_may_nest_but_not_for_ever(void **state)
{
    struct fixture *f = *state;
    testfile("local m = use \"./m1.lua\"\n");
    for (int i = 1; i <= 60; i++) {
        char *path = mem_printf("m%d.lua", i), *text = mem_printf("local m = use \"./m%d.lua\"\nreturn m\n", i + 1);
        file(path, text);
        mem_free(path);
        mem_free(text);
    }
    load_says(f, "m50.lua:1:15: error T107: modules use each other more than 50 deep\n");
    file("m40.lua", "return 1\n");
    load_ok(f);
}

static void mistakes_in_modules_are_found_there(void **state)
{
    struct fixture *f = *state;
    testfile("local m = use \"./m.lua\"\nm.make(\"a\")\nm.crash()\n");
    file("m.lua", "local m = {}\nfunction m.make(name)\n  test(name) {\n    cmd = \"x\", imputs = {} }\nend\n"
                  "function m.crash()\n  local x = nil\n  return x.y\nend\nreturn m\n");
    load_says(f, "m.lua:4:16: error T201: unknown field 'imputs' of test 'a'\n  hint: did you mean 'inputs'?\n"
                 "m.lua:8:10: error T102: attempt to index a nil value (local 'x')\n");
    file("m.lua", "local m =\n");
    load_says(f, "m.lua:2:1: error T101: unexpected symbol near <eof>\n");
    file("m.lua", "return tset\n");
    load_says(f, "m.lua:1:8: error T106: nothing is called 'tset'\n  hint: did you mean 'test'?\n");
    file("m.lua", "x = 1\nreturn { make = print, crash = function() end }\n");
    load(f);
    assert_string_equal(f->errs.v[0].file, "m.lua");
    assert_string_equal(f->errs.v[0].code, "T105");
}

static void a_module_that_failed_is_reported_once(void **state)
{
    struct fixture *f = *state;
    testfile("include { \"a\", \"b\" }\n");
    file("a/Testfile.lua", "local m = use \"//m.lua\"\n");
    file("b/Testfile.lua", "local m = use \"//m.lua\"\n");
    file("m.lua", "error(\"no\")\n");
    load_says(f, "m.lua:1:1: error T102: no\n");
}

static void modules_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    file("tools/checks.lua", "return 1\n");
    testfile("local m = use \"./tools/check.lua\"\n");
    load_says(f, "Testfile.lua:1:15: error T107: there is no module 'tools/check.lua'\n  hint: did you mean "
                 "'tools/checks.lua'?\n");
    testfile("local m = use \"pytset\"\n");
    load_says(f, "Testfile.lua:1:15: error T107: there is no rule module 'pytset'\n  hint: did you mean 'pytest'?\n");
    testfile("local m = use \"wholly-else\"\n");
    load_says(f, "Testfile.lua:1:15: error T107: there is no rule module 'wholly-else'\n"
                 "  hint: a module of the repository is named with its path: use \"./wholly-else.lua\"\n");
    testfile("local m = use \"./a.lua\"\n");
    file("a.lua", "return use \"./b.lua\"\n");
    file("b.lua", "return use \"./a.lua\"\n");
    load_says(f, "b.lua:1:12: error T107: the module 'a.lua' uses itself\n");
}

static void an_error_of_a_rule_points_at_its_user(void **state)
{
    struct fixture *f = *state;
    testfile("local cc = use \"cc\"\ncc.library { nmae = \"x\", srcs = {} }\n");
    load(f);
    assert_string_equal(f->errs.v[0].code, "T102");
    assert_string_equal(f->errs.v[0].file, "Testfile.lua");
    assert_int_equal(f->errs.v[0].line, 2);
    assert_null(strstr(f->errs.v[0].msg, "@"));
}

static void labels_are_resolved(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *text, *expected;
    } cases[] = {{"", "a", "a"},      {"", ":a", "a"},           {"x/y", "a", "x/y:a"}, {"x/y", ":a", "x/y:a"},
                 {"x", "z:a", "z:a"}, {"x", "//:a", "a"},        {"x", "//z:a", "z:a"}, {"x", "a#3", "x:a#3"},
                 {"", "a/b", "a/b"},  {"", "z/w:a/b", "z/w:a/b"}};
    static const char *const bad[] = {"",     ":",     "a:",   "a b",    "./z:a",   "z/:a",
                                      "/z:a", "a:b:c", "a\tb", "z//w:a", "//../z:a"};
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&b);
        assert_true(label_resolve(cases[i].dir, cases[i].text, &b));
        assert_string_equal(buf_cstr(&b), cases[i].expected);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_reset(&b);
        if (label_resolve("x", bad[i], &b))
            fail_msg("'%s' became '%s'", bad[i], buf_cstr(&b));
    }
    buf_clear(&b);
}

static void helpers(void **state)
{
    struct fixture *f = *state;
    testfile(
        "local function show(...) return table.concat(lists.concat(...), \" \") end\n"
        "test \"t\" { cmd = \"x\", inputs = {}, description = show(\n"
        "  { 1, 2 }, 3, nil, { 4 },\n"
        "  lists.map({ 1, 2 }, function(x) return x > 1 and x * 10 or nil end),\n"
        "  lists.filter({ 1, 2, 3 }, function(x) return x ~= 2 end), tostring(lists.has({ 1 }, 1)),\n"
        "  lists.sorted { \"b\", \"a\", \"b\" },\n"
        "  paths.join(\"a/\", \"b\", \"c\"), paths.join(\"a\", \"//b\"), paths.dir \"a/b/c.txt\", paths.dir \"c\", "
        "paths.name \"a/c.txt\",\n"
        "  paths.stem \"a/c.tar.gz\", paths.suffix \"a/c.txt\", paths.suffix \"a/.hid\") }\n");
    load_ok(f);
    assert_string_equal(target(f, "t")->description, "1 2 3 4 20 1 3 true a b a/b/c //b a/b . c.txt c.tar .txt ");
}

static void the_library_in_a_folder_is_the_library_in_the_binary(void **state)
{
    struct fixture *f = *state;
    char dir[] = "/tmp/tgraph-lib-XXXXXX";
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < embedded_files_n; i++) {
        struct err e = ERR_INIT;
        char *path = mem_printf("%s/%s", dir, embedded_files[i].name);
        for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
            *p = '\0';
            char *command = mem_printf("mkdir -p %s", path);
            assert_int_equal(system(command), 0);
            mem_free(command);
            *p = '/';
        }
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(embedded_files[i].data, 1, embedded_files[i].len, out), embedded_files[i].len);
        fclose(out);
        mem_free(path);
        err_clear(&e);
    }
    assert_true(digest_eq(load_library_digest(NULL), load_library_digest(dir)));
    f->opts.lib_dir = dir;
    testfile("local cc = use \"cc\"\ntest \"t\" { cmd = \"x\", inputs = {}, description = type(cc) }\n");
    load_ok(f);
    assert_string_equal(target(f, "t")->description, "table");
    char *init = mem_printf("%s/stdlib/targets.lua", dir);
    FILE *out = fopen(init, "a");
    assert_non_null(out);
    fputs("x = = 1\n", out);
    fclose(out);
    mem_free(init);
    assert_false(digest_eq(load_library_digest(NULL), load_library_digest(dir)));
    load(f);
    assert_string_equal(f->errs.v[0].file, "stdlib/targets.lua");
    f->opts.lib_dir = "/nonexistent/folder";
    load(f);
    assert_int_equal(f->errs.n_errors, 1);
    f->opts.lib_dir = NULL;
    char *command = mem_printf("rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    mem_free(command);
}

static void the_editor_file_is_lua_and_names_every_field(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    assert_true(load_write_annotations(NULL, &b, &e));
    lua_State *L = luaL_newstate();
    assert_int_equal(luaL_loadbufferx(L, b.p, b.len, "=tgraph.d.lua", "t"), LUA_OK);
    lua_close(L);
    assert_int_equal(strncmp(buf_cstr(&b), "---@meta\n", 9), 0);
    static const char *const needed[] = {
        "---@class tgraph.test\n",
        "---@class tgraph.build\n",
        "---@class tgraph.group\n",
        "---@class tgraph.service\n",
        "---@class tgraph.pool\n",
        "---@class tgraph.defaults\n",
        "---@field cmd string|string[] ",
        "---@field inputs? ",
        "---@field may_read? ",
        "---@field deps? ",
        "---@field env? ",
        "---@field cwd? ",
        "---@field outputs string|string[] ",
        "---@field depfile? ",
        "---@field incremental? ",
        "---@field timeout? ",
        "---@field retries? ",
        "---@field tags? ",
        "---@field pool? ",
        "---@field slots? ",
        "---@field exclusive? ",
        "---@field shards? ",
        "---@field cache? ",
        "---@field jobserver? ",
        "---@field stdin? ",
        "---@field success_codes? ",
        "---@field description? ",
        "---@field tools? ",
        "---@field value? ",
        "---@field members? ",
        "---@field ready? ",
        "function test(name, fields) end",
        "---@overload fun(name: string): fun(fields: tgraph.build): string\nfunction build(name, fields) end",
        "function group(name, fields) end",
        "function service(name, fields) end",
        "function pool(name, fields) end",
        "function defaults(fields) end",
        "function glob(patterns, options) end",
        "function env(name, default) end",
        "function tool(name, options) end",
        "function include(folders) end",
        "function use(name) end",
        "function json(path, options) end",
        "function yaml(path, options) end",
        "function read(path, options) end",
        "function digest(value) end",
        "function lists.concat(...) end",
        "function paths.join(...) end",
        "platform = {}",
        "function label(name) end",
        "function print(...) end"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!strstr(buf_cstr(&b), needed[i]))
            fail_msg("'%s' is not in the editor file", needed[i]);
    buf_clear(&b);
    assert_false(load_write_annotations("/nonexistent/folder", &b, &e));
    assert_non_null(e.msg);
    err_clear(&e);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(include_loads_each_testfile_once),
        with_fixture(include_takes_what_glob_gives),
        with_fixture(a_deep_chain_of_includes_is_fine),
        with_fixture(a_folder_without_a_testfile),
        with_fixture(a_module_is_loaded_once_and_declares_for_its_user),
        with_fixture(a_module_that_ends_with_use_is_still_where_it_is),
        with_fixture(modules_may_nest_but_not_for_ever),
        with_fixture(mistakes_in_modules_are_found_there),
        with_fixture(a_module_that_failed_is_reported_once),
        with_fixture(modules_that_are_not_there),
        with_fixture(an_error_of_a_rule_points_at_its_user),
        cmocka_unit_test(labels_are_resolved),
        with_fixture(helpers),
        with_fixture(the_library_in_a_folder_is_the_library_in_the_binary),
        cmocka_unit_test(the_editor_file_is_lua_and_names_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

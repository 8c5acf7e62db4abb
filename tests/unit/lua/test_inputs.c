/* SPDX-License-Identifier: MIT
 *
 * Inputs as written become files, edges and sets. */
#include "unit/lua/fixture.h"

static void files_for_all(struct fixture *f)
{
    file(".gitignore", "ignored/\n*.log\n");
    file("src/a.c", "");
    file("src/b.c", "");
    file("src/x.log", "");
    file("src/deep/c.c", "");
    file("ignored/i.txt", "");
    file("lib/in.txt", "");
}

static void left_out_means_all_below_the_testfile(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    testfile("include \"src\"\ntest \"all\" { cmd = \"x\" }\ntest \"all2\" { cmd = \"x\" }\n");
    file("src/Testfile.lua", "test \"t\" { cmd = \"x\" }\n");
    load_ok(f);
    assert_set(".gitignore Testfile.lua lib/in.txt src/Testfile.lua src/a.c src/b.c src/deep/c.c", target(f, "all"));
    assert_set("src/Testfile.lua src/a.c src/b.c src/deep/c.c", target(f, "src:t"));
    assert_int_equal(target(f, "all")->sets[0], target(f, "all2")->sets[0]);
    assert_int_equal(f->record.n_globs, 2);
}

static void literals_globs_folders_and_exclusions(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    testfile("test \"t\" { cmd = \"x\", inputs = { \"lib/in.txt\", \"src/*.c\", { \"src/deep\", { \"src/a.c\" } }, "
             "\"!src/b.c\" } }\n"
             "test \"folder\" { cmd = \"x\", inputs = \"src/\" }\n"
             "test \"but\" { cmd = \"x\", inputs = { \"!src\", \"!.gitignore\" } }\n"
             "test \"ignored\" { cmd = \"x\", inputs = { \"ignored\", \"lib\" } }\n"
             "test \"none\" { cmd = \"x\", inputs = {} }\n");
    load_ok(f);
    assert_strs("lib/in.txt src/a.c", target(f, "t")->inputs);
    assert_set("src/a.c src/deep/c.c", target(f, "t"));
    assert_set("src/a.c src/b.c src/deep/c.c", target(f, "folder"));
    assert_set("Testfile.lua lib/in.txt", target(f, "but"));
    const struct decl *ignored = target(f, "ignored");
    assert_int_equal(ignored->n_sets, 2);
    assert_strs("lib/in.txt", f->decls.sets[ignored->sets[0]].paths);
    assert_strs("ignored/i.txt", f->decls.sets[ignored->sets[1]].paths);
    assert_int_equal(target(f, "none")->n_sets + target(f, "none")->inputs.n, 0);
}

static void paths_from_a_folder(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    testfile("include \"src/deep\"\n");
    file("src/deep/Testfile.lua",
         "test \"t\" { cmd = \"x\", inputs = { \"c.c\", \"../*.c\", \"//lib/**\", \"!../b.c\" } }\n"
         "test \"lit\" { cmd = \"x\", inputs = { \"//lib/in.txt\", \"../a.c\", \"./c.c\" } }\n");
    load_ok(f);
    assert_strs("src/deep/c.c", target(f, "src/deep:t")->inputs);
    assert_set("lib/in.txt src/a.c", target(f, "src/deep:t"));
    assert_strs("lib/in.txt src/a.c src/deep/c.c", target(f, "src/deep:lit")->inputs);
}

static void equal_lists_share_one_set(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    testfile("for i = 1, 100 do test(\"t\" .. i) { cmd = \"x\", inputs = { \"src/**\", \"!**/b.c\" } } end\n"
             "test \"other\" { cmd = \"x\", inputs = { \"src/**\" } }\n");
    load_ok(f);
    assert_int_equal(f->decls.n_sets, 2);
    assert_int_equal(f->record.n_globs, 2);
    assert_strs("src/**", f->record.globs[0].include);
    assert_strs("**/b.c", f->record.globs[0].exclude);
}

static void lists_that_differ_in_a_line_end_only_are_two(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    file("src/a\n+src/b.c", "");
    file("src/deep\n-src/b.c", "");
    testfile("test \"one\" { cmd = \"x\", inputs = { \"src/a*\\n+src/b*\" } }\n"
             "test \"two\" { cmd = \"x\", inputs = { \"src/a*\", \"src/b*\" } }\n"
             "test \"three\" { cmd = \"x\", inputs = { \"src/*\\n-src/b*\" } }\n"
             "test \"four\" { cmd = \"x\", inputs = { \"src/*\", \"!src/b*\" } }\n");
    load_ok(f);
    assert_set("src/a\n+src/b.c", target(f, "one"));
    assert_set("src/a.c src/b.c", target(f, "two"));
    assert_set("src/deep\n-src/b.c", target(f, "three"));
    assert_set("src/a.c", target(f, "four"));
}

static void outputs_of_others_are_edges(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    testfile("test \"t\" { cmd = \"x\", inputs = { \"out.txt\", \"gen/*.c\", \"folder\", \"folder2/\", "
             "\"folder/in/it\", \"lib\" } }\n"
             "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"out.txt\", \"gen/*.c\", \"folder/\", \"folder2/\" "
             "} }\n");
    load_ok(f);
    assert_strs("folder/ folder/in/it folder2/ gen/*.c out.txt", target(f, "t")->inputs);
    assert_set("lib/in.txt", target(f, "t"));
}

static void an_output_that_lies_there_from_before_is_still_an_edge(void **state)
{
    struct fixture *f = *state;
    testfile("test \"t\" { cmd = \"x\", inputs = { \"gen/*.c\", \"folder\", \"./tool\" } }\n"
             "test \"run\" { cmd = { \"./tool\" }, inputs = {} }\n"
             "build \"b\" { cmd = \"x\", inputs = {}, outputs = { \"gen/*.c\", \"folder/\", \"tool\" } }\n");
    file("gen/a.c", "");
    file("folder/x", "");
    file("tool", "#!/bin/sh\n");
    load_ok(f);
    assert_strs("folder/ gen/*.c tool", target(f, "t")->inputs);
    assert_int_equal(target(f, "t")->n_sets, 0);
    assert_strs("tool", target(f, "run")->inputs);
    assert_int_equal(target(f, "run")->n_tools, 0);
}

static void may_read_is_kept_apart(void **state)
{
    struct fixture *f = *state;
    file("include/a.h", "");
    file("include/b.h", "");
    file("a.c", "");
    testfile("test \"t\" { cmd = \"x\", inputs = { \"a.c\" }, may_read = { \"include/*.h\", \"gen.h\", \"a.c\" }, "
             "depfile = \"d\" }\n"
             "build \"g\" { cmd = \"x\", inputs = {}, outputs = { \"gen.h\" } }\n");
    load_ok(f);
    const struct decl *t = target(f, "t");
    assert_strs("a.c gen.h", t->inputs);
    assert_int_equal(t->n_sets, 0);
    assert_int_equal(t->n_may_read, 1);
    assert_strs("a.c include/a.h include/b.h", f->decls.sets[t->may_read[0]].paths);
}

static void stdin_file_is_an_input(void **state)
{
    struct fixture *f = *state;
    file("in.txt", "");
    testfile("test \"t\" { cmd = \"x\", inputs = {}, stdin = { file = \"in.txt\" } }\n");
    load_ok(f);
    assert_string_equal(target(f, "t")->stdin_path, "in.txt");
    assert_strs("in.txt", target(f, "t")->inputs);
}

static void a_name_with_brackets_is_a_file_if_there_is_one(void **state)
{
    struct fixture *f = *state;
    file("app/[id]/page.ts", "");
    file("app/i/page.ts", "");
    testfile("test \"t\" { cmd = \"x\", inputs = { \"app/[id]/page.ts\" } }\n"
             "test \"g\" { cmd = \"x\", inputs = glob \"app/**/page.ts\" }\n"
             "test \"d\" { cmd = \"x\", inputs = { \"app/[id]\" } }\n"
             "include \"app/[id]\"\n");
    file("app/[id]/Testfile.lua", "test \"u\" { cmd = \"x\", inputs = { \"../i/*.ts\", \"*.ts\" } }\n");
    load_ok(f);
    assert_strs("app/[id]/page.ts", target(f, "t")->inputs);
    assert_strs("app/[id]/page.ts app/i/page.ts", target(f, "g")->inputs);
    assert_set("app/[id]/Testfile.lua app/[id]/page.ts", target(f, "d"));
    assert_set("app/[id]/page.ts app/i/page.ts", target(f, "app/[id]:u"));
}

static const char *globbed(struct fixture *f, const char *expression)
{
    char *text =
        mem_printf("test \"t\" { cmd = \"x\", inputs = {}, description = table.concat(%s, \" \") }\n", expression);
    file("src/Testfile.lua", text);
    mem_free(text);
    testfile("include \"src\"\n");
    load_ok(f);
    return target(f, "src:t")->description;
}

static void glob_gives_paths_as_the_testfile_writes_them(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    assert_string_equal(globbed(f, "glob \"*.c\""), "a.c b.c");
    assert_string_equal(globbed(f, "glob \"**/*.c\""), "a.c b.c deep/c.c");
    assert_string_equal(globbed(f, "glob { \"**/*.c\", \"!b.c\" }"), "a.c deep/c.c");
    assert_string_equal(globbed(f, "glob { \"**/*.c\", exclude = { \"deep\" } }"), "a.c b.c");
    assert_string_equal(globbed(f, "glob(\"**/*.c\", { exclude = \"*.c\" })"), "deep/c.c");
    assert_string_equal(globbed(f, "glob \"//lib/*\""), "//lib/in.txt");
    assert_string_equal(globbed(f, "glob { \"*.log\", \"a.c\" }"), "a.c");
    assert_string_equal(globbed(f, "glob(\"*.log\", { ignored = true })"), "x.log");
    assert_string_equal(globbed(f, "glob \"deep\""), "deep/c.c");
}

static void the_record_says_what_was_asked(void **state)
{
    struct fixture *f = *state;
    files_for_all(f);
    testfile("local a = read(\"lib/in.txt\")\nlocal b = json(\"missing.json\", { optional = true })\n"
             "local c = env(\"SET\") .. (env(\"UNSET\", false) or \"\")\nlocal d = tool(\"cat\")\n"
             "local e = tool(\"no-such\", { optional = true })\nlocal g = glob \"src/*.c\"\n"
             "test \"t\" { cmd = { \"true\" }, inputs = { \"src/a.c\", \"lib\" }, env = { \"EMPTY\" } }\n");
    load_ok(f);
    assert_strs("Testfile.lua lib/in.txt missing.json", f->record.files);
    assert_int_equal(f->record.n_envs, 3);
    assert_string_equal(f->record.envs[0].name, "SET");
    assert_true(digest_eq(f->record.envs[0].value, digest_bytes("value", 5)));
    assert_string_equal(f->record.envs[1].name, "UNSET");
    assert_true(digest_is_none(f->record.envs[1].value));
    assert_string_equal(f->record.envs[2].name, "EMPTY");
    assert_true(digest_eq(f->record.envs[2].value, digest_bytes("", 0)));
    assert_int_equal(f->record.n_tools, 3);
    assert_string_equal(f->record.tools[0].path, "/bin/cat");
    assert_string_equal(f->record.tools[1].name, "no-such");
    assert_null(f->record.tools[1].path);
    assert_int_equal(f->record.n_globs, 2);
    assert_string_equal(f->record.globs[0].base, "");
    assert_strs("src/*.c", f->record.globs[0].include);
    assert_strs("src/a.c lib", f->record.literals);
    assert_int_equal(f->record.missing.n, 0);
    assert_true(digest_eq(f->record.library, load_library_digest(NULL)));
}

static void a_missing_input_is_recorded_and_an_error(void **state)
{
    struct fixture *f = *state;
    testfile("test \"t\" { cmd = \"x\", inputs = { \"nothing\" } }\n");
    load(f);
    assert_int_equal(f->errs.n_errors, 1);
    assert_strs("nothing", f->record.missing);
}

static void a_module_in_the_library_must_not_warn_for_its_own_patterns(void **state)
{
    struct fixture *f = *state;
    file("src/a.c", "");
    testfile("local cc = use \"cc\"\ncc.library { name = \"a\", srcs = { \"src/a.c\" }, include = \"include\" }\n");
    load(f);
    assert_int_equal(f->errs.n_errors, 0);
    for (size_t i = 0; i < f->errs.n; i++)
        assert_null(strstr(f->errs.v[i].msg, "matches no file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(left_out_means_all_below_the_testfile),
        with_fixture(literals_globs_folders_and_exclusions),
        with_fixture(paths_from_a_folder),
        with_fixture(equal_lists_share_one_set),
        with_fixture(lists_that_differ_in_a_line_end_only_are_two),
        with_fixture(outputs_of_others_are_edges),
        with_fixture(an_output_that_lies_there_from_before_is_still_an_edge),
        with_fixture(may_read_is_kept_apart),
        with_fixture(stdin_file_is_an_input),
        with_fixture(a_name_with_brackets_is_a_file_if_there_is_one),
        with_fixture(glob_gives_paths_as_the_testfile_writes_them),
        with_fixture(the_record_says_what_was_asked),
        with_fixture(a_missing_input_is_recorded_and_an_error),
        with_fixture(a_module_in_the_library_must_not_warn_for_its_own_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

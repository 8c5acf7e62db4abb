/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"
#include "tree/tool.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/tgraph-tool-XXXXXX");
    return !mkdtemp(root);
}
static int remove_root(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    return !file_remove_tree(root, &e);
}

/* The file `name` in the root, with parents. Valid until the next call. */
static const char *put(const char *name, const char *text, size_t len, int mode)
{
    static char path[256];
    struct err e = ERR_INIT;
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_true(file_mkdirs_for(path, &e));
    assert_true(file_replace(path, text, len, mode, false, &e));
    return path;
}

static void finds(const char *parts, const char *name, const char *want)
{
    struct buf search = BUF_INIT, out = BUF_INIT, full = BUF_INIT;
    for (const char *p = parts; *p; p++) /* '@' stands for the root */
        if (*p == '@')
            buf_adds(&search, root);
        else
            buf_addc(&search, *p);
    buf_adds(&out, "kept:");
    assert_int_equal(tool_find(NULL, buf_cstr(&search), name, &out), want != NULL);
    if (want)
        buf_printf(&full, "kept:%s/%s", root, want);
    assert_string_equal(buf_cstr(&out), want ? buf_cstr(&full) : "kept:");
    buf_clear(&search);
    buf_clear(&out);
    buf_clear(&full);
}

static void the_first_executable_file_on_the_path_is_found(void **state)
{
    (void)state;
    put("one/cc", "", 0, 0644);
    put("two/cc", "", 0, 0755);
    put("three/cc", "", 0, 0755);
    put("dir/cc/x", "", 0, 0755);
    finds("@/one:@/two:@/three", "cc", "two/cc");
    finds("@/none:@/dir:@/three/", "cc", "three/cc");
    finds("@/one", "cc", NULL);
    finds("@/two", "c", NULL);
    finds("", "cc", NULL);
}

static void links_are_found_and_not_resolved(void **state)
{
    (void)state;
    put("bin/gcc-12", "", 0, 0755);
    char link[128];
    snprintf(link, sizeof link, "%s/bin/gcc", root);
    assert_int_equal(symlink("gcc-12", link), 0);
    snprintf(link, sizeof link, "%s/bin/broken", root);
    assert_int_equal(symlink("nowhere", link), 0);
    finds("@/bin", "gcc", "bin/gcc");
    finds("@/bin", "broken", NULL);
}

static void the_working_folder_is_never_searched(void **state)
{
    (void)state;
    put("here", "", 0, 0755);
    char old[4096];
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(root), 0);
    finds(":", "here", NULL);
    finds("::.:", "here", NULL);
    finds(":@", "here", "here");
    assert_int_equal(chdir(old), 0);
}

static void a_name_with_a_slash_or_none_is_no_tool(void **state)
{
    (void)state;
    put("sub/x", "", 0, 0755);
    finds("@", "sub/x", NULL);
    finds("@/sub", "", NULL);
    finds("@/sub", ".", NULL);
    finds("@/sub", "..", NULL);
}

static void interprets_n(const char *text, size_t len, const char *want, const char *want_env)
{
    struct buf out = BUF_INIT;
    char *env = (char *)(uintptr_t)1;
    bool is = tool_interpreter(NULL, put("script", text, len, 0755), &out, &env);
    assert_int_equal(is, want != NULL);
    assert_string_equal(buf_cstr(&out), want ? want : "");
    if (want_env)
        assert_string_equal(env ? env : "(none)", want_env);
    else
        assert_null(env);
    mem_free(env);
    buf_clear(&out);
}
static void interprets(const char *text, const char *want, const char *want_env)
{
    interprets_n(text, strlen(text), want, want_env);
}

static void a_script_names_its_interpreter(void **state)
{
    (void)state;
    interprets("#!/bin/sh\necho\n", "/bin/sh", NULL);
    interprets("#! /bin/sh -e\n", "/bin/sh", NULL);
    interprets("#!\t/usr/bin/python3\t-u", "/usr/bin/python3", NULL);
    interprets("#!/bin/sh", "/bin/sh", NULL);
    interprets("#!/opt/environment\n", "/opt/environment", NULL);
}

static void other_files_are_no_scripts(void **state)
{
    (void)state;
    interprets("", NULL, NULL);
    interprets("#", NULL, NULL);
    interprets("#!", NULL, NULL);
    interprets("#!\n/bin/sh\n", NULL, NULL);
    interprets("#!bin/sh\n", NULL, NULL);
    interprets(" #!/bin/sh\n", NULL, NULL);
    interprets_n("\x7f"
                 "ELF\0\0",
                 6, NULL, NULL);
    struct buf out = BUF_INIT;
    char *env;
    assert_false(tool_interpreter(NULL, "/nowhere/at/all", &out, &env));
    assert_false(tool_interpreter(NULL, root, &out, &env)); /* a folder */
    char pipe[128];
    snprintf(pipe, sizeof pipe, "%s/pipe", root);
    assert_int_equal(mkfifo(pipe, 0755), 0);
    assert_false(tool_interpreter(NULL, pipe, &out, &env)); /* and does not wait for a writer */
    buf_clear(&out);
}

static void env_names_the_tool_that_it_looks_up(void **state)
{
    (void)state;
    interprets("#!/usr/bin/env python3\n", "/usr/bin/env", "python3");
    interprets("#!/usr/bin/env  node  \n", "/usr/bin/env", "node");
    interprets("#!/bin/env -S python3 -u\n", "/bin/env", "python3");
    interprets("#!/usr/bin/env -Sruby -w\n", "/usr/bin/env", "ruby");
    interprets("#!/usr/bin/env -S A=1 B='x y' perl -w\n", "/usr/bin/env", "perl");
    interprets("#!/usr/bin/env -iS PATH=/bin sh\n", "/usr/bin/env", "sh");
    interprets("#!/usr/bin/env --split-string=python3 -I\n", "/usr/bin/env", "python3");
    interprets("#!/usr/bin/env -S -u HOME -i python3\n", "/usr/bin/env", "python3");
    interprets("#!/usr/bin/env\n", "/usr/bin/env", NULL);
    interprets("#!/usr/bin/env -i\n", "/usr/bin/env", NULL);
    interprets("#!/usr/bin/env python3\r\n", "/usr/bin/env", "python3");
}

static void only_the_first_256_bytes_count(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof text);
    memcpy(text, "#!/", 3);
    interprets_n(text, sizeof text, NULL, NULL);
    text[200] = '\n';
    text[399] = '\0';
    char want[256] = "";
    memcpy(want, text + 2, 198);
    interprets_n(text, sizeof text, want, NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        T(the_first_executable_file_on_the_path_is_found),
        T(links_are_found_and_not_resolved),
        T(the_working_folder_is_never_searched),
        T(a_name_with_a_slash_or_none_is_no_tool),
        T(a_script_names_its_interpreter),
        T(other_files_are_no_scripts),
        T(env_names_the_tool_that_it_looks_up),
        T(only_the_first_256_bytes_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

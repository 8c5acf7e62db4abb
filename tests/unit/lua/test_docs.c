/* SPDX-License-Identifier: MIT
 *
 * Every Testfile in docs/testfile.md loads, and docs/errors.md has every code of this folder. */
#include "os/file.h"
#include "unit/lua/fixture.h"

static bool read_doc(const char *path, struct buf *out)
{
    return file_read(path, 1 << 20, out, NULL); /* run from elsewhere, there is nothing to look at */
}

static void examples_load(void **state)
{
    struct fixture *f = *state;
    struct buf doc = BUF_INIT;
    if (!read_doc("docs/testfile.md", &doc))
        skip();
    static const char *const files[] = {"tests/a.sh", "src/a.c", "include/a.h", "Makefile",       "docs/a.md",
                                        "README.md",  "a.c",     "a.h",         "tests/serve.py", "tests/list.sh"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        file(files[i], "");
    int n = 0;
    for (char *p = doc.p; (p = strstr(p, "```lua\n")); n++) {
        p += 7;
        char *end = strstr(p, "```");
        assert_non_null(end);
        char *text = mem_strndup(p, (size_t)(end - p));
        testfile(text);
        if (*load(f))
            fail_msg("%s\n%s", text, buf_cstr(&f->text));
        assert_true(f->decls.n > 0);
        mem_free(text);
        p = end;
    }
    assert_true(n > 8);
    buf_clear(&doc);
}

static void every_code_is_explained(void **state)
{
    (void)state;
    struct buf doc = BUF_INIT, source = BUF_INIT;
    static const char *const sources[] = {"engine/lua/api.c",    "engine/lua/convert.c", "engine/lua/convert_values.c",
                                          "engine/lua/load.c",   "engine/lua/place.c",   "engine/lua/resolve.c",
                                          "stdlib/targets.lua",  "stdlib/files.lua",     "engine/lua/cases.c",
                                          "engine/lua/adapter.c"};
    if (!read_doc("docs/errors.md", &doc))
        skip();
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        buf_reset(&source);
        assert_true(read_doc(sources[i], &source));
        for (char *p = source.p; (p = strstr(p, "\"T")); p++) {
            char row[16];
            if (p[5] != '"' || p[2] < '0' || p[2] > '9')
                continue;
            snprintf(row, sizeof row, "\n| %.4s | ", p + 1);
            if (!strstr(buf_cstr(&doc), row))
                fail_msg("docs/errors.md has no %.4s of %s", p + 1, sources[i]);
        }
    }
    buf_clear(&doc);
    buf_clear(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_fixture(examples_load),
        cmocka_unit_test(every_code_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

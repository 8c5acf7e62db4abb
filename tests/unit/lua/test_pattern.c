/* SPDX-License-Identifier: MIT
 *
 * The metered matcher against the standard library's, on the same questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "lua/sandbox.h"

static void out_of_steps(lua_State *L) { lua_pushliteral(L, "out of steps"); }

struct both {
    struct sandbox ours;
    lua_State *theirs;
};

static int open_both(void **state)
{
    struct both *b = mem_calloc(1, sizeof *b);
    if (!sandbox_open(&b->ours, 64 << 20, 1000000000, out_of_steps, NULL))
        return -1;
    sandbox_push_base(b->ours.L);
    b->theirs = luaL_newstate();
    luaL_openlibs(b->theirs);
    *state = b;
    return 0;
}

static int close_both(void **state)
{
    struct both *b = *state;
    sandbox_close(&b->ours);
    lua_close(b->theirs);
    mem_free(b);
    return 0;
}

/* Runs the chunk and gives all results as one text. Errors are "error". */
static void answer(lua_State *L, bool ours, const char *chunk, char *out, size_t size)
{
    int top = lua_gettop(L);
    out[0] = '\0';
    assert_int_equal(luaL_loadstring(L, chunk), LUA_OK);
    if (ours) {
        sandbox_push_base(L);
        lua_setupvalue(L, -2, 1);
    }
    if (lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK) {
        snprintf(out, size, "error");
    } else {
        for (int i = top + 1; i <= lua_gettop(L); i++) {
            const char *s = luaL_tolstring(L, i, NULL);
            snprintf(out + strlen(out), size - strlen(out), "[%s]", s);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, top);
}

static void same(struct both *b, const char *chunk, bool may_be_malformed)
{
    char ours[4096], theirs[4096];
    answer(b->ours.L, true, chunk, ours, sizeof ours);
    answer(b->theirs, false, chunk, theirs, sizeof theirs);
    /* A malformed pattern is an error at once, not only when the match comes to that part of it. */
    if (strcmp(ours, theirs) != 0 && !(may_be_malformed && strcmp(ours, "error") == 0))
        fail_msg("%s: %s instead of %s", chunk, ours, theirs);
}

static void the_same_answers(void **state)
{
    static const char *const chunks[] = {
        "return ('hello world'):find('o w')",
        "return ('hello world'):find('l+')",
        "return ('hello world'):find('(o)(.)')",
        "return ('hello'):find('', 6)",
        "return ('hello'):find('', 7)",
        "return ('hello'):find('l', -2)",
        "return ('hello'):find('l', -100)",
        "return ('a.b'):find('.', 2, true)",
        "return ('a+b'):find('+', 1, true)",
        "return ('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
        "return ('  trim  '):match('^%s*(.-)%s*$')",
        "return ('x'):match('()')",
        "return ('abc'):match('()b()')",
        "return ('aaa'):match('a-')",
        "return ('aaab'):match('a-b')",
        "return ('aaa'):match('^a?a?a?a?$')",
        "return ('f(a(b)c)d'):match('%b()')",
        "return ('THE (quick) fox'):find('%f[%a]%a+%f[%A]')",
        "return ('\"a\" b'):match('([\"\\'])(.-)%1')",
        "return ('[]]'):match('[]]+')",
        "return ('a-z'):match('[a%-z]+')",
        "return ('x^y'):match('[x^]+')",
        "return ('abc'):match('[^a]+')",
        "return ('a\\0b'):find('b')",
        "return ('2024-01-02'):match('(%d+)-(%d+)-(%d+)')",
        "return ('hello'):gsub('l', 'L')",
        "return ('hello'):gsub('l', 'L', 1)",
        "return ('hello'):gsub('', '-')",
        "return ('hello'):gsub('(l)(l)', '%2%1%0%%')",
        "return ('hello'):gsub('^h', 'H')",
        "return ('abc'):gsub('%w', '%0%0')",
        "return ('abc'):gsub('%w', {a = 'x', b = false})",
        "return ('abc'):gsub('%w', function(c) if c == 'b' then return nil end return c .. c end)",
        "return ('abc'):gsub('()', '%1')",
        "return ('abc'):gsub('%w', 1)",
        "return ('abc def'):gsub('%f[%w]%w+', string.upper)",
        "local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end return t[1] .. t[2]",
        "local t = {} for w in ('one two'):gmatch('%a*') do t[#t + 1] = '<' .. w .. '>' end return table.concat(t)",
        "local t = {} for w in ('^a^a'):gmatch('^a') do t[#t + 1] = w end return #t",
        "local t = {} for w in ('abcabc'):gmatch('b', 3) do t[#t + 1] = w end return #t",
        "return ('a$b'):match('$b')",
        "return ('a'):match('a$')",
        "return ('x'):rep(5):match('(x*)(x-)$')",
        "return ('%d'):match('%%d')",
        "return ('a]b'):match('[%]]')",
        /* mistakes */
        "return ('a'):match('[a')",
        "return ('a'):match('%')",
        "return ('a'):match('(a')",
        "return ('a'):match('a)')",
        "return ('a'):match('%1')",
        "return ('a'):match('%b')",
        "return ('a'):match('%f')",
        "return ('a'):gsub('a', '%2')",
        "return ('a'):gsub('a', '%x')",
        "return ('a'):gsub('a', true)",
        "return ('a'):gsub('a', function() return {} end)",
    };
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        same(*state, chunks[i], false);
}

/* Patterns and subjects put together at random from pieces that fit and pieces that do not. */
static void the_same_answers_to_random_questions(void **state)
{
    static const char *const pieces[] = {"a", "b", ".",  "%a", "%d", "[ab]", "[^b]", "[a-c]", "(",     ")",  "()",
                                         "*", "+", "-",  "?",  "%1", "$",    "^",    "%b()",  "%f[a]", "%s", "1",
                                         " ", "c", "%A", "%w", "%%", "[",    "]",    "%S",    "x"};
    static const char subjects[] = "ab(c)1 xA";
    srand(7);
    for (int round = 0; round < 20000; round++) {
        char pattern[128] = "", subject[32], chunk[512];
        int n = 1 + rand() % 7, len = rand() % 12;
        for (int i = 0; i < n; i++)
            strcat(pattern, pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)]);
        for (int i = 0; i < len; i++)
            subject[i] = subjects[(size_t)rand() % (sizeof subjects - 1)];
        subject[len] = '\0';
        static const char *const calls[] = {
            "return ('%s'):find('%s')", "return ('%s'):match('%s')", "return ('%s'):gsub('%s', '<%%0>')",
            "local t = {} for x, y in ('%s'):gmatch('%s') do t[#t+1] = x t[#t+1] = y end return table.concat(t, '|')"};
        const char *call = calls[rand() % 4];
        const char *at = strstr(call, "%s"), *second = strstr(at + 2, "%s");
        snprintf(chunk, sizeof chunk, "%.*s%s%.*s%s%s", (int)(at - call), call, subject, (int)(second - at - 2), at + 2,
                 pattern, second + 2);
        for (char *p = strstr(chunk, "<%%0>"); p; p = NULL)
            memmove(p + 1, p + 2, strlen(p + 1));
        same(*state, chunk, true);
    }
}

static void a_pattern_that_would_run_for_days_ends(void **state)
{
    struct both *b = *state;
    static const char *const chunks[] = {"return ('a'):rep(20000):find('.-.-.-.-b')",
                                         "return ('a'):rep(20000):match('a*a*a*a*b')",
                                         "return ('a'):rep(50000):gsub('.-.-b', '')"};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        char out[64];
        b->ours.steps = 0;
        b->ours.step_limit = 10000000;
        answer(b->ours.L, true, chunks[i], out, sizeof out);
        assert_string_equal(out, "error");
        assert_true(b->ours.steps >= 10000000);
    }
}

static void long_texts_are_fine_where_the_work_is_small(void **state)
{
    struct both *b = *state;
    char out[64];
    b->ours.step_limit = b->ours.steps + 30000000;
    answer(b->ours.L, true, "return (('line\\n'):rep(1000000):gsub('[^\\n]+', '')):len()", out, sizeof out);
    assert_string_equal(out, "[1000000]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_answers, open_both, close_both),
        cmocka_unit_test_setup_teardown(the_same_answers_to_random_questions, open_both, close_both),
        cmocka_unit_test_setup_teardown(a_pattern_that_would_run_for_days_ends, open_both, close_both),
        cmocka_unit_test_setup_teardown(long_texts_are_fine_where_the_work_is_small, open_both, close_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

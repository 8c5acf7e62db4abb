/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a Lua pattern and its subject, in all four functions, under a small meter; and the scan of places over
 * the same bytes. */
#include <lauxlib.h>
#include <string.h>

#include "lua/sandbox.h"
#include "lua/srcpos.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void out_of_steps(lua_State *L) { lua_pushliteral(L, "out of steps"); }

static int questions(lua_State *L)
{
    static const char chunk[] = "local pattern, subject = ...\n"
                                "subject:find(pattern)\nsubject:match(pattern, 2)\n"
                                "subject:gsub(pattern, '%0')\nsubject:gsub(pattern, {})\n"
                                "local n = 0\nfor _ in subject:gmatch(pattern) do n = n + 1 end\n"
                                "if n > #subject + 1 then error('too many matches') end\n";
    luaL_loadstring(L, chunk);
    lua_rotate(L, 1, 1);
    lua_call(L, 2, 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct sandbox s;
    if (!sandbox_open(&s, 16 << 20, 300000, out_of_steps, NULL))
        return 0;
    const uint8_t *nul = memchr(data, '\n', size);
    size_t n = nul ? (size_t)(nul - data) : size;
    lua_pushcfunction(s.L, questions);
    lua_pushlstring(s.L, bytes, n);
    lua_pushlstring(s.L, bytes + n, size - n);
    if (lua_pcall(s.L, 2, 0, 0) != LUA_OK && lua_type(s.L, -1) == LUA_TSTRING &&
        strstr(lua_tostring(s.L, -1), "too many matches"))
        __builtin_trap();
    sandbox_close(&s);

    struct srcpos *p = srcpos_new(bytes, size);
    uint32_t line = 1, col = 1;
    struct srcpos_query q = {.line = 1, .call = "test", .name = "a", .field = "deps", .value = "b", .dir = "x"};
    srcpos_find(p, &q, &line, &col);
    srcpos_word(p, 1, "=", true, &col);
    if (!line || !col)
        __builtin_trap();
    srcpos_free(p);
    return 0;
}

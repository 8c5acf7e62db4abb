/* SPDX-License-Identifier: MIT
 *
 * A Lua state that holds what the allow-list names and nothing else: no clock, chance, process, file, coroutine,
 * metatable or bytecode. What is there is made deterministic: `pairs` and `next` go by key (numbers, then strings, then
 * booleans), `tostring` and `string.format` show no addresses, `table.sort` is stable.
 *
 * Limits: memory through the allocator; steps through a hook that counts virtual-machine instructions, to which
 * functions written in C add what they do in one call (a pattern's steps, the elements a table function moves, the bytes
 * allocated), so that none of them can run on unmetered.
 *
 *     struct sandbox s;
 *     if (!sandbox_open(&s, 64 << 20, 1000000, out_of_steps, ctx)) ...no memory...
 *     lua_pcall(s.L, ...);          // LUA_ERRMEM: out of memory
 *     sandbox_close(&s);
 *
 * Threads: a sandbox belongs to one thread.
 */
#ifndef TGRAPH_LUA_SANDBOX_H
#define TGRAPH_LUA_SANDBOX_H

#include <lauxlib.h>
#include <lua.h>

#include "base/mem.h"

struct sandbox {
    lua_State *L;
    size_t used_bytes, limit_bytes;
    uint64_t steps, step_limit;
    void (*out_of_steps)(lua_State *L);  /* reports and raises; does not return */
    void (*out_of_memory)(lua_State *L); /* notes the place; must not call Lua functions that allocate; may be NULL */
    void *ctx;
};

bool sandbox_open(struct sandbox *s, size_t limit_bytes, uint64_t step_limit, void (*out_of_steps)(lua_State *L),
                  void *ctx);
void sandbox_close(struct sandbox *s);
struct sandbox *sandbox_of(lua_State *L);

/* Counts `steps` more; raises when they are used up. */
void sandbox_charge(lua_State *L, uint64_t steps);
/* Pushes the table of allowed functions ("pairs", "string", ...). */
void sandbox_push_base(lua_State *L);
/* Pushes the sorted array of the keys of the table at `idx` and returns how many there are. Raises for a key that has
 * no order (a table, a function). */
lua_Integer sandbox_sorted_keys(lua_State *L, int idx);
/* Turns the table at the top into an empty one that shows it and refuses to be written to. */
void sandbox_protect(lua_State *L, const char *name);

/* pattern.c: find, match, gmatch and gsub, put into the table at the top. */
void sandbox_add_patterns(lua_State *L);

#endif

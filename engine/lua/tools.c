/* SPDX-License-Identifier: MIT
 *
 * Tools and environment variables that Testfiles name: looked up once, recorded. */
#include <string.h>

#include "lua/state.h"
#include "tree/tool.h"

enum { TOOLS_OF_ONE = 16 }; /* a script, its interpreter, that one's, ... */

uint32_t tools_add(struct load *st, const char *name)
{
    bool is_new;
    uint32_t i = strset_add(&st->tool_names, name, &is_new);
    if (!is_new)
        return i;
    struct decls *d = st->decls;
    struct buf path = BUF_INIT;
    bool found;
    if (strchr(name, '/')) {
        found = tool_exists(st->o->tree, name);
        buf_adds(&path, name);
    } else {
        found = tool_find(st->o->tree, st->o->search_path ? st->o->search_path : "", name, &path);
    }
    MEM_GROW(d->tools, d->n_tools, d->cap_tools);
    d->tools[d->n_tools++] = (struct decl_tool){arena_strdup(&d->arena, name),
                                                found ? arena_strdup(&d->arena, buf_cstr(&path)) : NULL, UINT32_MAX};
    buf_clear(&path);
    MEM_GROW(st->tool_lists, i, st->cap_tool_lists);
    st->tool_lists[i] = (struct tool_list){NULL, 0};
    return i;
}

static void add(uint32_t *v, uint32_t *n, uint32_t max, uint32_t tool)
{
    for (uint32_t i = 0; i < *n; i++)
        if (v[i] == tool)
            return;
    if (*n < max)
        v[(*n)++] = tool;
}

struct tool_list tools_needed(struct load *st, uint32_t tool)
{
    if (st->tool_lists[tool].v)
        return st->tool_lists[tool];
    uint32_t v[TOOLS_OF_ONE], n = 0;
    add(v, &n, TOOLS_OF_ONE, tool);
    for (uint32_t i = 0; i < n; i++) {
        const char *path = st->decls->tools[v[i]].path;
        struct buf interpreter = BUF_INIT;
        char *env_name = NULL;
        if (path && tool_interpreter(st->o->tree, path, &interpreter, &env_name)) {
            uint32_t by = tools_add(st, buf_cstr(&interpreter));
            st->decls->tools[v[i]].interpreter = by;
            add(v, &n, TOOLS_OF_ONE, by);
            if (env_name)
                add(v, &n, TOOLS_OF_ONE, tools_add(st, env_name));
        }
        mem_free(env_name);
        buf_clear(&interpreter);
    }
    uint32_t *copy = arena_alloc(&st->decls->arena, n * sizeof *copy);
    memcpy(copy, v, n * sizeof *copy);
    return st->tool_lists[tool] = (struct tool_list){copy, n};
}

static const char *word_end(const char *p, const char *end)
{
    while (p < end && *p != ' ' && *p != '\t' && *p != '\r')
        p++;
    return p;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static void add_word(struct load *st, const char *p, const char *end, uint32_t *v, uint32_t *n, uint32_t max)
{
    struct buf name = BUF_INIT;
    buf_add(&name, p, (size_t)(end - p));
    if (*p == '/' || !strchr(buf_cstr(&name), '/')) {
        struct tool_list l = tools_needed(st, tools_add(st, buf_cstr(&name)));
        for (uint32_t i = 0; i < l.n; i++)
            add(v, n, max, l.v[i]);
    }
    buf_clear(&name);
}

static bool is_tool(struct load *st, const char *p, const char *end)
{
    struct buf name = BUF_INIT, path = BUF_INIT;
    buf_add(&name, p, (size_t)(end - p));
    bool found = *p == '/'
                     ? tool_exists(st->o->tree, buf_cstr(&name))
                     : tool_find(st->o->tree, st->o->search_path ? st->o->search_path : "", buf_cstr(&name), &path);
    buf_clear(&name);
    buf_clear(&path);
    return found;
}

void tools_of_script(struct load *st, const char *text, size_t len, uint32_t *v, uint32_t *n, uint32_t max)
{
    if (len < 3 || text[0] != '#' || text[1] != '!')
        return;
    const char *eol = memchr(text, '\n', len), *end = eol ? eol : text + len;
    if (end - text > 255 || memchr(text, '\0', (size_t)(end - text)))
        return;
    const char *p = skip_blanks(text + 2, end), *e = word_end(p, end);
    if (p == e)
        return;
    add_word(st, p, e, v, n, max);
    size_t word = (size_t)(e - p);
    if (word < 4 || strncmp(e - 4, "/env", 4) != 0)
        return;
    bool options = false;
    for (p = skip_blanks(e, end); p < end; p = skip_blanks(e, end)) { /* env's options and settings, then the name */
        e = word_end(p, end);
        if (p == e)
            return;
        /* With options, any word may be the program: all that PATH knows count. */
        bool option = *p == '-';
        options |= option;
        if (option && e - p > 2 && p[1] == 'S')
            p += 2;
        else if (option && e - p > 15 && strncmp(p, "--split-string=", 15) == 0)
            p += 15;
        else if (option || memchr(p, '=', (size_t)(e - p)))
            continue;
        if (!options || is_tool(st, p, e))
            add_word(st, p, e, v, n, max);
        if (!options)
            return;
    }
}

const char *env_lookup(struct load *st, const char *name)
{
    const char *value = st->o->getenv ? st->o->getenv(st->o->getenv_ctx, name) : NULL;
    bool is_new;
    uint32_t i = strset_add(&st->env_names, name, &is_new);
    if (is_new) {
        MEM_GROW(st->envs, i, st->cap_envs);
        st->envs[i] = (struct load_env){NULL, value ? digest_bytes(value, strlen(value)) : DIGEST_NONE};
    }
    return value;
}

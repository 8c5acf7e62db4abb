/* SPDX-License-Identifier: MIT
 *
 * Property: over thousands of small random graphs and random edits of them, two keys are equal exactly when a naive
 * model of what a key covers, written as recursion over the declarations, says the same of both. The model shares no
 * code with the engine but the digest that stands for a text. */
#include "key_world.h"

enum { NODES = 7, FILES = 4, ENTRIES = 3, SETS = 2, TOOLS = 2 };
enum { ENTRY_OF_FILE, ENTRY_OF_FOLDER, ENTRY_OF_GLOB };

struct spec_node {
    uint8_t kind, cmd, shell, cwd, env, own_path, own_home, value, stdin_kind, stdin_from, codes, depfile, noise;
    uint8_t outs; /* mask of entries */
    uint8_t out_version[ENTRIES], out_extra[ENTRIES];
    uint8_t deps;             /* mask of nodes before it */
    uint8_t entries[NODES];   /* per node before it: mask of its entries that are inputs; 8 = a file in its folder */
    uint8_t files, sets, may; /* masks */
    uint8_t tools, reads;
};
struct spec {
    uint32_t n;
    struct spec_node v[NODES];
    uint8_t file_version[FILES], tool_version[TOOLS], path, home;
    uint8_t set_files[SETS], set_outs[SETS]; /* masks: plain files; nodes whose first output the glob matched too */
};

static uint64_t seed;

static uint32_t dice(uint32_t n)
{
    seed ^= seed << 13; /* xorshift64 (Marsaglia, "Xorshift RNGs", 2003) */
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}

static void roll_field(struct spec *s, uint32_t i, uint32_t field)
{
    struct spec_node *n = &s->v[i];
    uint32_t before = (1u << i) - 1;
    switch (field) {
    case 0:
        n->kind = (uint8_t)(1 + dice(4));
        break;
    case 1:
        n->cmd = (uint8_t)dice(3);
        break;
    case 2:
        n->shell = (uint8_t)dice(2);
        break;
    case 3:
        n->cwd = (uint8_t)dice(2);
        break;
    case 4:
        n->env = (uint8_t)dice(5);
        break;
    case 5:
        n->own_path = dice(4) == 0;
        break;
    case 6:
        n->own_home = dice(4) == 0;
        break;
    case 7:
        n->value = (uint8_t)dice(3);
        break;
    case 8:
        n->stdin_kind = (uint8_t)dice(4);
        n->stdin_from = (uint8_t)dice(FILES);
        break;
    case 9:
        n->codes = (uint8_t)dice(3);
        break;
    case 10:
        n->depfile = dice(3) == 0;
        break;
    case 11:
        n->noise = (uint8_t)dice(4);
        break;
    case 12:
        n->outs = (uint8_t)dice(1 << ENTRIES);
        break;
    case 13:
        n->out_version[dice(ENTRIES)] = (uint8_t)dice(3);
        break;
    case 14:
        n->out_extra[dice(ENTRIES)] = (uint8_t)dice(3);
        break;
    case 15:
        n->deps = (uint8_t)(dice(256) & before & dice(256));
        break;
    case 16:
        if (i)
            n->entries[dice(i)] = (uint8_t)dice(16);
        break;
    case 17:
        n->files = (uint8_t)dice(1 << FILES);
        break;
    case 18:
        n->sets = (uint8_t)dice(1 << SETS);
        break;
    case 19:
        n->may = (uint8_t)dice(1 << SETS);
        break;
    case 20:
        n->tools = (uint8_t)dice(1 << TOOLS);
        break;
    case 21:
        n->reads = (uint8_t)dice(1 << FILES);
        break;
    default:
        break;
    }
}

static void roll(struct spec *s)
{
    memset(s, 0, sizeof *s);
    s->n = 1 + dice(NODES);
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t f = 0; f < 22; f++)
            roll_field(s, i, f);
    for (uint32_t k = 0; k < SETS; k++) {
        s->set_files[k] = (uint8_t)dice(1 << FILES);
        s->set_outs[k] = (uint8_t)dice(256);
    }
}

static void edit(struct spec *s)
{
    uint32_t i = dice(s->n);
    switch (dice(6)) {
    case 0:
        s->file_version[dice(FILES)] = (uint8_t)dice(3);
        break;
    case 1:
        s->tool_version[dice(TOOLS)] = (uint8_t)dice(3);
        break;
    case 2:
        *(dice(2) ? &s->path : &s->home) = (uint8_t)dice(2);
        break;
    case 3:
        s->set_files[dice(SETS)] = (uint8_t)dice(1 << FILES);
        break;
    default:
        roll_field(s, i, dice(22));
        break;
    }
}

/* ---- the declarations ---- */

static const char *const file_names[] = {"f0", "f1", "f2", "f3"};

static const char *entry_text(uint32_t node, uint32_t entry)
{
    static const char *const ends[] = {".f", ".d/", ".g*"};
    return arena_printf(&world.arena, "o%u%s", node, ends[entry]);
}

static void add(struct strs *s, const char *text)
{
    const char **v = arena_alloc(&world.arena, (s->n + 1) * sizeof *v);
    if (s->n)
        memcpy(v, s->v, s->n * sizeof *v);
    v[s->n] = text;
    *s = (struct strs){v, s->n + 1};
}

static bool has_out(const struct spec *s, uint32_t node, uint32_t entry)
{
    return s->v[node].kind != KIND_GROUP && (s->v[node].outs >> entry & 1);
}

static void declare(const struct spec *s)
{
    struct arena *a = &world.arena;
    for (uint32_t k = 0; k < SETS; k++) {
        struct strs paths = {0};
        for (uint32_t f = 0; f < FILES; f++)
            if (s->set_files[k] >> f & 1)
                add(&paths, file_names[f]);
        for (uint32_t i = 0; i < s->n; i++)
            if ((s->set_outs[k] >> i & 1) && has_out(s, i, ENTRY_OF_FILE))
                add(&paths, entry_text(i, ENTRY_OF_FILE));
        add_set_v(paths);
    }
    uint32_t first = add_tool("t0", "/t0", ID_NONE);
    add_tool("t1", "/t1", first);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct spec_node *n = &s->v[i];
        static const uint8_t codes[] = {1, 2};
        static const uint32_t ids[] = {0, 1};
        bool group = n->kind == KIND_GROUP;
        struct decl_env env[3];
        struct decl d = {.kind = (enum node_kind)n->kind, .label = arena_printf(a, "n%u", i), .env = env};
        for (uint32_t k = 0; k < i; k++)
            if (n->deps >> k & 1) {
                add(&d.deps, arena_printf(a, "n%u", k));
                if (n->noise == 1)
                    add(&d.deps, arena_printf(a, "n%u", k)); /* named twice */
            }
        if (group) {
            add_target(d);
            continue;
        }
        add(&d.cmd, n->cmd ? n->cmd == 1 ? "one" : "two" : "zero");
        d.shell = n->shell;
        d.cwd = n->cwd ? "sub" : NULL;
        if (n->env)
            env[d.n_env++] = (struct decl_env){n->env == 4 ? "B" : "A", n->env == 1   ? "1"
                                                                        : n->env == 2 ? "2"
                                                                        : n->env == 3 ? NULL
                                                                                      : "1"};
        if (n->own_home)
            env[d.n_env++] = (struct decl_env){"HOME", "/own"};
        if (n->own_path)
            env[d.n_env++] = (struct decl_env){"PATH", "/own"};
        d.value = n->value ? n->value == 1 ? "" : "v" : NULL;
        if (n->stdin_kind == 1)
            d.stdin_text = "text";
        if (n->stdin_kind == 2)
            d.stdin_path = file_names[n->stdin_from];
        if (n->stdin_kind == 3 && i && has_out(s, 0, ENTRY_OF_FILE))
            d.stdin_path = entry_text(0, ENTRY_OF_FILE);
        d.success_codes = codes;
        d.n_success_codes = n->codes;
        d.depfile = n->depfile ? arena_printf(a, "n%u.d", i) : NULL;
        for (uint32_t e = 0; e < ENTRIES; e++)
            if (has_out(s, i, e))
                add(&d.outputs, entry_text(i, e));
        for (uint32_t f = 0; f < FILES; f++)
            if (n->files >> f & 1)
                add(&d.inputs, file_names[f]);
        for (uint32_t k = 0; k < i; k++) {
            for (uint32_t e = 0; e < ENTRIES; e++)
                if ((n->entries[k] >> e & 1) && has_out(s, k, e))
                    add(&d.inputs, entry_text(k, e));
            if (n->entries[k] & 8 && has_out(s, k, ENTRY_OF_FOLDER))
                add(&d.inputs, arena_printf(a, "o%u.d/f0", k));
        }
        d.sets = ids + (n->sets == 2);
        d.n_sets = (n->sets & 1) + (n->sets >> 1);
        d.may_read = ids + (n->may == 2);
        d.n_may_read = (n->may & 1) + (n->may >> 1);
        d.tools = ids + (n->tools == 2);
        d.n_tools = (n->tools & 1) + (n->tools >> 1);
        if (n->noise == 2) {
            d.timeout_ms = 7;
            d.retries = 2;
            d.slots = 3;
            d.exclusive_all = d.no_cache = d.jobserver = true;
            d.description = "noise";
            add(&d.tags, "noise");
            add(&d.exclusive, "noise");
        }
        add_target(d);
    }
}

/* ---- the model ---- */

static const char *versioned(char *text, size_t room, const char *name, uint8_t version)
{
    snprintf(text, room, "%s version %u", name, version);
    return text;
}

static void say_digest(struct buf *b, struct digest d)
{
    char hex[DIGEST_HEX];
    digest_hex(d, hex);
    buf_printf(b, "<%s>", hex);
}

static struct digest end_of(struct buf *b)
{
    struct digest d = digest_bytes(b->p, b->len);
    buf_clear(b);
    return d;
}

static void say_file(struct buf *b, const struct spec *s, uint32_t f, bool by_content)
{
    buf_printf(b, " %s", file_names[f]);
    if (by_content)
        buf_printf(b, "=%u", s->file_version[f]);
}

static void say_set(struct buf *b, const struct spec *s, uint8_t mask, bool by_content)
{
    buf_adds(b, " {");
    for (uint32_t f = 0; f < FILES; f++)
        if (mask >> f & 1)
            say_file(b, s, f, by_content);
    buf_adds(b, "}");
}

static void say_own(struct buf *b, const struct spec *s, uint32_t i, bool may_by_content)
{
    const struct spec_node *n = &s->v[i];
    buf_printf(b, "kind %u", n->kind);
    if (n->kind == KIND_GROUP)
        return;
    buf_printf(b, " label %u path %u home %u", i, n->own_path ? 99u : s->path, n->own_home ? 99u : s->home);
    buf_printf(b, " cmd %u shell %u cwd %u env %u value %u codes %u outs", n->cmd, n->shell, n->cwd, n->env, n->value,
               n->codes);
    for (uint32_t e = 0; e < ENTRIES; e++)
        if (has_out(s, i, e))
            buf_printf(b, " %s", entry_text(i, e));
    if (n->depfile)
        buf_printf(b, " depfile of %u", i);
    if (n->stdin_kind == 1)
        buf_adds(b, " stdin text");
    if (n->stdin_kind == 2)
        buf_printf(b, " stdin %s", file_names[n->stdin_from]);
    if (n->stdin_kind == 3 && i && has_out(s, 0, ENTRY_OF_FILE))
        buf_adds(b, " stdin made");
    uint8_t literal = n->files;
    if (n->stdin_kind == 2)
        literal |= (uint8_t)(1 << n->stdin_from);
    if (literal)
        say_set(b, s, literal, true);
    buf_adds(b, " globs");
    for (uint32_t k = 0; k < SETS; k++)
        if (n->sets >> k & 1)
            say_set(b, s, s->set_files[k], true);
    /* Without a depfile nothing says what of it was read, so it is as good as an input. */
    if (n->depfile)
        buf_adds(b, " may");
    for (uint32_t k = 0; k < SETS; k++)
        if (n->may >> k & 1)
            say_set(b, s, s->set_files[k], may_by_content || !n->depfile);
    for (uint32_t k = 0; k < TOOLS; k++)
        if (n->tools >> k & 1)
            buf_printf(b, k ? " t1=%u by t0=%u" : " t0=%u", s->tool_version[k], s->tool_version[0]);
}

static struct digest model_deps(const struct spec *s, uint32_t i, bool fixed);

static struct digest model_key(const struct spec *s, uint32_t i, bool fixed)
{
    struct buf b = BUF_INIT;
    say_own(&b, s, i, fixed);
    say_digest(&b, model_deps(s, i, fixed));
    if (s->v[i].depfile && s->v[i].kind != KIND_GROUP && !fixed)
        say_set(&b, s, s->v[i].reads, true);
    return end_of(&b);
}

static void say_entry(struct buf *b, const struct spec *s, uint32_t node, uint32_t entry)
{
    const struct spec_node *n = &s->v[node];
    buf_printf(b, " [%s: version %u, %u files]", entry_text(node, entry), n->out_version[entry],
               entry == ENTRY_OF_FILE ? 1u : 1u + n->out_extra[entry]);
}

static struct digest model_deep(const struct spec *s, uint32_t i)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "kind %u", s->v[i].kind);
    if (s->v[i].kind == KIND_SERVICE)
        say_digest(&b, model_key(s, i, false));
    /* A depfile is an entry that nobody makes anything of; that there is one shows in the number of entries. */
    for (uint32_t e = 0; e < ENTRIES; e++)
        if (has_out(s, i, e))
            say_entry(&b, s, i, e);
    if (s->v[i].depfile && s->v[i].kind != KIND_GROUP)
        buf_adds(&b, " depfile");
    say_digest(&b, model_deps(s, i, false));
    return end_of(&b);
}

/* Everything by deps first; then by inputs what is not covered yet, an entry at a time. */
static struct digest model_deps(const struct spec *s, uint32_t i, bool fixed)
{
    const struct spec_node *n = &s->v[i];
    struct buf b = BUF_INIT;
    for (uint32_t k = 0; k < i; k++)
        if (n->deps >> k & 1) {
            buf_adds(&b, " all");
            say_digest(&b, fixed ? model_key(s, k, true) : model_deep(s, k));
        }
    bool seen_stdin = false;
    for (uint32_t k = 0; k < i && n->kind != KIND_GROUP; k++) {
        for (uint32_t e = 0; e < ENTRIES; e++) {
            bool named = n->entries[k] >> e & 1 || (e == ENTRY_OF_FOLDER && n->entries[k] & 8);
            if (!named || !has_out(s, k, e) || n->deps >> k & 1)
                continue;
            seen_stdin |= k == 0 && e == ENTRY_OF_FILE;
            if (fixed)
                buf_printf(&b, " [%s]", entry_text(k, e));
            else
                say_entry(&b, s, k, e);
            say_digest(&b, fixed ? model_key(s, k, true) : model_deps(s, k, false));
        }
    }
    if (n->kind != KIND_GROUP && n->stdin_kind == 3 && i && has_out(s, 0, ENTRY_OF_FILE) && !(n->deps & 1) &&
        !seen_stdin) {
        if (fixed)
            buf_printf(&b, " [%s]", entry_text(0, ENTRY_OF_FILE));
        else
            say_entry(&b, s, 0, ENTRY_OF_FILE);
        say_digest(&b, fixed ? model_key(s, 0, true) : model_deps(s, 0, false));
    }
    return end_of(&b);
}

/* ---- the comparison ---- */

struct pair {
    struct digest engine, model;
};
struct pairs {
    struct pair *v;
    size_t n, cap;
};

static void note(struct pairs *p, struct digest engine, struct digest model)
{
    MEM_GROW(p->v, p->n, p->cap);
    p->v[p->n++] = (struct pair){engine, model};
}

static int by_engine(const void *a, const void *b) { return memcmp(a, b, sizeof(struct pair)); }
static int by_model(const void *a, const void *b)
{
    int c = memcmp(&((const struct pair *)a)->model, &((const struct pair *)b)->model, sizeof(struct digest));
    return c ? c : memcmp(a, b, sizeof(struct digest));
}

/* One to one? */
static void check(struct pairs *p, const char *what, uint64_t from)
{
    qsort(p->v, p->n, sizeof *p->v, by_engine);
    for (size_t i = 1; i < p->n; i++)
        if (digest_eq(p->v[i].engine, p->v[i - 1].engine) && !digest_eq(p->v[i].model, p->v[i - 1].model))
            fail_msg("%s: equal, but the model tells a difference (seed %llu)", what, (unsigned long long)from);
    qsort(p->v, p->n, sizeof *p->v, by_model);
    for (size_t i = 1; i < p->n; i++)
        if (digest_eq(p->v[i].model, p->v[i - 1].model) && !digest_eq(p->v[i].engine, p->v[i - 1].engine))
            fail_msg("%s: different, but the model sees no difference (seed %llu)", what, (unsigned long long)from);
    mem_free(p->v);
    *p = (struct pairs){0};
}

static struct digest resolved_again_from_a_view(uint32_t n)
{
    struct graph_section sections[GRAPH_SECTIONS];
    struct graph g;
    struct key_context c;
    graph_sections(&graph, sections);
    assert_true(graph_view(&g, sections));
    key_context_init(&c, &g, digest_bytes("platform", 8), path_value, home_value);
    struct digest k = key_weak(&c, &g, n, key_deps(&c, &g, n));
    if ((g.nodes[n].flags & NODE_DEPFILE) && g.states[n].reads != ID_NONE)
        k = key_strong(&c, &g, k, g.states[n].reads);
    key_context_clear(&c);
    graph_clear(&g);
    return k;
}

static void compare(const struct spec *s, struct pairs *key, struct pairs *fixed, struct pairs *deep)
{
    static char text[FILES + TOOLS][40];
    keys_begin();
    path_value = s->path ? "/p1" : "/p0";
    home_value = s->home ? "/h1" : "/h0";
    for (uint32_t f = 0; f < FILES; f++)
        content(file_names[f], ENTRY_FILE, versioned(text[f], sizeof text[f], file_names[f], s->file_version[f]));
    for (uint32_t t = 0; t < TOOLS; t++)
        content(t ? "/t1" : "/t0", ENTRY_FILE,
                versioned(text[FILES + t], sizeof text[0], t ? "/t1" : "/t0", s->tool_version[t]));
    declare(s);
    world_build();
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t o = graph.nodes[i].outs_at;
        for (uint32_t e = 0; e < ENTRIES; e++)
            if (has_out(s, i, e)) {
                out_version[o] = s->v[i].out_version[e];
                out_extra[o++] = s->v[i].out_extra[e];
            }
        file_id reads[FILES];
        uint32_t n = 0;
        for (uint32_t f = 0; f < FILES; f++)
            if (s->v[i].reads >> f & 1)
                reads[n++] = graph_file(&graph, file_names[f]);
        graph.states[i].reads = graph_add_set(&graph, reads, n);
    }
    keys_resolve();
    for (uint32_t i = 0; i < s->n; i++) {
        note(key, node_key[i], model_key(s, i, false));
        note(fixed, keys.static_key[i], model_key(s, i, true));
        note(deep, graph.states[i].deep, model_deep(s, i));
        assert_true(digest_eq(resolved_again_from_a_view(i), node_key[i]));
    }
    keys_end();
}

static void keys_are_equal_when_the_model_says_so(void **state)
{
    (void)state;
    const char *more = getenv("KEY_MODEL_ROUNDS");
    uint32_t rounds = more ? (uint32_t)strtoul(more, NULL, 10) : 1500;
    for (uint32_t round = 0; round < rounds; round++) {
        struct spec s;
        struct pairs key = {0}, fixed = {0}, deep = {0};
        uint64_t from = round + 1;
        seed = from * UINT64_C(0x9e3779b97f4a7c15);
        roll(&s);
        for (int e = 0; e < 6; e++) {
            compare(&s, &key, &fixed, &deep);
            edit(&s);
        }
        check(&key, "key", from);
        check(&fixed, "static key", from);
        check(&deep, "deep output", from);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_are_equal_when_the_model_says_so)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Writes and compares manifests. */
#include "run/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INLINE_FILES 16

static char type_letter(uint8_t type)
{
    switch (type) {
    case ENTRY_NONE:
        return '-';
    case ENTRY_FILE:
        return 'f';
    case ENTRY_EXEC:
        return 'x';
    case ENTRY_LINK:
        return 'l';
    case ENTRY_DIR:
        return 'd';
    default:
        return '?';
    }
}

static void line(struct buf *out, const char *kind, struct digest d, const char *name)
{
    char hex[DIGEST_HEX];
    digest_hex(d, hex);
    buf_adds(out, kind);
    buf_addc(out, ' ');
    buf_adds(out, hex);
    if (name) {
        buf_addc(out, ' ');
        for (const char *p = name; *p; p++) /* a line is a fact: a name with a line end must not make two */
            buf_addc(out, *p == '\n' ? '?' : *p);
    }
    buf_addc(out, '\n');
}

static void file_lines(const struct graph *g, set_id s, const char *kind, struct buf *out)
{
    const struct file_set *set = &g->sets[s];
    struct buf name = BUF_INIT;
    for (uint32_t i = 0; i < set->n; i++) {
        const struct file *f = &g->files[g->set_files[set->at + i]];
        buf_reset(&name);
        buf_addc(&name, type_letter(f->state.type));
        buf_addc(&name, ' ');
        buf_adds(&name, graph_str(g, f->path));
        line(out, kind, f->state.digest, buf_cstr(&name));
    }
    buf_clear(&name);
}

static void set_lines(struct workspace *ws, set_id s, const char *kind, struct store *store, struct buf *out)
{
    struct graph *g = &ws->g;
    if (g->sets[s].n <= INLINE_FILES || !store) {
        file_lines(g, s, kind, out);
        return;
    }
    struct digest blob = s < ws->n_set_blobs ? ws->set_blobs[s] : DIGEST_NONE;
    if (digest_is_none(blob)) {
        struct buf text = BUF_INIT;
        file_lines(g, s, kind, &text);
        if (!store_put_blob(store, text.p, text.len, &blob, NULL)) {
            buf_add(out, text.p, text.len);
            buf_clear(&text);
            return;
        }
        buf_clear(&text);
        if (s >= ws->n_set_blobs) {
            uint32_t n = g->n_sets + 16;
            ws->set_blobs = mem_resize(ws->set_blobs, n, sizeof *ws->set_blobs);
            memset(ws->set_blobs + ws->n_set_blobs, 0, (n - ws->n_set_blobs) * sizeof *ws->set_blobs);
            ws->n_set_blobs = n;
        }
        ws->set_blobs[s] = blob;
    }
    line(out, "set", blob, NULL);
}

void manifest_build(struct workspace *ws, node_id n, struct store *store, struct buf *out)
{
    struct graph *g = &ws->g;
    const struct node *nd = &g->nodes[n];
    struct action a;
    struct hasher h;
    graph_action(g, n, &a);
    hasher_init(&h);
    buf_adds(out, "tgraph-manifest 1\n");
    hasher_u8(&h, (nd->flags & NODE_SHELL) != 0);
    for (uint32_t i = 0; i < a.argv.n; i++)
        hasher_str(&h, graph_str(g, a.argv.v[i]));
    line(out, "cmd", hasher_end(&h), NULL);
    line(out, "cwd", digest_bytes(graph_str(g, a.cwd), strlen(graph_str(g, a.cwd))), NULL);
    for (uint32_t i = 0; i < a.env.n; i += 2) {
        const char *name = graph_str(g, a.env.v[i]);
        if (a.env.v[i + 1] == STR_NONE) {
            buf_printf(out, "env unset %s\n", name);
        } else {
            const char *v = graph_str(g, a.env.v[i + 1]);
            line(out, "env", digest_bytes(v, strlen(v)), name);
        }
    }
    if (!(nd->flags & NODE_OWN_PATH))
        line(out, "path", ws->keys.path, NULL);
    if (!(nd->flags & NODE_OWN_HOME))
        line(out, "home", ws->keys.home, NULL);
    line(out, "platform", ws->platform, NULL);
    line(out, "rest", nd->decl, NULL);
    for (uint32_t i = 0; i < nd->n_tools; i++) {
        uint32_t t = g->node_tools[nd->tools_at + i];
        line(out, "tool", ws->keys.tool[t], graph_str(g, g->tools[t].name));
    }
    for (uint32_t i = 0; i < nd->n_sets; i++)
        set_lines(ws, g->node_sets[nd->sets_at + i], "file", store, out);
    for (uint32_t i = 0; i < nd->n_may; i++)
        line(out, "names", key_set_names(&ws->keys, g, g->node_sets[nd->may_at + i]), NULL);
    if ((nd->flags & NODE_DEPFILE) && g->states[n].reads != ID_NONE)
        set_lines(ws, g->states[n].reads, "read", store, out);
    struct buf name = BUF_INIT;
    for (uint32_t i = 0; i < nd->n_edges; i++) {
        const struct edge *e = &g->edges[nd->edges_at + i];
        if (e->out == OUT_ORDER)
            continue;
        buf_reset(&name);
        buf_adds(&name, graph_label(g, e->to));
        if (e->out != ID_NONE)
            buf_printf(&name, " %s", graph_str(g, g->outs[e->out].path));
        line(out, e->out == ID_NONE ? "dep" : "out", key_edge(&ws->keys, g, e), buf_cstr(&name));
    }
    buf_clear(&name);
    hasher_clear(&h);
}

/* A fact of a manifest, pointing into its text. */
struct fact {
    const char *kind, *digest, *name;
    size_t kind_len, digest_len, name_len;
    char letter; /* type of a file */
};
struct facts {
    struct fact *v; /* sorted, without doubles */
    size_t n, cap;
    struct buf text; /* what the facts point into: the manifest with its sets expanded */
    bool incomplete; /* a set is not in the store any more: files that are missing here may have been in it */
};

/* false if a set could not be read. */
static bool expand(struct store *store, const char *p, size_t len, struct buf *out, int depth)
{
    const char *end = p + len;
    bool whole = true;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
        char hex[DIGEST_HEX];
        struct digest d;
        if (depth == 0 && n == 36 && memcmp(p, "set ", 4) == 0) {
            struct buf blob = BUF_INIT;
            bool found = false;
            memcpy(hex, p + 4, 32);
            hex[32] = 0;
            if (store && digest_parse(hex, &d) && store_get_blob(store, d, &blob, &found, NULL) && found)
                expand(store, blob.p, blob.len, out, 1);
            else
                whole = false;
            buf_clear(&blob);
        } else {
            buf_add(out, p, n);
            buf_addc(out, '\n');
        }
        p += n + 1;
    }
    return whole;
}

/* By kind and name: what the fact is about. */
static int compare_subjects(const struct fact *a, const struct fact *b)
{
    int c = strncmp(a->kind, b->kind, a->kind_len < b->kind_len ? a->kind_len : b->kind_len);
    if (c || a->kind_len != b->kind_len)
        return c ? c : (a->kind_len < b->kind_len ? -1 : 1);
    size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
    c = n ? memcmp(a->name, b->name, n) : 0;
    if (c || a->name_len != b->name_len)
        return c ? c : (a->name_len < b->name_len ? -1 : 1);
    return 0;
}

static int compare_facts(const void *pa, const void *pb)
{
    const struct fact *a = pa, *b = pb;
    int c = compare_subjects(a, b);
    if (c || a->letter != b->letter)
        return c ? c : a->letter - b->letter;
    size_t n = a->digest_len < b->digest_len ? a->digest_len : b->digest_len;
    c = memcmp(a->digest, b->digest, n);
    return c ? c : (a->digest_len > b->digest_len) - (a->digest_len < b->digest_len);
}

static void parse(struct store *store, const struct buf *text, struct facts *f)
{
    memset(f, 0, sizeof *f);
    f->incomplete = !expand(store, text->p, text->len, &f->text, 0);
    const char *p = f->text.p, *end = p + f->text.len;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *sp = memchr(p, ' ', (size_t)(nl - p));
        if (sp && memcmp(p, "tgraph-manifest", 15 < nl - p ? 15 : (size_t)(nl - p)) != 0) {
            struct fact x = {.kind = p, .kind_len = (size_t)(sp - p), .digest = sp + 1};
            const char *sp2 = memchr(sp + 1, ' ', (size_t)(nl - sp - 1));
            x.digest_len = (size_t)((sp2 ? sp2 : nl) - x.digest);
            x.name = sp2 ? sp2 + 1 : nl;
            x.name_len = (size_t)(nl - x.name);
            if (x.name_len > 2 && (memcmp(x.kind, "file", 4) == 0 || memcmp(x.kind, "read", 4) == 0)) {
                x.letter = x.name[0];
                x.name += 2;
                x.name_len -= 2;
            }
            MEM_GROW(f->v, f->n, f->cap);
            f->v[f->n++] = x;
        }
        p = nl + 1;
    }
    if (!f->n)
        return;
    qsort(f->v, f->n, sizeof *f->v, compare_facts);
    size_t kept = 1; /* a file may be in several sets */
    for (size_t i = 1; i < f->n; i++)
        if (compare_facts(&f->v[i], &f->v[kept - 1]) != 0)
            f->v[kept++] = f->v[i];
    f->n = kept;
}

static void copy_digest(char *to, const struct fact *f)
{
    size_t n = f->digest_len < DIGEST_HEX - 1 ? f->digest_len : DIGEST_HEX - 1;
    memcpy(to, f->digest, n);
    to[n] = 0;
    /* A file that is not there has no digest worth showing. */
    if (f->letter == '-')
        strcpy(to, "missing");
}

/* The same content as another type: an executable bit, a link in the place of its target. */
static const char *type_word(char letter)
{
    return letter == 'x'   ? "executable"
           : letter == 'f' ? "plain file"
           : letter == 'l' ? "link"
           : letter == 'd' ? "folder"
                           : "other";
}

static void add_change(struct manifest_diff *d, const struct fact *a, const struct fact *b)
{
    const struct fact *f = b ? b : a;
    MEM_GROW(d->v, d->n, d->cap);
    struct manifest_change *c = &d->v[d->n++];
    memset(c, 0, sizeof *c);
    size_t n = f->kind_len < sizeof c->kind - 1 ? f->kind_len : sizeof c->kind - 1;
    memcpy(c->kind, f->kind, n);
    c->name = mem_strndup(f->name, f->name_len);
    if (a)
        copy_digest(c->old_digest, a);
    if (b)
        copy_digest(c->new_digest, b);
    if (a && b && strcmp(c->old_digest, c->new_digest) == 0 && a->letter != b->letter) {
        snprintf(c->old_digest, sizeof c->old_digest, "%s", type_word(a->letter));
        snprintf(c->new_digest, sizeof c->new_digest, "%s", type_word(b->letter));
    }
}

/* A fact that has no counterpart in `other`. */
static void add_lone(struct manifest_diff *d, const struct fact *a, const struct fact *b, const struct facts *other)
{
    const struct fact *f = a ? a : b;
    bool is_file = f->kind_len == 4 && (memcmp(f->kind, "file", 4) == 0 || memcmp(f->kind, "read", 4) == 0);
    if (!is_file || !other->incomplete)
        add_change(d, a, b);
}

/* All facts about one subject: those that both have are no change, the others pair off in order. */
static void compare_one(const struct facts *a, size_t *pi, const struct facts *b, size_t *pj, struct manifest_diff *out)
{
    size_t i = *pi, j = *pj, i_end = i + 1, j_end = j + 1;
    while (i_end < a->n && compare_subjects(&a->v[i], &a->v[i_end]) == 0)
        i_end++;
    while (j_end < b->n && compare_subjects(&b->v[j], &b->v[j_end]) == 0)
        j_end++;
    *pi = i_end;
    *pj = j_end;
    size_t n[2] = {0, 0};
    const struct fact **lone[2]; /* what a alone has, what b alone has */
    lone[0] = mem_resize(NULL, i_end - i, sizeof *lone[0]);
    lone[1] = mem_resize(NULL, j_end - j, sizeof *lone[1]);
    while (i < i_end || j < j_end) {
        int c = i == i_end ? 1 : j == j_end ? -1 : compare_facts(&a->v[i], &b->v[j]);
        if (c < 0)
            lone[0][n[0]++] = &a->v[i];
        if (c > 0)
            lone[1][n[1]++] = &b->v[j];
        i += c <= 0;
        j += c >= 0;
    }
    for (size_t k = 0; k < n[0] || k < n[1]; k++)
        add_change(out, k < n[0] ? lone[0][k] : NULL, k < n[1] ? lone[1][k] : NULL);
    mem_free(lone[0]);
    mem_free(lone[1]);
}

void manifest_compare(struct store *store, const struct buf *old_text, const struct buf *new_text,
                      struct manifest_diff *out)
{
    struct facts a, b;
    parse(store, old_text, &a);
    parse(store, new_text, &b);
    for (size_t i = 0, j = 0; i < a.n || j < b.n;) {
        int c = i == a.n ? 1 : j == b.n ? -1 : compare_subjects(&a.v[i], &b.v[j]);
        if (c == 0) {
            compare_one(&a, &i, &b, &j, out);
        } else if (c < 0) {
            add_lone(out, &a.v[i++], NULL, &b);
        } else {
            add_lone(out, NULL, &b.v[j++], &a);
        }
    }
    /* The digest of the whole declaration says nothing new beside the part that moved it. */
    size_t other = 0;
    for (size_t k = 0; k < out->n; k++)
        other += strcmp(out->v[k].kind, "cmd") == 0 || strcmp(out->v[k].kind, "env") == 0 ||
                 strcmp(out->v[k].kind, "cwd") == 0;
    size_t kept = 0;
    for (size_t k = 0; k < out->n; k++) {
        if (other && strcmp(out->v[k].kind, "rest") == 0)
            mem_free(out->v[k].name);
        else
            out->v[kept++] = out->v[k];
    }
    out->n = kept;
    mem_free(a.v);
    mem_free(b.v);
    buf_clear(&a.text);
    buf_clear(&b.text);
}

void manifest_diff_clear(struct manifest_diff *d)
{
    for (size_t i = 0; i < d->n; i++)
        mem_free(d->v[i].name);
    mem_free(d->v);
    memset(d, 0, sizeof *d);
}

void manifest_change_name(const struct manifest_change *c, struct buf *out)
{
    static const struct {
        const char *kind, *text;
    } plain[] = {
        {"cmd", "the command"},
        {"cwd", "the working folder"},
        {"path", "environment variable PATH"},
        {"home", "environment variable HOME"},
        {"platform", "the system (kernel name, architecture or C library)"},
        {"rest", "the declaration in the Testfile"},
        {"names", "the list of files that it may read"},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(c->kind, plain[i].kind) == 0) {
            buf_adds(out, plain[i].text);
            return;
        }
    if (strcmp(c->kind, "env") == 0) {
        buf_printf(out, "environment variable %s", c->name);
    } else if (strcmp(c->kind, "tool") == 0) {
        buf_printf(out, "tool %s", c->name);
    } else if (strcmp(c->kind, "dep") == 0) {
        buf_printf(out, "dependency %s", c->name);
    } else if (strcmp(c->kind, "out") == 0) {
        const char *sp = strchr(c->name, ' ');
        if (sp)
            buf_printf(out, "%s (made by %.*s)", sp + 1, (int)(sp - c->name), c->name);
        else
            buf_adds(out, c->name);
    } else {
        buf_adds(out, c->name);
    }
}

static bool is_file(const struct manifest_change *c)
{
    return strcmp(c->kind, "file") == 0 || strcmp(c->kind, "read") == 0;
}

/* Who comes first says how it changed; the same file may be an input and be named by the depfile. */
static size_t changed_files(const struct manifest_diff *d, struct strvec *names, const struct manifest_change **first)
{
    for (size_t i = 0; i < d->n; i++) {
        if (!is_file(&d->v[i]))
            continue;
        if (!*first)
            *first = &d->v[i];
        strvec_add(names, d->v[i].name);
    }
    strvec_sort_unique(names);
    return names->n;
}

void manifest_summary(const struct manifest_diff *d, struct buf *out)
{
    const struct manifest_change *first = NULL;
    struct strvec names = STRVEC_INIT;
    size_t files = changed_files(d, &names, &first), shown = files > 0, others = 0;
    if (files == 1) {
        bool is_new = !*first->old_digest || strcmp(first->old_digest, "missing") == 0;
        bool is_gone = !*first->new_digest || strcmp(first->new_digest, "missing") == 0;
        buf_printf(out, "%s %s", first->name, is_new ? "is new" : is_gone ? "is gone" : "changed");
    } else if (files > 1) {
        buf_printf(out, "%zu files changed: ", files);
        for (size_t i = 0; i < files && i < 3; i++)
            buf_printf(out, "%s%s", i ? ", " : "", names.v[i]);
        if (files > 3)
            buf_adds(out, ", ...");
    }
    strvec_clear(&names);
    for (size_t i = 0; i < d->n; i++)
        others += !is_file(&d->v[i]);
    for (size_t i = 0, named = 0; i < d->n && named < 3; i++) {
        if (is_file(&d->v[i]))
            continue;
        if (shown++)
            buf_adds(out, "; ");
        manifest_change_name(&d->v[i], out);
        buf_adds(out, !*d->v[i].old_digest ? " is new" : !*d->v[i].new_digest ? " is gone" : " changed");
        if (++named == 3 && others > 3)
            buf_printf(out, "; and %zu more", others - 3);
    }
}

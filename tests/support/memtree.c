/* SPDX-License-Identifier: MIT
 *
 * The tree in memory: a table of paths. */
#include "support/memtree.h"

#include "tree/listing.h"
#include "tree/path.h"

#include <string.h>

struct node {
    char *path;
    char *text; /* NULL unless a file */
    enum entry_type type;
    const char *fail; /* code of the error that reading or listing it gives; NULL = none */
};
struct call {
    char *path;
    char op; /* 'l'ist, 'r'ead, 't'ype */
};
struct memtree {
    struct tree base;
    struct node *v;
    size_t n, cap;
    struct call *calls;
    size_t n_calls, cap_calls;
};

static struct memtree *of(struct tree *t) { return (struct memtree *)t; }

static struct node *find(struct memtree *m, const char *path)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->v[i].path, path))
            return &m->v[i];
    return NULL;
}

static void note(struct memtree *m, char op, const char *path)
{
    MEM_GROW(m->calls, m->n_calls, m->cap_calls);
    m->calls[m->n_calls++] = (struct call){mem_strdup(path), op};
}

static size_t count(const struct tree *t, char op, const char *path)
{
    const struct memtree *m = (const struct memtree *)t;
    size_t n = 0;
    for (size_t i = 0; i < m->n_calls; i++)
        n += m->calls[i].op == op && (!path || !strcmp(m->calls[i].path, path));
    return n;
}

static enum entry_type mem_type(struct tree *t, const char *path)
{
    note(of(t), 't', path);
    const struct node *n = find(of(t), path);
    return n ? n->type : ENTRY_NONE;
}

static bool mem_list(struct tree *t, const char *dir, struct tree_listing *out, struct err *e)
{
    struct memtree *m = of(t);
    note(m, 'l', dir);
    const struct node *d = find(m, dir);
    if (d && d->fail)
        return err_set(e, d->fail, "cannot list the folder %s: made to fail", dir);
    if (!d || d->type != ENTRY_DIR)
        return err_set(e, "T404", "cannot list the folder %s: No such file or directory", dir);
    for (size_t i = 0; i < m->n; i++) {
        const char *path = m->v[i].path, *name = path_base(path);
        size_t len = name > path ? (size_t)(name - path) - 1 : 0;
        if (*path && len == strlen(dir) && !memcmp(path, dir, len))
            listing_add(out, name, m->v[i].type);
    }
    listing_sort(out);
    return true;
}

static bool mem_read(struct tree *t, const char *path, size_t max_bytes, struct buf *out, struct err *e)
{
    struct memtree *m = of(t);
    note(m, 'r', path);
    const struct node *n = find(m, path);
    if (n && n->fail)
        return err_set(e, n->fail, "cannot read %s: made to fail", path);
    if (!n)
        return err_set(e, "T401", "cannot read %s: No such file or directory", path);
    if (!n->text)
        return err_set(e, "T401", "cannot read %s: it is not a regular file", path);
    if (strlen(n->text) > max_bytes)
        return err_set(e, "T402", "%s is too large: more than %zu bytes", path, max_bytes);
    buf_adds(out, n->text);
    return true;
}

static void mem_tree_free(struct tree *t)
{
    struct memtree *m = of(t);
    for (size_t i = 0; i < m->n; i++) {
        mem_free(m->v[i].path);
        mem_free(m->v[i].text);
    }
    for (size_t i = 0; i < m->n_calls; i++)
        mem_free(m->calls[i].path);
    mem_free(m->v);
    mem_free(m->calls);
    mem_free(m);
}

static struct node *put(struct memtree *m, const char *path, enum entry_type type)
{
    struct node *n = find(m, path);
    if (!n) {
        MEM_GROW(m->v, m->n, m->cap);
        n = &m->v[m->n++];
        *n = (struct node){.path = mem_strdup(path)};
    }
    mem_free(n->text);
    n->text = NULL;
    n->type = type;
    return n;
}

static void put_parents(struct memtree *m, const char *path)
{
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        char *dir = mem_strndup(path, (size_t)(p - path));
        if (!find(m, dir))
            put(m, dir, ENTRY_DIR);
        mem_free(dir);
    }
}

struct tree *memtree_new(void)
{
    static const struct tree_ops ops = {mem_type, mem_list, mem_read, mem_tree_free, NULL, NULL};
    struct memtree *m = mem_calloc(1, sizeof *m);
    m->base.ops = &ops;
    put(m, "", ENTRY_DIR);
    return &m->base;
}

void memtree_file(struct tree *t, const char *path, const char *text)
{
    put_parents(of(t), path);
    put(of(t), path, ENTRY_FILE)->text = mem_strdup(text);
}

void memtree_add(struct tree *t, const char *path, enum entry_type type)
{
    put_parents(of(t), path);
    struct node *n = put(of(t), path, type);
    if (type == ENTRY_FILE || type == ENTRY_EXEC)
        n->text = mem_strdup("");
}

void memtree_remove(struct tree *t, const char *path)
{
    struct memtree *m = of(t);
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (path_is_below(m->v[i].path, path)) {
            mem_free(m->v[i].path);
            mem_free(m->v[i].text);
        } else {
            m->v[kept++] = m->v[i];
        }
    }
    m->n = kept;
}

void memtree_fail(struct tree *t, const char *path, const char *code)
{
    struct node *n = find(of(t), path);
    if (!n)
        BUG("memtree_fail: there is no %s", path);
    n->fail = code;
}

size_t memtree_lists(const struct tree *t, const char *path) { return count(t, 'l', path); }
size_t memtree_reads(const struct tree *t, const char *path) { return count(t, 'r', path); }
size_t memtree_types(const struct tree *t, const char *path) { return count(t, 't', path); }

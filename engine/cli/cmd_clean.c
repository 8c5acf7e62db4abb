/* SPDX-License-Identifier: MIT
 *
 * tgraph clean, tgraph gc, tgraph annotations: housekeeping. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/clock.h"
#include "os/file.h"

#define DEFAULT_CACHE_BYTES ((uint64_t)10 << 30)

/* Removes empty folders from that of `path` (repository-relative) upwards; the first one with something in it stops. */
static void remove_empty_parents(const struct workspace *ws, const char *path)
{
    char *p = mem_strdup(path);
    for (char *slash; (slash = strrchr(p, '/')) != NULL;) {
        *slash = 0;
        if (unlinkat(ws->root_fd, p, AT_REMOVEDIR) != 0)
            break;
    }
    mem_free(p);
}

/* All but the files that were moved aside: they are somebody's. */
static bool remove_state(const struct workspace *ws, struct err *e)
{
    char *replaced = mem_printf("%s/replaced", ws->state_dir);
    bool keep = file_exists(replaced), ok = true;
    if (!keep) {
        ok = file_remove_tree(ws->state_dir, e);
    } else {
        static const char *const own[] = {"graph", "run.lock", "cases", "lib", "order"};
        for (size_t i = 0; i < sizeof own / sizeof *own && ok; i++) {
            char *path = mem_printf("%s/%s", ws->state_dir, own[i]);
            ok = file_remove_tree(path, e);
            mem_free(path);
        }
        fprintf(stderr, "kept %s: files that were in the place of outputs\n", replaced);
    }
    mem_free(replaced);
    return ok;
}

int cmd_clean(const struct options *o)
{
    struct workspace ws;
    if (o->n_args) {
        fputs("tgraph: error T002: `tgraph clean` takes no arguments: it cleans the whole work tree\n", stderr);
        return EXIT_USAGE;
    }
    if (!open_workspace(&ws, o))
        return EXIT_USAGE;
    struct file_lock lock = {-1};
    bool got = true;
    char *lock_path = mem_printf("%s/run.lock", ws.state_dir);
    if (!o->dry_run && file_is_dir(ws.state_dir) &&
        file_lock(lock_path, FILE_LOCK_EXCLUSIVE, false, &lock, &got, NULL) && !got) {
        fputs("tgraph: error T606: another tgraph runs in this work tree\n  hint: wait for it, then clean\n", stderr);
        mem_free(lock_path);
        ws_close(&ws);
        return EXIT_USAGE;
    }
    mem_free(lock_path);
    struct graph *g = &ws.g;
    uint32_t removed = 0;
    int status = 0;
    for (uint32_t n = 0; n < g->n_nodes; n++)
        for (uint32_t i = 0; i < g->states[n].n_made; i++) {
            const struct made_file *m = &g->made[g->states[n].made_at + i];
            const char *path = graph_str(g, g->files[m->file].path);
            const struct file_state *now = ws_file(&ws, m->file);
            if (now->type == ENTRY_NONE)
                continue;
            if (now->type != m->type || !digest_eq(now->digest, m->digest))
                fprintf(stderr, "kept %s: it is not as its target made it\n", path);
            else if (o->dry_run)
                printf("would delete %s\n", path);
            else if (unlinkat(ws.root_fd, path, 0) == 0) {
                removed++;
                remove_empty_parents(&ws, path);
            } else {
                fprintf(stderr, "tgraph: cannot delete %s: %s\n", path, strerror(errno));
                status = 1;
            }
        }
    struct err e = ERR_INIT;
    if (o->dry_run) {
        printf("would delete %s\n", ws.state_dir);
    } else if (!remove_state(&ws, &e)) {
        fprintf(stderr, "tgraph: error %s: %s\n", e.code, e.msg);
        status = 1;
    } else {
        fprintf(stderr, "deleted %u output%s and .tgraph/; results stay in %s (`tgraph gc` keeps it small)\n", removed,
                removed == 1 ? "" : "s", ws.cache_dir);
    }
    file_unlock(&lock);
    err_clear(&e);
    ws_close(&ws);
    return status;
}

static void print_size(uint64_t bytes)
{
    if (bytes >= 1 << 30)
        fprintf(stderr, "%.1f GiB", (double)bytes / (1 << 30));
    else if (bytes >= 1 << 20)
        fprintf(stderr, "%.1f MiB", (double)bytes / (1 << 20));
    else
        fprintf(stderr, "%.0f KiB", (double)bytes / 1024);
}

/* TGRAPH_CACHE_SIZE, else 10 GiB. */
static uint64_t cache_limit(void)
{
    const char *v = getenv("TGRAPH_CACHE_SIZE");
    uint64_t bytes;
    return v && options_size(v, &bytes) ? bytes : DEFAULT_CACHE_BYTES;
}

void daily_gc(const struct options *o)
{
    struct ws_opts w = workspace_options(o);
    char *dir = ws_cache_dir(&w), *mark = mem_printf("%s/last-gc", dir);
    struct stat st;
    bool first = stat(mark, &st) != 0;
    if (first || clock_real_ns() / 1000000000 - st.st_mtime > 24 * 3600) {
        struct store *s = NULL;
        struct store_gc_stats stats;
        struct errlist warnings = ERRLIST_INIT;
        /* Marked first: of several processes one is enough. A new cache has nothing to lose yet. */
        if (file_replace(mark, "", 0, 0644, false, NULL) && !first && store_open(dir, true, &s, &warnings, NULL)) {
            store_gc(s, cache_limit(), &stats, NULL);
            store_close(s);
        }
        errlist_clear(&warnings);
    }
    mem_free(mark);
    mem_free(dir);
}

int cmd_gc(const struct options *o)
{
    struct errlist warnings = ERRLIST_INIT;
    struct err e = ERR_INIT;
    struct store *s = NULL;
    struct store_gc_stats stats;
    struct ws_opts w = workspace_options(o);
    char *dir = ws_cache_dir(&w);
    int status = 0;
    bool ok = store_open(dir, true, &s, &warnings, &e);
    print_errors(&warnings, o);
    if (ok)
        ok = store_gc(s, o->max_size_given ? o->max_size : cache_limit(), &stats, &e);
    if (ok) {
        fprintf(stderr, "%s: ", dir);
        print_size(stats.before_bytes);
        fputs(" -> ", stderr);
        print_size(stats.after_bytes);
        fprintf(stderr, ", %llu results and %llu blobs removed (what was used in the last hour stays)\n",
                (unsigned long long)stats.removed_results, (unsigned long long)stats.removed_blobs);
    } else {
        fprintf(stderr, "tgraph: error %s: %s\n", e.code, e.msg);
        status = EXIT_USAGE;
    }
    if (s)
        store_close(s);
    errlist_clear(&warnings);
    err_clear(&e);
    mem_free(dir);
    return status;
}

int cmd_annotations(const struct options *o)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    struct ws_opts w = workspace_options(o);
    bool ok = load_write_annotations(w.lib_dir, &b, &e);
    if (ok)
        fwrite(b.p ? b.p : "", 1, b.len, stdout);
    else
        fprintf(stderr, "tgraph: error %s: %s\n", e.code, e.msg);
    buf_clear(&b);
    err_clear(&e);
    return ok ? 0 : EXIT_USAGE;
}

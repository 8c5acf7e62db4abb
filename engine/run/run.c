/* SPDX-License-Identifier: MIT
 *
 * A run from its start to its end: what the Testfiles read is brought up to date first, then what is asked for. The
 * thread that calls it is the coordinator, the one that owns graph, store and scheduler. */
#include "run/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "run/run_internal.h"

static uint8_t *closure(const struct graph *g, const uint8_t *selected)
{
    uint8_t *needed = mem_calloc(g->n_nodes + 1, 1);
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (selected[n])
            graph_mark_needed(g, n, needed);
    return needed;
}

enum step { STEP_ON, STEP_AGAIN, STEP_STOP };

/* Brings the files up to date that the Testfiles read and targets make (`needed`: those targets and what they need);
 * loads again if one of the files changed. */
static enum step run_generators(struct runner *r, const uint8_t *needed, struct errlist *errs)
{
    struct workspace *ws = r->ws;
    uint32_t n_files = ws->g.n_files;
    struct file_state *before = mem_resize(NULL, n_files + 1, sizeof *before);
    for (uint32_t f = 0; f < n_files; f++)
        before[f] = ws->g.files[f].state;
    ws_keys(ws);
    run_nodes(r, needed, NULL);
    run_nodes_clear(r);
    bool changed = false;
    for (uint32_t f = 0; f < n_files && !changed; f++) {
        const struct file_state *now = &ws->g.files[f].state;
        changed = (ws->g.files[f].flags & FILE_LOADED) && *graph_str(&ws->g, ws->g.files[f].path) != '/' &&
                  (now->type != before[f].type || !digest_eq(now->digest, before[f].digest));
    }
    mem_free(before);
    if (r->stopping)
        return STEP_STOP;
    if (!changed)
        return STEP_ON;
    return ws_reload(ws, "a target made a file that a Testfile reads", errs) ? STEP_AGAIN : STEP_STOP;
}

/* A file that a Testfile names is gone: only loading can tell whether that is an error, and where. */
static enum step reload_without(struct workspace *ws, const char *gone, struct errlist *errs)
{
    char *reason = mem_printf("%s is no longer there", gone);
    bool ok = ws_reload(ws, reason, errs);
    mem_free(reason);
    return ok ? STEP_AGAIN : STEP_STOP;
}

static bool lock_workspace(struct runner *r, struct file_lock *lock, bool *waited, struct errlist *errs)
{
    struct err e = ERR_INIT;
    bool got = false;
    *waited = false;
    if (!ws_state_dir(r->ws, &e)) {
        err_hint(&e, "tgraph keeps its state there");
        *errlist_add(errs, ERR_ERROR) = e;
        return false;
    }
    char *path = mem_printf("%s/run.lock", r->ws->state_dir);
    bool ok = file_lock(path, FILE_LOCK_EXCLUSIVE, false, lock, &got, &e);
    if (ok && !got) {
        run_message(r, "T606", false, "another tgraph runs in this work tree: waiting for it");
        *waited = true;
        /* In steps, so that Ctrl-C ends the waiting. */
        while (ok && !got) {
            struct pollfd fd = {.fd = r->o->interrupt_fd, .events = POLLIN};
            if (poll(&fd, 1, 50) > 0 && (fd.revents & POLLIN)) {
                r->interrupted = true;
                break;
            }
            ok = file_lock(path, FILE_LOCK_EXCLUSIVE, false, lock, &got, &e);
        }
    }
    mem_free(path);
    if (!ok)
        *errlist_add(errs, ERR_ERROR) = e;
    return ok;
}

static bool freeze(struct runner *r)
{
    struct err e = ERR_INIT;
    bool ok = ws_freeze(r->ws, &e);
    if (!ok)
        run_message(r, e.code, false, "the state of this run could not be written, the next one starts slower: %s",
                    e.msg);
    err_clear(&e);
    return ok;
}

/* What lists the cases of a suite has had its turn. A suite that still has no list has not passed, whatever else did. */
static void tell_unknown_cases(struct runner *r, const uint8_t *needed)
{
    const struct graph *g = &r->ws->g;
    for (uint32_t n = 0; n < g->n_nodes && !r->interrupted; n++) {
        const struct node *nd = &g->nodes[n];
        if (!needed[n] || !(nd->flags & NODE_CASES_UNKNOWN))
            continue;
        for (uint32_t i = 0; i < nd->n_edges; i++) {
            const struct edge *e = &g->edges[nd->edges_at + i];
            if (e->out != OUT_ORDER || g->states[e->to].status != STATUS_CLEAN)
                continue; /* it failed, and that was told */
            run_message(r, "T612", true,
                        "the cases of suite '%s' are not known: '%s' passed, and its list cannot be read (tgraph list "
                        "says where it is wrong)",
                        graph_label(g, n), graph_label(g, e->to));
            r->counts.builds_failed++;
        }
        r->counts.exit_status = 3;
    }
}

/* From an opened workspace to the end of the run; STEP_AGAIN: another process was waited for, open it anew. */
static enum step run_opened(struct runner *r, struct file_lock *lock, struct errlist *errs)
{
    struct workspace *ws = r->ws;
    enum step step = STEP_AGAIN;
    r->trial = ID_NONE;
    /* Each round can only be caused by a target that changed what a Testfile reads; one that never settles is a
     * mistake in the Testfile. */
    for (int round = 0; step == STEP_AGAIN; round++) {
        if (round == 10) {
            struct err *e = errlist_add(errs, ERR_ERROR);
            err_set(e, "T607", "loading the Testfiles does not settle: a target keeps changing a file that they read");
            err_hint(e, "its output must depend on its inputs alone");
            return STEP_STOP;
        }
        uint8_t *gen = r->o->dry_run ? NULL : graph_generators(&ws->g);
        if (!gen)
            break;
        uint8_t *needed = closure(&ws->g, gen);
        const char *gone;
        bool waited = false;
        if (!ws_stamp(ws, needed, &gone))
            step = reload_without(ws, gone, errs);
        else if (ws_all_clean(ws, needed))
            step = STEP_ON;
        else if ((lock->fd < 0 && !lock_workspace(r, lock, &waited, errs)) || r->interrupted)
            step = STEP_STOP;
        else if (!waited)
            step = run_generators(r, needed, errs);
        mem_free(needed);
        mem_free(gen);
        if (waited && step == STEP_AGAIN)
            return STEP_AGAIN;
    }
    if (step == STEP_STOP)
        return errs->n_errors ? STEP_STOP : STEP_ON;
    uint8_t *selected = mem_calloc(ws->g.n_nodes + 1, 1);
    if (!r->o->select(r->o->select_ctx, ws, selected, errs)) {
        mem_free(selected);
        return STEP_STOP;
    }
    r->trial = r->o->trial ? graph_find(&ws->g, r->o->trial->label) : ID_NONE;
    uint8_t *needed = closure(&ws->g, selected);
    graph_open_groups(&ws->g, selected); /* asking for a group is asking for its members */
    r->counts.selected = 0;
    for (uint32_t n = 0; n < ws->g.n_nodes; n++)
        r->counts.selected +=
            selected[n] && !kind_is_group((enum node_kind)ws->g.nodes[n].kind) && ws->g.nodes[n].kind != KIND_SERVICE;
    const char *gone;
    bool waited = false;
    step = STEP_ON;
    if (!ws_stamp(ws, needed, &gone)) {
        step = reload_without(ws, gone, errs);
    } else if (!r->o->force && !r->o->trial && !r->told && ws_all_clean(ws, needed)) {
        run_tell_all_clean(r, needed, selected);
        if (ws->worth_freezing && !r->o->dry_run)
            freeze(r);
    } else if (r->o->dry_run) {
        ws_keys(ws);
        run_tell_dry_run(r, needed, selected);
    } else {
        if (lock->fd < 0 && !lock_workspace(r, lock, &waited, errs))
            step = STEP_STOP;
        else if (waited && !r->interrupted)
            step = STEP_AGAIN;
        else if (!r->interrupted) {
            ws_keys(ws);
            run_nodes(r, needed, selected);
            run_nodes_clear(r);
            freeze(r);
        }
    }
    if (step == STEP_ON && !r->o->dry_run)
        tell_unknown_cases(r, needed);
    mem_free(selected);
    mem_free(needed);
    if (step == STEP_AGAIN && !waited) /* loaded again: no file can be found gone a second time */
        return run_opened(r, lock, errs);
    return step;
}

/* The threads' folders are empty; what stays is what was kept of failed targets. */
static void remove_tmp_base(const struct runner *r)
{
    DIR *d = r->tmp_base ? opendir(r->tmp_base) : NULL;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR); /* fails for what is not empty */
    if (d)
        closedir(d);
    if (r->tmp_base)
        rmdir(r->tmp_base);
}

bool run(const struct run_opts *o, struct run_counts *counts, struct errlist *errs)
{
    struct workspace ws;
    struct runner r = {.ws = &ws, .o = o, .started_ns = clock_mono_ns()};
    struct file_lock lock = {.fd = -1};
    strtab_init(&r.reported);
    if (!o->dry_run)
        proc_adopt_orphans();
    enum step step = STEP_AGAIN;
    for (int tries = 0; step == STEP_AGAIN; tries++) {
        if (!ws_open(&ws, &o->ws, errs)) {
            step = STEP_STOP;
        } else {
            for (const char *p = tries == 0 ? ws.load_warnings : NULL; p && *p;) {
                size_t len = strcspn(p, "\n"); /* one message each: a hint is indented below its warning */
                while (p[len] == '\n' && p[len + 1] == ' ')
                    len += 1 + strcspn(p + len + 1, "\n");
                run_message(&r, "", false, "%.*s", (int)len, p);
                p += len + (p[len] == '\n');
            }
            for (size_t i = 0; i < ws.warnings.n; i++)
                run_message(&r, ws.warnings.v[i].code, false, "%s", ws.warnings.v[i].msg);
            step = run_opened(&r, &lock, errs);
        }
        ws_close(&ws);
    }
    run_warm_end(&r); /* before they count as left over */
    char *orphans = o->dry_run ? NULL : proc_end_orphans();
    if (orphans)
        run_message(&r, "T608", false, "processes that left their target's group were still there, ended now: %s",
                    orphans);
    mem_free(orphans);
    lend_close(r.lend);
    remove_tmp_base(&r);
    if (step == STEP_ON)
        run_tell_end(&r);
    file_unlock(&lock);
    strtab_clear(&r.reported);
    map_clear(&r.memory.index);
    mem_free(r.memory.v);
    mem_free(r.tmp_base);
    mem_free(r.self);
    mem_free(r.stop_reason);
    *counts = r.counts;
    return step == STEP_ON;
}

/* SPDX-License-Identifier: MIT
 *
 * Runs one action: private folder, old outputs away, the process with its retries, outputs and depfile collected. */
#include "run/job.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph/graph.h"
#include "os/clock.h"
#include "os/file.h"
#include "run/depfile.h"
#include "tree/glob.h"
#include "tree/path.h"

struct job *job_new(void)
{
    struct job *j = mem_calloc(1, sizeof *j);
    arena_init(&j->arena);
    j->cancel_fd = j->kill_fd = -1;
    return j;
}

void job_free(struct job *j)
{
    if (!j)
        return;
    proc_result_clear(&j->result);
    strvec_clear(&j->reads);
    strvec_clear(&j->before);
    mem_free(j->note);
    mem_free(j->tmpdir);
    mem_free(j->made);
    mem_free(j->left);
    arena_clear(&j->arena);
    mem_free(j);
}

static char *absolute(const struct job *j, const char *path)
{
    return *path == '/' ? mem_strdup(path) : mem_printf("%s/%s", strcmp(j->root, "/") == 0 ? "" : j->root, path);
}

static void set_note(struct job *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void set_note(struct job *j, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *old = j->note;
    j->note = old ? mem_printf("%s; %s", old, text) : mem_strdup(text);
    mem_free(old);
}

static void fail(struct job *j, const struct err *e)
{
    j->outcome = OUTCOME_ERROR;
    set_note(j, "%s%s%s", e->msg ? e->msg : "failed", e->hint ? ": " : "", e->hint ? e->hint : "");
}

static bool is_success(const struct job *j, int code)
{
    if (!j->n_success_codes)
        return code == 0;
    for (uint32_t i = 0; i < j->n_success_codes; i++)
        if (j->success_codes[i] == (uint32_t)code)
            return true;
    return false;
}

/* The folder that every path which a glob matches lies in: its parts before the first one with a wildcard. */
static bool make_glob_folder(const struct job *j, const char *pattern, struct err *e)
{
    size_t len = strcspn(pattern, "*?[{\\");
    char *fixed = mem_strndup(pattern, len), *path = absolute(j, fixed);
    bool ok = file_mkdirs_for(path, e);
    mem_free(path);
    mem_free(fixed);
    return ok;
}

static bool remove_old(const char *path, struct err *e)
{
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return true;
    return err_sys(e, "T609", errno, "cannot remove the old output %s", path);
}

/* All files and links below an output folder, whatever their names (a glob would not enter .git). */
static bool list_folder(struct job *j, const char *folder, struct strvec *found, struct err *e)
{
    struct tree *tree = tree_worktree_new(j->root);
    struct strvec todo = STRVEC_INIT;
    bool ok = true;
    strvec_add(&todo, folder);
    for (size_t i = 0; i < todo.n && ok; i++) {
        struct tree_listing l;
        memset(&l, 0, sizeof l);
        ok = tree_list(tree, todo.v[i], &l, e);
        for (size_t k = 0; k < l.n && ok; k++) {
            char *path = mem_printf("%s/%s", todo.v[i], l.v[k].name);
            strvec_add(l.v[k].type == ENTRY_DIR ? &todo : found, path);
            mem_free(path);
        }
        tree_listing_clear(&l);
    }
    strvec_sort(found);
    strvec_clear(&todo);
    tree_free(tree);
    return ok;
}

/* What there is of an output entry: appends repository-relative paths. */
static bool list_entry(struct job *j, const struct job_output *o, struct strvec *found, struct err *e)
{
    struct stat st;
    char *path = absolute(j, o->path);
    bool there = lstat(path, &st) == 0, ok = true;
    mem_free(path);
    if (o->kind == OUT_FILE) {
        if (there && !S_ISDIR(st.st_mode))
            strvec_add(found, o->path);
        return true;
    }
    if (o->kind == OUT_FOLDER && (!there || !S_ISDIR(st.st_mode)))
        return true;
    if (o->kind == OUT_FOLDER)
        return list_folder(j, o->path, found, e);
    struct glob_spec spec = {.base = "", .include = &o->path, .n_include = 1, .with_ignored = true};
    struct tree *tree = tree_worktree_new(j->root);
    struct walker *w = walker_new(tree);
    ok = walker_glob(w, &spec, found, e);
    walker_free(w);
    tree_free(tree);
    return ok;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct job_left *)a)->path, ((const struct job_left *)b)->path);
}

/* Was this file there before the command ran, and is it untouched? */
static const struct job_left *left_before(const struct job *j, const char *path)
{
    struct job_left key = {.path = path};
    return j->n_left ? bsearch(&key, j->left, j->n_left, sizeof *j->left, by_path) : NULL;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->ident == b->ident;
}

static bool is_untouched(struct job *j, const char *path)
{
    const struct job_left *l = left_before(j, path);
    struct file_state now = {0};
    return l && stamp_update(j->root_fd, path, &now, NULL) != STAMP_ERROR && same_stamp(&now.stamp, &l->stamp);
}

/* A file in the place of an output. What the cache holds a copy of was made by a run that this work tree has forgotten
 * and goes. The rest may be somebody's work: one that is in the place of an output is moved aside; one in an output
 * folder stays, and the pass will not be stored as long as it does. */
static bool clear_one(struct job *j, const struct job_output *o, const char *rel, uint32_t *cap, struct err *e)
{
    struct file_state now = {0};
    char *path = absolute(j, rel);
    bool ok = true;
    stamp_update(j->root_fd, rel, &now, NULL);
    bool known = j->store && (now.type == ENTRY_FILE || now.type == ENTRY_EXEC) && store_has_file(j->store, now.digest);
    if (known) {
        ok = remove_old(path, e);
    } else if (o->kind == OUT_FILE && j->replaced) {
        char *aside = mem_printf("%s/%s", j->replaced, rel);
        for (int n = 2; n < 1000 && file_exists(aside); n++) { /* an earlier one is as dear */
            mem_free(aside);
            aside = mem_printf("%s/%s.%d", j->replaced, rel, n);
        }
        ok = file_mkdirs_for(aside, e) &&
             (rename(path, aside) == 0 || err_sys(e, "T609", errno, "cannot move %s aside to %s", path, aside));
        if (ok && !j->moved_aside)
            j->moved_aside = arena_strdup(&j->arena, rel);
        mem_free(aside);
    } else if (o->kind != OUT_FILE) {
        MEM_GROW(j->left, j->n_left, *cap);
        j->left[j->n_left++] = (struct job_left){arena_strdup(&j->arena, rel), now.stamp};
    }
    mem_free(path);
    return ok;
}

/* So that what is found afterwards was made by this run. `attempt` 1: what was there before the target ran at all; later
 * ones: what the attempt before has left. */
static bool clear_outputs(struct job *j, uint32_t number, struct err *e)
{
    bool ok = true;
    uint32_t cap = 0;
    for (uint32_t i = 0; i < j->n_remove && ok && number == 1; i++)
        ok = remove_old(j->remove[i], e);
    for (uint32_t i = 0; i < j->n_outputs && ok; i++) {
        struct strvec found = STRVEC_INIT;
        ok = list_entry(j, &j->outputs[i], &found, e);
        for (size_t k = 0; k < found.n && ok; k++) {
            if (number == 1) {
                ok = clear_one(j, &j->outputs[i], found.v[k], &cap, e);
            } else if (!is_untouched(j, found.v[k])) {
                char *path = absolute(j, found.v[k]);
                ok = remove_old(path, e);
                mem_free(path);
            }
        }
        strvec_clear(&found);
    }
    if (number == 1 && j->n_left)
        qsort(j->left, j->n_left, sizeof *j->left, by_path);
    return ok;
}

/* Old outputs go, and a depfile that a failed run has left; parents of the new ones come. */
static bool prepare_outputs(struct job *j, uint32_t number, struct err *e)
{
    bool ok = j->keep_old || clear_outputs(j, number, e);
    for (uint32_t i = 0; i < j->n_outputs && ok; i++) {
        const struct job_output *o = &j->outputs[i];
        if (o->kind == OUT_GLOB) {
            ok = make_glob_folder(j, o->path, e);
            continue;
        }
        char *path = absolute(j, o->path);
        ok = o->kind == OUT_FOLDER ? file_mkdirs(path, e) : file_mkdirs_for(path, e);
        mem_free(path);
    }
    if (j->depfile && ok) {
        char *path = absolute(j, j->depfile);
        ok = file_mkdirs_for(path, e) && remove_old(path, e);
        mem_free(path);
    }
    return ok;
}

static void add_made(struct job *j, uint32_t *cap, const char *path, uint32_t out)
{
    MEM_GROW(j->made, j->n_made, *cap);
    j->made[j->n_made] = (struct job_made){.path = arena_strdup(&j->arena, path), .out = out};
    j->n_made++;
}

/* Digest and CAS copy of one output file. */
static bool keep(struct job *j, struct job_made *m, struct err *e)
{
    int errnum = 0;
    if (stamp_update(j->root_fd, m->path, &m->state, &errnum) == STAMP_ERROR)
        return err_sys(e, "T609", errnum, "cannot read the output %s", m->path);
    if (m->state.type == ENTRY_LINK) {
        char text[4097];
        ssize_t n = readlinkat(j->root_fd, m->path, text, sizeof text - 1);
        if (n < 0)
            return err_sys(e, "T609", errno, "cannot read the link %s", m->path);
        m->link_text = arena_strndup(&j->arena, text, (size_t)n);
        m->blob = digest_bytes(text, (size_t)n);
        return true;
    }
    if (m->state.type != ENTRY_FILE && m->state.type != ENTRY_EXEC)
        return err_set(e, "T609", "the output %s is neither a file nor a link", m->path);
    m->blob = m->state.digest;
    if (!j->store)
        return true;
    char *path = absolute(j, m->path);
    struct err store_error = ERR_INIT;
    struct digest blob;
    if (!store_put_file(j->store, path, &blob, &store_error)) {
        j->unstored = true;
        set_note(j, "its outputs could not be kept: %s", store_error.msg);
    } else if (!digest_eq(blob, m->state.digest)) {
        err_set(e, "T609", "the output %s changed after the command had ended", m->path);
    }
    err_clear(&store_error);
    mem_free(path);
    return !*e->code;
}

/* An entry of which nothing is there. */
static bool missing_output(const struct job *j, const struct job_output *o, struct err *e)
{
    struct stat st;
    char *path = absolute(j, o->path);
    bool there = lstat(path, &st) == 0, is_dir = there && S_ISDIR(st.st_mode), ok = false;
    mem_free(path);
    if (o->kind == OUT_GLOB)
        err_set(e, "T609", "it made nothing that its output glob %s matches", o->path);
    else if (o->kind == OUT_FOLDER && is_dir)
        ok = true; /* empty, as it may be */
    else if (o->kind == OUT_FOLDER)
        err_set(e, "T609", "it did not make its output folder %s/", o->path);
    else if (is_dir)
        err_set(e, "T609", "its output %s is a folder: declare it as '%s/'", o->path, o->path);
    else
        err_set(e, "T609", "it did not make its output %s", o->path);
    return ok;
}

static bool collect_outputs(struct job *j, struct err *e)
{
    uint32_t cap = 0;
    bool ok = true;
    for (uint32_t i = 0; i < j->n_outputs && ok; i++) {
        const struct job_output *o = &j->outputs[i];
        struct strvec found = STRVEC_INIT;
        uint32_t before = j->n_made;
        ok = list_entry(j, o, &found, e);
        for (size_t k = 0; k < found.n && ok; k++) {
            const struct job_left *l = left_before(j, found.v[k]);
            if (l && !j->unstored) {
                j->unstored = true;
                set_note(j,
                         "%s was there before it ran and is not tgraph's, so its pass is not stored: remove that file",
                         l->path);
            }
            if (!l || !is_untouched(j, found.v[k]))
                add_made(j, &cap, found.v[k], o->out);
        }
        if (ok && j->n_made == before)
            ok = missing_output(j, o, e);
        strvec_clear(&found);
    }
    for (uint32_t i = 0; i < j->n_made && ok; i++)
        ok = keep(j, &j->made[i], e);
    return ok;
}

/* After a failure: what there is of the outputs now is this run's, and goes before the next one. */
static void collect_remains(struct job *j)
{
    uint32_t cap = 0;
    j->n_made = 0;
    mem_free(j->made);
    j->made = NULL;
    for (uint32_t i = 0; i < j->n_outputs && !j->keep_old; i++) {
        struct strvec found = STRVEC_INIT;
        list_entry(j, &j->outputs[i], &found, NULL);
        for (size_t k = 0; k < found.n; k++) {
            if (is_untouched(j, found.v[k]))
                continue;
            add_made(j, &cap, found.v[k], j->outputs[i].out);
            stamp_update(j->root_fd, found.v[k], &j->made[j->n_made - 1].state, NULL);
        }
        strvec_clear(&found);
    }
}

/* Does the path without its ".." lead where the path with them does? Not if a part before one of them is a link. */
static bool same_file(const struct job *j, const char *raw, const struct buf *path)
{
    if (!strstr(raw, ".."))
        return true;
    char *as_written = *raw == '/' ? mem_strdup(raw) : mem_printf("%s/%s", j->cwd, raw),
         *plain = absolute(j, buf_cstr(path));
    struct stat a, b;
    bool same = stat(as_written, &a) != 0 || (stat(plain, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
    mem_free(as_written);
    mem_free(plain);
    return same;
}

/* A path of the depfile, repository-relative where it lies inside, else absolute. Appends nothing for the root. */
static void resolve_read(const struct job *j, const char *raw, struct buf *path)
{
    size_t root_len = strcmp(j->root, "/") == 0 ? 0 : strlen(j->root), len = strlen(raw);
    const char *dir = strlen(j->cwd) > root_len ? j->cwd + root_len + 1 : "", *p = raw;
    bool folder = len > 1 && raw[len - 1] == '/';
    if (strncmp(raw, j->root, root_len) == 0 && raw[root_len] == '/') {
        p += root_len;
        p += strspn(p, "/");
        dir = "";
    }
    if (path_resolve(dir, p, path) == PATH_OK && same_file(j, raw, path)) {
        if (folder && !path->len)
            buf_addc(path, '.');
        if (folder)
            buf_addc(path, '/');
        return;
    }
    buf_reset(path); /* outside: not made shorter, since links may lead anywhere */
    if (*raw != '/')
        buf_printf(path, "%s/", j->cwd);
    buf_adds(path, raw);
    while (folder && path->len > 1 && path->p[path->len - 2] == '/')
        path->p[--path->len] = 0;
}

void job_add_read(struct job *j, const char *raw)
{
    struct buf path = BUF_INIT;
    resolve_read(j, raw, &path);
    if (path.len)
        strvec_add(&j->reads, buf_cstr(&path));
    buf_clear(&path);
}

static bool collect_reads(struct job *j, struct err *e)
{
    if (!j->depfile)
        return true;
    struct buf text = BUF_INIT;
    struct strvec raw = STRVEC_INIT;
    char *file = absolute(j, j->depfile);
    bool ok = file_exists(file);
    if (!ok)
        err_set(e, "T609", "it did not write its depfile %s", j->depfile);
    ok = ok && file_read(file, DEPFILE_MAX_BYTES, &text, e) && depfile_parse(buf_cstr(&text), text.len, &raw, e);
    for (size_t i = 0; i < raw.n && ok; i++)
        job_add_read(j, raw.v[i]);
    if (ok) {
        strvec_sort_unique(&j->reads);
        unlink(file);
    }
    mem_free(file);
    strvec_clear(&raw);
    buf_clear(&text);
    return ok;
}

static void judge(struct job *j)
{
    const struct proc_result *r = &j->result;
    mem_free(j->note);
    j->note = NULL;
    switch (r->cause) {
    case PROC_EXITED:
        j->outcome = is_success(j, r->exit_code) ? OUTCOME_PASSED : OUTCOME_FAILED;
        if (j->outcome == OUTCOME_FAILED)
            set_note(j, "exit status %d", r->exit_code);
        break;
    case PROC_SIGNALLED: {
        struct buf name = BUF_INIT;
        proc_signal_name(r->signal, &name);
        j->outcome = OUTCOME_CRASHED;
        set_note(j, "%s%s", buf_cstr(&name), r->core_dumped ? ", core dumped" : "");
        buf_clear(&name);
        break;
    }
    case PROC_TIMED_OUT:
        j->outcome = OUTCOME_TIMED_OUT;
        set_note(j, "still running after its time limit of %.3g s", (double)j->timeout_ms / 1000);
        break;
    case PROC_CANCELLED:
        j->outcome = OUTCOME_SKIPPED;
        j->cancelled = true;
        set_note(j, "interrupted");
        break;
    case PROC_NOT_STARTED:
        fail(j, &r->error);
        break;
    }
    if (r->left_over)
        set_note(j, "left-over processes, ended now: %s", r->left_over);
}

static void attempt(struct job *j, uint32_t number)
{
    struct err e = ERR_INIT;
    char *tmp = mem_printf("%s/%u-%u", j->tmp_base, j->slot, j->folder_serial ? *j->folder_serial : 0);
    if (mkdir(tmp, 0700) != 0 && errno != EEXIST) {
        err_sys(&e, "T610", errno, "cannot make the private folder %s", tmp);
        err_hint(&e, "is there room in the temporary folder? TMPDIR names another");
        proc_result_clear(&j->result);
        j->result.cause = PROC_NOT_STARTED;
        fail(j, &e);
        err_clear(&e);
        mem_free(tmp);
        return;
    }
    j->tmpdir = tmp;
    j->envp[j->env_free[0]] = arena_printf(&j->arena, "TGRAPH_ATTEMPT=%u", number);
    j->envp[j->env_free[1]] = arena_printf(&j->arena, "TGRAPH_TMPDIR=%s", tmp);
    if (j->env_free[2] != UINT32_MAX)
        j->envp[j->env_free[2]] = arena_printf(&j->arena, "TMPDIR=%s", tmp);
    j->envp[j->env_free[3]] = arena_printf(&j->arena, "TGRAPH_SLOT=%u", j->slot);
    struct proc_spec spec = {.file = j->file,
                             .argv = j->argv,
                             .envp = (const char *const *)j->envp,
                             .cwd = j->cwd,
                             .stdin_path = j->stdin_path,
                             .stdin_text = j->stdin_text,
                             .stdin_len = j->stdin_text ? strlen(j->stdin_text) : 0,
                             .stdout_path = j->stdout_path,
                             .inherit_fds = j->inherit_fds,
                             .n_inherit_fds = j->n_inherit_fds,
                             .timeout_ms = j->timeout_ms,
                             .grace_ms = j->grace_ms,
                             .left_ms = j->left_ms,
                             .cancel_fd = j->cancel_fd,
                             .kill_fd = j->kill_fd};
    proc_result_clear(&j->result);
    proc_run(&spec, &j->result);
    judge(j);
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    bool empty = d != NULL;
    for (struct dirent *e; empty && (e = readdir(d)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (d)
        closedir(d);
    return empty;
}

/* The private folder is its thread's: while it stays empty the next action gets it again, since making one for each
 * action is what costs most after the process itself. */
static void drop_tmpdir(struct job *j, bool keep_it)
{
    struct err e = ERR_INIT;
    if (!j->tmpdir)
        return;
    if (!is_empty(j->tmpdir)) {
        if (keep_it) { /* in its place, since the log may name it; the thread goes on in another one */
            if (j->folder_serial)
                ++*j->folder_serial;
            return;
        }
        if (!file_remove_tree(j->tmpdir, &e))
            set_note(j, "its private folder could not be removed: %s", e.msg);
    }
    err_clear(&e);
    mem_free(j->tmpdir);
    j->tmpdir = NULL;
}

static void run(struct job *j)
{
    struct err e = ERR_INIT;
    bool began = false;
    j->started_real_ns = clock_real_ns();
    j->result.cause = PROC_NOT_STARTED; /* until a process is */
    j->result.exit_code = -1;
    if (!j->file) {
        j->outcome = OUTCOME_ERROR;
        set_note(j, "%s", j->missing);
        return;
    }
    for (j->attempts = 1;; j->attempts++) {
        if (!prepare_outputs(j, j->attempts, &e)) {
            fail(j, &e);
            break;
        }
        began = true;
        attempt(j, j->attempts);
        if (j->outcome == OUTCOME_PASSED || j->cancelled || j->attempts >= j->max_attempts)
            break;
        drop_tmpdir(j, false);
        if (j->on_retry)
            j->on_retry(j->ctx, j, j->attempts, &j->result);
    }
    /* The depfile first: it is removed, and may lie in an output folder. */
    if (j->outcome == OUTCOME_PASSED && (!collect_reads(j, &e) || !collect_outputs(j, &e)))
        fail(j, &e);
    if (j->outcome != OUTCOME_PASSED && began)
        collect_remains(j);
    if (j->moved_aside)
        set_note(j, "what was at %s before was not tgraph's: it is in .tgraph/replaced/ now", j->moved_aside);
    drop_tmpdir(j, j->outcome != OUTCOME_PASSED && j->outcome != OUTCOME_SKIPPED);
    if (j->outcome == OUTCOME_PASSED && j->attempts > 1) {
        j->outcome = OUTCOME_FLAKY;
        set_note(j, "passed at attempt %u of %u", j->attempts, j->max_attempts);
    }
    err_clear(&e);
}

static void restore(struct job *j)
{
    struct err e = ERR_INIT;
    j->restored = true;
    for (uint32_t i = 0; i < j->n_outputs && j->restored; i++) { /* one with nothing in it has no file to bring it */
        char *path = absolute(j, j->outputs[i].path);
        j->restored = j->outputs[i].kind != OUT_FOLDER || file_mkdirs(path, &e);
        if (!j->restored)
            set_note(j, "its output folder %s/ could not be restored: %s", j->outputs[i].path, e.msg);
        err_clear(&e);
        mem_free(path);
    }
    for (uint32_t i = 0; i < j->n_restores && j->restored; i++) {
        struct job_restore *r = &j->restores[i];
        if (r->skip)
            continue;
        char *path = absolute(j, r->path);
        bool found = false;
        if (r->type == ENTRY_NONE) {
            j->restored = remove_old(path, &e);
        } else if (!file_mkdirs_for(path, &e)) {
            j->restored = false;
        } else if (r->type == ENTRY_LINK) {
            j->restored = r->link_text && (unlink(path) == 0 || errno == ENOENT) && symlink(r->link_text, path) == 0;
        } else {
            struct stat st;
            if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
                unlink(path);
            j->restored =
                j->store &&
                store_restore_file(j->store, r->blob, path, r->type == ENTRY_EXEC ? 0755 : 0644, &found, &e) && found;
        }
        if (!j->restored)
            set_note(j, "its output %s could not be %s%s%s", r->path, r->type == ENTRY_NONE ? "removed" : "restored",
                     e.msg ? ": " : "", e.msg ? e.msg : "");
        mem_free(path);
        err_clear(&e);
    }
}

void job_run(struct job *j)
{
    if (j->kind == JOB_SERVE)
        j->serve(j);
    else if (j->kind == JOB_RUN)
        run(j);
    else
        restore(j);
    j->ended_real_ns = clock_real_ns();
}

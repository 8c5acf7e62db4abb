/* SPDX-License-Identifier: MIT
 *
 * `tgraph once`: looks, locks, leads. */
#include "once/once.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "once/once_internal.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/proc.h"
#include "store/store.h"

#define MAX_KEY 1024
#define GRACE_MS 5000 /* as a test has it */
#define LEFT_MS 2000

enum { NOT_TRIED = 2 }; /* exit status: something is wrong before the command could run */

struct once {
    const struct once_spec *s;
    struct once_result *r;
    struct once_inputs in;
    struct once_lock lock;
    struct store *store;
    char *work; /* folder of the command's file; NULL = there is none */
};

static void say(struct once *o, struct err *e)
{
    e->level = ERR_WARNING;
    if (o->s->say && e->msg)
        o->s->say(o->s->ctx, e);
    err_clear(e);
}

/* ---- what was asked for ------------------------------------------------------------------------------------------- */

static bool usage(struct err *e, const char *hint, const char *what)
{
    err_set(e, "T002", "%s", what);
    return err_hint(e, "%s", hint);
}

static bool check_spec(const struct once_spec *s, struct err *e)
{
    static const char form[] = "tgraph once KEY [--in FILE]... [--env NAME]... --out PATH -- CMD...";
    if (!s->key || !*s->key)
        return usage(e, form, "once needs a KEY");
    if (strlen(s->key) > MAX_KEY)
        return usage(e, "the contents of files count with --in", "KEY is longer than 1,024 bytes");
    for (const char *p = s->key; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return usage(e, "a KEY is a name for people", "KEY holds a control character");
    if (!s->argv || !s->argv[0] || !*s->argv[0])
        return usage(e, form, "once needs a command behind --");
    if (!s->out || !*s->out)
        return usage(e, form, "once needs --out PATH");
    for (size_t i = 0; i < s->n_env_names; i++)
        if (!*s->env_names[i] || strchr(s->env_names[i], '='))
            return usage(e, "--env NAME lets the variable's value count; NAME=VALUE in front of `tgraph` sets it",
                         "--env takes the name of a variable");
    struct stat sb;
    size_t len = strlen(s->out);
    if (s->out[len - 1] == '/' || (stat(s->out, &sb) == 0 && S_ISDIR(sb.st_mode))) {
        err_set(e, "T654", "--out %s is a folder", s->out);
        return err_hint(e, "give the path of a file; of a folder's content make an archive");
    }
    return true;
}

/* ---- delivering --------------------------------------------------------------------------------------------------- */

static int mode_of(const struct once *o, bool executable) { return (int)((executable ? 0555U : 0444U) & ~o->s->umask); }

/* Is the file at `out` so already? Whoever may write it keeps that: only content and executability count. */
static bool out_is(const struct once *o, struct digest d, bool executable)
{
    struct stat sb;
    struct digest now;
    return lstat(o->s->out, &sb) == 0 && S_ISREG(sb.st_mode) && ((sb.st_mode & S_IXUSR) != 0) == executable &&
           file_digest(o->s->out, &now, NULL) && digest_eq(now, d);
}

static bool out_error(const struct once *o, struct err *e)
{
    char *why = mem_strdup(e && e->msg ? e->msg : "unknown");
    err_set(e, "T654", "once %s: cannot write --out: %s", o->s->key, why);
    err_hint(e, "make its folder writable, or name another PATH");
    mem_free(why);
    return false;
}

/* Brings a stored file to `out`. *found = false: the store has lost it. */
static bool deliver(struct once *o, struct digest d, bool executable, bool *found, struct err *e)
{
    *found = true;
    if (out_is(o, d, executable)) {
        o->r->how = ONCE_THERE;
        return true;
    }
    if (!file_mkdirs_for(o->s->out, e) || !store_restore_file(o->store, d, o->s->out, mode_of(o, executable), found, e))
        return out_error(o, e);
    o->r->how = ONCE_TAKEN;
    return true;
}

/* Looks into the store. *found: `out` is as it has to be. */
static bool take(struct once *o, bool *found, struct err *e)
{
    struct store_result r;
    struct err why = ERR_INIT;
    *found = false;
    if (!o->store)
        return true;
    /* A store that cannot be read knows nothing. */
    if (!store_get_result(o->store, o->in.key, &r, found, &why)) {
        *found = false;
        err_clear(&why);
        return true;
    }
    if (!*found)
        return true;
    bool ok = true;
    *found = r.outcome == OUTCOME_PASSED && r.n_outputs == 1;
    if (*found)
        ok = deliver(o, r.outputs[0].blob, r.outputs[0].type == ENTRY_EXEC, found, e);
    if (ok && *found && !store_touch_result(o->store, o->in.key, &why))
        err_clear(&why); /* gc may take it earlier */
    store_result_clear(&r);
    return ok;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static char *with_out(const char *arg, const char *path)
{
    struct buf b = BUF_INIT;
    for (const char *hit; (hit = strstr(arg, "{out}")) != NULL; arg = hit + 5) {
        buf_add(&b, arg, (size_t)(hit - arg));
        buf_adds(&b, path);
    }
    buf_adds(&b, arg);
    return buf_take(&b);
}

/* What the command line is, for people. */
static char *command_text(const struct once_spec *s)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; s->argv[i] && b.len < 200; i++)
        buf_printf(&b, "%s%.120s", i ? " " : "", s->argv[i]);
    for (size_t i = 0; i < b.len; i++)
        if ((unsigned char)b.p[i] < 0x20 || b.p[i] == 0x7f)
            b.p[i] = ' ';
    return buf_take(&b);
}

static bool is_variable(const char *pair, const char *name)
{
    size_t len = strlen(name);
    return strncmp(pair, name, len) == 0 && pair[len] == '=';
}

static void build_vectors(struct once *o, const char *file, struct strvec *argv, struct strvec *envp)
{
    const struct once_spec *s = o->s;
    for (size_t i = 0; s->argv[i]; i++) {
        char *arg = with_out(s->argv[i], file);
        strvec_add(argv, arg);
        mem_free(arg);
    }
    for (const char *const *p = s->envp; p && *p; p++)
        if (!is_variable(*p, "TGRAPH_OUT") && !is_variable(*p, ONCE_CHAIN))
            strvec_add(envp, *p);
    const char *chain = once_getenv(s, ONCE_CHAIN);
    char *out = mem_printf("TGRAPH_OUT=%s", file);
    char *inside =
        mem_printf(ONCE_CHAIN "=%s%s%s:%s", chain ? chain : "", chain && *chain ? "," : "", o->lock.hex, o->lock.token);
    strvec_add(envp, out);
    strvec_add(envp, inside);
    mem_free(out);
    mem_free(inside);
}

static const char *const *ended(struct strvec *v)
{
    MEM_GROW(v->v, v->n, v->cap);
    v->v[v->n] = NULL;
    return (const char *const *)v->v;
}

/* How the command ended, as an error; false unless it passed. Sets the exit status. */
static bool judge(struct once *o, const struct proc_result *p, struct err *e)
{
    char *command = command_text(o->s);
    struct buf how = BUF_INIT;
    bool ok = false;
    switch (p->cause) {
    case PROC_EXITED:
        ok = p->exit_code == 0;
        o->r->status = p->exit_code < 0 ? 1 : p->exit_code;
        buf_printf(&how, "exit status %d", p->exit_code);
        break;
    case PROC_NOT_STARTED:
        o->r->status = NOT_TRIED;
        buf_adds(&how, p->error.msg ? p->error.msg : "it could not be started");
        break;
    case PROC_CANCELLED:
        o->r->cancelled = true;
        o->r->status = 1;
        buf_adds(&how, "interrupted");
        break;
    default:
        o->r->status = 128 + p->signal;
        proc_signal_name(p->signal, &how);
    }
    if (!ok && p->cause == PROC_NOT_STARTED)
        err_set(e, p->error.code, "once %s: %s", o->s->key, buf_cstr(&how));
    else if (!ok)
        err_set(e, "T650", "once %s: %s: %s", o->s->key, command, buf_cstr(&how));
    if (!ok && p->cause == PROC_NOT_STARTED && p->error.hint)
        err_hint(e, "%s", p->error.hint);
    mem_free(command);
    buf_clear(&how);
    return ok;
}

static bool run_command(struct once *o, const char *file, struct err *e)
{
    const struct once_spec *s = o->s;
    struct strvec argv = STRVEC_INIT, envp = STRVEC_INIT;
    struct proc_result p;
    build_vectors(o, file, &argv, &envp);
    struct proc_spec spec = {.file = o->in.program,
                             .argv = ended(&argv),
                             .envp = ended(&envp),
                             .own_output = true,
                             .out_fd = {s->out_fd[0], s->out_fd[1]},
                             .grace_ms = GRACE_MS,
                             .left_ms = LEFT_MS,
                             .cancel_fd = s->cancel_fd,
                             .kill_fd = s->kill_fd};
    proc_run(&spec, &p);
    bool ok = judge(o, &p, e);
    if (p.left_over) {
        struct err w = ERR_INIT;
        err_set(&w, "T608", "once %s: left-over processes of its command were ended: %s", s->key, p.left_over);
        say(o, &w);
    }
    proc_result_clear(&p);
    strvec_clear(&argv);
    strvec_clear(&envp);
    return ok;
}

/* ---- leading ------------------------------------------------------------------------------------------------------ */

/* The command's file as it left it. */
static bool look_at(struct once *o, const char *file, bool *executable, struct err *e)
{
    struct stat sb;
    char *command = command_text(o->s);
    const char *what = NULL;
    if (lstat(file, &sb) != 0)
        what = "did not make the file $TGRAPH_OUT";
    else if (S_ISDIR(sb.st_mode))
        what = "made a folder of $TGRAPH_OUT";
    else if (!S_ISREG(sb.st_mode))
        what = "made something else than a regular file of $TGRAPH_OUT";
    else
        *executable = (sb.st_mode & S_IXUSR) != 0;
    if (what) {
        o->r->status = 1;
        err_set(e, "T651", "once %s: %s: passed, and %s", o->s->key, command, what);
        err_hint(e, "it has to write its result there, or to {out} in its arguments; of a folder make an archive");
    }
    mem_free(command);
    return !what;
}

/* Takes the file into the store. Several tries, since a store that was found damaged is begun anew. */
static bool keep(struct once *o, const char *file, bool executable, const struct store_result *times,
                 struct digest *content, struct err *e)
{
    for (int i = 0; i < 2; i++) {
        struct store_output out = {.path = "out", .type = executable ? ENTRY_EXEC : ENTRY_FILE};
        struct store_result r = *times;
        char *target = mem_printf("once:%s", o->s->key);
        err_clear(e);
        bool ok = store_put_file(o->store, file, &out.blob, e);
        *content = out.digest = out.blob;
        r.key = o->in.key;
        r.outcome = OUTCOME_PASSED;
        r.attempts = 1;
        r.target = target;
        r.outputs = &out;
        r.n_outputs = 1;
        ok = ok && store_begin(o->store, e) && store_put_result(o->store, &r, e) && store_commit(o->store, e);
        mem_free(target);
        if (ok || strcmp(e->code, "T502") != 0)
            return ok;
    }
    return false;
}

/* For this caller alone: straight from the command's folder. */
static bool deliver_alone(struct once *o, const char *file, bool executable, struct err *e)
{
    struct digest d;
    o->r->how = ONCE_MADE_ALONE;
    if (!file_digest(file, &d, e))
        return false;
    if (out_is(o, d, executable))
        return true;
    if (!file_mkdirs_for(o->s->out, e) || !file_copy(file, o->s->out, mode_of(o, executable), &d, e))
        return out_error(o, e);
    return true;
}

static bool use_file(struct once *o, const char *file, const struct store_result *times, int64_t began_ns,
                     struct err *e)
{
    bool executable, stored = false, found = false;
    struct digest content;
    struct err why = ERR_INIT;
    char *moved = NULL;
    if (!look_at(o, file, &executable, e))
        return false;
    o->r->status = 1;
    if (!once_inputs_still(&o->in, o->s, began_ns, &moved)) {
        err_set(&why, "T656", "once %s: %s changed while its command ran: the result is not kept for others", o->s->key,
                moved);
        err_hint(&why, "nothing may write to the inputs meanwhile, the command neither");
    } else if (o->store) {
        stored = keep(o, file, executable, times, &content, &why);
    } else {
        err_set(&why, "T501", "the cache cannot be used");
    }
    mem_free(moved);
    if (!stored)
        say(o, &why);
    err_clear(&why);
    if (stored) {
        once_lock_end(&o->lock); /* those who wait need not wait for the copy */
        if (!deliver(o, content, executable, &found, e))
            return false;
        if (found)
            o->r->how = ONCE_MADE;
    }
    return found || deliver_alone(o, file, executable, e);
}

/* Makes the folder that the command writes to. */
static bool make_work(struct once *o, struct err *e)
{
    o->work = mem_printf("%s/%s.%s", o->lock.dir, o->lock.hex, o->lock.token);
    if (mkdir(o->work, 0700) == 0)
        return true;
    bool full = errno == ENOSPC || errno == EDQUOT;
    err_sys(e, full ? "T504" : "T503", errno, "cannot write to the cache folder: %s", o->work);
    return err_hint(e, "free some space there, make it writable, or set TGRAPH_CACHE_DIR to another folder");
}

static bool lead(struct once *o, struct err *e)
{
    struct store_result times = {.exit_code = 0};
    int64_t began_real_ns = clock_real_ns(), began_ns = clock_mono_ns();
    once_sweep(&o->lock);
    if (!make_work(o, e))
        return false;
    char *file = mem_printf("%s/out", o->work);
    bool ok = run_command(o, file, e);
    times.finished_ns = clock_real_ns();
    times.duration_ns = clock_mono_ns() - began_ns;
    ok = ok && use_file(o, file, &times, began_real_ns, e);
    if (ok)
        o->r->status = 0;
    once_lock_end(&o->lock);
    file_remove_tree(o->work, NULL);
    mem_free(file);
    mem_free(o->work);
    o->work = NULL;
    return ok;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

/* Without a store that can be written nothing can be shared, which the lock's folder says better than the store does. */
static void open_store(struct once *o)
{
    struct errlist warnings = ERRLIST_INIT;
    struct err e = ERR_INIT;
    if (!store_open(o->s->cache_dir, true, &o->store, &warnings, &e))
        say(o, &e);
    for (size_t i = 0; i < warnings.n; i++)
        if (o->s->say)
            o->s->say(o->s->ctx, &warnings.v[i]);
    errlist_clear(&warnings);
    err_clear(&e);
}

/* The inputs may have changed while this process waited: then it is another key. */
static bool read_again(struct once *o, struct err *e)
{
    once_inputs_clear(&o->in);
    return once_inputs_read(&o->in, o->s, e);
}

/* true: *done, or it is to be tried again. */
static bool try_once(struct once *o, bool *done, struct err *e)
{
    bool waited;
    *done = true;
    o->r->status = NOT_TRIED;
    if (!o->lock.dir && !once_lock_init(&o->lock, o->s, e))
        return false;
    if (once_is_inside(&o->lock, o->s, o->in.key, e))
        return false;
    enum once_got got = once_lock_take(&o->lock, o->s, o->in.key, &waited, e);
    if (got == ONCE_FAILED)
        return false;
    if (got == ONCE_CANCELLED) {
        o->r->cancelled = true;
        err_set(e, "T650", "once %s: interrupted while it waited for another process", o->s->key);
        return false;
    }
    struct digest before = o->in.key;
    bool found = false, ok = !waited || read_again(o, e);
    bool same = ok && digest_eq(before, o->in.key);
    /* Its leader may have died after it had stored the result, or have ended before we came. */
    if (ok)
        ok = take(o, &found, e);
    if (ok && !found && got == ONCE_GOT && same)
        return lead(o, e);
    once_lock_end(&o->lock);
    *done = !ok || found;
    return ok;
}

bool once_run(const struct once_spec *s, struct once_result *r, struct err *e)
{
    struct once o = {.s = s, .r = r, .lock.fd = -1};
    struct err unwanted = ERR_INIT;
    *r = (struct once_result){.status = NOT_TRIED};
    if (!e)
        e = &unwanted;
    bool ok = check_spec(s, e) && once_inputs_read(&o.in, s, e), done = false;
    if (ok) {
        open_store(&o);
        ok = take(&o, &done, e);
    }
    /* Each round ends it, or has waited for another one's work. */
    while (ok && !done)
        ok = try_once(&o, &done, e);
    if (ok)
        r->status = 0;
    else
        r->how = ONCE_NOT;
    once_inputs_clear(&o.in);
    once_lock_clear(&o.lock);
    if (o.store)
        store_close(o.store);
    err_clear(&unwanted);
    return ok;
}

/* SPDX-License-Identifier: MIT
 *
 * Who makes a key, who waits for it, and cycles of those who wait.
 *
 * A cycle: a command that makes A calls `once B` while the one that makes B calls `once A`. Each waiter inside of a leader's
 * command leaves a note before it sleeps (what it waits for, and the chain of keys around it), all under waits.lock, and reads
 * the others' notes. So of the waiters of a cycle the last one sees it, and fails. A note counts while its writer holds it
 * (flock) and while the leader that it names still holds the key: both are seen in the files, never by process ids, which
 * mean nothing across containers that share a cache. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "once/lend.h"
#include "once/once_internal.h"
#include "os/clock.h"
#include "os/file.h"

#define RECORD_HEAD "tgraph-once 1"
#define NOTE_PREFIX "wait-"
#define MAX_RECORD 8192
#define MAX_NOTE (64u << 10)
#define MAX_DEPTH 256    /* keys around a process */
#define SWEEP_AGE_S 3600 /* of what is looked at, of other keys */

/* ---- the leader's record ------------------------------------------------------------------------------------------ */

struct record {
    char token[ONCE_TOKEN];
    long pid;
    char *key; /* as the user named it; owned */
};

static char *lock_path(const char *dir, const char *hex) { return mem_printf("%s/%s.lock", dir, hex); }

/* Takes the next line of *p. */
static char *line(char **p)
{
    char *start = *p, *end = strchr(start, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *p = end + 1;
    return start;
}

static bool record_read(const char *dir, const char *hex, struct record *r)
{
    char *path = lock_path(dir, hex);
    struct buf b = BUF_INIT;
    bool ok = file_read(path, MAX_RECORD, &b, NULL) && b.len;
    char *p = b.p, *head = ok ? line(&p) : NULL, *token = head ? line(&p) : NULL, *pid = token ? line(&p) : NULL,
         *key = pid ? line(&p) : NULL;
    ok = key && strcmp(head, RECORD_HEAD) == 0 && strlen(token) < sizeof r->token;
    if (ok) {
        snprintf(r->token, sizeof r->token, "%s", token);
        r->pid = strtol(pid, NULL, 10);
        r->key = mem_strdup(key);
    }
    buf_clear(&b);
    mem_free(path);
    return ok;
}

static bool record_write(const struct once_lock *l, const struct once_spec *s)
{
    char *text = mem_printf("%s\n%s\n%ld\n%s\n", RECORD_HEAD, l->token, (long)getpid(), s->key);
    size_t len = strlen(text);
    bool ok = ftruncate(l->fd, 0) == 0 && pwrite(l->fd, text, len, 0) == (ssize_t)len;
    mem_free(text);
    return ok;
}

/* Does anybody hold this file? */
static bool is_held(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

/* Is the leader of this name still making this key? *key_text (owned by the caller) is the key's own name. */
static bool leads(const char *dir, const char *hex, const char *token, char **key_text)
{
    struct record r;
    char *path = lock_path(dir, hex);
    bool yes = is_held(path) && record_read(dir, hex, &r);
    mem_free(path);
    if (!yes)
        return false;
    yes = strcmp(r.token, token) == 0;
    if (yes && key_text)
        *key_text = mem_strdup(r.key);
    mem_free(r.key);
    return yes;
}

/* ---- the chain around a process ----------------------------------------------------------------------------------- */

struct link {
    char hex[DIGEST_HEX], token[ONCE_TOKEN];
};

/* One link of a chain, "KEY:LEADER,KEY:LEADER", outermost first; *p moves on. false: there is none, or it is malformed. */
static bool chain_next(const char **p, struct link *k)
{
    size_t len = strcspn(*p, ",\n");
    struct digest d;
    if (len < DIGEST_HEX + 1 || (*p)[DIGEST_HEX - 1] != ':' || len - DIGEST_HEX >= sizeof k->token)
        return false;
    memcpy(k->hex, *p, DIGEST_HEX - 1);
    k->hex[DIGEST_HEX - 1] = '\0';
    memcpy(k->token, *p + DIGEST_HEX, len - DIGEST_HEX);
    k->token[len - DIGEST_HEX] = '\0';
    *p += len;
    if (**p == ',')
        ++*p;
    return digest_parse(k->hex, &d);
}

/* The chain's links whose leaders still lead; others are past: a process that outlived its leader is inside of nothing. */
static size_t chain_read(const char *dir, const char *text, struct link *v, size_t max)
{
    size_t n = 0;
    struct link k;
    for (const char *p = text ? text : ""; n < max && *p && chain_next(&p, &k);)
        if (leads(dir, k.hex, k.token, NULL))
            v[n++] = k;
    return n;
}

bool once_is_inside(const struct once_lock *l, const struct once_spec *s, struct digest key, struct err *e)
{
    char hex[DIGEST_HEX];
    struct link *v = mem_calloc(MAX_DEPTH, sizeof *v);
    size_t n = chain_read(l->dir, once_getenv(s, ONCE_CHAIN), v, MAX_DEPTH), at = 0;
    digest_hex(key, hex);
    while (at < n && strcmp(v[at].hex, hex) != 0)
        at++;
    bool inside = at < n;
    if (inside) {
        struct buf b = BUF_INIT;
        for (size_t i = at; i < n; i++) {
            char *name = NULL;
            buf_printf(&b, "%s -> ", leads(l->dir, v[i].hex, v[i].token, &name) ? name : v[i].hex);
            mem_free(name);
        }
        buf_adds(&b, s->key);
        err_set(e, "T652", "once %s: its command asks for %s itself: %s", s->key, s->key, buf_cstr(&b));
        err_hint(e, "a key's command must not need the same key; give the inner one another KEY");
        buf_clear(&b);
    } else if (n == MAX_DEPTH) {
        err_set(e, "T652", "once %s: more than %d keys are nested", s->key, MAX_DEPTH);
        inside = true;
    }
    mem_free(v);
    return inside;
}

/* ---- notes of those who wait -------------------------------------------------------------------------------------- */

struct note {
    char hex[DIGEST_HEX]; /* what is waited for */
    struct link *chain;
    size_t n_chain;
    bool used;
};

struct notes {
    struct note *v;
    size_t n, cap;
};

static void notes_clear(struct notes *ns)
{
    for (size_t i = 0; i < ns->n; i++)
        mem_free(ns->v[i].chain);
    mem_free(ns->v);
}

/* A note: the key that is waited for and the chain around the waiter, a line each. */
static void note_parse(struct notes *ns, const char *dir, char *text)
{
    struct digest d;
    char *p = text, *hex = line(&p), *chain = hex ? line(&p) : NULL;
    if (!chain || !digest_parse(hex, &d))
        return;
    struct note n = {.chain = mem_calloc(MAX_DEPTH, sizeof *n.chain)};
    snprintf(n.hex, sizeof n.hex, "%s", hex);
    n.n_chain = chain_read(dir, chain, n.chain, MAX_DEPTH);
    MEM_GROW(ns->v, ns->n, ns->cap);
    ns->v[ns->n++] = n;
}

/* Reads the notes that are held and removes the others. Needs waits.lock: a note is written and first held under it. */
static void notes_read(const char *dir, struct notes *ns)
{
    DIR *d = opendir(dir);
    *ns = (struct notes){0};
    if (!d)
        return;
    for (struct dirent *de; (de = readdir(d));) {
        if (strncmp(de->d_name, NOTE_PREFIX, strlen(NOTE_PREFIX)) != 0)
            continue;
        char *path = mem_printf("%s/%s", dir, de->d_name);
        struct buf b = BUF_INIT;
        if (!is_held(path))
            unlink(path);
        else if (file_read(path, MAX_NOTE, &b, NULL) && b.len)
            note_parse(ns, dir, b.p);
        buf_clear(&b);
        mem_free(path);
    }
    closedir(d);
}

static const char *name_of(const char *dir, const char *hex, struct record *r)
{
    r->key = NULL;
    return record_read(dir, hex, r) ? r->key : hex;
}

/* Who waits for `hex` to end, waits in the end for what? Follows the notes of those inside of it. If that leads to a key of `own`, err
 * names the way. */
static bool finds_cycle(const char *dir, const struct once_spec *s, const char *hex, const struct link *own,
                        size_t n_own, struct notes *ns, struct err *e)
{
    /* Keys reached, and from which one each. */
    struct reached {
        char hex[DIGEST_HEX];
        size_t from;
    } *v = mem_calloc(ns->n + 1, sizeof *v);
    size_t n = 1, found = SIZE_MAX;
    memcpy(v[0].hex, hex, DIGEST_HEX);
    for (size_t at = 0; at < n && found == SIZE_MAX; at++) {
        for (size_t o = 0; o < n_own && found == SIZE_MAX; o++)
            if (strcmp(own[o].hex, v[at].hex) == 0)
                found = at;
        for (size_t i = 0; i < ns->n && found == SIZE_MAX; i++) {
            struct note *w = &ns->v[i];
            for (size_t k = 0; !w->used && k < w->n_chain; k++)
                if (strcmp(w->chain[k].hex, v[at].hex) == 0) {
                    w->used = true;
                    memcpy(v[n].hex, w->hex, DIGEST_HEX);
                    v[n++].from = at;
                }
        }
    }
    if (found != SIZE_MAX) {
        /* Printed from our own key on: who is inside of it waits for the first reached, and so on back to it. */
        struct buf b = BUF_INIT;
        char *names = NULL;
        for (size_t i = found;; i = v[i].from) {
            struct record r;
            char *more = mem_printf("%s%s%s", name_of(dir, v[i].hex, &r), names ? " -> " : "", names ? names : "");
            mem_free(r.key);
            mem_free(names);
            names = more;
            if (i == 0)
                break;
        }
        struct record r;
        buf_printf(&b, "%s -> %s", name_of(dir, v[found].hex, &r), names);
        mem_free(r.key);
        mem_free(names);
        err_set(e, "T652", "once %s: commands wait for each other: %s", s->key, buf_cstr(&b));
        err_hint(e, "let the command of one of them do without the other, or make both in one command");
        buf_clear(&b);
    }
    mem_free(v);
    return found != SIZE_MAX;
}

struct waiter {
    char *note;  /* path; NULL = none was needed */
    int note_fd; /* holds it */
};

/* Leaves a note, unless this process is inside of nothing: then nobody can wait for it. false: waiting would never end, or the
 * note cannot be written. */
static bool waiter_begin(struct waiter *w, const struct once_lock *l, const struct once_spec *s, struct err *e)
{
    *w = (struct waiter){NULL, -1};
    const char *chain = once_getenv(s, ONCE_CHAIN);
    struct link *own = mem_calloc(MAX_DEPTH, sizeof *own);
    size_t n_own = chain_read(l->dir, chain, own, MAX_DEPTH);
    bool ok = true;
    if (n_own) {
        struct file_lock all;
        bool got;
        struct notes ns = {0};
        char *all_path = mem_printf("%s/waits.lock", l->dir);
        ok = file_lock(all_path, FILE_LOCK_EXCLUSIVE, true, &all, &got, e);
        if (ok) {
            notes_read(l->dir, &ns);
            ok = !finds_cycle(l->dir, s, l->hex, own, n_own, &ns, e);
            if (ok) {
                w->note = mem_printf("%s/" NOTE_PREFIX "%s", l->dir, l->token);
                char *text = mem_printf("%s\n%s\n", l->hex, chain);
                size_t len = strlen(text);
                w->note_fd = open(w->note, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
                ok = w->note_fd >= 0 && flock(w->note_fd, LOCK_EX | LOCK_NB) == 0 &&
                     write(w->note_fd, text, len) == (ssize_t)len;
                if (!ok)
                    err_sys(e, "T503", errno, "cannot write to the cache folder: %s", w->note);
                mem_free(text);
            }
            notes_clear(&ns);
            file_unlock(&all);
        }
        mem_free(all_path);
    }
    mem_free(own);
    return ok;
}

static void waiter_end(struct waiter *w)
{
    if (w->note)
        unlink(w->note);
    if (w->note_fd >= 0)
        close(w->note_fd);
    mem_free(w->note);
}

/* ---- waiting ------------------------------------------------------------------------------------------------------ */

/* flock cannot be waited for together with descriptors and a time, so a thread does it. If it is given up first, the thread
 * stays behind until the lock comes, and lets go of it at once. */
struct sleeper {
    pthread_mutex_t mu;
    int fd;      /* the lock's file */
    int done[2]; /* a pipe: readable at [0] when it has ended */
    int errnum;  /* valid when it has ended; 0 = locked */
    bool ended, given_up;
};

static void sleeper_free(struct sleeper *p)
{
    for (int i = 0; i < 2; i++)
        if (p->done[i] >= 0)
            close(p->done[i]);
    if (p->fd >= 0)
        close(p->fd);
    pthread_mutex_destroy(&p->mu);
    mem_free(p);
}

static void *sleeper_main(void *arg)
{
    struct sleeper *p = arg;
    int r;
    do
        r = flock(p->fd, LOCK_EX);
    while (r != 0 && errno == EINTR);
    int errnum = r ? errno : 0;
    pthread_mutex_lock(&p->mu);
    p->errnum = errnum;
    p->ended = true;
    bool given_up = p->given_up;
    if (!given_up) {
        ssize_t ignored = write(p->done[1], "!", 1);
        (void)ignored;
    }
    pthread_mutex_unlock(&p->mu);
    if (given_up)
        sleeper_free(p);
    return NULL;
}

static void say_waiting(const struct once_lock *l, const struct once_spec *s)
{
    struct record r;
    struct err e = ERR_INIT;
    if (!s->say)
        return;
    if (record_read(l->dir, l->hex, &r)) {
        err_set(&e, "T655", "waiting for another process (pid %ld) that makes %s", r.pid, s->key);
        mem_free(r.key);
    } else {
        err_set(&e, "T655", "waiting for another process that makes %s", s->key);
    }
    e.level = ERR_WARNING;
    s->say(s->ctx, &e);
    err_clear(&e);
}

static enum once_got sleep_until(struct sleeper *p, const struct once_lock *l, const struct once_spec *s)
{
    int64_t say_at = clock_mono_ns() + s->say_after_ms * 1000000;
    bool said = false;
    for (;;) {
        struct pollfd f[2] = {{.fd = p->done[0], .events = POLLIN}, {.fd = s->cancel_fd, .events = POLLIN}};
        int64_t left_ms = said ? -1 : (say_at - clock_mono_ns() + 999999) / 1000000;
        poll(f, 2, said ? -1 : left_ms < 0 ? 0 : left_ms > 600000 ? 600000 : (int)left_ms);
        if (f[0].revents)
            return ONCE_GOT;
        if (f[1].revents)
            return ONCE_CANCELLED;
        if (!said && clock_mono_ns() >= say_at) {
            say_waiting(l, s);
            said = true;
        }
    }
}

/* Waits until the lock on *fd is ours. *fd is given to the thread if the wait is given up. */
static enum once_got wait_for(int *fd, const struct once_lock *l, const struct once_spec *s, struct err *e)
{
    struct sleeper *p = mem_calloc(1, sizeof *p);
    pthread_t thread = {0};
    p->done[0] = p->done[1] = -1;
    p->fd = *fd;
    pthread_mutex_init(&p->mu, NULL);
    int errnum = pipe2(p->done, O_CLOEXEC) != 0 ? errno : 0;
    if (!errnum)
        errnum = pthread_create(&thread, NULL, sleeper_main, p);
    if (errnum) {
        p->fd = -1;
        sleeper_free(p);
        err_sys(e, "T602", errnum, "once %s: cannot wait for another process", s->key);
        return ONCE_FAILED;
    }
    enum once_got got = sleep_until(p, l, s);
    pthread_mutex_lock(&p->mu);
    bool left = !p->ended;
    p->given_up = left;
    errnum = p->errnum;
    pthread_mutex_unlock(&p->mu);
    if (left) {
        pthread_detach(thread);
        *fd = -1;
        return ONCE_CANCELLED;
    }
    pthread_join(thread, NULL);
    p->fd = -1;
    sleeper_free(p);
    if (got == ONCE_GOT && errnum) {
        err_sys(e, "T401", errnum, "cannot lock %s", l->path);
        return ONCE_FAILED;
    }
    return got;
}

/* ---- the lock ----------------------------------------------------------------------------------------------------- */

static bool cannot_write(const struct once_spec *s, int errnum, struct err *e)
{
    bool full = errnum == ENOSPC || errnum == EDQUOT;
    err_sys(e, full ? "T504" : "T503", errnum, "cannot write to the cache folder %s", s->cache_dir);
    return err_hint(e, "%s or set TGRAPH_CACHE_DIR to another one",
                    full ? "free some space there, run `tgraph gc`," : "make the folder writable");
}

bool once_lock_init(struct once_lock *l, const struct once_spec *s, struct err *e)
{
    *l = (struct once_lock){.fd = -1};
    char *dir = mem_printf("%s/once", s->cache_dir);
    struct buf real = BUF_INIT;
    bool ok = file_mkdirs(dir, NULL);
    int errnum = errno;
    ok = ok ? file_realpath(dir, &real, e) : cannot_write(s, errnum, e);
    l->dir = buf_take(&real);
    mem_free(dir);
    return ok;
}

static bool same_file(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

enum once_got once_lock_take(struct once_lock *l, const struct once_spec *s, struct digest key, bool *waited,
                             struct err *e)
{
    *waited = false;
    digest_hex(key, l->hex);
    mem_free(l->path);
    l->path = lock_path(l->dir, l->hex);
    snprintf(l->token, sizeof l->token, "%ld-%llx", (long)getpid(), (unsigned long long)clock_real_ns());
    int fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0) {
        cannot_write(s, errno, e);
        return ONCE_FAILED;
    }
    enum once_got got = ONCE_GOT;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        struct waiter w;
        got = ONCE_FAILED;
        if (errno != EWOULDBLOCK) {
            err_sys(e, "T401", errno, "cannot lock %s", l->path);
        } else if (waiter_begin(&w, l, s, e)) {
            int lent = lend_wait(once_getenv(s, LEND_ENV));
            *waited = true;
            got = wait_for(&fd, l, s, e);
            lend_go(lent);
            waiter_end(&w);
        } else {
            waiter_end(&w);
        }
    }
    /* Removed by the one that had it: it locks nothing any more, and says that one has ended. */
    if (got == ONCE_GOT && !same_file(fd, l->path))
        got = ONCE_ENDED;
    if (got == ONCE_GOT) {
        l->fd = fd;
        if (record_write(l, s))
            return ONCE_GOT;
        cannot_write(s, errno, e);
        once_lock_end(l);
        return ONCE_FAILED;
    }
    if (fd >= 0)
        close(fd);
    return got;
}

void once_lock_end(struct once_lock *l)
{
    if (l->fd < 0)
        return;
    unlink(l->path);
    struct file_lock held = {l->fd};
    file_unlock(&held);
    l->fd = -1;
}

void once_lock_clear(struct once_lock *l)
{
    once_lock_end(l);
    mem_free(l->path);
    mem_free(l->dir);
    *l = (struct once_lock){.fd = -1};
}

/* ---- what dead leaders left --------------------------------------------------------------------------------------- */

/* Removes the folders of a key whose lock is held by us. */
static void remove_folders(const char *dir, const char *hex)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *de; (de = readdir(d));) {
        if (strncmp(de->d_name, hex, DIGEST_HEX - 1) != 0 || strcmp(de->d_name + DIGEST_HEX - 1, ".lock") == 0)
            continue;
        char *path = mem_printf("%s/%s", dir, de->d_name);
        file_remove_tree(path, NULL);
        mem_free(path);
    }
    closedir(d);
}

static void sweep_key(const char *dir, const char *hex)
{
    char *path = lock_path(dir, hex);
    struct file_lock lock;
    bool got;
    if (file_lock(path, FILE_LOCK_EXCLUSIVE, false, &lock, &got, NULL) && got) {
        remove_folders(dir, hex);
        unlink(path);
        file_unlock(&lock);
    }
    mem_free(path);
}

void once_sweep(const struct once_lock *l)
{
    remove_folders(l->dir, l->hex);
    DIR *d = opendir(l->dir);
    if (!d)
        return;
    int64_t now_s = clock_real_ns() / 1000000000;
    for (struct dirent *de; (de = readdir(d));) {
        struct stat sb;
        struct digest key;
        char hex[DIGEST_HEX];
        if (strlen(de->d_name) < DIGEST_HEX || de->d_name[DIGEST_HEX - 1] != '.' ||
            strncmp(de->d_name, l->hex, DIGEST_HEX - 1) == 0)
            continue;
        memcpy(hex, de->d_name, DIGEST_HEX - 1);
        hex[DIGEST_HEX - 1] = '\0';
        if (digest_parse(hex, &key) && fstatat(dirfd(d), de->d_name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
            sb.st_mtime + SWEEP_AGE_S < now_s)
            sweep_key(l->dir, hex);
    }
    closedir(d);
}

/* SPDX-License-Identifier: MIT
 *
 * Threads that run jobs, and their mailbox. */
#include "run/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct pool_threads {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t *threads;
    int n_threads, max_threads, idle;
    int allowed, running; /* jobs at once */
    uint32_t n_begun;     /* threads that run: their numbers */
    bool stop;
    struct job **queue; /* ring */
    size_t head, n, cap;
    struct pool_msg *box;
    size_t box_n, box_cap, box_at;
    int wake[2]; /* a pipe: one byte from a message that matters at once until the mailbox is empty */
    bool woken;  /* the byte is there */
};

static void post(struct pool_threads *p, const struct pool_msg *m, bool at_once)
{
    pthread_mutex_lock(&p->lock);
    if (p->box_at == p->box_n)
        p->box_at = p->box_n = 0;
    MEM_GROW(p->box, p->box_n, p->box_cap);
    p->box[p->box_n++] = *m;
    if (at_once && !p->woken) {
        p->woken = true;
        while (write(p->wake[1], "", 1) < 0 && errno == EINTR) {
        }
    }
    pthread_mutex_unlock(&p->lock);
}

void pool_post(struct pool_threads *p, const struct pool_msg *m) { post(p, m, true); }

void pool_post_later(struct pool_threads *p, const struct pool_msg *m) { post(p, m, false); }

bool pool_take(struct pool_threads *p, struct pool_msg *out)
{
    pthread_mutex_lock(&p->lock);
    bool got = p->box_at < p->box_n;
    if (got) {
        *out = p->box[p->box_at++];
        if (p->box_at == p->box_n && p->woken) {
            char c;
            p->woken = false;
            while (read(p->wake[0], &c, 1) < 0 && errno == EINTR) {
            }
        }
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

void pool_post_retry(struct pool_threads *p, struct job *j, uint32_t attempt, struct proc_log *log, int64_t duration_ns)
{
    struct pool_msg m = {.type = POOL_JOB_RETRIES,
                         .job = j,
                         .attempt = attempt,
                         .outcome = j->outcome,
                         .note = j->note ? mem_strdup(j->note) : NULL,
                         .duration_ns = duration_ns};
    /* The log's owner changes: the next attempt starts with an empty one. */
    m.log = *log;
    memset(log, 0, sizeof *log);
    pool_post(p, &m);
}

static void on_retry(void *ctx, struct job *j, uint32_t attempt, const struct proc_result *r)
{
    pool_post_retry(ctx, j, attempt, &j->result.log, r->duration_ns);
}

static void *thread_main(void *arg)
{
    struct pool_threads *p = arg;
    pthread_mutex_lock(&p->lock);
    uint32_t slot = p->n_begun++, folder_serial = 0;
    for (;;) {
        while ((!p->n || p->running >= p->allowed) && !p->stop) {
            p->idle++;
            pthread_cond_wait(&p->work, &p->lock);
            p->idle--;
        }
        if (!p->n)
            break;
        struct job *j = p->queue[p->head];
        p->head = (p->head + 1) % p->cap;
        p->n--;
        p->running++;
        pthread_mutex_unlock(&p->lock);
        j->slot = slot;
        j->folder_serial = &folder_serial;
        struct pool_msg begun = {.type = POOL_JOB_STARTED, .job = j};
        if (j->kind == JOB_RUN && !j->told_start)
            post(p, &begun, false);
        job_run(j);
        struct pool_msg m = {.type = POOL_JOB_DONE, .job = j};
        pool_post(p, &m);
        pthread_mutex_lock(&p->lock);
        p->running--;
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct pool_threads *pool_new(int max_threads)
{
    struct pool_threads *p = mem_calloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    p->allowed = max_threads < 1 ? 1 : max_threads;
    p->max_threads = p->allowed + POOL_MORE;
    p->threads = mem_calloc((size_t)p->max_threads, sizeof *p->threads);
    if (pipe2(p->wake, O_CLOEXEC) != 0)
        BUG("cannot make a pipe: %s", strerror(errno));
    return p;
}

/* Threads that were signalled and have not woken yet still count as idle, so compare with all that waits. */
static void more_threads(struct pool_threads *p, int most)
{
    for (; most > 0 && (size_t)p->idle < p->n && p->n_threads < p->allowed; most--) {
        int err = pthread_create(&p->threads[p->n_threads], NULL, thread_main, p);
        if (err == 0)
            p->n_threads++;
        else if (p->n_threads == 0)
            BUG("cannot start a thread: %s", strerror(err));
        else
            break;
    }
}

void pool_submit(struct pool_threads *p, struct job *j)
{
    j->on_retry = on_retry;
    j->ctx = p;
    pthread_mutex_lock(&p->lock);
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        struct job **q = mem_resize(NULL, cap, sizeof *q);
        for (size_t i = 0; i < p->n; i++)
            q[i] = p->queue[(p->head + i) % p->cap];
        mem_free(p->queue);
        p->queue = q;
        p->head = 0;
        p->cap = cap;
    }
    p->queue[(p->head + p->n++) % p->cap] = j;
    more_threads(p, 1);
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

void pool_allow(struct pool_threads *p, int threads)
{
    pthread_mutex_lock(&p->lock);
    p->allowed = threads < 1 ? 1 : threads < p->max_threads ? threads : p->max_threads;
    more_threads(p, (int)p->n);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
}

void pool_cancel_waiting(struct pool_threads *p)
{
    for (;;) {
        struct job *j = NULL;
        pthread_mutex_lock(&p->lock);
        if (p->n) {
            j = p->queue[p->head];
            p->head = (p->head + 1) % p->cap;
            p->n--;
        }
        pthread_mutex_unlock(&p->lock);
        if (!j)
            return;
        j->cancelled = true;
        j->outcome = OUTCOME_SKIPPED;
        struct pool_msg m = {.type = POOL_JOB_DONE, .job = j};
        post(p, &m, true);
    }
}

int pool_fd(const struct pool_threads *p) { return p->wake[0]; }

void pool_free(struct pool_threads *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    struct pool_msg m;
    while (pool_take(p, &m)) {
        if (m.type == POOL_JOB_DONE)
            job_free(m.job);
        mem_free(m.note);
        mem_free(m.nodes);
        proc_log_clear(&m.log);
    }
    close(p->wake[0]);
    close(p->wake[1]);
    mem_free(p->threads);
    mem_free(p->queue);
    mem_free(p->box);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

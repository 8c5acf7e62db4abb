/* SPDX-License-Identifier: MIT
 *
 * Starts services, sees when they are ready, stops them. */
#include "run/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

#define LOG_BYTES ((size_t)256 << 10)
#define LINE_BYTES ((size_t)64 << 10) /* of a line that does not end: now and then all but its end is dropped */

struct service {
    struct job *job;
    struct service_ready ready;
    struct pool_threads *mailbox;
    pthread_t process, probe;
    bool has_probe;
    bool port_was_taken; /* somebody else answered before the start */
    int stop[2];         /* pipe: readable = the process is to end */
    int over[2];         /* pipe: readable = the probe is to end */
    int64_t started_ns;
    atomic_bool asked_to_stop;
    pthread_mutex_t lock; /* the rest */
    enum { STARTING, READY, FAILED, OVER } state;
    struct proc_log log;
    struct buf line[2]; /* the current line of standard output, of standard error: its end at least */
    char *note;
};

static void tell(struct service *s, enum service_event ev)
{
    struct pool_msg m = {.type = POOL_SERVICE, .service = s, .service_event = ev};
    pool_post(s->mailbox, &m);
}

static void poke(int fd)
{
    while (write(fd, "", 1) < 0 && errno == EINTR) {
    }
}

/* Two threads find out how it stands, so messages are sent with the lock held: they come in the order of the states, and
 * none comes after SERVICE_ENDED, by which the service may be freed. */
static void become_ready_locked(struct service *s)
{
    if (s->state != STARTING || atomic_load(&s->asked_to_stop))
        return;
    s->state = READY;
    poke(s->over[1]);
    tell(s, SERVICE_READY);
}

static void become_ready(struct service *s)
{
    pthread_mutex_lock(&s->lock);
    become_ready_locked(s);
    pthread_mutex_unlock(&s->lock);
}

/* Takes the note. The first one counts; what fails because it is to end has not failed. */
static void become_failed(struct service *s, char *note)
{
    pthread_mutex_lock(&s->lock);
    if (s->note || s->state == OVER || atomic_load(&s->asked_to_stop))
        mem_free(note);
    else
        s->note = note;
    if (s->state == STARTING && s->note) {
        s->state = FAILED;
        poke(s->stop[1]);
        poke(s->over[1]);
        tell(s, SERVICE_FAILED);
    }
    pthread_mutex_unlock(&s->lock);
}

static void become_over(struct service *s)
{
    pthread_mutex_lock(&s->lock);
    s->state = OVER;
    tell(s, SERVICE_ENDED);
    pthread_mutex_unlock(&s->lock);
}

/* Keeps the last LOG_BYTES: drops the oldest frames when twice as much has come together. */
static void add_log(struct service *s, uint8_t stream, const char *p, size_t len)
{
    struct proc_log *l = &s->log;
    MEM_GROW(l->frames, l->n_frames, l->cap_frames);
    l->frames[l->n_frames++] = (struct proc_frame){stream, (uint32_t)len};
    buf_add(&l->bytes, p, len);
    if (l->bytes.len < 2 * LOG_BYTES)
        return;
    size_t drop = 0, bytes = 0;
    while (drop < l->n_frames && l->bytes.len - bytes > LOG_BYTES)
        bytes += l->frames[drop++].len;
    memmove(l->bytes.p, l->bytes.p + bytes, l->bytes.len - bytes);
    l->bytes.len -= bytes;
    memmove(l->frames, l->frames + drop, (l->n_frames - drop) * sizeof *l->frames);
    l->n_frames -= drop;
    l->dropped_bytes += bytes;
}

/* Does a line that this piece of output goes on with hold the readiness text? */
static bool line_seen(struct service *s, struct buf *line, const char *p, size_t len)
{
    size_t want = strlen(s->ready.line);
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\n') {
            buf_reset(line);
            continue;
        }
        buf_addc(line, p[i]);
        if (line->len >= want && memcmp(line->p + line->len - want, s->ready.line, want) == 0)
            return true;
        if (line->len > want + LINE_BYTES) {
            memmove(line->p, line->p + line->len - want, want);
            line->len = want;
        }
    }
    return false;
}

static void on_output(void *ctx, uint8_t stream, const char *p, size_t len)
{
    struct service *s = ctx;
    pthread_mutex_lock(&s->lock);
    add_log(s, stream, p, len);
    if (s->ready.kind == READY_LINE && s->state == STARTING && line_seen(s, &s->line[stream == 2], p, len))
        become_ready_locked(s);
    pthread_mutex_unlock(&s->lock);
}

static void on_start(void *ctx, pid_t pid)
{
    struct service *s = ctx;
    (void)pid;
    if (s->ready.kind == READY_NONE)
        become_ready(s);
}

static bool port_answers(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static void *process_main(void *arg)
{
    struct service *s = arg;
    struct job *j = s->job;
    if (s->ready.kind == READY_PORT && s->port_was_taken) {
        become_failed(s, mem_printf("port %u is taken by another process: end that one, or choose another port",
                                    (unsigned)s->ready.port));
        become_over(s);
        return NULL;
    }
    struct proc_spec spec = {.file = j->file,
                             .argv = j->argv,
                             .envp = (const char *const *)j->envp,
                             .cwd = j->cwd,
                             .stdin_path = j->stdin_path,
                             .stdin_text = j->stdin_text,
                             .stdin_len = j->stdin_text ? strlen(j->stdin_text) : 0,
                             .grace_ms = j->grace_ms,
                             .left_ms = 0,
                             .max_log_bytes = 1 << 16,
                             .cancel_fd = s->stop[0],
                             .kill_fd = j->kill_fd,
                             .on_output = on_output,
                             .on_start = on_start,
                             .ctx = s};
    proc_run(&spec, &j->result);
    const struct proc_result *r = &j->result;
    if (r->cause == PROC_NOT_STARTED)
        become_failed(s, mem_printf("could not be started: %s", r->error.msg));
    else if (r->cause == PROC_EXITED)
        become_failed(s, mem_printf("ended by itself with exit status %d", r->exit_code));
    else if (r->cause == PROC_SIGNALLED) {
        struct buf name = BUF_INIT;
        proc_signal_name(r->signal, &name);
        become_failed(s, mem_printf("ended by itself with %s", buf_cstr(&name)));
        buf_clear(&name);
    }
    become_over(s);
    return NULL;
}

static bool command_succeeds(struct service *s, int64_t left_ms)
{
    struct proc_result r;
    struct proc_spec spec = {.file = s->ready.file,
                             .argv = s->ready.argv,
                             .envp = (const char *const *)s->job->envp,
                             .cwd = s->job->cwd,
                             .timeout_ms = left_ms > 0 ? left_ms : 1,
                             .grace_ms = 100,
                             .cancel_fd = s->over[0],
                             .kill_fd = -1};
    memset(&r, 0, sizeof r);
    proc_run(&spec, &r);
    bool ok = r.cause == PROC_EXITED && r.exit_code == 0;
    proc_result_clear(&r);
    return ok;
}

static void *probe_main(void *arg)
{
    struct service *s = arg;
    int64_t deadline = s->started_ns + s->ready.timeout_ms * 1000000;
    struct pollfd over = {.fd = s->over[0], .events = POLLIN};
    for (int wait_ms = 5;;) {
        int64_t left_ms = (deadline - clock_mono_ns()) / 1000000;
        if (left_ms <= 0) {
            become_failed(s, mem_printf("not ready within %.3g s", (double)s->ready.timeout_ms / 1000));
            return NULL;
        }
        if ((s->ready.kind == READY_PORT && port_answers(s->ready.port)) ||
            (s->ready.kind == READY_COMMAND && command_succeeds(s, left_ms))) {
            become_ready(s);
            return NULL;
        }
        int ms = s->ready.kind == READY_LINE ? (int)left_ms : wait_ms;
        if (poll(&over, 1, ms < left_ms ? ms : (int)left_ms) > 0)
            return NULL;
        wait_ms = wait_ms < 100 ? wait_ms * 2 : 100;
    }
}

struct service *service_start(struct job *j, const struct service_ready *ready, struct pool_threads *mailbox)
{
    struct service *s = mem_calloc(1, sizeof *s);
    s->job = j;
    s->ready = *ready;
    s->mailbox = mailbox;
    s->started_ns = clock_mono_ns();
    pthread_mutex_init(&s->lock, NULL);
    if (pipe2(s->stop, O_CLOEXEC) != 0 || pipe2(s->over, O_CLOEXEC) != 0)
        BUG("cannot make a pipe: %s", strerror(errno));
    j->tmpdir = mem_printf("%s/%u-service", j->tmp_base, j->node);
    mkdir(j->tmpdir, 0700);
    j->envp[j->env_free[3]] = "TGRAPH_SLOT=0";
    j->envp[j->env_free[0]] = "TGRAPH_ATTEMPT=1";
    j->envp[j->env_free[1]] = arena_printf(&j->arena, "TGRAPH_TMPDIR=%s", j->tmpdir);
    if (j->env_free[2] != UINT32_MAX)
        j->envp[j->env_free[2]] = arena_printf(&j->arena, "TMPDIR=%s", j->tmpdir);
    s->port_was_taken = ready->kind == READY_PORT && port_answers(ready->port);
    s->has_probe = ready->kind != READY_NONE && !s->port_was_taken;
    if (pthread_create(&s->process, NULL, process_main, s) != 0 ||
        (s->has_probe && pthread_create(&s->probe, NULL, probe_main, s) != 0))
        BUG("cannot start a thread for a service");
    return s;
}

uint32_t service_node(const struct service *s) { return s->job->node; }
int64_t service_started_ns(const struct service *s) { return s->started_ns; }

void service_stop(struct service *s)
{
    if (!atomic_exchange(&s->asked_to_stop, true)) {
        poke(s->stop[1]);
        poke(s->over[1]);
    }
}

void service_log(struct service *s, struct proc_log *out)
{
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&s->lock);
    buf_add(&out->bytes, s->log.bytes.p, s->log.bytes.len);
    out->n_frames = out->cap_frames = s->log.n_frames;
    out->frames = mem_resize(NULL, out->n_frames + 1, sizeof *out->frames);
    if (out->n_frames)
        memcpy(out->frames, s->log.frames, out->n_frames * sizeof *out->frames);
    out->dropped_bytes = s->log.dropped_bytes;
    pthread_mutex_unlock(&s->lock);
}

const char *service_note(struct service *s)
{
    pthread_mutex_lock(&s->lock);
    const char *note = s->note ? s->note : "";
    pthread_mutex_unlock(&s->lock);
    return note;
}

void service_free(struct service *s)
{
    service_stop(s);
    pthread_join(s->process, NULL);
    poke(s->over[1]);
    if (s->has_probe)
        pthread_join(s->probe, NULL);
    file_remove_tree(s->job->tmpdir, NULL);
    for (int i = 0; i < 2; i++) {
        close(s->stop[i]);
        close(s->over[i]);
    }
    proc_log_clear(&s->log);
    buf_clear(&s->line[0]);
    buf_clear(&s->line[1]);
    mem_free(s->note);
    pthread_mutex_destroy(&s->lock);
    job_free(s->job);
    mem_free(s);
}

/* SPDX-License-Identifier: MIT
 *
 * Services: ready by line, port or command; not ready; gone. What comes of them is read from the pool's mailbox. */
#include "run_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "run/service.h"

static struct pool_threads *box;
static struct service *service;

static void start_ready(const char *command, struct service_ready ready)
{
    if (!box)
        box = pool_new(1);
    if (!ready.timeout_ms)
        ready.timeout_ms = 60000;
    service = service_start(shell_job(command), &ready, box);
}
#define START(command, ...) start_ready((command), (struct service_ready){__VA_ARGS__})

static void expect_event_at(enum service_event ev, int line)
{
    struct pool_msg m;
    while (!pool_take(box, &m)) {
        struct pollfd fd = {.fd = pool_fd(box), .events = POLLIN};
        if (poll(&fd, 1, 30000) != 1)
            fail_msg("line %d: nothing came", line);
    }
    assert_int_equal(m.type, POOL_SERVICE);
    assert_ptr_equal(m.service, service);
    if (m.service_event != (int)ev)
        fail_msg("line %d: event %d in place of %d (%s)", line, m.service_event, (int)ev, service_note(service));
}
#define EVENT(ev) expect_event_at((ev), __LINE__)

static void end(void)
{
    service_free(service);
    service = NULL;
    struct pool_msg m;
    assert_false(pool_take(box, &m)); /* the end was the last word */
    pool_free(box);
    box = NULL;
}

static char *output_so_far(void)
{
    struct proc_log l;
    service_log(service, &l);
    char *text = mem_strndup(buf_cstr(&l.bytes), l.bytes.len);
    proc_log_clear(&l);
    return text;
}

/* Until its output holds the text: no event says so. */
static void wait_for_output(const char *part)
{
    int64_t until = clock_mono_ns() + 30 * INT64_C(1000000000);
    for (bool seen = false; !seen;) {
        char *text = output_so_far();
        seen = strstr(text, part) != NULL;
        mem_free(text);
        if (clock_mono_ns() > until)
            fail_msg("'%s' was never written", part);
        poll(NULL, 0, 1);
    }
}

static void without_a_condition_it_is_ready_when_it_runs(void **state)
{
    (void)state;
    START("exec sleep 60", .kind = READY_NONE);
    EVENT(SERVICE_READY);
    assert_string_equal(service_note(service), "");
    assert_int_equal(service_node(service), 7);
    assert_true(service_started_ns(service) <= clock_mono_ns());
    service_stop(service);
    service_stop(service); /* once is enough */
    EVENT(SERVICE_ENDED);
    assert_string_equal(service_note(service), "");
    end();
    assert_int_equal(entries_of(in_repo("../tmp")), 0);
}

static void ready_by_a_line(void **state)
{
    (void)state;
    START("echo listening; echo 'now listening on port 80'; exec sleep 60", .kind = READY_LINE, .line = "on port");
    EVENT(SERVICE_READY);
    char *text = output_so_far();
    assert_true(strncmp(text, "listening\nnow listening on port", 31) == 0);
    mem_free(text);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
}

static void a_line_that_is_not_ended_yet(void **state)
{
    (void)state;
    START("printf 'ready'; exec sleep 60", .kind = READY_LINE, .line = "ready");
    EVENT(SERVICE_READY);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
}

/* Its two streams are two texts: what comes by one in between does not break a line of the other. */
static void a_line_in_pieces(void **state)
{
    (void)state;
    START("printf 'lis'; while ! test -e go; do sleep 0.01; done; echo warning >&2; "
          "while ! test -e on; do sleep 0.01; done; printf 'tening'; exec sleep 60",
          .kind = READY_LINE, .line = "listening");
    wait_for_output("lis");
    put("go", "");
    wait_for_output("warning");
    put("on", "");
    EVENT(SERVICE_READY);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
}

/* 1 MiB without a line end, NULs within a line. */
static void long_and_odd_lines(void **state)
{
    (void)state;
    START("head -c 1048576 /dev/zero | tr '\\0' x; printf 'rea'; printf 'dy'; exec sleep 60", .kind = READY_LINE,
          .line = "ready");
    EVENT(SERVICE_READY);
    struct proc_log l;
    service_log(service, &l);
    assert_true(l.bytes.len >= 256 << 10 && l.bytes.len < 600 << 10); /* the last of it is kept */
    assert_int_equal(l.dropped_bytes + l.bytes.len, 1048576 + 5);
    size_t sum = 0;
    for (size_t i = 0; i < l.n_frames; i++)
        sum += l.frames[i].len;
    assert_int_equal(sum, l.bytes.len);
    proc_log_clear(&l);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
    START("printf 'a\\0 ready\\n'; exec sleep 60", .kind = READY_LINE, .line = "ready");
    EVENT(SERVICE_READY);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
}

static int listen_on(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void ready_by_a_port(void **state)
{
    (void)state;
    uint16_t port;
    int fd = listen_on(&port);
    close(fd); /* a port that is free */
    START("while ! test -e go; do sleep 0.01; done; echo going; exec sleep 60", .kind = READY_PORT, .port = port);
    put("go", "");
    wait_for_output("going");
    struct pool_msg m;
    assert_false(pool_take(box, &m));
    /* Who answers does not matter to the probe. */
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    EVENT(SERVICE_READY);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
    close(fd);
}

static void a_port_that_is_taken(void **state)
{
    (void)state;
    uint16_t port;
    int fd = listen_on(&port);
    START("touch started; exec sleep 60", .kind = READY_PORT, .port = port);
    EVENT(SERVICE_FAILED);
    EVENT(SERVICE_ENDED);
    char expected[128];
    snprintf(expected, sizeof expected, "port %u is taken by another process: end that one, or choose another port",
             (unsigned)port);
    assert_string_equal(service_note(service), expected);
    end();
    assert_false(is_there("started"));
    close(fd);
}

static const char *const probe_argv[] = {"sh", "-c", "test -e ready && echo probed >> probes", NULL};

static void ready_by_a_command(void **state)
{
    (void)state;
    START("touch ready; exec sleep 60", .kind = READY_COMMAND, .file = "/bin/sh", .argv = probe_argv);
    EVENT(SERVICE_READY);
    expect_text("probes", "probed\n"); /* in the service's folder, and no more once it is ready */
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
}

static void a_command_that_hangs_has_the_same_limit(void **state)
{
    (void)state;
    static const char *const argv[] = {"sh", "-c", "exec sleep 60", NULL};
    START("exec sleep 60", .kind = READY_COMMAND, .file = "/bin/sh", .argv = argv, .timeout_ms = 60);
    EVENT(SERVICE_FAILED);
    EVENT(SERVICE_ENDED);
    assert_string_equal(service_note(service), "not ready within 0.06 s");
    end();
}

static void not_ready_in_time(void **state)
{
    (void)state;
    START("echo nothing of use; exec sleep 60", .kind = READY_LINE, .line = "ready", .timeout_ms = 50);
    EVENT(SERVICE_FAILED);
    EVENT(SERVICE_ENDED);
    assert_string_equal(service_note(service), "not ready within 0.05 s");
    end();
}

static void ends_before_it_is_ready(void **state)
{
    (void)state;
    static const struct {
        const char *command, *note;
    } cases[] = {
        {"echo no; exit 3", "ended by itself with exit status 3"},
        {"exit 0", "ended by itself with exit status 0"},
        {"kill -KILL $$", "ended by itself with SIGKILL (killed)"},
    };
    for (int i = 0; i < 3; i++) {
        START(cases[i].command, .kind = READY_LINE, .line = "ready");
        EVENT(SERVICE_FAILED);
        EVENT(SERVICE_ENDED);
        assert_string_equal(service_note(service), cases[i].note);
        end();
    }
}

static void cannot_be_started(void **state)
{
    (void)state;
    struct service_ready ready = {.kind = READY_LINE, .line = "x", .timeout_ms = 60000};
    box = pool_new(1);
    struct job *j = shell_job("true");
    j->file = "/nonexistent/server";
    service = service_start(j, &ready, box);
    EVENT(SERVICE_FAILED);
    EVENT(SERVICE_ENDED);
    assert_non_null(strstr(service_note(service), "could not be started: "));
    assert_non_null(strstr(service_note(service), "/nonexistent/server"));
    end();
}

static void ends_while_it_is_in_use(void **state)
{
    (void)state;
    START("echo ready; while ! test -e go; do sleep 0.01; done; exit 4", .kind = READY_LINE, .line = "ready");
    EVENT(SERVICE_READY);
    assert_string_equal(service_note(service), "");
    put("go", "");
    EVENT(SERVICE_ENDED);
    assert_string_equal(service_note(service), "ended by itself with exit status 4");
    end();
}

static void stopped_before_it_is_ready(void **state)
{
    (void)state;
    START("exec sleep 60", .kind = READY_LINE, .line = "ready");
    service_stop(service);
    EVENT(SERVICE_ENDED);
    assert_string_equal(service_note(service), "");
    end();
}

static void one_that_will_not_end_is_killed(void **state)
{
    (void)state;
    struct service_ready ready = {.kind = READY_LINE, .line = "ready", .timeout_ms = 60000};
    box = pool_new(1);
    struct job *j = shell_job("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    j->grace_ms = 30;
    service = service_start(j, &ready, box);
    EVENT(SERVICE_READY);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
}

static void freeing_stops_it(void **state)
{
    (void)state;
    START("echo $$ > pid; echo ready; exec sleep 60", .kind = READY_LINE, .line = "ready");
    EVENT(SERVICE_READY);
    service_free(service);
    service = NULL;
    pool_free(box);
    box = NULL;
    struct buf b = BUF_INIT;
    assert_true(file_read(in_repo("pid"), 64, &b, NULL));
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld", strtol(buf_cstr(&b), NULL, 10));
    assert_false(file_exists(path));
    buf_clear(&b);
}

/* The end and readiness at the same moment, often: whatever was said, the end is the last word, and failure comes once.
 * A message after it would lead to a service that is freed. */
static void the_end_is_the_last_word(void **state)
{
    (void)state;
    for (int round = 0; round < 150; round++) {
        box = pool_new(1);
        if (round % 3 == 0)
            START("echo ready", .kind = READY_LINE, .line = "ready");
        else if (round % 3 == 1)
            START("exec sleep 60", .kind = READY_COMMAND, .file = "/bin/true", .argv = probe_argv);
        else
            START("exec sleep 60", .kind = READY_LINE, .line = "x", .timeout_ms = 1 + round % 4);
        if (round % 3 == 1) /* somewhere between start and readiness */
            for (volatile int spin = 0; spin < round * 2000; spin++) {
            }
        if (round % 3)
            service_stop(service);
        int ready = 0, failed = 0;
        for (bool over = false; !over;) {
            struct pool_msg m;
            if (!pool_take(box, &m)) {
                struct pollfd poll_fd = {.fd = pool_fd(box), .events = POLLIN};
                assert_int_equal(poll(&poll_fd, 1, 30000), 1);
                continue;
            }
            ready += m.service_event == SERVICE_READY;
            failed += m.service_event == SERVICE_FAILED;
            over = m.service_event == SERVICE_ENDED;
        }
        assert_true(ready + failed <= 1);
        end();
    }
}

static void the_log_can_be_read_while_it_writes(void **state)
{
    (void)state;
    START("i=0; while test $i -lt 2000; do echo line $i; i=$((i+1)); done; echo ready; exec sleep 60",
          .kind = READY_LINE, .line = "ready");
    struct pool_msg m;
    while (!pool_take(box, &m)) {
        struct proc_log l;
        service_log(service, &l);
        size_t sum = 0;
        for (size_t i = 0; i < l.n_frames; i++)
            sum += l.frames[i].len;
        assert_int_equal(sum, l.bytes.len);
        proc_log_clear(&l);
    }
    assert_int_equal(m.service_event, SERVICE_READY);
    service_stop(service);
    EVENT(SERVICE_ENDED);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPO(without_a_condition_it_is_ready_when_it_runs),
        IN_REPO(ready_by_a_line),
        IN_REPO(a_line_that_is_not_ended_yet),
        IN_REPO(a_line_in_pieces),
        IN_REPO(long_and_odd_lines),
        IN_REPO(ready_by_a_port),
        IN_REPO(a_port_that_is_taken),
        IN_REPO(ready_by_a_command),
        IN_REPO(a_command_that_hangs_has_the_same_limit),
        IN_REPO(not_ready_in_time),
        IN_REPO(ends_before_it_is_ready),
        IN_REPO(cannot_be_started),
        IN_REPO(ends_while_it_is_in_use),
        IN_REPO(stopped_before_it_is_ready),
        IN_REPO(one_that_will_not_end_is_killed),
        IN_REPO(freeing_stops_it),
        IN_REPO(the_end_is_the_last_word),
        IN_REPO(the_log_can_be_read_while_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

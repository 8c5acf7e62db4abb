/* SPDX-License-Identifier: MIT
 *
 * A parallel loop, and the number of processors. Formats: proc_pid_mountinfo(5), cgroups(7), the kernel's
 * cgroup-v2.rst (cpu.max) and sched-bwc.rst (cpu.cfs_quota_us). */
#include "os/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/file.h"

enum { MAX_PROC_BYTES = 4 << 20, MAX_CPUS = 1 << 16 };

static int affinity(void)
{
#ifdef __linux__
    /* The kernel refuses a mask smaller than its own. */
    for (int cpus = 1024; cpus <= MAX_CPUS; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set)
            break;
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int n = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (n > 0)
            return n;
    }
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MAX_CPUS ? MAX_CPUS : (int)n;
}

/* quota / period rounded up; 0 = none. */
static int processors(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    long long n = (quota - 1) / period + 1;
    return n > MAX_CPUS ? MAX_CPUS : (int)n;
}

static long long read_number(const char *dir, const char *name)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "%s/%s", dir, name);
    long long v = file_read(path.p, 4096, &text, NULL) ? strtoll(buf_cstr(&text), NULL, 10) : -1;
    buf_clear(&path);
    buf_clear(&text);
    return v;
}

/* The quota that one cgroup folder sets; 0 = none. */
static int quota_of(const char *dir, bool v2)
{
    if (!v2)
        return processors(read_number(dir, "cpu.cfs_quota_us"), read_number(dir, "cpu.cfs_period_us"));
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "%s/cpu.max", dir);
    long long quota = 0, period = 0;
    if (!file_read(path.p, 4096, &text, NULL) || sscanf(text.len ? text.p : "", "%lld %lld", &quota, &period) != 2)
        quota = 0; /* "max 100000", or the root, which has no such file */
    buf_clear(&path);
    buf_clear(&text);
    return processors(quota, period);
}

/* Is `word` one of the words of a comma-separated list? */
static bool listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, len) == 0 && (p[len] == ',' || p[len] == '\0'))
            return true;
    }
    return false;
}

/* This process's cgroup: v2 (hierarchy 0), or v1's that has the controller "cpu". False if there is none. */
static bool cgroup_path(const char *cgroups, bool v2, struct buf *out)
{
    for (const char *line = cgroups; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        const char *first = strchr(line, ':');
        const char *second = first ? strchr(first + 1, ':') : NULL;
        if (!second)
            return false;
        char *names = mem_strndup(first + 1, (size_t)(second - first - 1));
        bool match = v2 ? line[0] == '0' && names[0] == '\0' : listed(names, "cpu");
        mem_free(names);
        if (match) {
            buf_add(out, second + 1, strcspn(second + 1, "\n"));
            return true;
        }
    }
    return false;
}

/* Where the hierarchy is mounted: *at, and the cgroup that is the mount's root: *top. */
static bool cgroup_mount(const char *mounts, bool v2, struct buf *top, struct buf *at)
{
    for (const char *line = mounts; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        char *copy = mem_strndup(line, strcspn(line, "\n"));
        char *type = strstr(copy, " - ");
        char *save = NULL, *root = NULL, *mount = NULL, *options = NULL;
        if (type) {
            *type = '\0';
            char *fs = strtok_r(type + 3, " ", &save);
            strtok_r(NULL, " ", &save); /* source */
            options = strtok_r(NULL, " ", &save);
            bool match = fs && (v2 ? strcmp(fs, "cgroup2") == 0
                                   : strcmp(fs, "cgroup") == 0 && options && listed(options, "cpu"));
            char *field = match ? strtok_r(copy, " ", &save) : NULL;
            for (int i = 0; field && i < 5; i++, field = strtok_r(NULL, " ", &save)) {
                if (i == 3)
                    root = field;
                else if (i == 4)
                    mount = field;
            }
        }
        if (mount) {
            buf_adds(top, root);
            buf_adds(at, mount);
        }
        mem_free(copy);
        if (at->len > 0)
            return true;
    }
    return false;
}

/* The least quota of the process's cgroup and all above it that can be seen; 0 = none. */
static int hierarchy_quota(const char *root, const char *cgroups, const char *mounts, bool v2)
{
    struct buf group = BUF_INIT, top = BUF_INIT, at = BUF_INIT, dir = BUF_INIT;
    int least = 0;
    if (cgroup_path(cgroups, v2, &group) && cgroup_mount(mounts, v2, &top, &at)) {
        const char *below = group.p;
        /* In a container the mount may begin at the container's own cgroup. */
        if (strcmp(top.p, "/") != 0)
            below = strncmp(below, top.p, top.len) == 0 && (below[top.len] == '/' || below[top.len] == '\0')
                        ? below + top.len
                        : "";
        buf_printf(&dir, "%s%s", root, at.p);
        size_t mount_len = dir.len;
        if (strcmp(below, "/") != 0)
            buf_adds(&dir, below);
        for (;;) {
            int q = quota_of(dir.p, v2);
            if (q > 0 && (least == 0 || q < least))
                least = q;
            if (dir.len <= mount_len)
                break;
            while (dir.len > mount_len && dir.p[--dir.len] != '/')
                ;
            dir.p[dir.len] = '\0';
        }
    }
    buf_clear(&group);
    buf_clear(&top);
    buf_clear(&at);
    buf_clear(&dir);
    return least;
}

int cpu_quota_below(const char *root)
{
    struct buf path = BUF_INIT, cgroups = BUF_INIT, mounts = BUF_INIT;
    int least = 0;
    buf_printf(&path, "%s/proc/self/cgroup", root);
    if (file_read(path.p, MAX_PROC_BYTES, &cgroups, NULL)) {
        buf_reset(&path);
        buf_printf(&path, "%s/proc/self/mountinfo", root);
        if (file_read(path.p, MAX_PROC_BYTES, &mounts, NULL)) {
            int two = hierarchy_quota(root, buf_cstr(&cgroups), buf_cstr(&mounts), true);
            int one = hierarchy_quota(root, buf_cstr(&cgroups), buf_cstr(&mounts), false);
            least = two == 0 || (one > 0 && one < two) ? one : two;
        }
    }
    buf_clear(&path);
    buf_clear(&cgroups);
    buf_clear(&mounts);
    return least;
}

int cpu_count(void)
{
    int n = affinity(), quota = cpu_quota_below("");
    return quota > 0 && quota < n ? quota : n;
}

struct loop {
    size_t n, chunk;
    atomic_size_t next; /* start of the next chunk to be handed out */
    void (*fn)(void *arg, size_t begin, size_t end);
    void *arg;
};

static void *loop_run(void *p)
{
    struct loop *l = p;
    for (;;) {
        size_t begin = atomic_fetch_add_explicit(&l->next, l->chunk, memory_order_relaxed);
        if (begin >= l->n)
            return NULL;
        l->fn(l->arg, begin, l->n - begin < l->chunk ? l->n : begin + l->chunk);
    }
}

void parallel_for(size_t n, size_t min_chunk, int n_threads, void (*fn)(void *arg, size_t begin, size_t end), void *arg)
{
    if (n == 0)
        return;
    if (min_chunk == 0)
        min_chunk = 1;
    size_t most = (n - 1) / min_chunk + 1; /* chunks there can be */
    size_t threads = n_threads < 1 ? 1 : (size_t)n_threads;
    if (threads > most)
        threads = most;
    if (threads == 1 || n < min_chunk) {
        fn(arg, 0, n);
        return;
    }
    /* About eight chunks a thread, so that a slow one delays the end by little. */
    struct loop l = {.n = n, .chunk = n / (threads * 8), .fn = fn, .arg = arg};
    if (l.chunk < min_chunk)
        l.chunk = min_chunk;
    pthread_t *helpers = mem_resize(NULL, threads - 1, sizeof *helpers);
    size_t started = 0;
    while (started < threads - 1 && pthread_create(&helpers[started], NULL, loop_run, &l) == 0)
        started++; /* fewer threads only take longer */
    loop_run(&l);
    for (size_t i = 0; i < started; i++)
        pthread_join(helpers[i], NULL);
    mem_free(helpers);
}

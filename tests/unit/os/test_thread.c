/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/thread.h"
#include "scratch.h"

struct loop {
    unsigned char *seen;
    size_t n, min_chunk;
    atomic_size_t calls, small;
    pthread_t caller;
    atomic_bool elsewhere;
};

static void mark(void *arg, size_t begin, size_t end)
{
    struct loop *l = arg;
    atomic_fetch_add(&l->calls, 1);
    if (end - begin < l->min_chunk && end != l->n)
        atomic_fetch_add(&l->small, 1);
    if (!pthread_equal(pthread_self(), l->caller))
        atomic_store(&l->elsewhere, true);
    for (size_t i = begin; i < end; i++)
        l->seen[i]++;
}

static void run(size_t n, size_t min_chunk, int threads, struct loop *l)
{
    *l = (struct loop){.seen = mem_calloc(n, 1), .n = n, .min_chunk = min_chunk, .caller = pthread_self()};
    parallel_for(n, min_chunk, threads, mark, l);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(l->seen[i], 1);
    assert_int_equal(l->small, 0);
    mem_free(l->seen);
}

static void every_index_is_visited_once(void **state)
{
    (void)state;
    struct loop l;
    size_t ns[] = {0, 1, 2, 7, 64, 1000, 99999};
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++)
        for (int threads = 0; threads <= 9; threads += 3)
            for (size_t chunk = 0; chunk <= 100; chunk = chunk * 10 + 1)
                run(ns[i], chunk, threads, &l);
}

static void little_work_stays_in_the_caller(void **state)
{
    (void)state;
    struct loop l;
    run(99, 100, 8, &l);
    assert_false(l.elsewhere);
    assert_int_equal(l.calls, 1);
    run(100000, 10, 1, &l);
    assert_false(l.elsewhere);
    run(0, 10, 8, &l);
    assert_int_equal(l.calls, 0);
}

static void much_work_is_cut_into_several_chunks(void **state)
{
    (void)state;
    struct loop l;
    run(100000, 10, 4, &l);
    assert_true(l.calls >= 16);
    assert_true(l.calls <= 64);
}

static void cpu_count_respects_the_affinity(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_true(cpu_count() >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(cpu_count() <= CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(cpu_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void put(const char *name, const char *text)
{
    assert_true(file_mkdirs_for(in_scratch(name), NULL));
    put_file(in_scratch(name), text, 0644);
}

static void the_least_quota_of_all_levels_counts_in_v2(void **state)
{
    (void)state;
    put("q/proc/self/cgroup", "0::/user.slice/job\n");
    put("q/proc/self/mountinfo", "24 1 0:22 / /proc rw - proc proc rw\n"
                                 "31 23 0:28 / /cg rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    char root[512];
    snprintf(root, sizeof root, "%s/q", scratch);
    assert_int_equal(cpu_quota_below(root), 0);
    put("q/cg/user.slice/job/cpu.max", "max 100000\n");
    assert_int_equal(cpu_quota_below(root), 0);
    put("q/cg/user.slice/cpu.max", "350000 100000\n");
    assert_int_equal(cpu_quota_below(root), 4); /* 3.5, rounded up */
    put("q/cg/user.slice/job/cpu.max", "50000 100000\n");
    assert_int_equal(cpu_quota_below(root), 1);
    put("q/cg/user.slice/job/cpu.max", "800000 100000\n");
    put("q/cg/cpu.max", "200000 100000\n");
    assert_int_equal(cpu_quota_below(root), 2);
    put("q/cg/cpu.max", "rubbish");
    assert_int_equal(cpu_quota_below(root), 4);
}

static void a_containers_mount_begins_at_its_own_cgroup(void **state)
{
    (void)state;
    put("c/proc/self/cgroup", "0::/docker/abc/inner\n");
    put("c/proc/self/mountinfo", "31 23 0:28 /docker/abc /cg rw - cgroup2 cgroup rw\n");
    put("c/cg/cpu.max", "100000 100000\n");
    assert_int_equal(cpu_quota_below(in_scratch("c")), 1);
    put("c/cg/cpu.max", "300000 100000\n");
    put("c/cg/inner/cpu.max", "200000 100000\n");
    assert_int_equal(cpu_quota_below(in_scratch("c")), 2);
    /* Another container's mount: its root is not above us, so only what it shows at its top can count. */
    put("c/proc/self/cgroup", "0::/docker/abcdef/inner\n");
    assert_int_equal(cpu_quota_below(in_scratch("c")), 3);
}

static void v1_quotas_count_too(void **state)
{
    (void)state;
    put("v1/proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/job\n1:name=systemd:/\n0::/x\n");
    put("v1/proc/self/mountinfo", "32 31 0:29 / /cg/memory rw - cgroup cgroup rw,memory\n"
                                  "33 31 0:30 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
                                  "34 31 0:31 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
    assert_int_equal(cpu_quota_below(in_scratch("v1")), 0);
    put("v1/cg/cpu/job/cpu.cfs_quota_us", "-1\n");
    put("v1/cg/cpu/job/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpu_quota_below(in_scratch("v1")), 0);
    put("v1/cg/cpu/job/cpu.cfs_quota_us", "250000\n");
    assert_int_equal(cpu_quota_below(in_scratch("v1")), 3);
}

static void no_proc_means_no_quota(void **state)
{
    (void)state;
    assert_int_equal(cpu_quota_below(in_scratch("nothing")), 0);
    put("bad/proc/self/cgroup", "\n:\nno colons at all\n");
    put("bad/proc/self/mountinfo", "\n - \n1 2 3 - cgroup2\n x");
    assert_int_equal(cpu_quota_below(in_scratch("bad")), 0);
}

static void clocks_run_forward_and_real_time_fits_file_times(void **state)
{
    (void)state;
    int64_t a = clock_mono_ns(), b = clock_mono_ns();
    assert_true(b >= a);
    int64_t before = clock_real_ns();
    put("stamp", "x");
    struct stat st;
    assert_int_equal(stat(in_scratch("stamp"), &st), 0);
    int64_t mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    /* File times come from the kernel's coarse clock: a tick behind at most. */
    assert_true(mtime > before - 1000000000);
    assert_true(mtime < clock_real_ns() + 1000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_visited_once),
        cmocka_unit_test(little_work_stays_in_the_caller),
        cmocka_unit_test(much_work_is_cut_into_several_chunks),
        cmocka_unit_test(cpu_count_respects_the_affinity),
        cmocka_unit_test(the_least_quota_of_all_levels_counts_in_v2),
        cmocka_unit_test(a_containers_mount_begins_at_its_own_cgroup),
        cmocka_unit_test(v1_quotas_count_too),
        cmocka_unit_test(no_proc_means_no_quota),
        cmocka_unit_test(clocks_run_forward_and_real_time_fits_file_times),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

/* SPDX-License-Identifier: MIT
 *
 * The matrix of a GitHub workflow: a job for each target, or for each shard. */
#include "cli/matrix.h"

#include <stdio.h>

#include "base/json.h"

static void begin(struct json *j)
{
    json_object(j);
    json_key(j, "include");
    json_array(j);
}

static void end(struct json *j)
{
    json_end(j);
    json_end(j);
    buf_addc(j->out, '\n');
}

static bool too_many(size_t n, const char *what, struct err *e)
{
    err_set(e, "T020", "%zu %s are more jobs than the %d that a GitHub matrix may have", n, what, MATRIX_MAX_JOBS);
    return err_hint(e, "--shards N, with N <= %d, makes a job of many targets", MATRIX_MAX_JOBS);
}

bool matrix_targets(struct buf *out, const struct matrix_target *v, size_t n, struct err *e)
{
    struct json j = JSON_INIT(out);
    if (n > MATRIX_MAX_JOBS)
        return too_many(n, "targets", e);
    begin(&j);
    for (size_t i = 0; i < n; i++) {
        json_object(&j);
        json_key(&j, "target");
        json_str(&j, v[i].label);
        json_key(&j, "kind");
        json_str(&j, v[i].kind);
        json_end(&j);
    }
    end(&j);
    return true;
}

struct load {
    uint64_t ms;
    size_t n;
};

static void write_shards(struct buf *out, const struct load *loads, uint32_t n_shards, const char *plan)
{
    struct json j = JSON_INIT(out);
    begin(&j);
    for (uint32_t s = 1; s <= n_shards; s++) {
        const struct load *l = &loads[s - 1];
        if (!l->n)
            continue;
        char name[48];
        snprintf(name, sizeof name, "%u/%u@%s", s, n_shards, plan);
        json_object(&j);
        json_key(&j, "shard");
        json_str(&j, name);
        json_key(&j, "targets");
        json_int(&j, (int64_t)l->n);
        json_key(&j, "duration_ms");
        json_int(&j, l->ms > INT64_MAX ? INT64_MAX : (int64_t)l->ms);
        json_end(&j);
    }
    end(&j);
}

bool matrix_shards(struct buf *out, const struct shard_item *v, size_t n, uint32_t n_shards, struct err *e)
{
    uint32_t *shard_of = mem_calloc(n + 1, sizeof *shard_of);
    struct load *loads = mem_calloc(n_shards, sizeof *loads);
    uint64_t unknown = shard_unknown_ms(v, n);
    size_t used = 0;
    char hex[SHARD_PLAN_HEX];
    struct digest plan;
    shard_split(v, n, n_shards, shard_of, &plan);
    shard_plan_hex(plan, hex);
    for (size_t i = 0; i < n; i++) {
        struct load *l = &loads[shard_of[i] - 1];
        uint64_t ms = v[i].duration_ms ? v[i].duration_ms : unknown;
        used += !l->n;
        l->n++;
        l->ms = ms > UINT64_MAX - l->ms ? UINT64_MAX : l->ms + ms;
    }
    bool ok = used <= MATRIX_MAX_JOBS || too_many(used, "shards", e);
    if (ok)
        write_shards(out, loads, n_shards, hex);
    mem_free(loads);
    mem_free(shard_of);
    return ok;
}

/* SPDX-License-Identifier: MIT
 *
 * Reads /proc/PID/stat and environ (proc_pid_stat(5), proc_pid_environ(5)). A process may go away at any step; then it
 * is as if it had never been there. */
#include "os/proc_table.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/file.h"

enum { MAX_STAT_BYTES = 4096, MAX_ENVIRON_BYTES = 8 << 20 };

/* "4711 (a (strange) name) S 1 4711 ...": the name ends at the last parenthesis. */
static bool parse_stat(char *text, struct proc_entry *p)
{
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open)
        return false;
    int ppid, pgid;
    if (sscanf(close + 1, " %c %d %d", &p->state, &ppid, &pgid) != 3)
        return false;
    p->pid = (pid_t)strtol(text, NULL, 10);
    p->ppid = ppid;
    p->pgid = pgid;
    *close = '\0';
    snprintf(p->name, sizeof p->name, "%s", open + 1);
    for (char *c = p->name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return true;
}

void proc_table_each(bool (*fn)(void *ctx, const struct proc_entry *p), void *ctx)
{
    DIR *dir = opendir("/proc");
    if (!dir)
        return;
    struct buf text = BUF_INIT;
    bool more = true;
    for (struct dirent *d; more && (d = readdir(dir));) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9')
            continue;
        char path[sizeof "/proc//stat" + sizeof d->d_name];
        snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
        buf_reset(&text);
        struct proc_entry p;
        if (file_read(path, MAX_STAT_BYTES, &text, NULL) && text.len > 0 && parse_stat(text.p, &p))
            more = fn(ctx, &p);
    }
    buf_clear(&text);
    closedir(dir);
}

struct group_scan {
    pid_t pgid;
    size_t n;
    struct buf *names;
};

static bool group_member(void *ctx, const struct proc_entry *p)
{
    struct group_scan *s = ctx;
    if (p->pgid != s->pgid || p->state == 'Z' || p->state == 'X')
        return true;
    if (s->names)
        buf_printf(s->names, "%s%s (%ld)", s->n ? ", " : "", p->name, (long)p->pid);
    s->n++;
    return true;
}

size_t proc_table_group(pid_t pgid, struct buf *names)
{
    struct group_scan s = {pgid, 0, names};
    proc_table_each(group_member, &s);
    return s.n;
}

bool proc_table_env(pid_t pid, const char *name, struct buf *value)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    buf_printf(&path, "/proc/%ld/environ", (long)pid);
    bool found = false;
    if (file_read(path.p, MAX_ENVIRON_BYTES, &text, NULL)) {
        size_t len = strlen(name);
        for (size_t at = 0; !found && at < text.len; at += strlen(text.p + at) + 1) {
            if (strncmp(text.p + at, name, len) == 0 && text.p[at + len] == '=') {
                buf_adds(value, text.p + at + len + 1);
                found = true;
            }
        }
    }
    buf_clear(&path);
    buf_clear(&text);
    return found;
}

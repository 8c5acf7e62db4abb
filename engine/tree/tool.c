/* SPDX-License-Identifier: MIT
 *
 * Looking a tool up on a search path, and reading which interpreter a script names. */
#include "tree/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel looks at so much of a script (BINPRM_BUF_SIZE since Linux 5.1). */
enum { SCRIPT_HEAD = 256 };

static bool is_program(struct tree *t, const char *path)
{
    struct stat sb;
    enum entry_type type;
    if (t && t->ops->absolute && t->ops->absolute(t, path, &type, NULL))
        return type == ENTRY_EXEC;
    return !stat(path, &sb) && S_ISREG(sb.st_mode) && !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

bool tool_find(struct tree *t, const char *search_path, const char *name, struct buf *out)
{
    if (!*name || strchr(name, '/'))
        return false;
    struct buf path = BUF_INIT;
    bool found = false;
    for (const char *p = search_path; *p && !found;) {
        size_t len = strcspn(p, ":");
        /* A relative part would make the result depend on the working folder. */
        if (len && *p == '/') {
            buf_reset(&path);
            buf_add(&path, p, len);
            if (p[len - 1] != '/')
                buf_addc(&path, '/');
            buf_adds(&path, name);
            found = is_program(t, path.p);
        }
        p += len;
        p += *p == ':';
    }
    if (found)
        buf_add(out, path.p, path.len);
    buf_clear(&path);
    return found;
}

/* The first line behind "#!" as far as the kernel reads it; its length, or -1 if the file is no script. */
static ssize_t read_head(struct tree *t, const char *path, char head[SCRIPT_HEAD + 1])
{
    struct buf text = BUF_INIT;
    enum entry_type type;
    if (t && t->ops->absolute && t->ops->absolute(t, path, &type, &text)) {
        size_t len = text.len < SCRIPT_HEAD ? text.len : SCRIPT_HEAD;
        if (len)
            memcpy(head, text.p, len);
        head[len] = '\0';
        buf_clear(&text);
        return len < 2 || head[0] != '#' || head[1] != '!' ? -1 : (ssize_t)strcspn(head, "\n");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    struct stat sb;
    size_t n = 0;
    if (!fstat(fd, &sb) && S_ISREG(sb.st_mode)) {
        while (n < SCRIPT_HEAD) {
            ssize_t got = read(fd, head + n, SCRIPT_HEAD - n);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            n += (size_t)got;
        }
    }
    close(fd);
    head[n] = '\0';
    if (n < 2 || head[0] != '#' || head[1] != '!')
        return -1;
    return (ssize_t)strcspn(head, "\n");
}

/* Takes the next word of *p, without quotes; NULL when there is none. */
static char *next_word(char **p)
{
    char *w = *p + strspn(*p, " \t\r");
    if (!*w)
        return NULL;
    char *to = w, quote = '\0';
    char *from = w;
    for (; *from && (quote || !strchr(" \t\r", *from)); from++) {
        if (quote ? *from == quote : *from == '"' || *from == '\'')
            quote = quote ? '\0' : *from;
        else
            *to++ = *from;
    }
    *p = *from ? from + 1 : from;
    *to = '\0';
    return w;
}

/* env(1): options, then NAME=VALUE, then the command. NULL if it names none. */
static char *env_command(char *args)
{
    static const char split_long[] = "--split-string=";
    char *p = args, *word;
    while ((word = next_word(&p))) {
        if (word[0] != '-' || !word[1]) {
            if (word[0] != '-' && !strchr(word, '='))
                return *word ? mem_strdup(word) : NULL;
            continue;
        }
        if (word[1] == '-') {
            if (!strncmp(word, split_long, sizeof split_long - 1) && !strchr(word + sizeof split_long - 1, '='))
                return mem_strdup(word + sizeof split_long - 1);
            continue;
        }
        /* A bundle of short ones: S takes the rest of the text, u and C a value. */
        const char *value = word + strcspn(word, "SuC");
        if (*value == 'S') {
            if (value[1] && value[1] != '-' && !strchr(value, '='))
                return mem_strdup(value + 1);
        } else if (*value && !value[1]) {
            next_word(&p);
        }
    }
    return NULL;
}

bool tool_interpreter(struct tree *t, const char *path, struct buf *out, char **env_name)
{
    char head[SCRIPT_HEAD + 1];
    *env_name = NULL;
    ssize_t len = read_head(t, path, head);
    if (len < 0)
        return false;
    head[len] = '\0';
    char *name = head + 2 + strspn(head + 2, " \t");
    size_t name_len = strcspn(name, " \t\r");
    /* A name that fills all that the kernel reads is cut, and it refuses to run it. */
    if (*name != '/' || name + name_len == head + SCRIPT_HEAD)
        return false;
    char *args = name[name_len] ? name + name_len + 1 : name + name_len;
    name[name_len] = '\0';
    buf_adds(out, name);
    if (!strcmp(strrchr(name, '/'), "/env"))
        *env_name = env_command(args);
    return true;
}

bool tool_exists(struct tree *t, const char *path)
{
    struct stat sb;
    enum entry_type type;
    if (t && t->ops->absolute && t->ops->absolute(t, path, &type, NULL))
        return type != ENTRY_NONE && type != ENTRY_DIR;
    return stat(path, &sb) == 0 && !S_ISDIR(sb.st_mode);
}

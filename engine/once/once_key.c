/* SPDX-License-Identifier: MIT
 *
 * The true key of `tgraph once`: which files count, and what they hold. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "base/map.h"
#include "once/once_internal.h"
#include "os/file.h"
#include "tree/tool.h"

#define ONCE_FORMAT "tgraph once 2"
#define MAX_TOOLS 16         /* a script, its interpreter, that one's, ... */
#define MAX_FILES (4u << 20) /* of all inputs */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

const char *once_getenv(const struct once_spec *s, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *p = s->envp; p && *p; p++)
        if (strncmp(*p, name, len) == 0 && (*p)[len] == '=')
            return *p + len + 1;
    return NULL;
}

static void add_file(struct once_file **v, size_t *n, size_t *cap, const char *path)
{
    MEM_GROW(*v, *n, *cap);
    (*v)[(*n)++] = (struct once_file){.path = mem_strdup(path)};
}

static void free_files(struct once_file *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(v[i].path);
    mem_free(v);
}

void once_inputs_clear(struct once_inputs *in)
{
    free_files(in->files, in->n_files);
    free_files(in->tools, in->n_tools);
    mem_free(in->program);
    memset(in, 0, sizeof *in);
}

/* ---- the files ---------------------------------------------------------------------------------------------------- */

/* A walk over the inputs, with a stack of its own. Each folder is entered once, also where links lead to it from several
 * sides or in a circle; links to folders are followed, because a command follows them too. */
struct walk {
    struct once_file *files;
    size_t n, cap;
    struct strvec todo; /* the next one last */
    struct map seen;    /* folders entered, by device and inode: where in `files` */
};

static uint64_t folder_id(const struct stat *sb)
{
    uint64_t id[2] = {(uint64_t)sb->st_dev, (uint64_t)sb->st_ino};
    uint64_t h = digest_u64(digest_bytes(id, sizeof id));
    return h == UINT64_MAX ? 0 : h;
}

static bool unreadable(const char *path, int errnum, struct err *e)
{
    err_sys(e, "T653", errnum, "cannot read the input %s", path);
    if (errnum == ENOENT || errnum == ENOTDIR)
        return err_hint(e, "make it first, correct --in, or leave it out");
    return err_hint(e, "make it readable, or name what can be read with --in");
}

/* Puts the folder's entries on the stack so that they come off in the order of their names. */
static bool push_entries(struct walk *w, const char *path, struct err *e)
{
    DIR *dir = opendir(path);
    if (!dir)
        return unreadable(path, errno, e);
    struct strvec names = STRVEC_INIT;
    errno = 0;
    for (struct dirent *de; (de = readdir(dir)); errno = 0)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            strvec_add(&names, de->d_name);
    int errnum = errno;
    closedir(dir);
    strvec_sort(&names);
    size_t len = strlen(path);
    for (size_t i = names.n; !errnum && i-- > 0;) {
        char *entry = mem_printf("%s%s%s", path, path[len - 1] == '/' ? "" : "/", names.v[i]);
        strvec_add(&w->todo, entry);
        mem_free(entry);
    }
    strvec_clear(&names);
    return errnum ? unreadable(path, errnum, e) : true;
}

/* Where a link to a folder leads, by its text; and which folder it is, of one that was entered under another name. */
static struct digest folder_digest(const struct walk *w, const char *path, uint32_t seen)
{
    char text[PATH_MAX];
    struct hasher h;
    ssize_t len = readlink(path, text, sizeof text);
    if (len < 0 && seen == MAP_NONE)
        return DIGEST_NONE;
    hasher_init(&h);
    hasher_mem(&h, text, len < 0 ? 0 : (size_t)len);
    hasher_str(&h, seen == MAP_NONE ? NULL : w->files[seen].path);
    struct digest d = hasher_end(&h);
    hasher_clear(&h);
    return d;
}

static bool visit(struct walk *w, const char *path, struct err *e)
{
    struct stat sb, target;
    if (w->n >= MAX_FILES) {
        err_set(e, "T653", "the inputs are more than %u files", MAX_FILES);
        return err_hint(e, "name with --in only what the command reads");
    }
    if (lstat(path, &sb) != 0)
        return unreadable(path, errno, e);
    if (S_ISLNK(sb.st_mode) && stat(path, &target) == 0 && S_ISDIR(target.st_mode))
        sb = target;
    if (!S_ISDIR(sb.st_mode) && !S_ISREG(sb.st_mode) && !S_ISLNK(sb.st_mode)) {
        err_set(e, "T653", "the input %s is neither a file nor a folder", path);
        return err_hint(e, "its content cannot be known: name files with --in");
    }
    add_file(&w->files, &w->n, &w->cap, path);
    struct once_file *f = &w->files[w->n - 1];
    if (!S_ISDIR(sb.st_mode))
        return true;
    f->state.type = ENTRY_DIR;
    uint64_t id = folder_id(&sb);
    uint32_t seen = map_get(&w->seen, id);
    f->state.digest = folder_digest(w, path, seen);
    if (seen != MAP_NONE)
        return true;
    map_put(&w->seen, id, (uint32_t)(w->n - 1));
    return push_entries(w, path, e);
}

/* Its folder, or the nearest one above it that is there; the caller frees it. */
static char *folder_of(const char *path)
{
    char *dir = mem_strdup(path);
    for (char *slash; (slash = strrchr(dir, '/')) != NULL;) {
        *(slash == dir ? slash + 1 : slash) = '\0';
        if (file_is_dir(dir) || slash == dir)
            return dir;
    }
    mem_free(dir);
    return mem_strdup(".");
}

/* What is written into a folder of inputs is an input the next time: the key would never be the same again. */
static bool out_is_apart(struct walk *w, const struct once_spec *s, struct err *e)
{
    struct stat sb;
    char *dir = folder_of(s->out);
    bool inside = stat(dir, &sb) == 0 && map_get(&w->seen, folder_id(&sb)) != MAP_NONE;
    mem_free(dir);
    struct stat a, b;
    bool is_input = false;
    if (stat(s->out, &a) == 0)
        for (size_t i = 0; i < s->n_inputs && !is_input; i++)
            is_input = stat(s->inputs[i], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    if (!inside && !is_input)
        return true;
    err_set(e, "T654", "--out %s %s", s->out, is_input ? "is an input too" : "lies in a folder that is an input");
    return err_hint(e, "write it elsewhere, or name the files of the folder one by one with --in");
}

static bool walk_inputs(struct walk *w, const struct once_spec *s, struct err *e)
{
    *w = (struct walk){.seen = MAP_INIT};
    struct strvec roots = STRVEC_INIT;
    for (size_t i = 0; i < s->n_inputs; i++)
        strvec_add(&roots, s->inputs[i]);
    strvec_sort_unique(&roots);
    bool ok = true;
    for (size_t i = 0; ok && i < roots.n; i++) {
        if (!*roots.v[i]) {
            err_set(e, "T653", "--in has an empty name");
            ok = err_hint(e, "give a file or a folder");
            break;
        }
        strvec_add(&w->todo, roots.v[i]);
        while (ok && w->todo.n) {
            char *path = w->todo.v[--w->todo.n];
            ok = visit(w, path, e);
            mem_free(path);
        }
    }
    strvec_clear(&roots);
    return ok && out_is_apart(w, s, e);
}

static void walk_clear(struct walk *w)
{
    free_files(w->files, w->n);
    strvec_clear(&w->todo);
    map_clear(&w->seen);
}

static bool stamp_file(struct once_file *f, struct err *e)
{
    int errnum = 0;
    if (f->state.type == ENTRY_DIR)
        return true;
    stamp_update(AT_FDCWD, f->path, &f->state, &errnum);
    if (f->state.type == ENTRY_FILE || f->state.type == ENTRY_EXEC || f->state.type == ENTRY_LINK)
        return true;
    return unreadable(f->path, errnum ? errnum : ENOENT, e);
}

/* ---- the program -------------------------------------------------------------------------------------------------- */

/* Adds the file behind a program's path, and hashes what it is. `name` and `path` count where PATH chose it: a program may look
 * for its files beside itself. Of one that is named by a path the name counts, so that work trees share. */
static bool add_tool(struct once_inputs *in, struct hasher *h, const char *name, const char *path, bool by_path,
                     const struct once_spec *s, struct err *e)
{
    struct buf real = BUF_INIT;
    struct err why = ERR_INIT;
    bool ok = file_realpath(path, &real, &why);
    if (!ok) {
        err_set(e, "T601", "cannot run %s: %s", name, why.msg);
        err_hint(e, "install it, or correct the command");
    } else {
        add_file(&in->tools, &in->n_tools, &in->cap_tools, buf_cstr(&real));
        struct once_file *f = &in->tools[in->n_tools - 1];
        int errnum = 0;
        once_stamp(s->cache_dir, f->path, &f->state, &errnum);
        ok = f->state.type == ENTRY_FILE || f->state.type == ENTRY_EXEC;
        if (!ok) {
            err_set(e, "T601", "cannot run %s: %s", name,
                    errnum                         ? strerror(errnum)
                    : f->state.type == ENTRY_DIR   ? "it is a folder"
                    : f->state.type == ENTRY_OTHER ? "it is no regular file"
                                                   : "there is no such file");
            err_hint(e, "correct the command");
        }
        hasher_str(h, name);
        hasher_str(h, by_path ? path : NULL);
        hasher_u8(h, f->state.type);
        hasher_digest(h, f->state.digest);
    }
    err_clear(&why);
    buf_clear(&real);
    return ok;
}

static bool on_path(const struct once_spec *s, const char *name, struct buf *out, struct err *e)
{
    const char *path = once_getenv(s, "PATH");
    if (tool_find(NULL, path ? path : DEFAULT_PATH, name, out))
        return true;
    err_set(e, "T601", "cannot run %s: PATH does not lead to such a program", name);
    return err_hint(e, "install it, correct PATH, or give it with a slash (./%s)", name);
}

/* The interpreter's own interpreter counts too, and so on. */
static bool add_interpreters(struct once_inputs *in, const struct once_spec *s, struct hasher *h, struct err *e)
{
    for (size_t i = 0; i < in->n_tools; i++) {
        struct buf interpreter = BUF_INIT, found = BUF_INIT;
        char *env_name = NULL;
        bool ok = true;
        if (tool_interpreter(NULL, in->tools[i].path, &interpreter, &env_name)) {
            if (in->n_tools + 2 > MAX_TOOLS) {
                err_set(e, "T601", "cannot run %s: its interpreters are scripts in a circle", s->argv[0]);
                ok = err_hint(e, "correct their #! lines");
            }
            ok = ok && add_tool(in, h, buf_cstr(&interpreter), buf_cstr(&interpreter), true, s, e);
            if (ok && env_name) {
                bool slash = strchr(env_name, '/') != NULL;
                ok = slash || on_path(s, env_name, &found, e);
                ok = ok && add_tool(in, h, env_name, slash ? env_name : buf_cstr(&found), !slash, s, e);
            }
        }
        mem_free(env_name);
        buf_clear(&interpreter);
        buf_clear(&found);
        if (!ok)
            return false;
    }
    return true;
}

static bool find_program(struct once_inputs *in, const struct once_spec *s, struct hasher *h, struct err *e)
{
    struct buf found = BUF_INIT;
    bool slash = strchr(s->argv[0], '/') != NULL;
    if (slash)
        buf_adds(&found, s->argv[0]);
    bool ok = slash || on_path(s, s->argv[0], &found, e);
    if (ok) {
        in->program = buf_take(&found);
        ok = add_tool(in, h, s->argv[0], in->program, !slash, s, e) && add_interpreters(in, s, h, e);
    }
    buf_clear(&found);
    return ok;
}

/* ---- the key ------------------------------------------------------------------------------------------------------ */

static void hash_platform(struct hasher *h)
{
    struct utsname u;
    bool known = uname(&u) == 0;
    hasher_str(h, known ? u.sysname : NULL);
    hasher_str(h, known ? u.machine : NULL);
#ifdef __GLIBC__
    hasher_str(h, gnu_get_libc_version());
#else
    hasher_str(h, "libc");
#endif
}

static void hash_strings(struct hasher *h, const struct once_spec *s)
{
    uint32_t argc = 0;
    while (s->argv[argc])
        argc++;
    hasher_str(h, s->key);
    hasher_u32(h, argc);
    for (uint32_t i = 0; i < argc; i++)
        hasher_str(h, s->argv[i]);
    struct strvec names = STRVEC_INIT;
    for (size_t i = 0; i < s->n_env_names; i++)
        strvec_add(&names, s->env_names[i]);
    strvec_sort_unique(&names);
    hasher_u32(h, (uint32_t)names.n);
    for (size_t i = 0; i < names.n; i++) {
        hasher_str(h, names.v[i]);
        hasher_str(h, once_getenv(s, names.v[i])); /* NULL differs from "" */
    }
    strvec_clear(&names);
}

bool once_inputs_read(struct once_inputs *in, const struct once_spec *s, struct err *e)
{
    struct hasher h;
    struct walk w;
    memset(in, 0, sizeof *in);
    hasher_init(&h);
    hasher_str(&h, ONCE_FORMAT);
    hash_platform(&h);
    hash_strings(&h, s);
    bool ok = find_program(in, s, &h, e);
    hasher_u32(&h, (uint32_t)in->n_tools);
    if (ok)
        ok = walk_inputs(&w, s, e);
    else
        w = (struct walk){.seen = MAP_INIT};
    for (size_t i = 0; ok && i < w.n; i++) {
        struct once_file *f = &w.files[i];
        ok = stamp_file(f, e);
        hasher_str(&h, f->path);
        hasher_u8(&h, f->state.type);
        hasher_digest(&h, f->state.digest);
    }
    in->files = w.files;
    in->n_files = w.n;
    w.files = NULL;
    w.n = 0;
    walk_clear(&w);
    in->key = hasher_end(&h);
    hasher_clear(&h);
    return ok;
}

static const char *moved_file(const struct once_file *v, size_t n, int64_t since_ns)
{
    for (size_t i = 0; i < n; i++) {
        int64_t quiet_ns;
        if (v[i].state.type == ENTRY_DIR)
            continue;
        if (!stamp_same(AT_FDCWD, v[i].path, &v[i].state, &quiet_ns) || quiet_ns >= since_ns)
            return v[i].path;
    }
    return NULL;
}

bool once_inputs_still(const struct once_inputs *in, const struct once_spec *s, int64_t since_ns, char **what)
{
    struct walk w;
    struct err e = ERR_INIT;
    *what = NULL;
    if (!walk_inputs(&w, s, &e))
        *what = mem_strdup(e.msg);
    for (size_t i = 0; !*what && (i < w.n || i < in->n_files); i++) {
        bool gone = i >= w.n, came = i >= in->n_files;
        if (gone || came || strcmp(w.files[i].path, in->files[i].path) != 0 ||
            (in->files[i].state.type == ENTRY_DIR && !digest_eq(w.files[i].state.digest, in->files[i].state.digest)))
            *what = mem_strdup(came ? w.files[i].path : in->files[i].path);
    }
    const char *moved = moved_file(in->files, in->n_files, since_ns);
    if (!moved)
        moved = moved_file(in->tools, in->n_tools, since_ns);
    if (!*what && moved)
        *what = mem_strdup(moved);
    walk_clear(&w);
    err_clear(&e);
    return !*what;
}

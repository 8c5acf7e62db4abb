/* SPDX-License-Identifier: MIT
 *
 * Loading libgit2. */
#include "tree/gitlib.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct gitlib lg;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;
static char failure[256];

static void load(void)
{
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
#define GITLIB_ROW(name) {"git_" #name, offsetof(struct gitlib, name)},
        GITLIB_FUNCTIONS(GITLIB_ROW)
#undef GITLIB_ROW
    };
    void *so = dlopen(TGRAPH_LIBGIT2, RTLD_NOW | RTLD_LOCAL);
    if (!so) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *f = dlsym(so, functions[i].name);
        if (!f) {
            snprintf(failure, sizeof failure, "%s", dlerror());
            return;
        }
        *(void **)(void *)((char *)&lg + functions[i].at) = f; /* dlopen(3), "Examples": a function through void * */
    }
    if (lg.libgit2_init() < 0) {
        snprintf(failure, sizeof failure, "it cannot be initialised");
        return;
    }
    /* Objects carry zlib's checksum; hashing each again costs a fifth of reading a large tree. */
    lg.libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
    /* Git asks who owns a repository because its config can name commands to run. Nothing of it is run here. */
    lg.libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    loaded = true;
}

bool gitlib_load(struct err *e)
{
    pthread_once(&once, load);
    if (loaded)
        return true;
    err_set(e, "T701", "git cannot be asked: %s", failure);
    return err_hint(e, "install the package that holds " TGRAPH_LIBGIT2 " (Debian 12: libgit2-1.5)");
}

bool gitlib_error(struct err *e, const char *code, const char *fmt, ...)
{
    char *context = NULL;
    va_list args;
    struct buf b = BUF_INIT;
    va_start(args, fmt);
    int n = vasprintf(&context, fmt, args);
    va_end(args);
    const git_error *last = lg.error_last();
    buf_printf(&b, "%s: %s", n < 0 ? "git" : context, last && last->message ? last->message : "no reason given");
    err_set(e, code, "%s", buf_cstr(&b));
    free(context);
    buf_clear(&b);
    return false;
}

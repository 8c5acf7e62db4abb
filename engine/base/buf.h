/* SPDX-License-Identifier: MIT
 *
 * A growable byte buffer, always NUL-terminated once something was added, and a vector of strings.
 *
 *     struct buf b = BUF_INIT;
 *     buf_printf(&b, "%d targets", n);
 *     puts(buf_cstr(&b));
 *     buf_clear(&b);
 */
#ifndef TGRAPH_BASE_BUF_H
#define TGRAPH_BASE_BUF_H

#include "base/mem.h"

struct buf {
    char *p;    /* NULL until something was added */
    size_t len; /* bytes, without the terminating NUL */
    size_t cap;
};
#define BUF_INIT                                                                                                       \
    {                                                                                                                  \
        NULL, 0, 0                                                                                                     \
    }

void buf_clear(struct buf *b);                      /* frees; usable again */
void buf_reset(struct buf *b);                      /* len = 0, keeps the memory */
void buf_reserve(struct buf *b, size_t more_bytes); /* room for so many more */
void buf_add(struct buf *b, const void *p, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_cstr(const struct buf *b); /* "" when empty; valid until the next change */
char *buf_take(struct buf *b);             /* the caller owns it (mem_free); b is empty again */

/* A list of strings that it owns. */
struct strvec {
    char **v;
    size_t n, cap;
};
#define STRVEC_INIT                                                                                                    \
    {                                                                                                                  \
        NULL, 0, 0                                                                                                     \
    }

void strvec_add(struct strvec *v, const char *s);              /* copies */
void strvec_addn(struct strvec *v, const char *s, size_t len); /* copies */
void strvec_sort(struct strvec *v);                            /* by bytes */
void strvec_sort_unique(struct strvec *v);
bool strvec_has(const struct strvec *v, const char *s); /* linear */
void strvec_clear(struct strvec *v);

#endif

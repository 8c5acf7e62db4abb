/* SPDX-License-Identifier: MIT
 *
 * Writes JSON (RFC 8259) into a buf: one value at a time, commas and quoting taken care of.
 * Bytes that are not UTF-8 become U+FFFD, so that every line written is valid.
 *
 *     struct json j = JSON_INIT(&b);
 *     json_object(&j);
 *     json_key(&j, "target"); json_str(&j, "unit");
 *     json_key(&j, "cached"); json_bool(&j, true);
 *     json_end(&j);                                     // {"target":"unit","cached":true}
 */
#ifndef TGRAPH_BASE_JSON_H
#define TGRAPH_BASE_JSON_H

#include "base/buf.h"

struct json {
    struct buf *out;
    uint64_t comma; /* bit d: a value was written at depth d */
    uint64_t array; /* bit d: the container at depth d is an array */
    int depth;      /* at most 60 */
};
#define JSON_INIT(b)                                                                                                   \
    {                                                                                                                  \
        (b), 0, 0, 0                                                                                                   \
    }

void json_object(struct json *j);
void json_array(struct json *j);
void json_end(struct json *j); /* closes the innermost object or array */
void json_key(struct json *j, const char *key);
void json_str(struct json *j, const char *s); /* NULL writes null */
void json_strn(struct json *j, const char *s, size_t len);
void json_int(struct json *j, int64_t v);
void json_double(struct json *j, double v, int decimals); /* fixed notation */
void json_bool(struct json *j, bool v);
void json_raw(struct json *j, const char *s, size_t len); /* a value that is JSON already */
void json_null(struct json *j);

bool json_is_utf8(const char *s, size_t len); /* well-formed: no overlong form, no surrogate, nothing above U+10FFFF */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Digests: XXH3-128 (xxHash, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) in canonical byte order,
 * so they compare with memcmp and are the same on every architecture.
 *
 * A `hasher` frames what it is given: numbers are little-endian and of fixed width, strings carry their length. Two
 * different sequences of calls never feed the same bytes, as long as both call the same functions in the same order.
 */
#ifndef TGRAPH_BASE_HASH_H
#define TGRAPH_BASE_HASH_H

#include "base/buf.h"

struct digest {
    uint8_t b[16];
};
#define DIGEST_NONE ((struct digest){{0}})
#define DIGEST_HEX 33 /* characters of the hexadecimal form, with the NUL */

struct digest digest_bytes(const void *p, size_t len);
bool digest_eq(struct digest a, struct digest b);
bool digest_is_none(struct digest d);
uint64_t digest_u64(struct digest d);                   /* its first 8 bytes, for hash tables */
void digest_hex(struct digest d, char out[DIGEST_HEX]); /* 32 lower-case digits */
bool digest_parse(const char *hex, struct digest *out); /* exactly 32 digits, then NUL */

/* Collects the framed bytes and hashes them in one go: cheapest for the few hundred bytes of a key. */
struct hasher {
    struct buf b;
};
void hasher_init(struct hasher *h);
void hasher_reset(struct hasher *h); /* starts anew, keeps the memory */
void hasher_clear(struct hasher *h);
void hasher_u8(struct hasher *h, uint8_t v);
void hasher_u32(struct hasher *h, uint32_t v);
void hasher_u64(struct hasher *h, uint64_t v);
void hasher_str(struct hasher *h, const char *s);             /* length-prefixed; NULL differs from "" */
void hasher_mem(struct hasher *h, const void *p, size_t len); /* length-prefixed */
void hasher_digest(struct hasher *h, struct digest d);
struct digest hasher_end(const struct hasher *h);

/* Streaming, for file content. */
struct hash_stream;
struct hash_stream *hash_stream_new(void);
void hash_stream_add(struct hash_stream *s, const void *p, size_t len);
struct digest hash_stream_end(struct hash_stream *s); /* frees it */

#endif

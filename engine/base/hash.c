/* SPDX-License-Identifier: MIT
 *
 * XXH3-128 in canonical (big-endian) byte order, and the framing of keys. */
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

#include "base/err.h"

_Static_assert(sizeof(XXH128_canonical_t) == sizeof(struct digest), "a digest is a canonical XXH128");

static struct digest canonical(XXH128_hash_t h)
{
    XXH128_canonical_t c;
    struct digest d;
    XXH128_canonicalFromHash(&c, h);
    memcpy(d.b, c.digest, sizeof d.b);
    return d;
}

struct digest digest_bytes(const void *p, size_t len) { return canonical(XXH3_128bits(len ? p : "", len)); }

bool digest_eq(struct digest a, struct digest b) { return memcmp(a.b, b.b, sizeof a.b) == 0; }

bool digest_is_none(struct digest d) { return digest_eq(d, DIGEST_NONE); }

uint64_t digest_u64(struct digest d)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | d.b[i];
    return v;
}

void digest_hex(struct digest d, char out[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        out[2 * i] = digits[d.b[i] >> 4];
        out[2 * i + 1] = digits[d.b[i] & 15];
    }
    out[32] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool digest_parse(const char *hex, struct digest *out)
{
    struct digest d;
    for (int i = 0; i < 16; i++) {
        int hi = hex_value(hex[2 * i]);
        int lo = hi < 0 ? -1 : hex_value(hex[2 * i + 1]); /* not beyond the NUL */
        if (lo < 0)
            return false;
        d.b[i] = (uint8_t)(hi << 4 | lo);
    }
    if (hex[32] != '\0')
        return false;
    *out = d;
    return true;
}

void hasher_init(struct hasher *h) { h->b = (struct buf)BUF_INIT; }
void hasher_reset(struct hasher *h) { buf_reset(&h->b); }
void hasher_clear(struct hasher *h) { buf_clear(&h->b); }
void hasher_u8(struct hasher *h, uint8_t v) { buf_add(&h->b, &v, 1); }

static void little_endian(struct hasher *h, uint64_t v, size_t bytes)
{
    uint8_t le[8];
    for (size_t i = 0; i < bytes; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    buf_add(&h->b, le, bytes);
}

void hasher_u32(struct hasher *h, uint32_t v) { little_endian(h, v, 4); }
void hasher_u64(struct hasher *h, uint64_t v) { little_endian(h, v, 8); }

void hasher_mem(struct hasher *h, const void *p, size_t len)
{
    hasher_u64(h, len);
    buf_add(&h->b, p, len);
}

void hasher_str(struct hasher *h, const char *s)
{
    if (s)
        hasher_mem(h, s, strlen(s));
    else
        hasher_u64(h, UINT64_MAX); /* no string is that long */
}

void hasher_digest(struct hasher *h, struct digest d) { buf_add(&h->b, d.b, sizeof d.b); }
struct digest hasher_end(const struct hasher *h) { return digest_bytes(h->b.p, h->b.len); }

/* Is an XXH3_state_t, whose alignment only the library's own allocator knows. */
struct hash_stream;

struct hash_stream *hash_stream_new(void)
{
    XXH3_state_t *s = XXH3_createState();
    if (!s)
        BUG("out of memory for a hash state");
    XXH3_128bits_reset(s);
    return (struct hash_stream *)s;
}

void hash_stream_add(struct hash_stream *s, const void *p, size_t len)
{
    if (len)
        XXH3_128bits_update((XXH3_state_t *)s, p, len);
}

struct digest hash_stream_end(struct hash_stream *s)
{
    struct digest d = canonical(XXH3_128bits_digest((XXH3_state_t *)s));
    XXH3_freeState((XXH3_state_t *)s);
    return d;
}

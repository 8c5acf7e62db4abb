/* SPDX-License-Identifier: MIT
 *
 * The wildcard matcher behind globs and ignore rules: many patterns run together as one automaton (Thompson's
 * simulation: "Regular Expression Search Algorithm", CACM 11(6), 1968), so a match costs at most tokens x characters
 * whatever the pattern, and a walk can carry the states of a folder on to its entries and turn back where none is left.
 *
 * The syntax is that of git's wildmatch with WM_PATHNAME (gitignore(5)):
 *   `?`  one character but '/'        `*`  any number of them        `[...]`  a set, never '/' (`!` or `^` negates,
 *   `a-z`, `[:alpha:]`, escapes)      `\x` x itself
 *   `**` as a whole part: before '/' any number of whole parts, at the end anything
 *
 *     struct wild w = WILD_INIT;
 *     wild_add(&w, "src/" "**" "/x*.c", len);
 *     struct wild_states in = {0}, out = {0};
 *     wild_start(&w, &in);
 *     wild_step(&w, in.v, in.n, "src/", 4, &out);    // out.n == 0: nothing below can match
 *     wild_accepts(&w, &out);
 *
 * Threads: a wild has scratch space of its own and belongs to one thread.
 */
#ifndef TGRAPH_TREE_WILD_H
#define TGRAPH_TREE_WILD_H

#include "base/mem.h"

struct wild_set {
    uint64_t bits[4];
};
struct wild_token;
struct wild_states { /* without duplicates */
    uint32_t *v;
    uint32_t n, cap;
};
struct wild {
    struct wild_token *tokens; /* the patterns, each ended by an accepting token */
    size_t n_tokens, cap_tokens;
    struct wild_set *sets;
    size_t n_sets, cap_sets;
    uint32_t *starts; /* first token of each pattern */
    size_t n_starts, cap_starts;
    uint32_t *seen; /* per token: the generation in which it was last added */
    size_t cap_seen;
    uint32_t generation;
    struct wild_states spare[3]; /* wild_match's start, wild_step's other list, wild_match's end */
};
#define WILD_INIT                                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    }

void wild_clear(struct wild *w);
/* NULL, or what is wrong with the pattern; then nothing was added. */
const char *wild_add(struct wild *w, const char *pattern, size_t len);
void wild_start(struct wild *w, struct wild_states *out);
/* Runs `text` from the states `from` and puts those that are left into `out` (which must not hold `from`). */
void wild_step(struct wild *w, const uint32_t *from, uint32_t n_from, const char *text, size_t len,
               struct wild_states *out);
bool wild_accepts(const struct wild *w, const struct wild_states *s);
bool wild_match(struct wild *w, const char *text, size_t len); /* does any pattern match the whole text? */
void wild_states_clear(struct wild_states *s);

/* Where the set that starts at `p` ('[') ends: after its ']'. NULL if it is malformed; then *why says how (why may be
 * NULL). Fills *set (may be NULL). */
const char *wild_read_set(const char *p, const char *end, struct wild_set *set, const char **why);

#endif

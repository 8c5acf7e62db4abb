/* SPDX-License-Identifier: MIT
 *
 * Resolving: a node whose dependencies are resolved gets its key, and the key says whether it is clean. Nothing is run.
 *
 * States of a node in a run (run_nodes.c moves them, run_set_phase is the only function that does):
 *
 *     WAITING --all dependencies done--> resolve: clean ------------------------------> DONE (cached)
 *        |                                  |  clean, outputs differ --> RESTORING ----> DONE (cached)
 *        |                                  |                                |  blob gone
 *        |                                  dirty --> QUEUED --> RUNNING <---+
 *        |                                               |          +---> DONE (passed, failed, ...)
 *        +--a dependency did not pass / --fail-fast------+--------------> DONE (skipped)
 */
#ifndef TGRAPH_RUN_RESOLVE_H
#define TGRAPH_RUN_RESOLVE_H

#include "run/manifest.h"

struct resolution {
    bool clean;
    bool restore;       /* clean, and some output on disk is missing or not what the result made */
    bool from_store;    /* clean by the store and not by this work tree's own record */
    struct digest weak; /* without what was read by a depfile */
    struct digest key;  /* of a dirty node with a depfile that never ran: the weak key */
    struct buf reason;  /* one line: why it is dirty, or why it is clean */
};

/* `force`: never clean. The dependencies' states[].deep and outs[].digest must be those of this run. Sets
 * states[n].deps, and for a clean node key, made, deep, status. Needs ws_keys; opens the store for reading if need be. */
void resolve_node(struct workspace *ws, node_id n, bool force, struct resolution *out);
void resolution_clear(struct resolution *r);

/* Resolves all needed nodes as far as that goes without running anything: for list, why and -n. verdict[n]: */
enum verdict {
    VERDICT_NONE = 0, /* not needed */
    VERDICT_CLEAN,    /* would not run */
    VERDICT_RESTORE,  /* would not run; outputs would be restored */
    VERDICT_DIRTY,    /* would run */
    VERDICT_DEPENDS,  /* would run unless what it depends on comes out the same */
};
/* reasons (may be NULL) gets a line per node that mem_free frees; keys (may be NULL) the keys where known. */
void resolve_needed(struct workspace *ws, const uint8_t *needed, const uint8_t *forced, uint8_t *verdict,
                    char **reasons, struct digest *keys);

/* Does every file that the node's stored result made still look so? */
bool resolve_outputs_present(struct workspace *ws, node_id n);

#endif

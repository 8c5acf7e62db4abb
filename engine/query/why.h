/* SPDX-License-Identifier: MIT
 *
 * Why did it run, would it run, was it skipped? Text for people, from the keys of today and the manifests of earlier runs.
 */
#ifndef TGRAPH_QUERY_WHY_H
#define TGRAPH_QUERY_WHY_H

#include "run/resolve.h"

/* `verdict` and `reasons` come from resolve_needed over everything that n needs. */
void why_explain(struct workspace *ws, node_id n, const uint8_t *verdict, char *const *reasons, struct buf *out);

/* "3 min ago", "2026-11-24 10:12" (UTC) for what is older than a day. */
void why_age(int64_t then_real_ns, int64_t now_real_ns, struct buf *out);

#endif

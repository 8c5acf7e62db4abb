/* SPDX-License-Identifier: MIT
 *
 * tgraph list: targets, whether they are clean, and why not. */
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"
#include "run/resolve.h"

static const char *state_name(const struct graph *g, node_id n, uint8_t verdict)
{
    if (verdict == VERDICT_CLEAN || verdict == VERDICT_RESTORE)
        return "clean";
    return g->states[n].status == STATUS_FAILED ? "failed" : "dirty";
}

static void write_digest(struct json *j, const char *name, struct digest d)
{
    char hex[DIGEST_HEX];
    if (digest_is_none(d))
        return;
    digest_hex(d, hex);
    json_key(j, name);
    json_str(j, hex);
}

static void json_line(struct workspace *ws, node_id n, const char *state, const char *reason, struct digest key,
                      bool keys, struct buf *b)
{
    struct graph *g = &ws->g;
    const struct node *nd = &g->nodes[n];
    struct json j = JSON_INIT(b);
    struct action a;
    graph_action(g, n, &a);
    json_object(&j);
    json_key(&j, "target");
    json_str(&j, graph_label(g, n));
    json_key(&j, "kind");
    json_str(&j, kind_name((enum node_kind)nd->kind));
    json_key(&j, "state");
    json_str(&j, state);
    json_key(&j, "reason");
    json_str(&j, reason);
    if (keys) {
        write_digest(&j, "static_key", ws->keys.static_key[n]);
        write_digest(&j, "key", key);
    }
    if (nd->pos_file) {
        json_key(&j, "file");
        json_str(&j, graph_str(g, nd->pos_file));
        json_key(&j, "line");
        json_int(&j, nd->pos_line);
    }
    if (a.tags.n) {
        json_key(&j, "tags");
        json_array(&j);
        for (uint32_t i = 0; i < a.tags.n; i++)
            json_str(&j, graph_str(g, a.tags.v[i]));
        json_end(&j);
    }
    if (a.description != STR_NONE) {
        json_key(&j, "description");
        json_str(&j, graph_str(g, a.description));
    }
    json_end(&j);
    buf_addc(b, '\n');
}

static void text_line(struct workspace *ws, node_id n, const char *state, const char *reason, int width, bool color,
                      bool keys, struct digest key, struct buf *b)
{
    struct graph *g = &ws->g;
    const char *on = !color ? "" : *state == 'c' ? "\033[32m" : *state == 'f' ? "\033[31m" : "\033[33m";
    buf_printf(b, "%-*s  %-7s  %s%-6s%s  %s", width, graph_label(g, n), kind_name((enum node_kind)g->nodes[n].kind), on,
               state, color ? "\033[0m" : "", reason);
    if (keys) {
        char hex[DIGEST_HEX];
        digest_hex(ws->keys.static_key[n], hex);
        buf_printf(b, "  static %s", hex);
        if (!digest_is_none(key)) {
            digest_hex(key, hex);
            buf_printf(b, "  key %s", hex);
        }
    }
    buf_addc(b, '\n');
}

static bool pick(struct workspace *ws, const struct options *o, uint8_t *selected, struct errlist *errs)
{
    struct select_spec spec = selection(o, ws->sub);
    spec.every_kind = true;
    return select_targets(&ws->g, &spec, selected, errs);
}

int cmd_list(const struct options *o)
{
    struct selected s;
    int status = open_selected(&s, o, pick, o->keys); /* static keys go through everything */
    if (!status) {
        struct graph *g = &s.ws.g;
        struct buf b = BUF_INIT;
        bool color = want_color(o, STDOUT_FILENO);
        int width = 6;
        for (uint32_t n = 0; n < g->n_nodes; n++) {
            int len = (int)strlen(graph_label(g, n));
            if (s.selected[n] && len > width)
                width = len < 60 ? len : 60;
        }
        resolve_selected(&s);
        if (o->keys)
            key_static_all(&s.ws.keys, g);
        for (uint32_t n = 0; n < g->n_nodes; n++) {
            if (!s.selected[n])
                continue;
            const char *state = state_name(g, n, s.verdict[n]);
            if (o->json)
                json_line(&s.ws, n, state, s.reasons[n], s.keys[n], o->keys, &b);
            else
                text_line(&s.ws, n, state, s.reasons[n], width, color, o->keys, s.keys[n], &b);
            if (b.len > 1 << 16) {
                fwrite(b.p, 1, b.len, stdout);
                buf_reset(&b);
            }
        }
        fwrite(b.p ? b.p : "", 1, b.len, stdout);
        buf_clear(&b);
    }
    close_selected(&s);
    return status;
}

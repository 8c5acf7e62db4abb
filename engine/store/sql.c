/* SPDX-License-Identifier: MIT
 *
 * The schema and every statement.
 *
 * Keys are digests, that is random. Tables in the order of their keys would change one page for each row that is
 * written, so the tables here grow at their end, and only the small indexes (UNIQUE, PRIMARY KEY) are touched all over.
 * Targets are numbered for the same reason: the runs of targets that were first seen together lie together.
 *
 *   results  a key's result
 *   reads    lists of paths read under a weak key; seq counts up
 *   targets  id = H(repo, target), and the names for people who query the history
 *   runs     history, one row a run; seq counts up within a target
 *   blobs    small blobs
 *
 * `sum` is a checksum of all columns of the row that say something, the table's name and the key included (of a blob the
 * digest is that; in a run's it is the target's id that counts). `used` (when it was last put or touched, seconds since
 * 1970) only says what gc removes first and is not part of it.
 */
#include "store/store_internal.h"

const char store_schema[] =
    "CREATE TABLE results(key BLOB NOT NULL UNIQUE, outcome INT, exit_code INT, signal INT, finished_ns INT,"
    " duration_ns INT, attempts INT, log BLOB, manifest BLOB, note TEXT, target TEXT, outputs BLOB, sum INT, used INT);"
    "CREATE TABLE reads(key BLOB NOT NULL, seq INT NOT NULL, list INT, used INT, sum INT, paths BLOB,"
    " PRIMARY KEY(key, seq));"
    "CREATE TABLE targets(tid INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, repo TEXT, target TEXT);"
    "CREATE TABLE runs(tid INT NOT NULL, seq INT NOT NULL, outcome INT, key BLOB, finished_ns INT, duration_ns INT,"
    " log BLOB, manifest BLOB, exit_code INT, signal INT, attempts INT, sum INT,"
    " PRIMARY KEY(tid, seq)) WITHOUT ROWID;"
    "CREATE TABLE blobs(digest BLOB NOT NULL UNIQUE, used INT, data BLOB);";

#define RESULT_COLUMNS                                                                                                 \
    "key, outcome, exit_code, signal, finished_ns, duration_ns, attempts, log, manifest, note, target, outputs, sum"
#define RUN_COLUMNS "seq, outcome, key, finished_ns, duration_ns, log, manifest, exit_code, signal, attempts, sum"

const char *const store_sql[N_STMTS] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_GET_RESULT] = "SELECT " RESULT_COLUMNS " FROM results WHERE key = ?1",
    [S_PUT_RESULT] = "INSERT OR REPLACE INTO results(" RESULT_COLUMNS ", used)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [S_DROP_RESULT] = "DELETE FROM results WHERE key = ?1",
    [S_TOUCH_RESULT] = "UPDATE results SET used = ?2 WHERE key = ?1 AND used < ?3",
    [S_GET_READS] = "SELECT seq, list, sum, paths FROM reads WHERE key = ?1 ORDER BY seq DESC",
    [S_PUT_READS] = "INSERT OR REPLACE INTO reads(key, seq, list, sum, used, paths) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [S_DROP_READS] = "DELETE FROM reads WHERE key = ?1 AND seq = ?2",
    [S_TOUCH_READS] = "UPDATE reads SET used = ?2 WHERE key = ?1 AND used < ?3",
    [S_GET_TARGET] = "SELECT tid FROM targets WHERE id = ?1",
    [S_PUT_TARGET] = "INSERT OR REPLACE INTO targets(id, repo, target) VALUES(?1, ?2, ?3)",
    [S_LAST_SEQ] = "SELECT max(seq) FROM runs WHERE tid = ?1",
    [S_PUT_RUN] = "INSERT OR REPLACE INTO runs(" RUN_COLUMNS ", tid)"
                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [S_TRIM_RUNS] = "DELETE FROM runs WHERE tid = ?1 AND seq <= ?2",
    [S_GET_RUNS] = "SELECT " RUN_COLUMNS " FROM runs WHERE tid = ?1 ORDER BY seq DESC",
    [S_GET_BLOB] = "SELECT data FROM blobs WHERE digest = ?1",
    [S_HAS_BLOB] = "SELECT 1 FROM blobs WHERE digest = ?1",
    [S_PUT_BLOB] = "INSERT INTO blobs(digest, used, data) VALUES(?1, ?2, ?3) ON CONFLICT(digest) DO UPDATE SET"
                   " used = excluded.used, data = excluded.data WHERE used < ?4 OR data IS NOT excluded.data",
    [S_GC_RESULTS] = "SELECT " RESULT_COLUMNS ", used, rowid FROM results",
    [S_GC_READS] = "SELECT rowid, used, length(paths) FROM reads",
    [S_GC_RUNS] = "SELECT " RUN_COLUMNS ", runs.tid, id FROM runs LEFT JOIN targets ON targets.tid = runs.tid",
    [S_GC_BLOBS] = "SELECT digest, length(data), used FROM blobs",
    [S_GC_DROP_RESULT] = "DELETE FROM results WHERE rowid = ?1 AND used IS ?2",
    [S_GC_DROP_READS] = "DELETE FROM reads WHERE rowid = ?1 AND used IS ?2",
    [S_GC_DROP_RUN] = "DELETE FROM runs WHERE tid = ?1 AND seq = ?2",
    [S_GC_DROP_BLOB] = "DELETE FROM blobs WHERE digest = ?1 AND used IS ?2",
    [S_GC_DROP_TARGETS] = "DELETE FROM targets WHERE NOT EXISTS(SELECT 1 FROM runs WHERE runs.tid = targets.tid)",
    [S_GC_PAGES] = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
};

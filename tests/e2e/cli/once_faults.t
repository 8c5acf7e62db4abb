#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016
# tgraph once when the cache is damaged, gone, full or read-only, and when inputs move.
. "$(dirname "$0")/../lib.sh"

script gen <<'END'
#!/bin/sh
echo gen >>../ran
echo content >"$TGRAPH_OUT"
END
cas() { find "$TGRAPH_CACHE_DIR/cas-v1" -type f; }

describe "a damaged copy in the cache is made again"
run_tgraph once k --out got -- ./gen
expect_marks gen
damaged=$(cas)
chmod +w "$damaged"
printf 'CONTENT\n' >"$damaged"
rm -f got
run_tgraph once k --out got -- ./gen
expect_status 0
expect_file got content
expect_marks gen
run_tgraph once k --out got2 -- ./gen
expect_file got2 content
expect_marks

describe "a copy that is gone too"
rm -f "$(cas)" got
run_tgraph once k --out got -- ./gen
expect_status 0
expect_file got content
expect_marks gen

describe "a damaged database too"
rm -f "$TGRAPH_CACHE_DIR"/store-v1.db-*
printf 'rubbish' | dd of="$TGRAPH_CACHE_DIR/store-v1.db" conv=notrunc 2>/dev/null
rm -f got
run_tgraph once k --out got -- ./gen
expect_status 0
expect_file got content
expect_err 'T502'
expect_marks gen
run_tgraph once k --out got -- ./gen
expect_no_err 'T502'
expect_marks

describe "the cache goes away while the command runs"
run_tgraph once gone --out gone -- sh -c 'rm -rf "$TGRAPH_CACHE_DIR"; mkdir -p "${TGRAPH_OUT%/*}"; echo x >"$TGRAPH_OUT"'
expect_status 0
expect_file gone x
run_tgraph once gone2 --out gone2 -- sh -c 'echo y >"$TGRAPH_OUT"'
expect_status 0
expect_file gone2 y

describe "gc counts what once made, and keeps it while there is room"
run_tgraph once big --out big -- sh -c 'head -c 3000000 /dev/urandom >"$TGRAPH_OUT"'
expect_status 0
run_tgraph gc --max-size 1G
expect_err '[3-9]\.[0-9] MiB -> [3-9]\.[0-9] MiB'
run_tgraph once big --out big2 -- sh -c 'head -c 3000000 /dev/urandom >"$TGRAPH_OUT"'
expect_status 0
cmp -s big big2
report $? "the same file"

describe "an input that changes while the command runs: the caller gets its result, and nobody else"
for _ in 1 2; do
    echo one >in
    run_tgraph once moving --in in --out moved -- sh -c 'echo moving >>../ran; cat in >"$TGRAPH_OUT"; echo two >in'
    expect_status 0
    expect_file moved one
    expect_err 'T656.*moving: in changed'
    expect_marks moving
    rm -f moved
done

describe "written with the same content counts as changed"
for _ in 1 2; do
    echo one >in
    run_tgraph once same --in in --out same -- sh -c 'echo same >>../ran; echo two >in; cat in >"$TGRAPH_OUT"; echo one >in'
    expect_status 0
    expect_err 'T656'
    expect_marks same
done

describe "an input written just before does not"
for n in 1 2 3 4 5; do
    echo "$n" >in
    run_tgraph once fresh --in in --out fresh -- sh -c 'cat in >"$TGRAPH_OUT"'
    expect_no_err 'T656'
    expect_file fresh "$n"
done

describe "a file that comes into a folder, or leaves it, is a change"
mkdir -p data
echo 1 >data/1
run_tgraph once come --in data --out come -- sh -c 'echo 2 >data/2; echo >"$TGRAPH_OUT"'
expect_status 0
expect_err 'T656.*data/2 changed'
run_tgraph once leave --in data --out leave -- sh -c 'rm data/2; echo >"$TGRAPH_OUT"'
expect_err 'T656.*data/2 changed'
run_tgraph once calm --in data --out calm -- sh -c 'echo >"$TGRAPH_OUT"'
expect_no_err T656

describe "so is a change of the program itself"
script changes <<'END'
#!/bin/sh
echo x >"$TGRAPH_OUT"
echo "# more" >>changes
END
run_tgraph once program --out p -- ./changes
expect_status 0
expect_err 'T656.*changes changed'

describe "no space"
# A limit of a file's size stands for the full disk: a write fails in the same way.
limited() { # BLOCKS ARGS
    blocks=$1
    shift
    (trap '' XFSZ && ulimit -f "$blocks" && exec "$TGRAPH" "$@") >"$out" 2>"$err" </dev/null
    status=$?
}
limited 100 once full --out full -- sh -c 'head -c 100000 /dev/zero >"$TGRAPH_OUT"'
same "the command's failure is that of once" 153 "$status"
expect_no_file full
head -c 300000 /dev/urandom >large
limited 400 once full --out full -- sh -c 'ln -f large "$TGRAPH_OUT"'
same "a copy that does not fit is an error" 1 "$status"
expect_err 'T504.*no space|T504.*File too large'
expect_err 'T654.*full'
expect_no_file full

describe "what cannot be kept is for the caller alone, who is told"
rm -rf "$TGRAPH_CACHE_DIR/cas-v1"
echo file >"$TGRAPH_CACHE_DIR/cas-v1"
for _ in 1 2; do
    run_tgraph once alone --out alone -- ./gen
    expect_status 0
    expect_file alone content
    expect_err 'warning T50[34].*cache folder'
    expect_marks gen
    rm -f alone
done
rm -f "$TGRAPH_CACHE_DIR/cas-v1"

describe "a cache that cannot be made"
echo file >"$work/plain"
kept=$TGRAPH_CACHE_DIR
TGRAPH_CACHE_DIR=$work/plain/cache
run_tgraph once k --out nocache -- ./gen
TGRAPH_CACHE_DIR=$kept
expect_status 2
expect_err 'T503.*plain/cache'
expect_err 'hint: .*TGRAPH_CACHE_DIR'
expect_no_file nocache
expect_marks

if [ "$(id -u)" != 0 ]; then
    describe "a read-only cache gives what is in it"
    run_tgraph once ro --out ro -- ./gen
    expect_status 0
    expect_marks gen
    chmod -R a-w "$TGRAPH_CACHE_DIR"
    run_tgraph once ro --out ro2 -- ./gen
    expect_status 0
    expect_file ro2 content
    expect_marks
    run_tgraph once ro-new --out ro3 -- ./gen
    expect_status 2
    expect_err 'T503.*cannot write to the cache'
    expect_marks
    chmod -R u+w "$TGRAPH_CACHE_DIR"
fi

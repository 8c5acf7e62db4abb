#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016
# tgraph once, many callers at a time: one makes it; leaders that fail, die or are interrupted; keys inside of keys.
. "$(dirname "$0")/../lib.sh"
export TGRAPH

# Has this process begun to wait for a lock? It has a thread for that.
threads() { find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l; } # PID
wait_waiting() {                                                               # PID
    for _ in $(seq 400); do
        [ "$(threads "$1")" -lt 2 ] || return 0
        sleep 0.05
    done
    report 1 "waited in vain for $1 to wait"
    exit 1
}
child_of() { ps -o pid= --ppid "$1" | tr -d ' '; }
left_beside() { ls "$TGRAPH_CACHE_DIR/once"; }

export MARKS="$work/ran"
# Makes the file when there is ran.go.
script ../slow <<'END'
#!/bin/sh
echo slow >>"$MARKS"
touch "$MARKS.running"
while [ ! -e "$MARKS.go" ]; do sleep 0.02; done
echo content >"$TGRAPH_OUT"
END

describe "20 callers in 3 work trees: one of them makes it"
repo two
repo three
pids='' i=0
while [ $i -lt 20 ]; do
    case $((i % 3)) in 0) cd ../repo ;; 1) cd ../two ;; 2) cd ../three ;; esac || exit 1
    "$TGRAPH" once shared --out "got$i" -- ../slow >"$work/out$i" 2>"$work/err$i" &
    pids="$pids $!"
    i=$((i + 1))
done
wait_for "$MARKS.running"
for p in $pids; do
    [ -n "$(child_of "$p")" ] || wait_waiting "$p"
done
touch "$MARKS.go"
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
same "callers that failed" 0 "$bad"
expect_marks slow
same "files with the content" 20 "$(cat ../repo/got* ../two/got* ../three/got* | grep -c '^content$')"
cd ../repo || exit 1
same "nothing is left beside the cache" "" "$(left_beside)"
rm -f "$MARKS".*

describe "callers that want it at the same place"
touch "$MARKS.go"
pids=
for _ in 1 2 3 4 5 6 7 8; do
    "$TGRAPH" once place --out place -- ../slow &
    pids="$pids $!"
done
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
same "callers that failed" 0 "$bad"
expect_file place content
expect_marks slow
same "no temporary is left" "" "$(find . -maxdepth 1 -name '.tgraph-*')"
rm -f "$MARKS".*

describe "the leader is killed: the next one makes it"
"$TGRAPH" once killed --out killed1 -- ../slow 2>/dev/null &
leader=$!
wait_for "$MARKS.running"
"$TGRAPH" once killed --out killed2 -- ../slow 2>"$err" &
waiter=$!
wait_waiting "$waiter"
rm -f "$MARKS.running"
orphan=$(child_of "$leader")
kill -KILL "$leader"
wait "$leader" 2>/dev/null
wait_for "$MARKS.running"
touch "$MARKS.go"
wait "$waiter"
same "the waiter's status" 0 $?
expect_file killed2 content
expect_no_file killed1
expect_marks slow slow
for p in $orphan; do wait_gone "$p"; done
same "nothing is left beside the cache" "" "$(left_beside)"
rm -f "$MARKS".*

describe "the leader fails: each that waited tries it, in turn"
script ../failing <<'END'
#!/bin/sh
echo failing >>"$MARKS"
touch "$MARKS.running"
while [ ! -e "$MARKS.go" ]; do sleep 0.02; done
mkdir "$MARKS.alone" || echo together >>"$MARKS"
rmdir "$MARKS.alone"
exit 3
END
"$TGRAPH" once failing --out f -- ../failing 2>/dev/null &
pids=$!
wait_for "$MARKS.running"
for _ in 1 2 3; do
    "$TGRAPH" once failing --out f -- ../failing 2>/dev/null &
    wait_waiting $!
    pids="$pids $!"
done
touch "$MARKS.go"
for p in $pids; do
    wait "$p"
    same "status" 3 $?
done
expect_marks failing failing failing failing
expect_no_file f
rm -f "$MARKS".*

describe "an interrupted waiter goes at once, the leader goes on"
"$TGRAPH" once patient --out p1 -- ../slow &
leader=$!
wait_for "$MARKS.running"
env --default-signal=INT "$TGRAPH" once patient --out p2 -- ../slow 2>"$err" &
waiter=$!
wait_waiting "$waiter"
kill -INT "$waiter"
wait "$waiter"
same "the waiter's status" 130 $?
expect_err 'T650.*patient: interrupted'
touch "$MARKS.go"
wait "$leader"
same "the leader's status" 0 $?
expect_file p1 content
expect_no_file p2
expect_marks slow
rm -f "$MARKS".*

describe "an interrupted leader ends its command, and the next one makes it"
"$TGRAPH" once stopped --out s1 -- ../slow 2>"$err" &
leader=$!
wait_for "$MARKS.running"
child=$(child_of "$leader")
"$TGRAPH" once stopped --out s2 -- ../slow &
waiter=$!
wait_waiting "$waiter"
kill -TERM "$leader"
wait "$leader"
same "the leader's status" 143 $?
expect_err 'T650.*stopped.*interrupted'
wait_gone "$child"
report $? "its command is gone"
touch "$MARKS.go"
wait "$waiter"
same "the waiter's status" 0 $?
expect_file s2 content
expect_marks slow slow
rm -f "$MARKS".*

describe "a key inside of another"
run_tgraph once outer --out outer -- sh -c '"$TGRAPH" once inner --out inner -- sh -c "echo in >\"\$TGRAPH_OUT\"" && cat inner inner >"$TGRAPH_OUT"'
expect_status 0
expect_file outer 'in
in'

describe "the same key inside of itself is an error that names the chain"
file self <<'END'
echo "$TGRAPH_ONCE" | tr ',' '\n' | grep -c : >>"$MARKS"
"$TGRAPH" once B --out b -- sh -c '"$TGRAPH" once A --out a2 -- sh self' || exit 1
echo >"$TGRAPH_OUT"
END
run_tgraph once A --out a -- sh self
expect_status 1
expect_err 'T652.*A -> B -> A'
expect_marks 1
expect_no_file a

describe "a process that outlives its leader is inside of nothing"
file stays.sh <<'END'
echo x >"$TGRAPH_OUT"
setsid sh -c 'while [ ! -e "$MARKS.go" ]; do sleep 0.02; done
    rm -rf "$TGRAPH_CACHE_DIR/cas-v1" # so that it has to be made again
    "$TGRAPH" once stays --out stays2 -- sh stays.sh >"$MARKS.later" 2>&1
    echo $? >"$MARKS.tmp"
    mv "$MARKS.tmp" "$MARKS.done"' >/dev/null 2>&1 </dev/null &
END
run_tgraph once stays --out stays -- sh stays.sh
expect_status 0
touch "$MARKS.go"
wait_for "$MARKS.done"
expect_file "$MARKS.done" 0
expect_file stays2 x
rm -f "$MARKS".*

describe "two that wait for each other: one of them says so"
file cross <<'END'
touch "$MARKS.running.$1"
while [ ! -e "$MARKS.running.$2" ]; do sleep 0.02; done
if "$TGRAPH" once "$2" --out "$1.inner" -- sh cross "$2" "$1"; then echo "got $2" >>"$MARKS.got"; else echo "no $2" >>"$MARKS.got"; fi
echo "$1" >"$TGRAPH_OUT"
END
# Each asks for the other's key with the other's own command, so it is the same true key.
"$TGRAPH" once X --out x -- sh cross X Y 2>"$work/errx" &
one=$!
"$TGRAPH" once Y --out y -- sh cross Y X 2>"$work/erry" &
two=$!
wait $one
same "status" 0 $?
wait $two
same "status" 0 $?
same "one of the two inner calls failed" "1 1" "$(grep -c no "$MARKS.got") $(grep -c got "$MARKS.got")"
cat "$work/errx" "$work/erry" >"$err"
expect_err 'T652.*wait for each other: (X -> Y -> X|Y -> X -> Y)'
same "nothing is left beside the cache but the lock of the notes" waits.lock "$(left_beside)"

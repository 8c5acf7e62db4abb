#!/bin/sh
# SPDX-License-Identifier: MIT
# tgraph once, one caller at a time: what it makes, when it makes it again, and what it says when it cannot.
. "$(dirname "$0")/../lib.sh"

echo one >in
script gen <<'END'
#!/bin/sh
echo gen >>../ran
tr a-z A-Z <in >"$TGRAPH_OUT"
END

describe "the first caller makes it"
run_tgraph once upper --in in --out got -- ./gen
expect_status 0
expect_file got ONE
expect_marks gen
same "it is read-only" -r--r--r-- "$(stat -c %A got)"
same "nothing is left beside the cache" "" "$(ls "$TGRAPH_CACHE_DIR/once")"

describe "the next one takes it"
run_tgraph once upper --in in --out other -- ./gen
expect_status 0
expect_file other ONE
expect_marks

describe "a file that is so already is not touched"
touch -d '2001-02-03 04:05' got
before=$(stat -c '%i %Y %Z' got)
run_tgraph once upper --in in --out got -- ./gen
expect_status 0
same "inode and times" "$before" "$(stat -c '%i %Y %Z' got)"
expect_marks

describe "another file in its place is replaced, whatever it is"
rm -f got other
echo mine >target
ln -s target got
run_tgraph once upper --in in --out got -- ./gen
expect_status 0
expect_file got ONE
expect_file target mine
chmod +w got
echo changed >got
run_tgraph once upper --in in --out got -- ./gen
expect_file got ONE
expect_marks

describe "who writes to the result does not damage the cache"
chmod +w got
printf 'BAD' >>got
run_tgraph once upper --in in --out other -- ./gen
expect_file other ONE
expect_marks

describe "folders above PATH are made"
run_tgraph once upper --in in --out a/b/got -- ./gen
expect_status 0
expect_file a/b/got ONE
expect_marks

describe "another content, another file"
echo two >in
run_tgraph once upper --in in --out got -- ./gen
expect_file got TWO
expect_marks gen
echo one >in
run_tgraph once upper --in in --out got -- ./gen
expect_file got ONE
expect_marks

describe "another work tree gets the same"
repo second
echo one >in
cp ../repo/gen gen
run_tgraph once upper --in in --out got -- ./gen
expect_status 0
expect_file got ONE
expect_marks
cd ../repo || exit 1

describe "{out} stands for the file, and a program stays one"
for _ in 1 2; do
    # shellcheck disable=SC2016
    run_tgraph once program --out prog -- sh -c 'echo program >>../ran; printf "#!/bin/sh\necho works\n" >"$1"; chmod 755 "$1"' sh '{out}'
    expect_status 0
    same "it runs" works "$(./prog)"
    rm -f prog
done
expect_marks program

describe "an empty file is a file"
for _ in 1 2; do
    # shellcheck disable=SC2016
    run_tgraph once empty --out empty -- sh -c 'echo empty >>../ran; : >"$TGRAPH_OUT"'
    expect_status 0
    expect_file empty ""
    rm -f empty
done
expect_marks empty

describe "the umask holds"
# shellcheck disable=SC2016
(umask 077 && "$TGRAPH" once secret --out secret -- sh -c 'echo s >"$TGRAPH_OUT"')
same "mode" -r-------- "$(stat -c %A secret)"

describe "what the command writes comes through"
# shellcheck disable=SC2016
run_tgraph once talk --out talk -- sh -c 'echo to-out; echo to-err >&2; echo >"$TGRAPH_OUT"'
expect_status 0
expect_out '^to-out$'
expect_err '^to-err$'

describe "a failure has the command's status, names it, and is not remembered"
file fails <<'END'
echo fails >>../ran
echo half >"$TGRAPH_OUT"
exit 7
END
echo before >failed
for _ in 1 2; do
    run_tgraph once upper --in in --out failed -- sh fails
    expect_status 7
    expect_err 'T650.*upper.*sh fails.*exit status 7'
    expect_file failed before
    expect_marks fails
done
# shellcheck disable=SC2016
run_tgraph once upper --out failed -- sh -c 'kill -SEGV $$'
expect_status 139
expect_err 'SIGSEGV'
expect_file failed before

describe "a command that makes nothing is an error"
run_tgraph once nothing --out none -- true
expect_status 1
expect_err 'T651.*nothing.*did not make'
expect_no_file none
# shellcheck disable=SC2016
run_tgraph once nothing --out none -- sh -c 'mkdir "$TGRAPH_OUT"; echo >"$TGRAPH_OUT/x"'
expect_status 1
expect_err 'T651.*folder'
expect_err 'hint: .*archive'
# shellcheck disable=SC2016
run_tgraph once nothing --out none -- sh -c 'ln -s /etc/passwd "$TGRAPH_OUT"'
expect_status 1
expect_err 'T651.*regular file'
run_tgraph once nothing --out none -- true
expect_status 1
same "nothing is left beside the cache" "" "$(ls "$TGRAPH_CACHE_DIR/once")"

describe "an input that is not there, a program that is not there"
run_tgraph once k --in none --out x -- ./gen
expect_status 2
expect_err 'T653.*none'
run_tgraph once k --out x -- no-such-program-here
expect_status 2
expect_err 'T601.*no-such-program-here.*PATH'
run_tgraph once k --out x -- ./no-such
expect_status 2
expect_err 'T601.*no-such'
run_tgraph once k --out x -- ./in
expect_status 2
expect_err 'T601.*\./in'
expect_no_file x

describe "PATH is a folder"
mkdir -p folder
run_tgraph once upper --in in --out folder -- ./gen
expect_status 2
expect_err 'T654.*folder'
run_tgraph once upper --in in --out folder/ -- ./gen
expect_status 2
expect_marks

describe "PATH cannot be written"
run_tgraph once upper --in in --out gen/got -- ./gen
expect_status 2
expect_err 'T654.*gen'
expect_marks

describe "PATH among the inputs would change the key each time"
mkdir -p data/deep
echo x >data/x
run_tgraph once k --in data --out data/deep/new/got -- sh -c 'echo x >>../ran'
expect_status 2
expect_err 'T654.*data/deep/new/got.*input'
run_tgraph once k --in in --out in -- sh -c 'echo x >>../ran'
expect_status 2
expect_err 'T654'
expect_file in one
expect_marks

describe "wrong usage"
run_tgraph once
expect_status 2
expect_err 'T002.*KEY'
expect_err 'hint: tgraph once KEY'
run_tgraph once k --out x
expect_status 2
expect_err 'T002.*command'
run_tgraph once k -- true
expect_status 2
expect_err 'T002.*--out'
run_tgraph once --out x -- true
expect_status 2
expect_err 'T002.*KEY'
run_tgraph once k more --out x -- true
expect_status 2
expect_err "T002.*'more'"
run_tgraph once k --out x --env A=b -- true
expect_status 2
expect_err 'T002.*--env'
run_tgraph once k --in '' --out x -- true
expect_status 2
expect_err 'T653.*empty'

#!/bin/sh
# SPDX-License-Identifier: MIT
# Services: started when needed, awaited, kept up for their users, stopped at the end, shown when a user fails.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
service "by-line" {
  cmd = "echo started >>../trace; trap 'echo stopped >>../trace; exit 0' TERM; echo starting; touch ../up; echo READY to serve; while :; do sleep 0.05; done",
  inputs = {}, ready = { line = "READY" },
}
test "a" { cmd = "echo a >>../trace; test -e ../up", inputs = { "a.txt" }, deps = { "by-line" } }
test "b" { cmd = "echo b >>../trace; test -e ../up", inputs = {}, deps = { "by-line" } }
test "c" { cmd = "true", inputs = {} }
END
echo 0 >a.txt

describe "one service for two users"
run -j 1
expect_status 0
expect_ran a b c
same "order" "a b started stopped" "$(sort ../trace | tr '\n' ' ' | sed 's/ $//')"
same "started first" started "$(head -n 1 ../trace)"
same "stopped last" stopped "$(tail -n 1 ../trace)"

describe "nobody needs it: it is not started"
rm ../trace ../up
run
expect_ran
expect_no_file ../trace

describe "one user is dirty"
echo 1 >a.txt
run
expect_ran a
same "trace" "started a stopped" "$(tr '\n' ' ' <../trace | sed 's/ $//')"

describe "a failing user: the service's output is shown"
sed -i 's/echo a >>..\/trace; test -e ..\/up/exit 1/' Testfile.lua
run
expect_status 1
expect_err 'READY to serve'

describe "a service that does not come up"
file Testfile.lua <<'END'
service "dies" { cmd = "echo last words; exit 7", inputs = {}, ready = { line = "READY" } }
test "t" { cmd = "echo t >>../ran", inputs = {}, deps = { "dies" } }
test "free" { cmd = "true", inputs = {} }
END
run
[ "$status" -ne 0 ]
report $? "the run fails"
expect_err 'last words'
expect_outcome free passed
expect_marks

describe "a service that never becomes ready"
file Testfile.lua <<'END'
service "mute" { cmd = "echo $$ >../child; exec sleep 300", inputs = {}, ready = { line = "READY", timeout = 1 } }
test "t" { cmd = "echo t >>../ran", inputs = {}, deps = { "mute" } }
END
run
[ "$status" -ne 0 ]
report $? "the run fails"
expect_marks
wait_gone "$(cat ../child)"
report $? "it is stopped"

describe "readiness by command and by port"
file server.py <<'END'
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.BaseHTTPRequestHandler).serve_forever()
END
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >Testfile.lua <<END
service "port" { cmd = { "python3", "server.py", "$port" }, inputs = { "server.py" }, ready = { port = $port } }
service "command" { cmd = "sleep 0.2; touch ../up2; while :; do sleep 0.05; done", inputs = {}, ready = { cmd = { "test", "-e", "../up2" } } }
test "p" { cmd = { "python3", "-c", "import socket; socket.create_connection(('127.0.0.1', $port))" }, inputs = {}, deps = { "port" } }
test "q" { cmd = "test -e ../up2", inputs = {}, deps = { "command" } }
END
run
expect_status 0
expect_ran p q

describe "Ctrl-C stops services too"
file Testfile.lua <<'END'
service "s" { cmd = "echo $$ >../child; echo READY; exec sleep 300", inputs = {}, ready = { line = "READY" } }
test "t" { cmd = "touch ../running; sleep 300", inputs = {}, deps = { "s" } }
END
start
wait_for ../running
kill -INT "$pid"
finished
expect_status 130
wait_gone "$(cat ../child)"
report $? "it is gone"

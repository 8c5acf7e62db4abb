#!/bin/sh
# SPDX-License-Identifier: MIT
# A tool that is not there, that comes, and that changes.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = { "mytool", "x" }, inputs = {} }
test "other" { cmd = "true", inputs = {} }
END
mkdir ../bin
PATH=$work/bin:$PATH

describe "not there: that test is an error, the others run"
run
expect_status 1
expect_outcome t error
expect_outcome other passed
expect_err 'mytool'

describe "it comes"
script ../bin/mytool <<'END'
#!/bin/sh
echo "tool 1 $1"
END
run
expect_status 0
expect_ran t

describe "it changes"
script ../bin/mytool <<'END'
#!/bin/sh
echo "tool 2 $1"
END
run
expect_ran t
expect_reason t mytool

describe "another one hides it (and PATH is part of what every process sees)"
mkdir ../bin2
script ../bin2/mytool <<'END'
#!/bin/sh
echo "tool 3 $1"
END
PATH=$work/bin2:$PATH run
expect_ran t other
expect_reason t 'mytool'

describe "a tool named for a shell command"
file Testfile.lua <<'END'
test "s" { cmd = "mytool y", inputs = {}, tools = { "mytool" } }
END
run
expect_ran s
run
expect_ran
echo '# more' >>../bin/mytool
run
expect_ran s

#!/bin/sh
# SPDX-License-Identifier: MIT
# A script counts, and its interpreter; a program made by a build counts where it is run.
. "$(dirname "$0")/../lib.sh"

mkdir ../bin
PATH=$work/bin:$PATH
script ../bin/interp <<'END'
#!/bin/sh
# version 1
shift
exec sh -c "echo interpreted >>$0.ran"
END
script run.sh <<'END'
#!/usr/bin/env interp
END
file Testfile.lua <<'END'
test "script" { cmd = { "./run.sh" }, inputs = {} }
build "prog" { cmd = "cp prog.in prog && chmod +x prog", inputs = { "prog.in" }, outputs = { "prog" } }
test "made" { cmd = { "./prog" }, inputs = {} }
END
printf '#!/bin/sh\nexit 0\n' >prog.in

describe "cold"
run
expect_status 0
expect_ran script prog made

describe "the interpreter changes"
sed -i 's/version 1/version 2/' ../bin/interp
run
expect_ran script

describe "the script changes"
echo '# more' >>run.sh
run
expect_ran script

describe "the program that a build makes changes"
printf '#!/bin/sh\nexit 1\n' >prog.in
run
expect_status 1
expect_ran prog made
expect_outcome made failed

describe "a script that is no longer executable cannot be started, and says so"
chmod -x run.sh
run script
expect_status 1
expect_outcome script error
expect_err 'run\.sh'

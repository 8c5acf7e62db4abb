#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "What git does to files": line ends, ident, LFS, submodules, external filters, links.
. "$(dirname "$0")/git.sh"

file Testfile.lua <<'END_OF_TESTFILE'
for _, f in ipairs { "text.txt", "raw.bin", "id.c", "big.dat", "link", "sub/f" } do
    test(f:gsub("/", "-")) { cmd = "true", inputs = { f } }
end
END_OF_TESTFILE
sed -i 's/test(f:gsub("\/", "-"))/test((f:gsub("\/", "-")))/' Testfile.lua
printf 'one\ntwo\n' >text.txt
printf 'one\ntwo\n\0' >raw.bin
printf '$Id$\n' >id.c
cat >big.dat <<'END_OF_POINTER'
version https://git-lfs.github.com/spec/v1
oid sha256:434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53
size 8
END_OF_POINTER
ln -s text.txt link
git init -q -b main ../library
(cd ../library && echo 1 >f && git add f && git commit -q -m 1 && echo 2 >f && git commit -q -a -m 2)
git -c protocol.file.allow=always submodule add -q ../library sub 2>/dev/null
git -C sub checkout -q HEAD~1
printf '*.txt text\n*.c ident\n*.dat filter=lfs -text\n' >.gitattributes
echo .tgraph/ >.gitignore
commit one

clean_checkout() { # everything is written anew, by today's configuration
    rm -f .git/index
    find . -mindepth 1 -maxdepth 1 ! -name .git ! -name sub -exec rm -rf {} +
    git reset -q --hard
    affected --since HEAD
    expect_affected
    affected --since HEAD # by what the first one kept
    expect_affected
    run_tgraph list --since HEAD --keys # which hashes more
    expect_silent_out
}
describe "a clean checkout differs in nothing"
clean_checkout
describe "core.autocrlf"
git config core.autocrlf true
clean_checkout
describe "core.eol"
git config --unset core.autocrlf
git config core.eol crlf
clean_checkout
git config --unset core.eol
describe "eol and ident by attributes"
printf '*.txt text eol=crlf\n*.c ident\n*.bin -text\n*.dat filter=lfs -text\n' >.gitattributes
commit attributes
clean_checkout

describe "an edit of the attributes changes what a checkout writes"
printf '*.txt text eol=lf\n*.c ident\n*.bin -text\n*.dat filter=lfs -text\n' >.gitattributes
commit lf
rm text.txt && git checkout -q text.txt
affected --since HEAD~1
expect_affected link text.txt

describe "a link counts with what it leads to"
git reset -q --hard
printf 'three\n' >text.txt
affected --since HEAD
expect_affected link text.txt
git reset -q --hard

describe "a Git LFS file: its content counts if the store has it"
mkdir -p .git/lfs/objects/43/47
printf 'content\n' >.git/lfs/objects/43/47/434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53
printf 'content\n' >big.dat
affected --since HEAD
expect_affected
printf 'another\n' >big.dat
affected --since HEAD
expect_affected big.dat
rm -r .git/lfs
printf 'content\n' >big.dat
affected --since HEAD
expect_affected big.dat
git checkout -q big.dat

describe "a submodule: by its commit"
git -C sub checkout -q main
affected --since HEAD
expect_affected sub-f
commit 'newer submodule'
affected --since HEAD
expect_affected
affected --since HEAD~1
expect_affected sub-f
run_tgraph affected --since HEAD~1..HEAD
expect_affected sub-f

describe "an external filter is not run: what git's index says is the same is the same"
git config filter.upper.smudge 'tr a-z A-Z'
git config filter.upper.clean 'tr A-Z a-z'
printf '*.txt filter=upper\n' >.gitattributes
commit filter
rm text.txt && git checkout -q text.txt
settle
git update-index -q --refresh
same "the filter ran" 'ONE' "$(head -n 1 text.txt)"
settle
touch .gitattributes && git add .gitattributes # the index is younger than the file now
git update-index --force-write-index 2>/dev/null || git update-index -q --really-refresh
affected --since HEAD
expect_affected

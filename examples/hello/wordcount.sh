# SPDX-License-Identifier: MIT
# Counts words: "N NAME" for each file named, or just N of standard input.
count() { wc -w | tr -d ' '; }
if [ $# = 0 ]; then
    count
else
    for f in "$@"; do
        echo "$(count <"$f") $f"
    done
fi

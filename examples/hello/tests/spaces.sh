# SPDX-License-Identifier: MIT
# Any white space between words counts once.
test "$(printf ' one  two\n\tthree\n' | sh wordcount.sh)" = 3

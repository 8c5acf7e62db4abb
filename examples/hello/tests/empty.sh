# SPDX-License-Identifier: MIT
# Nothing has no words.
test "$(printf '' | sh wordcount.sh)" = 0

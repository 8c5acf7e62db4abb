-- SPDX-License-Identifier: MIT
-- What this repository's tests are, and what each of them may read. `tgraph` runs those that an edit can have changed.

-- A command with an output. Its digest counts for whoever uses it, not its time stamp.
build "report" {
  cmd = "sh wordcount.sh texts/*.txt >report.txt",
  inputs = { "wordcount.sh", "texts/*.txt" },
  outputs = { "report.txt" },
}

-- A test for each file in tests/: a new file is a new test.
for _, path in ipairs(glob "tests/*.sh") do
  test(path:match("([^/]+)%.sh$")) {
    cmd = { "sh", path },
    inputs = { path, "wordcount.sh" },
  }
end

test "report-is-right" {
  cmd = "grep -qx '5 texts/greeting.txt' report.txt",
  inputs = { "report.txt" },
}

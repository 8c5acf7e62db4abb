// SPDX-License-Identifier: MIT
use std::fs::File;
use std::process::{Command, Stdio};

#[test]
fn counts_a_file() {
    let text = std::fs::read_to_string("tests/data/rose.txt").unwrap();
    assert_eq!(tally::words(&text)["rose"], 3);
}

#[test]
fn the_program_prints_counts() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rose.txt");
    let output = Command::new(env!("CARGO_BIN_EXE_tally"))
        .stdin(Stdio::from(File::open(data).unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "2 a\n2 is\n3 rose\n");
}

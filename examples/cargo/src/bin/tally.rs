// SPDX-License-Identifier: MIT
//! Prints the words of standard input and how often each is there.

use std::io::Read;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("standard input is no UTF-8");
    for (word, n) in tally::words(&text) {
        println!("{} {}", n, word);
    }
}

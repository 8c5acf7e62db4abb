// SPDX-License-Identifier: MIT
//! Counts words.

use std::collections::BTreeMap;

/// How often each word stands in the text; upper and lower case are one.
pub fn words(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() {
            *counts.entry(word.to_lowercase()).or_insert(0) += 1;
        }
    }
    counts
}

/// The most frequent word, the first one in order if there are several.
///
/// # Panics
/// If the text has no word.
pub fn top(text: &str) -> String {
    let counts = words(text);
    let most = *counts.values().max().expect("a text without words");
    let (word, _) = counts.into_iter().find(|(_, n)| *n == most).unwrap();
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_words() {
        let counts = words("one two, Two");
        assert_eq!(counts["one"], 1);
        assert_eq!(counts["two"], 2);
    }

    #[test]
    fn finds_the_most_frequent() {
        assert_eq!(top("b a b a"), "a");
    }

    #[test]
    #[should_panic]
    fn a_text_without_words_has_none() {
        top("...");
    }

    #[test]
    #[ignore = "takes long"]
    fn counts_a_long_text() {
        assert_eq!(words(&"word ".repeat(10_000_000))["word"], 10_000_000);
    }
}

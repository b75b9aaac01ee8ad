//! The house rules that a compiler doesn't hold: boundaries of crates, files, words, documents. One rule, one check.

#![expect(clippy::expect_used, reason = "a rule that can't read the checkout has to fail")]

mod boundaries;
mod documents;
mod files;
mod made;
mod tree;
mod words;

/// Fails with every violation of a rule at once.
#[track_caller]
fn none(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{rule}\n  {}\n", violations.join("\n  "));
}

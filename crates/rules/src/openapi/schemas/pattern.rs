//! Whether a regular expression can be compared with in time that grows with the text alone.

use std::sync::Arc;

use serde_json::json;

use crate::schema::{CompiledSchema, Direction, Library};

/// Why a pattern can't be enforced; none: it can.
pub(super) fn flaw(pattern: &str) -> Option<String> {
    let library = Arc::new(Library::default());
    let compiled = CompiledSchema::compile(&json!({"pattern": pattern}), &library, Direction::Answer);
    compiled.err().map(|problem| problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_need_going_back_are_told() {
        for good in ["^[a-z]+$", "(a+)+$", r"^\d{4}-\d{2}$", r"^\/a\-b$", r"\p{L}", "", "^(?=.*a)b"] {
            assert_eq!(flaw(good), None, "{good}");
        }
        for bad in ["(?=a)b", "(?<!a)b", r"(a)\1", "(", "[", "a{1000}{1000}", "*"] {
            assert!(flaw(bad).is_some(), "{bad}");
        }
        assert!(flaw(&"a".repeat(100_000)).is_some());
    }
}

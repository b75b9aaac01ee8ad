//! Whether a regular expression can be compared with in time that grows with the text alone.

use jsonschema::{Draft, PatternOptions};
use serde_json::json;

/// A program larger than this is refused.
const SIZE_MAX_BYTES: usize = 1 << 20;
/// The longest pattern that is looked at.
const LENGTH_MAX: usize = 10_000;

/// Why a pattern can't be enforced; none: it can.
pub(super) fn flaw(pattern: &str) -> Option<String> {
    if pattern.len() > LENGTH_MAX {
        return Some(format!("it has more than {LENGTH_MAX} bytes"));
    }
    let options = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex().size_limit(SIZE_MAX_BYTES).dfa_size_limit(SIZE_MAX_BYTES));
    let can_be = options.build(&json!({"pattern": pattern})).is_ok();
    let why = "only patterns that are compared in linear time are, without look-around and back-references";
    (!can_be).then(|| why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_need_going_back_are_told() {
        for good in ["^[a-z]+$", "(a+)+$", r"^\d{4}-\d{2}$", r"^\/a\-b$", r"\p{L}", ""] {
            assert_eq!(flaw(good), None, "{good}");
        }
        for bad in ["(?=a)b", "(?<!a)b", r"(a)\1", "(", "[", "a{1000}{1000}", "*"] {
            assert!(flaw(bad).is_some(), "{bad}");
        }
        assert!(flaw(&"a".repeat(LENGTH_MAX + 1)).is_some());
    }
}

//! Patterns as ECMA-262 writes them, made ready to match in time linear in the text; what can't be is refused.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Value, json};

/// Bytes of a pattern, of its program, and of what a search may remember.
const PATTERN_LEN_MAX: usize = 4 * 1024;
const PROGRAM_LEN_MAX: usize = 4 << 20;
const MEMORY_LEN_MAX: usize = 1 << 20;

/// A pattern that was made ready.
#[derive(Debug)]
pub(super) struct Pattern {
    /// As it was written.
    pub(super) source: Box<str>,
    /// What all must match, or must not.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    judge: Validator,
    is_wanted: bool,
}

impl Pattern {
    /// Makes a pattern ready. Looking ahead is possible at its beginning alone (`^(?=…)…`), since only there it is the
    /// same as several patterns.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        if source.len() > PATTERN_LEN_MAX {
            return Err(format!("the pattern is longer than {PATTERN_LEN_MAX} bytes"));
        }
        let parts =
            split(source).into_iter().map(|(pattern, is_wanted)| Some(Part { judge: judge(&pattern)?, is_wanted }));
        match parts.collect() {
            Some(parts) => Ok(Self { source: source.into(), parts }),
            None => Err("the pattern isn't a regular expression, can't be matched in linear time, or grows too large"
                .to_owned()),
        }
    }

    /// Whether the pattern is found anywhere in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let value = Value::String(text.to_owned());
        self.parts.iter().all(|part| part.judge.is_valid(&value) == part.is_wanted)
    }
}

fn judge(pattern: &str) -> Option<Validator> {
    let engine = PatternOptions::regex().size_limit(PROGRAM_LEN_MAX).dfa_size_limit(MEMORY_LEN_MAX);
    let options = jsonschema::options().with_draft(Draft::Draft202012).with_pattern_options(engine);
    // What ECMA-262 has for any character, which others don't.
    let pattern = pattern.replace("[^]", r"[\s\S]");
    options.build(&json!({"pattern": pattern})).ok()
}

/// `^(?=A)(?!B)C` as the patterns `^(?:A)`, `^(?:B)` (unwanted) and `^C`; anything else as it is.
fn split(source: &str) -> Vec<(String, bool)> {
    let whole = vec![(source.to_owned(), true)];
    let Some(mut rest) = source.strip_prefix('^') else { return whole };
    let mut parts = Vec::new();
    while let Some((is_wanted, inner)) = rest
        .strip_prefix("(?=")
        .map(|inner| (true, inner))
        .or_else(|| rest.strip_prefix("(?!").map(|inner| (false, inner)))
    {
        let Some((ahead, after)) = group(inner) else { return whole };
        parts.push((format!("^(?:{ahead})"), is_wanted));
        rest = after;
    }
    // A repeated look ahead, or an alternative without it, means something else.
    if parts.is_empty() || rest.starts_with(['*', '+', '?', '{']) || has_alternatives(rest) {
        return whole;
    }
    parts.push((format!("^{rest}"), true));
    parts
}

/// What stands before the parenthesis that ends a group, and what after it.
fn group(text: &str) -> Option<(&str, &str)> {
    let end = significant(text).find(|(_, character, depth)| *character == ')' && *depth == 0)?.0;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn has_alternatives(text: &str) -> bool {
    significant(text).any(|(_, character, depth)| character == '|' && depth == 0)
}

/// The characters outside classes and escapes, with how many groups are open.
fn significant(text: &str) -> impl Iterator<Item = (usize, char, usize)> {
    let (mut depth, mut is_class, mut is_escaped) = (0_usize, false, false);
    text.char_indices().filter_map(move |(at, character)| {
        let told = depth;
        match character {
            _ if is_escaped => {
                is_escaped = false;
                return None;
            }
            '\\' => {
                is_escaped = true;
                return None;
            }
            ']' => is_class = false,
            _ if is_class => return None,
            '[' => is_class = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        Some((at, character, told))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_ecma_262_has_them() {
        for (pattern, good, bad) in [
            ("^a+$", "aa", "ab"),
            ("b", "abc", "ac"),
            (r"^\d{3}$", "123", "١٢٣"),
            (r"^\w+$", "a_1", "é"),
            (r"^\s$", "\u{feff}", "a"),
            (r"^[\w\-]+\/x$", "a-b/x", "a b/x"),
            ("^a$", "a", "a\n"),
            ("^.$", "é", "\n"),
            (r"^\p{L}+$", "été", "1"),
            (r"^\u00e9$", "é", "e"),
            (r"^\cJ$", "\n", "J"),
            ("^[^]$", "\n", ""),
            ("^(?<year>[0-9]{4})$", "2001", "201"),
            ("^(?=.*[A-Z])(?=.*[0-9]).{4,}$", "aB3c", "abcd"),
            ("^(?!con$)[a-z]+$", "cons", "con"),
            ("^(a+)+$", "aaaa", "aaaab"),
            ("^[a&&b]+$", "a&b", "c"),
            ("^[{]$", "{", "}"),
        ] {
            let compiled = Pattern::compile(pattern).unwrap_or_else(|words| panic!("{pattern}: {words}"));
            assert!(compiled.is_in(good), "{pattern}: {good:?}");
            assert!(!compiled.is_in(bad), "{pattern}: {bad:?}");
        }
    }

    #[test]
    fn patterns_that_can_not_be_linear_or_small_are_refused() {
        for pattern in [
            r"^(a)\1$",
            "a(?=b)",
            "(?<=a)b",
            "^(?=a)b|c",
            "(",
            "[b-a]",
            "a{1000}{1000}",
            "(a{1000}){1000}",
            &"a".repeat(5_000),
        ] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn what_backtracks_elsewhere_is_linear() {
        let text = format!("{}!", "a".repeat(200_000));
        for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a*)*b$", "^(.*a){20}$"] {
            assert!(!Pattern::compile(pattern).unwrap().is_in(&text), "{pattern}");
        }
    }
}

//! How deep a policy's expression may be: Cedar reads and drops it by recursion, so a text that nobody would write must
//! not be given to it.

/// Brackets, braces and parentheses within each other.
const DEPTH_MAX: usize = 64;
/// Characters of operators in one policy, `if` counted as one: `a.b == 1 && c` has five.
const OPERATORS_MAX: usize = 1_000;

/// Where a text goes too deep, and why.
pub(super) fn too_deep(text: &str) -> Option<(usize, String)> {
    let (mut depth, mut operators) = (0_usize, 0_usize);
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                while let Some((_, inner)) = bytes.next() {
                    match inner {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'/' if bytes.peek().is_some_and(|(_, next)| *next == b'/') => {
                while bytes.next_if(|(_, inner)| *inner != b'\n').is_some() {}
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => operators = 0,
            b'i' if bytes.peek().is_some_and(|(_, next)| *next == b'f') => operators += 1,
            b'&' | b'|' | b'+' | b'-' | b'*' | b'.' | b'!' | b'<' | b'>' | b'=' => operators += 1,
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Some((at, format!("more than {DEPTH_MAX} brackets within each other")));
        }
        if operators > OPERATORS_MAX {
            return Some((at, format!("more than {OPERATORS_MAX} characters of operators in one policy")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_comments_count_for_nothing_and_hide_nothing() {
        let deep = "(".repeat(65);
        for (text, expected) in [
            (format!("\"{deep}\""), None),
            (format!("// {deep}\n"), None),
            (format!("// \"\n{deep}"), Some(69)),
            (format!("\"\\\"{deep}"), None),
            (format!("\"\\\\\"{deep}"), Some(68)),
            ("&".repeat(1_000), None),
            (format!("{};{}", "&".repeat(600), "|".repeat(600)), None),
            (format!("{}\";\"{}", "&".repeat(600), "|".repeat(600)), Some(1_003)),
            ("if ".repeat(1_001), Some(3_000)),
        ] {
            assert_eq!(too_deep(&text).map(|(at, _)| at), expected, "{text}");
        }
    }
}

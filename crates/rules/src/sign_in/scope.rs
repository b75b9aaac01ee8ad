//! Scopes: names of permissions that narrow what a token gives (RFC 6749 §3.3). Without one it gives all that its
//! subject's roles and the application's connection allow.

use crate::model::Name;
use crate::token::Mode;

/// A longer scope isn't read.
pub const SCOPE_MAX_BYTES: usize = 4_096;

/// The permissions that a scope names, each once, in the order in which they came.
///
/// # Errors
/// The piece that can't be a scope (RFC 6749 §3.3), or that makes it too long.
pub fn parse(scope: &str) -> Result<Vec<&str>, &str> {
    if scope.len() > SCOPE_MAX_BYTES {
        return Err(scope);
    }
    let mut names: Vec<&str> = Vec::new();
    for piece in scope.split(' ').filter(|piece| !piece.is_empty()) {
        if !piece.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(piece);
        }
        if !names.contains(&piece) {
            names.push(piece);
        }
    }
    Ok(names)
}

/// What a token is given: its mode, and its scope where that is limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Limited where there is a scope.
    pub mode: Mode,
    /// Space separated; it may be empty, where a connection leaves nothing of what was granted.
    pub scope: Option<String>,
}

impl Reach {
    /// A reach that is narrowed to `scope`; without one it is full.
    #[must_use]
    pub fn of(scope: Option<String>) -> Self {
        Self { mode: if scope.is_some() { Mode::Limited } else { Mode::Full }, scope }
    }
}

/// What a token reaches under a grant: what the grant has, within what the connection allows now, and of that what is
/// asked for here.
///
/// `granted` is the grant's scope, `connected` what the connection is limited to, `held` the permissions that the
/// subject's roles give; those count only for what is asked for, because they are looked at again on every call.
///
/// # Errors
/// The first scope that is asked for and goes beyond.
pub fn reach<'a>(
    granted: Option<&str>,
    connected: Option<&[Name]>,
    held: &[&str],
    asked: Option<&'a str>,
) -> Result<Reach, &'a str> {
    let granted = granted.map(|scope| parse(scope).unwrap_or_default());
    let within = |name: &str| {
        granted.as_ref().is_none_or(|granted| granted.contains(&name))
            && connected.is_none_or(|connected| connected.iter().any(|one| **one == *name))
    };
    if let Some(asked) = asked {
        let names = parse(asked)?;
        if !names.is_empty() {
            // What was granted by name may be asked for by name, though the user has lost the role meanwhile.
            let known = |name: &str| granted.is_some() || held.contains(&name);
            if let Some(beyond) = names.iter().find(|name| !within(name) || !known(name)) {
                return Err(beyond);
            }
            return Ok(Reach::of(Some(names.join(" "))));
        }
    }
    let left = match (&granted, connected) {
        (None, None) => None,
        (Some(granted), _) => Some(granted.iter().copied().filter(|name| within(name)).collect::<Vec<_>>()),
        (None, Some(connected)) => Some(connected.iter().map(|name| &**name).collect()),
    };
    Ok(Reach::of(left.map(|names| names.join(" "))))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scopes_are_read_as_sets() {
        assert_eq!(parse("a b  a c.d "), Ok(vec!["a", "b", "c.d"]));
        assert_eq!(parse(""), Ok(vec![]));
        for wrong in ["a\"b", "a\\b", "ä", "a\tb", "a\u{7f}"] {
            assert_eq!(parse(wrong), Err(wrong));
        }
        assert!(parse(&"a".repeat(SCOPE_MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn a_token_reaches_what_is_left() {
        let names = |text: &str| text.split(' ').filter(|name| !name.is_empty()).map(Name::from).collect::<Vec<_>>();
        let full = || Ok(Reach { mode: Mode::Full, scope: None });
        let limited = |scope: &str| Ok(Reach { mode: Mode::Limited, scope: Some(scope.into()) });
        let cases = [
            // granted, connected, held, asked
            (None, None, "a b", None, full()),
            (None, None, "a b", Some(""), full()),
            (None, None, "a b", Some("b"), limited("b")),
            (None, None, "a b", Some("b c"), Err("c")),
            (Some("a b"), None, "a b", None, limited("a b")),
            (Some("a b"), None, "a b", Some("b"), limited("b")),
            (Some("a b"), None, "b", Some("a"), limited("a")),
            (Some("a b"), None, "a b c", Some("c"), Err("c")),
            (None, Some("a"), "a b", None, limited("a")),
            (None, Some("a"), "a b", Some("a"), limited("a")),
            (None, Some("a"), "a b", Some("a b"), Err("b")),
            // The connection was limited after the grant was given.
            (Some("a b"), Some("b c"), "a b c", None, limited("b")),
            (Some("a"), Some("b"), "a b", None, limited("")),
            (Some("a b"), Some("b c"), "a b c", Some("a"), Err("a")),
            (None, Some(""), "a b", None, limited("")),
            (None, None, "a b", Some("\u{e4}"), Err("\u{e4}")),
        ];
        for (granted, connected, held, asked, expected) in cases {
            let connected = connected.map(names);
            let held: Vec<&str> = held.split(' ').collect();
            let told = reach(granted, connected.as_deref(), &held, asked);
            assert_eq!(told, expected, "{granted:?} {connected:?} {held:?} {asked:?}");
        }
    }

    fn set() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-f]", 0..6)
    }

    proptest! {
        /// Whatever is asked for, nobody gets more than the grant and the connection both have.
        #[test]
        fn nothing_widens(
            granted in proptest::option::of(set()),
            connected in proptest::option::of(set()),
            held in set(),
            asked in proptest::option::of(set()),
        ) {
            let granted = granted.map(|names| names.join(" "));
            let connected: Option<Vec<Name>> = connected.map(|names| names.into_iter().map(Name::from).collect());
            let held: Vec<&str> = held.iter().map(String::as_str).collect();
            let asked = asked.map(|names| names.join(" "));
            let Ok(reach) = reach(granted.as_deref(), connected.as_deref(), &held, asked.as_deref()) else {
                return Ok(());
            };
            let Some(scope) = &reach.scope else {
                prop_assert!(granted.is_none() && connected.is_none());
                prop_assert_eq!(reach.mode, Mode::Full);
                return Ok(());
            };
            let given: HashSet<&str> = parse(scope).unwrap().into_iter().collect();
            for name in given {
                prop_assert!(granted.as_deref().is_none_or(|granted| parse(granted).unwrap().contains(&name)));
                prop_assert!(connected.as_ref().is_none_or(|connected| connected.iter().any(|one| **one == *name)));
            }
        }
    }
}

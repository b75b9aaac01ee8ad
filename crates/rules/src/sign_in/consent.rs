//! What a grant reaches: what was asked for, what the connection leaves of it, and whether it was allowed before.

use super::request::Wrong;
use super::scope_set;
use super::trouble::Trouble;
use crate::model::{Connection, Name};

/// The permissions that a grant is narrowed to under a connection, sorted; none: all that its user may do.
///
/// # Errors
/// Where a permission was asked for that the connection leaves out.
pub fn reach(asked: Option<&[Name]>, connection: &Connection) -> Result<Option<Vec<Name>>, Wrong> {
    match (asked, &connection.scopes) {
        (None, None) => Ok(None),
        (None, Some(limit)) => Ok(Some(scope_set(&limit.join(" ")))),
        (Some(asked), None) => Ok(Some(asked.to_vec())),
        (Some(asked), Some(limit)) => match asked.iter().find(|name| !limit.contains(name)) {
            Some(beyond) => Err(Wrong { trouble: Trouble::ScopeUnknown, sent: beyond.to_string() }),
            None => Ok(Some(asked.to_vec())),
        },
    }
}

/// Whether who allowed `allowed` has allowed `wanted` with it. None is everything.
#[must_use]
pub fn covers(allowed: Option<&str>, wanted: Option<&[Name]>) -> bool {
    match (allowed, wanted) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(allowed), Some(wanted)) => {
            let allowed = scope_set(allowed);
            wanted.iter().all(|name| allowed.contains(name))
        }
    }
}

/// Both together, as one scope. None is everything.
#[must_use]
pub fn joined(allowed: Option<&str>, wanted: Option<&[Name]>) -> Option<String> {
    Some(scope_set(&format!("{} {}", allowed?, wanted?.join(" "))).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<Name> {
        scope_set(text)
    }

    #[test]
    fn a_connection_narrows_and_never_widens() {
        let open = Connection::default();
        let limited = Connection { scopes: Some(names("b a")), ..Connection::default() };
        assert_eq!(reach(None, &open), Ok(None));
        assert_eq!(reach(None, &limited), Ok(Some(names("a b"))));
        assert_eq!(reach(Some(&names("c")), &open), Ok(Some(names("c"))));
        assert_eq!(reach(Some(&names("a")), &limited), Ok(Some(names("a"))));
        let beyond = reach(Some(&names("a c")), &limited).expect_err("beyond");
        assert_eq!((beyond.trouble, beyond.sent.as_str()), (Trouble::ScopeUnknown, "c"));
    }

    #[test]
    fn what_was_allowed_before_is_not_asked_again() {
        assert!(covers(None, None) && covers(None, Some(&names("a"))));
        assert!(!covers(Some("a b"), None));
        assert!(covers(Some("a b"), Some(&names("b"))) && !covers(Some("a b"), Some(&names("b c"))));
        assert_eq!(joined(Some("a b"), Some(&names("b c"))).as_deref(), Some("a b c"));
        assert_eq!((joined(None, Some(&names("a"))), joined(Some("a"), None)), (None, None));
    }
}

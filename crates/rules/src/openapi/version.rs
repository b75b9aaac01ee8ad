//! Which version of OpenAPI a document says it is.

use std::fmt;

use serde_json::Value;

use super::Unreadable;

/// A version that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 2.0, called Swagger.
    Two,
    /// 3.0.
    ThreeZero,
    /// 3.1.
    ThreeOne,
    /// 3.2.
    ThreeTwo,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Two => "2.0",
            Self::ThreeZero => "3.0",
            Self::ThreeOne => "3.1",
            Self::ThreeTwo => "3.2",
        })
    }
}

/// The version that a document says it is.
pub(super) fn of(root: &Value) -> Result<Version, Unreadable> {
    let Some(members) = root.as_object() else {
        return Err(unreadable("", "it is no mapping".to_owned()));
    };
    match (members.get("openapi"), members.get("swagger")) {
        (Some(_), Some(_)) => Err(unreadable("/swagger", "it says both 'openapi' and 'swagger'".to_owned())),
        (Some(version), None) => three(version).ok_or_else(|| unknown("openapi", version)),
        (None, Some(version)) => two(version).ok_or_else(|| unknown("swagger", version)),
        (None, None) => Err(unreadable("", "it says neither 'openapi' nor 'swagger'".to_owned())),
    }
}

fn two(version: &Value) -> Option<Version> {
    let is_two = version.as_str() == Some("2.0") || version.as_f64() == Some(2.0);
    is_two.then_some(Version::Two)
}

/// `3.0`, `3.0.3`, `3.1.0-rc1`; in YAML without quotes `3.1` arrives as a number.
fn three(version: &Value) -> Option<Version> {
    let text = match version {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let mut parts = text.splitn(3, '.');
    if parts.next() != Some("3") {
        return None;
    }
    let minor = parts.next()?;
    if parts.next().is_some_and(|patch| !patch.bytes().next().is_some_and(|one| one.is_ascii_digit())) {
        return None;
    }
    match minor {
        "0" => Some(Version::ThreeZero),
        "1" => Some(Version::ThreeOne),
        "2" => Some(Version::ThreeTwo),
        _ => None,
    }
}

fn unknown(member: &str, version: &Value) -> Unreadable {
    let mut shown = version.to_string();
    if shown.len() > 40 {
        shown = "something long".to_owned();
    }
    unreadable(&format!("/{member}"), format!("'{member}' is {shown}, a version that is not read"))
}

fn unreadable(pointer: &str, message: String) -> Unreadable {
    let mend = "begin it with 'openapi: 3.1.0' (3.0, 3.1 and 3.2 are read) or with 'swagger: \"2.0\"'".to_owned();
    Unreadable { place: None, pointer: (!pointer.is_empty()).then(|| pointer.to_owned()), message, mend }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_known() {
        let cases = [
            (json!({"swagger": "2.0"}), Some(Version::Two)),
            (json!({"swagger": 2.0}), Some(Version::Two)),
            (json!({"swagger": 2}), Some(Version::Two)),
            (json!({"openapi": "3.0.3"}), Some(Version::ThreeZero)),
            (json!({"openapi": 3.1}), Some(Version::ThreeOne)),
            (json!({"openapi": "3.1.0-rc1"}), Some(Version::ThreeOne)),
            (json!({"openapi": "3.2.0"}), Some(Version::ThreeTwo)),
            (json!({"openapi": "3.3.0"}), None),
            (json!({"openapi": "3"}), None),
            (json!({"openapi": "3.10.0"}), None),
            (json!({"openapi": "3.1.x"}), None),
            (json!({"openapi": "4.0.0"}), None),
            (json!({"openapi": "2.0"}), None),
            (json!({"swagger": "1.2"}), None),
            (json!({"swagger": "2.0", "openapi": "3.0.0"}), None),
            (json!({"openapi": null}), None),
            (json!({"info": {}}), None),
            (json!([]), None),
        ];
        for (root, version) in cases {
            assert_eq!(of(&root).ok(), version, "{root}");
        }
        let told = of(&json!({"openapi": "3.3.0"})).expect_err("unknown");
        assert_eq!(told.pointer.as_deref(), Some("/openapi"));
        assert_eq!(told.message, "'openapi' is \"3.3.0\", a version that is not read");
    }
}

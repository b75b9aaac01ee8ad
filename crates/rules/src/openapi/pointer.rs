//! JSON pointers (RFC 6901), also as the fragment of a reference, percent-encoded.

use serde_json::Value;

/// The pointer of a member or element below `pointer`.
pub(super) fn below(pointer: &str, token: &str) -> String {
    let mut whole = String::with_capacity(pointer.len() + token.len() + 1);
    whole.push_str(pointer);
    whole.push('/');
    for character in token.chars() {
        match character {
            '~' => whole.push_str("~0"),
            '/' => whole.push_str("~1"),
            other => whole.push(other),
        }
    }
    whole
}

/// The tokens of a pointer; none where it isn't one.
pub(super) fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}

/// A fragment without its percent-encoding; none where that isn't one or isn't UTF-8.
pub(super) fn decoded(fragment: &str) -> Option<String> {
    if !fragment.contains('%') {
        return Some(fragment.to_owned());
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The member or element.
pub(super) fn step<'v>(value: &'v Value, token: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(token),
        Value::Array(elements) => {
            let is_plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|one| one.is_ascii_digit()));
            if is_plain { elements.get(token.parse::<usize>().ok()?) } else { None }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_are_escaped_and_read_again() {
        for (fragment, expected) in [
            ("/paths/~1a~1%7Bid%7D/get", Some(vec!["paths", "/a/{id}", "get"])),
            ("/a~0b/~01", Some(vec!["a~b", "~1"])),
            ("/caf%C3%A9", Some(vec!["café"])),
            ("", Some(vec![])),
            ("/", Some(vec![""])),
            ("a", None),
            ("/%f", None),
            ("/%zz", None),
            ("/%ff", None),
        ] {
            let read = decoded(fragment).and_then(|pointer| tokens(&pointer));
            assert_eq!(read, expected.map(|all| all.into_iter().map(str::to_owned).collect()), "{fragment}");
            if let Some(read) = read {
                let again = read.iter().fold(String::new(), |pointer, token| below(&pointer, token));
                assert_eq!(tokens(&again).as_ref(), Some(&read));
            }
        }
        let value = json!({"a": [1, {"b": 2}]});
        assert_eq!(step(&value, "a").and_then(|list| step(list, "1")), Some(&json!({"b": 2})));
        let list = json!([1, 2]);
        assert_eq!((step(&list, "01"), step(&list, "-"), step(&list, ""), step(&list, "9")), (None, None, None, None));
    }
}

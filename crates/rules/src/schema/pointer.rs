//! JSON pointers (RFC 6901), no longer than people read.

/// A pointer is told up to this length in bytes, then that of an enclosing value.
const POINTER_LEN_MAX: usize = 512;

/// Appends a reference token; nothing and `false` where the pointer would become too long.
pub(super) fn push(pointer: &mut String, token: &str) -> bool {
    let escaped = token.bytes().filter(|byte| matches!(byte, b'~' | b'/')).count();
    if pointer.len() + token.len() + escaped >= POINTER_LEN_MAX {
        return false;
    }
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
    true
}

/// What a token, as it stands in a URI's fragment, means (RFC 6901 §§4, 6).
pub(super) fn unescaped(token: &str) -> String {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let decoded = (*first == b'%')
            .then(|| after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()))
            .flatten();
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

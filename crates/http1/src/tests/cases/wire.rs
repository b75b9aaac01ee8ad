//! How a case of what a caller sends is written.
//!
//! Read by the engine's own tests and by those of the whole binary, which include this file by its path.

/// The bytes of a text in which a line's end is CR LF, `␊` and `␍` are one of them alone, and a character up to U+FF is
/// the byte of its number.
pub(crate) fn wire(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for character in text.chars() {
        match character {
            '\n' => bytes.extend_from_slice(b"\r\n"),
            '␊' => bytes.push(b'\n'),
            '␍' => bytes.push(b'\r'),
            other => bytes.push(u8::try_from(u32::from(other)).unwrap()),
        }
    }
    bytes
}

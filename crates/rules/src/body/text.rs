//! From bytes to text: UTF-8 without a byte order mark, and plain words for what is usually sent instead.

use super::fault::Fault;

/// The body as text.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    let words = match bytes {
        [0xef, 0xbb, 0xbf, ..] => "the body begins with a byte order mark (U+FEFF); send it without one",
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, _, ..] | [_, 0, ..] => "the body is UTF-16 or UTF-32; send UTF-8",
        _ => {
            return std::str::from_utf8(bytes).map_err(|error| {
                Fault::new(error.valid_up_to(), String::new(), "expected UTF-8, found bytes that are not".to_owned())
            });
        }
    };
    Err(Fault::new(0, String::new(), words.to_owned()))
}

//! Any bytes as the chunks of one request, beside a second reader of RFC 9112 §7.1 that was written from the grammar.

use limen_http1::connection::Limits;

use crate::reading::{Ending, odd_cuts, read, small_limits};
use crate::requests::assert_written_again;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The laws of a body in chunks.
pub fn check(bytes: &[u8]) {
    let sent = [HEAD, bytes].concat();
    for limits in [Limits::default(), small_limits()] {
        let whole = read([&sent[..]], limits, true);
        assert_eq!(read(odd_cuts(&sent), limits, true), whole, "odd cuts");
        assert_eq!(read(sent.chunks(1), limits, true), whole, "byte by byte");
        let request = whole.requests.first().expect("the head is right");
        assert_eq!(whole.requests.len(), 1);
        match decoded(bytes) {
            Some(body) if request.is_whole => assert_eq!(request.body, body),
            other => assert!(!request.is_whole, "read as {:?}, by the grammar {other:?}", request.body),
        }
        assert!(request.is_whole != matches!(whole.ending, Ending::Refused(_)));
        assert_written_again(&whole);
    }
}

/// The body by the grammar alone, without limits; none where the bytes don't begin with one.
pub(crate) fn decoded(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = line(&mut rest)?;
        let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
        let size = u128::from_str_radix(std::str::from_utf8(&line[..digits.min(32)]).ok()?, 16).ok()?;
        if digits == 0 || digits > 32 {
            return None;
        }
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok()?;
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    while !line(&mut rest)?.is_empty() {}
    Some(body)
}

/// What stands before the next CR LF.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, after) = rest.split_at(end);
    *rest = &after[2..];
    Some(line)
}

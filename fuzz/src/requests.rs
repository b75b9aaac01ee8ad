//! Any bytes of a caller: cuts change nothing, what was accepted is read the same when written again, nothing grows.

use http::{HeaderMap, HeaderName, HeaderValue, Version};
use limen_http1::connection::Limits;

use crate::reading::{Ending, Reading, odd_cuts, read, small_limits};
use crate::services::assert_sent_on;

/// The laws of the engine's reading.
pub fn check(bytes: &[u8]) {
    for (limits, eof) in [(Limits::default(), true), (Limits::default(), false), (small_limits(), true)] {
        let whole = read([bytes], limits, eof);
        assert_eq!(read(odd_cuts(bytes), limits, eof), whole, "odd cuts");
        assert_eq!(read(bytes.chunks(1), limits, eof), whole, "byte by byte");
        if limits.head_max_bytes == Limits::default().head_max_bytes {
            assert_written_again(&whole);
            assert_twice_checked(&whole);
            whole.requests.iter().filter(|request| request.is_whole).for_each(assert_sent_on);
        }
    }
}

/// What is whole is written in its shortest form and read again.
pub(crate) fn assert_written_again(reading: &Reading) {
    let whole: Vec<_> = reading.requests.iter().filter(|request| request.is_whole).cloned().collect();
    let bytes: Vec<u8> = whole.iter().flat_map(|request| request.wire()).collect();
    let again = read([&bytes[..]], Limits::default(), true);
    assert_eq!(again, Reading { requests: whole, ending: Ending::Closed });
}

/// The rules behind the engine find nothing wrong with the framing of what it let through.
fn assert_twice_checked(reading: &Reading) {
    for request in &reading.requests {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.fields {
            let name: HeaderName = name.parse().expect("a field's name");
            headers.append(name, HeaderValue::from_bytes(value).expect("a field's value"));
        }
        let version = if request.is_old { Version::HTTP_10 } else { Version::HTTP_11 };
        let checked = limen_rules::header::check_framing(&headers, version);
        assert!(checked.is_ok(), "the engine took what the rules refuse: {request:?}: {checked:?}");
    }
}

//! Any first bytes of a connection from a balancer: what they say doesn't depend on how they arrive.

use limen_http1::proxy_protocol::{HEADER_MAX_BYTES, read};

/// The laws of PROXY protocol headers.
pub fn check(bytes: &[u8]) {
    let mut decided = None;
    for end in 0..=bytes.len().min(2 * HEADER_MAX_BYTES) {
        let seen = read(&bytes[..end]);
        match decided {
            None if seen != Ok(None) => {
                if let Ok(Some(header)) = seen {
                    assert!(header.len <= end && header.len <= HEADER_MAX_BYTES, "{header:?} of {end} bytes");
                }
                decided = Some(seen);
            }
            None => assert!(end < HEADER_MAX_BYTES, "more than {HEADER_MAX_BYTES} bytes are waited for"),
            Some(before) => assert_eq!(seen, before, "{end} bytes say another thing than fewer did"),
        }
    }
}

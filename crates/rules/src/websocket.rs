//! The handshake by which a GET becomes a WebSocket (RFC 6455 §4): what a caller must send. It knows no frame.

use http::Method;
use http::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};

use crate::contract::{Cause, Location, Refusal};
use crate::header::Fields;

/// The one version that there is.
const VERSION: &[u8] = b"13";
/// 16 bytes in base64.
const KEY_CHARACTERS: usize = 24;

/// Whether a request that asks for another protocol asks for this one.
#[must_use]
pub fn is_asked_for(method: &Method, fields: &dyn Fields) -> bool {
    *method == Method::GET && fields.single(&UPGRADE).is_some_and(is_websocket)
}

/// Whether a value of `Upgrade` is this protocol's name.
#[must_use]
pub fn is_websocket(protocol: &[u8]) -> bool {
    protocol.eq_ignore_ascii_case(b"websocket")
}

/// The key of a handshake that is as it must be.
///
/// # Errors
/// 400, with all that is wrong.
pub fn key(fields: &dyn Fields, has_body: bool) -> Result<&[u8], Refusal> {
    let mut flaws = Vec::new();
    if has_body {
        flaws.push(("", Location::Body, "A WebSocket's handshake has no body."));
    }
    let version = fields.single(&SEC_WEBSOCKET_VERSION);
    if version != Some(VERSION) {
        flaws.push((
            "/sec-websocket-version",
            Location::Header,
            "The header Sec-WebSocket-Version must occur once and be 13.",
        ));
    }
    let key = fields.single(&SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    if key.is_none() {
        flaws.push((
            "/sec-websocket-key",
            Location::Header,
            "The header Sec-WebSocket-Key must occur once and be 16 random bytes in base64.",
        ));
    }
    match (key, flaws.first()) {
        (Some(key), None) => Ok(key),
        _ => {
            let detail = flaws.iter().map(|(_, _, words)| *words).collect::<Vec<_>>().join(" ");
            let refusal = Refusal::new(Cause::ParameterInvalid)
                .message("The WebSocket's handshake is not as it must be.")
                .detail(detail);
            Err(flaws
                .into_iter()
                .fold(refusal, |refusal, (pointer, place, words)| refusal.error(pointer, place, words)))
        }
    }
}

/// Whether it is 16 bytes in base64: 22 characters, of which the last carries two bits, and two of padding.
fn is_key(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let (Some(digits), Some(b"==")) = (key.get(..KEY_CHARACTERS - 2), key.get(KEY_CHARACTERS - 2..)) else {
        return false;
    };
    digits.iter().all(is_base64) && digits.last().is_some_and(|last| b"AQgw".contains(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    const VERSION_13: (&str, &str) = ("sec-websocket-version", "13");

    #[test]
    fn only_a_get_for_a_websocket_asks_for_one() {
        let asks = |method: Method, fields: &[(&'static str, &'static str)]| is_asked_for(&method, &headers(fields));
        assert!(asks(Method::GET, &[("upgrade", "WebSocket")]));
        assert!(!asks(Method::POST, &[("upgrade", "websocket")]));
        assert!(!asks(Method::GET, &[]));
        assert!(!asks(Method::GET, &[("upgrade", "h2c")]));
        assert!(!asks(Method::GET, &[("upgrade", "websocket, h2c")]));
        assert!(!asks(Method::GET, &[("upgrade", "websocket"), ("upgrade", "h2c")]));
    }

    #[test]
    fn all_flaws_of_a_handshake_are_told() {
        assert_eq!(key(&headers(&[KEY, VERSION_13]), false), Ok(KEY.1.as_bytes()));
        for (fields, has_body, pointers) in [
            (&[KEY][..], false, &["/sec-websocket-version"][..]),
            (&[KEY, ("sec-websocket-version", "8")], false, &["/sec-websocket-version"]),
            (&[KEY, VERSION_13, VERSION_13], false, &["/sec-websocket-version"]),
            (&[VERSION_13], false, &["/sec-websocket-key"]),
            (&[VERSION_13, KEY, KEY], false, &["/sec-websocket-key"]),
            (&[VERSION_13, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZR==")], false, &["/sec-websocket-key"]),
            (&[VERSION_13, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ")], false, &["/sec-websocket-key"]),
            (&[VERSION_13, ("sec-websocket-key", "dGhl!HNhbXBsZSBub25jZQ==")], false, &["/sec-websocket-key"]),
            (&[KEY, VERSION_13], true, &[""]),
            (&[], true, &["", "/sec-websocket-version", "/sec-websocket-key"]),
        ] {
            let refusal = key(&headers(fields), has_body).unwrap_err();
            assert_eq!(refusal.status, 400);
            let found: Vec<_> = refusal.errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(found, pointers, "{fields:?}");
        }
    }
}

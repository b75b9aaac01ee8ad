//! Any text as a subscription key or an access token: nothing panics, and nothing that we didn't make is taken.

use std::collections::HashMap;

use limen_rules::key::{self, Shape};
use limen_rules::token::{Issuer, TrustedKey, verify};

/// The base point of P-256, so that the key is on the curve; its private key is 1, which signed nothing.
const POINT: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
    0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
    0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
    0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

/// The laws of credentials.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if key::shape(text) == Shape::Whole {
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{text}");
        let cut = &text[..text.len() - 1];
        assert_eq!(key::shape(cut), Shape::Cut, "{text}");
    }
    let issuer = Issuer { issuer: "https://api.example".to_owned(), audience: "api".to_owned(), ..Issuer::default() };
    let keys = HashMap::from([("k".into(), TrustedKey::new(&POINT, None))]);
    assert!(verify(text, &keys, &issuer).is_err(), "nobody signed {text}");
}

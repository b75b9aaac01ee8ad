//! Any `Content-Type` and `Accept`: what is read is read the same when it is written again.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use limen_rules::media::{MediaRange, MediaType, accept, prefers_plain_json};

/// The laws of media types.
pub fn check(bytes: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        for (name, method) in [CONTENT_TYPE, CONTENT_ENCODING]
            .into_iter()
            .flat_map(|name| [Method::GET, Method::POST].map(|method| (name.clone(), method)))
        {
            let fields: HeaderMap = [(name, value.clone())].into_iter().collect();
            let _ = accept(&method, &fields, true, true, &[MediaRange::json()]);
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = prefers_plain_json(text);
    if let Some(range) = MediaRange::parse(text) {
        assert!(MediaType::parse(text).is_some_and(|media_type| range.holds(&media_type)), "a range holds itself");
    }
    let Some(media_type) = MediaType::parse(text) else { return };
    let mut written = format!("{}/{}", media_type.type_name, media_type.subtype);
    for (name, value) in &media_type.parameters {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        written.push_str(&format!("; {name}=\"{value}\""));
    }
    assert_eq!(MediaType::parse(&written), Some(media_type), "{written}");
}

//! Any body as JSON, beside `serde_json`: what we take it takes too, and where we alone refuse, we say why we do.

use limen_rules::body::{JsonKind, JsonLimits, check_json, is_blank};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Where we are stricter than the other reader, and say so in these words.
const STRICTER: [&str; 3] = ["the same name again", "nested deeper than", "surrogate"];

/// The laws of JSON bodies.
pub fn check(bytes: &[u8]) {
    let theirs = std::str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str::<IgnoredAny>(text).ok());
    let summary = match check_json(bytes, JsonLimits::default()) {
        Ok(summary) => summary,
        Err(refusal) => {
            let words = refusal.detail.to_string();
            let is_known = STRICTER.iter().any(|stricter| words.contains(stricter));
            assert!(theirs.is_none() || is_known, "we alone refuse: {words}");
            assert!(refusal.errors.iter().all(|error| error.pointer.len() <= 512));
            return;
        }
    };
    assert!(theirs.is_some(), "we alone accept");
    assert!(summary.depth <= JsonLimits::default().depth_max);
    assert!(!is_blank(bytes) || summary.is_empty);
    // Numbers past its range are no fault of the text.
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let (kind, is_empty) = match &value {
        Value::Null => (JsonKind::Null, false),
        Value::Bool(_) => (JsonKind::Boolean, false),
        Value::Number(_) => (JsonKind::Number, false),
        Value::String(text) => (JsonKind::String, text.is_empty()),
        Value::Array(list) => (JsonKind::Array, list.is_empty()),
        Value::Object(members) => (JsonKind::Object, members.is_empty()),
    };
    assert_eq!((summary.kind, summary.is_empty, summary.depth), (kind, is_empty, depth(&value)));
    let written = serde_json::to_vec(&value).expect("JSON is written");
    assert_eq!(check_json(&written, JsonLimits::default()).ok(), Some(summary), "written again");
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

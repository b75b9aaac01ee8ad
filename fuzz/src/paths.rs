//! Any target of a request: what the normaliser decides on, no second decoder takes for another path.

use limen_rules::path::{normalize, query_pairs, split_absolute, without_query_parameter};

const PARAMETER: &str = "subscription-key";

/// The laws of paths and queries.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(absolute) = split_absolute(text) {
        assert!(absolute.origin_form.starts_with('/'));
        assert!(!absolute.authority.contains(['/', '?', '#']));
        let whole = format!("{}://{}{}", absolute.scheme, absolute.authority, absolute.origin_form);
        assert!(whole.len() <= text.len() + 1);
        assert_eq!(split_absolute(&whole), Some(absolute));
    }
    let Ok(normal) = normalize(text) else { return };
    let target = normal.target();
    let again = normalize(&target).expect("what was normalised is refused");
    assert_eq!((&again.path, again.query), (&normal.path, normal.query), "normalised again");
    assert!(target.len() <= text.len().max(1), "it grew");
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic()) && !target.contains('#'), "{target}");
    let mut path = normal.path.as_bytes().to_vec();
    // However often a reader behind us decodes, it finds the same segments.
    for times in 0..4 {
        assert_eq!(segments(&path), segments(normal.path.as_bytes()), "decoded {times} times: {target}");
        assert!(
            !path.iter().any(|byte| *byte < 0x20 || matches!(byte, b'\\' | 0x7f)),
            "decoded {times} times: {target}"
        );
        let dotted = |segment: &[u8]| {
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            matches!(name, b"." | b"..")
        };
        assert!(!path.split(|byte| *byte == b'/').any(dotted), "decoded {times} times: {target}");
        path = decoded(&path);
    }
    let Some(query) = normal.query else { return };
    let rest = without_query_parameter(query, PARAMETER);
    assert!(query_pairs(&rest).all(|(name, _)| name != PARAMETER), "{rest}");
    let kept = query_pairs(query).filter(|(name, _)| name != PARAMETER);
    assert!(kept.eq(query_pairs(&rest)), "{query} became {rest}");
}

fn segments(path: &[u8]) -> usize {
    assert!(path == b"/" || path.split(|byte| *byte == b'/').skip(1).all(|segment| !segment.is_empty()));
    path.iter().filter(|byte| **byte == b'/').count()
}

/// Each `%XX` once.
fn decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match (byte, digit(path.get(at + 1)), digit(path.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

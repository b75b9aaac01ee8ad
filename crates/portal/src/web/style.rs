//! The stylesheet and the mark, with addresses that change when their content does.

use std::sync::LazyLock;

use axum::extract::RawQuery;
use axum::http::header;
use axum::response::IntoResponse;

const STYLESHEET: &str = include_str!("../../assets/style.css");
const MARK: &str = include_str!("../../assets/mark.svg");

/// The stylesheet's digest: as part of its address it lets browsers keep it for good.
static VERSION: LazyLock<String> = LazyLock::new(|| format!("{:016x}", fnv1a(STYLESHEET.as_bytes())));
static HREF: LazyLock<String> = LazyLock::new(|| format!("/style.css?v={}", *VERSION));

/// FNV-1a, 64 bits: it need not withstand anybody, only tell two of our own files apart.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The stylesheet's address as pages name it.
pub(super) fn href() -> &'static str {
    &HREF
}

/// `GET /style.css`: kept for a year if the address names this very version, else not.
pub(super) async fn stylesheet(RawQuery(query): RawQuery) -> impl IntoResponse {
    let current = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(VERSION.as_str());
    let cache = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, cache)], STYLESHEET)
}

/// `GET /mark.svg`: the doorway in the browser's tab.
pub(super) async fn mark() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")], MARK)
}

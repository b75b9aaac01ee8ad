//! Documents of older versions as 3.1, so that one reader reads them all.
//!
//! A document of 3.2 stays one: what 3.1 doesn't have of it is read all the same.

mod dialect;
mod moves;
mod two;
mod walk;

use serde_json::{Value, json};

use super::loss::Losses;
use super::{Document, Unreadable, Version};

pub(super) use moves::Moves;

/// The document as 3.1.
///
/// # Errors
/// A document of 2.0 that unfolds to too much.
pub(super) fn upgrade(document: &Document, losses: &mut Losses) -> Result<Value, Unreadable> {
    let root = document.root();
    match document.version() {
        Version::ThreeOne | Version::ThreeTwo => Ok(root.clone()),
        Version::ThreeZero => {
            let mut root = root.clone();
            if let Some(version) = root.get_mut("openapi") {
                *version = json!("3.1.0");
            }
            walk::each_schema(&mut root, &mut |schema, pointer| dialect::upgrade(schema, pointer, losses, false));
            Ok(root)
        }
        Version::Two => {
            let mut root = two::upgrade(root, losses)?;
            walk::each_schema(&mut root, &mut |schema, pointer| dialect::upgrade(schema, pointer, losses, true));
            Ok(root)
        }
    }
}

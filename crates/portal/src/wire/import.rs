//! What is said of an API that a document describes.

use limen_rules::model::{Api, Name};
use limen_rules::openapi::diff::Difference;
use serde::{Deserialize, Serialize};

/// `POST /v1/import`: one API, made anew or in the place of the one of that name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportApi {
    /// The API.
    pub api: Box<Api>,
    /// Only tell what would change.
    pub dry_run: bool,
    /// Change nothing where callers would break.
    #[serde(default)]
    pub refuse_breaking: bool,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportedApi {
    /// The API.
    pub api: Name,
    /// The full address of its root.
    pub url: String,
    /// Whether it was written and calls are decided from it.
    pub applied: bool,
    /// Whether there was none of that name.
    pub is_new: bool,
    /// Whether it is as it was.
    pub unchanged: bool,
    /// The products that open it.
    pub products: Vec<Name>,
    /// What changes for callers; nothing where it is new.
    pub difference: Difference,
}

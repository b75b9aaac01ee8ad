//! What is said of other issuers of tokens.

use limen_rules::model::{Name, TokenForm};
use serde::{Deserialize, Serialize};

/// One issuer, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerLine {
    /// Its name.
    pub name: Name,
    /// `iss` of its tokens.
    pub issuer: String,
    /// How its tokens are judged.
    pub form: TokenForm,
    /// The environments that its tokens may name.
    pub environments: Vec<Name>,
    /// The APIs that its tokens may call; empty: all.
    pub apis: Vec<Name>,
    /// How many keys are known; none where its tokens are opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<usize>,
    /// When the keys came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at_us: Option<i64>,
    /// How old they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<u64>,
    /// When they are fetched next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_fetch_in_s: Option<u64>,
    /// Fetches that brought keys.
    pub fetches: u64,
    /// Fetches that failed.
    pub failed_fetches: u64,
    /// Questions about tokens that were answered.
    pub questions: u64,
    /// Those that were not.
    pub unanswered_questions: u64,
    /// When something failed last, if nothing went well after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at_us: Option<i64>,
    /// What failed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

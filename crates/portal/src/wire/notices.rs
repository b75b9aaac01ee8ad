//! What is said over the admin socket about notices.

use limen_rules::model::Name;
use limen_rules::record::NoticeKind;
use serde::{Deserialize, Serialize};

/// `POST /v1/notices` (a begin in the future schedules it).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeNotice {
    /// Incident or maintenance.
    pub kind: NoticeKind,
    /// One line.
    pub title: String,
    /// What happened or will.
    pub message: String,
    /// The API; none: all.
    pub api: Option<Name>,
    /// The operation; needs an API.
    pub operation: Option<Name>,
    /// Whether it closes.
    pub closes: bool,
    /// From when; now if not told.
    pub begins_at_us: Option<i64>,
    /// Until when; a maintenance needs it.
    pub ends_at_us: Option<i64>,
}

/// `POST /v1/notices/ID/update`: what is told is changed, the rest stays; a message is added as an update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateNotice {
    /// What to add.
    pub message: Option<String>,
    /// A new end.
    pub ends_at_us: Option<i64>,
    /// A new begin.
    pub begins_at_us: Option<i64>,
    /// Close or open.
    pub closes: Option<bool>,
    /// A new title.
    pub title: Option<String>,
}

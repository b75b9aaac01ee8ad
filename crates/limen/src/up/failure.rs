//! Why Limen can't start: what, and the way out.

use std::fmt;

/// A start that failed.
#[derive(Debug)]
pub(super) struct StartFailure {
    what: String,
    way_out: String,
}

impl StartFailure {
    pub(super) fn new(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { what: what.into(), way_out: way_out.into() }
    }

    /// A failure whose words come from the error.
    pub(super) fn of(what: &str, error: impl fmt::Display, way_out: &str) -> Self {
        let error = error.to_string();
        // However deep it came up, a full disk has one way out.
        let full = error.contains("disk is full") || error.contains("No space left");
        let way_out =
            if full { "Make room on that disk, or name a folder on another one with --data-dir." } else { way_out };
        Self::new(format!("{what}: {error}."), way_out)
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "limen: {}\nmend: {}", self.what, self.way_out)
    }
}

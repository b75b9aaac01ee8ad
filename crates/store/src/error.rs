//! What a read or write of the store can fail with. Knows no HTTP: whoever asks decides what that means.

use std::error::Error;
use std::sync::Arc;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// Which, such as `subscription sub_7k2m9q4x1w8r`.
        what: String,
    },
    /// What is stored doesn't admit the change.
    #[error("{what}")]
    Conflict {
        /// What stands against it, as a sentence.
        what: String,
    },
    /// The store could not be read or written; what was asked for may have to be asked again.
    #[error("the store is unavailable: {source}")]
    Unavailable {
        /// What failed beneath: the database, the disk, or a document that can't be understood.
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// A [`StoreError::NotFound`].
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    /// A [`StoreError::Conflict`].
    pub fn conflict(what: impl Into<String>) -> Self {
        Self::Conflict { what: what.into() }
    }

    /// What is stored can't be understood: a figure or document that this program doesn't write.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        let what: String = what.into();
        Self::Unavailable { source: Arc::from(Box::<dyn Error + Send + Sync>::from(what)) }
    }

    /// The writer has ended, by [`crate::Store::close`] or with its runtime.
    pub(crate) fn closed() -> Self {
        Self::damaged("it was closed")
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        Self::Unavailable { source: Arc::new(source) }
    }
}

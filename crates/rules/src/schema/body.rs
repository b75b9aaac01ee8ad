//! What an operation says of its request's body: whether there must be one, and its schema by media type.

use std::sync::Arc;

use super::{CompiledSchema, Direction, Library, SchemaProblem};
use crate::body::Tree;
use crate::contract::{FieldError, Location};
use crate::media::{MediaRange, MediaType};
use crate::model::{Api, Operation};

/// The request's body of an operation, made ready.
#[derive(Debug, Default)]
pub struct LiveBody {
    is_required: bool,
    /// By range, the most specific first.
    content: Vec<(MediaRange, Option<CompiledSchema>)>,
}

impl LiveBody {
    /// Makes ready what an operation says of its body. Schemas of types that aren't JSON are left aside.
    ///
    /// # Errors
    /// The schema that can't be.
    pub fn compile(api: &Api, operation: &Operation, library: &Arc<Library>) -> Result<Self, SchemaProblem> {
        let Some(body) = &operation.body else { return Ok(Self::default()) };
        let mut content = Vec::new();
        for (at, entry) in body.content.iter().enumerate() {
            let Some(range) = MediaRange::of_type(&entry.media_type).filter(MediaRange::may_be_json) else { continue };
            let compile = |schema| CompiledSchema::compile(schema, library, Direction::Request(api.read_only));
            let field = |problem| SchemaProblem { field: format!("body.content[{at}].schema"), ..problem };
            content.push((range, entry.schema.as_ref().map(compile).transpose().map_err(field)?));
        }
        content.sort_by_key(|(range, _)| std::cmp::Reverse(range.specificity()));
        Ok(Self { is_required: body.required, content })
    }

    /// Whether there must be one.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    /// What a body of this type must be; none: anything.
    #[must_use]
    pub fn schema(&self, media_type: &MediaType) -> Option<&CompiledSchema> {
        self.content.iter().find(|(range, _)| range.holds(media_type)).and_then(|(_, schema)| schema.as_ref())
    }

    /// Everything that is wrong with a JSON body that was read.
    #[must_use]
    pub fn check(&self, media_type: &MediaType, body: &Tree<'_>) -> Vec<FieldError> {
        self.schema(media_type).map(|schema| schema.check_tree(body, Location::Body, "")).unwrap_or_default()
    }
}

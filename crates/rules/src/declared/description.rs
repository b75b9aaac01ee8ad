//! Whether what operations say of parameters and bodies is right: schemas that can be made ready, names, styles.

use std::sync::Arc;

use serde_json::Value;

use super::{Problems, shown};
use crate::media::MediaRange;
use crate::model::{Api, Content, Operation};
use crate::schema::{CompiledSchema, Direction, Library, SchemaProblem};

pub(super) fn check(field: &str, api: &Api, problems: &mut Problems) {
    let library = Library::new(&api.schemas);
    for problem in library.problems() {
        let below = problem.pointer.strip_prefix("#/schemas/").unwrap_or(&problem.pointer);
        let (name, pointer) =
            below.split_once('/').map_or((below, String::new()), |(name, at)| (name, format!("/{at}")));
        let name = name.replace("~1", "/").replace("~0", "~");
        add(&format!("{field}.schemas.{name}"), &pointer, &problem, problems);
    }
    for (at, operation) in api.operations.iter().enumerate() {
        let field = format!("{field}.operations[{at}]");
        check_body(&format!("{field}.body"), api, operation, &library, problems);
        super::parameter::check(&format!("{field}.parameters"), api, operation, &library, problems);
        super::answer::check(&format!("{field}.answers"), operation, &library, problems);
    }
}

fn check_body(field: &str, api: &Api, operation: &Operation, library: &Arc<Library>, problems: &mut Problems) {
    for (at, entry) in operation.body.iter().flat_map(|body| &body.content).enumerate() {
        let field = format!("{field}.content[{at}]");
        check_content(&field, entry, library, Direction::Request(api.read_only), problems);
    }
}

/// A body in one media type, of a request or an answer.
pub(super) fn check_content(
    field: &str,
    content: &Content,
    library: &Arc<Library>,
    direction: Direction,
    problems: &mut Problems,
) {
    let Some(range) = MediaRange::of_type(&content.media_type) else {
        let words = format!("'{}' is not a media type", shown(&content.media_type));
        problems.add(format!("{field}.media_type"), words, "write it like application/json or image/*");
        return;
    };
    if let Some(schema) = content.schema.as_ref().filter(|_| range.may_be_json()) {
        check_schema(&format!("{field}.schema"), schema, library, direction, problems);
    }
}

/// A schema that isn't one of the API's: what is wrong with those is told of themselves.
pub(super) fn check_schema(
    field: &str,
    schema: &Value,
    library: &Arc<Library>,
    direction: Direction,
    problems: &mut Problems,
) {
    let compiled = CompiledSchema::compile_all(schema, library, direction);
    for problem in compiled.err().iter().flatten().filter(|problem| !problem.pointer.starts_with('#')) {
        add(field, &problem.pointer, problem, problems);
    }
}

fn add(field: &str, pointer: &str, problem: &SchemaProblem, problems: &mut Problems) {
    let words = if pointer.is_empty() {
        problem.message.clone()
    } else {
        format!("{} (at {})", problem.message, shown(pointer))
    };
    problems.add(field, words, problem.mend.clone());
}

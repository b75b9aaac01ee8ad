//! Whether what operations say of parameters and bodies is right: schemas that can be made ready, names, styles.

use std::sync::Arc;

use super::{Problems, shown};
use crate::media::MediaRange;
use crate::model::{Api, Operation};
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
        check_body(&format!("{field}.operations[{at}].body"), api, operation, &library, problems);
    }
}

fn check_body(field: &str, api: &Api, operation: &Operation, library: &Arc<Library>, problems: &mut Problems) {
    for (at, entry) in operation.body.iter().flat_map(|body| &body.content).enumerate() {
        let field = format!("{field}.content[{at}]");
        let Some(range) = MediaRange::of_type(&entry.media_type) else {
            let words = format!("'{}' is not a media type", shown(&entry.media_type));
            problems.add(format!("{field}.media_type"), words, "write it like application/json or image/*");
            continue;
        };
        let Some(schema) = entry.schema.as_ref().filter(|_| range.may_be_json()) else { continue };
        let compiled = CompiledSchema::compile_all(schema, library, Direction::Request(api.read_only));
        // What is wrong with a schema of the API is told of itself.
        for problem in compiled.err().iter().flatten().filter(|problem| !problem.pointer.starts_with('#')) {
            add(&format!("{field}.schema"), &problem.pointer, problem, problems);
        }
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

//! What can't be made ready of schemas, for reasons that only making them ready shows, is left out and told.

use std::sync::Arc;

use serde_json::Value;

use crate::model::Api;
use crate::openapi::loss::Effect;
use crate::openapi::pointer::{below, tokens};
use crate::openapi::reading::Reading;
use crate::schema::{CompiledSchema, Direction, Library, SchemaProblem};

/// What is left out may show what else can't be; so often it is looked again.
const ROUNDS_MAX: usize = 4;
const WORDS: &str = "any value passes there, as far as this keyword goes";

impl Reading<'_> {
    /// Leaves out of an API's schemas what can't be made ready.
    pub(in crate::openapi) fn settle(&mut self, api: &mut Api) {
        for _ in 0..ROUNDS_MAX {
            let library = Library::new(&api.schemas);
            let shared = library.problems();
            if shared.is_empty() {
                break;
            }
            let mut schemas = (*api.schemas).clone();
            for problem in shared {
                let Some((name, inner)) = named(&problem) else { continue };
                let place = self.book.pointer(&name).unwrap_or_default();
                if let Some(schema) = schemas.get_mut(&name) {
                    leave_out(schema, &inner);
                }
                self.told(&format!("{place}{inner}"), &problem);
            }
            api.schemas = Arc::new(schemas);
        }
        let library = Library::new(&api.schemas);
        for operation in &mut api.operations {
            let at = below(&below("/paths", &operation.path), &operation.method.to_ascii_lowercase());
            for parameter in &mut operation.parameters {
                self.own(&mut parameter.schema, &library, &below(&at, "parameters"));
            }
            if let Some(body) = &mut operation.body {
                for content in &mut body.content {
                    self.own(&mut content.schema, &library, &below(&at, "requestBody"));
                }
            }
            for answer in &mut operation.answers {
                let at = below(&below(&at, "responses"), &answer.status);
                for content in &mut answer.content {
                    self.own(&mut content.schema, &library, &at);
                }
            }
        }
    }

    /// The same of a schema of an operation's own.
    fn own(&mut self, schema: &mut Option<Value>, library: &Arc<Library>, at: &str) {
        for _ in 0..ROUNDS_MAX {
            let Some(value) = schema else { return };
            let Err(problems) = CompiledSchema::compile_all(value, library, Direction::Answer) else { return };
            for problem in problems.iter().filter(|problem| !problem.pointer.starts_with('#')) {
                leave_out(value, &problem.pointer);
                self.told(at, problem);
            }
        }
    }

    fn told(&mut self, pointer: &str, problem: &SchemaProblem) {
        let keyword = problem.pointer.rsplit('/').next().unwrap_or_default();
        let construct = format!("keyword '{keyword}' that can't be made ready");
        self.losses.add(Effect::NotEnforced, pointer, construct, problem.message.clone(), WORDS);
    }
}

/// The name and the inner pointer of `#/schemas/NAME/…`.
fn named(problem: &SchemaProblem) -> Option<(String, String)> {
    let all = tokens(problem.pointer.strip_prefix("#/schemas")?)?;
    let (name, rest) = all.split_first()?;
    Some((name.clone(), rest.iter().fold(String::new(), |pointer, token| below(&pointer, token))))
}

/// Takes a member out of a schema; where it is the schema, anything passes.
fn leave_out(schema: &mut Value, pointer: &str) {
    let Some((outer, _)) = pointer.rsplit_once('/') else {
        *schema = Value::Bool(true);
        return;
    };
    let last = tokens(pointer).and_then(|mut all| all.pop()).unwrap_or_default();
    match schema.pointer_mut(outer) {
        Some(Value::Object(members)) => drop(members.shift_remove(&last)),
        Some(Value::Array(list)) => {
            if let Some(inner) = last.parse().ok().and_then(|at: usize| list.get_mut(at)) {
                *inner = Value::Bool(true);
            }
        }
        _ => *schema = Value::Bool(true),
    }
}

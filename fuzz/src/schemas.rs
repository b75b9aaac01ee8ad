//! Any schema and any value, the schema before the first line feed: whatever they are, what is told is bounded, plain,
//! and the same each time.

use std::collections::BTreeMap;
use std::sync::Arc;

use limen_rules::body::{JsonLimits, read_json};
use limen_rules::contract::{FIELD_ERRORS_MAX, Location};
use limen_rules::model::ReadOnlyProperties;
use limen_rules::schema::{CompiledSchema, Direction, Library};
use serde_json::Value;

/// The longest pointer and message, in bytes.
const POINTER_LEN_MAX: usize = 512;
const MESSAGE_LEN_MAX: usize = 8_000;

/// The laws of schemas and values. `schemas` of the schema are those that it may refer to.
pub fn check(bytes: &[u8]) {
    let (schema, value) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b"{}"[..]),
    };
    let Ok(schema) = serde_json::from_slice::<Value>(schema) else { return };
    let named = schema.get("schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    let library = Library::new(&Arc::new(named.into_iter().collect::<BTreeMap<_, _>>()));
    for problem in library.problems() {
        assert!(!problem.message.is_empty() && !problem.mend.is_empty());
        assert!(problem.pointer.starts_with("#/schemas") && problem.pointer.len() <= POINTER_LEN_MAX);
    }
    for direction in [
        Direction::Request(ReadOnlyProperties::Refuse),
        Direction::Request(ReadOnlyProperties::Pass),
        Direction::Answer,
    ] {
        match CompiledSchema::compile_all(&schema, &library, direction) {
            Err(problems) => assert!(!problems.is_empty(), "refused without a reason"),
            Ok(compiled) => check_value(&compiled, value),
        }
    }
}

fn check_value(compiled: &CompiledSchema, value: &[u8]) {
    let Ok((_, tree)) = read_json(value, JsonLimits::default()) else { return };
    let errors = compiled.check_tree(&tree, Location::Body, "");
    assert!(errors.len() <= FIELD_ERRORS_MAX);
    for error in &errors {
        assert!(error.pointer.len() <= POINTER_LEN_MAX, "{error:?}");
        assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{error:?}");
        assert!(!error.message.is_empty() && error.message.len() <= MESSAGE_LEN_MAX, "{error:?}");
        assert!(!error.message.chars().any(char::is_control), "{error:?}");
    }
    let again = compiled.check_tree(&tree, Location::Body, "");
    assert_eq!(errors, again, "the same is told each time");
    let violations = compiled.violations(&tree);
    assert_eq!(violations.len(), errors.len());
    for (violation, error) in violations.iter().zip(&errors) {
        assert_eq!(violation.pointer, error.pointer);
    }
}

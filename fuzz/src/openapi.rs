//! Any bytes as an OpenAPI document: an API whose every part is right, or words that say what is wrong.
//!
//! What is kept of a document reads the same again, and no reference leads anywhere but to a schema of the API.

use std::collections::HashSet;

use limen_rules::declared::check_values;
use limen_rules::model::{Api, Declared};
use limen_rules::openapi::{Document, POINTERS_MAX, Unreadable, Wanted, import, read};
use serde_json::Value;

/// The laws of importing.
pub fn check(bytes: &[u8]) {
    let document = match read(bytes) {
        Ok(document) => document,
        Err(flaw) => return told(&flaw),
    };
    let wanted = Wanted {
        name: "fuzzed".into(),
        base_path: Some("/fuzzed".into()),
        targets: vec!["http://127.0.0.1:9".into()],
        existing: None,
    };
    let imported = match import(&document, &wanted) {
        Ok(imported) => imported,
        Err(flaw) => return told(&flaw),
    };
    for loss in &imported.losses {
        assert!(loss.count > 0 && loss.pointers.len() <= POINTERS_MAX.min(loss.count), "{loss:?}");
        assert!(!loss.construct.is_empty() && !loss.why.is_empty() && !loss.words.is_empty(), "{loss:?}");
    }
    assert!(imported.losses.is_sorted_by_key(|loss| loss.effect));
    let api = imported.api;
    assert!(!api.operations.is_empty(), "an API without operations lets everything through");
    assert!(api.operations.iter().all(|one| one.access != Some(limen_rules::model::Access::Open) || opens(&document)));
    references(&api);
    let kept = api.document.as_deref().expect("the document is kept").clone();
    let again = import(&Document::of(kept).expect("what is kept is a document"), &wanted).expect("and imported again");
    assert_eq!(again.api, api, "what is kept reads the same");
    let problems = check_values(&Declared { apis: vec![api], ..Declared::default() });
    assert!(problems.is_empty(), "{problems:?}");
}

fn told(flaw: &Unreadable) {
    assert!(!flaw.message.is_empty() && !flaw.mend.is_empty());
    assert!(flaw.place.is_none_or(|(line, column)| line > 0 && column > 0), "{flaw:?}");
}

/// Only our own word opens a door.
fn opens(document: &Document) -> bool {
    document.root().to_string().contains("x-limen-access")
}

fn references(api: &Api) {
    let names: HashSet<String> = api.schemas.keys().map(|name| format!("#/schemas/{name}")).collect();
    api.schemas.values().for_each(|schema| lead_to(schema, &names));
    for operation in &api.operations {
        operation.parameters.iter().filter_map(|one| one.schema.as_ref()).for_each(|one| lead_to(one, &names));
        let contents = operation.body.iter().map(|body| &body.content);
        let contents = contents.chain(operation.answers.iter().map(|answer| &answer.content)).flatten();
        contents.filter_map(|one| one.schema.as_ref()).for_each(|one| lead_to(one, &names));
    }
}

fn lead_to(schema: &Value, names: &HashSet<String>) {
    match schema {
        Value::Array(list) => list.iter().for_each(|inner| lead_to(inner, names)),
        Value::Object(members) => {
            for (name, inner) in members {
                match inner {
                    Value::String(reference) if name == "$ref" => assert!(names.contains(reference), "{reference}"),
                    // Values, not schemas.
                    _ if name == "const" || name == "enum" => {}
                    inner => lead_to(inner, names),
                }
            }
        }
        _ => {}
    }
}

//! Schemas and values that are made up, judged by Python's `jsonschema` and by us: the same values are valid, and what
//! is wrong is found in the same places.

mod made;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use limen_rules::body::{JsonLimits, read_json};
use limen_rules::contract::{FIELD_ERRORS_MAX, Location};
use limen_rules::model::ReadOnlyProperties;
use limen_rules::schema::{CompiledSchema, Direction, Library};
use serde_json::{Value, json};

use made::{Made, Random};

/// Schemas that are made up, and values for each.
const SCHEMAS: usize = 400;
const VALUES: usize = 30;

struct Case {
    schema: Value,
    schemas: BTreeMap<String, Value>,
    texts: Vec<String>,
}

#[test]
fn python_s_judgement_is_ours() {
    let told = std::env::var("LIMEN_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let seed = told.unwrap_or_else(|| u64::from(std::process::id()) << 20 ^ 0x5eed);
    println!("schemas and values from LIMEN_FUZZ_SEED={seed}");
    let mut random = Random::new(seed);
    let mut cases: Vec<Case> = Vec::new();
    for (schema, schemas, values) in made::realistic() {
        let texts = values.iter().flat_map(|value| (0..VALUES).map(|at| (at, value)).collect::<Vec<_>>());
        let texts =
            texts.map(|(at, value)| if at == 0 { value.to_string() } else { made::changed(&mut random, value) });
        let texts = texts.collect();
        cases.push(Case { schema, schemas, texts });
    }
    for _ in 0..SCHEMAS {
        let Made { schema, schemas } = made::schema(&mut random);
        let texts = (0..VALUES).map(|_| made::text(&mut random, &schema, &schemas)).collect();
        cases.push(Case { schema, schemas, texts });
    }
    let judged = judged(&cases);
    assert_eq!(judged.len(), cases.len());
    let (mut valid, mut all, mut flaws) = (0, 0, Vec::new());
    for (case, verdicts) in cases.iter().zip(&judged) {
        let library = Library::new(&Arc::new(case.schemas.clone()));
        let sent = Direction::Request(ReadOnlyProperties::Pass);
        let compiled = CompiledSchema::compile(&case.schema, &library, sent).expect("a schema");
        for (text, (is_valid, places)) in case.texts.iter().zip(verdicts) {
            all += 1;
            valid += usize::from(*is_valid);
            if let Some(words) = difference(&compiled, text, *is_valid, places) {
                flaws.push(format!("{words}\nschema {}\nschemas {}\nvalue {text}", case.schema, json!(case.schemas)));
            }
        }
    }
    let shown: Vec<_> = flaws.iter().take(5).map(String::as_str).collect();
    assert!(flaws.is_empty(), "{} of {all} are judged differently, such as\n{}", flaws.len(), shown.join("\n\n"));
    println!("{all} values, {valid} of them valid");
    assert!(valid * 10 > all && (all - valid) * 10 > all, "too many are alike: {valid} of {all} are valid");
}

/// How our judgement of a value isn't Python's.
fn difference(compiled: &CompiledSchema, text: &str, is_valid: bool, places: &[String]) -> Option<String> {
    let (_, tree) = read_json(text.as_bytes(), JsonLimits::default()).expect("JSON");
    let errors = compiled.check_tree(&tree, Location::Body, "");
    if errors.is_empty() != is_valid {
        return Some(format!("valid to them: {is_valid} {places:?}; to us: {errors:?}"));
    }
    if errors.len() >= FIELD_ERRORS_MAX {
        return None;
    }
    // We tell of alternatives what they tell of the whole, further down or further up; nothing may be elsewhere.
    let is_near = |one: &str, other: &str| {
        let is_below =
            |low: &str, high: &str| low.strip_prefix(high).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_below(one, other) || is_below(other, one)
    };
    let alone = places.iter().find(|place| !errors.iter().any(|error| is_near(&error.pointer, place)));
    let ours = errors.iter().find(|error| !places.iter().any(|place| is_near(&error.pointer, place)));
    match (alone, ours) {
        (None, None) => None,
        _ => Some(format!("found elsewhere: by them {places:?}, by us {errors:?}")),
    }
}

/// The verdicts of one run of Python's.
fn judged(cases: &[Case]) -> Vec<Vec<(bool, Vec<String>)>> {
    let python = super::python();
    assert!(python.exists(), "Python's jsonschema isn't installed; run: cargo xtask install");
    let lines: String = cases
        .iter()
        .map(|case| format!("{}\n", json!({"schema": case.schema, "schemas": case.schemas, "texts": case.texts})))
        .collect();
    let mut child = Command::new(python)
        .arg(format!("{}/judge.py", super::WITH))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut stdin = child.stdin.take().expect("its input");
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("a thread").expect("all is read");
    assert!(output.status.success(), "the judge broke off");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("verdicts")).collect()
}

#[test]
fn the_judge_s_version_is_written_down() {
    let list = fs::read_to_string(format!("{}/requirements.txt", super::WITH)).expect("a list");
    assert!(list.lines().any(|line| line.starts_with("jsonschema==")), "{list}");
}

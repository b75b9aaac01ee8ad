//! JSON and YAML to one kind of tree, within bounds, each name at most once.
//!
//! It knows nothing of OpenAPI. YAML is read as JSON would have said it: names are text whatever they look like, and so
//! are dates, `yes` and `on`.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::{DOCUMENT_MAX_BYTES, Unreadable};

/// Levels of lists and mappings.
const DEPTH_MAX: usize = 100;
/// Values and names, aliases unfolded.
const NODES_MAX: usize = 2_000_000;
const ALIASES_MAX: usize = 50_000;
const TOO_MUCH: &str = "nested too deep, or unfolds to too much";

/// Reads JSON or YAML.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Unreadable> {
    if bytes.len() > DOCUMENT_MAX_BYTES {
        let message = format!("it has {} bytes, more than {DOCUMENT_MAX_BYTES}", bytes.len());
        return Err(unreadable(None, message, "split it into several APIs"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        unreadable(Some(place(before)), "it is not UTF-8".to_owned(), "save it as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with(['{', '[']) {
        return yaml(text);
    }
    // What begins like JSON may still be YAML; if it is neither, the flaw in the JSON is told.
    json(text).or_else(|flaw| if flaw.mend == JSON_MEND { yaml(text).map_err(|_| flaw) } else { Err(flaw) })
}

const JSON_MEND: &str = "write it as JSON or as YAML";
const YAML_MEND: &str = "write it as YAML: spaces to indent, 'name: value', quotes around special characters";

fn json(text: &str) -> Result<Value, Unreadable> {
    let left = Cell::new(NODES_MAX);
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Node { left: &left, depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        let place = (error.line() > 0).then(|| (error.line() as u64, error.column().max(1) as u64));
        let whole = error.to_string();
        let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
        if message == TOO_MUCH || message.starts_with("recursion limit") {
            return unreadable(place, TOO_MUCH.to_owned(), &bounds());
        }
        let is_twice = message.starts_with(TWICE);
        unreadable(place, message, if is_twice { "remove one of them" } else { JSON_MEND })
    })
}

fn yaml(text: &str) -> Result<Value, Unreadable> {
    let budget = serde_saphyr::budget! {
        max_depth: DEPTH_MAX,
        max_nodes: NODES_MAX,
        max_events: 2 * NODES_MAX,
        max_aliases: ALIASES_MAX,
        max_anchors: ALIASES_MAX,
        max_documents: 1,
        max_total_scalar_bytes: 2 * DOCUMENT_MAX_BYTES,
        enforce_alias_anchor_ratio: false,
    };
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = NODES_MAX;
    alias_limits.max_replay_stack_depth = 16;
    let options = serde_saphyr::options! {
        budget: budget,
        alias_limits: alias_limits,
        duplicate_keys: DuplicateKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    let left = Cell::new(NODES_MAX);
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |reader| {
        Node { left: &left, depth: 0 }.deserialize(reader)
    });
    read.map_err(|error| yaml_flaw(&error))
}

fn yaml_flaw(error: &serde_saphyr::Error) -> Unreadable {
    use serde_saphyr::Error;
    let place = error.location().map(|at| (at.line(), at.column())).filter(|(line, column)| *line > 0 && *column > 0);
    let whole = error.to_string();
    let first = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
    match error {
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            unreadable(place, "a second document begins".to_owned(), "keep one document in a file, without '---' lines")
        }
        Error::Budget { .. }
        | Error::AliasError { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => unreadable(place, TOO_MUCH.to_owned(), &bounds()),
        Error::DuplicateMappingKey { .. } => unreadable(place, first, "remove one of them"),
        _ if whole.starts_with("recursion limit") || whole.contains(TOO_MUCH) => {
            unreadable(place, TOO_MUCH.to_owned(), &bounds())
        }
        _ => unreadable(place, first, YAML_MEND),
    }
}

fn bounds() -> String {
    format!("stay within {DEPTH_MAX} levels and {NODES_MAX} values, aliases unfolded")
}

/// Line and column of what follows `before`.
fn place(before: &[u8]) -> (u64, u64) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let last = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    (line, String::from_utf8_lossy(last).chars().count() as u64 + 1)
}

fn unreadable(place: Option<(u64, u64)>, message: String, mend: &str) -> Unreadable {
    Unreadable { place, pointer: None, message, mend: mend.to_owned() }
}

const TWICE: &str = "given twice: ";

/// One value of the tree, and how many more there may be.
struct Node<'l> {
    left: &'l Cell<usize>,
    depth: usize,
}

impl Node<'_> {
    fn inner(&self) -> Self {
        Self { left: self.left, depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get();
        if left == 0 || self.depth > DEPTH_MAX {
            return Err(D::Error::custom(TOO_MUCH));
        }
        self.left.set(left - 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that JSON can't say"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.inner())? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = mapping.next_key::<Option<String>>()? {
            let name = name.unwrap_or_else(|| "null".to_owned());
            if members.contains_key(&name) {
                let shown: String = name.chars().take(60).collect();
                return Err(A::Error::custom(format!("{TWICE}'{shown}'")));
            }
            let value = mapping.next_value_seed(self.inner())?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(text: &str) -> (Option<(u64, u64)>, String) {
        let error = read(text.as_bytes()).expect_err(text);
        assert!(!error.mend.is_empty());
        (error.place, error.message)
    }

    #[test]
    fn yaml_says_what_json_says() {
        let cases = [
            ("200: {on: yes}", json!({"200": {"on": "yes"}})),
            ("a: 2020-01-31\nb: 2020-01-31T10:00:00Z", json!({"a": "2020-01-31", "b": "2020-01-31T10:00:00Z"})),
            ("a: [1, 1.0, -3, 1e3, 0123, 1_000]", json!({"a": [1, 1.0, -3, 1000.0, "0123", "1_000"]})),
            ("a: [true, no, on, ~, null, '']", json!({"a": [true, "no", "on", null, null, ""]})),
            ("a: 18446744073709551615", json!({"a": 18_446_744_073_709_551_615u64})),
            ("a: &x {b: 1}\nc: *x", json!({"a": {"b": 1}, "c": {"b": 1}})),
            ("a: &x {b: 1, d: 2}\nc:\n  <<: *x\n  b: 3", json!({"a": {"b": 1, "d": 2}, "c": {"b": 3, "d": 2}})),
            ("{a: 1, 'b': [x]}", json!({"a": 1, "b": ["x"]})),
            ("\u{feff}{\"a\": 1}", json!({"a": 1})),
            ("a: |\n  x\n  y\n", json!({"a": "x\ny\n"})),
            ("a:\n- b\n- c", json!({"a": ["b", "c"]})),
            ("true: 1\nnull: 2\n1.50: 3", json!({"true": 1, "null": 2, "1.50": 3})),
            ("a: \"^[0-9]+$\"", json!({"a": "^[0-9]+$"})),
        ];
        for (text, value) in cases {
            assert_eq!(read(text.as_bytes()).as_ref(), Ok(&value), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        assert_eq!(told("{\"a\": 1,\n \"a\": 2}"), (Some((2, 4)), "given twice: 'a'".into()));
        assert_eq!(told("a: 1\nb: 2\na: 3").0, Some((3, 1)));
        assert_eq!(told("{\"a\": 1,}\u{1}").0.map(|(line, _)| line), Some(1));
        assert_eq!(told("{\"a\": 1e400}").0.map(|(line, _)| line), Some(1));
        assert_eq!(told("a: [1, 2").0, Some((1, 4)));
        assert_eq!(told("a: .inf").0.map(|(line, _)| line), Some(1));
        assert_eq!(told("a: 1\n---\nb: 2"), (Some((2, 1)), "a second document begins".into()));
        let error = read(b"a: 1\nb: \xff").expect_err("no UTF-8");
        assert_eq!((error.place, &*error.message), (Some((2, 4)), "it is not UTF-8"));
        let large = vec![b' '; DOCUMENT_MAX_BYTES + 1];
        assert!(read(&large).expect_err("large").message.starts_with("it has 33554433 bytes"));
    }

    #[test]
    fn bombs_go_off_small() {
        let mut bomb = String::from("a: &a [1,1,1,1,1,1,1,1,1,1]\n");
        for (before, name) in ["a", "b", "c", "d", "e", "f", "g"].iter().zip(["b", "c", "d", "e", "f", "g", "h"]) {
            bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(",")));
        }
        assert_eq!(told(&bomb).1, TOO_MUCH);
        assert_eq!(told(&"- ".repeat(200)).1, TOO_MUCH);
        assert_eq!(told(&"[".repeat(1_000_000)).1, TOO_MUCH);
        assert_eq!(told(&format!("{}1{}", "[".repeat(110), "]".repeat(110))).1, TOO_MUCH);
        assert_eq!(told(&"{\"a\":".repeat(1_000_000)).1, TOO_MUCH);
        assert_eq!(told(&format!("[{}1]", "1,".repeat(NODES_MAX))).1, TOO_MUCH);
        assert_eq!(told(&format!("- 1\n{}", "- 1\n".repeat(NODES_MAX))).1, TOO_MUCH);
        assert_eq!(told(&format!("a: &a 1\nb: [{}]", vec!["*a"; 60_000].join(","))).1, TOO_MUCH);
        assert!(told("a: &a [*a]").0.is_some());
    }
}

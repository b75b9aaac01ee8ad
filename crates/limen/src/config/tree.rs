//! YAML as a tree whose every node knows its line and column, and the bounds within which a file is read.
//!
//! It knows no field of `limen.yaml`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy};
use serde_saphyr::{Error, Location, Options, Spanned};

/// The largest file that is read.
pub(crate) const FILE_MAX_BYTES: usize = 1 << 20;
const DEPTH_MAX: usize = 32;
const NODES_MAX: usize = 200_000;
const ALIASES_MAX: usize = 1_000;

/// Where something stands, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The line.
    pub(crate) line: u64,
    /// The column, in characters.
    pub(crate) column: u64,
}

/// A value and where it stands; for an alias, where the alias stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) value: Value,
}

/// What YAML can say. Numbers that begin with a zero or hold an underscore arrive as text, as they were written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Fraction(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file; a key may stand twice.
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) place: Place,
    /// Its value.
    pub(crate) node: Node,
}

/// Why a text is not a tree.
#[derive(Debug, PartialEq)]
pub(crate) struct Unreadable {
    /// Where it was noticed, if that is one place.
    pub(crate) place: Option<Place>,
    /// What is wrong.
    pub(crate) message: String,
    /// How to mend it.
    pub(crate) mend: String,
}

impl Value {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "true or false",
            Self::Integer(_) | Self::Fraction(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Reads one YAML document.
///
/// # Errors
/// The first thing that is not YAML, or a document past the bounds.
pub(crate) fn read(text: &str) -> Result<Node, Unreadable> {
    if text.len() > FILE_MAX_BYTES {
        return Err(Unreadable {
            place: None,
            message: format!("the file has {} bytes, more than {FILE_MAX_BYTES}", text.len()),
            mend: "split it, and apply the parts one after the other".into(),
        });
    }
    let budget = serde_saphyr::budget! {
        max_depth: DEPTH_MAX,
        max_nodes: NODES_MAX,
        max_events: 2 * NODES_MAX,
        max_aliases: ALIASES_MAX,
        max_anchors: ALIASES_MAX,
        max_documents: 1,
        max_total_scalar_bytes: 2 * FILE_MAX_BYTES,
    };
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = NODES_MAX;
    alias_limits.max_replay_stack_depth = 8;
    let options: Options = serde_saphyr::options! {
        budget: budget,
        alias_limits: alias_limits,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| unreadable(&error))
}

fn unreadable(error: &Error) -> Unreadable {
    let (message, mend) = match error {
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            ("a second document begins".to_owned(), "keep one document in a file, without '---' lines".to_owned())
        }
        other if other.to_string().starts_with("recursion limit") => too_much(),
        Error::Budget { .. }
        | Error::AliasError { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_much(),
        other => {
            let whole = other.to_string();
            let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
            let mend = "write it as YAML: spaces to indent, 'field: value', quotes around special characters";
            (message, mend.to_owned())
        }
    };
    Unreadable { place: error.location().map(place), message, mend }
}

fn too_much() -> (String, String) {
    let mend = format!("stay within {DEPTH_MAX} levels, {ALIASES_MAX} aliases and {NODES_MAX} values once unfolded");
    ("nested too deep, or unfolds to too much".to_owned(), mend)
}

fn place(location: Location) -> Place {
    Place { line: location.line(), column: location.column() }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { place: place(spanned.referenced), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Fraction(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element::<Node>()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = mapping.next_key::<Spanned<String>>()? {
            let node = mapping.next_value::<Node>()?;
            entries.push(Entry { key: key.value, place: place(key.referenced), node });
        }
        Ok(Value::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Option<(u64, u64)>, String) {
        let error = read(text).expect_err(text);
        (error.place.map(|place| (place.line, place.column)), error.message)
    }

    #[test]
    fn values_keep_their_places() {
        let node = read("a:\n  - 25_000\n  - 007\n  - yes\n  - true\nb: ~\n").expect("YAML");
        let Value::Mapping(entries) = node.value else { panic!("no mapping") };
        let Value::List(list) = &entries[0].node.value else { panic!("no list") };
        let values: Vec<&Value> = list.iter().map(|one| &one.value).collect();
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(values, [&text("25_000"), &text("007"), &text("yes"), &Value::Boolean(true)]);
        assert_eq!(list[1].place, Place { line: 3, column: 5 });
        assert_eq!((entries[1].place, &entries[1].node.value), (Place { line: 6, column: 1 }, &Value::Null));
    }

    #[test]
    fn merged_mappings_give_way_to_what_is_written() {
        let node = read("base: &b {x: 1, y: 2}\nz:\n  <<: *b\n  x: 3\n").expect("YAML");
        let Value::Mapping(entries) = node.value else { panic!("no mapping") };
        let Value::Mapping(merged) = &entries[1].node.value else { panic!("no mapping") };
        let mut fields: Vec<_> = merged.iter().map(|entry| (&*entry.key, &entry.node.value)).collect();
        fields.sort_by_key(|(key, _)| *key);
        assert_eq!(fields, [("x", &Value::Integer(3)), ("y", &Value::Integer(2))]);
    }

    #[test]
    fn what_is_not_yaml_is_told_with_its_place() {
        assert_eq!(told("a: [1, 2"), (Some((1, 4)), "unclosed bracket '['".into()));
        assert_eq!(told("a: *nope").0, Some((1, 4)));
        assert_eq!(told("a:\tb\n\tc: d").0, Some((1, 4)));
        assert_eq!(told("a: 1\n---\nb: 2"), (Some((2, 1)), "a second document begins".into()));
    }

    #[test]
    fn bombs_go_off_small() {
        let too_much = "nested too deep, or unfolds to too much";
        let mut bomb = String::from("a: &a [1,1,1,1,1,1,1,1,1,1]\n");
        for (before, name) in ["a", "b", "c", "d", "e", "f"].iter().zip(["b", "c", "d", "e", "f", "g"]) {
            bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(",")));
        }
        assert_eq!(told(&bomb).1, too_much);
        assert_eq!(told(&"- ".repeat(100)).1, too_much);
        assert_eq!(told(&"[".repeat(100_000)).1, too_much);
        assert_eq!(told(&format!("a: &a 1\nb: [{}]", vec!["*a"; 2_000].join(","))).1, too_much);
        assert_eq!(told(&format!("[{}]", "1,".repeat(300_000))).1, too_much);
        assert!(told("a: &a [*a]").0.is_some());
        assert_eq!(
            told(&"x".repeat(FILE_MAX_BYTES + 1)),
            (None, "the file has 1048577 bytes, more than 1048576".into())
        );
    }
}

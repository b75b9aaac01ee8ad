//! What changes for callers when one version of an API takes the place of another: what breaks them first.
//!
//! It compares what is declared, with callers' eyes: where a service is and how long it may take is no difference.

mod operation;
mod schema;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Api, Operation, Schemas};

/// So many changes are told; of more only the number is.
pub const CHANGES_MAX: usize = 1_000;
/// So many operations are named with a schema that changed.
const NAMED_MAX: usize = 3;

/// What a change means for those who call today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// A call that works today may be refused, or an answer may lack what it has today.
    Breaking,
    /// Calls that work today go on working.
    Other,
    /// Only what people read.
    Described,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// What it means for callers.
    pub weight: Weight,
    /// `GET /pets/{id}`; `API` for what concerns all operations, `schema Pet` for a schema that several use.
    pub subject: String,
    /// Where in it: `query limit`, `body application/json /name`; empty for the whole.
    pub place: String,
    /// What differs, in words.
    pub words: String,
    /// The operations that a schema's change reaches, the first few of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// How many operations it reaches.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub operations_count: usize,
}

/// All differences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// How many may break callers.
    pub breaking: usize,
    /// How many callers need not know.
    pub other: usize,
    /// How many are only in what people read.
    pub described: usize,
    /// What breaks callers first; at most [`CHANGES_MAX`].
    pub changes: Vec<Change>,
}

impl Difference {
    /// Whether nothing differs that is told to callers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.breaking + self.other + self.described == 0
    }
}

/// What differs for callers between `before` and `after`.
#[must_use]
pub fn diff(before: &Api, after: &Api) -> Difference {
    let mut found = Found::new(&before.schemas, &after.schemas);
    settings::compare(before, after, &mut found);
    operations(before, after, &mut found);
    schema::compare_named(&mut found);
    found.told()
}

/// The same method and the same template but for the parameters' names are the same operation.
fn operations(before: &Api, after: &Api, found: &mut Found) {
    let key = |operation: &Operation| (operation.method.clone(), shape(&operation.path));
    match (before.operations.is_empty(), after.operations.is_empty()) {
        (true, false) => found.add(Weight::Breaking, "API", "", "only the operations that are listed pass now"),
        (false, true) => found.add(Weight::Other, "API", "", "every method and path passes now"),
        _ => {}
    }
    let newer: BTreeMap<_, _> = after.operations.iter().map(|one| (key(one), one)).collect();
    let mut known = BTreeSet::new();
    for operation in &before.operations {
        let key = key(operation);
        match newer.get(&key) {
            Some(same) => operation::compare((before, operation), (after, same), found),
            None if after.operations.is_empty() => {}
            None => found.add(Weight::Breaking, &told(operation), "", "is gone: calls get 404"),
        }
        known.insert(key);
    }
    for operation in after.operations.iter().filter(|one| !known.contains(&key(one))) {
        if !before.operations.is_empty() {
            found.add(Weight::Other, &told(operation), "", "is new");
        }
    }
}

/// `GET /pets/{id}`.
fn told(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

/// A template without the names of its parameters.
fn shape(path: &str) -> String {
    let part =
        |part: &'_ str| if part.starts_with('{') && part.ends_with('}') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Who sees a value: a caller writes what is asked, and reads what is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Asked,
    Answered,
}

impl Side {
    /// `in requests`, `in answers`.
    fn words(self) -> &'static str {
        match self {
            Self::Asked => "in requests",
            Self::Answered => "in answers",
        }
    }
}

/// A schema of the API, by its names before and after, as one side sees it.
type Named = (String, String, Side);

/// Where a value stands that is compared.
#[derive(Clone, Debug)]
struct Spot {
    subject: String,
    place: String,
    side: Side,
    /// The named schema that it is part of; none: of an operation.
    within: Option<Named>,
}

impl Spot {
    fn below(&self, step: &str) -> Self {
        Self { place: format!("{}/{}", self.place, step.replace('~', "~0").replace('/', "~1")), ..self.clone() }
    }
}

/// Collects changes, and the named schemas that are still to be compared.
struct Found<'a> {
    before: &'a Schemas,
    after: &'a Schemas,
    changes: BTreeSet<Change>,
    waiting: Vec<Named>,
    seen: BTreeSet<Named>,
    /// Which operations refer to a named schema, and which named schemas do.
    used_by: BTreeMap<Named, (BTreeSet<String>, BTreeSet<Named>)>,
}

impl<'a> Found<'a> {
    fn new(before: &'a Schemas, after: &'a Schemas) -> Self {
        let (changes, waiting, seen, used_by) = (BTreeSet::new(), Vec::new(), BTreeSet::new(), BTreeMap::new());
        Self { before, after, changes, waiting, seen, used_by }
    }

    fn add(&mut self, weight: Weight, subject: &str, place: &str, words: impl Into<String>) {
        let (subject, place, words) = (subject.to_owned(), place.trim().to_owned(), words.into());
        self.changes.insert(Change { weight, subject, place, words, operations: Vec::new(), operations_count: 0 });
    }

    fn add_at(&mut self, weight: Weight, spot: &Spot, words: impl Into<String>) {
        let words = words.into();
        let words = if spot.within.is_some() { format!("{words} ({})", spot.side.words()) } else { words };
        self.add(weight, &spot.subject, &spot.place, words);
    }

    /// Two named schemas are compared once, however many refer to them.
    fn later(&mut self, named: Named, spot: &Spot) {
        let (operations, schemas) = self.used_by.entry(named.clone()).or_default();
        match &spot.within {
            Some(outer) => schemas.insert(outer.clone()),
            None => operations.insert(spot.subject.clone()),
        };
        if self.seen.insert(named.clone()) {
            self.waiting.push(named);
        }
    }

    /// The operations that a named schema reaches, through whichever schemas.
    fn reached(&self, schema: &str) -> BTreeSet<&str> {
        let mut waiting: Vec<&Named> = self.seen.iter().filter(|(_, after, _)| after == schema).collect();
        let mut seen: BTreeSet<&Named> = waiting.iter().copied().collect();
        let mut reached = BTreeSet::new();
        while let Some(named) = waiting.pop() {
            let Some((operations, schemas)) = self.used_by.get(named) else { continue };
            reached.extend(operations.iter().map(String::as_str));
            waiting.extend(schemas.iter().filter(|one| seen.insert(one)));
        }
        reached
    }

    fn told(mut self) -> Difference {
        let changes = std::mem::take(&mut self.changes);
        let count = |weight| changes.iter().filter(|one| one.weight == weight).count();
        let [breaking, other, described] = [Weight::Breaking, Weight::Other, Weight::Described].map(count);
        let mut reached = BTreeMap::new();
        let with_operations = |mut change: Change| {
            if let Some(name) = change.subject.strip_prefix("schema ") {
                let all = reached.entry(name.to_owned()).or_insert_with(|| self.reached(name));
                change.operations_count = all.len();
                change.operations = all.iter().take(NAMED_MAX).map(|one| (*one).to_owned()).collect();
            }
            change
        };
        let changes = changes.into_iter().take(CHANGES_MAX).map(with_operations).collect();
        Difference { breaking, other, described, changes }
    }
}

/// A value in a message: short, and without what steers a terminal.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut shown: String = text.chars().take(60).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

//! `anyOf` and `oneOf`: which alternatives a value fits, and which it comes nearest to where it fits none.

use super::{Found, Place, Walk, is_of};
use crate::body::TreeValue;
use crate::schema::node::{Kinds, NodeId, Rule};
use crate::schema::words;

/// Alternatives that are looked at for the nearest, and errors of each.
const COMPARED_MAX: usize = 16;
const ERRORS_MAX: usize = 10;
/// So deep errors of alternatives within alternatives are told: each level looks at every alternative anew, and a body of
/// some hundred bytes may have a hundred levels.
const EXPLAINED_MAX: usize = 2;
/// Characters that are told of an error of the nearest.
const NEAREST_MAX: usize = 300;

impl<'w> Walk<'w> {
    pub(super) fn any(&mut self, nodes: &'w [NodeId], place: Place, value: TreeValue<'w>) -> bool {
        let fits = nodes.iter().any(|node| self.quietly(place.at(*node), value));
        if !fits {
            self.tell_nearest(nodes, place, value);
        }
        fits
    }

    pub(super) fn one(&mut self, nodes: &'w [NodeId], place: Place, value: TreeValue<'w>) -> bool {
        let mut fitting = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            if self.quietly(place.at(*node), value) {
                fitting.push(at);
            }
            if fitting.len() > 1 && self.is_done() {
                return false;
            }
        }
        match fitting.as_slice() {
            [_] => true,
            [] => {
                self.tell_nearest(nodes, place, value);
                false
            }
            [first, second, ..] => {
                self.tell("oneOf", |walk| {
                    let (first, second) = (walk.named(nodes, place, *first), walk.named(nodes, place, *second));
                    format!("fits {first} and {second}, and must fit one alone")
                });
                false
            }
        }
    }

    /// Tells what is wrong by the alternative that was probably meant, or of them all where none stands out.
    fn tell_nearest(&mut self, nodes: &'w [NodeId], place: Place, value: TreeValue<'w>) {
        if self.is_done() {
            return;
        }
        let kinds = nodes.iter().map(|node| self.kinds_of(place.at(*node))).fold(Kinds(0), Kinds::with);
        if !is_of(kinds, value) {
            self.tell("type", |walk| format!("must be {}, not {}", words::kinds(kinds), walk.shown(value)));
            return;
        }
        if self.explaining >= EXPLAINED_MAX {
            let count = nodes.len();
            self.tell("anyOf", |_| format!("fits none of {count} alternatives"));
            return;
        }
        let mut compared: Vec<(Rank, usize, Vec<Found>)> = Vec::new();
        for (at, node) in nodes.iter().enumerate().take(COMPARED_MAX) {
            let found = self.found_of(place.at(*node), value);
            if !found.is_empty() {
                compared.push((Rank::of(&found, self.path.len()), at, found));
            }
        }
        compared.sort_by(|one, other| one.0.cmp(&other.0));
        let is_clear = match compared.as_slice() {
            [] => false,
            [_] => true,
            [first, second, ..] => !first.0.is_other && (second.0.is_other || first.0.choices < second.0.choices),
        };
        let count = nodes.len();
        match compared.into_iter().next() {
            Some((_, _, found)) if is_clear => self.take(found),
            Some((_, at, found)) => self.tell("anyOf", |walk| {
                let base = walk.pointer().len();
                let words: Vec<String> = found.iter().take(2).map(|one| relative(&one.error, base)).collect();
                format!("fits none of {count} alternatives; of {}, {}", walk.named(nodes, place, at), words.join("; "))
            }),
            None => self.tell("anyOf", |_| format!("fits none of {count} alternatives")),
        }
    }

    /// The errors by one alternative.
    fn found_of(&mut self, place: Place, value: TreeValue<'w>) -> Vec<Found> {
        let before = std::mem::take(&mut self.found);
        let max = std::mem::replace(&mut self.found_max, ERRORS_MAX);
        self.explaining += 1;
        self.check(place, value);
        self.explaining -= 1;
        self.found_max = max;
        std::mem::replace(&mut self.found, before)
    }

    fn take(&mut self, found: Vec<Found>) {
        for one in found {
            if self.found.len() < self.found_max && self.found.iter().all(|known| known.error != one.error) {
                self.found.push(one);
            }
        }
    }

    /// The kinds of values that a schema can accept, as far as it says so at once.
    fn kinds_of(&self, place: Place) -> Kinds {
        let mut kinds = Kinds::ALL;
        let mut next = Some(place);
        for _ in 0..8 {
            let Some(node) = next.and_then(|place| self.node(place)) else { break };
            kinds = Kinds(kinds.0 & node.kinds.0);
            next = node.rules.iter().find_map(|rule| match rule {
                Rule::Reference(number) => Some(Place { unit: *number, node: 0 }),
                _ => None,
            });
        }
        kinds
    }

    fn named(&self, nodes: &[NodeId], place: Place, at: usize) -> String {
        let node = nodes.get(at).and_then(|node| self.node(place.at(*node)));
        let name = node.and_then(|node| {
            node.rules.iter().find_map(|rule| match rule {
                Rule::Reference(number) => Some(self.library.name(*number)),
                _ => None,
            })
        });
        match name {
            Some(name) => words::cut(name),
            None => format!("alternative {}", at + 1),
        }
    }
}

/// How far an alternative is from a value; less is nearer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Whether the value is of another kind altogether.
    is_other: bool,
    /// Choices that it doesn't make, right below.
    choices: usize,
    errors: usize,
}

impl Rank {
    fn of(found: &[Found], depth: usize) -> Self {
        Self {
            is_other: found.iter().any(|one| one.depth == depth && matches!(one.keyword, "type" | "enum")),
            choices: found.iter().filter(|one| one.depth == depth + 1 && one.keyword == "enum").count(),
            errors: found.len(),
        }
    }
}

fn relative(error: &crate::contract::FieldError, base: usize) -> String {
    let below = error.pointer.get(base..).filter(|below| !below.is_empty()).unwrap_or("it");
    // Alternatives within alternatives would be told ever longer.
    words::cut_to(&format!("{below} {}", error.message), NEAREST_MAX)
}

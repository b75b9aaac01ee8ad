//! A value compared with a schema: all errors in one pass, in bounded steps, and no more errors than are told.

mod array;
mod choice;
mod evaluated;
mod group;
mod leaf;
mod object;

use std::collections::HashMap;

use super::library::Library;
use super::node::{Kinds, Node, NodeId, Rule, Unit};
use super::{Direction, pointer, words};
use crate::body::{JsonKind, TreeValue};
use crate::contract::{FIELD_ERRORS_MAX, FieldError, Location};

/// Steps that any comparison has, that each value of the body adds, and that none exceeds.
const STEPS: u64 = 200_000;
const STEPS_PER_VALUE: u64 = 64;
const STEPS_MAX: u64 = 5_000_000;
/// Schemas within schemas, along references too.
const DEPTH_MAX: usize = 400;
/// Steps after which verdicts are remembered, and how many.
const REMEMBERED_AFTER: u64 = 4_000;
const REMEMBERED_MAX: usize = 100_000;

/// The unit that isn't one of the library's.
const OWN: u32 = u32::MAX;

/// A schema: its unit and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    unit: u32,
    node: NodeId,
}

impl Place {
    fn at(self, node: NodeId) -> Self {
        Self { unit: self.unit, node }
    }
}

/// A step into a value.
#[derive(Clone, Copy, Debug)]
enum Step<'w> {
    Name(TreeValue<'w>),
    Index(usize),
}

/// An error, and how it counts when alternatives are compared.
#[derive(Debug)]
struct Found {
    error: FieldError,
    /// What it breaks, as a schema has it.
    keyword: &'static str,
    depth: usize,
}

/// One comparison.
#[derive(Debug)]
pub(super) struct Walk<'w> {
    own: &'w Unit,
    library: &'w Library,
    direction: Direction,
    location: Location,
    base: &'w str,
    path: Vec<Step<'w>>,
    found: Vec<Found>,
    found_max: usize,
    /// How many levels of "only whether it fits" there are.
    quiet: usize,
    /// How many alternatives within alternatives are being looked at for their errors.
    explaining: usize,
    depth: usize,
    steps: u64,
    steps_max: u64,
    is_exhausted: bool,
    remembered: HashMap<(Place, u32), bool>,
}

/// What a walk begins with.
pub(super) struct Begin<'w> {
    pub(super) own: &'w Unit,
    pub(super) library: &'w Library,
    pub(super) direction: Direction,
    pub(super) location: Location,
    pub(super) base: &'w str,
}

/// Everything that is wrong with a value, each with the keyword that it breaks.
pub(super) fn errors(begin: &Begin<'_>, value: TreeValue<'_>) -> impl Iterator<Item = (&'static str, FieldError)> {
    let mut walk = Walk {
        own: begin.own,
        library: begin.library,
        direction: begin.direction,
        location: begin.location,
        base: begin.base,
        path: Vec::new(),
        found: Vec::new(),
        found_max: FIELD_ERRORS_MAX,
        quiet: 0,
        explaining: 0,
        depth: 0,
        steps: 0,
        steps_max: (STEPS + STEPS_PER_VALUE * value.len() as u64).min(STEPS_MAX),
        is_exhausted: false,
        remembered: HashMap::new(),
    };
    let fits = walk.check(Place { unit: OWN, node: 0 }, value);
    let rest = match (walk.is_exhausted, fits, walk.found.is_empty()) {
        (true, _, true) => Some("is too intricate to be compared with its schema; send a simpler one"),
        (false, false, true) => Some("does not fit its schema"),
        _ => None,
    };
    let rest = rest.map(|message| {
        let pointer = begin.base.to_owned();
        ("", FieldError { pointer, location: begin.location, message: message.to_owned() })
    });
    walk.found.into_iter().map(|found| (found.keyword, found.error)).chain(rest)
}

impl<'w> Walk<'w> {
    /// Whether a value fits a schema; why it doesn't is found, unless only the verdict is asked for.
    fn check(&mut self, place: Place, value: TreeValue<'w>) -> bool {
        if !self.may_go_on(1) || self.depth >= DEPTH_MAX {
            self.is_exhausted = true;
            return false;
        }
        let Some(node) = self.node(place) else { return false };
        self.depth += 1;
        let fits = self.fits(node, place, value);
        self.depth -= 1;
        fits
    }

    fn fits(&mut self, node: &'w Node, place: Place, value: TreeValue<'w>) -> bool {
        if !self.may_be_sent(node) {
            return false;
        }
        if !is_of(node.kinds, value) {
            self.tell("type", |walk| format!("must be {}, not {}", words::kinds(node.kinds), walk.shown(value)));
            return false;
        }
        let mut fits = true;
        for rule in &node.rules {
            if !self.rule(rule, place, value) {
                fits = false;
                if self.is_done() {
                    break;
                }
            }
        }
        fits
    }

    fn rule(&mut self, rule: &'w Rule, place: Place, value: TreeValue<'w>) -> bool {
        match rule {
            Rule::Never => {
                self.tell("false", |_| "is not allowed here".to_owned());
                false
            }
            Rule::Reference(number) => self.check(Place { unit: *number, node: 0 }, value),
            Rule::Values(values) => self.values(values, value),
            Rule::Number(rule) if value.kind() == JsonKind::Number => self.number(rule, value),
            Rule::Text(rule) if value.kind() == JsonKind::String => self.text(rule, value),
            Rule::Array(rule) if value.kind() == JsonKind::Array => self.array(rule, place, value),
            Rule::Object(rule) if value.kind() == JsonKind::Object => self.object(rule, place, value),
            Rule::Number(_) | Rule::Text(_) | Rule::Array(_) | Rule::Object(_) => true,
            Rule::All(nodes) => {
                let mut fits = true;
                for node in nodes {
                    if !self.check(place.at(*node), value) {
                        fits = false;
                        if self.is_done() {
                            break;
                        }
                    }
                }
                fits
            }
            Rule::Any(nodes) => self.any(nodes, place, value),
            Rule::One(nodes) => self.one(nodes, place, value),
            Rule::Not(node) => {
                let fits = !self.quietly(place.at(*node), value);
                if !fits {
                    self.tell("not", |walk| format!("must not be {}: its schema rules that out", walk.shown(value)));
                }
                fits
            }
            Rule::If { test, then, otherwise } => {
                let branch = if self.quietly(place.at(*test), value) { then } else { otherwise };
                branch.is_none_or(|node| self.check(place.at(node), value))
            }
            Rule::Unevaluated { members, elements } => self.unevaluated(*members, *elements, place, value),
        }
    }

    /// A value below, by the step that leads to it.
    fn below(&mut self, step: Step<'w>, place: Place, value: TreeValue<'w>) -> bool {
        self.path.push(step);
        let fits = self.check(place, value);
        self.path.pop();
        fits
    }

    /// Only whether it fits. Verdicts of long comparisons are remembered: alternatives within alternatives would be
    /// compared again and again.
    fn quietly(&mut self, place: Place, value: TreeValue<'w>) -> bool {
        let is_remembered = self.steps > REMEMBERED_AFTER && value.count() > 0;
        if is_remembered && let Some(known) = self.remembered.get(&(place, value.id())) {
            return *known;
        }
        self.quiet += 1;
        let fits = self.check(place, value);
        self.quiet -= 1;
        if is_remembered && !self.is_exhausted && self.remembered.len() < REMEMBERED_MAX {
            self.remembered.insert((place, value.id()), fits);
        }
        fits
    }

    fn node(&self, place: Place) -> Option<&'w Node> {
        let unit = if place.unit == OWN { self.own } else { self.library.unit(place.unit)? };
        unit.nodes.get(place.node as usize)
    }

    /// Whether there are steps left for so much work.
    fn may_go_on(&mut self, steps: u64) -> bool {
        self.steps += steps;
        self.is_exhausted |= self.steps > self.steps_max;
        !self.is_exhausted
    }

    /// Whether nothing more is to be found out.
    fn is_done(&self) -> bool {
        self.quiet > 0 || self.is_exhausted || self.found.len() >= self.found_max
    }

    fn tell(&mut self, keyword: &'static str, message: impl FnOnce(&Self) -> String) {
        self.found(None, keyword, message);
    }

    /// Tells of a member.
    fn tell_of(&mut self, name: &str, keyword: &'static str, message: impl FnOnce(&Self) -> String) {
        self.found(Some(name), keyword, message);
    }

    fn found(&mut self, name: Option<&str>, keyword: &'static str, message: impl FnOnce(&Self) -> String) {
        if self.is_done() {
            return;
        }
        let mut told = self.pointer();
        if let Some(name) = name {
            pointer::push(&mut told, name);
        }
        let error = FieldError { pointer: told, location: self.location, message: message(self) };
        if self.found.iter().all(|found| found.error != error) {
            self.found.push(Found { error, keyword, depth: self.path.len() });
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = self.base.to_owned();
        for step in &self.path {
            let has_room = match step {
                Step::Name(name) => pointer::push(&mut pointer, &name.text()),
                Step::Index(at) => pointer::push(&mut pointer, &at.to_string()),
            };
            if !has_room {
                break;
            }
        }
        pointer
    }
}

/// Whether a value is of one of these kinds.
fn is_of(kinds: Kinds, value: TreeValue<'_>) -> bool {
    kinds.holds(match value.kind() {
        JsonKind::Object => Kinds::OBJECT,
        JsonKind::Array => Kinds::ARRAY,
        JsonKind::String => Kinds::STRING,
        JsonKind::Boolean => Kinds::BOOLEAN,
        JsonKind::Null => Kinds::NULL,
        JsonKind::Number if kinds.holds(Kinds::NUMBER) || !kinds.holds(Kinds::INTEGER) => Kinds::NUMBER,
        JsonKind::Number if leaf::is_integer(value.raw()) => Kinds::INTEGER,
        JsonKind::Number => Kinds::NUMBER,
    })
}

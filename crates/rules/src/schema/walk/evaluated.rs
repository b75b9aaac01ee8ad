//! `unevaluatedProperties` and `unevaluatedItems`: what no other keyword for the same value has spoken of.

use super::{Place, Step, Walk};
use crate::body::{JsonKind, TreeValue};
use crate::schema::node::{NodeId, Rule};

impl<'w> Walk<'w> {
    pub(super) fn unevaluated(
        &mut self,
        members: Option<NodeId>,
        elements: Option<NodeId>,
        place: Place,
        value: TreeValue<'w>,
    ) -> bool {
        let node = match value.kind() {
            JsonKind::Object => members,
            JsonKind::Array => elements,
            _ => None,
        };
        let Some(node) = node else { return true };
        let mut evaluated = vec![false; value.count()];
        self.evaluate(place, value, &mut evaluated, true);
        let left = evaluated.iter().enumerate().filter(|(_, is_evaluated)| !**is_evaluated).map(|(at, _)| at);
        let left: std::collections::HashSet<usize> = left.collect();
        if left.is_empty() {
            return true;
        }
        let steps: Vec<(Step<'w>, TreeValue<'w>)> = match value.kind() {
            JsonKind::Object => value.members().map(|(name, value)| (Step::Name(name), value)).collect(),
            _ => value.elements().enumerate().map(|(at, value)| (Step::Index(at), value)).collect(),
        };
        let mut fits = true;
        for (_, (step, inner)) in steps.into_iter().enumerate().filter(|(at, _)| left.contains(at)) {
            fits &= match step {
                Step::Name(name) if self.is_never(place.at(node)) => {
                    self.unknown(&name.text(), []);
                    false
                }
                _ => self.below(step, place.at(node), inner),
            };
            if !fits && self.is_done() {
                return false;
            }
        }
        fits
    }

    /// Marks what a schema speaks of; `is_outermost` is the schema whose own keyword asks.
    fn evaluate(&mut self, place: Place, value: TreeValue<'w>, evaluated: &mut [bool], is_outermost: bool) {
        if !self.may_go_on(1 + value.count() as u64) || self.depth >= super::DEPTH_MAX {
            self.is_exhausted = true;
            return;
        }
        let Some(node) = self.node(place) else { return };
        self.depth += 1;
        for rule in &node.rules {
            match rule {
                Rule::Unevaluated { .. } if is_outermost => {}
                Rule::Unevaluated { members, elements } => {
                    let of_kind = if value.kind() == JsonKind::Object { members } else { elements };
                    if of_kind.is_some() {
                        evaluated.fill(true);
                    }
                }
                Rule::Reference(number) => self.evaluate(Place { unit: *number, node: 0 }, value, evaluated, false),
                Rule::All(nodes) => {
                    nodes.iter().for_each(|node| self.evaluate(place.at(*node), value, evaluated, false));
                }
                Rule::Any(nodes) | Rule::One(nodes) => {
                    nodes.iter().for_each(|node| self.evaluate_fitting(place.at(*node), value, evaluated));
                }
                Rule::If { test, then, otherwise } => {
                    let branch = if self.quietly(place.at(*test), value) {
                        self.evaluate(place.at(*test), value, evaluated, false);
                        then
                    } else {
                        otherwise
                    };
                    branch.iter().for_each(|node| self.evaluate(place.at(*node), value, evaluated, false));
                }
                Rule::Object(_) | Rule::Array(_) => self.evaluate_within(rule, place, value, evaluated),
                Rule::Never | Rule::Values(_) | Rule::Number(_) | Rule::Text(_) | Rule::Not(_) => {}
            }
        }
        self.depth -= 1;
    }

    fn evaluate_fitting(&mut self, place: Place, value: TreeValue<'w>, evaluated: &mut [bool]) {
        if self.quietly(place, value) {
            self.evaluate(place, value, evaluated, false);
        }
    }

    fn evaluate_within(&mut self, rule: &'w Rule, place: Place, value: TreeValue<'w>, evaluated: &mut [bool]) {
        match rule {
            Rule::Object(rule) if value.kind() == JsonKind::Object => {
                for ((name, _), mark) in value.members().zip(evaluated.iter_mut()) {
                    let text = name.text();
                    *mark |= rule.others.is_some()
                        || rule.member(&text).is_some_and(|member| member.node.is_some())
                        || rule.patterns.iter().any(|(pattern, _)| pattern.is_in(&text));
                }
                for dependent in rule.dependents.iter() {
                    let is_there = value.members().any(|(name, _)| name.text() == *dependent.name);
                    if let Some(node) = dependent.node.filter(|_| is_there) {
                        self.evaluate(place.at(node), value, evaluated, false);
                    }
                }
            }
            Rule::Array(rule) if value.kind() == JsonKind::Array => {
                let spoken_of = if rule.elements.is_some() { evaluated.len() } else { rule.prefix.len() };
                evaluated.iter_mut().take(spoken_of).for_each(|mark| *mark = true);
                if let Some(contains) = &rule.contains {
                    for ((at, element), mark) in value.elements().enumerate().zip(evaluated.iter_mut()) {
                        self.path.push(Step::Index(at));
                        *mark |= self.quietly(place.at(contains.node), element);
                        self.path.pop();
                    }
                }
            }
            _ => {}
        }
    }
}

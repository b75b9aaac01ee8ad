//! Objects.

use super::{Place, Step, Walk};
use crate::body::TreeValue;
use crate::declared::nearest;
use crate::schema::node::{NodeId, ObjectRule, Rule};
use crate::schema::words::shown;

/// Which of the required members were seen.
enum Seen {
    Few(u64),
    Many(Vec<bool>),
}

impl Seen {
    fn new(count: usize) -> Self {
        if count <= 64 { Self::Few(0) } else { Self::Many(vec![false; count]) }
    }

    fn set(&mut self, at: usize) {
        match self {
            Self::Few(bits) => *bits |= 1 << at,
            Self::Many(flags) => flags.get_mut(at).into_iter().for_each(|flag| *flag = true),
        }
    }

    fn has(&self, at: usize) -> bool {
        match self {
            Self::Few(bits) => bits >> at & 1 == 1,
            Self::Many(flags) => flags.get(at).copied().unwrap_or(false),
        }
    }
}

impl<'w> Walk<'w> {
    pub(super) fn object(&mut self, rule: &'w ObjectRule, place: Place, value: TreeValue<'w>) -> bool {
        let mut fits =
            self.has_count(["minProperties", "maxProperties"], [rule.least, rule.most], value.count() as u64, "member");
        let mut seen = Seen::new(rule.required);
        for (name, inner) in value.members() {
            if !self.may_go_on(1 + rule.patterns.len() as u64) {
                return false;
            }
            fits &= self.member(rule, place, name, inner, &mut seen);
            if !fits && self.is_done() {
                return false;
            }
        }
        for member in &rule.members {
            if member.required.is_some_and(|at| !seen.has(at)) && !self.is_excused(&member.name) {
                fits = false;
                self.tell_of(&member.name, "required", |_| "is missing".to_owned());
                if self.is_done() {
                    return false;
                }
            }
        }
        if !rule.dependents.is_empty() {
            fits &= self.dependents(rule, place, value);
        }
        fits
    }

    fn member(
        &mut self,
        rule: &'w ObjectRule,
        place: Place,
        name: TreeValue<'w>,
        value: TreeValue<'w>,
        seen: &mut Seen,
    ) -> bool {
        let text = name.text();
        let (mut fits, mut is_known) = (true, false);
        if let Some(member) = rule.member(&text) {
            member.required.into_iter().for_each(|at| seen.set(at));
            if let Some(node) = member.node {
                is_known = true;
                fits &= self.below(Step::Name(name), place.at(node), value);
            }
        }
        for (pattern, node) in &rule.patterns {
            if pattern.is_in(&text) {
                is_known = true;
                fits &= self.below(Step::Name(name), place.at(*node), value);
            }
        }
        match rule.others {
            Some(node) if !is_known && self.is_never(place.at(node)) => {
                fits = false;
                let known = rule.members.iter().filter(|member| member.node.is_some()).map(|member| &*member.name);
                self.unknown(&text, known);
            }
            Some(node) if !is_known => fits &= self.below(Step::Name(name), place.at(node), value),
            _ => {}
        }
        if let Some(node) = rule.names
            && !self.quietly(place.at(node), name)
        {
            fits = false;
            self.tell_of(&text, "propertyNames", |_| format!("has a name that is not allowed here, {}", shown(&text)));
        }
        fits
    }

    /// There is no such member; perhaps there is one of nearly that name.
    pub(super) fn unknown<'n>(&mut self, name: &str, known: impl IntoIterator<Item = &'n str>) {
        self.tell_of(name, "additionalProperties", |_| match nearest(name, known) {
            Some(meant) => format!("is not known here; did you mean {}?", shown(meant)),
            None => "is not known here; leave it out".to_owned(),
        });
    }

    pub(super) fn is_never(&self, place: Place) -> bool {
        self.node(place).is_some_and(|node| matches!(*node.rules, [Rule::Never]))
    }

    fn dependents(&mut self, rule: &'w ObjectRule, place: Place, value: TreeValue<'w>) -> bool {
        let mut fits = true;
        let names: std::collections::HashSet<_> = value.members().map(|(name, _)| name.text()).collect();
        for dependent in rule.dependents.iter().filter(|dependent| names.contains(&*dependent.name)) {
            for name in dependent.required.iter().filter(|name| !names.contains(&***name)) {
                if self.is_excused(name) {
                    continue;
                }
                fits = false;
                self.tell_of(name, "dependentRequired", |_| {
                    format!("is missing, and {} needs it", shown(&dependent.name))
                });
            }
            if let Some(node) = dependent.node {
                fits &= self.check(place.at(node), value);
            }
        }
        fits
    }

    /// The schemas of the members that a name may be of, were it there.
    pub(super) fn member_nodes(rule: &ObjectRule, name: &str) -> Vec<NodeId> {
        let own = rule.member(name).and_then(|member| member.node);
        let by_pattern = rule.patterns.iter().filter(|(pattern, _)| pattern.is_in(name)).map(|(_, node)| *node);
        let mut nodes: Vec<NodeId> = own.into_iter().chain(by_pattern).collect();
        if nodes.is_empty() {
            nodes.extend(rule.others);
        }
        nodes
    }
}

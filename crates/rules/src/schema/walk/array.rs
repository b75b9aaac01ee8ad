//! Lists.

use super::{Place, Step, Walk};
use crate::body::{JsonKind, TreeValue};
use crate::schema::decimal::Decimal;
use crate::schema::node::{ArrayRule, Contains};
use crate::schema::words::counted;

impl<'w> Walk<'w> {
    pub(super) fn array(&mut self, rule: &'w ArrayRule, place: Place, value: TreeValue<'w>) -> bool {
        let count = value.count() as u64;
        let mut fits = self.has_count(["minItems", "maxItems"], [rule.least, rule.most], count, "element");
        if !rule.prefix.is_empty() || rule.elements.is_some() {
            for (at, element) in value.elements().enumerate() {
                let Some(node) = rule.prefix.get(at).copied().or(rule.elements) else { break };
                if !self.below(Step::Index(at), place.at(node), element) {
                    fits = false;
                    if self.is_done() {
                        return false;
                    }
                }
            }
        }
        if let Some(contains) = &rule.contains {
            fits &= self.contains(contains, place, value);
        }
        if rule.is_unique && count > 1 {
            fits &= self.is_unique(value);
        }
        fits
    }

    /// Whether there are neither too few nor too many.
    pub(super) fn has_count(
        &mut self,
        [minimum, maximum]: [&'static str; 2],
        [least, most]: [Option<u64>; 2],
        count: u64,
        what: &str,
    ) -> bool {
        let (keyword, words, bound) = match (least, most) {
            (Some(least), _) if count < least => (minimum, "at least", least),
            (_, Some(most)) if count > most => (maximum, "at most", most),
            _ => return true,
        };
        self.tell(keyword, |_| format!("must have {words} {}, not {count}", counted(bound, what)));
        false
    }

    fn contains(&mut self, contains: &'w Contains, place: Place, value: TreeValue<'w>) -> bool {
        let mut count = 0;
        for (at, element) in value.elements().enumerate() {
            self.path.push(Step::Index(at));
            count += u64::from(self.quietly(place.at(contains.node), element));
            self.path.pop();
        }
        let (words, bound) = match contains.most {
            _ if count < contains.least => ("at least", contains.least),
            Some(most) if count > most => ("at most", most),
            _ => return true,
        };
        self.tell("contains", |_| {
            format!("must have {words} {} of a certain kind, not {count}", counted(bound, "element"))
        });
        false
    }

    /// Sorts one spelling of each element: n log n, whatever is sent.
    fn is_unique(&mut self, value: TreeValue<'w>) -> bool {
        if !self.may_go_on(4 * value.len() as u64) {
            return false;
        }
        let mut spelled: Vec<(Vec<u8>, usize)> = Vec::with_capacity(value.count());
        for (at, element) in value.elements().enumerate() {
            let mut out = Vec::new();
            spell(element, &mut out);
            spelled.push((out, at));
        }
        spelled.sort_unstable();
        let same = spelled.windows(2).find_map(|pair| match pair {
            [(one, at), (other, again)] if one == other => Some((*at, *again)),
            _ => None,
        });
        if let Some((at, again)) = same {
            self.tell("uniqueItems", |_| {
                format!("must have no element twice; those at {at} and {again}, counted from 0, are equal")
            });
        }
        same.is_none()
    }
}

/// Equal values have one spelling, others another.
fn spell(value: TreeValue<'_>, out: &mut Vec<u8>) {
    match value.kind() {
        JsonKind::Null => out.push(b'0'),
        JsonKind::Boolean => out.push(if value.raw() == "true" { b't' } else { b'f' }),
        JsonKind::Number => {
            out.push(b'#');
            Decimal::parse(value.raw()).write(out);
        }
        JsonKind::String => spell_text(&value.text(), out),
        JsonKind::Array => {
            out.push(b'[');
            for element in value.elements() {
                spell(element, out);
                out.push(b',');
            }
            out.push(b']');
        }
        JsonKind::Object => {
            let mut members: Vec<_> = value.members().map(|(name, value)| (name.text(), value)).collect();
            members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
            out.push(b'{');
            for (name, value) in members {
                spell_text(&name, out);
                spell(value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
    }
}

/// With its length before it, so that no text ends early.
fn spell_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

//! Texts, numbers and choices.

use super::Walk;
use crate::body::{JsonKind, TreeValue};
use crate::schema::decimal::Decimal;
use crate::schema::node::{NumberRule, TextRule, Values};
use crate::schema::words::{counted, cut, shown};
use serde_json::Value;

/// A bound with its keyword, what it asks, and that in words.
type Bound<'w> = (&'w Option<Decimal>, &'static str, fn(&Decimal, &Decimal) -> bool, &'static str);

impl<'w> Walk<'w> {
    pub(super) fn values(&mut self, values: &'w Values, value: TreeValue<'w>) -> bool {
        if !self.may_go_on(1 + values.others.len() as u64) {
            return false;
        }
        let is_one = match value.kind() {
            JsonKind::String => {
                let text = value.text();
                values.texts.binary_search_by(|known| (**known).cmp(&*text)).is_ok()
            }
            _ => values.others.iter().any(|known| is_equal(value, known)),
        };
        if !is_one {
            self.tell("enum", |walk| format!("must be {}, not {}", values.words, walk.shown(value)));
        }
        is_one
    }

    pub(super) fn number(&mut self, rule: &'w NumberRule, value: TreeValue<'w>) -> bool {
        if !self.may_go_on(value.raw().len() as u64 / 16) {
            return false;
        }
        let number = Decimal::parse(value.raw());
        let found = self.found.len();
        let mut fits = true;
        let bounds: [Bound<'_>; 4] = [
            (&rule.least, "minimum", |number, bound| number >= bound, "at least"),
            (&rule.most, "maximum", |number, bound| number <= bound, "at most"),
            (&rule.above, "exclusiveMinimum", |number, bound| number > bound, "more than"),
            (&rule.below, "exclusiveMaximum", |number, bound| number < bound, "less than"),
        ];
        for (bound, keyword, holds, words) in bounds {
            if let Some(bound) = bound
                && !holds(&number, bound)
            {
                fits = false;
                self.tell(keyword, |walk| format!("must be {words} {}, not {}", bound.plain(), walk.shown(value)));
            }
        }
        if let Some(divisor) = &rule.multiple_of
            && !number.is_multiple_of(divisor)
        {
            fits = false;
            self.tell("multipleOf", |walk| {
                format!("must be a multiple of {}, not {}", divisor.plain(), walk.shown(value))
            });
        }
        if let Some(format) = rule.format
            && !format.admits_number(&number)
        {
            // A bound that says the same was told already.
            fits = false;
            if self.found.len() == found {
                self.tell("format", |walk| format!("must be {}, not {}", format.words(), walk.shown(value)));
            }
        }
        fits
    }

    pub(super) fn text(&mut self, rule: &'w TextRule, value: TreeValue<'w>) -> bool {
        if !self.may_go_on(value.raw().len() as u64 / 16) {
            return false;
        }
        let text = value.text();
        let mut fits = true;
        if rule.least.is_some() || rule.most.is_some() {
            let count = text.chars().count() as u64;
            let bound = match (rule.least, rule.most) {
                (Some(least), _) if count < least => Some(("minLength", "at least", least)),
                (_, Some(most)) if count > most => Some(("maxLength", "at most", most)),
                _ => None,
            };
            if let Some((keyword, words, bound)) = bound {
                fits = false;
                self.tell(keyword, |walk| {
                    let (bound, count) = (counted(bound, "character"), counted(count, "character"));
                    match walk.is_secret() {
                        true => format!("must have {words} {bound}"),
                        false => format!("must have {words} {bound}, not the {count} of {}", shown(&text)),
                    }
                });
            }
        }
        if let Some(pattern) = &rule.pattern
            && !pattern.is_in(&text)
        {
            fits = false;
            self.tell("pattern", |walk| {
                format!("must match the pattern {}, and {} does not", cut(&pattern.source), walk.shown(value))
            });
        }
        if let Some(format) = rule.format
            && !format.admits_text(&text)
        {
            fits = false;
            self.tell("format", |walk| format!("must be {}, not {}", format.words(), walk.shown(value)));
        }
        fits
    }

    /// A value for people: cut, never a secret, and of lists and objects only that they are.
    pub(super) fn shown(&self, value: TreeValue<'w>) -> String {
        match value.kind() {
            JsonKind::Object => "an object".to_owned(),
            JsonKind::Array => "a list".to_owned(),
            JsonKind::Null => "null".to_owned(),
            _ if self.is_secret() => "the value given".to_owned(),
            JsonKind::String => shown(&value.text()),
            JsonKind::Number | JsonKind::Boolean => cut(value.raw()),
        }
    }
}

/// Whether a number as it is written has no fraction.
pub(super) fn is_integer(raw: &str) -> bool {
    !raw.contains(['.', 'e', 'E']) || Decimal::parse(raw).is_integer()
}

/// Whether they are equal as JSON Schema has it (Core §4.2.2): numbers by value, objects in any order.
fn is_equal(value: TreeValue<'_>, known: &Value) -> bool {
    match (value.kind(), known) {
        (JsonKind::Null, Value::Null) => true,
        (JsonKind::Boolean, Value::Bool(known)) => (value.raw() == "true") == *known,
        (JsonKind::Number, Value::Number(known)) => Decimal::parse(value.raw()) == Decimal::parse(&known.to_string()),
        (JsonKind::String, Value::String(known)) => value.text() == *known,
        (JsonKind::Array, Value::Array(known)) => {
            value.count() == known.len() && value.elements().zip(known).all(|(value, known)| is_equal(value, known))
        }
        (JsonKind::Object, Value::Object(known)) => {
            value.count() == known.len()
                && value
                    .members()
                    .all(|(name, value)| known.get(&*name.text()).is_some_and(|known| is_equal(value, known)))
        }
        _ => false,
    }
}

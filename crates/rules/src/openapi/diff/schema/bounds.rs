//! Differences of bounds: how large, how long, how many, of which form.

use serde_json::{Map, Value};

use super::super::{Found, Side, Spot, Weight, shown};

/// Lower bounds: a greater one lets less fit.
const AT_LEAST: [(&str, &str); 5] = [
    ("minimum", "its minimum"),
    ("exclusiveMinimum", "its lower bound"),
    ("minLength", "its shortest length"),
    ("minItems", "its smallest number of elements"),
    ("minProperties", "its smallest number of properties"),
];
/// Upper bounds: a smaller one lets less fit.
const AT_MOST: [(&str, &str); 5] = [
    ("maximum", "its maximum"),
    ("exclusiveMaximum", "its upper bound"),
    ("maxLength", "its greatest length"),
    ("maxItems", "its greatest number of elements"),
    ("maxProperties", "its greatest number of properties"),
];
/// Either there, and then something fits or doesn't, or not there.
const FORMS: [(&str, &str); 4] = [
    ("pattern", "the pattern"),
    ("format", "the format"),
    ("multipleOf", "a multiple of"),
    ("uniqueItems", "distinct elements"),
];

type Members = Map<String, Value>;

pub(super) fn compare(old: &Members, new: &Members, spot: &Spot, found: &mut Found) {
    for (bounds, grows_stricter) in [(AT_LEAST, true), (AT_MOST, false)] {
        for (keyword, words) in bounds {
            bound(old.get(keyword), new.get(keyword), words, grows_stricter, spot, found);
        }
    }
    for (keyword, words) in FORMS {
        let told = |members: &Members| members.get(keyword).filter(|one| **one != Value::Bool(false)).cloned();
        let (before, after) = (told(old), told(new));
        if before == after {
            continue;
        }
        match (before, after) {
            (_, Some(after)) => stricter(true, spot, format!("must have {words} {} now", shown(&after)), found),
            (Some(before), None) => {
                stricter(false, spot, format!("need no longer have {words} {}", shown(&before)), found)
            }
            (None, None) => {}
        }
    }
}

/// Whether a schema lets anything not fit, as far as a look tells.
pub(super) fn is_strict(schema: &Value) -> bool {
    schema.as_object().is_some_and(|members| members.contains_key("type") || members.contains_key("enum"))
}

fn bound(
    before: Option<&Value>,
    after: Option<&Value>,
    words: &str,
    grows_stricter: bool,
    spot: &Spot,
    found: &mut Found,
) {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    match (number(before), number(after)) {
        (Some(old), Some(new)) if (old - new).abs() > 0.0 => {
            let told = |value: Option<&Value>| value.map(shown).unwrap_or_default();
            let words = format!("{words} is {} instead of {}", told(after), told(before));
            stricter((new > old) == grows_stricter, spot, words, found);
        }
        (None, Some(_)) => {
            stricter(true, spot, format!("{words} is {} now", after.map(shown).unwrap_or_default()), found)
        }
        (Some(_), None) => stricter(false, spot, format!("{words} is no longer told"), found),
        _ => {}
    }
}

/// A bound moved: who writes minds where less fits; who reads was never told how far an answer would go.
fn stricter(is_stricter: bool, spot: &Spot, words: String, found: &mut Found) {
    let weight = if is_stricter && spot.side == Side::Asked { Weight::Breaking } else { Weight::Other };
    found.add_at(weight, spot, words);
}

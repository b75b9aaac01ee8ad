//! A tree against the table of forms: what fits becomes JSON for the model, what doesn't becomes flaws, all at once.
//!
//! A value that doesn't fit is replaced by a placeholder, so that the rest can still be looked at; what is said of
//! the placeholder later is dropped, because its field was told of already.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use limen_rules::declared::nearest;
use serde_json::{Map, Value as Json, json};

use super::flaw::{Flaw, Origin};
use super::shape::{Field, Form, QUOTA};
use super::tree::{Entry, Node, Place, Value};

/// What reading a tree left behind.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Where each field stands, by its path.
    places: HashMap<String, Place>,
    /// What doesn't fit.
    pub(crate) flaws: Vec<Flaw>,
}

impl Reader {
    /// Reads the whole file: a mapping, or nothing at all.
    pub(crate) fn file(&mut self, node: &Node, form: &Form) -> Map<String, Json> {
        self.places.insert(String::new(), node.place);
        let read = match node.value {
            Value::Null => None,
            _ => self.value(node, form, ""),
        };
        match read {
            Some(Json::Object(sections)) => sections,
            _ => Map::new(),
        }
    }

    /// Where a field stands; for one that isn't in the file, where the nearest one around it stands.
    pub(crate) fn place(&self, field: &str) -> Option<Place> {
        let mut path = field;
        loop {
            if let Some(place) = self.places.get(path) {
                return Some(*place);
            }
            path = path.rfind(['.', '[']).and_then(|at| path.get(..at)).unwrap_or("");
            if path.is_empty() {
                return self.places.get("").copied();
            }
        }
    }

    /// Whether this field, or one around it, was told of already.
    pub(crate) fn told_of(&self, field: &str) -> bool {
        self.flaws.iter().filter_map(|flaw| flaw.field.as_deref()).any(|told| {
            let rest = field.strip_prefix(told);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    fn flaw(&mut self, place: Place, path: &str, message: impl Into<String>, mend: impl Into<String>) {
        self.flaws.push(Flaw {
            origin: Origin::File(Some(place)),
            field: (!path.is_empty()).then(|| path.to_owned()),
            message: message.into(),
            mend: mend.into(),
        });
    }

    fn value(&mut self, node: &Node, form: &Form, path: &str) -> Option<Json> {
        match (form, &node.value) {
            (Form::Text, Value::Text(text)) => Some(json!(text)),
            (Form::Text, Value::Integer(number)) => Some(json!(number.to_string())),
            (Form::Text, Value::Fraction(_) | Value::Boolean(_)) => {
                let message = format!("{} where text is expected", node.value.kind());
                self.flaw(node.place, path, message, "put it in quotes");
                None
            }
            (Form::Boolean, Value::Boolean(value)) => Some(json!(value)),
            (Form::Whole(most), Value::Integer(_) | Value::Fraction(_) | Value::Text(_)) => {
                self.whole(node, *most, path)
            }
            (Form::Word(words), Value::Text(text)) => self.word(node.place, words, text, path),
            (Form::List(inner), Value::List(nodes)) => Some(self.list(nodes, inner, path)),
            (Form::Mapping(fields), Value::Mapping(entries)) => {
                Some(Json::Object(self.mapping(node.place, entries, fields, path)))
            }
            (Form::Named(inner), Value::Mapping(entries)) => Some(self.named(entries, inner, path)),
            (Form::Json, _) => self.json(node, path),
            (Form::Quota, Value::Mapping(entries)) => Some(self.quota(node.place, entries, path)),
            _ => {
                let (expected, mend) = expected(form);
                self.flaw(node.place, path, format!("{} where {expected} is expected", node.value.kind()), mend);
                None
            }
        }
    }

    fn whole(&mut self, node: &Node, most: u64, path: &str) -> Option<Json> {
        let number = match &node.value {
            Value::Integer(number) => Some(*number),
            // `25_000` arrives as text.
            Value::Text(text) => {
                let digits: String = text.chars().filter(|one| *one != '_').collect();
                let plain = digits.bytes().all(|one| one.is_ascii_digit()) && !text.starts_with('_');
                (plain && (!digits.starts_with('0') || digits == "0")).then(|| digits.parse().ok()).flatten()
            }
            _ => None,
        };
        let (message, mend) = match number {
            Some(number) if number < 0 => (format!("{number} is less than 0"), "use 0 or more".to_owned()),
            Some(number) => match u64::try_from(number) {
                Ok(fits) if fits <= most => return Some(json!(fits)),
                _ => (format!("{number} is more than {most}"), "use a smaller number".to_owned()),
            },
            None => ("not a whole number".to_owned(), "write it like 25000 or 25_000".to_owned()),
        };
        self.flaw(node.place, path, message, mend);
        None
    }

    fn word(&mut self, place: Place, words: &[&str], text: &str, path: &str) -> Option<Json> {
        if words.contains(&text) {
            return Some(json!(text));
        }
        let mend = match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean '{near}'? It is one of {}", words.join(", ")),
            None => format!("use one of {}", words.join(", ")),
        };
        self.flaw(place, path, format!("'{}' is not known here", shown(text)), mend);
        None
    }

    fn list(&mut self, nodes: &[Node], form: &Form, path: &str) -> Json {
        let mut list = Vec::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            let path = format!("{path}[{at}]");
            self.places.insert(path.clone(), node.place);
            list.push(self.value(node, form, &path).unwrap_or_else(|| placeholder(form)));
        }
        Json::Array(list)
    }

    fn mapping(&mut self, place: Place, entries: &[Entry], fields: &[Field], path: &str) -> Map<String, Json> {
        let mut read = Map::new();
        let mut seen: HashMap<&str, Place> = HashMap::new();
        for entry in entries {
            let inner = below(path, &entry.key);
            let Some(field) = fields.iter().find(|field| field.name == entry.key) else {
                let message = format!("there is no field '{}' here", shown(&entry.key));
                self.flaw(entry.place, &inner, message, unknown(&entry.key, fields));
                continue;
            };
            if let Some(first) = seen.insert(field.name, entry.place) {
                let message = format!("given twice, first in line {}", first.line);
                self.flaw(entry.place, &inner, message, "remove one of them");
                continue;
            }
            if entry.node.value == Value::Null && !field.needed {
                continue;
            }
            self.places.insert(inner.clone(), entry.node.place);
            let value = self.value(&entry.node, &field.form, &inner);
            if let Some(value) = value.or_else(|| field.needed.then(|| placeholder(&field.form))) {
                read.insert(field.name.to_owned(), value);
            }
        }
        for field in fields.iter().filter(|field| field.needed && !seen.contains_key(field.name)) {
            self.flaw(place, &below(path, field.name), "is missing", format!("add '{}: …'", field.name));
            read.insert(field.name.to_owned(), placeholder(&field.form));
        }
        read
    }

    /// A mapping whose names are the writer's.
    fn named(&mut self, entries: &[Entry], form: &Form, path: &str) -> Json {
        let mut read = Map::new();
        for entry in entries {
            let inner = below(path, &entry.key);
            if read.contains_key(&entry.key) {
                self.flaw(entry.place, &inner, "given twice", "remove one of them");
                continue;
            }
            self.places.insert(inner.clone(), entry.node.place);
            let value = self.value(&entry.node, form, &inner).unwrap_or_else(|| placeholder(form));
            read.insert(entry.key.clone(), value);
        }
        Json::Object(read)
    }

    /// Anything, as JSON says it.
    fn json(&mut self, node: &Node, path: &str) -> Option<Json> {
        Some(match &node.value {
            Value::Null => Json::Null,
            Value::Boolean(value) => json!(value),
            Value::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => json!(number),
                (_, Ok(number)) => json!(number),
                _ => {
                    self.flaw(node.place, path, "a number beyond 64 bits", "use a smaller number");
                    return None;
                }
            },
            Value::Fraction(number) => json!(number),
            Value::Text(text) => json!(text),
            Value::List(nodes) => self.list(nodes, &Form::Json, path),
            Value::Mapping(entries) => self.named(entries, &Form::Json, path),
        })
    }

    /// `{calls, bytes, period: day, time_zone}` or `{calls, bytes, period_s}`, as the model has it.
    fn quota(&mut self, place: Place, entries: &[Entry], path: &str) -> Json {
        let mut read = self.mapping(place, entries, QUOTA, path);
        let (unit, seconds) = (read.remove("period"), read.remove("period_s"));
        let zone = read.remove("time_zone");
        let given = |name: &str| entries.iter().any(|entry| entry.key == name);
        let zone_place = self.place(&format!("{path}.time_zone")).unwrap_or(place);
        let period = match (unit, seconds) {
            (Some(_), Some(_)) => {
                let mend = "keep one: 'period' goes by the calendar, 'period_s' by the subscription's start";
                self.flaw(place, path, "has both 'period' and 'period_s'", mend);
                None
            }
            (None, Some(seconds)) if zone.is_some() => {
                let mend = "remove it, or use 'period: day', 'week' or 'month'";
                self.flaw(zone_place, &format!("{path}.time_zone"), "means nothing beside 'period_s'", mend);
                Some(json!({"seconds": seconds}))
            }
            (None, Some(seconds)) => Some(json!({"seconds": seconds})),
            (Some(unit), None) => {
                let zone = zone.as_ref().and_then(Json::as_str).unwrap_or("UTC");
                if TimeZone::get(zone).is_err() {
                    self.unknown_zone(zone_place, zone, &format!("{path}.time_zone"));
                    None
                } else {
                    Some(json!({"unit": unit, "time_zone": zone}))
                }
            }
            (None, None) => {
                if !given("period") && !given("period_s") {
                    let mend = "add 'period: day', 'week' or 'month', or 'period_s: 3600'";
                    self.flaw(place, &format!("{path}.period"), "is missing", mend);
                }
                None
            }
        };
        read.insert("period".into(), period.unwrap_or_else(|| json!({"seconds": 1})));
        Json::Object(read)
    }

    fn unknown_zone(&mut self, place: Place, zone: &str, path: &str) {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let mend = match nearest(zone, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean '{near}'?"),
            None => "use an IANA name like Europe/London or UTC".to_owned(),
        };
        self.flaw(place, path, format!("'{}' is not a time zone", shown(zone)), mend);
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { shown(name) } else { format!("{path}.{}", shown(name)) }
}

fn unknown(name: &str, fields: &[Field]) -> String {
    match nearest(name, fields.iter().map(|field| field.name)) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("use one of {}", fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")),
    }
}

/// What stands in for a value that doesn't fit, so that the model can be filled.
fn placeholder(form: &Form) -> Json {
    match form {
        Form::Text => json!(""),
        Form::Boolean => json!(false),
        Form::Whole(_) => json!(1),
        Form::Word(words) => json!(words.first()),
        Form::List(_) => json!([]),
        Form::Mapping(fields) => Json::Object(
            fields
                .iter()
                .filter(|field| field.needed)
                .map(|field| (field.name.to_owned(), placeholder(&field.form)))
                .collect(),
        ),
        Form::Named(_) => json!({}),
        Form::Json => Json::Null,
        Form::Quota => json!({"calls": 1, "period": {"seconds": 1}}),
    }
}

fn expected(form: &Form) -> (&'static str, String) {
    match form {
        Form::Text => ("text", "write one text".to_owned()),
        Form::Boolean => ("true or false", "write true or false".to_owned()),
        Form::Whole(_) => ("a whole number", "write it like 25000 or 25_000".to_owned()),
        Form::Word(words) => ("a word", format!("use one of {}", words.join(", "))),
        Form::List(_) => ("a list", "write each element on a line of its own, after '- '".to_owned()),
        Form::Mapping(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name).take(5).collect();
            ("a mapping", format!("write fields under it, like {}", names.join(", ")))
        }
        Form::Named(_) => ("a mapping", "write names with their values under it".to_owned()),
        Form::Json => ("a value", "write a value".to_owned()),
        Form::Quota => ("a mapping", "write it like {calls: 25_000, period: day}".to_owned()),
    }
}

/// Text of the file as it may be repeated in a message.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(60).map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

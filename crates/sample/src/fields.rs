//! Reading the members of a JSON object one by one, and collecting everything that is wrong with them.
//! It knows no resource. Members that nobody reads are ignored.

use serde_json::{Map, Value};

use crate::answer::Problem;
use crate::body::kind_of;

/// The longest single line of text, in characters.
pub(crate) const LINE_MAX: usize = 120;

/// An object that is being read.
pub(crate) struct Fields<'a> {
    members: &'a Map<String, Value>,
    /// The pointer of the object itself: empty for the body.
    parent: String,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Reads the body itself.
    pub(crate) fn of(members: &'a Map<String, Value>, problems: &'a mut Vec<Problem>) -> Self {
        Self { members, parent: String::new(), problems }
    }

    /// Notes that the member `name` is wrong. `what` goes on after the member's name, without a full stop.
    pub(crate) fn wrong(&mut self, name: &str, what: &str) {
        let pointer = format!("{}/{name}", self.parent);
        let dotted = pointer.trim_start_matches('/').replace('/', ".");
        self.problems.push(Problem { pointer, place: "body", message: format!("{dotted} {what}.") });
    }

    /// One line of text, trimmed; `None` where it is absent, null or blank.
    pub(crate) fn line(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.text(name, max)?;
        if text.chars().any(char::is_control) {
            self.wrong(name, "must be one line without control characters");
            return None;
        }
        trimmed(text)
    }

    /// Text of several lines, trimmed; `None` where it is absent, null or blank.
    pub(crate) fn prose(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.text(name, max)?;
        if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
            self.wrong(name, "must not have control characters other than line ends and tabs");
            return None;
        }
        trimmed(text)
    }

    /// As [`Fields::line`]; absent is wrong, and then empty is returned.
    pub(crate) fn required_line(&mut self, name: &str, max: usize) -> String {
        let found_before = self.problems.len();
        match self.line(name, max) {
            Some(text) => text,
            None => {
                if self.problems.len() == found_before {
                    self.wrong(name, "is required");
                }
                String::new()
            }
        }
    }

    /// A boolean; absent and null are false.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        match self.present(name) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.wrong(name, &format!("must be true or false, not {}", kind_of(other)));
                false
            }
        }
    }

    /// A whole number.
    pub(crate) fn whole_number(&mut self, name: &str) -> Option<i64> {
        let value = self.present(name)?;
        // 5.0 is a whole number to JSON Schema.
        let whole = |number: &f64| number.fract() == 0.0 && number.abs() < 1e15;
        let number = value.as_i64().or_else(|| value.as_f64().filter(whole).map(|number| number as i64));
        if number.is_none() {
            self.wrong(name, "must be a whole number or null");
        }
        number
    }

    /// One of the words given, letter for letter; `None` where it is absent or null.
    pub(crate) fn choice(&mut self, name: &str, words: &[&str]) -> Option<String> {
        let value = self.present(name)?;
        if let Some(text) = value.as_str().filter(|text| words.contains(text)) {
            return Some(text.to_owned());
        }
        self.wrong(name, &format!("must be one of {}", words.join(", ")));
        None
    }

    /// An array of lines of text; blank ones are left out.
    pub(crate) fn lines(&mut self, name: &str, max: usize) -> Vec<String> {
        let Some(value) = self.present(name) else { return Vec::new() };
        let texts = value.as_array().and_then(|lines| lines.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(texts) = texts.filter(|texts| texts.len() <= max) else {
            self.wrong(name, &format!("must be an array of at most {max} lines of text"));
            return Vec::new();
        };
        let fits = |text: &&str| text.chars().count() <= LINE_MAX && !text.chars().any(char::is_control);
        if !texts.iter().all(fits) {
            let what = format!("must have lines of at most {LINE_MAX} characters, without control characters");
            self.wrong(name, &what);
            return Vec::new();
        }
        texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    /// An object inside this one, read by `read`.
    pub(crate) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        match self.present(name)? {
            Value::Object(members) => {
                let parent = format!("{}/{name}", self.parent);
                Some(read(&mut Fields { members, parent, problems: &mut *self.problems }))
            }
            other => {
                self.wrong(name, &format!("must be an object or null, not {}", kind_of(other)));
                None
            }
        }
    }

    fn present(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Text as it came: what it may hold is looked at before it is trimmed, so that a schema can say the same.
    fn text(&mut self, name: &str, max: usize) -> Option<&'a str> {
        let value = self.present(name)?;
        let Value::String(text) = value else {
            self.wrong(name, &format!("must be text or null, not {}", kind_of(value)));
            return None;
        };
        if text.chars().count() > max {
            self.wrong(name, &format!("must have at most {max} characters"));
            return None;
        }
        Some(text)
    }
}

/// `None` where it is blank.
fn trimmed(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() { None } else { Some(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_wrong_is_found_at_once() {
        let Value::Object(members) = json!({
            "line": "two\nlines", "long": "äöü", "number": 1.5, "flag": "yes", "choice": "C", "lines": ["a", 1],
            "inner": {"text": 5}, "object": [], "unread": {}
        }) else {
            panic!("no object")
        };
        let mut problems = Vec::new();
        let mut fields = Fields::of(&members, &mut problems);
        fields.line("line", 20);
        fields.line("long", 2);
        fields.whole_number("number");
        fields.flag("flag");
        fields.choice("choice", &["A", "B"]);
        fields.lines("lines", 5);
        fields.object("inner", |inner| inner.prose("text", 5));
        fields.object("object", |_| ());
        fields.required_line("absent", 5);
        fields.required_line("line", 20);
        let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "line must be one line without control characters.",
                "long must have at most 2 characters.",
                "number must be a whole number or null.",
                "flag must be true or false, not text.",
                "choice must be one of A, B.",
                "lines must be an array of at most 5 lines of text.",
                "inner.text must be text or null, not a number.",
                "object must be an object or null, not an array.",
                "absent is required.",
                "line must be one line without control characters.",
            ]
        );
        assert_eq!(problems[6].pointer, "/inner/text");
    }

    #[test]
    fn blank_is_absent() {
        let Value::Object(members) = json!({"a": "  ", "b": null, "c": " x ", "d": ["", " y "]}) else {
            panic!("no object")
        };
        let mut problems = Vec::new();
        let mut fields = Fields::of(&members, &mut problems);
        assert_eq!(fields.line("a", 9), None);
        assert_eq!(fields.line("b", 9), None);
        assert_eq!(fields.line("c", 9).as_deref(), Some("x"));
        assert_eq!(fields.lines("d", 2), ["y"]);
        assert!(problems.is_empty());
    }
}

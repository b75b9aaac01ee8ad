//! JSON values as YAML, so that people can read and edit them: blocks, with texts quoted as JSON quotes them.

use serde_json::Value;

/// The value as a YAML document.
pub(super) fn written(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                text.extend(std::iter::repeat_n("  ", indent));
                text.push_str(&key(name));
                text.push(':');
                below(value, indent, text);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for element in elements {
                text.extend(std::iter::repeat_n("  ", indent));
                text.push('-');
                below(element, indent, text);
            }
        }
        scalar => {
            text.push_str(&scalar.to_string());
            text.push('\n');
        }
    }
}

fn below(value: &Value, indent: usize, text: &mut String) {
    let nests = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        _ => false,
    };
    if nests {
        text.push('\n');
        block(value, indent + 1, text);
    } else {
        text.push(' ');
        block(value, 0, text);
    }
}

/// A key that no reader takes for anything but text.
fn key(name: &str) -> String {
    let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() > 1
        && name.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'_' || one == b'-');
    let has_meaning =
        ["true", "false", "null", "yes", "no", "on", "off"].iter().any(|word| word.eq_ignore_ascii_case(name));
    if is_word && !has_meaning { name.to_owned() } else { Value::from(name).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_reads_back_as_it_was() {
        let value = json!({"a": [], "openapi": "3.1.0", "paths": {"/a/{b}": {"get": {"on": true, "200": null}}},
            "list": [1, {"x-y": "a: b # c\n- d"}, [[2.5, {}], "é\u{7}"]], "y": "no", "n": {}});
        let text = written(&value);
        let options = serde_saphyr::Options::default();
        let read: Value = serde_saphyr::from_str_with_options(&text, options).expect("YAML");
        assert_eq!(read, value, "{text}");
        assert!(text.contains("paths:\n  \"/a/{b}\":\n    get:\n"), "{text}");
    }
}

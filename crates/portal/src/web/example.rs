//! An example refusal for every cause, put on the wire by the same rules that answer calls.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderName};
use limen_rules::answer::{Surroundings, answer};
use limen_rules::contract::Cause;
use limen_rules::example::refusal;

use super::errors::reason;
use crate::ports::Addresses;

/// The id in examples: that of the trace context specification, so that nobody takes it for a real one.
const REQUEST_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A refusal as it looks on the wire.
pub(super) struct Example {
    /// Status line and headers.
    pub(super) head: String,
    /// The body, set out over several lines.
    pub(super) body: String,
    /// The body's member `message`.
    pub(super) message: String,
}

impl Example {
    /// The example of `cause`, with links to this very address.
    pub(super) fn of(cause: Cause, addresses: &Addresses) -> Self {
        let surroundings = Surroundings {
            web_url: &addresses.web_url,
            gateway_url: &addresses.gateway_url,
            api: None,
            request_id: REQUEST_ID,
            plain_json: false,
        };
        let response = answer(&refusal(cause), &surroundings);
        let status = response.status().as_u16();
        let told: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
        Self {
            head: format!("HTTP/1.1 {status} {}{}", reason(status), header_lines(response.headers())),
            body: set_out(&String::from_utf8_lossy(response.body())),
            message: told.get("message").and_then(|message| message.as_str()).unwrap_or_default().to_owned(),
        }
    }
}

/// The fields, each on a line of its own, their names written as people know them.
fn header_lines(headers: &HeaderMap) -> String {
    headers
        .iter()
        .map(|(name, value)| format!("\n{}: {}", written(name), String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

/// `retry-after` as `Retry-After`.
fn written(name: &HeaderName) -> String {
    if name == WWW_AUTHENTICATE {
        return "WWW-Authenticate".into();
    }
    let mut begins = true;
    let upper_where_a_word_begins = |character: char| {
        let written = if begins { character.to_ascii_uppercase() } else { character };
        begins = character == '-';
        written
    };
    name.as_str().chars().map(upper_where_a_word_begins).collect()
}

/// Sets compact JSON out over several lines, members in the order in which they stand.
fn set_out(compact: &str) -> String {
    let mut text = String::with_capacity(compact.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    for character in compact.chars() {
        if in_string {
            text.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '{' | '[' => {
                text.push(character);
                depth += 1;
                line(&mut text, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(character);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                in_string = character == '"';
                text.push(character);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::http::header::ALLOW;

    use super::*;

    #[test]
    fn strings_are_left_alone_when_json_is_set_out() {
        assert_eq!(
            set_out(r#"{"a":"x,\"{:","b":[1,2]}"#),
            "{\n  \"a\": \"x,\\\"{:\",\n  \"b\": [\n    1,\n    2\n  ]\n}"
        );
    }

    #[test]
    fn names_of_fields_are_written_as_people_know_them() {
        assert_eq!(written(&ALLOW), "Allow");
        assert_eq!(written(&HeaderName::from_static("retry-after")), "Retry-After");
        assert_eq!(written(&WWW_AUTHENTICATE), "WWW-Authenticate");
    }

    #[test]
    fn every_cause_has_an_example_of_its_own_status() {
        let addresses = Addresses { gateway_url: "http://g.example".into(), web_url: "http://w.example".into() };
        for cause in Cause::ALL {
            let example = Example::of(cause, &addresses);
            assert!(example.head.starts_with(&format!("HTTP/1.1 {} ", cause.status())), "{}", example.head);
            assert!(example.body.contains(&format!("\"code\": \"{}\"", cause.code())), "{}", example.body);
            assert!(!example.message.is_empty(), "{}", cause.code());
        }
    }
}

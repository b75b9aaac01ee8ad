//! An example refusal for every cause, put on the wire by the same rules that answer calls.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderName};
use limen_rules::answer::{Surroundings, answer};
use limen_rules::contract::{BearerError, Cause, Location, Refusal};
use serde_json::json;

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

/// A believable refusal of each cause.
fn refusal(cause: Cause) -> Refusal {
    let refusal = Refusal::new(cause);
    match cause {
        Cause::MalformedRequest => refusal
            .message("The request has two Host headers.")
            .detail("The request has two Host headers; exactly one is needed."),
        Cause::HeadersTooLarge => refusal.message("The request's head is larger than 32 KiB."),
        Cause::RequestTimeout => refusal.message("The request did not arrive in time."),
        Cause::BodyNotJson => refusal
            .message("The body is not JSON: line 3, column 14.")
            .detail("A comma or a closing brace is missing at line 3, column 14.")
            .error("", Location::Body, "a comma or a closing brace is missing at line 3, column 14"),
        Cause::BodyTooLarge => refusal.message("The body is larger than 1,048,576 bytes."),
        Cause::SchemaViolation => refusal.message("The body breaks the schema in one place.").error(
            "/birthdate/y",
            Location::Body,
            "2,100 is more than 2,026",
        ),
        Cause::ParameterInvalid => refusal.message("The parameter limit is wrong.").error(
            "/limit",
            Location::Query,
            "9,000 is more than 5,000",
        ),
        Cause::PreconditionFailed => refusal.message("The record has changed since it was read."),
        Cause::ServiceRefused => {
            let mut refusal = refusal.message("A surname is needed.");
            refusal.service = Some(json!({"error": "validation", "message": "A surname is needed."}));
            refusal
        }
        Cause::SubscriptionKeyMissing | Cause::SubscriptionKeyInvalid => {
            let mut refusal = refusal;
            refusal.challenges.key = true;
            refusal
        }
        Cause::TokenMissing => bearer(refusal, BearerError::None),
        Cause::TokenInvalid | Cause::TokenExpired => bearer(refusal, BearerError::InvalidToken),
        Cause::PermissionDenied => refusal
            .message("The permission constituent.write is missing. It is granted by: editor.")
            .detail("The operation needs the permission constituent.write; the user's roles here don't grant it."),
        Cause::RecordNotFound => refusal.message("There is no constituent 280."),
        Cause::RecordDenied => refusal.message("Constituent 281 is not open to you."),
        Cause::ApplicationMismatch => {
            refusal.message("The token's application belongs to another developer than the key.")
        }
        Cause::QuotaExceeded => refusal
            .message("Out of call volume quota. Quota will be replenished in 00:06:46.")
            .detail("All 25,000 calls of this period have been made.")
            .retry_after_s(406),
        Cause::BandwidthExceeded => refusal
            .message("Out of bandwidth quota. Quota will be replenished in 00:06:46.")
            .detail("All 10,000,000,000 bytes of this period have been moved.")
            .retry_after_s(406),
        Cause::MediaTypeUnsupported => {
            let mut refusal = refusal.message("The body must be of the type application/json.");
            refusal.accept = Some("application/json".into());
            refusal
        }
        Cause::RateLimitExceeded => refusal
            .message("Rate limit is exceeded. Try again in 1 seconds.")
            .detail("6 calls within 1 s; product Standard allows 5.")
            .retry_after_s(1),
        Cause::PlannedMaintenance => {
            let mut refusal = refusal.message("The database is being moved.").retry_after_s(1_800);
            refusal.notice_id = Some("n12".into());
            refusal
        }
        Cause::ServiceUnavailable | Cause::ServiceTimeout | Cause::LimitsUnavailable | Cause::Overloaded => {
            refusal.retry_after_s(10)
        }
        Cause::ResourceNotFound | Cause::Unexpected => refusal,
    }
}

fn bearer(mut refusal: Refusal, error: BearerError) -> Refusal {
    refusal.challenges.token = Some(error);
    refusal
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

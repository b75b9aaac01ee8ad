//! What each trouble of signing in looks like to whoever meets it: the page, the redirect or the answer, as text. The
//! document and the page of common authentication issues are made from this and from the table.

use std::fmt::Write as _;

use http::StatusCode;

use super::trouble::{Told, Trouble};
use crate::contract::Cause;

/// Where a trouble is met, in the order in which people meet them, with the words of its heading and what to look at.
pub const PLACES: [(Told, &str, &str); 3] = [
    (
        Told::Page,
        "On a page of ours, in the browser",
        "Before the redirect URI can be trusted, or before somebody has signed in, nothing is sent to the application: the \
         browser shows a page. The message stands at its top; the details below it name the code.",
    ),
    (
        Told::Redirect,
        "Back at the application, in its redirect URI",
        "Once somebody has signed in, what is wrong with the request goes to the application: the browser is sent to the \
         redirect URI with error, error_description, error_uri, the application's own state, and iss; set out here in \
         lines and without percent-encoding.",
    ),
    (
        Told::Answer,
        "From /token, /revoke and /introspect",
        "A JSON body with error, error_description and error_uri, which leads to the paragraph here.",
    ),
];

/// The causes of a call's refusal that are about who calls.
pub fn causes_of_calls() -> impl Iterator<Item = Cause> {
    let about_who_calls =
        |cause: &Cause| cause.status() == 401 || matches!(cause, Cause::PermissionDenied | Cause::ApplicationMismatch);
    Cause::ALL.into_iter().filter(about_who_calls)
}

/// The troubles that are told there.
pub fn troubles(told: Told) -> impl Iterator<Item = Trouble> {
    Trouble::ALL.iter().copied().filter(move |trouble| trouble.entry().told == told)
}

/// A believable value of what was sent.
fn sent(trouble: Trouble) -> &'static str {
    match trouble.entry().code {
        "client-id-invalid" | "form-client-id-invalid" => "my-aap",
        "redirect-uri-malformed" => "app.example.org/callback",
        "redirect-uri-mismatch" => "https://app.example.org/callback/",
        "not-connected" => "demo",
        "response-type-unsupported" => "token",
        "code-challenge-method-unsupported" => "plain",
        "scope-unknown" | "grant-scope-invalid" => "order.destroy",
        "grant-type-unsupported" => "password",
        "environment-unclear" => "dmo",
        "form-parameter-invalid" => "preserve_refresh_token",
        "form-parameter-missing" => "code",
        _ => "state",
    }
}

/// What it looks like: a status line, what matters of the head, and the page or body.
#[must_use]
pub fn look(trouble: Trouble, web_url: &str) -> String {
    let entry = trouble.entry();
    let message = trouble.message(sent(trouble));
    let reason = StatusCode::from_u16(entry.status).ok().and_then(|status| status.canonical_reason());
    let mut text = format!("HTTP/1.1 {} {}\n", entry.status, reason.unwrap_or_default());
    let page = format!("{web_url}/authentication-issues#{}", entry.code);
    match entry.told {
        Told::Page => {
            if entry.status == 429 {
                text.push_str("Retry-After: …\n");
            }
            let _ = write!(text, "Content-Type: text/html; charset=utf-8\n\n{message}");
        }
        Told::Redirect => {
            let old = if entry.error == "access_denied" { "\n  &error_message=…" } else { "" };
            let _ = write!(
                text,
                "Location: https://app.example.org/callback\n  ?error={}\n  &error_description={}{old}\n  \
                 &error_uri={page}\n  &state=…\n  &iss={web_url}",
                entry.error, message
            );
        }
        Told::Answer => {
            match entry.status {
                401 => text.push_str("WWW-Authenticate: Basic …   (where the Authorization header was used)\n"),
                429 | 503 => text.push_str("Retry-After: …\n"),
                _ => {}
            }
            let _ = write!(
                text,
                "Content-Type: application/json\nCache-Control: no-store\n\n{{\n  \"error\": \"{}\",\n  \
                 \"error_description\": \"{}\",\n  \"error_uri\": \"{page}\"\n}}",
                entry.error,
                message.replace('"', "'")
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_trouble_has_one_place_and_a_look_that_names_its_page() {
        let placed: usize = PLACES.iter().map(|(told, ..)| troubles(*told).count()).sum();
        assert_eq!(placed, Trouble::ALL.len());
        for trouble in Trouble::ALL {
            let entry = trouble.entry();
            let look = look(*trouble, "http://web");
            assert!(look.starts_with(&format!("HTTP/1.1 {} ", entry.status)), "{look}");
            assert!(!look.contains("{}") && !look.contains("'state'") || entry.code.ends_with("repeated"), "{look}");
            let leads = look.contains(&format!("http://web/authentication-issues#{}", entry.code));
            assert_eq!(leads, entry.told != Told::Page, "{look}");
        }
    }

    #[test]
    fn anchors_of_calls_and_of_signing_in_are_never_the_same() {
        let codes: HashSet<&str> = causes_of_calls().map(Cause::code).collect();
        assert!(codes.len() >= 5 && Trouble::ALL.iter().all(|trouble| !codes.contains(trouble.entry().code)));
    }
}

//! Puts a refusal on the wire: one JSON object that old and new parsers read, with its headers.
//!
//! Knows the contract's section 2; does not know how the call came or how bytes leave.

use http::header::{ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::contract::{BearerError, Cause, Challenges, FieldError, Refusal};
use crate::resource_metadata::{self, WELL_KNOWN};
use crate::snapshot::LiveApi;

/// What a refusal's words refer to.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The address of the web pages, without a trailing slash.
    pub web_url: &'a str,
    /// The gateway's public address, without a trailing slash.
    pub gateway_url: &'a str,
    /// The API, where the route got so far.
    pub api: Option<&'a LiveApi>,
    /// The call's id, 32 hex digits.
    pub request_id: &'a str,
    /// Whether `Accept` admits `application/json` and not `application/problem+json`.
    pub plain_json: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "statusCode")]
    status_code: u16,
    message: &'a str,
    #[serde(rename = "type")]
    problem_type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: String,
    code: &'a str,
    help: String,
    trace_id: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a serde_json::Value>,
}

/// The page that mends a cause.
#[must_use]
pub fn help_url(refusal: &Refusal, surroundings: &Surroundings<'_>) -> String {
    let web = surroundings.web_url;
    match (refusal.status, &refusal.notice_id) {
        (401, _) if refusal.cause != Cause::ServiceRefused => {
            format!("{web}/authentication-issues#{}", refusal.cause.code())
        }
        (500, _) => format!("{web}/support?id={}", surroundings.request_id),
        (503, Some(notice)) => format!("{web}/issues/{notice}"),
        _ => format!("{web}/errors/{}", refusal.cause.code()),
    }
}

/// The whole answer to a refused call.
#[must_use]
pub fn answer(refusal: &Refusal, surroundings: &Surroundings<'_>) -> Response<Vec<u8>> {
    let entry = refusal.cause.entry();
    let message = message(refusal, surroundings);
    let body = Body {
        status_code: refusal.status,
        message: &message,
        problem_type: format!("{}/errors/{}", surroundings.web_url, entry.code),
        title: entry.title,
        status: refusal.status,
        detail: &refusal.detail,
        instance: format!("urn:limen:call:{}", surroundings.request_id),
        code: entry.code,
        help: help_url(refusal, surroundings),
        trace_id: surroundings.request_id,
        errors: &refusal.errors,
        service: refusal.service.as_ref(),
    };
    // Strings and a JSON value can't fail to serialise; an empty body would still carry the status.
    let bytes = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = Response::new(bytes);
    *response.status_mut() = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    headers(refusal, surroundings, response.headers_mut());
    response
}

/// The 500's message has the id in it; the others are as they were made.
fn message<'r>(refusal: &'r Refusal, surroundings: &Surroundings<'_>) -> std::borrow::Cow<'r, str> {
    if refusal.cause == Cause::Unexpected {
        format!("{} Tell us the id {}.", refusal.message, surroundings.request_id).into()
    } else {
        refusal.message.as_ref().into()
    }
}

fn headers(refusal: &Refusal, surroundings: &Surroundings<'_>, headers: &mut HeaderMap) {
    let media_type = if surroundings.plain_json { "application/json" } else { "application/problem+json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    put_challenges(&refusal.challenges, refusal.scope.as_deref(), surroundings, headers);
    if let Some(accept) = &refusal.accept {
        put(headers, ACCEPT, accept);
    }
    if refusal.accept_identity {
        put(headers, ACCEPT_ENCODING, "identity");
    }
    if refusal.status == 500 {
        let link = format!("<{}/support?id={}>; rel=\"help\"", surroundings.web_url, surroundings.request_id);
        put(headers, LINK, &link);
    }
    if let Some(notice) = &refusal.notice_id {
        put(headers, LINK, &format!("<{}/issues/{notice}>; rel=\"status\"", surroundings.web_url));
    }
}

/// Adds the `WWW-Authenticate` fields.
pub fn put_challenges(
    challenges: &Challenges,
    scope: Option<&str>,
    surroundings: &Surroundings<'_>,
    headers: &mut HeaderMap,
) {
    if challenges.key {
        put(headers, WWW_AUTHENTICATE, &key_challenge(surroundings));
    }
    if let Some(error) = challenges.token {
        put(headers, WWW_AUTHENTICATE, &bearer_challenge(error, scope, surroundings));
    }
}

/// Adds a field; a value that isn't one is left out rather than sent broken.
fn put(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

fn realm(surroundings: &Surroundings<'_>) -> String {
    let base = surroundings.api.map_or("", |api| api.api.base_path.as_str());
    format!("{}{base}", surroundings.gateway_url)
}

fn key_challenge(surroundings: &Surroundings<'_>) -> String {
    let (scheme, header) =
        surroundings.api.map_or(("AzureApiManagementKey", crate::model::DEFAULT_KEY_HEADER), |api| {
            (api.api.key.challenge.as_str(), api.api.key.header.as_str())
        });
    format!("{scheme} realm=\"{}\",name=\"{header}\",type=\"header\"", realm(surroundings))
}

/// RFC 6750 §3 with `resource_metadata` of RFC 9728 §5.1.
fn bearer_challenge(error: BearerError, scope: Option<&str>, surroundings: &Surroundings<'_>) -> String {
    use std::fmt::Write as _;
    let base = surroundings.api.map_or("", |api| api.api.base_path.as_str());
    let mut challenge = format!("Bearer realm=\"{}\"", realm(surroundings));
    if surroundings.api.is_some_and(resource_metadata::is_told) {
        let _ = write!(challenge, ", resource_metadata=\"{}{WELL_KNOWN}{base}\"", surroundings.gateway_url);
    }
    let error = match error {
        BearerError::None => None,
        BearerError::InvalidToken => Some("invalid_token"),
        BearerError::InvalidRequest => Some("invalid_request"),
        BearerError::InsufficientScope => Some("insufficient_scope"),
    };
    if let Some(error) = error {
        let _ = write!(challenge, ", error=\"{error}\"");
    }
    if let Some(scope) = scope {
        let _ = write!(challenge, ", scope=\"{scope}\"");
    }
    challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Surroundings<'static> = Surroundings {
        web_url: "https://portal.example",
        gateway_url: "https://api.example",
        api: None,
        request_id: "4bf92f3577b34da6a3ce929d0e0e4736",
        plain_json: false,
    };

    fn json(refusal: &Refusal) -> (Response<Vec<u8>>, serde_json::Value) {
        let response = answer(refusal, &HERE);
        let value = serde_json::from_slice(response.body()).unwrap();
        (response, value)
    }

    #[test]
    fn a_refusal_reads_as_the_contract_shows() {
        let refusal = Refusal::new(Cause::RateLimitExceeded)
            .message("Rate limit is exceeded. Try again in 1 seconds.")
            .detail("6 calls within 1 s; product Standard allows 5.")
            .retry_after_s(1);
        let (response, value) = json(&refusal);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(value["statusCode"], 429);
        assert_eq!(value["type"], "https://portal.example/errors/rate-limit-exceeded");
        assert_eq!(value["help"], "https://portal.example/errors/rate-limit-exceeded");
        assert_eq!(value["trace_id"], HERE.request_id);
        assert!(value.get("errors").is_none() && value.get("service").is_none());
    }

    #[test]
    fn a_500_says_the_id_and_nothing_of_the_insides() {
        let (response, value) = json(&Refusal::new(Cause::Unexpected).operator_words("disk on fire"));
        assert_eq!(
            response.headers()["link"],
            "<https://portal.example/support?id=4bf92f3577b34da6a3ce929d0e0e4736>; rel=\"help\""
        );
        assert!(value["message"].as_str().unwrap().contains(HERE.request_id));
        assert!(!String::from_utf8_lossy(response.body()).contains("fire"));
    }

    #[test]
    fn both_challenges_stand_side_by_side() {
        let mut refusal = Refusal::new(Cause::SubscriptionKeyMissing);
        refusal.challenges.key = true;
        refusal.challenges.token = Some(BearerError::InvalidToken);
        let (response, _) = json(&refusal);
        let all: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
        assert_eq!(
            all[0],
            "AzureApiManagementKey realm=\"https://api.example\",name=\"Limen-Subscription-Key\",type=\"header\""
        );
        assert!(all[1].to_str().unwrap().ends_with("error=\"invalid_token\""));
    }
}

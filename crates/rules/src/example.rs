//! A believable refusal of every cause, for pages and documents that show what is answered.

use http::HeaderMap;
use serde_json::json;

use crate::body::{JsonLimits, read_json};
use crate::contract::{BearerError, Cause, Location, Refusal};
use crate::description::{self, LiveDescription};
use crate::media::MediaType;
use crate::model::Api;
use crate::parameter::Given;
use crate::schema::Library;

/// A believable refusal of each cause.
#[must_use]
pub fn refusal(cause: Cause) -> Refusal {
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
        Cause::BodyTooLarge => {
            refusal.message("The body is larger than the 1048576 bytes that this operation accepts.")
        }
        // In the words of those who compare.
        Cause::SchemaViolation => compared(r#"{"birthdate": {"y": 2100}}"#, "").unwrap_or(refusal),
        Cause::ParameterInvalid => compared("{}", "limit=9000").unwrap_or(refusal),
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

/// What a body and a query are told by an operation that describes both.
fn compared(body: &str, query: &str) -> Option<Refusal> {
    let year = json!({"properties": {"birthdate": {"properties": {"y": {"maximum": 2026}}}}});
    let limit = json!({"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 5000}});
    let content = json!([{"media_type": "application/json", "schema": year}]);
    let operation =
        json!({"name": "add", "method": "POST", "path": "/", "parameters": [limit], "body": {"content": content}});
    let api = json!({"name": "a", "base_path": "/a", "target": "", "validate": "schema", "operations": [operation]});
    let api: Api = serde_json::from_value(api).ok()?;
    let description = LiveDescription::compile(&api, api.operations.first()?, &Library::new(&api.schemas)).ok()?;
    let (_, tree) = read_json(body.as_bytes(), JsonLimits::default()).ok()?;
    let headers = HeaderMap::new();
    let mut errors = description.parameters.check(&Given { rest: "/", query: Some(query), headers: &headers });
    errors.extend(description.body.check(&MediaType::parse("application/json")?, &tree));
    Some(description::refusal(errors))
}

fn bearer(mut refusal: Refusal, error: BearerError) -> Refusal {
    refusal.challenges.token = Some(error);
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_told_as_it_is_answered() {
        let told = |cause| {
            let refusal = refusal(cause);
            assert_eq!((refusal.cause, refusal.errors.len()), (cause, 1));
            (refusal.message.to_string(), refusal.errors[0].pointer.clone())
        };
        let (message, pointer) = told(Cause::SchemaViolation);
        assert_eq!(
            (&*message, &*pointer),
            ("In the body, /birthdate/y must be at most 2026, not 2100.", "/birthdate/y")
        );
        let (message, pointer) = told(Cause::ParameterInvalid);
        assert_eq!((&*message, &*pointer), ("The query parameter 'limit' must be at most 5000, not 9000.", "/limit"));
    }
}

//! A believable refusal of every cause, for pages and documents that show what is answered.

use serde_json::json;

use crate::contract::{BearerError, Cause, Location, Refusal};

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

//! The one table of the response contract: every cause of a refusal with its status, words, reason and mend.
//!
//! Pages, documents and tests are made from this table or checked against it. It knows nothing of a particular call.

mod refusal;

use serde::Serialize;

pub use refusal::{BearerError, Challenges, FIELD_ERRORS_MAX, FieldError, Location, Refusal, Told};

/// The nine final statuses of the strict contract.
pub const STATUSES: [u16; 9] = [200, 400, 401, 403, 404, 415, 429, 500, 503];

/// Why a call was not answered with 200: the stable name of each cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The request's syntax or framing is wrong.
    MalformedRequest,
    /// The request's head is larger than 32 KiB.
    HeadersTooLarge,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The body isn't JSON.
    BodyNotJson,
    /// The body is larger than the operation accepts.
    BodyTooLarge,
    /// The body breaks the operation's schema.
    SchemaViolation,
    /// A parameter is wrong.
    ParameterInvalid,
    /// A condition of the request (`If-Match` and the like) does not hold.
    PreconditionFailed,
    /// No subscription key came.
    SubscriptionKeyMissing,
    /// The subscription key isn't accepted.
    SubscriptionKeyInvalid,
    /// No access token came.
    TokenMissing,
    /// The access token isn't accepted.
    TokenInvalid,
    /// The access token was good and has expired.
    TokenExpired,
    /// The user lacks the permission for the operation.
    PermissionDenied,
    /// The user may not see this record.
    RecordDenied,
    /// The token's application isn't the subscription's developer's.
    ApplicationMismatch,
    /// The subscription's quota of calls is used up.
    QuotaExceeded,
    /// The subscription's quota of bytes is used up.
    BandwidthExceeded,
    /// Unknown path, version or method.
    ResourceNotFound,
    /// The service knows no such record.
    RecordNotFound,
    /// The body's media type isn't accepted.
    MediaTypeUnsupported,
    /// The subscription's rate limit is exceeded.
    RateLimitExceeded,
    /// The service refused the request with a 4xx of its own.
    ServiceRefused,
    /// A fault of ours or an answer of the service that the contract has no place for.
    Unexpected,
    /// Planned downtime is under way.
    PlannedMaintenance,
    /// The service is down.
    ServiceUnavailable,
    /// The service did not answer in time.
    ServiceTimeout,
    /// The count of the subscription's quota can't be read or written.
    LimitsUnavailable,
    /// Limen has no room for the call just now.
    Overloaded,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Entry {
    /// The status code; `service-refused` keeps the service's own mapped status, 400 unless another is told.
    pub status: u16,
    /// The stable name on the wire and in the page's address.
    pub code: &'static str,
    /// A short title, RFC 9457 §3.1.3.
    pub title: &'static str,
    /// The message on the wire where it is always the same; empty where it is told per call.
    pub message: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// Why it happens.
    pub why: &'static str,
    /// What the caller can do.
    pub mend: &'static str,
}

const KEY_MISSING: &str = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.";
const KEY_INVALID: &str =
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.";
const TOKEN: &str = "The required Authorization header was missing or invalid, or the token has expired";

impl Cause {
    /// Every cause, in the order in which pages and documents list them: by status, then as the contract does.
    pub const ALL: [Self; 29] = [
        Self::MalformedRequest,
        Self::HeadersTooLarge,
        Self::RequestTimeout,
        Self::BodyNotJson,
        Self::BodyTooLarge,
        Self::SchemaViolation,
        Self::ParameterInvalid,
        Self::PreconditionFailed,
        Self::ServiceRefused,
        Self::SubscriptionKeyMissing,
        Self::SubscriptionKeyInvalid,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::PermissionDenied,
        Self::RecordDenied,
        Self::ApplicationMismatch,
        Self::QuotaExceeded,
        Self::BandwidthExceeded,
        Self::ResourceNotFound,
        Self::RecordNotFound,
        Self::MediaTypeUnsupported,
        Self::RateLimitExceeded,
        Self::Unexpected,
        Self::PlannedMaintenance,
        Self::ServiceUnavailable,
        Self::ServiceTimeout,
        Self::LimitsUnavailable,
        Self::Overloaded,
    ];

    /// The cause of that stable name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// The stable name, such as `rate-limit-exceeded`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// The status code of the row.
    #[must_use]
    pub fn status(self) -> u16 {
        self.entry().status
    }

    /// The row of the table.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one table, one place: a row each and no logic")]
    pub fn entry(self) -> &'static Entry {
        match self {
            Self::MalformedRequest => &Entry {
                status: 400,
                code: "malformed-request",
                title: "Malformed request",
                message: "",
                meaning: "The request itself could not be read: its syntax, framing or path is wrong.",
                why: "A header, the path or the framing of the body breaks HTTP's rules, or could be read in two ways. Limen refuses what is ambiguous instead of guessing.",
                mend: "Read the detail: it names the part that is wrong. Percent-encode paths once, send one Host header, and let an HTTP library frame the body.",
            },
            Self::HeadersTooLarge => &Entry {
                status: 400,
                code: "headers-too-large",
                title: "Headers too large",
                message: "",
                meaning: "The request line and headers together are larger than 32 KiB, or there are more than 100 of them.",
                why: "Usually cookies or a very long query that pile up.",
                mend: "Send fewer or shorter headers; move long input into the body.",
            },
            Self::RequestTimeout => &Entry {
                status: 400,
                code: "request-timeout",
                title: "Request timed out",
                message: "",
                meaning: "The request did not arrive completely in the time allowed.",
                why: "The connection was slow or broke while the head or body was being sent.",
                mend: "Send the request again. If it is a large upload, send it in smaller parts.",
            },
            Self::BodyNotJson => &Entry {
                status: 400,
                code: "body-not-json",
                title: "Body is not JSON",
                message: "",
                meaning: "The body was announced as JSON and could not be read as such.",
                why: "A syntax error, a duplicate member, nesting beyond 64 levels, or text that isn't UTF-8. The detail has line and column.",
                mend: "Mend the body at the place that the detail names; make it with a JSON library instead of by hand.",
            },
            Self::BodyTooLarge => &Entry {
                status: 400,
                code: "body-too-large",
                title: "Body too large",
                message: "",
                meaning: "The body is larger than this operation accepts.",
                why: "Each operation has a limit, 1 MiB unless the API says otherwise.",
                mend: "Send less in one call: split the work over several.",
            },
            Self::SchemaViolation => &Entry {
                status: 400,
                code: "schema-violation",
                title: "Body breaks the schema",
                message: "",
                meaning: "The body is JSON, and not of the form that this operation accepts.",
                why: "A member is missing, of the wrong type, or outside its bounds. Each violation is listed under errors.",
                mend: "Compare the body with the operation's description, member by member, as the errors list them.",
            },
            Self::ParameterInvalid => &Entry {
                status: 400,
                code: "parameter-invalid",
                title: "Parameter invalid",
                message: "",
                meaning: "A path, query or header parameter is missing, doubled or of the wrong form.",
                why: "The detail and the errors name each parameter.",
                mend: "Correct the parameters that are named and send the request again.",
            },
            Self::PreconditionFailed => &Entry {
                status: 400,
                code: "precondition-failed",
                title: "Precondition failed",
                message: "",
                meaning: "The request was conditional (If-Match, If-Unmodified-Since) and the condition does not hold.",
                why: "Somebody changed the record since you read it.",
                mend: "Read the record again, apply your change to what you read, and send it with the new tag.",
            },
            Self::ServiceRefused => &Entry {
                status: 400,
                code: "service-refused",
                title: "Refused by the service",
                message: "",
                meaning: "The request passed every check of the gateway, and the service behind it refused it.",
                why: "The service's own words are the message; its whole answer is under service.",
                mend: "Do what the message says. If it isn't clear, ask the API's publisher and give them the trace id.",
            },
            Self::SubscriptionKeyMissing => &Entry {
                status: 401,
                code: "subscription-key-missing",
                title: "Subscription key missing",
                message: KEY_MISSING,
                meaning: "The call came without a subscription key.",
                why: "The header that carries the key wasn't sent, is misspelt, or was dropped by a proxy on the way.",
                mend: "Send your primary or secondary key in the header that the WWW-Authenticate header names.",
            },
            Self::SubscriptionKeyInvalid => &Entry {
                status: 401,
                code: "subscription-key-invalid",
                title: "Subscription key invalid",
                message: KEY_INVALID,
                meaning: "The subscription key is not one that opens this API.",
                why: "It was mistyped or cut when copied, was regenerated, belongs to a subscription that isn't active, or to a product without this API.",
                mend: "Compare the key with the one in your subscription, look whether the subscription is active, and whether its product has this API.",
            },
            Self::TokenMissing => &Entry {
                status: 401,
                code: "token-missing",
                title: "Access token missing",
                message: TOKEN,
                meaning: "The call came without an access token.",
                why: "The Authorization header is missing, or isn't of the form Bearer TOKEN.",
                mend: "Send Authorization: Bearer followed by a space and the access token.",
            },
            Self::TokenInvalid => &Entry {
                status: 401,
                code: "token-invalid",
                title: "Access token invalid",
                message: TOKEN,
                meaning: "The access token is not accepted.",
                why: "It was cut or changed, is of another issuer or for another API, was revoked, or its user, role or connection has ended.",
                mend: "Get a new access token. If that is refused too, let the user sign in again.",
            },
            Self::TokenExpired => &Entry {
                status: 401,
                code: "token-expired",
                title: "Access token expired",
                message: TOKEN,
                meaning: "The access token was good, and its time is over.",
                why: "Access tokens live for a short time.",
                mend: "Get a new access token with your refresh token and send the call again.",
            },
            Self::PermissionDenied => &Entry {
                status: 403,
                code: "permission-denied",
                title: "Permission denied",
                message: "",
                meaning: "The user is known and may not perform this operation.",
                why: "None of the user's roles in this environment allows it. The message names the permission and the roles that grant it.",
                mend: "Ask the environment's administrator for a role that grants the permission, then call again; the same token works.",
            },
            Self::RecordDenied => &Entry {
                status: 403,
                code: "record-denied",
                title: "Record denied",
                message: "",
                meaning: "The user may perform the operation, and may not see this record.",
                why: "The service or a policy guards this record from the user.",
                mend: "Ask the environment's administrator whether the user ought to see the record.",
            },
            Self::ApplicationMismatch => &Entry {
                status: 403,
                code: "application-mismatch",
                title: "Application mismatch",
                message: "",
                meaning: "The access token was given to another developer's application than the subscription key belongs to.",
                why: "Key and token must come from the same developer.",
                mend: "Use the key of the developer who owns the application, or a token of one of your own applications.",
            },
            Self::QuotaExceeded => &Entry {
                status: 403,
                code: "quota-exceeded",
                title: "Call quota exceeded",
                message: "",
                meaning: "All calls that the subscription's product allows in this period have been made.",
                why: "The quota counts calls that were handed to the service, over a fixed period.",
                mend: "Wait for the time in Retry-After, after which the quota is whole again, or take a product with a larger quota.",
            },
            Self::BandwidthExceeded => &Entry {
                status: 403,
                code: "bandwidth-exceeded",
                title: "Bandwidth quota exceeded",
                message: "",
                meaning: "All bytes that the subscription's product allows in this period have been moved.",
                why: "The quota counts the bodies of requests and responses, over a fixed period.",
                mend: "Wait for the time in Retry-After, ask for smaller pages, or take a product with a larger quota.",
            },
            Self::ResourceNotFound => &Entry {
                status: 404,
                code: "resource-not-found",
                title: "Resource not found",
                message: "Resource not found",
                meaning: "There is no such URL: the path, the version or the method is unknown.",
                why: "A typing error in the path, a missing base path, or a method that this path doesn't have.",
                mend: "Compare method and path with the API's description, letter by letter.",
            },
            Self::RecordNotFound => &Entry {
                status: 404,
                code: "record-not-found",
                title: "Record not found",
                message: "",
                meaning: "The URL is right, and the service has no such record.",
                why: "The id is wrong, or the record was deleted.",
                mend: "Look for the record with a list or search call and use the id that it gives.",
            },
            Self::MediaTypeUnsupported => &Entry {
                status: 415,
                code: "media-type-unsupported",
                title: "Media type unsupported",
                message: "",
                meaning: "The body came without a Content-Type, with one that the operation doesn't accept, or compressed.",
                why: "A body must say what it is: application/json for JSON.",
                mend: "Send Content-Type: application/json (or another type that the Accept header of the answer names) and no Content-Encoding.",
            },
            Self::RateLimitExceeded => &Entry {
                status: 429,
                code: "rate-limit-exceeded",
                title: "Rate limit exceeded",
                message: "",
                meaning: "The subscription made more calls in a short time than its product allows.",
                why: "Both keys of a subscription, and all programs that use them, share one limit. Refused calls don't count.",
                mend: "Wait for the seconds in Retry-After, then send the call again. Spread calls evenly instead of in bursts.",
            },
            Self::Unexpected => &Entry {
                status: 500,
                code: "unexpected",
                title: "Unexpected error",
                message: "An unexpected error has occurred on our side.",
                meaning: "Something went wrong on our side that we did not expect.",
                why: "It is not your request: the service behind the gateway or the gateway itself failed.",
                mend: "Try again later. If it stays, tell us with the support link: it carries the id of the call, which is all that we need.",
            },
            Self::PlannedMaintenance => &Entry {
                status: 503,
                code: "planned-maintenance",
                title: "Planned maintenance",
                message: "",
                meaning: "The API is closed for planned maintenance.",
                why: "The maintenance was announced on the Issues page, with its begin and its end.",
                mend: "Wait for the seconds in Retry-After: they lead to the end of the window. The Issues page tells more.",
            },
            Self::ServiceUnavailable => &Entry {
                status: 503,
                code: "service-unavailable",
                title: "Service unavailable",
                message: "The service is temporarily unavailable. Try again later.",
                meaning: "The service behind the gateway is down or can't be reached.",
                why: "It refused the connection, broke it, or said itself that it is unavailable.",
                mend: "Wait for the seconds in Retry-After and send the call again. Look at the Issues page if it lasts.",
            },
            Self::ServiceTimeout => &Entry {
                status: 503,
                code: "service-timeout",
                title: "Service timed out",
                message: "The service did not answer in time. Try again later.",
                meaning: "The service behind the gateway took longer than the API allows.",
                why: "It is overloaded, or the request asks for more than can be had in the time.",
                mend: "Wait for the seconds in Retry-After and send the call again; ask for less in one call if you can. A write may have happened: read the record before you repeat it.",
            },
            Self::LimitsUnavailable => &Entry {
                status: 503,
                code: "limits-unavailable",
                title: "Limits unavailable",
                message: "The subscription's limits can't be checked at the moment. Try again later.",
                meaning: "The gateway can't count this call just now, and lets none pass uncounted.",
                why: "The place where the counts are kept can't be written.",
                mend: "Wait for the seconds in Retry-After and send the call again.",
            },
            Self::Overloaded => &Entry {
                status: 503,
                code: "overloaded",
                title: "Overloaded",
                message: "Too many calls are under way at the moment. Try again later.",
                meaning: "The gateway has no room for the call just now.",
                why: "Connections, memory or the service's queue are full.",
                mend: "Wait for the seconds in Retry-After and send the call again.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_statuses_are_of_the_contract() {
        let mut codes: Vec<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Cause::ALL.len());
        assert!(Cause::ALL.iter().all(|cause| STATUSES.contains(&cause.status())));
    }

    #[test]
    fn old_parsers_find_their_words() {
        assert_eq!(
            Cause::TokenExpired.entry().message,
            "The required Authorization header was missing or invalid, or the token has expired"
        );
        assert!(KEY_MISSING.starts_with("Access denied due to missing subscription key. Make sure to include "));
        assert!(KEY_INVALID.ends_with("Make sure to provide a valid key for an active subscription."));
    }

    #[test]
    fn a_code_leads_back_to_its_cause() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_code(cause.code()), Some(cause));
        }
        assert_eq!(Cause::from_code("nothing"), None);
    }
}

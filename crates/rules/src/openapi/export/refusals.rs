//! Our refusals as answers in a document: which an operation can get, each with an example, made from the one table.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::copying::Kind;
use super::{Members, PublishedAt, reference, takes_body};
use crate::answer::{Surroundings, answer};
use crate::contract::{Cause, Location};
use crate::example;
use crate::model::{Access, Api, Bind, ContractKind, Operation, Validate};

/// The form of a refusal (RFC 9457).
pub(super) const MEDIA_TYPE: &str = "application/problem+json";
/// How references to our refusals begin.
pub(super) const OURS: &str = "#/components/responses/limen-";
/// The component that describes it.
const PROBLEM: &str = "limen-problem";
/// Components of headers.
const REQUEST_ID: &str = "limen-request-id";
const RETRY_AFTER: &str = "limen-retry-after";
const LIMIT: &str = "limen-rate-limit";
const LIMIT_POLICY: &str = "limen-rate-limit-policy";
const CHALLENGE: &str = "limen-challenge";
/// The id in examples: that of the trace context specification, so that nobody takes it for a real one.
const EXAMPLE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

type StatusAndCodes = (u16, Vec<&'static str>);

/// Refusals that operations share: a component for each status and set of causes.
#[derive(Default)]
pub(super) struct Shared {
    names: BTreeMap<StatusAndCodes, (String, Vec<Cause>)>,
}

impl Shared {
    /// The name of the component that tells these causes.
    pub(super) fn name(&mut self, status: u16, causes: &[Cause]) -> String {
        let codes: Vec<&'static str> = causes.iter().map(|cause| cause.code()).collect();
        if let Some((name, _)) = self.names.get(&(status, codes.clone())) {
            return name.clone();
        }
        let same = self.names.keys().filter(|(other, _)| *other == status).count();
        let name = if same == 0 { format!("limen-{status}") } else { format!("limen-{status}-{}", same + 1) };
        self.names.insert((status, codes), (name.clone(), causes.to_vec()));
        name
    }

    /// Adds the components: refusals, headers, the schema of a problem, all under names of ours.
    pub(super) fn add_to(self, components: &mut Members, at: &PublishedAt<'_>) {
        let mut add = |kind: Kind, name: &str, value: Value| {
            let section = components.entry(kind.section()).or_insert_with(|| json!({}));
            if let Some(section) = section.as_object_mut() {
                section.insert(name.to_owned(), value);
            }
        };
        add(Kind::Schema, PROBLEM, problem());
        for (name, header) in headers() {
            add(Kind::Header, name, header);
        }
        for ((status, _), (name, causes)) in self.names {
            add(Kind::Response, &name, refusal(status, &causes, at));
        }
    }
}

/// A body that is a refusal of ours, told beside the service's.
pub(super) fn content() -> Value {
    json!({"schema": reference(Kind::Schema, PROBLEM)})
}

/// The causes that can refuse a call of this operation, by status.
pub(super) fn by_status(api: &Api, operation: &Operation) -> BTreeMap<u16, Vec<Cause>> {
    let mut by_status: BTreeMap<u16, Vec<Cause>> = BTreeMap::new();
    for cause in Cause::ALL.into_iter().filter(|cause| can_refuse(*cause, api, operation)) {
        by_status.entry(cause.status()).or_default().push(cause);
    }
    by_status
}

fn can_refuse(cause: Cause, api: &Api, operation: &Operation) -> bool {
    let access = operation.access.unwrap_or(api.access);
    let validate = operation.validate.unwrap_or(api.validate);
    let maps = api.contract == ContractKind::Strict;
    let has_schema = operation.body.iter().flat_map(|body| &body.content).any(|content| content.schema.is_some());
    match cause {
        Cause::MalformedRequest | Cause::HeadersTooLarge | Cause::RequestTimeout => true,
        Cause::BodyNotJson => takes_body(operation) && validate != Validate::Off,
        Cause::BodyTooLarge | Cause::MediaTypeUnsupported => takes_body(operation),
        Cause::SchemaViolation => has_schema && validate == Validate::Schema,
        Cause::ParameterInvalid => !operation.parameters.is_empty() && validate == Validate::Schema,
        Cause::PreconditionFailed => maps && !matches!(&*operation.method, "GET" | "HEAD" | "OPTIONS"),
        Cause::ServiceRefused | Cause::RecordNotFound => maps,
        Cause::SubscriptionKeyMissing
        | Cause::SubscriptionKeyInvalid
        | Cause::QuotaExceeded
        | Cause::BandwidthExceeded
        | Cause::RateLimitExceeded
        | Cause::LimitsUnavailable => access.needs_key(),
        Cause::TokenMissing | Cause::TokenInvalid | Cause::TokenExpired => access.needs_token(),
        Cause::PermissionDenied => access.needs_token() && operation.permission.is_some(),
        Cause::RecordDenied => (maps || api.policies.is_some()) && access.needs_token(),
        Cause::ApplicationMismatch => access == Access::KeyAndToken && api.bind == Bind::Application,
        Cause::ResourceNotFound
        | Cause::Unexpected
        | Cause::PlannedMaintenance
        | Cause::ServiceUnavailable
        | Cause::ServiceTimeout
        | Cause::Overloaded => true,
    }
}

/// Adds the headers that every answer of the operation has.
pub(super) fn add_headers(api: &Api, operation: &Operation, members: &mut Members) {
    let counted = operation.access.unwrap_or(api.access).needs_key();
    let Some(all) = members.entry("headers").or_insert_with(|| json!({})).as_object_mut() else { return };
    // The service's own of these names never leave.
    all.retain(|name, _| !["x-request-id", "ratelimit", "ratelimit-policy"].contains(&&*name.to_ascii_lowercase()));
    all.insert("X-Request-Id".into(), reference(Kind::Header, REQUEST_ID));
    if counted {
        all.insert("RateLimit".into(), reference(Kind::Header, LIMIT));
        all.insert("RateLimit-Policy".into(), reference(Kind::Header, LIMIT_POLICY));
    }
}

/// What a refusal for one of these causes is described by.
pub(super) fn words(causes: &[Cause]) -> String {
    let words: Vec<String> =
        causes.iter().map(|cause| format!("- `{}`: {}", cause.code(), cause.entry().meaning)).collect();
    words.join("\n")
}

fn refusal(status: u16, causes: &[Cause], at: &PublishedAt<'_>) -> Value {
    let mut headers = Members::new();
    headers.insert("X-Request-Id".into(), reference(Kind::Header, REQUEST_ID));
    let waits = causes.iter().any(|cause| example::refusal(*cause).retry_after_s.is_some());
    let counted = causes
        .iter()
        .any(|cause| matches!(cause, Cause::RateLimitExceeded | Cause::QuotaExceeded | Cause::BandwidthExceeded));
    if waits {
        headers.insert("Retry-After".into(), reference(Kind::Header, RETRY_AFTER));
    }
    if counted {
        headers.insert("RateLimit".into(), reference(Kind::Header, LIMIT));
        headers.insert("RateLimit-Policy".into(), reference(Kind::Header, LIMIT_POLICY));
    }
    if status == 401 {
        headers.insert("WWW-Authenticate".into(), reference(Kind::Header, CHALLENGE));
    }
    let examples: Members = causes.iter().map(|cause| (cause.code().to_owned(), told(*cause, at))).collect();
    json!({
        "description": words(causes),
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": reference(Kind::Schema, PROBLEM), "examples": examples}},
    })
}

/// A refusal as it looks on the wire.
fn told(cause: Cause, at: &PublishedAt<'_>) -> Value {
    let surroundings = Surroundings {
        web_url: at.web_url,
        gateway_url: at.gateway_url,
        api: None,
        request_id: EXAMPLE_ID,
        plain_json: false,
    };
    let body = answer(&example::refusal(cause), &surroundings).into_body();
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    json!({"summary": cause.entry().title, "value": value})
}

fn problem() -> Value {
    let text = |words: &str| json!({"type": "string", "description": words});
    let codes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    let places = [Location::Body, Location::Query, Location::Path, Location::Header];
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457), with the members that older programs read.",
        "required": ["statusCode", "message", "type", "title", "status", "detail", "code", "help", "trace_id"],
        "properties": {
            "statusCode": {"type": "integer", "description": "The status, for older programs."},
            "message": text("What is wrong, for older programs."),
            "type": {"type": "string", "format": "uri", "description": "The page of this cause."},
            "title": text("The cause in a few words."),
            "status": {"type": "integer", "description": "The status."},
            "detail": text("All that is wrong with this call at that step."),
            "instance": {"type": "string", "format": "uri", "description": "The call."},
            "code": {"type": "string", "enum": codes, "description": "The stable name of the cause."},
            "help": {"type": "string", "format": "uri", "description": "The page that mends it."},
            "trace_id": text("The call's id, as in X-Request-Id."),
            "errors": {
                "type": "array",
                "maxItems": crate::contract::FIELD_ERRORS_MAX,
                "description": "Everything that is wrong with parameters and body.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "in", "message"],
                    "properties": {
                        "pointer": text("Where, as a JSON pointer."),
                        "in": {"type": "string", "enum": places},
                        "message": text("What is wrong there."),
                    },
                },
            },
            "service": {"description": "What the service said, where it refused."},
        },
    })
}

fn headers() -> [(&'static str, Value); 5] {
    let text =
        |words: &str, example: &str| json!({"description": words, "schema": {"type": "string"}, "example": example});
    [
        (REQUEST_ID, text("The call's id; tell it to us when you ask for help.", EXAMPLE_ID)),
        (
            RETRY_AFTER,
            json!({"description": "Whole seconds to wait before the call is sent again.", "schema": {"type": "integer", "minimum": 1}, "example": 1}),
        ),
        (LIMIT, text("What is left of the subscription's limits.", "\"rate\";r=4;t=1")),
        (LIMIT_POLICY, text("The subscription's limits.", "\"rate\";q=5;w=1, \"quota\";q=25000;w=86400")),
        (CHALLENGE, text("What was missing, and how it is sent.", "Bearer")),
    ]
}

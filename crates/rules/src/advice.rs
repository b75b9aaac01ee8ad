//! What the strict contract would make of a target's answer, told before any caller meets it: what changes, what is lost,
//! and how to mend it. The statuses are [`crate::mapping`]'s; here they get words for whoever publishes the service.

mod fields;
#[cfg(test)]
mod tests;

use http::{HeaderMap, Method};
use serde::Serialize;

use crate::body::service_message;
use crate::contract::Cause;
use crate::health;
use crate::mapping::{Mapped, MappingSettings, PassedBody, map};
use crate::model::{Api, ContractKind, ErrorBody};
use crate::target::Target;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// The target's root.
    Root,
    /// The path of its health checks, which no caller calls.
    Health,
    /// An operation.
    Operation,
}

/// How the answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// It is whole.
    Whole,
    /// It is longer than was read.
    Long,
    /// It had not ended in time.
    Slow,
    /// The connection ended before it.
    BrokenOff,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Its status.
    pub status: u16,
    /// Whether it is HTTP/1.0.
    pub is_http10: bool,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// What was read of its body.
    pub body: &'a [u8],
    /// How the body ended.
    pub end: Body,
}

/// One thing to know of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Advice {
    /// Its name, for programs.
    pub code: &'static str,
    /// What is so, and what callers get of it.
    pub what: String,
    /// How to mend it, or why nothing needs to be.
    pub mend: String,
}

/// What becomes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The status that callers get in the strict contract.
    pub leaves_as: u16,
    /// The cause that they are told, where it is no success.
    pub cause: Option<Cause>,
    /// What to know.
    pub advice: Vec<Advice>,
}

impl Judged {
    fn add(&mut self, code: &'static str, what: impl Into<String>, mend: impl Into<String>) {
        self.advice.push(Advice { code, what: what.into(), mend: mend.into() });
    }
}

/// Judges the answer to a GET. `public_base` is the API's address in public, without a slash at its end.
#[must_use]
pub fn judge(api: &Api, target: &Target, public_base: &str, asked: Asked, answered: &Answered<'_>) -> Judged {
    let settings = MappingSettings {
        strict: true,
        pass_401: api.pass_401,
        pass_statuses: &api.pass_statuses,
        websocket: api.websocket,
    };
    let mapped = map(answered.status, &Method::GET, &settings);
    let (leaves_as, cause) = left(mapped);
    let mut judged = Judged { leaves_as, cause, advice: Vec::new() };
    if asked == Asked::Health {
        // Nobody calls it through the API: only what the check itself makes of it counts.
        if !health::passes(answered.status) {
            let what = format!("{} is no pass: the target counts as unhealthy and gets no calls", answered.status);
            judged.add("health-refused", what, "name a path in health.path that is answered 200 without credentials");
        }
        return judged;
    }
    status(&mut judged, mapped, target, answered);
    fields::lost(&mut judged, api, answered);
    fields::location(&mut judged, mapped, target, public_base, answered);
    body(&mut judged, mapped, api, asked, answered);
    if answered.is_http10 {
        judged.add(
            "http-1.0",
            "it answers in HTTP/1.0: most services then close the connection, and each call makes a new one",
            "let it speak HTTP/1.1 with persistent connections",
        );
    }
    if api.contract == ContractKind::Transparent {
        for one in &mut judged.advice {
            one.mend = format!("nothing while contract is transparent; for strict: {}", one.mend);
        }
    }
    judged
}

/// The status that leaves, and what callers are told with it.
fn left(mapped: Mapped) -> (u16, Option<Cause>) {
    let of = |cause: Cause| (cause.status(), Some(cause));
    match mapped {
        Mapped::Pass { status, .. } => (status, None),
        Mapped::Refuse { cause, status } => (status, Some(cause)),
        Mapped::Upgrade => (101, None),
        Mapped::Interim | Mapped::Unexpected => of(Cause::Unexpected),
        Mapped::Unavailable => of(Cause::ServiceUnavailable),
        Mapped::Timeout => of(Cause::ServiceTimeout),
    }
}

fn status(judged: &mut Judged, mapped: Mapped, target: &Target, answered: &Answered<'_>) {
    let (status, leaves_as) = (answered.status, judged.leaves_as);
    let code = judged.cause.map_or("ok", Cause::code);
    if let Mapped::Pass { body, .. } = mapped {
        if status != leaves_as {
            let empty = if body == PassedBody::Empty { " with an empty body" } else { "" };
            let what = format!("{status} leaves as {leaves_as}{empty}: successes are not told apart");
            judged.add("status-mapped", what, "nothing, where callers needn't tell them apart");
        }
        return;
    }
    if status == leaves_as {
        return;
    }
    let what = format!("{status} leaves as {leaves_as} {code}");
    match (mapped, status) {
        (Mapped::Refuse { .. }, _) => judged.add(
            "status-mapped",
            format!("{what}: the contract knows nine statuses"),
            format!("nothing, where callers can do with {leaves_as}; else pass_statuses: [{status}]"),
        ),
        (_, 300..=399) if status != 304 => judged.add(
            "redirect",
            format!("{what}: no caller is sent elsewhere{}", fields::destination(target, answered.headers)),
            format!("answer directly; else pass_statuses: [{status}] or contract: transparent"),
        ),
        (_, 206 | 304) => judged.add(
            "not-asked-for",
            format!("{what}: Range and If-None-Match are not sent on, so nobody asked for it"),
            format!("answer 200; else pass_statuses: [{status}], which sends those fields on"),
        ),
        (_, 401) => judged.add(
            "service-401",
            format!("{what}: what the service wants of credentials is not the caller's to mend"),
            "let the service take the caller from Limen-Assertion; else forward_token: true, or pass_401: true",
        ),
        (Mapped::Unavailable | Mapped::Timeout, _) => {
            judged.add("service-down", format!("{what}, as of a service that is down"), "see why it answers so");
        }
        _ => judged.add("service-failed", format!("{what}: callers are told nothing more"), "see why it answers so"),
    }
}

fn body(judged: &mut Judged, mapped: Mapped, api: &Api, asked: Asked, answered: &Answered<'_>) {
    match answered.end {
        Body::BrokenOff => judged.add(
            "body-broke-off",
            "the connection ended inside the body: the caller's is ended too, so that nothing cut looks whole",
            "see why it closes; its Content-Length may be wrong",
        ),
        Body::Slow if !fields::is_stream(answered.headers) => judged.add(
            "slow-body",
            "the body had not ended when it was left",
            "see why it takes so long; a call ends after deadlines.idle_timeout_ms without a byte",
        ),
        Body::Whole | Body::Long | Body::Slow => {}
    }
    let has_body = !answered.body.is_empty();
    let content_type = fields::media_type(answered.headers);
    let is_relayed = matches!(mapped, Mapped::Pass { body: PassedBody::Kept, .. });
    let is_refusal = matches!(mapped, Mapped::Refuse { .. });
    if has_body && content_type.is_empty() && is_relayed {
        judged.add("no-content-type", "a body without Content-Type: callers have to guess what it is", "tell the type");
    }
    let is_html = matches!(content_type.as_str(), "text/html" | "application/xhtml+xml");
    if is_refusal && has_body && api.error_body == ErrorBody::Pass && is_html {
        let what = "a refusal that is a page of HTML leaves as it is (error_body: pass)";
        judged.add("html-refusal", what, "answer refusals as JSON, or leave error_body at wrap");
    } else if is_refusal && has_body && api.error_body == ErrorBody::Wrap && service_message(answered.body).is_none() {
        let kind = if is_html { "a page of HTML" } else { "no JSON" };
        let code = if is_html { "html-refusal" } else { "refusal-not-json" };
        let what = format!("a refusal that is {kind}: callers get the contract's words, and none of the service's");
        judged.add(code, what, "answer refusals as a JSON object with the member message");
    } else if is_relayed && is_html && asked == Asked::Operation {
        let what = "a page of HTML where callers of an API await data; sign-in and error pages often come so";
        judged.add("html-answer", what, "nothing, where it is meant; else see why it answers so");
    }
    if is_relayed && let Some(coding) = fields::coding(answered.headers) {
        let what = format!("Content-Encoding {coding} though none was asked for: it leaves as it is");
        judged.add("encoded", what, "encode only for callers whose Accept-Encoding has it");
    }
}

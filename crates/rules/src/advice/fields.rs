//! The header fields of an answer, as far as something is to be said of them.

use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, SET_COOKIE, TRANSFER_ENCODING};
use http::uri::Uri;

use super::{Answered, Judged};
use crate::header::{ResponsePassage, strip_response};
use crate::mapping::{Mapped, RewrittenLocation, rewrite_location};
use crate::model::Api;
use crate::target::Target;

/// Words of the service are cut at so many characters.
const SHOWN_CHARS: usize = 120;

/// What doesn't reach callers.
pub(super) fn lost(judged: &mut Judged, api: &Api, answered: &Answered<'_>) {
    let mut left = answered.headers.clone();
    strip_response(&mut left, &ResponsePassage { cookies: api.cookies, transparent: false });
    // What is between two machines only concerns no caller.
    let is_of_connection = |name: &&http::HeaderName| **name == CONNECTION || **name == TRANSFER_ENCODING;
    let lost = answered.headers.keys().filter(|name| !left.contains_key(*name) && !is_of_connection(name));
    let (cookies, others): (Vec<_>, Vec<_>) =
        lost.filter(|name| *name != "keep-alive").partition(|name| **name == SET_COOKIE || *name == "set-cookie2");
    if !cookies.is_empty() {
        let what = "Set-Cookie is dropped, and no Cookie reaches the service";
        judged.add("cookie-dropped", what, "nothing, where callers do without a session; else cookies: true");
    }
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|name| name.as_str()).collect();
        let what = format!("{} not sent on", listed(&names));
        judged.add("field-dropped", what, "nothing, where callers don't read it");
    }
}

/// `a is`, `a and b are`.
fn listed(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        [most @ .., last] => format!("{} and {last} are", most.join(", ")),
        [] => String::new(),
    }
}

/// Where a `Location` of an answer that leaves will lead.
pub(super) fn location(
    judged: &mut Judged,
    mapped: Mapped,
    target: &Target,
    public_base: &str,
    answered: &Answered<'_>,
) {
    let Some(location) = answered.headers.get(LOCATION) else { return };
    if !matches!(mapped, Mapped::Pass { .. }) {
        return;
    }
    match location.to_str().map(|location| rewrite_location(location, &target.url(), public_base)) {
        Ok(RewrittenLocation::Kept) => {}
        Ok(RewrittenLocation::Public(public)) => {
            let what = format!("Location leads to the service's own address and leaves as {}", shown(&public));
            judged.add("location-rewritten", what, "nothing: it leads callers to the same place");
        }
        Ok(RewrittenLocation::Dropped) | Err(_) => judged.add(
            "location-dropped",
            "Location leads to a place of the service that is not published, and is dropped",
            "let it lead below the target's path",
        ),
    }
}

/// Where a redirect leads, for words: without a query, which may hold secrets.
pub(super) fn destination(target: &Target, headers: &HeaderMap) -> String {
    let Some(location) = headers.get(LOCATION).and_then(|location| location.to_str().ok()) else {
        return String::new();
    };
    let place = location.split(['?', '#']).next().unwrap_or_default();
    let is_same_over_tls = target.security.is_none()
        && location.parse::<Uri>().is_ok_and(|uri| {
            let host = target.authority.rsplit_once(':').map_or(&*target.authority, |(host, _)| host);
            uri.scheme_str() == Some("https") && uri.host() == Some(host)
        });
    let hint = if is_same_over_tls { ", which is itself over TLS: let the target begin with https" } else { "" };
    format!(" (Location: {}{hint})", shown(place))
}

fn shown(text: &str) -> String {
    let cut = text.chars().count() > SHOWN_CHARS;
    let start: String = text.chars().take(SHOWN_CHARS).collect();
    if cut { format!("{start}…") } else { start }
}

/// The media type without its parameters, in small letters; empty where none is told.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let told = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether it stays open for as long as there is something to tell.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    media_type(headers) == "text/event-stream"
}

/// How the body is encoded, where it is.
pub(super) fn coding(headers: &HeaderMap) -> Option<String> {
    let told = headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("of an unreadable name").trim();
    (!told.is_empty() && !told.eq_ignore_ascii_case("identity")).then(|| shown(told))
}

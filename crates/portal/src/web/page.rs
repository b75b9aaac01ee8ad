//! What all pages share: the frame around them, how they are rendered, and how this address tells of trouble.

use std::convert::Infallible;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;

use super::style;

/// The head of a page: its stylesheet and where in the site it stands.
pub(super) struct Frame {
    pub(super) style_href: &'static str,
    here: &'static str,
}

/// One entry of the head's navigation.
pub(super) struct Place {
    pub(super) href: &'static str,
    pub(super) words: &'static str,
    pub(super) here: bool,
}

/// A link with its words.
pub(super) struct Link {
    pub(super) href: String,
    pub(super) words: String,
}

impl Frame {
    /// A frame whose entry `here` is marked; an address that isn't in the navigation marks none.
    pub(super) fn at(here: &'static str) -> Self {
        Self { style_href: style::href(), here }
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let places = [
            ("/", "APIs"),
            ("/errors", "Errors"),
            ("/authentication-issues", "Authentication"),
            ("/issues", "Issues"),
            ("/support", "Support"),
            ("/account", "Account"),
        ];
        places.into_iter().map(|(href, words)| Place { href, words, here: href == self.here })
    }
}

/// Renders a page, or tells of the fault if that fails.
pub(super) fn rendered(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made. Try again later.").into_response()
        }
    }
}

/// Whether the caller asked for JSON rather than for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// A page.
    Page,
    /// `application/json`, or `application/problem+json` where that is what was asked for.
    Json(&'static str),
}

impl Wants {
    /// JSON if `Accept` names it and not HTML: browsers name HTML, programs that want JSON say so.
    fn from_accept(accept: &str) -> Self {
        let named = |media_type: &str| {
            accept
                .split(',')
                .any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type))
        };
        if named("text/html") {
            Self::Page
        } else if named("application/problem+json") {
            Self::Json("application/problem+json")
        } else if named("application/json") {
            Self::Json("application/json")
        } else {
            Self::Page
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Wants {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let accept: Vec<_> =
            parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        Ok(Self::from_accept(&accept.join(",")))
    }
}

/// An answer of this address that isn't what was asked for.
pub(super) struct Trouble {
    status: StatusCode,
    title: &'static str,
    detail: String,
    nearest: Vec<Link>,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    frame: Frame,
    status: StatusCode,
    title: &'a str,
    detail: &'a str,
    nearest: &'a [Link],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TroubleBody<'a> {
    status_code: u16,
    message: &'a str,
    status: u16,
    title: &'a str,
    detail: &'a str,
}

impl Trouble {
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, title: "Nothing here", detail: detail.into(), nearest: Vec::new() }
    }

    pub(super) fn method_not_allowed(detail: impl Into<String>) -> Self {
        Self { title: "Only to be read", status: StatusCode::METHOD_NOT_ALLOWED, ..Self::not_found(detail) }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self { title: "Address not understood", status: StatusCode::BAD_REQUEST, ..Self::not_found(detail) }
    }

    /// The store could not be read: told once to operators, and without its words to the reader.
    pub(super) fn store(error: &limen_store::StoreError) -> Self {
        tracing::error!(%error, "a page could not read the store");
        let detail =
            "What this page shows can't be read at the moment. Try again in a minute; calls to the APIs go on.";
        Self { title: "Not available just now", status: StatusCode::SERVICE_UNAVAILABLE, ..Self::not_found(detail) }
    }

    /// Offers addresses that may have been meant.
    pub(super) fn nearest(mut self, links: Vec<Link>) -> Self {
        self.nearest = links;
        self
    }

    /// As a page, or as JSON if that was asked for.
    pub(super) fn answer(self, wants: Wants) -> Response {
        let mut response = match wants {
            Wants::Page => {
                let page = TroublePage {
                    frame: Frame::at(""),
                    status: self.status,
                    title: self.title,
                    detail: &self.detail,
                    nearest: &self.nearest,
                };
                rendered(self.status, &page)
            }
            Wants::Json(media_type) => {
                let status = self.status.as_u16();
                let body = TroubleBody {
                    status_code: status,
                    message: self.title,
                    status,
                    title: self.title,
                    detail: &self.detail,
                };
                let mut response = (self.status, axum::Json(body)).into_response();
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_pages_and_a_program_what_it_asks_for() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(Wants::from_accept(browser), Wants::Page);
        assert_eq!(Wants::from_accept("*/*"), Wants::Page);
        assert_eq!(Wants::from_accept("application/JSON ; q=0.9"), Wants::Json("application/json"));
        assert_eq!(
            Wants::from_accept("application/json, application/problem+json"),
            Wants::Json("application/problem+json")
        );
    }
}

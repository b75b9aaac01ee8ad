//! Waits on a port of this machine for the browser to come back with a code, and tells it that its window can be closed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use limen_rules::path::query_pairs;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use crate::command::Trouble;

/// Browsers open connections that they don't use; so many are held.
const CONNECTIONS_MAX: usize = 16;
/// One that asks for nothing is closed after so long, and the last answer has so long to leave.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Nothing that comes in an address is longer.
const QUERY_MAX_BYTES: usize = 8_192;
const SHOWN_CHARACTERS_MAX: usize = 300;

/// What the redirect must have to be the one that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) path: &'static str,
    pub(super) state: String,
    /// `iss`, RFC 9207.
    pub(super) issuer: String,
}

/// What a request turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Returned {
    /// The code.
    Code(String),
    /// Sign-in came to nothing: `error` and what is said of it.
    Refused(String, String, String),
    /// Not what is waited for: which status it gets, and why in words.
    Stray(StatusCode, &'static str),
}

/// The code that the browser brings.
///
/// # Errors
/// Where sign-in was refused.
pub(super) async fn wait(listener: TcpListener, expected: Expected) -> Result<String, Trouble> {
    let expected = Arc::new(expected);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (sender, mut receiver) = mpsc::channel(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(outcome) = receiver.recv() => {
                // The answer to the browser is on its way; whoever holds a place still has something to send.
                let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(1);
                let _ = tokio::time::timeout(Duration::from_secs(1), places.acquire_many(all)).await;
                return outcome;
            }
        };
        let (Ok((stream, _)), Ok(place)) = (accepted, Arc::clone(&places).try_acquire_owned()) else {
            tokio::task::yield_now().await;
            continue;
        };
        let (expected, sender) = (Arc::clone(&expected), sender.clone());
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let returned = returned(&request, &expected);
                let answer = answer(&returned);
                let outcome = match returned {
                    Returned::Code(code) => Some(Ok(code)),
                    Returned::Refused(error, description, page) => Some(Err(refused(&error, &description, &page))),
                    Returned::Stray(..) => None,
                };
                if let Some(outcome) = outcome {
                    let _ = sender.try_send(outcome);
                }
                std::future::ready(Ok::<_, Infallible>(answer))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .keep_alive(false)
                .max_buf_size(16 * 1_024)
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
            drop(place);
        });
    }
}

fn returned<B>(request: &Request<B>, expected: &Expected) -> Returned {
    if request.uri().path() != expected.path || request.method() != http::Method::GET {
        return Returned::Stray(StatusCode::NOT_FOUND, "Nothing is here but the end of a sign-in.");
    }
    let query = request.uri().query().unwrap_or_default();
    if query.len() > QUERY_MAX_BYTES {
        return Returned::Stray(StatusCode::BAD_REQUEST, "The address is too long.");
    }
    let one = |name: &str| {
        let mut values = query_pairs(query).filter(|(there, _)| there == name).map(|(_, value)| value.into_owned());
        values.next().filter(|_| values.next().is_none())
    };
    if one("state").as_deref() != Some(&*expected.state) || one("iss").as_deref() != Some(&*expected.issuer) {
        return Returned::Stray(StatusCode::BAD_REQUEST, "This belongs to another sign-in.");
    }
    match (one("code"), one("error")) {
        (Some(code), None) => Returned::Code(code),
        (None, Some(error)) => {
            // Ours alone is repeated: it begins as the issuer does.
            let ours = |uri: &String| uri.strip_prefix(&*expected.issuer).is_some_and(|rest| rest.starts_with('/'));
            let told = one("error_uri").filter(ours);
            let page = told.unwrap_or_else(|| format!("{}/authentication-issues", expected.issuer));
            Returned::Refused(error, one("error_description").unwrap_or_default(), page)
        }
        _ => Returned::Stray(StatusCode::BAD_REQUEST, "The address has neither a code nor an error."),
    }
}

fn refused(error: &str, description: &str, page: &str) -> Trouble {
    let cut = |text: &str| text.chars().take(SHOWN_CHARACTERS_MAX).collect::<String>();
    let what = format!("sign-in came to nothing: {} ({})", cut(description), cut(error));
    Trouble::refused(what, format!("what to do is told at {}", cut(page)))
}

/// A page of fixed words: nothing of the address is repeated in it.
fn answer(returned: &Returned) -> Response<Full<Bytes>> {
    let (status, title, words) = match returned {
        Returned::Code(_) => (StatusCode::OK, "Signed in", "You can close this window and go back to the terminal."),
        Returned::Refused(..) => (StatusCode::OK, "Not signed in", "The terminal says why. You can close this window."),
        Returned::Stray(status, why) => (*status, "Not this one", *why),
    };
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><h1>{title}</h1><p>{words}</p></html>"
    );
    let mut response = Response::new(Full::new(Bytes::from(page)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, http::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_this_sign_in_is_taken() {
        let expected = Expected { path: "/callback", state: "s".into(), issuer: "http://web".into() };
        let read = |method: &str, target: &str| {
            returned(&Request::builder().method(method).uri(target).body(()).expect("a request"), &expected)
        };
        let whole = "/callback?code=c%2B1&state=s&iss=http%3A%2F%2Fweb";
        assert_eq!(read("GET", whole), Returned::Code("c+1".into()));
        let refusal = "/callback?error=access_denied&error_description=No+thanks&state=s&iss=http%3A%2F%2Fweb";
        let told = |page: &str| Returned::Refused("access_denied".into(), "No thanks".into(), page.into());
        assert_eq!(read("GET", refusal), told("http://web/authentication-issues"));
        let page = "http://web/authentication-issues#consent-refused";
        let with_page = format!("{refusal}&error_uri={}", page.replace('#', "%23"));
        assert_eq!(read("GET", &with_page), told(page));
        let foreign = format!("{refusal}&error_uri=http://web.evil.example/");
        assert_eq!(read("GET", &foreign), told("http://web/authentication-issues"));
        for stray in [
            "/favicon.ico",
            "/callback",
            "/callback?code=c&state=other&iss=http%3A%2F%2Fweb",
            "/callback?code=c&state=s",
            "/callback?code=c&state=s&iss=http%3A%2F%2Fevil",
            "/callback?code=c&code=d&state=s&iss=http%3A%2F%2Fweb",
            "/callback?code=c&state=s&state=s&iss=http%3A%2F%2Fweb",
            "/callback?code=c&error=e&state=s&iss=http%3A%2F%2Fweb",
            "/callback?state=s&iss=http%3A%2F%2Fweb",
        ] {
            assert!(matches!(read("GET", stray), Returned::Stray(..)), "{stray}");
        }
        assert!(matches!(read("POST", whole), Returned::Stray(StatusCode::NOT_FOUND, _)));
        assert!(matches!(read("GET", &format!("{whole}&x={}", "x".repeat(9_000))), Returned::Stray(..)));
    }
}

//! Cross-origin calls from browsers (the WHATWG Fetch standard): the answer to a preflight, and what every other answer
//! carries. It knows an API's settings and no route.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::header::Fields;

/// What scripts may read of every answer.
pub const EXPOSED: HeaderValue =
    HeaderValue::from_static("Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, WWW-Authenticate, Link");

/// What scripts may send to every API, besides the key's fields.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Accept, Accept-Language, If-Match, If-None-Match, \
     If-Modified-Since, If-Unmodified-Since, Traceparent, Tracestate";

/// The origins whose scripts may call an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Any, without credentials.
    Any,
    /// These, each as a browser writes it: scheme, host and port where it isn't the default, in lower case.
    List(Vec<String>),
}

/// The settings of one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsSettings {
    /// Whose scripts may call.
    pub allow_origins: AllowedOrigins,
    /// Whether browsers send cookies along. Without effect where any origin may call: that would open the signed-in
    /// user's data to every site.
    pub allow_credentials: bool,
    /// How long a browser may remember the answer to a preflight, in seconds.
    pub max_age_s: u32,
    /// The fields that may carry the subscription key.
    pub key_headers: Vec<HeaderName>,
    /// Further fields that scripts may send.
    pub allow_headers: Vec<HeaderName>,
    /// The methods that scripts may use.
    pub allow_methods: Vec<Method>,
}

impl Default for CorsSettings {
    fn default() -> Self {
        Self {
            allow_origins: AllowedOrigins::Any,
            allow_credentials: false,
            max_age_s: 600,
            key_headers: Vec::new(),
            allow_headers: Vec::new(),
            allow_methods: vec![
                Method::GET,
                Method::HEAD,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
                Method::OPTIONS,
            ],
        }
    }
}

impl CorsSettings {
    /// `Access-Control-Allow-Origin` for a call from that origin.
    fn allowed_origin(&self, origin: Option<&[u8]>) -> Option<HeaderValue> {
        match &self.allow_origins {
            AllowedOrigins::Any => Some(HeaderValue::from_static("*")),
            AllowedOrigins::List(origins) => {
                let known = origins.iter().find(|known| origin == Some(known.as_bytes()))?;
                HeaderValue::from_bytes(known.as_bytes()).ok()
            }
        }
    }

    fn lists_origins(&self) -> bool {
        matches!(self.allow_origins, AllowedOrigins::List(_))
    }

    fn names_of_headers(&self) -> Option<HeaderValue> {
        let mut names = ALLOWED_HEADERS.to_owned();
        for name in self.key_headers.iter().chain(&self.allow_headers) {
            names.push_str(", ");
            names.push_str(name.as_str());
        }
        HeaderValue::try_from(names).ok()
    }

    fn names_of_methods(&self) -> Option<HeaderValue> {
        let names: Vec<_> = self.allow_methods.iter().map(Method::as_str).collect();
        HeaderValue::try_from(names.join(", ")).ok()
    }
}

/// The header fields of the 200 that answers a preflight, or `None` where the request isn't one: OPTIONS with `Origin`
/// and `Access-Control-Request-Method`.
///
/// The answer says what the API allows and never repeats what was asked. An origin that isn't listed gets no
/// `Access-Control-*`, so that its browser refuses the call.
#[must_use]
pub fn preflight(method: &Method, fields: &dyn Fields, settings: &CorsSettings) -> Option<HeaderMap> {
    if *method != Method::OPTIONS || !fields.has(&ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let origin = fields.first(&ORIGIN)?;
    let mut answer = HeaderMap::new();
    if settings.lists_origins() {
        answer.insert(VARY, HeaderValue::from_name(ORIGIN));
    }
    let Some(allowed_origin) = settings.allowed_origin(Some(origin)) else { return Some(answer) };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed_origin);
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(settings.max_age_s));
    if let Some(methods) = settings.names_of_methods() {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(names) = settings.names_of_headers() {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    if settings.lists_origins() && settings.allow_credentials {
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    Some(answer)
}

/// Adds an API's CORS fields to an answer, a refusal too. `origin` is the request's `Origin`. Fields of that kind that
/// the answer has are replaced or removed.
pub fn decorate(headers: &mut HeaderMap, origin: Option<&[u8]>, settings: &CorsSettings) {
    if settings.lists_origins() {
        vary_by_origin(headers);
    }
    let Some(allowed_origin) = settings.allowed_origin(origin) else {
        headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
        return;
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed_origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    if settings.lists_origins() && settings.allow_credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    } else {
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
    }
}

/// Adds `Origin` to `Vary` (RFC 9110 §12.5.5) unless it, or everything, is there.
fn vary_by_origin(headers: &mut HeaderMap) {
    let mut names = headers.get_all(VARY).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let is_there =
        names.any(|name| matches!(name.trim_ascii(), b"*") || name.trim_ascii().eq_ignore_ascii_case(b"origin"));
    if !is_there {
        headers.append(VARY, HeaderValue::from_name(ORIGIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: HeaderValue = HeaderValue::from_static("https://app.example.com");
    const THERE: HeaderValue = HeaderValue::from_static("https://app.example.com.evil.example");

    fn listing() -> CorsSettings {
        CorsSettings {
            allow_origins: AllowedOrigins::List(vec!["https://app.example.com".into()]),
            allow_credentials: true,
            ..CorsSettings::default()
        }
    }

    fn asking(origin: HeaderValue) -> HeaderMap {
        HeaderMap::from_iter([
            (ORIGIN, origin),
            (ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("EVIL")),
            (http::header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-evil")),
        ])
    }

    fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
        headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn a_preflight_is_recognised() {
        let settings = CorsSettings::default();
        assert!(preflight(&Method::OPTIONS, &asking(HERE), &settings).is_some());
        assert!(preflight(&Method::GET, &asking(HERE), &settings).is_none());
        for name in [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD] {
            let mut headers = asking(HERE);
            headers.remove(&name);
            assert!(preflight(&Method::OPTIONS, &headers, &settings).is_none(), "{name}");
        }
    }

    #[test]
    fn any_origin_without_credentials_by_default() {
        let settings = CorsSettings {
            key_headers: vec![HeaderName::from_static("limen-subscription-key")],
            allow_headers: vec![HeaderName::from_static("x-mine")],
            allow_credentials: true,
            ..CorsSettings::default()
        };
        let answer = preflight(&Method::OPTIONS, &asking(HERE), &settings).unwrap();
        assert_eq!(text(&answer, ACCESS_CONTROL_ALLOW_ORIGIN), Some("*"));
        assert_eq!(text(&answer, ACCESS_CONTROL_ALLOW_CREDENTIALS), None);
        assert_eq!(text(&answer, ACCESS_CONTROL_MAX_AGE), Some("600"));
        assert_eq!(text(&answer, VARY), None);
        let methods = text(&answer, ACCESS_CONTROL_ALLOW_METHODS).unwrap();
        assert_eq!(methods, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        let names = text(&answer, ACCESS_CONTROL_ALLOW_HEADERS).unwrap();
        for name in ["Authorization", "Content-Type", "If-Match", "limen-subscription-key", "x-mine"] {
            assert!(names.split(", ").any(|known| known == name), "{name}");
        }
        assert!(!names.contains("evil"));

        for origin in [None, Some(HERE.as_bytes())] {
            let mut headers = HeaderMap::new();
            decorate(&mut headers, origin, &settings);
            assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN), Some("*"));
            assert_eq!(headers.get(ACCESS_CONTROL_EXPOSE_HEADERS), Some(&EXPOSED));
            assert_eq!(headers.len(), 2);
        }
    }

    #[test]
    fn listed_origins_only() {
        let answer = preflight(&Method::OPTIONS, &asking(HERE), &listing()).unwrap();
        assert_eq!(answer.get(ACCESS_CONTROL_ALLOW_ORIGIN), Some(&HERE));
        assert_eq!(text(&answer, ACCESS_CONTROL_ALLOW_CREDENTIALS), Some("true"));
        assert_eq!(text(&answer, VARY), Some("origin"));
        for origin in [THERE, HeaderValue::from_static("null"), HeaderValue::from_static("https://APP.example.com")] {
            let answer = preflight(&Method::OPTIONS, &asking(origin.clone()), &listing()).unwrap();
            assert_eq!(answer.keys().collect::<Vec<_>>(), [VARY]);
            let mut headers = HeaderMap::new();
            decorate(&mut headers, Some(origin.as_bytes()), &listing());
            assert_eq!(headers.keys().collect::<Vec<_>>(), [VARY]);
        }
        let mut headers = HeaderMap::new();
        decorate(&mut headers, Some(HERE.as_bytes()), &listing());
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN), Some(&HERE));
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_CREDENTIALS), Some("true"));
        decorate(&mut headers, None, &listing());
        assert_eq!(headers.keys().collect::<Vec<_>>(), [VARY]);
    }

    #[test]
    fn vary_is_kept_and_told_once() {
        for (before, after) in [
            (&["Accept"][..], &["Accept", "origin"][..]),
            (&["Accept, ORIGIN"], &["Accept, ORIGIN"]),
            (&["*"], &["*"]),
            (&["Accept", "Origin"], &["Accept", "Origin"]),
        ] {
            let mut headers = HeaderMap::new();
            for value in before {
                headers.append(VARY, HeaderValue::from_static(value));
            }
            decorate(&mut headers, None, &listing());
            decorate(&mut headers, None, &listing());
            assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), after);
        }
    }

    #[test]
    fn ours_replace_those_of_the_answer() {
        let mut headers = HeaderMap::from_iter([
            (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://old.example")),
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
            (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Old")),
        ]);
        decorate(&mut headers, Some(HERE.as_bytes()), &CorsSettings::default());
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN), Some("*"));
        assert_eq!(headers.get(ACCESS_CONTROL_EXPOSE_HEADERS), Some(&EXPOSED));
        assert_eq!(headers.len(), 2);
    }
}

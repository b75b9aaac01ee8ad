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
pub const EXPOSED: &str = "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, WWW-Authenticate, Link";

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
    fn allowed_origin(&self, origin: Option<&[u8]>) -> Option<&str> {
        match &self.allow_origins {
            AllowedOrigins::Any => Some("*"),
            AllowedOrigins::List(origins) => {
                origins.iter().find(|known| Some(known.as_bytes()) == origin).map(String::as_str)
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

/// The header fields of the 200 that answers a preflight, besides those that every answer carries ([`decorate`]), or
/// `None` where the request isn't one: OPTIONS with `Origin` and `Access-Control-Request-Method`.
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
    if settings.allowed_origin(Some(origin)).is_none() {
        return Some(answer);
    }
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(settings.max_age_s));
    if let Some(methods) = settings.names_of_methods() {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(names) = settings.names_of_headers() {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    Some(answer)
}

/// Shows `put` an API's CORS fields for an answer, a refusal too, which has none of that kind yet. `origin` is the
/// request's `Origin`; `varies`: a `Vary` of the answer says so already ([`varies_by_origin`]).
pub fn decorate(settings: &CorsSettings, origin: Option<&[u8]>, varies: bool, mut put: impl FnMut(&HeaderName, &[u8])) {
    if settings.lists_origins() && !varies {
        put(&VARY, b"origin");
    }
    let Some(allowed_origin) = settings.allowed_origin(origin) else { return };
    put(&ACCESS_CONTROL_ALLOW_ORIGIN, allowed_origin.as_bytes());
    put(&ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.as_bytes());
    if settings.lists_origins() && settings.allow_credentials {
        put(&ACCESS_CONTROL_ALLOW_CREDENTIALS, b"true");
    }
}

/// Whether this value of `Vary` (RFC 9110 §12.5.5) names `Origin`, or everything.
#[must_use]
pub fn varies_by_origin(vary: &[u8]) -> bool {
    let mut names = vary.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin"))
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

    fn decorations(settings: &CorsSettings, origin: Option<&HeaderValue>, varies: bool) -> Vec<(HeaderName, Vec<u8>)> {
        let mut all = Vec::new();
        let origin = origin.map(HeaderValue::as_bytes);
        decorate(settings, origin, varies, |name, value| all.push((name.clone(), value.to_vec())));
        all
    }

    fn owned((name, value): (HeaderName, &str)) -> (HeaderName, Vec<u8>) {
        (name, value.as_bytes().to_vec())
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
        assert_eq!(text(&answer, ACCESS_CONTROL_MAX_AGE), Some("600"));
        let methods = text(&answer, ACCESS_CONTROL_ALLOW_METHODS).unwrap();
        assert_eq!(methods, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        let names = text(&answer, ACCESS_CONTROL_ALLOW_HEADERS).unwrap();
        for name in ["Authorization", "Content-Type", "If-Match", "limen-subscription-key", "x-mine"] {
            assert!(names.split(", ").any(|known| known == name), "{name}");
        }
        assert!(!names.contains("evil"));

        for origin in [None, Some(&HERE)] {
            let expected = [(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)];
            assert_eq!(decorations(&settings, origin, false), expected.map(owned));
        }
    }

    #[test]
    fn listed_origins_only() {
        let answer = preflight(&Method::OPTIONS, &asking(HERE), &listing()).unwrap();
        assert_eq!(answer.len(), 3);
        for origin in [THERE, HeaderValue::from_static("null"), HeaderValue::from_static("https://APP.example.com")] {
            let answer = preflight(&Method::OPTIONS, &asking(origin.clone()), &listing()).unwrap();
            assert!(answer.is_empty());
            assert_eq!(decorations(&listing(), Some(&origin), false), [owned((VARY, "origin"))]);
        }
        let expected = [
            (VARY, "origin"),
            (ACCESS_CONTROL_ALLOW_ORIGIN, "https://app.example.com"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        ];
        assert_eq!(decorations(&listing(), Some(&HERE), false), expected.clone().map(owned));
        assert_eq!(decorations(&listing(), None, false), [owned((VARY, "origin"))]);
        assert_eq!(decorations(&listing(), Some(&HERE), true), expected.map(owned)[1..]);
        assert!(decorations(&listing(), None, true).is_empty());
        let modest = CorsSettings { allow_credentials: false, ..listing() };
        assert_eq!(decorations(&modest, Some(&HERE), true).len(), 2);
    }

    #[test]
    fn vary_is_told_once() {
        for (value, varies) in [
            ("Accept", false),
            ("Accept, ORIGIN", true),
            ("*", true),
            ("Accept , * ", true),
            ("Origin", true),
            ("", false),
            ("Origin-Agent, X-Origin", false),
        ] {
            assert_eq!(varies_by_origin(value.as_bytes()), varies, "{value}");
        }
    }
}

//! A request that came in frames of another version (HTTP/2), held to the rules of this one: what passes can be written
//! as HTTP/1.1 and is read by nobody in another way. It knows no frames.

use bytes::Bytes;
use http::header::{CONNECTION, COOKIE, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Version};

use crate::authority;
use crate::connection::Limits;
use crate::field_table::Fields;
use crate::flaw::Flaw;
use crate::framing::Framing;
use crate::head::{BodyKind, RequestHead, Target, TargetForm};
use crate::request_line;

/// What the frames said (RFC 9113 §8.3.1).
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    /// `:method`.
    pub method: Method,
    /// `:scheme`, where it was told.
    pub scheme: Option<&'a str>,
    /// `:authority`, where it was told.
    pub authority: Option<&'a str>,
    /// `:path`; empty for `CONNECT`.
    pub path: &'a str,
    /// The other fields.
    pub headers: HeaderMap,
    /// Whether the frames ended with the head.
    pub is_whole: bool,
}

/// The head that these frames are. `Host` is there, whichever field told it.
///
/// # Errors
/// The first flaw.
pub fn head(frames: Frames<'_>, limits: &Limits) -> Result<RequestHead, Flaw> {
    let Frames { method, scheme, authority, path, mut headers, is_whole } = frames;
    check_size(&method, authority, path, &headers, limits)?;
    request_line::check_method(&method)?;
    let mut framing = Framing::default();
    for (name, value) in &headers {
        check_value(value)?;
        framing.note(name.as_str().as_bytes(), value.as_bytes())?;
    }
    let (length, expects_continue) = (framing.length(), framing.expects_continue());
    // Fields of one connection (RFC 9113 §8.2.2): who writes them as HTTP/1.1 would say what nobody meant.
    let te = headers.get(TE).is_some_and(|te| te != "trailers");
    if te || [CONNECTION, TRANSFER_ENCODING, UPGRADE].iter().any(|name| headers.contains_key(name)) {
        return Err(Flaw::ConnectionField);
    }
    let target = target(&method, scheme, authority, path)?;
    match (authority, headers.get(HOST)) {
        (Some(authority), Some(host)) if !authority.as_bytes().eq_ignore_ascii_case(host.as_bytes()) => {
            return Err(Flaw::TargetHost);
        }
        (Some(_), Some(_)) | (None, Some(_)) => {}
        (Some(authority), None) => {
            headers.insert(HOST, HeaderValue::from_str(authority).map_err(|_| Flaw::TargetAuthority)?);
        }
        (None, None) => return Err(Flaw::AuthorityMissing),
    }
    join_cookies(&mut headers)?;
    let body = match length {
        _ if is_whole => BodyKind::None,
        Some(length) => BodyKind::Length(length),
        None => BodyKind::Chunked,
    };
    Ok(RequestHead {
        method,
        target,
        version: Version::HTTP_2,
        fields: Fields::of(&headers),
        body,
        expects_continue: expects_continue && !is_whole,
        keep_alive: true,
        upgrade: false,
    })
}

/// The head's size, counted as HTTP/1.1 would have written it.
fn check_size(
    method: &Method,
    authority: Option<&str>,
    path: &str,
    headers: &HeaderMap,
    limits: &Limits,
) -> Result<(), Flaw> {
    if headers.len() > limits.fields_max {
        return Err(Flaw::TooManyFields);
    }
    let line = method.as_str().len() + path.len() + authority.map_or(0, |authority| authority.len() + 8) + 14;
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if line + fields.sum::<usize>() > limits.head_max_bytes { Err(Flaw::HeadTooLarge) } else { Ok(()) }
}

/// White space around a value is no part of it in HTTP/1.1, and wrong in HTTP/2 (RFC 9113 §8.2.1).
fn check_value(value: &HeaderValue) -> Result<(), Flaw> {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = value.as_bytes();
    if is_space(bytes.first()) || is_space(bytes.last()) { Err(Flaw::SurroundedValue) } else { Ok(()) }
}

fn target(method: &Method, scheme: Option<&str>, authority: Option<&str>, path: &str) -> Result<Target, Flaw> {
    if authority.is_some_and(|authority| !authority::is_authority(authority.as_bytes(), false)) {
        return Err(Flaw::TargetAuthority);
    }
    let text = if *method == Method::CONNECT { authority.unwrap_or_default() } else { path };
    // Not told: whoever reads the frames drops it where there is no authority.
    if scheme.is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(Flaw::Scheme);
    }
    let form = request_line::read_target(method, text.as_bytes()).map_err(|(flaw, _)| flaw)?;
    if form == TargetForm::Absolute {
        return Err(Flaw::TargetForm);
    }
    Ok(Target::new(Bytes::copy_from_slice(text.as_bytes()), form))
}

/// A cookie may come in several fields, which are one in HTTP/1.1 (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Flaw> {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return Ok(());
    }
    let crumbs = headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes).filter(|crumb| !crumb.is_empty());
    let joined = crumbs.collect::<Vec<_>>().join(&b"; "[..]);
    let joined = HeaderValue::from_bytes(&joined).map_err(|_| Flaw::FieldValue)?;
    headers.insert(COOKIE, joined);
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use proptest::prelude::*;

    use super::*;

    fn frames(path: &str) -> Frames<'_> {
        Frames {
            method: Method::GET,
            scheme: Some("https"),
            authority: Some("api.example:8443"),
            path,
            headers: HeaderMap::new(),
            is_whole: true,
        }
    }

    fn with<'a>(method: &str, path: &'a str, fields: &[(&'static str, &str)]) -> Frames<'a> {
        let mut frames = Frames { method: method.parse().unwrap(), ..frames(path) };
        for (name, value) in fields {
            frames.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        frames
    }

    fn read(frames: Frames<'_>) -> Result<RequestHead, Flaw> {
        head(frames, &Limits::default())
    }

    #[test]
    fn what_is_right_has_a_host_and_one_cookie() {
        let read =
            read(with("GET", "/a?b=%20", &[("cookie", "a=1"), ("te", "trailers"), ("cookie", ""), ("cookie", "b=2")]))
                .unwrap();
        assert_eq!((read.target.as_str(), read.target.form()), ("/a?b=%20", TargetForm::Origin));
        assert_eq!(read.fields.get(&HOST), Some(&b"api.example:8443"[..]));
        assert_eq!(read.fields.find(&COOKIE, 0), Some((0, &b"a=1; b=2"[..])));
        assert_eq!(read.fields.find(&COOKIE, 1), None);
        assert_eq!((read.body, read.version), (BodyKind::None, Version::HTTP_2));
        let streamed = Frames { is_whole: false, ..with("POST", "/", &[("expect", "100-continue")]) };
        let read = head(streamed, &Limits::default()).unwrap();
        assert_eq!((read.body, read.expects_continue), (BodyKind::Chunked, true));
        let told = Frames { is_whole: false, ..with("POST", "/", &[("content-length", "5")]) };
        assert_eq!(head(told, &Limits::default()).unwrap().body, BodyKind::Length(5));
        let by_host = Frames { authority: None, ..with("OPTIONS", "*", &[("host", "h")]) };
        assert_eq!(head(by_host, &Limits::default()).unwrap().target.form(), TargetForm::Asterisk);
        assert!(head(with("GET", "/", &[("host", "API.example:8443")]), &Limits::default()).is_ok());
        let tunnel = Frames { scheme: None, ..with("CONNECT", "", &[]) };
        assert_eq!(head(tunnel, &Limits::default()).unwrap().target.form(), TargetForm::Authority);
    }

    #[test]
    fn what_two_readers_could_take_for_two_is_refused() {
        let cases: Vec<(Frames<'_>, Flaw)> = vec![
            (with("GET", "/", &[("host", "other")]), Flaw::TargetHost),
            (Frames { authority: None, ..frames("/") }, Flaw::AuthorityMissing),
            (Frames { authority: Some("u@h"), ..frames("/") }, Flaw::TargetAuthority),
            (Frames { authority: Some(""), ..frames("/") }, Flaw::TargetAuthority),
            (with("GET", "/", &[("host", "api.example:8443"), ("host", "api.example:8443")]), Flaw::HostRepeated),
            (Frames { scheme: Some("ftp"), ..frames("/") }, Flaw::Scheme),
            (frames(""), Flaw::TargetForm),
            (frames("a/b"), Flaw::TargetForm),
            (frames("http://api.example:8443/a"), Flaw::TargetForm),
            (frames("*"), Flaw::TargetForm),
            (frames("/a b"), Flaw::TargetCharacter),
            (frames("/é"), Flaw::TargetCharacter),
            (frames("/a#b"), Flaw::TargetFragment),
            (frames("/a\r\nx: y"), Flaw::TargetCharacter),
            (Frames { authority: Some("no-port"), ..with("CONNECT", "", &[]) }, Flaw::TargetForm),
            (with("GET", "/", &[("connection", "close")]), Flaw::ConnectionField),
            (with("GET", "/", &[("te", "gzip")]), Flaw::ConnectionField),
            (with("GET", "/", &[("upgrade", "h2c")]), Flaw::ConnectionField),
            (with("GET", "/", &[("transfer-encoding", "chunked")]), Flaw::ConnectionField),
            (with("GET", "/", &[("transfer_encoding", "chunked")]), Flaw::Lookalike),
            (with("POST", "/", &[("content-length", "+5")]), Flaw::ContentLengthMalformed),
            (with("POST", "/", &[("content-length", "05")]), Flaw::ContentLengthMalformed),
            (with("POST", "/", &[("content-length", "5"), ("content-length", "5")]), Flaw::ContentLengthRepeated),
            (with("GET", "/", &[("expect", "200-ok")]), Flaw::ExpectUnsupported),
            (with("GET", "/", &[("x", "a ")]), Flaw::SurroundedValue),
            (with("GET", "/", &[("x", "\ta")]), Flaw::SurroundedValue),
            (with(&"M".repeat(33), "/", &[]), Flaw::MethodTooLong),
            (with("GET", "/", &[("x", &"a".repeat(33_000))]), Flaw::HeadTooLarge),
            (with("GET", "/", &[("x", "a"); 101]), Flaw::TooManyFields),
        ];
        let path = format!("/{}", "a".repeat(33_000));
        let long = (Frames { path: &path, ..frames("") }, Flaw::HeadTooLarge);
        for (frames, flaw) in cases.into_iter().chain([long]) {
            let shown = format!("{frames:?}");
            assert_eq!(read(frames).map(|_| ()), Err(flaw), "{}", &shown[..shown.len().min(300)]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// Whatever passes is read by the engine, written as HTTP/1.1, as the very same request.
        #[test]
        fn what_passes_is_one_request_of_http1(
            path in "/[a#?% \t\r:@é]{0,3}|/[a/?]{0,4}|[*a/]{0,2}",
            authority in prop::option::of("[ab:8@\\[\\]. ]{0,3}|a:8|a"),
            method in prop::sample::select(&["GET", "POST", "OPTIONS", "CONNECT", "M!"][..]),
            fields in prop::collection::vec((
                prop::sample::select(&["host", "x", "content-length", "content_length", "transfer-encoding", "te",
                    "connection", "expect", "cookie", "upgrade"][..]),
                prop::sample::select(&["", "a", "5", "0", "05", "chunked", "trailers", "100-continue", " a", "a:8"][..]),
            ), 0..4),
        ) {
            let mut frames = with(method, &path, &fields);
            frames.authority = authority.as_deref();
            let Ok(head) = head(frames, &Limits::default()) else { return Ok(()) };
            let mut wire = format!("{} {} HTTP/1.1\r\n", head.method, head.target.as_str());
            let text = |bytes| std::str::from_utf8(bytes).unwrap();
            for (name, value) in head.fields.iter() {
                wire.push_str(&format!("{}: {}\r\n", text(name), text(value)));
            }
            wire.push_str("\r\n");
            let mut connection = crate::connection::Connection::new(Limits::default());
            prop_assert_eq!(connection.receive(wire.as_bytes()), wire.len());
            let Ok(crate::connection::Event::Head(read)) = connection.next_event() else {
                return Err(TestCaseError::fail(format!("not read: {wire:?}")));
            };
            prop_assert_eq!((read.method, read.target, read.fields), (head.method, head.target, head.fields));
        }
    }
}

//! Whether an API and its operations are right by themselves: paths, target, header names, media types, limits.

mod service;

use std::collections::HashMap;

use http::header::HeaderName;

use super::{Complaint, Problems, shown};
use crate::media::MediaRange;
use crate::model::{Api, Cors, DEFAULT_KEY_HEADER, KeySettings, Operation, SAMPLE_TARGET, Validate};

/// A body is collected in memory where it is looked at; all of them together may hold this much.
const BODY_MAX_BYTES: u64 = 256 << 20;
/// One that nobody looks at is streamed, and holds no memory that its size tells.
const STREAMED_BODY_MAX_BYTES: u64 = 1 << 40;
const PATH_CHARACTERS_MAX: usize = 500;
const TITLE_CHARACTERS_MAX: usize = 200;
const DAY_S: u64 = 86_400;
const HOUR_MS: u64 = 3_600_000;

/// Headers that mean something else on the way, in lower case.
const RESERVED_HEADERS: [&str; 16] = [
    "accept",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn check(field: &str, api: &Api, problems: &mut Problems) {
    problems.name(format!("{field}.name"), &api.name);
    problems.text(format!("{field}.title"), &api.title, TITLE_CHARACTERS_MAX);
    problems.take(format!("{field}.base_path"), check_base_path(&api.base_path).err());
    service::check(field, api, problems);
    check_key(&format!("{field}.key"), &api.key, problems);
    check_media_types(&format!("{field}.media_types"), &api.media_types, problems);
    problems.range(format!("{field}.body_max_bytes"), api.body_max_bytes, 0, body_bound(api), "bytes");
    for (at, status) in api.pass_statuses.iter().enumerate() {
        if !(200..=599).contains(status) {
            let message = format!("{status} is not the status of a final response");
            problems.add(format!("{field}.pass_statuses[{at}]"), message, "use 200 to 599");
        }
    }
    check_cors(&format!("{field}.cors"), &api.cors, problems);
    let deadlines = [
        ("connect_timeout_ms", api.deadlines.connect_timeout_ms),
        ("response_timeout_ms", api.deadlines.response_timeout_ms),
        ("idle_timeout_ms", api.deadlines.idle_timeout_ms),
    ];
    for (name, value) in deadlines {
        problems.range(format!("{field}.deadlines.{name}"), value, 1, HOUR_MS, "milliseconds");
    }
    problems.range(format!("{field}.retry_after_s"), api.retry_after_s, 1, DAY_S, "seconds");
    for (at, operation) in api.operations.iter().enumerate() {
        check_operation(&format!("{field}.operations[{at}]"), api, operation, problems);
    }
    problems.unique(&format!("{field}.operations"), "operation", api.operations.iter().map(|one| &*one.name));
    check_routes(field, &api.operations, problems);
    super::description::check(field, api, problems);
    super::policy::check(field, api, problems);
}

/// Whether an API can be published under this path: `/` and a segment, once or more, written as it will be matched.
///
/// # Errors
/// What is wrong and how to mend it.
pub fn check_base_path(path: &str) -> Result<(), Complaint> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(complaint(format!("'{}' does not begin with '/'", shown(path)), "write it like /orders/v1"));
    };
    if rest.is_empty() {
        return Err(complaint("'/' is the root and no base path".into(), "publish under a path such as /orders/v1"));
    }
    rest.split('/').try_for_each(|segment| literal(path, segment))?;
    length(path)
}

/// Whether this is a path template of an operation: segments are literal, or one `{parameter}` each.
///
/// # Errors
/// What is wrong and how to mend it.
pub fn check_template(template: &str) -> Result<(), Complaint> {
    let Some(rest) = template.strip_prefix('/') else {
        let message = format!("'{}' does not begin with '/'", shown(template));
        return Err(complaint(message, "write it like /orders/{order_id}"));
    };
    let mut parameters = Vec::new();
    for segment in rest.split('/').filter(|_| !rest.is_empty()) {
        let inner = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        let Some(parameter) = inner else {
            if segment.contains(['{', '}']) {
                let message = format!("'{}' mixes a parameter with other text", shown(segment));
                return Err(complaint(message, "let a parameter fill its segment: /orders/{order_id}"));
            }
            literal(template, segment)?;
            continue;
        };
        let plain = |one: u8| one.is_ascii_alphanumeric() || one == b'_' || one == b'-';
        if parameter.is_empty() || parameter.len() > 63 || !parameter.bytes().all(plain) {
            let message = format!("'{}' is not the name of a parameter", shown(parameter));
            return Err(complaint(message, "use 1 to 63 letters, digits, '_' and '-'"));
        }
        if parameters.contains(&parameter) {
            let message = format!("the parameter '{parameter}' stands twice in '{}'", shown(template));
            return Err(complaint(message, "give each parameter a name of its own"));
        }
        parameters.push(parameter);
    }
    length(template)
}

/// Whether this is a service's address: `http://HOST[:PORT][/PATH]`, the same with `https`, or the sample inside the process.
///
/// # Errors
/// What is wrong and how to mend it.
pub fn check_target(target: &str) -> Result<(), Complaint> {
    const FORM: &str = "write it like http://127.0.0.1:9000 or http://orders.internal:8080/api";
    if target == SAMPLE_TARGET {
        return Ok(());
    }
    let bad = |why: &str| Err(complaint(format!("'{}' {why}", shown(target)), FORM));
    if !target.starts_with("http://") && !target.starts_with("https://") {
        return bad("does not begin with http:// or https://");
    }
    if target.contains(['?', '#']) {
        return bad("has a query or a fragment");
    }
    let Ok(uri) = target.parse::<http::Uri>() else { return bad("is not an address") };
    let Some(authority) = uri.authority() else { return bad("names no host") };
    if authority.as_str().contains('@') {
        return bad("holds a user name or password");
    }
    let host = authority.as_str().strip_prefix(authority.host()).map(|port| (authority.host(), port));
    match host {
        Some(("" | "[]", _)) | None => return bad("names no host"),
        Some((_, "")) => {}
        Some((_, port)) if port.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()).is_some_and(|p| p > 0) => {}
        Some(_) => return bad("has a port that is not 1 to 65535"),
    }
    if uri.path().len() > 1 {
        let path = uri.path().strip_suffix('/').unwrap_or(uri.path());
        path.split('/').skip(1).try_for_each(|segment| literal(path, segment))?;
    }
    length(target)
}

/// The largest bound on a body that the API may set.
fn body_bound(api: &Api) -> u64 {
    match api.validate {
        Validate::Off => STREAMED_BODY_MAX_BYTES,
        Validate::Schema | Validate::Syntax => BODY_MAX_BYTES,
    }
}

fn complaint(message: String, mend: &str) -> Complaint {
    (message, mend.to_owned())
}

fn length(path: &str) -> Result<(), Complaint> {
    if path.len() > PATH_CHARACTERS_MAX {
        let message = format!("{} characters are too long", path.len());
        return Err(complaint(message, "use at most 500 characters"));
    }
    Ok(())
}

fn literal(path: &str, segment: &str) -> Result<(), Complaint> {
    if segment.is_empty() {
        let plain: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let message = format!("'{}' has an empty segment or a slash at its end", shown(path));
        return Err((message, format!("write /{}", shown(&plain.join("/")))));
    }
    if segment == "." || segment == ".." {
        return Err(complaint(format!("'{}' has a dot segment", shown(path)), "write the path that it leads to"));
    }
    let plain = |one: &char| one.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(*one);
    if let Some(other) = segment.chars().find(|one| !plain(one)) {
        let message = format!("'{}' holds '{}'", shown(path), shown(&other.to_string()));
        return Err(complaint(message, "use letters, digits and -._~!$&'()*+,;=:@ between the slashes"));
    }
    Ok(())
}

fn check_key(field: &str, key: &KeySettings, problems: &mut Problems) {
    let headers = std::iter::once((format!("{field}.header"), &key.header))
        .chain(key.aliases.iter().enumerate().map(|(at, alias)| (format!("{field}.aliases[{at}]"), alias)));
    let mut seen: Vec<String> = Vec::new();
    for (field, header) in headers {
        let lower = header.to_ascii_lowercase();
        if HeaderName::from_bytes(header.as_bytes()).is_err() {
            let mend = format!("use letters, digits and '-', like {DEFAULT_KEY_HEADER}");
            problems.add(field, format!("'{}' is not the name of a header", shown(header)), mend);
        } else if is_reserved_header(&lower) {
            let mend = format!("use {DEFAULT_KEY_HEADER} or a name of your own, like X-Api-Key");
            problems.add(field, format!("the header '{}' has another meaning", shown(header)), mend);
        } else if seen.contains(&lower) {
            problems.add(field, format!("the header '{}' is listed twice", shown(header)), "remove one of them");
        }
        seen.push(lower);
    }
    if !is_token(&key.challenge) {
        let message = format!("'{}' is not the name of an authentication scheme", shown(&key.challenge));
        problems.add(format!("{field}.challenge"), message, "use letters, digits and '-'");
    }
}

/// Names that begin with `limen-`, `_` read as `-`, are dropped from what callers send.
pub(crate) fn is_reserved_header(lower: &str) -> bool {
    let own = lower.replace('_', "-").starts_with("limen-") && !lower.eq_ignore_ascii_case(DEFAULT_KEY_HEADER);
    own || RESERVED_HEADERS.contains(&lower)
}

pub(crate) fn is_token(text: &str) -> bool {
    let in_token = |one: u8| one.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&one);
    !text.is_empty() && text.bytes().all(in_token)
}

fn check_media_types(field: &str, types: &[String], problems: &mut Problems) {
    for (at, media_type) in types.iter().enumerate() {
        if MediaRange::parse(media_type).is_none() {
            let message = format!("'{}' is not a media type", shown(media_type));
            problems.add(format!("{field}[{at}]"), message, "write it like application/json, without parameters");
        }
    }
}

fn check_cors(field: &str, cors: &Cors, problems: &mut Problems) {
    let any = cors.allow_origins.iter().any(|origin| origin == "*");
    if any && cors.allow_credentials {
        let message = "credentials for the origin '*' would let every page act as its visitor";
        let mend = "list the origins under allow_origins, or turn allow_credentials off";
        problems.add(format!("{field}.allow_credentials"), message, mend);
    }
    for (at, origin) in cors.allow_origins.iter().enumerate() {
        if origin != "*" && !is_origin(origin) {
            let message = format!("'{}' is not an origin", shown(origin));
            let mend = "write '*', or scheme and host like https://app.example.org, without a path";
            problems.add(format!("{field}.allow_origins[{at}]"), message, mend);
        }
    }
    problems.range(format!("{field}.max_age_s"), cors.max_age_s.into(), 0, DAY_S, "seconds");
}

fn is_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || b"-.:[]".contains(&one);
    matches!(scheme, "http" | "https") && !authority.is_empty() && authority.bytes().all(plain)
}

fn check_operation(field: &str, api: &Api, operation: &Operation, problems: &mut Problems) {
    problems.name(format!("{field}.name"), &operation.name);
    let method = &operation.method;
    if matches!(&**method, "TRACE" | "CONNECT") {
        let message = format!("{method} is never sent on");
        problems.add(format!("{field}.method"), message, "use another method, or remove the operation");
    } else if method.is_empty() || method.len() > 20 || !method.bytes().all(|one| one.is_ascii_uppercase()) {
        let message = format!("'{}' is not a method", shown(method));
        problems.add(format!("{field}.method"), message, "write it in capitals, like GET");
    }
    problems.take(format!("{field}.path"), check_template(&operation.path).err());
    if let Some(permission) = &operation.permission {
        problems.name(format!("{field}.permission"), permission);
        if !operation.access.unwrap_or(api.access).needs_token() {
            let message = "a permission is a user's, and without a token there is no user";
            let mend = "set 'access' of the operation or the API to key+token or token";
            problems.add(format!("{field}.permission"), message, mend);
        }
    }
    if let Some(types) = &operation.media_types {
        check_media_types(&format!("{field}.media_types"), types, problems);
    }
    if let Some(bytes) = operation.body_max_bytes {
        problems.range(format!("{field}.body_max_bytes"), bytes, 0, body_bound(api), "bytes");
    }
}

/// Two operations that no request could tell apart: same method, same template but for the parameters' names.
fn check_routes(field: &str, operations: &[Operation], problems: &mut Problems) {
    let mut seen: HashMap<(&str, String), &str> = HashMap::new();
    for (at, operation) in operations.iter().enumerate() {
        let shape: Vec<&str> =
            operation.path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect();
        if let Some(first) = seen.insert((&operation.method, shape.join("/")), &operation.name) {
            let message = format!("{} {} is operation '{}' already", operation.method, shown(&operation.path), first);
            problems.add(format!("{field}.operations[{at}].path"), message, "remove one of the two operations");
        }
    }
}

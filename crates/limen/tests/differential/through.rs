//! What our engine accepts, sent to a Limen with each server as its service: what Limen passed on is read as the one
//! request that our engine told, or Limen refused it and the server saw nothing.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use limen_fuzz::reading::{Request, odd_cuts};
use limen_rules::header::{RequestPassage, strip_request};
use limen_rules::path::normalize;
use limen_testbed::{Limen, Settings};

use crate::cases::{changed, ends_itself, kept, uploads, whole};
use crate::compare::{Report, Seen, difference, field_difference, origin_form, readings, talk};
use crate::servers::{self, Server};

/// An API for each server, as open as one can be: what is asked here is how requests are read.
pub(crate) fn gateway(servers: &[Server]) -> Limen {
    let mut config = String::from("apis:\n");
    for Server { name, address, .. } in servers {
        let common = format!("target: \"http://{address}\", access: open, validate: \"off\", media_types: [\"*/*\"]");
        config.push_str(&format!(
            "  - {{name: {name}, base_path: /{name}, {common}, contract: transparent, preserve_host: true, \
             forward_token: true, cookies: true, assertion: false}}\n  \
             - {{name: {name}-strict, base_path: /{name}-strict, {common}}}\n"
        ));
    }
    Limen::start(Settings::new(env!("CARGO_BIN_EXE_limen")).config(&config))
}

#[test]
fn what_passes_is_read_as_the_request_that_was_told() {
    let servers = servers::all();
    let limen = gateway(&servers);
    let mut report = Report::default();
    let mut number = 0;
    for (index, bytes) in kept().into_iter().chain(uploads()).chain(changed(400)).enumerate() {
        if report.is_enough() {
            break;
        }
        for server in &servers {
            let Some(bytes) = addressed(&bytes, server.name) else { continue };
            let pieces = if index.is_multiple_of(2) { vec![&bytes[..]] } else { odd_cuts(&bytes) };
            compare(&limen, server.name, &bytes, &pieces, &mut number, &mut report);
        }
    }
    if report.is_enough() {
        return report.finish(300);
    }
    // All that was refused must have been seen by nobody.
    let last = talk(servers[0].address, &[crate::cases::LAST], false);
    let seen = readings(&last, &[]).expect("an answer")[0].1.clone().expect("a reading");
    assert_eq!(seen.number, number + 1, "a server saw a request that nobody was answered");
    report.finish(300);
}

/// The case with its targets under the server's base path, and a `Content-Type` where none is; none where we don't
/// accept it so.
fn addressed(bytes: &[u8], name: &str) -> Option<Vec<u8>> {
    let reading = whole(bytes)?;
    let mut out = Vec::new();
    let mut rest = bytes;
    for request in &reading.requests {
        let line = format!("{} {} HTTP/1.{}\r\n", request.method, request.target, u8::from(!request.is_old));
        let at = rest.windows(line.len()).position(|window| window == line.as_bytes())?;
        out.extend_from_slice(&rest[..at]);
        let authority = request.target.strip_suffix(&origin_form(&request.target)).unwrap_or_default();
        let path = format!("{authority}/{name}{}", origin_form(&request.target));
        out.extend_from_slice(line.replacen(&request.target, &path, 1).as_bytes());
        if request.field("content-type").is_none() {
            out.extend_from_slice(b"Content-Type: text/plain\r\n");
        }
        rest = &rest[at + line.len()..];
    }
    out.extend_from_slice(rest);
    whole(&out).map(|_| out)
}

fn compare(limen: &Limen, name: &'static str, bytes: &[u8], pieces: &[&[u8]], number: &mut u64, report: &mut Report) {
    let reading = whole(bytes).expect("a case that we accept");
    let talk = talk(limen.gateway(), pieces, !ends_itself(bytes, &reading));
    let ours = reading.requests;
    let answered = match readings(&talk, &ours) {
        Ok(answered) => answered,
        Err(wrong) => return report.differ(name, bytes, &wrong),
    };
    if !talk.is_closed || answered.len() > ours.len() {
        report.differ(name, bytes, &format!("{} answers, closed: {}", answered.len(), talk.is_closed));
    }
    for (request, (status, seen)) in ours.iter().zip(&answered) {
        let Some(seen) = seen else {
            let case = format!("{} {}", request.method, bytes.escape_ascii());
            report
                .stricter
                .entry(format!("with {name} behind Limen, {status} is the answer to"))
                .or_default()
                .push(case);
            continue;
        };
        *number += 1;
        if seen.number != *number {
            report.differ(name, bytes, &format!("it saw {} requests more", seen.number - *number));
            *number = seen.number;
        }
        match read_differently(name, request, seen) {
            Some(what) => report.differ(name, bytes, &what),
            None => *report.alike.entry(name).or_default() += 1,
        }
    }
    if answered.len() < ours.len() {
        let case = bytes.escape_ascii().to_string();
        report.stricter.entry(format!("with {name} behind it, Limen closes early after")).or_default().push(case);
    }
}

/// Our reading as the rules send it on, beside what the server read.
fn read_differently(name: &str, ours: &Request, seen: &Seen) -> Option<String> {
    let target = origin_form(&ours.target);
    let Ok(normal) = normalize(&target) else { return Some("a target without one meaning was sent on".to_owned()) };
    let path = normal.path.strip_prefix(&format!("/{name}")).expect("the base path");
    let path = if path.is_empty() { "/" } else { path };
    let query = normal.query.filter(|query| !query.is_empty());
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let host = ours.field("host").map(String::from_utf8_lossy);
    if seen.field("host").is_none() {
        return Some("it was sent on without a Host".to_owned());
    }
    let passed = passed_on(ours, &target);
    difference(&passed, seen, &target, host.as_deref()).or_else(|| field_difference(&passed, seen))
}

fn passed_on(ours: &Request, target: &str) -> Request {
    let mut headers = HeaderMap::new();
    for (name, value) in &ours.fields {
        let name: HeaderName = name.parse().expect("a field's name");
        headers.append(name, HeaderValue::from_bytes(value).expect("a field's value"));
    }
    let method = Method::from_bytes(ours.method.as_bytes()).expect("a method");
    let key = [HeaderName::from_static("limen-subscription-key")];
    let passage =
        RequestPassage { cookies: true, forward_token: true, ranges: true, conditions: true, key_headers: &key };
    strip_request(&mut headers, &method, &passage);
    let fields = headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    Request { fields, target: target.to_owned(), is_old: false, ..ours.clone() }
}

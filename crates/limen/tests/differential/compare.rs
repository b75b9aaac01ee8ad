//! How a server read what it was sent, and whether that is how our engine read it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use limen_fuzz::answers::{self, Answer};
use limen_fuzz::reading::Request;
use serde::Deserialize;

/// What one request was to the server behind.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Seen {
    /// Counted by the recorder: whatever it saw has one.
    pub(crate) number: u64,
    pub(crate) method: String,
    pub(crate) target: String,
    fields: Vec<(String, String)>,
    length: usize,
    sum: u32,
}

impl Seen {
    /// What an answer tells; none where the recorder didn't write it.
    pub(crate) fn told_by(answer: &Answer) -> Option<Self> {
        let told = answer.field("x-reading")?;
        let json = base64::engine::general_purpose::STANDARD.decode(told).expect("base64");
        Some(serde_json::from_slice(&json).expect("a reading"))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What came back for bytes that were sent on a connection of their own.
pub(crate) struct Talk {
    pub(crate) received: Vec<u8>,
    /// Whether the server closed, instead of waiting for more.
    pub(crate) is_closed: bool,
}

/// Sends pieces, then nothing more if told so, and reads until the server closes.
pub(crate) fn talk(address: SocketAddr, pieces: &[&[u8]], is_half_closed: bool) -> Talk {
    let mut stream = TcpStream::connect(address).expect("the server is up");
    stream.set_nodelay(true).expect("an option of a socket");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("an option of a socket");
    for piece in pieces {
        // Who closed early has said why.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    if is_half_closed {
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut received = Vec::new();
    let end = stream.read_to_end(&mut received);
    // A reset is an end too.
    let is_closed = end
        .as_ref()
        .map_err(std::io::Error::kind)
        .is_err_and(|kind| !matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut))
        || end.is_ok();
    Talk { received, is_closed }
}

/// How each request was answered: by a reading, or by the server itself.
pub(crate) fn readings(talk: &Talk, ours: &[Request]) -> Result<Vec<(u16, Option<Seen>)>, String> {
    let methods: Vec<String> = ours.iter().map(|request| request.method.clone()).collect();
    let answers = answers::read(&talk.received, &methods)?;
    Ok(answers.iter().map(|answer| (answer.status, Seen::told_by(answer))).collect())
}

/// What a server does not hand on as it came, or adds.
const NOT_COMPARED: [&str; 19] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "forwarded",
    "keep-alive",
    "max-forwards",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-request-id",
];

/// The first difference between our reading and theirs, which should have these two in it.
pub(crate) fn difference(ours: &Request, theirs: &Seen, target: &str, host: Option<&str>) -> Option<String> {
    let differs = |what: &str, ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        Some(format!("{what}: ours {ours:?}, theirs {theirs:?}"))
    };
    if ours.method != theirs.method {
        return differs("method", &ours.method, &theirs.method);
    }
    // A question mark with nothing behind it says nothing, and not everybody hands it on.
    let plain = |target: &str| target.strip_suffix('?').unwrap_or(target).to_owned();
    if plain(target) != plain(&theirs.target) {
        return differs("target", &target, &theirs.target);
    }
    if host.is_some() && host != theirs.field("host") {
        return differs("host", &host, &theirs.field("host"));
    }
    let (length, sum) = (ours.body.len(), sum(&ours.body));
    if (length, sum) != (theirs.length, theirs.sum) {
        return differs("body (length, sum)", &(length, sum), &(theirs.length, theirs.sum));
    }
    if let Some(line) = theirs.field("x-seen-request") {
        let own = format!("{} {} HTTP/1.{}", ours.method, ours.target, u8::from(!ours.is_old));
        if own != line {
            return differs("request line", &own, &line);
        }
    }
    None
}

/// The first difference between the fields of our reading and those of theirs, those between hops aside.
pub(crate) fn field_difference(ours: &Request, theirs: &Seen) -> Option<String> {
    let named: Vec<String> = ours
        .fields
        .iter()
        .filter(|(name, _)| name == "connection")
        .flat_map(|(_, value)| {
            String::from_utf8_lossy(value).to_lowercase().split(',').map(str::to_owned).collect::<Vec<_>>()
        })
        .map(|name| name.trim().to_owned())
        .collect();
    let is_compared = |name: &str| {
        !NOT_COMPARED.contains(&name)
            && !name.starts_with("x-seen-")
            && !name.starts_with("limen-")
            && !named.iter().any(|other| other == name)
    };
    let latin = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect::<String>();
    let own = joined(ours.fields.iter().map(|(name, value)| (name.clone(), latin(value))), is_compared);
    let other = joined(theirs.fields.iter().map(|(name, value)| (name.to_lowercase(), value.clone())), is_compared);
    (own != other).then(|| format!("fields: ours {own:?}, theirs {other:?}"))
}

/// Fields by name; several of one name are a list (RFC 9110 §5.3).
fn joined(
    fields: impl Iterator<Item = (String, String)>,
    is_compared: impl Fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in fields.filter(|(name, _)| is_compared(name)) {
        let value = value.replace(", ", ",");
        joined
            .entry(name)
            .and_modify(|known| {
                known.push(',');
                known.push_str(&value);
            })
            .or_insert(value);
    }
    joined
}

/// FNV-1a, as the recorder has it.
fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// A target without scheme and authority, as a service that stands alone takes it.
pub(crate) fn origin_form(target: &str) -> String {
    match limen_rules::path::split_absolute(target) {
        Some(absolute) => absolute.origin_form.into_owned(),
        None => target.to_owned(),
    }
}

/// What went wrong, gathered so that one run tells all of it.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) differences: Vec<String>,
    /// What a server refused that we accept, by server and status.
    pub(crate) stricter: BTreeMap<String, Vec<String>>,
    pub(crate) alike: BTreeMap<&'static str, usize>,
}

impl Report {
    pub(crate) fn differ(&mut self, server: &str, bytes: &[u8], what: &str) {
        self.differences.push(format!("{server}: {what}\n    bytes: {}", bytes.escape_ascii()));
    }

    /// Whether so much is wrong that more of it says nothing new.
    pub(crate) fn is_enough(&self) -> bool {
        self.differences.len() >= 10
    }

    /// Prints what a run saw; ends the test where readings differ, or where too few were compared to say anything.
    pub(crate) fn finish(self, alike_least: usize) {
        for (server, count) in &self.alike {
            println!("{server}: {count} requests read alike");
        }
        for (what, cases) in &self.stricter {
            println!(
                "{what}: {} requests that we accept, such as {}",
                cases.len(),
                cases.first().map_or("", |case| case)
            );
        }
        let shown: Vec<_> = self.differences.iter().take(20).map(String::as_str).collect();
        assert!(shown.is_empty(), "{} differences:\n{}", self.differences.len(), shown.join("\n"));
        assert_eq!(self.alike.len(), 3, "a server read nothing: {:?}", self.alike);
        assert!(self.alike.values().all(|count| *count >= alike_least), "too few were compared: {:?}", self.alike);
    }
}

//! Whatever a service does, the nine statuses: each misdeed once by itself, then many at once drawn from a seed. What
//! is looked at every time: the caller's answer, the right that it cost, and that the next callers get their own.

mod at_each_byte;
mod bodies;
mod drawn;
mod framings;
mod heads;
mod unread;

use limen_testbed::{Answer, Connection, Limen, Reply, Seen, Service, Settings};

use crate::stage::{BINARY, KEY, refused};

/// What no caller may read in a 500 or 503.
const WORDS: &str = "words-of-the-service";

/// APIs in front of one service: one that is patient, one that is not.
const WORLD: &str = r#"
apis:
  - {name: patient, base_path: /patient, target: "{service}/base", access: key, breaker: {enabled: false}, validate: "off", media_types: ["*/*"],
     body_max_bytes: 100_000_000,
     deadlines: {connect_timeout_ms: 20_000, response_timeout_ms: 20_000, idle_timeout_ms: 20_000}}
  - {name: brief, base_path: /brief, target: "{service}/base", access: key, breaker: {enabled: false}, validate: "off", media_types: ["*/*"],
     body_max_bytes: 100_000_000,
     deadlines: {connect_timeout_ms: 20_000, response_timeout_ms: 400, idle_timeout_ms: 400}}
  - {name: guarded, base_path: /guarded, target: "{service}/base", access: key, breaker: {enabled: false}, validate: "off", media_types: ["*/*"],
     contract: transparent,
     deadlines: {connect_timeout_ms: 20_000, response_timeout_ms: 20_000, idle_timeout_ms: 20_000}}
products:
  - {name: all, apis: [patient, brief, guarded], quota: {calls: 1_000_000, period_s: 360_000}}
developers: [{name: ada}]
"#;

/// A Limen, its service, and a subscription with a quota that tells what each call cost.
struct Trial {
    limen: Limen,
    service: Service,
    key: String,
}

/// What a service says of a good call: whose it is.
fn echo(seen: &Seen) -> Reply {
    Reply::status(200).body(format!("own {}", seen.target))
}

impl Trial {
    fn new() -> Self {
        let service = Service::start(echo);
        let (limen, key) = started(&service.url());
        Self { limen, service, key }
    }

    fn call(&self, connection: &mut Connection, method: &str, target: &str) -> std::io::Result<Answer> {
        let fields = [(KEY, self.key.as_str()), ("Content-Type", "text/plain")];
        let body = matches!(method, "POST" | "PUT" | "PATCH").then_some(&b"a body"[..]);
        connection.try_call(method, target, &fields, body)
    }

    /// Good calls over this connection and others, enough that both cores take some; gives what is left of the quota.
    #[track_caller]
    fn others_are_served(&self, connection: Option<&mut Connection>, what: &str) -> u64 {
        let mut fresh: Vec<Connection> = (0..3).map(|_| self.limen.http().open()).collect();
        let mut left = 0;
        for (number, connection) in connection.into_iter().chain(&mut fresh).enumerate() {
            let target = format!("/patient/own/{number}?{}", what.len());
            let answer = self.call(connection, "GET", &target).unwrap_or_else(|error| panic!("{what}: {error}"));
            let own = format!("own {}", target.replace("/patient", "/base"));
            assert_eq!((answer.status, answer.text(), answer.cut), (200, own, false), "behind {what}: {answer:?}");
            left = left_of_quota(&answer);
        }
        left
    }

    /// One misdeed: what the caller gets is one of `expected`, which are told like [`outcome`] and separated by `|`.
    #[track_caller]
    fn shows(&self, api: &str, method: &str, what: &str, reply: &Reply, expected: &str) {
        let what = format!("{method}, {what}");
        self.service.on("/base/misdeed", reply.clone());
        let mut connection = self.limen.http().open();
        let before = self.call(&mut connection, "GET", "/patient/before").expect("an answer to a good call");
        let (left, hits) = (left_of_quota(&before), self.service.hits());
        let answer = self
            .call(&mut connection, method, &format!("/{api}/misdeed"))
            .unwrap_or_else(|error| panic!("{what}: no answer: {error}"));
        // What it says behind its answer is there before the next request: in the moment between, nobody could know.
        self.service.settle();
        let outcome = outcome(&self.limen, &answer);
        assert!(expected.split('|').any(|one| one.trim() == outcome), "{what}: {outcome}, not {expected}: {answer:?}");
        // A read may be sent a second time, where nothing of an answer came; a write never is.
        let sent = self.service.hits() - hits;
        assert!(sent == 1 || (sent == 2 && method != "POST"), "{what}: sent {sent} times");
        let is_closed = answer.cut || answer.header("connection") == Some("close");
        if is_closed {
            assert!(connection.is_closed(), "{what}: a connection that was said to end goes on");
        }
        let after = self.others_are_served(Some(&mut connection).filter(|_| !is_closed), &what);
        let good = if is_closed { 3 } else { 4 };
        let cost = u64::from(answer.status < 500);
        assert_eq!(left - after, good + cost, "{what}: what it cost, {answer:?}");
    }

    /// The same by a read and by a write.
    #[track_caller]
    fn shows_all(&self, api: &str, cases: Vec<(&str, Reply, &str)>) {
        for (what, reply, expected) in cases {
            for method in ["GET", "POST"] {
                self.shows(api, method, what, &reply, expected);
            }
        }
    }
}

/// A Limen in front of the service at this URL, and a key to it.
fn started(url: &str) -> (Limen, String) {
    let limen = Limen::start(Settings::new(BINARY).config(&WORLD.replace("{service}", url)));
    let made = limen.json(&["subscription", "create", "--product", "all", "--developer", "ada"]);
    let key = made["primary_key"].as_str().expect("a key").to_owned();
    (limen, key)
}

/// What is left of the quota, as the answer tells it.
#[track_caller]
fn left_of_quota(answer: &Answer) -> u64 {
    let told = answer.header("ratelimit").unwrap_or_default();
    let left = told.split("r=").nth(1).and_then(|rest| rest.split([';', ',']).next()?.parse().ok());
    left.unwrap_or_else(|| panic!("nothing of the quota: {answer:?}"))
}

/// An answer in short: status and body, status and `cut`, or status and code; a refusal's form is checked.
#[track_caller]
fn outcome(limen: &Limen, answer: &Answer) -> String {
    let told = format!("{answer:?}");
    if answer.status == 200 {
        let body = if answer.cut { "cut".to_owned() } else { answer.text() };
        return format!("200 {body}").trim().to_owned();
    }
    let body = answer.json();
    let (code, message) = (body["code"].as_str().unwrap_or_default(), body["message"].as_str().unwrap_or_default());
    refused(limen, answer, answer.status, code, message);
    assert!([400, 401, 403, 404, 415, 429, 500, 503].contains(&answer.status), "{told}");
    if answer.status >= 500 {
        assert!(!told.contains(WORDS) && body.get("service").is_none(), "the service's words: {told}");
    }
    format!("{} {code}", answer.status)
}

//! What ends a token ends it within a second: for calls whose signature is remembered, for event streams over both
//! versions of HTTP, and for WebSockets, which are told why.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use limen_testbed::{Answer, Connection, Http2, eventually, eventually_within};
use serde_json::json;

use crate::stage::{Stage, TOKEN};
use crate::websockets::{HANDSHAKE, open, read, service};

/// A whole frame, as a caller sends and a service echoes it.
const HELLO: &[u8] = b"\x81\x05hello";
/// `Close`, 1008.
const REVOKED: &[u8] = &[0x88, 0x02, 0x03, 0xF0];
/// A change acts within a second once the command has answered; a loaded machine is given more to show it.
const SOON: Duration = Duration::from_secs(3);

/// A stage with an API of WebSockets and event streams that asks for a token; and the heads that its service sees.
fn stage() -> (Stage, Receiver<String>) {
    let (url, told, _) = service();
    let stage = Stage::new();
    let api = format!(
        "  - name: live\n    base_path: /live\n    target: \"{url}\"\n    access: token\n    websocket: true\n    operations:\n      \
         - {{name: echo, method: GET, path: /echo, permission: thing.write}}\n      \
         - {{name: events, method: GET, path: /events, permission: thing.write}}\n      \
         - {{name: items, method: GET, path: /items, permission: thing.write}}\n"
    );
    let world = stage.world().replace("\nproducts:\n", &format!("\n{api}\nproducts:\n"));
    stage.limen.apply(&world);
    (stage, told)
}

/// Everything that a token keeps open.
struct Opened<'s> {
    stage: &'s Stage,
    grant: String,
    bearer: String,
    socket: Connection,
    events: Connection,
    events_of_http2: std::thread::JoinHandle<Answer>,
}

impl<'s> Opened<'s> {
    fn with((stage, told): (&'s Stage, &Receiver<String>), token: &[&str]) -> Self {
        let issued = stage.limen.json(&[&["token", "issue"], token].concat());
        let text = |name: &str| issued[name].as_str().expect("a text").to_owned();
        let (bearer, grant) = (format!("Bearer {}", text("access_token")), text("grant"));
        let authorization = ("Authorization", bearer.as_str());
        let mut socket = open(stage, "/live/echo", &[&HANDSHAKE[..], &[authorization]].concat(), b"");
        let head = socket.head_only();
        assert_eq!(head.status, 101, "{head:?}");
        let mut events = open(stage, "/live/events", &[authorization], b"");
        assert_eq!(events.head_only().status, 200);
        assert!(read(&mut events, 14).ends_with(b"data: 1\n\n\r\n"));
        let (address, field) = (stage.limen.gateway(), bearer.clone());
        let events_of_http2 =
            std::thread::spawn(move || Http2::open(address).get("/live/events", &[("Authorization", &field)]));
        // Both streams have reached the service, and none came before its token was looked at.
        let mut streams = 0;
        eventually("the stream over HTTP/2 is open", || {
            streams += told.try_iter().filter(|head| head.starts_with("get /events ")).count();
            (streams == 2).then_some(())
        });
        let mut opened = Self { stage, grant, bearer, socket, events, events_of_http2 };
        // Remembered from here on.
        assert_eq!(opened.call().status, 200);
        opened.echoes();
        opened
    }

    fn call(&self) -> Answer {
        self.stage.http().get("/live/items", &[("Authorization", &self.bearer)])
    }

    #[track_caller]
    fn echoes(&mut self) {
        self.socket.write(HELLO);
        assert_eq!(read(&mut self.socket, HELLO.len()), HELLO);
    }

    /// After this change calls are refused so, and all that was open ends.
    #[track_caller]
    fn end_with(mut self, what: &str, status: u16, code: &str, change: impl FnOnce()) {
        self.echoes();
        assert!(!self.events_of_http2.is_finished(), "{what}");
        change();
        let refused = eventually_within(SOON, what, || Some(self.call()).filter(|answer| answer.status != 200));
        assert_eq!((refused.status, &refused.json()["code"]), (status, &json!(code)), "{what}: {refused:?}");
        if status == 401 {
            self.stage.refused(&refused, 401, code, TOKEN);
        }
        let all_ended = || self.events_of_http2.is_finished().then_some(());
        eventually_within(SOON, &format!("{what}: an event stream of HTTP/2 ends"), all_ended);
        let cut = self.events_of_http2.join().expect("an answer");
        assert!(cut.status == 200 && cut.cut && cut.text().contains("data: 1"), "{what}: {cut:?}");
        assert!(self.events.is_closed(), "{what}: an event stream ends, without its last chunk");
        assert_eq!(read(&mut self.socket, REVOKED.len()), REVOKED, "{what}: a WebSocket is told why");
        assert!(self.socket.is_closed(), "{what}: a WebSocket ends");
    }
}

const WES: [&str; 4] = ["--user", "wes", "--application", "ada-app"];
const CONNECTION: &str = "{application: ada-app, environment: demo}";

/// Applies the stage's world with one text in the place of another.
fn replaced(stage: &Stage, from: &str, to: &str) {
    assert!(stage.world().contains(from), "{from}");
    stage.limen.apply(&stage.world().replace(from, to));
}

#[test]
fn a_revoked_grant_and_no_other() {
    let (stage, told) = stage();
    let (one, mut other) = (Opened::with((&stage, &told), &WES), Opened::with((&stage, &told), &WES));
    let grant = one.grant.clone();
    one.end_with("its grant is revoked", 401, "token-invalid", || {
        stage.limen.json(&["token", "revoke", "--grant", &grant]);
    });
    other.echoes();
    assert_eq!(other.call().status, 200);
    other.end_with("all of the user's grants are revoked", 401, "token-invalid", || {
        stage.limen.json(&["token", "revoke", "--user", "wes"]);
    });
}

#[test]
fn what_is_switched_off_or_changed() {
    let (stage, told) = stage();
    for (what, from, to, status, code) in [
        ("the user is disabled", "{name: wes,", "{name: wes, disabled: true,", 401, "token-invalid"),
        (
            "the user left",
            "{environment: demo, roles: [writer]}",
            "{environment: spare, roles: [writer]}",
            401,
            "token-invalid",
        ),
        ("the application is disabled", "{name: ada-app,", "{name: ada-app, disabled: true,", 401, "token-invalid"),
        (
            "the user's role is another",
            "{environment: demo, roles: [writer]}",
            "{environment: demo, roles: [reader]}",
            403,
            "permission-denied",
        ),
        (
            "the role lost it",
            "permissions: [thing.read, thing.write]",
            "permissions: [thing.read]",
            403,
            "permission-denied",
        ),
        (
            "the connection is limited",
            CONNECTION,
            "{application: ada-app, environment: demo, scopes: [thing.read]}",
            403,
            "permission-denied",
        ),
    ] {
        let opened = Opened::with((&stage, &told), &WES);
        opened.end_with(what, status, code, || replaced(&stage, from, to));
        stage.limen.apply(stage.world());
    }
}

#[test]
fn what_an_application_has_of_its_own() {
    let (stage, told) = stage();
    let own = ["--application", "ada-app", "--environment", "demo"];
    let writer = "{application: ada-app, environment: demo, own_roles: [writer]}";
    for (what, to, status, code) in [
        (
            "its role is another",
            "{application: ada-app, environment: demo, own_roles: [reader]}",
            403,
            "permission-denied",
        ),
        ("it may not act for itself", CONNECTION, 401, "token-invalid"),
    ] {
        replaced(&stage, CONNECTION, writer);
        let opened = Opened::with((&stage, &told), &own);
        opened.end_with(what, status, code, || replaced(&stage, CONNECTION, to));
    }
}

#[test]
fn a_token_ends_by_itself() {
    let (stage, told) = stage();
    let brief = [&WES[..], &["--expires-in", "3s"]].concat();
    Opened::with((&stage, &told), &brief).end_with("it expires", 401, "token-expired", || stage.wait(3));
}

#[test]
fn a_connection_that_was_removed() {
    let (stage, told) = stage();
    let remove = ["connection", "remove", "ada-app", "demo"];
    let opened = Opened::with((&stage, &told), &WES);
    opened.end_with("its connection is removed", 401, "token-invalid", || drop(stage.limen.json(&remove)));
    stage
        .limen
        .apply(&stage.world().replace(CONNECTION, "{application: ada-app, environment: demo, own_roles: [writer]}"));
    let own = ["--application", "ada-app", "--environment", "demo"];
    let opened = Opened::with((&stage, &told), &own);
    opened.end_with("the application's own too", 401, "token-invalid", || drop(stage.limen.json(&remove)));
    // Connected again, only new tokens are good.
    stage.limen.apply(stage.world());
    let opened = Opened::with((&stage, &told), &WES);
    assert_eq!(opened.call().status, 200);
}

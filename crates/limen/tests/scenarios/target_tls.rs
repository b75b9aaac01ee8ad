//! TLS towards services: who is trusted and who is not, certificates of our own, and files that change.

use limen_testbed::tls::{Authority, Certificate};
use limen_testbed::{Answer, DoorSettings, Limen, Reply, Service, Settings, TlsDoor, eventually};
use tempfile::TempDir;

use crate::stage::{BINARY, refused};

const UNAVAILABLE: &str = "The service is temporarily unavailable. Try again later.";

/// A service behind TLS, two authorities of which the first signed its certificate, and both as files.
struct House {
    service: Service,
    door: TlsDoor,
    own: Authority,
    shown: Certificate,
    other: Authority,
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        let (own, other, folder) = (Authority::new("own"), Authority::new("other"), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("own.pem"), own.pem()).unwrap();
        std::fs::write(folder.path().join("other.pem"), other.pem()).unwrap();
        let (service, shown) = (Service::ok(), own.issue(&["127.0.0.1", "orders.example"]));
        let door = TlsDoor::before(service.address(), DoorSettings::new(&shown));
        Self { service, door, own, shown, other, folder }
    }

    /// An API at `/NAME` with this TLS; `{folder}` stands for the folder.
    fn api(&self, name: &str, tls: &str) -> String {
        let tls = if tls.is_empty() { String::new() } else { format!(", target_tls: {{{tls}}}") };
        let tls = tls.replace("{folder}", &self.folder.path().display().to_string());
        let url = self.door.url();
        format!(
            "  - {{name: {name}, base_path: /{name}, access: open, target: \"{url}/base\"{tls}, breaker: {{enabled: false}}}}\n"
        )
    }

    fn limen(&self, apis: &[(&str, &str)]) -> Limen {
        let apis: String = apis.iter().map(|(name, tls)| self.api(name, tls)).collect();
        Limen::start(Settings::new(BINARY).config(&format!("apis:\n{apis}")))
    }
}

/// The call was refused, the service saw nothing of it, and the operator is told these words.
#[track_caller]
fn fails(house: &House, limen: &Limen, answer: &Answer, words: &str) {
    refused(limen, answer, 503, "service-unavailable", UNAVAILABLE);
    let told = limen.json(&["explain", answer.header("x-request-id").expect("an id")]).to_string();
    assert!(told.contains(words), "{words} in {told}");
    assert_eq!(house.service.hits(), 0, "the service saw a request");
}

#[test]
fn who_is_trusted_is_called_over_one_connection() {
    let house = House::new();
    let limen = house.limen(&[("a", "ca_file: '{folder}/own.pem'")]);
    house.service.on("/base/moved", Reply::status(201).header("Location", &format!("{}/base/new", house.door.url())));
    let http = limen.http();
    for _ in 0..5 {
        assert_eq!(http.get("/a/items?x=1", &[]).status, 200);
    }
    let body = format!("{{\"text\": \"{}\"}}", "x".repeat(900_000));
    assert_eq!(http.post("/a/items", &[], &body).status, 200);
    assert_eq!(house.service.last().body.len(), body.len());
    assert_eq!(house.service.last().header("host"), Some(house.door.address().to_string().as_str()));
    let moved = http.post("/a/moved", &[], "{}");
    assert!(moved.header("location").is_some_and(|to| to.ends_with("/a/new")), "{moved:?}");
    assert_eq!(house.door.agreed()[0].0.as_deref(), Some(&b"http/1.1"[..]));
    // Each core keeps connections of its own; tickets that came after a handshake must not make it useless.
    assert!(house.door.opened() <= 4, "{}", house.door.opened());
    assert!(limen.json(&["status"]).to_string().contains(&format!("{}/base", house.door.url())));
}

#[test]
fn who_is_not_trusted_sees_no_request() {
    let house = House::new();
    let limen = house.limen(&[
        ("public", ""),
        ("other", "ca_file: '{folder}/other.pem'"),
        ("named", "ca_file: '{folder}/own.pem', server_name: else.example"),
        ("own", "ca_file: '{folder}/own.pem'"),
        ("unreadable", "ca_file: '{folder}/none.pem'"),
    ]);
    let http = limen.http();
    fails(&house, &limen, &http.get("/public/x", &[]), "signed by nobody that is trusted");
    fails(&house, &limen, &http.get("/other/x", &[]), "signed by nobody that is trusted");
    fails(&house, &limen, &http.post("/named/x", &[], "{}"), "not for 'else.example'");
    fails(&house, &limen, &http.get("/unreadable/x", &[]), "none.pem' can't be read");
    house.door.set(DoorSettings::new(&house.own.issue_until(&["127.0.0.1"], 2020)));
    fails(&house, &limen, &http.get("/own/x", &[]), "expired");
    assert_eq!(house.door.opened(), 0, "no handshake was finished");
}

#[test]
fn a_service_without_tls_sees_no_request() {
    let house = House::new();
    let url = format!("https://{}", house.service.address());
    let limen = Limen::start(Settings::new(BINARY).config(&format!(
        "apis:\n  - {{name: a, base_path: /a, access: open, target: \"{url}\", deadlines: {{connect_timeout_ms: 500}}, breaker: {{failures: 2, open_s: 600}}}}\n"
    )));
    for _ in 0..2 {
        fails(&house, &limen, &limen.http().get("/a/x", &[]), &house.service.address().to_string());
    }
    assert_eq!(limen.json(&["status"])["apis"][0]["targets"][0]["breaker"], "open");
}

#[test]
fn the_name_that_is_told_is_asked_for_and_verified() {
    let house = House::new();
    house.door.set(DoorSettings::new(&house.own.issue(&["orders.example"])));
    let limen = house.limen(&[
        ("a", "ca_file: '{folder}/own.pem', server_name: orders.example"),
        ("b", "ca_file: '{folder}/own.pem'"),
    ]);
    fails(&house, &limen, &limen.http().get("/b/x", &[]), "not for '127.0.0.1'");
    assert_eq!(limen.http().get("/a/x", &[]).status, 200);
    assert_eq!(house.door.agreed()[0].1.as_deref(), Some("orders.example"));
}

#[test]
fn trust_is_not_shared_by_a_connection() {
    let house = House::new();
    let limen = house.limen(&[("a", "ca_file: '{folder}/own.pem'"), ("b", "ca_file: '{folder}/other.pem'")]);
    for _ in 0..8 {
        assert_eq!(limen.http().get("/a/x", &[]).status, 200);
        let answer = limen.http().get("/b/x", &[]);
        refused(&limen, &answer, 503, "service-unavailable", UNAVAILABLE);
    }
    assert_eq!(house.service.hits(), 8);
}

#[test]
fn our_certificate_is_shown_where_one_is_asked_for() {
    let house = House::new();
    house.own.issue(&["limen"]).write(house.folder.path(), "limen");
    house.door.set(DoorSettings::asking(&house.shown, &house.own));
    let pair = "certificate_file: '{folder}/limen.pem', key_file: '{folder}/limen.key'";
    let limen = house.limen(&[
        ("with", &format!("ca_file: '{{folder}}/own.pem', {pair}")),
        ("without", "ca_file: '{folder}/own.pem'"),
    ]);
    fails(&house, &limen, &limen.http().get("/without/x", &[]), "ertificate");
    assert_eq!(limen.http().get("/with/x", &[]).status, 200);
    assert_eq!(house.service.hits(), 1);
}

#[test]
fn files_that_change_are_read_again_and_bad_ones_change_nothing() {
    let house = House::new();
    let file = house.folder.path().join("ca.pem");
    let put = |text: &str| {
        std::fs::write(file.with_extension("new"), text).unwrap();
        std::fs::rename(file.with_extension("new"), &file).unwrap();
    };
    let limen = house.limen(&[("a", "ca_file: '{folder}/ca.pem'")]);
    fails(&house, &limen, &limen.http().get("/a/x", &[]), "ca.pem' can't be read");
    let comes_to = |status: u16| {
        eventually("the file is read again", || (limen.http().get("/a/x", &[]).status == status).then_some(()));
    };
    put(&house.own.pem());
    comes_to(200);
    put("nothing of a certificate");
    eventually("it is told", || {
        assert_eq!(limen.http().get("/a/x", &[]).status, 200, "what was read before stays in use");
        limen.stderr().contains("stays in use").then_some(())
    });
    // Connections that were verified by what is trusted no more are not used again.
    put(&house.other.pem());
    comes_to(503);
    put(&house.own.pem());
    comes_to(200);
}

#[test]
fn an_end_that_nobody_announced_is_no_end() {
    let house = House::new();
    let limen = house.limen(&[("a", "ca_file: '{folder}/own.pem'")]);
    house.service.answer(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nwhole"));
    let whole = limen.http().get("/a/x", &[]);
    assert_eq!((whole.status, whole.text().as_str(), whole.cut), (200, "whole", false));
    house.door.set(DoorSettings::new(&house.shown).truncating());
    let cut = limen.http().get("/a/x", &[]);
    assert!(cut.cut, "{cut:?}");
}

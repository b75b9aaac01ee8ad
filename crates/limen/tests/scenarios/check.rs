//! `limen check` asks the targets of a good file, and tells what the strict contract would change of their answers.

use std::collections::BTreeSet;
use std::net::TcpListener;

use limen_testbed::tls::Authority;
use limen_testbed::{DoorSettings, Limen, Reply, Service, Settings, TlsDoor, program};
use serde_json::Value;
use tempfile::TempDir;

use crate::stage::BINARY;

/// A file and what a check of it says.
struct Checked {
    folder: TempDir,
}

impl Checked {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Standard output; the check must end well.
    fn told(&self, text: &str, more: &[&str]) -> String {
        let file = self.folder.path().join("limen.yaml");
        std::fs::write(&file, text.replace("{folder}", &self.folder.path().display().to_string())).unwrap();
        let output = program(BINARY).arg("check").arg(&file).args(more).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((output.status.code(), &*err), (Some(0), ""), "{out}");
        out.into_owned()
    }

    fn targets(&self, text: &str) -> Vec<Value> {
        let told: Value = serde_json::from_str(&self.told(text, &["--output", "json"])).unwrap();
        assert_eq!(told["ok"], true);
        told["targets"].as_array().unwrap().clone()
    }
}

/// An answer of a target by its path: status, what it leaves as, the advice's names.
fn found(target: &Value, path: &str) -> (Value, Value, BTreeSet<String>) {
    let answer = target["answers"].as_array().unwrap().iter().find(|one| one["path"] == path);
    let answer = answer.unwrap_or_else(|| panic!("no {path} in {target}"));
    let codes = answer["advice"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned());
    (answer["status"].clone(), answer["leaves_as"].clone(), codes.collect())
}

fn operations(paths: &[&str]) -> String {
    let lines = paths.iter().enumerate();
    lines.map(|(at, path)| format!("      - {{name: o{at}, method: GET, path: \"{path}\"}}\n")).collect()
}

#[test]
fn what_strict_would_change_is_told() {
    let service = Service::ok();
    let json = |status| Reply::json(status, &serde_json::json!({"message": "told"}));
    let away = format!("{}/in/new", service.url());
    let raw = |text: &str| Reply::raw(text.as_bytes().to_vec());
    for (path, reply) in [
        ("/in", json(200)),
        ("/up", json(401)),
        ("/in/moved", Reply::status(302).header("Location", "https://login.example/?state=secret")),
        ("/in/none", Reply::status(204)),
        ("/in/gone", json(422)),
        ("/in/closed", json(401)),
        ("/in/page", Reply::status(404).header("Content-Type", "text/html").body("<p>")),
        ("/in/bare", Reply::status(200).body("x")),
        ("/in/cookie", json(200).header("Set-Cookie", "session=1").header("Server", "x")),
        ("/in/made", json(201).header("Location", &away)),
        ("/in/old", raw("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}")),
        ("/in/noise", Reply::garbage()),
        ("/in/never", json(200)),
    ] {
        service.on(path, reply);
    }
    let paths = [
        "/moved", "/none", "/gone", "/closed", "/page", "/bare", "/cookie", "/made", "/old", "/noise", "/never",
        "/{id}",
    ];
    let text = format!(
        "gateway: {{public_url: 'https://door.example'}}\napis:\n  - name: a\n    base_path: /a\n    target: {}/in\n    health: {{path: /up}}\n    operations:\n{}",
        service.url(),
        operations(&paths)
    );
    let checked = Checked::new();
    let [target] = &checked.targets(&text)[..] else { panic!("one target") };
    for (path, status, leaves_as, codes) in [
        ("/in", 200, 200, &[][..]),
        ("/up", 401, 500, &["health-refused"]),
        ("/in/moved", 302, 500, &["redirect"]),
        ("/in/none", 204, 200, &["status-mapped"]),
        ("/in/gone", 422, 400, &["status-mapped"]),
        ("/in/closed", 401, 500, &["service-401"]),
        ("/in/page", 404, 404, &["html-refusal"]),
        ("/in/bare", 200, 200, &["no-content-type"]),
        ("/in/cookie", 200, 200, &["cookie-dropped", "field-dropped"]),
        ("/in/made", 201, 200, &["location-rewritten", "status-mapped"]),
        ("/in/old", 200, 200, &["http-1.0"]),
    ] {
        let codes = codes.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(found(target, path), (status.into(), leaves_as.into(), codes), "{path}");
    }
    assert_eq!(found(target, "/in/noise"), (Value::Null, 500.into(), BTreeSet::from(["no-answer".to_owned()])));
    let asked: Vec<String> = service.requests().iter().map(|one| one.path().to_owned()).collect();
    assert!(!asked.contains(&"/in/never".to_owned()), "more than ten operations were asked");
    assert!(service.requests().iter().all(|one| one.method == "GET" && one.header("authorization").is_none()));

    let told = checked.told(&text, &[]);
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "a at http://",
        "GET /in/moved 302 → 500",
        "- /in/moved: 302 leaves as 500 unexpected: no caller is sent elsewhere (Location: https://login.example/)",
        "mend: answer directly; else pass_statuses: [302] or contract: transparent",
        "- /in/cookie: Set-Cookie is dropped",
        "leaves as https://door.example/a/new",
    ] {
        assert!(told.contains(line), "{line}\nisn't in\n{told}");
    }
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn who_cannot_be_reached_is_told_with_the_mend() {
    // A port that nobody listens on: taken, and let go of.
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // No name has a part of more than 63 characters, so nobody needs to be asked.
    let nowhere = format!("{}.example", "x".repeat(64));
    let (service, plain) = (Service::ok(), Service::ok());
    let (own, other) = (Authority::new("own"), Authority::new("other"));
    let door = TlsDoor::before(service.address(), DoorSettings::new(&own.issue(&["127.0.0.1"])));
    let checked = Checked::new();
    std::fs::write(checked.folder.path().join("own.pem"), own.pem()).unwrap();
    std::fs::write(checked.folder.path().join("other.pem"), other.pem()).unwrap();
    let text = format!(
        "apis:
  - {{name: sample, base_path: /s, target: \"limen:sample\"}}
  - name: many
    base_path: /many
    targets: [{{url: \"http://{refused}\"}}, {{url: \"http://{nowhere}\"}}, {{url: \"{}\"}}]
  - {{name: own, base_path: /own, target: \"{}\", target_tls: {{ca_file: '{{folder}}/own.pem'}}}}
  - {{name: other, base_path: /other, target: \"{}\", target_tls: {{ca_file: '{{folder}}/other.pem'}}}}
",
        plain.url(),
        door.url(),
        door.url(),
    );
    let targets = checked.targets(&text);
    let codes: Vec<_> = targets.iter().map(|target| target["unreachable"]["code"].clone()).collect();
    assert_eq!(
        codes,
        [Value::Null, "no-connection".into(), "name-unknown".into(), Value::Null, Value::Null, "tls-fault".into()]
    );
    assert_eq!((&targets[0]["skipped"], targets[0]["answers"].as_array().map(Vec::len)), (&true.into(), Some(0)));
    assert_eq!(found(&targets[3], "/").0, 200);
    assert_eq!(found(&targets[4], "/").0, 200);
    let told = checked.told(&text, &[]);
    for words in ["it is not asked", "start the service, or correct host and port", "signed by nobody that is trusted"]
    {
        assert!(told.contains(words), "{words}\nisn't in\n{told}");
    }
    let hits = service.hits() + plain.hits();
    let quiet = checked.told(&text, &["--no-probe"]);
    assert_eq!((quiet.lines().count(), service.hits() + plain.hits()), (1, hits), "{quiet}");
}

#[test]
fn an_openapi_document_is_told_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api.yaml");
    std::fs::write(&file, "info: {title: T, version: \"1\"}\nopenapi: 3.1.0\npaths: {/a: {get: {}}}\n").unwrap();
    let output = program(BINARY).arg("check").arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.lines().count()), (Some(2), 1), "{told}");
    for words in [":2:1: this is an OpenAPI document", "limen publish DOCUMENT", "limen api import DOCUMENT"] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn an_apply_tells_doubts_and_what_waits_for_a_restart() {
    let service = Service::ok();
    let api = format!(
        "apis: [{{name: a, base_path: /a, target: \"{}\", access: token,\n  operations: [{{name: get, method: GET, path: \"/{{id}}\"}}],\n  \
         policies: {{attributes: {{hidden: strings}}, text: 'forbid (principal, action, resource) unless \
         {{ principal in Role::\"clark\" || principal.hidden.contains(context.id) }};'}}}}]\n\
         roles: [{{name: clerk}}]\nenvironments: [{{name: e}}]\nusers: [{{name: bo, memberships: [{{environment: e}}]}}]\n",
        service.url()
    );
    let settings = "gateway: {head_timeout_s: 20}\nlog: {format: text}\n";
    let started = settings.replace("20", "21") + &api;
    let told = Checked::new().told(&started, &["--no-probe"]);
    let limen = Limen::start(Settings::new(BINARY).config(&started).environment("LIMEN__LOG__FORMAT", "json"));
    let file = limen.folder().join("new.yaml");
    // The variable goes before any file.
    std::fs::write(&file, format!("{settings}access_log: {{keep: 3}}\n{api}")).unwrap();
    let file = file.to_str().unwrap();
    let applied = limen.command(&["apply", file]);
    assert_eq!(applied.code, Some(0), "{applied:?}");
    for words in ["there is no role 'clark'; mend: did you mean 'clerk'?", "policies.attributes.hidden: no user has it"]
    {
        assert!(told.contains(words) && applied.stdout.contains(words), "{words}\n{told}\n{}", applied.stdout);
    }
    let waiting: Vec<&str> = applied.stdout.lines().filter(|line| line.starts_with("Needs a restart")).collect();
    assert_eq!(
        waiting,
        [
            "Needs a restart, or limen upgrade: access_log.keep",
            "Needs a restart, or limen upgrade: gateway.head_timeout_s"
        ]
    );
    let applied = limen.json(&["apply", file, "--dry-run"]);
    assert_eq!(applied["needs_restart"], serde_json::json!(["access_log.keep", "gateway.head_timeout_s"]));
    assert_eq!(applied["warnings"].as_array().map(Vec::len), Some(2), "{applied}");
    // What is there already isn't doubted.
    std::fs::write(
        file,
        api.replace("clark", "clerk").replace("roles: [{name: clerk}]\n", "").replace("hidden", "free"),
    )
    .unwrap();
    let applied = limen.json(&["apply", file]);
    assert_eq!(
        (applied["needs_restart"].as_array().map(Vec::len), applied["warnings"].as_array().map(Vec::len)),
        (Some(0), Some(1))
    );
}

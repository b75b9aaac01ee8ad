//! What is written down and counted of calls: the access log's lines, and the figures for a monitoring system.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use limen_testbed::{Http, Limen, Reply, Settings, eventually};
use serde_json::Value;

use crate::stage::{BINARY, KEY, Stage};

/// The lines of a log, once there are so many.
fn lines(path: &Path, count: usize) -> Vec<String> {
    eventually("the access log has its lines", || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        (text.lines().count() >= count).then(|| text.lines().map(str::to_owned).collect())
    })
}

fn log_of(limen: &Limen) -> std::path::PathBuf {
    limen.data_dir().join("access.log")
}

#[test]
fn every_call_has_a_line_without_its_secrets() {
    let stage = Stage::new();
    let http = stage.http();
    let subscription = stage.subscribe("all");
    let bearer = stage.bearer("wes");
    let fields = [(KEY, subscription.primary.as_str()), ("Authorization", bearer.as_str())];
    let query = "/things/v1/items?subscription-key=in-the-query&token=hidden";
    assert_eq!(http.post(query, &fields, "{\"a\":1}").status, 200);
    assert_eq!(http.get("/keyed/a%22b", &[(KEY, "limen_sub_wrong")]).status, 401);
    assert_eq!(http.send("GET /open HTTP/1.1\r\n\r\n").status, 400);
    assert_eq!(http.get("/open/none", &[]).status, 200);
    let path = log_of(&stage.limen);
    let lines = lines(&path, 4);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let mut read: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    // Each core's lines are in order, and the moment in them orders all.
    read.sort_by_key(|line| line["time"].as_str().expect("a moment").to_owned());
    let (first, second) = (&read[0], &read[1]);
    for (name, expected) in [
        ("from", "127.0.0.1"),
        ("method", "POST"),
        ("path", "/things/v1/items"),
        ("api", "things"),
        ("operation", "create"),
        ("subscription", subscription.id.as_str()),
        ("application", "ada-app"),
        ("user", "wes"),
        ("target", &stage.service.address().to_string()),
    ] {
        assert_eq!(first[name], expected, "{name} in {first:#}");
    }
    assert_eq!((&first["status"], &first["in_bytes"], &first["out_bytes"]), (&200.into(), &7.into(), &11.into()));
    assert!(first["duration_us"].as_u64() >= first["service_us"].as_u64() && first["service_us"].is_u64(), "{first:#}");
    assert_eq!((&second["status"], &second["code"]), (&401.into(), &"subscription-key-invalid".into()));
    assert_eq!((&second["subscription"], &second["user"]), (&Value::Null, &Value::Null));
    assert_eq!((&read[2]["status"], &read[2]["code"]), (&400.into(), &"malformed-request".into()));
    let text = lines.join("\n");
    for secret in [&*subscription.primary, bearer.trim_start_matches("Bearer "), "in-the-query", "hidden", "sub_wrong"]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(std::fs::metadata(&path).expect("the log").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_caller_who_leaves_has_a_line_too() {
    let stage = Stage::new();
    stage.service.on("/base/late", Reply::hang());
    let mut connection = std::net::TcpStream::connect(stage.limen.gateway()).expect("a connection");
    connection.write_all(b"GET /open/late HTTP/1.1\r\nHost: limen\r\n\r\n").expect("a request");
    eventually("the service has the call", || (stage.service.hits() > 0).then_some(()));
    // Closed without waiting, it is reset.
    socket2::SockRef::from(&connection).set_linger(Some(std::time::Duration::ZERO)).expect("an option");
    drop(connection);
    let line: Value = serde_json::from_str(&lines(&log_of(&stage.limen), 1)[0]).expect("JSON");
    assert_eq!((&line["path"], &line["status"]), (&"/open/late".into(), &0.into()));
}

#[test]
fn what_waits_is_written_before_the_process_ends() {
    let mut stage = Stage::new();
    let http = stage.http();
    (0..20).for_each(|_| assert_eq!(http.get("/open/x", &[]).status, 200));
    let path = log_of(&stage.limen);
    stage.limen.stop();
    assert_eq!(std::fs::read_to_string(path).expect("the log").lines().count(), 20);
}

#[test]
fn the_log_can_be_elsewhere_in_text_or_off() {
    let place = tempfile::tempdir().expect("a folder");
    let elsewhere = place.path().join("calls.log");
    let mut stage = Stage::new();
    stage.limen.change(|settings| {
        let settings = settings.environment("LIMEN__ACCESS_LOG__FILE", elsewhere.to_str().expect("a path"));
        settings.environment("LIMEN__ACCESS_LOG__FORMAT", "text")
    });
    stage.limen.restart();
    assert_eq!(stage.http().get("/nothing/here", &[]).status, 404);
    let told = lines(&elsewhere, 1);
    assert!(told[0].starts_with("127.0.0.1 - - ["), "{told:?}");
    assert!(
        told[0].contains("] \"GET /nothing/here\" 404 ") && told[0].contains(" code=resource-not-found "),
        "{told:?}"
    );
    stage.limen.change(|settings| settings.environment("LIMEN__ACCESS_LOG__FILE", "off"));
    stage.limen.restart();
    assert_eq!(stage.http().get("/nothing/here", &[]).status, 404);
    stage.limen.stop();
    assert_eq!(lines(&elsewhere, 1).len(), 1);
    let refused = Limen::try_start(Settings::new(BINARY).environment("LIMEN__ACCESS_LOG__FILE", "/nowhere/at/all"));
    let refused = match refused {
        Ok(_) => panic!("there is no such folder"),
        Err(refused) => refused,
    };
    assert!(refused.stderr.contains("access log") && refused.stderr.contains("access_log.file"), "{refused:?}");
}

/// The figure of a name with its labels.
pub(crate) fn figure(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

pub(crate) fn of_socket(limen: &Limen) -> String {
    let mut socket = UnixStream::connect(limen.data_dir().join("admin.sock")).expect("the admin socket");
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: limen\r\nConnection: close\r\n\r\n").expect("a request");
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("an answer");
    text
}

#[test]
fn figures_tell_what_happened() {
    let mut stage = Stage::new();
    let refused = stage.limen.pages().get("/metrics", &[]);
    assert_eq!(refused.status, 404, "figures are nobody's who meets the pages");
    assert!(stage.limen.started().ready["metrics"].is_null());
    stage.limen.change(|settings| settings.environment("LIMEN__METRICS__LISTEN", "127.0.0.1:0"));
    stage.limen.restart();
    let subscription = stage.subscribe("brisk");
    let http = stage.http();
    let bearer = stage.bearer("wes");
    let fields = [(KEY, subscription.primary.as_str()), ("Authorization", bearer.as_str())];
    (0..3).for_each(|_| assert_eq!(http.post("/things/v1/items", &fields, "{}").status, 200));
    assert_eq!(http.get("/keyed/x", &[]).status, 401);
    assert_eq!(http.get("/nothing", &[]).status, 404);
    let url = stage.limen.started().ready["metrics"].as_str().expect("an address").to_owned();
    let place = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/metrics")).expect("the form");
    let own = Http::to(place.parse().expect("an address"));
    let page = eventually("every call has ended", || {
        let page = own.get("/metrics", &[]);
        assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let page = page.text();
        (figure(&page, "limen_calls_in_progress") == Some(0.0)).then_some(page)
    });
    for (name, expected) in [
        ("limen_calls_total{api=\"things\",status=\"200\",cause=\"\"}", 3.0),
        ("limen_calls_total{api=\"keyed\",status=\"401\",cause=\"subscription-key-missing\"}", 1.0),
        ("limen_calls_total{api=\"\",status=\"404\",cause=\"resource-not-found\"}", 1.0),
        ("limen_call_duration_seconds_bucket{api=\"things\",le=\"+Inf\"}", 3.0),
        ("limen_call_duration_seconds_count{api=\"things\"}", 3.0),
        ("limen_request_body_bytes_total{api=\"things\"}", 6.0),
        ("limen_response_body_bytes_total{api=\"things\"}", 33.0),
        ("limen_token_signatures_total{found=\"checked\"}", 1.0),
        ("limen_token_signatures_total{found=\"remembered\"}", 2.0),
        ("limen_accounts", 1.0),
        ("limen_access_log_dropped_lines_total", 0.0),
    ] {
        assert_eq!(figure(&page, name), Some(expected), "{name} in {page}");
    }
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
        assert!(figure(&page, name).is_some_and(|value| value > 1.0), "{name} in {page}");
    }
    assert_eq!(own.get("/", &[]).status, 404);
    let page = of_socket(&stage.limen);
    assert!(page.contains("limen_calls_total{api=\"things\",status=\"200\",cause=\"\"} 3\n"), "{page}");
}

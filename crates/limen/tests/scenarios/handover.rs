//! One process after another on the same sockets: upgrades under load, upgrades that can't be, sockets handed in.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use limen_testbed::{Gate, Http, Limen, Reply, Service, Settings, eventually, program};

use crate::drain::signal;
use crate::stage::{BINARY, KEY};

const LIMIT: u64 = 1_000_000;

fn world(service: &Service) -> String {
    format!(
        "apis:\n  - {{name: keyed, base_path: /keyed, target: \"{url}\", access: key}}\n  \
         - {{name: open, base_path: /open, target: \"{url}\", access: open}}\n\
         products: [{{name: hourly, apis: [keyed], quota: {{calls: {LIMIT}, period_s: 36_000}}}}]\n\
         developers: [{{name: ada}}]\n",
        url = service.url()
    )
}

fn key(limen: &Limen) -> String {
    let made = limen.json(&["subscription", "create", "--product", "hourly", "--developer", "ada"]);
    made["primary_key"].as_str().expect("a key").to_owned()
}

fn started_at(limen: &Limen) -> Option<i64> {
    let output = limen.command(&["status", "--output", "json"]);
    (output.code == Some(0)).then(|| output.json()["started_at_us"].as_i64()).flatten()
}

/// Calls until told to end; every call must be answered with 200.
fn hammer(http: Http, key: &str, number: usize, answered: &AtomicU64, ended: &AtomicBool) {
    let is_kept = number.is_multiple_of(2);
    let body = (number % 4 < 2).then_some(&b"{\"a\":1}"[..]);
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut fields = vec![(KEY, key)];
    if body.is_some() {
        fields.push(("Content-Type", "application/json"));
    }
    let mut connection = http.open();
    while !ended.load(Ordering::Relaxed) {
        let answer = connection.try_call(method, "/keyed/x", &fields, body);
        let answer = answer.unwrap_or_else(|error| panic!("{method}, kept: {is_kept}: {error}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answered.fetch_add(1, Ordering::Relaxed);
        if !is_kept || answer.header("connection") == Some("close") {
            connection = http.open();
        }
    }
}

#[test]
fn no_call_fails_while_one_process_follows_another() {
    const UPGRADES: u64 = 4;
    let service = Service::ok();
    let limen = Limen::start(Settings::new(BINARY).config(&world(&service)));
    let key = key(&limen);
    let process = limen.process_id();
    let (answered, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (http, key, answered, ended) = (limen.http().within(Duration::from_secs(60)), &key, &answered, &ended);
            scope.spawn(move || hammer(http, key, number, answered, ended));
        }
        let more = |than: u64| eventually("calls go on", || (answered.load(Ordering::Relaxed) > than).then_some(()));
        for upgrade in 0..UPGRADES {
            more(answered.load(Ordering::Relaxed) + 200);
            let output = limen.command(&["upgrade"]);
            assert_eq!(output.code, Some(0), "{upgrade}: {output:#?}");
        }
        more(answered.load(Ordering::Relaxed) + 200);
        ended.store(true, Ordering::Relaxed);
    });
    assert_eq!(limen.process_id(), process);
    let count = answered.load(Ordering::Relaxed);
    assert_eq!(service.hits(), count, "the service did as much as callers were told of");
    // The books: every call was charged once, none is forgotten, none is lost with a process.
    let last = limen.http().get("/keyed/x", &[(KEY, &key)]);
    let left = last.header("ratelimit").expect("a quota").split(";r=").nth(1).expect("what is left");
    let left: u64 = left.split(';').next().unwrap().parse().unwrap();
    assert_eq!(left, LIMIT - count - 1);
    assert_eq!(limen.stderr().matches("another process takes over").count() as u64, UPGRADES);
    assert!(!limen.stderr().contains("did not close in order"), "{}", limen.stderr());
}

#[test]
fn calls_under_way_end_with_the_old_process_and_connections_live_on() {
    let service = Service::ok();
    let limen = Limen::start(Settings::new(BINARY).config(&world(&service)));
    let gate = Gate::new();
    service.on("/slow", Reply::json(200, &serde_json::json!({})).wait_for(&gate));
    let mut idle = limen.http().open();
    assert_eq!(idle.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    let mut silent = limen.http().open();
    let mut busy = limen.http().open();
    busy.write(&busy.request("GET", "/open/slow", &[], None));
    eventually("the service has it", || (service.hits() == 2).then_some(()));
    let before = started_at(&limen);
    signal(&limen, "-USR2");
    eventually("the old process ends", || limen.stderr().contains("another process takes over").then_some(()));
    // Who calls now waits, whether connected already or not.
    let mut waiting = limen.http().open();
    waiting.write(&waiting.request("GET", "/open/x", &[], None));
    idle.write(&idle.request("POST", "/open/x", &[("Content-Length", "0")], None));
    assert_eq!(service.hits(), 2);
    gate.open();
    let answer = busy.answer_to("GET");
    assert_eq!((answer.status, answer.header("connection")), (200, None));
    for connection in [&mut waiting, &mut idle] {
        assert_eq!(connection.answer_to("GET").status, 200);
    }
    for connection in [&mut busy, &mut silent, &mut idle] {
        assert_eq!(connection.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    }
    let after = eventually("the new process answers", || started_at(&limen));
    assert_ne!(before, Some(after));
}

#[test]
fn whom_a_connection_is_for_is_handed_over_with_it() {
    let service = Service::ok();
    let config = format!("gateway: {{trusted_proxies: [127.0.0.1], proxy_protocol: required}}\n{}", world(&service));
    let limen = Limen::start(Settings::new(BINARY).config(&config));
    let mut known = limen.http().open();
    known.write(b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n");
    assert_eq!(known.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    let mut half = limen.http().open();
    half.write(b"PROXY TCP4 192.0.2.2 10.");
    let mut unknown = limen.http().open();
    assert_eq!(limen.command(&["upgrade"]).code, Some(0));
    half.write(b"0.0.1 4711 80\r\n");
    unknown.write(b"PROXY TCP4 192.0.2.3 10.0.0.1 4711 80\r\n");
    for (connection, address) in [(&mut known, "192.0.2.1"), (&mut half, "192.0.2.2"), (&mut unknown, "192.0.2.3")] {
        assert_eq!(connection.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
        assert_eq!(service.last().header("x-forwarded-for"), Some(address));
    }
}

fn put_program(at: &Path, content: &[u8]) {
    let new = at.with_extension("new");
    std::fs::write(&new, content).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&new, at).unwrap();
}

#[test]
fn what_could_not_start_does_not_take_over() {
    let service = Service::ok();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limen");
    let content = std::fs::read(BINARY).unwrap();
    put_program(&path, &content);
    let limen = Limen::start(Settings::new(&path).config(&world(&service)));
    let process = limen.process_id().unwrap();
    let before = started_at(&limen);
    let config = limen.folder().join("limen.yaml");
    let refusals = |limen: &Limen| limen.stderr().matches("the upgrade was refused").count();
    // A program that isn't one, one that fails, a flaw in the configuration, a reference that leads nowhere, a file that
    // can't be read, a place that is taken: the command says it at once, in the words of what would have followed.
    let upgrade = |words: &str| {
        // Not by what lies at the path now.
        let ask =
            |command: &str| program(BINARY).arg(command).arg("--data-dir").arg(limen.data_dir()).output().unwrap();
        let refused = ask("upgrade");
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains("the running Limen goes on") && told.contains(words), "{told}");
        let status = String::from_utf8_lossy(&ask("status").stdout).into_owned();
        assert!(status.contains("no upgrade at") && status.contains(words), "{status}");
    };
    put_program(&path, b"nonsense");
    upgrade("can't be run");
    put_program(&path, b"#!/bin/sh\necho not today >&2\nexit 3\n");
    upgrade("not today");
    put_program(&path, &content);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    for (content, words) in [
        ("gateway: {listen: nowhere}\n".to_owned(), "gateway.listen"),
        ("products: [{name: p, apis: [lost]}]\n".to_owned(), "'lost'"),
        ("outbound: {ca_file: /nowhere}\n".to_owned(), "outbound.ca_file"),
        (format!("metrics: {{listen: \"{taken}\"}}\n"), "can't be listened on"),
    ] {
        std::fs::write(&config, content).unwrap();
        upgrade(words);
    }
    assert_eq!(refusals(&limen), 6);
    assert_eq!(started_at(&limen), before);
    assert_eq!(limen.http().get("/open/x", &[]).status, 200);
    assert!(std::fs::read_link(format!("/proc/{process}/exe")).unwrap().to_string_lossy().contains("deleted"));

    std::fs::write(&config, world(&service)).unwrap();
    let output = limen.command(&["upgrade"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(std::fs::read_link(format!("/proc/{process}/exe")).unwrap(), path, "the program that lies there now");
    assert_eq!(limen.http().get("/open/x", &[]).status, 200);
}

#[test]
fn what_is_declared_is_read_again() {
    let service = Service::ok();
    let limen = Limen::start(Settings::new(BINARY).config(&world(&service)));
    let config = limen.folder().join("limen.yaml");
    assert_eq!(limen.http().get("/more/x", &[]).status, 404);
    std::fs::write(&config, "apis: [{name: more}]\n").unwrap();
    signal(&limen, "-HUP");
    eventually("it is refused", || limen.stderr().contains("the configuration was refused").then_some(()));
    assert_eq!(limen.http().get("/open/x", &[]).status, 200);
    let more = format!("apis: [{{name: more, base_path: /more, target: \"{}\", access: open}}]\n", service.url());
    std::fs::write(&config, more).unwrap();
    signal(&limen, "-HUP");
    eventually("it is published", || (limen.http().get("/more/x", &[]).status == 200).then_some(()));
    assert_eq!(limen.http().get("/open/x", &[]).status, 200, "nothing is removed");
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn told(socket: &UnixDatagram) -> String {
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut buffer = [0; 256];
    let len = socket.recv(&mut buffer).expect("word from the process");
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

#[test]
fn sockets_can_be_handed_in_and_supervisors_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let supervisor = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    let mut command = program("/bin/sh");
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=gateway; exec \"$0\" \"$@\" 3<&0 </dev/null";
    command.args(["-c", script, BINARY, "up", "--output", "json", "--gateway", "127.0.0.1:1", "--web", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(folder.path().join("data")).env("NOTIFY_SOCKET", folder.path().join("notify"));
    let listener = OwnedFd::from(listener);
    command.stdin(Stdio::from(listener.try_clone().unwrap())).stdout(Stdio::piped());
    // Who calls before there is a process waits for it.
    let mut early = Http::to(address).within(Duration::from_secs(60)).open();
    early.write(&early.request("GET", "/constituent/v1/constituents", &[], None));
    let mut process = Process(command.spawn().expect("the binary runs"));
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(told(&supervisor), "READY=1", "{line}");
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["gateway"], format!("http://{address}"));
    assert_eq!(early.answer_to("GET").status, 401);

    let id = process.0.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    signal("-USR2");
    assert!(told(&supervisor).starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(&supervisor), "READY=1");
    assert_eq!(Http::to(address).get("/nowhere", &[]).status, 404);
    signal("-TERM");
    assert_eq!(told(&supervisor), "STOPPING=1");
    let code = eventually("it ends", || process.0.try_wait().unwrap());
    assert_eq!(code.code(), Some(0));
}

#[test]
fn a_socket_that_is_none_is_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("/bin/sh");
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\" 3</dev/null";
    command.args(["-c", script, BINARY, "up", "--web", "127.0.0.1:0", "--data-dir"]).arg(folder.path().join("data"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Descriptor 3 is not a listening TCP socket."));
    assert!(!folder.path().join("data").exists());
}

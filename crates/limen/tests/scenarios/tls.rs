//! TLS towards callers: the right certificate by host, new ones without a restart, and ends that nobody takes for whole.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use limen_testbed::tls::{Authority, Certificate, TlsCaller, der, is_new, shown};
use limen_testbed::{Http2, Reply, eventually};
use tempfile::TempDir;

use crate::stage::Stage;

const GET: &str = "GET /open/items HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n";

/// An authority, and a folder with a certificate that it signed: `a.pem`, `a.key`.
struct Keeper {
    authority: Authority,
    folder: TempDir,
    first: Certificate,
}

impl Keeper {
    fn new() -> Self {
        let (authority, folder) = (Authority::new("house"), tempfile::tempdir().unwrap());
        let first = authority.issue(&["api.example", "127.0.0.1"]);
        first.write(folder.path(), "a");
        Self { authority, folder, first }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A stage whose gateway has this certificate, and more settings of TLS, each on a line of its own.
    fn stage(&self, more: &str) -> Stage {
        Stage::with_settings(&self.settings(more))
    }

    fn settings(&self, more: &str) -> String {
        let folder = self.path().display();
        let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
        let more = more.replace("{folder}", &folder.to_string());
        format!("gateway:\n  tls:\n    certificate_file: {folder}/a.pem\n    key_file: {folder}/a.key\n{more}")
    }

    fn caller(&self) -> TlsCaller {
        TlsCaller::new(&self.authority, &[])
    }
}

#[test]
fn each_host_has_its_certificate() {
    let keeper = Keeper::new();
    let second = keeper.authority.issue(&["api.example", "other.example", "*.wild.example"]);
    second.write(keeper.path(), "b");
    let stage = keeper.stage("certificates:\n  - {certificate_file: '{folder}/b.pem', key_file: '{folder}/b.key'}");
    let caller = keeper.caller();
    for (name, certificate) in [
        ("api.example", &keeper.first),
        ("127.0.0.1", &keeper.first),
        ("other.example", &second),
        ("a.wild.example", &second),
        ("A.Wild.Example", &second),
    ] {
        let connection = caller.open(stage.limen.gateway(), name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(shown(&connection) == der(certificate), "{name}");
        assert!(is_new(&connection));
    }
    for name in ["a.b.wild.example", "wild.example", "unknown.example"] {
        let error = caller.open(stage.limen.gateway(), name).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("not valid for name"), "{name} is shown the first: {error}");
    }
    let old = TlsCaller::old(&keeper.authority).open(stage.limen.gateway(), "api.example").unwrap();
    assert!(!is_new(&old));
    let stranger = TlsCaller::new(&Authority::new("other"), &[]);
    assert!(stranger.open(stage.limen.gateway(), "api.example").is_err());
}

#[test]
fn calls_over_tls_are_calls() {
    let keeper = Keeper::new();
    let stage = keeper.stage("");
    let gateway = stage.limen.gateway();
    assert_eq!(stage.limen.started().ready["gateway"], format!("https://{gateway}"));
    let (answer, orderly) = keeper.caller().send(gateway, "api.example", GET).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n{\"ok\":true}"), "{answer}");
    assert!(orderly);
    let keyed = GET.replace("/open/", "/keyed/");
    let (answer, _) = keeper.caller().send(gateway, "api.example", &keyed).unwrap();
    assert!(answer.contains(&format!("realm=\"https://{gateway}/keyed\"")), "{answer}");

    for (protocols, agreed) in
        [(&["h2", "http/1.1"][..], Some(&b"h2"[..])), (&["http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let caller = TlsCaller::new(&keeper.authority, protocols);
        let connection = caller.open(gateway, "api.example").unwrap();
        assert_eq!(connection.conn.alpn_protocol(), agreed);
    }
    let error = TlsCaller::new(&keeper.authority, &["spdy/3"]).open(gateway, "api.example").map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");

    // HTTP/2 is agreed on, or it isn't spoken.
    for protocols in [&["http/1.1"][..], &[]] {
        let caller = TlsCaller::new(&keeper.authority, protocols);
        let (answer, _) = caller.send(gateway, "api.example", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{protocols:?}: {answer}");
    }

    let http2 = Http2::secure(gateway, &TlsCaller::new(&keeper.authority, &["h2"]), "api.example");
    stage.service.answer(|seen| Reply::status(200).body(seen.body.clone()));
    let body = format!("\"{}\"", "x".repeat(1_000_000));
    let answer = http2.call("POST", "/open/items", &[("content-type", "application/json")], Some(body.as_bytes()));
    assert!(answer.status == 200 && answer.text() == body, "{} {}", answer.status, answer.body.len());
    // The same over HTTP/1.1, and much more than the socket holds.
    let request = format!(
        "POST /lenient/items HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: a/b\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (answer, orderly) = keeper.caller().send(gateway, "api.example", &request).unwrap();
    assert!(orderly && answer.ends_with(&format!("\r\n\r\n{body}")), "{} bytes", answer.len());
}

#[test]
fn who_comes_back_needs_no_second_handshake() {
    let keeper = Keeper::new();
    let stage = keeper.stage("");
    for caller in [keeper.caller(), TlsCaller::old(&keeper.authority)] {
        let kinds: Vec<_> = (0..2)
            .map(|_| {
                let mut connection = caller.open(stage.limen.gateway(), "api.example").unwrap();
                connection.write_all(GET.as_bytes()).unwrap();
                let _ = connection.read_to_end(&mut Vec::new());
                format!("{:?}", connection.conn.handshake_kind())
            })
            .collect();
        assert_eq!(kinds, ["Some(Full)", "Some(Resumed)"]);
    }
}

#[test]
fn new_certificates_need_no_restart_and_bad_ones_change_nothing() {
    let keeper = Keeper::new();
    let stage = keeper.stage("");
    let shows = |certificate: &Certificate| {
        let connection = keeper.caller().open(stage.limen.gateway(), "api.example").unwrap();
        shown(&connection) == der(certificate)
    };
    assert!(shows(&keeper.first));
    // A connection that is open stays open.
    let mut open = keeper.caller().open(stage.limen.gateway(), "api.example").unwrap();
    let second = keeper.authority.issue(&["api.example"]);
    second.write(keeper.path(), "a");
    eventually("the second is shown", || shows(&second).then_some(()));
    open.write_all(GET.as_bytes()).unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // The key of another one, no certificate at all, and nothing: each is told, none is used.
    let told = |words: &str| eventually(words, || stage.limen.stderr().contains(words).then_some(()));
    std::fs::write(keeper.path().join("a.key"), &keeper.first.key).unwrap();
    told("is not the key of the certificate");
    std::fs::write(keeper.path().join("a.pem"), "nonsense").unwrap();
    told("holds no certificate");
    std::fs::remove_file(keeper.path().join("a.pem")).unwrap();
    told("can't be read");
    assert!(stage.limen.stderr().contains("the certificates read before stay in use"));
    assert!(shows(&second));
    let third = keeper.authority.issue(&["api.example"]);
    third.write(keeper.path(), "a");
    eventually("the third is shown", || shows(&third).then_some(()));
}

#[test]
fn callers_may_have_to_show_certificates() {
    let keeper = Keeper::new();
    let staff = Authority::new("staff");
    std::fs::write(keeper.path().join("staff.pem"), staff.pem()).unwrap();
    let ours = keeper.authority.issue(&["not-staff"]);
    let member = staff.issue(&["member"]);
    let with = |own: &Certificate| TlsCaller::with_certificate(&keeper.authority, &[], own);
    // Named authorities are meant, unless told otherwise.
    for (more, without) in [
        ("caller_ca_file: '{folder}/staff.pem'", false),
        ("caller_ca_file: '{folder}/staff.pem'\ncaller_certificates: required", false),
        ("caller_ca_file: '{folder}/staff.pem'\ncaller_certificates: optional", true),
    ] {
        let stage = keeper.stage(more);
        let answered = |caller: TlsCaller| {
            let answer = caller.send(stage.limen.gateway(), "api.example", GET);
            answer.is_ok_and(|(answer, _)| answer.starts_with("HTTP/1.1 200"))
        };
        assert!(answered(with(&member)), "{more}");
        assert!(!answered(with(&ours)), "{more}");
        assert_eq!(answered(keeper.caller()), without, "{more}");
    }
}

#[test]
fn a_call_in_clear_is_told_where_to_go() {
    let keeper = Keeper::new();
    let stage = keeper.stage("");
    let answer = stage.http().get("/open/items", &[]);
    stage.refused(&answer, 400, "malformed-request", "This address is reached over TLS only.");
    assert_eq!(stage.service.hits(), 0);
    // Neither those who say nothing nor those who say nonsense keep anybody waiting.
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(stage.limen.gateway()).unwrap()).collect();
    let mut odd: Vec<_> = (0..50).map(|_| TcpStream::connect(stage.limen.gateway()).unwrap()).collect();
    for stream in &mut odd {
        stream.write_all(&[0x16, 3, 1, 0x40]).unwrap();
    }
    let (answer, _) = keeper.caller().send(stage.limen.gateway(), "api.example", GET).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop((silent, odd));
}

#[test]
fn an_answer_without_a_length_ends_in_order_only_where_it_is_whole() {
    let keeper = Keeper::new();
    let stage = keeper.stage("");
    stage.service.on("/base/cut", Reply::status(200).chunked(["abc", "def"]).cut_after(8));
    stage.service.on("/base/whole", Reply::status(200).chunked(["abc", "def"]));
    let request = |path: &str| format!("GET /open/{path} HTTP/1.0\r\nHost: h\r\n\r\n");
    let (answer, orderly) = keeper.caller().send(stage.limen.gateway(), "api.example", &request("whole")).unwrap();
    assert!(orderly && answer.ends_with("\r\n\r\nabcdef"), "{answer}");
    match keeper.caller().send(stage.limen.gateway(), "api.example", &request("cut")) {
        Ok((answer, orderly)) => assert!(!orderly, "{answer}"),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof), "{error}");
        }
    }
}

#[test]
fn pages_may_be_over_tls_too() {
    let keeper = Keeper::new();
    let folder = keeper.path().display();
    let web = format!("web:\n  tls:\n    certificate_file: {folder}/a.pem\n    key_file: {folder}/a.key\n");
    let stage = Stage::with_settings(&format!("{}{web}", keeper.settings("")));
    assert_eq!(stage.limen.started().ready["web"], format!("https://{}", stage.limen.web()));
    let get = "GET /issues HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let (page, _) = keeper.caller().send(stage.limen.web(), "api.example", get).unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let (answer, _) = keeper.caller().send(stage.limen.gateway(), "api.example", &GET.replace("open", "no")).unwrap();
    assert!(answer.contains(&format!("https://{}/errors/resource-not-found", stage.limen.web())), "{answer}");
}

#[test]
fn a_check_tells_what_is_wrong_with_files() {
    let keeper = Keeper::new();
    let stage = Stage::new();
    let folder = keeper.path();
    let other = Authority::new("other").issue(&["other"]);
    other.write(folder, "b");
    std::fs::write(folder.join("empty.pem"), "").unwrap();
    let check = |text: &str| {
        let file = folder.join("limen.yaml");
        std::fs::write(&file, text.replace("{folder}", &folder.display().to_string())).unwrap();
        let output = stage.limen.command(&["check", file.to_str().unwrap()]);
        let told = format!("{}{}", output.stdout, output.stderr);
        (output.code, told.replace(&folder.display().to_string(), "F"))
    };
    let good = "gateway:\n  tls:\n    certificate_file: '{folder}/a.pem'\n    key_file: '{folder}/a.key'\n";
    assert_eq!(check(good).0, Some(0));
    for (text, flaws) in [
        (
            good.replace("a.key", "b.key"),
            &[
                "limen.yaml:4:15: gateway.tls.key_file: 'F/b.key' is not the key of the certificate in 'F/a.pem'; mend: name the key",
            ][..],
        ),
        (
            good.replace("a.pem", "no.pem").replace("a.key", "a.pem"),
            &[
                "limen.yaml:3:23: gateway.tls.certificate_file: 'F/no.pem' can't be read: No such file or directory (os error 2); mend: check the path",
                "limen.yaml:4:15: gateway.tls.key_file: 'F/a.pem' holds no private key that can be read; mend: put the key into it as PEM",
            ],
        ),
        (
            format!(
                "{good}    certificates:\n      - {{certificate_file: '{{folder}}/empty.pem', key_file: '{{folder}}/b.key'}}\n"
            ),
            &[
                "limen.yaml:6:28: gateway.tls.certificates[0].certificate_file: 'F/empty.pem' holds no certificate; mend: put the certificate into it",
            ],
        ),
        (
            good.replace("    key_file: '{folder}/a.key'\n", "    caller_certificates: maybe\n"),
            &[
                "limen.yaml:3:23: gateway.tls.certificate_file: has no 'key_file' beside it; mend: name the certificate's key too",
                "limen.yaml:4:26: gateway.tls.caller_certificates: 'maybe' is not known here; mend: use one of required, optional",
            ],
        ),
        (
            format!("{good}    caller_ca_file: '{{folder}}/a.key'\n"),
            &["limen.yaml:5:21: gateway.tls.caller_ca_file: 'F/a.key' holds no certificate; mend:"],
        ),
    ] {
        let (code, told) = check(&text);
        assert_eq!(code, Some(2), "{told}");
        for flaw in flaws {
            assert!(told.contains(flaw), "{flaw}\nisn't in\n{told}");
        }
        assert_eq!(told.matches("; mend: ").count(), flaws.len(), "{told}");
    }
}

//! `limen sign-in` as a person at a terminal with a browser beside it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use limen_testbed::browser::{encoded, parameter};
use limen_testbed::{Answer, Browser, Http, Limen, Output, Settings};

use super::{BINARY, read};

/// A sign-in that waits for its browser.
struct Waiting {
    child: Child,
    /// The rest of standard error.
    errors: BufReader<std::process::ChildStderr>,
    /// What it asks to open: path and query.
    target: String,
}

impl Waiting {
    fn begin(limen: &Limen, arguments: &[&str]) -> Self {
        let mut child = limen_testbed::program(BINARY)
            .arg("sign-in")
            .args(arguments)
            .env("LIMEN_DATA_DIR", limen.data_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(errors.read_line(&mut line).unwrap() > 0, "an address to open");
            if line.trim_start().starts_with("http") {
                break line.trim().to_owned();
            }
        };
        let web = format!("http://{}", limen.web());
        let target = address.strip_prefix(&web).unwrap_or_else(|| panic!("{address} at {web}")).to_owned();
        Self { child, errors, target }
    }

    fn redirect_uri(&self) -> String {
        parameter(&self.target, "redirect_uri").unwrap()
    }

    /// What the browser gets at the redirect URI, with this query.
    fn come_back(&self, query: &str) -> Answer {
        let address: SocketAddr =
            self.redirect_uri().strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
        Http::to(address).get(&format!("/callback?{query}"), &[])
    }

    fn end(mut self) -> Output {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.errors.read_to_string(&mut stderr).unwrap();
        Output { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}

fn signed_in(limen: &Limen, waiting: &Waiting) -> String {
    let mut browser = Browser::new(limen.pages());
    let address = browser.authorize(&waiting.target, "full", &limen.sample().full_password);
    address.split_once('?').unwrap().1.to_owned()
}

#[test]
fn a_browser_brings_a_token_that_calls_are_decided_on() {
    let limen = Limen::start(Settings::new(BINARY));
    let waiting = Waiting::begin(&limen, &["--token"]);
    assert_eq!(parameter(&waiting.target, "client_id").as_deref(), Some("ada-cli"));
    let query = signed_in(&limen, &waiting);
    let page = waiting.come_back(&query);
    assert_eq!((page.status, page.text().contains("close this window")), (200, true), "{}", page.text());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let ended = waiting.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(read(&limen, ended.stdout.trim()), 200);

    let waiting = Waiting::begin(&limen, &["--output", "json", "--scope", "constituent.read", "--environment", "demo"]);
    let query = signed_in(&limen, &waiting);
    waiting.come_back(&query);
    let answer = waiting.end().json();
    assert_eq!((&answer["mode"], &answer["scope"]), (&"Limited".into(), &"constituent.read".into()), "{answer}");
    assert_eq!(read(&limen, answer["access_token"].as_str().unwrap()), 200);

    let waiting = Waiting::begin(&limen, &[]);
    let query = signed_in(&limen, &waiting);
    waiting.come_back(&query);
    let words = waiting.end().stdout;
    assert!(words.starts_with("Signed in as Farah Full in Demo, for all that they may do; good for 1 h:\n"), "{words}");
}

#[test]
fn what_is_another_s_is_passed_over_and_a_refusal_is_told() {
    let limen = Limen::start(Settings::new(BINARY));
    let waiting = Waiting::begin(&limen, &["--output", "json"]);
    let (state, issuer) = (parameter(&waiting.target, "state").unwrap(), encoded(&format!("http://{}", limen.web())));
    for stray in [
        "code=x".to_owned(),
        format!("code=x&state=other&iss={issuer}"),
        format!("code=x&state={state}"),
        format!("code=x&state={state}&iss=http%3A%2F%2Fevil.example"),
    ] {
        let page = waiting.come_back(&stray);
        assert_eq!((page.status, page.text().contains("another sign-in")), (400, true), "{stray}");
    }
    let refusal = "error=access_denied&error_description=The+user+did+not+allow+it.";
    assert_eq!(waiting.come_back(&format!("{refusal}&state={state}&iss={issuer}")).status, 200);
    let ended = waiting.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:#?}");
    assert!(ended.stderr.contains("The user did not allow it. (access_denied)"), "{ended:#?}");

    let waiting = Waiting::begin(&limen, &[]);
    let state = parameter(&waiting.target, "state").unwrap();
    waiting.come_back(&format!("code=made-up&state={state}&iss={issuer}"));
    let ended = waiting.end();
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    for words in ["no token was given", "invalid_grant", "/authentication-issues#code-invalid"] {
        assert!(ended.stderr.contains(words), "'{words}' in {ended:#?}");
    }
}

#[test]
fn nobody_waits_for_ever_and_tls_is_told() {
    let limen = Limen::start(Settings::new(BINARY));
    let ended = Waiting::begin(&limen, &["--wait", "1s"]).end();
    assert_eq!((ended.code, ended.stderr.contains("nobody came back within 1 s")), (Some(1), true), "{ended:#?}");
    let refused = limen.command(&["sign-in", "--web", "https://web.example"]);
    assert_eq!((refused.code, refused.stderr.contains("speaks TLS")), (Some(2), true), "{refused:#?}");
}

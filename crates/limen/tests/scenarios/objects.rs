//! Applications, users and connections by the commands that people type, and what each change does on the wire.

mod password_terminal;
mod sign_in;

use std::io::Write as _;
use std::process::Stdio;

use limen_testbed::{Answer, Limen, Output, Settings, eventually};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_limen");

fn own_token(limen: &Limen, secret: &str) -> Answer {
    let form = format!("grant_type=client_credentials&client_id=ada-app&client_secret={secret}");
    limen.pages().post("/token", &[("Content-Type", "application/x-www-form-urlencoded")], &form)
}

fn read(limen: &Limen, token: &str) -> u16 {
    let sample = limen.sample();
    let bearer = format!("Bearer {token}");
    let headers = [(sample.key_header.as_str(), sample.primary_key.as_str()), ("Authorization", &bearer)];
    let call = || limen.http().get(&format!("{}/constituents/280", sample.base_path), &headers).status;
    // The sample's product allows five calls a second.
    eventually("a call within the rate", || Some(call()).filter(|status| *status != 429))
}

fn refused(output: &Output, words: &[&str]) {
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:#?}");
    for word in words {
        assert!(output.stderr.contains(word), "'{word}' in {output:#?}");
    }
}

/// A command that reads `input`.
fn typed(limen: &Limen, arguments: &[&str], input: &str) -> Output {
    let mut child = limen_testbed::program(BINARY)
        .args(arguments)
        .env("LIMEN_DATA_DIR", limen.data_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

#[test]
fn one_secret_is_regenerated_while_the_other_goes_on_working() {
    let limen = Limen::start(Settings::new(BINARY));
    let [primary, secondary] = limen.sample().secrets;
    limen.json(&["connection", "limit", "ada-app", "demo", "--own-role", "reader"]);
    assert_eq!((own_token(&limen, &primary).status, own_token(&limen, &secondary).status), (200, 200));
    let made = limen.json(&["application", "secret", "regenerate", "ada-app", "--which", "primary"]);
    let new = made["secret"].as_str().unwrap();
    let after = [&primary, &secondary, new].map(|secret| own_token(&limen, secret).status);
    assert_eq!(after, [401, 200, 200], "the old primary has ended, the other two are good");
    limen.json(&["application", "secret", "revoke", "ada-app", "--which", "secondary"]);
    assert_eq!((own_token(&limen, &secondary).status, own_token(&limen, new).status), (401, 200));
    let shown = limen.command(&["application", "show", "ada-app"]).stdout;
    assert!(!shown.contains("limen_app_") && shown.contains("secondary secret  none"), "{shown}");
    assert!(!limen.stderr().contains("limen_app_"), "no secret is logged");
    refused(
        &limen.command(&["application", "secret", "regenerate", "ada-cli", "--which", "primary"]),
        &["is public", "PKCE"],
    );
}

#[test]
fn what_is_switched_off_or_disconnected_ends_its_tokens() {
    let limen = Limen::start(Settings::new(BINARY));
    limen.json(&["connection", "limit", "ada-app", "demo", "--own-role", "reader"]);
    let secret = limen.sample().secrets[0].clone();
    let token = || own_token(&limen, &secret).json()["access_token"].as_str().unwrap().to_owned();
    let first = token();
    assert_eq!(read(&limen, &first), 200);
    limen.json(&["application", "disable", "ada-app"]);
    assert_eq!((read(&limen, &first), own_token(&limen, &secret).status), (401, 401));
    limen.json(&["application", "enable", "ada-app"]);
    let second = token();
    assert_eq!((read(&limen, &first), read(&limen, &second)), (401, 200), "what ended stays ended");

    limen.json(&["connection", "limit", "ada-app", "demo", "--no-own-roles"]);
    assert_eq!(own_token(&limen, &secret).json()["error"], "unauthorized_client");
    limen.json(&["connection", "remove", "ada-app", "demo"]);
    assert_eq!(read(&limen, &second), 401);
    refused(
        &limen.command(&["token", "issue", "--user", "full", "--application", "ada-app"]),
        &["isn't connected to the environment 'demo'", "limen connection approve ada-app demo"],
    );
    limen.json(&["connection", "approve", "ada-app", "demo"]);
    let issued = limen.json(&["token", "issue", "--user", "full", "--application", "ada-app"]);
    let issued = issued["access_token"].as_str().unwrap();
    assert_eq!(read(&limen, issued), 200);
    assert_eq!(limen.json(&["grant", "revoke", "--application", "ada-app", "--user", "full"])["revoked"], 1);
    assert_eq!(read(&limen, issued), 401);

    let operators = limen.json(&["token", "issue", "--user", "full"]);
    let operators = operators["access_token"].as_str().unwrap();
    limen.json(&["user", "disable", "full"]);
    assert_eq!(read(&limen, operators), 401);
}

#[test]
fn hostile_logos_are_told_and_change_nothing() {
    let limen = Limen::start(Settings::new(BINARY));
    let file = |name: &str, bytes: &[u8]| {
        let path = limen.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let set = |path: &str| limen.command(&["application", "logo", "set", "ada-app", path]);
    refused(
        &set(&file("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>")),
        &["neither PNG, JPEG nor WebP", "mend"],
    );
    refused(&set(&file("b.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")), &["damaged"]);
    refused(&set(&file("c.png", &vec![0; (1 << 20) + 1])), &["more than 1 MiB", "smaller"]);
    assert_eq!(set("/nothing/there.png").code, Some(2));
    assert_eq!(limen.json(&["application", "show", "ada-app"])["logo"], true, "the sample's own is still there");
    limen.json(&["application", "logo", "remove", "ada-app"]);
    refused(&limen.command(&["application", "logo", "remove", "ada-app"]), &["no logo"]);
}

#[test]
fn passwords_are_read_from_a_pipe_or_made_and_never_repeated() {
    let limen = Limen::start(Settings::new(BINARY));
    let set = typed(&limen, &["user", "password", "full"], "correct horse battery\nmore\n");
    assert_eq!(set.code, Some(0), "{set:#?}");
    assert!(!format!("{set:?}{}", limen.stderr()).contains("horse"), "{set:#?}");
    refused(&typed(&limen, &["user", "password", "full"], "short\n"), &["too short", "12 characters"]);
    refused(&typed(&limen, &["user", "password", "full"], ""), &["too short"]);
    refused(&typed(&limen, &["user", "password", "fall"], "correct horse battery\n"), &["no user 'fall'", "'full'"]);
    let made = limen.json(&["user", "password", "full", "--generate"]);
    assert_eq!(made["password"].as_str().unwrap().len(), 23);
    limen.json(&["user", "add", "mo", "--given-name", "Mo", "--environment", "demo", "--role", "reader"]);
    let shown = limen.json(&["user", "show", "mo"]);
    assert_eq!((&shown["title"], &shown["password"]), (&json!("Mo"), &json!(false)));
    refused(&limen.command(&["user", "add", "jo", "--environment", "dmo"]), &["'dmo' is not known", "'demo'"]);
}

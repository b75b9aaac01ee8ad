//! Tokens that say nothing themselves: their issuer is asked, seldom, and its silence is nobody's fault.

use std::time::Duration;

use limen_testbed::{Misdeed, Provider, Reply, eventually_within};
use serde_json::{Value, json};

use super::World;
use crate::stage::{refused, retry_after_s};

/// A Limen whose issuer is asked about tokens, and the file of the secret that it is asked with.
fn world(remember_s: u64) -> (World, tempfile::NamedTempFile) {
    let issuer = Provider::start();
    let (application, secret) = issuer.registration();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), secret).expect("a file");
    let more = format!(
        "    form: opaque\n    introspection: {{url: \"{}\", application_id: {application}, secret_file: \"{}\", \
         remember_s: {remember_s}}}\n",
        issuer.introspection_url(),
        file.path().display()
    );
    (World::with_issuer(issuer, &more), file)
}

fn active(more: Value) -> Option<Value> {
    let mut claims = json!({"sub": "rea", "client_id": "ada-app", "aud": "api"});
    claims.as_object_mut().expect("claims").extend(more.as_object().expect("claims").clone());
    Some(claims)
}

#[test]
fn an_issuer_is_asked_once_and_its_answer_kept_for_a_while() {
    let (world, _file) = world(300);
    let asked = || world.issuer.hits("/introspect");
    world.issuer.vouch("tok-1", active(json!({})));
    let all: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| world.get("tok-1").status)).collect();
        calls.into_iter().map(|call| call.join().expect("a call")).collect()
    });
    assert_eq!((all, asked()), (vec![200; 8], 1));
    let seen = world.service.requests().pop().expect("a call");
    assert_eq!((seen.header("limen-user"), seen.header("limen-application")), (Some("rea"), Some("ada-app")));
    assert!(world.reason(&world.get("tok-1")).contains("the issuer's answer of a short while ago"));
    world.refused("made-up", "token-invalid");
    world.refused("made-up", "token-invalid");
    assert_eq!(asked(), 2, "that it isn't active is kept for a moment too");
    // What it says is looked at as a signed token's claims are.
    for (token, claims) in [
        ("for-others", json!({"aud": "other"})),
        ("refresh", json!({"token_type": "refresh_token"})),
        ("over", json!({"exp": 1_000_000})),
        ("by-another", json!({"iss": "https://evil.example"})),
        ("bound", json!({"cnf": {"jkt": "x"}})),
    ] {
        world.issuer.vouch(token, active(claims));
        let code = if token == "over" { "token-expired" } else { "token-invalid" };
        world.refused(token, code);
    }
    // Ours, and what is ours by mistake, are shown to nobody.
    let before = asked();
    let issued = world.limen.json(&["token", "issue", "--user", "rea", "--application", "ada-app"]);
    assert_eq!(world.get(issued["access_token"].as_str().expect("a token")).status, 200);
    world.refused("limen_rt_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "token-invalid");
    assert_eq!(asked(), before);
    // Down: who is known goes on, about others nobody knows.
    world.issuer.misbehave(Misdeed::Down);
    assert_eq!(world.get("tok-1").status, 200);
    let answer = world.get("tok-2");
    let message = answer.json()["message"].as_str().expect("a message").to_owned();
    refused(&world.limen, &answer, 503, "service-unavailable", &message);
    assert!(retry_after_s(&answer) >= 1);
    let shown = world.limen.json(&["issuer", "show", "idp"]);
    assert!(shown["failure"].as_str().is_some_and(|words| words.contains("answered 503")), "{shown}");
    assert_eq!(world.limen.pages().get("/readyz", &[]).status, 200);
}

#[test]
fn without_memory_each_call_asks_and_an_end_shows_at_once() {
    let (world, file) = world(0);
    world.issuer.vouch("tok-1", active(json!({})));
    for asked in 1..=3 {
        assert_eq!((world.get("tok-1").status, world.issuer.hits("/introspect")), (200, asked));
    }
    world.issuer.vouch("tok-1", None);
    world.refused("tok-1", "token-invalid");
    // A wrong secret is no caller's fault, and a new one needs no restart.
    world.issuer.vouch("tok-2", active(json!({})));
    let (_, secret) = world.issuer.registration();
    std::fs::write(file.path(), "wrong").expect("a file");
    let answer = world.get("tok-2");
    assert_eq!(answer.status, 503);
    assert!(world.reason(&answer).contains("application_id and secret_file"));
    std::fs::write(file.path(), format!("{secret}\n")).expect("a file");
    assert_eq!(world.get("tok-2").status, 200);
    let config = world.limen.folder().join("checked.yaml");
    std::fs::write(&config, &world.text).expect("a file");
    let check = || world.limen.command(&["check", config.to_str().expect("a path")]);
    assert_eq!(check().code, Some(0));
    std::fs::remove_file(file.path()).expect("a file");
    let told = check();
    assert!(told.code == Some(2) && told.stderr.contains("issuers[0].introspection.secret_file"), "{told:?}");
}

#[test]
fn a_stream_ends_when_the_issuer_takes_its_word_back() {
    let (world, _file) = world(0);
    world.issuer.vouch("tok-1", active(json!({})));
    world.service.on("/stream", Reply::open("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"));
    let mut stream = world.limen.http().within(Duration::from_secs(60)).open();
    stream.write(b"GET /things/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok-1\r\n\r\n");
    assert_eq!(stream.head_only().status, 200);
    let within = Duration::from_secs(30);
    eventually_within(within, "it is asked again", || (world.issuer.hits("/introspect") > 1).then_some(()));
    world.issuer.vouch("tok-1", None);
    let closed = || (stream.some_bytes().is_empty() && stream.is_closed()).then_some(());
    eventually_within(Duration::from_secs(60), "the stream ends", closed);
}

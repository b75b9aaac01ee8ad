//! Access tokens of other issuers, by the whole binary: what is accepted, and what each refusal is.

mod opaque;

use std::time::Duration;

use limen_testbed::{
    Answer, Limen, Misdeed, Provider, Reply, Service, Settings, SignedBy, eventually, eventually_within,
};
use serde_json::{Value, json};

use crate::stage::{BINARY, KEY, TOKEN, refused, retry_after_s};

const ALGORITHMS: [SignedBy; 4] = [SignedBy::Rs256, SignedBy::Ps256, SignedBy::Es256, SignedBy::EdDsa];

/// APIs whose tokens come from `{issuer}` too.
const WORLD: &str = r#"
outbound: {allow: [127.0.0.1]}
apis:
  - name: things
    base_path: /things
    target: "{service}"
    access: token
    operations:
      - {name: get, method: GET, path: "/items/{id}", permission: thing.read}
      - {name: update, method: PATCH, path: "/items/{id}", permission: thing.write}
      - {name: stream, method: GET, path: /stream, permission: thing.read}
  - {name: bound, base_path: /bound, target: "{service}", access: key+token}
  - {name: unbound, base_path: /unbound, target: "{service}", access: key+token, bind: none}
  - {name: own, base_path: /own, target: "{service}", access: token}
products: [{name: all, apis: [bound, unbound]}]
developers: [{name: ada}, {name: bob}]
applications: [{name: ada-app, developer: ada}, {name: bob-app, developer: bob}, {name: off-app, developer: ada, disabled: true}]
environments: [{name: demo}, {name: spare}]
roles:
  - {name: reader, permissions: [thing.read]}
  - {name: writer, permissions: [thing.read, thing.write]}
users:
  - {name: rea, memberships: [{environment: demo, roles: [reader]}]}
  - {name: off, disabled: true, memberships: [{environment: demo, roles: [reader]}]}
  - {name: spa, memberships: [{environment: spare, roles: [writer]}]}
connections: [{application: ada-app, environment: demo}]
issuers:
  - name: idp
    issuer: "{issuer}"
    audiences: [api]
    environments: [demo]
    apis: [things, bound, unbound]
"#;

/// A Limen, the issuer that it trusts, and the service.
struct World {
    limen: Limen,
    issuer: Provider,
    service: Service,
    text: String,
}

impl World {
    /// What is added to the issuer's settings is written below its `issuer`.
    fn new(more: &str) -> Self {
        Self::with_issuer(Provider::start(), more)
    }

    fn with_issuer(issuer: Provider, more: &str) -> Self {
        let service = Service::ok();
        let text = format!("{WORLD}{more}").replace("{service}", &service.url()).replace("{issuer}", &issuer.issuer());
        let limen = Limen::start(Settings::new(BINARY).config(&text));
        Self { limen, issuer, service, text }
    }

    /// The same, once the issuer's keys are there.
    fn ready(more: &str) -> Self {
        let world = Self::new(more);
        world.await_keys();
        world
    }

    fn await_keys(&self) {
        let token = self.token(json!({}));
        eventually("the issuer's keys are fetched", || (self.get(&token).status != 503).then_some(()));
    }

    fn token(&self, claims: Value) -> String {
        self.issuer.access_token(SignedBy::Es256, json!({}), claims)
    }

    fn get(&self, token: &str) -> Answer {
        self.ask("/things/items/1", token, &[])
    }

    fn ask(&self, path: &str, token: &str, more: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer {token}");
        let fields = [&[("Authorization", bearer.as_str())], more].concat();
        self.limen.http().get(path, &fields)
    }

    #[track_caller]
    fn refused(&self, token: &str, code: &str) -> Value {
        refused(&self.limen, &self.get(token), 401, code, TOKEN)
    }

    /// Why a call was refused, as operators read it.
    fn reason(&self, answer: &Answer) -> String {
        self.limen.json(&["explain", answer.header("x-request-id").expect("an id")]).to_string()
    }
}

#[test]
fn tokens_of_each_algorithm_are_accepted_and_name_who_calls() {
    let world = World::ready("");
    for by in ALGORITHMS {
        let token = world.issuer.access_token(by, json!({}), json!({}));
        let answer = world.get(&token);
        assert_eq!(answer.status, 200, "{by:?}: {}", world.reason(&answer));
        assert_eq!(world.get(&token).status, 200, "remembered");
        let seen = world.service.requests().pop().expect("a call");
        let told = ["limen-user", "limen-application", "limen-environment", "limen-permissions"];
        assert_eq!(
            told.map(|name| seen.header(name)),
            [Some("rea"), Some("ada-app"), Some("demo"), Some("thing.read")]
        );
        assert_eq!(seen.header("authorization"), None);
    }
    let answer = world.get(&world.token(json!({})));
    assert!(world.reason(&answer).contains("User rea of issuer idp calls through application ada-app"));
    let metadata = world.limen.http().get("/.well-known/oauth-protected-resource/things", &[]).json();
    let web = format!("http://{}", world.limen.web());
    assert_eq!(metadata["authorization_servers"], json!([web, world.issuer.issuer()]));
    let metadata = world.limen.http().get("/.well-known/oauth-protected-resource/own", &[]).json();
    assert_eq!(metadata["authorization_servers"], json!([web]));
}

#[test]
fn forgeries_and_tokens_for_others_are_refused() {
    let (evil, more) = (
        Provider::start(),
        "  - {name: other, issuer: \"{evil}\", audiences: [api], environments: [demo], apis: [own]}\n",
    );
    let world = World::ready(&more.replace("{evil}", &evil.issuer()));
    let (issuer, es) = (&world.issuer, SignedBy::Es256);
    let signed = |header: Value, claims: Value| issuer.access_token(es, header, claims);
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    let key_of_evil = || {
        let set = evil.service().url() + "/keys";
        json!({"jku": set, "x5u": set, "x5c": ["MIIB"], "jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}})
    };
    let posing = json!({"iss": issuer.issuer()});
    let good = signed(json!({}), json!({}));
    let (head, signature) = (good.split('.').next().expect("a head"), good.rsplit('.').next().expect("a signature"));
    let spliced = |payload: &str| format!("{head}.{payload}.{signature}");
    let other_payload = signed(json!({}), json!({"sub": "wes"}));
    for (what, token) in [
        ("no algorithm", issuer.access_token(SignedBy::Nobody, json!({}), json!({}))),
        ("no algorithm, by a name", issuer.access_token(SignedBy::Nobody, json!({"alg": "nOnE"}), json!({}))),
        ("the public key as a secret", issuer.access_token(SignedBy::PublicKey, json!({}), json!({}))),
        ("another algorithm than the key's", issuer.access_token(SignedBy::Ps256, json!({"kid": "rsa"}), json!({}))),
        ("the algorithm of another key", signed(json!({"alg": "EdDSA"}), json!({}))),
        ("the kid of another key", signed(json!({"kid": "ed"}), json!({}))),
        ("a critical extension", signed(json!({"crit": ["x"], "x": 1}), json!({}))),
        ("another's key under the same kid", evil.access_token(es, json!({}), posing.clone())),
        ("a key that it brings itself", evil.access_token(es, key_of_evil(), posing.clone())),
        ("a key that it brings itself, and no kid", evil.access_token(es, json!({"kid": null}), posing)),
        ("another issuer", evil.access_token(es, json!({}), json!({}))),
        ("an issuer that nobody trusts", signed(json!({}), json!({"iss": "https://evil.example"}))),
        ("the issuer with a slash", signed(json!({}), json!({"iss": format!("{}/", issuer.issuer())}))),
        ("another audience", signed(json!({}), json!({"aud": ["other"]}))),
        ("no audience", signed(json!({}), json!({"aud": null}))),
        ("an ID token", signed(json!({"typ": "JWT"}), json!({}))),
        ("no type", signed(json!({"typ": null}), json!({}))),
        ("no end", signed(json!({}), json!({"exp": null}))),
        ("a life of two days", signed(json!({}), json!({"exp": now_s + 172_800}))),
        ("not yet", signed(json!({}), json!({"nbf": now_s + 300}))),
        ("from the future", signed(json!({}), json!({"iat": now_s + 200}))),
        ("a user who isn't here", signed(json!({}), json!({"sub": "spa"}))),
        ("a user who was switched off", signed(json!({}), json!({"sub": "off"}))),
        ("a user whom nobody knows", signed(json!({}), json!({"sub": "nobody"}))),
        ("an application that was switched off", signed(json!({}), json!({"client_id": "off-app"}))),
        ("another payload", spliced(other_payload.split('.').nth(1).expect("a payload"))),
        ("no signature", good.rsplit_once('.').map(|(message, _)| format!("{message}.")).expect("a message")),
    ] {
        let body = refused(&world.limen, &world.get(&token), 401, "token-invalid", TOKEN);
        assert!(!body.to_string().contains("idp"), "{what}: what it is made of is for operators");
        let challenge = world.get(&token);
        assert!(challenge.header("www-authenticate").unwrap_or_default().contains("invalid_token"), "{what}");
    }
    assert_eq!(evil.hits("/keys"), 1, "nobody is asked because a token says so");
    let until = |exp: u64| signed(json!({}), json!({"iat": now_s - 600, "exp": exp}));
    world.refused(&until(now_s - 40), "token-expired");
    assert_eq!(world.get(&until(now_s - 5)).status, 200, "within the skew");
    assert_eq!(world.get(&signed(json!({}), json!({"exp": now_s as f64 + 300.5}))).status, 200);
    // Each issuer is believed by its own APIs alone.
    assert_eq!(world.ask("/own/x", &evil.access_token(es, json!({}), json!({})), &[]).status, 200);
    assert_eq!(world.ask("/own/x", &good, &[]).status, 401);
    assert_eq!(world.get(&good).status, 200);
}

#[test]
fn claims_name_roles_and_environments_within_what_the_issuer_was_given() {
    let more = "    claims: {user: preferred_username, environment: org, roles: realm_access.roles, application: azp}\n\
                \x20   roles: {Editors: [writer], Guests: [reader]}\n";
    let world = World::ready(more);
    let token = |user: &str, org: &str, roles: Value| {
        world.token(json!({"preferred_username": user, "org": org, "realm_access": {"roles": roles}, "azp": "spa"}))
    };
    let patch = |token: &str| {
        let bearer = format!("Bearer {token}");
        let fields = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        world.limen.http().call("PATCH", "/things/items/1", &fields, Some(b"{}"))
    };
    let editor = token("Jo Kim <jo@partner.example>", "demo", json!(["Editors", "writer"]));
    assert_eq!(patch(&editor).status, 200);
    let seen = world.service.requests().pop().expect("a call");
    assert_eq!(seen.header("limen-user"), Some("Jo Kim <jo@partner.example>"));
    assert_eq!(
        (seen.header("limen-application"), seen.header("limen-permissions")),
        (Some("spa"), Some("thing.read thing.write"))
    );
    let guest = token("jo", "demo", json!(["Guests"]));
    assert_eq!((world.get(&guest).status, patch(&guest).status), (200, 403));
    assert_eq!(patch(&guest).json()["code"], "permission-denied");
    assert_eq!(
        world.get(&token("jo", "demo", json!(["reader", "admin"]))).status,
        403,
        "roles of ours were not mapped"
    );
    let spare = world.get(&token("jo", "spare", json!(["Editors"])));
    refused(&world.limen, &spare, 401, "token-invalid", TOKEN);
    assert!(world.reason(&spare).contains("was not given"), "{}", world.reason(&spare));
    // Nobody becomes one of ours who isn't there, nor an application, nor two fields.
    for user in ["spa", "off", "REA", "application:ada-app", "x\r\nLimen-Environment: spare", " rea"] {
        world.refused(&token(user, "demo", json!(["Editors"])), "token-invalid");
    }
    assert_eq!(world.get(&token("rea", "demo", json!(["Guests"]))).status, 200);
}

#[test]
fn keys_and_tokens_are_of_one_developer_unless_the_api_lets_them_differ() {
    let world = World::ready("");
    let made = world.limen.json(&["subscription", "create", "--product", "all", "--developer", "ada"]);
    let key = made["primary_key"].as_str().expect("a key");
    let status = |path: &str, application: Value| {
        world.ask(path, &world.token(json!({"client_id": application})), &[(KEY, key)]).status
    };
    for (application, bound) in
        [(json!("ada-app"), 200), (json!("bob-app"), 403), (json!("unknown"), 403), (Value::Null, 403)]
    {
        assert_eq!(status("/bound/x", application.clone()), bound, "{application}");
        assert_eq!(status("/unbound/x", application), 200);
    }
    let token = world.token(json!({"client_id": "unknown"}));
    let answer = world.ask("/bound/x", &token, &[(KEY, key)]);
    assert_eq!(answer.json()["code"], "application-mismatch");
    assert_eq!(world.ask("/bound/x", &token, &[]).json()["code"], "subscription-key-missing");
}

#[test]
fn an_issuer_that_is_down_makes_no_bad_token_good_nor_a_good_one_bad() {
    let issuer = Provider::start();
    issuer.misbehave(Misdeed::Down);
    let world = World::with_issuer(issuer, "");
    let token = world.token(json!({}));
    eventually("the first fetch failed", || world.limen.json(&["issuer", "show", "idp"])["failure"].as_str().map(drop));
    let answer = world.get(&token);
    let message = answer.json()["message"].as_str().expect("a message").to_owned();
    refused(&world.limen, &answer, 503, "service-unavailable", &message);
    assert!((1..=61).contains(&retry_after_s(&answer)) && message.contains("can't be checked just now"), "{message}");
    assert!(world.reason(&answer).contains("the keys of issuer idp could not be fetched yet"));
    world.refused(&world.issuer.access_token(SignedBy::Nobody, json!({}), json!({})), "token-invalid");
    let issued = world.limen.json(&["token", "issue", "--user", "rea", "--application", "ada-app"]);
    assert_eq!(world.get(issued["access_token"].as_str().expect("a token")).status, 200, "ours go on");
    assert_eq!(world.limen.pages().get("/readyz", &[]).status, 200);
    let status = world.limen.json(&["status"]);
    assert_eq!((&status["issuers"][0]["keys"], &status["issuers"][0]["failed_fetches"]), (&json!(0), &json!(1)));
    // Told where the keys are, it asks at once: that is another source.
    world.issuer.misbehave(Misdeed::Nothing);
    world.limen.apply(&format!("{}    jwks_url: \"{}\"\n", world.text, world.issuer.keys_url()));
    eventually("the keys came", || (world.get(&token).status == 200).then_some(()));
    world.issuer.misbehave(Misdeed::Down);
    assert_eq!(world.get(&world.token(json!({"jti": "later"}))).status, 200, "what was good last is kept");
    let shown = world.limen.command(&["issuer", "list"]).stdout;
    assert!(shown.contains("idp") && shown.contains("old"), "{shown}");
    let metrics = crate::telemetry::of_socket(&world.limen);
    assert!(metrics.contains("limen_issuer_key_fetches_total{issuer=\"idp\",outcome=\"fetched\"} 1"), "{metrics}");
}

#[test]
fn new_keys_are_found_after_the_pause_and_forged_ones_ask_no_more_often() {
    let world = World::ready("");
    let before = world.token(json!({}));
    assert_eq!((world.get(&before).status, world.issuer.hits("/keys")), (200, 1));
    world.issuer.rotate_keys();
    let after = world.token(json!({}));
    for n in 0..50 {
        let forged = world.issuer.access_token(SignedBy::Es256, json!({"kid": format!("forged-{n}")}), json!({}));
        world.refused(&forged, "token-invalid");
        world.refused(&after, "token-invalid");
    }
    assert_eq!(world.issuer.hits("/keys"), 1, "not within the minute");
    assert_eq!(world.get(&before).status, 200, "its key is the last that was good");
    // Another pause counts from now on; nothing that was known is forgotten for it.
    world.limen.apply(&format!("{}    jwks_pause_s: 2\n", world.text));
    eventually("the new keys are known", || (world.get(&after).status == 200).then_some(()));
    assert_eq!(world.issuer.hits("/keys"), 2);
    let forged = world.issuer.access_token(SignedBy::Es256, json!({"kid": "forged"}), json!({}));
    world.refused(&forged, "token-invalid");
    eventually("they are asked for once more", || (world.issuer.hits("/keys") == 3).then_some(()));
    // The key is gone, and what was remembered of its tokens with it.
    world.refused(&before, "token-invalid");
}

#[test]
fn what_is_found_of_an_issuer_has_to_be_its_own() {
    let shown = |world: &World| world.limen.json(&["issuer", "show", "idp"]);
    let failure =
        |world: &World| eventually("the fetch failed", || shown(world)["failure"].as_str().map(str::to_owned));
    let issuer = Provider::start();
    issuer.misbehave(Misdeed::DocumentOfAnother);
    let world = World::with_issuer(issuer, "");
    assert!(failure(&world).contains("of another issuer"));
    assert_eq!((world.get(&world.token(json!({}))).status, world.issuer.hits("/keys")), (503, 0));
    let issuer = Provider::start();
    issuer.misbehave(Misdeed::OnlyOauthDocument);
    let world = World::with_issuer(issuer, "");
    eventually("the keys came", || (shown(&world)["keys"] == 4).then_some(()));
    assert_eq!(world.get(&world.token(json!({}))).status, 200);
    // One's own network is asked only where it is listed, whoever leads there.
    for (url, words) in [
        ("https://169.254.169.254/latest/meta-data", "link-local"),
        ("https://10.0.0.7/keys", "private"),
        ("https://[::1]/keys", "loopback"),
    ] {
        let world = World::new(&format!("    jwks_url: \"{url}\"\n"));
        let told = failure(&world);
        assert!(told.contains(words), "{url}: {told}");
        assert_eq!(world.get(&world.token(json!({}))).status, 503);
    }
    let world = World::ready("");
    let closed = world.text.replace("outbound: {allow: [127.0.0.1]}", "");
    let file = world.limen.folder().join("closed.yaml");
    std::fs::write(&file, closed).expect("a file");
    let told = world.limen.command(&["check", file.to_str().expect("a path")]);
    assert!(told.code == Some(2) && told.stderr.contains("issuers[0].issuer: can't be asked"), "{told:?}");
}

#[test]
fn what_ends_ends_at_once_for_tokens_of_others_too() {
    let world = World::ready("");
    let token = world.token(json!({}));
    assert_eq!(world.get(&token).status, 200);
    let soon_refused = |what: &str| {
        let answer = eventually_within(Duration::from_secs(3), what, || {
            Some(world.get(&token)).filter(|answer| answer.status != 200)
        });
        refused(&world.limen, &answer, 401, "token-invalid", TOKEN);
    };
    world.limen.json(&["user", "disable", "rea"]);
    soon_refused("the user is switched off");
    world.limen.apply(&world.text);
    eventually("the user is back", || (world.get(&token).status == 200).then_some(()));
    world.limen.json(&["issuer", "remove", "idp"]);
    soon_refused("the issuer is trusted no longer");
    assert_eq!(world.limen.json(&["issuer", "list"]), json!([]));
}

#[test]
fn a_stream_ends_with_the_token_that_opened_it() {
    let world = World::ready("");
    world.service.on("/stream", Reply::open("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"));
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    // Thirty seconds of it are the skew.
    let token = world.token(json!({"iat": now_s - 60, "exp": now_s - 26}));
    let bearer = format!("Bearer {token}");
    let mut stream = world.limen.http().within(Duration::from_secs(60)).open();
    stream.write(format!("GET /things/stream HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n").as_bytes());
    assert_eq!(stream.head_only().status, 200);
    let answered = std::time::Instant::now();
    eventually_within(Duration::from_secs(60), "the stream ends", || {
        (stream.some_bytes().is_empty() && stream.is_closed()).then_some(())
    });
    assert!(answered.elapsed() < Duration::from_secs(60));
}

//! What narrows a call's permissions: the application's connection, the token's scope; and applications that act for
//! themselves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_testbed::Answer;
use serde_json::{Value, json};

use crate::stage::{KEY, Stage};

/// A stage whose application of ada's is connected to the demo environment as told.
fn connected(fields: &str) -> Stage {
    let stage = Stage::new();
    connect(&stage, fields);
    stage
}

fn connect(stage: &Stage, fields: &str) {
    let plain = "{application: ada-app, environment: demo}";
    assert!(stage.world().contains(plain));
    let told = format!("{{application: ada-app, environment: demo, {fields}}}");
    stage.limen.apply(&stage.world().replace(plain, &told));
}

/// Reads and writes a thing with a key of ada's and this token.
struct Caller<'s> {
    stage: &'s Stage,
    key: String,
    bearer: String,
}

impl<'s> Caller<'s> {
    fn new(stage: &'s Stage, token: &[&str]) -> Self {
        Self { stage, key: stage.subscribe("all").primary, bearer: format!("Bearer {}", stage.token(token)) }
    }

    fn reads(&self) -> Answer {
        self.stage.http().get("/things/v1/items", &[(KEY, &self.key), ("Authorization", &self.bearer)])
    }

    fn writes(&self) -> Answer {
        self.stage.http().post("/things/v1/items", &[(KEY, &self.key), ("Authorization", &self.bearer)], "{}")
    }
}

/// What the service was told of who called last: in plain fields, and in the assertion.
fn told(stage: &Stage) -> (Value, Value) {
    let seen = stage.service.last();
    let fields = ["user", "application", "environment", "permissions"];
    let plain = fields.map(|name| (name.to_owned(), json!(seen.header(&format!("limen-{name}")))));
    let assertion = seen.header("limen-assertion").expect("an assertion").split('.').nth(1).expect("claims").to_owned();
    let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(assertion).expect("base64url")).expect("JSON");
    (Value::Object(plain.into_iter().collect()), claims)
}

fn explained(stage: &Stage, answer: &Answer) -> String {
    stage.limen.json(&["explain", answer.header("x-request-id").expect("an id")]).to_string()
}

/// A refusal where a scope decides; gives its message.
#[track_caller]
fn insufficient(stage: &Stage, answer: &Answer) -> String {
    let message = answer.json()["message"].as_str().expect("a message").to_owned();
    stage.refused(answer, 403, "permission-denied", &message);
    let challenge = answer.header("www-authenticate").expect("a challenge");
    let base = format!("{}/.well-known/oauth-protected-resource/things/v1", stage.gateway_url());
    let expected = format!(
        r#"Bearer realm="{}/things/v1", resource_metadata="{base}", error="insufficient_scope", scope="thing.write""#,
        stage.gateway_url()
    );
    assert_eq!(challenge, expected);
    message
}

#[test]
fn a_connection_narrows_what_roles_allow() {
    let stage = connected("scopes: [thing.read]");
    let through = Caller::new(&stage, &["--user", "wes", "--application", "ada-app"]);
    let read = through.reads();
    assert_eq!(read.status, 200);
    let (plain, claims) = told(&stage);
    let expected = json!({"user": "wes", "application": "ada-app", "environment": "demo", "permissions": "thing.read"});
    assert_eq!(plain, expected);
    assert_eq!((&claims["sub"], &claims["permissions"]), (&json!("wes"), &json!("thing.read")));
    let words = explained(&stage, &read);
    assert!(words.contains("to which it is connected") && words.contains("mode Full"), "{words}");
    assert!(words.contains("The connection is limited to: thing.read. Left of the roles: thing.read."), "{words}");

    let refused = through.writes();
    let message = insufficient(&stage, &refused);
    assert!(message.contains("thing.write") && message.contains("administrator can widen it"), "{message}");
    let words = explained(&stage, &refused);
    assert!(words.contains("the connection of application ada-app to environment demo does not cover"), "{words}");
    // An operator's own token goes by no connection.
    assert_eq!(Caller::new(&stage, &["--user", "wes"]).writes().status, 200);
    // Widened, the same token does it.
    connect(&stage, "scopes: [thing.read, thing.write]");
    assert_eq!(through.writes().status, 200);
    assert_eq!(told(&stage).0["permissions"], "thing.read thing.write");
    // Where the roles don't allow it, no scope would.
    let denied = Caller::new(&stage, &["--user", "rea", "--application", "ada-app"]).writes();
    assert_eq!((denied.status, denied.header("www-authenticate")), (403, None), "{denied:?}");
}

#[test]
fn a_token_s_scope_narrows_what_roles_allow() {
    let stage = Stage::new();
    let limited = ["--user", "wes", "--application", "ada-app", "--scope", "thing.read"];
    let caller = Caller::new(&stage, &limited);
    let read = caller.reads();
    assert_eq!(read.status, 200);
    assert_eq!(told(&stage).0["permissions"], "thing.read");
    let words = explained(&stage, &read);
    assert!(words.contains("mode Limited") && words.contains("The token is limited to: thing.read."), "{words}");
    let message = insufficient(&stage, &caller.writes());
    assert!(message.contains("has to ask for the scope thing.write"), "{message}");
    let both = Caller::new(&stage, &[&limited[..], &["--scope", "thing.write"]].concat());
    assert_eq!((both.reads().status, both.writes().status), (200, 200));
    // A scope gives nothing that the roles don't.
    let reader = ["--user", "rea", "--scope", "thing.write"];
    let reader = Caller::new(&stage, &reader);
    let denied = reader.writes();
    assert_eq!((denied.status, denied.header("www-authenticate")), (403, None), "{denied:?}");
    assert!(insufficient_read(&reader.reads()));
}

fn insufficient_read(answer: &Answer) -> bool {
    answer.status == 403
        && answer.header("www-authenticate").is_some_and(|text| text.ends_with(r#"scope="thing.read""#))
}

#[test]
fn an_application_acts_for_itself_with_roles_of_its_own() {
    let stage = connected("own_roles: [reader]");
    let own = ["--application", "ada-app", "--environment", "demo"];
    let caller = Caller::new(&stage, &own);
    let read = caller.reads();
    assert_eq!(read.status, 200);
    let (plain, claims) = told(&stage);
    let expected = json!({"user": null, "application": "ada-app", "environment": "demo", "permissions": "thing.read"});
    assert_eq!(plain, expected);
    assert_eq!((claims.get("sub"), &claims["application"]), (None, &json!("ada-app")));
    let words = explained(&stage, &read);
    assert!(words.contains("Application ada-app acts for itself in environment demo"), "{words}");
    let denied = caller.writes();
    assert_eq!((denied.status, denied.header("www-authenticate")), (403, None), "{denied:?}");
    assert!(denied.json()["message"].as_str().unwrap().contains("which the application does not have"), "{denied:?}");

    connect(&stage, "own_roles: [writer]");
    assert_eq!(caller.writes().status, 200, "the roles are those of now");
    connect(&stage, "own_roles: [writer], scopes: [thing.read]");
    insufficient(&stage, &caller.writes());
    stage.limen.apply(stage.world());
    assert_eq!((caller.reads().status, &caller.reads().json()["code"]), (401, &json!("token-invalid")));
    let refused = stage.limen.command(&[&["token", "issue"], &own[..]].concat());
    assert!(refused.code != Some(0) && refused.stderr.contains("own_roles"), "{refused:?}");
}

#[test]
fn without_its_connection_an_application_has_no_token() {
    let stage = Stage::new();
    let moved = stage.world().replace(
        "memberships: [{environment: demo, roles: [writer]}]",
        "memberships: [{environment: spare, roles: [writer]}]",
    );
    stage.limen.apply(&moved);
    let refused = stage.limen.command(&["token", "issue", "--user", "wes", "--application", "ada-app"]);
    let words = &refused.stderr;
    assert!(refused.code != Some(0) && words.contains("isn't connected to the environment 'spare'"), "{refused:?}");
    assert!(words.contains("limen connection approve ada-app spare"), "{refused:?}");
}

#[test]
fn an_api_tells_where_its_tokens_come_from_before_route_and_key() {
    let stage = Stage::new();
    let place = "/.well-known/oauth-protected-resource/things/v1";
    let answer = stage.http().get(place, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    let web = format!("http://{}", stage.limen.web());
    let document = answer.json();
    assert_eq!(document["resource"], format!("{}/things/v1", stage.gateway_url()));
    assert_eq!(document["authorization_servers"], json!([web]));
    assert_eq!(document["scopes_supported"], json!(["thing.read", "thing.write"]));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
    // A challenge leads there.
    let challenged = stage.http().get("/things/v1/items", &[(KEY, &stage.subscribe("all").primary)]);
    let challenge = challenged.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains(&format!(r#"resource_metadata="{}{place}""#, stage.gateway_url())), "{challenge}");
    // Which APIs are private, and which need no token, has none.
    for nothing in ["/secret", "/keyed", "/nothing"] {
        assert_eq!(stage.http().get(&format!("/.well-known/oauth-protected-resource{nothing}"), &[]).status, 404);
    }
}

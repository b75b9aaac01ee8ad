//! Access tokens of other issuers, by the whole binary: what is accepted, and what each refusal is.

use limen_testbed::{Answer, Limen, Misdeed, Provider, Service, Settings, SignedBy, eventually};
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

//! What every scenario stands on: a Limen with APIs of every kind in front of one scripted service, and the check
//! that a refusal has the contract's form.

use limen_testbed::{Answer, Http, Limen, Service, Settings};
use serde_json::Value;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_limen");
/// The header that the key goes in.
pub(crate) const KEY: &str = "Limen-Subscription-Key";
pub(crate) const KEY_MISSING: &str = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.";
pub(crate) const KEY_INVALID: &str =
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.";
pub(crate) const TOKEN: &str = "The required Authorization header was missing or invalid, or the token has expired";
pub(crate) const EXPOSED: &str = "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, WWW-Authenticate, Link";

/// APIs of every kind in front of the service at `{service}`; nothing listens at `{nowhere}`.
const WORLD: &str = r#"
apis:
  - name: things
    base_path: /things/v1
    target: "{service}/base"
    access: key+token
    body_max_bytes: 2_000
    operations:
      - {name: list, method: GET, path: /items, permission: thing.read}
      - {name: get, method: GET, path: "/items/{id}", permission: thing.read}
      - {name: create, method: POST, path: /items, permission: thing.write}
      - {name: update, method: PATCH, path: "/items/{id}", permission: thing.write}
      - {name: delete, method: DELETE, path: "/items/{id}", permission: thing.write}
      - {name: health, method: GET, path: /health, access: open}
  - {name: keyed, base_path: /keyed, target: "{service}/base", access: key}
  - {name: open, base_path: /open, target: "{service}/base", access: open}
  - {name: tokened, base_path: /tokened, target: "{service}/base", access: token}
  - {name: secret, base_path: /secret, target: "{service}/base", access: key, visibility: private,
     operations: [{name: list, method: GET, path: /items}]}
  - {name: unbound, base_path: /unbound, target: "{service}/base", access: key+token, bind: none}
  - name: legacy
    base_path: /legacy
    target: "{service}/base"
    access: key
    key: {header: X-Api-Key, aliases: [X-Old-Key], query_parameter: true, challenge: LegacyKey}
  - name: lenient
    base_path: /lenient
    target: "{service}/base"
    access: open
    pass_401: true
    pass_statuses: [206, 302, 304, 409, 503]
    preserve_host: true
    forward_token: true
    cookies: true
    assertion: false
    validate: "off"
    media_types: ["*/*"]
  - {name: passing, base_path: /passing, target: "{service}/base", access: open, error_body: pass}
  - {name: transparent, base_path: /transparent, target: "{service}/base", access: open, contract: transparent}
  - name: slow
    base_path: /slow
    target: "{service}/base"
    access: open
    media_types: [application/json, text/plain]
    deadlines: {connect_timeout_ms: 500, response_timeout_ms: 300, idle_timeout_ms: 300}
    breaker: {enabled: false}
  - {name: nowhere, base_path: /nowhere, target: "{nowhere}", access: key, retry_after_s: 30,
     breaker: {enabled: false}}
  - {name: shop, base_path: /shop, target: "{service}/base", access: key,
     cors: {allow_origins: ["https://shop.example"], allow_credentials: true}}
products:
  - {name: all, title: Everything, apis: [things, keyed, secret, unbound, legacy, nowhere, shop]}
  - {name: other, apis: [shop]}
  - {name: awaited, apis: [keyed], approval_needed: true}
  - {name: brisk, title: Brisk, apis: [things, keyed], rate: {calls: 3, window_s: 1}}
  - {name: scarce, apis: [things, keyed, nowhere], quota: {calls: 2, period_s: 2}}
  - {name: hourly, apis: [things, keyed, nowhere], quota: {calls: 3, period_s: 3_600}}
  - {name: long, apis: [keyed], quota: {calls: 1, period_s: 172_800}}
  - {name: long-things, apis: [things], quota: {calls: 1, period_s: 172_800}}
  - {name: daily, apis: [keyed], quota: {calls: 1, period: day, time_zone: Asia/Kolkata}}
  - {name: bytes, apis: [keyed], quota: {bytes: 1_000, period_s: 3_600}}
  - {name: brief-bytes, apis: [keyed], quota: {bytes: 100, period_s: 2}}
  - {name: tight, title: Tight, apis: [things, keyed], rate: {calls: 1, window_s: 300}, quota: {calls: 1, period_s: 3_600}}
developers: [{name: ada}, {name: bob}]
applications: [{name: ada-app, developer: ada}, {name: bob-app, developer: bob}]
environments: [{name: demo}, {name: spare}]
roles:
  - {name: reader, title: Reader, permissions: [thing.read]}
  - {name: writer, title: Writer, permissions: [thing.read, thing.write]}
users:
  - {name: rea, memberships: [{environment: demo, roles: [reader]}]}
  - {name: wes, memberships: [{environment: demo, roles: [writer]}]}
connections:
  - {application: ada-app, environment: demo}
  - {application: bob-app, environment: demo}
"#;

/// A Limen and the service behind all its APIs.
pub(crate) struct Stage {
    pub(crate) limen: Limen,
    pub(crate) service: Service,
    world: String,
}

/// A subscription just made.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) primary: String,
    pub(crate) secondary: String,
}

impl Stage {
    /// A Limen with the APIs of [`WORLD`], the service answering `{"ok":true}` to everything.
    pub(crate) fn new() -> Self {
        Self::with_settings("")
    }

    /// The same, with sections of settings before the APIs.
    pub(crate) fn with_settings(settings: &str) -> Self {
        let service = Service::ok();
        let world = format!("{settings}{WORLD}");
        let world = world.replace("{service}", &service.url()).replace("{nowhere}", &nowhere());
        let limen = Limen::start(Settings::new(BINARY).config(&world));
        Self { limen, service, world }
    }

    /// The configuration that it was started with, to be changed and applied.
    pub(crate) fn world(&self) -> &str {
        &self.world
    }

    pub(crate) fn http(&self) -> Http {
        self.limen.http()
    }

    /// Makes a subscription of developer ada.
    pub(crate) fn subscribe(&self, product: &str) -> Subscription {
        let made = self.limen.json(&["subscription", "create", "--product", product, "--developer", "ada"]);
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        Subscription { id: text("id"), primary: text("primary_key"), secondary: text("secondary_key") }
    }

    /// The value of an `Authorization` header with a new token of ada's application.
    pub(crate) fn bearer(&self, user: &str) -> String {
        format!("Bearer {}", self.token(&["--user", user, "--application", "ada-app"]))
    }

    /// A new token.
    pub(crate) fn token(&self, arguments: &[&str]) -> String {
        let issued = self.limen.json(&[&["token", "issue"], arguments].concat());
        issued["access_token"].as_str().expect("a token").to_owned()
    }

    /// The URL of the gateway.
    pub(crate) fn gateway_url(&self) -> String {
        format!("http://{}", self.limen.gateway())
    }

    /// Checks a refusal's form and words; gives its body.
    #[track_caller]
    pub(crate) fn refused(&self, answer: &Answer, status: u16, code: &str, message: &str) -> Value {
        refused(&self.limen, answer, status, code, message)
    }

    /// Makes a call for each of the two media types and checks the refusals' form and words; gives the last answer.
    #[track_caller]
    pub(crate) fn refused_in_both_forms(
        &self,
        status: u16,
        code: &str,
        message: &str,
        call: impl Fn(&[(&str, &str)]) -> Answer,
    ) -> Answer {
        for (accept, media_type) in [
            (Some("application/json"), "application/json"),
            (Some("application/json, application/problem+json;q=0"), "application/json"),
            (Some("*/*"), "application/problem+json"),
            (Some("text/html"), "application/problem+json"),
            (None, "application/problem+json"),
        ] {
            let fields: Vec<_> = accept.map(|accept| ("Accept", accept)).into_iter().collect();
            let answer = call(&fields);
            self.refused(&answer, status, code, message);
            assert_eq!(answer.header("content-type"), Some(media_type), "{accept:?}");
        }
        let answer = call(&[]);
        self.refused(&answer, status, code, message);
        answer
    }
}

/// A loopback URL where nothing listens.
pub(crate) fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// Checks what every refusal has in common, and its status, code and message; gives its body.
#[track_caller]
pub(crate) fn refused(limen: &Limen, answer: &Answer, status: u16, code: &str, message: &str) -> Value {
    let told = || format!("{answer:?}");
    assert_eq!(answer.status, status, "{}", told());
    assert!(!answer.cut, "{}", told());
    let body = answer.json();
    assert_eq!(body["message"], message, "{}", told());
    assert_eq!((&body["statusCode"], &body["status"]), (&status.into(), &status.into()), "{}", told());
    assert_eq!(body["code"], code, "{}", told());
    let web = format!("http://{}", limen.web());
    assert_eq!(body["type"], format!("{web}/errors/{code}"), "{}", told());
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("no id: {}", told()));
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", told());
    assert_eq!(body["trace_id"], id, "{}", told());
    assert_eq!(body["instance"], format!("urn:limen:call:{id}"), "{}", told());
    for member in ["title", "detail", "help"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {}", told());
    }
    assert_eq!(answer.headers_named("cache-control"), ["no-store"], "{}", told());
    let media_type = answer.header("content-type").unwrap_or_default();
    assert!(["application/problem+json", "application/json"].contains(&media_type), "{}", told());
    let has_retry_after = answer.header("retry-after").is_some();
    let needs_retry_after = matches!(status, 429 | 503) || code == "quota-exceeded" || code == "bandwidth-exceeded";
    assert!(has_retry_after || !needs_retry_after, "{}", told());
    for link in ["type", "help"] {
        let page = body[link].as_str().unwrap_or_default().strip_prefix(&web).unwrap_or_else(|| panic!("{}", told()));
        let page = page.split('#').next().unwrap_or_default().to_owned();
        assert_eq!(limen.pages().get(&page, &[]).status, 200, "a dead link: {page}");
    }
    body
}

/// The whole seconds of `Retry-After`.
#[track_caller]
pub(crate) fn retry_after_s(answer: &Answer) -> u64 {
    answer.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{answer:#?}"))
}

impl Stage {
    /// Lets whole seconds pass, as a caller who was told `Retry-After` does.
    pub(crate) fn wait(&self, seconds: u64) {
        wait(seconds);
    }

    /// Does something over and over for whole seconds, and gives what came of it.
    pub(crate) fn during<T>(&self, seconds: u64, mut act: impl FnMut() -> T) -> Vec<T> {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        let mut all = Vec::new();
        limen_testbed::eventually_within(std::time::Duration::from_secs(seconds + 5), "time passes", || {
            all.push(act());
            (std::time::Instant::now() >= end).then_some(())
        });
        all
    }
}

/// Lets whole seconds pass, as a caller who was told `Retry-After` does.
pub(crate) fn wait(seconds: u64) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    limen_testbed::eventually_within(std::time::Duration::from_secs(seconds + 5), "time passes", || {
        (std::time::Instant::now() >= end).then_some(())
    });
}

/// What the process holds in memory, in bytes.
pub(crate) fn resident_bytes(limen: &Limen) -> u64 {
    of_status(limen, "VmRSS:")
}

/// The most that the process ever held in memory, in bytes.
pub(crate) fn resident_bytes_max(limen: &Limen) -> u64 {
    of_status(limen, "VmHWM:")
}

fn of_status(limen: &Limen, name: &str) -> u64 {
    let id = limen.process_id().expect("a running process");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("what the system tells of the process");
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB")).expect("a figure");
    kilobytes.trim().parse::<u64>().expect("a number") << 10
}

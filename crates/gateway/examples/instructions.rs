//! Counts the instructions of a call in user space: this program runs itself under valgrind's callgrind as a gateway
//! with everything in memory, and is its service and its caller. Prints a line for each kind of call: name and count.
//! `cargo xtask bench instructions` builds and runs it.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_gateway::accounts::{Accounts, Lease, QuotaLedger, Reading};
use limen_gateway::budget::Budget;
use limen_gateway::clock::Clock;
use limen_gateway::current::Current;
use limen_gateway::gateway::{BODIES_BYTES, Gateway, Settings};
use limen_gateway::issuers::Issuers;
use limen_gateway::journal::Journal;
use limen_gateway::listener;
use limen_gateway::metrics::Metrics;
use limen_gateway::targets::Targets;
use limen_gateway::token_cache::TokenCache;
use limen_rules::key;
use limen_rules::model::Declared;
use limen_rules::quota::{LeaseRequest, QuotaRow, debit};
use limen_rules::record::{Directory, StoredKey, Subscription, SubscriptionState, VerifyingKey, Which};
use limen_rules::snapshot::Snapshot;
use limen_rules::token::{self, Claims, Issuer, Mode};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Calls of the two runs whose difference is counted: what starting costs, and the first calls, falls out of it.
const FEWER_CALLS: u64 = 300;
const MORE_CALLS: u64 = 1_300;
/// 2026-01-01, where the made-up clock begins.
const BEGIN_S: i64 = 1_767_225_600;
/// How much later it is each time that somebody looks.
const TICK_US: u64 = 20;
/// The id of the key that signs tokens.
const KID: &str = "first";
/// The kinds of calls: nothing checked, everything, a body of 1 KB that is read, or compared with its schema too, and
/// everything with two policies.
const NAMES: [&str; 5] = ["open", "checked", "syntax", "schema", "policies"];
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"value\":\"42\"}";

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => count(),
        // What callgrind saw of one kind of call, for `callgrind_annotate`.
        ["profile", name, file] => {
            instructions(Path::new(file), &serve()?, &Credentials::new()?, name, MORE_CALLS).map(drop)
        }
        ["gateway", service, key, public_point] => gateway(service, key, public_point),
        _ => Err("say nothing, or: profile NAME FILE; 'gateway' is for the program itself".into()),
    }
}

/// Runs each kind of call and prints what it took.
fn count() -> Outcome<()> {
    let service = serve()?;
    let credentials = Credentials::new()?;
    let folder = tempfile::tempdir()?;
    for name in NAMES {
        let counted = |calls| {
            let file = folder.path().join(format!("{name}.{calls}"));
            instructions(&file, &service, &credentials, name, calls)
        };
        let (fewer, more) = (counted(FEWER_CALLS)?, counted(MORE_CALLS)?);
        println!("{name} {}", more.saturating_sub(fewer) / (MORE_CALLS - FEWER_CALLS));
    }
    Ok(())
}

/// What a call that passes every check brings, made outside of the gateway: making keys gathers randomness until there is
/// enough, and no two runs of that are alike.
struct Credentials {
    key: String,
    token: String,
    public_point: String,
}

impl Credentials {
    fn new() -> Outcome<Self> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())?;
        let Issuer { issuer, audience, .. } = issuer();
        let claims = Claims {
            iss: issuer,
            sub: "bo".into(),
            aud: audience,
            client_id: "shop".into(),
            iat: BEGIN_S,
            exp: BEGIN_S + 3_600,
            nbf: None,
            jti: "0123456789abcdefghijklmn".into(),
            grant: "grant_0123456789abcdef".into(),
            environment: "north".into(),
            mode: Mode::Full,
            scope: None,
        };
        Ok(Self {
            key: key::generate(|bytes| bytes.fill(7)),
            token: token::sign(&claims, KID, pkcs8.as_ref())?,
            public_point: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        })
    }
}

fn issuer() -> Issuer {
    Issuer {
        issuer: "https://developer.example.org".into(),
        audience: "https://api.example.org".into(),
        ..Issuer::default()
    }
}

/// Instructions of a whole life of the gateway with so many calls, one at a time on one connection.
fn instructions(counted: &Path, service: &str, credentials: &Credentials, name: &str, calls: u64) -> Outcome<u64> {
    let mut child = Command::new("taskset")
        .args(["--cpu-list", &first_core()?, "valgrind", "--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", counted.display()))
        .arg(std::env::current_exe()?)
        .args(["gateway", service, &credentials.key, &credentials.public_point])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut told = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let address = told.next().ok_or("the gateway ended before it was ready")??;
    let Credentials { key, token, .. } = credentials;
    let fields = format!(
        "Host: {address}\r\nUser-Agent: count\r\nAccept: application/json\r\n\
         Limen-Subscription-Key: {key}\r\nAuthorization: Bearer {token}\r\n"
    );
    let request = match name {
        "syntax" | "schema" => {
            let body = order();
            let length = body.len();
            format!(
                "POST /{name}/orders HTTP/1.1\r\n{fields}Content-Type: application/json\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            )
        }
        _ => format!("GET /{name}/orders/42?expand=lines HTTP/1.1\r\n{fields}\r\n"),
    };
    let mut stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    for _ in 0..calls {
        stream.write_all(request.as_bytes())?;
        expect_answer(&mut stream)?;
    }
    drop(stream);
    drop(child.stdin.take());
    let status = child.wait()?;
    let text = fs::read_to_string(counted)?;
    let total = text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    match total.and_then(|total| total.trim().parse().ok()) {
        Some(total) if status.success() => Ok(total),
        _ => Err(format!("callgrind counted nothing ({status})").into()),
    }
}

/// The first core that we may use: on one core there is one thread of the gateway, so that nothing is left to chance.
fn first_core() -> Outcome<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).ok_or("no list of cores")?;
    Ok(list.trim().split(['-', ',']).next().unwrap_or("0").to_owned())
}

fn expect_answer(stream: &mut TcpStream) -> Outcome<()> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"{\"value\":\"42\"}") {
        let count = stream.read(&mut buffer)?;
        answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if count == 0 || (answer.len() >= 12 && !answer.starts_with(b"HTTP/1.1 200")) {
            return Err(format!("not the service's answer: {}", String::from_utf8_lossy(&answer)).into());
        }
    }
    Ok(())
}

/// An order of about 1 KB.
fn order() -> String {
    let line =
        |at: usize| serde_json::json!({"sku": format!("AB-{at:05}"), "title": "A thing of some use", "count": at + 1});
    serde_json::json!({
        "reference": "2026-11-0042", "placed": "2026-11-22T09:30:00Z", "state": "new",
        "buyer": {"first": "Eva", "last": "Ray", "email": "eva@example.com", "birthdate": {"y": 2001, "m": 5, "d": null}},
        "address": {"lines": ["1 Long Way", "2nd floor"], "city": "Springfield", "country": "DE", "postal_code": "01234"},
        "lines": (0..11).map(line).collect::<Vec<_>>(), "note": "Leave it with the neighbours.",
    })
    .to_string()
}

/// A service that answers each request; gives its address.
fn serve() -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if count == 0 {
            return Ok(());
        }
        if is_whole(&head) {
            head.clear();
            stream.write_all(ANSWER)?;
        }
    }
}

/// Whether a request has come to its end.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(request.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

/// Is the gateway until standard input ends; tells its address first.
fn gateway(service: &str, key: &str, public_point: &str) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let clock = Arc::new(Ticking(AtomicU64::new(0)));
    let now = Reading { monotonic_us: clock.monotonic_us(), wall_us: clock.wall_us() };
    let ledger = Arc::new(Generous);
    let accounts = Accounts::open(&folder.path().join("windows"), "boot", true, now, ledger, runtime.handle().clone())?;
    let directory = directory(service, key, public_point)?;
    let gateway = Arc::new(Gateway {
        settings: Settings {
            edge: limen_gateway::edge::Edge::default(),
            gateway_url: format!("http://{address}"),
            web_url: "http://127.0.0.1:1".into(),
            snapshot_max_age_us: u64::MAX,
            rate_limit_fields: true,
        },
        current: Current::new(Snapshot::new(1, &directory, issuer()), now.monotonic_us),
        targets: Targets::default(),
        accounts,
        tokens: TokenCache::with_key(Some([7; 16])), // Drawing one costs another number each time.
        issuers: Issuers::default(),
        journal: Journal::default(),
        metrics: Metrics::default(),
        drift: limen_gateway::drift::Drift::default(),
        access_log: None,
        clock,
        assertion_key: ArcSwapOption::empty(),
        tls: None,
        bodies: Budget::new(BODIES_BYTES),
    });
    let running = listener::serve(&gateway, listener, Vec::new())?;
    println!("{address}");
    std::io::stdout().flush()?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    runtime.block_on(running.stop());
    Ok(())
}

/// What is published.
fn directory(service: &str, key: &str, public_point: &str) -> Outcome<Directory> {
    let target = format!("http://{service}");
    let operations = serde_json::json!([
        {"name": "list-orders", "method": "GET", "path": "/orders", "permission": "order.read"},
        {"name": "get-order", "method": "GET", "path": "/orders/{order_id}", "permission": "order.read"},
        {"name": "create-order", "method": "POST", "path": "/orders", "permission": "order.write"},
    ]);
    let mut guarded = operations.clone();
    if let Some(get) = guarded.get_mut(1) {
        let id = serde_json::json!({"name": "order_id", "in": "path", "required": true, "schema": {"type": "integer"}});
        get["parameters"] = serde_json::json!([id]);
    }
    let creating = serde_json::json!([{"name": "create-order", "method": "POST", "path": "/orders",
        "body": {"required": true, "content": [{"media_type": "application/json", "schema": {"$ref": "#/schemas/Order"}}]}}]);
    let api = |name: &str| {
        serde_json::json!({"name": name, "base_path": format!("/{name}"), "target": target, "access": "key+token",
            "assertion": false, "validate": name, "operations": creating, "schemas": order_schemas()})
    };
    let declared: Declared = serde_json::from_value(serde_json::json!({
        "apis": [
            {"name": "open", "base_path": "/open", "target": target, "access": "open", "assertion": false},
            {"name": "checked", "base_path": "/checked", "target": target, "access": "key+token", "assertion": false,
             "operations": operations},
            api("syntax"), api("schema"),
            {"name": "policies", "base_path": "/policies", "target": target, "access": "key+token", "assertion": false,
             "operations": guarded, "policies": {"text": POLICIES,
                "attributes": {"hidden_orders": "integers", "region": "string"}}},
        ],
        "products": [{"name": "standard", "apis": ["checked", "syntax", "schema", "policies"], "rate": {"calls": 1_000_000, "window_s": 1},
            "quota": {"calls": 1_000_000_000, "period": {"unit": "day", "time_zone": "UTC"}}}],
        "developers": [{"name": "ada"}],
        "applications": [{"name": "shop", "developer": "ada"}],
        "environments": [{"name": "north"}],
        "roles": [{"name": "reader", "permissions": ["order.read"]}],
        "users": [{"name": "bo", "memberships": [{"environment": "north", "roles": ["reader"]}],
            "attributes": {"hidden_orders": [101, 113, 127, 166, 214, 305], "region": "north"}}],
        "connections": [{"application": "shop", "environment": "north"}],
    }))?;
    let made_at_us = BEGIN_S * 1_000_000;
    Ok(Directory {
        declared,
        subscriptions: vec![Subscription {
            id: "sub_0123456789ab".into(),
            product: "standard".into(),
            developer: "ada".into(),
            state: SubscriptionState::Active,
            created_at_us: made_at_us,
            started_at_us: made_at_us,
            ends_at_us: None,
            keys: vec![StoredKey { which: Which::Primary, hash: key::hash(key), made_at_us, valid_until_us: None }],
        }],
        verifying_keys: vec![VerifyingKey {
            kid: KID.into(),
            public_point: URL_SAFE_NO_PAD.decode(public_point)?,
            created_at_us: made_at_us,
            trusted_until_us: None,
        }],
        ..Directory::default()
    })
}

/// Two policies, both of which are evaluated for an order.
const POLICIES: &str = r#"
    @id("hidden-orders")
    forbid (principal, action, resource)
    when { context has order_id && principal.hidden_orders.contains(context.order_id) };
    @id("far-regions")
    forbid (principal, action in [Action::"get-order", Action::"create-order"], resource)
    unless { principal has region && principal.region == "north" || principal in Role::"manager" };
"#;

/// What an order must be.
fn order_schemas() -> serde_json::Value {
    let text = |length: u64| serde_json::json!({"type": "string", "maxLength": length});
    serde_json::json!({
        "Order": {"type": "object", "required": ["reference", "state", "buyer", "lines"], "additionalProperties": false,
            "properties": {"reference": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]+$"},
                "placed": {"type": "string", "format": "date-time"}, "state": {"enum": ["new", "paid", "sent"]},
                "buyer": {"$ref": "#/schemas/Buyer"}, "address": {"$ref": "#/schemas/Address"},
                "lines": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "#/schemas/Line"}}, "note": text(1_000)}},
        "Buyer": {"type": "object", "required": ["last"], "properties": {"first": text(50), "last": text(50),
            "email": {"type": "string", "format": "email"}, "birthdate": {"$ref": "#/schemas/FuzzyDate"}}},
        "FuzzyDate": {"type": "object", "properties": {"y": {"type": ["integer", "null"], "minimum": 1, "maximum": 9_999},
            "m": {"type": ["integer", "null"], "minimum": 1, "maximum": 12}, "d": {"type": ["integer", "null"], "minimum": 1, "maximum": 31}}},
        "Address": {"type": "object", "required": ["country"], "properties": {"lines": {"type": "array", "items": text(100)},
            "city": text(100), "country": {"type": "string", "pattern": "^[A-Z]{2}$"}, "postal_code": text(12)}},
        "Line": {"type": "object", "required": ["sku", "count"], "properties": {"sku": text(20), "title": text(200),
            "count": {"type": "integer", "minimum": 1}, "price": {"type": "number", "multipleOf": 0.01}, "gift": {"type": "boolean"}}},
    })
}

/// A clock that goes on by as much each time that somebody looks, so that every run sees the same times.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn wall_us(&self) -> i64 {
        BEGIN_S * 1_000_000 + i64::try_from(self.monotonic_us()).unwrap_or(0)
    }

    fn monotonic_us(&self) -> u64 {
        self.0.fetch_add(TICK_US, Ordering::Relaxed)
    }
}

/// A ledger that always gives, and keeps nothing.
struct Generous;

impl QuotaLedger for Generous {
    fn lease(&self, request: LeaseRequest) -> Lease<'_> {
        Box::pin(async move { Ok(debit(QuotaRow::default(), &request).1) })
    }
}

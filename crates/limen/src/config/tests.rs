//! A table of configurations and what is said of them.

use std::time::Duration;

use limen_gateway::access_log::Format;

use super::*;

const FILE: &str = "limen.yaml";

fn sources<'a>() -> Sources<'a> {
    Sources { file: Some(Path::new(FILE)), ..Sources::default() }
}

fn told(text: &str) -> Vec<String> {
    match check(text, &sources(), Some(&Declared::default())) {
        Ok(_) => Vec::new(),
        Err(flaws) => flaws.to_string().lines().map(str::to_owned).collect(),
    }
}

const WHOLE: &str = "\
apis:
  - name: orders
    base_path: /orders/v1
    target: http://127.0.0.1:9000
    access: key+token
    operations:
      - {name: list, method: GET, path: /orders, permission: order.read}
products:
  - name: standard
    apis: [orders]
    rate: {calls: 5, window_s: 1}
    quota: {calls: 25_000, period: day, time_zone: Europe/London}
  - name: trial
    quota: {bytes: 1_000_000, period_s: 3600}
";

#[test]
fn the_example_at_the_root_is_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../limen.example.yaml");
    let sources = Sources { file: Some(&path), ..Sources::default() };
    let config = load(&sources, Some(&Declared::default())).unwrap_or_else(|flaws| panic!("{flaws}"));
    assert!(!config.declared.apis.is_empty() && !config.declared.users.is_empty());
}

#[test]
fn what_is_right_arrives_in_the_model() {
    let config = check(WHOLE, &sources(), Some(&Declared::default())).unwrap_or_else(|flaws| panic!("{flaws}"));
    let quota = config.declared.products[0].quota.clone().expect("a quota");
    assert_eq!(quota.calls, Some(25_000));
    assert_eq!(
        serde_json::to_value(&quota.period).expect("JSON"),
        serde_json::json!({"unit": "day", "time_zone": "Europe/London"})
    );
    let trial = config.declared.products[1].quota.clone().expect("a quota");
    assert_eq!(serde_json::to_value(&trial.period).expect("JSON"), serde_json::json!({"seconds": 3600}));
    assert_eq!(config.declared.apis[0].operations[0].permission.as_deref(), Some("order.read"));
}

#[test]
fn what_sign_in_needs_arrives_and_all_its_flaws_are_told_at_once() {
    let text = "\
developers: [{name: ada}]
applications:
  - {name: till, developer: ada, kind: public, redirect_uris: [\"com.example.till:/cb\"]}
  - {name: t.2, developer: ada, kind: pubic, website: till, redirect_uris: [\"http://till.example.org/cb\"]}
environments: [{name: north, legal_entity_id: 4711}]
roles: [{name: clerk, permissions: [order.read]}]
users: [{name: bo, memberships: [{environment: north, administrator: yes please}]}]
connections:
  - {application: till, environment: south, scopes: [order.raed], own_roles: [clerk]}
";
    assert_eq!(
        told(text),
        [
            "limen.yaml:4:12: applications[1].name: 't.2' has a '.', which the id of an application can't have; mend: use '-' or '_' instead",
            "limen.yaml:4:39: applications[1].kind: 'pubic' is not known here; mend: did you mean 'public'? It is one of confidential, public",
            "limen.yaml:4:55: applications[1].website: 'till' does not begin with https:// or http://; mend: write it like https://www.example.org",
            "limen.yaml:4:77: applications[1].redirect_uris[0]: 'http://till.example.org/cb' sends codes in clear; mend: use https; http is for localhost, 127.0.0.1 and [::1]",
            "limen.yaml:7:70: users[0].memberships[0].administrator: text where true or false is expected; mend: write true or false",
            "limen.yaml:9:38: connections[0].environment: environment 'south' is not known; mend: did you mean 'north'?",
            "limen.yaml:9:54: connections[0].scopes[0]: permission 'order.raed' is not known; mend: did you mean 'order.read'?",
            "limen.yaml:9:78: connections[0].own_roles: 'till' is public and has no secret to act for itself with; mend: remove 'own_roles', or use a confidential application",
        ]
    );
    let right = text
        .replace("  - {name: t.2, developer: ada, kind: pubic, website: till, redirect_uris: [\"http://till.example.org/cb\"]}\n", "")
        .replace("yes please", "true")
        .replace("south", "north")
        .replace("raed", "read")
        .replace(", own_roles: [clerk]", "");
    let config = check(&right, &sources(), Some(&Declared::default())).unwrap_or_else(|flaws| panic!("{flaws}"));
    assert_eq!(config.declared.applications[0].redirect_uris, ["com.example.till:/cb"]);
    assert_eq!(config.declared.environments[0].legal_entity_id.as_deref(), Some("4711"));
    assert!(config.declared.users[0].memberships[0].administrator);
    assert_eq!(config.declared.connections[0].scopes.as_deref(), Some(&["order.read".into()][..]));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn each_flaw_is_told_with_its_place_and_mend() {
    let api = "name: o\n    base_path: /o\n    target: http://o\n";
    let cases: Vec<(String, &str)> = vec![
        (
            "apis: [1, 2".into(),
            "limen.yaml:1:7: unclosed bracket '['; mend: write it as YAML: spaces to indent, 'field: value', quotes around special characters",
        ),
        (
            "- a".into(),
            "limen.yaml:1:1: a list where a mapping is expected; mend: write fields under it, like gateway, web, data_dir, secret_file, log",
        ),
        (
            "product: []".into(),
            "limen.yaml:1:1: product: there is no field 'product' here; mend: did you mean 'products'?",
        ),
        (
            format!("apis:\n  - {api}    basepath: /x\n"),
            "limen.yaml:5:5: apis[0].basepath: there is no field 'basepath' here; mend: did you mean 'base_path'?",
        ),
        (
            format!("apis:\n  - {api}    zzzzz: 1\n    deadlines: {{quux: 1}}\n"),
            "limen.yaml:5:5: apis[0].zzzzz: there is no field 'zzzzz' here; mend: use one of name, title, base_path, target, targets, target_tls, breaker, health, auto_incident, auto_incident_after_s, access, key, visibility, contract, error_body, bind, validate, unknown_parameters, read_only, check_answers, media_types, body_max_bytes, preserve_host, forward_token, cookies, websocket, assertion, pass_401, pass_statuses, cors, deadlines, retry_after_s, record_denied, policies, operations, schemas, document\nlimen.yaml:6:17: apis[0].deadlines.quux: there is no field 'quux' here; mend: use one of connect_timeout_ms, response_timeout_ms, idle_timeout_ms",
        ),
        (
            format!("apis:\n  - {api}    target: http://p\n"),
            "limen.yaml:5:5: apis[0].target: given twice, first in line 4; mend: remove one of them",
        ),
        (
            "apis:\n  - name: o\n".into(),
            "limen.yaml:2:5: apis[0].target: is missing; mend: add 'target: …', or 'targets:' with one address or more\nlimen.yaml:2:5: apis[0].base_path: is missing; mend: add 'base_path: …'",
        ),
        (
            format!("apis:\n  - {api}    access: keys\n"),
            "limen.yaml:5:13: apis[0].access: 'keys' is not known here; mend: did you mean 'key'? It is one of key+token, key, token, open",
        ),
        (
            format!("apis:\n  - {api}    cookies: yes\n"),
            "limen.yaml:5:14: apis[0].cookies: text where true or false is expected; mend: write true or false",
        ),
        (
            format!("apis:\n  - {api}    operations: {{a: 1}}\n"),
            "limen.yaml:5:17: apis[0].operations: a mapping where a list is expected; mend: write each element on a line of its own, after '- '",
        ),
        (
            format!("apis:\n  - {api}    title: 1.10\n"),
            "limen.yaml:5:12: apis[0].title: a number where text is expected; mend: put it in quotes",
        ),
        (
            "products:\n  - name: p\n    rate: {calls: 5, window_s: 900}\n".into(),
            "limen.yaml:3:32: products[0].rate.window_s: 900 is more than 300; mend: use 1 to 300 seconds",
        ),
        (
            "products:\n  - name: p\n    rate: {calls: -5, window_s: 0.5}\n".into(),
            "limen.yaml:3:19: products[0].rate.calls: -5 is less than 0; mend: use 0 or more\nlimen.yaml:3:33: products[0].rate.window_s: not a whole number; mend: write it like 25000 or 25_000",
        ),
        (
            "products:\n  - name: p\n    quota: {calls: 1, period: day, time_zone: Europe/Lodnon}\n".into(),
            "limen.yaml:3:47: products[0].quota.time_zone: 'Europe/Lodnon' is not a time zone; mend: did you mean 'Europe/London'?",
        ),
        (
            "products:\n  - name: p\n    quota: {calls: 1}\n".into(),
            "limen.yaml:3:12: products[0].quota.period: is missing; mend: add 'period: day', 'week' or 'month', or 'period_s: 3600'",
        ),
        (
            "products:\n  - name: p\n    quota: {calls: 1, period: day, period_s: 1}\n".into(),
            "limen.yaml:3:12: products[0].quota: has both 'period' and 'period_s'; mend: keep one: 'period' goes by the calendar, 'period_s' by the subscription's start",
        ),
        (
            "products:\n  - name: p\n    quota: {period_s: 60}\n".into(),
            "limen.yaml:3:12: products[0].quota: limits neither calls nor bytes; mend: give 'calls', 'bytes' or both, or remove the quota",
        ),
        (
            "products:\n  - name: p\n    apis:\n      - lost\n".into(),
            "limen.yaml:4:9: products[0].apis[0]: API 'lost' is not known; mend: declare it under 'apis' or remove the reference",
        ),
        (
            "gateway: {listen: 8080}".into(),
            "limen.yaml:1:19: gateway.listen: '8080' is not an address to listen on; mend: write HOST:PORT, like 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:80; port 0 takes a free one",
        ),
        (
            "web: {public_url: ftp://x}".into(),
            "limen.yaml:1:19: web.public_url: 'ftp://x' is not a public address; mend: write it like https://api.example.org, without a query",
        ),
        (
            "log: {format: jsn}".into(),
            "limen.yaml:1:15: log.format: 'jsn' is not known here; mend: did you mean 'json'? It is one of text, json",
        ),
        (
            "access_log: {keep: many}".into(),
            "limen.yaml:1:20: access_log.keep: 'many' is not a number of files; mend: use 0 to 1000",
        ),
        (
            "gateway: {snapshot_max_age_s: 0}".into(),
            "limen.yaml:1:31: gateway.snapshot_max_age_s: '0' is not a time that a snapshot may serve; mend: use 1 to 86400 seconds",
        ),
        (
            "gateway:\n  trusted_proxies:\n    - 10.0.0.0/8\n    - 10.0.0.1/8\n    - proxy\n".into(),
            "limen.yaml:4:7: gateway.trusted_proxies[1]: '10.0.0.1/8' has bits set behind the first 8; mend: write 10.0.0.0/8, or 10.0.0.1 for that address alone\nlimen.yaml:5:7: gateway.trusted_proxies[2]: 'proxy' is not a network; mend: write an address, or ADDRESS/BITS, like 10.0.0.0/8 or fd00::/8",
        ),
        (
            "gateway: {proxy_protocol: required}".into(),
            "limen.yaml:1:27: gateway.proxy_protocol: is required, and nobody is trusted to say it; mend: name the proxies that connect in 'gateway.trusted_proxies'",
        ),
        (
            "gateway: {connections_max: 0, drain_grace_ms: 60_001, head_timeout_s: 1s}".into(),
            "limen.yaml:1:28: gateway.connections_max: '0' is out of bounds; mend: use 1 to 1000000 connections\nlimen.yaml:1:47: gateway.drain_grace_ms: '60_001' is out of bounds; mend: use 0 to 60000 milliseconds\nlimen.yaml:1:71: gateway.head_timeout_s: '1s' is out of bounds; mend: use 1 to 600 seconds",
        ),
        (
            "gateway: {forwarded_field: x-forwarded, trusted_proxies: 10.0.0.0/8}".into(),
            "limen.yaml:1:28: gateway.forwarded_field: 'x-forwarded' is not known here; mend: did you mean 'forwarded'? It is one of either, x-forwarded-for, forwarded\nlimen.yaml:1:58: gateway.trusted_proxies: text where a list is expected; mend: write each element on a line of its own, after '- '",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(told(&text).join("\n"), expected, "{text}");
    }
}

#[test]
fn everything_is_told_at_once_and_nothing_twice() {
    let text = "\
gateway: {listen: nowhere}
apis:
  - name: [orders]
    base_path: 7.5
    target: ftp://orders
    acess: open
  - name: stock
    base_path: /stock/
    target: http://stock
products:
  - name: Standard
    apis: [stock, ordrs]
";
    assert_eq!(
        told(text),
        [
            "limen.yaml:1:19: gateway.listen: 'nowhere' is not an address to listen on; mend: write HOST:PORT, like 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:80; port 0 takes a free one",
            "limen.yaml:3:11: apis[0].name: a list where text is expected; mend: write one text",
            "limen.yaml:4:16: apis[0].base_path: a number where text is expected; mend: put it in quotes",
            "limen.yaml:5:13: apis[0].target: 'ftp://orders' does not begin with http:// or https://; mend: write it like http://127.0.0.1:9000 or http://orders.internal:8080/api",
            "limen.yaml:6:5: apis[0].acess: there is no field 'acess' here; mend: did you mean 'access'?",
            "limen.yaml:8:16: apis[1].base_path: '/stock/' has an empty segment or a slash at its end; mend: write /stock",
            "limen.yaml:11:11: products[0].name: 'Standard' is not a name; mend: use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit",
            "limen.yaml:12:19: products[0].apis[1]: API 'ordrs' is not known; mend: declare it under 'apis' or remove the reference",
        ]
    );
}

#[test]
fn what_the_store_has_counts_for_references() {
    let products = "products: [{name: trial, apis: [orders]}]";
    let existing = check(WHOLE, &sources(), None).unwrap_or_else(|flaws| panic!("{flaws}")).declared;
    let alone = check(products, &sources(), None).unwrap_or_else(|flaws| panic!("{flaws}"));
    assert_eq!(alone.check_over(&existing), Ok(()));
    let lost = alone.check_over(&Declared::default()).expect_err("a lost reference").to_string();
    assert_eq!(
        lost,
        "limen.yaml:1:33: products[0].apis[0]: API 'orders' is not known; mend: declare it under 'apis' or remove the reference"
    );
    let nested = "apis: [{name: inner, base_path: /orders/v1/x, target: http://x}]";
    let nested = check(nested, &sources(), Some(&existing)).expect_err("nested").to_string();
    assert_eq!(
        nested,
        "limen.yaml:1:33: apis[0].base_path: '/orders/v1/x' and '/orders/v1' of API 'orders' lie one within the other; mend: choose base paths that do not begin with each other"
    );
}

fn variables(list: &[(&str, &str)]) -> Vec<(String, OsString)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect()
}

#[test]
fn flags_go_before_the_environment_before_the_file_before_defaults() {
    let text = "gateway: {listen: 127.0.0.1:1, snapshot_max_age_s: 60}\nweb: {listen: 127.0.0.1:1}\nlog: {format: json, level: warn}\naccess_log: {file: off, format: text, max_mib: 2, keep: 0}\nmetrics: {listen: 127.0.0.1:0}\n";
    let sources = Sources {
        environment: variables(&[
            ("LIMEN__GATEWAY__LISTEN", "127.0.0.1:2"),
            ("LIMEN__WEB__LISTEN", "127.0.0.1:2"),
            ("LIMEN__DATA_DIR", "/tmp/d"),
            ("OTHER", "x"),
        ]),
        flags: vec![(Key::GatewayListen, "--gateway", "127.0.0.1:3".into())],
        ..sources()
    };
    let settings = check(text, &sources, None).unwrap_or_else(|flaws| panic!("{flaws}")).settings;
    assert_eq!(settings.gateway_listen.to_string(), "127.0.0.1:3");
    assert_eq!(settings.web_listen.to_string(), "127.0.0.1:2");
    assert_eq!((settings.snapshot_max_age, settings.log_format), (Duration::from_secs(60), LogFormat::Json));
    assert_eq!(settings.secret_file, PathBuf::from("/tmp/d.secret"));
    assert_eq!((settings.access_log, settings.access_log_format), (AccessLogTo::Off, Format::Text));
    assert_eq!((settings.access_log_max_bytes, settings.access_log_keep), (2 << 20, 0));
    assert_eq!(settings.metrics_listen.map(|place| place.to_string()), Some("127.0.0.1:0".into()));
    let default = check("", &Sources::default(), None).unwrap_or_else(|flaws| panic!("{flaws}")).settings;
    assert_eq!((default.gateway_listen.to_string(), default.web_public_url), ("127.0.0.1:8080".into(), None));
    assert_eq!((default.access_log, default.metrics_listen), (AccessLogTo::DataDir, None));
    assert_eq!((default.access_log_max_bytes, default.access_log_keep), (64 << 20, 4));
    assert_eq!(default.secret_file, PathBuf::from("./limen-data.secret"));
}

#[test]
fn how_connections_are_met_can_be_set_in_each_way() {
    let text = "gateway: {trusted_proxies: [10.0.0.0/8], connections_max: 20_000, stall_timeout_s: 5}\n";
    let with = |list: &[(&str, &str)]| {
        let sources = Sources { environment: variables(list), ..sources() };
        check(text, &sources, None).unwrap_or_else(|flaws| panic!("{flaws}")).settings.edge
    };
    let edge = with(&[]);
    assert!(edge.trusted_proxies.contain("10.1.2.3".parse().unwrap()));
    assert_eq!((edge.connections_max, edge.slowest.timeout), (20_000, Duration::from_secs(5)));
    let variables =
        [("LIMEN__GATEWAY__TRUSTED_PROXIES", "192.0.2.0/24, ::1"), ("LIMEN__GATEWAY__PROXY_PROTOCOL", "required")];
    let edge = with(&variables);
    assert!(edge.proxy_protocol && edge.trusted_proxies.contain("::1".parse().unwrap()));
    assert!(!edge.trusted_proxies.contain("10.1.2.3".parse().unwrap()), "the environment's list stands instead");
}

#[test]
fn the_provider_and_what_may_be_reached() {
    let text = "outbound: {allow: [id.internal, 10.0.0.0/8], ca_file: ca.pem}
sign_in:
  provider: {issuer: http://id.internal/realm, application_id: limen, secret_file: s, scopes: [email, groups], only: true}
";
    let with = |list: &[(&str, &str)]| {
        let sources = Sources { environment: variables(list), ..sources() };
        check(text, &sources, None).unwrap_or_else(|flaws| panic!("{flaws}")).settings
    };
    let settings = with(&[]);
    assert_eq!(settings.outbound.ca_file, Some(PathBuf::from("ca.pem")));
    let provider = settings.provider.expect("a provider");
    assert_eq!(provider.secret_file, Some(PathBuf::from("s")));
    assert_eq!((&*provider.rules.issuer, &*provider.rules.title), ("http://id.internal/realm", "id.internal"));
    assert_eq!(provider.rules.scopes, ["openid", "email", "groups"]);
    assert!(provider.rules.only && !provider.rules.link_by_email);
    let variables = [
        ("LIMEN__SIGN_IN__PROVIDER__ISSUER", "https://id.example.org"),
        ("LIMEN__SIGN_IN__PROVIDER__SECRET_FILE", "/run/secret"),
        ("LIMEN__SIGN_IN__PROVIDER__LINK_BY_EMAIL", "true"),
        ("LIMEN__OUTBOUND__ALLOW", ""),
    ];
    let settings = with(&variables);
    assert_eq!(settings.outbound.allowed, Default::default(), "the environment's list stands instead");
    let provider = settings.provider.expect("a provider");
    assert_eq!((&*provider.rules.title, provider.rules.link_by_email), ("id.example.org", true));
    assert_eq!(provider.secret_file, Some(PathBuf::from("/run/secret")));
    assert_eq!(check("", &sources(), None).unwrap_or_else(|flaws| panic!("{flaws}")).settings.provider, None);
}

#[test]
fn what_is_wrong_with_the_provider() {
    let provider = |fields: &str| format!("sign_in: {{provider: {{{fields}}}}}\n");
    let cases = [
        (
            provider("issuer: https://id.example.org"),
            "limen.yaml: sign_in.provider.application_id: is missing; mend: add the id that Limen was registered with at the provider (its client_id)",
        ),
        (
            provider("issuer: http://id.example.org, application_id: a"),
            "limen.yaml:1:30: sign_in.provider.issuer: can't be asked: http:// is asked only where outbound.allow lists the host; use https://; mend: write https://…, or list the host under 'outbound.allow' if it is one of your own network",
        ),
        (
            provider("issuer: id.example.org, application_id: a"),
            "limen.yaml:1:30: sign_in.provider.issuer: 'id.example.org' is not an issuer; mend: write it as the provider's discovery document does, like https://id.example.org/realm",
        ),
        (
            provider("issuer: https://id.example.org, application_id: a, only: maybe"),
            "limen.yaml:1:79: sign_in.provider.only: text where true or false is expected; mend: write true or false",
        ),
        (
            provider("issuer: https://id.example.org, application_id: a, scopes: [openid, 'a b']"),
            "limen.yaml:1:90: sign_in.provider.scopes[1]: 'a b' is not a scope; mend: write scopes as the provider names them",
        ),
        (
            "outbound: {allow: [10.0.0.0/8, 'https://id.example.org']}\n".into(),
            "limen.yaml:1:32: outbound.allow[1]: 'https://id.example.org' is not a network; mend: write an address, or ADDRESS/BITS, like 10.0.0.0/8 or fd00::/8",
        ),
        (
            "outbound: {allow: ['*.example.org']}\n".into(),
            "limen.yaml:1:20: outbound.allow[0]: '*.example.org' is neither a host nor a network; mend: write a host's name, an address or a network, like id.example.org or 10.0.0.0/8",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(told(&text).first().map(String::as_str), Some(expected), "{text}");
    }
    let sources =
        Sources { environment: variables(&[("LIMEN__SIGN_IN__PROVIDER__ONLY", "true")]), ..Sources::default() };
    let flaws = check("", &sources, None).expect_err("no issuer").to_string();
    assert!(flaws.contains("sign_in.provider.issuer: is missing"), "{flaws}");
}

#[test]
fn values_of_variables_may_lie_in_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("listen");
    std::fs::write(&path, "127.0.0.1:7\n").expect("a file");
    let path = path.to_str().expect("UTF-8");
    let with = |list: &[(&str, &str)]| {
        let sources = Sources { environment: variables(list), ..Sources::default() };
        check("", &sources, None).map(|config| config.settings.gateway_listen.to_string()).map_err(|f| f.to_string())
    };
    assert_eq!(with(&[("LIMEN__GATEWAY__LISTEN_FILE", path)]), Ok("127.0.0.1:7".into()));
    assert_eq!(
        with(&[("LIMEN__GATEWAY__LISTEN_FILE", path), ("LIMEN__GATEWAY__LISTEN", "127.0.0.1:8")]),
        Err("LIMEN__GATEWAY__LISTEN_FILE: is given beside LIMEN__GATEWAY__LISTEN; mend: keep one of the two".into())
    );
    assert_eq!(
        with(&[("LIMEN__GATEWAY__LISTEN_FILE", "/nowhere")]),
        Err("LIMEN__GATEWAY__LISTEN_FILE: '/nowhere' can't be read: No such file or directory (os error 2); mend: name a file that holds the value".into())
    );
    assert_eq!(
        with(&[("LIMEN__GATEWAY__LISTEN", "x"), ("LIMEN__GATEWAY__LISTN", "x")]),
        Err("LIMEN__GATEWAY__LISTEN: 'x' is not an address to listen on; mend: write HOST:PORT, like 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:80; port 0 takes a free one\nLIMEN__GATEWAY__LISTN: sets nothing that is known; mend: did you mean LIMEN__GATEWAY__LISTEN?".into())
    );
    assert_eq!(
        with(&[("LIMEN__DATA_DIR", "/"), ("LIMEN__SECRET_FILE", "")]),
        Err("LIMEN__DATA_DIR: '/' has no name that the secret's file could take; mend: name a folder, or set 'secret_file' too\nLIMEN__SECRET_FILE: names no path; mend: write a path, relative to where Limen is started or absolute".into())
    );
}

#[test]
fn bombs_are_one_clear_flaw() {
    let bomb = format!(
        "a: &a [{0}]\nb: &b [{1}]\nc: &c [{2}]\nd: [{3}]\n",
        "1,".repeat(99),
        "*a,".repeat(99),
        "*b,".repeat(99),
        "*c,".repeat(99)
    );
    assert_eq!(
        told(&bomb).iter().map(|line| line.split(": ").skip(1).collect::<Vec<_>>().join(": ")).collect::<Vec<_>>(),
        [
            "nested too deep, or unfolds to too much; mend: stay within 32 levels, 1000 aliases and 200000 values once unfolded"
        ]
    );
}

#[test]
fn a_file_that_is_not_there() {
    let sources = Sources { file: Some(Path::new("/nowhere/limen.yaml")), ..Sources::default() };
    assert_eq!(
        load(&sources, None).expect_err("no file").to_string(),
        "/nowhere/limen.yaml: can't be read: No such file or directory (os error 2); mend: check the path and who may read the file"
    );
}

/// The inputs of the fuzz target `yaml`, here through the whole reader, which the target can't reach.
#[test]
fn any_text_is_a_configuration_or_has_flaws() {
    limen_fuzz::mutation::replay("yaml", &limen_fuzz::corpus::load("yaml"), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        match check(text, &sources(), Some(&Declared::default())) {
            Ok(config) => {
                let again = check(text, &sources(), Some(&Declared::default())).expect("the same text");
                assert_eq!(format!("{:?}", again.declared), format!("{:?}", config.declared));
            }
            Err(flaws) => {
                let told = flaws.to_string();
                assert!(!told.is_empty() && told.lines().count() < 1_000, "{told}");
            }
        }
    });
}

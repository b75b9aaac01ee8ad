//! A table of declared objects and what is said of them.

use super::*;
use crate::model::{Api, CountedBy, Product};

/// Reads the JSON form, in which tests are short.
fn declared(json: serde_json::Value) -> Declared {
    serde_json::from_value(json).expect("a declared form")
}

fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|one| format!("{}: {}; mend: {}", one.field, one.message, one.mend)).collect()
}

fn api(changes: serde_json::Value) -> Declared {
    let mut api = serde_json::json!({"name": "orders", "base_path": "/orders/v1", "target": "http://127.0.0.1:9000"});
    for (key, value) in changes.as_object().expect("changes") {
        api[key] = value.clone();
    }
    declared(serde_json::json!({"apis": [api]}))
}

#[test]
fn what_is_right_is_left_alone() {
    let whole = declared(serde_json::json!({
        "apis": [{"name": "orders", "base_path": "/orders/v1", "target": "http://[::1]:9000/api/", "access": "key+token",
            "operations": [
                {"name": "list", "method": "GET", "path": "/", "permission": "order.read"},
                {"name": "get", "method": "GET", "path": "/orders/{order_id}"},
                {"name": "batch", "method": "POST", "path": "/orders:batch", "access": "key"}]},
            {"name": "sample", "base_path": "/orders-v1", "target": "limen:sample"},
            {"name": "several", "base_path": "/several", "breaker": {"enabled": false, "failures": 1_000},
                "targets": [{"url": "http://a:9000/api", "weight": 100}, {"url": "http://b:9000/api"}],
                "health": {"path": "/healthz?deep=1", "interval_s": 1, "unhealthy": 1}, "auto_incident_after_s": 1}],
        "products": [{"name": "standard", "apis": ["orders", "sample"], "rate": {"calls": 1_000_000, "window_s": 300},
            "quota": {"calls": 25_000, "period": {"unit": "day", "time_zone": "Europe/London"}}}],
        "developers": [{"name": "ada", "email": "ada@example.org"}],
        "applications": [{"name": "till", "developer": "ada"}],
        "environments": [{"name": "north"}],
        "roles": [{"name": "clerk", "permissions": ["order.read"]}],
        "users": [{"name": "bob", "memberships": [{"environment": "north", "roles": ["clerk"]}]}],
        "connections": [{"application": "till", "environment": "north", "scopes": ["order.read"], "own_roles": ["clerk"]}]
    }));
    assert_eq!(told(&check_values(&whole)), Vec::<String>::new());
    assert_eq!(told(&check_references(&whole)), Vec::<String>::new());
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn each_wrong_value_is_told_with_its_mend() {
    let cases: [(serde_json::Value, &str); 34] = [
        (
            serde_json::json!({"name": "Orders"}),
            "apis[0].name: 'Orders' is not a name; mend: use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit",
        ),
        (serde_json::json!({"title": "a\u{1b}[2J"}), "apis[0].title: contains control characters; mend: remove them"),
        (
            serde_json::json!({"targets": [{"url": "http://a"}]}),
            "apis[0].targets: stands beside 'target'; mend: keep 'target' for one address, or 'targets' for several with weights",
        ),
        (
            serde_json::json!({"target": null}),
            "apis[0].target: is missing; mend: add 'target: …', or 'targets:' with one address or more",
        ),
        (
            serde_json::json!({"target": null, "targets": [{"url": "http://a", "weight": 101}]}),
            "apis[0].targets[0].weight: 101 is more than 100; mend: use 1 to 100 as a weight",
        ),
        (
            serde_json::json!({"target": null, "targets": [{"url": "http://a/b"}, {"url": "http://a/b/"}]}),
            "apis[0].targets[1].url: 'http://a/b/' is listed twice; mend: remove one of them; a weight gives it more calls",
        ),
        (
            serde_json::json!({"target": null, "targets": [{"url": "limen:sample"}]}),
            "apis[0].targets[0].url: 'limen:sample' can't be one of several; mend: give it to 'target' of an API of its own",
        ),
        (
            serde_json::json!({"health": {"path": "healthz"}}),
            "apis[0].health.path: 'healthz' is not a path that can be asked for; mend: write it like /healthz",
        ),
        (
            serde_json::json!({"breaker": {"failures": 0}}),
            "apis[0].breaker.failures: 0 is less than 1; mend: use 1 to 1,000 failures",
        ),
        (
            serde_json::json!({"base_path": "orders"}),
            "apis[0].base_path: 'orders' does not begin with '/'; mend: write it like /orders/v1",
        ),
        (
            serde_json::json!({"base_path": "/"}),
            "apis[0].base_path: '/' is the root and no base path; mend: publish under a path such as /orders/v1",
        ),
        (
            serde_json::json!({"base_path": "//a//b/"}),
            "apis[0].base_path: '//a//b/' has an empty segment or a slash at its end; mend: write /a/b",
        ),
        (
            serde_json::json!({"base_path": "/a/../b"}),
            "apis[0].base_path: '/a/../b' has a dot segment; mend: write the path that it leads to",
        ),
        (
            serde_json::json!({"base_path": "/a%2fb"}),
            "apis[0].base_path: '/a%2fb' holds '%'; mend: use letters, digits and -._~!$&'()*+,;=:@ between the slashes",
        ),
        (
            serde_json::json!({"target": "ftp://orders"}),
            "apis[0].target: 'ftp://orders' does not begin with http:// or https://; mend: write it like http://127.0.0.1:9000 or http://orders.internal:8080/api",
        ),
        (
            serde_json::json!({"target": "http://orders", "target_tls": {"server_name": "orders"}}),
            "apis[0].target_tls: is for targets over TLS, and the API has none; mend: write the target as https://…, or remove target_tls",
        ),
        (
            serde_json::json!({"target": "https://orders", "target_tls": {"certificate_file": "a"}}),
            "apis[0].target_tls.certificate_file: has no key beside it; mend: add 'key_file' with the certificate's private key",
        ),
        (
            serde_json::json!({"target": "https://orders", "target_tls": {"key_file": "a"}}),
            "apis[0].target_tls.key_file: has no certificate beside it; mend: add 'certificate_file', or remove the key",
        ),
        (
            serde_json::json!({"target": "https://orders", "target_tls": {"ca_file": ""}}),
            "apis[0].target_tls.ca_file: is not the path of a file; mend: name a file in PEM, or remove the field",
        ),
        (
            serde_json::json!({"target": "https://orders", "target_tls": {"server_name": "orders:443"}}),
            "apis[0].target_tls.server_name: 'orders:443' is neither a name nor an address; mend: write it like orders.internal, without a port",
        ),
        (
            serde_json::json!({"target": "http://u:p@orders"}),
            "apis[0].target: 'http://u:p@orders' holds a user name or password; mend: write it like http://127.0.0.1:9000 or http://orders.internal:8080/api",
        ),
        (
            serde_json::json!({"target": "http://orders:0"}),
            "apis[0].target: 'http://orders:0' has a port that is not 1 to 65535; mend: write it like http://127.0.0.1:9000 or http://orders.internal:8080/api",
        ),
        (
            serde_json::json!({"target": "http://orders/?a=1"}),
            "apis[0].target: 'http://orders/?a=1' has a query or a fragment; mend: write it like http://127.0.0.1:9000 or http://orders.internal:8080/api",
        ),
        (
            serde_json::json!({"key": {"header": "Authorization"}}),
            "apis[0].key.header: the header 'Authorization' has another meaning; mend: use Limen-Subscription-Key or a name of your own, like X-Api-Key",
        ),
        (
            serde_json::json!({"key": {"aliases": ["limen_user"]}}),
            "apis[0].key.aliases[0]: the header 'limen_user' has another meaning; mend: use Limen-Subscription-Key or a name of your own, like X-Api-Key",
        ),
        (
            serde_json::json!({"key": {"aliases": ["a b"]}}),
            "apis[0].key.aliases[0]: 'a b' is not the name of a header; mend: use letters, digits and '-', like Limen-Subscription-Key",
        ),
        (
            serde_json::json!({"media_types": ["json"]}),
            "apis[0].media_types[0]: 'json' is not a media type; mend: write it like application/json, without parameters",
        ),
        (
            serde_json::json!({"cors": {"allow_credentials": true}}),
            "apis[0].cors.allow_credentials: credentials for the origin '*' would let every page act as its visitor; mend: list the origins under allow_origins, or turn allow_credentials off",
        ),
        (
            serde_json::json!({"cors": {"allow_origins": ["https://a.org/"]}}),
            "apis[0].cors.allow_origins[0]: 'https://a.org/' is not an origin; mend: write '*', or scheme and host like https://app.example.org, without a path",
        ),
        (
            serde_json::json!({"retry_after_s": 0}),
            "apis[0].retry_after_s: 0 is less than 1; mend: use 1 to 86,400 seconds",
        ),
        (
            serde_json::json!({"operations": [{"name": "a", "method": "get", "path": "/"}]}),
            "apis[0].operations[0].method: 'get' is not a method; mend: write it in capitals, like GET",
        ),
        (
            serde_json::json!({"operations": [{"name": "a", "method": "GET", "path": "/a{b}"}]}),
            "apis[0].operations[0].path: 'a{b}' mixes a parameter with other text; mend: let a parameter fill its segment: /orders/{order_id}",
        ),
        (
            serde_json::json!({"operations": [{"name": "a", "method": "GET", "path": "/{b}/{b}"}]}),
            "apis[0].operations[0].path: the parameter 'b' stands twice in '/{b}/{b}'; mend: give each parameter a name of its own",
        ),
        (
            serde_json::json!({"operations": [{"name": "a", "method": "GET", "path": "/", "permission": "x"}]}),
            "apis[0].operations[0].permission: a permission is a user's, and without a token there is no user; mend: set 'access' of the operation or the API to key+token or token",
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(told(&check_values(&api(changes.clone()))), [expected], "{changes}");
    }
}

#[test]
fn operations_that_no_request_tells_apart() {
    let twins = api(serde_json::json!({"operations": [
        {"name": "a", "method": "GET", "path": "/x/{one}"}, {"name": "b", "method": "GET", "path": "/x/{other}"},
        {"name": "b", "method": "PUT", "path": "/x/{other}"}]}));
    assert_eq!(
        told(&check_values(&twins)),
        [
            "apis[0].operations[2].name: operation 'b' is declared twice; mend: rename or remove one of them",
            "apis[0].operations[1].path: GET /x/{other} is operation 'a' already; mend: remove one of the two operations",
        ]
    );
}

#[test]
fn a_body_that_nobody_looks_at_may_be_large() {
    let bounds = |validate: &str, bytes: u64| {
        let operation = serde_json::json!({"name": "a", "method": "PUT", "path": "/a", "body_max_bytes": bytes});
        let fields = serde_json::json!({"validate": validate, "body_max_bytes": bytes, "operations": [operation]});
        told(&check_values(&api(fields))).len()
    };
    assert_eq!((bounds("syntax", 268_435_456), bounds("syntax", 268_435_457)), (0, 2));
    assert_eq!((bounds("off", 1_099_511_627_776), bounds("off", 1_099_511_627_777)), (0, 2));
}

#[test]
fn products_and_people() {
    let wrong = declared(serde_json::json!({
        "products": [
            {"name": "a", "apis": ["x", "x"], "rate": {"calls": 0, "window_s": 900}, "quota": {"period": {"seconds": 0}}},
            {"name": "a", "quota": {"calls": 0, "period": {"seconds": 1}}}],
        "developers": [{"name": "ada", "email": "ada"}],
        "roles": [{"name": "r", "permissions": ["p q", "p", "p"]}],
        "users": [{"name": "u", "external_subject": "", "memberships": [{"environment": "e"}, {"environment": "e"}]}]
    }));
    assert_eq!(
        told(&check_values(&wrong)),
        [
            "products[0].apis[1]: 'x' is listed twice; mend: remove one of them",
            "products[0].rate.calls: 0 is less than 1; mend: use 1 to 1,000,000 calls",
            "products[0].rate.window_s: 900 is more than 300; mend: use 1 to 300 seconds",
            "products[0].quota: limits neither calls nor bytes; mend: give 'calls', 'bytes' or both, or remove the quota",
            "products[0].quota.period_s: 0 is less than 1; mend: use 1 to 315,360,000 seconds",
            "products[1].quota.calls: 0 is less than 1; mend: use 1 to 9,223,372,036,854,775,807 calls",
            "developers[0].email: 'ada' is not a mail address; mend: write it like name@example.org",
            "roles[0].permissions[0]: 'p q' is not a name; mend: use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit",
            "roles[0].permissions[2]: 'p' is listed twice; mend: remove one of them",
            "users[0].external_subject: '' can't be a subject; mend: copy 'sub' as the provider tells it, 1 to 255 bytes long",
            "users[0].memberships[1].environment: a second membership in 'e'; mend: join the roles of both into one membership",
            "products[1].name: product 'a' is declared twice; mend: rename or remove one of them",
        ]
    );
}

#[test]
fn what_sign_in_needs() {
    let wrong = declared(serde_json::json!({
        "applications": [
            {"name": "a.b", "developer": "d", "website": "example.org", "redirect_uris": ["http://e.org/", "https://e", "https://e"]},
            {"name": "many", "developer": "d", "organisation": "\u{7}",
             "redirect_uris": (0..21).map(|port| format!("http://localhost/{port}")).collect::<Vec<_>>()}],
        "environments": [{"name": "e", "legal_entity_id": " "}],
        "users": [{"name": "u", "given_name": "x".repeat(101), "family_name": "\u{7}"}],
        "connections": [{"application": "a", "environment": "e", "scopes": [], "own_roles": ["r", "r"]},
            {"application": "a", "environment": "e", "scopes": ["s", "s"]}]
    }));
    assert_eq!(
        told(&check_values(&wrong)),
        [
            "applications[0].name: 'a.b' has a '.', which the id of an application can't have; mend: use '-' or '_' instead",
            "applications[0].website: 'example.org' does not begin with https:// or http://; mend: write it like https://www.example.org",
            "applications[0].redirect_uris[0]: 'http://e.org/' sends codes in clear; mend: use https; http is for localhost, 127.0.0.1 and [::1]",
            "applications[0].redirect_uris[2]: 'https://e' is listed twice; mend: remove one of them",
            "applications[1].organisation: contains control characters; mend: remove them",
            "applications[1].redirect_uris: 21 redirect URIs are more than 20; mend: make an application for each program",
            "environments[0].legal_entity_id: is empty; mend: tell the id, or remove the field: then the environment's name stands for it",
            "users[0].given_name: longer than 100 characters; mend: shorten it",
            "users[0].family_name: contains control characters; mend: remove them",
            "connections[0].scopes: is empty, so nothing would be allowed; mend: name permissions, or remove 'scopes' to allow all that the users may do",
            "connections[0].own_roles[1]: 'r' is listed twice; mend: remove one of them",
            "connections[1]: a second connection of 'a' with 'e'; mend: join both into one",
            "connections[1].scopes[1]: 's' is listed twice; mend: remove one of them",
        ]
    );
}

#[test]
fn connections_lead_somewhere() {
    let lost = declared(serde_json::json!({
        "developers": [{"name": "ada"}],
        "applications": [{"name": "till", "developer": "ada"}, {"name": "cli", "developer": "ada", "kind": "public"}],
        "environments": [{"name": "north"}],
        "roles": [{"name": "clerk", "permissions": ["order.read"]}],
        "users": [{"name": "u", "email": "U@example.org"}, {"name": "v", "email": "u@example.org"}],
        "connections": [
            {"application": "tull", "environment": "south", "scopes": ["order.red", "zzzzzzzz"], "own_roles": ["clerc"]},
            {"application": "cli", "environment": "north", "own_roles": ["clerk"]}]
    }));
    assert_eq!(
        told(&check_references(&lost)),
        [
            "connections[0].application: application 'tull' is not known; mend: did you mean 'till'?",
            "connections[0].environment: environment 'south' is not known; mend: did you mean 'north'?",
            "connections[0].scopes[0]: permission 'order.red' is not known; mend: did you mean 'order.read'?",
            "connections[0].scopes[1]: permission 'zzzzzzzz' is not known; mend: declare it under 'permissions' of a role in 'roles' or remove the reference",
            "connections[0].own_roles[0]: role 'clerc' is not known; mend: did you mean 'clerk'?",
            "connections[1].own_roles: 'cli' is public and has no secret to act for itself with; mend: remove 'own_roles', or use a confidential application",
            "users[0].email: 'U@example.org' is another user's too, and users may sign in with it; mend: give each user an address of their own, or none",
        ]
    );
}

#[test]
fn references_that_lead_nowhere() {
    let lost = declared(serde_json::json!({
        "products": [{"name": "a", "apis": ["ordrs"]}],
        "apis": [{"name": "orders", "base_path": "/o", "target": "http://o"}],
        "applications": [{"name": "till", "developer": "ada"}],
        "users": [{"name": "u", "memberships": [{"environment": "e", "roles": ["r"]}]}]
    }));
    assert_eq!(
        told(&check_references(&lost)),
        [
            "products[0].apis[0]: API 'ordrs' is not known; mend: did you mean 'orders'?",
            "applications[0].developer: developer 'ada' is not known; mend: declare it under 'developers' or remove the reference",
            "users[0].memberships[0].environment: environment 'e' is not known; mend: declare it under 'environments' or remove the reference",
            "users[0].memberships[0].roles[0]: role 'r' is not known; mend: declare it under 'roles' or remove the reference",
        ]
    );
}

#[test]
fn an_account_at_the_provider_is_one_users() {
    let user = |name: &str, subject: &str| serde_json::json!({"name": name, "external_subject": subject});
    let existing = declared(serde_json::json!({"users": [user("ada", "s-1"), user("bob", "s-2")]}));
    let newer = declared(serde_json::json!({"users": [user("ada", "s-1"), user("eve", "s-2")]}));
    assert_eq!(
        told(&check_references(&merge(&newer, &existing))),
        [
            "users[1].external_subject: 's-2' is another user's too; mend: an account at the provider belongs to one user; remove it from the other"
        ]
    );
}

#[test]
fn a_product_counts_connections_only_where_calls_bring_tokens() {
    let counted = |api: serde_json::Value, apis: &[&str]| {
        let mut api = api;
        (api["name"], api["base_path"], api["target"]) = ("a".into(), "/a".into(), "http://a".into());
        let products = serde_json::json!([{"name": "p", "apis": apis, "counted_by": "connection"}]);
        let all = told(&check_references(&declared(serde_json::json!({"apis": [api], "products": products}))));
        all.iter().filter(|one| one.starts_with("products[0].counted_by: none of its APIs asks")).count()
    };
    let operation = |access: &str| serde_json::json!({"name": "o", "method": "GET", "path": "/", "access": access});
    assert_eq!(counted(serde_json::json!({"access": "key"}), &["a"]), 1);
    assert_eq!(counted(serde_json::json!({"access": "token"}), &["a"]), 1, "nobody's product is charged");
    assert_eq!(counted(serde_json::json!({"access": "key+token"}), &["a"]), 0);
    assert_eq!(counted(serde_json::json!({"access": "key", "operations": [operation("key+token")]}), &["a"]), 0);
    assert_eq!(counted(serde_json::json!({"access": "key+token", "operations": [operation("key")]}), &["a"]), 1);
    assert_eq!(counted(serde_json::json!({"access": "key"}), &[]), 0);
    assert_eq!(counted(serde_json::json!({"access": "key"}), &["a", "lost"]), 0, "the lost API is told of");
}

#[test]
fn the_operator_s_own_name_is_no_application_s() {
    let taken = declared(serde_json::json!({"applications": [{"name": "limen.operator", "developer": "ada"}]}));
    assert!(told(&check_values(&taken))[0].starts_with("applications[0].name: 'limen.operator' has a '.'"));
}

#[test]
fn base_paths_stay_out_of_each_others_way() {
    let paths = |paths: &[&str]| {
        let apis: Vec<_> = paths
            .iter()
            .enumerate()
            .map(|(at, path)| serde_json::json!({"name": format!("a{at}"), "base_path": path, "target": "http://o"}))
            .collect();
        told(&check_references(&declared(serde_json::json!({"apis": apis}))))
    };
    assert_eq!(paths(&["/a/v1", "/a/v2", "/a-b", "/ab", "/b/a"]), Vec::<String>::new());
    assert_eq!(
        paths(&["/a", "/b", "/a"]),
        ["apis[0].base_path: '/a' is the base path of API 'a2' too; mend: give each API a base path of its own"]
    );
    // `/a!` sorts between `/a` and `/a/b` by bytes, and must not hide that one lies within the other.
    assert_eq!(
        paths(&["/a/b", "/a!", "/a"]),
        [
            "apis[0].base_path: '/a/b' and '/a' of API 'a2' lie one within the other; mend: choose base paths that do not begin with each other"
        ]
    );
    assert_eq!(paths(&["/a", "/a/b/c", "/a/d"]).len(), 2);
}

#[test]
fn what_is_applied_stands_before_what_was_there() {
    let api = |name: &str, path: &str| {
        Api { base_path: path.into(), ..api(serde_json::json!({})).apis[0].clone() }.named(name)
    };
    let newer = Declared { apis: vec![api("b", "/new")], ..Declared::default() };
    let existing = Declared { apis: vec![api("a", "/a"), api("b", "/old")], ..Declared::default() };
    let merged = merge(&newer, &existing);
    let names: Vec<(&str, &str)> = merged.apis.iter().map(|one| (&*one.name, &*one.base_path)).collect();
    assert_eq!(names, [("b", "/new"), ("a", "/a")]);
    let product = Product {
        name: "p".into(),
        title: String::new(),
        apis: vec!["a".into()],
        rate: None,
        quota: None,
        counted_by: CountedBy::default(),
        approval_needed: false,
        terms: None,
    };
    let newer = Declared { products: vec![product], ..Declared::default() };
    assert_eq!(check_references(&newer).len(), 1);
    assert_eq!(check_references(&merge(&newer, &existing)), []);
}

trait Named {
    fn named(self, name: &str) -> Self;
}

impl Named for Api {
    fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }
}

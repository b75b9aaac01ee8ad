//! What is told of issuers that are declared.

use serde_json::{Value, json};

use crate::declared::{Problem, check_references, check_values};
use crate::model::Declared;

fn usual() -> Value {
    json!({"name": "i", "issuer": "https://id.example.org", "audiences": ["api"], "environments": ["demo"]})
}

fn problems(issuers: Value) -> Vec<Problem> {
    let declared: Declared = serde_json::from_value(json!({"issuers": issuers, "environments": [{"name": "demo"},
        {"name": "spare"}], "roles": [{"name": "r"}], "apis": [{"name": "a", "base_path": "/a", "target": "http://x"},
        {"name": "b", "base_path": "/b", "target": "http://x"}]}))
    .unwrap();
    [check_values(&declared), check_references(&declared)].concat()
}

fn changed(changes: &Value) -> Value {
    let mut issuer = usual();
    issuer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    issuer
}

#[test]
fn each_wrong_value_is_told_where_it_stands() {
    let asked = json!({"url": "https://id.example.org/i", "application_id": "limen", "secret_file": "s"});
    for good in [
        json!({}),
        json!({"jwks_url": "https://elsewhere.example/keys", "token_types": ["at+jwt", "JWT", "none"]}),
        json!({"environments": ["demo", "spare"], "claims": {"environment": "https://x.example/org"}}),
        json!({"claims": {"roles": "realm_access.roles"}, "roles": {"Staff/All": ["r"]}, "user_prefix": "kc:"}),
        json!({"form": "opaque", "introspection": asked, "audiences": []}),
        json!({"issuer": "http://127.0.0.1:9", "jwks_url": "http://127.0.0.1:9/keys"}),
    ] {
        assert_eq!(problems(json!([changed(&good)])), [], "{good}");
    }
    let with = |more: Value| {
        let mut asked = asked.clone();
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"form": "opaque", "introspection": asked})
    };
    for (wrong, field) in [
        (json!({"name": "I"}), "name"),
        (json!({"issuer": "id.example.org"}), "issuer"),
        (json!({"issuer": "https://id.example.org?x"}), "issuer"),
        (json!({"audiences": []}), "audiences"),
        (json!({"audiences": ["a", "a"]}), "audiences[1]"),
        (json!({"audiences": [""]}), "audiences[0]"),
        (json!({"token_types": []}), "token_types"),
        (json!({"lifetime_max_s": 59}), "lifetime_max_s"),
        (json!({"jwks_pause_s": 0}), "jwks_pause_s"),
        (json!({"environments": []}), "environments"),
        (json!({"environments": ["gone"]}), "environments[0]"),
        (json!({"environments": ["demo", "spare"]}), "claims.environment"),
        (json!({"apis": ["gone"]}), "apis[0]"),
        (json!({"jwks_url": "http://id.example.org/keys"}), "jwks_url"),
        (json!({"jwks_url": "https://id.example.org/#keys"}), "jwks_url"),
        (json!({"introspection": asked}), "introspection"),
        (json!({"form": "opaque"}), "introspection"),
        (with(json!({"url": "http://id.example.org/i"})), "introspection.url"),
        (with(json!({"secret_file": ""})), "introspection.secret_file"),
        (with(json!({"application_id": "a\nb"})), "introspection.application_id"),
        (with(json!({"remember_s": 301})), "introspection.remember_s"),
        (json!({"roles": {"x": ["r"]}}), "claims.roles"),
        (json!({"claims": {"roles": "x"}, "roles": {"x": ["gone"]}}), "roles.x[0]"),
        (json!({"claims": {"user": ""}}), "claims.user"),
        (json!({"user_prefix": "kc"}), "user_prefix"),
        (json!({"user_prefix": "application:", "claims": {"roles": "x"}}), "user_prefix"),
        (json!({"user_prefix": "kc:"}), "user_prefix"),
    ] {
        let told = problems(json!([changed(&wrong)]));
        let fields: Vec<&str> = told.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, [format!("issuers[0].{field}")], "{wrong}: {told:?}");
        assert!(told.iter().all(|one| !one.mend.is_empty()));
    }
}

#[test]
fn for_each_api_a_token_has_one_issuer_at_most() {
    let asked = json!({"url": "https://o.example/i", "application_id": "limen", "secret_file": "s"});
    let one = |name: &str, issuer: &str, form: &str, apis: Value| {
        let asked = if form == "opaque" { asked.clone() } else { Value::Null };
        let mut one = changed(&json!({"name": name, "issuer": issuer, "form": form, "apis": apis}));
        if !asked.is_null() {
            one["introspection"] = asked;
        }
        one
    };
    let fields = |issuers: Value| problems(issuers).into_iter().map(|one| one.field).collect::<Vec<_>>();
    let (s, o) = ("signed", "opaque");
    let same = json!([one("i", "https://x", s, json!(["a"])), one("j", "https://x", s, json!([]))]);
    assert_eq!(fields(same), ["issuers[0].issuer"]);
    let apart = json!([one("i", "https://x", s, json!(["a"])), one("j", "https://x", s, json!(["b"]))]);
    assert_eq!(fields(apart), [""; 0]);
    let opaque = json!([one("i", "https://x", o, json!([])), one("j", "https://y", o, json!(["b"]))]);
    assert_eq!(fields(opaque), ["issuers[0].form"]);
    let mixed = json!([one("i", "https://x", o, json!([])), one("j", "https://y", s, json!(["b"]))]);
    assert_eq!(fields(mixed), [""; 0]);
}

//! `access` and permissions by what documents say of signing in.

use super::*;
use crate::model::Access;

fn schemes() -> Value {
    json!({"components": {"securitySchemes": {
        "oauth": {"type": "oauth2", "flows": {}},
        "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example.org"},
        "bearer": {"type": "http", "scheme": "Bearer"},
        "basic": {"type": "http", "scheme": "basic"},
        "key": {"type": "apiKey", "in": "header", "name": "Limen-Subscription-Key"},
    }}})
}

/// Access and permission of the one operation, and the losses that security brought.
fn door(operation: Value, around: Value) -> (Access, Option<String>, Vec<String>) {
    let mut document = one_operation(operation, schemes());
    merge(&mut document, around);
    let imported = imported(document);
    let operation = &imported.api.operations[0];
    let losses: Vec<String> = told(&imported).into_iter().filter(|loss| !loss.contains("http basic")).collect();
    let permission = operation.permission.as_ref().map(ToString::to_string);
    (operation.access.unwrap_or(imported.api.access), permission, losses)
}

#[test]
fn the_key_stays_and_a_token_comes_where_oauth_is_told() {
    let permission = |name: &str| Some(name.to_owned());
    let cases = [
        (json!({}), json!({}), Access::Key, None),
        (json!({"security": [{"key": []}]}), json!({}), Access::Key, None),
        (json!({"security": [{"basic": []}]}), json!({}), Access::Key, None),
        (json!({"security": [{"oauth": ["things.read"]}]}), json!({}), Access::KeyAndToken, permission("things.read")),
        (json!({"security": [{"oidc": ["write:Things"]}]}), json!({}), Access::KeyAndToken, permission("write.things")),
        (json!({"security": [{"bearer": []}]}), json!({}), Access::KeyAndToken, None),
        (json!({}), json!({"security": [{"oauth": ["a"]}]}), Access::KeyAndToken, permission("a")),
        (json!({"security": [{"key": []}]}), json!({"security": [{"oauth": ["a"]}]}), Access::Key, None),
        (json!({"security": [{"key": [], "oauth": ["a"]}]}), json!({}), Access::KeyAndToken, permission("a")),
        (json!({"security": [{"oauth": ["a"]}, {"oidc": ["a"]}]}), json!({}), Access::KeyAndToken, permission("a")),
        (json!({"x-limen-access": "open"}), json!({"security": [{"oauth": ["a"]}]}), Access::Open, None),
        (json!({"x-limen-access": "token"}), json!({}), Access::Token, None),
        (json!({"x-limen-permission": "p"}), json!({}), Access::KeyAndToken, permission("p")),
        (
            json!({"x-limen-permission": "p", "security": [{"oauth": ["a"]}]}),
            json!({"x-limen-permission": "q"}),
            Access::KeyAndToken,
            permission("p"),
        ),
        (json!({"x-limen-permission": null, "security": [{"oauth": ["a"]}]}), json!({}), Access::KeyAndToken, None),
        (json!({}), json!({"x-limen-access": "key+token"}), Access::KeyAndToken, None),
    ];
    for (operation, around, access, permission) in cases {
        let found = door(operation.clone(), around.clone());
        assert_eq!(found, (access, permission, Vec::new()), "{operation} {around}");
    }
}

#[test]
fn what_is_not_enforced_of_security_is_told_and_opens_nothing() {
    let cases = [
        (json!({"security": []}), "only described: security that nobody needs", Access::Key),
        (json!({"security": [{}]}), "", Access::Key),
        (json!({"security": [{"oauth": ["a"]}, {}]}), "not enforced: ways in without a token", Access::KeyAndToken),
        (json!({"security": [{"oauth": ["a"]}, {"key": []}]}), "not enforced: ways in without", Access::KeyAndToken),
        (json!({"security": [{"oauth": ["a", "b"]}]}), "not enforced: several scopes", Access::KeyAndToken),
        (
            json!({"security": [{"oauth": ["a"]}, {"oauth": ["b"]}]}),
            "not enforced: several scopes",
            Access::KeyAndToken,
        ),
        (json!({"security": [{"oauth": ["a"]}, {"bearer": []}]}), "not enforced: a scope of some", Access::KeyAndToken),
        (json!({"security": [{"oauth": ["é"]}]}), "not enforced: a scope @", Access::KeyAndToken),
        (json!({"security": [{"gone": []}]}), "not enforced: security scheme gone", Access::Key),
    ];
    for (operation, loss, access) in cases {
        let found = door(operation.clone(), json!({}));
        assert_eq!(found.0, access, "{operation}");
        match loss {
            "" => assert_eq!(found.2, Vec::<String>::new(), "{operation}"),
            loss => assert!(found.2.len() == 1 && found.2[0].starts_with(loss), "{operation} {:?}", found.2),
        }
    }
    let nobody = door(json!({}), json!({"security": []}));
    assert_eq!((nobody.0, nobody.2.len()), (Access::Key, 1));
}

#[test]
fn two_scopes_never_become_one_permission() {
    let operation = |scope: &str| json!({"security": [{"oauth": [scope]}], "responses": {}});
    let mut document = one_operation(json!({"security": [{"oauth": ["a:b"]}]}), schemes());
    document["paths"]["/other"] = json!({"get": operation("a.b"), "put": operation("a:b")});
    let imported = imported(document);
    let permissions: Vec<_> = imported.api.operations.iter().map(|one| one.permission.as_deref()).collect();
    assert_eq!(permissions, [Some("a.b"), None, Some("a.b")]);
    assert!(told(&imported).iter().any(|loss| loss.starts_with("not enforced: a scope @ /paths/~1other/get/security")));
}

#[test]
fn other_schemes_are_told_where_they_stand() {
    let document = one_operation(
        json!({"security": [{"cookie": []}]}),
        json!({"components": {"securitySchemes": {
            "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
            "query": {"type": "apiKey", "in": "query", "name": "key"},
            "tls": {"type": "mutualTLS"},
            "digest": {"type": "http", "scheme": "digest"},
            "odd": {"type": "magic"},
            "far": {"$ref": "https://example.org/schemes.yaml#/x"},
        }}}),
    );
    let mut found = told(&imported(document));
    found.sort();
    assert_eq!(
        found,
        [
            "not enforced: a security scheme by reference to https://example.org/schemes.yaml#/x @ /components/securitySchemes/far",
            "not enforced: a security scheme of type magic @ /components/securitySchemes/odd",
            "not enforced: apiKey key in query @ /components/securitySchemes/query",
            "not enforced: apiKey sid in cookie @ /components/securitySchemes/cookie",
            "not enforced: http digest @ /components/securitySchemes/digest",
            "not enforced: mutualTLS @ /components/securitySchemes/tls",
        ]
    );
}

#[test]
fn our_own_words_are_right_or_refused() {
    for (operation, at) in [
        (json!({"x-limen-access": "nobody"}), "/x-limen-access"),
        (json!({"x-limen-permission": "Not A Name"}), "/x-limen-permission"),
        (json!({"x-limen-permission": 7}), "/x-limen-permission"),
        (json!({"x-limen-permission": "p", "x-limen-access": "key"}), ""),
        (json!({"x-limen-validate": "maybe"}), "/x-limen-validate"),
    ] {
        let document = Document::of(one_operation(operation.clone(), json!({}))).expect("a version");
        let refused = import(&document, &wanted()).expect_err("refused");
        let pointer = refused.pointer.clone().unwrap_or_default();
        assert_eq!(pointer, format!("/paths/~1things~1{{id}}/get{at}"), "{operation} {refused}");
    }
}

#[test]
fn what_a_person_set_stays_where_the_document_is_silent() {
    let silent = one_operation(json!({}), json!({}));
    let mut before = imported(silent.clone()).api;
    before.access = Access::KeyAndToken;
    before.key.header = "X-Key".to_owned();
    before.retry_after_s = 77;
    before.operations[0].permission = Some("thing.read".into());
    before.operations[0].access = Some(Access::Token);
    before.operations[0].body_max_bytes = Some(7);
    let again = |document: Value| {
        let wanted = Wanted { existing: Some(before.clone()), name: "pets".into(), ..Wanted::default() };
        import(&Document::of(document).expect("a version"), &wanted).expect("imported").api
    };
    assert_eq!(again(silent), before);
    let other = again(one_operation(json!({"operationId": "two", "security": []}), json!({})));
    assert_eq!(
        (&*other.operations[0].name, other.operations[0].access, other.access),
        ("two", None, Access::KeyAndToken)
    );
    assert_eq!(other.operations[0].body_max_bytes, Some(7));
    let key = again(one_operation(json!({"security": [{"key": []}]}), schemes()));
    assert_eq!((key.operations[0].access, key.access), (None, Access::KeyAndToken));
    let told = again(one_operation(json!({}), json!({"x-limen-access": "key"})));
    assert_eq!((told.access, told.key.header.as_str(), told.retry_after_s), (Access::Key, "X-Key", 77));
}

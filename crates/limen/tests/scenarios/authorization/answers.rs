//! What goes back to the application: a code or an error, with `state` and `iss`, and errors only once somebody signed in.

use limen_testbed::browser::parameter;

use super::door::{CALLBACK, CHALLENGE, Door, asked, good, native};

#[test]
fn errors_go_to_the_application_only_once_its_user_signed_in() {
    let door = Door::for_users(&["rea"]);
    let code = "&response_type=code";
    let pkce = format!("{code}&code_challenge={CHALLENGE}");
    let server = |more: &str| asked("server", CALLBACK, &format!("{more}&state=s%2F1"));
    let public = |more: &str| asked("native", "http://127.0.0.1:9/callback", &format!("{more}&state=s%2F1"));
    let cases = [
        (server(""), "invalid_request", "The required response_type parameter was not provided."),
        (server("&response_type=token"), "unsupported_response_type", "The response_type 'token' is not supported."),
        (
            server("&response_type=code+token"),
            "unsupported_response_type",
            "The response_type 'code token' is not supported.",
        ),
        (
            server(&format!("{code}{code}")),
            "invalid_request",
            "The parameter 'response_type' was provided more than once.",
        ),
        (
            server(&format!("{code}&scope=a&scope=b")),
            "invalid_request",
            "The parameter 'scope' was provided more than once.",
        ),
        (server(&format!("{code}&scope=no.such")), "invalid_scope", "The scope 'no.such' is not known"),
        (server(&format!("{code}&code_challenge_method=S256")), "invalid_request", "The code_challenge is not"),
        (public(code), "invalid_request", "a public application must use PKCE"),
        (public(&pkce), "invalid_request", "The code_challenge_method 'plain' is not supported; use S256."),
        (
            public(&format!("{pkce}&code_challenge_method=plain")),
            "invalid_request",
            "The code_challenge_method 'plain'",
        ),
        (
            public(&format!("{code}&code_challenge=short&code_challenge_method=S256")),
            "invalid_request",
            "The code_challenge is not",
        ),
    ];
    let mut signed_in = door.signed_in("rea");
    for (target, error, words) in &cases {
        let before = door.browser().open(target);
        assert_eq!((before.answer.status, before.leads_to()), (200, None), "{target}");
        assert!(before.find_form("sign-in").is_some(), "{target}");
        let after = signed_in.open(target);
        assert_eq!(after.answer.status, 303, "{target}");
        let address = after.leads_to().unwrap();
        let given = |name: &str| parameter(address, name).unwrap_or_default();
        assert!(
            address.starts_with("https://server.example/callback?keep=1&")
                || address.starts_with("http://127.0.0.1:9/callback?")
        );
        assert_eq!(
            (given("error"), given("state"), given("iss")),
            ((*error).into(), "s/1".into(), door.url()),
            "{address}"
        );
        assert!(given("error_description").contains(words), "{address}");
        assert!(given("error_uri").starts_with(&format!("{}/authentication-issues#", door.url())), "{address}");
        assert_eq!((parameter(address, "code"), parameter(address, "error_message")), (None, None));
    }
    let repeated = signed_in.open(&good("&state=a&state=b"));
    assert_eq!(parameter(repeated.leads_to().unwrap(), "state"), None);
    let long = signed_in.open(&good(&format!("&state={}", "s".repeat(4_097))));
    assert_eq!(parameter(long.leads_to().unwrap(), "error").as_deref(), Some("invalid_request"));
}

#[test]
fn who_allows_it_sends_a_code_and_who_refuses_says_so() {
    let door = Door::for_users(&["rea"]);
    let mut browser = door.browser();
    let state = "%00%FF%C3%A9+%2B%26%3D%23%22";
    let page = browser.open(&good(&format!("&state={state}")));
    let page = door.sign_in(&mut browser, &page, "rea");
    let refused = browser.send(&page.form("consent"), &[("decision", "deny")]);
    let address = refused.header("location").unwrap();
    assert_eq!(refused.status, 303);
    let words = "The user did not allow the application to act for them.";
    for (name, value) in
        [("error", "access_denied"), ("error_description", words), ("error_message", words), ("iss", &door.url())]
    {
        assert_eq!(parameter(address, name).as_deref(), Some(value), "{address}");
    }
    let back = "&state=%00%FF%C3%A9%20%2B%26%3D%23%22&";
    assert!(address.contains(back), "{address}");
    let allowed = browser.send(&page.form("consent"), &[("decision", "allow")]);
    let address = allowed.header("location").unwrap();
    assert!(allowed.status == 303 && address.starts_with(CALLBACK) && address.contains(back), "{address}");
    assert_eq!(parameter(address, "code").map(|code| code.len()), Some(43));
    assert_eq!(parameter(address, "iss"), Some(door.url()));
    for leaving in [&refused, &allowed] {
        assert_eq!(leaving.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(leaving.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_code_is_exchanged_by_whoever_asked_for_it() {
    let door = Door::for_users(&["rea"]);
    let address = door.authorize(&mut door.browser(), &native(""), "rea");
    let code = parameter(&address, "code").expect("a code");
    assert!(address.starts_with("http://127.0.0.1:49152/callback?code="), "{address}");
    let body = format!(
        "grant_type=authorization_code&client_id=native&code={code}&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A49152%2Fcallback"
    );
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = door.limen.pages().call("POST", "/token", &form, Some(body.as_bytes()));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&answer.json()["mode"], &answer.json()["environment_id"]), (&"Full".into(), &"museum".into()));
}

#[test]
fn a_request_may_come_as_a_form_and_a_look_gives_no_code() {
    let door = Door::for_users(&["rea"]);
    let mut browser = door.browser();
    door.authorize(&mut browser, &good(""), "rea");
    let (path, query) =
        good("&state=s%2B1").split_once('?').map(|(path, query)| (path.to_owned(), query.to_owned())).unwrap();
    let posted = browser.ask("POST", &path, Some(&query));
    assert_eq!(posted.status, 303);
    let next = posted.header("location").unwrap().to_owned();
    assert!(next.starts_with("/authorization?client_id=server&"), "{next}");
    let looked = browser.ask("HEAD", &next, None);
    assert_eq!((looked.status, looked.header("location")), (200, None));
    let given = browser.ask("GET", &next, None);
    assert!(
        given.header("location").is_some_and(|address| address.contains("code=") && address.contains("state=s%2B1"))
    );
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert_eq!(browser.ask(method, &next, None).status, 405, "{method}");
    }
    let json = [("Content-Type", "application/json")];
    assert_eq!(door.limen.pages().call("POST", "/authorization", &json, Some(b"{}")).status, 403);
    let large = "x".repeat(70_000);
    assert_eq!(browser.ask("POST", "/authorization", Some(&large)).status, 413);
}

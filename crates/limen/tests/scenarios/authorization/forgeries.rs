//! Forms that our pages didn't send, cookies that we didn't give, and passwords that somebody guesses.

use std::time::Duration;

use limen_testbed::Browser;

use super::door::{Door, good};

#[test]
fn a_form_is_taken_only_from_a_page_made_for_this_browser() {
    let door = Door::for_users(&["rea", "wes"]);
    let mut browser = door.signed_in("rea");
    let consent = browser.open(&good("")).form("consent");
    let foreign = door.signed_in("wes").open(&good("&environment_id=museum")).form("consent");
    let foreign = foreign.value("mark").unwrap().to_owned();
    for mark in ["", "x", foreign.as_str()] {
        let answer = browser.send(&consent, &[("mark", mark), ("decision", "allow")]);
        assert_eq!((answer.status, answer.header("location")), (403, None), "{mark}");
        assert!(answer.text().contains("form-expired"), "{answer:?}");
    }
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "http://127.0.0.1.evil.example"),
    ] {
        let mut tricked = browser.clone();
        tricked.fields.push((name.into(), value.into()));
        assert_eq!(tricked.send(&consent, &[("decision", "allow")]).status, 403, "{name}: {value}");
    }
    let mut without = Browser::new(door.limen.pages());
    assert_eq!(without.send(&consent, &[("decision", "allow")]).status, 403, "no cookie");
    for (path, body) in [
        ("/account", "step=everywhere"),
        ("/connections", "step=approve&environment=museum&application=native"),
        ("/sign-out", ""),
        ("/sign-in", "user=rea&password=x"),
        (good("").as_str(), "step=sign-out"),
    ] {
        assert_eq!(browser.ask("POST", path, Some(body)).status, 403, "{path}");
    }
    assert_eq!(browser.open("/account").at, "/account", "nothing of it happened");
    // What browsers say of a form of ours.
    for (name, value) in [("Sec-Fetch-Site", "same-origin"), ("Origin", "null")] {
        browser.fields.push((name.into(), value.into()));
    }
    assert_eq!(browser.send(&consent, &[("decision", "allow")]).status, 303);
}

#[test]
fn a_session_has_a_value_of_its_own_and_ends_with_signing_out() {
    let door = Door::for_users(&["rea"]);
    let mut browser = door.browser();
    let page = browser.open(&good(""));
    let planted = browser.cookies["limen-session"].clone();
    door.sign_in(&mut browser, &page, "rea");
    let own = browser.cookies["limen-session"].clone();
    assert_ne!(planted, own);
    let with = |value: &str| {
        let mut browser = door.browser();
        browser.cookies.insert("limen-session".into(), value.into());
        browser
    };
    assert!(with(&planted).open("/account").find_form("sign-in").is_some(), "what was planted opens nothing");
    assert!(with(&own).open("/account").find_form("sign-in").is_none());
    // A chosen value is never made a session, and two cookies of the name are none.
    let mut chosen = with(&"a".repeat(43));
    let page = chosen.open(&good(""));
    door.sign_in(&mut chosen, &page, "rea");
    assert_ne!(chosen.cookies["limen-session"], "a".repeat(43));
    let twice = format!("limen-session={own}; limen-session={planted}");
    let answer = door.limen.pages().get("/account", &[("Cookie", &twice)]);
    assert_eq!(answer.header("location"), Some("/sign-in?return=%2Faccount"));

    let page = browser.open("/account");
    let out = page.forms().into_iter().find(|form| form.action == "/sign-out").expect("a form");
    browser.submit(&out, &[]);
    assert!(with(&own).open("/account").find_form("sign-in").is_some(), "the old value is over");
    // 'Not you?' ends it and asks anew, for the same application.
    let mut browser = door.signed_in("rea");
    let page = browser.open(&good("&state=s"));
    let page = browser.submit(&page.form("sign-out"), &[]);
    assert!(page.at.contains("state=s") && page.find_form("sign-in").is_some(), "{page:?}");
}

#[test]
fn cookies_are_for_this_host_alone_and_for_no_script() {
    let door = Door::for_users(&["rea"]);
    let page = door.browser().open(&good(""));
    let lines = page.answer.headers_named("set-cookie");
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("limen-session=") && lines[0].ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{lines:?}"
    );
    let mut door = Door::for_users(&["rea"]);
    let web = door.limen.web().to_string();
    door.limen.stop();
    door.limen.change(|settings| settings.web(&web).argument("--web-public-url").argument("https://limen.example"));
    door.limen.restart();
    let mut browser = door.browser();
    let page = browser.open(&good(""));
    let lines = page.answer.headers_named("set-cookie");
    assert!(
        lines[0].starts_with("__Host-limen-session=") && lines[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure")
    );
    let address = door.authorize(&mut browser, &good(""), "rea");
    assert!(address.ends_with("&iss=https%3A%2F%2Flimen.example"), "{address}");
    assert!(browser.cookies.keys().all(|name| name.starts_with("__Host-")), "{:?}", browser.cookies);
}

#[test]
fn guessing_is_slow_and_its_owner_s_browser_is_let_in() {
    let door = Door::for_users(&["rea", "wes"]);
    let mut known = door.signed_in("rea");
    let page = known.open("/account");
    let out = page.forms().into_iter().find(|form| form.action == "/sign-out").expect("a form");
    known.submit(&out, &[]);
    let mut guesser = door.browser();
    let form = guesser.open(&good("")).form("sign-in");
    for guess in 0..10 {
        let answer = guesser.send(&form, &[("user", "REA@museum.example"), ("password", &format!("guess {guess}"))]);
        assert_eq!(answer.status, 401, "{guess}");
        assert!(answer.text().contains("The user name or the password is not right."));
    }
    let answer = guesser.send(&form, &[("user", "rea"), ("password", door.password("rea"))]);
    assert_eq!(answer.status, 429, "the right one waits too: {answer:?}");
    let wait_s: u64 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=900).contains(&wait_s) && answer.text().contains("Too many attempts"), "{wait_s}");
    let page = known.open("/account");
    assert_eq!(door.sign_in(&mut known, &page, "rea").at, "/account");
    let page = guesser.open(&good(""));
    assert!(door.sign_in(&mut guesser, &page, "wes").find_form("environment").is_some(), "others are not kept out");
}

#[test]
fn who_is_there_is_not_told() {
    let door = Door::for_users(&["rea"]);
    let mut browser = door.browser();
    let form = browser.open("/account").form("sign-in");
    let mut told: Vec<String> = Vec::new();
    for user in ["rea", "no-such-user", "nobody"] {
        let answer = browser.send(&form, &[("user", user), ("password", "wrong")]);
        assert_eq!(answer.status, 401);
        told.push(answer.text().replace(&format!("value=\"{user}\""), ""));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:#?}");
}

#[test]
fn half_a_form_holds_no_connection_for_long() {
    let door = Door::for_users(&["rea"]);
    let halves = ["/sign-in", "/authorization", "/account", "/token"].map(|path| {
        let mut connection = door.limen.pages().within(Duration::from_secs(60)).open();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n", door.limen.web());
        connection.write(format!("{head}Content-Type: application/x-www-form-urlencoded\r\n\r\nuser").as_bytes());
        (path, connection)
    });
    for (path, mut half) in halves {
        let answer = half.answer_to("POST");
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        assert!(half.is_closed(), "{path}");
    }
}

//! Tricks with where users are sent to: each is a page of ours, and nothing leaves.

use super::door::{Door, asked, good};

#[test]
fn no_variant_of_a_redirect_uri_is_taken_for_the_registered_one() {
    let door = Door::for_users(&["rea"]);
    let mut browser = door.signed_in("rea");
    for uri in [
        "https://server.example/callback",
        "https://server.example/callback?keep=1&x=2",
        "https://server.example/callback/?keep=1",
        "https://server.example/Callback?keep=1",
        "https://SERVER.example/callback?keep=1",
        "https://server.example:443/callback?keep=1",
        "https://server.example./callback?keep=1",
        "https://server.example/x/../callback?keep=1",
        "https://server.example/%63allback?keep=1",
        "https://server.example/callback?keep=1#",
        "https://server.example/callback?keep=1%23",
        "https://user@server.example/callback?keep=1",
        "https://server.example@evil.example/callback?keep=1",
        "https://server.example\\@evil.example/callback?keep=1",
        "https://evil.example\\server.example/callback?keep=1",
        "https://server.example.evil.example/callback?keep=1",
        "https://evilserver.example/callback?keep=1",
        "https://evil.example/?https://server.example/callback?keep=1",
        "//server.example/callback?keep=1",
        "///server.example/callback?keep=1",
        "/callback?keep=1",
        "http://server.example/callback?keep=1",
        "javascript:alert(1)//https://server.example/callback?keep=1",
        "https://server.example/callback?keep=1 ",
        "https://server.example/callback?keep=1\r\nX: y",
        "https://server.example/callback?keep=1\0",
        "https%3A%2F%2Fserver.example%2Fcallback%3Fkeep%3D1",
    ] {
        let page = browser.open(&asked("server", uri, "&response_type=code"));
        assert_eq!((page.answer.status, page.leads_to()), (400, None), "{uri}");
        assert!(page.answer.header("x").is_none());
    }
    for uri in [
        "http://localhost:49152/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:49152@evil.example/callback",
        "http://127.0.0.1:49152/callback/more",
        "http://[::1]/callback",
        "http://127.1/callback",
        "https://127.0.0.1/callback",
        "com.example.native:/callback/",
        "com.example.native://callback",
        "com.example.nativ:/callback",
    ] {
        let page = browser.open(&asked("native", uri, "&response_type=code"));
        assert_eq!((page.answer.status, page.leads_to()), (400, None), "{uri}");
    }
    // What is registered is taken: the address itself, any port of the loopback address, a scheme of one's own.
    for uri in ["http://127.0.0.1/callback", "http://127.0.0.1:1/callback", "com.example.native:/callback"] {
        let page = browser.open(&asked("native", uri, ""));
        assert!(page.answer.status == 303 && page.leads_to().unwrap().starts_with(&format!("{uri}?error=")), "{uri}");
    }
}

#[test]
fn our_own_pages_lead_only_to_our_own_pages() {
    let door = Door::for_users(&["rea"]);
    for back in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/connections@evil.example",
        "javascript:alert(1)",
        "/issues",
    ] {
        let mut browser = door.browser();
        let page = browser.open(&format!("/sign-in?return={}", limen_testbed::browser::encoded(back)));
        assert_eq!(page.form("sign-in").action, "/sign-in?return=%2Faccount", "{back}");
        let mut forged = page.form("sign-in");
        forged.action = format!("/sign-in?return={}", limen_testbed::browser::encoded(back));
        let answer = browser.send(&forged, &[("user", "rea"), ("password", door.password("rea"))]);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/account")), "{back}");
    }
    let mut browser = door.signed_in("rea");
    assert_eq!(browser.ask("GET", "/sign-in?return=//evil.example", None).header("location"), Some("/account"));
    let answer = browser.ask("GET", &good("&redirect_uri=https://evil.example"), None);
    assert_eq!(answer.status, 400);
}

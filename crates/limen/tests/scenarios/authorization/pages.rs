//! What is told on a page, because nothing that was sent can be trusted with a redirect: contract.md's words to the letter.

use limen_testbed::browser::encoded;

use super::door::{CALLBACK, Door, asked, good, guarded};

#[test]
fn each_error_of_a_page_has_its_words_and_leads_nowhere() {
    let door = Door::for_users(&["rea"]);
    let callback = encoded(CALLBACK);
    let mismatch = |sent: &str| {
        format!(
            "Invalid redirect_uri: '{sent}'. It must exactly match one of the redirect URIs you've pre-configured for \
             your applications (including the path)."
        )
    };
    let long = "x".repeat(300);
    let cases = [
        (String::new(), "The required client_id parameter was not provided.".to_owned()),
        ("client_id=".into(), "The required client_id parameter was not provided.".into()),
        ("client_id=X".into(), "Invalid client_id: 'X'.".into()),
        (format!("client_id=retired&redirect_uri={callback}"), "Invalid client_id: 'retired'.".into()),
        (
            "client_id=%3Cscript%3Ealert(1)%3C/script%3E".into(),
            "Invalid client_id: '&lt;script&gt;alert(1)&lt;/script&gt;'.".into(),
        ),
        (format!("client_id={long}"), format!("Invalid client_id: '{}\u{2026}'.", &long[..200])),
        ("client_id=server&client_id=server".into(), "The parameter 'client_id' was provided more than once.".into()),
        ("client_id=server".into(), "The required redirect_uri parameter was not provided.".into()),
        ("client_id=server&redirect_uri=".into(), "The required redirect_uri parameter was not provided.".into()),
        (
            "client_id=server&redirect_uri=server.example".into(),
            "Invalid or malformed redirect_uri: 'server.example'".into(),
        ),
        (
            "client_id=server&redirect_uri=https://server.example/%23a".into(),
            "Invalid or malformed redirect_uri: 'https://server.example/#a'".into(),
        ),
        (
            "client_id=server&redirect_uri=%22%3E%3Cb%3E".into(),
            "Invalid or malformed redirect_uri: '&quot;&gt;&lt;b&gt;'".into(),
        ),
        (
            "client_id=server&redirect_uri=https://server.example/callback".into(),
            mismatch("https://server.example/callback"),
        ),
        (
            format!("client_id=server&redirect_uri={callback}&redirect_uri={callback}"),
            "The parameter 'redirect_uri' was provided more than once.".into(),
        ),
    ];
    // Signed in or not: it is a page.
    for mut browser in [door.browser(), door.signed_in("rea")] {
        for (query, words) in &cases {
            for path in ["/authorization", "/oauth/authorize"] {
                let page = browser.open(&format!("{path}?{query}&state=secret-state&response_type=token"));
                let text = page.answer.text();
                assert_eq!((page.answer.status, page.leads_to()), (400, None), "{query}");
                assert!(text.contains(words.as_str()), "{words}: {text}");
                assert!(text.contains("<details") && text.contains("/authentication-issues#"), "{text}");
                assert!(text.contains(page.answer.header("x-request-id").unwrap()), "{text}");
                assert!(!text.contains("secret-state"), "{text}");
                guarded(&page.answer);
            }
        }
    }
}

#[test]
fn who_belongs_nowhere_or_comes_from_what_isn_t_connected_is_told_so() {
    let door = Door::for_users(&["nobody", "lou", "ann"]);
    let mut browser = door.browser();
    let page = browser.open(&good(""));
    let page = door.sign_in(&mut browser, &page, "nobody");
    assert!(page.answer.status == 403 && page.answer.text().contains("You don't belong to any environment."));
    guarded(&page.answer);

    let mut browser = door.browser();
    let page = browser.open(&good(""));
    let page = door.sign_in(&mut browser, &page, "lou");
    assert!(page.answer.status == 403 && page.find_form("connect").is_none(), "{page:?}");
    assert!(page.answer.text().contains("The application isn't connected to the environment Library."), "{page:?}");

    // Somebody who may decide it, decides it on the spot.
    let mut browser = door.browser();
    let page = browser.open(&good("&state=s"));
    let page = door.sign_in(&mut browser, &page, "ann");
    assert_eq!(page.answer.status, 403, "{page:?}");
    let form = page.form("connect");
    let elsewhere = browser.submit(&form, &[("environment", "museum")]);
    assert!(elsewhere.answer.status == 403 && elsewhere.find_form("consent").is_none(), "{elsewhere:?}");
    let page = browser.submit(&form, &[]);
    let page = browser.submit(&page.form("consent"), &[("decision", "allow")]);
    assert!(page.leads_to().is_some_and(|address| address.contains("code=")), "{page:?}");
}

#[test]
fn what_is_named_by_others_is_shown_and_does_nothing() {
    let door = Door::for_users(&["rea"]);
    let mut browser = door.browser();
    let page = browser.open(&good("&state=%22%3E%3Cscript%3E&login_hint=%22%3E%3Cscript%3E&scope=%3Cb%3E"));
    assert!(page.answer.text().contains("Server &#60;script&#62;"), "{page:?}");
    guarded(&page.answer);
    let page = browser.submit(&page.form("sign-in"), &[("user", "\"><script>"), ("password", "\"><script>")]);
    assert_eq!(page.answer.status, 401);
    guarded(&page.answer);
    let page = browser.open(&good(""));
    let page = door.sign_in(&mut browser, &page, "rea");
    let text = page.answer.text();
    for words in
        ["Server &#60;script&#62;", "Ada &#38; &#34;Co&#34; &#60;b&#62;", "Museum of &#60;i&#62;", "Rea &#60;u&#62;"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    guarded(&page.answer);
    let page = browser.open("/authorization?client_id=server&scope=%3Cscript%3E&environment_id=%3Cscript%3E");
    guarded(&page.answer);
    assert_eq!(browser.open(&asked("server", "javascript:alert(1)", "")).answer.status, 400);
}

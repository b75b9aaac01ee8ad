//! A Limen at which people sign in: two applications, three environments, and who belongs where.

use std::collections::BTreeMap;

use limen_testbed::browser::encoded;
use limen_testbed::{Answer, Browser, Limen, Page, Settings};

use crate::stage::BINARY;

/// Where the confidential application's users come back to.
pub(super) const CALLBACK: &str = "https://server.example/callback?keep=1";
/// A challenge of S256, as RFC 7636 has it.
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const WORLD: &str = r#"
developers: [{name: ada}]
applications:
  - {name: server, title: "Server <script>alert(1)</script>", developer: ada, organisation: "Ada & \"Co\" <b>", website: "https://ada.example/about", redirect_uris: ["https://server.example/callback?keep=1"]}
  - {name: native, title: Native, developer: ada, kind: public, redirect_uris: ["http://127.0.0.1/callback", "com.example.native:/callback"]}
  - {name: retired, developer: ada, disabled: true, redirect_uris: ["https://server.example/callback?keep=1"]}
environments: [{name: museum, title: "Museum of <i>Clocks</i>"}, {name: archive, title: Archive}, {name: library, title: Library}]
roles:
  - {name: reader, title: Reader, permissions: [thing.read]}
  - {name: writer, title: Writer, permissions: [thing.read, thing.write]}
users:
  - {name: rea, title: "Rea <u>", email: rea@museum.example, memberships: [{environment: museum, roles: [reader]}]}
  - {name: wes, memberships: [{environment: museum, roles: [writer]}, {environment: archive, roles: [reader]}, {environment: library}]}
  - {name: ann, memberships: [{environment: library, administrator: true}]}
  - {name: lou, memberships: [{environment: library}]}
  - {name: nobody}
connections:
  - {application: server, environment: museum}
  - {application: server, environment: archive, scopes: [thing.read]}
  - {application: native, environment: museum}
"#;

/// A running Limen whose people have passwords.
pub(super) struct Door {
    pub(super) limen: Limen,
    passwords: BTreeMap<String, String>,
}

impl Door {
    /// A door for these people, each with a password.
    pub(super) fn for_users(users: &[&str]) -> Self {
        let limen = Limen::start(Settings::new(BINARY).config(WORLD));
        let made =
            |user: &str| limen.json(&["user", "password", user, "--generate"])["password"].as_str().map(str::to_owned);
        let passwords = users.iter().map(|user| ((*user).to_owned(), made(user).expect("a password"))).collect();
        Self { limen, passwords }
    }

    pub(super) fn password(&self, user: &str) -> &str {
        &self.passwords[user]
    }

    /// Goes through `/authorization` as that user; gives the address at the application.
    #[track_caller]
    pub(super) fn authorize(&self, browser: &mut Browser, target: &str, user: &str) -> String {
        browser.authorize(target, user, self.password(user))
    }

    /// The page after signing in with the form that a page has.
    #[track_caller]
    pub(super) fn sign_in(&self, browser: &mut Browser, page: &Page, user: &str) -> Page {
        browser.submit(&page.form("sign-in"), &[("user", user), ("password", self.password(user))])
    }

    pub(super) fn world() -> &'static str {
        WORLD
    }

    /// A browser that knows nobody.
    pub(super) fn browser(&self) -> Browser {
        Browser::new(self.limen.pages())
    }

    /// A browser in which somebody signed in, at their account.
    #[track_caller]
    pub(super) fn signed_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        let page = browser.open("/account");
        let page = self.sign_in(&mut browser, &page, user);
        assert_eq!((page.answer.status, page.at.as_str()), (200, "/account"), "{page:?}");
        browser
    }

    /// The address of the web pages, which is the issuer.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.limen.web())
    }
}

/// The address of a request, with more parameters.
pub(super) fn asked(application: &str, redirect_uri: &str, more: &str) -> String {
    format!("/authorization?client_id={application}&redirect_uri={}{more}", encoded(redirect_uri))
}

/// A good request of the confidential application.
pub(super) fn good(more: &str) -> String {
    asked("server", CALLBACK, &format!("&response_type=code{more}"))
}

/// A good request of the public application.
pub(super) fn native(more: &str) -> String {
    let pkce = format!("&response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256");
    asked("native", "http://127.0.0.1:49152/callback", &format!("{pkce}{more}"))
}

/// Headers that every page of signing in has.
#[track_caller]
pub(super) fn guarded(answer: &Answer) {
    let header = |name: &str| answer.header(name).unwrap_or_default();
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-request-id").len(), 32);
    assert!(!answer.text().contains("<script") && !answer.text().contains("<b>"), "{}", answer.text());
}

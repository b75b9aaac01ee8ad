//! Signing in through an OpenID Connect provider: the whole way, and everything that a provider or a stranger between
//! can do to it.

use limen_testbed::browser::{encoded, parameter};
use limen_testbed::{Browser, Limen, Misdeed, Page, Provider, Settings, SignedBy};
use serde_json::json;

use crate::stage::BINARY;

const WORLD: &str = r#"
sign_in:
  provider:
    issuer: "{issuer}"
    application_id: {id}
    secret_file: "{secret}"
    title: Our people
    {more}
outbound:
  allow: [127.0.0.1]
developers: [{name: ada}]
environments: [{name: north}]
roles: [{name: clerk, permissions: [thing.read]}]
applications:
  - {name: till, developer: ada, kind: public, redirect_uris: ["http://127.0.0.1/back"]}
connections: [{application: till, environment: north}]
users:
  - {name: by-subject, title: Bea Subject, external_subject: s-1, memberships: [{environment: north, roles: [clerk]}]}
  - {name: by-mail, title: Mia Mail, email: mia@example.org, memberships: [{environment: north, roles: [clerk]}]}
  - {name: off, title: Otto Off, external_subject: s-off, disabled: true}
"#;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Stage {
    limen: Limen,
    provider: Provider,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new(more: &str) -> Self {
        let provider = Provider::start();
        let (id, secret) = provider.registration();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        let config = WORLD
            .replace("{issuer}", &provider.issuer())
            .replace("{id}", id)
            .replace("{secret}", file.to_str().unwrap())
            .replace("{more}", more);
        let limen = Limen::start(Settings::new(BINARY).config(&config));
        provider.person(json!({"sub": "s-1"}));
        Self { limen, provider, _folder: folder }
    }

    fn browser(&self) -> Browser {
        Browser::new(self.limen.pages())
    }

    /// Follows the link on the page to the provider: where the browser is sent.
    #[track_caller]
    fn leave(&self, browser: &mut Browser, page: &Page) -> String {
        let text = page.answer.text();
        let link = text.split("href=\"").find(|rest| rest.starts_with("/sign-in/provider?"));
        let link = link.unwrap_or_else(|| panic!("no link to the provider: {text}"));
        let link = link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
        let answer = browser.ask("GET", &link, None);
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.header("location").unwrap().to_owned()
    }

    /// Signs in at the provider: the path at Limen that it sends the browser back to.
    #[track_caller]
    fn at_provider(&self, address: &str) -> String {
        let target = address.strip_prefix(&self.provider.issuer()).expect("the provider's address");
        let answer = limen_testbed::Http::to(self.provider.service().address()).get(target, &[]);
        let back = answer.header("location").unwrap_or_else(|| panic!("the provider sends nobody back: {answer:?}"));
        let web = format!("http://{}", self.limen.web());
        back.strip_prefix(&web).expect("an address of Limen's").to_owned()
    }

    /// The whole way, from a page that asks to sign in: the page that it ends at.
    #[track_caller]
    fn sign_in(&self, browser: &mut Browser, page: &Page) -> Page {
        let away = self.leave(browser, page);
        browser.open(&self.at_provider(&away))
    }

    fn flow() -> String {
        format!(
            "/authorization?client_id=till&response_type=code&redirect_uri={}&state=xyz&code_challenge={CHALLENGE}\
             &code_challenge_method=S256",
            encoded("http://127.0.0.1:7777/back")
        )
    }
}

#[track_caller]
fn told(page: &Page, status: u16, code: &str) {
    assert_eq!(page.answer.status, status, "{page:?}");
    assert!(page.answer.text().contains(&format!("#{code}\"")), "not {code}: {}", page.answer.text());
    assert_eq!(page.answer.header("cache-control"), Some("no-store"));
}

#[test]
fn an_application_gets_its_code_through_the_provider() {
    let stage = Stage::new("");
    for signed_by in [SignedBy::Rs256, SignedBy::Es256] {
        stage.provider.sign_by(signed_by);
        let mut browser = stage.browser();
        let page = browser.open(&Stage::flow());
        let text = page.answer.text();
        assert!(text.contains("Sign in with Our people") && text.contains("name=\"password\""), "{text}");
        let before = browser.cookies.get("limen-session").cloned().unwrap();
        let page = stage.sign_in(&mut browser, &page);
        assert!(page.at.starts_with("/authorization?"), "back where it began: {}", page.at);
        assert_eq!(parameter(&page.at, "state").as_deref(), Some("xyz"));
        assert_ne!(browser.cookies.get("limen-session"), Some(&before), "a new value at each sign-in");
        let page = browser.submit(&page.form("consent"), &[("decision", "allow")]);
        let address = page.leads_to().unwrap_or_else(|| panic!("no redirect: {page:?}"));
        assert!(
            address.starts_with("http://127.0.0.1:7777/back?") && parameter(address, "code").is_some(),
            "{address}"
        );
        assert!(browser.open("/account").answer.text().contains("Bea Subject"));
        // The value of before is nobody's.
        let mut old = stage.browser();
        old.cookies.insert("limen-session".into(), before);
        assert!(old.open("/account").at.starts_with("/sign-in"));
    }
    // Discovery and keys were asked for once, for both.
    assert_eq!(stage.provider.hits("/.well-known/openid-configuration"), 1);
    assert_eq!(stage.provider.hits("/keys"), 1);
    // Neither secret nor code nor token is in the log.
    let log = stage.limen.stderr();
    assert!(!log.contains("s3cret") && !log.contains("code-1") && !log.contains("eyJ"), "{log}");
}

#[test]
fn what_the_provider_does_wrong_signs_nobody_in() {
    let stage = Stage::new("");
    let cases = [
        (Misdeed::SaysNo, 403, "provider-refused"),
        (Misdeed::AnswersAsAnother, 403, "provider-refused"),
        (Misdeed::AnswersAsNobody, 403, "provider-refused"),
        (Misdeed::OtherState, 403, "form-expired"),
        (Misdeed::WrongNonce, 403, "provider-answer-invalid"),
        (Misdeed::WrongAudience, 403, "provider-answer-invalid"),
        (Misdeed::GivenToAnother, 403, "provider-answer-invalid"),
        (Misdeed::OtherIssuer, 403, "provider-answer-invalid"),
        (Misdeed::Expired, 403, "provider-answer-invalid"),
        (Misdeed::AlgNone, 403, "provider-answer-invalid"),
        (Misdeed::AlgHmac, 403, "provider-answer-invalid"),
        (Misdeed::ForeignKey, 403, "provider-answer-invalid"),
        (Misdeed::AccessTokenKind, 403, "provider-answer-invalid"),
        (Misdeed::RefusesCode, 403, "provider-answer-invalid"),
        (Misdeed::Slow, 503, "provider-unreachable"),
        (Misdeed::Huge, 503, "provider-unreachable"),
        (Misdeed::Redirects, 503, "provider-unreachable"),
    ];
    for (misdeed, status, code) in cases {
        stage.provider.misbehave(misdeed);
        let mut browser = stage.browser();
        let page = browser.open("/sign-in?return=/connections");
        let page = stage.sign_in(&mut browser, &page);
        told(&page, status, code);
        assert!(browser.open("/account").at.starts_with("/sign-in"), "{misdeed:?} signed somebody in");
        // Each is over at once, and what failed before keeps nobody out.
        stage.provider.misbehave(Misdeed::Nothing);
        let page = browser.open("/sign-in?return=/connections");
        let page = stage.sign_in(&mut browser, &page);
        assert_eq!((page.answer.status, page.at.as_str()), (200, "/connections"), "after {misdeed:?}");
    }
    assert_eq!(stage.provider.hits("/elsewhere"), 0, "a redirect was followed");
    // Operators read why.
    stage.provider.misbehave(Misdeed::WrongAudience);
    let mut browser = stage.browser();
    let page = browser.open("/sign-in");
    let page = stage.sign_in(&mut browser, &page);
    let id = page.answer.header("x-request-id").unwrap().to_owned();
    assert!(!page.answer.text().contains("(aud)"), "what operators read is not on the page");
    let explained = stage.limen.command(&["explain", &id]);
    assert!(explained.stdout.contains("(aud)"), "{explained:#?}");
}

#[test]
fn nobody_brings_back_what_another_began() {
    let stage = Stage::new("");
    let mut victim = stage.browser();
    let mut stranger = stage.browser();
    let page = stranger.open("/sign-in");
    let away = stage.leave(&mut stranger, &page);
    let back = stage.at_provider(&away);
    // A stranger's answer in the victim's browser (sign-in as somebody else), with a cookie of its own and without.
    told(&victim.open(&back), 403, "form-expired");
    victim.open("/sign-in");
    told(&victim.open(&back), 403, "form-expired");
    assert_eq!(stage.provider.hits("/token"), 0, "a code that nobody here asked for was exchanged");
    // A stranger's code with the victim's own state: the verifier and the nonce are the attempt's.
    let page = victim.open("/sign-in");
    let own = stage.at_provider(&stage.leave(&mut victim, &page));
    let (code, own_code) = (parameter(&back, "code").unwrap(), parameter(&own, "code").unwrap());
    told(&victim.open(&own.replace(&own_code, &code)), 403, "provider-answer-invalid");
    // Without a state, with two, with two codes.
    for wrong in [
        format!("/sign-in/provider/callback?code={own_code}"),
        format!("{own}&state=x"),
        format!("{own}&code=x"),
        format!("{own}&iss=x"),
        own.replace("state=", "state=A"),
    ] {
        told(&victim.open(&wrong), 403, "form-expired");
    }
    // Its own is good, once.
    assert_eq!(victim.open(&own).at, "/account");
    told(&victim.open(&own), 403, "form-expired");
    assert!(victim.open("/account").answer.text().contains("Bea Subject"), "and the session goes on");
    assert!(stranger.open("/account").at.starts_with("/sign-in"));
}

#[test]
fn after_signing_in_nobody_is_sent_elsewhere() {
    let stage = Stage::new("");
    for (wanted, expected) in [
        ("https://evil.example/", "/account"),
        ("//evil.example/", "/account"),
        ("/\\evil.example", "/account"),
        ("/authorization/../evil", "/account"),
        ("/connections", "/connections"),
        ("", "/account"),
    ] {
        let mut browser = stage.browser();
        let answer = browser.ask("GET", &format!("/sign-in/provider?return={}", encoded(wanted)), None);
        let back = stage.at_provider(answer.header("location").unwrap());
        assert!(!back.contains("evil"), "the attempt is sealed: {back}");
        let answer = browser.ask("GET", &back, None);
        assert_eq!((answer.status, answer.header("location")), (303, Some(expected)), "{wanted}");
        // Whoever is signed in already isn't sent away again.
        let answer = browser.ask("GET", &format!("/sign-in/provider?return={}", encoded(wanted)), None);
        assert_eq!(answer.header("location"), Some(expected), "{wanted}");
    }
}

#[test]
fn who_is_known_by_which_account() {
    let ends_at = |stage: &Stage, person: serde_json::Value| {
        stage.provider.person(person);
        let mut browser = stage.browser();
        let page = browser.open("/sign-in");
        stage.sign_in(&mut browser, &page)
    };
    let mia = || json!({"sub": "s-7", "email": "Mia@example.org", "email_verified": true});
    let stage = Stage::new("");
    told(&ends_at(&stage, mia()), 403, "provider-user-unknown");
    told(&ends_at(&stage, json!({"sub": "s-off"})), 403, "provider-user-unknown");
    assert_eq!(ends_at(&stage, json!({"sub": "s-1"})).at, "/account");
    let stage = Stage::new("link_by_email: true");
    assert!(ends_at(&stage, mia()).answer.text().contains("Mia Mail"));
    let unverified = json!({"sub": "s-7", "email": "mia@example.org", "email_verified": false});
    told(&ends_at(&stage, unverified), 403, "provider-user-unknown");
    told(&ends_at(&stage, json!({"sub": "s-7", "email": "mia@example.org"})), 403, "provider-user-unknown");
}

#[test]
fn where_only_the_provider_signs_in_no_password_does() {
    let stage = Stage::new("only: true");
    let mut browser = stage.browser();
    let page = browser.open(&Stage::flow());
    let text = page.answer.text();
    assert!(text.contains("Sign in with Our people") && !text.contains("name=\"password\""), "{text}");
    // A form made by hand, with the mark of another page, is refused whatever it says.
    let (answer, mark) = {
        let page = stage.sign_in(&mut browser, &page);
        let mark = page.form("consent").value("mark").unwrap().to_owned();
        let form = format!("step=sign-in&mark={}&user=by-subject&password=whatever-it-is", encoded(&mark));
        (browser.ask("POST", &Stage::flow(), Some(&form)), mark)
    };
    assert!(!mark.is_empty());
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.text().contains("Passwords are not used here."), "{}", answer.text());
}

#[test]
fn a_provider_that_is_gone_stops_nothing_else() {
    let Stage { limen, provider, _folder } = Stage::new("");
    let mut browser = Browser::new(limen.pages());
    drop(provider);
    let page = browser.open("/sign-in/provider?return=/account");
    told(&page, 503, "provider-unreachable");
    assert!(page.answer.header("retry-after").is_some());
    assert_eq!(browser.open("/sign-in").answer.status, 200);
    assert_eq!(limen.pages().get("/healthz", &[]).status, 200);
    // Without a provider there is no such page.
    let plain = Limen::start(Settings::new(BINARY));
    assert_eq!(plain.pages().get("/sign-in/provider", &[]).status, 404);
    assert_eq!(plain.pages().get("/sign-in/provider/callback?code=a&state=b", &[]).status, 404);
    assert!(!plain.pages().get("/sign-in", &[]).text().contains("/sign-in/provider"));
}

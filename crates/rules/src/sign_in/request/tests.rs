//! Requests as they come, and what is told of them.

use super::*;
use crate::model::Role;

const CALLBACK: &str = "https://app.example/callback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn declared() -> Declared {
    let application = |name: &str, kind, disabled| Application {
        name: name.into(),
        redirect_uris: vec![CALLBACK.into()],
        kind,
        disabled,
        ..Application::default()
    };
    let role =
        Role { name: "reader".into(), permissions: vec!["thing.read".into(), "thing.write".into()], ..Role::default() };
    Declared {
        applications: vec![
            application("server", ApplicationKind::Confidential, false),
            application("mobile", ApplicationKind::Public, false),
            application("retired", ApplicationKind::Public, true),
        ],
        roles: vec![role],
        ..Declared::default()
    }
}

/// The state, and what was asked.
type Judged = (Option<Vec<u8>>, Result<Asked, Wrong>);

fn judged(query: &str) -> Result<Judged, Wrong> {
    let declared = declared();
    judge(&Parameters::read(query.as_bytes()), &declared).map(|request| (request.state, request.asked))
}

fn of_page(query: &str) -> (Trouble, String) {
    let wrong = judged(query).expect_err(query);
    (wrong.trouble, wrong.message())
}

#[test]
fn before_the_redirect_uri_is_trusted_each_trouble_is_told_in_order() {
    let callback = "redirect_uri=https://app.example/callback";
    for (query, trouble, message) in [
        ("", Trouble::ClientIdMissing, "The required client_id parameter was not provided."),
        ("client_id=&redirect_uri=x", Trouble::ClientIdMissing, "The required client_id parameter was not provided."),
        ("client_id=a%3Cb%3E", Trouble::ClientIdInvalid, "Invalid client_id: 'a<b>'."),
        ("client_id=Server", Trouble::ClientIdInvalid, "Invalid client_id: 'Server'."),
        (&format!("client_id=retired&{callback}"), Trouble::ClientIdInvalid, "Invalid client_id: 'retired'."),
        (
            "client_id=server&client_id=server",
            Trouble::PageParameterRepeated,
            "The parameter 'client_id' was provided more than once.",
        ),
        ("client_id=server", Trouble::RedirectUriMissing, "The required redirect_uri parameter was not provided."),
        (
            &format!("client_id=server&{callback}&{callback}"),
            Trouble::PageParameterRepeated,
            "The parameter 'redirect_uri' was provided more than once.",
        ),
        (
            "client_id=server&redirect_uri=app.example/callback",
            Trouble::RedirectUriMalformed,
            "Invalid or malformed redirect_uri: 'app.example/callback'",
        ),
        (
            "client_id=server&redirect_uri=http://app.example/callback",
            Trouble::RedirectUriMismatch,
            "Invalid redirect_uri: 'http://app.example/callback'. It must exactly match one of the redirect URIs you've \
             pre-configured for your applications (including the path).",
        ),
        (
            "client_id=server&redirect_uri=%FF",
            Trouble::RedirectUriMalformed,
            "Invalid or malformed redirect_uri: '\u{fffd}'",
        ),
    ] {
        assert_eq!(of_page(query), (trouble, message.to_owned()), "{query}");
    }
}

#[test]
fn after_that_the_answer_goes_to_the_application() {
    for (more, expected) in [
        ("", Trouble::ResponseTypeMissing),
        ("&response_type=", Trouble::ResponseTypeMissing),
        ("&response_type=token", Trouble::ResponseTypeUnsupported),
        ("&response_type=Code", Trouble::ResponseTypeUnsupported),
        ("&response_type=code+id_token", Trouble::ResponseTypeUnsupported),
        ("&response_type=code&response_type=code", Trouble::RequestParameterRepeated),
        ("&response_type=code&scope=a&scope=a", Trouble::RequestParameterRepeated),
        ("&response_type=code&state=1&state=", Trouble::RequestParameterRepeated),
        ("&response_type=code", Trouble::ChallengeMissing),
        ("&response_type=code&code_challenge=&code_challenge_method=S256", Trouble::ChallengeMissing),
        ("&response_type=code&code_challenge=CHALLENGE", Trouble::ChallengeMethodUnsupported),
        (
            "&response_type=code&code_challenge=CHALLENGE&code_challenge_method=plain",
            Trouble::ChallengeMethodUnsupported,
        ),
        (
            "&response_type=code&code_challenge=CHALLENGE&code_challenge_method=s256",
            Trouble::ChallengeMethodUnsupported,
        ),
        ("&response_type=code&code_challenge=short&code_challenge_method=S256", Trouble::ChallengeMalformed),
        ("&response_type=code&code_challenge=CHALLENGE%3D&code_challenge_method=S256", Trouble::ChallengeMalformed),
        (
            "&response_type=code&code_challenge=CHALLENGE&code_challenge_method=S256&scope=thing.read+openid",
            Trouble::ScopeUnknown,
        ),
    ] {
        let query = format!("client_id=mobile&redirect_uri={CALLBACK}{}", more.replace("CHALLENGE", CHALLENGE));
        let (_, asked) = judged(&query).expect(&query);
        assert_eq!(asked.expect_err(&query).trouble, expected, "{query}");
    }
}

#[test]
fn what_is_asked_for() {
    let query = format!(
        "client_id=mobile&redirect_uri={CALLBACK}&response_type=code&code_challenge={CHALLENGE}\
         &code_challenge_method=S256&scope=thing.write++thing.read+thing.write&state=%FFa+b&unknown=1&unknown=2\
         &resource=x&resource=y&environment_id=demo&prompt=login+consent&login_hint=ada"
    );
    let declared = declared();
    let request = judge(&Parameters::read(query.as_bytes()), &declared).expect("good");
    assert_eq!((&*request.application.name, request.redirect_uri.as_str()), ("mobile", CALLBACK));
    assert_eq!(request.state.as_deref(), Some(&b"\xffa b"[..]));
    assert_eq!((request.environment.as_deref(), request.login_hint.as_deref()), (Some("demo"), Some("ada")));
    assert!(request.asks_anew);
    let asked = request.asked.expect("good");
    assert_eq!(asked.scope.expect("a scope").join(" "), "thing.read thing.write");
    assert_eq!(asked.code_challenge.as_deref(), Some(CHALLENGE));
}

#[test]
fn a_confidential_application_may_do_without_a_challenge_and_never_with_half_of_one() {
    let query = format!("client_id=server&redirect_uri={CALLBACK}&response_type=code");
    assert_eq!(judged(&query), Ok((None, Ok(Asked { scope: None, code_challenge: None }))));
    let half = format!("{query}&code_challenge_method=S256");
    assert_eq!(judged(&half).expect(&half).1.expect_err(&half).trouble, Trouble::ChallengeMalformed);
    let empty = format!("{query}&scope=&state=");
    assert_eq!(judged(&empty), Ok((None, Ok(Asked { scope: None, code_challenge: None }))));
}

#[test]
fn a_state_is_carried_up_to_its_bound() {
    let with_state = |length: usize| {
        let state = "s".repeat(length);
        judged(&format!("client_id=server&redirect_uri={CALLBACK}&response_type=code&state={state}")).expect("trusted")
    };
    let (state, asked) = with_state(STATE_MAX_BYTES);
    assert!(state.is_some_and(|state| state.len() == STATE_MAX_BYTES) && asked.is_ok());
    let (state, asked) = with_state(STATE_MAX_BYTES + 1);
    assert_eq!((state, asked.expect_err("long").trouble), (None, Trouble::StateTooLong));
}

#[test]
fn a_description_keeps_to_the_characters_that_it_may_have() {
    let description = Trouble::ResponseTypeUnsupported.description("t\"ök\\en\r\n");
    assert_eq!(description, "The response_type 't??k?en??' is not supported.");
    assert!(Trouble::ScopeUnknown.description(&"x".repeat(500)).contains("xxx...'"));
}

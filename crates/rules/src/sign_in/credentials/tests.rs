//! Ways of telling who one is: a table of headers and forms, and who is believed.

use std::cell::Cell;

use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use proptest::prelude::*;

use super::*;

fn form(body: &str) -> Form {
    Form::parse(Some("application/x-www-form-urlencoded"), body.as_bytes()).unwrap()
}

fn read(authorization: &[&str], body: &str) -> Result<(String, Option<String>, Way), Trouble> {
    presented(authorization, &form(body)).map(|one| (one.id, one.secret, one.way)).map_err(|(trouble, _)| trouble)
}

fn encoded(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[test]
fn ways_that_are_understood() {
    let by = |id: &str, secret: Option<&str>, way| Ok((id.to_owned(), secret.map(str::to_owned), way));
    let cases = [
        (vec![encoded("app:se-cr_et9")], "", by("app", Some("se-cr_et9"), Way::Basic)),
        // Encoded as forms are, RFC 6749 §2.3.1, also where that wasn't needed.
        (vec![encoded("my%2Dapp:se%5Fcret")], "", by("my-app", Some("se_cret"), Way::Basic)),
        (vec![encoded("%61pp:s")], "", by("app", Some("s"), Way::Basic)),
        (vec![encoded("app:s").replace("Basic ", "bAsIc  ")], "", by("app", Some("s"), Way::Basic)),
        (vec![format!("Basic {}", STANDARD_NO_PAD.encode("app:secret"))], "", by("app", Some("secret"), Way::Basic)),
        // A public application's library that sends an empty secret.
        (vec![encoded("app:")], "", by("app", None, Way::Basic)),
        (vec![], "client_id=app&client_secret=s", by("app", Some("s"), Way::Body)),
        (vec![], "client_id=app", by("app", None, Way::Body)),
        (vec![], "client_id=app&client_secret=", by("app", None, Way::Body)),
        // Another scheme is no attempt.
        (vec!["Bearer x".into()], "client_id=app&client_secret=s", by("app", Some("s"), Way::Body)),
        // Both ways, agreeing.
        (vec![encoded("app:s")], "client_id=app&client_secret=s", by("app", Some("s"), Way::Basic)),
        (vec![encoded("app:s")], "client_id=app", by("app", Some("s"), Way::Basic)),
        (vec![encoded("app:s")], "client_secret=s", by("app", Some("s"), Way::Basic)),
        // A Basic that can't be read beside a form that can.
        (vec!["Basic".into()], "client_id=app&client_secret=s", by("app", Some("s"), Way::Body)),
        (vec!["Basic !!!".into()], "client_id=app&client_secret=s", by("app", Some("s"), Way::Body)),
        (vec![encoded("no colon")], "client_id=app&client_secret=s", by("app", Some("s"), Way::Body)),
        (vec![encoded(":")], "client_id=app&client_secret=s", by("app", Some("s"), Way::Body)),
        (vec![encoded("a b:ä")], "client_id=app&client_secret=s", by("app", Some("s"), Way::Body)),
    ];
    for (headers, body, expected) in cases {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        assert_eq!(read(&headers, body), expected, "{headers:?} {body}");
    }
}

#[test]
fn ways_that_are_not() {
    let cases = [
        (vec![], "", Trouble::CredentialsMissing),
        (vec!["Bearer x".into()], "", Trouble::CredentialsMissing),
        (vec!["Basic".into()], "", Trouble::CredentialsMissing),
        (vec![encoded(":")], "", Trouble::CredentialsMissing),
        (vec![], "client_secret=s", Trouble::FormClientIdMissing),
        (vec![encoded(":s")], "", Trouble::FormClientIdMissing),
        (vec!["Basic !!!".into()], "client_secret=s", Trouble::FormClientIdMissing),
        (vec!["Basic !!!".into()], "", Trouble::CredentialsInvalid),
        (vec![encoded("no colon")], "", Trouble::CredentialsInvalid),
        (vec![encoded("app:s:t")], "", Trouble::CredentialsInvalid),
        (vec![encoded("app:a&b")], "", Trouble::CredentialsInvalid),
        (vec![encoded("app:a=")], "", Trouble::CredentialsInvalid),
        (vec![encoded("app:a%20b")], "", Trouble::CredentialsInvalid),
        (vec![encoded("a+b:s")], "", Trouble::CredentialsInvalid),
        (vec![format!("Basic {}", "A".repeat(HEADER_MAX_BYTES))], "", Trouble::CredentialsInvalid),
        (vec![encoded("app:s")], "client_id=other", Trouble::CredentialsDisagree),
        (vec![encoded("app:s")], "client_id=app&client_secret=t", Trouble::CredentialsDisagree),
        (vec![encoded("app:s")], "client_id=other&client_secret=s", Trouble::CredentialsDisagree),
        (vec![encoded("app:")], "client_id=app&client_secret=s", Trouble::CredentialsDisagree),
        (vec![encoded("app:s"), encoded("app:s")], "", Trouble::CredentialsDisagree),
    ];
    for (headers, body, trouble) in cases {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        assert_eq!(read(&headers, body), Err(trouble), "{headers:?} {body}");
    }
}

fn application(kind: ApplicationKind) -> Application {
    Application { name: "app".into(), kind, ..Application::default() }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[test]
fn who_is_believed() {
    use ApplicationKind::{Confidential, Public};
    let secrets = [(Which::Primary, hash("one")), (Which::Secondary, hash("two"))];
    let judge = |secret: Option<&str>, application: Option<&Application>, secrets: &[(Which, [u8; 32])]| {
        let presented = Presented { id: "app".into(), secret: secret.map(str::to_owned), way: Way::Body };
        authenticate(&presented, application, secrets).map_err(|(trouble, _)| trouble)
    };
    let (closed, open) = (application(Confidential), application(Public));
    assert_eq!(judge(Some("one"), Some(&closed), &secrets), Ok(Authenticated::BySecret(Which::Primary)));
    assert_eq!(judge(Some("two"), Some(&closed), &secrets), Ok(Authenticated::BySecret(Which::Secondary)));
    assert_eq!(judge(Some("two"), Some(&closed), &secrets[..1]), Err(Trouble::CredentialsInvalid));
    assert_eq!(judge(Some("tw"), Some(&closed), &secrets), Err(Trouble::CredentialsInvalid));
    assert_eq!(judge(Some("one"), Some(&closed), &[]), Err(Trouble::CredentialsInvalid));
    assert_eq!(judge(None, Some(&closed), &secrets), Err(Trouble::CredentialsMissing));
    assert_eq!(judge(None, Some(&open), &[]), Ok(Authenticated::Public));
    // One that was confidential before has secrets still; as a public one it shows none.
    assert_eq!(judge(Some("one"), Some(&open), &secrets), Err(Trouble::CredentialsInvalid));
    assert_eq!(judge(Some("one"), None, &secrets), Err(Trouble::FormClientIdInvalid));
    let disabled = Application { disabled: true, ..closed.clone() };
    assert_eq!(judge(Some("one"), Some(&disabled), &secrets), Err(Trouble::FormClientIdInvalid));
    let other = Application { name: "other".into(), ..closed };
    assert_eq!(judge(Some("one"), Some(&other), &secrets), Err(Trouble::FormClientIdInvalid));
}

thread_local! {
    /// How many hashes were compared.
    pub(super) static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// Time tells nobody which applications there are, nor which of them have secrets: each path compares the same.
#[test]
fn the_same_is_compared_whatever_is_there() {
    let closed = application(ApplicationKind::Confidential);
    let disabled = Application { disabled: true, ..closed.clone() };
    let open = application(ApplicationKind::Public);
    let secrets = [(Which::Primary, hash("one")), (Which::Secondary, hash("two"))];
    for application in [None, Some(&closed), Some(&disabled), Some(&open)] {
        for secrets in [&secrets[..], &secrets[..1], &secrets[1..], &[]] {
            for secret in [None, Some("one"), Some("two"), Some("three"), Some("")] {
                let presented = Presented { id: "app".into(), secret: secret.map(str::to_owned), way: Way::Basic };
                COMPARED.set(0);
                let _ = authenticate(&presented, application, secrets);
                assert_eq!(COMPARED.get(), 2, "{presented:?} {application:?}");
            }
        }
    }
}

#[test]
fn a_hash_that_is_absent_matches_nothing() {
    // No text has this hash; but were one found, it would still open nothing.
    assert_eq!(matching("", &[]), None);
    assert_eq!(matching("x", &[(Which::Primary, [0; 32])]), None);
}

#[test]
fn a_secret_is_not_in_the_debug_form() {
    let shown = format!("{:?}", presented(&[&encoded("app:hush")], &form("")).unwrap());
    assert!(shown.contains("app") && !shown.contains("hush"));
}

proptest! {
    #[test]
    fn every_id_and_secret_of_ours_can_be_sent_in_each_way(
        id in "[a-z0-9][a-z0-9_-]{0,30}",
        secret in "[A-Za-z0-9_-]{1,60}",
    ) {
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let raw = basic(&id, &secret);
        let quoted = encoded(&format!("{}:{}", escaped(&id), escaped(&secret)));
        let in_body = format!("client_id={id}&client_secret={}", escaped(&secret));
        for (headers, body) in [(vec![raw.as_str()], ""), (vec![quoted.as_str()], ""), (vec![], in_body.as_str())] {
            let (told_id, told_secret, _) = read(&headers, body).unwrap();
            prop_assert_eq!((told_id.as_str(), told_secret.as_deref()), (id.as_str(), Some(secret.as_str())));
        }
    }

    #[test]
    fn no_header_panics(value in "\\PC{0,60}", body in "[a-z_=&%]{0,40}") {
        let _ = presented(&[&value, &format!("Basic {value}")], &form(&body));
        let _ = presented(&[&encoded(&value)], &Form::default());
    }
}

//! What the sample needs to be signed in to: two applications that work from this machine, a logo, passwords.

use limen_portal::{Passwords, drawn_logo};
use limen_rules::model::{Application, ApplicationKind, Connection, Name};
use limen_rules::record::Which;
use limen_rules::sign_in::secret;
use limen_store::Store;
use serde::Serialize;

use super::{DEVELOPER, ENVIRONMENT, FULL, READ_ONLY, unmade};
use crate::up::adapters::SystemRandomness;
use crate::up::failure::StartFailure;
use crate::up::secret as random;

/// The application with secrets, as it runs on a server.
pub(super) const APPLICATION: &str = "ada-app";
/// The application without, as it runs in a terminal.
pub(crate) const PUBLIC_APPLICATION: &str = "ada-cli";
/// Where a program on this machine waits for its user to come back.
const REDIRECT_URI: &str = "http://localhost:8400/callback";
/// The same by address: it matches on any port.
const LOOPBACK_REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// What is told once of signing in.
#[derive(Debug, Serialize)]
pub(in crate::up) struct SignIn {
    pub(in crate::up) application: SecretApplication,
    pub(in crate::up) public_application: &'static str,
    pub(in crate::up) environment: &'static str,
    pub(in crate::up) passwords: UserPasswords,
}

/// The sample's confidential application.
#[derive(Debug, Serialize)]
pub(in crate::up) struct SecretApplication {
    pub(in crate::up) id: &'static str,
    pub(in crate::up) primary_secret: String,
    pub(in crate::up) secondary_secret: String,
    pub(in crate::up) redirect_uri: &'static str,
}

/// A password for each of the sample's users.
#[derive(Debug, Serialize)]
pub(in crate::up) struct UserPasswords {
    pub(in crate::up) full: String,
    pub(in crate::up) read_only: String,
    pub(in crate::up) restricted: String,
}

pub(super) fn applications() -> Vec<Application> {
    let application = |name: &str, title: &str, kind| Application {
        name: name.into(),
        title: title.into(),
        developer: DEVELOPER.into(),
        organisation: "Ada Example".into(),
        website: String::new(),
        kind,
        redirect_uris: vec![REDIRECT_URI.into(), LOOPBACK_REDIRECT_URI.into()],
        disabled: false,
    };
    vec![
        application(APPLICATION, "Ada's first application", ApplicationKind::Confidential),
        application(PUBLIC_APPLICATION, "Ada's terminal", ApplicationKind::Public),
    ]
}

pub(super) fn connections() -> Vec<Connection> {
    let connection = |application: &str| Connection {
        application: application.into(),
        environment: ENVIRONMENT.into(),
        ..Connection::default()
    };
    vec![connection(APPLICATION), connection(PUBLIC_APPLICATION)]
}

/// Names of the applications, so that they can be removed.
pub(super) fn application_names() -> Vec<Name> {
    [APPLICATION, PUBLIC_APPLICATION].map(Name::from).to_vec()
}

/// Makes secrets, logos and passwords for what was applied.
pub(super) async fn make(store: &Store, now_us: i64) -> Result<SignIn, StartFailure> {
    for application in [APPLICATION, PUBLIC_APPLICATION] {
        store.put_application_logo(application, drawn_logo().map_err(unmade)?, now_us).await.map_err(unmade)?;
    }
    let application = SecretApplication {
        id: APPLICATION,
        primary_secret: new_secret(store, Which::Primary, now_us).await?,
        secondary_secret: new_secret(store, Which::Secondary, now_us).await?,
        redirect_uri: REDIRECT_URI,
    };
    let passwords = Passwords::default();
    let (full, read_only, restricted) = tokio::try_join!(
        new_password(store, &passwords, FULL, now_us),
        new_password(store, &passwords, READ_ONLY, now_us),
        new_password(store, &passwords, limen_sample::RESTRICTED_USER, now_us),
    )?;
    let passwords = UserPasswords { full, read_only, restricted };
    Ok(SignIn { application, public_application: PUBLIC_APPLICATION, environment: ENVIRONMENT, passwords })
}

async fn new_secret(store: &Store, which: Which, now_us: i64) -> Result<String, StartFailure> {
    let made = filled(|fill| secret::generate(fill))?;
    store.put_application_secret(APPLICATION, which, secret::hash(&made), now_us).await.map_err(unmade)?;
    Ok(made)
}

async fn new_password(store: &Store, passwords: &Passwords, user: &str, now_us: i64) -> Result<String, StartFailure> {
    let made = filled(|fill| secret::generate_password(fill))?;
    let phc = passwords.hash(&made, &SystemRandomness).await.map_err(unmade)?;
    store.set_password(user, &phc, None, now_us).await.map_err(unmade)?;
    Ok(made)
}

/// What is made out of randomness, if there was some.
pub(super) fn filled(make: impl FnOnce(&mut dyn FnMut(&mut [u8])) -> String) -> Result<String, StartFailure> {
    let mut outcome = Ok(());
    let made = make(&mut |bytes: &mut [u8]| {
        if outcome.is_ok() {
            outcome = random::fill(bytes);
        }
    });
    outcome.map(|()| made)
}

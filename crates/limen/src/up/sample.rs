//! The sample that a first run publishes: an API with its product, people and credentials, and the service behind it.

mod policies;
mod sign_in;

use std::net::SocketAddr;

use limen_portal::ports::{Sample as SampleNames, Signer};
use limen_rules::key;
use limen_rules::model::{
    Api, CountedBy, Declared, Developer, Environment, Membership, Name, Product, Quota, Rate, Role, SAMPLE_TARGET, User,
};
use limen_rules::openapi::{self, Wanted};
use limen_rules::period::{CalendarUnit, Period};
use limen_rules::record::{Grant, StoredKey, Subscription, SubscriptionState, Which};
use limen_rules::target::Target;
use limen_rules::token::{Claims, Mode};
use limen_store::{Store, StoreError};
use serde::Serialize;

use super::failure::StartFailure;
pub(super) use sign_in::SignIn;
use sign_in::{APPLICATION, filled};
#[cfg(test)]
pub(super) use sign_in::{SecretApplication, UserPasswords};

/// Where the sample is published.
pub(super) const BASE_PATH: &str = "/constituent/v1";
/// Where the store keeps the id of the sample's subscription.
const SUBSCRIPTION_SETTING: &str = "sample_subscription";
const API: &str = "constituent";
const PRODUCT: &str = "standard";
const DEVELOPER: &str = "ada";
const ENVIRONMENT: &str = "demo";
const ADMINISTRATOR: &str = "administrator";
const READER: &str = "reader";
const FULL: &str = "full";
const READ_ONLY: &str = "read-only";
/// How long the first run's tokens live.
const TOKEN_LIFE_S: i64 = 86_400;

/// The first run's credentials, told once.
#[derive(Debug, Serialize)]
pub(super) struct Credentials {
    pub(super) primary_key: String,
    pub(super) secondary_key: String,
    pub(super) tokens: Tokens,
    #[serde(flatten)]
    pub(super) sign_in: SignIn,
}

/// A token for each of the sample's users.
#[derive(Debug, Serialize)]
pub(super) struct Tokens {
    pub(super) full: String,
    pub(super) read_only: String,
    pub(super) restricted: String,
}

/// The names of what the sample is made of, so that it can be removed.
pub(super) async fn names(store: &Store) -> Result<SampleNames, StoreError> {
    let subscription = store.setting(SUBSCRIPTION_SETTING).await?;
    let names = |names: &[&str]| names.iter().map(|name| Name::from(*name)).collect();
    Ok(SampleNames {
        apis: names(&[API]),
        products: names(&[PRODUCT]),
        subscriptions: subscription.into_iter().map(Name::from).collect(),
        applications: sign_in::application_names(),
        environments: names(&[ENVIRONMENT]),
        roles: names(&[ADMINISTRATOR, READER]),
        users: names(&[FULL, READ_ONLY, limen_sample::RESTRICTED_USER]),
    })
}

/// Whether the sample is published.
pub(super) fn is_alive(declared: &Declared) -> bool {
    declared.apis.iter().any(|api| api.target.as_deref() == Some(SAMPLE_TARGET))
}

/// The API, as its own document describes it.
fn api() -> Result<Api, StartFailure> {
    let document = openapi::read(limen_sample::OPENAPI.as_bytes()).map_err(unmade)?;
    let wanted = Wanted {
        name: API.into(),
        base_path: Some(BASE_PATH.into()),
        targets: vec![SAMPLE_TARGET.into()],
        existing: None,
    };
    Ok(policies::guarded(openapi::import(&document, &wanted).map_err(unmade)?.api))
}

fn declared() -> Result<Declared, StartFailure> {
    let role = |name: &str, title: &str, permissions: &[&str]| Role {
        name: name.into(),
        title: title.into(),
        permissions: permissions.iter().map(|one| Name::from(*one)).collect(),
    };
    let user = |name: &str, (given_name, family_name): (&str, &str), role: &str| User {
        name: name.into(),
        title: format!("{given_name} {family_name}"),
        given_name: given_name.into(),
        family_name: family_name.into(),
        external_subject: None,
        email: format!("{name}@demo.example"),
        disabled: false,
        memberships: vec![Membership {
            environment: ENVIRONMENT.into(),
            roles: vec![role.into()],
            administrator: role == ADMINISTRATOR,
            ..Membership::default()
        }],
        ..User::default()
    };
    Ok(Declared {
        apis: vec![api()?],
        products: vec![Product {
            name: PRODUCT.into(),
            title: "Standard".into(),
            apis: vec![API.into()],
            rate: Some(Rate { calls: 5, window_s: 1 }),
            quota: Some(Quota {
                calls: Some(25_000),
                bytes: None,
                period: Period::calendar(CalendarUnit::Day, "UTC").map_err(unmade)?,
            }),
            approval_needed: false,
            terms: None,
            counted_by: CountedBy::default(),
        }],
        developers: vec![Developer {
            name: DEVELOPER.into(),
            title: "Ada Example".into(),
            email: "ada@developer.example".into(),
        }],
        applications: sign_in::applications(),
        environments: vec![Environment {
            name: ENVIRONMENT.into(),
            title: "Demo".into(),
            legal_entity: "Demo Foundation".into(),
            legal_entity_id: None,
        }],
        roles: vec![
            role(ADMINISTRATOR, "Administrator", &["constituent.read", "constituent.write", "note.read", "note.write"]),
            role(READER, "Reader", &["constituent.read", "note.read"]),
        ],
        users: vec![
            user(FULL, ("Farah", "Full"), ADMINISTRATOR),
            user(READ_ONLY, ("Rea", "Reader"), READER),
            policies::restricted(user(limen_sample::RESTRICTED_USER, ("Rory", "Restricted"), READER)),
        ],
        connections: sign_in::connections(),
        ..Declared::default()
    })
}

/// Publishes the sample and makes its credentials.
pub(super) async fn make(store: &Store, signer: &dyn Signer, now_us: i64) -> Result<Credentials, StartFailure> {
    store.apply(&declared()?, now_us, false).await.map_err(unmade)?;
    // A first run that was killed half-way left one whose keys nobody was told.
    if let Some(earlier) = store.setting(SUBSCRIPTION_SETTING).await.map_err(unmade)? {
        let _ = store.set_subscription_state(&earlier, SubscriptionState::Cancelled, now_us).await;
    }
    let (primary_key, secondary_key) = (new_key()?, new_key()?);
    let stored = |which, key: &str| StoredKey { which, hash: key::hash(key), made_at_us: now_us, valid_until_us: None };
    let subscription = Subscription {
        id: format!("sub_{}", random_name(12)?).into(),
        product: PRODUCT.into(),
        developer: DEVELOPER.into(),
        state: SubscriptionState::Active,
        created_at_us: now_us,
        started_at_us: now_us,
        ends_at_us: None,
        keys: vec![stored(Which::Primary, &primary_key), stored(Which::Secondary, &secondary_key)],
    };
    store.set_setting(SUBSCRIPTION_SETTING, &subscription.id).await.map_err(unmade)?;
    store.insert_subscription(&subscription).await.map_err(unmade)?;
    // Before the tokens: a new password ends what was given before it.
    let sign_in = sign_in::make(store, now_us).await?;
    let tokens = Tokens {
        full: issue(store, signer, FULL, now_us).await?,
        read_only: issue(store, signer, READ_ONLY, now_us).await?,
        restricted: issue(store, signer, limen_sample::RESTRICTED_USER, now_us).await?,
    };
    Ok(Credentials { primary_key, secondary_key, tokens, sign_in })
}

async fn issue(store: &Store, signer: &dyn Signer, user: &str, now_us: i64) -> Result<String, StartFailure> {
    let now_s = now_us.div_euclid(1_000_000);
    let grant = Grant {
        id: format!("grant_{}", random_name(16)?).into(),
        user: user.into(),
        application: Some(APPLICATION.into()),
        environment: ENVIRONMENT.into(),
        scope: None,
        issued_at_us: now_us,
        expires_at_us: now_us + TOKEN_LIFE_S * 1_000_000,
        refresh_expires_at_us: None,
        revoked_at_us: None,
    };
    let issuer = signer.issuer();
    let claims = Claims {
        iss: issuer.issuer,
        sub: user.into(),
        aud: issuer.audience,
        client_id: APPLICATION.into(),
        iat: now_s,
        exp: now_s + TOKEN_LIFE_S,
        nbf: None,
        jti: random_name(24)?,
        grant: grant.id.clone(),
        environment: ENVIRONMENT.into(),
        mode: Mode::Full,
        scope: None,
    };
    store.insert_grant(&grant).await.map_err(unmade)?;
    signer.issue(&claims).map_err(unmade)
}

fn new_key() -> Result<String, StartFailure> {
    filled(|fill| key::generate(fill))
}

fn random_name(length: usize) -> Result<String, StartFailure> {
    filled(|fill| key::random_base62(length, fill).to_ascii_lowercase())
}

fn unmade(error: impl std::fmt::Display) -> StartFailure {
    StartFailure::of(
        "The sample could not be made",
        error,
        "Start with --no-sample, or in another folder with --data-dir.",
    )
}

/// Serves the sample, and tells where calls to it go.
pub(super) async fn target(store: &Store, gateway_url: &str) -> Result<Option<Target>, StartFailure> {
    let address = serve(store, gateway_url).await?;
    Ok(Target::parse(&format!("http://{address}")).ok())
}

/// Starts the service behind the sample API on a free loopback port.
async fn serve(store: &Store, gateway_url: &str) -> Result<SocketAddr, StartFailure> {
    let way_out = "Remove the file that is named to have it made anew, or start with --no-sample.";
    let failed = |error: &dyn std::fmt::Display| StartFailure::of("The sample service could not start", error, way_out);
    let settings = limen_sample::Settings {
        database: store.folder().file("sample.sqlite"),
        public_base_url: format!("{gateway_url}{BASE_PATH}"),
    };
    let sample = limen_sample::open(settings).await.map_err(|error| failed(&error))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(|error| failed(&error))?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    tokio::spawn(async move {
        if let Err(error) = sample.serve(listener, std::future::pending()).await {
            tracing::error!(%error, "the sample service ended");
        }
    });
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use limen_rules::declared::check_values;
    use limen_rules::model::{Access, Validate};

    #[test]
    fn the_sample_is_what_its_document_says_and_all_of_it_is_enforced() {
        let document = openapi::read(limen_sample::OPENAPI.as_bytes()).expect("a document");
        let wanted = Wanted { name: API.into(), ..Wanted::default() };
        assert_eq!(openapi::import(&document, &wanted).expect("an API").losses, []);
        let api = api().expect("an API");
        assert_eq!((api.access, api.validate, &*api.title), (Access::KeyAndToken, Validate::Schema, "Constituents"));
        let mut named: Vec<_> = api
            .operations
            .iter()
            .map(|one| format!("{} {} {} {}", one.name, one.method, one.path, one.permission.as_deref().unwrap_or("-")))
            .collect();
        named.sort();
        let (one, notes) = ("/constituents/{constituent_id}", "/constituents/{constituent_id}/notes");
        assert_eq!(
            named,
            [
                "create-constituent POST /constituents constituent.write".to_owned(),
                format!("create-note POST {notes} note.write"),
                format!("delete-constituent DELETE {one} constituent.write"),
                format!("delete-note DELETE {notes}/{{note_id}} note.write"),
                format!("get-constituent GET {one} constituent.read"),
                format!("get-note GET {notes}/{{note_id}} note.read"),
                "list-constituents GET /constituents constituent.read".to_owned(),
                format!("list-notes GET {notes} note.read"),
                "search-constituents GET /constituents/search constituent.read".to_owned(),
                format!("update-constituent PATCH {one} constituent.write"),
                format!("update-note PATCH {notes}/{{note_id}} note.write"),
            ]
        );
        let declared = declared().expect("objects");
        assert_eq!(check_values(&declared), []);
        let granted: Vec<_> = declared.roles.iter().flat_map(|role| &role.permissions).collect();
        for operation in &declared.apis[0].operations {
            assert!(operation.permission.as_ref().is_some_and(|one| granted.contains(&one)), "{}", operation.name);
        }
    }
}

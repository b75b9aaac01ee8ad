//! The few declared objects that one request to sign in or for a token is about, read by name: what was declared may be
//! large, and such requests are many.

use limen_rules::model::{Api, Application, Connection, Environment, Name, Role, User, connection_name};
use limen_rules::sign_in::record::StoredSecret;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteConnection;

use super::{secret, standing};
use crate::error::StoreError;
use crate::resource::ResourceKind;
use crate::store::Store;

/// The objects that a grant is about, as they are now; what isn't there any more is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Party {
    /// Who is acted for; none for an application that acts for itself.
    pub user: Option<User>,
    /// Where.
    pub environment: Option<Environment>,
    /// The approval of the application there.
    pub connection: Option<Connection>,
}

impl Store {
    /// An application and its secrets. Takes as much work for a name that nobody has.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn application(&self, name: &str) -> Result<(Option<Application>, Vec<StoredSecret>), StoreError> {
        let mut reading = self.read().await?;
        let application = standing::find(&mut reading, ResourceKind::Application, name).await?;
        Ok((application, secret::of(&mut reading, name).await?))
    }

    /// Every application.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn applications(&self) -> Result<Vec<Application>, StoreError> {
        let mut reading = self.read().await?;
        all(&mut reading, ResourceKind::Application).await
    }

    /// Every API.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn apis(&self) -> Result<Vec<Api>, StoreError> {
        let mut reading = self.read().await?;
        all(&mut reading, ResourceKind::Api).await
    }

    /// What a grant is about.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn party(&self, user: &str, application: &str, environment: &str) -> Result<Party, StoreError> {
        let mut reading = self.read().await?;
        let connection = connection_name(application, environment);
        Ok(Party {
            user: standing::find(&mut reading, ResourceKind::User, user).await?,
            environment: standing::find(&mut reading, ResourceKind::Environment, environment).await?,
            connection: standing::find(&mut reading, ResourceKind::Connection, &connection).await?,
        })
    }

    /// The connections of an application, by environment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connections_of_application(&self, application: &str) -> Result<Vec<Connection>, StoreError> {
        let mut reading = self.read().await?;
        // `APPLICATION@ENVIRONMENT`; what sorts right behind the `@` is an `A`.
        let documents: Vec<String> = sqlx::query_scalar(
            "SELECT document FROM resource WHERE kind = $1 AND name >= $2 AND name < $3 ORDER BY name",
        )
        .bind(ResourceKind::Connection.as_str())
        .bind(format!("{application}@"))
        .bind(format!("{application}A"))
        .fetch_all(&mut *reading)
        .await?;
        parsed(ResourceKind::Connection, &documents)
    }

    /// The permissions that roles give together, each once; roles that aren't there give none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn permissions_of_roles(&self, roles: &[Name]) -> Result<Vec<Name>, StoreError> {
        let mut reading = self.read().await?;
        let mut permissions = Vec::new();
        for name in roles {
            let role: Option<Role> = standing::find(&mut reading, ResourceKind::Role, name).await?;
            permissions.extend(role.map(|role| role.permissions).unwrap_or_default());
        }
        permissions.sort_unstable();
        permissions.dedup();
        Ok(permissions)
    }
}

async fn all<T: DeserializeOwned>(connection: &mut SqliteConnection, kind: ResourceKind) -> Result<Vec<T>, StoreError> {
    let documents: Vec<String> = sqlx::query_scalar("SELECT document FROM resource WHERE kind = $1 ORDER BY position")
        .bind(kind.as_str())
        .fetch_all(connection)
        .await?;
    parsed(kind, &documents)
}

fn parsed<T: DeserializeOwned>(kind: ResourceKind, documents: &[String]) -> Result<Vec<T>, StoreError> {
    let read = documents.iter().map(|document| serde_json::from_str(document)).collect::<Result<_, _>>();
    read.map_err(|error| StoreError::damaged(format!("a stored {kind} can't be understood: {error}")))
}

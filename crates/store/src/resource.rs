//! What was declared: APIs, products, developers, applications, environments, roles, users,
//! connections and issuers, one document each.
//! Whether they refer to each other rightly is checked before they come here.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use limen_rules::model::{Declared, Name, connection_name};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::revision;
use crate::sign_in::ending;
use crate::store::Store;

/// What kind of object was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceKind {
    /// An API with its operations.
    Api,
    /// A product.
    Product,
    /// A developer.
    Developer,
    /// An application.
    Application,
    /// An environment.
    Environment,
    /// A role.
    Role,
    /// A user.
    User,
    /// A connection, named `APPLICATION@ENVIRONMENT`.
    Connection,
    /// An issuer of tokens.
    Issuer,
}

impl ResourceKind {
    /// The kind as it is written: `api`, `product` and so on.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Product => "product",
            Self::Developer => "developer",
            Self::Application => "application",
            Self::Environment => "environment",
            Self::Role => "role",
            Self::User => "user",
            Self::Connection => "connection",
            Self::Issuer => "issuer",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names a declared object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceId {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its name, unique within the kind.
    pub name: Name,
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// What [`Store::apply`] did or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Was not there before.
    pub created: Vec<ResourceId>,
    /// Was there with another content.
    pub changed: Vec<ResourceId>,
    /// Was there just so.
    pub unchanged: Vec<ResourceId>,
}

impl Store {
    /// Creates what isn't there yet and replaces what is different, all or nothing; what isn't named stays. With
    /// `dry_run` only says what it would do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn apply(&self, declared: &Declared, now_us: i64, dry_run: bool) -> Result<Applied, StoreError> {
        let declared = declared.clone();
        self.write(move |connection| {
            Box::pin(async move {
                let mut applying = Applying { connection, now_us, dry_run, applied: Applied::default() };
                applying.put(ResourceKind::Api, &declared.apis, |one| one.name.clone()).await?;
                applying.put(ResourceKind::Product, &declared.products, |one| one.name.clone()).await?;
                applying.put(ResourceKind::Developer, &declared.developers, |one| one.name.clone()).await?;
                applying.put(ResourceKind::Application, &declared.applications, |one| one.name.clone()).await?;
                applying.put(ResourceKind::Environment, &declared.environments, |one| one.name.clone()).await?;
                applying.put(ResourceKind::Role, &declared.roles, |one| one.name.clone()).await?;
                applying.put(ResourceKind::User, &declared.users, |one| one.name.clone()).await?;
                applying
                    .put(ResourceKind::Connection, &declared.connections, |one| {
                        connection_name(&one.application, &one.environment)
                    })
                    .await?;
                applying.put(ResourceKind::Issuer, &declared.issuers, |one| one.name.clone()).await?;
                let Applying { connection, applied, .. } = applying;
                let different = applied.created.len() + applied.changed.len();
                if different > 0 && !dry_run {
                    ending::end_disabled(connection, &declared, &applied, now_us).await?;
                    revision::raise(connection, "resource", "").await?;
                }
                Ok(applied)
            })
        })
        .await
    }

    /// Removes a declared object, and with it what hangs on it: the sessions, consents, secrets and grants of a user, an
    /// application, an environment or a connection. That nothing else names it is for the caller to see to.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn remove(&self, kind: ResourceKind, name: &str, now_us: i64) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let removed = sqlx::query("DELETE FROM resource WHERE kind = $1 AND name = $2")
                    .bind(kind.as_str())
                    .bind(&name)
                    .execute(&mut *connection)
                    .await?;
                if removed.rows_affected() == 0 {
                    return Err(StoreError::not_found(format!("{kind} {name}")));
                }
                ending::end_removed(connection, kind, &name, now_us).await?;
                Ok(revision::raise(connection, "resource", "").await?)
            })
        })
        .await
    }

    /// Everything that was declared; each kind in the order in which its objects first came.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn declared(&self) -> Result<Declared, StoreError> {
        let mut reading = self.read().await?;
        load(&mut reading).await
    }
}

impl Store {
    /// The same, read anew only where something changed since: pages ask for it with every request.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn declared_at_present(&self) -> Result<Arc<Declared>, StoreError> {
        // Read before the objects are: what is kept under it is never older. One reads, the others wait for it.
        let mut kept = self.declared_cache().lock().await;
        let revision = *self.watch_revision().borrow();
        if let Some((of, declared)) = kept.as_ref()
            && *of == revision
        {
            return Ok(Arc::clone(declared));
        }
        let declared = Arc::new(self.declared().await?);
        *kept = Some((revision, Arc::clone(&declared)));
        Ok(declared)
    }
}

struct Applying<'c> {
    connection: &'c mut SqliteConnection,
    now_us: i64,
    dry_run: bool,
    applied: Applied,
}

impl Applying<'_> {
    async fn put<T>(&mut self, kind: ResourceKind, objects: &[T], name: fn(&T) -> Name) -> Result<(), StoreError>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        if objects.is_empty() {
            return Ok(());
        }
        let stored: Vec<(String, String)> = sqlx::query_as("SELECT name, document FROM resource WHERE kind = $1")
            .bind(kind.as_str())
            .fetch_all(&mut *self.connection)
            .await?;
        let stored: HashMap<String, String> = stored.into_iter().collect();
        for object in objects {
            let id = ResourceId { kind, name: name(object) };
            let document = stored.get(&*id.name);
            // Compared as objects, not as text: a member that a later version added is no change by itself.
            if document.and_then(|text| serde_json::from_str::<T>(text).ok()).as_ref() == Some(object) {
                self.applied.unchanged.push(id);
                continue;
            }
            if !self.dry_run {
                self.write(&id, object).await?;
            }
            match document {
                Some(_) => self.applied.changed.push(id),
                None => self.applied.created.push(id),
            }
        }
        Ok(())
    }

    async fn write<T: Serialize>(&mut self, id: &ResourceId, object: &T) -> Result<(), StoreError> {
        let document = serde_json::to_string(object)
            .map_err(|error| StoreError::damaged(format!("{id} can't be written: {error}")))?;
        sqlx::query(
            "INSERT INTO resource (kind, name, document, changed_at_us) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document, changed_at_us = excluded.changed_at_us",
        )
        .bind(id.kind.as_str())
        .bind(&*id.name)
        .bind(document)
        .bind(self.now_us)
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

/// As [`Store::declared`].
pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Declared, StoreError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT kind, name, document FROM resource ORDER BY position").fetch_all(connection).await?;
    let mut declared = Declared::default();
    for (kind, name, document) in &rows {
        let added = match kind.as_str() {
            "api" => add(&mut declared.apis, document),
            "product" => add(&mut declared.products, document),
            "developer" => add(&mut declared.developers, document),
            "application" => add(&mut declared.applications, document),
            "environment" => add(&mut declared.environments, document),
            "role" => add(&mut declared.roles, document),
            "user" => add(&mut declared.users, document),
            "connection" => add(&mut declared.connections, document),
            "issuer" => add(&mut declared.issuers, document),
            _ => return Err(StoreError::damaged(format!("a stored object has the unknown kind {kind}"))),
        };
        added.map_err(|error| StoreError::damaged(format!("the stored {kind} {name} can't be understood: {error}")))?;
    }
    Ok(declared)
}

fn add<T: DeserializeOwned>(objects: &mut Vec<T>, document: &str) -> serde_json::Result<()> {
    objects.push(serde_json::from_str(document)?);
    Ok(())
}

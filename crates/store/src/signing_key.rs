//! Keys that sign tokens and assertions. The private halves come sealed and leave sealed: this crate can't open them.

use std::fmt;

use limen_rules::model::Name;
use limen_rules::record::VerifyingKey;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::revision;
use crate::store::Store;

/// A stored signing key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id: `kid`.
    pub kid: Name,
    /// The public point, uncompressed (SEC 1), 65 bytes.
    pub public_point: Vec<u8>,
    /// The private half as its owner sealed it.
    pub private_sealed: Vec<u8>,
    /// When it was made.
    pub created_at_us: i64,
    /// From when it signs; published before that, so that verifiers know it in time.
    pub signs_from_us: i64,
    /// From when it is no longer trusted; none: not yet known.
    pub trusted_until_us: Option<i64>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("signs_from_us", &self.signs_from_us)
            .field("trusted_until_us", &self.trusted_until_us)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Adds a key and, in the same write, sets a time to the trust in all keys that had none. Keys whose time was
    /// over at `now_us` go.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is a key of that id; [`StoreError::Unavailable`].
    pub async fn insert_signing_key(
        &self,
        key: &SigningKey,
        others_trusted_until_us: Option<i64>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM signing_key WHERE trusted_until_us <= $1")
                    .bind(now_us)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("UPDATE signing_key SET trusted_until_us = $1 WHERE trusted_until_us IS NULL")
                    .bind(others_trusted_until_us)
                    .execute(&mut *connection)
                    .await?;
                insert(connection, &key).await?;
                Ok(revision::raise(connection, "signing_key", &key.kid).await?)
            })
        })
        .await
    }

    /// Sets until when the key is trusted: now or the past, and it isn't any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn trust_signing_key_until(&self, kid: &str, until_us: i64) -> Result<(), StoreError> {
        let kid = kid.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let changed = sqlx::query("UPDATE signing_key SET trusted_until_us = $2 WHERE kid = $1")
                    .bind(&kid)
                    .bind(until_us)
                    .execute(&mut *connection)
                    .await?;
                if changed.rows_affected() == 0 {
                    return Err(StoreError::not_found(format!("signing key {kid}")));
                }
                Ok(revision::raise(connection, "signing_key", &kid).await?)
            })
        })
        .await
    }

    /// Every key, the one that signs from the latest time last.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let mut reading = self.read().await?;
        Ok(load(&mut reading).await?)
    }
}

async fn insert(connection: &mut SqliteConnection, key: &SigningKey) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO signing_key (kid, public_point, private_sealed, created_at_us, signs_from_us, trusted_until_us)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(&*key.kid)
    .bind(&*key.public_point)
    .bind(&*key.private_sealed)
    .bind(key.created_at_us)
    .bind(key.signs_from_us)
    .bind(key.trusted_until_us)
    .execute(connection)
    .await?;
    match inserted.rows_affected() {
        0 => Err(StoreError::conflict(format!("there already is a signing key {}", key.kid))),
        _ => Ok(()),
    }
}

async fn load(connection: &mut SqliteConnection) -> sqlx::Result<Vec<SigningKey>> {
    type Row = (String, Vec<u8>, Vec<u8>, i64, i64, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT kid, public_point, private_sealed, created_at_us, signs_from_us, trusted_until_us
         FROM signing_key ORDER BY signs_from_us, created_at_us, kid",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(kid, public_point, private_sealed, created_at_us, signs_from_us, trusted_until_us)| SigningKey {
            kid: kid.into(),
            public_point,
            private_sealed,
            created_at_us,
            signs_from_us,
            trusted_until_us,
        })
        .collect())
}

/// The public halves of the keys that are trusted at `now_us` or will be.
pub(crate) async fn verifying(connection: &mut SqliteConnection, now_us: i64) -> sqlx::Result<Vec<VerifyingKey>> {
    let keys = load(connection).await?.into_iter();
    Ok(keys
        .filter(|key| key.trusted_until_us.is_none_or(|until_us| until_us > now_us))
        .map(|key| VerifyingKey {
            kid: key.kid,
            public_point: key.public_point,
            created_at_us: key.created_at_us,
            trusted_until_us: key.trusted_until_us,
        })
        .collect())
}

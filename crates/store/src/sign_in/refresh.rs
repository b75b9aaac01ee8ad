//! Refresh tokens: of each family the one that is good now and, for seconds, the one before it with the answer that
//! replaced it. An older one is known by its family alone.

use limen_rules::record::Grant;
use limen_rules::sign_in::record::{Hash, NewRefresh, RefreshHash, RefreshPresented, Rotation, StoredRefresh};
use limen_rules::sign_in::refresh::{self, Verdict};
use limen_rules::sign_in::trouble::Trouble;
use sqlx::sqlite::SqliteConnection;

use super::ending::{self, Ended};
use super::{standing, sweep};
use crate::error::StoreError;
use crate::grant;
use crate::store::Store;

impl Store {
    /// A refresh token as it stands; none: its family is unknown, or forgotten.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn refresh_token(&self, hash: &RefreshHash) -> Result<Option<StoredRefresh>, StoreError> {
        let mut reading = self.read().await?;
        find(&mut reading, hash).await
    }

    /// Uses a refresh token: puts `next` in its place and keeps `sealed_answer` for a repeat, or keeps the token, or
    /// finds the answer to repeat, or says why not and revokes its family where it must. The grant's access tokens end
    /// with `access_expires_at_us` then. When this returns, all of it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `next` is of another family; [`StoreError::Unavailable`]: nothing was used up, or
    /// all of it was done, and the same token gets the same answer.
    pub async fn rotate_refresh(
        &self,
        hash: &RefreshHash,
        presented: &RefreshPresented,
        next: NewRefresh,
        sealed_answer: Vec<u8>,
        access_expires_at_us: i64,
        now_us: i64,
    ) -> Result<Rotation, StoreError> {
        let (hash, presented) = (*hash, presented.clone());
        self.write(move |connection| {
            Box::pin(async move {
                let invalid = Ok(Rotation::Refused(Trouble::RefreshTokenInvalid));
                let Some(stored) = find(connection, &hash).await? else { return invalid };
                let verdict = refresh::judge(&stored, &presented, now_us);
                let Grant { id, user, environment, .. } = &stored.grant;
                if matches!(verdict, Verdict::Rotate | Verdict::Preserve | Verdict::Repeat)
                    && !standing::stands(connection, user, &presented.application, environment).await?
                {
                    return invalid;
                }
                match verdict {
                    Verdict::Rotate => {
                        replace(connection, &hash, next, sealed_answer, now_us).await?;
                        prolong(connection, stored.grant, access_expires_at_us, Some(next.expires_at_us)).await?;
                        sweep::some(connection, now_us).await?;
                        Ok(Rotation::Rotated)
                    }
                    Verdict::Preserve => {
                        preserve(connection, &hash, id).await?;
                        prolong(connection, stored.grant, access_expires_at_us, None).await?;
                        Ok(Rotation::Preserved)
                    }
                    // Without the answer there is no such verdict.
                    Verdict::Repeat => Ok(stored
                        .sealed_answer
                        .map_or(Rotation::Refused(Trouble::RefreshTokenInvalid), Rotation::Repeat)),
                    Verdict::Refuse(trouble) => Ok(Rotation::Refused(trouble)),
                    Verdict::RefuseAndRevoke(trouble) => {
                        ending::revoke_grants(connection, Ended::Grant(id), now_us).await?;
                        Ok(Rotation::Refused(trouble))
                    }
                }
            })
        })
        .await
    }
}

/// Keeps the token that is good now.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    grant: &str,
    new: &NewRefresh,
    now_us: i64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO refresh_token (hash, grant_id, issued_at_us, expires_at_us) VALUES ($1, $2, $3, $4)")
        .bind(new.hash.token.as_slice())
        .bind(grant)
        .bind(now_us)
        .bind(new.expires_at_us)
        .execute(connection)
        .await?;
    Ok(())
}

/// Puts `next` in the place of the token that is good now. That one is used by this, so the one before it goes.
async fn replace(
    connection: &mut SqliteConnection,
    hash: &RefreshHash,
    next: NewRefresh,
    sealed_answer: Vec<u8>,
    now_us: i64,
) -> Result<(), StoreError> {
    if next.hash.family != hash.family {
        return Err(StoreError::conflict("the next refresh token is of another family"));
    }
    let grant: String = sqlx::query_scalar("SELECT grant_id FROM refresh_token WHERE hash = $1")
        .bind(hash.token.as_slice())
        .fetch_one(&mut *connection)
        .await?;
    forget_predecessor(connection, &grant).await?;
    sqlx::query("UPDATE refresh_token SET successor = $2, replaced_at_us = $3, sealed_answer = $4 WHERE hash = $1")
        .bind(hash.token.as_slice())
        .bind(next.hash.token.as_slice())
        .bind(now_us)
        .bind(sealed_answer)
        .execute(&mut *connection)
        .await?;
    insert(connection, &grant, &next, now_us).await
}

async fn preserve(connection: &mut SqliteConnection, hash: &RefreshHash, grant: &str) -> Result<(), StoreError> {
    forget_predecessor(connection, grant).await?;
    sqlx::query("UPDATE refresh_token SET preserved_uses = preserved_uses + 1 WHERE hash = $1")
        .bind(hash.token.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

async fn forget_predecessor(connection: &mut SqliteConnection, grant: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM refresh_token WHERE grant_id = $1 AND successor IS NOT NULL")
        .bind(grant)
        .execute(connection)
        .await?;
    Ok(())
}

async fn prolong(
    connection: &mut SqliteConnection,
    mut grant: Grant,
    access_expires_at_us: i64,
    refresh_expires_at_us: Option<i64>,
) -> Result<(), StoreError> {
    grant.expires_at_us = grant.expires_at_us.max(access_expires_at_us);
    grant.refresh_expires_at_us = refresh_expires_at_us.or(grant.refresh_expires_at_us);
    grant::prolong(connection, &grant).await
}

type Row = (String, i64, i64, i64, Option<Vec<u8>>, Option<i64>, Option<Vec<u8>>);

async fn find(connection: &mut SqliteConnection, hash: &RefreshHash) -> Result<Option<StoredRefresh>, StoreError> {
    let Some(grant) = grant::of_family(connection, &hash.family).await? else { return Ok(None) };
    let row: Option<Row> = sqlx::query_as(
        "SELECT grant_id, issued_at_us, expires_at_us, preserved_uses, successor, replaced_at_us, sealed_answer
         FROM refresh_token WHERE hash = $1",
    )
    .bind(hash.token.as_slice())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(Some(replaced_before(grant, hash))) };
    let (of, issued_at_us, expires_at_us, preserved_uses, successor, replaced_at_us, sealed_answer) = row;
    if *of != *grant.id {
        return Err(StoreError::damaged("a refresh token is kept with another grant than its family's"));
    }
    let successor = successor
        .map(Hash::try_from)
        .transpose()
        .map_err(|_| StoreError::damaged("the hash of a refresh token hasn't 32 bytes"))?;
    Ok(Some(StoredRefresh {
        grant,
        issued_at_us,
        expires_at_us,
        preserved_uses,
        successor,
        replaced_at_us,
        successor_used: false,
        sealed_answer,
    }))
}

/// One of whom only the family is known any more. Its successor was used, or might have been.
fn replaced_before(grant: Grant, hash: &RefreshHash) -> StoredRefresh {
    StoredRefresh {
        issued_at_us: grant.issued_at_us,
        expires_at_us: grant.refresh_expires_at_us.unwrap_or(grant.expires_at_us),
        grant,
        preserved_uses: 0,
        successor: Some(hash.family),
        replaced_at_us: None,
        successor_used: true,
        sealed_answer: None,
    }
}

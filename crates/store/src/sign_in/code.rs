//! Authorization codes: kept by their hash, exchanged once. Of several exchanges of one code the writer lets one be the
//! first; the others find it used.

use limen_rules::model::Name;
use limen_rules::record::Grant;
use limen_rules::sign_in::code::{self, Verdict};
use limen_rules::sign_in::record::{AuthorizationCode, CodePresented, Hash, NewRefresh, StoredCode};
use limen_rules::sign_in::trouble::Trouble;
use sqlx::sqlite::SqliteConnection;

use super::ending::{self, Ended};
use super::{refresh, standing, sweep};
use crate::error::StoreError;
use crate::grant;
use crate::store::Store;

impl Store {
    /// Keeps a new code.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn insert_code(&self, hash: Hash, code: &AuthorizationCode) -> Result<(), StoreError> {
        let code = code.clone();
        self.write(move |connection| {
            Box::pin(async move {
                sweep::some(connection, code.issued_at_us).await?;
                sqlx::query(
                    "INSERT INTO authorization_code (hash, application, user_name, environment, redirect_uri, scope,
                                                     code_challenge, issued_at_us, expires_at_us)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                )
                .bind(hash.as_slice())
                .bind(&*code.application)
                .bind(&*code.user)
                .bind(&*code.environment)
                .bind(&code.redirect_uri)
                .bind(code.scope.as_deref())
                .bind(code.code_challenge.as_deref())
                .bind(code.issued_at_us)
                .bind(code.expires_at_us)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// A code as it stands; none: it is unknown, or it is over and was never used.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn code(&self, hash: Hash) -> Result<Option<StoredCode>, StoreError> {
        let mut reading = self.read().await?;
        find(&mut reading, &hash).await
    }

    /// Exchanges a code for a grant, with the first refresh token of its family if there is to be one; or says why
    /// not, and revokes what the code was exchanged for where it must. When this returns, all of it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the grant is for something else than the code, or there is one of its id;
    /// [`StoreError::Unavailable`]: nothing was used up, or all of it was done.
    pub async fn exchange_code(
        &self,
        hash: Hash,
        presented: &CodePresented,
        grant: &Grant,
        first: Option<NewRefresh>,
        now_us: i64,
    ) -> Result<Result<(), Trouble>, StoreError> {
        let (presented, mut grant) = (presented.clone(), grant.clone());
        grant.refresh_expires_at_us = first.map(|first| first.expires_at_us);
        self.write(move |connection| {
            Box::pin(async move {
                let Some(stored) = find(connection, &hash).await? else { return Ok(Err(Trouble::CodeInvalid)) };
                match code::judge(&stored, &presented, now_us) {
                    Verdict::Exchange => exchange(connection, &hash, &stored.code, &grant, first, now_us).await,
                    Verdict::Refuse(trouble) => Ok(Err(trouble)),
                    Verdict::RefuseAndRevoke(trouble) => {
                        if let Some(given) = &stored.grant {
                            ending::revoke_grants(connection, Ended::Grant(given), now_us).await?;
                        }
                        Ok(Err(trouble))
                    }
                }
            })
        })
        .await
    }
}

async fn exchange(
    connection: &mut SqliteConnection,
    hash: &Hash,
    code: &AuthorizationCode,
    grant: &Grant,
    first: Option<NewRefresh>,
    now_us: i64,
) -> Result<Result<(), Trouble>, StoreError> {
    let fits = grant.user == code.user
        && grant.application.as_ref() == Some(&code.application)
        && grant.environment == code.environment;
    if !fits {
        return Err(StoreError::conflict(format!("grant {} is for something else than the code", grant.id)));
    }
    if !standing::stands(connection, &code.user, &code.application, &code.environment).await? {
        return Ok(Err(Trouble::CodeInvalid));
    }
    sweep::some(connection, now_us).await?;
    grant::insert(connection, grant, first.as_ref().map(|first| &first.hash.family)).await?;
    sqlx::query("UPDATE authorization_code SET used_at_us = $2, grant_id = $3 WHERE hash = $1")
        .bind(hash.as_slice())
        .bind(now_us)
        .bind(&*grant.id)
        .execute(&mut *connection)
        .await?;
    if let Some(first) = first {
        refresh::insert(connection, &grant.id, &first, now_us).await?;
    }
    Ok(Ok(()))
}

async fn find(connection: &mut SqliteConnection, hash: &Hash) -> Result<Option<StoredCode>, StoreError> {
    type Row = (String, String, String, String, Option<String>, Option<String>, i64, i64, Option<i64>, Option<String>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT application, user_name, environment, redirect_uri, scope, code_challenge, issued_at_us, expires_at_us,
                used_at_us, grant_id FROM authorization_code WHERE hash = $1",
    )
    .bind(hash.as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let (application, user, environment, redirect_uri, scope, code_challenge, issued_at_us, expires_at_us, ..) =
            row;
        StoredCode {
            code: AuthorizationCode {
                application: application.into(),
                user: user.into(),
                environment: environment.into(),
                redirect_uri,
                scope,
                code_challenge,
                issued_at_us,
                expires_at_us,
            },
            used_at_us: row.8,
            grant: row.9.map(Name::from),
        }
    }))
}

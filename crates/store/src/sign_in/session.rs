//! Sessions of the web pages, found by the hash of their cookie's value.

use limen_rules::model::User;
use limen_rules::sign_in::SESSION_IDLE_S;
use limen_rules::sign_in::record::{Hash, Session};
use sqlx::sqlite::SqliteConnection;

use super::{standing, sweep};
use crate::error::StoreError;
use crate::resource::ResourceKind;
use crate::store::Store;

/// A session that was seen so short a time ago isn't written again: pages would cost a write each.
const SEEN_AGAIN_US: i64 = 5 * 60 * 1_000_000;
/// A user's oldest sessions beyond so many end.
const OF_ONE_USER_MAX: i64 = 50;

type Row = (String, i64, i64, i64);

impl Store {
    /// Keeps a new session.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such user; [`StoreError::Conflict`] if the user was disabled or their
    /// password set anew since the sign-in began; [`StoreError::Unavailable`].
    pub async fn insert_session(&self, hash: Hash, session: &Session) -> Result<(), StoreError> {
        let session = session.clone();
        self.write(move |connection| {
            Box::pin(async move {
                admit(connection, &session).await?;
                sweep::some(connection, session.signed_in_at_us).await?;
                sqlx::query(
                    "INSERT INTO web_session (hash, user_name, signed_in_at_us, seen_at_us, expires_at_us)
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(hash.as_slice())
                .bind(&*session.user)
                .bind(session.signed_in_at_us)
                .bind(session.seen_at_us)
                .bind(session.expires_at_us)
                .execute(&mut *connection)
                .await?;
                sqlx::query(
                    "DELETE FROM web_session WHERE hash IN (SELECT hash FROM web_session WHERE user_name = $1
                     ORDER BY signed_in_at_us DESC, rowid DESC LIMIT -1 OFFSET $2)",
                )
                .bind(&*session.user)
                .bind(OF_ONE_USER_MAX)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// The session of a cookie, if it isn't over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn session(&self, hash: Hash, now_us: i64) -> Result<Option<Session>, StoreError> {
        let mut reading = self.read().await?;
        let row: Option<Row> = sqlx::query_as(
            "SELECT user_name, signed_in_at_us, seen_at_us, expires_at_us FROM web_session WHERE hash = $1",
        )
        .bind(hash.as_slice())
        .fetch_optional(&mut *reading)
        .await?;
        let session = row.map(|(user, signed_in_at_us, seen_at_us, expires_at_us)| Session {
            user: user.into(),
            signed_in_at_us,
            seen_at_us,
            expires_at_us,
        });
        let idle_from_us = now_us.saturating_sub(SESSION_IDLE_S * 1_000_000);
        Ok(session.filter(|session| now_us < session.expires_at_us && session.seen_at_us > idle_from_us))
    }

    /// Notes that a session was seen, if that wasn't noted within the last minutes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn touch_session(&self, hash: Hash, now_us: i64) -> Result<(), StoreError> {
        let Some(session) = self.session(hash, now_us).await? else { return Ok(()) };
        if now_us.saturating_sub(session.seen_at_us) < SEEN_AGAIN_US {
            return Ok(());
        }
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("UPDATE web_session SET seen_at_us = max(seen_at_us, $2) WHERE hash = $1")
                    .bind(hash.as_slice())
                    .bind(now_us)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Ends a session, as signing out does.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_session(&self, hash: Hash) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM web_session WHERE hash = $1")
                    .bind(hash.as_slice())
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Ends all sessions of a user; how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_sessions_of_user(&self, user: &str) -> Result<u64, StoreError> {
        let user = user.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let removed =
                    sqlx::query("DELETE FROM web_session WHERE user_name = $1").bind(user).execute(connection).await?;
                Ok(removed.rows_affected())
            })
        })
        .await
    }
}

/// A password that was right when it was looked at may have been set anew, and the sessions ended, before this is kept.
async fn admit(connection: &mut SqliteConnection, session: &Session) -> Result<(), StoreError> {
    let user: Option<User> = standing::find(connection, ResourceKind::User, &session.user).await?;
    let Some(user) = user else { return Err(StoreError::not_found(format!("user {}", session.user))) };
    if user.disabled {
        return Err(StoreError::conflict(format!("user {} was switched off", session.user)));
    }
    let set_at_us: Option<i64> = sqlx::query_scalar("SELECT set_at_us FROM user_password WHERE user_name = $1")
        .bind(&*session.user)
        .fetch_optional(connection)
        .await?;
    if set_at_us.is_some_and(|at_us| at_us > session.signed_in_at_us) {
        return Err(StoreError::conflict(format!("the password of user {} was set anew meanwhile", session.user)));
    }
    Ok(())
}

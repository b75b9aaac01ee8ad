//! Passwords of users, as the argon2 hash that somebody else made of them.

use limen_rules::sign_in::record::Hash;

use super::{ending, standing};
use crate::error::StoreError;
use crate::resource::ResourceKind;
use crate::store::Store;

impl Store {
    /// Sets a user's password, and ends their sessions and all that was given for them. `spare` is the session that
    /// stays: the one in which the password was changed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such user; [`StoreError::Unavailable`].
    pub async fn set_password(
        &self,
        user: &str,
        phc: &str,
        spare: Option<Hash>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let (user, phc) = (user.to_owned(), phc.to_owned());
        self.write(move |connection| {
            Box::pin(async move {
                standing::required(connection, ResourceKind::User, &user).await?;
                sqlx::query(
                    "INSERT INTO user_password (user_name, phc, set_at_us) VALUES ($1, $2, $3)
                     ON CONFLICT (user_name) DO UPDATE SET phc = excluded.phc, set_at_us = excluded.set_at_us",
                )
                .bind(&user)
                .bind(phc)
                .bind(now_us)
                .execute(&mut *connection)
                .await?;
                ending::end_user(connection, &user, spare.as_ref(), now_us).await
            })
        })
        .await
    }

    /// The hash of a user's password, with its parameters.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn password(&self, user: &str) -> Result<Option<String>, StoreError> {
        let mut reading = self.read().await?;
        Ok(sqlx::query_scalar("SELECT phc FROM user_password WHERE user_name = $1")
            .bind(user)
            .fetch_optional(&mut *reading)
            .await?)
    }

    /// Removes a user's password, so that they can't sign in with one. What they were given stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if they have none; [`StoreError::Unavailable`].
    pub async fn remove_password(&self, user: &str) -> Result<(), StoreError> {
        let user = user.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let removed = sqlx::query("DELETE FROM user_password WHERE user_name = $1")
                    .bind(&user)
                    .execute(connection)
                    .await?;
                match removed.rows_affected() {
                    0 => Err(StoreError::not_found(format!("password of user {user}"))),
                    _ => Ok(()),
                }
            })
        })
        .await
    }
}

//! Consents: whom a user allowed to act for them, where, and how far.

use limen_rules::sign_in::record::Consent;

use super::ending::{self, Ended};
use crate::error::StoreError;
use crate::store::Store;

type Row = (String, String, String, Option<String>, i64);

impl Store {
    /// Keeps a consent in the place of an earlier one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn put_consent(&self, consent: &Consent) -> Result<(), StoreError> {
        let consent = consent.clone();
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO consent (user_name, application, environment, scope, given_at_us)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_name, application, environment)
                     DO UPDATE SET scope = excluded.scope, given_at_us = excluded.given_at_us",
                )
                .bind(&*consent.user)
                .bind(&*consent.application)
                .bind(&*consent.environment)
                .bind(consent.scope.as_deref())
                .bind(consent.given_at_us)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// What a user allowed an application in an environment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn consent(
        &self,
        user: &str,
        application: &str,
        environment: &str,
    ) -> Result<Option<Consent>, StoreError> {
        let mut reading = self.read().await?;
        let row: Option<Row> = sqlx::query_as(
            "SELECT user_name, application, environment, scope, given_at_us FROM consent
             WHERE user_name = $1 AND application = $2 AND environment = $3",
        )
        .bind(user)
        .bind(application)
        .bind(environment)
        .fetch_optional(&mut *reading)
        .await?;
        Ok(row.map(from_row))
    }

    /// All that a user allowed, by application and environment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn consents_of_user(&self, user: &str) -> Result<Vec<Consent>, StoreError> {
        let mut reading = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT user_name, application, environment, scope, given_at_us FROM consent
             WHERE user_name = $1 ORDER BY application, environment",
        )
        .bind(user)
        .fetch_all(&mut *reading)
        .await?;
        Ok(rows.into_iter().map(from_row).collect())
    }

    /// Takes a consent back, and with it all that the application was given for the user in the environment. Nothing
    /// happens where there was neither.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn withdraw_consent(
        &self,
        user: &str,
        application: &str,
        environment: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let (user, application, environment) = (user.to_owned(), application.to_owned(), environment.to_owned());
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM consent WHERE user_name = $1 AND application = $2 AND environment = $3")
                    .bind(&user)
                    .bind(&application)
                    .bind(&environment)
                    .execute(&mut *connection)
                    .await?;
                let ended = Ended::Consent { user: &user, application: &application, environment: &environment };
                ending::end(connection, ended, now_us).await
            })
        })
        .await
    }
}

fn from_row((user, application, environment, scope, given_at_us): Row) -> Consent {
    Consent { user: user.into(), application: application.into(), environment: environment.into(), scope, given_at_us }
}

//! Subscriptions and their keys: rows, allowed changes of state, rotation with grace. Keys come and stay as hashes;
//! whether one opens anything is decided elsewhere.

use std::collections::HashMap;

use limen_rules::model::Name;
use limen_rules::record::{StoredKey, Subscription, SubscriptionState, Which};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::revision;
use crate::store::Store;

impl Store {
    /// Keeps a new subscription with the keys that it brings.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if its id or one of its keys is there already; [`StoreError::Unavailable`].
    pub async fn insert_subscription(&self, subscription: &Subscription) -> Result<(), StoreError> {
        let new = subscription.clone();
        self.write(move |connection| {
            Box::pin(async move {
                insert(connection, &new).await?;
                for key in &new.keys {
                    insert_key(connection, &new.id, key).await?;
                }
                Ok(revision::raise(connection, revision::SUBSCRIPTION, &new.id).await?)
            })
        })
        .await
    }

    /// One subscription.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn subscription(&self, id: &str) -> Result<Subscription, StoreError> {
        let mut reading = self.read().await?;
        get(&mut reading, id).await
    }

    /// Every subscription, or those of one developer, in the order in which they were asked for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn subscriptions(&self, developer: Option<&str>) -> Result<Vec<Subscription>, StoreError> {
        let mut reading = self.read().await?;
        load(&mut reading, developer.map_or(Selection::All, Selection::Developer)).await
    }

    /// How many subscriptions there are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn subscription_count(&self) -> Result<u64, StoreError> {
        let mut reading = self.read().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM subscription").fetch_one(&mut *reading).await?;
        Ok(count.unsigned_abs())
    }

    /// Moves a subscription to another state; approval (requested → active) starts its periods at `now_us`. Allowed:
    /// requested → active, rejected, cancelled, expired; active ↔ suspended; either → cancelled, expired.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] if its present state doesn't allow it;
    /// [`StoreError::Unavailable`].
    pub async fn set_subscription_state(
        &self,
        id: &str,
        state: SubscriptionState,
        now_us: i64,
    ) -> Result<Subscription, StoreError> {
        let id = id.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let changed = sqlx::query(
                    "UPDATE subscription SET
                         started_at_us = CASE WHEN state = 'requested' AND $2 = 'active' THEN $3 ELSE started_at_us END,
                         state = $2
                     WHERE id = $1 AND CASE $2
                         WHEN 'active' THEN state IN ('requested', 'suspended')
                         WHEN 'suspended' THEN state = 'active'
                         WHEN 'rejected' THEN state = 'requested'
                         WHEN 'cancelled' THEN state IN ('requested', 'active', 'suspended')
                         WHEN 'expired' THEN state IN ('requested', 'active', 'suspended')
                     END",
                )
                .bind(&id)
                .bind(state.word())
                .bind(now_us)
                .execute(&mut *connection)
                .await?;
                if changed.rows_affected() == 0 {
                    let present = get(connection, &id).await?.state.word();
                    let what = format!("subscription {id} is {present} and can't become {}", state.word());
                    return Err(StoreError::Conflict { what });
                }
                touched(connection, &id, now_us).await
            })
        })
        .await
    }

    /// Puts a new key in the place of the current one of that kind, which stays good until `old_valid_until_us`, or
    /// ends at once where that is `None` or past. An older value of the same kind ends in any case: each of the two
    /// keys has at most one old value.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] if the new key is there already; [`StoreError::Unavailable`].
    pub async fn replace_key(
        &self,
        id: &str,
        which: Which,
        hash: [u8; 32],
        old_valid_until_us: Option<i64>,
        now_us: i64,
    ) -> Result<Subscription, StoreError> {
        let id = id.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                get(connection, &id).await?;
                let old_valid_until_us = old_valid_until_us.filter(|until_us| *until_us > now_us);
                sqlx::query(
                    "DELETE FROM subscription_key
                     WHERE subscription = $1 AND which = $2 AND (valid_until_us IS NOT NULL OR $3 IS NULL)",
                )
                .bind(&id)
                .bind(which_text(which))
                .bind(old_valid_until_us)
                .execute(&mut *connection)
                .await?;
                sqlx::query("UPDATE subscription_key SET valid_until_us = $3 WHERE subscription = $1 AND which = $2")
                    .bind(&id)
                    .bind(which_text(which))
                    .bind(old_valid_until_us)
                    .execute(&mut *connection)
                    .await?;
                let key = StoredKey { which, hash, made_at_us: now_us, valid_until_us: None };
                insert_key(connection, &id, &key).await?;
                touched(connection, &id, now_us).await
            })
        })
        .await
    }

    /// Ends a key at once, the current value and the old one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also where there is no such key; [`StoreError::Unavailable`].
    pub async fn revoke_key(&self, id: &str, which: Which, now_us: i64) -> Result<Subscription, StoreError> {
        let id = id.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                get(connection, &id).await?;
                let ended = sqlx::query("DELETE FROM subscription_key WHERE subscription = $1 AND which = $2")
                    .bind(&id)
                    .bind(which_text(which))
                    .execute(&mut *connection)
                    .await?;
                if ended.rows_affected() == 0 {
                    return Err(StoreError::not_found(format!("{} key of subscription {id}", which_text(which))));
                }
                touched(connection, &id, now_us).await
            })
        })
        .await
    }

    /// Removes a subscription with its keys. Its books stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn remove_subscription(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let removed =
                    sqlx::query("DELETE FROM subscription WHERE id = $1").bind(&id).execute(&mut *connection).await?;
                if removed.rows_affected() == 0 {
                    return Err(StoreError::not_found(format!("subscription {id}")));
                }
                Ok(revision::raise(connection, revision::SUBSCRIPTION, &id).await?)
            })
        })
        .await
    }
}

/// Which subscriptions to load.
#[derive(Clone, Copy)]
pub(crate) enum Selection<'a> {
    /// All.
    All,
    /// The one of that id.
    Id(&'a str),
    /// A developer's.
    Developer(&'a str),
    /// Those changed after a revision.
    ChangedSince(i64),
}

impl Selection<'_> {
    fn condition(self) -> &'static str {
        match self {
            Self::All => "true",
            Self::Id(_) => "id = $1",
            Self::Developer(_) => "developer = $1",
            Self::ChangedSince(_) => "id IN (SELECT id FROM change WHERE kind = 'subscription' AND revision > $1)",
        }
    }
}

/// A query with the selection's value bound to `$1`; none of its text comes from outside.
macro_rules! select {
    ($selection:expr, $sql:expr) => {{
        let query = sqlx::query_as(AssertSqlSafe($sql));
        match $selection {
            Selection::All => query,
            Selection::Id(text) | Selection::Developer(text) => query.bind(text),
            Selection::ChangedSince(revision) => query.bind(revision),
        }
    }};
}

/// The selected subscriptions with their keys, in the order in which they were asked for.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    selection: Selection<'_>,
) -> Result<Vec<Subscription>, StoreError> {
    type Row = (String, String, String, String, i64, i64, Option<i64>);
    type KeyRow = (String, String, Vec<u8>, i64, Option<i64>);
    let condition = selection.condition();
    let sql = format!(
        "SELECT id, product, developer, state, created_at_us, started_at_us, ends_at_us
         FROM subscription WHERE {condition} ORDER BY created_at_us, id"
    );
    let rows: Vec<Row> = select!(selection, sql).fetch_all(&mut *connection).await?;
    let mut places = HashMap::with_capacity(rows.len());
    let mut subscriptions = Vec::with_capacity(rows.len());
    for (id, product, developer, state, created_at_us, started_at_us, ends_at_us) in rows {
        let id = Name::from(id);
        places.insert(id.clone(), subscriptions.len());
        subscriptions.push(Subscription {
            product: product.into(),
            developer: developer.into(),
            state: state_of(&state)?,
            created_at_us,
            started_at_us,
            ends_at_us,
            keys: Vec::new(),
            id,
        });
    }
    let sql = format!(
        "SELECT subscription, which, hash, made_at_us, valid_until_us FROM subscription_key
         WHERE subscription IN (SELECT id FROM subscription WHERE {condition})
         ORDER BY which, valid_until_us IS NOT NULL"
    );
    let keys: Vec<KeyRow> = select!(selection, sql).fetch_all(&mut *connection).await?;
    for (id, which, hash, made_at_us, valid_until_us) in keys {
        let hash = hash.try_into().map_err(|_| StoreError::damaged(format!("a key of {id} has a wrong length")))?;
        if let Some(subscription) = places.get(id.as_str()).and_then(|place| subscriptions.get_mut(*place)) {
            subscription.keys.push(StoredKey { which: which_of(&which)?, hash, made_at_us, valid_until_us });
        }
    }
    Ok(subscriptions)
}

async fn get(connection: &mut SqliteConnection, id: &str) -> Result<Subscription, StoreError> {
    let found = load(connection, Selection::Id(id)).await?;
    found.into_iter().next().ok_or_else(|| StoreError::not_found(format!("subscription {id}")))
}

/// Ends a change: forgets old values whose time is over, raises the revision, returns what there is now.
async fn touched(connection: &mut SqliteConnection, id: &str, now_us: i64) -> Result<Subscription, StoreError> {
    sqlx::query("DELETE FROM subscription_key WHERE subscription = $1 AND valid_until_us <= $2")
        .bind(id)
        .bind(now_us)
        .execute(&mut *connection)
        .await?;
    revision::raise(connection, revision::SUBSCRIPTION, id).await?;
    get(connection, id).await
}

async fn insert(connection: &mut SqliteConnection, new: &Subscription) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO subscription (id, product, developer, state, created_at_us, started_at_us, ends_at_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(&*new.id)
    .bind(&*new.product)
    .bind(&*new.developer)
    .bind(new.state.word())
    .bind(new.created_at_us)
    .bind(new.started_at_us)
    .bind(new.ends_at_us)
    .execute(connection)
    .await?;
    match inserted.rows_affected() {
        0 => Err(StoreError::conflict(format!("there already is a subscription {}", new.id))),
        _ => Ok(()),
    }
}

async fn insert_key(connection: &mut SqliteConnection, id: &str, key: &StoredKey) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO subscription_key (hash, subscription, which, made_at_us, valid_until_us)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(key.hash.as_slice())
    .bind(id)
    .bind(which_text(key.which))
    .bind(key.made_at_us)
    .bind(key.valid_until_us)
    .execute(connection)
    .await?;
    match inserted.rows_affected() {
        0 => Err(StoreError::conflict(format!("the {} key of {id} is there already", which_text(key.which)))),
        _ => Ok(()),
    }
}

pub(crate) fn state_of(text: &str) -> Result<SubscriptionState, StoreError> {
    Ok(match text {
        "requested" => SubscriptionState::Requested,
        "active" => SubscriptionState::Active,
        "suspended" => SubscriptionState::Suspended,
        "cancelled" => SubscriptionState::Cancelled,
        "rejected" => SubscriptionState::Rejected,
        "expired" => SubscriptionState::Expired,
        _ => return Err(StoreError::damaged(format!("a subscription has the unknown state {text}"))),
    })
}

fn which_text(which: Which) -> &'static str {
    match which {
        Which::Primary => "primary",
        Which::Secondary => "secondary",
    }
}

pub(crate) fn which_of(text: &str) -> Result<Which, StoreError> {
    match text {
        "primary" => Ok(Which::Primary),
        "secondary" => Ok(Which::Secondary),
        _ => Err(StoreError::damaged(format!("a key is of the unknown kind {text}"))),
    }
}

//! Reads every subscription into the small form that calls read, row by row: a million must not stand in memory twice.

use std::future::poll_fn;

use limen_rules::record::{StoredKey, SubscriptionState};
use limen_rules::snapshot::subscriptions::{Builder, SubscriptionRow, Subscriptions};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::StoreError;
use crate::subscription::{state_of, which_of};

/// One row for each key, those of a subscription one after another; one without a key where it has none.
const ROWS: &str = "SELECT s.id, s.product, s.developer, s.state, s.started_at_us, s.ends_at_us,
        k.hash, k.which, k.valid_until_us
    FROM subscription s LEFT JOIN subscription_key k ON k.subscription = s.id ORDER BY s.rowid";

/// The subscription whose keys are being read.
struct Pending {
    id: String,
    product: String,
    developer: String,
    state: SubscriptionState,
    started_at_us: i64,
    ends_at_us: Option<i64>,
    keys: Vec<StoredKey>,
}

impl Pending {
    fn put(&self, builder: &mut Builder) {
        builder.add(&SubscriptionRow {
            id: &self.id,
            product: &self.product,
            developer: &self.developer,
            state: self.state,
            started_at_us: self.started_at_us,
            ends_at_us: self.ends_at_us,
            keys: &self.keys,
        });
    }

    /// Takes over a row of another subscription, in the room of this one.
    fn begin(&mut self, row: &SqliteRow) -> Result<(), StoreError> {
        let put = |place: &mut String, column: usize| -> Result<(), StoreError> {
            place.clear();
            place.push_str(row.try_get::<&str, _>(column)?);
            Ok(())
        };
        put(&mut self.id, 0)?;
        put(&mut self.product, 1)?;
        put(&mut self.developer, 2)?;
        self.state = state_of(row.try_get(3)?)?;
        self.started_at_us = row.try_get(4)?;
        self.ends_at_us = row.try_get(5)?;
        self.keys.clear();
        Ok(())
    }

    fn add_key(&mut self, row: &SqliteRow) -> Result<(), StoreError> {
        let Some(hash) = row.try_get::<Option<&[u8]>, _>(6)? else { return Ok(()) };
        let hash =
            hash.try_into().map_err(|_| StoreError::damaged(format!("a key of {} has a wrong length", self.id)))?;
        self.keys.push(StoredKey {
            which: which_of(row.try_get(7)?)?,
            hash,
            made_at_us: 0,
            valid_until_us: row.try_get(8)?,
        });
        Ok(())
    }
}

/// Every subscription with its keys.
pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Subscriptions, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM subscription").fetch_one(&mut *connection).await?;
    let mut builder = Builder::with_expected(usize::try_from(count).unwrap_or(0));
    let mut pending: Option<Pending> = None;
    let mut rows = sqlx::query(ROWS).fetch(connection);
    while let Some(row) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
        let row = row?;
        let id: &str = row.try_get(0)?;
        let subscription = match &mut pending {
            Some(subscription) if subscription.id == id => subscription,
            Some(subscription) => {
                subscription.put(&mut builder);
                subscription.begin(&row)?;
                subscription
            }
            None => {
                let mut first = Pending {
                    id: String::new(),
                    product: String::new(),
                    developer: String::new(),
                    state: SubscriptionState::Requested,
                    started_at_us: 0,
                    ends_at_us: None,
                    keys: Vec::new(),
                };
                first.begin(&row)?;
                pending.insert(first)
            }
        };
        subscription.add_key(&row)?;
    }
    if let Some(last) = &pending {
        last.put(&mut builder);
    }
    Ok(builder.build())
}

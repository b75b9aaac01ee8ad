//! Reads every subscription into the small form that calls read: a million must not stand in memory twice.
//!
//! A thousand come in one row, as JSON that SQLite makes: a row of the driver costs more than what is in it.

use std::borrow::Cow;

use limen_rules::record::StoredKey;
use limen_rules::snapshot::subscriptions::{Builder, SubscriptionRow, Subscriptions};
use serde::Deserialize;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::subscription::{state_of, which_of};

/// The next thousand after a row's number, with their keys, and the number of the last.
const PAGE: &str = "SELECT max(number), json_group_array(json_object(
        'id', id, 'product', product, 'developer', developer, 'state', state,
        'started_at_us', started_at_us, 'ends_at_us', ends_at_us,
        'keys', (SELECT json_group_array(json_array(hex(hash), which, valid_until_us))
            FROM subscription_key WHERE subscription = id)))
    FROM (SELECT rowid AS number, id, product, developer, state, started_at_us, ends_at_us
        FROM subscription WHERE rowid > $1 ORDER BY rowid LIMIT 1000)";

/// A subscription as it stands on a page.
#[derive(Deserialize)]
struct OnPage<'p> {
    #[serde(borrow)]
    id: Cow<'p, str>,
    #[serde(borrow)]
    product: Cow<'p, str>,
    #[serde(borrow)]
    developer: Cow<'p, str>,
    #[serde(borrow)]
    state: Cow<'p, str>,
    started_at_us: i64,
    ends_at_us: Option<i64>,
    /// Hash in hex, which, until when.
    keys: Vec<(&'p str, &'p str, Option<i64>)>,
}

/// Every subscription with its keys.
pub(crate) async fn load(connection: &mut SqliteConnection) -> Result<Subscriptions, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM subscription").fetch_one(&mut *connection).await?;
    let mut builder = Builder::with_expected(usize::try_from(count).unwrap_or(0));
    let mut number = i64::MIN;
    let mut keys = Vec::new();
    loop {
        let page: (Option<i64>, String) = sqlx::query_as(PAGE).bind(number).fetch_one(&mut *connection).await?;
        let (Some(last), text) = page else { return Ok(builder.build()) };
        add(&text, &mut keys, &mut builder)?;
        number = last;
    }
}

fn add(page: &str, keys: &mut Vec<StoredKey>, builder: &mut Builder) -> Result<(), StoreError> {
    let subscriptions: Vec<OnPage<'_>> = serde_json::from_str(page)
        .map_err(|error| StoreError::damaged(format!("subscriptions can't be read: {error}")))?;
    for one in subscriptions {
        keys.clear();
        for (hash, which, valid_until_us) in one.keys {
            let hash =
                unhex(hash).ok_or_else(|| StoreError::damaged(format!("a key of {} has a wrong length", one.id)))?;
            keys.push(StoredKey { which: which_of(which)?, hash, made_at_us: 0, valid_until_us });
        }
        builder.add(&SubscriptionRow {
            id: &one.id,
            product: &one.product,
            developer: &one.developer,
            state: state_of(&one.state)?,
            started_at_us: one.started_at_us,
            ends_at_us: one.ends_at_us,
            keys,
        });
    }
    Ok(())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = (value(*pair.first()?)? << 4 | value(*pair.last()?)?) as u8;
    }
    Some(bytes)
}

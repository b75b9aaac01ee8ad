//! Notices of the Issues page, one document each, numbered by the store. Whether one closes an API is not decided here.

use limen_rules::record::Notice;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::revision;
use crate::store::Store;

/// So long after its end a notice is still part of [`Store::directory`].
const LONG_OVER_US: i64 = 7 * 24 * 3_600 * 1_000_000;

impl Store {
    /// Keeps a new notice under the next id (`n1`, `n2`, …; never given twice), whatever id it came with; the notice
    /// as it was kept.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn insert_notice(&self, notice: &Notice) -> Result<Notice, StoreError> {
        let mut notice = notice.clone();
        self.write(move |connection| {
            Box::pin(async move {
                let number: i64 = sqlx::query_scalar("INSERT INTO notice (document) VALUES ('') RETURNING number")
                    .fetch_one(&mut *connection)
                    .await?;
                notice.id = format!("n{number}").into();
                put(connection, number, &notice).await?;
                Ok(notice)
            })
        })
        .await
    }

    /// Puts `next` in the place of `present` under the same id, if nobody was faster.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] if it is no longer as `present` says;
    /// [`StoreError::Unavailable`].
    pub async fn replace_notice(&self, present: &Notice, next: &Notice) -> Result<Notice, StoreError> {
        let (present, mut next) = (present.clone(), next.clone());
        self.write(move |connection| {
            Box::pin(async move {
                let (number, stored) = find(connection, &present.id).await?;
                if stored != present {
                    let what = format!("notice {} was changed by somebody else meanwhile", present.id);
                    return Err(StoreError::Conflict { what });
                }
                next.id = stored.id;
                put(connection, number, &next).await?;
                Ok(next)
            })
        })
        .await
    }

    /// One notice.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn notice(&self, id: &str) -> Result<Notice, StoreError> {
        let mut reading = self.read().await?;
        Ok(find(&mut reading, id).await?.1)
    }

    /// At most `limit` notices, the latest made first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn notices(&self, limit: u32) -> Result<Vec<Notice>, StoreError> {
        let mut reading = self.read().await?;
        let documents: Vec<String> = sqlx::query_scalar("SELECT document FROM notice ORDER BY number DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&mut *reading)
            .await?;
        documents.iter().map(|document| parse(document)).collect()
    }
}

async fn find(connection: &mut SqliteConnection, id: &str) -> Result<(i64, Notice), StoreError> {
    let missing = || StoreError::not_found(format!("notice {id}"));
    let number: i64 = id.strip_prefix('n').and_then(|number| number.parse().ok()).ok_or_else(missing)?;
    let document: Option<String> = sqlx::query_scalar("SELECT document FROM notice WHERE number = $1")
        .bind(number)
        .fetch_optional(connection)
        .await?;
    let notice = parse(&document.ok_or_else(missing)?)?;
    // `n007` is not the name of n7.
    if *notice.id == *id { Ok((number, notice)) } else { Err(missing()) }
}

async fn put(connection: &mut SqliteConnection, number: i64, notice: &Notice) -> Result<(), StoreError> {
    let document = serde_json::to_string(notice).map_err(|error| StoreError::damaged(error.to_string()))?;
    sqlx::query("UPDATE notice SET document = $2, over_at_us = $3 WHERE number = $1")
        .bind(number)
        .bind(document)
        .bind(notice.resolved_at_us.or(notice.ends_at_us))
        .execute(&mut *connection)
        .await?;
    Ok(revision::raise(connection, "notice", &notice.id).await?)
}

fn parse(document: &str) -> Result<Notice, StoreError> {
    serde_json::from_str(document)
        .map_err(|error| StoreError::damaged(format!("a stored notice can't be understood: {error}")))
}

/// The notices that aren't long over at `now_us`, in the order in which they were made.
pub(crate) async fn recent(connection: &mut SqliteConnection, now_us: i64) -> Result<Vec<Notice>, StoreError> {
    let documents: Vec<String> =
        sqlx::query_scalar("SELECT document FROM notice WHERE over_at_us IS NULL OR over_at_us > $1 ORDER BY number")
            .bind(now_us.saturating_sub(LONG_OVER_US))
            .fetch_all(connection)
            .await?;
    documents.iter().map(|document| parse(document)).collect()
}

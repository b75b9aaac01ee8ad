//! Forgetting what is over, a little with each thing that is kept anew, so that no step takes long and nothing piles up.

use limen_rules::sign_in::{REFRESH_REPEAT_S, SESSION_IDLE_S};
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::store::Store;

/// A code that nobody used is kept for so long after its end.
const CODE_KEPT_S: i64 = 3_600;
/// No more rows of each table are forgotten at once; each step adds one or two.
const BATCH: i64 = 32;

impl Store {
    /// Forgets some of what is over: codes, sessions, grants with their refresh tokens, answers that can't be repeated
    /// any more. How many rows; none: there was nothing left. Happens also with every grant, code and session kept.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sweep_sign_in(&self, now_us: i64) -> Result<u64, StoreError> {
        self.write(move |connection| Box::pin(async move { some(connection, now_us).await })).await
    }
}

/// As [`Store::sweep_sign_in`].
pub(crate) async fn some(connection: &mut SqliteConnection, now_us: i64) -> Result<u64, StoreError> {
    let ago = |seconds: i64| now_us.saturating_sub(seconds.saturating_mul(1_000_000));
    let sweeps = [
        // Its refresh tokens and its code go with a grant.
        (
            "DELETE FROM issued_grant WHERE id IN
             (SELECT id FROM issued_grant WHERE kept_until_us < $1 ORDER BY kept_until_us LIMIT $2)",
            now_us,
        ),
        (
            "DELETE FROM authorization_code WHERE hash IN
             (SELECT hash FROM authorization_code WHERE used_at_us IS NULL AND expires_at_us < $1
              ORDER BY expires_at_us LIMIT $2)",
            // Kept for a while, so that whoever comes late can be told so.
            ago(CODE_KEPT_S),
        ),
        (
            "DELETE FROM refresh_token WHERE hash IN
             (SELECT hash FROM refresh_token WHERE replaced_at_us < $1 ORDER BY replaced_at_us LIMIT $2)",
            ago(REFRESH_REPEAT_S),
        ),
        (
            "DELETE FROM web_session WHERE hash IN
             (SELECT hash FROM web_session WHERE seen_at_us < $1 ORDER BY seen_at_us LIMIT $2)",
            ago(SESSION_IDLE_S),
        ),
    ];
    let mut forgotten = 0;
    for (statement, before_us) in sweeps {
        let swept = sqlx::query(statement).bind(before_us).bind(BATCH).execute(&mut *connection).await?;
        forgotten += swept.rows_affected();
    }
    Ok(forgotten)
}

//! The books of quotas: one durable row for each account, meter and period. The arithmetic is `limen_rules::quota`'s;
//! here it is made durable, many requests to a commit.

use limen_rules::quota::{AccountKey, LeaseGrant, LeaseRequest, Meter, QuotaRow, debit};
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::store::Store;
use crate::writer::Order;

/// Rows are kept for so long after their period's end, measured against the newest period of the same account and
/// meter: no clock is asked.
const KEPT_US: i64 = 62 * 24 * 3_600 * 1_000_000;
/// The newest rows of an account and meter are kept whatever their age: a clock that ran ahead for a few periods must
/// not make the present one forgotten, which would grant it anew.
const KEPT_AT_LEAST: i64 = 8;
/// Older rows than so many go, whatever their age: periods may be as short as a second.
const KEPT_AT_MOST: i64 = 1_500;

/// What an account used of one meter in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    /// What was counted.
    pub meter: Meter,
    /// The period's first instant.
    pub period_begin_us: i64,
    /// The first instant after it.
    pub period_end_us: i64,
    /// The books.
    pub row: QuotaRow,
}

impl Store {
    /// Applies a request to the books: records what was spent, takes back what is returned, grants new rights. When
    /// this returns a grant, it is durable. Requests that wait at the same time share one commit, each account's in
    /// the order of their calls. A request of `minimum: 0` only records, as at an orderly shutdown.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing was granted that may be spent. Whether the rest was recorded is open; its
    /// figures are totals of the period, so the same may be said again.
    pub async fn lease(&self, request: LeaseRequest) -> Result<LeaseGrant, StoreError> {
        self.order(|answer| Order::Lease(request, answer)).await
    }

    /// The books of an account, the newest period first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn quota_usage(&self, account: AccountKey) -> Result<Vec<QuotaUsage>, StoreError> {
        type Row = (i64, i64, i64, i64, i64, i64, i64, i64);
        let mut reading = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT meter, period_begin_us, period_end_us, debited, handed_over, given_back, lost, returned
             FROM quota_row WHERE account = $1 ORDER BY period_begin_us DESC, meter",
        )
        .bind(account.to_bytes().as_slice())
        .fetch_all(&mut *reading)
        .await?;
        rows.into_iter()
            .map(|(meter, period_begin_us, period_end_us, debited, handed_over, given_back, lost, returned)| {
                let meter = Meter::from_number(meter)
                    .ok_or_else(|| StoreError::damaged(format!("a quota counts the unknown meter {meter}")))?;
                let row = to_row((debited, handed_over, given_back, lost, returned))?;
                Ok(QuotaUsage { meter, period_begin_us, period_end_us, row })
            })
            .collect()
    }

    /// The books of one account, meter and period; those of nothing used where there are none yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn quota_row(
        &self,
        account: AccountKey,
        meter: Meter,
        period_begin_us: i64,
    ) -> Result<QuotaRow, StoreError> {
        let mut reading = self.read().await?;
        let found = find(&mut reading, account, meter, period_begin_us).await?;
        Ok(found.map(to_row).transpose()?.unwrap_or_default())
    }
}

/// Applies the requests one after the other; the caller commits before it lets a grant out. A row that makes no sense
/// fails its own request only; an error of the database fails all.
pub(crate) async fn debit_all(
    connection: &mut SqliteConnection,
    requests: Vec<LeaseRequest>,
) -> Result<Vec<Result<LeaseGrant, StoreError>>, StoreError> {
    let mut grants = Vec::with_capacity(requests.len());
    for request in &requests {
        let found = find(connection, request.account, request.meter, request.period_begin_us).await?;
        grants.push(match found.map(to_row).transpose() {
            Ok(present) => {
                let (row, grant) = debit(present.unwrap_or_default(), request);
                put(connection, request, row).await?;
                if present.is_none() {
                    prune(connection, request).await?;
                }
                Ok(grant)
            }
            Err(damaged) => Err(damaged),
        });
    }
    Ok(grants)
}

type Figures = (i64, i64, i64, i64, i64);

async fn find(
    connection: &mut SqliteConnection,
    account: AccountKey,
    meter: Meter,
    period_begin_us: i64,
) -> sqlx::Result<Option<Figures>> {
    sqlx::query_as(
        "SELECT debited, handed_over, given_back, lost, returned
         FROM quota_row WHERE account = $1 AND meter = $2 AND period_begin_us = $3",
    )
    .bind(account.to_bytes().as_slice())
    .bind(meter.number())
    .bind(period_begin_us)
    .fetch_optional(connection)
    .await
}

/// A figure below zero would grant more than there is: rather nothing is granted.
fn to_row((debited, handed_over, given_back, lost, returned): Figures) -> Result<QuotaRow, StoreError> {
    let figure = |figure| u64::try_from(figure).map_err(|_| StoreError::damaged("a quota's figure is below zero"));
    Ok(QuotaRow {
        debited: figure(debited)?,
        handed_over: figure(handed_over)?,
        given_back: figure(given_back)?,
        lost: figure(lost)?,
        returned: figure(returned)?,
    })
}

/// The rules keep every figure within what a signed integer holds; a larger one would be kept as the largest.
fn from_figure(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}

async fn put(connection: &mut SqliteConnection, request: &LeaseRequest, row: QuotaRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO quota_row
         (account, meter, period_begin_us, period_end_us, debited, handed_over, given_back, lost, returned)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (account, meter, period_begin_us) DO UPDATE SET
             period_end_us = excluded.period_end_us, debited = excluded.debited, handed_over = excluded.handed_over,
             given_back = excluded.given_back, lost = excluded.lost, returned = excluded.returned",
    )
    .bind(request.account.to_bytes().as_slice())
    .bind(request.meter.number())
    .bind(request.period_begin_us)
    .bind(request.period_end_us)
    .bind(from_figure(row.debited))
    .bind(from_figure(row.handed_over))
    .bind(from_figure(row.given_back))
    .bind(from_figure(row.lost))
    .bind(from_figure(row.returned))
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets what is too old, whenever a period of the same account and meter begins. Never the row just written.
async fn prune(connection: &mut SqliteConnection, request: &LeaseRequest) -> sqlx::Result<()> {
    // The first row that the given number of newer ones leaves over; older ones than that, too, are left over.
    sqlx::query(
        "DELETE FROM quota_row WHERE account = $1 AND meter = $2 AND period_begin_us <> $3 AND (
             period_begin_us <= (SELECT period_begin_us FROM quota_row WHERE account = $1 AND meter = $2
                                 ORDER BY period_begin_us DESC LIMIT 1 OFFSET $6)
             OR period_end_us < $4
             AND period_begin_us <= (SELECT period_begin_us FROM quota_row WHERE account = $1 AND meter = $2
                                     ORDER BY period_begin_us DESC LIMIT 1 OFFSET $5))",
    )
    .bind(request.account.to_bytes().as_slice())
    .bind(request.meter.number())
    .bind(request.period_begin_us)
    .bind(request.period_begin_us.saturating_sub(KEPT_US))
    .bind(KEPT_AT_LEAST)
    .bind(KEPT_AT_MOST)
    .execute(connection)
    .await
    .map(drop)
}

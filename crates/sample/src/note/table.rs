//! The table `note`: reading and writing the notes of one constituent.
//! It doesn't ask who may: `constituent::table::admit` has been asked before.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row, Sqlite};

use super::{Note, Record};
use crate::answer::Failure;
use crate::fuzzy_date::FuzzyDate;
use crate::listing::Window;

const INSERT: &str = "
    INSERT INTO note (type, summary, text, year, month, day, author, constituent_id, date_added, date_modified)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')),
        coalesce($9, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')))";

const UPDATE: &str = "
    UPDATE note SET type = $1, summary = $2, text = $3, year = $4, month = $5, day = $6, author = $7,
        date_modified = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
    WHERE id = $8";

/// How many notes the constituent has, and those of the window by ascending id.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    constituent_id: i64,
    window: Window,
) -> Result<(i64, Vec<Record>), sqlx::Error> {
    let count = sqlx::query_scalar("SELECT count(*) FROM note WHERE constituent_id = $1")
        .bind(constituent_id)
        .fetch_one(&mut *connection)
        .await?;
    let records = sqlx::query_as("SELECT * FROM note WHERE constituent_id = $1 ORDER BY id LIMIT $2 OFFSET $3")
        .bind(constituent_id)
        .bind(window.limit)
        .bind(window.offset)
        .fetch_all(connection)
        .await?;
    Ok((count, records))
}

/// One note of the constituent; a note of another one counts as missing.
pub(crate) async fn read(connection: &mut SqliteConnection, constituent_id: i64, id: i64) -> Result<Record, Failure> {
    let record = sqlx::query_as("SELECT * FROM note WHERE id = $1 AND constituent_id = $2")
        .bind(id)
        .bind(constituent_id)
        .fetch_optional(connection)
        .await?;
    record.ok_or_else(|| Failure::Missing(format!("Constituent {constituent_id} has no note {id}.")))
}

/// Adds a note and returns its id. `date_added` is now, unless a seed states it.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    constituent_id: i64,
    note: &Note,
    date_added: Option<&str>,
) -> Result<i64, sqlx::Error> {
    let done = bind(sqlx::query(INSERT), note).bind(constituent_id).bind(date_added).execute(connection).await?;
    Ok(done.last_insert_rowid())
}

/// Writes a note over the one that has this id.
pub(crate) async fn update(connection: &mut SqliteConnection, id: i64, note: &Note) -> Result<(), sqlx::Error> {
    bind(sqlx::query(UPDATE), note).bind(id).execute(connection).await?;
    Ok(())
}

/// Removes a note.
pub(crate) async fn delete(connection: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM note WHERE id = $1").bind(id).execute(connection).await?;
    Ok(())
}

fn bind(query: Query<'static, Sqlite, SqliteArguments>, note: &Note) -> Query<'static, Sqlite, SqliteArguments> {
    let note = note.clone();
    query
        .bind(note.kind)
        .bind(note.summary)
        .bind(note.text)
        .bind(note.date.and_then(|date| date.y))
        .bind(note.date.and_then(|date| date.m))
        .bind(note.date.and_then(|date| date.d))
        .bind(note.author)
}

impl<'r> FromRow<'r, SqliteRow> for Record {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get::<i64, _>("id")?.to_string(),
            constituent_id: row.try_get::<i64, _>("constituent_id")?.to_string(),
            note: Note {
                kind: row.try_get("type")?,
                summary: row.try_get("summary")?,
                text: row.try_get("text")?,
                date: FuzzyDate::of_parts(row.try_get("year")?, row.try_get("month")?, row.try_get("day")?),
                author: row.try_get("author")?,
            },
            date_added: row.try_get("date_added")?,
            date_modified: row.try_get("date_modified")?,
        })
    }
}

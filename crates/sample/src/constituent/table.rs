//! The tables `constituent` and `hidden_constituent`: who may see which record, and reading and writing records.
//! It knows nothing of HTTP beyond the failure that a missing or hidden record is.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row, Sqlite};

use super::{Address, Constituent, Record};
use crate::answer::{Failure, Problem};
use crate::caller::Caller;
use crate::fold::fold;
use crate::fuzzy_date::FuzzyDate;
use crate::listing::Window;

/// What a list is narrowed by; `None` leaves a column alone.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Words that must all occur.
    pub(crate) search: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) inactive: Option<bool>,
}

/// The rows that a caller may see and that match a filter: $1 user, $2 words as a JSON array, then the columns.
macro_rules! matching {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM constituent
              WHERE NOT EXISTS (SELECT 1 FROM hidden_constituent AS hidden
                                WHERE hidden.user_id = $1 AND hidden.constituent_id = constituent.id)
                AND NOT EXISTS (SELECT 1 FROM json_each($2) AS word WHERE instr(constituent.folded, word.value) = 0)
                AND ($3 IS NULL OR constituent.folded_last_name = $3)
                AND ($4 IS NULL OR constituent.folded_city = $4)
                AND ($5 IS NULL OR constituent.type = $5)
                AND ($6 IS NULL OR constituent.inactive = $6) ",
            $rest
        )
    };
}

/// The columns that a caller writes, and the folded ones made from them, in the order of [`bind`].
const INSERT: &str = "
    INSERT INTO constituent (type, name, title, first_name, last_name, preferred_name, gender, birth_year, birth_month,
        birth_day, deceased, inactive, email, phone, address_lines, city, state, postal_code, country, lookup_id,
        folded, folded_last_name, folded_city, id, date_added, date_modified)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
        $24, coalesce($25, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')),
        coalesce($25, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')))";

const UPDATE: &str = "
    UPDATE constituent SET type = $1, name = $2, title = $3, first_name = $4, last_name = $5, preferred_name = $6,
        gender = $7, birth_year = $8, birth_month = $9, birth_day = $10, deceased = $11, inactive = $12, email = $13,
        phone = $14, address_lines = $15, city = $16, state = $17, postal_code = $18, country = $19, lookup_id = $20,
        folded = $21, folded_last_name = $22, folded_city = $23,
        date_modified = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
    WHERE id = $24";

/// Lets the caller through to a constituent, or says that there is none or that it is hidden from them.
pub(crate) async fn admit(connection: &mut SqliteConnection, caller: &Caller, id: i64) -> Result<(), Failure> {
    let sql = "SELECT EXISTS (SELECT 1 FROM hidden_constituent WHERE user_id = $2 AND constituent_id = $1)
               FROM constituent WHERE id = $1";
    let hidden: Option<bool> =
        sqlx::query_scalar(sql).bind(id).bind(caller.user.clone()).fetch_optional(connection).await?;
    match hidden {
        Some(false) => Ok(()),
        Some(true) => Err(Failure::Hidden(format!("You may not see constituent {id}."))),
        None => Err(Failure::Missing(format!("There is no constituent {id}."))),
    }
}

/// How many constituents match in all, and those of the window by ascending id.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    caller: &Caller,
    filter: &Filter,
    window: Window,
) -> Result<(i64, Vec<Record>), sqlx::Error> {
    let folded_search = fold(filter.search.as_deref().unwrap_or_default());
    let words = serde_json::Value::from_iter(folded_search.split_whitespace()).to_string();
    let last_name = filter.last_name.as_deref().map(fold);
    let city = filter.city.as_deref().map(fold);
    let count = sqlx::query_scalar(matching!("SELECT count(*)", ""))
        .bind(caller.user.clone())
        .bind(words.clone())
        .bind(last_name.clone())
        .bind(city.clone())
        .bind(filter.kind.clone())
        .bind(filter.inactive)
        .fetch_one(&mut *connection)
        .await?;
    let records = sqlx::query_as(matching!("SELECT *", "ORDER BY id LIMIT $7 OFFSET $8"))
        .bind(caller.user.clone())
        .bind(words)
        .bind(last_name)
        .bind(city)
        .bind(filter.kind.clone())
        .bind(filter.inactive)
        .bind(window.limit)
        .bind(window.offset)
        .fetch_all(connection)
        .await?;
    Ok((count, records))
}

/// One constituent, which [`admit`] has let through.
pub(crate) async fn read(connection: &mut SqliteConnection, id: i64) -> Result<Record, Failure> {
    let record = sqlx::query_as("SELECT * FROM constituent WHERE id = $1").bind(id).fetch_optional(connection).await?;
    record.ok_or_else(|| Failure::Missing(format!("There is no constituent {id}.")))
}

/// Adds a constituent and returns its id. `id` and `date_added` are the next one and now, unless a seed states them.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    constituent: &Constituent,
    id: Option<i64>,
    date_added: Option<&str>,
) -> Result<i64, Failure> {
    let insert = bind(sqlx::query(INSERT), constituent).bind(id).bind(date_added);
    let done = insert.execute(connection).await.map_err(name_taken_lookup_id)?;
    Ok(done.last_insert_rowid())
}

/// Writes a constituent over the one that has this id.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    id: i64,
    constituent: &Constituent,
) -> Result<(), Failure> {
    let update = bind(sqlx::query(UPDATE), constituent).bind(id);
    update.execute(connection).await.map_err(name_taken_lookup_id)?;
    Ok(())
}

/// Removes a constituent; its notes and what was hidden go with it, by the foreign keys, in the same statement.
pub(crate) async fn delete(connection: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM constituent WHERE id = $1").bind(id).execute(connection).await?;
    Ok(())
}

fn bind(
    query: Query<'static, Sqlite, SqliteArguments>,
    constituent: &Constituent,
) -> Query<'static, Sqlite, SqliteArguments> {
    let c = constituent.clone();
    let address = c.address.unwrap_or_default();
    let lines = if address.lines.is_empty() { None } else { Some(address.lines.join("\n")) };
    let searched = [Some(&c.name), c.preferred_name.as_ref(), c.email.as_ref(), address.city.as_ref()];
    let searched = searched.into_iter().chain([c.lookup_id.as_ref()]).flatten().map(|text| fold(text));
    let folded = searched.collect::<Vec<_>>().join("\n");
    let folded_last_name = c.last_name.as_deref().map(fold);
    let folded_city = address.city.as_deref().map(fold);
    query
        .bind(c.kind)
        .bind(c.name)
        .bind(c.title)
        .bind(c.first_name)
        .bind(c.last_name)
        .bind(c.preferred_name)
        .bind(c.gender)
        .bind(c.birthdate.and_then(|date| date.y))
        .bind(c.birthdate.and_then(|date| date.m))
        .bind(c.birthdate.and_then(|date| date.d))
        .bind(c.deceased)
        .bind(c.inactive)
        .bind(c.email)
        .bind(c.phone)
        .bind(lines)
        .bind(address.city)
        .bind(address.state)
        .bind(address.postal_code)
        .bind(address.country)
        .bind(c.lookup_id)
        .bind(folded)
        .bind(folded_last_name)
        .bind(folded_city)
}

/// `lookup_id` is the one column that two callers can both want.
fn name_taken_lookup_id(error: sqlx::Error) -> Failure {
    if error.as_database_error().is_some_and(|error| error.is_unique_violation()) {
        return Failure::Invalid(vec![Problem {
            pointer: "/lookup_id".to_owned(),
            place: "body",
            message: "lookup_id is already that of another constituent.".to_owned(),
        }]);
    }
    Failure::Database(error)
}

impl<'r> FromRow<'r, SqliteRow> for Record {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        let lines: Option<String> = row.try_get("address_lines")?;
        let address = Address {
            lines: lines.iter().flat_map(|lines| lines.split('\n')).map(str::to_owned).collect(),
            city: row.try_get("city")?,
            state: row.try_get("state")?,
            postal_code: row.try_get("postal_code")?,
            country: row.try_get("country")?,
        };
        Ok(Self {
            id: row.try_get::<i64, _>("id")?.to_string(),
            constituent: Constituent {
                kind: row.try_get("type")?,
                name: row.try_get("name")?,
                title: row.try_get("title")?,
                first_name: row.try_get("first_name")?,
                last_name: row.try_get("last_name")?,
                preferred_name: row.try_get("preferred_name")?,
                gender: row.try_get("gender")?,
                birthdate: FuzzyDate::of_parts(
                    row.try_get("birth_year")?,
                    row.try_get("birth_month")?,
                    row.try_get("birth_day")?,
                ),
                deceased: row.try_get("deceased")?,
                inactive: row.try_get("inactive")?,
                email: row.try_get("email")?,
                phone: row.try_get("phone")?,
                address: Some(address).filter(|address| *address != Address::default()),
                lookup_id: row.try_get("lookup_id")?,
            },
            date_added: row.try_get("date_added")?,
            date_modified: row.try_get("date_modified")?,
        })
    }
}

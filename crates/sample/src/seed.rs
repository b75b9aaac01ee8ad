//! The data of a first run: the same people, organisations and notes every time, made without clock or chance.
//! It knows what is believable, and leaves the writing to the tables.

mod notes;
mod people;
mod places;

use sqlx::sqlite::SqliteConnection;

use crate::answer::Failure;
use crate::constituent::{self, Address, Constituent, INDIVIDUAL, ORGANIZATION, full_name};
use crate::fold::fold;
use crate::fuzzy_date::FuzzyDate;
use crate::note;

/// How many constituents a first run has.
const COUNT: usize = 360;
/// The one with a full record and three notes, which examples speak of.
const EXAMPLE: usize = 280;
/// Every so many constituents one is an organisation.
const ORGANIZATION_EVERY: usize = 18;
/// The user, as `Limen-User` names them, from whom a first run hides six constituents, 101 and 113 among them.
pub const RESTRICTED_USER: &str = "restricted";
/// The ids that [`RESTRICTED_USER`] may not see.
pub const HIDDEN_CONSTITUENTS: [i64; 6] = [101, 113, 127, 166, 214, 305];

/// Fills empty tables.
pub(crate) async fn fill(connection: &mut SqliteConnection) -> Result<(), Failure> {
    for index in 1..=COUNT {
        let id = i64::try_from(index).ok();
        let constituent = constituent_of(index);
        let id = constituent::table::insert(connection, &constituent, id, Some(&date_added(index))).await?;
        for (note, date_added) in notes::about(index, &constituent) {
            note::table::insert(connection, id, &note, Some(&date_added)).await?;
        }
    }
    for id in HIDDEN_CONSTITUENTS {
        sqlx::query("INSERT INTO hidden_constituent (user_id, constituent_id) VALUES ($1, $2)")
            .bind(RESTRICTED_USER)
            .bind(id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn constituent_of(index: usize) -> Constituent {
    if index == EXAMPLE {
        example()
    } else if index.is_multiple_of(ORGANIZATION_EVERY) {
        organization(index)
    } else {
        individual(index)
    }
}

fn organization(index: usize) -> Constituent {
    let name = pick(&people::ORGANIZATIONS, index / ORGANIZATION_EVERY);
    let words = fold(name).replace('\'', "");
    let domain: Vec<&str> = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    Constituent {
        kind: ORGANIZATION.to_owned(),
        name: name.to_owned(),
        title: None,
        first_name: None,
        last_name: None,
        preferred_name: None,
        gender: None,
        birthdate: None,
        deceased: false,
        inactive: index.is_multiple_of(13),
        email: Some(format!("office@{}.example", domain.join("-"))),
        phone: Some(places::phone(index)),
        address: Some(places::address(index)),
        lookup_id: Some(lookup_id(index)),
    }
}

fn individual(index: usize) -> Constituent {
    let person = people::person(index % ORGANIZATION_EVERY, index / ORGANIZATION_EVERY);
    let title = match (index % 23, person.female) {
        (0, _) => "Dr.",
        (1, _) => "Prof.",
        (_, true) => "Ms.",
        (_, false) => "Mr.",
    };
    let mailbox = fold(&format!("{}.{}", person.first_name, person.last_name)).replace(['\'', ' '], "");
    let domain = pick(&["example.org", "example.com", "example.net"], index);
    Constituent {
        kind: INDIVIDUAL.to_owned(),
        name: full_name(Some(person.first_name), person.last_name),
        title: if index.is_multiple_of(4) { None } else { Some(title.to_owned()) },
        first_name: Some(person.first_name.to_owned()),
        last_name: Some(person.last_name.to_owned()),
        preferred_name: None,
        gender: Some(if person.female { "Female" } else { "Male" }.to_owned()),
        birthdate: birthdate(index),
        deceased: index.is_multiple_of(29),
        inactive: index.is_multiple_of(13),
        email: if index.is_multiple_of(6) { None } else { Some(format!("{mailbox}@{domain}")) },
        phone: if index.is_multiple_of(5) { None } else { Some(places::phone(index)) },
        address: Some(places::address(index)),
        lookup_id: Some(lookup_id(index)),
    }
}

/// As with real records: often the whole date, sometimes only the year, or the day without the year, or nothing.
fn birthdate(index: usize) -> Option<FuzzyDate> {
    let y = part(1930 + index * 13 % 60);
    let m = part(1 + index * 5 % 12);
    let d = part(1 + index * 11 % 28);
    match index % 7 {
        0 => None,
        1 => FuzzyDate::of_parts(y, None, None),
        2 => FuzzyDate::of_parts(y, m, None),
        3 => FuzzyDate::of_parts(None, m, d),
        _ => FuzzyDate::of_parts(y, m, d),
    }
}

fn example() -> Constituent {
    let text = |text: &str| Some(text.to_owned());
    Constituent {
        kind: INDIVIDUAL.to_owned(),
        name: full_name(Some("Leonor"), "Vale-Okonkwo"),
        title: text("Dr."),
        first_name: text("Leonor"),
        last_name: text("Vale-Okonkwo"),
        preferred_name: text("Nora"),
        gender: text("Female"),
        birthdate: FuzzyDate::of_parts(Some(1968), Some(11), Some(3)),
        deceased: false,
        inactive: false,
        email: text("nora.vale-okonkwo@example.org"),
        phone: text("+1 843 555 0142"),
        address: Some(Address {
            lines: vec!["The Old Chandlery, Apt. 3".to_owned(), "14 Wharf Lane".to_owned()],
            city: text("Charleston"),
            state: text("SC"),
            postal_code: text("29401"),
            country: text("United States"),
        }),
        lookup_id: Some(lookup_id(EXAMPLE)),
    }
}

fn lookup_id(index: usize) -> String {
    format!("C-{index:05}")
}

/// Year, month and day on which the constituent `index` was added: later ids later, from early 2011 to late 2024.
fn day_added(index: usize) -> (usize, usize, usize) {
    (2011 + index / 26, 1 + index % 26 * 12 / 26, 1 + index * 11 % 28)
}

/// The moment of [`day_added`], within office hours.
fn date_added(index: usize) -> String {
    let (year, month, day) = day_added(index);
    format!("{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}.000+00:00", 8 + index % 10, index * 7 % 60, index * 37 % 60)
}

/// The entry at `index`, starting over past the end.
fn pick<'a>(entries: &[&'a str], index: usize) -> &'a str {
    entries.iter().cycle().nth(index % entries.len().max(1)).copied().unwrap_or_default()
}

fn part(number: usize) -> Option<i64> {
    i64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_seeded_constituent_is_well_formed() {
        let mut names = HashSet::new();
        for index in 1..=COUNT {
            let constituent = constituent_of(index);
            let serde_json::Value::Object(members) = serde_json::to_value(&constituent).unwrap() else {
                panic!("no object")
            };
            assert_eq!(Constituent::check(&members), Ok(constituent.clone()), "{index}");
            names.insert(constituent.name);
        }
        assert!(names.len() > COUNT - 10, "{} names", names.len());
    }

    #[test]
    fn every_seeded_note_is_well_formed() {
        let mut notes = 0;
        for index in 1..=COUNT {
            let constituent = constituent_of(index);
            for (note, date_added) in notes::about(index, &constituent) {
                let serde_json::Value::Object(members) = serde_json::to_value(&note).unwrap() else {
                    panic!("no object")
                };
                assert_eq!(note::Note::check(&members), Ok(note), "{index}");
                assert_eq!(date_added.len(), "2024-01-01T00:00:00.000+00:00".len());
                notes += 1;
            }
        }
        assert!(notes > 60, "{notes}");
        assert_eq!(notes::about(EXAMPLE, &example()).len(), 3);
    }

    #[test]
    fn later_ids_were_not_added_in_an_earlier_month() {
        let months: Vec<_> = (1..=COUNT).map(|index| date_added(index)[..7].to_owned()).collect();
        assert!(months.is_sorted(), "{months:?}");
    }
}

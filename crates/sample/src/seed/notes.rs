//! The notes of a first run: what someone in an office would have written down.
//! It knows nothing of how notes are kept.

use super::{EXAMPLE, date_added, day_added, part, pick};
use crate::constituent::{Constituent, ORGANIZATION};
use crate::fuzzy_date::FuzzyDate;
use crate::note::Note;

/// Type, summary, text. `NAME` stands for how the constituent is called.
type Draft = (&'static str, &'static str, &'static str);

const AUTHORS: [&str; 4] = ["M. Abernathy", "T. Okoye", "R. Villalobos", "J. Lindgren"];

const ABOUT_PEOPLE: [Draft; 11] = [
    (
        "Call",
        "Thanked for the winter gift",
        "Reached NAME on the second try. Glad to hear what the gift paid for; asked for fewer envelopes and more news.",
    ),
    (
        "Meeting",
        "Coffee after the open day",
        "NAME stayed until the chairs were stacked. Would help again, though not on Fridays.",
    ),
    ("Letter", "Sent the annual report", "Printed copy by post, as NAME prefers paper."),
    (
        "General",
        "Moved house in the spring",
        "NAME wrote from the new address; the old one bounced in March. Updated here and on the mailing list.",
    ),
    (
        "Call",
        "Asked about leaving a legacy",
        "NAME wanted to know how a small legacy works. Promised the leaflet and no pressure.",
    ),
    (
        "General",
        "Allergic to nuts",
        "For the kitchen at the summer dinner. NAME asked that the cooks be told, not the table.",
    ),
    (
        "Meeting",
        "Walked the new building",
        "Showed NAME the reading room. Many questions about heating, all of them good ones.",
    ),
    (
        "Letter",
        "Condolences on the loss of a sister",
        "Handwritten card. NAME is not to be asked for anything until the autumn.",
    ),
    (
        "Call",
        "Offered to teach on Tuesdays",
        "NAME has taught night school for years and can start after the holidays. Passed on to the programme team.",
    ),
    ("General", "Prefers evening calls", "NAME works shifts; after six is best."),
    (
        "Meeting",
        "Introduced two neighbours",
        "NAME brought two neighbours to the spring concert. Both left their addresses.",
    ),
];

const ABOUT_ORGANIZATIONS: [Draft; 4] = [
    ("Meeting", "Agreed to share the hall", "NAME gets Mondays and Wednesdays, and brings its own kettle."),
    ("Letter", "Grant agreement signed", "Countersigned copy sent back to NAME. First report due in six months."),
    (
        "Call",
        "New contact in the office",
        "The old contact has retired; NAME answers at the general address until someone is named.",
    ),
    (
        "General",
        "Invoices go to the treasurer",
        "NAME asks that invoices carry the purchase order in the subject line.",
    ),
];

const ABOUT_THE_EXAMPLE: [Draft; 3] = [
    (
        "Meeting",
        "First visit to the archive",
        "Nora came to see her grandmother's letters, which the family gave us in 1974. She found the one from the night of the flood and read it aloud.\n\nShe would like copies for her brothers.",
    ),
    (
        "Call",
        "Will chair the reading-room appeal",
        "Said yes before the question was finished. Conditions: meetings end at nine, and no gala.\n\nNext step: send last year's figures.",
    ),
    (
        "Letter",
        "Copies of the letters sent",
        "Twelve scans on good paper, three sets. Her thank-you note is in the folder.",
    ),
];

/// The notes about the constituent `index`, each with the moment at which it was added.
pub(super) fn about(index: usize, constituent: &Constituent) -> Vec<(Note, String)> {
    let called = constituent.first_name.as_deref().unwrap_or(&constituent.name);
    let organization = constituent.kind == ORGANIZATION;
    let drafts: &[Draft] = if organization { &ABOUT_ORGANIZATIONS } else { &ABOUT_PEOPLE };
    let (drafts, first, count) = match index {
        EXAMPLE => (ABOUT_THE_EXAMPLE.as_slice(), 0, ABOUT_THE_EXAMPLE.len()),
        _ if index.is_multiple_of(21) => (drafts, index / 7, 2),
        _ if organization || index.is_multiple_of(7) => (drafts, index / 7 + index / 18, 1),
        _ => return Vec::new(),
    };
    let written = drafts.iter().cycle().skip(first % drafts.len().max(1)).take(count).enumerate();
    written.map(|(number, draft)| (note(draft, called, index + 5 * number), date_added(index + 5 * number))).collect()
}

fn note((kind, summary, text): &Draft, called: &str, index: usize) -> Note {
    // Written down on the day itself, though the day isn't always given.
    let (year, month, day) = day_added(index);
    let day = if index.is_multiple_of(3) { None } else { part(day) };
    Note {
        kind: (*kind).to_owned(),
        summary: (*summary).to_owned(),
        text: Some(text.replace("NAME", called)),
        date: FuzzyDate::of_parts(part(year), part(month), day),
        author: Some(pick(&AUTHORS, index).to_owned()),
    }
}

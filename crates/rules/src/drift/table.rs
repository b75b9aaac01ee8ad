//! What is kept of differences: bounded, each kind once.

use std::collections::BTreeMap;

use super::{Compared, Difference, DriftLine, DriftReport};
use crate::model::Name;

/// Kinds that are kept; the one not seen for longest gives way.
const KINDS_MAX: usize = 1_000;
/// APIs whose answers are counted by themselves; others are counted as `other`.
const APIS_MAX: usize = 255;
/// New kinds that are told to the log within a minute.
const TOLD_PER_MINUTE: u32 = 10;
const MINUTE_US: i64 = 60_000_000;

/// Where a difference was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    api: Name,
    operation: Name,
    status: u16,
    difference: Difference,
}

#[derive(Clone, Debug)]
struct Seen {
    answers: u64,
    first_at_us: i64,
    last_at_us: i64,
    request_id: String,
}

/// A call whose answer was compared.
#[derive(Clone, Debug)]
pub struct Answered<'a> {
    /// The API.
    pub api: &'a Name,
    /// The operation.
    pub operation: &'a Name,
    /// The status that the service answered with.
    pub status: u16,
    /// When the call came, microseconds since the Unix epoch.
    pub at_us: i64,
    /// The call's id.
    pub request_id: &'a str,
}

/// The differences that were found since the process began.
#[derive(Clone, Debug, Default)]
pub struct DriftTable {
    kinds: BTreeMap<Kind, Seen>,
    drifted: BTreeMap<Name, u64>,
    alike: u64,
    left_aside: u64,
    forgotten: u64,
    /// The minute that new kinds are told in, how many were, and how many had to be left out since.
    minute: i64,
    told: u32,
    untold: u64,
}

/// What the log is told: new kinds in words, and how many were left out before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// In words.
    pub words: Vec<String>,
    /// Kinds that were new since and are not told, so that the log has a bound.
    pub untold: u64,
}

impl DriftTable {
    /// Takes up what was found in an answer; `is_whole` says whether all of it was looked at. Tells what is new.
    pub fn take(&mut self, answered: &Answered<'_>, differences: Vec<Difference>, is_whole: bool) -> News {
        let mut news = News::default();
        if differences.is_empty() {
            *(if is_whole { &mut self.alike } else { &mut self.left_aside }) += 1;
            return news;
        }
        self.count(answered.api);
        for difference in differences {
            let words = difference.words(answered.status);
            let Answered { api, operation, status, at_us, request_id } = answered;
            let kind = Kind { api: Name::clone(api), operation: Name::clone(operation), status: *status, difference };
            if let Some(seen) = self.kinds.get_mut(&kind) {
                seen.answers += 1;
                seen.last_at_us = seen.last_at_us.max(*at_us);
                (*request_id).clone_into(&mut seen.request_id);
                continue;
            }
            self.make_room();
            let (at_us, request_id) = (*at_us, (*request_id).to_owned());
            self.kinds.insert(kind, Seen { answers: 1, first_at_us: at_us, last_at_us: at_us, request_id });
            if self.may_tell(at_us) {
                news.words.push(words);
            }
        }
        if !news.words.is_empty() {
            news.untold = std::mem::take(&mut self.untold);
        }
        news
    }

    fn count(&mut self, api: &Name) {
        let is_known = self.drifted.contains_key(api) || self.drifted.len() < APIS_MAX;
        let name = if is_known { api.clone() } else { "other".into() };
        *self.drifted.entry(name).or_default() += 1;
    }

    fn make_room(&mut self) {
        if self.kinds.len() < KINDS_MAX {
            return;
        }
        let oldest = self.kinds.iter().min_by_key(|(_, seen)| seen.last_at_us).map(|(kind, _)| kind.clone());
        if let Some(oldest) = oldest {
            self.kinds.remove(&oldest);
            self.forgotten += 1;
        }
    }

    fn may_tell(&mut self, at_us: i64) -> bool {
        let minute = at_us.div_euclid(MINUTE_US);
        if minute != self.minute {
            (self.minute, self.told) = (minute, 0);
        }
        let may = self.told < TOLD_PER_MINUTE;
        if may {
            self.told += 1;
        } else {
            self.untold += 1;
        }
        may
    }

    /// Answers that differed, by API.
    pub fn drifted(&self) -> impl Iterator<Item = (&Name, u64)> {
        self.drifted.iter().map(|(api, answers)| (api, *answers))
    }

    /// What became of the answers, `dropped` being known elsewhere.
    #[must_use]
    pub fn compared(&self, dropped: u64) -> Compared {
        let drifted = self.drifted.values().sum();
        Compared { alike: self.alike, drifted, left_aside: self.left_aside, dropped }
    }

    /// What was found of one API, or of all.
    #[must_use]
    pub fn report(&self, api: Option<&str>, dropped: u64) -> DriftReport {
        let wanted = self.kinds.iter().filter(|(kind, _)| api.is_none_or(|api| *kind.api == *api));
        let line = |(kind, seen): (&Kind, &Seen)| DriftLine {
            api: kind.api.clone(),
            operation: kind.operation.clone(),
            status: kind.status,
            words: kind.difference.words(kind.status),
            difference: kind.difference.clone(),
            answers: seen.answers,
            first_at_us: seen.first_at_us,
            last_at_us: seen.last_at_us,
            request_id: seen.request_id.clone(),
        };
        let mut lines: Vec<DriftLine> = wanted.map(line).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.last_at_us));
        DriftReport { compared: self.compared(dropped), lines, forgotten: self.forgotten }
    }
}

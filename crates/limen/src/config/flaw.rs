//! A flaw in the configuration: where it comes from, what is wrong and how to mend it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::tree::Place;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The file, and the place in it where there is one.
    File(Option<Place>),
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The field of the file, such as `products[0].rate.window_s`.
    pub(crate) field: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// How to mend it.
    pub(crate) mend: String,
}

/// Everything that is wrong with a configuration, in the order of the file; shown one to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaws {
    file: PathBuf,
    list: Vec<Flaw>,
}

impl Flaws {
    /// Sorts by place; what has none comes first, flags and variables last.
    pub(crate) fn new(file: Option<&Path>, mut list: Vec<Flaw>) -> Self {
        list.sort_by_cached_key(|flaw| match &flaw.origin {
            Origin::File(place) => (0, place.map_or((0, 0), |place| (place.line, place.column)), String::new()),
            Origin::Variable(name) => (1, (0, 0), name.clone()),
            Origin::Flag(name) => (2, (0, 0), (*name).to_owned()),
        });
        Self { file: file.map_or_else(|| PathBuf::from("limen.yaml"), Path::to_path_buf), list }
    }
}

/// So many flaws are shown: nobody reads more, and a terminal holds no more.
const SHOWN: usize = 100;

impl fmt::Display for Flaws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, flaw) in self.list.iter().take(SHOWN).enumerate() {
            if at > 0 {
                formatter.write_str("\n")?;
            }
            match &flaw.origin {
                Origin::File(Some(place)) => {
                    write!(formatter, "{}:{}:{}: ", self.file.display(), place.line, place.column)?;
                }
                Origin::File(None) => write!(formatter, "{}: ", self.file.display())?,
                Origin::Variable(name) => write!(formatter, "{name}: ")?,
                Origin::Flag(name) => write!(formatter, "{name}: ")?,
            }
            if let Some(field) = &flaw.field {
                write!(formatter, "{field}: ")?;
            }
            write!(formatter, "{}; mend: {}", flaw.message, flaw.mend)?;
        }
        if let Some(more) = self.list.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            write!(formatter, "\n{}: and {more} more; mend these first", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Flaws {}

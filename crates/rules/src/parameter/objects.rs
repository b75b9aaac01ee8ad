//! Objects: members in one text, as parameters of their own, or named in brackets.

use std::collections::{BTreeMap, HashSet};

use super::read::Read;
use super::ready::{Form, Readings, Ready, Sources, decode};
use super::shape::{Shape, Types};
use super::sources::Pair;
use super::style::{Written, Wrong};
use super::text::shown;

/// Members of deep objects stand at most so deep.
const DEPTH_MAX: usize = 5;

impl Ready {
    pub(super) fn object(&self, members: &[(&str, &str)], written: Written) -> Result<Read, Wrong> {
        let mut read: Vec<(String, Read)> = Vec::with_capacity(members.len());
        let mut known = HashSet::with_capacity(members.len());
        for (name, text) in members {
            let name = decode(name, written.escapes)?;
            if !known.insert(name.clone()) {
                return Err(format!("has the member {} twice", shown(&name)));
            }
            let value = self.read(text, self.shape.member(&name), written)?;
            read.push((name, value));
        }
        Ok(Read::Members(read))
    }

    /// An object whose members are parameters of their own.
    pub(super) fn spread(&self, written: Written, sources: &Sources<'_>) -> Readings {
        let is_taken = |name: &str| sources.taken.iter().any(|taken| **taken == *name);
        let is_mine = |pair: &&Pair<'_>| {
            self.shape.properties.contains_key(&*pair.name) || self.takes_all() && !is_taken(&pair.name)
        };
        let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for pair in sources.pairs.iter().filter(is_mine) {
            texts.entry(&pair.name).or_default().push(pair.text);
        }
        let mut members = Vec::with_capacity(texts.len());
        for (name, texts) in texts {
            members.push((name.to_owned(), self.repeated(name, &texts, self.shape.member(name), written)?));
        }
        Ok((!members.is_empty()).then(|| vec![Read::Members(members)]))
    }

    /// Whether its members may have any name, so that no query parameter is unknown beside it.
    pub(super) fn takes_all(&self) -> bool {
        self.shape.others.is_some()
    }

    /// Whether the members of its value are parameters of their own.
    pub(super) fn is_spread(&self) -> bool {
        let repeats = matches!(self.form, Form::Style(written) if written.repeats());
        repeats && self.shape.types.without(Types::NULL) == Types::OBJECT
    }

    /// `name[a]=1&name[b][c]=2`; a member that is a list is given once for each element, with or without `[]`.
    pub(super) fn deep(&self, written: Written, sources: &Sources<'_>, is_bare: bool) -> Readings {
        let mut leaves: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        for pair in &sources.pairs {
            let Some(mut members) = pair.members(&self.name) else { continue };
            if members.len() > 1 && members.last() == Some(&"") {
                members.pop();
            }
            if members.len() > DEPTH_MAX {
                return Err(format!("has members more than {DEPTH_MAX} deep"));
            }
            leaves.entry(members).or_default().push(pair.text);
        }
        if leaves.is_empty() {
            return match is_bare {
                true => Err(format!("must be written as {}[MEMBER]=VALUE", self.name)),
                false => Ok(None),
            };
        }
        let leaves: Vec<_> = leaves.iter().map(|(path, texts)| (path.as_slice(), texts.as_slice())).collect();
        self.branch(&leaves, &self.shape, written).map(|read| Some(vec![read]))
    }

    /// The object of what lies below one member; `leaves` are sorted by their paths, none of which is empty.
    fn branch(&self, leaves: &[(&[&str], &[&str])], shape: &Shape, written: Written) -> Result<Read, Wrong> {
        let mut members = Vec::new();
        for group in leaves.chunk_by(|one, next| one.0.first() == next.0.first()) {
            let Some(((name, _), _)) = group.first().and_then(|(path, texts)| Some((path.split_first()?, texts)))
            else {
                continue;
            };
            let inner: Vec<_> = group.iter().map(|(path, texts)| (path.get(1..).unwrap_or_default(), *texts)).collect();
            let shape = shape.member(name);
            let read = match inner.as_slice() {
                [([], texts)] => self.repeated(name, texts, shape, written)?,
                [([], _), ..] => return Err(format!("has the member {} as a value and as an object", shown(name))),
                below => self.branch(below, shape, written)?,
            };
            members.push(((*name).to_owned(), read));
        }
        Ok(Read::Members(members))
    }

    /// A member's value of the texts that were given for it.
    fn repeated(&self, name: &str, texts: &[&str], shape: &Shape, written: Written) -> Result<Read, Wrong> {
        let is_list = shape.types.has(Types::ARRAY);
        match texts {
            [one] if !is_list || shape.types.meets(Types::SCALAR) => self.read(one, shape, written),
            several if is_list => {
                let read = several.iter().enumerate().map(|(at, text)| self.read(text, shape.element(at), written));
                Ok(Read::List(read.collect::<Result<_, _>>()?))
            }
            several => Err(format!("has the member {} {} times; give it once", shown(name), several.len())),
        }
    }
}

//! What is known while a document is imported: the whole of it as 3.1, what was lost, how much more may be written.
//!
//! References of everything but schemas are followed here: within the document, a bounded number of times.

use serde_json::Value;

use super::Unreadable;
use super::loss::{Effect, Losses};
use super::pointer::{below, decoded, step, tokens};
use super::schemas::Book;

/// So many references in a row are followed.
const STEPS_MAX: usize = 16;
/// So many values, parameters and answers may be written, references unfolded.
const WORK_MAX: usize = 4_000_000;

/// Why a reference leads nowhere.
pub(super) const NOT_FOLLOWED: &str = "a reference is followed within the document alone, never to files or networks";

/// An import under way.
pub(super) struct Reading<'d> {
    /// The document as 3.1.
    pub(super) root: &'d Value,
    /// What isn't enforced.
    pub(super) losses: Losses,
    /// The schemas that were met.
    pub(super) book: Book,
    /// The first of our own words in it that says nothing that can be.
    pub(super) refused: Option<Unreadable>,
    work: usize,
}

/// A value and where it stands, references followed.
#[derive(Clone, Debug)]
pub(super) struct At<'d> {
    /// The value.
    pub(super) value: &'d Value,
    /// Where it stands.
    pub(super) pointer: String,
}

impl<'d> At<'d> {
    /// A member that is there.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(name)?;
        Some(Self { value, pointer: below(&self.pointer, name) })
    }

    /// Every member, extensions aside.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        self.named().filter(|(name, _)| !name.starts_with("x-"))
    }

    /// Every member of a mapping whose names are the writer's.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), Self { value, pointer: below(&self.pointer, name) }))
    }

    /// Every element.
    pub(super) fn elements(&self) -> impl Iterator<Item = Self> {
        let elements = self.value.as_array().into_iter().flatten().enumerate();
        elements.map(|(at, value)| Self { value, pointer: below(&self.pointer, &at.to_string()) })
    }

    /// The text of a member.
    pub(super) fn text(&self, name: &str) -> Option<&'d str> {
        self.value.get(name)?.as_str()
    }

    /// Whether a member is `true`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.value.get(name).and_then(Value::as_bool) == Some(true)
    }
}

impl<'d> Reading<'d> {
    /// The beginning of one.
    pub(super) fn new(root: &'d Value, losses: Losses) -> Self {
        Self { root, losses, book: Book::of(root), refused: None, work: WORK_MAX }
    }

    /// The whole document.
    pub(super) fn whole(&self) -> At<'d> {
        At { value: self.root, pointer: String::new() }
    }

    /// Takes note of one more value that is written; whether it may be.
    pub(super) fn works(&mut self) -> bool {
        self.work = self.work.saturating_sub(1);
        self.work > 0
    }

    /// Whether more would have been written than may be.
    pub(super) fn is_too_much(&self) -> bool {
        self.work == 0
    }

    /// Tells of something that isn't enforced.
    pub(super) fn lose(&mut self, effect: Effect, pointer: &str, construct: &str, why: &str, words: &str) {
        self.losses.add(effect, pointer, construct, why, words);
    }

    /// Refuses the document for something of ours that it says.
    pub(super) fn refuse(&mut self, at: &At<'_>, message: &str, mend: &str) {
        self.refused.get_or_insert_with(|| Unreadable {
            place: None,
            pointer: Some(at.pointer.clone()),
            message: message.to_owned(),
            mend: mend.to_owned(),
        });
    }

    /// Tells of every field of an object that isn't among these, nor an extension.
    pub(super) fn only(&mut self, at: &At<'_>, what: &str, known: &[&str]) {
        for (name, inner) in at.members().filter(|(name, _)| !known.contains(name)) {
            let construct = format!("field '{}' of {what}", shown(name));
            let why = "OpenAPI has no such field there";
            self.losses.add(Effect::NotEnforced, &inner.pointer, construct, why, "nothing is done with it");
        }
    }

    /// What an object is once its `$ref`, if it has one, is followed; none, and a loss, where that leads nowhere.
    pub(super) fn followed(&mut self, at: At<'d>, what: &str, effect: Effect, words: &str) -> Option<At<'d>> {
        let mut now = at;
        for _ in 0..STEPS_MAX {
            let Some(reference) = now.text("$ref") else { return Some(now) };
            match self.target(reference) {
                Ok(target) => now = target,
                Err(why) => {
                    self.lose(
                        effect,
                        &now.pointer,
                        &format!("{what} by reference to {}", shown(reference)),
                        why,
                        words,
                    );
                    return None;
                }
            }
        }
        let why = "the references lead in a circle, or through too many others";
        self.lose(effect, &now.pointer, &format!("{what} by reference"), why, words);
        None
    }

    /// What a reference leads to.
    pub(super) fn target(&self, reference: &str) -> Result<At<'d>, &'static str> {
        let fragment = reference.strip_prefix('#').ok_or(NOT_FOLLOWED)?;
        let pointer = decoded(fragment).ok_or("it is no JSON pointer")?;
        self.walk(&pointer).ok_or("nothing stands there")
    }

    /// What stands at a pointer; what is itself a reference on the way there is followed.
    pub(super) fn walk(&self, pointer: &str) -> Option<At<'d>> {
        let mut steps = STEPS_MAX;
        let mut left: Vec<String> = tokens(pointer)?;
        left.reverse();
        let mut now = self.whole();
        while let Some(token) = left.pop() {
            if let Some(value) = step(now.value, &token) {
                now = At { value, pointer: below(&now.pointer, &token) };
                continue;
            }
            steps = steps.checked_sub(1)?;
            let inner = decoded(now.text("$ref")?.strip_prefix('#')?)?;
            left.push(token);
            left.extend(tokens(&inner)?.into_iter().rev());
            now = self.whole();
        }
        Some(now)
    }
}

/// A reference as it may be told.
pub(super) fn shown(reference: &str) -> String {
    let mut shown: String =
        reference.chars().take(120).map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect();
    if reference.chars().nth(120).is_some() {
        shown.push('…');
    }
    shown
}

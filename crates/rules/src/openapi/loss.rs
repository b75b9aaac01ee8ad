//! What is not enforced of a document, told by construct: where it stands, why, and what that means to callers.

use std::collections::HashMap;

use super::upgrade::Moves;

/// So many places of one loss are told; the others are only counted.
pub const POINTERS_MAX: usize = 5;
/// So many different losses are told; what is beyond them is one more.
const LOSSES_MAX: usize = 2_000;
/// A pointer that is longer is cut.
const POINTER_CHARACTERS_MAX: usize = 300;

/// What a loss means to callers, the heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It can't be called.
    NotPublished,
    /// Calls that break it reach the service.
    NotEnforced,
    /// It stands in the document that people read, and changes nothing for calls.
    OnlyDescribed,
}

/// A construct of a document that is not enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where it stands, as JSON pointers into the document as it came (RFC 6901): the first [`POINTERS_MAX`].
    pub pointers: Vec<String>,
    /// How often it stands there.
    pub count: usize,
    /// What isn't enforced, such as `links`.
    pub construct: String,
    /// Why not.
    pub why: String,
    /// What it means to callers, in words.
    pub words: String,
    /// What it means to callers, as one of three.
    pub effect: Effect,
}

impl Effect {
    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotPublished => "not published",
            Self::NotEnforced => "not enforced",
            Self::OnlyDescribed => "only described",
        }
    }
}

/// Collects losses, alike ones together.
#[derive(Debug, Default)]
pub(super) struct Losses {
    found: Vec<Loss>,
    known: HashMap<(Effect, String, String), usize>,
    beyond: usize,
    moves: Moves,
}

impl Losses {
    /// From now on, pointers are told as they were before these moves.
    pub(super) fn moved(&mut self, moves: Moves) {
        self.moves = moves;
    }

    /// Tells of one.
    pub(super) fn add(
        &mut self,
        effect: Effect,
        pointer: &str,
        construct: impl Into<String>,
        why: impl Into<String>,
        words: impl Into<String>,
    ) {
        let key = (effect, construct.into(), why.into());
        let at = match self.known.get(&key) {
            Some(at) => *at,
            None if self.found.len() >= LOSSES_MAX => {
                self.beyond += 1;
                return;
            }
            None => {
                let (construct, why) = (key.1.clone(), key.2.clone());
                self.found.push(Loss { pointers: Vec::new(), count: 0, construct, why, words: words.into(), effect });
                self.known.insert(key, self.found.len() - 1);
                self.found.len() - 1
            }
        };
        let Some(loss) = self.found.get_mut(at) else { return };
        loss.count += 1;
        if loss.pointers.len() < POINTERS_MAX {
            loss.pointers.push(self.moves.before(pointer).chars().take(POINTER_CHARACTERS_MAX).collect());
        }
    }

    /// All of them, the heaviest first, otherwise in the order in which they were found.
    pub(super) fn told(mut self) -> Vec<Loss> {
        if self.beyond > 0 {
            self.found.push(Loss {
                pointers: Vec::new(),
                count: self.beyond,
                construct: "further constructs".to_owned(),
                why: format!("more than {LOSSES_MAX} different ones are not told one by one"),
                words: "they are not enforced either".to_owned(),
                effect: Effect::NotEnforced,
            });
        }
        self.found.sort_by_key(|loss| loss.effect);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_ones_are_one_and_all_are_bounded() {
        let mut losses = Losses::default();
        for at in 0..7 {
            losses.add(Effect::OnlyDescribed, &format!("/links/{at}"), "links", "none are followed", "nothing");
        }
        losses.add(Effect::NotPublished, "/paths/~1a", "a path", "odd", "404");
        for at in 0..LOSSES_MAX {
            losses.add(Effect::NotEnforced, "/x", format!("keyword {at}"), "unknown", "anything passes");
        }
        let told = losses.told();
        assert_eq!(told.len(), LOSSES_MAX + 1);
        assert_eq!((told[0].effect, &*told[0].construct), (Effect::NotPublished, "a path"));
        let links = told.last().expect("some");
        assert_eq!((links.count, links.pointers.len()), (7, POINTERS_MAX));
        let beyond = told.iter().find(|loss| loss.construct == "further constructs").expect("told");
        assert_eq!(beyond.count, 2);
    }
}

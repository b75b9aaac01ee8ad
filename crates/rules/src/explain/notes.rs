//! Findings as bytes: what a call notes costs one copy of each name, and what is kept of it holds nothing alive.
//!
//! A finding is its kind, then its parts: numbers little-endian, texts with their length before them. The bytes stay
//! within the process: nothing else reads them.

use super::{Finding, Known, Outcome, Step, Text};
use crate::contract::Cause;
use crate::record::Which;
use crate::token::Mode;

/// The longest text whose length is told in one byte.
const SHORT_MAX: u8 = 253;
/// There is no text.
const NO_TEXT: u8 = 254;
/// The length follows in four bytes.
const LONG: u8 = 255;

/// What was noted of a call, one finding after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Vec<u8>);

/// The kinds of findings, as they are written.
#[derive(Clone, Copy)]
enum Kind {
    Route,
    Preflight,
    NoticeOpen,
    Key,
    Rate,
    Token,
    Limited,
    Permission,
    Policies,
    Media,
    Body,
    Quota,
    GivenBack,
    Service,
    NotRequired,
    Ended,
}

impl Kind {
    const ALL: [Self; 16] = [
        Self::Route,
        Self::Preflight,
        Self::NoticeOpen,
        Self::Key,
        Self::Rate,
        Self::Token,
        Self::Limited,
        Self::Permission,
        Self::Policies,
        Self::Media,
        Self::Body,
        Self::Quota,
        Self::GivenBack,
        Self::Service,
        Self::NotRequired,
        Self::Ended,
    ];
}

impl Notes {
    /// What was noted before, by its bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets what was noted and keeps the room.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many bytes there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Every finding, in order.
    pub fn findings(&self) -> impl Iterator<Item = Finding<'_>> {
        let mut rest = Rest(&self.0);
        std::iter::from_fn(move || rest.finding())
    }

    /// Notes a finding.
    pub fn note(&mut self, finding: Finding<'_>) {
        match finding {
            Finding::Route { api, operation } => {
                self.kind(Kind::Route);
                self.texts([Some(api), operation]);
            }
            Finding::Preflight => self.kind(Kind::Preflight),
            Finding::NoticeOpen => self.kind(Kind::NoticeOpen),
            Finding::Key { subscription, product, which } => {
                self.put([Kind::Key as u8, which as u8]);
                self.texts([Some(subscription), Some(product)]);
            }
            Finding::Rate { limit, window_s, remaining } => {
                self.kind(Kind::Rate);
                self.put(limit.to_le_bytes());
                self.put(window_s.to_le_bytes());
                self.put(remaining.to_le_bytes());
            }
            Finding::Token { user, application, environment, issuer, grant, mode, by } => {
                self.put([Kind::Token as u8, mode as u8, by as u8]);
                self.texts([user, application, Some(environment), issuer, grant]);
            }
            Finding::Limited { connection, token, left } => {
                self.kind(Kind::Limited);
                self.texts([connection, token, Some(left)]);
            }
            Finding::Permission { permission } => {
                self.kind(Kind::Permission);
                self.texts([Some(permission)]);
            }
            Finding::Policies { asked, refused } => {
                self.kind(Kind::Policies);
                self.texts([Some(asked), Some(refused)]);
            }
            Finding::Media { body } => self.put([Kind::Media as u8, u8::from(body)]),
            Finding::Body { bytes } => {
                self.kind(Kind::Body);
                self.put(bytes.to_le_bytes());
            }
            Finding::Quota { calls_remaining, bytes_remaining } => {
                self.kind(Kind::Quota);
                self.number(calls_remaining);
                self.number(bytes_remaining);
            }
            Finding::GivenBack => self.kind(Kind::GivenBack),
            Finding::Service { target, status, leaves_as } => {
                self.kind(Kind::Service);
                self.put(status.to_le_bytes());
                self.put(leaves_as.to_le_bytes());
                self.texts([Some(target)]);
            }
            Finding::NotRequired(step) => self.put([Kind::NotRequired as u8, step as u8]),
            Finding::Ended { step, outcome, cause, told, operator_words } => {
                self.put([Kind::Ended as u8, step as u8, outcome as u8, cause as u8]);
                self.texts([Some(told), Some(operator_words)]);
            }
        }
    }

    fn put<const LENGTH: usize>(&mut self, bytes: [u8; LENGTH]) {
        self.0.extend_from_slice(&bytes);
    }

    fn kind(&mut self, kind: Kind) {
        self.put([kind as u8]);
    }

    fn number(&mut self, number: Option<u64>) {
        self.put([u8::from(number.is_some())]);
        self.put(number.unwrap_or_default().to_le_bytes());
    }

    fn texts<const COUNT: usize>(&mut self, texts: [Option<Text<'_>>; COUNT]) {
        for text in texts {
            let Some(Text(text)) = text else {
                self.put([NO_TEXT]);
                continue;
            };
            match u8::try_from(text.len()) {
                Ok(length @ ..=SHORT_MAX) => self.put([length]),
                _ => {
                    self.put([LONG]);
                    // No text of a call comes near to four gibibytes.
                    self.put(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                }
            }
            self.0.extend_from_slice(text);
        }
    }
}

/// What is still to be read.
struct Rest<'f>(&'f [u8]);

impl<'f> Rest<'f> {
    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(usize::from(self.byte()?)).copied()
    }

    fn number(&mut self) -> Option<Option<u64>> {
        let is_some = self.byte()? != 0;
        let number = u64::from_le_bytes(self.take()?);
        Some(is_some.then_some(number))
    }

    /// A text that there may be.
    fn maybe(&mut self) -> Option<Option<Text<'f>>> {
        let length = match self.byte()? {
            NO_TEXT => return Some(None),
            LONG => u32::from_le_bytes(self.take()?) as usize,
            short => usize::from(short),
        };
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(Text(text)))
    }

    fn text(&mut self) -> Option<Text<'f>> {
        self.maybe()?
    }

    fn finding(&mut self) -> Option<Finding<'f>> {
        let finding = match self.one_of(&Kind::ALL)? {
            Kind::Route => Finding::Route { api: self.text()?, operation: self.maybe()? },
            Kind::Preflight => Finding::Preflight,
            Kind::NoticeOpen => Finding::NoticeOpen,
            Kind::Key => {
                let which = self.one_of(&[Which::Primary, Which::Secondary])?;
                Finding::Key { subscription: self.text()?, product: self.text()?, which }
            }
            Kind::Rate => {
                let [limit, window_s, remaining] = [self.take()?, self.take()?, self.take()?].map(u32::from_le_bytes);
                Finding::Rate { limit, window_s, remaining }
            }
            Kind::Token => {
                let (mode, by) = (self.one_of(&[Mode::Full, Mode::Limited])?, self.one_of(&Known::ALL)?);
                let (user, application, environment) = (self.maybe()?, self.maybe()?, self.text()?);
                Finding::Token { user, application, environment, issuer: self.maybe()?, grant: self.maybe()?, mode, by }
            }
            Kind::Limited => Finding::Limited { connection: self.maybe()?, token: self.maybe()?, left: self.text()? },
            Kind::Permission => Finding::Permission { permission: self.text()? },
            Kind::Policies => Finding::Policies { asked: self.text()?, refused: self.text()? },
            Kind::Media => Finding::Media { body: self.byte()? != 0 },
            Kind::Body => Finding::Body { bytes: u64::from_le_bytes(self.take()?) },
            Kind::Quota => Finding::Quota { calls_remaining: self.number()?, bytes_remaining: self.number()? },
            Kind::GivenBack => Finding::GivenBack,
            Kind::Service => {
                let [status, leaves_as] = [self.take()?, self.take()?].map(u16::from_le_bytes);
                Finding::Service { target: self.text()?, status, leaves_as }
            }
            Kind::NotRequired => Finding::NotRequired(self.one_of(&Step::ALL)?),
            Kind::Ended => {
                let (step, outcome) = (self.one_of(&Step::ALL)?, self.one_of(&Outcome::ALL)?);
                let number = self.byte()?;
                let cause = Cause::ALL.into_iter().find(|cause| *cause as u8 == number)?;
                Finding::Ended { step, outcome, cause, told: self.text()?, operator_words: self.text()? }
            }
        };
        Some(finding)
    }
}

#[cfg(test)]
mod tests;

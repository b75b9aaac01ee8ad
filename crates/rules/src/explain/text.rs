//! A text in a finding, which is looked at as one only where it is shown.

use std::fmt;

/// A text in a finding. It was one when it was noted, and isn't looked at again before it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'f>(pub(super) &'f [u8]);

impl<'f> Text<'f> {
    pub(super) const NONE: Self = Self(&[]);

    /// Of something that is kept elsewhere.
    #[must_use]
    pub fn of(text: &'f (impl AsRef<str> + ?Sized)) -> Self {
        Self(text.as_ref().as_bytes())
    }

    /// Of something that there may be.
    #[must_use]
    pub fn maybe(text: Option<&'f (impl AsRef<str> + ?Sized)>) -> Option<Self> {
        text.map(Self::of)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(self) -> &'f [u8] {
        self.0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(self.0))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.0), formatter)
    }
}

//! What can be wrong with the bytes of a service's answer, in words for operators. No caller sees them.

use std::fmt;

use crate::flaw::Flaw;

/// A defect of an answer and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defect {
    /// What is wrong.
    pub flaw: AnswerFlaw,
    /// The first wrong byte, counted from the first byte after the request; interim answers count.
    pub offset: u64,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerFlaw {
    /// It doesn't begin with a status line (RFC 9112 §4).
    StatusLine,
    /// The version is neither `HTTP/1.1` nor `HTTP/1.0`.
    Version,
    /// The status isn't three digits from 100 on.
    Status,
    /// The head is over its limit.
    HeadTooLarge,
    /// There are more fields than the limit.
    TooManyFields,
    /// A line, a field, a length or a chunk isn't of HTTP's form.
    Form(Flaw),
    /// More interim answers (1xx) than anybody needs, or larger ones.
    TooManyInterim,
    /// An interim answer, or a switch of protocols, that announces a body (RFC 9110 §8.6).
    InterimBody,
    /// 101 where no switch of protocols was asked for (RFC 9110 §15.2.2), or in HTTP/1.0.
    UnaskedSwitch,
    /// The connection ended before the head was whole.
    TruncatedHead,
    /// The connection ended before the body was whole.
    TruncatedBody,
}

impl AnswerFlaw {
    /// Whether the service left off, rather than sent what isn't HTTP.
    #[must_use]
    pub const fn is_truncated(self) -> bool {
        matches!(self, Self::TruncatedHead | Self::TruncatedBody)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::StatusLine => "it does not begin with a status line of HTTP/1.1",
            Self::Version => "its version is neither HTTP/1.1 nor HTTP/1.0",
            Self::Status => "its status is not three digits from 100 on",
            Self::HeadTooLarge => "its status line and headers are too large",
            Self::TooManyFields => "it has too many headers",
            Self::Form(flaw) => flaw.words(),
            Self::TooManyInterim => "too many or too large interim answers (1xx) came before it",
            Self::InterimBody => "an interim answer (1xx) announces a body",
            Self::UnaskedSwitch => "it switches protocols (101), which nobody asked for",
            Self::TruncatedHead => "the connection ended before its headers were complete",
            Self::TruncatedBody => "the connection ended before its body was complete",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (byte {})", self.flaw.words(), self.offset)
    }
}

impl std::error::Error for Defect {}

//! The chain of checks of one call: each with what it looked at and decided, in words that can be read out.
//!
//! Findings are noted as bytes while the call runs ([`notes`]) and become words only when somebody asks.

pub mod notes;

use std::fmt;

use crate::contract::Cause;
use crate::record::Which;
use crate::token::Mode;

/// A check, in the order of the contract's section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Syntax and framing.
    Framing,
    /// Path and method to API and operation.
    Route,
    /// A browser's question before the call.
    Preflight,
    /// Notices that close.
    Notice,
    /// The subscription key.
    Key,
    /// The rate limit.
    Rate,
    /// The access token.
    Token,
    /// What the user may do.
    Permission,
    /// The body's media type.
    Media,
    /// Parameters and body.
    Body,
    /// The quota.
    Quota,
    /// The service behind.
    Service,
}

impl Step {
    /// All, in their order.
    const ALL: [Self; 12] = [
        Self::Framing,
        Self::Route,
        Self::Preflight,
        Self::Notice,
        Self::Key,
        Self::Rate,
        Self::Token,
        Self::Permission,
        Self::Media,
        Self::Body,
        Self::Quota,
        Self::Service,
    ];

    /// Its name in an explanation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Framing => "framing",
            Self::Route => "route",
            Self::Preflight => "preflight",
            Self::Notice => "notice",
            Self::Key => "subscription key",
            Self::Rate => "rate",
            Self::Token => "token",
            Self::Permission => "permission",
            Self::Media => "media type",
            Self::Body => "body",
            Self::Quota => "quota",
            Self::Service => "service",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Went on.
    Passed,
    /// Our "no".
    Refused,
    /// The service's failing or our own.
    Failed,
    /// The operation doesn't ask for it.
    NotRequired,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Passed, Self::Refused, Self::Failed, Self::NotRequired];

    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NotRequired => "not required",
        }
    }
}

/// How a token was known to be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Its signature was verified.
    Verified,
    /// Its signature was remembered.
    Remembered,
    /// Its issuer was asked.
    Asked,
    /// Its issuer was asked a short while ago.
    AskedBefore,
}

impl Known {
    const ALL: [Self; 4] = [Self::Verified, Self::Remembered, Self::Asked, Self::AskedBefore];

    fn words(self) -> &'static str {
        match self {
            Self::Verified => "signature verified now",
            Self::Remembered => "signature seen before",
            Self::Asked => "the issuer was asked now",
            Self::AskedBefore => "the issuer's answer of a short while ago",
        }
    }
}

/// A text in a finding. It was one when it was noted, and isn't looked at again before it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'f>(&'f [u8]);

impl<'f> Text<'f> {
    const NONE: Self = Self(&[]);

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

    fn is_empty(self) -> bool {
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

/// What one check looked at and decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding<'f> {
    /// Path and method were found.
    Route {
        /// The API.
        api: Text<'f>,
        /// The operation, where the API declares any.
        operation: Option<Text<'f>>,
    },
    /// A preflight was answered by the gateway.
    Preflight,
    /// No notice closes the operation.
    NoticeOpen,
    /// The key was accepted.
    Key {
        /// The subscription.
        subscription: Text<'f>,
        /// Its product.
        product: Text<'f>,
        /// Which key.
        which: Which,
    },
    /// The rate admits it.
    Rate {
        /// The limit.
        limit: u32,
        /// The window in seconds.
        window_s: u32,
        /// How many more are admitted now.
        remaining: u32,
    },
    /// The token was accepted.
    Token {
        /// The user; none where the application acts for itself.
        user: Option<Text<'f>>,
        /// The application.
        application: Option<Text<'f>>,
        /// The environment.
        environment: Text<'f>,
        /// Who issued it, where it wasn't us.
        issuer: Option<Text<'f>>,
        /// The grant; none of another issuer's.
        grant: Option<Text<'f>>,
        /// Whether the token gives less than all.
        mode: Mode,
        /// How it was known to be good.
        by: Known,
    },
    /// What narrows the roles: the connection, the token or both.
    Limited {
        /// The permissions that the connection is limited to, where it is.
        connection: Option<Text<'f>>,
        /// The permissions that the token is limited to, where it is.
        token: Option<Text<'f>>,
        /// What is left of the roles' permissions.
        left: Text<'f>,
    },
    /// The user has the permission.
    Permission {
        /// It.
        permission: Text<'f>,
    },
    /// Policies were asked about the record.
    Policies {
        /// Which, by id, comma separated.
        asked: Text<'f>,
        /// Which of them forbid it.
        refused: Text<'f>,
    },
    /// The body may be of that media type.
    Media {
        /// Whether there is a body.
        body: bool,
    },
    /// The body was looked at.
    Body {
        /// Its size in bytes.
        bytes: u64,
    },
    /// A right was charged.
    Quota {
        /// Calls that are left in the period, where calls are limited.
        calls_remaining: Option<u64>,
        /// Bytes that are left in the period, where bytes are limited.
        bytes_remaining: Option<u64>,
    },
    /// The charged right went back, since the call ended in our own failure.
    GivenBack,
    /// The service answered.
    Service {
        /// Its address.
        target: Text<'f>,
        /// Its status.
        status: u16,
        /// The status that left.
        leaves_as: u16,
    },
    /// The operation doesn't ask for that check.
    NotRequired(Step),
    /// The call ended here.
    Ended {
        /// At which check.
        step: Step,
        /// Refused or failed.
        outcome: Outcome,
        /// The cause.
        cause: Cause,
        /// What the caller was told.
        told: Text<'f>,
        /// The real reason, for operators.
        operator_words: Text<'f>,
    },
}

impl Finding<'_> {
    /// The check.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Route { .. } => Step::Route,
            Self::Preflight => Step::Preflight,
            Self::NoticeOpen => Step::Notice,
            Self::Key { .. } => Step::Key,
            Self::Rate { .. } => Step::Rate,
            Self::Token { .. } | Self::Limited { .. } => Step::Token,
            Self::Permission { .. } | Self::Policies { .. } => Step::Permission,
            Self::Media { .. } => Step::Media,
            Self::Body { .. } => Step::Body,
            Self::Quota { .. } | Self::GivenBack => Step::Quota,
            Self::Service { .. } => Step::Service,
            Self::NotRequired(step) | Self::Ended { step, .. } => *step,
        }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotRequired(_) => Outcome::NotRequired,
            Self::Ended { outcome, .. } => *outcome,
            _ => Outcome::Passed,
        }
    }

    /// In words that can be read out to a caller's operator.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Route { api, operation: Some(operation) } => {
                format!("The path belongs to operation {operation} of API {api}.")
            }
            Self::Route { api, operation: None } => {
                format!("The path belongs to API {api}, which declares no operations: any is accepted.")
            }
            Self::Preflight => "A browser asked whether it may call; the gateway answered by itself.".into(),
            Self::NoticeOpen => "No notice closes the operation.".into(),
            Self::Key { subscription, product, which } => {
                let which = match which {
                    Which::Primary => "primary",
                    Which::Secondary => "secondary",
                };
                format!("It is the {which} key of subscription {subscription} to product {product}, which is active.")
            }
            Self::Rate { limit, window_s, remaining } => {
                format!("The product allows {limit} calls within {window_s} s; after this call {remaining} are left.")
            }
            Self::Token { .. } => self.token(),
            Self::Limited { connection, token, left } => limited(*connection, *token, *left),
            Self::Permission { permission } => format!("The caller has the permission {permission}."),
            Self::Policies { asked, refused } if refused.is_empty() => {
                format!("Policies were asked about the record: {asked}. None of them forbids it.")
            }
            Self::Policies { asked, refused } => {
                format!("Policies were asked about the record: {asked}. It is forbidden by: {refused}.")
            }
            Self::Media { body: true } => "The body's media type is accepted.".into(),
            Self::Media { body: false } => "There is no body.".into(),
            Self::Body { bytes: 0 } => "There is nothing to look at.".into(),
            Self::Body { bytes } => format!("The body of {bytes} bytes is sound."),
            Self::Quota { calls_remaining, bytes_remaining } => charged(*calls_remaining, *bytes_remaining),
            Self::Service { target, status, leaves_as } if status == leaves_as => {
                format!("The service at {target} answered {status}.")
            }
            Self::Service { target, status, leaves_as } => {
                format!("The service at {target} answered {status}, which leaves as {leaves_as}.")
            }
            Self::GivenBack => "The right was given back: the call ended in a failure that is not the caller's.".into(),
            Self::NotRequired(Step::Rate) => {
                "No rate limit applies: the product has none, or no key was asked for.".into()
            }
            Self::NotRequired(Step::Quota) => "No quota applies: the product has none, or no key was asked for.".into(),
            Self::NotRequired(_) => "The operation does not ask for it.".into(),
            Self::Ended { cause, told, operator_words, .. } => {
                let mut words = format!("{} ({}): {told}", cause.status(), cause.code());
                if !words.ends_with(['.', '!', '?']) {
                    words.push('.');
                }
                if !operator_words.is_empty() {
                    words.push_str(&format!(" The reason: {operator_words}."));
                }
                words
            }
        }
    }
}

impl Finding<'_> {
    /// Who calls, by which token.
    fn token(&self) -> String {
        let Self::Token { user, application, environment, issuer, grant, mode, by } = self else {
            return String::new();
        };
        let (mode, by) = (if *mode == Mode::Limited { "Limited" } else { "Full" }, by.words());
        if let Some(issuer) = issuer {
            let user = user.unwrap_or(Text::NONE);
            let through = application.as_ref().map(|name| format!(" through application {name}")).unwrap_or_default();
            return format!(
                "User {user} of issuer {issuer} calls{through} in environment {environment} (mode {mode}; {by})."
            );
        }
        let who = match (user, application) {
            (Some(user), Some(application)) => format!("User {user} calls through application {application}"),
            (Some(user), None) => format!("User {user} calls with a token that an operator issued"),
            (None, application) => {
                format!("Application {} acts for itself", application.unwrap_or(Text::NONE))
            }
        };
        let connected = if application.is_some() { ", to which it is connected" } else { "" };
        let grant = grant.unwrap_or(Text::NONE);
        format!("{who} in environment {environment}{connected} (grant {grant}; mode {mode}; {by}).")
    }
}

/// What is left of an application's permissions, and by what.
fn limited(connection: Option<Text<'_>>, token: Option<Text<'_>>, left: Text<'_>) -> String {
    let narrowed = |what: &str, by: Option<Text<'_>>| match by {
        None => String::new(),
        Some(names) if names.is_empty() => format!("The {what} is limited to nothing. "),
        Some(names) => format!("The {what} is limited to: {names}. "),
    };
    let left = if left.is_empty() { Text::of("nothing") } else { left };
    format!("{}{}Left of the roles: {left}.", narrowed("connection", connection), narrowed("token", token))
}

/// What is left of a quota after a charge.
fn charged(calls_remaining: Option<u64>, bytes_remaining: Option<u64>) -> String {
    let mut words = String::from("A right was charged before the call was handed over");
    for (left, what) in [(calls_remaining, "calls"), (bytes_remaining, "bytes")] {
        if let Some(left) = left {
            words.push_str(&format!("; {left} {what} are left in the period"));
        }
    }
    words + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_read_as_sentences() {
        let refused = Finding::Ended {
            step: Step::Key,
            outcome: Outcome::Refused,
            cause: Cause::SubscriptionKeyInvalid,
            told: Text::of("Access denied."),
            operator_words: Text::of("subscription sub_1 is suspended"),
        };
        assert_eq!(
            refused.words(),
            "401 (subscription-key-invalid): Access denied. The reason: subscription sub_1 is suspended."
        );
        assert_eq!((refused.step().word(), refused.outcome().word()), ("subscription key", "refused"));
        let rate = Finding::Rate { limit: 5, window_s: 1, remaining: 4 };
        assert_eq!(rate.words(), "The product allows 5 calls within 1 s; after this call 4 are left.");
    }
}

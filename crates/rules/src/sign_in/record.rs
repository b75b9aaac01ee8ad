//! What is kept of applications' secrets, sessions, consents, codes and refresh tokens, and what is presented of them.
//!
//! Plain data. Times are microseconds since the Unix epoch (`_us`); of whatever opens something only the SHA-256 is
//! kept.

use std::fmt;

use crate::model::{ApplicationKind, Name};
use crate::record::{Grant, Which};

use super::trouble::Trouble;

/// A SHA-256.
pub type Hash = [u8; 32];

/// One of an application's two secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Which of the two.
    pub which: Which,
    /// SHA-256 of the whole secret.
    pub hash: Hash,
    /// When it was made.
    pub made_at_us: i64,
}

/// A browser that somebody signed in with. It is found by the SHA-256 of its cookie's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who signed in.
    pub user: Name,
    /// When: a moment before their password was looked up.
    pub signed_in_at_us: i64,
    /// When it was last seen, give or take a few minutes.
    pub seen_at_us: i64,
    /// When it is over even if it is seen all the time.
    pub expires_at_us: i64,
}

/// That a user allowed an application to act for them in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub user: Name,
    /// Which application.
    pub application: Name,
    /// Where.
    pub environment: Name,
    /// The permissions that it is narrowed to, space separated; none: all.
    pub scope: Option<String>,
    /// When.
    pub given_at_us: i64,
}

/// What an authorization code stands for, RFC 6749 §4.1.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// Whom it was given to.
    pub application: Name,
    /// Who signed in.
    pub user: Name,
    /// The environment that they chose.
    pub environment: Name,
    /// The redirect URI that it was sent to, as the application wrote it.
    pub redirect_uri: String,
    /// The permissions that it is narrowed to, space separated; none: all.
    pub scope: Option<String>,
    /// BASE64URL(SHA256(verifier)), RFC 7636; none: the application announced none.
    pub code_challenge: Option<String>,
    /// When it was given.
    pub issued_at_us: i64,
    /// From when it is not exchanged any more.
    pub expires_at_us: i64,
}

/// A code as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCode {
    /// What it stands for.
    pub code: AuthorizationCode,
    /// When it was exchanged.
    pub used_at_us: Option<i64>,
    /// What it was exchanged for.
    pub grant: Option<Name>,
}

/// What an application that proved who it is sends with a code.
#[derive(Clone, PartialEq, Eq)]
pub struct CodePresented {
    /// Who presents it.
    pub application: Name,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `code_verifier`.
    pub verifier: Option<String>,
}

impl fmt::Debug for CodePresented {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("CodePresented");
        shown.field("application", &self.application).field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// What a refresh token is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefreshHash {
    /// SHA-256 of the whole token.
    pub token: Hash,
    /// SHA-256 of the part that all refresh tokens of a grant have in common.
    pub family: Hash,
}

/// A refresh token that is about to be given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRefresh {
    /// What it is found by.
    pub hash: RefreshHash,
    /// When it ends.
    pub expires_at_us: i64,
}

/// A refresh token as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRefresh {
    /// The grant: its family.
    pub grant: Grant,
    /// When it was given.
    pub issued_at_us: i64,
    /// When it ends.
    pub expires_at_us: i64,
    /// How often it was used with `preserve_refresh_token=true`.
    pub preserved_uses: i64,
    /// The hash of the token that took its place; none: it is the one that is good now.
    pub successor: Option<Hash>,
    /// When that took its place, as long as that is remembered.
    pub replaced_at_us: Option<i64>,
    /// Whether the successor was used, or it is longer ago than a repeat may be.
    pub successor_used: bool,
    /// The answer that gave the successor, encrypted; only while it may be repeated.
    pub sealed_answer: Option<Vec<u8>>,
}

/// Who presents a refresh token, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshPresented {
    /// The application that proved who it is.
    pub application: Name,
    /// Whether it can keep a secret.
    pub kind: ApplicationKind,
    /// `preserve_refresh_token=true`.
    pub preserve: bool,
}

/// What became of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The new refresh token is the good one now.
    Rotated,
    /// The presented refresh token stays good; the new one was not kept.
    Preserved,
    /// The answer was given before: this is it, sealed. What was brought for a new one was not kept.
    Repeat(Vec<u8>),
    /// Nothing was given.
    Refused(Trouble),
}

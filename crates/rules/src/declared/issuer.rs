//! Whether an issuer of tokens is right by itself.

use super::Problems;
use crate::model::TrustedIssuer;

pub(super) fn check(field: &str, issuer: &TrustedIssuer, problems: &mut Problems) {
    problems.name(format!("{field}.name"), &issuer.name);
}

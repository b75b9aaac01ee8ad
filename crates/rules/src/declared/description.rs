//! Whether what operations say of parameters and bodies is right: schemas that can be made ready, names, styles.

use super::Problems;
use crate::model::Api;

pub(super) fn check(field: &str, api: &Api, problems: &mut Problems) {
    super::parameter::check(field, api, problems);
}

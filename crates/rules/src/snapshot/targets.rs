//! An API's targets as calls see them.

use crate::model::Api;
use crate::target::Target;

/// A target as calls see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveTarget {
    /// Where it is.
    pub target: Target,
    /// Its weight among the API's targets.
    pub weight: u32,
}

/// The targets as declared; one that can't be read was refused before it came here.
pub(super) fn live(api: &Api) -> Vec<LiveTarget> {
    let only = api.target.iter().map(|url| (url.as_str(), 1));
    let told = only.chain(api.targets.iter().map(|target| (target.url.as_str(), target.weight)));
    told.filter_map(|(url, weight)| {
        Some(LiveTarget { target: Target::with_tls(url, api.target_tls.as_ref()).ok()?, weight })
    })
    .collect()
}

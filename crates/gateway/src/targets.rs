//! Which target of its service a call goes to, and what the process remembers of each target: calls in flight, breaker,
//! health. Whether one is left alone is decided in `limen_rules::breaker` and `health`, which one is next in `balance`.
//!
//! Shared by all cores and kept over snapshots: a target of the same API at the same address keeps its state.

pub mod health;
pub mod outage;
pub mod probe;
mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use limen_rules::balance::{Load, choose};
use limen_rules::contract::Cause;
use limen_rules::snapshot::{Catalog, LiveApi};
use limen_rules::target::Target;

pub(crate) use self::state::{Picked, UnderWay};
pub use self::state::{TargetState, TargetStatus};
use crate::call::Call;
use crate::failure::{Failure, ServiceFailure};
pub use crate::pool::check_files;

/// So many targets are looked at; an API declares no more.
const TARGETS_MAX: usize = 32;

/// An API's targets with their states.
#[derive(Debug)]
pub struct ApiTargets {
    /// The API.
    pub api: Arc<LiveApi>,
    /// Its targets, as declared.
    pub targets: Vec<WeightedTarget>,
    turn: AtomicU64,
}

/// A target and its part of the calls.
#[derive(Clone, Debug)]
pub struct WeightedTarget {
    /// What is remembered of it.
    pub state: Arc<TargetState>,
    /// Its weight among the API's targets.
    pub weight: u32,
}

/// Every API's targets.
#[derive(Default)]
struct Known {
    catalog: Option<Arc<Catalog>>,
    /// By the address of the API in memory, which stays its own while it stands here.
    apis: Vec<Arc<ApiTargets>>,
}

/// Every target that the process knows.
#[derive(Default)]
pub struct Targets {
    known: ArcSwap<Known>,
    following: Mutex<()>,
    sample: Option<Target>,
}

impl Targets {
    /// Knows none yet but the sample service, if it runs.
    #[must_use]
    pub fn new(sample: Option<Target>) -> Self {
        Self { sample, ..Self::default() }
    }

    /// Takes over what is published: new targets begin, those that are gone are forgotten.
    pub fn follow(&self, catalog: &Arc<Catalog>) {
        let _turn = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.known.load();
        if before.catalog.as_ref().is_some_and(|known| Arc::ptr_eq(known, catalog)) {
            return;
        }
        let mut apis: Vec<_> = catalog.apis.iter().map(|api| Arc::new(self.made(api, &before))).collect();
        for api in apis.iter().filter(|one| !one.api.api.breaker.enabled) {
            api.targets.iter().for_each(|one| one.state.forget_failures());
        }
        apis.sort_unstable_by_key(|one| Arc::as_ptr(&one.api).addr());
        self.known.store(Arc::new(Known { catalog: Some(Arc::clone(catalog)), apis }));
    }

    fn made(&self, api: &Arc<LiveApi>, before: &Known) -> ApiTargets {
        let name = &api.api.name;
        let earlier = || before.apis.iter().filter(|one| one.api.api.name == *name).flat_map(|one| &one.targets);
        let state = |target: &Target| {
            let kept = earlier().find(|one| *one.state.target == *target).map(|one| Arc::clone(&one.state));
            kept.unwrap_or_else(|| Arc::new(TargetState::new(name, target.clone())))
        };
        let told = api.targets.iter().map(|one| (&one.target, one.weight));
        let sample = self.sample.iter().filter(|_| api.targets.is_empty()).map(|target| (target, 1));
        let targets = told.chain(sample).take(TARGETS_MAX);
        let targets = targets.map(|(target, weight)| WeightedTarget { state: state(target), weight }).collect();
        ApiTargets { api: Arc::clone(api), targets, turn: AtomicU64::new(0) }
    }

    /// Asks the targets of an API as a call sees it.
    pub(crate) fn with<T>(&self, api: &Arc<LiveApi>, ask: impl FnOnce(&ApiTargets) -> T) -> T {
        let known = self.known.load();
        let addr = |one: &Arc<ApiTargets>| Arc::as_ptr(&one.api).addr();
        let found = known.apis.binary_search_by_key(&Arc::as_ptr(api).addr(), addr);
        match found.ok().and_then(|at| known.apis.get(at)) {
            Some(targets) => ask(targets),
            // A call whose picture is older or newer than what is known, just while it is swapped.
            None => ask(&self.made(api, &known)),
        }
    }

    /// Whether it was told yet what is published.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.known.load().catalog.is_some()
    }

    /// Every API's targets, by the name of the API.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<ApiTargets>> {
        let mut all = self.known.load().apis.clone();
        all.sort_by(|a, b| a.api.api.name.cmp(&b.api.api.name));
        all
    }
}

impl ApiTargets {
    /// Microseconds until the soonest next try, where no target may be called now.
    pub(crate) fn next_try_us(&self, now_us: u64) -> Option<u64> {
        let next = self.targets.iter().map(|one| one.state.next_try_us(&self.api.api, now_us));
        // None: that one may be called.
        next.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    fn pick(&self, tried: Option<&Picked>, now_us: impl Fn() -> u64) -> Option<Picked> {
        let settings = self.api.api.breaker;
        if let ([only], None) = (self.targets.as_slice(), tried) {
            return only.state.admit(settings, now_us);
        }
        let mut loads = [Load::default(); TARGETS_MAX];
        for (load, one) in loads.iter_mut().zip(&self.targets) {
            let was_tried = tried.is_some_and(|tried| Arc::ptr_eq(tried.state(), &one.state));
            let allowed = !was_tried && one.state.may_pass(&now_us);
            *load = Load { weight: one.weight, in_flight: one.state.in_flight(), allowed };
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let loads = loads.get_mut(..self.targets.len())?;
        loop {
            let at = choose(loads, turn)?;
            if let Some(picked) = self.targets.get(at).and_then(|one| one.state.admit(settings, &now_us)) {
                return Some(picked);
            }
            // Somebody else was faster to try it.
            loads.get_mut(at)?.allowed = false;
        }
    }
}

/// The target that a call goes to first.
pub(crate) fn first(call: &Call<'_>, api: &Arc<LiveApi>) -> Result<Picked, Failure> {
    let now_us = || call.gateway.clock.monotonic_us();
    let picked = call.gateway.targets.with(api, |targets| match targets.pick(None, now_us) {
        None if targets.targets.is_empty() => Err(format!("API {} has no target", api.api.name)),
        picked => Ok(picked),
    });
    picked.map_err(Failure::fault)?.ok_or_else(|| {
        let words = format!("no target of API {} may be tried yet", api.api.name);
        ServiceFailure { cause: Cause::ServiceUnavailable, words }.into()
    })
}

/// Another target than the one that was tried, if there is one that may be called.
pub(crate) fn other(call: &Call<'_>, api: &Arc<LiveApi>, tried: &Picked) -> Option<Picked> {
    if api.targets.len() < 2 {
        return None;
    }
    let now_us = || call.gateway.clock.monotonic_us();
    call.gateway.targets.with(api, |targets| targets.pick(Some(tried), now_us))
}

#[cfg(test)]
mod tests;

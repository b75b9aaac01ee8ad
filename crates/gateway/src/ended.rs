//! A call that has ended, as the counters and the access log see it.

use std::net::IpAddr;

use limen_rules::explain::{Finding, Text};

use crate::journal::CallRecord;

/// What is told of a call besides its findings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    /// Who called.
    pub(crate) caller: Option<IpAddr>,
    /// The number under which its API is counted.
    pub(crate) counted_as: usize,
    /// Bytes of the request's body that were handed on.
    pub(crate) request_bytes: u64,
    /// Bytes of the answer's body.
    pub(crate) response_bytes: u64,
    /// From handing over to the head of the service's answer.
    pub(crate) service_us: Option<u64>,
}

/// A call that has ended. No key, no token and no query is in it.
#[derive(Default)]
pub(crate) struct Ended<'c> {
    pub(crate) api: Option<Text<'c>>,
    pub(crate) operation: Option<Text<'c>>,
    pub(crate) subscription: Option<Text<'c>>,
    pub(crate) application: Option<Text<'c>>,
    pub(crate) user: Option<Text<'c>>,
    pub(crate) target: Option<Text<'c>>,
}

impl<'c> Ended<'c> {
    pub(crate) fn of(record: &'c CallRecord) -> Self {
        let mut ended = Self::default();
        for finding in record.findings() {
            match finding {
                Finding::Route { api, operation } => (ended.api, ended.operation) = (Some(api), operation),
                Finding::Key { subscription, .. } => ended.subscription = Some(subscription),
                Finding::Token { user, application, .. } => (ended.user, ended.application) = (user, application),
                Finding::Service { target, .. } => ended.target = Some(target),
                Finding::Preflight
                | Finding::NoticeOpen
                | Finding::Rate { .. }
                | Finding::Limited { .. }
                | Finding::Permission { .. }
                | Finding::Policies { .. }
                | Finding::Media { .. }
                | Finding::Body { .. }
                | Finding::Quota { .. }
                | Finding::GivenBack
                | Finding::NotRequired(_)
                | Finding::Ended { .. } => {}
            }
        }
        ended
    }
}

//! Whether a call that stays open would still be let in: event streams and WebSockets end soon after what let them in.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use limen_http1::head::Target;
use limen_rules::contract::Refusal;
use limen_rules::header::Fields;
use limen_rules::key::{self, Subscribed};
use limen_rules::model::Visibility;
use limen_rules::parameter::Given;
use limen_rules::snapshot::LiveApi;
use limen_rules::{path, permission, policy, routing};
use tokio::time::{Instant, Sleep};

use crate::gateway::Gateway;
use crate::handle::origin_form;
use crate::identify::{Asking, Bench, Judged};
use crate::inbound::Head;
use crate::issuers::Vouched;

/// How often it is asked. With the snapshot's own age, a revocation shows within a second.
const EVERY: Duration = Duration::from_millis(400);

/// What a call was let in with.
pub(crate) struct Presented {
    method: Method,
    target: Target,
    key: Option<HeaderValue>,
    authorization: Option<HeaderValue>,
}

impl Presented {
    /// What a request to `api` brought; all that it says of the key is alike.
    pub(crate) fn of(parts: &Head, api: &LiveApi) -> Self {
        Self {
            method: parts.method.clone(),
            target: parts.target.clone(),
            key: api.key_headers.iter().find_map(|name| kept(&parts.fields, name)),
            authorization: kept(&parts.fields, &AUTHORIZATION),
        }
    }
}

/// A copy, so that a call that stays open doesn't keep all of its head.
fn kept(fields: &dyn Fields, name: &HeaderName) -> Option<HeaderValue> {
    HeaderValue::from_bytes(fields.first(name)?).ok()
}

/// So long an issuer's word on a token is taken for granted, where the issuer's settings don't remember it for longer.
const WORD_FOR: Duration = Duration::from_secs(5);

type Asked = Pin<Box<dyn Future<Output = Vouched> + Send>>;

/// A call that is let in for as long as what let it in stands.
pub(crate) struct Standing {
    gateway: Arc<Gateway>,
    presented: Presented,
    next: Pin<Box<Sleep>>,
    /// The issuer is asked about the token.
    asked: Option<Asked>,
    /// Its word, and since when.
    vouched: Option<(Vouched, Instant)>,
}

impl Standing {
    pub(crate) fn new(gateway: &Arc<Gateway>, presented: Presented) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            presented,
            next: Box::pin(tokio::time::sleep(EVERY)),
            asked: None,
            vouched: None,
        }
    }

    /// Ready when the call would not be let in any more.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(asked) = &mut self.asked {
                self.vouched = Some((ready!(asked.as_mut().poll(context)), Instant::now()));
                self.asked = None;
            } else {
                ready!(self.next.as_mut().poll(context));
                self.vouched.take_if(|(_, since)| since.elapsed() >= WORD_FOR);
            }
            match self.check() {
                Ok(None) => self.next.as_mut().reset(Instant::now() + EVERY),
                Ok(Some(asking)) => {
                    let gateway = Arc::clone(&self.gateway);
                    self.asked = Some(Box::pin(async move { asking.ask(&gateway).await }));
                }
                Err(refusal) => {
                    tracing::debug!(code = refusal.cause.code(), words = %refusal.operator_words, "a stream was ended");
                    return Poll::Ready(());
                }
            }
        }
    }

    /// The checks of key, token and permission, by the picture of this moment; neither paced nor charged. Gives whom
    /// to ask first where the token says nothing itself.
    fn check(&self) -> Result<Option<Box<Asking>>, Refusal> {
        let snapshot = self.gateway.current.pin();
        let now_us = self.gateway.clock.wall_us();
        let target = origin_form(&self.presented.target);
        let path = path::normalize(&target)?;
        let located = routing::locate(&snapshot.catalog, &path.path);
        let routed = routing::route(located, self.presented.method.as_str(), &path.path)?;
        let api = routed.api;
        let mut headers = HeaderMap::new();
        if let (Some(name), Some(key)) = (api.key_headers.first(), &self.presented.key) {
            headers.insert(name, key.clone());
        }
        if let Some(authorization) = &self.presented.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let subscribed = match Subscribed::not_required(routed.operation().access) {
            Some(not_required) if api.api.visibility == Visibility::Public => not_required,
            _ => {
                let presented = key::presented(api, &headers, path.query)?;
                key::subscription(&snapshot, api, presented.as_deref(), now_us)?
            }
        };
        let vouched = self.vouched.as_ref().map(|(vouched, _)| vouched);
        let bench = Bench { gateway: &self.gateway, snapshot: &snapshot, now_us };
        let identified = match bench.judge(&routed, &headers, &subscribed, vouched)? {
            Judged::Known(identified, _) => identified,
            Judged::Ask(asking) => return Ok(Some(asking)),
        };
        let permitted = permission::permit(&snapshot.catalog, routed.operation(), identified)?;
        let given =
            Given { rest: path.path.get(routed.rest_at..).unwrap_or_default(), query: path.query, headers: &headers };
        policy::judge(&snapshot.catalog, &routed, &given, permitted, |_| {})?.settle()?;
        Ok(None)
    }
}

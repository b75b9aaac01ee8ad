//! The first page: which public APIs there are, and where to go when a call is refused.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::model::{Access, Api, Visibility};
use limen_rules::notice::{Phase, phase};

use super::page::{Frame, Trouble, Wants, rendered};
use crate::ports::Portal;

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage<'a> {
    frame: Frame,
    gateway_url: &'a str,
    apis: Vec<ApiCard<'a>>,
    standing: usize,
}

struct ApiCard<'a> {
    title: &'a str,
    base_path: &'a str,
    url: String,
    needs: &'static str,
}

impl<'a> ApiCard<'a> {
    fn of(api: &'a Api, gateway_url: &str) -> Self {
        Self {
            title: if api.title.is_empty() { &api.name } else { &api.title },
            base_path: if api.base_path.is_empty() { "/" } else { &api.base_path },
            url: format!("{gateway_url}{}", api.base_path),
            needs: match api.access {
                Access::KeyAndToken => "a subscription key and an access token",
                Access::Key => "a subscription key",
                Access::Token => "an access token",
                Access::Open => "nothing",
            },
        }
    }
}

/// `GET /`
pub(super) async fn show(State(portal): State<Portal>, wants: Wants) -> Response {
    let declared = match portal.store.declared_at_present().await {
        Ok(declared) => declared,
        Err(error) => return Trouble::store(&error).answer(wants),
    };
    let notices = match portal.store.notices(super::issues::NOTICES_MAX).await {
        Ok(notices) => notices,
        Err(error) => return Trouble::store(&error).answer(wants),
    };
    let now_us = portal.clock.now_us();
    let gateway_url = portal.addresses.gateway_url.as_str();
    let public = declared.apis.iter().filter(|api| api.visibility == Visibility::Public);
    let mut apis: Vec<_> = public.map(|api| ApiCard::of(api, gateway_url)).collect();
    apis.sort_by_key(|card| card.base_path);
    let standing = notices
        .iter()
        .filter(|notice| phase(notice, now_us) == Phase::Standing && super::issues::may_be_shown(notice, &declared));
    let standing = standing.count();
    rendered(StatusCode::OK, &IndexPage { frame: Frame::at("/"), gateway_url, apis, standing })
}

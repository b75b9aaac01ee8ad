//! The Issues pages: what is down or planned, and what was. Notices about private APIs are not told here.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::model::{Declared, Visibility};
use limen_rules::notice::{Phase, phase};
use limen_rules::record::{Notice, NoticeKind};
use limen_store::StoreError;

use super::moment::Moment;
use super::page::{Frame, Trouble, Wants, rendered};
use crate::ports::Portal;

/// How long a resolved notice stays in the list.
const LISTED_AFTER_END_US: i64 = 30 * 24 * 60 * 60 * 1_000_000;

/// So many of the latest notices are looked at.
pub(super) const NOTICES_MAX: u32 = 1_000;

/// Whether everybody may learn of the notice: one about an API that is private, or no longer known, is not told.
pub(super) fn may_be_shown(notice: &Notice, declared: &Declared) -> bool {
    notice
        .api
        .as_ref()
        .is_none_or(|name| declared.apis.iter().any(|api| api.name == *name && api.visibility == Visibility::Public))
}

/// A notice in the words of its page.
struct NoticeView<'a> {
    id: &'a str,
    title: &'a str,
    message: &'a str,
    kind: &'static str,
    phase: &'static str,
    tone: &'static str,
    about: String,
    effect: &'static str,
    begins_words: &'static str,
    begins: Moment,
    ends_words: &'static str,
    ends: Option<Moment>,
    updates: Vec<UpdateView<'a>>,
}

struct UpdateView<'a> {
    at: Moment,
    message: &'a str,
}

/// When the notice ended or will: by hand, or at its announced end, whichever is earlier.
fn end_us(notice: &Notice) -> Option<i64> {
    match (notice.resolved_at_us, notice.ends_at_us) {
        (Some(resolved), Some(ends)) => Some(resolved.min(ends)),
        (resolved, ends) => resolved.or(ends),
    }
}

impl<'a> NoticeView<'a> {
    fn of(notice: &'a Notice, declared: &Declared, now_us: i64) -> Self {
        let at = phase(notice, now_us);
        let called_off = notice.resolved_at_us.is_some_and(|resolved| resolved < notice.begins_at_us);
        let (phase, tone) = match at {
            Phase::Planned => ("Planned", "warn"),
            Phase::Standing => ("Under way", "bad"),
            Phase::Over if called_off => ("Called off", "good"),
            Phase::Over => ("Resolved", "good"),
        };
        let mut updates: Vec<_> = notice.updates.iter().map(|update| (update.at_us, update.message.as_str())).collect();
        updates.sort_by_key(|(at_us, _)| std::cmp::Reverse(*at_us));
        Self {
            id: &notice.id,
            title: &notice.title,
            message: &notice.message,
            kind: match notice.kind {
                NoticeKind::Incident => "Incident",
                NoticeKind::Maintenance => "Maintenance",
            },
            phase,
            tone,
            about: about(notice, declared),
            effect: match (notice.closes, at) {
                (true, Phase::Over) if called_off => "were answered as usual",
                (true, Phase::Planned) => "will be answered 503 while it lasts",
                (true, Phase::Standing) => "are answered 503 while it lasts",
                (true, Phase::Over) => "were answered 503 while it lasted",
                (false, Phase::Planned) => "will be answered as usual, as far as known",
                (false, Phase::Standing) => "are let through, and may fail",
                (false, Phase::Over) => "were let through, and may have failed",
            },
            begins_words: if at == Phase::Planned { "Begins" } else { "Began" },
            begins: Moment::from_us(notice.begins_at_us),
            ends_words: if at == Phase::Over { "Ended" } else { "Ends" },
            ends: end_us(notice).map(Moment::from_us),
            updates: updates
                .into_iter()
                .map(|(at_us, message)| UpdateView { at: Moment::from_us(at_us), message })
                .collect(),
        }
    }
}

/// What a notice is about, in words.
fn about(notice: &Notice, declared: &Declared) -> String {
    let Some(name) = &notice.api else { return "All APIs".into() };
    let title = declared.apis.iter().find(|api| api.name == *name).map_or("", |api| api.title.as_str());
    let api = if title.is_empty() { name.as_ref() } else { title };
    match &notice.operation {
        Some(operation) => format!("{api}, operation {operation}"),
        None => api.into(),
    }
}

#[derive(Template)]
#[template(path = "issues.html")]
struct IssuesPage<'a> {
    frame: Frame,
    now: Moment,
    standing: Vec<NoticeView<'a>>,
    coming: Vec<NoticeView<'a>>,
    over: Vec<NoticeView<'a>>,
}

/// `GET /issues`
pub(super) async fn list(State(portal): State<Portal>, wants: Wants) -> Response {
    let (notices, declared) = match read(&portal).await {
        Ok(read) => read,
        Err(trouble) => return trouble.answer(wants),
    };
    let now_us = portal.clock.now_us();
    let mut shown: Vec<_> = notices.iter().filter(|notice| may_be_shown(notice, &declared)).collect();
    shown.sort_by_key(|notice| notice.begins_at_us);
    let of_phase = |wanted: Phase| shown.iter().filter(move |notice| phase(notice, now_us) == wanted);
    let recent = of_phase(Phase::Over)
        .filter(|notice| end_us(notice).is_some_and(|end| end >= now_us.saturating_sub(LISTED_AFTER_END_US)));
    let page = IssuesPage {
        frame: Frame::at("/issues"),
        now: Moment::from_us(now_us),
        standing: of_phase(Phase::Standing).map(|notice| NoticeView::of(notice, &declared, now_us)).collect(),
        coming: of_phase(Phase::Planned).map(|notice| NoticeView::of(notice, &declared, now_us)).collect(),
        over: recent.rev().map(|notice| NoticeView::of(notice, &declared, now_us)).collect(),
    };
    rendered(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "issue.html")]
struct IssuePage<'a> {
    frame: Frame,
    notice: NoticeView<'a>,
}

/// `GET /issues/ID`
pub(super) async fn show(
    State(portal): State<Portal>,
    wants: Wants,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else {
        return Trouble::bad_request("The address has characters that can't be read.").answer(wants);
    };
    let unknown = || {
        let id: String = id.chars().take(80).collect();
        Trouble::not_found(format!("No issue is known as {id}."))
    };
    let notice = match portal.store.notice(&id).await {
        Ok(notice) => notice,
        Err(StoreError::NotFound { .. }) => return unknown().answer(wants),
        Err(error) => return Trouble::store(&error).answer(wants),
    };
    let declared = match portal.store.declared_at_present().await {
        Ok(declared) => declared,
        Err(error) => return Trouble::store(&error).answer(wants),
    };
    if !may_be_shown(&notice, &declared) {
        return unknown().answer(wants);
    }
    let notice = NoticeView::of(&notice, &declared, portal.clock.now_us());
    rendered(StatusCode::OK, &IssuePage { frame: Frame::at("/issues"), notice })
}

async fn read(portal: &Portal) -> Result<(Vec<Notice>, std::sync::Arc<Declared>), Trouble> {
    let notices = portal.store.notices(NOTICES_MAX).await.map_err(|error| Trouble::store(&error))?;
    let declared = portal.store.declared_at_present().await.map_err(|error| Trouble::store(&error))?;
    Ok((notices, declared))
}

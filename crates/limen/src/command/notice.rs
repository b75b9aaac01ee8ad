//! `limen notice …`: incidents and planned downtime, told, changed and resolved.

use limen_portal::wire::{MakeNotice, UpdateNotice};
use limen_rules::record::{Notice, NoticeKind};

use super::show::{segment, time};
use super::table::table;
use super::{Context, Trouble};
use crate::arguments::{Moment, NoticeCommand, NoticeText};

pub(super) fn run(context: &Context, command: NoticeCommand) -> Result<String, Trouble> {
    let answer = match command {
        NoticeCommand::List => {
            let answer = context.admin.get("/v1/notices")?;
            return context.show(answer, |notices: Vec<Notice>| list(&notices, context.now_us()));
        }
        NoticeCommand::Open(text) => {
            let make = making(NoticeKind::Incident, text, None, context.now_us())?;
            context.admin.post("/v1/notices", &make)?
        }
        NoticeCommand::Schedule { begins, text } => {
            let make = making(NoticeKind::Maintenance, text, Some(begins), context.now_us())?;
            context.admin.post("/v1/notices", &make)?
        }
        NoticeCommand::Update { id, message, title, begins, ends, close, announce_only } => {
            let update = UpdateNotice {
                message,
                ends_at_us: ends.map(|ends| ends.at_us(context.now_us())),
                begins_at_us: begins.map(|begins| begins.at_us(context.now_us())),
                closes: close.then_some(true).or(announce_only.then_some(false)),
                title,
            };
            if update == UpdateNotice::default() {
                let mend = "give --message, --title, --begins, --ends, --close or --announce-only";
                return Err(Trouble::wrong("nothing was told that should change", mend));
            }
            context.admin.post(&format!("/v1/notices/{}/update", segment(&id)), &update)?
        }
        NoticeCommand::Resolve { id } => {
            context.admin.post(&format!("/v1/notices/{}/resolve", segment(&id)), &serde_json::json!({}))?
        }
    };
    context.show(answer, |notice| words(&notice, context.now_us()))
}

fn making(kind: NoticeKind, text: NoticeText, begins: Option<Moment>, now_us: i64) -> Result<MakeNotice, Trouble> {
    let begins_at_us = begins.map(|begins| begins.at_us(now_us));
    let from_us = begins_at_us.unwrap_or(now_us);
    let lasting = text.lasts.map(|lasts| Moment::In(lasts).at_us(from_us));
    let ends_at_us = text.ends.map(|ends| ends.at_us(now_us)).or(lasting);
    if ends_at_us.is_some_and(|ends| ends <= from_us) {
        return Err(Trouble::wrong("the notice would end before it begins", "give a later --ends, or --lasts"));
    }
    Ok(MakeNotice {
        kind,
        title: text.title,
        message: text.message,
        api: text.api.map(Into::into),
        operation: text.operation.map(Into::into),
        closes: text.close,
        begins_at_us,
        ends_at_us,
    })
}

/// What a notice is doing now.
fn phase(notice: &Notice, now_us: i64) -> &'static str {
    if notice.resolved_at_us.is_some() {
        "resolved"
    } else if notice.begins_at_us > now_us {
        "to come"
    } else if notice.ends_at_us.is_some_and(|at| at <= now_us) {
        "over"
    } else if notice.closes {
        "closes"
    } else {
        "announced"
    }
}

fn about(notice: &Notice) -> String {
    match (&notice.api, &notice.operation) {
        (Some(api), Some(operation)) => format!("{api} {operation}"),
        (Some(api), None) => api.to_string(),
        (None, _) => "all APIs".to_owned(),
    }
}

/// Notices, one to a line.
pub(super) fn list(notices: &[Notice], now_us: i64) -> String {
    if notices.is_empty() {
        return "There is no notice.\n".to_owned();
    }
    let rows = notices.iter().map(|notice| {
        vec![
            notice.id.to_string(),
            phase(notice, now_us).to_owned(),
            about(notice),
            time(notice.begins_at_us),
            notice.ends_at_us.map(time).unwrap_or_default(),
            notice.title.clone(),
        ]
    });
    table(&["NOTICE", "NOW", "ABOUT", "BEGINS", "ENDS", "TITLE"], rows)
}

fn words(notice: &Notice, now_us: i64) -> String {
    let id = &notice.id;
    let about = about(notice);
    match phase(notice, now_us) {
        "resolved" => format!("Notice {id} is resolved: {}", notice.title),
        "over" => format!("Notice {id} is over: {}", notice.title),
        phase => {
            let what = if notice.closes { "calls are answered 503" } else { "it is announced, and calls go on" };
            let from =
                if phase == "to come" { format!("From {}", time(notice.begins_at_us)) } else { "Now".to_owned() };
            let until = match notice.ends_at_us {
                Some(end) => format!("until {}", time(end)),
                None => format!("until it is resolved: limen notice resolve {id}"),
            };
            format!("Notice {id} about {about}: {}\n{from} {what} {until}", notice.title)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Duration;

    fn text() -> NoticeText {
        NoticeText {
            title: "Orders are down".into(),
            message: String::new(),
            api: Some("orders".into()),
            operation: None,
            close: true,
            announce_only: false,
            ends: None,
            lasts: Some(Duration { seconds: 60 }),
        }
    }

    #[test]
    fn times_are_counted_from_the_begin() {
        let begins = Moment::In(Duration { seconds: 1_800 });
        let make = making(NoticeKind::Maintenance, text(), Some(begins), 1_000_000).expect("a notice");
        assert_eq!((make.begins_at_us, make.ends_at_us), (Some(1_801_000_000), Some(1_861_000_000)));
        let make = making(NoticeKind::Incident, text(), None, 1_000_000).expect("a notice");
        assert_eq!((make.begins_at_us, make.ends_at_us, make.closes), (None, Some(61_000_000), true));
        let late = NoticeText { lasts: None, ends: Some(Moment::At { at_us: 5 }), ..text() };
        assert_eq!(
            making(NoticeKind::Maintenance, late, Some(begins), 0).map_err(|trouble| trouble.exit).err(),
            Some(2)
        );
    }

    #[test]
    fn a_notice_in_words() {
        let mut notice = Notice {
            id: "n1".into(),
            kind: NoticeKind::Incident,
            title: "Orders are down".into(),
            message: String::new(),
            api: Some("orders".into()),
            operation: None,
            closes: true,
            begins_at_us: 0,
            ends_at_us: None,
            resolved_at_us: None,
            updates: Vec::new(),
            outage: None,
        };
        assert_eq!(
            words(&notice, 1),
            "Notice n1 about orders: Orders are down\nNow calls are answered 503 until it is resolved: limen notice resolve n1"
        );
        notice.closes = false;
        notice.begins_at_us = 60_000_000;
        notice.ends_at_us = Some(120_000_000);
        assert_eq!(
            words(&notice, 1),
            "Notice n1 about orders: Orders are down\nFrom 1970-01-01 00:01:00Z it is announced, and calls go on until 1970-01-01 00:02:00Z"
        );
        let lines = list(std::slice::from_ref(&notice), 1);
        assert!(
            lines.ends_with("n1      to come  orders  1970-01-01 00:01:00Z  1970-01-01 00:02:00Z  Orders are down\n"),
            "{lines}"
        );
        notice.resolved_at_us = Some(1);
        assert_eq!(words(&notice, 1), "Notice n1 is resolved: Orders are down");
    }
}

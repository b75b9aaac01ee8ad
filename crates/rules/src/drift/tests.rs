//! Answers and what is told of them.

use serde_json::{Value, json};

use super::compare::AnswerBody;
use super::place::masked;
use super::table::Answered;
use super::*;
use crate::model::Api;
use crate::parameter::Shape;

fn answers(answers: &Value) -> LiveAnswers {
    let api = json!({
        "name": "a", "base_path": "/a", "check_answers": true,
        "operations": [{"name": "read", "method": "GET", "path": "/", "answers": answers}],
    });
    let api: Api = serde_json::from_value(api).expect("an API");
    LiveAnswers::compile(&api, &api.operations[0], &crate::schema::Library::new(&api.schemas)).expect("answers")
}

#[test]
fn an_answer_is_compared_by_status_media_type_and_body() {
    let live = answers(&json!([
        {"status": "200", "content": [
            {"media_type": "application/json", "schema": {"type": "object"}}, {"media_type": "text/*"},
        ]},
        {"status": "2XX"},
        {"status": "4XX", "content": [{"media_type": "application/problem+json"}]},
    ]));
    let json = Some("application/json; charset=utf-8");
    let media_type = |one: Option<&str>| Difference::MediaType { media_type: one.map(str::to_owned) };
    for (status, content_type, body, want) in [
        (200, json, AnswerBody::Whole(b"{}"), vec![]),
        (200, json, AnswerBody::LeftAside, vec![]),
        (200, json, AnswerBody::None, vec![]),
        (200, None, AnswerBody::None, vec![]),
        (200, Some("TEXT/plain"), AnswerBody::Whole(b"x"), vec![]),
        (200, json, AnswerBody::Whole(b"{"), vec![Difference::NotJson]),
        (200, json, AnswerBody::Whole(b""), vec![Difference::NotJson]),
        (200, None, AnswerBody::Whole(b""), vec![media_type(None)]),
        (200, Some("Image/PNG"), AnswerBody::LeftAside, vec![media_type(Some("image/png"))]),
        (200, Some("not one"), AnswerBody::Whole(b"x"), vec![media_type(Some("not?one"))]),
        (204, None, AnswerBody::None, vec![]),
        (201, json, AnswerBody::Whole(b"nothing is told of it"), vec![]),
        (404, Some("application/problem+json"), AnswerBody::Whole(b"{}"), vec![]),
        (404, json, AnswerBody::Whole(b"{}"), vec![media_type(Some("application/json"))]),
        (500, json, AnswerBody::Whole(b"{}"), vec![Difference::Status]),
    ] {
        assert_eq!(live.differences(status, content_type, body), want, "{status} {content_type:?} {body:?}");
    }
    assert_eq!(answers(&json!([{"status": "default"}])).differences(599, None, AnswerBody::None), []);
}

#[test]
fn places_hold_no_data() {
    let schema = json!({"type": "object", "properties": {
        "value": {"type": "array", "items": {"type": "object", "properties": {"name": {}, "2024": {}}}},
        "by_mail": {"type": "object", "additionalProperties": {"type": "object", "properties": {"age": {}}}},
    }});
    let shape = Shape::of(Some(&schema), &std::sync::Arc::default());
    for (pointer, want) in [
        ("", ""),
        ("/value/17/name", "/value/*/name"),
        ("/value/17/2024", "/value/*/2024"),
        ("/value/17/secret", "/value/*/*"),
        ("/by_mail/ada@example.org/age", "/by_mail/*/age"),
        ("/by_mail/12/age", "/by_mail/*/age"),
        ("/unknown/a/b", "/*/*/*"),
    ] {
        assert_eq!(masked(pointer, &shape), want);
    }
    assert!(masked(&"/x".repeat(1_000), &shape).len() < 40);
}

fn name(text: &str) -> Name {
    text.into()
}

#[test]
fn each_kind_is_kept_once_and_all_of_them_are_bounded() {
    let mut table = DriftTable::default();
    let (api, operation) = (name("a"), name("read"));
    let answered = |status, at_us| Answered { api: &api, operation: &operation, status, at_us, request_id: "1f" };
    assert_eq!(table.take(&answered(418, 5), vec![Difference::Status], true).words, ["status 418 is not described"]);
    assert_eq!(table.take(&answered(418, 9), vec![Difference::Status], true), super::table::News::default());
    assert_eq!(table.take(&answered(200, 9), vec![], true), super::table::News::default());
    table.take(&answered(200, 9), vec![], false);
    let report = table.report(Some("a"), 3);
    assert_eq!(report.compared, Compared { alike: 1, drifted: 2, left_aside: 1, dropped: 3 });
    let [line] = report.lines.as_slice() else { panic!("{report:?}") };
    assert_eq!((line.answers, line.first_at_us, line.last_at_us, &*line.request_id), (2, 5, 9, "1f"));
    assert_eq!(table.report(Some("b"), 0).lines, []);

    for at in 0..3_000_i64 {
        let pointer = format!("/{at}");
        table.take(&answered(200, 10 + at), vec![Difference::Schema { pointer, keyword: "type".into() }], true);
    }
    let report = table.report(None, 0);
    assert_eq!((report.lines.len(), report.forgotten), (1_000, 2_001));
    assert_eq!(report.lines[0].words, "200: /2999 breaks 'type' of its schema", "the latest first");
}

#[test]
fn the_log_is_told_of_few_kinds_a_minute() {
    let mut table = DriftTable::default();
    let (api, operation) = (name("a"), name("read"));
    let mut take = |status, at_us| {
        let answered = Answered { api: &api, operation: &operation, status, at_us, request_id: "1f" };
        table.take(&answered, vec![Difference::Status], true)
    };
    let told: usize = (0..50).map(|status| take(status, 1).words.len()).sum();
    assert_eq!(told, 10);
    let news = take(99, 60_000_001);
    assert_eq!((news.words.len(), news.untold), (1, 40));
}

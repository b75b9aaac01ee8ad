//! The service over real sockets: every resource, status and rule that a caller can meet.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the allowance for tests does not reach the functions that tests share"
)]

#[path = "service/document.rs"]
mod document;
#[path = "service/wire.rs"]
mod wire;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{JSON, PUBLIC_URL, RESTRICTED, Service, ids_of};

const HIDDEN: [&str; 6] = ["101", "113", "127", "166", "214", "305"];

#[tokio::test]
async fn a_list_is_walked_to_its_end() {
    let (_folder, service) = Service::fresh().await;
    let everyone: Vec<String> = (1..=360).map(|id| id.to_string()).collect();
    let (ids, counts) = service.walk("/constituents?limit=100", None).await;
    assert_eq!((ids, counts), (everyone.clone(), vec![360; 4]));
    assert_eq!(service.walk("/constituents?limit=90", None).await.1, [360; 4]);
    assert_eq!(service.walk("/constituents", None).await, (everyone, vec![360]));
    let page = service.get("/constituents?limit=2&offset=279").await.accepted();
    assert_eq!(ids_of(&page), ["280", "281"]);
    assert_eq!(page["next_link"], format!("{PUBLIC_URL}/constituents?limit=2&offset=281"));
    let past = service.get("/constituents?offset=5000").await.accepted();
    assert_eq!(past, json!({"count": 360, "value": []}));
    for query in
        ["limit=0", "limit=5001", "limit=ten", "offset=-1", "limit=", "limit=1&limit=1", "inactive=2", "type=x"]
    {
        service.get(&format!("/constituents?{query}")).await.refused(400);
    }
    let both = service.get("/constituents?limit=0&offset=x").await;
    assert_eq!(both.pointers(), ["/limit", "/offset"]);
    service.stop().await;
}

#[tokio::test]
async fn filters_narrow_and_stay_in_the_link() {
    let (_folder, service) = Service::fresh().await;
    let page = service.get("/constituents?last_name=garc%C3%ADa&limit=1&unheard=1").await.accepted();
    let count = page["count"].as_i64().unwrap();
    assert!(count >= 2);
    assert_eq!(page["next_link"], format!("{PUBLIC_URL}/constituents?last_name=garc%C3%ADa&limit=1&offset=1"));
    let (plain, _) = service.walk("/constituents?last_name=GARCIA&limit=1", None).await;
    assert_eq!(plain.len() as i64, count);
    let (inactive, _) = service.walk("/constituents?inactive=true", None).await;
    let (active, _) = service.walk("/constituents?inactive=false&limit=60", None).await;
    assert_eq!(inactive.len() + active.len(), 360);
    let organizations = service.get("/constituents?type=Organization&city=montreal").await.accepted();
    for record in organizations["value"].as_array().unwrap() {
        assert_eq!((&record["type"], &record["address"]["city"]), (&json!("Organization"), &json!("Montréal")));
    }
    assert!(organizations["count"].as_i64().unwrap() >= 1);
    service.stop().await;
}

#[tokio::test]
async fn search_is_no_id_and_finds_by_words() {
    let (_folder, service) = Service::fresh().await;
    let found = service.get("/constituents/search?search_text=okonkwo+nora").await.accepted();
    assert_eq!(ids_of(&found), ["280"]);
    assert_eq!(ids_of(&service.get("/constituents?search=okonkwo+nora").await.accepted()), ["280"]);
    assert_eq!(ids_of(&service.get("/constituents/search?search_text=C-00280").await.accepted()), ["280"]);
    let none = service.get("/constituents/search?search_text=100%25_nobody").await.accepted();
    assert_eq!(none, json!({"count": 0, "value": []}));
    let page = service.get("/constituents/search?search_text=nguyen&limit=1").await.accepted();
    let link = format!("{PUBLIC_URL}/constituents/search?search_text=nguyen&limit=1&offset=1");
    assert_eq!(page["next_link"], link);
    assert_eq!(service.get("/constituents/search").await.refused(400), "search_text is required.");
    let long = format!("/constituents/search?search_text={}", "x".repeat(201));
    service.get(&long).await.refused(400);
    service.send("DELETE", "/constituents/search", &[], b"").await.refused(405);
    service.stop().await;
}

#[tokio::test]
async fn the_example_is_whole() {
    let (_folder, service) = Service::fresh().await;
    let record = service.get("/constituents/280").await.accepted();
    for name in ["title", "first_name", "last_name", "preferred_name", "gender", "email", "phone", "lookup_id", "name"]
    {
        assert!(record[name].is_string(), "{name}: {record}");
    }
    assert_eq!(record["id"], "280");
    assert_eq!(record["birthdate"], json!({"y": 1968, "m": 11, "d": 3}));
    assert_eq!(record["address"]["lines"].as_array().unwrap().len(), 2);
    assert!(record["date_added"].as_str().unwrap().ends_with("+00:00"));
    let notes = service.get("/constituents/280/notes").await.accepted();
    assert_eq!(notes["count"], 3);
    let (ids, counts) = service.walk("/constituents/280/notes?limit=2", None).await;
    assert_eq!((ids.len(), counts), (3, vec![3, 3]));
    let note = service.get(&format!("/constituents/280/notes/{}", ids[0])).await.accepted();
    assert_eq!(note["constituent_id"], "280");
    service.get(&format!("/constituents/279/notes/{}", ids[0])).await.refused(404);
    service.stop().await;
}

#[tokio::test]
async fn what_is_hidden_is_refused_and_left_out() {
    let (_folder, service) = Service::fresh().await;
    let (ids, counts) = service.walk("/constituents?limit=120", Some(RESTRICTED)).await;
    assert_eq!(counts, [354; 3]);
    let left_out: Vec<String> = (1..=360).map(|id| id.to_string()).filter(|id| !ids.contains(id)).collect();
    assert_eq!(left_out, HIDDEN);
    let last_name = service.get("/constituents/101").await.accepted()["last_name"].as_str().unwrap().to_owned();
    assert!(
        service.walk(&format!("/constituents/search?search_text={last_name}"), None).await.0.contains(&"101".into())
    );
    let searched = service.walk(&format!("/constituents/search?search_text={last_name}"), Some(RESTRICTED)).await;
    assert!(!searched.0.contains(&"101".to_owned()));
    let refused = service.get_restricted("/constituents/101").await;
    assert_eq!((refused.status, refused.json()), (403, json!({"message": "You may not see constituent 101."})));
    service.get_restricted("/constituents/113/notes").await.refused(403);
    service.get_restricted("/constituents/113/notes/1").await.refused(403);
    let fields = [RESTRICTED, JSON];
    let update = service.send("PATCH", "/constituents/113", &fields, br#"{"last_name":"X"}"#).await;
    update.refused(403);
    service.send("POST", "/constituents/113/notes", &fields, br#"{"summary":"X"}"#).await.refused(403);
    service.send("DELETE", "/constituents/113", &[RESTRICTED], b"").await.refused(403);
    service.get_restricted("/constituents/280").await.accepted();
    service.send("GET", "/constituents/101", &[("Limen-User", "full")], b"").await.accepted();
    service.send("GET", "/constituents/101", &[("Limen-User", "")], b"").await.refused(400);
    service.send("GET", "/constituents/101", &[RESTRICTED, ("Limen-User", "full")], b"").await.refused(400);
    service.stop().await;
}

#[tokio::test]
async fn a_constituent_is_created_changed_and_deleted() {
    let (_folder, service) = Service::fresh().await;
    let body = json!({
        "first_name": "Inés", "last_name": "Arrieta", "birthdate": {"y": 2001, "m": 5, "d": null},
        "address": {"lines": ["3 Elm Avenue"], "city": "Duluth"}, "favourite_colour": "green"
    });
    let fields = [("Limen-User", "full"), ("Content-Type", "Application/JSON; charset=utf-8")];
    let created = service.send("POST", "/constituents", &fields, body.to_string().as_bytes()).await.accepted();
    assert_eq!(created, json!({"id": "361"}));
    let record = service.get_restricted("/constituents/361").await.accepted();
    assert_eq!((&record["name"], &record["type"]), (&json!("Inés Arrieta"), &json!("Individual")));
    assert_eq!(record["birthdate"], json!({"y": 2001, "m": 5, "d": null}));
    assert_eq!(record.get("favourite_colour"), None);
    assert_eq!(service.get("/constituents?last_name=arrieta").await.accepted()["count"], 1);

    let change = json!({"last_name": "Zubiri", "birthdate": {"d": 9}, "address": {"lines": null}, "email": null});
    service.write("PATCH", "/constituents/361", &change).await.accepted_empty();
    let record = service.get("/constituents/361").await.accepted();
    assert_eq!(record["name"], "Inés Zubiri");
    assert_eq!(record["birthdate"], json!({"y": 2001, "m": 5, "d": 9}));
    assert_eq!(record["address"]["city"], "Duluth");
    assert_eq!(record["address"]["lines"], json!([]));
    assert_eq!(service.get("/constituents?last_name=arrieta").await.accepted()["count"], 0);
    service.write("PATCH", "/constituents/361", &json!({"last_name": null})).await.refused(400);

    let note = json!({"summary": "Called", "type": "Call", "date": {"y": 2024}});
    let created =
        service.send("POST", "/constituents/361/notes", &fields, note.to_string().as_bytes()).await.accepted();
    let path = format!("/constituents/361/notes/{}", created["id"].as_str().unwrap());
    assert_eq!(service.get(&path).await.accepted()["author"], "full");
    service.write("PATCH", &path, &json!({"text": "Left a message."})).await.accepted_empty();
    let read = service.get(&path).await.accepted();
    assert_eq!((&read["summary"], &read["text"]), (&json!("Called"), &json!("Left a message.")));
    let wrong = service.write("PATCH", &path, &json!({"summary": "", "date": {"d": 1}})).await;
    assert_eq!((wrong.status, wrong.pointers()), (400, vec!["/summary".to_owned(), "/date/d".to_owned()]));
    service.send("DELETE", &path, &[], b"").await.accepted_empty();
    service.get(&path).await.refused(404);

    service.write("POST", "/constituents/361/notes", &json!({"summary": "Goes along"})).await.accepted();
    service.send("DELETE", "/constituents/361", &[], b"").await.accepted_empty();
    assert_eq!(service.get("/constituents/361").await.refused(404), "There is no constituent 361.");
    service.get("/constituents/361/notes").await.refused(404);
    service.send("DELETE", "/constituents/361", &[], b"").await.refused(404);
    service.write("PATCH", "/constituents/361", &json!({})).await.refused(404);
    let again = service.write("POST", "/constituents", &json!({"last_name": "Later"})).await.accepted();
    assert_eq!(again, json!({"id": "362"}), "the id of a deleted record is never another's");
    service.stop().await;
}

#[tokio::test]
async fn deleting_a_constituent_leaves_no_notes_behind() {
    let (folder, service) = Service::fresh().await;
    service.send("DELETE", "/constituents/280", &[], b"").await.accepted_empty();
    service.send("DELETE", "/constituents/101", &[], b"").await.accepted_empty();
    service.get_restricted("/constituents/101").await.refused(404);
    service.stop().await;
    let url = format!("sqlite://{}", folder.path().join("sample.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let sql = "SELECT (SELECT count(*) FROM note WHERE constituent_id = 280)
                    + (SELECT count(*) FROM hidden_constituent WHERE constituent_id = 101)";
    let left: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn all_that_is_wrong_with_a_body_is_said() {
    let (_folder, service) = Service::fresh().await;
    let body = json!({"first_name": 5, "birthdate": {"y": 2001, "m": 2, "d": 29}, "deceased": "no"});
    let refused = service.write("POST", "/constituents", &body).await;
    assert_eq!(refused.pointers(), ["/first_name", "/last_name", "/birthdate/d", "/deceased"]);
    let message = refused.refused(400);
    assert!(message.contains("last_name is required."), "{message}");
    assert!(message.contains("birthdate.d must be a day from 1 to 28 in this month."), "{message}");
    for birthdate in [json!({"d": 3}), json!({"y": 10_000}), json!({"m": 0}), json!("1968-11-03"), json!({"y": 1.5})] {
        let body = json!({"last_name": "X", "birthdate": birthdate});
        service.write("POST", "/constituents", &body).await.refused(400);
    }
    let taken = service.write("POST", "/constituents", &json!({"last_name": "X", "lookup_id": "C-00280"})).await;
    assert_eq!((taken.status, taken.pointers()), (400, vec!["/lookup_id".to_owned()]));
    assert_eq!(service.get("/constituents?limit=1").await.accepted()["count"], 360);
    service.stop().await;
}

#[tokio::test]
async fn a_body_must_be_json_and_declared_and_short() {
    let (_folder, service) = Service::fresh().await;
    let bad = service.send("POST", "/constituents", &[JSON], b"{\"last_name\":\n  oops}").await.refused(400);
    assert!(bad.contains("line 2 column 3"), "{bad}");
    service.send("POST", "/constituents", &[JSON], b"[]").await.refused(400);
    service.send("POST", "/constituents", &[JSON], b"").await.refused(400);
    service.send("POST", "/constituents", &[], br#"{"last_name":"X"}"#).await.refused(415);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let refused = service.send("PATCH", "/constituents/280", &form, b"last_name=X").await;
    refused.refused(415);
    assert!(refused.head.to_ascii_lowercase().contains("\r\naccept: application/json"), "{}", refused.head);
    let mut long = br#"{"last_name":"X","more":""#.to_vec();
    long.resize(1024 * 1024 - 2, b'x');
    long.extend_from_slice(b"\"}");
    service.send("POST", "/constituents", &[JSON], &long).await.accepted();
    long.push(b' ');
    service.send("POST", "/constituents", &[JSON], &long).await.refused(413);
    service.stop().await;
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let (_folder, service) = Service::fresh().await;
    for path in ["/", "/nothing", "/constituents/9999", "/constituents/280/notes/99999", "/constituents/9999/notes"] {
        service.get(path).await.refused(404);
    }
    for path in ["/constituents/0280", "/constituents/abc", "/constituents/%FF", "/constituents/280/notes/x"] {
        let refused = service.get(path).await;
        assert_eq!((refused.status, &refused.json()["errors"][0]["in"]), (400, &json!("path")), "{path}");
    }
    let refused = service.send("PUT", "/constituents/280", &[], b"").await;
    refused.refused(405);
    let allow = refused.head.lines().find(|line| line.to_ascii_lowercase().starts_with("allow:")).unwrap();
    for method in ["GET", "HEAD", "PATCH", "DELETE"] {
        assert!(allow.contains(method), "{allow}");
    }
    let whole = service.get("/constituents/280").await;
    let head = service.send("HEAD", "/constituents/280", &[], b"").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.to_ascii_lowercase().contains(&format!("content-length: {}", whole.body.len())), "{}", head.head);
    let missing = service.send("HEAD", "/constituents/9999", &[], b"").await;
    assert_eq!((missing.status, missing.body.as_str()), (404, ""));
    service.stop().await;
}

#[tokio::test]
async fn writers_at_once_all_get_through() {
    let (_folder, service) = Service::fresh().await;
    let service = std::sync::Arc::new(service);
    let writers: Vec<_> = (0..24)
        .map(|number: i32| {
            let service = std::sync::Arc::clone(&service);
            tokio::spawn(async move {
                let body = json!({"last_name": format!("Writer {number}")});
                // An update reads before it writes, which is where two writers can get in each other's way.
                let path = format!("/constituents/{}", 1 + number % 3);
                service.write("PATCH", &path, &body).await.accepted_empty();
                service.write("POST", "/constituents", &body).await.accepted()["id"].as_str().unwrap().to_owned()
            })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for writer in writers {
        ids.insert(writer.await.unwrap());
    }
    assert_eq!(ids.len(), 24);
    assert_eq!(service.get("/constituents?limit=1").await.accepted()["count"], 384);
}

#[tokio::test]
async fn what_was_written_outlives_the_process() {
    let (folder, service) = Service::fresh().await;
    service
        .write("PATCH", "/constituents/280", &json!({"city": "ignored", "phone": "+1 843 555 0199"}))
        .await
        .accepted_empty();
    service.send("DELETE", "/constituents/1", &[], b"").await.accepted_empty();
    let before = service.get("/constituents/280").await.body;
    service.stop().await;
    let service = Service::start(folder.path()).await;
    assert_eq!(service.get("/constituents/280").await.body, before);
    assert!(before.contains("+1 843 555 0199"));
    service.get("/constituents/1").await.refused(404);
    assert_eq!(service.get("/constituents?limit=1").await.accepted()["count"], 359);
    service.stop().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let (_folder, service) = Service::fresh().await;
    let mut idle = TcpStream::connect(service.address).await.unwrap();
    idle.write_all(b"GET /constituents/280 HTTP/1.1\r\nHost: sample\r\n\r\n").await.unwrap();
    let mut received = [0; 12];
    idle.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"HTTP/1.1 200");
    service.stop().await;
}

#[tokio::test]
async fn two_first_runs_have_the_same_data() {
    let (_folder, first) = Service::fresh().await;
    let (_other_folder, second) = Service::fresh().await;
    for path in ["/constituents", "/constituents/280/notes"] {
        assert_eq!(first.get(path).await.body, second.get(path).await.body);
    }
    first.stop().await;
    second.stop().await;
}

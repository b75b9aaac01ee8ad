//! 500: our fault, unexpected: a request id, a way to tell us, and nothing about our insides.

use limen_testbed::Reply;
use serde_json::json;

use crate::stage::Stage;

#[test]
fn what_nobody_expected_says_nothing_of_our_insides() {
    let stage = Stage::new();
    let http = stage.http();
    let secret = "java.lang.NullPointerException at secret.internal.example";
    let web = format!("http://{}", stage.limen.web());
    let replies = [
        ("500", Reply::json(500, &json!({"message": secret})).header("X-Powered-By", secret)),
        ("501", Reply::status(501).body(secret)),
        ("505", Reply::status(505).body(secret)),
        ("401", Reply::json(401, &json!({"message": secret})).header("WWW-Authenticate", secret)),
        ("407", Reply::status(407).body(secret)),
        ("421", Reply::status(421).body(secret)),
        ("426", Reply::status(426).body(secret)),
        ("301", Reply::status(301).header("Location", "http://secret.internal.example/")),
        ("304", Reply::status(304)),
        ("206", Reply::status(206).body(secret)),
        ("600", Reply::status(600).body(secret)),
        ("garbage", Reply::garbage()),
        ("a head that breaks off in its middle of nonsense", Reply::raw("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n")),
        ("a head without end", Reply::raw(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(600_000)))),
    ];
    for (what, reply) in replies {
        stage.service.on("/base/items", reply);
        for accept in [&[][..], &[("Accept", "application/json")]] {
            let answer = http.get("/open/items", accept);
            assert_eq!(answer.status, 500, "{what}: {answer:?}");
            let id = answer.header("x-request-id").unwrap();
            let message = format!("An unexpected error has occurred on our side. Tell us the id {id}.");
            let body = stage.refused(&answer, 500, "unexpected", &message);
            assert_eq!(body["help"], format!("{web}/support?id={id}"));
            assert_eq!(answer.headers_named("link"), [format!("<{web}/support?id={id}>; rel=\"help\"")]);
            assert!(!format!("{answer:?}").contains("secret"), "{what}: {answer:?}");
            assert!(body.get("service").is_none(), "{what}: {body}");
            assert_eq!(answer.header("retry-after"), None, "{what}");
            let page = http_page(&stage, id);
            assert!(page.contains(id), "{page}");
        }
    }
    // Operators are told.
    let id = http.get("/open/items", &[]).header("x-request-id").unwrap().to_owned();
    let told = stage.limen.command(&["explain", &id]).stdout;
    assert!(told.contains(&stage.service.address().to_string()), "{told}");
}

fn http_page(stage: &Stage, id: &str) -> String {
    stage.limen.pages().get(&format!("/support?id={id}"), &[]).text()
}

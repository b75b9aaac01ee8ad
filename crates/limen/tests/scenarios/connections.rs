//! How connections end: early, late, or not at all; answers that nobody may take for whole, and callers who vanish.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use limen_testbed::{Gate, Reply, eventually};

use crate::stage::Stage;

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// What a slow service does; no test waits by it.
fn pause(time_ms: u64) {
    let (_never_sends, receiver) = std::sync::mpsc::channel::<()>();
    let _ = receiver.recv_timeout(Duration::from_millis(time_ms));
}

/// An API whose service is `script`, given each connection once its request has begun.
fn with_service(stage: &Stage, script: impl Fn(&mut TcpStream) + Send + Sync + 'static) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || listener.incoming().flatten().for_each(|mut stream| script(&mut stream)));
    stage.limen.apply(&format!(
        "apis:\n  - {{name: raw, base_path: /raw, target: \"http://{address}\", access: open, validate: \"off\", \
         media_types: [\"*/*\"], deadlines: {{response_timeout_ms: 5_000, idle_timeout_ms: 400}}}}\n"
    ));
}

#[test]
fn answers_without_a_body_reach_callers_who_ask_for_none() {
    let stage = Stage::new();
    for status in [204, 205, 304] {
        stage.service.on("/base/none", Reply::status(status));
        for method in ["HEAD", "GET"] {
            assert_eq!(stage.http().call(method, "/transparent/none", &[], None).status, status, "{method}");
        }
    }
    stage.service.on("/base/odd", Reply::status(777));
    assert_eq!(stage.http().get("/transparent/odd", &[]).status, 500, "no such status exists");
}

#[test]
fn a_caller_whose_large_body_is_refused_can_read_why() {
    let stage = Stage::new();
    let body = vec![b' '; 5 << 20];
    for _ in 0..3 {
        assert_eq!(stage.http().call("POST", "/keyed/items", &[JSON], Some(&body)).status, 401);
        let answer = stage.http().call("POST", "/open/items", &[JSON], Some(&body));
        assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (400, "body-too-large"));
    }
    assert_eq!(stage.service.hits(), 0);
}

#[test]
fn a_service_that_answers_early_and_hangs_up_is_heard() {
    let stage = Stage::new();
    with_service(&stage, |stream| {
        let mut read = [0; 16 * 1024];
        let _ = stream.read(&mut read);
        let _ = stream
            .write_all(b"HTTP/1.1 403 No\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{\"message\":\"no!\"}");
        let _ = stream.shutdown(std::net::Shutdown::Write);
        // Closing with unread bytes resets: what is written to it from here on fails.
        pause(20);
    });
    let body = vec![b'x'; 900_000];
    for _ in 0..10 {
        let answer = stage.http().call("PUT", "/raw/items", &[("Content-Type", "text/plain")], Some(&body));
        assert_eq!(answer.status, 403, "{answer:?}");
    }
}

#[test]
fn a_service_that_pauses_its_reading_is_not_the_caller_s_fault() {
    let stage = Stage::new();
    with_service(&stage, |stream| {
        let mut read = vec![0; 100_000];
        let _ = stream.read_exact(&mut read);
        // Longer than the idle time and shorter than two: the caller had sent all that was taken.
        pause(600);
        let mut left = vec![0; 64 * 1024];
        let mut ending = Vec::new();
        while !ending.ends_with(b"END") {
            match stream.read(&mut left) {
                Ok(read) if read > 0 => ending.extend_from_slice(&left[read.saturating_sub(3)..read]),
                _ => return,
            }
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let mut body = vec![b'x'; 900_000];
    body.extend_from_slice(b"END");
    let answer = stage.http().call("PUT", "/raw/items", &[("Content-Type", "text/plain")], Some(&body));
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{answer:?}");
}

#[test]
fn a_cut_answer_to_an_old_caller_ends_with_a_reset() {
    let stage = Stage::new();
    stage.service.on("/base/cut", Reply::status(200).chunked(["abc", "def"]).cut_after(8));
    let mut stream = TcpStream::connect(stage.limen.gateway()).unwrap();
    stream.write_all(format!("GET /open/cut HTTP/1.0\r\nHost: {}\r\n\r\n", stage.limen.gateway()).as_bytes()).unwrap();
    let mut came = Vec::new();
    let ended = stream.read_to_end(&mut came);
    assert_eq!(ended.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset), "{came:?}");

    stage.service.on("/base/whole", Reply::status(200).chunked(["abc", "def"]));
    let mut stream = TcpStream::connect(stage.limen.gateway()).unwrap();
    stream
        .write_all(format!("GET /open/whole HTTP/1.0\r\nHost: {}\r\n\r\n", stage.limen.gateway()).as_bytes())
        .unwrap();
    let mut came = String::new();
    stream.read_to_string(&mut came).unwrap();
    assert!(came.ends_with("\r\n\r\nabcdef"), "{came}");
}

#[test]
fn a_caller_who_vanishes_lets_its_call_go() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.service.on("/base/slow", Reply::status(200).wait_for(&gate));
    let stream = socket2::Socket::from(TcpStream::connect(stage.limen.gateway()).unwrap());
    stream.set_linger(Some(Duration::ZERO)).unwrap();
    let request = format!("GET /open/slow HTTP/1.1\r\nHost: {}\r\n\r\n", stage.limen.gateway());
    (&stream).write_all(request.as_bytes()).unwrap();
    eventually("the service has it", || (stage.service.hits() == 1).then_some(()));
    drop(stream);
    eventually("the call has ended, though the service hasn't answered", || {
        let status = stage.limen.json(&["status"]);
        let left = status["calls_by_status"].as_array()?.iter().find(|line| line[0] == 0)?;
        (left[1] == 1).then_some(())
    });
    // One who only ended its own side still waits for the answer.
    let mut connection = stage.http().open();
    connection.write(request.as_bytes());
    connection.end_writing();
    eventually("the service has it", || (stage.service.hits() == 2).then_some(()));
    gate.open();
    assert_eq!(connection.answer_to("GET").status, 200);
}

#[test]
fn one_who_never_pauses_does_not_keep_the_others_waiting() {
    let stage = Stage::new();
    let request = format!("GET /nowhere-at-all HTTP/1.1\r\nHost: {}\r\n\r\n", stage.limen.gateway()).repeat(200);
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(stage.limen.gateway()).unwrap();
            let mut reading = stream.try_clone().unwrap();
            let request = request.clone();
            std::thread::spawn(move || {
                let mut read = vec![0; 64 * 1024];
                while reading.read(&mut read).is_ok_and(|count| count > 0) {}
            });
            std::thread::spawn(move || while stream.write_all(request.as_bytes()).is_ok() {})
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(stage.http().get("/open/items", &[]).status, 200);
    }
    drop(stage);
    for flood in floods {
        flood.join().unwrap();
    }
}

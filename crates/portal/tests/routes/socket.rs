//! The admin API through its socket, as the command line speaks to it.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use limen_portal::{bind_admin_socket, connect_admin_socket, serve_admin};

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_is_answered_through_the_socket() {
    let house = House::furnished().await;
    let folder = house.folder.path().join("data");
    let listener = bind_admin_socket(&folder).unwrap();
    let mode = std::fs::metadata(folder.join("admin.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(serve_admin(listener, house.admin.clone(), async {
        let _ = stopped.await;
    }));
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = connect_admin_socket(&folder).unwrap();
        stream.write_all(b"GET /v1/apis HTTP/1.1\r\nHost: limen\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"base_path\":\"/ledger\""), "{answer}");
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}

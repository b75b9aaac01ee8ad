//! What the README shows is what comes: its banner, and every command of its console blocks, run by bash against the
//! real binary. `…` in the README stands for any text; ids, waits and ports are taken as alike.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use limen_testbed::{Limen, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_limen");
/// What the README shows as addresses.
const GATEWAY: &str = "127.0.0.1:8080";
const WEB: &str = "127.0.0.1:8081";
/// Stands between the outputs of a block's commands.
const MARK: &str = "@@@ command";
/// Where the README starts a service of the reader's own.
const SERVICE_PORT: &str = "9000";

/// A command of a console block and the output that the README shows.
#[derive(Debug, PartialEq)]
struct Shown {
    command: String,
    output: String,
}

#[test]
fn every_status_is_provoked_as_shown() {
    let readme = readme();
    let limen = Limen::start(Settings::new(BINARY));
    let blocks: Vec<Vec<Shown>> = fenced(&readme, "console").iter().map(|block| commands(block)).collect();
    for block in &blocks {
        // A stalled machine may spread six calls over more than the second that they have to come in.
        let attempts = if block.iter().any(|shown| shown.output.contains(" 429 ")) { 3 } else { 1 };
        let mut wrong = Vec::new();
        for _ in 0..attempts {
            wrong = differences(&limen, block);
            if wrong.is_empty() {
                break;
            }
        }
        assert!(wrong.is_empty(), "README.md shows other things than come:\n{}", wrong.join("\n"));
    }
    let all: String = blocks.iter().flatten().map(|shown| shown.output.as_str()).collect();
    for status in [200, 400, 401, 403, 404, 415, 429, 500, 503] {
        assert!(all.contains(&format!("HTTP/1.1 {status} ")), "README.md provokes no {status}");
    }
    let in_blocks = blocks.iter().flatten().filter(|shown| shown.command.starts_with("curl ")).count();
    let in_text = readme.lines().filter(|line| line.starts_with("$ curl ")).count();
    assert_eq!(in_blocks, in_text, "each curl stands in a console block");
}

#[test]
fn the_banner_is_the_one_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = limen_testbed::program(BINARY)
        .arg0("target/release/limen")
        .args(["up", "--gateway", "127.0.0.1:0", "--web", "127.0.0.1:0"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut banner = String::new();
    for line in lines {
        banner.push_str(&line);
        banner.push('\n');
        if line.contains("Ctrl-C") {
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    let place = |name: &str| {
        let line = banner.lines().find(|line| line.trim_start().starts_with(name));
        line.and_then(|line| line.split("http://").nth(1)).unwrap_or("no address").to_owned()
    };
    let told = normal(&banner, &place("Calls"), &place("Pages"));
    let readme = readme();
    let shown = fenced(&readme, "text").concat();
    assert!(comes(shown.trim(), told.trim()), "README.md shows the banner\n{shown}\nand it is\n{told}");
}

#[test]
fn what_differs_is_found() {
    let block = "$ curl -i \\\n    x\nHTTP/1.1 200 OK\n…\n{\"id\":\"280\",…}\n$ true\n";
    let [curl, quiet] = &commands(block)[..] else { panic!("two commands") };
    assert_eq!(curl.command, "curl -i \\\n    x");
    assert_eq!(*quiet, Shown { command: "true".into(), output: String::new() });
    let body = "{\"id\":\"280\",\"name\":\"x\"}";
    assert!(comes(&curl.output, &format!("HTTP/1.1 200 OK\na: b\n\n{body}\n")));
    assert!(!comes(&curl.output, &format!("HTTP/1.1 404 Not Found\na: b\n\n{body}\n")));
    assert!(!comes(&curl.output, &format!("HTTP/1.1 200 OK\na: b\n\n{body}\nmore\n")));
    assert!(!comes("", "something\n") && comes("", ""));
    let id = "0".repeat(32);
    assert_eq!(
        normal("retry-after: 12\r\nh:1 01a203ccf14472ac92cc4927d72ffc97", "h:1", "h:2"),
        format!("retry-after: N\n{GATEWAY} {id}\n")
    );
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The contents of the fenced blocks of a kind.
fn fenced(text: &str, kind: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(opened) = line.strip_prefix("```") {
            inside = opened == kind;
            if inside {
                blocks.push(String::new());
            }
        } else if let (true, Some(block)) = (inside, blocks.last_mut()) {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

/// A block's commands: `$ ` begins one, a backslash at a line's end continues it, what follows is its output.
fn commands(block: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut continued = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Shown { command: command.to_owned(), output: String::new() });
        } else if let Some(last) = found.last_mut() {
            let text = if continued { &mut last.command } else { &mut last.output };
            let (before, after) = if continued { ("\n", "") } else { ("", "\n") };
            text.push_str(&format!("{before}{line}{after}"));
        }
        continued = line.ends_with('\\');
    }
    found
}

/// Runs a block with a subscription of its own, whose rate nobody has used, and tells what came otherwise than shown.
fn differences(limen: &Limen, block: &[Shown]) -> Vec<String> {
    let subscription = limen.json(&["subscription", "create", "--product", "standard", "--developer", "ada"]);
    let sample = limen.sample();
    let port = free_port();
    let script: String = block.iter().map(|shown| step(&shown.command.replace(SERVICE_PORT, &port), &port)).collect();
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(root())
        .env("PATH", path_with_binary())
        .env("LIMEN_DATA_DIR", limen.data_dir())
        .env("GATEWAY", format!("http://{}", limen.gateway()))
        .env("WEB", format!("http://{}", limen.web()))
        .env("SECRET", &sample.secrets[0])
        .env("KEY", subscription["primary_key"].as_str().unwrap())
        .env("TOKEN", &sample.full)
        .env("READ_ONLY_TOKEN", &sample.read_only)
        .env("RESTRICTED_TOKEN", &sample.restricted)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let told = normal(&told, &limen.gateway().to_string(), &limen.web().to_string());
    let outputs: Vec<&str> = told.split(&format!("{MARK}\n")).skip(1).collect();
    assert_eq!(outputs.len(), block.len(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let pairs = block.iter().zip(outputs).filter(|(shown, came)| !comes(&shown.output, came.trim_end_matches('\n')));
    pairs.map(|(shown, came)| format!("$ {}\n{came}\nis shown as\n{}", shown.command, shown.output)).collect()
}

/// A command as a step of a script. What is started behind is waited for, and what is killed is waited for too.
fn step(command: &str, port: &str) -> String {
    let wait = if command.ends_with('&') {
        format!(
            "\nfor _ in {{1..400}}; do (exec 3<> /dev/tcp/127.0.0.1/{port}) 2> /dev/null && break; sleep 0.05; done"
        )
    } else if command.starts_with("kill ") {
        "\nwait $! 2> /dev/null".to_owned()
    } else {
        String::new()
    };
    format!("printf '\\n{MARK}\\n'\n{command}{wait}\n")
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

fn path_with_binary() -> String {
    let folder = Path::new(BINARY).parent().unwrap().display();
    format!("{folder}:{}", std::env::var("PATH").unwrap_or_default())
}

/// The text with what differs from run to run made alike: addresses, ids, waits; without carriage returns.
fn normal(text: &str, gateway: &str, web: &str) -> String {
    let text = text.replace('\r', "").replace(gateway, GATEWAY).replace(web, WEB);
    let lines = text.lines().map(|line| {
        let line = same_ids(line);
        let line = same_number(&line, "retry-after: ");
        same_number(&line, "Try again in ") + "\n"
    });
    lines.collect()
}

/// Runs of 32 hexadecimal digits as zeros.
fn same_ids(line: &str) -> String {
    let mut same = String::new();
    let mut run = String::new();
    for character in line.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() {
            run.push(character);
            continue;
        }
        same.push_str(&if run.len() == 32 { "0".repeat(32) } else { std::mem::take(&mut run) });
        run.clear();
        same.push(character);
    }
    same.trim_end_matches('\n').to_owned()
}

/// The number behind a word as `N`.
fn same_number(line: &str, word: &str) -> String {
    match line.split_once(word) {
        Some((before, after)) => format!("{before}{word}N{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    }
}

/// Whether `came` is what `shown` shows: its texts between `…` in their order, the first and last at the ends. A line of
/// nothing but `…` stands for what is between two lines, their ends too: a body has no end of its own.
fn comes(shown: &str, came: &str) -> bool {
    let shown = normal(shown, GATEWAY, WEB).replace("\n…\n", "…");
    let pieces: Vec<&str> = shown.trim_end_matches('\n').split('…').collect();
    let [first, rest @ ..] = pieces.as_slice() else { return false };
    let Some(mut left) = came.trim_end_matches('\n').strip_prefix(first) else { return false };
    let Some((last, middle)) = rest.split_last() else { return left.is_empty() };
    for piece in middle {
        let Some((_, after)) = left.split_once(piece) else { return false };
        left = after;
    }
    left.ends_with(last)
}

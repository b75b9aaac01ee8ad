//! Which crate may use which: what keeps decisions pure, the data plane free of the store, and the trees small.

use crate::none;
use crate::tree::{File, files};

/// What a crate must not use.
struct Boundary {
    folder: &'static str,
    /// The crates of this workspace that it may use.
    ours: &'static [&'static str],
    /// Crates of others that it never uses.
    never: &'static [&'static str],
    /// Paths that it never names.
    never_named: &'static [&'static str],
}

const CRATES: [Boundary; 10] = [
    Boundary {
        folder: "crates/rules",
        ours: &[],
        never: &[
            "anyhow",
            "axum",
            "fastrand",
            "getrandom",
            "hyper",
            "hyper-util",
            "rand",
            "redis",
            "reqwest",
            "sqlx",
            "tokio",
            "tracing",
            "uuid",
        ],
        never_named: &[
            "SystemTime",
            "Instant::now",
            "Timestamp::now",
            "Zoned::now",
            "TimeZone::system",
            "std::env",
            "env::var",
            "std::fs",
            "std::process",
            "std::thread",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "rand::",
            "Uuid::now_v7",
            "println!",
            "eprintln!",
        ],
    },
    Boundary {
        folder: "crates/http1",
        ours: &[],
        never: &["axum", "http-body", "hyper", "hyper-util", "sqlx", "tokio", "tracing"],
        never_named: &["SystemTime", "Instant::now", "std::env", "std::net::Tcp", "TcpStream"],
    },
    Boundary {
        folder: "crates/store",
        ours: &["limen-rules"],
        never: &["anyhow", "axum", "hyper", "hyper-util", "http", "tower"],
        never_named: &["StatusCode", "SystemTime", "Instant::now"],
    },
    Boundary {
        folder: "crates/gateway",
        ours: &["limen-rules", "limen-http1"],
        never: &["anyhow", "axum", "rusqlite", "sqlx", "tower"],
        never_named: &["std::env", "INSERT INTO", "SELECT "],
    },
    Boundary {
        folder: "crates/portal",
        ours: &["limen-rules", "limen-store"],
        never: &["anyhow", "hyper", "sqlx"],
        never_named: &["std::env", "SystemTime", "INSERT INTO", "SELECT "],
    },
    Boundary {
        folder: "crates/limen",
        ours: &["limen-gateway", "limen-portal", "limen-rules", "limen-sample", "limen-store"],
        never: &["sqlx"],
        never_named: &["INSERT INTO", "SELECT "],
    },
    Boundary { folder: "crates/sample", ours: &[], never: &["anyhow", "hyper"], never_named: &["std::env"] },
    Boundary {
        folder: "fuzz",
        ours: &["limen-http1", "limen-rules"],
        never: &["axum", "hyper", "sqlx", "tokio"],
        never_named: &[],
    },
    Boundary { folder: "testbed", ours: &[], never: &["axum", "sqlx"], never_named: &[] },
    Boundary { folder: "xtask", ours: &[], never: &["tokio"], never_named: &[] },
];

#[test]
fn crates_keep_their_boundaries() {
    let files = files();
    let mut violations: Vec<String> = CRATES.iter().flat_map(|boundary| crossings(boundary, &files)).collect();
    violations.extend(unlisted(&files));
    none("A crate crosses its boundary (ARCHITECTURE.md, code map).", &violations);
}

#[test]
fn a_clock_in_the_rules_is_found() {
    let [rules, _, _, gateway, ..] = &CRATES;
    let manifest =
        File::new("crates/rules/Cargo.toml", "[dependencies]\nhttp.workspace = true\ntokio = \"1\"\n\n[lints]\n");
    let source = File::new("crates/rules/src/rate.rs", "//! Rates.\nlet now = std::time::Instant::now();\n");
    let comment = File::new("crates/rules/src/key.rs", "//! Never calls SystemTime::now, nor tokio::spawn.\n");
    assert_eq!(
        crossings(rules, &[manifest, source, comment]),
        ["crates/rules/Cargo.toml: depends on tokio", "crates/rules/src/rate.rs:2: names Instant::now"]
    );
    let store = File::new("crates/gateway/src/charge.rs", "use limen_store::Store;\nhyper_util::rt::x();\n");
    assert_eq!(crossings(gateway, &[store]), ["crates/gateway/src/charge.rs:1: uses limen-store"]);
}

#[test]
fn a_crate_without_a_row_is_found() {
    let manifest = File::new("crates/new/Cargo.toml", "[package]\nname = \"limen-new\"\n");
    assert_eq!(unlisted(&[manifest]), ["crates/new: has no row in the table of boundaries"]);
}

/// Every dependency and every path that the crate must not use.
fn crossings(boundary: &Boundary, files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with(&format!("{}/", boundary.folder))) {
        if file.path == format!("{}/Cargo.toml", boundary.folder) {
            let wrong = dependencies(&file.text).filter(|name| !may_use(boundary, name));
            found.extend(wrong.map(|name| format!("{}: depends on {name}", file.path)));
        }
        if !file.is_rust() || file.is_test() || !file.path.starts_with(&format!("{}/src/", boundary.folder)) {
            continue;
        }
        let code = file.lines().take(file.lines_before_tests()).filter(|(_, _, is_comment)| !is_comment);
        for (number, line, _) in code {
            let named = boundary.never_named.iter().filter(|name| line.contains(*name));
            found.extend(named.map(|name| format!("{}:{number}: names {name}", file.path)));
            let used = roots(line).filter(|root| !may_use(boundary, root));
            found.extend(used.map(|name| format!("{}:{number}: uses {name}", file.path)));
        }
    }
    found
}

fn may_use(boundary: &Boundary, name: &str) -> bool {
    let is_ours = name.starts_with("limen-") || name == "xtask";
    let is_itself = boundary.folder.ends_with(name.trim_start_matches("limen-"));
    if is_ours { is_itself || boundary.ours.contains(&name) } else { !boundary.never.contains(&name) }
}

/// The names under `[dependencies]`.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let section = manifest.split("\n[dependencies]\n").nth(1).or_else(|| manifest.strip_prefix("[dependencies]\n"));
    let lines = section.unwrap_or_default().lines().take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
}

/// The first segments of the paths in a line, as packages are called.
fn roots(line: &str) -> impl Iterator<Item = String> {
    line.match_indices("::").filter_map(|(at, _)| {
        let before = line.get(..at)?;
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let is_first = !before.get(..start)?.ends_with(':');
        let root = before.get(start..)?;
        (is_first && !root.is_empty()).then(|| root.replace('_', "-"))
    })
}

/// Packages of the workspace without a row.
fn unlisted(files: &[File]) -> Vec<String> {
    let folders = files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml"));
    folders
        .filter(|folder| CRATES.iter().all(|boundary| boundary.folder != *folder))
        .map(|folder| format!("{folder}: has no row in the table of boundaries"))
        .collect()
}

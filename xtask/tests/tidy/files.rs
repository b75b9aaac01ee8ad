//! How files are named, headed and sized, and what code never contains.

use crate::none;
use crate::tree::{File, files};

/// A file, in lines before its tests.
const LINES_MAX: usize = 400;
/// A file of nothing but tests.
const TEST_LINES_MAX: usize = 700;
/// The `//!` lines at the head of a file; a `lib.rs` is docs and may say more.
const HEAD_LINES_MAX: usize = 5;

/// Files that are larger, each with its size when it was let through and the reason. The list only shrinks.
const LARGER: [(&str, usize, &str); 1] =
    [("crates/rules/src/contract.rs", 422, "the one table: a row for each cause and no logic")];

/// Names that say nothing.
const EMPTY_NAMES: [&str; 10] =
    ["common", "helper", "helpers", "manager", "managers", "misc", "mod", "util", "utilities", "utils"];

/// What doesn't stay in code.
const UNFINISHED: [&str; 6] = ["todo!", "unimplemented!", "dbg!", "#[ignore", "TODO", "FIXME"];

#[test]
fn every_file_says_what_it_owns() {
    none("A Rust file begins with one to five `//!` lines.", &collect(bad_head));
}

#[test]
fn files_stay_small() {
    let mut violations = collect(too_large);
    let files = files();
    for (path, _, _) in LARGER {
        if !files.iter().any(|file| file.path == path) {
            violations.push(format!("{path}: is let through and does not exist"));
        }
    }
    none("A file grew too large; take a part with a name of its own out of it.", &violations);
}

#[test]
fn files_are_named_for_what_they_hold() {
    none("A module is called for what is in it; `foo.rs` + `foo/`, never `mod.rs`.", &collect(bad_name));
}

#[test]
fn code_is_whole_or_absent() {
    none("Unfinished or switched-off code.", &collect(unfinished));
}

#[test]
fn each_rule_finds_what_breaks_it() {
    assert_eq!(bad_head(&File::new("crates/x/src/a.rs", "use std::fmt;\n")).len(), 1);
    assert_eq!(bad_head(&File::new("crates/x/src/a.rs", &"//! Six.\n".repeat(6))).len(), 1);
    assert_eq!(bad_head(&File::new("crates/x/src/lib.rs", &"//! Six.\n".repeat(6))).len(), 0);
    let tests = "#[cfg(test)]\nmod tests {}\n".to_owned() + &"\n".repeat(900);
    let long = |lines: usize| File::new("crates/x/src/a.rs", &("\n".repeat(lines) + &tests));
    assert_eq!((too_large(&long(400)).len(), too_large(&long(401)).len()), (0, 1));
    let listed = |lines: usize| too_large(&File::new(LARGER[0].0, &"\n".repeat(lines))).len();
    assert_eq!((listed(LARGER[0].1), listed(LARGER[0].1 + 1), listed(LARGER[0].1 - 40)), (0, 1, 1));
    assert_eq!(bad_name(&File::new("crates/x/src/key/mod.rs", "")).len(), 1);
    assert_eq!(bad_name(&File::new("crates/x/src/utils/key.rs", "")).len(), 1);
    assert_eq!(bad_name(&File::new("crates/x/src/a.rs", "pub(crate) mod helpers {\n")).len(), 1);
    assert_eq!(unfinished(&File::new("crates/x/src/a.rs", "#[ignore]\nfn x() { todo!() }\n")).len(), 2);
}

fn collect(rule: fn(&File) -> Vec<String>) -> Vec<String> {
    files().iter().filter(|file| file.is_rust()).flat_map(rule).collect()
}

fn bad_head(file: &File) -> Vec<String> {
    let head = file.text.lines().take_while(|line| line.starts_with("//!")).count();
    let most = if file.path.ends_with("/lib.rs") { usize::MAX } else { HEAD_LINES_MAX };
    if head >= 1 && head <= most { Vec::new() } else { vec![format!("{}: {head} lines", file.path)] }
}

fn too_large(file: &File) -> Vec<String> {
    let path = &file.path;
    if file.is_test() {
        let lines = file.text.lines().count();
        return if lines > TEST_LINES_MAX { vec![format!("{path}: {lines} lines of tests")] } else { Vec::new() };
    }
    let lines = file.lines_before_tests();
    let Some((_, most, _)) = LARGER.iter().find(|(listed, _, _)| listed == path) else {
        return if lines > LINES_MAX { vec![format!("{path}: {lines} lines before its tests")] } else { Vec::new() };
    };
    if lines > *most {
        vec![format!("{path}: {lines} lines; it was let through with {most}")]
    } else if lines <= LINES_MAX {
        vec![format!("{path}: {lines} lines; it needs no exception any more")]
    } else if lines + 30 < *most {
        vec![format!("{path}: {lines} lines; lower its exception from {most}")]
    } else {
        Vec::new()
    }
}

fn bad_name(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let segments = file.path.trim_end_matches(".rs").split('/');
    found.extend(segments.filter(|name| EMPTY_NAMES.contains(name)).map(|name| format!("{}: '{name}'", file.path)));
    for (number, line, _) in file.lines() {
        let Some((before, after)) = line.split_once("mod ") else { continue };
        let is_item = before.trim().is_empty() || before.trim().starts_with("pub");
        let name = after.trim_end_matches([';', '{', ' ']);
        if is_item && EMPTY_NAMES.contains(&name) {
            found.push(format!("{}:{number}: module '{name}'", file.path));
        }
    }
    found
}

fn unfinished(file: &File) -> Vec<String> {
    if file.path == "xtask/tests/tidy/files.rs" {
        return Vec::new(); // It has to name what it forbids.
    }
    let hits = file.lines().flat_map(|(number, line, _)| {
        UNFINISHED.iter().filter(move |word| line.contains(*word)).map(move |word| (number, word))
    });
    hits.map(|(number, word)| format!("{}:{number}: {word}", file.path)).collect()
}

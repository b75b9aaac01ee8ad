//! Documents: that they exist, and that each file and each item of code that they name does.

use std::collections::BTreeSet;

use crate::none;
use crate::tree::{File, files};

const NEEDED: [&str; 13] = [
    ".ci/run",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "STYLE.md",
    "docs/configuration.md",
    "docs/decisions/0001-an-own-gateway-in-one-process.md",
    "docs/lexicon.md",
    "docs/common-auth-issues.md",
    "docs/status-codes.md",
    "limen.example.yaml",
];

/// Where a path that is named in a document begins, if it is one of this project.
const FOLDERS: [&str; 8] = [".cargo/", ".ci/", ".config/", "crates/", "docs/", "fuzz/", "testbed/", "xtask/"];

/// The crates whose items documents name as `rules::path::normalize`.
const CRATES: [&str; 6] = ["gateway", "http1", "portal", "rules", "sample", "store"];

#[test]
fn the_documents_exist() {
    let paths = paths(&files());
    let missing = NEEDED.iter().filter(|path| !paths.contains(**path)).map(|path| (*path).to_owned());
    none("A document is missing.", &missing.collect::<Vec<_>>());
}

#[test]
fn what_documents_name_exists() {
    let files = files();
    let violations: Vec<String> =
        files.iter().filter(|file| file.is_document()).flat_map(|document| dangling(document, &files)).collect();
    none("A document names what isn't there.", &violations);
}

#[test]
fn decisions_are_numbered_without_a_gap() {
    let files = files();
    let decisions = files.iter().filter(|file| file.path.starts_with("docs/decisions/"));
    let violations: Vec<String> = decisions
        .enumerate()
        .filter(|(index, file)| {
            let number = format!("{:04}", index + 1);
            !file.path.starts_with(&format!("docs/decisions/{number}-"))
                || !file.text.starts_with(&format!("# {number} "))
        })
        .map(|(_, file)| format!("{}: its name and title should bear the next number", file.path))
        .collect();
    none("Decision records are numbered 0001, 0002, … in name and title.", &violations);
}

#[test]
fn each_dangling_name_is_found() {
    let rust = File::new(
        "crates/rules/src/path.rs",
        "/// normalise\npub fn normalize() {}\nfn normal_forms_stay_as_they_are() {}\n",
    );
    let good = "`crates/rules/src/path.rs`, `crates/rules/`, `rules::path::normalize`, `docs/decisions/NNNN-title.md`, \
                `normal_forms_stay_as_they_are`";
    let bad = "`crates/rules/src/paths.rs`, `rules::path::normalise`, `rules::paths::normalize`, [x](../path.rs#a), \
               `normal_forms_are_gone_now`";
    let found = |text: &str| dangling(&File::new("docs/x.md", text), std::slice::from_ref(&rust)).len();
    assert_eq!((found(good), found(bad)), (0, 5));
    assert_eq!(found("[x](../crates/rules/src/path.rs), [y](https://example.org), [z](#here)"), 0);
}

/// Every file and folder.
fn paths(files: &[File]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for file in files {
        for (at, _) in file.path.match_indices('/') {
            paths.extend(file.path.get(..at).map(str::to_owned));
        }
        paths.insert(file.path.clone());
    }
    paths
}

fn dangling(document: &File, files: &[File]) -> Vec<String> {
    let paths = paths(files);
    let mut found = Vec::new();
    for (number, line, _) in document.lines() {
        let mut missing = Vec::new();
        missing.extend(code(line).filter(|code| is_path(code) && !paths.contains(code.trim_end_matches('/'))));
        missing.extend(code(line).filter(|code| is_item(code) && !item_exists(code, files)));
        missing.extend(code(line).filter(|code| is_long_name(code) && !is_word_of_code(code, files)));
        missing.extend(links(line).filter(|link| !paths.contains(&resolved(&document.path, link))));
        found.extend(missing.into_iter().map(|name| format!("{}:{number}: {name}", document.path)));
    }
    found
}

/// The texts between backticks.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(code: &str) -> bool {
    let is_plain = code.chars().all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c));
    let is_form = code.contains("NNNN") || code.contains("NAME");
    is_plain && !is_form && FOLDERS.iter().any(|folder| code.starts_with(folder))
}

fn is_item(code: &str) -> bool {
    let is_plain = code.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
    is_plain && code.split_once("::").is_some_and(|(first, _)| CRATES.contains(&first))
}

/// Names like a test's: there is no other reason to write so many words in one.
fn is_long_name(code: &str) -> bool {
    code.matches('_').count() >= 3 && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_word_of_code(name: &str, files: &[File]) -> bool {
    files.iter().filter(|file| file.is_rust()).any(|file| has_word(&file.text, name))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|one| one == word)
}

/// Whether `rules::path::normalize` is a word in `crates/rules/src/path.rs`, or a module itself.
fn item_exists(code: &str, files: &[File]) -> bool {
    let segments: Vec<&str> = code.split("::").collect();
    let [first, inner @ ..] = segments.as_slice() else { return false };
    let text = |modules: &[&str]| {
        let path = if modules.is_empty() { "lib".to_owned() } else { modules.join("/") };
        files.iter().find(|file| file.path == format!("crates/{first}/src/{path}.rs")).map(|file| &file.text)
    };
    if text(inner).is_some() {
        return true;
    }
    // The last one or two segments are names inside of a file: a function, or a type and one of its names.
    (1..=2).filter(|names| *names <= inner.len()).any(|names| {
        let (modules, names) = inner.split_at(inner.len() - names);
        text(modules).zip(names.first()).is_some_and(|(text, first)| {
            is_defined(text, first) && names.iter().skip(1).all(|name| has_word(text, name))
        })
    })
}

fn is_defined(text: &str, name: &str) -> bool {
    let kinds = ["fn", "struct", "enum", "trait", "type", "const", "static", "mod"];
    text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let is_handed_on = line.starts_with("pub use ") && words.contains(&name);
        is_handed_on || words.windows(2).any(|pair| matches!(pair, [kind, one] if kinds.contains(kind) && *one == name))
    })
}

/// The targets of links to files.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        (!target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")).then_some(target)
    })
}

/// A link's target from the root.
fn resolved(document: &str, link: &str) -> String {
    let mut segments: Vec<&str> = document.split('/').collect();
    segments.pop();
    for segment in link.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        if segment == ".." {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    segments.join("/")
}

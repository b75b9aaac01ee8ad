//! The configuration: `limen.yaml`, the environment and flags, from text over a checked form to [`Config`].
//!
//! Every flaw is told at once, with its place and how to mend it. It knows no store and no socket: what the store has
//! already comes in as an argument.

mod cases;
mod environment;
mod flaw;
mod issuers;
mod reading;
mod settings;
mod shape;
mod tls;
mod tree;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use limen_portal::wire::{ToldSetting, ToldSettings};
use limen_rules::declared::{Problem, check_references, check_values, merge, warnings};
use limen_rules::model::Declared;
use serde_json::{Map, Value as Json};

pub(crate) use cases::{Case, read_cases};
pub(crate) use environment::process_environment;
pub(crate) use flaw::Flaws;
use flaw::{Flaw, Origin};
use reading::Reader;
pub(crate) use settings::{AccessLogTo, DEFAULT_DATA_DIR, Key, Listen, LogFormat, OutboundSettings, Settings};
use settings::{Draft, KEYS};

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// How the process is set up.
    pub(crate) settings: Settings,
    /// What is published, to whom.
    pub(crate) declared: Declared,
    /// Every setting that was told, by its path.
    pub(crate) told: ToldSettings,
    file: Option<PathBuf>,
    reader: Reader,
}

/// Where a configuration is read from.
#[derive(Debug, Default)]
pub(crate) struct Sources<'a> {
    /// The file, if one was named.
    pub(crate) file: Option<&'a Path>,
    /// Variables; those whose names begin with `LIMEN__` are read.
    pub(crate) environment: Vec<(String, OsString)>,
    /// Flags that were given: the key, the flag's name and its text.
    pub(crate) flags: Vec<(Key, &'static str, String)>,
    /// Whether the files of certificates and keys are read too, to see whether they are good.
    pub(crate) reads_certificates: bool,
}

impl Config {
    /// Whether what is declared fits what the store has already.
    ///
    /// # Errors
    /// References that lead nowhere and base paths in each other's way.
    pub(crate) fn check_over(&self, existing: &Declared) -> Result<(), Flaws> {
        let flaws = located(&self.reader, check_references(&merge(&self.declared, existing)));
        if flaws.is_empty() { Ok(()) } else { Err(Flaws::new(self.file.as_deref(), flaws)) }
    }

    /// What can hardly be meant where `existing` is what the store has, though nothing is refused for it; a line each.
    pub(crate) fn warnings(&self, existing: &Declared) -> Vec<String> {
        let flaws = located(&self.reader, warnings(&self.declared, &merge(&self.declared, existing)));
        let told = |flaw| format!("warning: {}", Flaws::new(self.file.as_deref(), vec![flaw]));
        flaws.into_iter().map(told).collect()
    }

    /// Whether the files that APIs name for TLS to their targets can be used from here.
    ///
    /// # Errors
    /// The first that can't be, of each API.
    pub(crate) fn check_target_files(&self) -> Result<(), Flaws> {
        let named = self.declared.apis.iter().enumerate().filter_map(|(at, api)| Some((at, api.target_tls.as_ref()?)));
        let problems = named.filter_map(|(at, files)| {
            let flaw = limen_gateway::targets::check_files(files).err()?;
            Some(Problem { field: format!("apis[{at}].{}", flaw.field), message: flaw.message, mend: flaw.mend })
        });
        self.told(problems.collect())
    }

    /// Whether other issuers may be asked, by what 'outbound.allow' lists; and where `reads_files`, whether our secrets
    /// with them are there.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn check_issuers(&self, reads_files: bool) -> Result<(), Flaws> {
        self.told(issuers::problems(&self.declared, &self.settings.outbound.allowed, reads_files))
    }

    fn told(&self, problems: Vec<Problem>) -> Result<(), Flaws> {
        let flaws = located(&self.reader, problems);
        if flaws.is_empty() { Ok(()) } else { Err(Flaws::new(self.file.as_deref(), flaws)) }
    }
}

/// Reads and checks a configuration. References are checked too where `existing` tells what the store has
/// (`Some(&Declared::default())`: nothing); else [`Config::check_over`] is still to be asked.
///
/// # Errors
/// Every flaw that was found, at once.
pub(crate) fn load(sources: &Sources<'_>, existing: Option<&Declared>) -> Result<Config, Flaws> {
    let text = match sources.file {
        Some(file) => read_file(file).map_err(|flaw| Flaws::new(sources.file, vec![flaw]))?,
        None => String::new(),
    };
    check(&text, sources, existing)
}

fn check(text: &str, sources: &Sources<'_>, existing: Option<&Declared>) -> Result<Config, Flaws> {
    let tree = tree::read(text).map_err(|error| {
        let flaw = Flaw { origin: Origin::File(error.place), field: None, message: error.message, mend: error.mend };
        Flaws::new(sources.file, vec![flaw])
    })?;
    if let Some(flaw) = described(&tree) {
        return Err(Flaws::new(sources.file, vec![flaw]));
    }
    let mut reader = Reader::default();
    let mut sections = reader.file(&tree, &shape::FILE);
    let mut flaws = Vec::new();
    let mut told = ToldSettings::new();
    let settings = settings(&sections, &reader, sources, &mut told, &mut flaws);
    for section in shape::SETTINGS {
        sections.remove(*section);
    }
    // What doesn't fit was replaced by placeholders, so this fails only where the table of forms is wrong.
    let declared: Declared = serde_json::from_value(Json::Object(sections)).unwrap_or_else(|error| {
        let (message, mend) = (error.to_string(), "correct the value that is named".to_owned());
        flaws.push(Flaw { origin: Origin::File(None), field: None, message, mend });
        Declared::default()
    });
    let mut problems = check_values(&declared);
    if let Some(existing) = existing {
        problems.extend(check_references(&merge(&declared, existing)));
    }
    flaws.extend(located(&reader, problems));
    flaws.append(&mut reader.flaws);
    match settings {
        Some(settings) if flaws.is_empty() => {
            Ok(Config { settings, declared, told, file: sources.file.map(Path::to_path_buf), reader })
        }
        _ => Err(Flaws::new(sources.file, flaws)),
    }
}

/// What is said of an OpenAPI document: all of its members would be unknown.
fn described(tree: &tree::Node) -> Option<Flaw> {
    let tree::Value::Mapping(entries) = &tree.value else { return None };
    let entry = entries.iter().find(|entry| ["openapi", "swagger"].contains(&&*entry.key))?;
    Some(Flaw {
        origin: Origin::File(Some(entry.place)),
        field: None,
        message: "this is an OpenAPI document, and no configuration of Limen".into(),
        mend:
            "publish what it describes with 'limen publish DOCUMENT --target URL', or make or change an API of it with \
               'limen api import DOCUMENT --target URL'"
                .into(),
    })
}

/// Gathers the settings from file, environment and flags, each going before the one before it.
fn settings(
    sections: &Map<String, Json>,
    reader: &Reader,
    sources: &Sources<'_>,
    told: &mut ToldSettings,
    flaws: &mut Vec<Flaw>,
) -> Option<Settings> {
    let mut origins = Vec::new();
    for (key, path) in KEYS {
        let mut names = path.split('.');
        let section = names.next().and_then(|name| sections.get(name));
        let value = names.fold(section, |value, name| value.and_then(|value| value.get(name)));
        match value {
            Some(Json::String(text)) => origins.push((*key, Origin::File(reader.place(path)), text.clone())),
            Some(Json::Bool(value)) => origins.push((*key, Origin::File(reader.place(path)), value.to_string())),
            Some(Json::Array(list)) => {
                let entries: Vec<&str> = list.iter().filter_map(Json::as_str).collect();
                if check_entries(*key, path, &entries, reader, flaws) {
                    origins.push((*key, Origin::File(reader.place(path)), entries.join(",")));
                }
            }
            _ => {}
        }
    }
    environment::assignments(&sources.environment, &mut origins, flaws);
    origins.extend(sources.flags.iter().map(|(key, flag, text)| (*key, Origin::Flag(flag), text.clone())));
    let mut draft = Draft::default();
    for (key, origin, text) in &origins {
        let path = KEYS.iter().find(|(known, _)| known == key).map_or("", |(_, path)| *path);
        let setting = ToldSetting { text: text.clone(), in_file: matches!(origin, Origin::File(_)) };
        told.insert(path.to_owned(), setting);
        if let Err((message, mend)) = draft.set(*key, text) {
            flaws.push(setting_flaw(*key, origin.clone(), message, mend));
        }
    }
    let origin_of = |key: Key| {
        let origin = origins.iter().rev().find(|(other, ..)| *other == key).map(|(_, origin, _)| origin.clone());
        origin.unwrap_or(Origin::File(None))
    };
    draft.set_certificates(sections.get("gateway"));
    if let Some(list) = sections.get("gateway").and_then(|gateway| gateway.get("tls")?.get("certificates")) {
        told.insert("gateway.tls.certificates".into(), ToldSetting { text: list.to_string(), in_file: true });
    }
    for (key, (message, mend)) in draft.tls_flaws() {
        flaws.push(setting_flaw(key, origin_of(key), message, mend));
    }
    let finished = draft.finish().map_err(|(key, (message, mend))| {
        flaws.push(setting_flaw(key, origin_of(key), message, mend));
    });
    let finished = finished.ok()?;
    // A field that was told of already names a placeholder.
    for files in [&finished.gateway_tls, &finished.web_tls].into_iter().flatten().filter(|_| sources.reads_certificates)
    {
        for flaw in files.check().err().into_iter().flatten().filter(|flaw| !reader.told_of(&flaw.field)) {
            let key = KEYS.iter().find(|(_, path)| *path == flaw.field).map(|(key, _)| *key);
            let origin = key.map_or_else(|| Origin::File(reader.place(&flaw.field)), origin_of);
            let field = matches!(origin, Origin::File(_)).then_some(flaw.field);
            flaws.push(Flaw { origin, field, message: flaw.message, mend: flaw.mend });
        }
    }
    Some(finished)
}

/// Looks at each entry of a list by itself, so that a flaw is told with its line.
fn check_entries(key: Key, path: &str, entries: &[&str], reader: &Reader, flaws: &mut Vec<Flaw>) -> bool {
    let before = flaws.len();
    for (at, entry) in entries.iter().enumerate() {
        let field = format!("{path}[{at}]");
        if let Err((message, mend)) = Draft::default().set(key, entry)
            && !reader.told_of(&field)
        {
            flaws.push(Flaw { origin: Origin::File(reader.place(&field)), field: Some(field), message, mend });
        }
    }
    flaws.len() == before
}

fn setting_flaw(key: Key, origin: Origin, message: String, mend: String) -> Flaw {
    let path = KEYS.iter().find(|(other, _)| *other == key).map(|(_, path)| (*path).to_owned());
    let field = path.filter(|_| matches!(origin, Origin::File(_)));
    Flaw { origin, field, message, mend }
}

/// Puts problems in their places, without those of fields that were told of already.
fn located(reader: &Reader, problems: Vec<Problem>) -> Vec<Flaw> {
    let fresh = problems.into_iter().filter(|problem| !reader.told_of(&problem.field));
    fresh
        .map(|problem| Flaw {
            origin: Origin::File(reader.place(&problem.field)),
            field: Some(problem.field),
            message: problem.message,
            mend: problem.mend,
        })
        .collect()
}

fn read_file(path: &Path) -> Result<String, Flaw> {
    use std::io::Read;
    let flaw =
        |message: String, mend: &str| Flaw { origin: Origin::File(None), field: None, message, mend: mend.to_owned() };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(tree::FILE_MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| flaw(format!("can't be read: {error}"), "check the path and who may read the file"))?;
    String::from_utf8(bytes).map_err(|_| flaw("is not UTF-8 text".into(), "save it as UTF-8"))
}

#[cfg(test)]
mod tests;

//! Settings from the environment: `LIMEN__GATEWAY__LISTEN=…`, or `LIMEN__GATEWAY__LISTEN_FILE=…` to read it from a file.
//!
//! The variables are an argument; only [`process_environment`] looks at the process.

use std::ffi::{OsStr, OsString};
use std::io::Read;

use limen_rules::declared::nearest;

use super::flaw::{Flaw, Origin};
use super::settings::{KEYS, Key};

const PREFIX: &str = "LIMEN__";
const VALUE_MAX_BYTES: u64 = 64 * 1024;

/// The variables of this process that are settings of Limen.
pub(crate) fn process_environment() -> Vec<(String, OsString)> {
    let named = std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().map(|name| (name, value)));
    named.filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

/// The variable of a key: `gateway.listen` is `LIMEN__GATEWAY__LISTEN`.
fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// Finds what each variable sets; an unknown one, and a value given in both ways, are flaws.
pub(super) fn assignments(
    environment: &[(String, OsString)],
    into: &mut Vec<(Key, Origin, String)>,
    flaws: &mut Vec<Flaw>,
) {
    let known: Vec<(Key, String)> = KEYS.iter().map(|(key, path)| (*key, variable(path))).collect();
    let mut sorted: Vec<&(String, OsString)> =
        environment.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    sorted.sort();
    for (name, value) in sorted {
        let direct = known.iter().find(|(_, variable)| variable == name);
        let read = || name.strip_suffix("_FILE").and_then(|base| known.iter().find(|(_, variable)| variable == base));
        let found = match direct {
            Some((key, _)) => text(value).map(|text| (*key, text)),
            None => match read() {
                Some((key, base)) => {
                    if environment.iter().any(|(other, _)| other == base) {
                        Err((format!("is given beside {base}"), "keep one of the two".to_owned()))
                    } else {
                        from_file(value).map(|text| (*key, text))
                    }
                }
                None => Err(unknown(name, &known)),
            },
        };
        match found {
            Ok((key, text)) => into.push((key, Origin::Variable(name.clone()), text)),
            Err((message, mend)) => {
                flaws.push(Flaw { origin: Origin::Variable(name.clone()), field: None, message, mend });
            }
        }
    }
}

fn unknown(name: &str, known: &[(Key, String)]) -> (String, String) {
    let near = nearest(name, known.iter().map(|(_, variable)| variable.as_str()));
    let mend = match near {
        Some(near) => format!("did you mean {near}?"),
        None => {
            format!("use one of {}", known.iter().map(|(_, variable)| variable.as_str()).collect::<Vec<_>>().join(", "))
        }
    };
    ("sets nothing that is known".into(), mend)
}

fn text(value: &OsStr) -> Result<String, (String, String)> {
    let text = value.to_str().map(str::to_owned);
    text.ok_or_else(|| ("is not UTF-8 text".to_owned(), "set it as UTF-8".to_owned()))
}

fn from_file(path: &OsStr) -> Result<String, (String, String)> {
    let mut content = String::new();
    std::fs::File::open(path).and_then(|file| file.take(VALUE_MAX_BYTES).read_to_string(&mut content)).map_err(
        |error| {
            let shown = std::path::Path::new(path).display().to_string();
            (format!("'{shown}' can't be read: {error}"), "name a file that holds the value".to_owned())
        },
    )?;
    Ok(content.trim_end_matches(['\n', '\r']).to_owned())
}

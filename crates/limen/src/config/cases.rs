//! A file of cases for `limen policy test`: who asks for what, and what ought to come of it.

use std::path::{Path, PathBuf};

use limen_rules::model::{Attributes, Name};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::flaw::{Flaw, Flaws, Origin};
use super::reading::Reader;
use super::shape::CASES;
use super::{read_file, tree};

/// One case.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    /// What people read.
    pub(crate) name: String,
    /// The API; none: the only one that has the operation.
    pub(crate) api: Option<String>,
    /// The operation.
    pub(crate) operation: String,
    /// A declared user, or `application:ID`.
    pub(crate) user: Option<String>,
    /// The roles of somebody who isn't declared.
    pub(crate) roles: Option<Vec<Name>>,
    /// And their attributes.
    #[serde(default)]
    pub(crate) attributes: Attributes,
    /// The environment.
    pub(crate) environment: Option<String>,
    /// The application that they call through.
    pub(crate) application: Option<String>,
    /// Parameters of the path.
    #[serde(default)]
    pub(crate) path: Map<String, Json>,
    /// Parameters of the query.
    #[serde(default)]
    pub(crate) query: Map<String, Json>,
    /// Claims of the token.
    #[serde(default)]
    pub(crate) claims: Map<String, Json>,
    #[serde(rename = "expect", deserialize_with = "allowed")]
    /// Whether it ought to be allowed.
    pub(crate) is_allowed: bool,
    /// The policy, or the check, that ought to refuse it.
    pub(crate) by: Option<String>,
}

fn allowed<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(String::deserialize(deserializer)? == "allow")
}

/// The cases of a file, with their places.
#[derive(Debug)]
pub(crate) struct Cases {
    pub(crate) list: Vec<Case>,
    file: PathBuf,
    reader: Reader,
}

impl Cases {
    /// What is wrong with a field of a case.
    pub(crate) fn flaw(&self, at: usize, field: &str, message: String, mend: String) -> Flaws {
        let field = format!("cases[{at}].{field}");
        let origin = Origin::File(self.reader.place(&field));
        Flaws::new(Some(&self.file), vec![Flaw { origin, field: Some(field), message, mend }])
    }
}

/// Reads a file of cases.
///
/// # Errors
/// Every flaw of its form, at once.
pub(crate) fn read_cases(file: &Path) -> Result<Cases, Flaws> {
    let told = |flaw: Flaw| Flaws::new(Some(file), vec![flaw]);
    let text = read_file(file).map_err(told)?;
    let tree = tree::read(&text).map_err(|error| {
        told(Flaw { origin: Origin::File(error.place), field: None, message: error.message, mend: error.mend })
    })?;
    let mut reader = Reader::default();
    let mut read = reader.file(&tree, &CASES);
    if !reader.flaws.is_empty() {
        return Err(Flaws::new(Some(file), reader.flaws));
    }
    let wrong = |message: String, mend: &str| {
        told(Flaw { origin: Origin::File(None), field: Some("cases".into()), message, mend: mend.to_owned() })
    };
    let list: Vec<Case> = serde_json::from_value(read.remove("cases").unwrap_or_default())
        .map_err(|error| wrong(error.to_string(), "write the value that is named in another way"))?;
    if list.is_empty() {
        return Err(wrong("there is no case".to_owned(), "write one; docs/policies.md shows how"));
    }
    Ok(Cases { list, file: file.to_owned(), reader })
}

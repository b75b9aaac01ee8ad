//! The words of the commands that ask about permission without a call.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be asked of policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Try cases: who, which operation, which record, and whether it ought to be allowed
    #[command(after_help = "Examples:
  limen policy test cases.yaml                          what the running Limen has
  limen policy test cases.yaml --config limen.yaml      what a file declares

docs/policies.md shows a file of cases.")]
    Test {
        /// The file of cases
        file: PathBuf,
        /// Ask what this file declares, and no running Limen
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// What `limen why` was told.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The user, or application:ID for an application that acts for itself
    pub(crate) user: String,
    /// The operation's name
    pub(crate) operation: String,
    /// The API [default: the only one that has the operation]
    #[arg(long, value_name = "NAME")]
    pub(crate) api: Option<String>,
    /// The environment [default: the only one that the user belongs to]
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// The application that they call through [default: none, as with an operator's token]
    #[arg(long, value_name = "NAME")]
    pub(crate) application: Option<String>,
    /// A parameter of the path; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) path: Vec<(String, String)>,
    /// A parameter of the query; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) query: Vec<(String, String)>,
    /// A claim of the token, as JSON or text; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) claim: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

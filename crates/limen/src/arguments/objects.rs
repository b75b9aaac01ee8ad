//! The words of the commands that deal with one kind of object: APIs, subscriptions, keys, tokens, notices, the sample.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::{Duration, Moment};

/// What can be asked of APIs.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiCommand {
    /// List published APIs
    #[command(after_help = "Example:\n  limen api list")]
    List,
    /// Show an API and its operations
    #[command(after_help = "Example:\n  limen api show orders")]
    Show {
        /// Its name
        name: String,
    },
    /// Make or update an API from its OpenAPI document; tells what isn't enforced and what changes for callers
    #[command(after_help = "Examples:
  limen api import openapi.yaml --base-path /orders --target http://127.0.0.1:9000
  limen api import http://localhost:9000/openapi.json --name orders --dry-run
  limen api import - --name orders --refuse-breaking     the document comes by standard input

The document may be OpenAPI 2.0, 3.0, 3.1 or 3.2, JSON or YAML, 32 MiB at most. An address is asked
by this command and not by the running Limen. What the document doesn't tell stays as it is.")]
    Import(ImportDocument),
    /// Tell what changes for callers: a document against the published API, or against another document
    #[command(after_help = "Examples:
  limen api diff openapi.yaml --name orders
  limen api diff before.yaml after.yaml --output json     without a running Limen

Exit code 0: nothing breaks those who call today; 1: something may; 2: wrong use.")]
    Diff {
        /// A document: file, address, or - for standard input; the older one where there are two
        document: String,
        /// The newer document, to compare two without a running Limen
        #[arg(conflicts_with_all = ["name", "base_path"])]
        newer: Option<String>,
        /// The published API that the document describes
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The path that it is published under, instead of its name
        #[arg(long, value_name = "/PATH", conflicts_with = "name")]
        base_path: Option<String>,
    },
    /// Print a published API as OpenAPI 3.1, with our security schemes, refusals and limits
    #[command(after_help = "Examples:
  limen api export orders > openapi.json
  limen api export orders --format yaml > openapi.yaml")]
    Export {
        /// Its name
        name: String,
        /// How it is written
        #[arg(long, value_enum, default_value_t)]
        format: DocumentFormat,
    },
    /// Tell how services' answers differ from what is described of them (APIs with check_answers: true)
    #[command(after_help = "Examples:\n  limen api drift\n  limen api drift orders")]
    Drift {
        /// Only of this API
        name: Option<String>,
    },
}

/// How a document is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// JSON.
    #[default]
    Json,
    /// YAML.
    Yaml,
}

/// What is told of a document that is imported.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportDocument {
    /// The document: file, address, or - for standard input
    pub(crate) document: String,
    /// The path to publish it under [default: as until now, else the one of the document's first server]
    #[arg(long, value_name = "/PATH")]
    pub(crate) base_path: Option<String>,
    /// The service's address; several times for several [default: as until now]
    #[arg(long, value_name = "URL")]
    pub(crate) target: Vec<String>,
    /// The API's name [default: the API at that path, or made from the path]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only tell what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Change nothing, with exit code 1, if callers would break
    #[arg(long)]
    pub(crate) refuse_breaking: bool,
}

/// What can be asked of subscriptions.
#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionCommand {
    /// List subscriptions
    #[command(after_help = "Example:\n  limen subscription list")]
    List,
    /// Show a subscription, its keys' ages and what it has used
    #[command(after_help = "Example:\n  limen subscription show sub_7k2m9q4x1w8r")]
    Show {
        /// Its id
        id: String,
    },
    /// Subscribe a developer to a product; its keys are shown this once
    #[command(after_help = "Examples:
  limen subscription create --product standard --developer ada
  limen subscription create --product trial --developer ada --ends +30d")]
    Create {
        /// The product
        #[arg(long, value_name = "NAME")]
        product: String,
        /// The developer
        #[arg(long, value_name = "NAME")]
        developer: String,
        /// When it expires by itself, like +30d or 2026-12-31T00:00:00Z [default: never]
        #[arg(long, value_name = "TIME")]
        ends: Option<Moment>,
    },
    /// Approve a requested subscription
    #[command(after_help = "Example:\n  limen subscription approve sub_7k2m9q4x1w8r")]
    Approve {
        /// Its id
        id: String,
    },
    /// Reject a requested subscription
    #[command(after_help = "Example:\n  limen subscription reject sub_7k2m9q4x1w8r")]
    Reject {
        /// Its id
        id: String,
    },
    /// Stop an active subscription for a while
    #[command(after_help = "Example:\n  limen subscription suspend sub_7k2m9q4x1w8r")]
    Suspend {
        /// Its id
        id: String,
    },
    /// Let a suspended subscription go on
    #[command(after_help = "Example:\n  limen subscription resume sub_7k2m9q4x1w8r")]
    Resume {
        /// Its id
        id: String,
    },
    /// End a subscription for good
    #[command(after_help = "Example:\n  limen subscription cancel sub_7k2m9q4x1w8r")]
    Cancel {
        /// Its id
        id: String,
    },
}

/// One of a subscription's two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichKey {
    /// The first
    Primary,
    /// The second
    Secondary,
}

/// What can be asked of other issuers of tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// List the issuers whose tokens are accepted, and how old their keys are
    #[command(after_help = "Example:\n  limen issuer list")]
    List,
    /// Show an issuer: its keys, the last failure, the next fetch
    #[command(after_help = "Example:\n  limen issuer show partner")]
    Show {
        /// Its name
        name: String,
    },
    /// End the trust in an issuer; its tokens are refused at once
    #[command(after_help = "Example:\n  limen issuer remove partner")]
    Remove {
        /// Its name
        name: String,
    },
}

/// What can be asked of subscription keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a new value for a key; it is shown this once
    #[command(after_help = "Examples:
  limen key regenerate sub_7k2m9q4x1w8r --which primary --grace 24h
  limen key regenerate sub_7k2m9q4x1w8r --which secondary            the old value ends at once")]
    Regenerate {
        /// The subscription
        subscription: String,
        /// Which of its keys
        #[arg(long, value_enum)]
        which: WhichKey,
        /// How long the old value stays good
        #[arg(long, value_name = "DURATION", default_value = "0s")]
        grace: Duration,
    },
    /// End a key and its old values at once
    #[command(after_help = "Example:\n  limen key revoke sub_7k2m9q4x1w8r --which secondary")]
    Revoke {
        /// The subscription
        subscription: String,
        /// Which of its keys
        #[arg(long, value_enum)]
        which: WhichKey,
    },
}

/// What can be asked of tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue an access token; it is shown this once
    #[command(after_help = "Examples:
  limen token issue --user bo
  limen token issue --user bo --application shop-floor --environment northwind --expires-in 8h
  limen token issue --user bo --application shop-floor --scope order.read
  limen token issue --application shop-floor --environment northwind")]
    Issue {
        /// Who is acted for [default: nobody, the application acts for itself]
        #[arg(long, value_name = "NAME", required_unless_present_all = ["application", "environment"])]
        user: Option<String>,
        /// The application that acts [default: none, an operator's own token]
        #[arg(long, value_name = "NAME")]
        application: Option<String>,
        /// The environment [default: the user's only one]
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
        /// A permission that it is limited to; may be repeated [default: all that roles and connection allow]
        #[arg(long = "scope", value_name = "PERMISSION")]
        scopes: Vec<String>,
        /// How long it lives, in seconds or like 8h
        #[arg(long, value_name = "DURATION", default_value = "1h")]
        expires_in: Duration,
    },
    /// Revoke tokens, by grant or all of a user
    #[command(
        after_help = "Examples:\n  limen token revoke --grant gr_5m1q8x\n  limen token revoke --user bo",
        group(ArgGroup::new("whose").required(true).args(["grant", "user"]))
    )]
    Revoke {
        /// The grant that was told when the token was issued
        #[arg(long, value_name = "ID")]
        grant: Option<String>,
        /// The user whose grants all end
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Publish a new key that signs in ten minutes; the old one stays trusted while its tokens live
    #[command(after_help = "Example:\n  limen token rotate-keys")]
    RotateKeys,
}

/// What a notice says and is about.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("effect").required(true).args(["close", "announce_only"])))]
pub(crate) struct NoticeText {
    /// One line; it is the message of each 503 that the notice explains
    #[arg(long)]
    pub(crate) title: String,
    /// What happened or will, in full
    #[arg(long, default_value = "")]
    pub(crate) message: String,
    /// The API that it is about [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) api: Option<String>,
    /// The operation that it is about [default: all of the API]
    #[arg(long, value_name = "NAME", requires = "api")]
    pub(crate) operation: Option<String>,
    /// Answer calls with 503 while it lasts
    #[arg(long)]
    pub(crate) close: bool,
    /// Only tell people; calls go on
    #[arg(long)]
    pub(crate) announce_only: bool,
    /// When it ends, like +2h or 2026-05-01T22:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) ends: Option<Moment>,
    /// How long it lasts, like 2h
    #[arg(long, value_name = "DURATION", conflicts_with = "ends")]
    pub(crate) lasts: Option<Duration>,
}

/// What can be asked of notices.
#[derive(Debug, Subcommand)]
pub(crate) enum NoticeCommand {
    /// Tell of an incident that is there now
    #[command(after_help = "Examples:
  limen notice open --close --api orders --title 'Orders are down' --message 'The database is full.'
  limen notice open --announce-only --title 'Slow answers' --lasts 1h")]
    Open(NoticeText),
    /// Tell of downtime that is planned; it begins and ends by itself
    #[command(
        after_help = "Examples:
  limen notice schedule --close --begins +30m --lasts 2h --title 'Database upgrade'
  limen notice schedule --announce-only --api orders --begins 2026-05-01T22:00:00Z \\
    --ends 2026-05-01T23:00:00Z --title 'Moving house'",
        group(ArgGroup::new("end").required(true).args(["ends", "lasts"]))
    )]
    Schedule {
        /// When it begins, like +30m or 2026-05-01T22:00:00Z
        #[arg(long, value_name = "TIME")]
        begins: Moment,
        #[command(flatten)]
        text: NoticeText,
    },
    /// Add to a notice, or change it
    #[command(after_help = "Examples:
  limen notice update n12 --message 'A new disk is on its way.'
  limen notice update n12 --announce-only --ends +1h")]
    Update {
        /// Its id
        id: String,
        /// What to add
        #[arg(long)]
        message: Option<String>,
        /// A new title
        #[arg(long)]
        title: Option<String>,
        /// A new begin
        #[arg(long, value_name = "TIME")]
        begins: Option<Moment>,
        /// A new end
        #[arg(long, value_name = "TIME")]
        ends: Option<Moment>,
        /// Answer calls with 503 while it lasts
        #[arg(long, conflicts_with = "announce_only")]
        close: bool,
        /// Only tell people; calls go on
        #[arg(long)]
        announce_only: bool,
    },
    /// End a notice now
    #[command(after_help = "Example:\n  limen notice resolve n12")]
    Resolve {
        /// Its id
        id: String,
    },
    /// List notices
    #[command(after_help = "Example:\n  limen notice list")]
    List,
}

/// What can be asked of the sample.
#[derive(Debug, Subcommand)]
pub(crate) enum SampleCommand {
    /// Take the sample API, its product, people and keys away
    #[command(after_help = "Example:\n  limen sample remove")]
    Remove,
}

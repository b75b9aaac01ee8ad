//! The command line's words: what can be typed, with help and examples. It runs nothing.

mod moment;
mod objects;
mod people;
mod policies;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{DEFAULT_DATA_DIR, Key, Sources, process_environment};
pub(crate) use moment::{Duration, Moment};
pub(crate) use objects::{
    ApiCommand, DocumentFormat, ImportDocument, IssuerCommand, KeyCommand, NoticeCommand, NoticeText, SampleCommand,
    SubscriptionCommand, TokenCommand, WhichKey,
};
pub(crate) use people::{
    AddUser, ApplicationCommand, ConnectionCommand, EnvironmentCommand, GrantCommand, GrantsOf, LogoCommand,
    SecretCommand, SignIn, UserCommand,
};
pub(crate) use policies::{PolicyCommand, Why};

/// How answers are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs: the answer as it is.
    Json,
}

/// Limen: the front door of a published web API.
#[derive(Debug, Parser)]
#[command(
    name = "limen",
    version,
    max_term_width = 100,
    after_help = "Examples:
  limen                                              start; a first run makes a sample API
  limen publish --target http://127.0.0.1:9000 --base-path /orders
  limen explain 4bf92f3577b34da6a3ce929d0e0e4736     why was this call answered so?

Without a command, 'limen up' is run. 'limen COMMAND --help' tells more of each command.
Exit codes: 0 done; 1 refused or not found; 2 wrong use, bad configuration, no running Limen."
)]
struct Cli {
    /// The folder of the running Limen's data and socket [default: ./limen-data]
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "LIMEN_DATA_DIR",
        hide_env_values = true,
        help_heading = "Options of every command"
    )]
    data_dir: Option<PathBuf>,
    /// How answers are shown: table for people, json for programs
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        help_heading = "Options of every command"
    )]
    output: Output,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What was asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the gateway and the web pages
    #[command(after_help = "Examples:
  limen up
  limen up --config limen.yaml
  limen up --data-dir /var/lib/limen --gateway 0.0.0.0:80 --web 127.0.0.1:8081 --no-sample
  limen up --gateway 127.0.0.1:0 --web 127.0.0.1:0 --output json     free ports")]
    Up(Up),
    /// Check a configuration file: every flaw at once, with line, field and mend
    #[command(after_help = "Examples:
  limen check limen.yaml
  limen check limen.yaml --no-probe     only the file; nobody is asked

Where the file is good, each API's targets are asked with GET and without credentials, and what the
strict contract would change of their answers is told. That is advice: the exit code stays 0.")]
    Check {
        /// The file
        file: PathBuf,
        /// Ask no target
        #[arg(long)]
        no_probe: bool,
    },
    /// Bring what a file declares into the running Limen; removes nothing
    #[command(after_help = "Examples:
  limen apply limen.yaml --dry-run     only tell what would change
  limen apply limen.yaml")]
    Apply {
        /// The file; its settings (gateway, web, data_dir, secret_file, log) are for 'limen up'
        file: PathBuf,
        /// Only tell what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Publish a service: API, product and subscription in one go, and a curl that works
    #[command(after_help = "Examples:
  limen publish --target http://127.0.0.1:9000 --base-path /orders
  limen publish openapi.yaml --target http://127.0.0.1:9000
  limen publish --target http://10.0.0.7/api --base-path /stock --product standard --developer ada")]
    Publish(Publish),
    /// Take a published API away; its product and subscriptions stay
    #[command(after_help = "Example:\n  limen unpublish --base-path /orders")]
    Unpublish {
        /// The path that it is published under
        #[arg(long, value_name = "/PATH")]
        base_path: String,
    },
    /// Look at published APIs; make and compare them from OpenAPI documents
    #[command(
        subcommand,
        after_help = "Examples:
  limen api list
  limen api import openapi.yaml --base-path /orders --target http://127.0.0.1:9000
  limen api export orders --format yaml"
    )]
    Api(ApiCommand),
    /// Make, look at and move subscriptions
    #[command(
        subcommand,
        after_help = "Examples:
  limen subscription list
  limen subscription create --product standard --developer ada
  limen subscription suspend sub_7k2m9q4x1w8r"
    )]
    Subscription(SubscriptionCommand),
    /// Regenerate and revoke subscription keys
    #[command(
        subcommand,
        after_help = "Examples:
  limen key regenerate sub_7k2m9q4x1w8r --which primary --grace 24h
  limen key revoke sub_7k2m9q4x1w8r --which secondary"
    )]
    Key(KeyCommand),
    /// Register applications, regenerate their secrets, set their logos
    #[command(
        subcommand,
        after_help = "Examples:
  limen application list
  limen application add shop-floor --redirect-uri https://shop.example.org/callback
  limen application secret regenerate shop-floor --which primary"
    )]
    Application(ApplicationCommand),
    /// Make users, set their passwords, switch them off
    #[command(
        subcommand,
        after_help = "Examples:\n  limen user list\n  limen user password bo\n  limen user disable bo"
    )]
    User(UserCommand),
    /// Look at environments
    #[command(subcommand, after_help = "Examples:\n  limen environment list\n  limen environment show northwind")]
    Environment(EnvironmentCommand),
    /// Approve, limit and remove what applications may do in environments
    #[command(
        subcommand,
        after_help = "Examples:
  limen connection list
  limen connection approve shop-floor northwind
  limen connection remove shop-floor northwind"
    )]
    Connection(ConnectionCommand),
    /// Look at what was given to applications, and take it back
    #[command(subcommand, after_help = "Examples:\n  limen grant list --user bo\n  limen grant revoke grant_5m1q8x")]
    Grant(GrantCommand),
    /// Sign in through a browser and get a token, as a program on this machine does
    #[command(after_help = "Examples:
  limen sign-in
  limen sign-in --application shop-cli --environment northwind --scope 'order.read order.write'
  limen sign-in --token                              only the access token

It prints an address to open and waits for the browser to come back. It opens nothing by itself.")]
    SignIn(SignIn),
    /// Issue and revoke access tokens, rotate the keys that sign them
    #[command(
        subcommand,
        after_help = "Examples:
  limen token issue --user bo --expires-in 1h
  limen token revoke --user bo
  limen token rotate-keys"
    )]
    Token(TokenCommand),
    /// Look at other issuers whose tokens are accepted, and end the trust in one
    #[command(subcommand, after_help = "Examples:\n  limen issuer list\n  limen issuer show partner")]
    Issuer(IssuerCommand),
    /// Tell of incidents and planned downtime; a notice may close an API (503)
    #[command(
        subcommand,
        after_help = "Examples:
  limen notice open --close --api orders --title 'Orders are down'
  limen notice schedule --close --begins +30m --lasts 2h --title 'Database upgrade'
  limen notice resolve n12"
    )]
    Notice(NoticeCommand),
    /// Tell why a recent call was answered as it was, check by check
    #[command(after_help = "Example:\n  limen explain 4bf92f3577b34da6a3ce929d0e0e4736

The id is the X-Request-Id header and the trace_id member of every refusal.")]
    Explain {
        /// The call's id
        request_id: String,
    },
    /// Tell whether somebody may perform an operation, and what decides, without a call
    #[command(after_help = "Examples:
  limen why bo get-order --path order_id=280
  limen why application:shop-floor list-orders --environment northwind
  limen why bo list-orders --application shop-floor --query region=north --claim level=3")]
    Why(Why),
    /// Try policies on cases that a file tells
    #[command(subcommand, after_help = "Example:\n  limen policy test cases.yaml --config limen.yaml")]
    Policy(PolicyCommand),
    /// Show addresses, APIs, notices and calls by status
    #[command(after_help = "Example:\n  limen status --output json")]
    Status,
    /// Put a new program or configuration in the running one's place; no call is lost
    #[command(after_help = "Example:
  limen upgrade     after a new program was put at the same path

The program at the path that 'limen up' was started by is tried first. Where it could not start,
the old one goes on.")]
    Upgrade,
    /// Deal with the sample API of a first run
    #[command(subcommand, after_help = "Example:\n  limen sample remove")]
    Sample(SampleCommand),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  limen completions bash > /etc/bash_completion.d/limen")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What `limen up` was told.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Up {
    /// The configuration file [default: none, and defaults for all of it]
    #[arg(long, value_name = "FILE", env = "LIMEN_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Where calls are accepted; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) gateway: Option<String>,
    /// Where pages are served; port 0 takes a free one [default: 127.0.0.1:8081]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) web: Option<String>,
    /// The gateway's address as callers see it [default: where it listens]
    #[arg(long, value_name = "URL")]
    pub(crate) gateway_public_url: Option<String>,
    /// The web address as people see it [default: where it listens]
    #[arg(long, value_name = "URL")]
    pub(crate) web_public_url: Option<String>,
    /// Make the sample API even where others than this machine can reach it
    #[arg(long, conflicts_with = "no_sample")]
    sample: bool,
    /// Make no sample API
    #[arg(long)]
    no_sample: bool,
    /// Make a new signing key where the old one's secret is lost; tokens issued before end
    #[arg(long)]
    pub(crate) new_signing_key: bool,
    /// The folder of the data, from `--data-dir`.
    #[arg(skip)]
    pub(crate) data_dir: Option<PathBuf>,
    /// How it is told that all is ready, from `--output`.
    #[arg(skip)]
    pub(crate) output: Output,
}

impl Up {
    /// Whether the sample was asked for, declined, or neither.
    pub(crate) fn sample(&self) -> Option<bool> {
        self.sample.then_some(true).or(self.no_sample.then_some(false))
    }

    /// Where the configuration is read from: the file, this process's environment, these flags.
    pub(crate) fn sources(&self) -> Sources<'_> {
        let data_dir = self.data_dir.as_ref().map(|folder| folder.to_string_lossy().into_owned());
        let flags = [
            (Key::DataDir, "--data-dir", data_dir),
            (Key::GatewayListen, "--gateway", self.gateway.clone()),
            (Key::WebListen, "--web", self.web.clone()),
            (Key::GatewayPublicUrl, "--gateway-public-url", self.gateway_public_url.clone()),
            (Key::WebPublicUrl, "--web-public-url", self.web_public_url.clone()),
        ];
        let flags = flags.into_iter().filter_map(|(key, flag, text)| text.map(|text| (key, flag, text))).collect();
        Sources { file: self.config.as_deref(), environment: process_environment(), flags, reads_certificates: true }
    }
}

/// What `limen publish` was told.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The service's OpenAPI document: file, address, or - for standard input [default: any method and path passes]
    pub(crate) document: Option<String>,
    /// The service's address, like http://127.0.0.1:9000
    #[arg(long, value_name = "URL")]
    pub(crate) target: String,
    /// The path to publish it under, like /orders [default: the one of the document's first server]
    #[arg(long, value_name = "/PATH", required_unless_present = "document")]
    pub(crate) base_path: Option<String>,
    /// The product that opens it; an existing one gains the API [default: a new one, without limits]
    #[arg(long, value_name = "NAME")]
    pub(crate) product: Option<String>,
    /// Whose subscription is made [default: the first developer, or a new one]
    #[arg(long, value_name = "NAME")]
    pub(crate) developer: Option<String>,
    /// The API's name [default: made from the base path]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// The command line, read.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The folder in which a running Limen is looked for.
    pub(crate) data_dir: PathBuf,
    /// How answers are shown.
    pub(crate) output: Output,
    /// What was asked for; for [`Command::Up`] folder and output are in it too.
    pub(crate) command: Command,
}

/// Reads the process's command line; help, the version and wrong use end the process (0, 0 and 2).
pub(crate) fn parse() -> Arguments {
    arranged(Cli::parse())
}

fn arranged(cli: Cli) -> Arguments {
    let command = match cli.command.unwrap_or_else(|| Command::Up(Up::default())) {
        Command::Up(up) => Command::Up(Up { data_dir: cli.data_dir.clone(), output: cli.output, ..up }),
        other => other,
    };
    let variable = || std::env::var_os("LIMEN__DATA_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    let data_dir = cli.data_dir.or_else(variable).unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
    Arguments { data_dir, output: cli.output, command }
}

/// Completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Cli as clap::CommandFactory>::command(), "limen", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests;

//! The words of the commands about who signs in and by which application: applications, users, environments,
//! connections, grants, and signing in from a terminal.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::{Duration, WhichKey};

/// What can be asked of applications.
#[derive(Debug, Subcommand)]
pub(crate) enum ApplicationCommand {
    /// List applications
    #[command(after_help = "Example:\n  limen application list")]
    List,
    /// Show an application, its secrets' ages and where it is connected
    #[command(after_help = "Example:\n  limen application show shop-floor")]
    Show {
        /// Its id, client_id
        id: String,
    },
    /// Register an application; its two secrets are shown this once
    #[command(after_help = "Examples:
  limen application add shop-floor --title 'Shop floor' --redirect-uri https://shop.example.org/cb
  limen application add shop-cli --public --redirect-uri http://127.0.0.1/callback --developer ada")]
    Add(AddApplication),
    /// Change what people read of an application, or where its users may be sent back to
    #[command(after_help = "Examples:
  limen application change shop-floor --title 'Shop floor 2' --website https://shop.example.org
  limen application change shop-floor --add-redirect-uri http://localhost:8400/callback")]
    Change(ChangeApplication),
    /// Take an application away, with its connections, secrets, logo and tokens
    #[command(after_help = "Example:\n  limen application remove shop-floor")]
    Remove {
        /// Its id
        id: String,
    },
    /// Switch an application off; its tokens end
    #[command(after_help = "Example:\n  limen application disable shop-floor")]
    Disable {
        /// Its id
        id: String,
    },
    /// Switch an application on again
    #[command(after_help = "Example:\n  limen application enable shop-floor")]
    Enable {
        /// Its id
        id: String,
    },
    /// Regenerate and revoke an application's two secrets
    #[command(subcommand, after_help = "Example:\n  limen application secret regenerate shop-floor --which secondary")]
    Secret(SecretCommand),
    /// Set or remove what users see beside an application's title
    #[command(subcommand, after_help = "Example:\n  limen application logo set shop-floor logo.png")]
    Logo(LogoCommand),
}

/// A new application.
#[derive(Debug, Args)]
pub(crate) struct AddApplication {
    /// Its id, client_id: a-z, 0-9, '-' and '_'
    pub(crate) id: String,
    /// What people read
    #[arg(long, default_value = "")]
    pub(crate) title: String,
    /// Whose it is [default: the only developer]
    #[arg(long, value_name = "NAME")]
    pub(crate) developer: Option<String>,
    /// The organisation that offers it
    #[arg(long, default_value = "")]
    pub(crate) organisation: String,
    /// Where people learn more of it
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) website: String,
    /// It runs in its user's hands: it has no secret and must use PKCE
    #[arg(long)]
    pub(crate) public: bool,
    /// Where users may be sent back to, compared character by character; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    pub(crate) redirect_uris: Vec<String>,
}

/// What changes of an application.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true)
    .args(["title", "organisation", "website", "add_redirect_uris", "remove_redirect_uris"])))]
pub(crate) struct ChangeApplication {
    /// Its id
    pub(crate) id: String,
    /// A new title
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// A new organisation
    #[arg(long)]
    pub(crate) organisation: Option<String>,
    /// A new website
    #[arg(long, value_name = "URL")]
    pub(crate) website: Option<String>,
    /// A redirect URI more; may be repeated
    #[arg(long = "add-redirect-uri", value_name = "URI")]
    pub(crate) add_redirect_uris: Vec<String>,
    /// A redirect URI less; may be repeated
    #[arg(long = "remove-redirect-uri", value_name = "URI")]
    pub(crate) remove_redirect_uris: Vec<String>,
}

/// What can be asked of an application's secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Make a new value for one secret; it is shown this once, and the other secret goes on working
    #[command(after_help = "Example:\n  limen application secret regenerate shop-floor --which primary")]
    Regenerate {
        /// The application
        application: String,
        /// Which of its secrets
        #[arg(long, value_enum)]
        which: WhichKey,
    },
    /// End one secret at once; the other goes on working
    #[command(after_help = "Example:\n  limen application secret revoke shop-floor --which secondary")]
    Revoke {
        /// The application
        application: String,
        /// Which of its secrets
        #[arg(long, value_enum)]
        which: WhichKey,
    },
}

/// What can be asked of an application's logo.
#[derive(Debug, Subcommand)]
pub(crate) enum LogoCommand {
    /// Set the logo; a PNG of at most 256 x 256 pixels is made of it
    #[command(after_help = "Example:\n  limen application logo set shop-floor logo.jpg")]
    Set {
        /// The application
        application: String,
        /// A PNG, JPEG or WebP of at most 1 MiB and 4,096 x 4,096 pixels
        file: PathBuf,
    },
    /// Remove the logo
    #[command(after_help = "Example:\n  limen application logo remove shop-floor")]
    Remove {
        /// The application
        application: String,
    },
}

/// What can be asked of users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List users
    #[command(after_help = "Example:\n  limen user list")]
    List,
    /// Show a user and what they are where
    #[command(after_help = "Example:\n  limen user show bo")]
    Show {
        /// Their name
        name: String,
    },
    /// Make a user; give them a password with 'limen user password'
    #[command(after_help = "Example:
  limen user add mo --given-name Mo --family-name Berg --email mo@example.org \\
    --environment northwind --role clerk")]
    Add(AddUser),
    /// Switch a user off; their sessions and tokens end
    #[command(after_help = "Example:\n  limen user disable bo")]
    Disable {
        /// Their name
        name: String,
    },
    /// Switch a user on again
    #[command(after_help = "Example:\n  limen user enable bo")]
    Enable {
        /// Their name
        name: String,
    },
    /// Set a user's password; what they were signed in with ends
    #[command(after_help = "Examples:
  limen user password bo                 asks twice; without a terminal, reads one line
  limen user password bo --generate      makes one and shows it this once")]
    Password {
        /// Their name
        name: String,
        /// Make one
        #[arg(long)]
        generate: bool,
    },
}

/// A new user.
#[derive(Debug, Args)]
pub(crate) struct AddUser {
    /// Their name
    pub(crate) name: String,
    /// What people read [default: given and family name]
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Where mail reaches them; they can sign in with it too
    #[arg(long, default_value = "")]
    pub(crate) email: String,
    /// Their given name
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) given_name: String,
    /// Their family name
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) family_name: String,
    /// Who they are at the sign-in provider: 'sub' of its ID tokens
    #[arg(long, value_name = "SUB")]
    pub(crate) external_subject: Option<String>,
    /// The environment that they belong to; more in limen.yaml
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// A role of theirs there; may be repeated
    #[arg(long = "role", value_name = "NAME", requires = "environment")]
    pub(crate) roles: Vec<String>,
    /// They decide there which applications are connected
    #[arg(long, requires = "environment")]
    pub(crate) administrator: bool,
}

/// What can be asked of environments.
#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentCommand {
    /// List environments
    #[command(after_help = "Example:\n  limen environment list")]
    List,
    /// Show an environment, its people and the applications that are connected to it
    #[command(after_help = "Example:\n  limen environment show northwind")]
    Show {
        /// Its name
        name: String,
    },
}

/// What can be asked of connections.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionCommand {
    /// List which applications may act in which environments
    #[command(after_help = "Example:\n  limen connection list")]
    List,
    /// Let an application act in an environment
    #[command(after_help = "Examples:
  limen connection approve shop-floor northwind
  limen connection approve shop-floor northwind --scope order.read --own-role clerk")]
    Approve {
        /// The application
        application: String,
        /// The environment
        environment: String,
        /// A permission that it is limited to; may be repeated [default: whatever its users may do]
        #[arg(long = "scope", value_name = "PERMISSION")]
        scopes: Vec<String>,
        /// A role of its own, for client credentials; may be repeated [default: none, it can't]
        #[arg(long = "own-role", value_name = "ROLE")]
        own_roles: Vec<String>,
    },
    /// Change what an application may do in an environment
    #[command(
        after_help = "Examples:
  limen connection limit shop-floor northwind --scope order.read --scope order.write
  limen connection limit shop-floor northwind --all-scopes --no-own-roles",
        group(ArgGroup::new("scope-limit").args(["scopes", "all_scopes"])),
        group(ArgGroup::new("own").args(["own_roles", "no_own_roles"])),
        group(ArgGroup::new("what").required(true).multiple(true)
            .args(["scopes", "all_scopes", "own_roles", "no_own_roles"]))
    )]
    Limit {
        /// The application
        application: String,
        /// The environment
        environment: String,
        /// A permission that it is limited to, in place of those before; may be repeated
        #[arg(long = "scope", value_name = "PERMISSION")]
        scopes: Vec<String>,
        /// Lift the limit: whatever its users may do
        #[arg(long)]
        all_scopes: bool,
        /// A role of its own, in place of those before; may be repeated
        #[arg(long = "own-role", value_name = "ROLE")]
        own_roles: Vec<String>,
        /// Take its own roles away: no client credentials
        #[arg(long)]
        no_own_roles: bool,
    },
    /// Take the approval back; the application's tokens there end
    #[command(after_help = "Example:\n  limen connection remove shop-floor northwind")]
    Remove {
        /// The application
        application: String,
        /// The environment
        environment: String,
    },
}

/// Whose grants, which application's, where.
#[derive(Debug, Default, Args)]
pub(crate) struct GrantsOf {
    /// Those of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Those of this application
    #[arg(long, value_name = "ID")]
    pub(crate) application: Option<String>,
    /// Those in this environment
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
}

/// What can be asked of grants.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// List grants, the newest first
    #[command(after_help = "Examples:\n  limen grant list\n  limen grant list --user bo --application shop-floor")]
    List {
        #[command(flatten)]
        of: GrantsOf,
    },
    /// End a grant, or all that fit: their access and refresh tokens are refused from then on
    #[command(
        after_help = "Examples:\n  limen grant revoke grant_5m1q8x\n  limen grant revoke --user bo --application shop-floor",
        group(ArgGroup::new("which").required(true).multiple(true).args(["grant", "user", "application", "environment"]))
    )]
    Revoke {
        /// Its id
        #[arg(conflicts_with_all = ["user", "application", "environment"])]
        grant: Option<String>,
        #[command(flatten)]
        of: GrantsOf,
    },
}

/// How to sign in from a terminal.
#[derive(Debug, Args)]
pub(crate) struct SignIn {
    /// The public application to sign in by
    #[arg(long, value_name = "ID", default_value = "ada-cli")]
    pub(crate) application: String,
    /// The environment to act in [default: it is asked where there are several]
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Permissions to ask for, separated by spaces [default: all that user and connection allow]
    #[arg(long, value_name = "PERMISSIONS")]
    pub(crate) scope: Option<String>,
    /// The web address to sign in at [default: that of the running Limen]
    #[arg(long, value_name = "URL")]
    pub(crate) web: Option<String>,
    /// Print the access token and nothing else
    #[arg(long)]
    pub(crate) token: bool,
    /// How long to wait for the browser
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(crate) wait: Duration,
}

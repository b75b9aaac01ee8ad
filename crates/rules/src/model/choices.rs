//! What an API chooses between: what its operations need, who may learn of it, how answers leave and bodies are looked at.

use serde::{Deserialize, Serialize};

/// What an operation needs before it may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// A subscription key and an access token.
    #[serde(rename = "key+token")]
    KeyAndToken,
    /// A subscription key.
    #[default]
    #[serde(rename = "key")]
    Key,
    /// An access token.
    #[serde(rename = "token")]
    Token,
    /// Nothing.
    #[serde(rename = "open")]
    Open,
}

impl Access {
    /// Whether a subscription key is needed.
    #[must_use]
    pub fn needs_key(self) -> bool {
        matches!(self, Self::KeyAndToken | Self::Key)
    }

    /// Whether an access token is needed.
    #[must_use]
    pub fn needs_token(self) -> bool {
        matches!(self, Self::KeyAndToken | Self::Token)
    }
}

/// Which response contract an API follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContractKind {
    /// The nine statuses.
    #[default]
    Strict,
    /// What the service answers passes unchanged.
    Transparent,
}

/// Who may learn what an API has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// Subscribers: the key is looked at before route and notices.
    Private,
}

/// How the service's own refusals leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorBody {
    /// In the contract's form, the service's body under `service`.
    #[default]
    Wrap,
    /// As the service wrote them.
    Pass,
}

/// Whether the token's application must be the subscription's developer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bind {
    /// It must.
    #[default]
    Application,
    /// It need not.
    None,
}

/// How parameters and bodies are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validate {
    /// Parameters and JSON bodies must be what the operation describes.
    Schema,
    /// JSON bodies must be syntactically right.
    #[default]
    Syntax,
    /// Bodies are sent on as they come.
    Off,
}

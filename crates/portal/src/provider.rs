//! The OpenID Connect provider as it is known now: its discovery document and keys, asked for when a person signs in,
//! never in a call, and seldom; and the exchange of a code for the person behind it.
//!
//! What was read last and was good is kept while the provider answers nothing better.

mod kept;

use std::sync::Arc;

use limen_rules::jose::{self, KeySet, Signed};
use limen_rules::sign_in::provider::{self, Attempt, Discovered, Person, Settings, discovery_url};
use limen_rules::sign_in::trouble::Trouble;

use crate::ports::{Clock, Outbound, OutboundFault, ProviderSecret};
use kept::Kept;

/// Where the browser comes back to, below the web address.
pub(crate) const CALLBACK_PATH: &str = "/sign-in/provider/callback";
const JSON: (&str, &str) = ("accept", "application/json");

/// Why nobody is known now: what to tell the person, and words for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) trouble: Trouble,
    pub(crate) words: String,
}

impl From<(Trouble, String)> for Unknown {
    fn from((trouble, words): (Trouble, String)) -> Self {
        Self { trouble, words }
    }
}

/// The provider, and what is kept of it.
pub struct Provider {
    /// How people sign in through it.
    pub(crate) settings: Settings,
    outbound: Arc<dyn Outbound>,
    secret: Arc<dyn ProviderSecret>,
    clock: Arc<dyn Clock>,
    discovered: Kept<Discovered>,
    keys: Kept<KeySet>,
}

impl Provider {
    /// Asks for nothing yet.
    #[must_use]
    pub fn new(
        settings: Settings,
        outbound: Arc<dyn Outbound>,
        secret: Arc<dyn ProviderSecret>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let (discovered, keys) = (Kept::default(), Kept::default());
        Arc::new(Self { settings, outbound, secret, clock, discovered, keys })
    }

    /// What the provider says of itself.
    ///
    /// # Errors
    /// It can't be reached, and nothing is known from before.
    pub(crate) async fn discovered(&self) -> Result<Arc<Discovered>, Unknown> {
        let (outbound, issuer) = (Arc::clone(&self.outbound), self.settings.issuer.clone());
        let fetch = async move {
            let body = document(outbound.as_ref(), &discovery_url(&issuer)).await?;
            Discovered::read(&body, &issuer)
        };
        let known = self.discovered.get(self.clock.now_us(), false, fetch).await;
        known.map_err(|words| unreachable(format!("discovery: {words}")))
    }

    async fn keys(&self, at: &Discovered, is_new_wanted: bool) -> Result<Arc<KeySet>, Unknown> {
        let (outbound, url) = (Arc::clone(&self.outbound), at.keys_url.clone());
        let fetch = async move { KeySet::read(&document(outbound.as_ref(), &url).await?) };
        let known = self.keys.get(self.clock.now_us(), is_new_wanted, fetch).await;
        known.map_err(|words| unreachable(format!("keys: {words}")))
    }

    /// Exchanges a code and finds out whose it was.
    ///
    /// # Errors
    /// The provider can't be reached, or its answer can't be accepted.
    pub(crate) async fn person(
        &self,
        at: &Discovered,
        attempt: &Attempt,
        code: &str,
        callback: &str,
    ) -> Result<Person, Unknown> {
        let secret = self.secret.read().await.map_err(|fault| unreachable(fault.to_string()))?;
        let (form, authorization) = self.settings.exchange(at, attempt, code, callback, secret.as_deref());
        let mut fields = vec![JSON];
        fields.extend(authorization.as_deref().map(|value| ("authorization", value)));
        let answer = self.outbound.post_form(&at.token_endpoint, &fields, form).await;
        let answer = answer.map_err(|fault| unreachable(format!("the token endpoint {fault}")))?;
        let token = provider::id_token(answer.status, &answer.body)?;
        let signed = self.verified(at, &token).await?;
        let now_s = self.clock.now_us().div_euclid(1_000_000);
        provider::check(&signed, &self.settings, &attempt.nonce(), now_s).map_err(unacceptable)
    }

    /// Looks for new keys where those that are known don't fit.
    async fn verified(&self, at: &Discovered, token: &str) -> Result<Signed, Unknown> {
        let keys = self.keys(at, false).await?;
        match jose::verify(token, &keys) {
            Ok(signed) => Ok(signed),
            Err(flaw) if flaw.may_be_a_new_key() => {
                let newer = self.keys(at, true).await?;
                jose::verify(token, &newer).map_err(|flaw| unacceptable(flaw.to_string()))
            }
            Err(flaw) => Err(unacceptable(flaw.to_string())),
        }
    }
}

async fn document(outbound: &dyn Outbound, url: &str) -> Result<Vec<u8>, String> {
    match outbound.get(url, &[JSON]).await {
        Ok(answer) if answer.status == 200 => Ok(answer.body),
        Ok(answer) => Err(format!("{url} answered {}", answer.status)),
        Err(fault @ (OutboundFault::Refused(_) | OutboundFault::Failed(_))) => Err(format!("{url} {fault}")),
    }
}

fn unreachable(words: String) -> Unknown {
    Unknown { trouble: Trouble::ProviderUnreachable, words }
}

fn unacceptable(words: String) -> Unknown {
    Unknown { trouble: Trouble::ProviderAnswerInvalid, words }
}

#[cfg(test)]
mod tests;

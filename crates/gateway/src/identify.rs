//! Who calls: a signature is verified once and remembered, everything else is looked at on every call. Tokens that say
//! nothing themselves are asked about, which is the only thing here that waits.

use std::sync::Arc;

use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Known, Step, Text};
use limen_rules::header::Fields;
use limen_rules::issuer::{self, LiveIssuer, Whose};
use limen_rules::jose::KeySet;
use limen_rules::key::Subscribed;
use limen_rules::routing::Routed;
use limen_rules::snapshot::{Catalog, Snapshot};
use limen_rules::token::foreign::{self, Foreign};
use limen_rules::token::{self, Identified, Identity, refuse};

use crate::call::Call;
use crate::gateway::Gateway;
use crate::issuers::{IssuerState, Vouched, Word};
use crate::metrics::Count;
use crate::token_cache::{Token, TokenHash};

/// Who calls, or whom to ask.
pub(crate) enum Judged<'s> {
    /// Who calls, and how the token was known to be good; nobody where none was asked for.
    Known(Identified<'s>, Known),
    /// Its issuer has to be asked first.
    Ask(Box<Asking>),
}

/// A token about which its issuer has to be asked.
pub(crate) struct Asking {
    issuer: Arc<LiveIssuer>,
    state: Arc<IssuerState>,
    hash: TokenHash,
    token: Box<str>,
}

impl Asking {
    /// Asks.
    pub(crate) async fn ask(self: Box<Self>, gateway: &Gateway) -> Vouched {
        let Self { issuer, state, hash, token } = *self;
        let word = match gateway.issuers.introspector() {
            Some(introspector) => state.ask(&issuer, &introspector, &gateway.clock, (hash, &token)).await,
            None => Word::Unknown("nobody can be asked".into()),
        };
        Vouched { hash, word }
    }
}

/// What a token is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'c> {
    pub(crate) gateway: &'c Gateway,
    pub(crate) snapshot: &'c Snapshot,
    pub(crate) now_us: i64,
}

/// Reads and judges the access token, where the operation asks for one.
pub(crate) async fn identify<'s>(
    call: &mut Call<'s>,
    routed: &Routed<'s>,
    fields: &dyn Fields,
    subscribed: &Subscribed<'_>,
) -> Result<Identified<'s>, Refusal> {
    call.step = Step::Token;
    let bench = Bench { gateway: call.gateway, snapshot: call.snapshot, now_us: call.now_us };
    let (identified, by) = match bench.judge(routed, fields, subscribed, None)? {
        Judged::Known(identified, by) => (identified, by),
        Judged::Ask(asking) => {
            // Boxed: few tokens have to be asked about, and a call's future would have room for it.
            let vouched = Box::pin(asking.ask(call.gateway)).await;
            match bench.judge(routed, fields, subscribed, Some(&vouched))? {
                Judged::Known(identified, _) => (identified, Known::Asked),
                Judged::Ask(_) => return Err(foreign::unknown("the issuer changed meanwhile".into(), 1)),
            }
        }
    };
    match identified.identity() {
        Some(identity) => {
            call.note(Finding::Token {
                user: Text::maybe(identity.bearer.user.as_ref()),
                application: Text::maybe(identity.bearer.application.as_ref()),
                environment: Text::of(&identity.bearer.environment),
                issuer: Text::maybe(identity.bearer.issuer.as_ref()),
                grant: Text::maybe(identity.bearer.grant.as_ref()),
                mode: identity.mode(),
                by,
            });
            note_limits(call, identity);
        }
        None => call.note(Finding::NotRequired(Step::Token)),
    }
    Ok(identified)
}

/// Writes down what narrows the roles, where anything does.
fn note_limits(call: &mut Call<'_>, identity: &Identity<'_>) {
    let Some(limits) = &identity.limits else { return };
    call.note(Finding::Limited {
        connection: limits.of_connection.as_ref().map(|limit| Text::of(&limit.permission_names)),
        token: limits.of_token.as_ref().map(|limit| Text::of(&limit.permission_names)),
        left: Text::of(identity.permission_names()),
    });
}

/// A token with all that it is judged for.
struct Presented<'c> {
    text: token::Presented<'c>,
    hash: TokenHash,
    routed: &'c Routed<'c>,
    subscribed: &'c Subscribed<'c>,
    /// The issuer's word on it, where it was just asked.
    vouched: Option<&'c Vouched>,
}

impl<'c> Bench<'c> {
    /// Judges the access token by the snapshot, the moment, and its issuer's word where it was just asked.
    pub(crate) fn judge(
        self,
        routed: &Routed<'_>,
        fields: &dyn Fields,
        subscribed: &Subscribed<'_>,
        vouched: Option<&Vouched>,
    ) -> Result<Judged<'c>, Refusal> {
        if let Some(not_required) = Identified::not_required(routed.operation().access) {
            return Ok(Judged::Known(not_required, Known::Verified));
        }
        let text = token::presented(fields, subscribed)?;
        let hash = self.gateway.tokens.hash(text.as_bytes());
        let presented = Presented { text, hash, routed, subscribed, vouched };
        let identified = match self.gateway.tokens.get(&presented.hash).as_deref() {
            Some(Token::Own(verified)) => {
                token::identify(self.catalog(), routed.api, verified, subscribed, self.now_us)?
            }
            Some(Token::Foreign(foreign)) => match self.still_trusted(foreign, &routed.api.api.name) {
                Some(issuer) => self.foreign(issuer, foreign, &presented)?,
                None => return self.judge_anew(&presented),
            },
            None => return self.judge_anew(&presented),
        };
        self.gateway.metrics.count(Count::SignaturesRemembered);
        Ok(Judged::Known(identified, Known::Remembered))
    }

    fn catalog(&self) -> &'c Catalog {
        &self.snapshot.catalog
    }

    /// The issuer of a token that was verified before, if the API accepts it and the key is one of its keys now.
    fn still_trusted(&self, foreign: &Foreign, api: &str) -> Option<&'c Arc<LiveIssuer>> {
        let issuer = issuer::accepted(self.catalog(), api, &foreign.issuer)?;
        let keys = self.gateway.issuers.of(issuer)?.keys()?;
        foreign.is_by(&keys).then_some(issuer)
    }

    fn foreign(
        &self,
        issuer: &LiveIssuer,
        foreign: &Foreign,
        presented: &Presented<'_>,
    ) -> Result<Identified<'c>, Refusal> {
        let Presented { routed, subscribed, .. } = presented;
        foreign::identify(self.catalog(), routed.api, issuer, foreign, subscribed, self.now_us)
    }

    fn judge_anew(&self, presented: &Presented<'_>) -> Result<Judged<'c>, Refusal> {
        let (text, catalog) = (presented.text.text()?, self.catalog());
        let Presented { hash, routed, subscribed, .. } = *presented;
        // What is remembered is that the signature was good, whatever is found out besides.
        let (identified, token) = match issuer::whose(catalog, &routed.api.api.name, text) {
            Whose::Opaque(issuer) => return self.vouched(issuer, text, presented),
            Whose::Signed(issuer) => {
                let foreign = self.verify(issuer, text)?;
                (self.foreign(issuer, &foreign, presented), Token::Foreign(foreign))
            }
            Whose::Ours => {
                self.gateway.metrics.count(Count::SignaturesChecked);
                let verified = token::verify(text, &catalog.trusted_keys, &catalog.issuer);
                let verified = verified.map_err(|words| refuse(Cause::TokenInvalid, words))?;
                let identified = token::identify(catalog, routed.api, &verified, subscribed, self.now_us);
                (identified, Token::Own(verified))
            }
        };
        self.gateway.tokens.put(hash, Arc::new(token));
        Ok(Judged::Known(identified?, Known::Verified))
    }

    /// Verifies a token by the keys of its issuer that are known now.
    fn verify(&self, issuer: &LiveIssuer, text: &str) -> Result<Foreign, Refusal> {
        self.gateway.metrics.count(Count::SignaturesChecked);
        let state = self.gateway.issuers.of(issuer);
        let keys = state.as_ref().and_then(|state| state.keys());
        let none = KeySet::default();
        foreign::verify(issuer, keys.as_deref().unwrap_or(&none), text).map_err(|unverified| {
            let name = &issuer.settings.name;
            if !unverified.may_be_a_new_key {
                return refuse(Cause::TokenInvalid, format!("issuer {name}: {}", unverified.words));
            }
            // Without any keys nobody can know whether it is good.
            let retry_after_s =
                state.as_ref().map_or(1, |state| state.retry_after_s(self.gateway.clock.monotonic_us()));
            if keys.is_none() {
                return foreign::unknown(format!("the keys of issuer {name} could not be fetched yet"), retry_after_s);
            }
            if let Some(state) = &state {
                self.gateway.issuers.want_keys(state);
            }
            refuse(Cause::TokenInvalid, format!("issuer {name}: {}; its keys are asked for again", unverified.words))
        })
    }

    /// Judges by the issuer's word, if it is known.
    fn vouched(&self, issuer: &Arc<LiveIssuer>, text: &str, presented: &Presented<'_>) -> Result<Judged<'c>, Refusal> {
        let (name, hash) = (&issuer.settings.name, presented.hash);
        let Some(state) = self.gateway.issuers.of(issuer) else {
            return Err(foreign::unknown(format!("issuer {name} is known for a moment only"), 1));
        };
        let just_asked = presented.vouched.filter(|vouched| vouched.hash == hash).map(|vouched| vouched.word.clone());
        let word = just_asked.or_else(|| state.remembered(issuer, &hash, self.gateway.clock.monotonic_us()));
        match word {
            None => {
                let asking = Asking { issuer: Arc::clone(issuer), state, hash, token: text.into() };
                Ok(Judged::Ask(Box::new(asking)))
            }
            Some(Word::Active(foreign)) => {
                Ok(Judged::Known(self.foreign(issuer, &foreign, presented)?, Known::AskedBefore))
            }
            Some(Word::Inactive) => {
                Err(refuse(Cause::TokenInvalid, format!("issuer {name} says that it is not active")))
            }
            Some(Word::Unknown(words)) => {
                Err(foreign::unknown(format!("issuer {name} could not be asked about the token: {words}"), 1))
            }
            Some(Word::Full) => {
                let words = format!("too many tokens wait for the word of issuer {name}");
                Err(Refusal::new(Cause::Overloaded).operator_words(words).retry_after_s(1))
            }
        }
    }
}

//! A small OpenID Connect provider: signs in at once whomever it is told to, and can misbehave in one way at a time.
//! It signs access tokens too, and answers what it is asked about tokens that say nothing (RFC 7662).

mod signing;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::browser::{encoded, parameter};
use crate::reply::Reply;
use crate::service::{Seen, Service};
use signing::Keys;
pub use signing::SignedBy;

/// What Limen is registered as.
const APPLICATION_ID: &str = "limen";
const SECRET: &str = "s3cret:of/limen";

/// One way to do wrong, or otherwise than most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misdeed {
    /// None.
    #[default]
    Nothing,
    /// The person says no.
    SaysNo,
    /// The browser comes back as if from another issuer (RFC 9207).
    AnswersAsAnother,
    /// The browser comes back without the issuer's name, which the provider promised.
    AnswersAsNobody,
    /// The browser comes back with a state that isn't the one that was sent.
    OtherState,
    /// The ID token has another nonce.
    WrongNonce,
    /// The ID token is for another application.
    WrongAudience,
    /// The ID token is for several, and was given to another.
    GivenToAnother,
    /// The ID token is another issuer's.
    OtherIssuer,
    /// The ID token is over.
    Expired,
    /// The ID token is not signed, and says so.
    AlgNone,
    /// The ID token is signed with HS256 under bytes that everybody knows: the public key.
    AlgHmac,
    /// The ID token is signed by a key that isn't published.
    ForeignKey,
    /// The ID token is of the kind that access tokens are.
    AccessTokenKind,
    /// The token endpoint refuses the code.
    RefusesCode,
    /// The token endpoint answers nothing.
    Slow,
    /// The token endpoint's answer is too large.
    Huge,
    /// The token endpoint sends on to another address, which would answer.
    Redirects,
    /// Everything is answered with 503.
    Down,
    /// The discovery document is of another issuer.
    DocumentOfAnother,
    /// There is no OpenID Connect document, only that of RFC 8414.
    OnlyOauthDocument,
}

/// What was begun at the authorization endpoint.
#[derive(Clone, Debug, Default)]
struct Begun {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

struct State {
    issuer: String,
    misdeed: Misdeed,
    signed_by: SignedBy,
    person: Value,
    codes: HashMap<String, Begun>,
    codes_given: u64,
    keys: Keys,
    generations: u64,
    opaque: HashMap<String, Value>,
}

/// A running provider. Dropped, it ends.
pub struct Provider {
    service: Service,
    state: Arc<Mutex<State>>,
}

impl Provider {
    /// Starts one, on 127.0.0.1, over plain HTTP.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            issuer: String::new(),
            misdeed: Misdeed::Nothing,
            signed_by: SignedBy::Rs256,
            person: json!({}),
            codes: HashMap::new(),
            codes_given: 0,
            keys: Keys::new(),
            generations: 1,
            opaque: HashMap::new(),
        }));
        let of_service = Arc::clone(&state);
        let service = Service::start(move |seen| held(&of_service).answer(seen));
        held(&state).issuer = service.url();
        Self { service, state }
    }

    /// Its issuer, which is its URL too.
    pub fn issuer(&self) -> String {
        self.service.url()
    }

    /// What Limen is registered as: its id and secret.
    pub fn registration(&self) -> (&'static str, &'static str) {
        (APPLICATION_ID, SECRET)
    }

    /// The service behind it, to look at what it was asked.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Signs in this person from now on: `sub`, and what else is known of them.
    pub fn person(&self, claims: Value) {
        held(&self.state).person = claims;
    }

    /// Signs so from now on.
    pub fn sign_by(&self, signed_by: SignedBy) {
        held(&self.state).signed_by = signed_by;
    }

    /// Does this wrong from now on.
    pub fn misbehave(&self, misdeed: Misdeed) {
        held(&self.state).misdeed = misdeed;
    }

    /// How often a path was asked for.
    pub fn hits(&self, path: &str) -> usize {
        self.service.requests().iter().filter(|seen| seen.path() == path).count()
    }
}

fn held(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, seen: &Seen) -> Reply {
        let issuer = &self.issuer;
        let of = if self.misdeed == Misdeed::DocumentOfAnother { "https://evil.example" } else { issuer };
        match seen.path() {
            _ if self.misdeed == Misdeed::Down => Reply::status(503),
            "/.well-known/oauth-authorization-server" if self.misdeed == Misdeed::OnlyOauthDocument => {
                Reply::json(200, &json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}))
            }
            "/.well-known/openid-configuration" if self.misdeed != Misdeed::OnlyOauthDocument => Reply::json(
                200,
                &json!({"issuer": of, "authorization_endpoint": format!("{issuer}/authorize?kept=1"),
                    "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
                    "authorization_response_iss_parameter_supported": true}),
            ),
            "/introspect" => self.introspect(seen),
            "/keys" => Reply::json(200, &self.keys.published()),
            "/authorize" => self.authorize(&seen.target),
            "/token" => match self.misdeed {
                Misdeed::Slow => Reply::hang(),
                Misdeed::Huge => Reply::status(200).body(vec![b' '; 6 << 20]),
                Misdeed::Redirects => Reply::status(307).header("Location", &format!("{issuer}/elsewhere")),
                _ => self.exchange(seen),
            },
            "/elsewhere" => self.exchange(seen),
            _ => Reply::status(404),
        }
    }

    /// Sends the browser back at once.
    fn authorize(&mut self, target: &str) -> Reply {
        let asked = |name: &str| parameter(target, name).unwrap_or_default();
        let is_good = asked("client_id") == APPLICATION_ID
            && asked("response_type") == "code"
            && asked("code_challenge_method") == "S256"
            && asked("kept") == "1"
            && asked("scope").split(' ').any(|scope| scope == "openid");
        if !is_good {
            return Reply::status(400);
        }
        self.codes_given += 1;
        let code = format!("code-{}", self.codes_given);
        let begun =
            Begun { nonce: asked("nonce"), challenge: asked("code_challenge"), redirect_uri: asked("redirect_uri") };
        let mut back = format!("{}?", begun.redirect_uri);
        match self.misdeed {
            Misdeed::SaysNo => back.push_str("error=access_denied&error_description=no"),
            _ => back.push_str(&format!("code={code}")),
        }
        let state = if self.misdeed == Misdeed::OtherState { "another".into() } else { asked("state") };
        back.push_str(&format!("&state={}", encoded(&state)));
        match self.misdeed {
            Misdeed::AnswersAsAnother => back.push_str("&iss=https%3A%2F%2Fevil.example"),
            Misdeed::AnswersAsNobody => {}
            _ => back.push_str(&format!("&iss={}", encoded(&self.issuer))),
        }
        self.codes.insert(code, begun);
        Reply::status(303).header("Location", &back)
    }

    fn exchange(&mut self, seen: &Seen) -> Reply {
        let form = String::from_utf8_lossy(&seen.body).into_owned();
        let sent = |name: &str| parameter(&form, name).unwrap_or_default();
        let pair = format!("{}:{}", encoded(APPLICATION_ID), encoded(SECRET));
        if seen.header("authorization") != Some(&format!("Basic {}", STANDARD.encode(pair))) {
            return Reply::json(401, &json!({"error": "invalid_client"}));
        }
        let begun = self.codes.remove(&sent("code")).filter(|_| self.misdeed != Misdeed::RefusesCode);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sent("code_verifier").as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(digest);
        let fits = |begun: &Begun| begun.challenge == challenge && begun.redirect_uri == sent("redirect_uri");
        match begun.filter(fits) {
            Some(begun) if sent("grant_type") == "authorization_code" => {
                let token = self.id_token(&begun.nonce);
                Reply::json(200, &json!({"access_token": "a", "token_type": "Bearer", "id_token": token}))
            }
            _ => Reply::json(400, &json!({"error": "invalid_grant"})),
        }
    }

    fn id_token(&self, nonce: &str) -> String {
        let now_s = tokens::now_s();
        let mut claims = json!({"iss": self.issuer, "aud": APPLICATION_ID, "nonce": nonce, "iat": now_s,
            "exp": now_s + 300});
        let mut header = json!({});
        match self.misdeed {
            Misdeed::WrongNonce => claims["nonce"] = json!("another"),
            Misdeed::WrongAudience => claims["aud"] = json!("another"),
            Misdeed::GivenToAnother => {
                (claims["aud"], claims["azp"]) = (json!([APPLICATION_ID, "another"]), json!("another"));
            }
            Misdeed::OtherIssuer => claims["iss"] = json!("https://evil.example"),
            Misdeed::Expired => (claims["iat"], claims["exp"]) = (json!(now_s - 600), json!(now_s - 60)),
            Misdeed::AccessTokenKind => header["typ"] = json!("at+jwt"),
            _ => {}
        }
        if let (Some(claims), Some(person)) = (claims.as_object_mut(), self.person.as_object()) {
            claims.extend(person.clone());
        }
        let signed_by = match self.misdeed {
            Misdeed::AlgNone => SignedBy::Nobody,
            Misdeed::AlgHmac => SignedBy::PublicKey,
            _ => self.signed_by,
        };
        match self.misdeed {
            Misdeed::ForeignKey => Keys::new().sign(header, &claims, signed_by),
            _ => self.keys.sign(header, &claims, signed_by),
        }
    }
}

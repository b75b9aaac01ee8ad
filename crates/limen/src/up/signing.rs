//! The keys that sign tokens and assertions: made, kept sealed, rotated with overlap.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use limen_gateway::assertion::AssertionKey;
use limen_gateway::clock::{Clock as _, SystemClock};
use limen_portal::ports::{BoxFuture, PortFault, Signer};
use limen_rules::key::random_base62;
use limen_rules::model::Name;
use limen_rules::token::{self, Claims, Issuer};
use limen_store::{SigningKey, Store};

use super::failure::StartFailure;
use super::secret::{self, Secret};

/// A new key is published for so long before it signs: verifiers keep the key set for five minutes.
const PUBLISHED_FIRST_US: i64 = 600 * 1_000_000;
/// An old key is trusted for so long after the new one signs: as long as a token can live, and a day.
const OVERLAP_US: i64 = 366 * 86_400 * 1_000_000;
/// A key that signed for so long is rotated by itself.
const ROTATED_AFTER_US: i64 = 90 * 86_400 * 1_000_000;

/// A private key in the process's hand.
#[derive(Clone)]
struct Opened {
    kid: Name,
    pkcs8: Arc<[u8]>,
    created_at_us: i64,
    signs_from_us: i64,
}

/// Signs tokens with the key whose time it is.
pub(super) struct Keys {
    store: Store,
    secret: Secret,
    issuer: Issuer,
    opened: RwLock<Vec<Opened>>,
}

impl Keys {
    /// Opens the stored keys, or makes the first. With `anew` the stored ones end now and a new one is made.
    pub(super) async fn open(
        store: Store,
        secret: Secret,
        issuer: Issuer,
        anew: bool,
    ) -> Result<Arc<Self>, StartFailure> {
        let kept = |error| {
            StartFailure::of("The signing keys can't be read or written", error, "Look at the data folder's disk.")
        };
        let stored = store.signing_keys().await.map_err(kept)?;
        let mut opened = Vec::new();
        if !anew {
            for key in &stored {
                let pkcs8 = secret.open_sealed(&key.kid, &key.private_sealed).ok_or_else(|| {
                    StartFailure::new(
                        "The secret file does not open the signing keys of this data folder.",
                        "Put the right secret file back, or start once with --new-signing-key: tokens issued before end then.",
                    )
                })?;
                opened.push(Opened {
                    kid: key.kid.clone(),
                    pkcs8: pkcs8.into(),
                    created_at_us: key.created_at_us,
                    signs_from_us: key.signs_from_us,
                });
            }
        }
        let keys = Arc::new(Self { store, secret, issuer, opened: RwLock::new(opened) });
        if keys.current().is_none() {
            let now_us = SystemClock.wall_us();
            keys.add(now_us, now_us, now_us).await.map_err(|fault| StartFailure::new(fault.0, "Start again."))?;
            if anew {
                for key in stored {
                    keys.store.trust_signing_key_until(&key.kid, now_us).await.map_err(kept)?;
                }
            }
        }
        Ok(keys)
    }

    /// The key whose time to sign has come last.
    fn current(&self) -> Option<Opened> {
        let now_us = SystemClock.wall_us();
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let signing = opened.iter().filter(|key| key.signs_from_us <= now_us).max_by_key(|key| key.signs_from_us);
        // A clock that was set back must not leave the process without a key.
        signing.or_else(|| opened.iter().min_by_key(|key| key.signs_from_us)).cloned()
    }

    /// The current key, ready to sign assertions; none where it is the one that is in use already.
    pub(super) fn assertion_key(&self, in_use: Option<&str>) -> Option<AssertionKey> {
        let current = self.current().filter(|current| in_use != Some(&*current.kid))?;
        AssertionKey::new(&current.kid, &current.pkcs8).ok()
    }

    /// Rotates a key that has signed for long.
    pub(super) async fn rotate_if_old(&self) {
        let now_us = SystemClock.wall_us();
        let newest_us = {
            let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
            opened.iter().map(|key| key.created_at_us).max()
        };
        if newest_us.is_some_and(|made| now_us - made > ROTATED_AFTER_US) {
            match self.rotate().await {
                Ok(kid) => tracing::info!(%kid, "the signing key was rotated by age"),
                Err(fault) => tracing::error!(%fault, "the signing key could not be rotated"),
            }
        }
    }

    async fn add(&self, now_us: i64, signs_from_us: i64, others_until_us: i64) -> Result<Name, PortFault> {
        let fault = |_| PortFault("A signing key could not be made.".into());
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).map_err(fault)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref())
            .map_err(|_| PortFault("A signing key could not be read back.".into()))?;
        let mut filled = Ok(());
        let kid: Name = random_base62(16, |bytes| {
            if filled.is_ok() {
                filled = secret::fill(bytes);
            }
        })
        .to_ascii_lowercase()
        .into();
        filled.map_err(|failure| PortFault(failure.to_string()))?;
        let private_sealed = self.secret.seal(&kid, pkcs8.as_ref());
        let private_sealed = private_sealed.ok_or_else(|| PortFault("A signing key could not be sealed.".into()))?;
        let key = SigningKey {
            kid: kid.clone(),
            public_point: pair.public_key().as_ref().to_vec(),
            private_sealed,
            created_at_us: now_us,
            signs_from_us,
            trusted_until_us: None,
        };
        self.store
            .insert_signing_key(&key, Some(others_until_us), now_us)
            .await
            .map_err(|error| PortFault(error.to_string()))?;
        let opened = Opened { kid: kid.clone(), pkcs8: pkcs8.as_ref().into(), created_at_us: now_us, signs_from_us };
        self.opened.write().unwrap_or_else(PoisonError::into_inner).push(opened);
        Ok(kid)
    }
}

impl Signer for Keys {
    fn issuer(&self) -> Issuer {
        self.issuer.clone()
    }

    fn issue(&self, claims: &Claims) -> Result<String, PortFault> {
        let current = self.current().ok_or_else(|| PortFault("There is no signing key.".into()))?;
        token::sign(claims, &current.kid, &current.pkcs8).map_err(|error| PortFault(error.to_string()))
    }

    fn rotate(&self) -> BoxFuture<'_, Result<Name, PortFault>> {
        Box::pin(async {
            let now_us = SystemClock.wall_us();
            let signs_from_us = now_us + PUBLISHED_FIRST_US;
            self.add(now_us, signs_from_us, signs_from_us + OVERLAP_US).await
        })
    }
}

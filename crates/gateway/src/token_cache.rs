//! Remembers that a token's signature was good, and nothing else: everything that can change is looked at again.
//!
//! Keyed by SHA-256 of the whole token; bounded; the older half is forgotten when the newer half is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use limen_rules::token::Verified;
use sha2::{Digest, Sha256};

const SHARDS: usize = 64;
/// Tokens remembered in each half of a shard: 2 × 64 × 512 = 65,536 in all.
const HALF_TOKENS: usize = 512;

/// SHA-256 of a whole token.
pub type TokenHash = [u8; 32];

#[derive(Default)]
struct Shard {
    newer: HashMap<TokenHash, Arc<Verified>, RandomState>,
    older: HashMap<TokenHash, Arc<Verified>, RandomState>,
}

/// Verified tokens by hash.
pub struct TokenCache {
    shards: Box<[Mutex<Shard>]>,
}

impl Default for TokenCache {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl TokenCache {
    /// The hash of a token.
    #[must_use]
    pub fn hash(token: &[u8]) -> TokenHash {
        Sha256::digest(token).into()
    }

    fn shard(&self, hash: &TokenHash) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::from(hash[0]) % SHARDS)
    }

    /// What was verified of that token.
    #[must_use]
    pub fn get(&self, hash: &TokenHash) -> Option<Arc<Verified>> {
        let mut shard = self.shard(hash)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verified) = shard.newer.get(hash) {
            return Some(Arc::clone(verified));
        }
        let verified = shard.older.remove(hash)?;
        shard.put(*hash, Arc::clone(&verified));
        Some(verified)
    }

    /// Remembers a token whose signature was good.
    pub fn put(&self, hash: TokenHash, verified: Arc<Verified>) {
        if let Some(shard) = self.shard(&hash) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).put(hash, verified);
        }
    }
}

impl Shard {
    fn put(&mut self, hash: TokenHash, verified: Arc<Verified>) {
        if self.newer.len() >= HALF_TOKENS {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limen_rules::token::{Claims, Mode};

    fn verified(n: usize) -> Arc<Verified> {
        let claims = Claims {
            iss: String::new(),
            sub: format!("u{n}").into(),
            aud: String::new(),
            client_id: "c".into(),
            iat: 0,
            exp: 0,
            nbf: None,
            jti: String::new(),
            grant: "g".into(),
            environment: "e".into(),
            mode: Mode::Full,
            scope: None,
        };
        Arc::new(Verified { claims, kid: "k".into() })
    }

    #[test]
    fn it_remembers_what_is_used_and_stays_bounded() {
        let cache = TokenCache::default();
        let used = TokenCache::hash(b"used");
        cache.put(used, verified(0));
        for n in 1..200_000 {
            cache.put(TokenCache::hash(n.to_string().as_bytes()), verified(n));
            if n % 50 == 0 {
                assert!(cache.get(&used).is_some(), "forgotten after {n}");
            }
        }
        let kept: usize = cache.shards.iter().map(|s| s.lock().unwrap()).map(|s| s.newer.len() + s.older.len()).sum();
        assert!(kept <= 2 * SHARDS * HALF_TOKENS);
    }
}

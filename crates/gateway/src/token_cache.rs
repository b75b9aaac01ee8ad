//! Remembers that a token's signature was good, and nothing else: everything that can change is looked at again.
//!
//! Keyed by SHA-256 of the whole token; bounded; the older half is forgotten when the newer half is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use limen_rules::token::Verified;
use limen_rules::token::foreign::Foreign;
use sha2::{Digest, Sha256};

const SHARDS: usize = 64;
/// Tokens remembered in each half of a shard: 2 × 64 × 512 = 65,536 in all.
const HALF_TOKENS: usize = 512;

/// SHA-256 of a whole token.
pub type TokenHash = [u8; 32];

/// A token whose signature was good.
#[derive(Debug)]
pub enum Token {
    /// One of ours.
    Own(Verified),
    /// One of another issuer.
    Foreign(Foreign),
}

/// Something remembered of tokens, in two halves.
pub(crate) struct Halves<T> {
    newer: HashMap<TokenHash, T, RandomState>,
    older: HashMap<TokenHash, T, RandomState>,
    half_max: usize,
}

impl<T: Clone> Halves<T> {
    pub(crate) fn new(half_max: usize) -> Self {
        Self { newer: HashMap::default(), older: HashMap::default(), half_max }
    }

    /// What is used stays.
    pub(crate) fn get(&mut self, hash: &TokenHash) -> Option<T> {
        if let Some(one) = self.newer.get(hash) {
            return Some(one.clone());
        }
        let one = self.older.remove(hash)?;
        self.put(*hash, one.clone());
        Some(one)
    }

    pub(crate) fn put(&mut self, hash: TokenHash, one: T) {
        if self.newer.len() >= self.half_max {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash, one);
    }

    pub(crate) fn forget(&mut self, hash: &TokenHash) {
        self.newer.remove(hash);
        self.older.remove(hash);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }
}

/// Verified tokens by hash.
pub struct TokenCache {
    shards: Box<[Mutex<Halves<Arc<Token>>>]>,
}

impl Default for TokenCache {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::new(Halves::new(HALF_TOKENS))).collect() }
    }
}

impl TokenCache {
    /// The hash of a token.
    #[must_use]
    pub fn hash(token: &[u8]) -> TokenHash {
        Sha256::digest(token).into()
    }

    fn shard(&self, hash: &TokenHash) -> Option<&Mutex<Halves<Arc<Token>>>> {
        self.shards.get(usize::from(hash[0]) % SHARDS)
    }

    /// What was verified of that token.
    #[must_use]
    pub fn get(&self, hash: &TokenHash) -> Option<Arc<Token>> {
        self.shard(hash)?.lock().unwrap_or_else(PoisonError::into_inner).get(hash)
    }

    /// Remembers a token whose signature was good.
    pub fn put(&self, hash: TokenHash, token: Arc<Token>) {
        if let Some(shard) = self.shard(&hash) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).put(hash, token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limen_rules::token::{Claims, Mode};

    fn verified(n: usize) -> Arc<Token> {
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
        Arc::new(Token::Own(Verified { claims, kid: "k".into() }))
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
        let kept: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= 2 * SHARDS * HALF_TOKENS);
    }
}

//! Remembers that a token's signature was good, and nothing else: everything that can change is looked at again.
//!
//! Found by a keyed hash of the whole token; bounded; the older half is forgotten when the newer half is full.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use foldhash::fast::RandomState;
use limen_rules::token::Verified;
use limen_rules::token::foreign::Foreign;
use sha2::{Digest, Sha256};

const KEY_BYTES: usize = 16;
const SHARDS: usize = 64;
/// Tokens remembered in each half of a shard: 2 × 64 × 512 = 65,536 in all.
const HALF_TOKENS: usize = 512;

/// A hash of a whole token under a key that this process drew and nobody sees; it is never told either
/// (`docs/decisions/0056-remembered-tokens-under-a-keyed-hash.md`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(u128);

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHash")
    }
}

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
    /// What tokens are hashed under; none where the system gave no randomness.
    key: Option<LessSafeKey>,
    shards: Box<[Mutex<Halves<Arc<Token>>>]>,
}

impl Default for TokenCache {
    fn default() -> Self {
        let mut key = [0; KEY_BYTES];
        Self::with_key(rand::fill(&mut key).ok().map(|()| key))
    }
}

impl TokenCache {
    /// Remembers under a key that whoever calls this has drawn.
    #[must_use]
    pub fn with_key(key: Option<[u8; KEY_BYTES]>) -> Self {
        let key = key.and_then(|key| UnboundKey::new(&AES_128_GCM, &key).ok()).map(LessSafeKey::new);
        Self { key, shards: (0..SHARDS).map(|_| Mutex::new(Halves::new(HALF_TOKENS))).collect() }
    }

    /// The hash of a token.
    #[must_use]
    pub fn hash(&self, token: &[u8]) -> TokenHash {
        TokenHash(self.keyed(token).unwrap_or_else(|| {
            let mut half = [0; 16];
            half.iter_mut().zip(Sha256::digest(token)).for_each(|(to, from)| *to = from);
            u128::from_ne_bytes(half)
        }))
    }

    /// GMAC (NIST SP 800-38D): the tag over nothing encrypted. The nonce may be the same for all, since no tag is shown.
    fn keyed(&self, token: &[u8]) -> Option<u128> {
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let tag = self.key.as_ref()?.seal_in_place_separate_tag(nonce, Aad::from(token), &mut []).ok()?;
        tag.as_ref().try_into().ok().map(u128::from_ne_bytes)
    }

    fn shard(&self, hash: &TokenHash) -> Option<&Mutex<Halves<Arc<Token>>>> {
        self.shards.get(hash.0 as usize % SHARDS)
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
        Arc::new(Token::Own(Verified::new(claims, "k".into())))
    }

    #[test]
    fn a_hash_is_of_the_whole_token_and_of_this_process() {
        let (one, other) = (TokenCache::default(), TokenCache::default());
        let token = "a".repeat(600);
        assert!(one.key.is_some());
        assert_eq!(one.hash(token.as_bytes()), one.hash(token.as_bytes()));
        assert_ne!(one.hash(token.as_bytes()), other.hash(token.as_bytes()), "each process has its own key");
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] ^= 1;
            assert_ne!(one.hash(&changed), one.hash(token.as_bytes()), "byte {at}");
        }
        assert_ne!(one.hash(&token.as_bytes()[..599]), one.hash(token.as_bytes()));
        assert_eq!(format!("{:?}", one.hash(b"a")), "TokenHash", "it is never told");
        let without = TokenCache::with_key(None);
        assert_ne!(without.hash(b"a"), without.hash(b"b"));
    }

    #[test]
    fn it_remembers_what_is_used_and_stays_bounded() {
        let cache = TokenCache::default();
        let used = cache.hash(b"used");
        cache.put(used, verified(0));
        for n in 1..200_000 {
            cache.put(cache.hash(n.to_string().as_bytes()), verified(n));
            if n % 50 == 0 {
                assert!(cache.get(&used).is_some(), "forgotten after {n}");
            }
        }
        let kept: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= 2 * SHARDS * HALF_TOKENS);
    }
}

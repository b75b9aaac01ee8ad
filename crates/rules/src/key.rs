//! Subscription keys: their form, their hash, and whether a presented one opens an API now.
//!
//! A key is never kept: only its SHA-256 is. Randomness is brought by the caller.

use sha2::{Digest, Sha256};

use crate::contract::{Cause, Location, Refusal};
use crate::header::{Fields, text};
use crate::model::KEY_QUERY_PARAMETER;
use crate::record::{SubscriptionState, Which};
use crate::snapshot::{LiveApi, LiveProduct, LiveSubscription, Snapshot};

/// What every key begins with, so that secret scanners find it.
pub const KEY_PREFIX: &str = "limen_sub_";
/// How many random base62 characters follow the prefix.
pub const KEY_RANDOM_CHARACTERS: usize = 30;
/// How many characters of checksum end it.
pub const KEY_CHECKSUM_CHARACTERS: usize = 6;
/// The published pattern of a key.
pub const KEY_PATTERN: &str = "limen_sub_[0-9A-Za-z]{36}";
/// Nothing longer is taken for a key.
const PRESENTED_MAX_BYTES: usize = 256;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `count` unbiased base62 characters from `fill`, which fills a buffer with random bytes.
pub fn random_base62(count: usize, mut fill: impl FnMut(&mut [u8])) -> String {
    let mut text = String::with_capacity(count);
    let mut buffer = [0_u8; 64];
    while text.len() < count {
        fill(&mut buffer);
        // 248 is the largest multiple of 62 in a byte: what lies above would favour the first characters.
        for byte in buffer.iter().filter(|byte| **byte < 248) {
            if text.len() < count {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
    text
}

/// A new key: `limen_sub_`, 30 random base62 characters and a checksum of what stands before it.
pub fn generate(fill: impl FnMut(&mut [u8])) -> String {
    generate_with(KEY_PREFIX, fill)
}

/// As [`generate`], with another prefix.
pub(crate) fn generate_with(prefix: &str, fill: impl FnMut(&mut [u8])) -> String {
    let mut key = String::from(prefix);
    key.push_str(&random_base62(KEY_RANDOM_CHARACTERS, fill));
    let checksum = checksum(&key);
    key.push_str(&checksum);
    key
}

/// The CRC32 of `text` as six base62 characters.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; KEY_CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// SHA-256 of a whole key: what is stored.
#[must_use]
pub fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// What a presented text looks like, without knowing any key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Prefix, length and checksum are right.
    Whole,
    /// It has our prefix and not the rest: cut or mistyped when it was copied.
    Cut,
    /// Something else, such as a key taken over from another gateway.
    Foreign,
}

/// Tells a key that was damaged when copied from one that is whole.
#[must_use]
pub fn shape(presented: &str) -> Shape {
    let Some(rest) = presented.strip_prefix(KEY_PREFIX) else { return Shape::Foreign };
    let whole = rest.len() == KEY_RANDOM_CHARACTERS + KEY_CHECKSUM_CHARACTERS
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && presented
            .split_at_checked(KEY_PREFIX.len() + KEY_RANDOM_CHARACTERS)
            .is_some_and(|(body, sum)| checksum(body) == sum);
    if whole { Shape::Whole } else { Shape::Cut }
}

/// Reads the key from a request: the API's header, its aliases, or the query parameter where it is turned on.
///
/// # Errors
/// 401 where several different keys came: which one counts would be a guess.
pub fn presented<'r>(
    api: &LiveApi,
    fields: &'r dyn Fields,
    query: Option<&'r str>,
) -> Result<Option<std::borrow::Cow<'r, str>>, Refusal> {
    let mut found: Option<std::borrow::Cow<'r, str>> = None;
    for value in api.key_headers.iter().flat_map(|name| fields.all(name)) {
        let value = text(value).ok_or_else(|| refused(Cause::SubscriptionKeyInvalid, "header bytes"))?.trim();
        if found.as_ref().is_some_and(|first| first != value) {
            return Err(several());
        }
        found = Some(value.into());
    }
    if api.api.key.query_parameter {
        let query = query.unwrap_or_default();
        let pairs = crate::path::query_pairs(query).filter(|(name, _)| name == KEY_QUERY_PARAMETER);
        let raw = query.split('&').filter_map(|piece| piece.strip_prefix(KEY_QUERY_PARAMETER)?.strip_prefix('='));
        let pairs: Vec<_> = pairs.collect();
        // What the rules read stands there once and as it is meant, so that nobody behind us reads another value.
        if pairs.len() > 1 || pairs.iter().map(|(_, value)| value.as_ref()).ne(raw) {
            let words = "The query parameter subscription-key must occur once and without percent-encoding.";
            let refusal = Refusal::new(Cause::ParameterInvalid).message(words).detail(words);
            return Err(refusal.error("/subscription-key", Location::Query, words));
        }
        for (_, value) in pairs {
            if found.as_ref().is_some_and(|first| *first != value) {
                return Err(several());
            }
            found = Some(value);
        }
    }
    Ok(found.filter(|key| !key.is_empty()))
}

fn several() -> Refusal {
    refused(Cause::SubscriptionKeyInvalid, "several different keys came")
        .detail("Several different subscription keys came with the call. Send one.")
}

fn refused(cause: Cause, operator_words: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    let mut refusal = Refusal::new(cause);
    refusal.challenges.key = true;
    refusal.operator_words = operator_words.into();
    refusal
}

/// The proof that a subscription key was accepted for this API, or that none was required.
#[derive(Clone, Debug)]
pub struct Subscribed<'s> {
    granted: Option<Granted<'s>>,
}

/// What the accepted key stands for.
#[derive(Clone, Debug)]
pub struct Granted<'s> {
    /// The subscription.
    pub subscription: LiveSubscription<'s>,
    /// Its product.
    pub product: &'s LiveProduct,
    /// Which key it was.
    pub which: Which,
}

impl<'s> Subscribed<'s> {
    /// What the key stands for; none where the operation needs no key.
    #[must_use]
    pub fn granted(&self) -> Option<&Granted<'s>> {
        self.granted.as_ref()
    }

    /// The subscription's id.
    #[must_use]
    pub fn subscription_id(&self) -> Option<&'s str> {
        self.granted.as_ref().map(|granted| granted.subscription.id)
    }

    /// The proof for an operation whose access asks for no key.
    #[must_use]
    pub fn not_required(access: crate::model::Access) -> Option<Self> {
        (!access.needs_key()).then_some(Self { granted: None })
    }
}

/// Whether the presented key opens `api` now (contract, section 4).
///
/// # Errors
/// 401, alike for every reason but in the words for operators.
pub fn subscription<'s>(
    snapshot: &'s Snapshot,
    api: &LiveApi,
    presented: Option<&str>,
    now_us: i64,
) -> Result<Subscribed<'s>, Refusal> {
    let Some(presented) = presented else {
        return Err(refused(Cause::SubscriptionKeyMissing, "no key came")
            .detail(format!("No subscription key came in the header {}.", api.api.key.header)));
    };
    let invalid = |words: String| {
        let refusal = refused(Cause::SubscriptionKeyInvalid, words);
        match shape(presented) {
            Shape::Cut => refusal.detail(
                "The subscription key is not whole: its checksum fails, so it was cut or changed when it was copied.",
            ),
            Shape::Whole | Shape::Foreign => {
                refusal.detail("The subscription key is not one that opens this API at present.")
            }
        }
    };
    if presented.len() > PRESENTED_MAX_BYTES {
        return Err(invalid("longer than any key".into()));
    }
    let digest = hash(presented);
    let Some(entry) = snapshot.key(&digest) else {
        return Err(invalid("no subscription has this key".into()));
    };
    let subscription = &entry.subscription;
    if entry.valid_until_us.is_some_and(|until| now_us >= until) {
        return Err(invalid(format!("an old key of subscription {} whose grace is over", subscription.id)));
    }
    let state = subscription.state_at(now_us);
    if state != SubscriptionState::Active {
        return Err(invalid(format!("subscription {} is {}", subscription.id, state.word())));
    }
    let Some(product) = snapshot.catalog.products.get(subscription.product) else {
        return Err(invalid(format!("product {} of subscription {} is gone", subscription.product, subscription.id)));
    };
    if !product.product.apis.contains(&api.api.name) {
        let (id, name) = (&subscription.id, &product.product.name);
        return Err(invalid(format!(
            "subscription {id} is to product {name}, which doesn't hold API {}",
            api.api.name
        )));
    }
    let granted = Granted { product, which: entry.which, subscription: entry.subscription };
    Ok(Subscribed { granted: Some(granted) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> impl FnMut(&mut [u8]) {
        let mut next = 7_u8;
        move |buffer| {
            for byte in buffer {
                next = next.wrapping_mul(37).wrapping_add(11);
                *byte = next;
            }
        }
    }

    #[test]
    fn a_key_has_the_published_form_and_notices_damage() {
        let key = generate(counter());
        assert_eq!(key.len(), 46);
        assert_eq!(shape(&key), Shape::Whole);
        assert_eq!(shape(&key[..45]), Shape::Cut);
        let mut changed = key.clone().into_bytes();
        changed[15] = if changed[15] == b'a' { b'b' } else { b'a' };
        assert_eq!(shape(&String::from_utf8(changed).unwrap()), Shape::Cut);
        assert_eq!(shape("0123456789abcdef"), Shape::Foreign);
        assert_eq!(shape(&format!("{KEY_PREFIX}äöü")), Shape::Cut);
    }

    #[test]
    fn bytes_that_would_bias_are_passed_over() {
        let mut first = true;
        let text = random_base62(3, |buffer| {
            buffer.fill(if first { 255 } else { 1 });
            first = false;
        });
        assert_eq!(text, "111");
    }

    mod opening {
        use super::*;
        use crate::model::{Api, Declared, Product};
        use crate::record::{Directory, StoredKey, Subscription};
        use crate::token::Issuer;

        const KEY: &str = "limen_sub_foreign";

        fn snapshot(change: impl FnOnce(&mut Subscription, &mut Declared)) -> Snapshot {
            let api = |name: &str| -> Api {
                let text = format!(r#"{{"name":"{name}","base_path":"/{name}","target":"http://x"}}"#);
                serde_json::from_str(&text).unwrap()
            };
            let product: Product = serde_json::from_str(r#"{"name":"gold","apis":["a"]}"#).unwrap();
            let mut declared =
                Declared { apis: vec![api("a"), api("b")], products: vec![product], ..Declared::default() };
            let mut subscription = Subscription {
                id: "sub_1".into(),
                product: "gold".into(),
                developer: "dev".into(),
                state: SubscriptionState::Active,
                created_at_us: 0,
                started_at_us: 0,
                ends_at_us: None,
                keys: vec![StoredKey { which: Which::Secondary, hash: hash(KEY), made_at_us: 0, valid_until_us: None }],
            };
            change(&mut subscription, &mut declared);
            let directory = Directory { declared, subscriptions: vec![subscription], ..Directory::default() };
            Snapshot::new(1, &directory, Issuer::default())
        }

        fn open<'s>(
            snapshot: &'s Snapshot,
            api: &str,
            presented: Option<&str>,
            now_us: i64,
        ) -> Result<Subscribed<'s>, Refusal> {
            let api = snapshot.catalog.api(api).unwrap();
            subscription(snapshot, api, presented, now_us)
        }

        #[test]
        fn an_active_subscription_s_key_opens_its_product_s_apis() {
            let snapshot = snapshot(|_, _| {});
            let subscribed = open(&snapshot, "a", Some(KEY), 5).unwrap();
            let granted = subscribed.granted().unwrap();
            assert_eq!((granted.subscription.id, granted.which), ("sub_1", Which::Secondary));
            assert_eq!(open(&snapshot, "a", None, 5).unwrap_err().cause, Cause::SubscriptionKeyMissing);
        }

        #[test]
        fn every_other_key_is_refused_alike_but_for_operators() {
            let mut seen = Vec::new();
            let mut refused = |snapshot: Snapshot, api: &str, presented: &str, now_us: i64| {
                let refusal = open(&snapshot, api, Some(presented), now_us).unwrap_err();
                assert_eq!(refusal.cause, Cause::SubscriptionKeyInvalid);
                assert!(!refusal.detail.contains("sub_1") && !refusal.message.contains("sub_1"));
                seen.push((refusal.message.clone(), refusal.challenges));
                refusal.operator_words.to_string()
            };
            assert!(refused(snapshot(|_, _| {}), "a", "other", 5).contains("no subscription"));
            assert!(refused(snapshot(|_, _| {}), "b", KEY, 5).contains("doesn't hold API b"));
            assert!(refused(snapshot(|_, all| all.products.clear()), "a", KEY, 5).contains("is gone"));
            assert!(refused(snapshot(|one, _| one.ends_at_us = Some(5)), "a", KEY, 5).contains("expired"));
            assert!(refused(snapshot(|one, _| one.keys[0].valid_until_us = Some(5)), "a", KEY, 5).contains("grace"));
            for (state, word) in [
                (SubscriptionState::Requested, "requested"),
                (SubscriptionState::Suspended, "suspended"),
                (SubscriptionState::Cancelled, "cancelled"),
                (SubscriptionState::Rejected, "rejected"),
            ] {
                assert!(refused(snapshot(|one, _| one.state = state), "a", KEY, 5).contains(word));
            }
            seen.dedup();
            assert_eq!(seen.len(), 1, "callers can tell them apart: {seen:?}");
        }

        #[test]
        fn an_old_key_is_good_to_the_last_microsecond_of_its_grace() {
            let snapshot = snapshot(|one, _| one.keys[0].valid_until_us = Some(5));
            assert!(open(&snapshot, "a", Some(KEY), 4).is_ok());
        }
    }
}

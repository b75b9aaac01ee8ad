//! Passwords: made into argon2id hashes and compared with them, a few at a time, on threads where that holds up nobody.
//!
//! It knows neither users nor attempts. A user without a password costs as much as one with.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, SaltString};
use argon2::{Algorithm, Argon2, Params, PasswordVerifier as _, Version};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::ports::Random;

/// Memory of one hash, in KiB : 19 MiB.
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Hashes at a time: each takes [`MEMORY_KIB`] and a whole core.
const WORKERS: usize = 2;
/// Hashes under way and waiting for their turn; whoever comes after is told to come again.
const QUEUE_MAX: usize = 32;
/// A stored hash that asks for more memory than this isn't one of ours, and is not computed.
const STORED_MEMORY_MAX_KIB: u32 = 4 * MEMORY_KIB;
/// A stored hash that asks for more passes than this isn't one of ours.
const STORED_PASSES_MAX: u32 = 16;

/// Why a hash was not made or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too many wait already.
    #[error("too many passwords wait to be looked at")]
    Busy,
    /// The hash could not be made.
    #[error("a password could not be hashed")]
    Unmade,
}

/// Makes and compares hashes. Clones share their workers.
#[derive(Clone, Debug)]
pub struct Passwords {
    queue: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { queue: Arc::new(Semaphore::new(QUEUE_MAX)), workers: Arc::new(Semaphore::new(WORKERS)) }
    }
}

impl Passwords {
    /// The hash of a password in PHC form, as the store keeps it.
    ///
    /// # Errors
    /// Where too many wait already, or the hash can't be made.
    pub async fn hash(&self, password: &str, random: &dyn Random) -> Result<String, PasswordFault> {
        let mut salt = [0_u8; 16];
        random.fill(&mut salt);
        let password = password.to_owned();
        self.work(move || hash(&password, &salt)).await?.ok_or(PasswordFault::Unmade)
    }

    /// Whether `password` is the one that `stored` (PHC form) was made from. Without `stored` it never is, and takes as
    /// long to say so.
    ///
    /// # Errors
    /// Where too many wait already.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, PasswordFault> {
        let password = password.to_owned();
        let compare = move || match stored.filter(|stored| is_affordable(stored)) {
            Some(stored) => compare(&password, &stored),
            None => {
                hash(&password, &[0; 16]);
                false
            }
        };
        self.work(compare).await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordFault> {
        let _place: SemaphorePermit<'_> = self.queue.try_acquire().map_err(|_| PasswordFault::Busy)?;
        // The worker's place goes with the work: whoever asked may leave before it is done.
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_| PasswordFault::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(worker);
            done
        });
        done.await.map_err(|_| PasswordFault::Unmade)
    }
}

/// argon2id of [`MEMORY_KIB`] and [`PASSES`], one lane.
fn argon2id() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str, salt: &[u8]) -> Option<String> {
    let salt = SaltString::encode_b64(salt).ok()?;
    Some(argon2id()?.hash_password(password.as_bytes(), &salt).ok()?.to_string())
}

/// Whether a stored hash is argon2 with parameters that may be computed.
fn is_affordable(stored: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(stored) else { return false };
    let Ok(params) = Params::try_from(&parsed) else { return false };
    params.m_cost() <= STORED_MEMORY_MAX_KIB && params.t_cost() <= STORED_PASSES_MAX
}

fn compare(password: &str, stored: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(stored) else { return false };
    argon2id().is_some_and(|argon2| argon2.verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse", &Sevens).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(passwords.verify("correct horse", Some(stored.clone())).await, Ok(true));
        assert_eq!(passwords.verify("correct horsf", Some(stored.clone())).await, Ok(false));
        assert_eq!(passwords.verify("", Some(stored)).await, Ok(false));
        assert_eq!(passwords.verify("correct horse", None).await, Ok(false));
        for foreign in ["", "correct horse", "$argon2id$v=19$m=4194304,t=2,p=1$BwcHBwcHBwc$AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(passwords.verify("correct horse", Some(foreign.into())).await, Ok(false), "{foreign}");
        }
    }

    #[tokio::test]
    async fn who_comes_when_the_queue_is_full_is_told_so() {
        let passwords = Passwords::default();
        let held = passwords.queue.try_acquire_many(QUEUE_MAX as u32).expect("all places");
        assert_eq!(passwords.verify("x", None).await, Err(PasswordFault::Busy));
        drop(held);
        assert_eq!(passwords.verify("x", None).await, Ok(false));
    }
}

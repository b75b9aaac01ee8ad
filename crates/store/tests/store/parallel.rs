//! Fifty at once for one code, fifty at once for one refresh token: one is the first.

use limen_rules::model::ApplicationKind::{Confidential, Public};
use limen_rules::sign_in::record::Rotation;
use limen_rules::sign_in::trouble::Trouble;
use limen_store::Store;

use super::sign_in::{S, by, code, grant, hash, house, new, presented};

const AT_ONCE: u8 = 50;

/// What `AT_ONCE` tasks got that were let go at the same moment.
async fn all_at_once<T, F>(ask: impl Fn(u8) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(usize::from(AT_ONCE)));
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|number| {
            let (gate, asking) = (gate.clone(), ask(number));
            tokio::spawn(async move {
                gate.wait().await;
                asking.await
            })
        })
        .collect();
    let mut told = Vec::new();
    for task in tasks {
        told.push(task.await.unwrap());
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exchanges_of_one_code() {
    let (_folder, store) = house().await;
    for round in 1..=10_u8 {
        store.insert_code([round; 32], &code("app", "ann", 0)).await.unwrap();
        let told = all_at_once(|number| {
            let store = store.clone();
            async move {
                let given = grant(&format!("g{round}-{number}"), "app", "ann", S);
                let first = Some(new(round, number, 1_000 * S));
                store.exchange_code([round; 32], &presented("app"), &given, first, S).await.unwrap()
            }
        })
        .await;
        let winners: Vec<usize> = (0..told.len()).filter(|number| told[*number].is_ok()).collect();
        assert_eq!(winners.len(), 1);
        assert!(told.iter().all(|one| matches!(one, Ok(()) | Err(Trouble::CodeInvalid))));
        for number in 0..AT_ONCE {
            let won = winners[0] == usize::from(number);
            assert_eq!(store.grant(&format!("g{round}-{number}")).await.is_ok(), won);
            let given = store.refresh_token(&hash(round, number)).await.unwrap().unwrap();
            assert_eq!(given.successor.is_none(), won, "of the others nothing is kept");
            assert_eq!(given.grant.revoked_at_us, None, "in parallel is no theft");
        }
    }
}

async fn signed_in(store: &Store, family: u8) {
    store.insert_code([family; 32], &code("app", "ann", 0)).await.unwrap();
    let given = grant(&format!("g{family}"), "app", "ann", 0);
    let first = Some(new(family, 100, 1_000 * S));
    store.exchange_code([family; 32], &presented("app"), &given, first, 0).await.unwrap().unwrap();
}

async fn refreshed_at_once(store: &Store, family: u8, kind: limen_rules::model::ApplicationKind) -> Vec<Rotation> {
    all_at_once(|number| {
        let store = store.clone();
        async move {
            let next = new(family, number, 1_000 * S);
            let answer = vec![number];
            store.rotate_refresh(&hash(family, 100), &by("app", kind, false), next, answer, S, S).await.unwrap()
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refreshes_of_one_token_by_an_application_that_keeps_secrets() {
    let (_folder, store) = house().await;
    for family in 1..=10_u8 {
        signed_in(&store, family).await;
        let told = refreshed_at_once(&store, family, Confidential).await;
        let winner = told.iter().position(|one| *one == Rotation::Rotated).unwrap();
        let winner = u8::try_from(winner).unwrap();
        let repeats = told.iter().filter(|one| **one == Rotation::Repeat(vec![winner])).count();
        assert_eq!(repeats, usize::from(AT_ONCE) - 1, "the others get the very same answer: {told:?}");
        let present = store.refresh_token(&hash(family, winner)).await.unwrap().unwrap();
        assert_eq!((present.successor, present.grant.revoked_at_us), (None, None));
    }
}

/// There is no grace: whoever comes second presents a token that was used, and that ends the family.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refreshes_of_one_token_by_a_public_application() {
    let (_folder, store) = house().await;
    for family in 1..=10_u8 {
        signed_in(&store, family).await;
        let told = refreshed_at_once(&store, family, Public).await;
        let count = |outcome: Rotation| told.iter().filter(|one| **one == outcome).count();
        assert_eq!(count(Rotation::Rotated), 1);
        assert_eq!(count(Rotation::Refused(Trouble::RefreshTokenReused)), 1, "{told:?}");
        assert_eq!(count(Rotation::Refused(Trouble::RefreshTokenInvalid)), usize::from(AT_ONCE) - 2);
        assert_eq!(store.grant(&format!("g{family}")).await.unwrap().revoked_at_us, Some(S));
    }
}

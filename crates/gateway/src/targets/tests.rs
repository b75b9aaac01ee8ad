//! Cases of picking: whom calls go to, what is remembered over snapshots, what all being out comes to.

use limen_rules::model::Declared;
use limen_rules::record::Directory;
use limen_rules::snapshot::Snapshot;
use limen_rules::token::Issuer;

use super::*;

const S: u64 = 1_000_000;

fn catalog(apis: serde_json::Value) -> Arc<Catalog> {
    let declared: Declared = serde_json::from_value(serde_json::json!({"apis": apis})).unwrap();
    Snapshot::new(1, &Directory { declared, ..Directory::default() }, Issuer::default()).catalog
}

fn orders(targets: &[(&str, u32)]) -> serde_json::Value {
    let targets: Vec<_> =
        targets.iter().map(|(url, weight)| serde_json::json!({"url": url, "weight": weight})).collect();
    serde_json::json!([{"name": "orders", "base_path": "/o", "targets": targets, "breaker": {"failures": 2, "open_s": 5}}])
}

fn known(targets: &[(&str, u32)]) -> (Targets, Arc<ApiTargets>) {
    let all = Targets::default();
    all.follow(&catalog(orders(targets)));
    let api = Arc::clone(&all.all()[0]);
    (all, api)
}

fn pick(api: &ApiTargets, now_us: u64) -> Option<Picked> {
    api.pick(None, || now_us)
}

fn address(picked: &Picked) -> &str {
    &picked.target().address
}

/// Fails once on every target that gives a call.
fn fail(api: &ApiTargets, now_us: u64) {
    let mut tried: Option<Picked> = None;
    while let Some(mut picked) = api.pick(tried.as_ref(), || now_us) {
        picked.failed(|| now_us);
        if tried.replace(picked).is_some() {
            return;
        }
    }
}

#[test]
fn calls_go_by_weight_and_each_is_in_flight_to_its_end() {
    let (_, api) = known(&[("http://a", 3), ("http://b", 1)]);
    let held: Vec<_> = (0..8).map(|_| pick(&api, 0).unwrap()).collect();
    let to_a = held.iter().filter(|picked| address(picked) == "a:80").count();
    assert_eq!((to_a, api.targets[0].state.in_flight(), api.targets[1].state.in_flight()), (6, 6, 2));
    let bodies: Vec<_> = held.into_iter().map(|picked| picked.answered(200, || 0)).collect();
    assert_eq!(api.targets[0].state.in_flight(), 6, "the body is still to come");
    drop(bodies);
    assert_eq!(api.targets[0].state.in_flight() + api.targets[1].state.in_flight(), 0);
}

#[test]
fn a_target_that_fails_is_left_and_the_other_carries_all() {
    let (_, api) = known(&[("http://a", 1), ("http://b", 1)]);
    for _ in 0..4 {
        let mut picked = pick(&api, 0).unwrap();
        match address(&picked) {
            "a:80" => picked.failed(|| 0),
            _ => drop(picked.answered(200, || 0)),
        }
    }
    let all_b = (0..20).all(|_| {
        let picked = pick(&api, S).unwrap();
        let is_b = address(&picked) == "b:80";
        picked.answered(200, || S);
        is_b
    });
    assert!(all_b);
    assert_eq!(api.next_try_us(S), None, "the other may be called");
    let tried = pick(&api, S).unwrap();
    assert!(api.pick(Some(&tried), || S).is_none(), "no second one is left");
}

#[test]
fn when_all_are_out_nobody_is_called_before_the_soonest_next_try() {
    let (_, api) = known(&[("http://a", 1), ("http://b", 1)]);
    fail(&api, 0);
    fail(&api, S);
    assert!(pick(&api, S).is_none());
    assert_eq!(api.next_try_us(2 * S), Some(4 * S));
    let one = pick(&api, 6 * S).unwrap();
    let two = pick(&api, 6 * S).unwrap();
    assert_ne!(address(&one), address(&two), "one call at a time tries each");
    assert!(pick(&api, 6 * S).is_none());
    drop(one);
    let again = pick(&api, 6 * S).expect("a caller who left has used up no try");
    drop(again.answered(200, || 6 * S));
    drop(two);
    assert!(pick(&api, 6 * S).is_some_and(|picked| api.pick(Some(&picked), || 6 * S).is_some()));
}

#[test]
fn callers_who_leave_and_answers_of_500_open_nothing() {
    let (_, api) = known(&[("http://a", 1)]);
    for _ in 0..50 {
        drop(pick(&api, 0).unwrap());
        drop(pick(&api, 0).unwrap().answered(500, || 0));
    }
    let slow: Vec<_> = (0..50).map(|_| pick(&api, 0).unwrap()).collect();
    drop(pick(&api, S).unwrap().answered(200, || S));
    for mut picked in slow {
        picked.failed(|| 2 * S);
    }
    assert!(pick(&api, 2 * S).is_some(), "it answered another call meanwhile");
    assert_eq!(api.targets[0].state.in_flight(), 0);
}

#[test]
fn a_target_keeps_its_state_while_api_and_address_stay() {
    let (all, api) = known(&[("http://a", 1), ("http://b", 1)]);
    let old = Arc::clone(&api.api);
    fail(&api, 0);
    fail(&api, 0);
    all.follow(&catalog(orders(&[("http://a", 9), ("http://c", 1)])));
    let next = Arc::clone(&all.all()[0]);
    assert!(pick(&next, S).is_some_and(|picked| address(&picked) == "c:80"), "the other is remembered to be out");
    assert!(Arc::ptr_eq(&next.targets[0].state, &api.targets[0].state));
    // A call that began before goes on with the targets of its own picture.
    all.with(&old, |own| {
        assert_eq!(&*own.targets[1].state.target.address, "b:80");
        assert!(Arc::ptr_eq(&own.targets[0].state, &next.targets[0].state));
    });
    let mut off = orders(&[("http://a", 1)]);
    off[0]["breaker"]["enabled"] = false.into();
    all.follow(&catalog(off));
    assert!(pick(&all.all()[0], S).is_some(), "it was switched off");
    fail(&all.all()[0], S);
    fail(&all.all()[0], S);
    all.follow(&catalog(orders(&[("http://d", 1)])));
    all.follow(&catalog(orders(&[("http://a", 1)])));
    assert!(pick(&all.all()[0], S).is_some(), "what was taken away is forgotten");
}

#[test]
fn checks_take_a_target_out_and_back() {
    let (_, api) = known(&[("http://a", 1)]);
    let health = serde_json::from_value(serde_json::json!({"path": "/", "healthy": 2, "unhealthy": 2})).unwrap();
    let state = &api.targets[0].state;
    state.checked(Some("refused"), &health, 0);
    assert!(pick(&api, 0).is_some());
    state.checked(Some("refused"), &health, 0);
    assert!(pick(&api, 0).is_none());
    state.checked(None, &health, 0);
    assert!(pick(&api, 0).is_none() && !state.status(0).is_in());
    state.checked(None, &health, 0);
    assert!(pick(&api, 0).is_some() && state.status(0).is_proven());
    (0..2).for_each(|_| state.checked(Some("refused"), &health, 0));
    state.forget_checks();
    assert!(pick(&api, 0).is_some(), "nobody looks any longer");
}

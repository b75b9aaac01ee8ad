//! What is kept, for how long, and that it comes back as it was.

use limen_rules::explain::{Outcome, Step, Text};

use super::page::PAGE_BYTES;
use super::*;

fn record(request_id: RequestId, cause: Option<Cause>) -> CallRecord {
    CallRecord {
        request_id,
        path: "/".into(),
        status: cause.map_or(200, Cause::status),
        cause,
        ..CallRecord::default()
    }
}

fn refused(request_id: RequestId, words: &str) -> CallRecord {
    let mut record = record(request_id, Some(Cause::TokenMissing));
    record.notes.note(Finding::NotRequired(Step::Key));
    record.notes.note(Finding::Ended {
        step: Step::Token,
        outcome: Outcome::Refused,
        cause: Cause::TokenMissing,
        told: Text::of("No."),
        operator_words: Text::of(words),
    });
    record
}

#[test]
fn refusals_outlive_the_rest_and_both_are_bounded() {
    let journal = Journal::default();
    journal.write(&record(1, Some(Cause::TokenMissing)));
    for id in 2..20_000 {
        journal.write(&record(id, None));
    }
    assert!(journal.find(1).is_some() && journal.find(2).is_none() && journal.find(19_999).is_some());
    assert_eq!(journal.calls_by_status(), [(200, 19_998), (401, 1)]);
    let pages = (STRIPES_MAX + 1) * PAGE_CALLS;
    let (answered, refused) = journal.kept();
    assert!((ANSWERED_CALLS - pages..=ANSWERED_CALLS).contains(&answered), "{answered}");
    assert_eq!(refused, 1);
    assert!(journal.find(20_000 - answered as u128).is_some(), "the last calls, whichever core they came to");
    for id in 20_000..60_000 {
        journal.write(&record(id, Some(Cause::TokenMissing)));
    }
    let (_, refused) = journal.kept();
    assert!((REFUSED_CALLS - pages..=REFUSED_CALLS).contains(&refused), "{refused}");
}

#[test]
fn a_call_comes_back_as_it_was_written() {
    let journal = Journal::default();
    let mut long = refused(1, &"ä".repeat(PAGE_BYTES));
    (long.at_us, long.duration_us) = (-5, u64::MAX);
    let mut strange = refused(2, "");
    (strange.method, strange.path) = (http::Method::from_bytes(b"PROPFIND").unwrap(), "/ä😀".repeat(256));
    let calls = [long, strange, record(3, None), refused(4, "short")];
    for call in &calls {
        journal.write(call);
    }
    for call in &calls {
        assert_eq!(journal.find(call.request_id).as_ref(), Some(call));
    }
    assert_eq!(journal.find(5), None);
}

#[test]
fn calls_that_tell_much_are_bounded_in_bytes() {
    let journal = Journal::default();
    let words = "x".repeat(10_000);
    for id in 0..20_000 {
        journal.write(&refused(id, &words));
    }
    let (_, kept) = journal.kept();
    assert!(kept * words.len() <= REFUSED_CALLS * CALL_BYTES + STRIPES_MAX * PAGE_BYTES, "{kept}");
    assert!(kept > 1_000 && journal.find(19_000).is_some());
}

#[test]
fn every_core_s_calls_are_found_and_the_oldest_of_all_go() {
    let journal = Journal::default();
    let write = |from: u128| (from..from + 3_000).for_each(|id| journal.write(&record(id, None)));
    // Each thread has a number of its own, so that most write into a page of their own.
    for core in 0..6 {
        std::thread::scope(|scope| scope.spawn(|| write(core * 3_000)).join().unwrap());
    }
    let kept: Vec<u128> = (0..18_000).filter(|id| journal.find(*id).is_some()).collect();
    assert_eq!(kept.len(), journal.kept().0);
    assert!((14_000..18_000).all(|id| kept.binary_search(&id).is_ok()), "the last ones are all there");
    let shelved_in_time = kept.iter().filter(|id| **id < 9_000).count();
    assert!(shelved_in_time <= STRIPES_MAX * PAGE_CALLS, "of old ones only what lies in an open page");
}

#[test]
fn a_search_keeps_the_pages_that_it_looks_through() {
    let journal = Journal::default();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..100_000).for_each(|id| journal.write(&record(id, None))));
        while !writer.is_finished() {
            assert!(journal.find(u128::MAX).is_none());
        }
    });
    assert!(journal.find(99_999).is_some() && journal.kept().0 <= ANSWERED_CALLS);
}

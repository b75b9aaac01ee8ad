//! Whatever is noted comes back as it was, in its order, and in the same words.

use proptest::prelude::*;

use super::*;

/// A text of any length: none, short, around the lengths that are told otherwise, and long.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_.-]{0,20}", "\\PC{0,80}", "[a-zß€😀]{240,270}", "[ -~]{600,700}"]
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

/// All that a finding can be made of.
#[derive(Clone, Debug)]
struct Parts {
    kind: usize,
    texts: [String; 5],
    present: [bool; 5],
    numbers: [u64; 2],
    small: [u32; 3],
    statuses: [u16; 2],
    step: Step,
    outcome: Outcome,
    cause: Cause,
    by: Known,
}

fn parts() -> impl Strategy<Value = Parts> {
    let texts = proptest::array::uniform5(text());
    let plain = (any::<[bool; 5]>(), any::<[u64; 2]>(), any::<[u32; 3]>(), any::<[u16; 2]>());
    let chosen = (one_of(&Step::ALL), one_of(&Outcome::ALL), one_of(&Cause::ALL), one_of(&Known::ALL));
    (0..Kind::ALL.len(), texts, plain, chosen).prop_map(|(kind, texts, plain, chosen)| {
        let ((present, numbers, small, statuses), (step, outcome, cause, by)) = (plain, chosen);
        Parts { kind, texts, present, numbers, small, statuses, step, outcome, cause, by }
    })
}

impl Parts {
    fn finding(&self) -> Finding<'_> {
        let [a, b, c, d, e] = self.texts.each_ref().map(Text::of);
        let maybe = |at: usize| Some([a, b, c, d, e][at]).filter(|_| self.present[at]);
        let number = |at: usize| Some(self.numbers[at]).filter(|_| self.present[at]);
        let Self { small: [limit, window_s, remaining], statuses: [status, leaves_as], .. } = *self;
        match Kind::ALL[self.kind] {
            Kind::Route => Finding::Route { api: a, operation: maybe(1) },
            Kind::Preflight => Finding::Preflight,
            Kind::NoticeOpen => Finding::NoticeOpen,
            Kind::Key => {
                let which = if self.present[0] { Which::Primary } else { Which::Secondary };
                Finding::Key { subscription: a, product: b, which }
            }
            Kind::Rate => Finding::Rate { limit, window_s, remaining },
            Kind::Token => Finding::Token {
                user: maybe(0),
                application: maybe(1),
                environment: c,
                issuer: maybe(3),
                grant: maybe(4),
                mode: if self.present[2] { Mode::Full } else { Mode::Limited },
                by: self.by,
            },
            Kind::Limited => Finding::Limited { connection: maybe(0), token: maybe(1), left: c },
            Kind::Permission => Finding::Permission { permission: a },
            Kind::Policies => Finding::Policies { asked: a, refused: b },
            Kind::Media => Finding::Media { body: self.present[0] },
            Kind::Body => Finding::Body { bytes: self.numbers[0] },
            Kind::Quota => Finding::Quota { calls_remaining: number(0), bytes_remaining: number(1) },
            Kind::GivenBack => Finding::GivenBack,
            Kind::Service => Finding::Service { target: a, status, leaves_as },
            Kind::NotRequired => Finding::NotRequired(self.step),
            Kind::Ended => {
                Finding::Ended { step: self.step, outcome: self.outcome, cause: self.cause, told: a, operator_words: b }
            }
        }
    }
}

proptest! {
    #[test]
    fn what_was_noted_comes_back(all in proptest::collection::vec(parts(), 0..14)) {
        let noted: Vec<_> = all.iter().map(Parts::finding).collect();
        let mut notes = Notes::default();
        noted.iter().for_each(|finding| notes.note(*finding));
        // Kept elsewhere meanwhile.
        let kept = Notes::of(notes.as_bytes());
        let read: Vec<_> = kept.findings().collect();
        prop_assert_eq!(&read, &noted);
        for (read, noted) in read.iter().zip(&noted) {
            prop_assert_eq!(read.words(), noted.words());
        }
    }

    #[test]
    fn bytes_that_nobody_noted_end_somewhere(bytes in any::<Vec<u8>>()) {
        let notes = Notes::of(&bytes);
        let words: Vec<_> = notes.findings().map(|finding| finding.words()).collect();
        prop_assert!(words.len() <= bytes.len());
    }
}

#[test]
fn every_kind_and_step_stands_at_its_number() {
    let numbers = |count: usize| (0..count).collect::<Vec<_>>();
    assert_eq!(Kind::ALL.map(|one| one as usize).to_vec(), numbers(Kind::ALL.len()));
    assert_eq!(Step::ALL.map(|one| one as usize).to_vec(), numbers(Step::ALL.len()));
    assert_eq!(Outcome::ALL.map(|one| one as usize).to_vec(), numbers(Outcome::ALL.len()));
    assert_eq!(Known::ALL.map(|one| one as usize).to_vec(), numbers(Known::ALL.len()));
    assert_eq!([Which::Primary, Which::Secondary].map(|one| one as usize), [0, 1]);
    assert_eq!([Mode::Full, Mode::Limited].map(|one| one as usize), [0, 1]);
}

#[test]
fn a_usual_call_s_findings_take_few_bytes() {
    let mut notes = Notes::default();
    for finding in [
        Finding::Route { api: Text::of("orders"), operation: Some(Text::of("get-order")) },
        Finding::NoticeOpen,
        Finding::Key { subscription: Text::of("sub_0123456789ab"), product: Text::of("gold"), which: Which::Primary },
        Finding::Rate { limit: 100, window_s: 1, remaining: 99 },
        Finding::Token {
            user: Some(Text::of("bo")),
            application: Some(Text::of("shop")),
            environment: Text::of("north"),
            issuer: None,
            grant: Some(Text::of("grant_0123456789abcdef")),
            mode: Mode::Full,
            by: Known::Remembered,
        },
        Finding::Permission { permission: Text::of("order.read") },
        Finding::Media { body: false },
        Finding::Body { bytes: 0 },
        Finding::Quota { calls_remaining: Some(1_000_000), bytes_remaining: None },
        Finding::Service { target: Text::of("127.0.0.1:9000"), status: 200, leaves_as: 200 },
    ] {
        notes.note(finding);
    }
    assert!(notes.as_bytes().len() < 192, "{}", notes.as_bytes().len());
}

//! What our engine accepts, sent to each server itself: it reads the same requests, or refuses.

use limen_fuzz::reading::odd_cuts;

use crate::cases::{changed, ends_itself, kept, uploads, whole};
use crate::compare::{Report, Seen, difference, field_difference, origin_form, readings, talk};
use crate::servers::{self, Server};

#[test]
fn what_we_accept_is_read_alike_by_others() {
    let servers = servers::all();
    let mut report = Report::default();
    let mut count = Count::default();
    let kept = kept();
    println!("{} kept cases", kept.len());
    for (index, bytes) in kept.into_iter().chain(uploads()).chain(changed(600)).enumerate() {
        if report.is_enough() {
            break;
        }
        for server in &servers {
            let pieces = if index.is_multiple_of(2) { vec![&bytes[..]] } else { odd_cuts(&bytes) };
            compare(server, &bytes, &pieces, &mut count, &mut report);
        }
    }
    report.finish(300);
}

/// How many requests the recorder saw, as far as answers tell.
#[derive(Default)]
struct Count {
    last: u64,
    /// Requests since then that got no reading: one whose successor in the pipeline is refused may have been seen all
    /// the same, and its answer lost.
    unanswered: u64,
}

impl Count {
    /// Takes the number of a reading, and says how many were seen before it that we don't know of.
    fn more_than(&mut self, number: u64) -> Option<u64> {
        let most = self.last + 1 + std::mem::take(&mut self.unanswered);
        self.last = number;
        number.checked_sub(most).filter(|more| *more > 0)
    }
}

fn compare(server: &Server, bytes: &[u8], pieces: &[&[u8]], count: &mut Count, report: &mut Report) {
    let name = server.name;
    let reading = whole(bytes).expect("a case that we accept");
    let talk = talk(server.address, pieces, !ends_itself(bytes, &reading));
    let ours = reading.requests;
    let answered = match readings(&talk, &ours) {
        Ok(answered) => answered,
        Err(wrong) => return report.differ(name, bytes, &wrong),
    };
    if !talk.is_closed {
        report.differ(name, bytes, &format!("it waits for more after {} answers", answered.len()));
    }
    if answered.len() > ours.len() {
        report.differ(name, bytes, &format!("{} answers to {} requests", answered.len(), ours.len()));
    }
    for (request, (status, seen)) in ours.iter().zip(&answered) {
        let Some(seen) = seen else {
            let case = format!("{} {}", request.method, bytes.escape_ascii());
            count.unanswered += 1;
            report.stricter.entry(format!("{name} answers {status} itself to")).or_default().push(case);
            continue;
        };
        if let Some(more) = count.more_than(seen.number) {
            report.differ(name, bytes, &format!("{more} requests were seen that we don't know"));
        }
        match read_differently(name, request, seen) {
            Some(what) => report.differ(name, bytes, &what),
            None => *report.alike.entry(name).or_default() += 1,
        }
    }
    if answered.len() < ours.len() {
        count.unanswered += (ours.len() - answered.len()) as u64;
        let case = bytes.escape_ascii().to_string();
        report.stricter.entry(format!("{name} closes early after")).or_default().push(case);
    }
}

fn read_differently(server: &str, ours: &limen_fuzz::reading::Request, seen: &Seen) -> Option<String> {
    let host = ours.field("host").map(String::from_utf8_lossy);
    let target = match server {
        "node" => ours.target.clone(),
        // It encodes what it hands on; what it took is in the request line, which is compared too.
        "apache" => seen.target.clone(),
        _ => origin_form(&ours.target),
    };
    difference(ours, seen, &target, host.as_deref()).or_else(|| field_difference(ours, seen))
}

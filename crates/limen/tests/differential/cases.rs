//! What is sent: every kept input of the fuzz targets that our engine accepts whole, and changed ones from a seed.

use std::collections::HashSet;

use limen_fuzz::corpus;
use limen_fuzz::mutation::{Dice, mutated, new_seed, told_seed};
use limen_fuzz::reading::{Ending, Reading, read};
use limen_http1::connection::Limits;

/// Ends a connection that would live on, and shows where a server thinks that the request before it ended.
pub(crate) const LAST: &[u8] = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// The kept cases that we accept, each with what ends its connection.
pub(crate) fn kept() -> Vec<Vec<u8>> {
    let chunks = corpus::load("chunks").into_iter().map(chunked);
    let mut seen = HashSet::new();
    let whole = corpus::load("requests").into_iter().chain(chunks).filter_map(ended);
    whole.filter(|bytes| seen.insert(bytes.clone())).collect()
}

/// So many changed cases that we accept.
pub(crate) fn changed(count: usize) -> Vec<Vec<u8>> {
    let seed = told_seed().unwrap_or_else(new_seed);
    println!("changed requests from LIMEN_FUZZ_SEED={seed}");
    let inputs: Vec<_> =
        kept().into_iter().map(|bytes| bytes.strip_suffix(LAST).map_or(bytes.clone(), <[u8]>::to_vec)).collect();
    let mut dice = Dice::new(seed);
    let mut seen: HashSet<_> = kept().into_iter().collect();
    let mut found = Vec::new();
    for _ in 0..count * 200 {
        if let Some(bytes) = ended(mutated(&inputs, &mut dice))
            && seen.insert(bytes.clone())
        {
            found.push(bytes);
        }
        if found.len() == count {
            return found;
        }
    }
    panic!("only {} of {count} changed requests are accepted", found.len());
}

/// Uploads in chunks of odd sizes, one after the other on a connection.
pub(crate) fn uploads() -> Vec<Vec<u8>> {
    let mut cases = Vec::new();
    for sizes in [&[1][..], &[1, 1, 1], &[16, 1, 255], &[4_095, 4_097], &[65_536, 3], &[7; 300], &[16_384; 4]] {
        let mut bytes = Vec::new();
        for round in 0..2 {
            bytes.extend_from_slice(b"POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (index, size) in sizes.iter().enumerate() {
                // Bodies that look like what stands around them.
                let piece: Vec<u8> = b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
                    .iter()
                    .cycle()
                    .skip(index)
                    .take(*size)
                    .copied()
                    .collect();
                let digits = if round == 0 { format!("{size:x}") } else { format!("{size:08X}") };
                bytes.extend_from_slice(format!("{digits}\r\n").as_bytes());
                bytes.extend_from_slice(&piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        cases.extend(ended(bytes));
    }
    assert_eq!(cases.len(), 7);
    cases
}

fn chunked(chunks: Vec<u8>) -> Vec<u8> {
    [b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), chunks].concat()
}

/// The bytes with an end to their connection; none where we don't accept all of them.
fn ended(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let lives_on = whole(&bytes)?.requests.last()?.keep_alive;
    if lives_on {
        bytes.extend_from_slice(LAST);
        whole(&bytes)?;
    }
    Some(bytes)
}

/// Our reading of a connection that is whole to its last byte, and has no byte that we leave unread: a server that is
/// sent more than it reads may reset the connection, and its answer is lost.
pub(crate) fn whole(bytes: &[u8]) -> Option<Reading> {
    let reading = read([bytes], Limits::default(), true);
    let is_whole = reading.ending == Ending::Closed && reading.requests.iter().all(|request| request.is_whole);
    let shorter = read([bytes.get(..bytes.len().checked_sub(1)?)?], Limits::default(), true);
    (is_whole && !reading.requests.is_empty() && shorter != reading).then_some(reading)
}

/// Whether the request that ends the connection is ours, so that nothing else need end it. Where another protocol was
/// asked for, a server may take all that follows for it.
pub(crate) fn ends_itself(bytes: &[u8], reading: &Reading) -> bool {
    bytes.ends_with(LAST)
        && !reading.requests.iter().any(|request| request.field("upgrade").is_some() || request.method == "CONNECT")
}

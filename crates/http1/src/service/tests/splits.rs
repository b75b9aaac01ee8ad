//! Laws of all answers: cuts change nothing, what was made is what is read, changed answers neither panic nor loop.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Made {
    Length(Vec<u8>),
    Chunks(Vec<Vec<u8>>),
    UntilClose(Vec<u8>),
}

fn made() -> impl Strategy<Value = Made> {
    let piece = || prop::collection::vec(any::<u8>(), 1..60);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..90).prop_map(Made::Length),
        prop::collection::vec(piece(), 0..4).prop_map(Made::Chunks),
        prop::collection::vec(any::<u8>(), 0..90).prop_map(Made::UntilClose),
    ]
}

/// The bytes of an answer, and its body.
fn wire(made: &Made, interim: usize, status: u16) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(interim);
    bytes.extend_from_slice(format!("HTTP/1.1 {status} X\r\nX-A: b\r\n").as_bytes());
    let body = match made {
        Made::Length(data) => {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", data.len()).as_bytes());
            bytes.extend_from_slice(data);
            data.clone()
        }
        Made::UntilClose(data) => {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(data);
            data.clone()
        }
        Made::Chunks(chunks) => {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in chunks {
                bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            chunks.concat()
        }
    };
    (bytes, body)
}

fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// What may be wrong with an answer that nearly is one.
const SEEDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\0",
    b":",
    b"0",
    b"\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"Connection: close\r\n",
    b"ffffffffffffffff",
];

fn mutate(bytes: &mut Vec<u8>, (kind, place, what): (usize, usize, usize)) {
    let at = place % (bytes.len() + 1);
    let end = (at + 1 + what % 8).min(bytes.len());
    let seed = SEEDS[what % SEEDS.len()];
    match kind % 5 {
        0 => drop(bytes.splice(at..at, seed.iter().copied())),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..end, seed.iter().copied())),
        3 if at < bytes.len() => bytes[at] = (what % 256) as u8,
        _ => bytes.truncate(at),
    }
}

proptest! {
    #[test]
    fn what_was_made_is_what_is_read(
        made in made(),
        interim in 0_usize..4,
        status in prop::sample::select(vec![200_u16, 201, 404, 500]),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (bytes, body) = wire(&made, interim, status);
        let (told, is_reusable) =
            answer_of(asked(&Method::GET, false, ANSWER_LIMITS), cut(&bytes, &places), true);
        prop_assert!(told.starts_with(&status.to_string()) && told.ends_with("end"), "{}", told);
        let data = if body.is_empty() { String::new() } else { format!("'{}' | end", body.escape_ascii()) };
        prop_assert!(told.ends_with(&data), "{}", told);
        prop_assert_eq!(is_reusable, !matches!(made, Made::UntilClose(_)));
    }

    #[test]
    fn cuts_change_nothing(
        made in made(),
        changes in prop::collection::vec((any::<usize>(), any::<usize>(), any::<usize>()), 0..5),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        is_head in any::<bool>(),
        is_small in any::<bool>(),
        eof in any::<bool>(),
    ) {
        let (mut bytes, _) = wire(&made, 1, 200);
        for change in changes {
            mutate(&mut bytes, change);
        }
        let small = Limits { head_max_bytes: 90, fields_max: 3, trailers_max_bytes: 20, buffered_max_bytes: 0 };
        let limits = if is_small { small } else { ANSWER_LIMITS };
        let method = if is_head { Method::HEAD } else { Method::GET };
        let read = |pieces: Vec<&[u8]>| answer_of(asked(&method, false, limits), pieces, eof);
        let whole = read(vec![&bytes]);
        prop_assert_eq!(&read(cut(&bytes, &places)), &whole);
        prop_assert_eq!(&read(bytes.chunks(1).collect()), &whole);
    }

    #[test]
    fn any_bytes_end_in_events(bytes in prop::collection::vec(any::<u8>(), 0..200), is_answer in any::<bool>()) {
        let bytes = if is_answer { [b"HTTP/1.1 200 OK\r\n", &bytes[..]].concat() } else { bytes };
        let read = |size: usize| answer_of(asked(&Method::GET, false, ANSWER_LIMITS), bytes.chunks(size), true);
        prop_assert_eq!(read(usize::MAX), read(3));
    }
}

//! Raw answers: what is read from them, what is wrong with them, and whether the next call may use the connection.

use super::*;

/// A line's end is CR LF, `␊` and `␍` are one of them alone.
fn wire(text: &str) -> Vec<u8> {
    let byte = |character: char| match character {
        '\n' => b"\r\n".to_vec(),
        '␊' => b"\n".to_vec(),
        '␍' => b"\r".to_vec(),
        other => vec![u8::try_from(u32::from(other)).unwrap()],
    };
    text.chars().flat_map(byte).collect()
}

/// What is told of an answer to GET (or to the method before a bar), and whether the connection may be used again.
fn said(text: &str) -> (String, bool) {
    let (method, text) = text.split_once('|').unwrap_or(("GET", text));
    let (text, eof) = text.strip_suffix('∎').map_or((text, false), |text| (text, true));
    answer_to(&method.parse().unwrap(), method == "GET" && text.contains("upgrade: ws"), &wire(text), eof)
}

/// Where `∎` stands, the service closed its side.
const READ: &[(&str, &str, bool)] = &[
    ("HTTP/1.1 200 OK\nContent-Length: 2\n\nab", "200 HTTP/1.1 Length(2) [content-length=2] | 'ab' | end", true),
    ("HTTP/1.1 200\nContent-Length: 0\n\n", "200 HTTP/1.1 Length(0) [content-length=0] | end", true),
    ("HTTP/1.1 200 \nContent-Length: 0\n\n", "200 HTTP/1.1 Length(0) [content-length=0] | end", true),
    ("HTTP/1.1 200 \u{e4}\t!\ncontent-length:0\n\n", "200 HTTP/1.1 Length(0) [content-length=0] | end", true),
    ("HTTP/1.1 999 Odd\nContent-Length: 0\n\n", "999 HTTP/1.1 Length(0) [content-length=0] | end", true),
    ("HTTP/1.1 205 Reset\nContent-Length: 0\n\n", "205 HTTP/1.1 Length(0) [content-length=0] | end", true),
    ("HTTP/1.1 418 Tea\nContent-Length: 1\n\nx", "418 HTTP/1.1 Length(1) [content-length=1] | 'x' | end", true),
    (
        "HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n2\nab\n00A\n0123456789\n0\n\n",
        "200 HTTP/1.1 Chunked [transfer-encoding=Chunked] | 'ab0123456789' | end",
        true,
    ),
    (
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\nContent-Length: 7\nSet-Cookie: a=b\n\n",
        "200 HTTP/1.1 Chunked [transfer-encoding=chunked] | 'a' | end",
        true,
    ),
    // Neither told: up to the end, and only an orderly one is one.
    ("HTTP/1.1 200 OK\n\nabc∎", "200 HTTP/1.1 UntilClose [] | 'abc' | end", false),
    ("HTTP/1.1 200 OK\n\n∎", "200 HTTP/1.1 UntilClose [] | end", false),
    ("HTTP/1.1 200 OK\n\nabc", "200 HTTP/1.1 UntilClose [] | 'abc'", false),
    ("HTTP/1.0 200 OK\n\nabc∎", "200 HTTP/1.0 UntilClose [] | 'abc' | end", false),
    // Who closes.
    (
        "HTTP/1.1 200 OK\nContent-Length: 0\nConnection: x, Close\n\n",
        "200 HTTP/1.1 Length(0) [content-length=0; connection=x, Close] | end",
        false,
    ),
    (
        "HTTP/1.1 200 OK\nContent-Length: 0\nConnection: a=b\n\n",
        "200 HTTP/1.1 Length(0) [content-length=0; connection=a=b] | end",
        false,
    ),
    ("HTTP/1.0 200 OK\nContent-Length: 1\n\na", "200 HTTP/1.0 Length(1) [content-length=1] | 'a' | end", false),
    (
        "HTTP/1.0 200 OK\nContent-Length: 1\nConnection: Keep-Alive\n\na",
        "200 HTTP/1.0 Length(1) [content-length=1; connection=Keep-Alive] | 'a' | end",
        true,
    ),
    (
        "HTTP/1.0 200 OK\nContent-Length: 1\nConnection: keep-alive, close\n\na",
        "200 HTTP/1.0 Length(1) [content-length=1; connection=keep-alive, close] | 'a' | end",
        false,
    ),
    // Without a body, whatever is announced; what may follow must not be the next call's answer.
    ("HEAD|HTTP/1.1 200 OK\n\n", "200 HTTP/1.1 None [] | end", true),
    ("HEAD|HTTP/1.1 200 OK\nContent-Length: 0\n\n", "200 HTTP/1.1 None [content-length=0] | end", true),
    ("HEAD|HTTP/1.1 200 OK\nContent-Length: 5\n\n", "200 HTTP/1.1 None [content-length=5] | end", false),
    ("HEAD|HTTP/1.1 200 OK\nContent-Length: 2\n\nab", "200 HTTP/1.1 None [content-length=2] | end", false),
    (
        "HEAD|HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
        "200 HTTP/1.1 None [transfer-encoding=chunked] | end",
        false,
    ),
    ("HTTP/1.1 204 No\n\n", "204 HTTP/1.1 None [] | end", true),
    ("HTTP/1.1 204 No\nContent-Length: 3\n\nabc", "204 HTTP/1.1 None [content-length=3] | end", false),
    ("HTTP/1.1 304 Not\nContent-Length: 3\n\n", "304 HTTP/1.1 None [content-length=3] | end", false),
    ("HTTP/1.1 304 Not\n\n", "304 HTTP/1.1 None [] | end", true),
    // More than the answer: it is whole, and nobody may be next.
    (
        "HTTP/1.1 200 OK\nContent-Length: 1\n\naHTTP/1.1 200 OK\nContent-Length: 1\n\nb",
        "200 HTTP/1.1 Length(1) [content-length=1] | 'a' | end",
        false,
    ),
    ("HTTP/1.1 200 OK\nContent-Length: 1\n\na\n", "200 HTTP/1.1 Length(1) [content-length=1] | 'a' | end", false),
    (
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n\nx",
        "200 HTTP/1.1 Chunked [transfer-encoding=chunked] | end",
        false,
    ),
    ("HTTP/1.1 204 No\n\nx", "204 HTTP/1.1 None [] | end", false),
    // Interim answers are dropped.
    (
        "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early\nLink: x\n\nHTTP/1.1 102\nContent-Length: 0\n\nHTTP/1.1 204\n\n",
        "204 HTTP/1.1 None [] | end",
        true,
    ),
    ("HTTP/1.1 101 Up\nupgrade: ws\n\n", "101 HTTP/1.1 None [upgrade=ws]", false),
    ("HTTP/1.1 100\n\n", "", false),
    ("", "", false),
];

#[test]
fn what_is_read() {
    for (answer, told, is_reusable) in READ {
        assert_eq!(said(answer), ((*told).to_owned(), *is_reusable), "{answer}");
    }
}

/// Whole answers from their begin, with the flaw and its place.
const REFUSED: &[(&str, AnswerFlaw, u64)] = &[
    ("\nHTTP/1.1 200 OK\n\n", AnswerFlaw::StatusLine, 0),
    ("SSH-2.0-OpenSSH", AnswerFlaw::StatusLine, 0),
    ("http/1.1 200 OK\n\n", AnswerFlaw::StatusLine, 0),
    ("HTTX/1.1 200 OK\n\n", AnswerFlaw::StatusLine, 3),
    ("HTTP 200 OK\n\n", AnswerFlaw::StatusLine, 4),
    ("<html>", AnswerFlaw::StatusLine, 0),
    ("\0", AnswerFlaw::StatusLine, 0),
    ("HTTP/2 200\n\n", AnswerFlaw::Version, 5),
    ("HTTP/1.2 200 OK\n\n", AnswerFlaw::Version, 5),
    ("HTTP/1.10 200 OK\n\n", AnswerFlaw::StatusLine, 8),
    ("HTTP/1.1\n\n", AnswerFlaw::StatusLine, 8),
    ("HTTP/1.1\t200 OK\n\n", AnswerFlaw::StatusLine, 8),
    ("HTTP/1.1  200 OK\n\n", AnswerFlaw::Status, 9),
    ("HTTP/1.1 20 OK\n\n", AnswerFlaw::Status, 9),
    ("HTTP/1.1 2000 OK\n\n", AnswerFlaw::Status, 12),
    ("HTTP/1.1 099 OK\n\n", AnswerFlaw::Status, 9),
    ("HTTP/1.1 -20 OK\n\n", AnswerFlaw::Status, 9),
    ("HTTP/1.1 200\tOK\n\n", AnswerFlaw::Status, 12),
    ("HTTP/1.1 200 O\0K\n\n", AnswerFlaw::StatusLine, 14),
    ("HTTP/1.1 200 O␍K\n\n", AnswerFlaw::Form(Flaw::BareCarriageReturn), 14),
    ("HTTP/1.1 200 OK␊\n\n", AnswerFlaw::Form(Flaw::BareLineFeed), 15),
    ("HTTP/1.1 200 OK\nA: b␊\n\n", AnswerFlaw::Form(Flaw::BareLineFeed), 21),
    ("HTTP/1.1 200 OK\nA: b␍Set-Cookie: c\n\n", AnswerFlaw::Form(Flaw::BareCarriageReturn), 21),
    ("HTTP/1.1 200 OK\nA: b\0\n\n", AnswerFlaw::Form(Flaw::FieldValue), 21),
    ("HTTP/1.1 200 OK\nA b: c\n\n", AnswerFlaw::Form(Flaw::FieldName), 18),
    ("HTTP/1.1 200 OK\nA : c\n\n", AnswerFlaw::Form(Flaw::SpaceBeforeColon), 18),
    ("HTTP/1.1 200 OK\n: c\n\n", AnswerFlaw::Form(Flaw::EmptyFieldName), 17),
    ("HTTP/1.1 200 OK\nno colon\n\n", AnswerFlaw::Form(Flaw::MissingColon), 25),
    ("HTTP/1.1 200 OK\nA: b\n c\n\n", AnswerFlaw::Form(Flaw::FoldedField), 23),
    ("HTTP/1.1 200 OK\n A: b\n\n", AnswerFlaw::Form(Flaw::FoldedField), 17),
    ("HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 1\n\na", AnswerFlaw::Form(Flaw::ContentLengthRepeated), 36),
    ("HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\na", AnswerFlaw::Form(Flaw::ContentLengthRepeated), 36),
    ("HTTP/1.1 200 OK\nContent-Length: 1, 1\n\na", AnswerFlaw::Form(Flaw::ContentLengthRepeated), 17),
    ("HTTP/1.1 200 OK\nContent-Length: +1\n\na", AnswerFlaw::Form(Flaw::ContentLengthMalformed), 17),
    ("HTTP/1.1 200 OK\nContent-Length: 01\n\na", AnswerFlaw::Form(Flaw::ContentLengthMalformed), 17),
    ("HTTP/1.1 200 OK\nContent-Length: -1\n\na", AnswerFlaw::Form(Flaw::ContentLengthMalformed), 17),
    ("HTTP/1.1 200 OK\nContent-Length: 0x1\n\na", AnswerFlaw::Form(Flaw::ContentLengthMalformed), 17),
    ("HTTP/1.1 200 OK\nContent-Length:\n\na", AnswerFlaw::Form(Flaw::ContentLengthMalformed), 17),
    ("HTTP/1.1 200 OK\nContent-Length: 9223372036854775808\n\na", AnswerFlaw::Form(Flaw::ContentLengthTooLarge), 17),
    ("HTTP/1.1 200 OK\nContent_Length: 1\n\na", AnswerFlaw::Form(Flaw::Lookalike), 17),
    (
        "HEAD|HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 1\n\n",
        AnswerFlaw::Form(Flaw::ContentLengthRepeated),
        36,
    ),
    (
        "HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked\n\n0\n\n",
        AnswerFlaw::Form(Flaw::LengthAndTransferEncoding),
        17,
    ),
    (
        "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n0\n\n",
        AnswerFlaw::Form(Flaw::TransferEncodingRepeated),
        17,
    ),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: gzip\n\n", AnswerFlaw::Form(Flaw::TransferEncodingUnsupported), 17),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: identity\n\n", AnswerFlaw::Form(Flaw::TransferEncodingUnsupported), 17),
    ("HTTP/1.1 200 OK\nTransfer-Encoding: \u{b}chunked\n\n", AnswerFlaw::Form(Flaw::FieldValue), 36),
    (
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n",
        AnswerFlaw::Form(Flaw::TransferEncodingRepeated),
        45,
    ),
    ("HTTP/1.1 200 OK\nTransfer_Encoding: chunked\n\n", AnswerFlaw::Form(Flaw::Lookalike), 17),
    ("HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n", AnswerFlaw::Form(Flaw::TransferEncodingInHttp10), 17),
    ("HTTP/1.1 101 Up\nUpgrade: x\n\n", AnswerFlaw::UnaskedSwitch, 0),
    ("HEAD|HTTP/1.1 101 Up\nUpgrade: x\n\n", AnswerFlaw::UnaskedSwitch, 0),
    ("HTTP/1.0 101 Up\nupgrade: ws\n\n", AnswerFlaw::UnaskedSwitch, 0),
    ("HTTP/1.1 101 Up\nupgrade: ws\nContent-Length: 1\n\n", AnswerFlaw::InterimBody, 0),
    ("HTTP/1.1 100 Continue\nContent-Length: 1\n\nx", AnswerFlaw::InterimBody, 0),
    ("HTTP/1.1 103 Early\nTransfer-Encoding: chunked\n\n0\n\n", AnswerFlaw::InterimBody, 0),
    ("HTTP/1.1 100\n\nHTTP/1.1 101 Up\n\n", AnswerFlaw::UnaskedSwitch, 16),
    ("HTTP/1.1 100\n\ngarbage", AnswerFlaw::StatusLine, 16),
    ("∎", AnswerFlaw::TruncatedHead, 0),
    ("HTT∎", AnswerFlaw::TruncatedHead, 3),
    ("HTTP/1.1 200 OK\nContent-∎", AnswerFlaw::TruncatedHead, 25),
    ("HTTP/1.1 100\n\n∎", AnswerFlaw::TruncatedHead, 16),
];

#[test]
fn what_is_no_answer() {
    for (answer, flaw, offset) in REFUSED {
        assert_eq!(said(answer), (format!("{flaw:?}@{offset}"), false), "{answer}");
        assert_eq!(flaw.is_truncated(), answer.ends_with('∎'));
    }
}

/// Bodies behind a good head of this framing.
const BROKEN_BODIES: &[(&str, &str, AnswerFlaw)] = &[
    ("Content-Length: 5", "abc∎", AnswerFlaw::TruncatedBody),
    ("Content-Length: 5", "∎", AnswerFlaw::TruncatedBody),
    ("Transfer-Encoding: chunked", "∎", AnswerFlaw::TruncatedBody),
    ("Transfer-Encoding: chunked", "3\nab∎", AnswerFlaw::TruncatedBody),
    ("Transfer-Encoding: chunked", "3\nabc∎", AnswerFlaw::TruncatedBody),
    ("Transfer-Encoding: chunked", "3\nabc\n∎", AnswerFlaw::TruncatedBody),
    ("Transfer-Encoding: chunked", "3\nabc\n0\n∎", AnswerFlaw::TruncatedBody),
    ("Transfer-Encoding: chunked", "3\nabc\n0\nA: b\n∎", AnswerFlaw::TruncatedBody),
    ("Transfer-Encoding: chunked", "xyz\n", AnswerFlaw::Form(Flaw::ChunkSizeMalformed)),
    ("Transfer-Encoding: chunked", "\n", AnswerFlaw::Form(Flaw::ChunkSizeEmpty)),
    ("Transfer-Encoding: chunked", "3 \nabc\n0\n\n", AnswerFlaw::Form(Flaw::ChunkSizeMalformed)),
    ("Transfer-Encoding: chunked", "3;a=b\nabc\n0\n\n", AnswerFlaw::Form(Flaw::ChunkExtension)),
    ("Transfer-Encoding: chunked", "3␊abc\n0\n\n", AnswerFlaw::Form(Flaw::BareLineFeed)),
    ("Transfer-Encoding: chunked", "3\nabcd\n0\n\n", AnswerFlaw::Form(Flaw::ChunkEnd)),
    ("Transfer-Encoding: chunked", "3\nabc0\n\n", AnswerFlaw::Form(Flaw::ChunkEnd)),
    ("Transfer-Encoding: chunked", "8000000000000000\n", AnswerFlaw::Form(Flaw::ChunkSizeTooLarge)),
    ("Transfer-Encoding: chunked", "00000000000000001\n", AnswerFlaw::Form(Flaw::ChunkSizeTooLarge)),
    ("Transfer-Encoding: chunked", "-1\n", AnswerFlaw::Form(Flaw::ChunkSizeMalformed)),
    ("Transfer-Encoding: chunked", "0\nno colon\n\n", AnswerFlaw::Form(Flaw::MissingColon)),
    ("Transfer-Encoding: chunked", "0\n a: b\n\n", AnswerFlaw::Form(Flaw::FoldedField)),
];

#[test]
fn bodies_that_break_never_end() {
    for (framing, body, flaw) in BROKEN_BODIES {
        let (told, is_reusable) = said(&format!("HTTP/1.1 200 OK\n{framing}\n\n{body}"));
        assert!(told.starts_with("200 HTTP/1.1") && !told.contains("end"), "{body}: {told}");
        assert!(told.split('@').next().is_some_and(|told| told.ends_with(&format!("{flaw:?}"))), "{body}: {told}");
        assert!(!is_reusable, "{body}");
    }
}

#[test]
fn heads_interim_answers_and_trailers_are_bounded() {
    let large = |name_len: usize| format!("HTTP/1.1 200 OK\nContent-Length: 0\n{}: x\n\n", "x".repeat(name_len));
    let of = |text: &str| answer_of(asked(&Method::GET, false, ANSWER_LIMITS), [&wire(text)[..]], false).0;
    assert!(of(&large(60_000)).ends_with("end"));
    assert!(of(&large(65_536)).starts_with("HeadTooLarge@65536"));
    let fields = |count: usize| format!("HTTP/1.1 200 OK\nContent-Length: 0\n{}\n", "a: b\n".repeat(count));
    assert!(of(&fields(199)).ends_with("end"));
    assert!(of(&fields(200)).starts_with("TooManyFields"));
    let storm = |count: usize| format!("{}HTTP/1.1 204 No\n\n", "HTTP/1.1 103 Early\n\n".repeat(count));
    assert!(of(&storm(16)).ends_with("end"));
    assert!(of(&storm(17)).starts_with("TooManyInterim"));
    let heavy = format!("HTTP/1.1 103 Early\na: {}\n\n", "b".repeat(30_000)).repeat(3);
    assert!(of(&heavy).starts_with("TooManyInterim"));
    let trailers = format!("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\na: {}\n\n", "b".repeat(9_000));
    assert!(of(&trailers).contains("Form(TrailersTooLarge)"));
}

#[test]
fn words_are_whole_and_never_repeat_what_came() {
    for (_, flaw, offset) in REFUSED {
        let text = Defect { flaw: *flaw, offset: *offset }.to_string();
        assert!(text.len() > 20 && text.ends_with(&format!("(byte {offset})")), "{text}");
    }
}

//! Changed inputs from a seed, so that a run is named by one number. It knows no target.

use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Duration, Instant};

/// Numbers from a seed (xorshift64*).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) as usize % bound
    }
}

/// What readers of text and of HTTP stumble over.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b",",
    b";",
    b"0",
    b"\r\n\r\n",
    b"\xff",
    b"\xc3\xa9",
    b"#",
    b"-",
    b"_",
    b"/",
    b"//",
    b"/../",
    b"%2e",
    b"%2F",
    b"%00",
    b"%",
    b"?",
    b"&",
    b"=",
    b"*",
    b"\"",
    b"\\",
    b"\\u0000",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\r\n ",
    b"9",
    b"ffffffffffffffff",
    b"1e9",
    b"Host: h\r\n",
    b" HTTP/1.1",
    b"HTTP/1.0",
    b"Content-Length: 3\r\n",
    b"Content-Length: 03\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: x\r\n",
    b"http://h",
    b"GET ",
    b"HEAD ",
    b"5\r\nabcde\r\n",
    b"0\r\n\r\n",
    b"&a ",
    b"*a ",
    b"- ",
    b"? ",
    b"|\n ",
    b"q=0",
    b"application/json",
];

/// One of the inputs, changed one to five times.
#[must_use]
pub fn mutated(inputs: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inputs[dice.below(inputs.len())].clone();
    for _ in 0..1 + dice.below(5) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + 1 + dice.below(8)).min(bytes.len());
        let word = WORDS[dice.below(WORDS.len())];
        match dice.below(7) {
            0 => drop(bytes.splice(at..at, word.iter().copied())),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, word.iter().copied())),
            3 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            4 => bytes.truncate(at),
            5 => {
                let other = &inputs[dice.below(inputs.len())];
                let from = dice.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes.truncate(LENGTH_MAX_BYTES);
    bytes
}

const LENGTH_MAX_BYTES: usize = 64 * 1024;

/// The seed that a run was told to use by `LIMEN_FUZZ_SEED`.
#[must_use]
pub fn told_seed() -> Option<u64> {
    std::env::var("LIMEN_FUZZ_SEED").ok().and_then(|text| text.parse().ok())
}

/// A seed that no run had before.
#[must_use]
pub fn new_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish() >> 8
}

/// Replays the inputs, then checks changed ones for a moment, `LIMEN_FUZZ_MS` or half a second.
pub fn replay(target: &str, inputs: &[Vec<u8>], check: impl Fn(&[u8])) {
    assert!(!inputs.is_empty(), "{target}: nothing is kept");
    if told_seed().is_none() {
        for input in inputs {
            let _named = Named { target, seed: None, input };
            check(input);
        }
    }
    let moment_ms = std::env::var("LIMEN_FUZZ_MS").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    let until = Instant::now() + Duration::from_millis(moment_ms);
    let base = told_seed().unwrap_or_else(new_seed);
    println!("{target}: {} kept inputs, then changed ones from LIMEN_FUZZ_SEED={base}", inputs.len());
    for round in 0.. {
        let seed = base.wrapping_add(round);
        let input = mutated(inputs, &mut Dice::new(seed));
        let _named = Named { target, seed: Some(seed), input: &input };
        check(&input);
        if told_seed().is_some() || Instant::now() > until {
            println!("{target}: {} changed inputs", round + 1);
            break;
        }
    }
}

/// Says what was checked when a law broke.
struct Named<'a> {
    target: &'a str,
    seed: Option<u64>,
    input: &'a [u8],
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.seed.map(|seed| format!(" (replay with LIMEN_FUZZ_SEED={seed})")).unwrap_or_default();
            eprintln!("{}{seed}, input:\n{}", self.target, self.input.escape_ascii());
        }
    }
}

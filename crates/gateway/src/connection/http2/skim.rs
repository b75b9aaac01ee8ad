//! Frames as they pass, one way (RFC 9113 §4.1): of each its kind, flags, stream and length, and what heads add up to.
//!
//! Payloads are skipped: what is in them is h2's affair.

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// Every frame begins with so much.
const FRAME_HEAD_BYTES: usize = 9;
/// A reset has a reason behind that.
const RESET_BYTES: usize = 13;

/// A frame, as its first bytes tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passing {
    kind: u8,
    flags: u8,
    stream: u32,
    length: u32,
    /// Why, where it is a reset.
    reason: u32,
}

impl Passing {
    /// The stream that this resets, and the reason.
    pub(super) fn reset(self) -> Option<(u32, u32)> {
        (self.kind == RST_STREAM).then_some((self.stream, self.reason))
    }
}

/// Finds where frames begin, however they are cut.
#[derive(Debug, Default)]
pub(super) struct Skim {
    held: [u8; RESET_BYTES],
    held_bytes: usize,
    /// Of what is on its way, to be passed over.
    skip: usize,
}

impl Skim {
    /// Begins behind so many bytes that are no frame.
    pub(super) fn behind(skip: usize) -> Self {
        Self { skip, ..Self::default() }
    }

    /// These pass; `see` is told of each frame that begins in them.
    pub(super) fn pass(&mut self, mut bytes: &[u8], mut see: impl FnMut(Passing)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((first, rest)) = bytes.split_first() else { return };
            if let Some(place) = self.held.get_mut(self.held_bytes) {
                *place = *first;
            }
            self.held_bytes += 1;
            bytes = rest;
            if let Some(passing) = self.told() {
                let told = self.held_bytes - FRAME_HEAD_BYTES;
                self.skip = (passing.length as usize).saturating_sub(told);
                self.held_bytes = 0;
                see(passing);
            }
        }
    }

    /// The frame, once enough of it is there.
    fn told(&self) -> Option<Passing> {
        if self.held_bytes < FRAME_HEAD_BYTES {
            return None;
        }
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3, r0, r1, r2, r3] = self.held;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        if kind == RST_STREAM && length >= 4 && self.held_bytes < RESET_BYTES {
            return None;
        }
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff;
        let reason = if kind == RST_STREAM { u32::from_be_bytes([r0, r1, r2, r3]) } else { 0 };
        Some(Passing { kind, flags, stream, length, reason })
    }

    /// Whether what passed last ended with its frame.
    fn is_between(&self) -> bool {
        self.skip == 0 && self.held_bytes == 0
    }
}

/// The heads and trailers that come.
#[derive(Debug)]
pub(super) struct Heads {
    skim: Skim,
    /// Whether one has begun and its last frame hasn't.
    is_open: bool,
    /// Whether the frame that came last belongs to one.
    is_inside: bool,
    newest_stream: u32,
    /// Of the trailers that are coming; none for a request's head.
    trailer_bytes: Option<u32>,
}

impl Heads {
    /// What comes on a connection, from the preface on.
    pub(super) fn new(preface_bytes: usize) -> Self {
        Self {
            skim: Skim::behind(preface_bytes),
            is_open: false,
            is_inside: false,
            newest_stream: 0,
            trailer_bytes: None,
        }
    }

    /// These come. Whether trailers stay within so many bytes as they are sent.
    pub(super) fn come(&mut self, bytes: &[u8], trailers_max_bytes: u32) -> bool {
        let Self { skim, is_open, is_inside, newest_stream, trailer_bytes } = self;
        let mut within = true;
        skim.pass(bytes, |frame| {
            *is_inside = matches!(frame.kind, HEADERS | CONTINUATION);
            if !*is_inside {
                return;
            }
            *is_open = frame.flags & END_HEADERS == 0;
            if frame.kind == HEADERS {
                // A second head of a stream is its trailers.
                let is_trailers = frame.stream <= *newest_stream;
                *newest_stream = frame.stream.max(*newest_stream);
                *trailer_bytes = is_trailers.then_some(frame.length);
            } else {
                *trailer_bytes = trailer_bytes.map(|before| before.saturating_add(frame.length));
            }
            within &= trailer_bytes.is_none_or(|bytes| bytes <= trailers_max_bytes);
        });
        within
    }

    /// Whether a head has begun and isn't whole.
    pub(super) fn is_cut(&self) -> bool {
        self.is_open || self.is_inside && !self.skim.is_between()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let all = [
            b"preface".to_vec(),
            frame(4, 0, 0, &[]),
            frame(RST_STREAM, 0, 5, &[0, 0, 0, 1]),
            frame(0, 1, 7, &[3; 300]),
            frame(RST_STREAM, 0, 0x8000_0009, &[1, 2, 3, 4, 5]),
            frame(RST_STREAM, 0, 11, &[1]),
            frame(HEADERS, 5, 13, b"x"),
        ]
        .concat();
        for size in 1..=all.len() {
            let mut skim = Skim::behind(7);
            let mut seen = Vec::new();
            all.chunks(size).for_each(|piece| skim.pass(piece, |frame| seen.push(frame)));
            let told: Vec<_> = seen.iter().map(|frame| (frame.kind, frame.stream, frame.length)).collect();
            assert_eq!(told, [(4, 0, 0), (3, 5, 4), (0, 7, 300), (3, 9, 5), (3, 11, 1), (1, 13, 1)], "{size}");
            let resets: Vec<_> = seen.iter().filter_map(|frame| frame.reset()).take(2).collect();
            assert_eq!(resets, [(5, 1), (9, 0x0102_0304)], "{size}");
            assert!(skim.is_between());
        }
    }

    #[test]
    fn a_head_is_cut_until_its_last_byte() {
        let all = [frame(HEADERS, 0, 1, b"abc"), frame(CONTINUATION, 0, 1, b""), frame(CONTINUATION, 4, 1, b"de")];
        let all = all.concat();
        let mut heads = Heads::new(0);
        for (at, byte) in all.iter().enumerate() {
            assert!(heads.come(&[*byte], 0));
            assert_eq!(heads.is_cut(), (8..all.len() - 1).contains(&at), "{at}");
        }
        assert!(heads.come(&frame(0, 0, 1, b"data")[..11], 0) && !heads.is_cut());
    }

    #[test]
    fn trailers_are_bounded_and_heads_are_not() {
        let mut heads = Heads::new(0);
        let head = [frame(HEADERS, 0, 3, &[0; 900]), frame(CONTINUATION, 4, 3, &[0; 900])].concat();
        assert!(heads.come(&head, 100));
        assert!(heads.come(&frame(HEADERS, 5, 3, &[0; 100]), 100));
        assert!(heads.come(&frame(HEADERS, 0, 3, &[0; 60]), 100));
        assert!(heads.come(&frame(CONTINUATION, 0, 3, &[0; 40]), 100));
        assert!(!heads.come(&frame(CONTINUATION, 4, 3, &[0; 1]), 100));
        assert!(heads.come(&frame(HEADERS, 4, 5, &[0; 900]), 100), "the next stream's head");
        assert!(!heads.come(&frame(HEADERS, 4, 1, &[0; 101]), 100), "an older stream's trailers");
        assert!(heads.come(&frame(HEADERS, 0, 5, &[]), 100), "trailers that begin with an empty frame");
        assert!(!heads.come(&frame(CONTINUATION, 4, 5, &[0; 101]), 100));
    }
}

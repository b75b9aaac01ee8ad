//! Where the frames that a service sends end (RFC 6455 §5.2), so that a word of our own can stand between two of them.
//! It reads lengths alone, and knows no message.

/// The longest head of a frame: two bytes, a length of eight, a mask of four.
const HEAD_BYTES: usize = 14;
/// `Close` with status 1008, policy violation (RFC 6455 §7.4.1): a whole frame, not masked, as a server's are.
pub(super) const REVOKED: [u8; 4] = [0x88, 0x02, 0x03, 0xF0];
const CLOSE: u8 = 0x8;

/// How far into a frame the bytes so far reach.
#[derive(Default)]
pub(super) struct Frames {
    head: [u8; HEAD_BYTES],
    head_len: usize,
    payload_left: u64,
    has_closed: bool,
}

impl Frames {
    /// Takes note of what was passed on.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skipped = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(bytes.len());
                self.payload_left -= skipped as u64;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let Some((byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            if let Some(place) = self.head.get_mut(self.head_len) {
                *place = *byte;
                self.head_len += 1;
            }
            if let Some(payload) = self.payload() {
                self.has_closed |= self.head[0] & 0xF == CLOSE;
                (self.payload_left, self.head_len) = (payload, 0);
            }
        }
    }

    /// Whether a frame of our own may follow: between two of the service's, and none that ended the stream of frames.
    pub(super) fn may_follow(&self) -> bool {
        self.head_len == 0 && self.payload_left == 0 && !self.has_closed
    }

    /// The payload's length, once the head is whole.
    fn payload(&self) -> Option<u64> {
        let [_, second, lengths @ ..] = &self.head;
        let mask_len = if second & 0x80 == 0 { 0 } else { 4 };
        let (length_len, short) = match second & 0x7F {
            126 => (2, None),
            127 => (8, None),
            short => (0, Some(u64::from(short))),
        };
        if self.head_len < 2 + length_len + mask_len {
            return None;
        }
        let long = || lengths.iter().take(length_len).fold(0, |length, byte| length << 8 | u64::from(*byte));
        Some(short.unwrap_or_else(long))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, mask: bool, payload: usize, spelled: u8) -> Vec<u8> {
        let bit = if mask { 0x80 } else { 0 };
        let mut frame = match spelled {
            126 => [&[first, bit | 126][..], &(payload as u16).to_be_bytes()].concat(),
            127 => [&[first, bit | 127][..], &(payload as u64).to_be_bytes()].concat(),
            _ => vec![first, bit | payload as u8],
        };
        frame.extend_from_slice(if mask { &[1, 2, 3, 4] } else { &[] });
        // What would be heads of frames, were it not payload.
        frame.resize(frame.len() + payload, 0x88);
        frame
    }

    #[test]
    fn a_word_may_stand_between_frames_only_however_they_come() {
        let frames = [
            frame(0x81, false, 0, 0),
            frame(0x01, false, 5, 0),
            frame(0x80, true, 125, 0),
            frame(0x82, false, 126, 126),
            frame(0x82, true, 300, 126),
            frame(0x89, false, 70_000, 127),
            frame(0x82, false, 3, 127),
        ];
        let bytes = frames.concat();
        let ends: Vec<usize> = frames
            .iter()
            .scan(0, |at, frame| {
                *at += frame.len();
                Some(*at)
            })
            .collect();
        for piece in [1, 2, 3, 7, 1_000, bytes.len()] {
            let mut passed = Frames::default();
            assert!(passed.may_follow(), "before the first");
            for (at, some) in bytes.chunks(piece).enumerate() {
                passed.pass(some);
                let end = (at * piece + some.len()).min(bytes.len());
                assert_eq!(passed.may_follow(), ends.contains(&end), "{end} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn nothing_follows_a_close() {
        let mut passed = Frames::default();
        passed.pass(&frame(0x88, false, 2, 0));
        assert!(!passed.may_follow());
        passed.pass(&frame(0x81, false, 2, 0));
        assert!(!passed.may_follow());
        assert_eq!(REVOKED[2..], 1_008_u16.to_be_bytes());
    }

    #[test]
    fn the_longest_length_is_waited_for() {
        let mut passed = Frames::default();
        passed.pass(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]);
        passed.pass(&[0; 100]);
        assert!(!passed.may_follow());
        assert_eq!(passed.payload_left, u64::MAX - 100);
    }
}

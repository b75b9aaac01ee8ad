//! What was received and not yet taken, and how far into the request that is. It knows no grammar.

use bytes::{Buf, BufMut, BytesMut};

use crate::flaw::{Flaw, Malformed};

/// Received bytes.
#[derive(Debug, Default)]
pub(crate) struct Input {
    buffer: BytesMut,
    /// What the buffer's memory takes as a whole: what was taken of it may still be held.
    whole_bytes: usize,
    /// Bytes of this request that were taken before those in the buffer.
    taken: u64,
}

impl Input {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Appends what was received.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer to receive into, at most `most` bytes, of which at least `wanted` have memory.
    pub(crate) fn space(&mut self, most: usize, wanted: usize) -> bytes::buf::Limit<&mut BytesMut> {
        let wanted = wanted.min(most);
        if self.buffer.is_empty() {
            // Where nobody holds what was taken any more, reading begins where it began before: that memory is warm.
            let _ = self.buffer.try_reclaim(self.whole_bytes);
        }
        if self.buffer.capacity() - self.buffer.len() < wanted / 4 {
            self.buffer.reserve(wanted);
            self.whole_bytes = self.buffer.capacity();
        }
        (&mut self.buffer).limit(most)
    }

    /// Takes the first bytes, at most as many as there are.
    pub(crate) fn take(&mut self, count: usize) -> BytesMut {
        let count = count.min(self.buffer.len());
        self.taken = self.taken.saturating_add(count as u64);
        self.buffer.split_to(count)
    }

    /// Drops the first bytes, at most as many as there are.
    pub(crate) fn skip(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.taken = self.taken.saturating_add(count as u64);
        self.buffer.advance(count);
    }

    /// Begins to count from the next byte.
    pub(crate) fn begin_request(&mut self) {
        self.taken = 0;
    }

    /// The place of the `index`th byte in the request.
    pub(crate) fn offset(&self, index: usize) -> u64 {
        self.taken.saturating_add(index as u64)
    }

    /// Gives back what memory there is beyond `kept` bytes, if nothing waits in it.
    pub(crate) fn shrink(&mut self, kept: usize) {
        if self.buffer.is_empty() && self.buffer.capacity() > kept {
            self.buffer = BytesMut::new();
        }
    }

    /// A flaw at the `index`th byte.
    pub(crate) fn flaw(&self, flaw: Flaw, index: usize) -> Malformed {
        Malformed { flaw, offset: self.offset(index) }
    }

    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }
}

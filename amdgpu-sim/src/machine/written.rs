//! Which bytes of an allocation were ever written.

use std::sync::atomic::{AtomicU64, Ordering};

/// A bit for each byte of an allocation. Several threads may change it; each byte's bit is right on its own.
#[derive(Debug)]
pub struct Written {
    base: u64,
    size: u64,
    bits: Box<[AtomicU64]>,
}

impl Written {
    /// Nothing of these bytes was written yet.
    pub fn new(base: u64, size: usize) -> Self {
        let bits = std::iter::repeat_with(AtomicU64::default).take(size.div_ceil(64)).collect();
        Self { base, size: size as u64, bits }
    }

    /// First address of the allocation.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Whether the allocation holds this address.
    #[inline]
    pub fn contains(&self, address: u64) -> bool {
        address.wrapping_sub(self.base) < self.size
    }

    /// Words of the bits and masks in them, for the part of these bytes that the allocation holds.
    fn masks(&self, address: u64, size: u64) -> impl Iterator<Item = (&AtomicU64, u64)> {
        let begin = address.saturating_sub(self.base).min(self.size);
        let end = (address + size).saturating_sub(self.base).min(self.size);
        let words = if begin < end { begin / 64..end.div_ceil(64) } else { 0..0 };
        words.map(move |word| {
            let (low, high) = (begin.max(word * 64) - word * 64, end.min(word * 64 + 64) - word * 64);
            (&self.bits[word as usize], u64::MAX >> (64 - (high - low)) << low)
        })
    }

    /// Sets what is known of these bytes.
    #[inline]
    pub fn set(&self, address: u64, size: u64, written: bool) {
        for (word, mask) in self.masks(address, size) {
            // Most stores go to what was written before.
            let now = word.load(Ordering::Relaxed) & mask;
            if written && now != mask {
                word.fetch_or(mask, Ordering::Relaxed);
            } else if !written && now != 0 {
                word.fetch_and(!mask, Ordering::Relaxed);
            }
        }
    }

    /// A bit for each of up to eight bytes: whether it was not written. Bytes beyond the allocation count as written.
    #[inline]
    pub fn missing(&self, address: u64, size: u64) -> u8 {
        let mut missing = 0;
        let mut at = 0;
        for (word, mask) in self.masks(address, size) {
            let shift = mask.trailing_zeros();
            let open = (!word.load(Ordering::Relaxed) & mask) >> shift;
            missing |= (open << at) as u8;
            at += mask.count_ones();
        }
        missing
    }

    /// Whether none of these bytes was written.
    #[inline]
    pub fn none_of(&self, address: u64, size: u64) -> bool {
        self.masks(address, size).all(|(word, mask)| word.load(Ordering::Relaxed) & mask == 0)
    }

    /// These bytes become what those of another place are.
    pub fn copy(&self, to: u64, source: &Self, from: u64, size: u64) {
        // Backwards where the two overlap so that forwards would read what it wrote.
        let overlaps = std::ptr::eq(self, source) && to > from;
        let mut copy = |at: u64| self.set(to + at, 1, source.missing(from + at, 1) == 0);
        // Whole words at once are only worth it where all of them are alike.
        if source.masks(from, size).all(|(word, mask)| word.load(Ordering::Relaxed) & mask == mask) {
            self.set(to, size, true);
        } else if overlaps {
            (0..size).rev().for_each(&mut copy);
        } else {
            (0..size).for_each(&mut copy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_apart_across_words() {
        let written = Written::new(0x1000, 200);
        assert!(written.none_of(0x1000, 200));
        written.set(0x1000 + 60, 8, true);
        assert_eq!(written.missing(0x1000 + 58, 8), 0b11);
        assert_eq!(written.missing(0x1000 + 64, 8), 0b1111_0000);
        assert!(!written.none_of(0x1000 + 67, 4) && written.none_of(0x1000 + 68, 4));
        written.set(0x1000 + 61, 1, false);
        assert_eq!(written.missing(0x1000 + 60, 4), 0b10);
        // The last byte of the allocation, and one beyond it.
        assert_eq!(written.missing(0x1000 + 199, 2), 0b1);
    }

    #[test]
    fn copies_leave_holes_where_they_are() {
        let written = Written::new(0, 100);
        written.set(0, 50, true);
        written.set(7, 1, false);
        written.copy(3, &written, 0, 20);
        assert_eq!((written.missing(3, 7), written.missing(10, 1), written.missing(11, 8)), (0, 1, 0));
    }
}

//! How the work-groups of a launch are shared out among threads.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

/// Work-groups of one launch that nobody runs yet, in order. Threads take a range of them at a time: large ones first, for few
/// of them, and then smaller ones, so that all threads are done at the same time ("guided self-scheduling", Polychronopoulos
/// and Kuck, IEEE Transactions on Computers C-36, 1987).
#[derive(Debug)]
pub(crate) struct Chunks {
    next: AtomicU64,
    end: u64,
    threads: u64,
    least: u64,
}

impl Chunks {
    /// Parts of a fair share that a thread takes at once.
    const PARTS: u64 = 4;

    /// `least`: fewest groups that are worth taking, at least one.
    pub(crate) fn new(groups: Range<u64>, threads: u64, least: u64) -> Self {
        Self { next: AtomicU64::new(groups.start), end: groups.end, threads: threads.max(1), least: least.max(1) }
    }

    /// The next groups, if there are any.
    pub(crate) fn take(&self) -> Option<Range<u64>> {
        let after = |from: u64| {
            let left = self.end - from;
            (left > 0).then(|| from + left.div_ceil(self.threads * Self::PARTS).max(self.least).min(left))
        };
        let from = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after).ok()?;
        Some(from..after(from)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_is_taken_once() {
        for (groups, threads, least) in
            [(0..0, 2, 1), (1..2, 8, 5), (0..1000, 3, 7), (5..6000, 64, 1), (0..u64::MAX, 2, 1 << 60)]
        {
            let chunks = Chunks::new(groups.clone(), threads, least);
            let mut end = groups.start;
            while let Some(taken) = chunks.take() {
                assert_eq!(taken.start, end);
                assert!(taken.end - taken.start >= least || taken.end == groups.end);
                end = taken.end;
            }
            assert_eq!(end, groups.end);
        }
    }
}

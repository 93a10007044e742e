//! Memory of the program that devices may access as well: it was allocated by whatever the program likes, and locked.

use super::{
    agents::GpuSet,
    memory::{Purpose, Range},
};

/// One call of `hsa_amd_memory_lock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// First address.
    pub base: u64,
    /// One past the last address.
    pub end: u64,
    /// Who may access it.
    pub gpus: GpuSet,
}

/// The memory that these locks make live, in ranges that do not overlap. Where locks overlap, whoever one of them lets
/// in may access it.
pub fn ranges(locks: &[Lock]) -> Vec<Range> {
    let mut borders: Vec<u64> = locks.iter().flat_map(|lock| [lock.base, lock.end]).collect();
    borders.sort_unstable();
    borders.dedup();
    let mut ranges: Vec<Range> = Vec::new();
    for (base, end) in borders.iter().zip(borders.iter().skip(1)) {
        let over = locks.iter().filter(|lock| lock.base <= *base && *end <= lock.end);
        let Some(gpus) = over.map(|lock| lock.gpus).reduce(GpuSet::with) else { continue };
        match ranges.last_mut() {
            Some(last) if last.end == *base && last.gpus == gpus => last.end = *end,
            _ => ranges.push(Range { base: *base, end: *end, writable: true, purpose: Purpose::Locked, gpus }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_that_overlap_become_ranges_that_do_not() {
        let lock = |base, end, gpu| Lock { base, end, gpus: GpuSet::only(gpu) };
        let shown = |locks: &[Lock]| -> Vec<(u64, u64, [bool; 2])> {
            let ranges = ranges(locks);
            ranges.iter().map(|r| (r.base, r.end, [r.gpus.contains(0), r.gpus.contains(1)])).collect()
        };
        assert_eq!(shown(&[]), []);
        assert_eq!(shown(&[lock(10, 30, 0), lock(20, 40, 0)]), [(10, 40, [true, false])]);
        assert_eq!(
            shown(&[lock(10, 30, 0), lock(20, 40, 1), lock(50, 60, 1)]),
            [(10, 20, [true, false]), (20, 30, [true, true]), (30, 40, [false, true]), (50, 60, [false, true])]
        );
    }
}

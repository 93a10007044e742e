//! Fills: what the driver sets, and what is copied again and again.
//!
//! The driver sets units of 1, 2 and 4 bytes. A longer pattern is copied from pinned memory once, many times over, and from there on
//! each copy doubles what there is.

use geobacter_cuda_driver::sys::CUdeviceptr;

/// The most bytes of a pattern's repetitions that are copied from pinned memory.
const SEED: usize = 4096;

/// One step of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FillStep {
    /// `count` units of `size` bytes (1, 2 or 4) become this.
    Set { address: CUdeviceptr, value: u32, size: u32, count: usize },
    /// So many bytes come from the beginning of the pinned memory.
    Seed { address: CUdeviceptr, bytes: usize },
    /// So many bytes are copied from one address to another; the two do not overlap.
    Copy { from: CUdeviceptr, to: CUdeviceptr, bytes: usize },
}

/// The steps of a fill, and what the pinned memory must begin with; nothing if none is needed.
pub(crate) fn steps(address: CUdeviceptr, bytes: usize, pattern: &[u8]) -> (Vec<FillStep>, Vec<u8>) {
    let pattern = shortest(pattern);
    if bytes == 0 || pattern.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let set = |value, size: usize| {
        (vec![FillStep::Set { address, value, size: size as u32, count: bytes / size }], Vec::new())
    };
    // Units are aligned to their size; elements are, too.
    match *pattern {
        [value] => return set(value.into(), 1),
        [a, b] if address.is_multiple_of(2) => return set(u16::from_ne_bytes([a, b]).into(), 2),
        [a, b, c, d] if address.is_multiple_of(4) => return set(u32::from_ne_bytes([a, b, c, d]), 4),
        _ => {}
    }
    let repeated = pattern.repeat((SEED.min(bytes) / pattern.len()).max(1));
    let mut done = repeated.len().min(bytes);
    let mut steps = vec![FillStep::Seed { address, bytes: done }];
    while done < bytes {
        let length = done.min(bytes - done);
        steps.push(FillStep::Copy { from: address, to: address + done as u64, bytes: length });
        done += length;
    }
    (steps, repeated)
}

/// The shortest pattern that repeats to the same.
fn shortest(pattern: &[u8]) -> &[u8] {
    let repeats = |length: &usize| {
        pattern.len().is_multiple_of(*length)
            && pattern.iter().eq(pattern[..*length].iter().cycle().take(pattern.len()))
    };
    [1, 2, 4]
        .into_iter()
        .filter(|length| *length < pattern.len())
        .find(repeats)
        .map_or(pattern, |length| &pattern[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does the steps in memory that begins at this address.
    fn run(address: u64, bytes: usize, pattern: &[u8]) -> Vec<u8> {
        let (steps, seed) = steps(address, bytes, pattern);
        let mut memory = vec![0xee; bytes + 8];
        for step in steps {
            match step {
                FillStep::Set { address: at, value, size, count } => {
                    assert!(at.is_multiple_of(size.into()));
                    let unit = &value.to_ne_bytes()[..size as usize];
                    let start = (at - address) as usize;
                    memory[start..start + count * unit.len()].copy_from_slice(&unit.repeat(count));
                }
                FillStep::Seed { address: at, bytes } => {
                    let start = (at - address) as usize;
                    memory[start..start + bytes].copy_from_slice(&seed[..bytes]);
                }
                FillStep::Copy { from, to, bytes } => {
                    let (from, to) = ((from - address) as usize, (to - address) as usize);
                    assert!(from + bytes <= to, "they overlap");
                    memory.copy_within(from..from + bytes, to);
                }
            }
        }
        assert_eq!(memory.split_off(bytes), [0xee; 8], "nothing behind the end is touched");
        memory
    }

    #[test]
    fn every_length_of_pattern_and_memory_is_filled() {
        let patterns: [&[u8]; 7] =
            [&[7], &[1, 2], &[1, 2, 3, 4], &[1, 2, 1, 2], &[9; 8], &[1, 2, 3, 4, 5, 6, 7, 8], b"twelve bytes"];
        for pattern in patterns {
            for repetitions in [0, 1, 2, 3, 511, 512, 513, 5000] {
                let bytes = pattern.len() * repetitions;
                assert_eq!(run(256, bytes, pattern), pattern.repeat(repetitions), "{pattern:?} {repetitions}");
            }
        }
        // Elements of bytes in the middle of a buffer.
        assert_eq!(run(257, 8, &[1, 2]), [1, 2, 1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn a_large_fill_takes_few_steps() {
        let (steps, seed) = steps(0x1000, 1 << 30, &1.5_f64.to_ne_bytes());
        assert!(steps.len() < 25 && seed.len() <= SEED, "{}", steps.len());
        let words = super::steps(0x1000, 1 << 30, &0x0101_0101_0101_0101_u64.to_ne_bytes());
        assert_eq!(words.0.len(), 1, "one byte, again and again");
    }
}

//! Where the buffers of a session are, for memory faults: which one lies next to the address that a kernel should not have
//! touched.
//!
//! The place is as exact as the address: hardware may tell the page only.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A buffer that is farther away than this, in bytes, has hardly anything to do with the fault.
const FAR: u64 = 1 << 32;

/// The live buffers of a session: first address and size in bytes.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<BTreeMap<u64, u64>>);

impl Buffers {
    /// A buffer has been allocated. It must not be empty.
    pub(crate) fn add(&self, address: u64, size: u64) {
        self.lock().insert(address, size);
    }

    /// The buffer at this address is about to be freed.
    pub(crate) fn remove(&self, address: u64) {
        self.lock().remove(&address);
    }

    /// The buffer that is nearest to an address, or has it; `None` if none is near.
    pub(crate) fn nearest(&self, address: u64) -> Option<Neighbour> {
        let buffers = self.lock();
        let before = buffers.range(..=address).next_back().map(|(&start, &size)| {
            let place = match address - start {
                offset if offset < size => Place::Inside(offset),
                offset => Place::Behind(offset - size),
            };
            Neighbour { start, size, place }
        });
        let after = buffers.range(address..).next().map(|(&start, &size)| {
            let place = if start == address { Place::Inside(0) } else { Place::Before(start - address) };
            Neighbour { start, size, place }
        });
        let nearest = before.into_iter().chain(after).min_by_key(|neighbour| neighbour.place.distance())?;
        (nearest.place.distance() <= FAR).then_some(nearest)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer next to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    /// First address of the buffer.
    pub(crate) start: u64,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Where the address is.
    pub(crate) place: Place,
}

/// Where an address is as seen from a buffer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// So far before the first byte.
    Before(u64),
    /// So far behind the first byte.
    Inside(u64),
    /// So far behind the end: 0 for the first byte that is not the buffer's.
    Behind(u64),
}

impl Place {
    fn distance(self) -> u64 {
        match self {
            Self::Before(bytes) => bytes,
            Self::Inside(_) => 0,
            // The first byte behind a buffer is one byte away from its last one.
            Self::Behind(bytes) => bytes.saturating_add(1),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(bytes) => write!(f, "{bytes} bytes before"),
            Self::Inside(bytes) => write!(f, "{bytes} bytes behind the start of"),
            Self::Behind(0) => write!(f, "at the end of"),
            Self::Behind(bytes) => write!(f, "{bytes} bytes behind the end of"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_buffer_is_named_with_the_distance() {
        let buffers = Buffers::default();
        assert_eq!(buffers.nearest(0x1000), None);
        buffers.add(0x1000, 16);
        buffers.add(0x2000, 0x100);
        buffers.add(0x10_0000_0000, 8);
        let place = |address| buffers.nearest(address).map(|neighbour| (neighbour.start, neighbour.place));
        assert_eq!(place(0xfff), Some((0x1000, Place::Before(1))));
        assert_eq!(place(0x1000), Some((0x1000, Place::Inside(0))));
        assert_eq!(place(0x100f), Some((0x1000, Place::Inside(15))));
        assert_eq!(place(0x1010), Some((0x1000, Place::Behind(0))));
        assert_eq!(place(0x1ff0), Some((0x2000, Place::Before(16))));
        assert_eq!(place(0x2ff0), Some((0x2000, Place::Behind(0xef0))));
        assert_eq!(place(0x8_0000_0000), None, "far from all");
        assert_eq!(place(u64::MAX), None);
        buffers.remove(0x1000);
        assert_eq!(place(0x1000), Some((0x2000, Place::Before(0x1000))));
        assert_eq!(Place::Behind(16).to_string(), "16 bytes behind the end of");
    }
}

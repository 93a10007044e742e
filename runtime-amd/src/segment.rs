//! What one launch in flight needs of the host's memory: a kernarg segment, and a fault record.
//!
//! Both are cut from larger pieces, and used again: a piece of a pool is at least a page, and allocating one takes far
//! longer than a launch.

use std::{
    collections::BTreeMap,
    ptr::NonNull,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_spool::fault::FaultRecord;

use crate::{
    agent::Agent,
    error::Error,
    memory_pool::{HostAllocation, HostPool, Pools},
};

/// Alignment of fault records and kernarg segments: a cache line of the device.
const LINE: usize = 128;
/// Fewest bytes of a kernarg segment. Most kernels need fewer.
const LEAST: usize = 256;
/// Bytes that are asked for at once.
const PIECE: usize = 64 * 1024;

/// Segments that nobody uses, by the size of their kernarg part.
#[derive(Debug, Default)]
pub(crate) struct SegmentPool(Mutex<BTreeMap<usize, Vec<Parts>>>);

#[derive(Debug)]
struct Parts {
    kernarg: Part,
    record: Part,
}

/// A part of a host allocation that nobody else has.
#[derive(Debug)]
struct Part {
    address: NonNull<u8>,
    size: usize,
    _whole: Arc<HostAllocation>,
}

// SAFETY: it has its bytes alone, and they live as long as the allocation that it holds.
unsafe impl Send for Part {}
// SAFETY: as above; they change through `&mut` only.
unsafe impl Sync for Part {}

/// The kernarg segment and the fault record of one launch, cleared. Goes back to its pool when dropped; the device must
/// not use it any more then.
#[derive(Debug)]
pub(crate) struct Segment {
    /// `None` only while it is dropped.
    parts: Option<Parts>,
    pool: Arc<SegmentPool>,
}

impl SegmentPool {
    /// A segment for `kernarg` bytes of arguments.
    pub(crate) fn take(self: &Arc<Self>, pools: &Pools, agent: &Agent, kernarg: usize) -> Result<Segment, Error> {
        let size = kernarg.max(LEAST).next_power_of_two();
        let parts = {
            let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let free = free.entry(size).or_default();
            if free.is_empty() {
                let count = (PIECE / size).max(1);
                let record_size = FaultRecord::SIZE.next_multiple_of(LINE);
                let kernargs = cut(&pools.kernarg, agent, size, count)?;
                let records = cut(&pools.shared, agent, record_size, count)?;
                free.extend(kernargs.zip(records).map(|(kernarg, record)| Parts { kernarg, record }));
            }
            free.pop()
        };
        let mut segment = Segment { parts, pool: Arc::clone(self) };
        segment.clear_record();
        Ok(segment)
    }
}

/// `count` parts of `size` bytes, side by side.
fn cut(pool: &HostPool, agent: &Agent, size: usize, count: usize) -> Result<impl Iterator<Item = Part>, Error> {
    let whole = Arc::new(pool.allocate(size * count, agent)?);
    Ok((0..count).map(move |index| Part {
        // SAFETY: the allocation has `count` times `size` bytes.
        address: unsafe { whole.start().add(index * size) },
        size,
        _whole: Arc::clone(&whole),
    }))
}

impl Part {
    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the part has these bytes alone, they were initialised when they were allocated, and it is borrowed
        // exclusively; the device does not use them now, as the type's contract says.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr(), self.size) }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: as above, for reading.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.size) }
    }
}

impl Segment {
    fn parts(&self) -> &Parts {
        match &self.parts {
            Some(parts) => parts,
            None => unreachable!("they are taken out only when the value is dropped"),
        }
    }

    fn parts_mut(&mut self) -> &mut Parts {
        match &mut self.parts {
            Some(parts) => parts,
            None => unreachable!("they are taken out only when the value is dropped"),
        }
    }

    /// Address of the kernarg segment, for the packet.
    pub(crate) fn kernarg_address(&self) -> u64 {
        self.parts().kernarg.address.as_ptr() as u64
    }

    /// The kernarg segment, to write.
    pub(crate) fn kernarg_mut(&mut self) -> &mut [u8] {
        self.parts_mut().kernarg.bytes_mut()
    }

    /// Address of the fault record, for the kernel.
    pub(crate) fn record_address(&self) -> u64 {
        self.parts().record.address.as_ptr() as u64
    }

    /// Clears the fault record.
    pub(crate) fn clear_record(&mut self) {
        let record = &mut self.parts_mut().record;
        record.bytes_mut()[..FaultRecord::SIZE].copy_from_slice(&FaultRecord::CLEAR.to_bytes());
    }

    /// The fault record that the launch left.
    pub(crate) fn record(&self) -> FaultRecord {
        let mut bytes = [0; FaultRecord::SIZE];
        bytes.copy_from_slice(&self.parts().record.bytes()[..FaultRecord::SIZE]);
        FaultRecord::from_bytes(&bytes)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            let mut free = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
            free.entry(parts.kernarg.size).or_default().push(parts);
        }
    }
}

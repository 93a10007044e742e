//! What one launch in flight needs of the host's memory: its hidden block, and its fault record.
//!
//! Both are cut from larger pieces, and used again: pinning memory takes far longer than a launch.

use std::{
    ptr::NonNull,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_spool::{fault::FaultRecord, job::HIDDEN_BLOCK_WORDS};

use crate::{context::Context, error::Error, pinned::Pinned};

/// Size of the hidden block: the address of the fault record, and that of the output buffer.
const HIDDEN: usize = 8 * HIDDEN_BLOCK_WORDS;
/// Size and alignment of a slot: whole cache lines of the device.
const SLOT: usize = (HIDDEN + FaultRecord::SIZE).next_multiple_of(128);
/// Slots that are allocated at once.
const SLOTS: usize = 64;

/// Slots that no launch uses.
#[derive(Debug, Default)]
pub(crate) struct SlotPool(Mutex<Vec<Part>>);

/// A part of pinned memory that nobody else has.
#[derive(Debug)]
struct Part {
    address: NonNull<u8>,
    _whole: Arc<Pinned>,
}

// SAFETY: it has its bytes alone, and they live as long as the memory that it holds.
unsafe impl Send for Part {}
// SAFETY: as above; they change through `&mut` only.
unsafe impl Sync for Part {}

/// The hidden block and the fault record of one launch, the latter cleared. Goes back to its pool when dropped; the device must
/// not use it any more then.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `None` only while it is dropped.
    part: Option<Part>,
    pool: Arc<SlotPool>,
}

impl SlotPool {
    /// A slot for a launch that prints into the buffer at this address of the device; 0 if it does not print.
    pub(crate) fn take(self: &Arc<Self>, context: &Arc<Context>, output: u64) -> Result<Slot, Error> {
        let part = {
            let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if free.is_empty() {
                let whole = Arc::new(Pinned::allocate(context, SLOTS * SLOT)?);
                free.extend((0..SLOTS).map(|index| Part {
                    // SAFETY: the memory has that many slots.
                    address: unsafe { whole.start().add(index * SLOT) },
                    _whole: Arc::clone(&whole),
                }));
            }
            free.pop()
        };
        let mut slot = Slot { part, pool: Arc::clone(self) };
        let record = slot.address() + HIDDEN as u64;
        let bytes = slot.bytes_mut();
        bytes[..8].copy_from_slice(&record.to_le_bytes());
        bytes[8..HIDDEN].copy_from_slice(&output.to_le_bytes());
        slot.clear_record();
        Ok(slot)
    }

    /// Gives back what no launch uses.
    pub(crate) fn trim(&self) {
        let free = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(free);
    }
}

impl Slot {
    fn start(&self) -> NonNull<u8> {
        match &self.part {
            Some(part) => part.address,
            None => unreachable!("it is taken out only when the value is dropped"),
        }
    }

    /// Address of the hidden block on the device: the kernel's second parameter.
    pub(crate) fn address(&self) -> u64 {
        self.start().as_ptr() as u64
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the slot has these bytes alone, they were initialised when they were allocated, and it is borrowed exclusively;
        // the device does not use them now, as the type's contract says.
        unsafe { std::slice::from_raw_parts_mut(self.start().as_ptr(), SLOT) }
    }

    /// Clears the fault record.
    pub(crate) fn clear_record(&mut self) {
        self.bytes_mut()[HIDDEN..][..FaultRecord::SIZE].copy_from_slice(&FaultRecord::CLEAR.to_bytes());
    }

    /// The fault record that the launch left. It must have ended.
    pub(crate) fn record(&self) -> FaultRecord {
        // SAFETY: as in `bytes_mut`, for reading.
        let bytes = unsafe { std::slice::from_raw_parts(self.start().as_ptr(), SLOT) };
        let mut record = [0; FaultRecord::SIZE];
        record.copy_from_slice(&bytes[HIDDEN..][..FaultRecord::SIZE]);
        FaultRecord::from_bytes(&record)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(part) = self.part.take() {
            self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(part);
        }
    }
}

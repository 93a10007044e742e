//! Copies between a device and memory of the host that is not pinned, for who waits for them.
//!
//! Bytes go through pinned memory, half of which is copied by the processor while the device copies the other half. The driver
//! would do the same; but its way to the device may return before the bytes have arrived there, where streams that do not wait for
//! others do not see them.

use std::{
    fmt,
    ptr::NonNull,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_cuda_driver::sys::CUdeviceptr;
use geobacter_runtime_core::driver::Priority;

use crate::{
    context::Context,
    cuda_stream::CudaStream,
    error::{Error, call},
    event::{Event, EventPool},
    pinned::Pinned,
};

/// Bytes of half of the pinned memory of one transfer.
const HALF: usize = 1 << 20;

/// The transfers of one context.
pub(crate) struct Transfers {
    context: Arc<Context>,
    events: Arc<EventPool>,
    /// Those that nobody uses: as many as threads have copied at once.
    free: Mutex<Vec<Transfer>>,
}

/// What one thread copies with.
struct Transfer {
    stream: Arc<CudaStream>,
    staging: Pinned,
    /// What was done last with each half.
    halves: [Event; 2],
}

impl Transfer {
    /// The first byte of a half of the staging memory.
    fn half(&self, half: usize) -> NonNull<u8> {
        // SAFETY: there are two halves.
        unsafe { self.staging.start().add(half * HALF) }
    }
}

impl Transfers {
    pub(crate) fn new(context: &Arc<Context>, events: &Arc<EventPool>) -> Self {
        Self { context: Arc::clone(context), events: Arc::clone(events), free: Mutex::default() }
    }

    /// Gives back what nobody uses.
    pub(crate) fn trim(&self) {
        let free = std::mem::take(&mut *self.free.lock().unwrap_or_else(PoisonError::into_inner));
        drop(free);
    }

    /// Has `work` done with a transfer, whose stream is empty before and afterwards.
    fn with<T>(&self, work: impl FnOnce(&mut Transfer) -> Result<T, Error>) -> Result<T, Error> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut transfer = match free {
            Some(transfer) => transfer,
            None => Transfer {
                stream: CudaStream::new(&self.context, Priority::Normal)?,
                staging: Pinned::allocate(&self.context, 2 * HALF)?,
                halves: [self.events.take()?, self.events.take()?],
            },
        };
        let outcome = work(&mut transfer);
        // Whatever has happened, nothing of it may still be under way.
        let ended = transfer.stream.synchronize();
        let outcome = outcome.and_then(|value| ended.map(|()| value));
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(transfer);
        outcome
    }

    /// Copies bytes to the device.
    ///
    /// # Safety
    /// So many bytes from this address are a device's, or pinned, and nobody else uses them.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) unsafe fn write(&self, address: CUdeviceptr, bytes: &[u8]) -> Result<(), Error> {
        self.with(|transfer| {
            let api = self.context.enter()?;
            for (index, piece) in bytes.chunks(HALF).enumerate() {
                let half = index % 2;
                if index >= 2 {
                    transfer.halves[half].wait()?;
                }
                let staging = transfer.half(half).as_ptr();
                // SAFETY: a half has room for a piece, and no copy from it is under way.
                unsafe { staging.copy_from_nonoverlapping(piece.as_ptr(), piece.len()) };
                let to = address + (index * HALF) as u64;
                // SAFETY: the piece lies in the memory that the caller names, and in the staging memory, which lives and is not
                // written before the copy has ended.
                self.context.check(unsafe {
                    call!(api, cuMemcpyHtoDAsync_v2(to, staging.cast(), piece.len(), transfer.stream.handle()))
                })?;
                transfer.halves[half].record(transfer.stream.handle())?;
            }
            Ok(())
        })
    }

    /// Copies bytes from the device. An address that is none of the device's is an error, too.
    ///
    /// # Safety
    /// So many bytes from this address, if they are a device's, or pinned, are written by nobody.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) unsafe fn read(&self, address: CUdeviceptr, bytes: &mut [u8]) -> Result<(), Error> {
        self.with(|transfer| {
            let api = self.context.enter()?;
            let total = bytes.len();
            let begin = |transfer: &Transfer, index: usize| {
                let half = index % 2;
                let (from, length) = (address + (index * HALF) as u64, (total - index * HALF).min(HALF));
                let to = transfer.half(half).as_ptr();
                // SAFETY: the staging memory lives, and is not read before the copy has ended; the driver checks the source.
                self.context.check(unsafe {
                    call!(api, cuMemcpyDtoHAsync_v2(to.cast(), from, length, transfer.stream.handle()))
                })?;
                transfer.halves[half].record(transfer.stream.handle())
            };
            for (index, piece) in bytes.chunks_mut(HALF).enumerate() {
                if index == 0 {
                    begin(transfer, 0)?;
                }
                if (index + 1) * HALF < total {
                    begin(transfer, index + 1)?;
                }
                transfer.halves[index % 2].wait()?;
                // SAFETY: the copy into this half has ended, and it is as long as the piece.
                unsafe { piece.as_mut_ptr().copy_from_nonoverlapping(transfer.half(index % 2).as_ptr(), piece.len()) };
            }
            Ok(())
        })
    }

    /// Sets bytes of the device to zero.
    ///
    /// # Safety
    /// As [`write`](Self::write).
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) unsafe fn zero(&self, address: CUdeviceptr, bytes: usize) -> Result<(), Error> {
        self.with(|transfer| {
            let api = self.context.enter()?;
            // SAFETY: this function's contract.
            self.context.check(unsafe { call!(api, cuMemsetD8Async(address, 0, bytes, transfer.stream.handle())) })
        })
    }
}

impl fmt::Debug for Transfers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfers").field("context", &self.context).finish_non_exhaustive()
    }
}

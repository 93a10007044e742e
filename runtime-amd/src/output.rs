//! What kernels print: from a launch's buffer to the device's sink.
//!
//! ```text
//!   launch ends --whoever looks first: collect--> pending --deliver--> the sink's handler, or standard output
//! ```
//! A handler is the program's, and may launch kernels. So it is never called by who merely looks whether a launch has
//! ended, who may hold locks: one who waits delivers, on his own thread and before he returns; after one who looks, a
//! thread does.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
};

use geobacter_runtime_core::{
    lane::Lane,
    output::{self, OutputSink},
};
use geobacter_spool::output::{HEADER, header};

use crate::{
    agent::Agent,
    error::Error,
    memory_pool::{HostAllocation, Pools},
};

/// The buffers of one GPU into which kernels print, and what is in none of them any more.
#[derive(Debug, Default)]
pub(crate) struct OutputPool {
    sink: OutputSink,
    state: Mutex<State>,
    delivered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Buffers that no launch uses. All but their capacity is zero.
    free: Vec<HostAllocation>,
    /// What has not reached the sink yet, oldest first.
    pending: VecDeque<Printed>,
    /// Threads that are calling the sink.
    delivering: usize,
}

/// What one launch has printed.
#[derive(Debug)]
struct Printed {
    kernel: String,
    /// The used part of the buffer, header included.
    bytes: Vec<u8>,
    code_object: Arc<[u8]>,
}

/// A launch's buffer; it goes back to its pool when dropped, and the device must not use it any more then.
#[derive(Debug)]
pub(crate) struct OutputUse {
    /// `None` only while it is dropped.
    buffer: Option<HostAllocation>,
    pool: Arc<OutputPool>,
}

thread_local! {
    static DELIVERS: Cell<bool> = const { Cell::new(false) };
}

impl OutputPool {
    pub(crate) fn sink(&self) -> &OutputSink {
        &self.sink
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer with room for so many bytes of records.
    pub(crate) fn take(self: &Arc<Self>, pools: &Pools, agent: &Agent, bytes: u32) -> Result<OutputUse, Error> {
        let free = self.state().free.pop();
        let buffer = match free {
            Some(buffer) => buffer,
            None => {
                let mut buffer = pools.shared.allocate(HEADER + bytes as usize, agent)?;
                buffer.bytes_mut()[header::CAPACITY..][..8].copy_from_slice(&u64::from(bytes).to_le_bytes());
                buffer
            }
        };
        Ok(OutputUse { buffer: Some(buffer), pool: Arc::clone(self) })
    }

    /// Gives everything that is pending to the sink, and waits for other threads that do so.
    pub(crate) fn deliver(&self) {
        let mut state = self.state();
        while let Some(printed) = state.pending.pop_front() {
            state.delivering += 1;
            drop(state);
            let outer = DELIVERS.replace(true);
            self.sink.lines(&printed.kernel, &printed.bytes, &printed.code_object);
            DELIVERS.set(outer);
            state = self.state();
            state.delivering -= 1;
            self.delivered.notify_all();
        }
        // A handler that waits for a launch of its own must not wait for itself.
        while state.delivering > 0 && !DELIVERS.get() {
            state = self.delivered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same, later and on another thread.
    pub(crate) fn deliver_later(self: &Arc<Self>) {
        static DELIVERY: LazyLock<Lane> = LazyLock::new(|| Lane::new("geobacter-output", usize::MAX));
        if !self.state().pending.is_empty() {
            let pool = Arc::clone(self);
            DELIVERY.push(Box::new(move || pool.deliver()));
        }
    }
}

impl OutputUse {
    /// Its address, for the kernel.
    pub(crate) fn address(&self) -> u64 {
        self.buffer.as_ref().map_or(0, |buffer| buffer.start().as_ptr() as u64)
    }

    pub(crate) fn pool(&self) -> &Arc<OutputPool> {
        &self.pool
    }

    /// Takes out what the launch has printed. It must have ended.
    pub(crate) fn collect(&mut self, kernel: &str, code_object: &Arc<[u8]>) {
        let Some(buffer) = &mut self.buffer else { return };
        let used = output::used(buffer.bytes());
        // Nothing is reserved and nothing is lost: most launches of kernels that print on rare occasions.
        if used == HEADER {
            return;
        }
        let bytes = buffer.bytes_mut();
        let (kernel, code_object) = (kernel.to_owned(), Arc::clone(code_object));
        let printed = Printed { kernel, bytes: bytes[..used].to_vec(), code_object };
        bytes[header::RESERVED..][..8].fill(0);
        bytes[header::LOST..][..8].fill(0);
        bytes[HEADER..used].fill(0);
        self.pool.state().pending.push_back(printed);
    }
}

impl Drop for OutputUse {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.pool.state().free.push(buffer);
        }
    }
}

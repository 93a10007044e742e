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
    fmt,
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
};

use geobacter_spool::output::{HEADER, header};

use super::{OutputSink, used};
use crate::{image::HasConstants, lane::Lane};

/// Memory of the host that a device reaches, all zero when it is made.
pub trait OutputMemory: Send {
    /// Its address on the device.
    fn address(&self) -> u64;

    /// The bytes, to read. The device must not write them now.
    fn bytes(&self) -> &[u8];

    /// The bytes, to write. The device must not use them now.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// The buffers of one GPU into which kernels print, and what is in none of them any more.
pub struct OutputPool<M> {
    sink: OutputSink,
    state: Mutex<State<M>>,
    delivered: Condvar,
}

struct State<M> {
    /// Buffers that no launch uses. All but their capacity is zero.
    free: Vec<M>,
    /// What has not reached the sink yet, oldest first.
    pending: VecDeque<Printed>,
    /// Threads that are calling the sink.
    delivering: usize,
}

/// What one launch has printed.
struct Printed {
    kernel: String,
    /// The used part of the buffer, header included.
    bytes: Vec<u8>,
    /// The code that ran.
    code: Arc<dyn HasConstants>,
}

/// A launch's buffer; it goes back to its pool when dropped, and the device must not use it any more then.
pub struct OutputUse<M: OutputMemory> {
    /// `None` only while it is dropped.
    buffer: Option<M>,
    pool: Arc<OutputPool<M>>,
}

thread_local! {
    static DELIVERS: Cell<bool> = const { Cell::new(false) };
}

impl<M> Default for OutputPool<M> {
    fn default() -> Self {
        let state = State { free: Vec::new(), pending: VecDeque::new(), delivering: 0 };
        Self { sink: OutputSink::default(), state: Mutex::new(state), delivered: Condvar::new() }
    }
}

impl<M> OutputPool<M> {
    /// Where lines go.
    pub fn sink(&self) -> &OutputSink {
        &self.sink
    }

    fn state(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the buffers that no launch uses out of the pool.
    pub fn take_free(&self) -> Vec<M> {
        std::mem::take(&mut self.state().free)
    }

    /// Gives everything that is pending to the sink, and waits for other threads that do so.
    pub fn deliver(&self) {
        let mut state = self.state();
        while let Some(printed) = state.pending.pop_front() {
            state.delivering += 1;
            drop(state);
            let outer = DELIVERS.replace(true);
            self.sink.lines(&printed.kernel, &printed.bytes, printed.code.constants());
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
}

impl<M: OutputMemory + 'static> OutputPool<M> {
    /// A buffer with room for so many bytes of records: one that no launch uses, or what `allocate` makes of so many bytes.
    ///
    /// # Errors
    /// What `allocate` says.
    pub fn take<E>(
        self: &Arc<Self>,
        bytes: u32,
        allocate: impl FnOnce(usize) -> Result<M, E>,
    ) -> Result<OutputUse<M>, E> {
        let free = self.state().free.pop();
        let buffer = match free {
            Some(buffer) => buffer,
            None => {
                let mut buffer = allocate(HEADER + bytes as usize)?;
                buffer.bytes_mut()[header::CAPACITY..][..8].copy_from_slice(&u64::from(bytes).to_le_bytes());
                buffer
            }
        };
        Ok(OutputUse { buffer: Some(buffer), pool: Arc::clone(self) })
    }

    /// As [`deliver`](Self::deliver), later and on another thread.
    pub fn deliver_later(self: &Arc<Self>) {
        static DELIVERY: LazyLock<Lane> = LazyLock::new(|| Lane::new("geobacter-output", usize::MAX));
        if !self.state().pending.is_empty() {
            let pool = Arc::clone(self);
            DELIVERY.push(Box::new(move || pool.deliver()));
        }
    }
}

impl<M: OutputMemory> OutputUse<M> {
    /// Its address, for the kernel.
    pub fn address(&self) -> u64 {
        self.buffer.as_ref().map_or(0, OutputMemory::address)
    }

    /// The pool that it is of.
    pub fn pool(&self) -> &Arc<OutputPool<M>> {
        &self.pool
    }

    /// Takes out what the launch of this kernel has printed. It must have ended.
    pub fn collect(&mut self, kernel: &str, code: &Arc<impl HasConstants + 'static>) {
        let Some(buffer) = &mut self.buffer else { return };
        let used = used(buffer.bytes());
        // Nothing is reserved and nothing is lost: most launches of kernels that print on rare occasions.
        if used == HEADER {
            return;
        }
        let bytes = buffer.bytes_mut();
        let code = Arc::clone(code) as Arc<dyn HasConstants>;
        let printed = Printed { kernel: kernel.to_owned(), bytes: bytes[..used].to_vec(), code };
        bytes[header::RESERVED..][..8].fill(0);
        bytes[header::LOST..][..8].fill(0);
        bytes[HEADER..used].fill(0);
        self.pool.state().pending.push_back(printed);
    }
}

impl<M: OutputMemory> Drop for OutputUse<M> {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.pool.state().free.push(buffer);
        }
    }
}

impl<M> fmt::Debug for OutputPool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputPool").field("sink", &self.sink).finish_non_exhaustive()
    }
}

impl<M: OutputMemory> fmt::Debug for OutputUse<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputUse").field("address", &self.address()).finish_non_exhaustive()
    }
}

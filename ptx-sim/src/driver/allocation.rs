//! The memory that a program has from the driver, of all devices and of the host: all of it is in one address space.
//!
//! Each context has a [`Memory`], which holds what is allocated on its device. Memory of the host, pinned or managed,
//! is in one more of them, and every context's kernels are let at it; at a peer's memory they are when the program says
//! so.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use geobacter_cuda_driver::sys::CUresult::*;

use super::state::{Failure, Outcome, fail, lock};
use crate::memory::{Memory, MemoryError};

/// The alignment of memory of the host: its pages.
const PAGE: u64 = 4096;

/// What an allocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Memory of a device.
    Device,
    /// Pinned memory of the host.
    Pinned,
    /// Memory that goes where it is used.
    Managed,
}

/// A live allocation.
#[derive(Debug)]
struct Allocation {
    sort: Sort,
    size: u64,
    /// What it is allocated in.
    memory: Arc<Memory>,
    /// The memory of the context that it was allocated in, and ends with.
    context: Arc<Memory>,
}

/// A context that is not ended.
#[derive(Debug)]
struct Reach {
    memory: Arc<Memory>,
    /// The contexts at whose memory its kernels are let.
    peers: Vec<Arc<Memory>>,
}

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<u64, Allocation>,
    contexts: Vec<Reach>,
}

/// All that is allocated.
#[derive(Debug)]
pub struct Allocations {
    host: Arc<Memory>,
    state: Mutex<State>,
}

impl Default for Allocations {
    fn default() -> Self {
        Self { host: Arc::new(Memory::new(u64::MAX)), state: Mutex::default() }
    }
}

impl Allocations {
    /// There is a new context, with this memory.
    pub fn add_context(&self, memory: &Arc<Memory>) {
        let mut state = lock(&self.state);
        for (address, allocation) in state.live.iter().filter(|(_, allocation)| allocation.sort != Sort::Device) {
            adopt(memory, *address, allocation.size);
        }
        state.contexts.push(Reach { memory: Arc::clone(memory), peers: Vec::new() });
    }

    /// The context with this memory has ended, and so has its work. What was allocated in it is freed.
    pub fn remove_context(&self, memory: &Arc<Memory>) {
        let mut state = lock(&self.state);
        state.contexts.retain(|reach| !Arc::ptr_eq(&reach.memory, memory));
        let ends: Vec<_> =
            state.live.iter().filter(|(_, allocation)| Arc::ptr_eq(&allocation.context, memory)).collect();
        for address in ends.into_iter().map(|(address, _)| *address).collect::<Vec<_>>() {
            state.remove(address);
        }
        for reach in &mut state.contexts {
            reach.peers.retain(|peer| !Arc::ptr_eq(peer, memory));
        }
    }

    /// Lets kernels of one context at the memory of another one.
    pub fn let_at(&self, context: &Arc<Memory>, peer: &Arc<Memory>) -> Outcome {
        let mut state = lock(&self.state);
        let State { live, contexts } = &mut *state;
        if !contexts.iter().any(|reach| Arc::ptr_eq(&reach.memory, peer)) {
            return Err(ended());
        }
        let reach = contexts.iter_mut().find(|reach| Arc::ptr_eq(&reach.memory, context)).ok_or_else(ended)?;
        if reach.peers.iter().any(|known| Arc::ptr_eq(known, peer)) {
            let reason = "the current context has access to this peer's memory already";
            return Err(fail(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, reason));
        }
        reach.peers.push(Arc::clone(peer));
        for (address, allocation) in live.iter().filter(|(_, allocation)| Arc::ptr_eq(&allocation.memory, peer)) {
            adopt(context, *address, allocation.size);
        }
        Ok(())
    }

    /// Allocates memory, in the context with this memory. Its content is not defined on a device; here it is 0.
    pub fn allocate(&self, sort: Sort, size: usize, context: &Arc<Memory>) -> Outcome<u64> {
        let (size, align) = (size as u64, if sort == Sort::Device { 1 } else { PAGE });
        let memory = if sort == Sort::Device { context } else { &self.host };
        let address = memory.allocate(size, align).map_err(no_memory)?;
        let mut state = lock(&self.state);
        if !state.contexts.iter().any(|reach| Arc::ptr_eq(&reach.memory, context)) {
            // It is allocated, and nobody knows it.
            let _ = memory.free(address);
            return Err(ended());
        }
        for reach in state.contexts.iter().filter(|reach| !Arc::ptr_eq(&reach.memory, memory)) {
            if sort != Sort::Device || reach.peers.iter().any(|peer| Arc::ptr_eq(peer, memory)) {
                adopt(&reach.memory, address, size);
            }
        }
        let allocation = Allocation { sort, size, memory: Arc::clone(memory), context: Arc::clone(context) };
        state.live.insert(address, allocation);
        Ok(address)
    }

    /// The memories of the contexts whose kernels reach the allocation that begins there, and is of one of these sorts.
    pub fn reached_by(&self, address: u64, sorts: &[Sort]) -> Outcome<Vec<Arc<Memory>>> {
        let state = lock(&self.state);
        state.check(address, sorts)?;
        let contexts = state.contexts.iter().map(|reach| &reach.memory);
        Ok(contexts.filter(|memory| memory.contains(address, 1)).cloned().collect())
    }

    /// Frees the allocation that begins there. No work uses it any more.
    pub fn free(&self, address: u64, sorts: &[Sort]) -> Outcome {
        let mut state = lock(&self.state);
        // Another thread may have freed it since it was looked at.
        state.check(address, sorts)?;
        state.remove(address);
        Ok(())
    }

    /// Where so many bytes are that begin at an address; `context` is the current one's memory.
    pub fn find(&self, address: u64, size: u64, context: &Arc<Memory>) -> Outcome<Arc<Memory>> {
        let state = lock(&self.state);
        let before = state.live.range(..=address).next_back();
        if let Some((base, allocation)) = before.filter(|(base, allocation)| address - **base < allocation.size) {
            if size > allocation.size - (address - base) {
                let reason = format!(
                    "{size} bytes at {address:#x} go past the end of an allocation of {} bytes at {base:#x}",
                    allocation.size
                );
                return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
            }
            return Ok(Arc::clone(&allocation.memory));
        }
        // What is left are the variables of modules.
        let others = state.contexts.iter().map(|reach| &reach.memory);
        let holder = [context].into_iter().chain(others).find(|memory| memory.contains(address, size));
        holder.cloned().ok_or_else(|| {
            let reason = format!("{size} bytes at {address:#x} are in no allocation and in no variable of a module");
            fail(CUDA_ERROR_INVALID_VALUE, reason)
        })
    }

    /// Whether the byte there belongs to memory that the driver has given.
    pub fn knows(&self, address: u64) -> bool {
        let state = lock(&self.state);
        let before = state.live.range(..=address).next_back();
        before.is_some_and(|(base, allocation)| address - base < allocation.size)
            || state.contexts.iter().any(|reach| reach.memory.contains(address, 1))
    }

    /// Whether the byte there is memory of this sort.
    pub fn is(&self, address: u64, sort: Sort) -> bool {
        let state = lock(&self.state);
        let before = state.live.range(..=address).next_back();
        before.is_some_and(|(base, allocation)| allocation.sort == sort && address - base < allocation.size)
    }
}

impl State {
    fn check(&self, address: u64, sorts: &[Sort]) -> Outcome {
        match self.live.get(&address) {
            Some(allocation) if sorts.contains(&allocation.sort) => Ok(()),
            Some(allocation) => {
                let reason = format!("{address:#x} is {:?} memory, and freed by another function", allocation.sort);
                Err(fail(CUDA_ERROR_INVALID_VALUE, reason))
            }
            None => Err(fail(CUDA_ERROR_INVALID_VALUE, format!("no allocation begins at {address:#x}"))),
        }
    }

    /// Frees an allocation: takes it away from all kernels, then gives it back.
    fn remove(&mut self, address: u64) {
        let Some(allocation) = self.live.remove(&address) else { return };
        for reach in self.contexts.iter().filter(|reach| !Arc::ptr_eq(&reach.memory, &allocation.memory)) {
            // Not all of them know it.
            let _ = reach.memory.free(address);
        }
        // It is live, so its memory knows it.
        let _ = allocation.memory.free(address);
    }
}

/// Lets the kernels of a context at memory that another [`Memory`] holds.
fn adopt(memory: &Memory, address: u64, size: u64) {
    // SAFETY: the memory is allocated, and nothing has references to it. `State::remove` takes it away from this
    // context before it gives it back, and is called when no work is left.
    let adopted = unsafe { memory.adopt(address, size) };
    // Live allocations do not overlap.
    debug_assert!(adopted.is_ok(), "{adopted:?}");
}

/// The failure of who uses a context while another thread ends it.
fn ended() -> Failure {
    fail(CUDA_ERROR_CONTEXT_IS_DESTROYED, "the context was just released or reset")
}

/// The failure for memory that is not to be had.
pub fn no_memory(error: MemoryError) -> Failure {
    let result = match error {
        MemoryError::OutOfMemory { .. } => CUDA_ERROR_OUT_OF_MEMORY,
        // The sizes of one allocation that is larger than the address space.
        MemoryError::InvalidLayout { bytes, .. } if bytes > 0 => CUDA_ERROR_OUT_OF_MEMORY,
        _ => CUDA_ERROR_INVALID_VALUE,
    };
    fail(result, error.to_string())
}

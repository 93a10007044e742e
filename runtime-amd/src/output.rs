//! The buffer into which a kernel prints.

use geobacter_runtime_core::output::{self, OutputSink};
use geobacter_spool::output::{HEADER, header};

use crate::{
    agent::Agent,
    error::Error,
    memory_pool::{HostAllocation, Pools},
};

/// A launch slot's buffer for printed lines, in memory of the host. All of it but the capacity is zero between launches.
pub(crate) struct OutputBuffer(HostAllocation);

impl OutputBuffer {
    /// A buffer with room for so many bytes of records.
    pub(crate) fn new(pools: &Pools, agent: &Agent, bytes: u32) -> Result<Self, Error> {
        let mut memory = pools.shared.allocate(HEADER + bytes as usize, agent)?;
        memory.bytes_mut()[header::CAPACITY..][..8].copy_from_slice(&u64::from(bytes).to_le_bytes());
        Ok(Self(memory))
    }

    /// Its address, for the kernel.
    pub(crate) fn address(&self) -> u64 {
        self.0.address()
    }

    /// Hands on what a launch has printed, and clears it. The launch must have ended.
    pub(crate) fn deliver(&mut self, kernel: &str, code_object: &[u8], sink: &OutputSink) {
        let used = output::used(self.0.bytes());
        // Nothing is reserved and nothing is lost: most launches of kernels that print on rare occasions.
        if used == HEADER {
            return;
        }
        sink.lines(kernel, self.0.bytes(), code_object);
        let bytes = self.0.bytes_mut();
        bytes[header::RESERVED..][..8].fill(0);
        bytes[header::LOST..][..8].fill(0);
        bytes[HEADER..used].fill(0);
    }
}

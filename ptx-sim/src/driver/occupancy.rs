//! How many blocks of a kernel a multiprocessor has at once.

use std::ffi::c_int;

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUfunction,
        CUresult::{self, *},
    },
};

use super::{
    attributes::{MAX_THREADS, REGISTERS, WARP},
    card::Card,
    context::current,
    out::put,
    state::{answer, fail},
};

/// Registers are given to warps in so many at once.
pub const REGISTER_UNIT: u32 = 256;
/// Shared memory is given to blocks in so many bytes at once.
const SHARED_UNIT: u32 = 128;

/// What a block needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its threads.
    pub threads: u32,
    /// Registers of a thread.
    pub registers: u32,
    /// Its shared memory in bytes.
    pub shared: u32,
}

impl Block {
    /// Its registers, as they are given out.
    pub fn all_registers(&self) -> u32 {
        let of_warp = (self.registers * WARP).next_multiple_of(REGISTER_UNIT);
        of_warp * self.threads.div_ceil(WARP)
    }

    /// How many of them a multiprocessor has at once.
    pub fn at_once(&self, card: &Card) -> u32 {
        let shared = (self.shared + card.shared_reserved).next_multiple_of(SHARED_UNIT);
        let by_threads = card.threads / self.threads.next_multiple_of(WARP).max(WARP);
        let by_registers = REGISTERS / self.all_registers().max(1);
        let by_shared = (card.shared << 10).checked_div(shared).unwrap_or(u32::MAX);
        card.blocks.min(by_threads).min(by_registers).min(by_shared)
    }
}

pub unsafe extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
    to: *mut c_int,
    function: CUfunction,
    block_size: c_int,
    dynamic_shared: usize,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let function = simulator.functions.get(function)?;
        let card = function.usable_context()?.device.card;
        let threads = u32::try_from(block_size).ok().filter(|threads| (1..=MAX_THREADS).contains(threads));
        let threads =
            threads.ok_or_else(|| fail(CUDA_ERROR_INVALID_VALUE, format!("no block has {block_size} threads")))?;
        let shared = u32::try_from(dynamic_shared).ok().and_then(|dynamic| {
            let all = dynamic.checked_add(function.kernel.shared_bytes())?;
            (dynamic <= function.max_dynamic_shared() && all <= card.max_shared()).then_some(all)
        });
        let blocks = match shared {
            Some(shared) if threads <= function.kernel.max_threads() => {
                Block { threads, registers: function.registers(), shared }.at_once(card)
            }
            // Such a launch would be refused.
            _ => 0,
        };
        // SAFETY: the caller gives room for the number.
        unsafe { put(to, blocks as c_int, "the place for the number of blocks") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of NVIDIA's occupancy calculator.
    #[test]
    fn the_scarcest_resource_decides() {
        let card = |name| Card::named(name).unwrap();
        let at_once = |target, threads, registers, shared| Block { threads, registers, shared }.at_once(card(target));
        assert_eq!(at_once("sm_80", 256, 32, 0), 8, "threads");
        assert_eq!(at_once("sm_80", 32, 32, 0), 32, "blocks");
        assert_eq!(at_once("sm_80", 256, 64, 0), 4, "registers");
        assert_eq!(at_once("sm_80", 256, 255, 0), 1, "registers, rounded up to 256 for each warp");
        assert_eq!(at_once("sm_80", 128, 32, 48 << 10), 3, "shared memory, with the driver's KiB");
        assert_eq!(at_once("sm_86", 1024, 32, 0), 1, "a card with 1536 threads");
        assert_eq!(at_once("sm_75", 1024, 64, 0), 1);
        assert_eq!(at_once("sm_70", 33, 32, 0), 32, "a started warp counts as a whole one");
    }
}

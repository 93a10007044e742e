//! How many cycles a device may take. What the figures are and what they leave out stands in the module above.

use serde::Serialize;

use super::Counts;
use crate::{isa::target::Target, machine::wave::Size};

/// What a kernel is bounded by, as far as the estimate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bound {
    /// Issuing instructions.
    Issue,
    /// LDS.
    Lds,
    /// Moving bytes of memory.
    Memory,
}

/// How long a device may take: an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Cycles of issuing instructions.
    pub issue_cycles: f64,
    /// Cycles of LDS.
    pub lds_cycles: f64,
    /// Cycles of moving bytes of memory.
    pub memory_cycles: f64,
    /// The largest of the three: nothing overlaps better.
    pub at_least_cycles: f64,
    /// Their sum: nothing overlaps.
    pub about_cycles: f64,
    /// The first of these two at the device's clock, in microseconds.
    pub at_least_us: f64,
    /// Which one is the largest.
    pub bound: Bound,
}

/// Cycles in which a SIMD issues a matrix instruction: what most of them take.
const MATRIX_CYCLES: u64 = 16;

impl Estimate {
    pub(crate) fn of(target: Target, size: Size, counts: &Counts) -> Self {
        let limits = target.limits();
        let units = counts.work_groups.clamp(1, limits.compute_units.into());
        let simds = counts.waves.clamp(1, units * u64::from(limits.simds_of_unit));
        let per_vector = (size.lanes() / limits.lanes_at_once).max(1) as u64;
        let instructions = &counts.instructions;
        let matrix = instructions.matrix;
        let vector = counts.vector_instructions - matrix;
        let others = instructions.total() - vector - matrix;
        let issue_cycles = (vector * per_vector + matrix * MATRIX_CYCLES + others) as f64 / simds as f64;
        let lds_cycles = counts.lds.cycles as f64 / units as f64;
        let memory = &counts.memory;
        let vector_bytes = memory.loads.transferred + memory.stores.transferred + memory.atomics.transferred;
        let bytes = vector_bytes + memory.scalar.transferred + counts.scratch_bytes;
        let bytes_in_a_cycle = limits.bandwidth_gb_s * 1e3 / f64::from(limits.clock_mhz);
        let memory_cycles = bytes as f64 / bytes_in_a_cycle;
        let parts = [(Bound::Issue, issue_cycles), (Bound::Lds, lds_cycles), (Bound::Memory, memory_cycles)];
        let (bound, at_least) =
            parts.into_iter().fold((Bound::Issue, 0.0), |most, part| if part.1 > most.1 { part } else { most });
        Self {
            issue_cycles,
            lds_cycles,
            memory_cycles,
            at_least_cycles: at_least,
            about_cycles: issue_cycles + lds_cycles + memory_cycles,
            at_least_us: at_least / f64::from(limits.clock_mhz),
            bound,
        }
    }
}

//! How many waves a SIMD holds, by what a kernel needs of it.

use serde::Serialize;

use crate::{isa::target::Target, machine::wave::Size};

/// What bounds the waves of a SIMD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// What the hardware keeps at most.
    Waves,
    /// Vector registers.
    VectorRegisters,
    /// LDS.
    Lds,
}

/// How many waves a SIMD holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Occupancy {
    /// Vector registers that a wave has, accumulation registers among them.
    pub vector_registers: u32,
    /// LDS of a work-group in bytes.
    pub lds: u32,
    /// Waves that fit on a SIMD.
    pub waves_per_simd: u32,
    /// Waves that a SIMD holds at most, whatever the kernel.
    pub most: u32,
    /// What the first one is bounded by.
    pub limit: Limit,
}

impl Occupancy {
    /// That of a kernel. `items`: work-items of a work-group. Scalar registers bound nothing on these targets.
    pub(crate) fn of(target: Target, size: Size, vector_registers: u32, lds: u32, items: u32) -> Self {
        let limits = target.limits();
        // A wave of 64 takes two halves of a register file that is made for waves of 32.
        let halves = if target.is_cdna() || size == Size::W32 { 1 } else { 2 };
        let allocated = vector_registers.max(1).next_multiple_of(limits.register_granule / halves);
        let by_registers = limits.vector_registers / halves / allocated;
        let waves_per_group = items.div_ceil(size.lanes() as u32).max(1);
        let by_lds = match lds {
            0 => limits.waves,
            lds => ((limits.lds / lds).max(1) * waves_per_group).div_ceil(limits.simds),
        };
        let waves = limits.waves.min(by_registers).min(by_lds).max(1);
        let limit = match waves {
            waves if waves == limits.waves => Limit::Waves,
            waves if waves == by_registers.max(1) => Limit::VectorRegisters,
            _ => Limit::Lds,
        };
        Self { vector_registers, lds, waves_per_simd: waves, most: limits.waves, limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_lds_bound_waves() {
        let of = |target, size, registers, lds, items| {
            let found = Occupancy::of(target, size, registers, lds, items);
            (found.waves_per_simd, found.limit)
        };
        // What LLVM 22 prints as `; Occupancy:` for kernels with these resources.
        assert_eq!(of(Target::Gfx942, Size::W64, 4, 0, 256), (8, Limit::Waves));
        assert_eq!(of(Target::Gfx942, Size::W64, 65, 0, 256), (7, Limit::VectorRegisters));
        assert_eq!(of(Target::Gfx942, Size::W64, 512, 0, 256), (1, Limit::VectorRegisters));
        assert_eq!(of(Target::Gfx1030, Size::W32, 65, 0, 256), (12, Limit::VectorRegisters));
        assert_eq!(of(Target::Gfx1100, Size::W32, 97, 0, 256), (12, Limit::VectorRegisters));
        // Two work-groups of four waves, on four SIMDs.
        assert_eq!(of(Target::Gfx90a, Size::W64, 4, 32768, 256), (2, Limit::Lds));
    }
}

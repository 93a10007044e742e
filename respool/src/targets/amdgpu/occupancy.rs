//! How many waves one SIMD can hold at once.

use super::processor::Processor;

/// Waves for each SIMD, bounded by vector registers and by LDS. Scalar registers bound nothing on these processors.
pub fn waves_per_simd(processor: &Processor, vgprs: u32, agprs: u32, lds: u32, workgroup: u32) -> u32 {
    let registers = if processor.unified_agprs { vgprs.next_multiple_of(4) + agprs } else { vgprs };
    let allocated = registers.max(1).next_multiple_of(processor.vgpr_granule);
    let by_registers = (processor.vgprs / allocated).min(processor.max_waves);
    let waves_per_group = workgroup.div_ceil(processor.wave_size).max(1);
    let by_lds = match lds {
        0 => processor.max_waves,
        lds => ((processor.lds / lds).max(1) * waves_per_group).div_ceil(processor.simds).min(processor.max_waves),
    };
    by_registers.min(by_lds).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are what LLVM 22 prints as `; Occupancy:` for kernels with these resources.
    #[test]
    fn registers_bound_waves_as_llvm_says() {
        let waves = |name, vgprs| Processor::find(name).map(|processor| waves_per_simd(processor, vgprs, 0, 0, 256));
        assert_eq!(waves("gfx942", 4), Some(8));
        assert_eq!(waves("gfx942", 65), Some(7));
        assert_eq!(waves("gfx942", 128), Some(4));
        assert_eq!(waves("gfx942", 512), Some(1));
        assert_eq!(waves("gfx1030", 64), Some(16));
        assert_eq!(waves("gfx1030", 65), Some(12));
        assert_eq!(waves("gfx1100", 97), Some(12));
    }
}

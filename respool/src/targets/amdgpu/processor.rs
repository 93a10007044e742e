//! The processors, and what of them decides how many waves fit.
//!
//! Source: LLVM's `GCNProcessors.td` and `AMDGPUBaseInfo.cpp` for release 22, and AMD's ISA guides.

/// What of a processor decides occupancy.
#[derive(Debug)]
pub struct Processor {
    /// LLVM's name.
    pub name: &'static str,
    /// Work-items in a wave, as LLVM compiles for it by default.
    pub wave_size: u32,
    /// Vector registers of one SIMD for each lane, at that wave size.
    pub vgprs: u32,
    /// Vector registers are given out in multiples of this.
    pub vgpr_granule: u32,
    /// Whether accumulation registers come out of the same file.
    pub unified_agprs: bool,
    /// The most waves that one SIMD holds.
    pub max_waves: u32,
    /// SIMDs that a work-group can spread over (a compute unit, or a work-group processor).
    pub simds: u32,
    /// LDS that those SIMDs share, in bytes.
    pub lds: u32,
    /// Whether data-parallel primitives exchange the lanes of a row of 16 by any mask, and rows with their neighbours: RDNA's do.
    pub has_row_xmask: bool,
}

const fn cdna(name: &'static str) -> Processor {
    Processor {
        name,
        wave_size: 64,
        vgprs: 512,
        vgpr_granule: 8,
        unified_agprs: true,
        max_waves: 8,
        simds: 4,
        lds: 64 << 10,
        has_row_xmask: false,
    }
}

const fn rdna(name: &'static str, vgprs: u32, vgpr_granule: u32) -> Processor {
    Processor {
        name,
        wave_size: 32,
        vgprs,
        vgpr_granule,
        unified_agprs: false,
        max_waves: 16,
        simds: 4,
        lds: 128 << 10,
        has_row_xmask: true,
    }
}

static PROCESSORS: [Processor; 5] =
    [cdna("gfx90a"), cdna("gfx942"), rdna("gfx1030", 1024, 16), rdna("gfx1100", 1536, 24), rdna("gfx1201", 1536, 24)];

/// The processors' names.
pub const NAMES: &[&str] = &["gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1201"];

impl Processor {
    /// The processor with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        PROCESSORS.iter().find(|processor| processor.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_table() {
        assert_eq!(NAMES, PROCESSORS.each_ref().map(|processor| processor.name));
    }
}

//! What devices have, for saying how many waves fit and how long they may take.
//!
//! Figures of one device of each target, as AMD's data sheets have them: MI210, MI300X, Radeon RX 6800 XT, RX 7900 XTX and
//! RX 9070 XT.

use super::target::Target;

/// What a device has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Compute units.
    pub compute_units: u32,
    /// SIMDs of a compute unit.
    pub simds_of_unit: u32,
    /// SIMDs that share an LDS: those of a compute unit, or of two that are a work-group processor.
    pub simds: u32,
    /// Their LDS in bytes.
    pub lds: u32,
    /// Waves that a SIMD holds at most.
    pub waves: u32,
    /// Vector registers of a SIMD, for waves of the native size.
    pub vector_registers: u32,
    /// Vector registers are given to such a wave in multiples of this.
    pub register_granule: u32,
    /// Lanes that a SIMD executes in a cycle.
    pub lanes_at_once: usize,
    /// Clock in MHz.
    pub clock_mhz: u32,
    /// What memory moves, in 10^9 bytes a second.
    pub bandwidth_gb_s: f64,
}

impl Target {
    /// What a device has.
    pub const fn limits(self) -> Limits {
        let cdna = Limits {
            compute_units: 104,
            simds_of_unit: 4,
            simds: 4,
            lds: 64 << 10,
            waves: 8,
            vector_registers: 512,
            register_granule: 8,
            lanes_at_once: 16,
            clock_mhz: 1700,
            bandwidth_gb_s: 1638.0,
        };
        let rdna = Limits {
            compute_units: 72,
            simds_of_unit: 2,
            simds: 4,
            lds: 128 << 10,
            waves: 16,
            vector_registers: 1024,
            register_granule: 16,
            lanes_at_once: 32,
            clock_mhz: 2250,
            bandwidth_gb_s: 512.0,
        };
        match self {
            Self::Gfx90a => cdna,
            Self::Gfx942 => Limits { compute_units: 304, clock_mhz: 2100, bandwidth_gb_s: 5300.0, ..cdna },
            Self::Gfx1030 => rdna,
            Self::Gfx1100 => Limits {
                compute_units: 96,
                vector_registers: 1536,
                register_granule: 24,
                clock_mhz: 2500,
                bandwidth_gb_s: 960.0,
                ..rdna
            },
            Self::Gfx1201 => Limits {
                compute_units: 64,
                vector_registers: 1536,
                register_granule: 24,
                clock_mhz: 2970,
                bandwidth_gb_s: 640.0,
                ..rdna
            },
        }
    }

    /// Bytes of a line of the cache that vector memory goes through first.
    pub const fn cache_line(self) -> u64 {
        match self {
            Self::Gfx90a => 64,
            Self::Gfx942 | Self::Gfx1030 | Self::Gfx1100 | Self::Gfx1201 => 128,
        }
    }
}

//! The cards that simulated GPUs say they are: what a program asks an agent for, as the real card and its driver answer.

/// A card. Sizes are in KiB, clocks in MHz, widths in bits.
#[derive(Debug)]
pub struct Product {
    /// What code is generated for.
    pub target: &'static str,
    /// Its number in the header of code objects, `EF_AMDGPU_MACH_AMDGCN_*`.
    pub machine: u32,
    /// What it is sold as.
    pub name: &'static str,
    /// Its PCI device id.
    pub chip: u32,
    /// Revision of the chip.
    pub revision: u32,
    /// Lanes of a wave, unless the kernel asks for 64 where both are there.
    pub wave: u32,
    /// Compute units; work-group processors count for two.
    pub compute_units: u32,
    /// SIMDs of a compute unit.
    pub simds: u32,
    /// Most waves of a compute unit.
    pub waves: u32,
    /// Shader engines.
    pub engines: u32,
    /// Shader arrays of an engine.
    pub arrays: u32,
    /// Clock of the engine.
    pub clock: u32,
    /// Clock of the memory.
    pub memory_clock: u32,
    /// Width of the memory's bus.
    pub memory_width: u32,
    /// Line of the L2 cache in bytes.
    pub cacheline: u32,
    /// L1, L2, L3, each 0 if there is none.
    pub caches: [u32; 3],
    /// Whether it has the features `sramecc` (always on here) and `xnack` (always off here), which its ISA name says.
    pub features: bool,
}

/// All cards, by target.
pub const PRODUCTS: &[Product] = &[
    // One of the two dies of the card, which are a GPU each.
    Product {
        target: "gfx90a",
        machine: 0x3f,
        name: "AMD Instinct MI250X",
        chip: 0x7408,
        revision: 1,
        wave: 64,
        compute_units: 110,
        simds: 4,
        waves: 32,
        engines: 8,
        arrays: 1,
        clock: 1700,
        memory_clock: 1600,
        memory_width: 4096,
        cacheline: 128,
        caches: [16, 8192, 0],
        features: true,
    },
    Product {
        target: "gfx942",
        machine: 0x4c,
        name: "AMD Instinct MI300X",
        chip: 0x74a1,
        revision: 1,
        wave: 64,
        compute_units: 304,
        simds: 4,
        waves: 32,
        engines: 32,
        arrays: 1,
        clock: 2100,
        memory_clock: 1300,
        memory_width: 8192,
        cacheline: 128,
        caches: [32, 4096, 262_144],
        features: true,
    },
    Product {
        target: "gfx1030",
        machine: 0x36,
        name: "AMD Radeon RX 6900 XT",
        chip: 0x73bf,
        revision: 1,
        wave: 32,
        compute_units: 80,
        simds: 2,
        waves: 32,
        engines: 4,
        arrays: 2,
        clock: 2660,
        memory_clock: 1000,
        memory_width: 256,
        cacheline: 128,
        caches: [16, 4096, 131_072],
        features: false,
    },
    Product {
        target: "gfx1100",
        machine: 0x41,
        name: "AMD Radeon RX 7900 XTX",
        chip: 0x744c,
        revision: 0,
        wave: 32,
        compute_units: 96,
        simds: 2,
        waves: 32,
        engines: 6,
        arrays: 2,
        clock: 2482,
        memory_clock: 1249,
        memory_width: 384,
        cacheline: 128,
        caches: [32, 6144, 98_304],
        features: false,
    },
    Product {
        target: "gfx1201",
        machine: 0x4e,
        name: "AMD Radeon RX 9070 XT",
        chip: 0x7550,
        revision: 1,
        wave: 32,
        compute_units: 64,
        simds: 2,
        waves: 32,
        engines: 4,
        arrays: 2,
        clock: 2400,
        memory_clock: 1258,
        memory_width: 256,
        cacheline: 256,
        caches: [32, 8192, 65_536],
        features: false,
    },
];

impl Product {
    /// The card of a target.
    pub fn of(target: &str) -> Option<&'static Self> {
        PRODUCTS.iter().find(|product| product.target == target)
    }
}

#[cfg(test)]
mod tests {
    use geobacter_spool::bundle::SIMULATED_TARGETS;

    use super::*;

    #[test]
    fn every_simulated_target_has_a_card() {
        for target in SIMULATED_TARGETS {
            assert!(Product::of(target).is_some(), "{target}");
        }
    }
}

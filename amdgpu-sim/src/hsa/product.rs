//! The cards that simulated GPUs say they are: what a program asks an agent for, as the real card and its driver answer.

use crate::isa::target::Target;

/// A card. Sizes of caches are in KiB, clocks in MHz, widths in bits.
#[derive(Debug)]
pub struct Product {
    /// What code is generated for.
    pub target: Target,
    /// What it is sold as.
    pub name: &'static str,
    /// Its PCI device id.
    pub chip: u32,
    /// Revision of the chip.
    pub revision: u32,
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
    /// Memory in GiB.
    pub memory: u64,
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

/// One of the two dies of the card, which are a GPU each.
static MI250X: Product = Product {
    target: Target::Gfx90a,
    name: "AMD Instinct MI250X",
    chip: 0x7408,
    revision: 1,
    compute_units: 110,
    simds: 4,
    waves: 32,
    engines: 8,
    arrays: 1,
    clock: 1700,
    memory: 64,
    memory_clock: 1600,
    memory_width: 4096,
    cacheline: 128,
    caches: [16, 8192, 0],
    features: true,
};

static MI300X: Product = Product {
    target: Target::Gfx942,
    name: "AMD Instinct MI300X",
    chip: 0x74a1,
    revision: 1,
    compute_units: 304,
    simds: 4,
    waves: 32,
    engines: 32,
    arrays: 1,
    clock: 2100,
    memory: 192,
    memory_clock: 1300,
    memory_width: 8192,
    cacheline: 128,
    caches: [32, 4096, 262_144],
    features: true,
};

static RX6900XT: Product = Product {
    target: Target::Gfx1030,
    name: "AMD Radeon RX 6900 XT",
    chip: 0x73bf,
    revision: 1,
    compute_units: 80,
    simds: 2,
    waves: 32,
    engines: 4,
    arrays: 2,
    clock: 2660,
    memory: 16,
    memory_clock: 1000,
    memory_width: 256,
    cacheline: 128,
    caches: [16, 4096, 131_072],
    features: false,
};

static RX7900XTX: Product = Product {
    target: Target::Gfx1100,
    name: "AMD Radeon RX 7900 XTX",
    chip: 0x744c,
    revision: 0,
    compute_units: 96,
    simds: 2,
    waves: 32,
    engines: 6,
    arrays: 2,
    clock: 2482,
    memory: 24,
    memory_clock: 1249,
    memory_width: 384,
    cacheline: 128,
    caches: [32, 6144, 98_304],
    features: false,
};

static RX9070XT: Product = Product {
    target: Target::Gfx1201,
    name: "AMD Radeon RX 9070 XT",
    chip: 0x7550,
    revision: 1,
    compute_units: 64,
    simds: 2,
    waves: 32,
    engines: 4,
    arrays: 2,
    clock: 2400,
    memory: 16,
    memory_clock: 1258,
    memory_width: 256,
    cacheline: 256,
    caches: [32, 8192, 65_536],
    features: false,
};

impl Product {
    /// The card of a target.
    pub fn of(target: Target) -> &'static Self {
        match target {
            Target::Gfx90a => &MI250X,
            Target::Gfx942 => &MI300X,
            Target::Gfx1030 => &RX6900XT,
            Target::Gfx1100 => &RX7900XTX,
            Target::Gfx1201 => &RX9070XT,
        }
    }

    /// Lanes of a wave, unless the kernel asks for 64 where both are there.
    pub fn wave(&self) -> u32 {
        self.target.native_wave().lanes() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_card() {
        for target in Target::ALL {
            assert_eq!(Product::of(target).target, target);
        }
    }
}

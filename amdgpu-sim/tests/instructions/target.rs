//! The GPUs whose instructions are tested, and how their assembly differs.

/// A family of encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// CDNA 2 and 3, which kept the encodings of GCN 5.
    Gfx9,
    /// RDNA 2.
    Gfx10,
    /// RDNA 3.
    Gfx11,
    /// RDNA 4.
    Gfx12,
}

/// A GPU in one of its wave sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name: `gfx942`.
    pub name: &'static str,
    /// Its encodings.
    pub generation: Generation,
    /// Lanes of a wave.
    pub lanes: usize,
}

const fn target(name: &'static str, generation: Generation, lanes: usize) -> Target {
    Target { name, generation, lanes }
}

/// CDNA 2.
pub const GFX90A: Target = target("gfx90a", Generation::Gfx9, 64);
/// CDNA 3.
pub const GFX942: Target = target("gfx942", Generation::Gfx9, 64);
/// RDNA 2.
pub const GFX1030: Target = target("gfx1030", Generation::Gfx10, 32);
/// RDNA 3.
pub const GFX1100: Target = target("gfx1100", Generation::Gfx11, 32);
/// RDNA 4.
pub const GFX1201: Target = target("gfx1201", Generation::Gfx12, 32);

impl Target {
    /// Whether waves have 32 lanes.
    pub fn is_wave32(&self) -> bool {
        self.lanes == 32
    }

    /// The same GPU with waves of this size.
    pub fn with_lanes(self, lanes: usize) -> Self {
        Self { lanes, ..self }
    }

    /// Whether it has the instructions that only CDNA 3 has.
    pub fn is_gfx940(&self) -> bool {
        self.name == "gfx942"
    }

    /// Whether scratch needs nothing of the kernel.
    pub fn has_architected_scratch(&self) -> bool {
        self.is_gfx940() || self.generation >= Generation::Gfx11
    }

    /// The options of LLVM's tools.
    pub fn options(&self) -> Vec<String> {
        let mut options = vec!["-triple=amdgcn-amd-amdhsa".to_owned(), format!("-mcpu={}", self.name)];
        if self.generation >= Generation::Gfx10 {
            options.push(format!("-mattr=+wavefrontsize{}", self.lanes));
        }
        options
    }
}

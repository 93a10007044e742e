//! The processors that PTX is made for.
//!
//! Source: NVIDIA's *PTX ISA*, section "Release Notes" (which version knows which target), and *CUDA C++ Programming Guide*,
//! section "Compute Capabilities".

/// One `.target` of PTX.
#[derive(Debug)]
pub struct Processor {
    /// LLVM's and NVIDIA's name.
    pub name: &'static str,
    /// LLVM's feature for the version of PTX: the oldest that knows the target and what Geobacter emits, so that every driver
    /// that knows the card takes it. 7.0 is CUDA 11.0.
    pub version: &'static str,
    /// The most waves that a multiprocessor holds.
    pub warps: u32,
    /// LDS of a multiprocessor, in bytes.
    pub lds: u32,
    /// Whether the system takes some LDS for each work-group.
    pub reserves_lds: bool,
}

const fn processor(name: &'static str, version: &'static str, warps: u32, lds_kib: u32) -> Processor {
    Processor { name, version, warps, lds: lds_kib << 10, reserves_lds: true }
}

const fn without_reserved_lds(processor: Processor) -> Processor {
    Processor { reserves_lds: false, ..processor }
}

static PROCESSORS: [Processor; 9] = [
    without_reserved_lds(processor("sm_70", "+ptx70", 64, 96)),
    without_reserved_lds(processor("sm_75", "+ptx70", 32, 64)),
    processor("sm_80", "+ptx70", 64, 164),
    processor("sm_86", "+ptx71", 48, 100),
    processor("sm_89", "+ptx78", 48, 100),
    processor("sm_90", "+ptx78", 64, 228),
    // With the instructions that cards of compute capability 9.0 have and no later ones.
    processor("sm_90a", "+ptx80", 64, 228),
    processor("sm_100", "+ptx86", 64, 228),
    processor("sm_120", "+ptx87", 48, 100),
];

/// The processors' names.
pub const NAMES: &[&str] = &["sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120"];

impl Processor {
    /// The processor with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        PROCESSORS.iter().find(|processor| processor.name == name)
    }

    /// Whether it has `tanh.approx`, as all but the oldest do.
    pub fn has_tanh(&self) -> bool {
        self.name != "sm_70"
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

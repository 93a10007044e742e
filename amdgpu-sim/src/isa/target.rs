//! The GPUs that are simulated, and what sets their instruction sets and launches apart.
//!
//! What differs is asked of [`Target`], by the name of the difference, never by comparing names of GPUs elsewhere.

use crate::machine::wave::Size;

/// A GPU that code is generated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// CDNA 2: MI200.
    Gfx90a,
    /// CDNA 3: MI300.
    Gfx942,
    /// RDNA 2.
    Gfx1030,
    /// RDNA 3.
    Gfx1100,
    /// RDNA 4.
    Gfx1201,
}

/// How a wave reaches its scratch memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScratchAccess {
    /// Through a swizzled buffer resource in user SGPRs, with the wave's offset in a system SGPR.
    Buffer,
    /// With instructions of its own; the hardware knows where it is.
    Architected,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Gfx90a, Self::Gfx942, Self::Gfx1030, Self::Gfx1100, Self::Gfx1201];

    /// The target of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// The name that compilers have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gfx90a => "gfx90a",
            Self::Gfx942 => "gfx942",
            Self::Gfx1030 => "gfx1030",
            Self::Gfx1100 => "gfx1100",
            Self::Gfx1201 => "gfx1201",
        }
    }

    /// `EF_AMDGPU_MACH` of its code objects (LLVM's *User Guide for AMDGPU Backend*, "ELF header").
    pub const fn elf_machine(self) -> u32 {
        match self {
            Self::Gfx90a => 0x3f,
            Self::Gfx942 => 0x4c,
            Self::Gfx1030 => 0x36,
            Self::Gfx1100 => 0x41,
            Self::Gfx1201 => 0x4e,
        }
    }

    /// Whether it is one of the CDNA generations: waves of 64, accumulation registers, MFMA.
    pub const fn is_cdna(self) -> bool {
        matches!(self, Self::Gfx90a | Self::Gfx942)
    }

    /// Whether its instructions have the names of RDNA 3 and later.
    pub const fn has_rdna3_names(self) -> bool {
        matches!(self, Self::Gfx1100 | Self::Gfx1201)
    }

    /// The size of waves where the program does not say another one.
    pub const fn native_wave(self) -> Size {
        if self.is_cdna() { Size::W64 } else { Size::W32 }
    }

    /// Whether waves can have this size.
    pub const fn has_wave(self, size: Size) -> bool {
        matches!(size, Size::W64) || !self.is_cdna()
    }

    /// How scratch is reached.
    pub const fn scratch_access(self) -> ScratchAccess {
        match self {
            Self::Gfx90a | Self::Gfx1030 => ScratchAccess::Buffer,
            Self::Gfx942 | Self::Gfx1100 | Self::Gfx1201 => ScratchAccess::Architected,
        }
    }

    /// Whether all three item ids come in v0, ten bits each. Otherwise they come in v0, v1 and v2.
    pub const fn packs_item_ids(self) -> bool {
        !matches!(self, Self::Gfx1030)
    }

    /// Whether work-group ids come in trap temporaries: x in ttmp9, y and z in the halves of ttmp7. Otherwise they follow
    /// the user SGPRs.
    pub const fn group_ids_in_trap_temporaries(self) -> bool {
        matches!(self, Self::Gfx1201)
    }

    /// Whether stores to memory count with loads. Otherwise they have a counter of their own.
    pub const fn counts_stores_with_loads(self) -> bool {
        self.is_cdna()
    }

    /// Whether a 16-bit result leaves the other half of its register as it was. On CDNA most such instructions clear it.
    pub const fn keeps_other_half(self) -> bool {
        !self.is_cdna()
    }

    /// Whether its 8-bit floating-point numbers have no infinities and no negative zero (FNUZ). Otherwise they are those of
    /// the Open Compute Project.
    pub const fn has_fnuz_floats(self) -> bool {
        self.is_cdna()
    }

    /// Whether matrix and dot products of f16 and bf16 take denormal numbers for zero and give none, whatever MODE says.
    pub const fn flushes_products(self) -> bool {
        matches!(self, Self::Gfx90a)
    }

    /// Whether the lanes of a matrix operand hold copies of each other, and results of 16 bits half a register each.
    pub const fn copies_matrices(self) -> bool {
        matches!(self, Self::Gfx1100)
    }

    /// Whether `ds_permute_b32` and `ds_bpermute_b32` move values within each half of a wave of 64, and not across (LLVM's
    /// `supportsWaveWideBPermute`).
    pub const fn permutes_halves_apart(self) -> bool {
        matches!(self, Self::Gfx1030 | Self::Gfx1100)
    }

    /// Whether `v_cmpx` writes EXEC and nothing else.
    pub const fn compares_into_exec_alone(self) -> bool {
        !self.is_cdna()
    }

    /// Whether MODE has the bits DX10_CLAMP and IEEE. Without them clamping makes zero of NaN, and minimum and maximum
    /// follow IEEE 754-2019.
    pub const fn has_nan_modes(self) -> bool {
        !matches!(self, Self::Gfx1201)
    }
}

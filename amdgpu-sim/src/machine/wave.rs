//! The state of one wave: registers, EXEC, scratch, program counter.

use super::barrier::Signalled;
use crate::isa::text::{EXEC, VCC};

/// Most work-items in a wave: the lanes of a vector register.
pub const LANES: usize = 64;

/// Scalar registers by the number of the instruction encoding, and two behind them for what is written to `null`.
const SCALARS: usize = 256;

/// Work-items in a wave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// 32: the lower half of each vector register and of each lane mask is used.
    W32,
    /// 64.
    #[default]
    W64,
}

impl Size {
    /// The number.
    pub const fn lanes(self) -> usize {
        match self {
            Self::W32 => 32,
            Self::W64 => 64,
        }
    }

    /// All lanes.
    pub const fn mask(self) -> u64 {
        match self {
            Self::W32 => 0xffff_ffff,
            Self::W64 => u64::MAX,
        }
    }
}

/// One vector register: a word for each lane.
pub type VectorRegister = [u32; LANES];

/// The MODE register (*CDNA 3 ISA*, section 3.4 "Mode register").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Mode {
    /// Whether f32 operations take denormal inputs as zero.
    #[inline]
    pub fn flush_f32_in(self) -> bool {
        self.0 & 0x10 == 0
    }
    /// Whether f32 operations give zero for denormal results.
    #[inline]
    pub fn flush_f32_out(self) -> bool {
        self.0 & 0x20 == 0
    }
    /// Whether f16 and f64 operations take denormal inputs as zero.
    #[inline]
    pub fn flush_f64_in(self) -> bool {
        self.0 & 0x40 == 0
    }
    /// Whether f16 and f64 operations give zero for denormal results.
    #[inline]
    pub fn flush_f64_out(self) -> bool {
        self.0 & 0x80 == 0
    }
    /// Whether clamping makes zero of NaN.
    #[inline]
    pub fn dx10_clamp(self) -> bool {
        self.0 & 0x100 != 0
    }
    /// Whether minimum and maximum make signalling NaNs quiet.
    #[inline]
    pub fn ieee(self) -> bool {
        self.0 & 0x200 != 0
    }

    /// Whether results of 8 and 16 bits that are too large become the largest number (FP16_OVFL).
    #[inline]
    pub fn saturates(self) -> bool {
        self.0 & 1 << 23 != 0
    }
}

/// What a wave is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has instructions to execute.
    Running,
    /// It waits for the other waves of its work-group.
    AtBarrier,
    /// It waits for the others' signals.
    AtBarrierWait,
    /// It has ended.
    Ended,
}

/// One wave.
#[derive(Debug)]
pub struct Wave {
    /// Index of the next instruction.
    pub ip: u32,
    /// What it is doing.
    pub state: State,
    /// Which signal it gave last to its work-group's barrier.
    pub signalled: Signalled,
    /// Its size.
    pub size: Size,
    /// Scalar registers, by the number that the instruction encoding has for them: VCC, M0 and EXEC are among them.
    pub scalar: [u32; SCALARS],
    /// The scalar condition code.
    pub scc: bool,
    /// Rounding, denormals, NaN handling.
    pub mode: Mode,
    /// Vector registers: architectural, then accumulation.
    pub vector: Vec<VectorRegister>,
    /// Scratch memory of all lanes, one lane after the other.
    pub scratch: Vec<u8>,
    /// Scratch memory of one lane in bytes.
    pub scratch_size: u64,
    /// Number in the work-group of the item in lane 0.
    pub first_item: u32,
}

impl Wave {
    /// A wave with clear registers.
    pub fn new(size: Size, vector_registers: usize) -> Self {
        Self {
            ip: 0,
            state: State::Running,
            signalled: Signalled::default(),
            size,
            scalar: [0; SCALARS],
            scc: false,
            mode: Mode::default(),
            vector: vec![[0; LANES]; vector_registers],
            scratch: Vec::new(),
            scratch_size: 0,
            first_item: 0,
        }
    }

    /// Two scalar registers, `index` the low half.
    #[inline]
    pub fn scalar_u64(&self, index: u8) -> u64 {
        let (low, high) = (usize::from(index), usize::from(index.wrapping_add(1)));
        u64::from(self.scalar[low]) | u64::from(self.scalar[high]) << 32
    }

    /// Sets two scalar registers.
    #[inline]
    pub fn set_scalar_u64(&mut self, index: u8, value: u64) {
        self.scalar[usize::from(index)] = value as u32;
        self.scalar[usize::from(index.wrapping_add(1))] = (value >> 32) as u32;
    }

    /// A lane mask: two scalar registers, or one for waves of 32.
    #[inline]
    pub fn lane_mask(&self, index: u8) -> u64 {
        self.scalar_u64(index) & self.size.mask()
    }

    /// Sets a lane mask.
    #[inline]
    pub fn set_lane_mask(&mut self, index: u8, bits: u64) {
        match self.size {
            Size::W32 => self.scalar[usize::from(index)] = bits as u32,
            Size::W64 => self.set_scalar_u64(index, bits),
        }
    }

    /// Which lanes are active.
    #[inline]
    pub fn exec(&self) -> u64 {
        self.lane_mask(EXEC)
    }

    /// The vector condition code.
    #[inline]
    pub fn vcc(&self) -> u64 {
        self.lane_mask(VCC)
    }

    /// The active lanes, lowest first.
    #[inline]
    pub fn active(&self) -> ActiveLanes {
        ActiveLanes(self.exec())
    }
}

/// Iterator over the set bits of a lane mask.
#[derive(Clone, Copy, Debug)]
pub struct ActiveLanes(pub u64);

impl Iterator for ActiveLanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}
